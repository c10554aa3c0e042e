"""One figure of a trace's checks: order, agreement against cost, learning, and every statistic with its interval."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from messjax.plot import COLORS, DASHES, MARKERS, STYLE
from messjax.statistics import intervals
from messjax.traces import Trace
from proofs_check.assumptions.learning import HeldOut, log_loss
from proofs_check.assumptions.order import block_of
from proofs_check.assumptions.report import LEVEL, Check, short

BLOCKS = 20  # of the curves over requests
LOOK: dict[str, dict[str, Any]] = {  # told apart in grey by marker and filling
    "holds": {"marker": "o", "color": "#009E73", "markerfacecolor": "#009E73"},
    "undecided": {"marker": "o", "color": "0.45", "markerfacecolor": "white"},
    "rejected": {"marker": "X", "color": "#B03000", "markerfacecolor": "#B03000"},
}


def draw(checks: Sequence[Check], trace: Trace, held: HeldOut, alpha: float | None) -> Figure:
    """Panels (a) to (c) show the data behind A1, A3 with A8, and A6; (d) is every check: its statistic and interval."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(12.0, max(8.4, 2.0 + 0.3 * len(checks))), layout="constrained")
        grid = figure.add_gridspec(3, 2, width_ratios=(1.0, 1.0))
        _blocks(figure.add_subplot(grid[0, 0]), trace)
        _agreement(figure.add_subplot(grid[1, 0]), trace, alpha)
        _learning(figure.add_subplot(grid[2, 0]), held)
        _forest(figure.add_subplot(grid[:, 1]), checks)
        figure.suptitle(
            f"Assumptions A1-A8 on {trace.source}: {len(trace.prompts):,} requests; bars are {LEVEL:.0%} intervals",
            fontsize=10,
        )
        return figure


