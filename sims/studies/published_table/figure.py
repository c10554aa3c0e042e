"""The figure of `python -m sims published_table`: a panel per benchmark, cost against satisfaction."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from messjax import plot
from sims.common.published_results import LINES, REPORTED, SHARES, SKILLS, Reached, at_alpha, learned
from sims.common.study import Results

SHADES = [str(shade) for shade in np.linspace(0.85, 0.0, len(SHARES))]


def draw(result: Results) -> Figure:
    """A panel per benchmark: cost against satisfaction."""
    columns = min(4, len(result))
    rows = -(-len(result) // columns)
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(max(2.5 * columns, 9.2), 3.0 * rows + 1.5), layout="constrained")
        axes = drawn.subplots(rows, columns, squeeze=False)
        for axis, (name, one) in zip(axes.flat, result.items(), strict=False):
            _panel(axis, name, one)
        for axis in axes[:, 0]:
            axis.set_ylabel("MJ for the whole benchmark")
        for axis in axes[-1]:
            axis.set_xlabel("satisfied requests / requests")
        head = learned(next(iter(result.values())))[-1].removeprefix("MESS+, ")
        drawn.legend(handles=_legend(head), loc="outside lower center", ncols=3)
        drawn.suptitle(
            "The published benchmarks: what mixing blindly costs, what skill buys, and what was reported. Requests\n"
            "calibrated to the published averages; MESS+ at its cheapest published V and c that kept alpha, 95% limits",
            fontsize=10,
        )
        return drawn


def _panel(axis: Axes, name: str, one: xr.Dataset) -> None:
    for line, style in LINES.items():
        axis.plot(one["level"].values, one[line].values, **style)
    axis.plot(one["single_accuracy"].values, one["single_cost"].values, "kD", ms=5, mfc="white")
    for ledger, marker in (("exploit only", "o"), ("full", "s")):
        for policy, shade in zip(SKILLS, SHADES, strict=True):
            _point(axis, at_alpha({name: one}, policy, ledger)[name], marker, "k", shade)
        _point(axis, at_alpha({name: one}, learned(one)[-1], ledger)[name], marker, plot.COLORS[0], plot.COLORS[0])
    if name in REPORTED:
        axis.plot(*REPORTED[name][::-1], "*", color=plot.COLORS[1], ms=12, mec="k", mew=0.6)
    axis.axvline(one.attrs["alpha"], color="0.7", lw=0.8, ls=":", zorder=0)
    axis.set(title=f"{name}, alpha = {one.attrs['alpha']:g}", yscale="log")
    low, high = axis.get_ylim()
    ticks = [t * 10.0**k for k in (-2, -1, 0) for t in (1, 2, 5) if low <= t * 10.0**k <= high]
    axis.set_yticks(ticks, [f"{progress_callback:g}" for progress_callback in ticks])
    axis.minorticks_off()


def _point(axis: Axes, at: Reached, marker: str, edge: str, face: str) -> None:
    x, y = at.satisfaction, at.cost
    axis.errorbar(
        x.mean, y.mean, xerr=[[x.mean - x.lower], [x.upper - x.mean]], yerr=[[y.mean - y.lower], [y.upper - y.mean]],
        fmt=marker, ms=4.5, mfc=face, mec=edge, ecolor="0.4", elinewidth=0.7, mew=0.6,
    )  # fmt: skip


def _legend(heads: str) -> list[Line2D]:
    labels = {"coin": "coin: cheapest or most expensive model", "LP mixture": "LP mixture (averages only)"}
    labels |= {"C*": "C* (knows mu)", "clairvoyant": "clairvoyant (knows labels)"}
    handles = [Line2D([], [], label=labels[line], **style) for line, style in LINES.items()]
    handles.append(Line2D([], [], color="k", marker="D", mfc="white", ls="", label="one model"))
    star: dict[str, Any] = {"color": plot.COLORS[1], "marker": "*", "ms": 11, "mec": "k", "mew": 0.6, "ls": ""}
    handles.append(Line2D([], [], label="reported (exploit only)", **star))
    for ledger, marker in (("exploit only", "o"), ("full", "s")):
        for policy, shade in ((SKILLS[0], SHADES[0]), (SKILLS[-1], SHADES[-1])):
            label = f"MESS+, {ledger}: {policy}"
            handles.append(Line2D([], [], color="k", marker=marker, mfc=shade, ls="", ms=5, label=label))
        online = f"MESS+, {ledger}: {heads} online"
        handles.append(Line2D([], [], color=plot.COLORS[0], marker=marker, ls="", ms=5, label=online))
    return handles
