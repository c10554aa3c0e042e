"""The figure of the study."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot
from sims.common import comparison
from sims.common.study import Results
from sims.studies.energy_vs_random.runs import BASELINE, CLAIMED, MIXTURE, OPTIMUM, UNIFORM, share


def draw(result: Results) -> Figure:
    """A panel per world: uniform random over each contender, against alpha as a share of the way."""
    shown = [name for name in result if "alike" not in name]
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(max(2.6 * columns, 9.2), 2.9 * rows + 1.3), layout="constrained")
        axes = drawn.subplots(rows, columns, squeeze=False)
        for axis, name in zip(axes.flat, shown, strict=False):
            _panel(axis, name, result[name], result.get(f"{name}, alike"))
        for axis in axes.flat[len(shown) :]:
            axis.set_axis_off()
        for axis in axes[:, 0]:
            axis.set_ylabel("energy of uniform random / energy")
        for axis in axes.flat[max(0, len(shown) - columns) : len(shown)]:
            axis.set_xlabel("alpha: share of the way from\ncheapest to best model")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=3)
        drawn.suptitle(
            "How much more energy does uniform random selection take than MESS+ (linear head online)?\n"
            "Best published V and c, plain, 95% intervals; open markers: alpha missed or undecided",
            fontsize=10,
        )
        return drawn


def _panel(axis: Axes, name: str, dataset: xr.Dataset, alike: xr.Dataset | None) -> None:
    x = np.array([share(dataset, alpha) for alpha in dataset["alpha"].values])
    energy = dataset["energy"].mean("stream")
    lines: dict[str, tuple[str, dict[str, Any]]] = {
        OPTIMUM: ("C* (of a trace: knows the labels)", {"color": "0.6", "lw": 2.4}),
        MIXTURE: ("blind LP mixture", {"color": "k", "lw": 1.5}),
        BASELINE: (
            "workshop's baseline: mix of cheapest and most expensive",
            {"color": "k", "lw": 1.2, "ls": (0, (1, 1.5))},
        ),
    }
    for rival, (label, style) in lines.items():
        axis.plot(x, (energy.sel(rival=UNIFORM) / energy.sel(rival=rival)).values, label=label, **style)
    _curve(axis, x, dataset, "full", "MESS+, full ledger", 0)
    _curve(axis, x, dataset, "exploit only", "MESS+, exploit only", 1)
    if alike is not None:
        _curve(axis, x, alike, "full", "MESS+, full; where models are alike on every request", 2)
    axis.axhline(CLAIMED, color="0.25", lw=1.0, ls=(0, (6, 2)), label="claimed: up to 2.5")
    axis.axvline(share(dataset, dataset.attrs["own"]), color="0.6", lw=1.0, ls=":", label="the source's alpha")
    axis.set_yscale("log")
    ticks = [t for t in (0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50) if axis.get_ylim()[0] <= t <= axis.get_ylim()[1]]
    axis.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axis.minorticks_off()
    axis.set(title=name, xlim=(0, 1))
    axis.title.set_fontsize(9)


def _curve(axis: Axes, x: np.ndarray, dataset: xr.Dataset, ledger: str, label: str, i: int) -> None:
    one = dataset["ratio"].sel(basis="plain", ledger=ledger, rival=UNIFORM)
    mean, low, high = one.transpose("limit", "alpha").values
    color, marker = plot.COLORS[i], plot.MARKERS[i]
    axis.errorbar(x, mean, yerr=[mean - low, high - mean], color=color, ls=plot.DASHES[i], lw=1.1)
    kept = dataset["sla"].sel(ledger=ledger).values == comparison.KEPT
    axis.plot(x[~kept], mean[~kept], marker, color=color, mfc="white", ms=4.5)
    axis.plot(x[kept], mean[kept], marker, color=color, ms=4.5)
    axis.plot([], [], color=color, marker=marker, ms=4.5, ls=plot.DASHES[i], lw=1.1, label=label)
