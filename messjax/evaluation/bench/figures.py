"""Three figures: cost against satisfaction with the matched mix, adaptation over time, regret."""

from __future__ import annotations

import itertools

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from messjax import plot
from messjax.evaluation.bench import mixes
from messjax.evaluation.bench.tables import headline

CHANGING = ("degradation", "price rises", "price falls", "onboarding good cheap", "removal")


def cost_against_satisfaction(dataset: xr.Dataset, scenario: str = "stationary") -> Figure:
    """Every policy at all its targets of both tracks, with intervals, over the hull of static mixes.

    Args:
        dataset: A result of `run_bench`.
        scenario: Name of the scenario.

    Returns:
        The figure, one panel per track.
    """
    tracks = list(dict.fromkeys(str(each) for each in dataset["track"].values))
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(4.4 * len(tracks), 5.2), layout="constrained")
        axes = figure.subplots(1, len(tracks), squeeze=False, sharey=True)[0]
        for letter, (axis, track) in enumerate(zip(axes, tracks, strict=True)):
            mine = dataset.isel(target=np.flatnonzero(dataset["track"].values == track)).sel(
                setting="tuned", scenario=scenario
            )
            _mix_line(axis, mine)
            for i, name in enumerate(dataset["policy"].values):
                one = mine.sel(policy=name)
                cost, s = one["cost"].mean("seed").values, one["satisfaction"].mean("seed").values
                style = plot.line_style(i)
                axis.errorbar(
                    cost, s, xerr=1.96 * one["cost_error"].values, yerr=1.96 * one["satisfaction_error"].values,
                    color=style["color"], marker=style["marker"], ls="", ms=4.5, lw=0.8, capsize=0, alpha=0.9,
                    label=plot.plain(str(name)),
                )  # fmt: skip
            levels = mine["level"].values
            for level in levels:
                (axis.axhline if track == "floor" else axis.axvline)(level, color="0.35", lw=0.8, ls=":", zorder=0)
            axis.set(xscale="log", xlabel=f"cost per request ({dataset.attrs['cost_unit']})")
            axis.set_title(f"({'ab'[letter]}) {track} track; dotted: its targets")
        axes[0].set_ylabel("satisfaction per request")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        seeds = dataset.sizes["seed"]
        figure.suptitle(
            f"{dataset.attrs['source']}, {scenario}: {seeds} streams; 95% intervals over prompts", fontsize=10
        )
        return figure


def _mix_line(axis: matplotlib.axes.Axes, mine: xr.Dataset) -> None:
    """Single models, and the static mixes of hindsight between them."""
    names = [str(name) for name in mine["control"].values if str(name).startswith("only ")]
    cost, s = (mine[key].sel(control=names).isel(target=0).values for key in ("control_cost", "control_satisfaction"))
    axis.plot(cost, s, ls="", marker="o", ms=7, mfc="none", mec="0.3", label="single models", zorder=1)
    there = np.isfinite(cost)
    vertices = mixes.hull(np.where(there, cost, 0.0), np.where(there, s, 0.0), there)
    share = np.linspace(0.0, 1.0, 60)[:, None]
    c = np.concatenate([(1 - share[:, 0]) * cost[a] + share[:, 0] * cost[b] for a, b in itertools.pairwise(vertices)])
    q = np.concatenate([(1 - share[:, 0]) * s[a] + share[:, 0] * s[b] for a, b in itertools.pairwise(vertices)])
    axis.plot(c, q, color="0.3", lw=1.2, label="static mix of two models (hindsight)", zorder=1)


def adaptation(dataset: xr.Dataset, track: str) -> Figure | None:
    """Satisfaction (floor) or cost (ceiling) of the last 100 requests over time, in the scenarios that change.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".

    Returns:
        The figure; None where no scenario changes.
    """
    shown = [name for name in CHANGING if name in dataset["scenario"].values][:4]
    target = headline(dataset, track)
    if not shown or target is None:
        return None
    level = float(dataset["level"].sel(target=target))
    rows = -(-len(shown) // 2)
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(9.0, 2.7 * rows + 1.2), layout="constrained")
        axes = figure.subplots(rows, 2, squeeze=False, sharex=True)
        key = "window_satisfaction" if track == "floor" else "window_cost"
        for n, (axis, scenario) in enumerate(zip(axes.ravel(), shown, strict=False)):
            at = dataset.sel(target=target, setting="tuned", scenario=scenario)
            for i, name in enumerate(dataset["policy"].values):
                style = plot.line_style(i)
                curve = at[key].sel(policy=name)
                if np.isfinite(curve).any():
                    late = curve["t"] >= min(100, int(dataset.attrs["horizon"]))
                    axis.plot(
                        curve["t"][late],
                        curve[late],
                        color=style["color"],
                        ls=style["ls"],
                        lw=1.1,
                        label=plot.plain(str(name)),
                    )
            axis.axhline(level, color="0.2", lw=0.9, ls=":")
            for p in (1, 2):
                axis.axvline(p * dataset.attrs["horizon"] / 3, color="0.7", lw=0.7, zorder=0)
            axis.set_title(f"({'abcd'[n]}) {scenario}")
            if track == "ceiling":
                axis.set_yscale("log")
        for axis in axes.ravel()[len(shown) :]:
            axis.set_visible(False)
        what = "satisfaction" if track == "floor" else f"cost ({dataset.attrs['cost_unit']})"
        figure.supylabel(f"{what}, mean of the last 100 requests", fontsize=9)
        for axis in axes[-1]:
            axis.set_xlabel("request")
        handles, labels = axes.ravel()[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        figure.suptitle(f"{dataset.attrs['source']}, {target} (dotted): changes at the grey lines", fontsize=10)
        return figure


def regret(dataset: xr.Dataset, track: str) -> Figure:
    """Regret per request to the best static mix of each phase, by scenario.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".

    Returns:
        The figure: one line of markers per scenario; negative is better than any static mix that knows the phases.
    """
    target = headline(dataset, track)
    at = dataset.sel(target=target, setting="tuned")
    values = at["regret"] / float(dataset.attrs["horizon"])
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(7.6, 1.4 + 0.3 * values.sizes["scenario"] + 0.9), layout="constrained")
        axis = figure.subplots()
        count = values.sizes["policy"]
        for i, name in enumerate(values["policy"].values):
            style = plot.line_style(i)
            one = values.sel(policy=name)
            y = np.arange(one.sizes["scenario"]) + 0.6 * (i / max(count - 1, 1) - 0.5)
            half = 1.96 * one.std("seed", ddof=1) / np.sqrt(one.sizes["seed"])
            axis.errorbar(
                one.mean("seed"), y, xerr=half, ls="", marker=style["marker"], color=style["color"], ms=4,
                label=plot.plain(str(name)), lw=0.8,
            )  # fmt: skip
        axis.axvline(0.0, color="0.2", lw=0.9)
        axis.set_yticks(np.arange(values.sizes["scenario"]), [str(name) for name in values["scenario"].values])
        axis.invert_yaxis()
        unit = str(dataset.attrs["cost_unit"]) if track == "floor" else "satisfaction"
        axis.set_xlabel(
            f"{'adjusted ' if track == 'floor' else ''}regret per request to the best static mix of each phase ({unit})"
        )
        figure.legend(loc="outside lower center", ncols=3)
        figure.suptitle(f"{dataset.attrs['source']}, {track} track, {target}; 95% intervals over streams", fontsize=10)
        return figure
