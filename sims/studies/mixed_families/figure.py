"""The figure of sims.studies.mixed_families.study."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot, results
from messjax.statistics import intervals
from sims.common import other_zoos
from sims.common.study import Results
from sims.studies.mixed_families.runs import ALPHA


def draw(result: Results) -> Figure:
    """What is chosen, against V; cost against the gap; what exploring does to the SLA and to the queue."""
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.6, 8.4), layout="constrained")
        axes = drawn.subplots(2, 2)
        wide = result["explored"].isel(gap=-1)
        _dominated(axes[0, 0], result["chosen"].isel(gap=-1))
        _costs(axes[0, 1], result["chosen"].isel(alike=0))
        _agreement(axes[1, 0], wide)
        _queue(axes[1, 1], wide.sel(policy="oracle"))
        for axis in axes.flat:
            axis.legend(fontsize=7)
        axes[0, 1].set_ylim(top=1.45 * axes[0, 1].get_ylim()[1])  # room for the legend
        axes[0, 1].legend(fontsize=7, ncols=2, loc="upper left")
        longs, shorts = (f"{result[name].attrs['horizon']:,}" for name in ("chosen", "explored"))
        where = f"gap {float(wide['gap']):g} but in (b); {longs} requests in (a) and (b), {shorts} in (c) and (d)"
        title = "MESS+ in a zoo of two families; the worse one has the most expensive model"
        title += f"\n(alpha = {ALPHA:g}; {where}; 95%)"
        drawn.suptitle(title, fontsize=10)
        return drawn


def dominated_share(one: xr.Dataset, name: str) -> xr.DataArray:
    """Share of requests that goes to dominated models: of `chosen` (MESS+) or `optimal_share` (C*)."""
    return one[name].where(one["dominated"], 0.0).sum("model")


def _dominated(axis: Axes, dataset: xr.Dataset) -> None:
    for j, alike in enumerate(dataset["alike"].values):
        for i, head in enumerate(dataset["head"].values):
            one = dataset.sel(alike=alike, head=head)
            look = other_zoos.line_style(i) | ({"ls": ":", "mfc": "w"} if j else {})
            label = f"{head}" + (", dominated on every request" if j else "")
            axis.plot(one["weight"], 100 * dominated_share(one, "chosen"), label=label, **look)
        best = 100 * float(dominated_share(dataset.sel(alike=alike), "optimal_share"))
        look = {"marker": "_", "ms": 13, "mew": 2.5, "ls": "none", "color": "0.65" if j else "0.2"}
        axis.plot(
            2.2 * float(dataset["weight"].max()), best, label="C*" + (", the same" if j else ", right edge"), **look
        )
    axis.axhline(50.0, color="0.5", lw=1.0, ls=(0, (6, 2)), label="uniform random")
    axis.set(title="(a) sent to the two dominated models", xscale="log", ylim=(-2, 125))
    axis.set_yticks(range(0, 61, 10))
    axis.set(xlabel="V (E_M - E_1)", ylabel="% of exploited requests")


def _costs(axis: Axes, dataset: xr.Dataset) -> None:
    gaps = dataset["gap"].values
    for i, head in enumerate(dataset["head"].values):
        settled = [other_zoos.settle(dataset.sel(head=head).isel(gap=k)) for k in range(len(gaps))]
        limits = np.array([intervals.interval(one.rest["cost_at_alpha"].values)[:3] for one in settled]).T
        other_zoos.bars(axis, gaps, limits, i, label=f"MESS+, {head}")
        missed = [k for k, one in enumerate(settled) if not one.kept]
        label = "alpha kept at no V" if missed and not i else None
        axis.plot(gaps[missed], limits[0, missed], "kx", ms=9, mew=1.2, label=label)
    axis.plot(gaps, dataset["blind_cost"], color="k", lw=1.6, label="LP mixture")
    axis.plot(gaps, dataset["optimal_cost"], color="0.6", lw=2.4, label="C*")
    axis.axvline(1 / 6, color="0.4", lw=0.8, ls=":", label="two models are dominated from here on")
    axis.set(title="(b) cost at alpha, full ledger", xlabel="gap between the families", ylim=(0, None))
    axis.set_ylabel(f"cost per request ({dataset.attrs['cost_unit']})")


def _explored(dataset: xr.Dataset) -> Any:
    explored = dataset["explored"]
    return 100 * explored.mean([d for d in explored.dims if d != "c"]).values / dataset.attrs["horizon"]


def _agreement(axis: Axes, dataset: xr.Dataset) -> None:
    summary = results.summary(dataset[["violation"]])["violation"]
    for i, order in enumerate(dataset["order"].values):
        for j, policy in enumerate(dataset["policy"].values):
            limits = -summary.sel(order=order, policy=policy).transpose("limit", "c").values[[0, 2, 1]]
            other_zoos.bars(axis, _explored(dataset), limits, 2 * i + j, label=f"{policy}, {order}")
    axis.axhline(0.0, color="k", lw=1.0)
    axis.set(title="(c) SLA, by which model serves what is explored")
    axis.set(xlabel="% of requests explored", ylabel="satisfaction - alpha")


def _queue(axis: Axes, dataset: xr.Dataset) -> None:
    summary, first = results.summary(dataset[["queue_last"]])["queue_last"], dataset["order"].values[0]
    for i, order in enumerate(dataset["order"].values):
        limits = summary.sel(order=order).transpose("limit", "c").values
        other_zoos.bars(axis, _explored(dataset), limits, 2 * i, label=f"oracle, {order}")
    for statement, ls, width in (("T1", "-", 2.2), ("T1 without R_T", (0, (2, 1.5)), 1.6)):
        bound = dataset["bound"].sel(statement=statement, order=first)
        axis.plot(_explored(dataset), bound, color="0.45", ls=ls, lw=width, label=f"{statement}: bound, {first}")
    axis.set(title="(d) queue of an oracle and its bound", yscale="log", xlabel="% of requests explored")
    axis.set_ylabel("Q after the last request")
