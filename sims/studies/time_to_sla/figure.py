"""The figure of sims.studies.time_to_sla.study."""

from __future__ import annotations

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot, results
from sims.common import plotting
from sims.common.study import Results

MIDDLE = 0.70  # the alpha that is shown over time: the one of [M25]'s table


def draw(result: Results) -> Figure:
    """Winogrande over time, when the SLA holds, warm starts, and the two metrics of satisfaction."""
    dataset, warm = result["Winogrande"], result["warm start"]
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.8, 6.8), layout="constrained")
        axes = drawn.subplots(2, 3)
        _running(axes[0, 0], dataset.sel(alpha=MIDDLE, policy="MESS+"))
        _missing(axes[0, 1], dataset.isel(V=-1))
        _warm_missing(axes[0, 2], warm.sel(alpha=MIDDLE, V=warm["V"].values[-1]))
        _from(axes[1, 0], dataset, "sla_from")
        _from(axes[1, 1], dataset, "near_from")
        _two_readings(axes[1, 2], result["benchmarks"])
        drawn.suptitle(
            f"MESS+ (linear head learned online, c = 0.1) on requests calibrated to Winogrande, T = "
            f"{dataset.attrs['horizon']:,} (the benchmark has {dataset.attrs['published']:,})", fontsize=10,
        )  # fmt: skip
        return drawn


def _running(axis: Axes, one: xr.Dataset) -> None:
    summary = results.summary(one[["satisfaction_curve"]])
    for i, v in enumerate(one["V"].values):
        plotting.band(axis, summary["satisfaction_curve"].sel(V=v), i, label=f"V = {v:g} per kJ")
    axis.axhline(MIDDLE, color="k", lw=1.0, ls=(0, (6, 2)))
    axis.axvline(one.attrs["published"], color="0.6", lw=0.8)
    axis.set(xscale="log", title=f"(a) running satisfaction, alpha = {MIDDLE:g}", xlabel="requests")
    axis.set_ylabel("satisfied requests / requests so far")
    axis.legend(fontsize=7)


def _missing(axis: Axes, one: xr.Dataset) -> None:
    """In requests, at the largest V: as learned, with an oracle, and what the climb of the queue says."""
    short = _missing_requests(one)
    for i, alpha in enumerate(one["alpha"].values):
        at = short.sel(alpha=alpha)
        plotting.band(axis, at.sel(policy="MESS+"), i, ls="-", label=f"MESS+, alpha = {alpha:g}")
        plotting.band(axis, at.sel(policy="with an oracle"), i, ls="-", lw=0.8, mfc="white")
        axis.plot(one["t"].values, one["climb"].sel(alpha=alpha).values, color=plot.COLORS[i], lw=1.4, ls=":")
    axis.plot([], [], color="0.4", marker="o", mfc="white", ms=4, lw=0.8, label="with an oracle")
    axis.plot([], [], color="0.4", lw=1.4, ls=":", label="climb to V gamma*, theory")
    axis.axhline(0.0, color="0.3", lw=0.8)
    axis.axvline(one.attrs["published"], color="0.6", lw=0.8)
    axis.set(xscale="log", title=f"(b) shortfall so far, V = {float(one['V']):g} per kJ", xlabel="requests")
    axis.set(ylabel="t (alpha - running satisfaction) (requests)", ylim=(-60, 130))
    axis.legend(fontsize=7, loc="upper left")


def _missing_requests(one: xr.Dataset) -> xr.DataArray:
    short = (one["alpha"] - one["satisfaction_curve"]) * one["t"]
    return results.summary(short.to_dataset(name="short"))["short"]


def _warm_missing(axis: Axes, one: xr.Dataset) -> None:
    short = _missing_requests(one)
    for i, name in enumerate(one["policy"].values):
        plotting.band(axis, short.sel(policy=name), i, label=str(name))
    level = float(one["V"] * one["gamma"])
    axis.axhline(level, color="0.6", lw=1.6, label="V gamma*")
    axis.axhline(0.0, color="0.3", lw=0.8)
    axis.set(xscale="log", title=f"(c) warm starts, alpha = {MIDDLE:g}, V = {float(one['V']):g}", xlabel="requests")
    axis.set_ylabel("t (alpha - running satisfaction) (requests)")
    axis.set_ylim(top=48)
    axis.legend(fontsize=7, loc="upper left")


def _from(axis: Axes, dataset: xr.Dataset, metric: str) -> None:
    """Quartiles over streams of when it holds for good; T + 1 stands for not at all."""
    T, V = dataset.attrs["horizon"], dataset["V"].values
    for i, alpha in enumerate(dataset["alpha"].values):
        start = dataset[metric].sel(alpha=alpha, policy="MESS+").transpose("V", "stream").values
        low, middle, high = np.quantile(start, [0.25, 0.5, 0.75], axis=1)
        style = plot.line_style(i) | {"lw": 1.1, "ms": 4.5, "capsize": 2, "label": f"alpha = {alpha:g}"}
        axis.errorbar(V * 1.12 ** (i - 1), middle, yerr=[middle - low, high - middle], **style)
        if metric == "sla_from":
            axis.axhline(
                int(dataset["annotated_from"].sel(alpha=alpha)),
                color=plot.COLORS[i],
                lw=1.0,
                ls=plot.DASHES[i],
                alpha=0.6,
            )
        else:
            oracle = dataset[metric].sel(alpha=alpha, policy="with an oracle").median("stream").values
            axis.plot(V, oracle, color=plot.COLORS[i], marker=plot.MARKERS[i], mfc="white", ms=4, lw=0.0)
            axis.plot(V, dataset["climb_near"].sel(alpha=alpha).values, color=plot.COLORS[i], lw=0.9, ls=":")
    label, line = {"sla_from": ("annotated by [M25]", "-"), "near_from": ("theory: the climb", ":")}[metric]
    axis.plot([], [], color="0.4", lw=1.0, ls=line, label=label)
    if metric == "near_from":
        axis.plot([], [], color="0.4", marker="o", mfc="white", ms=4, lw=0.0, label="with an oracle, median")
    axis.axhline(T, color="0.5", lw=0.8)
    title = "(d) alpha holds from" if metric == "sla_from" else f"(e) alpha - {dataset.attrs['near']:g} holds from"
    axis.set(
        xscale="log", yscale="log", ylim=(0.2, 2.0 * T), title=title, xlabel="V (1/kJ)", ylabel="requests (quartiles)"
    )
    axis.legend(fontsize=7, loc="lower right", ncols=2)


def _two_readings(axis: Axes, dataset: xr.Dataset) -> None:
    place = np.arange(dataset.sizes["benchmark"])
    over = (dataset[["satisfaction", "satisfaction_logged"]].isel(V=0).mean("c") - dataset["alpha"]).drop_vars(
        "alpha", errors="ignore"
    )
    summary = results.summary(over)
    for i, (metric, label) in enumerate(
        (("satisfaction", "at the end"), ("satisfaction_logged", "mean of the running one"))
    ):
        plotting.points(axis, place + 0.2 * i - 0.1, summary[metric], i, ls="none", label=label)
    names = [str(name) for name in dataset["benchmark"].values]
    above = (dataset["published_satisfaction"] - dataset["alpha"]).values
    axis.plot(place, above, "k*", ms=9, label="published [M25], where to be had")
    axis.axhline(0.0, color="0.3", lw=0.8)
    axis.set_xticks(place, names, rotation=40, ha="right")
    axis.set(title="(f) all c, V of the table: two metrics", ylabel="satisfaction - alpha")
    axis.set_ylim(bottom=-0.065)
    axis.legend(fontsize=7)
