"""Three figures: cost against satisfaction with the matched mix, adaptation over time, regret.

Policies that know different things before the first request never share a panel.
"""

from __future__ import annotations

import itertools
from string import ascii_lowercase
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from messjax import plot
from messjax.evaluation.bench import mixes
from messjax.evaluation.bench.tables import headline, kind, kinds

CHANGING = ("degradation", "price rises", "price falls", "onboarding good cheap", "removal")
BESIDE = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5), "fontsize": 8}  # a legend right of the last panel


def cost_against_satisfaction(dataset: xr.Dataset, scenario: str = "stationary") -> Figure:
    """Every policy at all its targets of both tracks, with intervals, over the hull of static mixes.

    Args:
        dataset: A result of `run_bench`.
        scenario: Name of the scenario.

    Returns:
        The figure, a row per kind of knowledge and a column per track.
    """
    tracks = list(dict.fromkeys(str(each) for each in dataset["track"].values))
    with matplotlib.rc_context(plot.STYLE):
        figure, axes = _panels(len(kinds(dataset)), len(tracks), width=3.9, height=2.5)
        for row, (history, queries, names) in enumerate(kinds(dataset)):
            for column, track in enumerate(tracks):
                axis, level_line = axes[row, column], "axhline" if track == "floor" else "axvline"
                mine = dataset.isel(target=np.flatnonzero(dataset["track"].values == track)).sel(
                    setting="tuned", scenario=scenario
                )
                lowest = _mix_line(axis, mine)
                _points(axis, mine.sel(policy=names), lowest)
                for level in mine["level"].values:
                    getattr(axis, level_line)(level, color="0.35", lw=0.8, ls=":", zorder=0)
                axis.set_xscale("log")
                axis.xaxis.set_minor_formatter(NullFormatter())
                axis.set_title(f"{_letter(axes, row, column)} {track} track: {kind(history, queries)}")
            axes[row, -1].legend(**BESIDE)
        for axis in axes[-1]:
            axis.set_xlabel(f"cost per request ({dataset.attrs['cost_unit']})")
            low, high = axis.get_xlim()
            if high < 100.0 * low:  # a power of ten alone would be too few labels
                axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
                axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        figure.supylabel("satisfaction per request", fontsize=9)
        seeds = dataset.sizes["seed"]
        figure.suptitle(
            f"{dataset.attrs['source']}, {scenario}: {seeds} streams; dotted: targets; "
            "circles: single models, line: their static mixes\n95% intervals over prompts and streams",
            fontsize=10,
        )
        return figure


def _panels(rows: int, columns: int, *, width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(max(width * columns + 1.6, 7.0), height * rows + 0.7), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, sharex="col", sharey=True)


def _letter(axes: Any, row: int, column: int) -> str:
    return f"({ascii_lowercase[row * axes.shape[1] + column]})"


def _points(axis: matplotlib.axes.Axes, mine: xr.Dataset, lowest: float) -> None:
    """The policies; those far below every single model stand at the edge, with their value."""
    for i, name in enumerate(mine["policy"].values):
        one, style = mine.sel(policy=name), plot.line_style(i)
        cost, s = one["cost"].mean("seed").values, one["satisfaction"].mean("seed").values
        inside = ~(s < lowest)
        axis.errorbar(
            cost[inside], s[inside], xerr=1.96 * one["cost_error"].values[inside],
            yerr=1.96 * one["satisfaction_error"].values[inside], color=style["color"], marker=style["marker"], ls="",
            ms=4.5, lw=0.8, capsize=0, alpha=0.9, label=plot.plain(str(name)),
        )  # fmt: skip
        for x, value in zip(cost[~inside], s[~inside], strict=True):
            axis.annotate(
                f"{value:.2f}", (x, lowest), xytext=(0, 9), textcoords="offset points", ha="center", fontsize=7,
                color=style["color"], arrowprops={"arrowstyle": "<-", "color": style["color"], "lw": 0.8},
            )  # fmt: skip


def _mix_line(axis: matplotlib.axes.Axes, mine: xr.Dataset) -> float:
    """Single models, and the static mixes of hindsight between them; returns where the axis begins."""
    names = [str(name) for name in mine["control"].values if str(name).startswith("only ")]
    cost, s = (mine[key].sel(control=names).isel(target=0).values for key in ("control_cost", "control_satisfaction"))
    axis.plot(cost, s, ls="", marker="o", ms=7, mfc="none", mec="0.3", zorder=1)
    there = np.isfinite(cost)
    vertices = mixes.hull(np.where(there, cost, 0.0), np.where(there, s, 0.0), there)
    share = np.linspace(0.0, 1.0, 60)[:, None]
    c = np.concatenate([(1 - share[:, 0]) * cost[a] + share[:, 0] * cost[b] for a, b in itertools.pairwise(vertices)])
    q = np.concatenate([(1 - share[:, 0]) * s[a] + share[:, 0] * s[b] for a, b in itertools.pairwise(vertices)])
    axis.plot(c, q, color="0.3", lw=1.2, zorder=1)
    low, high = float(s[there].min()), float(s[there].max())
    lowest = low - 0.6 * max(high - low, 0.05)
    axis.set_ylim(lowest, high + 0.25 * max(high - low, 0.05))
    return lowest


