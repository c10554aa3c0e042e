"""What several figures of sims/ draw alike: points and bands with their intervals over streams, one legend below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot


def points(axis: Axes, x: np.ndarray, limits: xr.DataArray, i: int, **more: Any) -> None:
    """Means at x with their intervals; `limits` is (limit, x) of `results.summary`."""
    mean, low, high = limits.transpose("limit", ...).values
    style = plot.line_style(i) | {"lw": 1.1, "ms": 4.5, "capsize": 2} | more
    axis.errorbar(x, mean, yerr=np.maximum([mean - low, high - mean], 0.0), **style)


def band(axis: Axes, limits: xr.DataArray, i: int, **more: Any) -> None:
    """A curve over t with its interval; `limits` is (limit, t)."""
    t, (mean, low, high) = limits["t"].values, limits.transpose("limit", "t").values
    style = plot.line_style(i) | {"lw": 1.3, "ms": 4, "markevery": max(1, len(t) // 8)} | more
    axis.plot(t, mean, **style)
    axis.fill_between(t, low, high, color=style["color"], alpha=0.15, lw=0)


def thousands(axis: Axes) -> None:
    """Requests along x, few ticks and 1,000 written so."""
    axis.xaxis.set_major_locator(ticker.MaxNLocator(5))
    axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))


def legend(figure: Figure, axes: Iterable[Axes], ncols: int) -> None:
    """One legend below all panels, every label once."""
    named: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=ncols)
