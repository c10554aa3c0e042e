"""The figure of sims.studies.sparse_feedback.study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot, results
from sims.common import comparison, plotting
from sims.common.study import Results

LEARNED, ORACLE = "linear head", "oracle"
F = np.array([0.2, 0.5, 1.0])


def draw(result: Results) -> Figure:
    """The calibrated world in six panels, all worlds in the last three."""
    name, first = next(iter(result.items()))
    summary = results.summary(first.drop_vars(["sla", "verdict"]))
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.8, 8.6), layout="constrained")
        axes = drawn.subplots(3, 3)
        _over_time(axes[0, 0], summary.sel(policy=LEARNED).isel(V=1))
        _violations(axes[0, 1], summary.sel(policy=LEARNED), f"(b) {LEARNED}: shortfall at the end")
        _violations(axes[0, 2], summary.sel(policy=ORACLE), f"(c) {ORACLE}: shortfall at the end")
        _queues(axes[1, 0], summary.sel(policy=ORACLE))
        _waits(axes[1, 1], first.sel(policy=LEARNED))
        _ledgers(axes[1, 2], summary.sel(policy=LEARNED))
        _all_worlds(axes[2], result)
        for axis in [*axes[0, 1:], *axes[1:].flat]:
            axis.set_xticks(F, [f"{f:g}" for f in F])
            axis.set_xlim(0.1, 1.1)
            axis.set_xlabel("f, share of requests with feedback")
        plotting.legend(drawn, [axes[0, 1]], ncols=5)
        drawn.suptitle(f"MESS+ under sparse feedback (c = 0.1); (a) to (f) {name}; 95% intervals", fontsize=10)
        return drawn


def weight_label(V: xr.DataArray, attrs: dict[str, Any]) -> str:
    """V in units of the spread of costs."""
    return f"V (E_M - E_1) = {float(V) * attrs['spread']:.2g}"


def _over_time(axis: Axes, summary: xr.Dataset) -> None:
    for i, f in enumerate(F):
        plotting.band(axis, summary["satisfaction_curve"].sel(f=f), i, label=f"f = {f:g}")
    alpha = float(summary["alpha"])
    axis.axhline(alpha, color="k", lw=1.0, ls=(0, (6, 2)), label="alpha")
    axis.set(
        title=f"(a) {LEARNED}, {weight_label(summary['V'], summary.attrs)}",
        xlabel="requests",
        ylabel="running satisfaction",
    )
    axis.set_ylim(alpha - 0.06, alpha + 0.06)
    plotting.thousands(axis)
    axis.legend()


def _violations(axis: Axes, summary: xr.Dataset, title: str) -> None:
    for i, V in enumerate(summary["V"]):
        one = summary.sel(V=V)
        plotting.points(axis, F, one["violation"], i, label=weight_label(V, summary.attrs), ls="none")
        for statement, width in (("T9 violation, by the queue", 1.0), ("T9 violation", 2.0)):
            axis.plot(
                F,
                one["bound"].sel(statement=statement).values,
                color=plot.COLORS[i],
                ls=plot.DASHES[i],
                lw=width,
                alpha=0.7,
            )
    axis.plot([], [], color="0.4", lw=1.0, label="(b), (c): E[Q]/(fT), the measured queue's bound")
    axis.plot([], [], color="0.4", lw=2.0, label="T9")
    axis.axhline(0.0, color="0.3", lw=0.8)
    axis.set_yscale("symlog", linthresh=0.003, linscale=0.6)
    axis.set_yticks([-0.1, -0.01, 0.0, 0.01, 0.1], ["-0.1", "-0.01", "0", "0.01", "0.1"])
    axis.set_ylim(-0.15, 0.4)
    axis.set(title=title, ylabel="alpha - satisfaction")


def _queues(axis: Axes, summary: xr.Dataset) -> None:
    for i, V in enumerate(summary["V"]):
        one = summary.sel(V=V)
        plotting.points(axis, F, one["queue_last"], i, ls="none")
        axis.plot(F, one["bound"].sel(statement="T9 queue").values, color=plot.COLORS[i], lw=2.0, alpha=0.7)
        axis.axhline(float(V * summary["gamma"]), color=plot.COLORS[i], lw=0.8, ls=":")
    axis.plot([], [], color="0.4", lw=2.0, label="T9")
    axis.plot([], [], color="0.4", lw=0.8, ls=":", label="V gamma*")
    axis.set(yscale="log", title=f"(d) {ORACLE}: queue at the end", ylabel="$Q_{T+1}$ (requests)")
    axis.legend()


def _waits(axis: Axes, dataset: xr.Dataset) -> None:
    """Quartiles over streams; T + 1 stands for not at all."""
    near = dataset.attrs["near"]
    for i, V in enumerate(dataset["V"]):
        low, middle, high = np.quantile(
            dataset["near_from"].sel(V=V).transpose("f", "stream"), [0.25, 0.5, 0.75], axis=1
        )
        style = plot.line_style(i) | {"lw": 1.1, "ms": 4.5, "capsize": 2}
        axis.errorbar(F * (0.97 + 0.03 * i), middle, yerr=[middle - low, high - middle], **style)
        predicted = float(V * dataset["gamma"]) / (near * F)
        axis.plot(F, predicted, color=plot.COLORS[i], lw=0.8, ls=":")
    axis.plot([], [], color="0.4", lw=0.8, ls=":", label=f"V gamma*/({near:g} f)")
    T = dataset.attrs["horizon"]
    axis.axhline(T, color="0.5", lw=0.8)
    axis.set(yscale="log", ylim=(T / 500, 1.6 * T), ylabel="requests (quartiles)")
    axis.set_title(f"(e) {LEARNED}: within {near:g} of alpha from")
    axis.legend()


def _ledgers(axis: Axes, summary: xr.Dataset) -> None:
    for i, V in enumerate(summary["V"]):
        plotting.points(axis, F, summary["cost"].sel(V=V), i, ls="-")
        plotting.points(axis, F, summary["cost_exploit"].sel(V=V), i, ls=":", mfc="white")
    axis.plot([], [], color="0.4", lw=1.1, label="full ledger")
    axis.plot([], [], color="0.4", lw=1.1, ls=":", label="exploit-only")
    axis.axhline(float(summary["optimal_cost"]), color="0.6", lw=2.2, label="C*")
    axis.set(title=f"(f) {LEARNED}: cost in two ledgers", ylabel=f"{summary.attrs['cost_unit']} per request")
    axis.set_ylim(0.0, 1.6 * float(summary["cost"].max()))
    axis.legend(loc="upper right")


def _all_worlds(axes: Sequence[Axes], result: Results) -> None:
    near = next(iter(result.values())).attrs["near"]
    for i, (name, dataset) in enumerate(result.items()):
        one = dataset.sel(policy=LEARNED).isel(V=0)
        plotting.points(axes[0], F, results.summary(one[["violation"]])["violation"], i, label=name)
        cost = one["cost_at_alpha"].transpose("f", "stream").values
        ratios = [comparison.ratio(cost[k], cost[-1]) for k in range(len(F))]
        limits = xr.DataArray(np.array([(r.mean, r.lower, r.upper) for r in ratios]).T, dims=("limit", "f"))
        plotting.points(axes[1], F, limits, i)
        share = (one["violation"] <= near).mean("stream").transpose("f").values
        axes[2].plot(F, share, **plot.line_style(i) | {"lw": 1.1, "ms": 4.5})
    axes[0].axhline(0.0, color="0.3", lw=0.8)
    axes[1].axhline(1.0, color="0.3", lw=0.8)
    axes[0].set(title="(g) all worlds, least V: shortfall", ylabel="alpha - satisfaction")
    axes[1].set(title="(h) cost at alpha against f = 1", ylabel="ratio (paired), full ledger")
    axes[2].set(title=f"(i) within {near:g} of alpha", ylabel="share of streams, at the end", ylim=(0, 1.05))
    axes[0].legend()
