"""Sample paths: queue, running satisfaction and running cost of single streams along the requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import xarray as xr
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from messjax.components import expect
from messjax.plot.style import COLORS, STYLE, legend, panels, plain

HOW = "sweep(..., checkpoints=500, curves=({names})) records them"
PANELS = {  # metric: heading, axis, and its level: name, variable, what it is multiplied by
    "queue_last": ("virtual queue", "Q (requests)", ("V gamma*", "gamma", "V")),
    "satisfaction": ("running satisfaction", "satisfied requests / requests so far", ("alpha", "alpha", "")),
    "cost": ("running cost, full ledger", "cost per request so far", ("C*", "optimal_cost", "")),
}
NO_PANEL = ("", "", ("", "", ""))
LEVEL: dict[str, Any] = {"lw": 1.0, "ls": (0, (6, 2))}


def sample_paths(
    runs: xr.Dataset,
    variables: Sequence[str] = tuple(PANELS),
    *,
    streams: int = 6,
    title: str = "",
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """What single streams went through: a thin line for each of the first ones, a thick line for the mean of all.

    Dashed are the levels alpha beside the satisfaction, V gamma* beside the queue and C* beside the cost, where the
    result has them. Where it has one dimension besides streams and requests, such as policy or V, each value of it is a
    colour.

    Args:
        runs: What `sweep` returned with `checkpoints`.
        variables: Names of metrics whose curves the result has.
        streams: Number of single streams that are drawn.
        title: Title of the figure.
        axes: Where to draw, one for each variable; by default a new figure.

    Returns:
        The figure.

    Raises:
        TypeError: `runs` is no Dataset.
        ValueError: The result has no paths of a variable, has two or more dimensions besides streams and requests, or
            more values than there are colours; or there are more or fewer axes than variables.

    Example:
        >>> import jax
        >>> import messjax as mj
        >>> stream = mj.streams.types(mj.zoo.get("llama3/ARC-C").distribution())
        >>> policy = mj.policies.mess_plus(mj.predictors.oracle(stream))
        >>> run = {"policy": policy, "stream": stream, "horizon": 40, "num_streams": 4, "checkpoints": 40}
        >>> runs = mj.sweep(jax.random.key(0), mj.Controls(V=10.0, alpha=0.5), **run)
        >>> len(mj.plot.sample_paths(runs).axes)
        3
    """
    dim = _checked(runs, variables)
    parts = [runs] if dim is None else [runs.isel({dim: i}) for i in range(runs.sizes[dim])]
    names = [] if dim is None else [_shown(dim, value) for value in runs[dim].values.tolist()]
    with matplotlib.rc_context(STYLE):
        figure, drawn = panels(axes, len(variables), (1.0 + 3.2 * len(variables), 3.8))
        levels: set[str] = set()
        for axis, name in zip(drawn, variables, strict=True):
            for part, color in zip(parts, COLORS, strict=False):
                _paths(axis, part[f"{name}_curve"], streams, color)
                levels |= _level(axis, part, name, color if dim == _swept(runs, name) else "k")
            _describe(axis, runs[f"{name}_curve"], name)
        handles = _legend(names, runs.sizes.get("stream", 1), streams, levels)
        legend(figure, drawn, handles, own=axes is None, title=title)
        return figure


def _checked(runs: xr.Dataset, variables: Sequence[str]) -> str | None:
    """The one dimension besides streams and requests, or None."""
    expect("runs", runs, xr.Dataset, "a result of sweep")
    known = [str(name).removesuffix("_curve") for name in runs.data_vars if str(name).endswith("_curve")]
    missing = [name for name in variables if name not in known]
    if missing:
        how = HOW.format(names=", ".join(map(repr, variables)))
        held = f"paths of {', '.join(known)}" if known else "no paths along the requests"
        raise ValueError(f"runs: found {held}, expected those of {', '.join(missing)}: {how}")
    dims = {str(dim) for name in variables for dim in runs[f"{name}_curve"].dims} - {"stream", "t"}
    if len(dims) > 1:
        points = ", ".join(f"{dim}={runs[dim].values.tolist()[0]!r}" for dim in sorted(dims)[1:])
        raise ValueError(
            f"runs: found the dimensions {', '.join(sorted(dims))}, expected at most one besides stream and t: "
            f"choose a point, as in runs.sel({points})"
        )
    for dim in dims:
        if runs.sizes[dim] > len(COLORS):
            raise ValueError(
                f"runs: found {runs.sizes[dim]} values of {dim}, expected at most {len(COLORS)}: choose some"
            )
    return next(iter(dims), None)


def _paths(axis: Axes, curve: xr.DataArray, streams: int, color: str) -> None:
    curve = curve.transpose("stream", "t") if "stream" in curve.dims else curve.expand_dims("stream")
    for path in curve.values[:streams]:
        axis.plot(curve["t"].values, path, color=color, lw=0.6, alpha=0.55)
    if curve.sizes["stream"] > 1:
        axis.plot(curve["t"].values, curve.values.mean(axis=0), color=color, lw=2.0)


def _swept(runs: xr.Dataset, name: str) -> str:
    """The dimension along which the level of a metric differs."""
    _, variable, factor = PANELS.get(name, NO_PANEL)[2]
    dims = {str(dim) for each in (variable, factor) if each in runs.variables for dim in runs[each].dims}
    return next(iter(dims), "")


def _level(axis: Axes, part: xr.Dataset, name: str, color: str) -> set[str]:
    """Draws what the curve is to be compared with, where the result has it as one number; its name."""
    label, variable, factor = PANELS.get(name, NO_PANEL)[2]
    if not variable or variable not in part.variables or (factor and factor not in part.variables):
        return set()
    level = part[variable] * (part[factor] if factor else 1.0)
    if level.size != 1:
        return set()
    axis.axhline(float(level), color=color, **LEVEL)
    return {label}


def _describe(axis: Axes, curve: xr.DataArray, name: str) -> None:
    heading, label, _ = PANELS.get(name, (name.replace("_", " "), str(curve.attrs.get("long_name", name)), None))
    unit = str(curve.attrs.get("units", "1"))
    has_unit = unit != "1" and f"({unit})" not in label
    axis.set(title=heading, xlabel="requests", ylabel=plain(f"{label} ({unit})" if has_unit else label))
    axis.xaxis.set_major_locator(ticker.MaxNLocator(4))
    axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))


def _legend(names: Sequence[str], num: int, streams: int, levels: set[str]) -> list[Line2D]:
    look = zip(names, COLORS, strict=False)
    handles = [Line2D([], [], color=color, lw=2.0, label=plain(name)) for name, color in look]
    handles.append(Line2D([], [], color="0.4", lw=0.6, label=f"{min(streams, num):,} single streams"))
    if num > 1:
        handles.append(Line2D([], [], color="0.4", lw=2.0, label=f"mean of {num:,} streams"))
    if levels:
        handles.append(Line2D([], [], color="k", label=", ".join(sorted(levels)), **LEVEL))
    return handles


def _shown(dim: str, value: Any) -> str:
    return str(value) if dim == "policy" else f"{dim} = {value:g}" if isinstance(value, float) else f"{dim} = {value}"
