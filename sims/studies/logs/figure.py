"""The figure of sims.studies.logs.study."""

from __future__ import annotations

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot
from sims.common.study import Results
from sims.studies.logs import tables


def draw(result: Results) -> Figure:
    """Error against length, coverage of policies that do not change and of one that learns, what is identifiable."""
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(10.2, 7.4), layout="constrained")
        axes = drawn.subplots(2, 2)
        _error(axes[0, 0], result["length"])
        _coverage(axes[0, 1], result["frozen"])
        _learned(axes[1, 0], result)
        _identifiable(axes[1, 1], result["identifiable"])
        length = result["frozen"].attrs["length"]
        drawn.suptitle(f"Estimates from decision logs of known truth ({length:,} requests in b and c)", fontsize=10)
        return drawn


def _error(axis: Axes, dataset: xr.Dataset) -> None:
    rmse = (dataset["error"] ** 2).mean("replication") ** 0.5
    length = dataset["length"].values
    for i, logger in enumerate(dataset["logger"].values):
        style = plot.line_style(i) | {"ms": 4, "lw": 1.2}
        axis.plot(length, rmse.sel(logger=logger, estimator="dr").values, label=str(logger), **style)
    first = float(rmse.sel(estimator="dr").isel(logger=0, length=0))
    axis.plot(length, first * np.sqrt(length[0] / length), color="0.5", lw=0.9, ls=":", label="1 / sqrt(length)")
    axis.set(xscale="log", yscale="log")
    axis.set_xticks(length, [f"{each:,}" for each in length])
    axis.minorticks_off()
    axis.set(title="(a) error of the router's satisfaction (DR)", xlabel="requests logged")
    axis.set_ylabel("root mean square error")
    axis.legend(fontsize=7)


def _bars(hits: xr.DataArray) -> tuple[float, list[list[float]]]:
    limits = tables.clopper_pearson(hits)
    return limits.mean, [[limits.mean - limits.lower], [limits.upper - limits.mean]]


def _coverage(axis: Axes, dataset: xr.Dataset) -> None:
    loggers = [str(name) for name in dataset["logger"].values]
    for i, kind in enumerate(dataset["interval"].values):
        style = plot.line_style(i)
        for k, logger in enumerate(loggers):
            hits = tables.worst(dataset["covered"].sel(logger=logger, interval=kind))
            mean, bars = _bars(hits)
            axis.errorbar(
                [k + 0.18 * (i - 1)], [mean], yerr=bars, color=style["color"], marker=style["marker"], ms=5, capsize=2,
                ls="", lw=1.0, label=str(kind) if k == 0 else None,
            )  # fmt: skip
    _nominal(axis, dataset.attrs["level"])
    axis.set_xticks(range(len(loggers)), loggers)
    axis.set(title="(b) least coverage over policies and outcomes", ylabel="share of replications")
    axis.legend(fontsize=7)


def _nominal(axis: Axes, level: float) -> None:
    axis.axhline(level, color="0.3", lw=0.9, ls=(0, (5, 2)))


def _learned(axis: Axes, result: Results) -> None:
    named = tables.learned_worlds(result)
    places, labels = [], []
    for k, (label, one) in enumerate(named):
        for m, outcome in enumerate(one["outcome"].values):
            place = 2.4 * k + m
            places.append(place)
            labels.append(f"{label}\n{outcome}")
            for i, kind in enumerate(one["interval"].values):
                mean, bars = _bars(one["covered"].sel(outcome=outcome, interval=kind))
                style = plot.line_style(i)
                axis.errorbar(
                    [place + 0.14 * (i - 0.5)], [mean], yerr=bars, color=style["color"], marker=style["marker"], ms=5,
                    capsize=2, ls="", lw=1.0, label=f"limits: {kind}" if place == 0 else None,
                )  # fmt: skip
    _nominal(axis, result["learned"].attrs["level"])
    axis.set_xticks(places, labels, rotation=40, ha="right", fontsize=7)
    axis.set(
        title="(c) MESS+ that learns: coverage of the mean over runs", ylabel="share of replications", ylim=(0, 1.04)
    )
    axis.legend(fontsize=7)


def _identifiable(axis: Axes, dataset: xr.Dataset) -> None:
    share = dataset["share"].values
    axis.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for (i, k), value in np.ndenumerate(share):
        axis.text(k, i, f"{value:.2g}", ha="center", va="center", fontsize=7, color="w" if value > 0.6 else "k")
    axis.set_xticks(range(share.shape[1]), [str(name) for name in dataset["policy"].values], rotation=25, ha="right")
    axis.set_yticks(range(share.shape[0]), [str(name) for name in dataset["logger"].values])
    axis.tick_params(labelsize=7, length=0)
    axis.grid(visible=False)
    axis.set_title("(d) share of requests on which a policy is covered\n(the one that learns: share accepted)")
