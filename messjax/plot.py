"""Dataset -> Figure. No computation: means, limits and bounds come ready from `results.summary` and `verdicts`."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib import ticker
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from messjax import files, output
from messjax.components import expect, found

__all__ = ["line_style", "note_omitted", "over_requests", "plain", "predictor_quality", "save", "versus_v"]

# Okabe and Ito's colours, told apart by the colour-blind; markers and line styles tell them apart in grey.
# The last three colours are Tol's.
COLORS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255", "#999933", "#7F7F7F",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*", ">")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)))
STYLE: Any = {
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


def line_style(i: int) -> dict[str, Any]:
    """Colour, marker and dashes of line number i, no two alike among the first 300.

    Args:
        i: Number of the line, from 0. The first ten have ten colours and ten markers.

    Returns:
        Keywords `color`, `marker` and `ls` of matplotlib's `plot`.
    """
    cycle = i // len(COLORS)
    dashes = DASHES[(i + cycle) % len(DASHES)]
    return {"color": COLORS[i % len(COLORS)], "marker": MARKERS[(i + cycle // 6) % len(MARKERS)], "ls": dashes}


def plain(text: str) -> str:
    """A text of the user's, such as a model's name, as matplotlib shows it letter for letter.

    A dollar sign would begin a formula, and a legend leaves out what begins with an underscore.

    Args:
        text: The text.

    Returns:
        The text for a title, a label or a legend.
    """
    shown = output.visible(text).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def note_omitted(figure: Figure, text: str) -> None:
    """State under the title of a figure what it leaves out.

    Args:
        figure: The figure, with its title.
        text: What is not drawn; empty: nothing is.
    """
    if text:
        figure.suptitle("\n".join(filter(None, (figure.get_suptitle(), text))), fontsize=10)


def save(figure: Figure, path: str | os.PathLike[str]) -> list[Path]:
    """Write a figure as PNG and as SVG.

    Args:
        figure: The figure.
        path: Where to write; its suffix is replaced, and its folder is made where there is none.

    Returns:
        The paths of both files.

    Raises:
        TypeError: Figure and path were swapped, or are something else.
    """
    expect("figure", figure, Figure, "a matplotlib Figure, such as plot.versus_v(...) returns")
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: found {found(path)}, expected a path such as 'figure.png'")
    paths = [Path(path).with_suffix(suffix) for suffix in (".png", ".svg")]
    for each in paths:
        drawn, form = io.BytesIO(), each.suffix[1:]
        figure.savefig(drawn, format=form, dpi=160, metadata={"Date": None} if form == "svg" else None)
        files.write(each, drawn.getbuffer())
    return paths


def versus_v(verdicts: xr.Dataset, *, title: str = "", cost_unit: str | None = None) -> Figure:
    """Against V: cost gap (T2), violation (T1), queue (T1, T3, V gamma*), adjusted regret (T5), and the terms of T2.

    Markers are measured means with their intervals, lines the bound of the same policy. The terms of T2 are drawn for
    the first and the last policy. A statement that was not judged, or does not apply, leaves its panel empty.

    Args:
        verdicts: What `theory.judge` returns for a sweep over V, with dimensions (statement, V) or (statement,
            policy, V). Where it has a variable `gamma`, V gamma* is drawn too.
        title: Title of the figure.
        cost_unit: Unit of the costs; by default the attribute `cost_unit` of `verdicts`, or "cost".

    Returns:
        The figure.

    Raises:
        TypeError: `verdicts` is no Dataset.
        ValueError: There is no dimension V, or one that is neither statement, policy nor V.
    """
    verdicts = _by_policy_and_v(verdicts)
    cost_unit = plain(str(verdicts.attrs.get("cost_unit", "cost")) if cost_unit is None else cost_unit)
    names = [plain(str(name)) for name in verdicts["policy"].values]
    panels = (
        ("T2 cost gap", "(a) cost gap and T2", f"average cost - C* ({cost_unit} per request)"),
        ("T1 violation", "(b) constraint violation and T1", "alpha - satisfaction"),
        ("T1 queue", "(c) virtual queue and T1, T3", r"$Q_{T+1}$ (requests)"),
        ("T5 adjusted regret", "(d) adjusted regret and T5", f"cost - C* T + gamma* x shortfall ({cost_unit})"),
    )
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 10.2), layout="constrained")
        axes = figure.subplots(3, 2)
        for axis, (statement, heading, label) in zip(axes.flat, panels, strict=False):
            for i in range(len(names) if statement in verdicts["statement"] else 0):
                rows = verdicts.sel(statement=statement).isel(policy=i)
                _measured_and_bound(axis, rows, i, bounded=statement != "T5 adjusted regret")
            axis.set(xscale="log", xlabel=f"V (requests per {cost_unit})", ylabel=label, title=heading)
        _signed_log(axes[0, 0])
        _signed_log(axes[0, 1])
        axes[1, 0].set_yscale("log")
        extras = _queue_extras(axes[1, 0], verdicts)
        _signed_log(axes[1, 1])
        extras.append(axes[1, 1].axhline(0.0, color="k", lw=1.6, label="(d) T5: bound 0 from below"))
        last = ((axes[2, 1], "f", len(names) - 1),) if len(names) > 1 else ()
        axes[2, 1].set_visible(bool(last))
        for axis, letter, i in ((axes[2, 0], "e", 0), *last):
            _cost_terms(axis, verdicts.isel(policy=i))
            axis.set(title=f"({letter}) terms of T2, {names[i]}", xlabel=f"V (requests per {cost_unit})")
            axis.set_ylabel(f"bound on the cost gap ({cost_unit})")
        policies = [
            Line2D([], [], **line_style(i), label=f"{name}: measured (marker), bound (line)")
            for i, name in enumerate(names)
        ]
        figure.legend(handles=[*policies, *extras], loc="outside lower center", ncols=2)
        figure.suptitle(plain(title), fontsize=10)
        if len(names) > 2:
            note_omitted(figure, f"Terms of T2 are not drawn for {', '.join(names[1:-1])}.")
        return figure


def _by_policy_and_v(verdicts: xr.Dataset) -> xr.Dataset:
    """The verdicts with dimensions statement, policy and V; ValueError where others are left."""
    expect("verdicts", verdicts, xr.Dataset, "the Dataset that theory.judge returns")
    if "policy" not in verdicts.dims:
        verdicts = verdicts.expand_dims(policy=[str(verdicts.coords.get("policy", "MESS+"))])
    grid = verdicts["measured"].dims if "measured" in verdicts else ()
    if others := sorted({str(name) for name in grid} ^ {"statement", "policy", "V"}):
        raise ValueError(
            f"verdicts: found the dimensions {', '.join(map(str, grid))}, expected statement, V and perhaps policy: "
            f"{'select one' if others[0] in grid else 'there is no'} {others[0]}"
        )
    return verdicts


def _measured_and_bound(axis: Any, rows: xr.Dataset, i: int, *, bounded: bool) -> None:
    V, mean = rows["V"].values, rows["measured"].values
    spread = np.stack([mean - rows["measured_lower"].values, rows["measured_upper"].values - mean])
    style = line_style(i)
    axis.errorbar(V, mean, yerr=spread, **(style | {"ls": ":", "lw": 0.8, "markersize": 5, "capsize": 3}))
    if bounded:
        finite = np.where(np.isfinite(rows["bound"].values), rows["bound"].values, np.nan)
        axis.plot(V, finite, color=style["color"], ls=style["ls"], lw=1.6)


def _cost_terms(axis: Any, rows: xr.Dataset) -> None:
    for i, (term, label) in enumerate(
        (
            ("control", "control: B / V"),
            ("exploration", "exploration: ~ T^-a"),
            ("prediction", "prediction: 2 S / (V T)"),
        )
    ):
        values = rows["cost_bound_terms"].sel(term=term).values
        if (values > 0).any():
            axis.plot(rows["V"].values, values, color="0.25", ls=DASHES[i], marker="_", lw=1.2, label=label)
    total = rows["cost_bound_terms"].sum("term").values
    axis.plot(rows["V"].values, total, color="k", lw=2.2, alpha=0.5, label="T2, their sum")
    axis.set(xscale="log", yscale="log")
    axis.legend()


def _queue_extras(axis: Any, verdicts: xr.Dataset) -> list:
    V, handles = verdicts["V"].values, []
    if "gamma" in verdicts:
        gamma = float(np.ravel(verdicts["gamma"])[0])
        handles += axis.plot(V, V * gamma, color="0.8", lw=5, label="(c) V gamma*", zorder=0)
    for i, name in enumerate(verdicts["policy"].values if "T3 mean queue" in verdicts["statement"] else ()):
        bound = verdicts.sel(statement="T3 mean queue", policy=name)["bound"].values
        if np.isfinite(bound).all():
            handles += axis.plot(
                V,
                bound,
                color=line_style(i)["color"],
                lw=1.0,
                marker="_",
                label=f"(c) T3, {plain(str(name))}: bound on the mean of Q",
            )
    return handles


def _signed_log(axis: Any) -> None:
    # Gaps and violations may be negative at finite T: linear near zero, logarithmic beyond.
    shown = np.concatenate([np.zeros(0), *(line.get_ydata() for line in axis.get_lines())])
    shown = shown[np.isfinite(shown) & (shown != 0)]
    if not shown.size:
        return
    step = 10.0 ** np.floor(np.log10(np.quantile(np.abs(shown), 0.15)))
    axis.set_yscale("symlog", linthresh=step, linscale=0.6)
    axis.set_yticks([0.0, *(tick for tick in axis.get_yticks() if abs(tick) >= 0.99 * step)])
    axis.set_ylim(min(-step / 2, 3.0 * shown.min()), 3.0 * shown.max())  # after the ticks, which widen it
    axis.axhline(0.0, color="0.3", lw=0.8)


def over_requests(
    curves: Sequence[tuple[str, xr.Dataset]], *, alpha: float, title: str, cost_unit: str, omitted: str = ""
) -> Figure:
    """Running satisfaction and running cost (full ledger) against requests, one line per (label, summary).

    Bands are the intervals over streams.

    Args:
        curves: Pairs of a label and `results.summary` of one policy at one grid point: variables over (limit, t).
        alpha: The share of satisfied requests that was agreed; it is drawn.
        title: Title of the figure.
        cost_unit: Unit of the costs.
        omitted: What is not drawn, stated under the title.

    Returns:
        The figure.
    """
    cost_unit = plain(cost_unit)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for i, (label, summary) in enumerate(curves):
            look = line_style(i) | {"lw": 1.4, "ms": 4}
            for axis, name in ((left, "satisfaction_curve"), (right, "cost_curve")):
                mean, lower, upper = (summary[name].sel(limit=limit).values for limit in ("mean", "lower", "upper"))
                axis.plot(summary["t"].values, mean, label=plain(label), markevery=max(1, len(mean) // 8), **look)
                axis.fill_between(summary["t"].values, lower, upper, color=look["color"], alpha=0.15, lw=0)
        left.axhline(alpha, color="k", lw=1.0, ls=(0, (6, 2)), label=f"SLA: alpha = {alpha:g}")
        left.set(title="(a) running satisfaction", ylabel="satisfied requests / requests so far")
        right.set(title="(b) running cost, full ledger", ylabel=f"cost per request so far ({cost_unit})")
        for axis in (left, right):
            axis.set(xlabel="requests")
            axis.xaxis.set_major_locator(ticker.MaxNLocator(6))
            axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        figure.suptitle(plain(title), fontsize=10)
        note_omitted(figure, plain(omitted))
        return figure


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
        figure = Figure(figsize=(9.2, 7.6), layout="constrained")
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
