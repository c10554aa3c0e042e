"""The figure of the study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from messjax import plot
from sims.common import comparison, routers, worlds
from sims.common.study import Results
from sims.studies.cheaper_than_routers.runs import EXPLOIT, FULL, TWICE, limits_of, own_name, shared


def draw(result: Results) -> Figure:
    """Ratios at alpha: ledgers in rows, kinds of world in columns, a marker per world."""
    kinds: dict[str, dict[str, xr.Dataset]] = {
        "llama3": {n: d for n, d in result.items() if n == "llama3"},
        "benchmarks": {n: d for n, d in result.items() if n in worlds.BENCHMARKS},
        "traces": {n: d for n, d in result.items() if d.attrs["kind"] == "trace"},
    }
    kinds = {kind: datasets for kind, datasets in kinds.items() if datasets}
    names = shared(result)
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(10.0, 9.4), layout="constrained")
        widths = [{"llama3": 0.8, "benchmarks": 1.4, "traces": 1.0}[kind] for kind in kinds]
        axes = drawn.subplots(
            2, len(kinds), squeeze=False, sharex=True, sharey=True, gridspec_kw={"width_ratios": widths}
        )
        for row, ledger in enumerate((EXPLOIT, FULL)):
            for axis, (kind, datasets) in zip(axes[row], kinds.items(), strict=True):
                _panel(axis, datasets, names, ledger)
                axis.set_title(f"{kind}, {ledger}")
        for axis, datasets in zip(axes[-1], kinds.values(), strict=True):
            axis.set_xlabel("cost at alpha / MESS+'s")
            handles = [Line2D([], [], ls="", ms=5, label=name, **_look(i)) for i, name in enumerate(datasets)]
            axis.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=(len(handles) + 2) // 3)
        axes[0, 0].set_yticks(range(len(names)), names)
        axes[0, 0].invert_yaxis()
        drawn.suptitle(
            "Is MESS+ twice as cheap as other routers at the same alpha? Beyond the dashed line it is.\n"
            "MESS+ at its best published setting in each ledger; 95% intervals, paired; open: the contender missed\n"
            "alpha; above the grey line: the baselines of [M25]",
            fontsize=10,
        )
        return drawn


def _look(i: int) -> dict[str, Any]:
    return {"color": (*plot.COLORS, "0.5")[i], "marker": (*plot.MARKERS, "*")[i]}


def _panel(axis: Axes, datasets: Results, names: Sequence[str], ledger: str) -> None:
    for i, dataset in enumerate(datasets.values()):
        place = np.arange(len(names)) + (i - (len(datasets) - 1) / 2) * 0.8 / max(len(datasets), 3)
        mean, lower, upper = np.array([limits_of(dataset, name, ledger) for name in names]).T
        sla = [str(dataset["sla"].sel(policy=own_name(dataset, name)).values) for name in names]
        missed, color = np.array(sla) == comparison.MISSED, _look(i)["color"]
        axis.hlines(place, lower, upper, color=color, lw=1.0)
        for which, face in ((~missed, color), (missed, "white")):
            axis.plot(mean[which], place[which], ls="", mfc=face, ms=4.5, mew=0.9, **_look(i))
    axis.axvline(1.0, color="k", lw=1.0)
    axis.axvline(TWICE, color="k", lw=1.2, ls=(0, (5, 2)))
    axis.set_xscale("log")
    axis.set_xticks([0.25, 1, 2, 4, 16], ["1/4", "1", "2", "4", "16"])
    axis.minorticks_off()
    for row in range(len(names)):
        axis.axhspan(row - 0.5, row + 0.5, color="0.965" if row % 2 else "white", zorder=-2)
    axis.axhline(len(routers.PUBLISHED) - 0.5, color="0.5", lw=0.8)
