"""The figure of sims.studies.better.study: per world the ratio of costs, and where both costs go."""

from __future__ import annotations

from typing import Any

import matplotlib
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from messjax import plot
from sims.common import comparison
from sims.common.study import Results
from sims.studies.better import tables, terms

PARTS = {  # term: (label, grey of its face, hatch): told apart without colour
    "C*": ("C* (known distributions)", "0.82", ""),
    "exploited requests": ("exploited requests (traces: distribution unknown)", "0.82", "...."),
    "exploration": ("exploration", plot.COLORS[1], ""),
    "prediction": ("prediction", plot.COLORS[0], "////"),
    "control": ("control: queue off V gamma*", plot.COLORS[4], "xxxx"),
    "beyond": ("satisfied beyond alpha", plot.COLORS[2], "\\\\\\\\"),
}


def draw(result: Results) -> Figure:
    """Left: ours over published, with intervals and the policy's name. Right: both bars, stacked by terms."""
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.8, 1.7 + 0.52 * max(len(result), 3)), layout="constrained")
        left, right = drawn.subplots(1, 2, sharey=True, width_ratios=(1.0, 1.15))
        for row, dataset in enumerate(result.values()):
            _ratio(left, row, dataset)
            _bars(right, row, dataset)
        left.set_yticks(range(len(result)), [f"{name}\nalpha = {d.attrs['alpha']:g}" for name, d in result.items()])
        left.set(xlim=(0.0, 1.12), xlabel="cost / cost of the best published setting (full ledger)")
        left.set_ylim(len(result) - 0.5, -0.6)
        left.axvline(1.0, color="k", lw=1.0)
        left.set_title("(a) ours over published, 95% intervals")
        right.set(
            xlabel="cost / cost of the best published setting",
            title="(b) where it goes: published above, ours below (left of 0: saved)",
        )
        for axis in (left, right):
            axis.grid(visible=False, axis="y")
        _legend(drawn, left)
        drawn.suptitle("Keeping alpha for less than MESS+ at its best published setting", fontsize=10)
        return drawn


MARKS = {
    tables.OURS: ("o", "ours", True),
    tables.PLAIN: ("s", "ours, knowing no more beforehand", False),
    tables.FREE: ("^", "ours, a prefix for nothing", False),
}


def _ratio(axis: Axes, row: int, dataset: xr.Dataset) -> None:
    for role, (marker, _, full) in reversed(MARKS.items()):
        result = tables.ratio(dataset, role)
        y = row + {tables.OURS: -0.12, tables.PLAIN: 0.12, tables.FREE: 0.12}[role]
        look: Any = {
            "color": plot.COLORS[0] if full else "0.45",
            "mfc": None if full else "white",
            "ms": 5.5 if full else 4.5,
        }
        error = [[max(result.mean - result.lower, 0.0)], [max(result.upper - result.mean, 0.0)]]
        axis.errorbar([result.mean], [y], xerr=error, fmt=marker, capsize=2, lw=1.1, **look)
    ours = float(tables.ratio(dataset, tables.OURS).mean)
    name, sla = (str(dataset[each].values[tables.OURS]) for each in ("who", "sla"))
    if not tables.better(dataset):
        name += f" (alpha: {sla})" if sla != comparison.KEPT else " (not cheaper)"
    side = ours < 0.6
    axis.annotate(
        name, (ours, row - 0.12), xytext=(8 if side else -8, 4), textcoords="offset points", fontsize=7.5,
        ha="left" if side else "right", va="bottom",
    )  # fmt: skip


def _bars(axis: Axes, row: int, dataset: xr.Dataset) -> None:
    scale = float(dataset["cost"].isel(role=tables.PUBLISHED).mean())
    for role, y in ((tables.PUBLISHED, row - 0.19), (tables.OURS, row + 0.19)):
        at = below = 0.0
        for name, value in terms.measured(dataset, role).items():
            width = value / scale
            start, at, below = (at, at + width, below) if width >= 0 else (below + width, at, below + width)
            _, color, hatch = PARTS[name]
            axis.barh(y, abs(width), left=start, height=0.34, color=color, hatch=hatch, edgecolor="white", lw=0.3)


def _legend(drawn: Figure, left: Axes) -> None:
    handles: list = [
        Patch(facecolor=color, hatch=hatch, edgecolor="white", label=label) for label, color, hatch in PARTS.values()
    ]
    for marker, label, full in MARKS.values():
        look: Any = {"color": plot.COLORS[0] if full else "0.45", "mfc": None if full else "white"}
        handles += left.plot([], [], marker, label=label, **look)
    drawn.legend(handles=handles, loc="outside lower center", ncols=3)
