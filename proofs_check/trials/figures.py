"""One figure per statement: what was measured in every case beside its bound, and the verdict in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from messjax import plot
from messjax.theory.hypothesis_tests import NOT_APPLICABLE, Row
from messjax.theory.statement import Statement
from proofs_check.trials.sequential import WatchedPath as Watched

MARKS = {"holds": ("o", "black"), "undecided": ("o", "white"), "violated": ("X", "black")}


def of_statement(rows: Sequence[Row], title: str, unit: str = "") -> Figure | None:
    """Cases from the top; a dot with its one-sided limits, a bar for the bound. None where it applies to no case.

    `unit` is that of what is measured.
    """
    tested = [row for row in rows if row.verdict != NOT_APPLICABLE and np.isfinite(row.bound)]
    if not tested:
        return None
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(8.4, 1.3 + 0.27 * len(tested)), layout="constrained")
        axes = figure.subplots()
        for y, row in enumerate(tested):
            low, high = _limits(row)
            axes.plot([low, high], [y, y], color=plot.COLORS[0], linewidth=1.6)
            mark, fill = MARKS[row.verdict]
            axes.plot(row.measured, y, mark, markersize=5, color=plot.COLORS[0], markeredgecolor=plot.COLORS[0],
                      markerfacecolor=plot.COLORS[0] if fill == "black" else "white")  # fmt: skip
            axes.plot(row.bound, y, "|", markersize=11, markeredgewidth=1.8, color=plot.COLORS[1])
            axes.annotate(row.verdict, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=8)
        axes.set_yticks(range(len(tested)), [row.case for row in tested])
        axes.set_ylim(len(tested) - 0.4, -0.6)
        _scale(axes, tested)
        figure.suptitle(title, fontsize=9, x=0.01, ha="left", wrap=True)
        others = len(rows) - len(tested)
        note = f"; not applicable in {others} more cases" if others else ""
        axes.set_xlabel(
            f"{unit or 'in the unit of the statement'}\nmeasured mean with 95% limits each way (dot), bound (bar){note}"
        )
    return figure


def _limits(row: Row) -> tuple[float, float]:
    """The limits of what is measured. A lower bound (the near side of a `Between`) has its margin above it."""
    above = (row.margin_lower + row.margin_upper) * (row.bound - row.measured) < 0
    sign = 1.0 if above else -1.0
    low, high = sorted((row.bound + sign * row.margin_lower, row.bound + sign * row.margin_upper))
    return low, high


def _scale(axes: matplotlib.axes.Axes, rows: Sequence[Row]) -> None:
    values = np.abs([number for row in rows for number in (row.measured, row.bound)])
    present = values[values > 0]
    if not len(present) or present.max() <= 50 * present.min():
        return
    least = min(min(row.measured, row.bound, *_limits(row)) for row in rows)
    if least > 0:
        axes.set_xscale("log")
        return
    axes.set_xscale("symlog", linthresh=float(10 ** np.floor(np.log10(np.quantile(present, 0.1)))))
    if least == 0:
        axes.set_xlim(left=0.0)


def watched(paths: Sequence[Watched]) -> Figure:
    """T5 over time: the running adjusted regret of every path, with limits that hold for all of them at all times."""
    columns = 3
    rows = -(-len(paths) // columns)
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(9.6, 0.8 + 2.0 * rows), layout="constrained")
        grid = np.atleast_2d(figure.subplots(rows, columns, sharex=False, squeeze=False))
        for axes in grid.ravel()[len(paths) :]:
            axes.set_visible(False)
        for axes, path in zip(grid.ravel(), paths, strict=False):
            limits = path.limits(0.05)
            axes.fill_between(path.t, limits.lower.min(axis=0), limits.upper.max(axis=0), color="0.88", linewidth=0)
            axes.plot(path.t, (path.S / path.t).T, color=plot.COLORS[0], linewidth=0.7)
            axes.plot(path.t, limits.upper.min(axis=0), color=plot.COLORS[1], linestyle=plot.DASHES[1], linewidth=1.1)
            axes.axhline(0.0, color="black", linewidth=0.8)
            axes.set_title(path.case, fontsize=8)
            axes.set_xscale("log")
            spread = float(np.quantile(np.abs(limits.upper[:, len(path.t) // 8 :]), 0.9))
            axes.set_ylim(-spread, 1.5 * spread)
        figure.supxlabel("requests t", fontsize=9)
        figure.supylabel("mean of cost + gamma* (alpha - s) - C* up to t (cost per request)", fontsize=9)
        figure.suptitle(
            "T5 over time: each path (blue), limits for all paths and times at 95% (grey), least upper limit (dashed). "
            "Below zero: alarm",
            fontsize=9, x=0.01, ha="left",
        )  # fmt: skip
    return figure


def save_all(rows: Sequence[Row], statements: Sequence[Statement], out: Path) -> list[Path]:
    """A PNG and an SVG per statement that spoke."""
    saved: list[Path] = []
    for each in statements:
        name = each.name
        figure = of_statement([row for row in rows if row.statement == name], f"{name}: {each.about}", each.unit)
        if figure is not None:
            saved += plot.save(figure, out / slug(name))
    return saved


def slug(name: str) -> str:
    """A file name: "T1 queue" is T1_queue."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
