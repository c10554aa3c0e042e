"""The figure of the study: the excess of learned routers as stacked parts, and T2' by partition."""

from __future__ import annotations

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot
from messjax.evaluation.information import PARTS
from sims.common import plotting
from sims.common.study import Results
from sims.studies.information.runs import WORLD

SHOWN = "bins of s_hat"  # what the router itself can tell apart
COLOURS = dict(zip(PARTS, (plot.COLORS[5], plot.COLORS[3], plot.COLORS[4], plot.COLORS[2]), strict=True))
HATCHES = dict(zip(PARTS, ("", "//", "..", "xx"), strict=True))


def draw(result: Results) -> Figure:
    """Stacked parts per learner and V (a, b) and per trace (c); the bounds by partition beside the cost gap (d)."""
    llama, traces = result[WORLD], {name: each for name, each in result.items() if name != WORLD}
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(11.0, 8.0), layout="constrained")
        axes = figure.subplots(2, 2)
        for axis, letter, learner in zip(axes.flat, "ab", llama["learner"].values, strict=False):
            one = llama["split"].sel(learner=learner, partition=SHOWN)
            _stack(axis, [one.sel(V=V) for V in llama["V"].values], [f"{V:g}" for V in llama["V"].values])
            axis.set(
                title=f"({letter}) {WORLD}, {learner}", xlabel="V (requests per unit of cost)",
                ylabel=f"excess over the oracle\n({llama.attrs['cost_unit']} per request)",
            )  # fmt: skip
        _bounds(axes[1, 0], llama)
        _traces(axes[1, 1], traces)
        plotting.legend(figure, axes.flat, ncols=5)
        figure.suptitle(
            "What a learned router pays too much: cost + g x satisfaction missed, above a reference router\n"
            f"asymptotic 95% intervals of the sum; {WORLD}: {llama.attrs['samples']}, T = {llama.attrs['horizon']:,}, "
            f"alpha = {float(llama.attrs['alpha']):g}; cells: bins of the router's own predictions",
            fontsize=10, x=0.01, ha="left",
        )  # fmt: skip
        return figure


def _stack(axis: Axes, bars: list[xr.DataArray], names: list[str], scale: list[float] | None = None) -> None:
    """Bars of parts, positive ones upwards and negative ones downwards, and the sum with its interval."""
    x = np.arange(len(bars), dtype=float)
    factor = np.ones(len(bars)) if scale is None else 1.0 / np.array(scale)
    up, down = np.zeros(len(bars)), np.zeros(len(bars))
    for part in PARTS:
        values = np.array([float(bar.sel(part=part, limit="mean")) for bar in bars]) * factor
        axis.bar(
            x, values, 0.6, bottom=np.where(values >= 0, up, down), color=COLOURS[part], hatch=HATCHES[part],
            edgecolor="white", lw=0.4, label=part,
        )  # fmt: skip
        up, down = up + np.maximum(values, 0.0), down + np.minimum(values, 0.0)
    mean, low, high = (np.array([bar.sel(part="excess").values for bar in bars]) * factor[:, None]).T
    axis.errorbar(
        x, mean, yerr=[mean - low, high - mean], fmt="D", ms=4.5, color="k", capsize=3, lw=1.1, label="excess (sum)"
    )
    axis.axhline(0.0, color="k", lw=0.8)
    axis.set_xticks(x, names)
    axis.grid(False, axis="x")


def _bounds(axis: Axes, llama: xr.Dataset) -> None:
    """T2' by partition and the measured cost gap of the last learner, over V."""
    one, V = llama.isel(learner=-1), llama["V"].values
    gap = one["measured"].isel(partition=0).values
    axis.plot(
        V, np.where(gap > 0, gap, np.nan), color="k", marker="D", ms=4.5, lw=1.4, label="cost gap, where positive"
    )
    for i, partition in enumerate(llama["partition"].values):
        bound = one["bound"].sel(partition=partition).values
        axis.plot(V, bound, **plot.line_style(i), lw=1.2, ms=5, label=f"T2' by {partition}")
    axis.set(
        xscale="log", yscale="log", title=f"(c) {WORLD}, {llama['learner'].values[-1]}: bounds by partition",
        xlabel="V (requests per unit of cost)", ylabel=f"cost gap ({llama.attrs['cost_unit']} per request)",
    )  # fmt: skip


def _traces(axis: Axes, traces: dict[str, xr.Dataset]) -> None:
    """The traces, each over its own largest part, which is named."""
    axis.set_title("(d) recorded traces, linear SGD, V = 1 / (range of mean costs)")
    if not traces:
        axis.annotate("no recorded traces here", (0.5, 0.5), xycoords="axes fraction", ha="center", color="0.4")
        axis.set_axis_off()
        return
    bars = [each["split"].isel(learner=0, V=0).sel(partition=SHOWN) for each in traces.values()]
    scale = [float(abs(bar.sel(limit="mean")).max()) for bar in bars]
    names = [
        f"{name}\n1 = {size:.3g}\n{each.attrs['cost_unit'].removesuffix(' per request')}"
        for (name, each), size in zip(traces.items(), scale, strict=True)
    ]
    _stack(axis, bars, names, scale)
    axis.set_ylabel("excess over a ridge regression on a prefix,\nin units of the largest part (its size below)")
