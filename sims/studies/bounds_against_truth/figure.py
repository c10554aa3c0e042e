"""The figure of the study: bounds, truth and limits, with the looseness at the right end of every bound."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot
from sims.common.study import Results
from sims.studies.bounds_against_truth.findings import regret
from sims.studies.bounds_against_truth.runs import CHAIN, LEARNING, SMOOTH, TYPES

TRUTH: Any = {"color": "black", "marker": "o", "ms": 4.5, "lw": 0.9, "zorder": 5}
LIMIT: Any = {"color": plot.COLORS[2], "ls": (0, (1, 1)), "lw": 1.8}
BOUNDS = {
    "T2": ("T2: B/V", plot.COLORS[5]),
    "T2_prime": ("T2': B0/V", plot.COLORS[0]),
    "T6_finite_types": ("T6, finitely many types", plot.COLORS[1]),
    "T12": ("T12, against C* of the average", plot.COLORS[1]),
    "T13": ("T13", plot.COLORS[3]),
}


def draw(result: Results) -> Figure:
    """Four panels: smooth dual, three types, hidden chain, learning."""
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.6, 7.2), layout="constrained")
        axes = drawn.subplots(2, 2)
        smooth = result[SMOOTH]
        _panel(axes[0, 0], smooth, "V", ("T2", "T2_prime"), "(a) smooth dual, oracle: settled cost gap")
        axes[0, 0].plot(smooth["V"], smooth["limit"], label="limit sigma²/(4V), heuristic", **LIMIT)
        axes[0, 0].set(xlabel="V", ylabel="average cost - C*")
        _panel(
            axes[0, 1], result[TYPES], "V", ("T2_prime", "T6_finite_types"), "(b) three types, oracle: settled regret"
        )
        axes[0, 1].set(xlabel="V", ylabel="adjusted regret per request", xscale="linear")
        axes[0, 1].set_xlim(right=41.0)
        chain = result[CHAIN]
        names = ("T2_prime", "T12", "T13")
        _panel(axes[1, 0], chain, "sojourn", names, "(c) hidden chain, oracle, V = 5: settled cost gap")
        axes[1, 0].set(xlabel="mean sojourn in a state (requests)", ylabel="average cost - C*")
        axes[1, 0].set_ylim(bottom=1e-4)
        _learning(axes[1, 1], result[LEARNING])
        for axis in axes.flat:
            axis.legend(fontsize=7)
        drawn.suptitle(
            "Bounds against the truth: exact values (a, b, c) and simulated learners (d); "
            "numbers at the right are bound / truth",
            fontsize=10,
        )
    return drawn


def _panel(axis: Axes, dataset: xr.Dataset, x: str, names: tuple[str, ...], title: str) -> None:
    values, truth = dataset[x].values, dataset["exact"].values
    for name in names:
        label, color = BOUNDS[name]
        false = dataset[name].values < truth
        axis.plot(values, dataset[name], color=color, lw=1.4, label=label)
        axis.plot(values[false], dataset[name].values[false], "x", color=color, ms=6, mew=1.5)
        _ratio(axis, values[-1], float(dataset[name][-1]), float(dataset[name][-1]) / truth[-1], color)
    if any((dataset[name].values < truth).any() for name in names):
        axis.plot([], [], "x", color=BOUNDS["T2_prime"][1], label="false here: requests are not i.i.d.")
    axis.plot(values, truth, label="exact", **TRUTH)
    axis.set(xscale="log", yscale="log", title=title)
    _whole(axis, values)


def _whole(axis: Axes, values: np.ndarray) -> None:
    """Ticks at whole numbers of those drawn, and room for the ratios at the right."""
    shown = [value for value in values if value == round(value)]
    if len(shown) > 2:
        axis.set_xticks(shown, [f"{value:,.0f}" for value in shown])
    elif axis.get_xscale() == "log":
        axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.minorticks_off()
    axis.margins(x=0.16)


def _learning(axis: Axes, dataset: xr.Dataset) -> None:
    T = dataset["T"].values
    for i, policy in enumerate(dataset["policy"].values):
        one, color = dataset.sel(policy=policy), plot.COLORS[(0, 1)[i]]
        truth = [regret(one.sel(T=t)) for t in T]
        mean = np.array([each.mean for each in truth])
        errors = np.abs([[each.mean - each.lower for each in truth], [each.upper - each.mean for each in truth]])
        axis.errorbar(T, mean, yerr=errors, color=color, marker="os"[i], ms=4.5, lw=0.9, capsize=2, label=str(policy))
        values = one["R_prime"].max("world").values
        axis.plot(T, values, color=color, ls="--", lw=1.3, label="R' of the policy (decomposes)" if i == 0 else None)
        _ratio(axis, T[-1], values[-1], values[-1] / mean[-1], color)
    axis.plot(T, dataset["lower_bound"], label="lower bound for every policy", **LIMIT)
    axis.set(
        xscale="log", yscale="log", xlabel="requests T, V = sqrt(T)/2", ylabel="adjusted regret, worse of two worlds",
        title="(d) learning: regret of T requests",
    )  # fmt: skip
    _whole(axis, T)


def _ratio(axis: Axes, x: float, y: float, ratio: float, color: str) -> None:
    text = f"×{ratio:.1e}" if ratio >= 1e5 else f"×{ratio:,.0f}" if ratio >= 10 else f"×{ratio:.2f}"
    axis.annotate(text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5, color=color)
