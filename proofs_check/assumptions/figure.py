"""One figure of a trace's checks: order, satisfaction against cost, learning, and every statistic with its interval."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from messjax.plot import COLORS, DASHES, MARKERS, STYLE, plain
from messjax.statistics import intervals
from messjax.traces import Trace
from proofs_check.assumptions.learning import HeldOut, log_loss
from proofs_check.assumptions.order import block_of
from proofs_check.assumptions.report import LEVEL, Check, short

BLOCKS = 20  # of the curves over requests
SHOWN = 6  # models drawn with a colour of their own: more could not be distinguished
REACH = 3.0  # statistics and limits beyond it are cut off
LOOK: dict[str, dict[str, Any]] = {  # distinct in grey, too, by marker and filling
    "holds": {"marker": "o", "color": "#009E73", "markerfacecolor": "#009E73"},
    "undecided": {"marker": "o", "color": "0.45", "markerfacecolor": "white"},
    "rejected": {"marker": "X", "color": "#B03000", "markerfacecolor": "#B03000"},
}


def draw(checks: Sequence[Check], trace: Trace, held: HeldOut, alpha: float | None) -> Figure:
    """Draw the data behind A1 (a), A3 and A8 (b) and A6 (c), and every check with its statistic and interval (d).

    Args:
      checks: of `check_trace`.
      trace: what was checked.
      held: the learned predictor on requests held out.
      alpha: the satisfaction agreed in the SLA, or None.
    """
    models = shown_models(trace)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(12.0, max(8.8, 2.4 + 0.3 * len(checks))), layout="constrained")
        grid = figure.add_gridspec(3, 2, width_ratios=(1.0, 1.0))
        _draw_blocks(figure.add_subplot(grid[0, 0]), trace, models)
        _draw_satisfaction(figure.add_subplot(grid[1, 0]), trace, models, alpha)
        _draw_learning(figure.add_subplot(grid[2, 0]), held)
        _draw_checks(figure.add_subplot(grid[:, 1]), checks)
        left_out = len(trace.models) - len(models)
        note = f"; (a) shows {len(models)} of {len(trace.models)} models, (b) the others in grey" if left_out else ""
        figure.suptitle(
            f"Assumptions A1 to A8 on {plain(trace.source)}: "
            f"{len(trace.prompts):,} requests, {LEVEL:.0%} intervals{note}",
            fontsize=10, x=0.01, ha="left",
        )  # fmt: skip
        return figure


def shown_models(trace: Trace) -> list[int]:
    """Up to SHOWN models: the largest (the last one), the most satisfying, and others evenly over mean cost."""
    num = len(trace.models)
    if num <= SHOWN:
        return list(range(num))
    by_cost = np.argsort(np.nanmean(trace.cost, axis=0), kind="stable") if _priced(trace) else np.arange(num)
    evenly = [int(by_cost[i]) for i in np.linspace(0, num - 1, SHOWN - 2).round().astype(int)]
    chosen = dict.fromkeys([num - 1, int(np.argmax(np.nanmean(trace.satisfaction, axis=0))), *evenly])
    return sorted([*chosen, *(int(m) for m in by_cost if m not in chosen)][:SHOWN])


def _priced(trace: Trace) -> bool:
    return bool(np.isfinite(trace.cost).any())


def _draw_blocks(axes: Axes, trace: Trace, models: Sequence[int]) -> None:
    num = len(trace.prompts)
    blocks = block_of(num, min(BLOCKS, num // 2))
    middle = np.bincount(blocks, np.arange(1, num + 1)) / np.bincount(blocks)
    for i, m in enumerate(models):
        scores, color = trace.satisfaction[:, m], COLORS[i]
        parts = [scores[(blocks == b) & np.isfinite(scores)] for b in range(blocks[-1] + 1)]
        drawn = [(x, intervals.interval(part)) for x, part in zip(middle, parts, strict=True) if len(part) > 1]
        y, low, high = (np.array([getattr(each, name) for _, each in drawn]) for name in ("mean", "lower", "upper"))
        axes.errorbar(
            [x for x, _ in drawn], y, yerr=(y - low, high - y), ms=4, lw=1.2, capsize=2, color=color, ls=DASHES[i],
            marker=MARKERS[i], label=plain(short(trace.models[m])),
        )  # fmt: skip
        axes.axhline(float(np.nanmean(scores)), color=color, lw=0.8, alpha=0.6)
    axes.set(title="(a) A1: means of consecutive blocks of requests", xlabel="request, in the order given")
    axes.set_ylabel("mean satisfaction")
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    bottom, top = axes.get_ylim()
    axes.set_yticks([tick for tick in axes.get_yticks() if bottom <= tick <= top])
    axes.set_ylim(bottom - 0.13 * -(-len(models) // 2) * (top - bottom) - 0.05 * (top - bottom), top)  # for the legend
    axes.legend(loc="lower left", ncols=2)


def _draw_satisfaction(axes: Axes, trace: Trace, models: Sequence[int], alpha: float | None) -> None:
    if not _priced(trace):  # the models side by side
        trace = trace._replace(cost=np.tile(np.arange(1.0, len(trace.models) + 1), (len(trace.prompts), 1)))
        trace = trace._replace(cost_unit="")
    for m in [*(m for m in range(len(trace.models)) if m not in models), *models]:
        s, E = (values[np.isfinite(values)] for values in (trace.satisfaction[:, m], trace.cost[:, m]))
        y, x = intervals.interval(s), intervals.interval(E)
        xerr, yerr = ([[each.mean - each.lower], [each.upper - each.mean]] for each in (x, y))
        own: dict[str, Any] = {"color": "0.65", "marker": ".", "ms": 5}
        if m in models:
            i = models.index(m)
            own = {"color": COLORS[i], "marker": MARKERS[i], "ms": 6, "label": short(trace.models[m])}
        axes.errorbar(x.mean, y.mean, xerr=xerr, yerr=yerr, capsize=3, ls="", **own)
    means = np.nanmean(trace.cost, axis=0)
    if not trace.cost_unit:
        axes.set_xticks([])
        axes.set_xlim(0.0, len(trace.models) + 1.0)
    elif means.min() > 0 and means.max() > 10.0 * means.min():
        axes.set_xscale("log")
        axes.set_xlim(means.min() / 2.0, means.max() * 2.0)
    else:
        axes.set_xlim(left=0.0)
        axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 4), useMathText=True)
    if alpha is not None:
        axes.axhline(alpha, color="k", lw=1.0, ls=(0, (6, 2)), label=f"SLA: alpha = {alpha:g}")
    title = "(b) A3, A8: satisfaction against cost" if trace.cost_unit else "(b) A3: satisfaction"
    unit = f"mean cost per request ({plain(trace.cost_unit)})" if trace.cost_unit else "models; no costs are recorded"
    axes.set(title=title, xlabel=unit)
    axes.set_ylabel("mean satisfaction")
    axes.margins(y=0.12)
    axes.legend(loc="best")


def _draw_learning(axes: Axes, held: HeldOut) -> None:
    constant = log_loss(np.broadcast_to(held.constant, held.scores.shape), held.scores)
    excess = (log_loss(held.s_hat, held.scores) - constant)[:, np.isfinite(constant)]
    result = intervals.interval(excess)  # paired by request held out
    axes.plot(held.seen, result.mean, color=COLORS[0], marker="o", ms=4, label="linear head on n-grams")
    axes.fill_between(held.seen, result.lower, result.upper, color=COLORS[0], alpha=0.2, lw=0)
    axes.axhline(0.0, color="k", lw=1.2, ls=(0, (6, 2)), label="constant: each model's mean")
    axes.set(title="(c) A6: log loss on requests held out, less that of a constant")
    axes.set(xlabel="labelled requests learned from", ylabel="excess log loss (nats per label)")
    axes.set_xlim(left=0.0)
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.legend(loc="best")


def _draw_checks(axes: Axes, checks: Sequence[Check]) -> None:
    for row, check in enumerate(checks):
        if check.verdict not in LOOK or np.isnan(check.statistic):
            axes.annotate(
                "not checkable", (0.0, row), fontsize=7, color="0.4", ha="center", va="center", backgroundcolor="white"
            )
            continue
        color = LOOK[check.verdict]["color"]
        limits = np.clip([check.lower, check.statistic, check.upper], -REACH, REACH)
        axes.plot(limits[[0, 2]], [row, row], color=color, lw=1.4, solid_capstyle="butt")
        axes.plot(limits[1], row, ls="", ms=6, **LOOK[check.verdict])
        for edge, marker, beyond in ((-REACH, "<", check.lower < -REACH), (REACH, ">", check.upper > REACH)):
            if beyond:
                axes.plot(edge, row, marker=marker, ms=4, color=color)
    for start in (i for i in range(1, len(checks)) if checks[i].assumption != checks[i - 1].assumption):
        axes.axhline(start - 0.5, color="0.75", lw=0.6)
    axes.axvline(0.0, color="k", lw=0.8)
    axes.set_xscale("symlog", linthresh=0.01, linscale=0.5)
    axes.set_xlim(-4.0, 4.0)
    axes.set_xticks([-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0])
    axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.set_yticks(range(len(checks)), [plain(_label(check)) for check in checks], fontsize=7)
    axes.set_ylim(len(checks) - 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.set(
        title="(d) every check: statistic, interval, verdict",
        xlabel="statistic, in the unit that its name gives\n"
        f"(linear within 0.01, logarithmic beyond; arrows: cut off at {REACH:g})",
    )
    handles = [Line2D([], [], ls="", ms=6, label=verdict, **look) for verdict, look in LOOK.items()]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.075), ncols=3)


def _label(check: Check) -> str:
    """Assumption, statistic and, where the detail begins with it, the model or pair of models."""
    what = re.sub(r" \((s\.d\. of one request|< 0: bounded|lower bound of F_min)\)", "", check.what)
    who = re.match(r"((?:scores|costs) of [^:,]+|n-grams)[:,]|([^:,;]+)(?::|$|,)", check.detail)
    model = who.group(1) or who.group(2) if who and check.assumption in ("A1", "A3", "A7", "A8") else ""
    model = model or (check.detail.split(":")[0] if "index" in check.what else "")
    return f"{check.assumption}  {what}" + (f"\n{model}" if model else "")
