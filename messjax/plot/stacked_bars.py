"""What a cost gap and an adjusted regret are made of, as stacked bars per V."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from messjax.components import expect
from messjax.plot.style import STYLE, legend, line_style, panels, plain

LOOKS: dict[str, dict[str, Any]] = {  # term: how its part of a bar is filled
    "noise": {"facecolor": "0.72"},
    "decision loss": {"facecolor": "#CC79A7", "hatch": "//"},
    "exploration": {"facecolor": "#F0E442"},
    "gap of the dual": {"facecolor": "#56B4E9", "hatch": "\\\\"},
    "terminal queue": {"facecolor": "#999933"},
    "reflection": {"facecolor": "0.25"},
}
WHAT = {  # variable of the terms: the measured number, the number printed above the bar, both in words
    "cost_gap_terms": ("cost_gap", "cost", "cost gap", "cost"),
    "regret_terms": ("regret", "regret", "adjusted regret", "regret"),
}


def decomposition(
    terms: xr.Dataset, *, title: str = "", cost_unit: str | None = None, axes: Sequence[Axes] | None = None
) -> Figure:
    """The terms of I1 and I2 (docs/theory) as stacked bars, a group for each V and a bar for each policy.

    A bar is scaled so that its positive terms add up to one; negative terms hang below zero. The marker is what was
    measured, on the same scale with its interval: by the identity it is where positive and negative terms balance.
    Above each bar stands the measured cost, or regret, per request.

    Args:
        terms: What `theory.decompose` returns for a sweep over V, with dimensions V and perhaps policy.
        title: Title of the figure.
        cost_unit: Unit of the costs; by default the attribute `cost_unit` of `terms`, or "cost".
        axes: Where to draw, two axes; by default a new figure.

    Returns:
        The figure, with C* in its left heading.

    Raises:
        TypeError: `terms` is no Dataset.
        ValueError: There is no dimension V, or one that is neither policy nor V; the Dataset has no terms; or there
            are not two axes.
    """
    terms = by_policy_and_v(terms)
    with matplotlib.rc_context(STYLE):
        figure, drawn = panels(axes, len(WHAT), (9.2, 4.6))
        for axis, letter, name in zip(drawn, "ab", WHAT, strict=True):
            draw_terms(axis, terms, name, letter=letter, cost_unit=cost_unit)
        handles = [*policy_handles(terms), *term_handles()]
        legend(figure, drawn, handles, own=axes is None, title=title)
        return figure


def by_policy_and_v(terms: xr.Dataset) -> xr.Dataset:
    """Terms with the dimensions policy and V.

    Args:
        terms: What `theory.decompose` returns.

    Returns:
        The same with a dimension policy.

    Raises:
        TypeError: It is no Dataset.
        ValueError: As `decomposition`.
    """
    expect("terms", terms, xr.Dataset, "the Dataset that theory.decompose returns")
    if "cost_gap_terms" not in terms:
        raise ValueError("terms: found a Dataset without 'cost_gap_terms', expected what theory.decompose returns")
    if "policy" not in terms.dims:
        terms = terms.expand_dims(policy=[str(terms.coords.get("policy", "MESS+"))])
    dims = {str(name) for name in terms["cost_gap"].dims} - {"limit"}
    if dims != {"policy", "V"}:
        found = ", ".join(sorted(dims))
        raise ValueError(
            f"terms: found the dimensions {found}, expected V and perhaps policy: select one of the others"
        )
    return terms.transpose("policy", "V", "limit", "term")


def draw_terms(axis: Any, terms: xr.Dataset, name: str, *, letter: str, cost_unit: str | None = None) -> None:
    """One panel of `decomposition`.

    Args:
        axis: Matplotlib's axes.
        terms: With the dimensions policy and V.
        name: "cost_gap_terms" or "regret_terms".
        letter: Letter of the panel.
        cost_unit: Unit of the costs; by default that of the terms.
    """
    unit = plain(str(terms.attrs.get("cost_unit", "cost"))) if cost_unit is None else cost_unit
    measured, printed, what, short = WHAT[name]
    num_policies, V = terms.sizes["policy"], terms["V"].values
    width = 0.8 / num_policies
    for i in range(num_policies):
        for v in range(len(V)):
            at = terms.isel(policy=i, V=v)
            x = v + (i - (num_policies - 1) / 2) * width
            values = {term: float(at[name].sel(limit="mean", term=term)) for term in LOOKS}
            scale = sum(max(value, 0.0) for value in values.values())
            if not np.isfinite(scale) or scale <= 0:  # V = 0
                continue
            _stack(axis, x, 0.92 * width, {term: value / scale for term, value in values.items()})
            mean, low, high = (float(at[measured].sel(limit=limit)) / scale for limit in ("mean", "lower", "upper"))
            look = line_style(i) | {"ls": "", "ms": 5.5, "mec": "white", "mew": 0.8, "ecolor": "black", "elinewidth": 1}
            axis.errorbar(x, mean, yerr=[[max(mean - low, 0.0)], [max(high - mean, 0.0)]], zorder=5, **look)
            text = f"{float(at[printed].sel(limit='mean')):.3f}"
            axis.annotate(
                text, (x, 1.0), (0, 2), textcoords="offset points", rotation=90, ha="center", va="bottom", fontsize=6.5
            )
    axis.axhline(0.0, color="black", lw=0.8)
    bottom = min(1.05 * axis.get_ylim()[0], -0.1)
    top = 1.0 + 0.2 * (1.0 - bottom)  # room for the numbers above the bars, however far the bars reach down
    axis.set(xticks=range(len(V)), xticklabels=[f"{value:g}" for value in V], ylim=(bottom, top))
    step = 0.5 if bottom > -2.0 else 1.0 if bottom > -5.0 else 2.0
    axis.set_yticks([tick for tick in step * np.arange(-20, 3) if bottom <= tick <= 1.0])
    axis.grid(visible=False, axis="x")
    best = (
        f", C* = {float(terms['C_star'].isel(policy=0, V=0).sel(limit='mean')):.3f}" if measured == "cost_gap" else ""
    )
    axis.set(title=f"({letter}) what the {what} is made of", xlabel=f"V (requests per {unit})")
    axis.set_ylabel(f"share of the positive terms\n(above: {short} in {unit} per request{best})")


def _stack(axis: Any, x: float, width: float, shares: dict[str, float]) -> None:
    """One bar: positive parts upwards from zero, negative ones downwards."""
    up = down = 0.0
    for term, share in shares.items():
        axis.bar(x, share, width, bottom=up if share > 0 else down, edgecolor="white", linewidth=0.4, **LOOKS[term])
        up, down = up + max(share, 0.0), down + min(share, 0.0)


def term_handles() -> list[Any]:
    """Legend of the terms.

    Returns:
        Matplotlib's handles.
    """
    return [Patch(edgecolor="white", label=term, **look) for term, look in LOOKS.items()]


def policy_handles(terms: xr.Dataset) -> list[Any]:
    """Legend of the policies' markers.

    Args:
        terms: With a dimension policy.

    Returns:
        Matplotlib's handles.
    """
    names = [plain(str(name)) for name in terms["policy"].values]
    return [Line2D([], [], **(line_style(i) | {"ls": ""}), label=f"{name}: measured") for i, name in enumerate(names)]
