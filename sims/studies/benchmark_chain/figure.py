"""The figure of sims.studies.benchmark_chain.study."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot, results
from messjax.statistics import intervals
from sims.common import other_zoos
from sims.common.study import Results
from sims.studies.benchmark_chain import streams

CURVES = ["satisfaction_curve", "cost_curve", "queue_last_curve"]


def draw(result: Results) -> Figure:
    """Per chain running satisfaction, queue, running cost and satisfaction on each benchmark; MMLU below."""
    name = "eight" if "eight" in result else "three"
    at = result[name].isel(alpha=-1, V=1)
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.8, 10.2), layout="constrained")
        axes = drawn.subplots(3, 2)
        summary = results.summary(at[[*CURVES, "alpha", "optimal_cost"]].sel(policy="learned"))
        _lines(axes[0, 0], summary, "satisfaction_curve")
        _lines(axes[0, 1], summary, "queue_last_curve")
        _lines(axes[1, 0], summary, "cost_curve")
        axes[0, 0].axhline(float(at["alpha"]), color="k", lw=1.0, ls=(0, (6, 2)), label="alpha")
        axes[0, 0].plot([], [], color="0.6", lw=2.4, label="C* of the whole, in (c)")
        axes[1, 0].axhline(float(at["optimal_cost"]), color="0.6", lw=2.4)
        axes[0, 0].set(title=f"(a) {name} benchmarks: running satisfaction", ylabel="satisfied / requests so far")
        axes[0, 1].set(title="(b) virtual queue", ylabel="Q")
        axes[1, 0].set(title="(c) running cost, full ledger", ylabel="cost per request so far (kJ)")
        for axis in (axes[0, 0], axes[0, 1], axes[1, 0]):
            _changes(axis, at, named=axis is axes[0, 0])
        _parts(axes[1, 1], at)
        _alphas(axes[2, 0], result["three"].isel(V=1))
        if "MMLU" in result:
            _mmlu(axes[2, 1], result["MMLU"].isel(alpha=0, V=0))
        else:
            axes[2, 1].set_axis_off()
        for axis, place in zip(axes.flat[3:], ("upper left", "lower right", "lower left"), strict=True):
            if axis.axison:
                axis.legend(fontsize=7, loc=place)
        drawn.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=6, title="(a) to (d)")
        V = f"V = {float(at['V']):g} per kJ, c = 0.1"
        drawn.suptitle(f"MESS+ on benchmarks one after another (linear head, {V}; 95% intervals)", fontsize=10)
        hidden = ", ".join(f"{v:g}" for v in result[name]["V"].values if v != float(at["V"]))
        plot.note_omitted(drawn, f"Not drawn: V = {hidden} and the other predictors; they are in the tables.")
        return drawn


def _thousands(axis: Axes) -> None:
    axis.set_xlabel("requests")
    axis.xaxis.set_major_locator(ticker.MaxNLocator(6))
    axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))


def _band(axis: Axes, t: np.ndarray, limits: xr.DataArray, i: int, label: str) -> None:
    mean, low, high = limits.transpose("limit", "t").values
    look = other_zoos.line_style(i) | {"markevery": 10}
    axis.plot(t, mean, label=label, **look)
    axis.fill_between(t, low, high, color=plot.COLORS[i], alpha=0.2, lw=0)


def _lines(axis: Axes, summary: xr.Dataset, name: str) -> None:
    for i, order in enumerate(summary["order"].values):
        _band(axis, summary["t"].values, summary[name].sel(order=order), i, str(order))
    _thousands(axis)


def _changes(axis: Axes, at: xr.Dataset, named: bool = True) -> None:
    """Where the benchmarks change in the order of the tables."""
    ends = np.cumsum(at["requests"].values)
    for end in ends[:-1]:
        axis.axvline(end, color=plot.COLORS[0], lw=0.6, alpha=0.6)
    if not named:
        return
    low, high = axis.get_ylim()
    axis.set_ylim(low - 0.25 * (high - low), high)
    for name, start, end in zip(at["benchmark"].values, [0, *ends[:-1]], ends, strict=True):
        place: Any = {"rotation": 90, "fontsize": 7, "ha": "center", "va": "bottom", "color": plot.COLORS[0]}
        axis.text((start + end) / 2, 0.02, str(name), transform=axis.get_xaxis_transform(), **place)


def _parts(axis: Axes, at: xr.Dataset) -> None:
    names = [str(name) for name in at["benchmark"].values]
    place = np.arange(len(names))
    rows = [streams.LLAMA.benchmarks.index(name) for name in names]
    for m, (mark, shade) in enumerate((("_", "0.75"), ("_", "0.5"), ("_", "0.1"))):
        alone = streams.LLAMA.accuracy[rows, m]
        axis.plot(place, alone, mark, ms=16, mew=1.6, color=shade, label=f"only {streams.LLAMA.models[m]}")
    for i, order in enumerate(at["order"].values):
        samples = at["part"].sel(order=order, policy="learned").transpose("benchmark", "stream").values
        result, off = intervals.interval(samples), i - (at.sizes["order"] - 1) / 2
        spread = [result.mean - result.lower, result.upper - result.mean]
        axis.errorbar(place + 0.13 * off, result.mean, yerr=spread, **(other_zoos.line_style(i) | {"ls": "none"}))
    axis.axhline(float(at["alpha"]), color="k", lw=1.0, ls=(0, (6, 2)))
    axis.set_xticks(place, names, rotation=30, ha="right")
    axis.set(title="(d) satisfaction on each benchmark", ylabel="satisfied / requests of the benchmark")


def _alphas(axis: Axes, three: xr.Dataset) -> None:
    summary = results.summary(three[["satisfaction_curve"]].sel(policy="learned"))
    for i, alpha in enumerate(summary["alpha"].values):
        for j, order in enumerate(summary["order"].values):
            limits = summary["satisfaction_curve"].sel(alpha=alpha, order=order)
            mean, low, high = limits.transpose("limit", "t").values
            look = other_zoos.line_style(i) | {"markevery": 10} | ({"ls": ":", "mfc": "w"} if j else {"ls": "-"})
            label = f"alpha = {alpha:g}, " + ("one after another" if not j else str(order))
            axis.plot(summary["t"].values, mean, label=label, **look)
            axis.fill_between(summary["t"].values, low, high, color=plot.COLORS[i], alpha=0.15, lw=0)
        axis.axhline(alpha, color=plot.COLORS[i], lw=0.8, ls=(0, (6, 2)))
    _changes(axis, three, named=False)
    _thousands(axis)
    axis.set(
        title=f"(e) those that [M25] chains: {', '.join(three['benchmark'].values)}",
        ylabel="satisfied / requests so far",
    )


def _mmlu(axis: Axes, mmlu: xr.Dataset) -> None:
    for i, order in enumerate(mmlu["order"].values):
        one = mmlu.sel(order=order)
        parts = streams.windows(one, "satisfaction").isel(stream=0)
        look = {"color": plot.COLORS[i], "lw": 0.7, "alpha": 0.8, "ls": plot.DASHES[i]}
        axis.plot(one["t"], parts, label=f"{order}: one order, by windows", **look)
        limits = results.summary(one[["satisfaction_curve"]])["satisfaction_curve"]
        _band(axis, one["t"].values, limits, i, f"{order}: running")
    axis.axhline(float(mmlu["alpha"]), color="k", lw=1.0, ls=(0, (6, 2)), label="alpha")
    _thousands(axis)
    axis.set(title=f"(f) MMLU's labels, {mmlu.sizes['stream']} orders", ylabel="satisfied / requests")
