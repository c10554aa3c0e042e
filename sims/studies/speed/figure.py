"""The figure of `python -m sims speed`: who is how fast, how speed scales, and how far the machine's limits are."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from messjax.plot import COLORS, MARKERS, STYLE
from sims.studies.speed.runs import rate

TITLES = {
    "W1": "(a) W1: oracle, 64 types, M = 3",
    "W2": "(b) W2: learned head, d = 16, M = 3",
    "W2 x 12": "(c) W2 with 12 (V, alpha) a stream",
    "W3": "(d) W3: replay, d = 384, 288 configurations",
}


def draw(result: xr.Dataset, ratios: dict[tuple[str, str], float], targets: dict[tuple[str, str], float]) -> Figure:
    """Bars of decisions per second with messjax's ratio to each, lines of scaling, and the roofline."""
    axes_wanted = [name for name in dict.fromkeys(result["axis"].values.tolist()) if name]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(12.5, 9.6), layout="constrained")
        grid = figure.add_gridspec(3, 4)
        for i, (workload, title) in enumerate(TITLES.items()):
            row, column = divmod(i, 2)
            axis = figure.add_subplot(grid[row, 2 * column : 2 * column + 2])
            _bars(axis, result, workload, ratios, targets)
            axis.set_title(title)
        last = grid[2, :].subgridspec(1, len(axes_wanted) + 1)
        first = None
        for i, name in enumerate(axes_wanted):
            first = axis = figure.add_subplot(last[0, i], sharey=first)
            _scaling(axis, result, name, i)
            axis.set_title(f"({'efghi'[i]}) {'W2' if name == 'features d' else 'W1'}")
            if i == 0:
                axis.set_ylabel("M decisions / s")
        axis = figure.add_subplot(last[0, -1])
        _roofline(axis, result)
        axis.set_title(f"({'efghij'[len(axes_wanted)]}) roofline")
        figure.suptitle(
            f"messjax and loops written for the same work, one run on {result.attrs['device']} devices; "
            "medians, ordinary meters on",
            fontsize=10,
        )
        return figure


def _bars(axis: Any, result: xr.Dataset, workload: str, ratios: dict, targets: dict) -> None:
    mine = (result["axis"] == "") & (result["workload"] == workload)
    if workload == "W2 x 12":  # the Python loop serves one point of a grid at a time
        mine |= (result["axis"] == "") & (result["workload"] == "W2") & (result["who"] == "Python loop")
    current = result.isel(task=np.flatnonzero(mine))
    rows = [
        (str(who), float(speed) / 1e6) for who, speed in zip(current["who"].values, current["rate"].values, strict=True)
    ]
    rows.sort(key=lambda pair: pair[1])
    own = dict(rows).get("messjax", np.nan)
    for y, (who, speed) in enumerate(rows):
        own_name = who.startswith("messjax")
        color = COLORS[0] if who == "messjax" else "#9CC3DE" if own_name else "0.75"
        axis.barh(y, speed, color=color, edgecolor="0.3", lw=0.5)
        least = targets.get((workload, who))
        note = f" {speed:,.3g}"
        if not own_name:
            note += f"   messjax {number(own / speed)} x"
            note += "" if least is None else f" (wanted {least:g})"
        axis.text(speed, y, note, va="center", fontsize=7.5)
    axis.set(yticks=range(len(rows)), yticklabels=[who for who, _ in rows], xscale="log", xlabel="M decisions / s")
    axis.grid(axis="y", visible=False)
    low = min(speed for _, speed in rows)
    axis.set_xlim(low / 2, max(speed for _, speed in rows) * 60)


def number(ratio: float) -> str:
    """A ratio as one reads it: 2,740 or 4.7."""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2g}"


def _scaling(axis: Any, result: xr.Dataset, name: str, i: int) -> None:
    current = result.isel(task=np.flatnonzero(result["axis"] == name))
    axis.plot(current["at"], current["rate"] / 1e6, color=COLORS[i], marker=MARKERS[i])
    axis.set(xscale="log", yscale="log", xlabel=name)
    names = [
        f"{at:,g}" if at < 1000 else f"{at / 1024 if at % 1024 == 0 else at / 1000:g}k" for at in current["at"].values
    ]
    axis.set_xticks(current["at"].values, labels=names)
    axis.minorticks_off()


def _roofline(axis: Any, result: xr.Dataset) -> None:
    marks = np.flatnonzero([str(name).startswith("roofline") for name in result["workload"].values])
    one = result.isel(task=int(marks[0]))
    peak, cache, memory = (float(one[name]) / 1e9 for name in ("arithmetic", "cache", "memory"))
    x = np.geomspace(0.1, 100, 200)
    axis.plot(x, np.minimum(peak, cache * x), color="k", lw=1.4)
    axis.plot(x, np.minimum(peak, memory * x), color="k", lw=1.0, ls=(0, (5, 1.5)))
    axis.text(0.13, cache * 0.13 * 1.6, "second cache", fontsize=7)
    axis.text(90, peak * 0.25, "memory", fontsize=7, ha="right")
    for k, i in enumerate(marks):
        at = result.isel(task=int(i))
        name = str(at["workload"].values).removeprefix("roofline ")
        own = rate(result, name, "messjax")
        operations, size = float(at["operations"]), float(at["bytes"])
        axis.plot(operations / size, operations * own / 1e9, marker=MARKERS[k], color=COLORS[k], ls="")
        axis.annotate(name, (operations / size, operations * own / 1e9), (5, 3), textcoords="offset points", fontsize=8)
    axis.set(
        xscale="log", yscale="log", xlabel="operations / byte", ylabel="G operations / s", ylim=(peak / 200, peak * 3)
    )