def _blocks(axis: Any, trace: Trace) -> None:
    num = len(trace.prompts)
    blocks = block_of(num, min(BLOCKS, num // 2))
    middle = np.bincount(blocks, np.arange(1, num + 1)) / np.bincount(blocks)
    for m, (model, scores) in enumerate(zip(trace.models, trace.satisfaction.T, strict=True)):
        parts = [scores[(blocks == b) & np.isfinite(scores)] for b in range(blocks[-1] + 1)]
        result = [intervals.interval(part) if len(part) > 1 else None for part in parts]
        rows = [(x, each) for x, each in zip(middle, result, strict=True) if each is not None]
        at = [x for x, _ in rows]
        y, low, high = (np.array([getattr(each, name) for _, each in rows]) for name in ("mean", "lower", "upper"))
        look = {"color": COLORS[m % len(COLORS)], "ls": DASHES[m % len(DASHES)], "marker": MARKERS[m % len(MARKERS)]}
        axis.errorbar(at, y, yerr=(y - low, high - y), ms=4, lw=1.2, capsize=2, label=short(model), **look)
        axis.axhline(np.nanmean(scores), color=look["color"], lw=0.8, alpha=0.6)
    axis.set(
        title="(a) A1: means of consecutive blocks", xlabel="request, in the order given", ylabel="mean satisfaction"
    )
    axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    bottom, top = axis.get_ylim()
    axis.set_yticks(
        [progress_callback for progress_callback in axis.get_yticks() if bottom <= progress_callback <= top]
    )
    axis.set_ylim(bottom - 0.22 * (top - bottom), top)  # room for the legend
    axis.legend(loc="lower left", ncols=2)


def _agreement(axis: Any, trace: Trace, alpha: float | None) -> None:
    for m, model in enumerate(trace.models):
        s, E = (values[np.isfinite(values)] for values in (trace.satisfaction[:, m], trace.cost[:, m]))
        y, x = intervals.interval(s), intervals.interval(E)
        color, marker = COLORS[m % len(COLORS)], MARKERS[m % len(MARKERS)]
        xerr, yerr = ([[result.mean - result.lower], [result.upper - result.mean]] for result in (x, y))
        look: dict[str, Any] = {"color": color, "marker": marker, "ms": 6, "capsize": 3, "ls": ""}
        axis.errorbar(x.mean, y.mean, xerr=xerr, yerr=yerr, label=short(model), **look)
    means = np.nanmean(trace.cost, axis=0)
    if means.min() > 0 and means.max() > 10.0 * means.min():
        axis.set_xscale("log")
        axis.set_xlim(means.min() / 2.0, means.max() * 2.0)
    else:
        axis.set_xlim(left=0.0)
        axis.ticklabel_format(axis="x", style="sci", scilimits=(-2, 4), useMathText=True)
    if alpha is not None:
        axis.axhline(alpha, color="k", lw=1.0, ls=(0, (6, 2)), label=f"agreed: alpha = {alpha:g}")
    axis.set(
        title="(b) A3, A8: satisfaction against cost",
        xlabel=f"mean cost per request ({trace.cost_unit})",
        ylabel="mean satisfaction",
    )
    axis.legend(loc="best")


def _learning(axis: Any, held: HeldOut) -> None:
    constant = log_loss(np.broadcast_to(held.constant, held.scores.shape), held.scores)
    excess = (log_loss(held.s_hat, held.scores) - constant)[:, np.isfinite(constant)]
    result = intervals.interval(excess)  # paired by request held out
    axis.plot(held.seen, result.mean, color=COLORS[0], marker="o", ms=4, label="linear head on n-grams")
    axis.fill_between(held.seen, result.lower, result.upper, color=COLORS[0], alpha=0.2, lw=0)
    axis.axhline(0.0, color="k", lw=1.2, ls=(0, (6, 2)), label="constant: each model's mean")
    axis.set(
        title="(c) A6: held-out log loss against a constant",
        xlabel="labelled requests learned from",
        ylabel="excess log loss (nats per label)",
    )
    axis.set_xlim(left=0.0)
    axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axis.legend(loc="best")


def _forest(axis: Any, checks: Sequence[Check]) -> None:
    for row, check in enumerate(checks):
        if check.verdict not in LOOK or np.isnan(check.statistic):
            axis.annotate(
                "not checkable", (0.0, row), fontsize=7, color="0.4", ha="center", va="center", backgroundcolor="white"
            )
            continue
        limits = np.clip([check.lower, check.statistic, check.upper], -3.0, 3.0)
        axis.plot(limits[[0, 2]], [row, row], color=LOOK[check.verdict]["color"], lw=1.4, solid_capstyle="butt")
        axis.plot(limits[1], row, ls="", ms=6, **LOOK[check.verdict])
    starts = [i for i in range(1, len(checks)) if checks[i].assumption != checks[i - 1].assumption]
    for start in starts:
        axis.axhline(start - 0.5, color="0.75", lw=0.6)
    axis.axvline(0.0, color="k", lw=0.8)
    axis.set_xscale("symlog", linthresh=0.01, linscale=0.5)
    axis.set_xlim(-4.0, 4.0)
    axis.set_xticks([-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0])
    axis.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axis.xaxis.set_minor_locator(ticker.NullLocator())
    axis.set_yticks(range(len(checks)), [_label(check) for check in checks], fontsize=7)
    axis.set_ylim(len(checks) - 0.5, -0.5)
    axis.grid(False, axis="y")
    axis.set(
        title="(d) every check: statistic, interval, verdict",
        xlabel="satisfaction, share, s.d. of one request, nats or index,\nas named (linear within 0.01, cut off at 3)",
    )
    shown = [Line2D([], [], ls="", ms=6, label=verdict, **look) for verdict, look in LOOK.items()]
    axis.figure.legend(handles=shown, loc="outside lower right", ncols=3)


def _label(check: Check) -> str:
    """Assumption, statistic and, where the detail begins with it, the model or pair of models."""
    what = re.sub(r" \((s\.d\. of one request|< 0: bounded|lower bound of F_min)\)", "", check.what)
    who = re.match(r"((?:scores|costs) of [^:,]+|n-grams)[:,]|([^:,;]+)(?::|$|,)", check.detail)
    model = who.group(1) or who.group(2) if who and check.assumption in ("A1", "A3", "A7", "A8") else ""
    model = model or (check.detail.split(":")[0] if "index" in check.what else "")
    return f"{check.assumption}  {what}" + (f"\n{model}" if model else "")
