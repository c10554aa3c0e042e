"""One figure per statement, what was measured in every case beside its bound; and T5 followed over time."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from messjax import plot
from messjax.theory.hypothesis_tests import Row
from messjax.theory.statement import Statement
from proofs_check.trials.sequential import FollowedPath

MEASURED, BOUND, MARGIN = plot.COLORS[0], plot.COLORS[1], plot.COLORS[2]
MARKERS = {"holds": "o", "undecided": "o", "violated": "X"}  # hollow where undecided
WIDE = 50.0  # ratio of the numbers shown from which their axis is logarithmic


def of_statement(rows: Sequence[Row], title: str, unit: str = "") -> Figure | None:
    """Draw a statement's cases from the top, or return None where it applies to none of them.

    Left: the measured mean with its two-sided interval, and the bound. Right: the margin bound - measured, relative
    to the larger of the two, with its one-sided limits: the bound itself may contain measured means, so that these
    limits do not follow from those on the left.

    Args:
      rows: the cases of one statement.
      title: of the figure.
      unit: of what is measured, with its name.
    """
    shown = [row for row in rows if row.verdict in MARKERS and np.isfinite(row.bound)]
    if not shown:
        return None
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(10.4, 1.9 + 0.27 * len(shown)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.6, 1.0))
        for y, row in enumerate(shown):
            _draw_measured(left, y, row)
            _draw_margin(right, y, row)
            right.annotate(row.verdict, (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=8)
        left.set_yticks(range(len(shown)), [plot.plain(row.case) for row in shown])
        left.set_ylim(len(shown) - 0.4, -0.6)
        left.set_xlabel(plot.plain(unit) or "unit of the statement")
        _set_scale(left, shown)
        right.axvline(0.0, color="0.3", lw=0.8)
        low, high = right.get_xlim()
        right.set_xlim(min(low, -0.1), max(high, 0.1))
        right.set_xlabel("(bound - measured) / larger of the two\nbelow 0: violated")
        figure.suptitle(textwrap.fill(plot.plain(title), 118), fontsize=9.5, x=0.01, ha="left")
        figure.legend(handles=_legend(), loc="outside lower center", ncols=3, title=_omitted(rows, shown) or None)
    return figure


def _draw_measured(axes: Axes, y: int, row: Row) -> None:
    axes.plot([row.measured_lower, row.measured_upper], [y, y], color=MEASURED, lw=1.6)
    axes.plot(row.measured, y, MARKERS[row.verdict], **_marker(row, MEASURED))
    axes.plot(row.bound, y, "|", ms=11, mew=1.8, color=BOUND)


def _draw_margin(axes: Axes, y: int, row: Row) -> None:
    scale = max(abs(row.bound), abs(row.measured)) or 1.0
    # of two limits (`Between`) a lower bound's margin is measured - bound: its limits say on which side it lies
    sign = -1.0 if (row.margin_lower + row.margin_upper) * (row.bound - row.measured) < 0 else 1.0
    low, high = row.margin_lower / scale, row.margin_upper / scale
    axes.plot([low, high], [y, y], color=MARGIN, lw=1.6)
    axes.plot([low, high], [y, y], ls="", marker="|", ms=9, mew=1.0, color=MARGIN)
    axes.plot(sign * (row.bound - row.measured) / scale, y, MARKERS[row.verdict], **_marker(row, MARGIN))


def _marker(row: Row, color: str) -> dict[str, Any]:
    return {"ms": 5, "color": color, "markerfacecolor": "white" if row.verdict == "undecided" else color}


def _legend() -> list[Line2D]:
    look: dict[str, Any] = {"marker": "o", "ms": 5, "lw": 1.6}
    verdicts: dict[str, Any] = {"ls": "", "ms": 5, "color": "0.3"}
    return [
        Line2D([], [], color=MEASURED, label="measured mean, two-sided 95% interval", **look),
        Line2D([], [], color=BOUND, marker="|", ms=11, mew=1.8, ls="", label="bound"),
        Line2D([], [], color=MARGIN, label="margin, one-sided 95% limits either way", **look),
        Line2D([], [], marker="o", markerfacecolor="white", label="undecided (hollow)", **verdicts),
        Line2D([], [], marker="X", label="violated (cross)", **verdicts),
        Line2D([], [], marker="o", label="holds; verdicts by Holm's method", **verdicts),
    ]


def _omitted(rows: Sequence[Row], shown: Sequence[Row]) -> str:
    """What is not drawn, in words."""
    infinite = sum(np.isposinf(row.bound) for row in rows)
    inapplicable = len(rows) - len(shown) - infinite
    parts = [f"{inapplicable} where the statement is not applicable"] if inapplicable else []
    parts += [f"{infinite} whose bound is infinite"] if infinite else []
    return f"cases not shown: {' and '.join(parts)}, of {len(rows)}" if parts else ""


def _set_scale(axes: Axes, rows: Sequence[Row]) -> None:
    """A logarithmic axis where the numbers differ much, linear near zero where some are not positive."""
    values = np.abs([number for row in rows for number in (row.measured, row.bound)])
    present = values[values > 0]
    if not len(present):
        axes.set_xlim(-0.05, 1.0)
        return
    if present.max() <= WIDE * present.min():
        axes.xaxis.set_major_locator(ticker.MaxNLocator(6))
        return
    least = min(min(row.measured_lower, row.bound) for row in rows)
    if least > 0:
        axes.set_xscale("log")
        return
    step = float(10 ** np.floor(np.log10(np.quantile(present, 0.1))))
    axes.set_xscale("symlog", linthresh=step)
    if least == 0:
        axes.set_xlim(left=0.0)
    low, high = axes.get_xlim()
    decades = int(np.ceil(np.log10(max(-low, high, 10.0 * step) / step)))
    powers = step * 10.0 ** np.arange(0, decades + 1, max(1, round(decades / 3)))
    ticks = [0.0, *powers, *-powers]
    axes.xaxis.set_major_locator(ticker.FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.xaxis.set_minor_locator(ticker.NullLocator())


def over_time(paths: Sequence[FollowedPath]) -> Figure:
    """T5 over time: the running adjusted regret of every path, with limits that hold for all of them at all times."""
    columns = min(3, len(paths))
    rows = -(-len(paths) // columns)
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(max(6.4, 3.2 * columns), 1.3 + 2.1 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.ravel()[len(paths) :]:
            axes.set_visible(False)
        for axes, path in zip(grid.ravel(), paths, strict=False):
            _draw_paths(axes, path)
        for axes in grid[-1]:
            axes.set_xlabel("requests t")
        figure.supylabel("mean up to t of cost + gamma* (alpha - s) - C*", fontsize=9)
        figure.suptitle(
            "T5 over time: violated where an upper limit falls below zero, at any t", fontsize=10, x=0.01, ha="left"
        )
        handles = [
            Line2D([], [], color=plot.COLORS[0], lw=0.9, label="one path"),
            Patch(color="0.88", label="95% limits, joint over paths and times"),
            Line2D([], [], color=plot.COLORS[1], ls=plot.DASHES[1], lw=1.2, label="smallest upper limit of all paths"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _draw_paths(axes: Axes, path: FollowedPath) -> None:
    limits = path.limits(0.05)
    axes.fill_between(path.t, limits.lower.min(axis=0), limits.upper.max(axis=0), color="0.88", lw=0)
    axes.plot(path.t, (path.S / path.t).T, color=plot.COLORS[0], lw=0.7)
    axes.plot(path.t, limits.upper.min(axis=0), color=plot.COLORS[1], ls=plot.DASHES[1], lw=1.2)
    axes.axhline(0.0, color="black", lw=0.8)
    axes.set_title(plot.plain(f"{path.case} ({path.unit} per request)"), fontsize=8)
    axes.set_xscale("log")
    spread = float(np.quantile(np.abs(limits.upper[:, len(path.t) // 8 :]), 0.9))
    axes.set_ylim(-spread, 1.5 * spread)


def save_all(rows: Sequence[Row], statements: Sequence[Statement], out: Path) -> list[Path]:
    """A PNG and an SVG per statement that applies to a case."""
    saved: list[Path] = []
    for each in statements:
        title = f"{each.name}: {each.about}"
        figure = of_statement([row for row in rows if row.statement == each.name], title, each.unit)
        if figure is not None:
            saved += plot.save(figure, out / file_name(each.name))
    return saved


def file_name(statement: str) -> str:
    """A file name without suffix: "T1 queue" is T1_queue, "T1''" is T1_double_prime."""
    statement = statement.replace("''", " double prime").replace("'", " prime")
    return re.sub(r"[^A-Za-z0-9]+", "_", statement).strip("_") or "statement"
