"""Along the requests: running satisfaction and cost, and the quality of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from messjax.plot.style import COLORS, MARKERS, STYLE, Drawing, legend, line_style, note_omitted, panels, plain


def over_requests(
    curves: Sequence[tuple[str, xr.Dataset]],
    *,
    alpha: float,
    title: str,
    cost_unit: str,
    omitted: str = "",
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Running satisfaction and running cost (full ledger) against requests, one line per (label, summary).

    Bands are the intervals over streams.

    Args:
        curves: Pairs of a label and `results.summary` of one policy at one grid point: variables over (limit, t).
        alpha: The share of satisfied requests that was agreed; it is drawn.
        title: Title of the figure.
        cost_unit: Unit of the costs.
        omitted: What is not drawn, stated under the title.
        axes: Where to draw, two axes; by default a new figure.

    Returns:
        The figure.

    Raises:
        ValueError: There are not two axes.
    """
    cost_unit = plain(cost_unit)
    with matplotlib.rc_context(STYLE):
        figure, (left, right) = panels(axes, 2, (9.2, 4.6))
        for i, (label, summary) in enumerate(curves):
            look = line_style(i) | {"lw": 1.4, "ms": 4}
            for axis, name in ((left, "satisfaction_curve"), (right, "cost_curve")):
                mean, lower, upper = (summary[name].sel(limit=limit).values for limit in ("mean", "lower", "upper"))
                axis.plot(summary["t"].values, mean, label=plain(label), markevery=max(1, len(mean) // 8), **look)
                axis.fill_between(summary["t"].values, lower, upper, color=look["color"], alpha=0.15, lw=0)
        left.axhline(alpha, color="k", lw=1.0, ls=(0, (6, 2)), label=f"SLA: alpha = {alpha:g}")
        left.set(title="(a) running satisfaction", ylabel="satisfied requests / requests so far")
        cut = _settled_costs(right, [summary["cost_curve"] for _, summary in curves])
        right.set(title=f"(b) running cost, full ledger{cut}", ylabel=f"cost per request so far ({cost_unit})")
        for axis in (left, right):
            axis.set(xlabel="requests")
            axis.xaxis.set_major_locator(ticker.MaxNLocator(6))
            axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
        legend(figure, [left], left.get_legend_handles_labels()[0], own=axes is None, title=title)
        note_omitted(figure, plain(omitted) if axes is None else "")
        return figure


def _settled_costs(axis: Any, costs: Sequence[xr.DataArray]) -> str:
    """Shows costs from the first tenth of the requests on, where earlier ones are far above; says so, for the title."""
    start = float(costs[0]["t"].max()) / 10
    every, later = (
        max(float(cost.isel(t=cost["t"].values >= first).max()) for cost in costs) for first in (0.0, start)
    )
    if not every > 2.0 * later > 0.0:
        return ""
    axis.set_ylim(-0.05 * later, 1.1 * later)
    return "; the first requests are above"


def predictor_quality(summary: xr.Dataset, *, title: str, most: int = 3) -> Figure:
    """Log loss, Brier score and calibration error over requests, and the reliability diagram at the end.

    Solid lines: requests held out, with intervals over streams; dotted: the requests just passed (solid, where nothing
    was held out); dashed: the base rate on what is solid. In (d) the size of a marker is the number of predictions.

    Args:
        summary: What `evaluation.predictor.summary` returns.
        title: Title of the figure.
        most: Largest number of values of c that are drawn.

    Returns:
        The figure.
    """
    if "c" not in summary.dims:
        summary = summary.expand_dims("c")
    shown = sorted({round(i) for i in np.linspace(0, summary.sizes["c"] - 1, min(most, summary.sizes["c"]))})
    last = str(summary["on"].values[-1])
    with matplotlib.rc_context(STYLE):
        figure = Drawing(figsize=(9.2, 7.6), layout="constrained")
        axes = figure.subplots(2, 2)
        panels = (
            (axes[0, 0], "log_loss", "base_log_loss", "(a) log loss", "nat per model and request"),
            (axes[0, 1], "brier", "base_brier", "(b) Brier score", "mean of (prediction - satisfaction)$^2$"),
            (axes[1, 0], "calibration_error", "calibration_chance", "(c) calibration error", "ECE"),
        )
        for axis, name, base, heading, label in panels:
            for i in shown:
                one = summary.isel(c=i)
                if len(summary["on"]) > 1:
                    _quality_line(axis, one[name].sel(on="passed"), i, ls=(0, (1, 1)), lw=1.0)
                _quality_line(axis, one[name].sel(on=last), i, ls="-", lw=1.6, own=True)
                _quality_line(axis, one[base].sel(on=last), i, ls=(0, (5, 1.5)), lw=1.0)
            axis.set(title=heading, ylabel=label, xlabel="requests")
            axis.xaxis.set_major_locator(ticker.MaxNLocator(6))
            axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
        axes[1, 0].set_ylim(bottom=0.0)
        _reliability(axes[1, 1], summary.isel(c=shown).sel(on=last), shown)
        axes[1, 1].set(title=f"(d) reliability at the end, {last}, all models")
        figure.legend(handles=_quality_legend(summary, shown, last), loc="outside lower center", ncols=3)
        figure.suptitle(plain(title), fontsize=10)
        hidden = [f"{c:g}" for i, c in enumerate(summary["c"].values) if i not in shown]
        note_omitted(figure, f"Not drawn: c = {', '.join(hidden)}." if hidden else "")
        return figure


def _quality_line(axis: Any, limits: xr.DataArray, i: int, *, ls: Any, lw: float, own: bool = False) -> None:
    t, color = limits["t"].values, COLORS[i % len(COLORS)]
    mean, lower, upper = (limits.sel(limit=limit).values for limit in ("mean", "lower", "upper"))
    marker = {"marker": MARKERS[i % len(MARKERS)], "markersize": 4, "markevery": max(1, len(t) // 8)} if own else {}
    axis.plot(t, mean, color=color, ls=ls, lw=lw, **marker)
    if own:
        axis.fill_between(t, lower, upper, color=color, alpha=0.15, lw=0)


def _reliability(axis: Any, summary: xr.Dataset, shown: Sequence[int]) -> None:
    axis.plot([0, 1], [0, 1], color="0.6", lw=1.0)
    for place, i in enumerate(shown):
        one = summary.isel(c=place)
        weight = one["bin_count"].sel(limit="mean").values.ravel()
        x, y, low, high = (
            one[name].sel(limit=limit).values.ravel()
            for name, limit in (
                ("bin_predicted", "mean"),
                ("bin_observed", "mean"),
                ("bin_observed", "lower"),
                ("bin_observed", "upper"),
            )
        )
        look = {"color": COLORS[i % len(COLORS)], "alpha": 0.8}
        axis.vlines(x, low, high, lw=1.0, **look)
        size = 6.0 + 90.0 * weight / max(weight.max(), 1.0)
        axis.scatter(x, y, s=size, marker=MARKERS[i % len(MARKERS)], linewidths=0.8, facecolors="none", **look)
    axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean prediction in the bin", ylabel="mean satisfaction in the bin")


def _quality_legend(summary: xr.Dataset, shown: Sequence[int], last: str) -> list[Line2D]:
    handles = [
        Line2D([], [], color=COLORS[i % len(COLORS)], marker=MARKERS[i % len(MARKERS)], label=f"c = {c:g}")
        for i, c in ((i, float(summary["c"].values[i])) for i in shown)
    ]
    handles.append(Line2D([], [], color="0.2", lw=1.6, label=f"predictor, {last}"))
    if len(summary["on"]) > 1:
        handles.append(Line2D([], [], color="0.2", lw=1.0, ls=(0, (1, 1)), label="predictor, requests just passed"))
    label = f"base rate, {last}; in (c): by chance"
    return [*handles, Line2D([], [], color="0.2", lw=1.0, ls=(0, (5, 1.5)), label=label)]