def adaptation(dataset: xr.Dataset, track: str) -> Figure | None:
    """Satisfaction (floor) or cost (ceiling) of the last 100 requests over time, in the scenarios that change.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".

    Returns:
        The figure, a row per kind of knowledge and a column per scenario; None where no scenario changes.
    """
    shown = [name for name in CHANGING if name in dataset["scenario"].values][:4]
    target = headline(dataset, track)
    if not shown or target is None:
        return None
    level = float(dataset["level"].sel(target=target))
    key = "window_satisfaction" if track == "floor" else "window_cost"
    with matplotlib.rc_context(plot.STYLE):
        figure, axes = _panels(len(kinds(dataset)), len(shown), width=2.6, height=2.1)
        for row, (history, queries, names) in enumerate(kinds(dataset)):
            for column, scenario in enumerate(shown):
                axis = axes[row, column]
                _curves(axis, dataset.sel(target=target, setting="tuned", scenario=scenario, policy=names)[key])
                axis.axhline(level, color="0.2", lw=0.9, ls=":")
                for p in (1, 2):
                    axis.axvline(p * dataset.attrs["horizon"] / 3, color="0.7", lw=0.7, zorder=0)
                if row == 0:
                    axis.set_title(scenario)
                if track == "ceiling":
                    axis.set_yscale("log")
            legend = axes[row, -1].legend(**BESIDE, title=kind(history, queries), title_fontsize=8)
            legend._legend_box.align = "left"  # matplotlib offers no other way
        what = "satisfaction" if track == "floor" else f"cost ({dataset.attrs['cost_unit']})"
        figure.supylabel(f"{what}, mean of the last 100 requests", fontsize=9)
        for axis in axes[-1]:
            axis.set_xlabel("request")
        figure.suptitle(f"{dataset.attrs['source']}, {target} (dotted): changes at the grey lines", fontsize=10)
        return figure


def _curves(axis: matplotlib.axes.Axes, curves: xr.DataArray) -> None:
    late = curves["t"] >= min(100, int(curves["t"][-1]))
    for i, name in enumerate(curves["policy"].values):
        style, curve = plot.line_style(i), curves.sel(policy=name)
        axis.plot(
            curve["t"][late], curve[late], color=style["color"], ls=style["ls"], lw=1.1, label=plot.plain(str(name))
        )


def regret(dataset: xr.Dataset, track: str) -> Figure:
    """Regret per request to the best static mix of each phase, by scenario.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".

    Returns:
        The figure, a panel per kind of knowledge and a line of markers per scenario; negative is better than any
        static mix that knows the phases. The axis is linear up to the median of what is shown, and logarithmic beyond.
    """
    target = headline(dataset, track)
    values = dataset.sel(target=target, setting="tuned")["regret"] / float(dataset.attrs["horizon"])
    scenarios = [str(name) for name in values["scenario"].values]
    threshold = float(np.nanmedian(np.abs(values.mean("seed")))) or 1.0
    with matplotlib.rc_context(plot.STYLE):
        groups = kinds(dataset)
        figure = Figure(figsize=(2.5 * len(groups) + 1.6, 0.27 * len(scenarios) + 2.9), layout="constrained")
        axes = figure.subplots(1, len(groups), squeeze=False, sharey=True, sharex=True)[0]
        for axis, (history, queries, names) in zip(axes, groups, strict=True):
            for i, name in enumerate(names):
                style, one = plot.line_style(i), values.sel(policy=name)
                y = np.arange(len(scenarios)) + 0.6 * (i / max(len(names) - 1, 1) - 0.5)
                half = 1.96 * one.std("seed", ddof=1) / np.sqrt(one.sizes["seed"])
                axis.errorbar(
                    one.mean("seed"), y, xerr=half, ls="", marker=style["marker"], color=style["color"], ms=4,
                    label=plot.plain(str(name)), lw=0.8,
                )  # fmt: skip
            axis.axvline(0.0, color="0.2", lw=0.9)
            axis.set_xscale("symlog", linthresh=threshold)
            axis.set_title(kind(history, queries).replace(", ", ",\n"), fontsize=9)
            axis.tick_params(axis="x", labelrotation=60)
            axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), fontsize=8)
        axes[0].set_yticks(np.arange(len(scenarios)), scenarios)
        axes[0].invert_yaxis()
        unit = str(dataset.attrs["cost_unit"]) if track == "floor" else "satisfaction"
        what = f"{'adjusted ' if track == 'floor' else ''}regret per request to the best static mix of each phase"
        figure.suptitle(
            f"{dataset.attrs['source']}, {track} track, {target}: {what} ({unit}); 95% intervals over streams",
            fontsize=10,
        )
        return figure
