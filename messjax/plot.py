"""Dataset -> Figure. No computation: means, limits and bounds come ready from `results.summary` and `verdicts`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib import ticker
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by the colour-blind; markers and line styles tell them apart in grey.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)))
STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "messjax",
    "figure.facecolor": "white",
}


def save(figure: Figure, path: Path) -> list[Path]:
    """Write `path` as PNG and SVG (the suffix is replaced); returns both paths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    paths = [path.with_suffix(suffix) for suffix in (".png", ".svg")]
    for each in paths:
        figure.savefig(each, dpi=160, metadata={"Date": None} if each.suffix == ".svg" else None)
    return paths


def versus_v(verdicts: xr.Dataset, *, title: str, cost_unit: str) -> Figure:
    """Four panels against V: cost gap (T2), violation (T1), queue (T1, T3, V gamma*), adjusted regret (T5).

    `verdicts` is that of `verdicts.judge` with dimensions (statement, policy, V) and a variable `gamma`. Measured means
    with their intervals are points, bounds are lines of the same policy's colour.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 7.0), layout="constrained")
        axes = figure.subplots(2, 2)
        panels = (
            ("T2 cost gap", "(a) cost gap", f"average cost - C* ({cost_unit} per request)", "bound T2"),
            ("T1 violation", "(b) constraint violation", "alpha - satisfaction", "bound T1"),
            ("T1 queue", "(c) virtual queue", "Q at the end (requests)", "bound T1"),
            ("T5 adjusted regret", "(d) adjusted regret", f"sum cost - C* T + gamma* T violation ({cost_unit})", "bound T5"),
        )
        for axis, (statement, heading, label, bound) in zip(axes.flat, panels, strict=True):
            rows = verdicts.sel(statement=statement)
            for i, policy in enumerate(verdicts["policy"].values):
                _measured_and_bound(axis, rows.sel(policy=policy), i, str(policy), bound)
            axis.set(xscale="log", xlabel=f"V (requests per {cost_unit})", ylabel=label, title=heading)
        _queue_extras(axes[1, 0], verdicts)
        for axis in (axes[0, 0], axes[0, 1]):
            _signed_log(axis, verdicts)
        axes[1, 0].set_yscale("log")
        _t5_floor(axes[1, 1], verdicts)
        handles, labels = _legend(axes)
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        figure.suptitle(title, fontsize=10)
        return figure


def _measured_and_bound(axis: Any, rows: xr.Dataset, i: int, policy: str, bound: str) -> None:
    V, mean = rows["V"].values, rows["measured"].values
    spread = np.abs(np.stack([mean - rows["measured_lower"].values, rows["measured_upper"].values - mean]))
    look = {"color": COLORS[i], "markersize": 5, "capsize": 3, "linewidth": 1.0}
    axis.errorbar(V, mean, yerr=spread, fmt=MARKERS[i], ls=":", label=f"{policy}: measured", **look)
    if bound != "bound T5":
        finite = np.where(np.isfinite(rows["bound"].values), rows["bound"].values, np.nan)
        axis.plot(V, finite, color=COLORS[i], ls=DASHES[i % len(DASHES)], lw=1.6, label=f"{policy}: {bound}")


def _queue_extras(axis: Any, verdicts: xr.Dataset) -> None:
    V = verdicts["V"].values
    axis.plot(V, V * float(verdicts["gamma"]), color="0.35", lw=4, alpha=0.35, label="V gamma*", zorder=0)
    rows = verdicts.sel(statement="T3 mean queue")
    for i, policy in enumerate(verdicts["policy"].values):
        bound = rows.sel(policy=policy)["bound"].values
        if np.isfinite(bound).all():
            axis.plot(V, bound, color=COLORS[i], lw=1.0, marker="_", label=f"{policy}: bound T3 (of the mean)")


def _signed_log(axis: Any, verdicts: xr.Dataset) -> None:
    del verdicts
    # Gaps and violations may be negative at finite T: linear near zero, logarithmic beyond.
    lines = np.concatenate([np.abs(line.get_ydata()) for line in axis.get_lines()])
    lines = lines[np.isfinite(lines) & (lines > 0)]
    axis.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(np.quantile(lines, 0.15))), linscale=0.6)
    axis.axhline(0.0, color="0.3", lw=0.8)
    axis.yaxis.set_minor_locator(ticker.NullLocator())


def _t5_floor(axis: Any, verdicts: xr.Dataset) -> None:
    del verdicts
    axis.axhline(0.0, color="k", lw=1.6, label="bound T5: no honest policy is below 0")
    axis.set_yscale("symlog", linthresh=1000.0)
    axis.set_ylim(bottom=-400)


def _legend(axes: np.ndarray) -> tuple[list, list]:
    handles: dict[str, Any] = {}
    for axis in axes.flat:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    return list(handles.values()), list(handles)


def over_requests(curves: Sequence[tuple[str, xr.Dataset]], *, alpha: float, title: str, cost_unit: str) -> Figure:
    """Running satisfaction and running cost (full ledger) against requests, one line per (label, summary).

    Each summary is `results.summary` of one policy at one grid point: variables over (limit, t). The agreement alpha
    is drawn; bands are the intervals over streams.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for i, (label, summary) in enumerate(curves):
            look = {"color": COLORS[i % len(COLORS)], "ls": DASHES[(i // len(COLORS) + i) % len(DASHES)], "lw": 1.4}
            for axis, name in ((left, "satisfaction_curve"), (right, "cost_curve")):
                mean, lower, upper = (summary[name].sel(limit=limit).values for limit in ("mean", "lower", "upper"))
                axis.plot(summary["t"].values, mean, label=label, **look)
                axis.fill_between(summary["t"].values, lower, upper, color=look["color"], alpha=0.15, lw=0)
        left.axhline(alpha, color="k", lw=1.0, ls=(0, (6, 2)), label=f"agreed: alpha = {alpha:g}")
        left.set(title="(a) running satisfaction", ylabel="satisfied requests / requests so far")
        right.set(title="(b) running cost, full ledger", ylabel=f"cost per request so far ({cost_unit})")
        for axis in (left, right):
            axis.set(xlabel="requests")
            axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        figure.suptitle(title, fontsize=10)
        return figure
