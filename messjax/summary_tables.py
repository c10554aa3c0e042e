"""A summary as tables: a pandas DataFrame, LaTeX for a paper, one flat dictionary for an experiment tracker."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["to_flat_dict", "to_frame", "to_latex"]

LIMIT = "limit"  # the dimension that `results.summary` makes: mean, lower, upper
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def to_frame(summary: xr.Dataset, variables: Sequence[str] | None = None) -> pd.DataFrame:
    """A summary as a pandas DataFrame with one row per point of the grid.

    Args:
        summary: What `results.summary` returned.
        variables: Names of variables; by default all that have limits and neither a model nor a time.

    Returns:
        Columns NAME, NAME_lower and NAME_upper; the index has the controls that were swept, and the policy.

    Raises:
        ValueError: The dataset has no dimension `limit`, or a variable is not among those that can be shown.

    Example:
        >>> import xarray as xr
        >>> from messjax import results
        >>> runs = xr.Dataset({"cost": (("V", "stream"), [[1.0, 2.0, 3.0]])}, coords={"V": [5.0]})
        >>> to_frame(results.summary(runs)).round(2).to_dict("list")
        {'cost': [2.0], 'cost_lower': [-0.48], 'cost_upper': [4.48]}
    """
    import pandas as pd

    names, dims = _chosen(summary, variables), _dims(summary)
    flat = summary[names].transpose(LIMIT, *dims)
    columns = {}
    for name in names:
        for limit, suffix in (("mean", ""), ("lower", "_lower"), ("upper", "_upper")):
            part = (
                flat[name]
                .sel({LIMIT: limit})
                .expand_dims({dim: flat[dim] for dim in dims if dim not in flat[name].dims})
            )
            columns[f"{name}{suffix}"] = part.transpose(*dims).values.reshape(-1)
    if not dims:
        return pd.DataFrame(columns)
    index = pd.MultiIndex.from_product([flat[dim].values for dim in dims], names=dims)
    return pd.DataFrame(columns, index=index if len(dims) > 1 else index.get_level_values(0))


def to_latex(
    summary: xr.Dataset,
    variables: Sequence[str] | None = None,
    *,
    digits: int = 3,
    caption: str = "",
    label: str = "",
) -> str:
    r"""A summary as a LaTeX table with rules of the package booktabs.

    Args:
        summary: What `results.summary` returned.
        variables: As for `to_frame`.
        digits: Significant digits of a mean.
        caption: Caption of the table, as plain text; without caption and label only the tabular is returned.
        label: What `\ref` finds the table by, such as "tab:my_zoo".

    Returns:
        LaTeX: a mean with half the width of its interval, "$2.00 \pm 0.12$". Names are escaped.

    Raises:
        ValueError: As `to_frame`, or a label with braces, backslashes, percent signs or line ends.

    Example:
        >>> import xarray as xr
        >>> from messjax import results
        >>> runs = xr.Dataset({"cost": (("V", "stream"), [[1.0, 2.0, 3.0]])}, coords={"V": [5.0]})
        >>> print(to_latex(results.summary(runs)).splitlines()[4])
        5 & $2.00 \pm 2.48$ \\
    """
    if re.search(r"[\\{}%~#\n]", label):
        raise ValueError(f"label: found {label!r}, expected a key such as 'tab:my_zoo'")
    names, dims = _chosen(summary, variables), _dims(summary)
    frame = to_frame(summary, names)
    heads = [escaped(dim) for dim in dims] + [_head(summary, name) for name in names]
    lines = [rf"\begin{{tabular}}{{{'l' * len(dims)}{'r' * len(names)}}}", r"\toprule"]
    lines += [" & ".join(heads) + r" \\", r"\midrule"]
    for key, row in zip(frame.index, frame.to_dict("records"), strict=True):
        keys = (key if isinstance(key, tuple) else (key,)) if dims else ()
        cells = [escaped(f"{each:g}" if isinstance(each, float) else str(each)) for each in keys]
        cells += [_cell(row[name], row[f"{name}_lower"], row[f"{name}_upper"], digits) for name in names]
        lines.append(" & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    if not caption and not label:
        return "\n".join(lines)
    about = [rf"\caption{{{escaped(caption)}}}"] if caption else []
    about += [rf"\label{{{label}}}"] if label else []  # after the caption, whose number it takes
    return "\n".join([r"\begin{table}", r"\centering", *about, *lines, r"\end{table}"])


def to_flat_dict(dataset: xr.Dataset) -> dict[str, Any]:
    """A result as one flat dictionary, as experiment trackers (MLflow, Weights & Biases, Aim) take them.

    Args:
        dataset: A result of `sweep`, or a summary of one.

    Returns:
        Means over streams by name and point, "cost/V=10/alpha=0.7"; limits of a summary end with "/lower" and
        "/upper". Curves and what is per model are left out. Attributes are under "about/"; those that are no number are
        texts.

    Example:
        >>> import xarray as xr
        >>> to_flat_dict(xr.Dataset({"cost": (("V", "stream"), [[1.0, 2.0]])}, coords={"V": [5.0]}))
        {'cost/V=5': 1.5}
    """
    found: dict[str, Any] = {}
    for name, array in dataset.data_vars.items():
        if not _is_number(array) or set(array.dims) & {"t", "model"}:
            continue
        mean = array.mean("stream") if "stream" in array.dims else array
        for key, value in _cells(mean):
            found["/".join([str(name), *key])] = value
    for name, value in dataset.attrs.items():
        is_plain = isinstance(value, str | int | float | bool)
        found[f"about/{name}"] = value if is_plain else json.dumps(value, default=str)
    return found


def escaped(text: str) -> str:
    """A text as LaTeX shows it.

    Args:
        text: Any text.

    Returns:
        The text with the characters escaped that mean something to LaTeX.
    """
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _cells(array: xr.DataArray) -> list[tuple[list[str], float]]:
    """Every number of an array with the names of its place."""
    if not array.dims:
        return [([], float(array))]
    first, found = str(array.dims[0]), []
    for n in range(array.sizes[first]):
        label = array[first].values[n] if first in array.coords else n
        shown = f"{label:g}" if isinstance(label, float) else str(label)
        own = [] if first == LIMIT and shown == "mean" else [shown if first == LIMIT else f"{first}={shown}"]
        parts = _cells(array.isel({first: n}))
        found += [([*key, *own] if first == LIMIT else [*own, *key], value) for key, value in parts]
    return found


def _is_number(array: xr.DataArray) -> bool:
    return array.dtype.kind in "fiub"


def _dims(summary: xr.Dataset) -> list[str]:
    """The dimensions that make rows, in the order of the dataset."""
    if LIMIT not in summary.dims:
        raise ValueError(f"found the dimensions {', '.join(map(str, summary.dims))}, expected a result of `summary`")
    return [str(dim) for dim in summary.dims if dim not in (LIMIT, "t", "model", "stream")]


def _chosen(summary: xr.Dataset, variables: Sequence[str] | None) -> list[str]:
    dims = {*_dims(summary), LIMIT}
    known = [str(name) for name, each in summary.data_vars.items() if LIMIT in each.dims and set(each.dims) <= dims]
    names = known if variables is None else list(variables)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"variables: found {unknown[0]!r}, expected some of {', '.join(known)}")
    return names


def _head(summary: xr.Dataset, name: str) -> str:
    unit = str(summary[name].attrs.get("units", "1"))
    return escaped(name.replace("_", " ")) + (f" [{escaped(unit)}]" if unit not in ("", "1") else "")


def _cell(mean: float, lower: float, upper: float, digits: int) -> str:
    if not math.isfinite(mean):
        return "--"
    size = math.floor(math.log10(abs(mean))) if mean else 0
    if not -4 <= size <= 6:
        number, power = f"{mean:.{digits - 1}e}".split("e")
        half = "" if not math.isfinite(upper - lower) else rf" \pm {(upper - lower) / 2 / 10.0**size:.{digits - 1}f}"
        return rf"$({number}{half}) \times 10^{{{int(power)}}}$"
    places = max(0, digits - 1 - size)
    half = "" if not math.isfinite(upper - lower) else rf" \pm {(upper - lower) / 2:.{places}f}"
    return f"${mean:.{places}f}{half}$"
