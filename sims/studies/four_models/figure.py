"""The figure of the study."""

from __future__ import annotations

from typing import Any

import matplotlib
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot, results
from sims.common import other_zoos
from sims.common.study import Results
from sims.studies.four_models.runs import LEARNED, ORACLE, OWN

WHICH = ("lowest", "middle", "[M25]'s")


def draw(result: Results) -> Figure:
    """Per world: cost against satisfaction; what is above alpha; which models are chosen, against V."""
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.8, 2.7 * len(result) + 1.5), layout="constrained")
        axes = drawn.subplots(len(result), 3, squeeze=False)
        for row, (name, dataset) in zip(axes, result.items(), strict=True):
            summary = results.summary(dataset[["cost", "satisfaction", "violation", "T"]])
            _costs(row[0], dataset, summary, name)
            _above(row[1], summary)
            _models(row[2], dataset)
        for axis in axes[-1]:
            axis.legend(loc="upper center", bbox_to_anchor=(0.45, -0.25), fontsize=7.5)
        drawn.suptitle("MESS+ on the four-model Qwen zoo (c = 0.1, full ledger, 95% intervals)", fontsize=10)
        return drawn


def _costs(axis: Axes, dataset: xr.Dataset, summary: xr.Dataset, name: str) -> None:
    axis.plot(dataset["level"], dataset["optimal_curve"], color="0.6", lw=2.4, label="C*")
    axis.plot(dataset["level"], dataset["blind_curve"], color="k", lw=1.2, label="LP mixture")
    singles, uniform = dataset.isel(known=slice(-2)), dataset.isel(known=-2)
    axis.plot(singles["known_satisfaction"], singles["known_cost"], "ks", ms=5, label="single models")
    look: Any = {"color": "k", "marker": "X", "ms": 7, "ls": "none", "mfc": "w"}
    axis.plot(uniform["known_satisfaction"], uniform["known_cost"], label="uniform random", **look)
    for i, alpha in enumerate(summary["alpha"].values):
        for run in (LEARNED, ORACLE) if i == summary.sizes["alpha"] - 1 else (LEARNED,):
            one, more = summary.sel(alpha=alpha, run=run), {"mfc": "w", "lw": 0.8} if run == ORACLE else {}
            x, y = (one[what].transpose("limit", "weight").values for what in ("satisfaction", "cost"))
            other_zoos.bars(axis, x[0], y, i, label=f"MESS+, {run}, {WHICH[i]} alpha", **more)
        axis.axvline(alpha, color=plot.COLORS[i], lw=0.8, ls=(0, (1, 2)))
    axis.set(title=f"{name}: cost", yscale="log", xlabel="satisfied requests / requests")
    axis.set_ylabel(f"cost per request ({dataset.attrs['cost_unit']})")


def _above(axis: Axes, summary: xr.Dataset) -> None:
    last = summary.sizes["alpha"] - 1
    lines: list[tuple[str, int, dict]] = [(LEARNED, i, {}) for i in range(last + 1)]
    lines += [(ORACLE, last, {"mfc": "w", "lw": 0.8}), (OWN, last, {"color": "0.45", "marker": "x"})]
    for run, i, more in lines:
        limits = -summary["violation"].sel(run=run).isel(alpha=i).transpose("limit", "weight").values[[0, 2, 1]]
        T = "as many as the benchmark has" if run == OWN else f"{int(summary['T'].sel(run=run)):,}"
        label = f"{run.split(',')[0]}, {WHICH[i]} alpha, T: {T}"
        other_zoos.bars(axis, summary["weight"].values, limits, i, label=label, **more)
    axis.axhline(0.0, color="k", lw=1.0)
    axis.set(title="satisfaction above alpha", xscale="log", xlabel="w = V (E_M - E_1)", ylabel="satisfaction - alpha")


def _models(axis: Axes, dataset: xr.Dataset) -> None:
    one = dataset.isel(alpha=-1)
    for m, model in enumerate(one["model"].values):
        chosen = 100 * one["chosen"].isel(model=m)
        axis.plot(one["weight"], chosen.sel(run=LEARNED), label=str(model), **other_zoos.line_style(m))
        axis.plot(
            one["weight"], chosen.sel(run=ORACLE), **(other_zoos.line_style(m) | {"mfc": "w", "lw": 0.6, "alpha": 0.8})
        )
        look: Any = {"color": plot.COLORS[m], "marker": "_", "ms": 12, "mew": 2.5, "clip_on": False}
        axis.plot(2.6 * float(one["weight"].max()), 100 * float(one["optimal_share"].isel(model=m)), **look)
    axis.plot([], [], "o-", color="0.3", mfc="w", lw=0.6, label="hollow: oracle")
    axis.plot([], [], "_", color="0.3", ms=12, mew=2.5, label="C*, at the right edge")
    axis.set(title="models chosen, [M25]'s alpha", xscale="log", ylim=(-2, 80))
    axis.set(xlabel="w = V (E_M - E_1)", ylabel="% of exploited requests")
