"""When an SLA holds for good, and what the theory of the queue says about it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from messjax.theory.optimum import Staircase


def holds_from(curve: xr.DataArray, level: xr.DataArray | float) -> xr.DataArray:
    """The checkpoint from which `curve` (..., t) stayed at least `level`; t_last + 1 where it is below at the end."""
    t = curve["t"].values
    below = (curve < level - 1e-9).transpose(..., "t")
    flipped = below.values[..., ::-1]
    last = np.where(flipped.any(axis=-1), len(t) - 1 - flipped.argmax(axis=-1), -1)  # the last that is below
    return xr.DataArray(np.concatenate([t, [t[-1] + 1]])[last + 1], dims=below.dims[:-1], attrs={"units": "requests"})


def when(start: np.ndarray, T: int) -> str:
    """Share of the streams [n] in which it held at the end; and, where it did in most, the median over all of them."""
    held = start <= T
    return f"{held.mean():.0%}, {np.median(start):,.0f}" if held.mean() > 0.5 else f"{held.mean():.0%}"


def climb(stairs: Staircase, alpha: float, V: float, t: np.ndarray) -> np.ndarray:
    """Q(t) of dQ/dt = alpha - s(Q/V), Q(0) = 0, with s(g) the satisfaction at price g: derived in `policies.auto_v`.

    It begins with the slope alpha - s_1, s_1 that of the cheapest model, tends to V gamma*, and leaves out exploration,
    errors and randomness. What it has climbed is missing from the SLA (L1).
    """
    top = int(np.searchsorted(stairs.level, alpha, side="left"))  # price[top] is gamma*
    at = np.cumsum(np.diff(stairs.price[: top + 1]) / (alpha - stairs.level[:top]))  # when price r + 1 is reached
    return V * np.interp(np.asarray(t) / V, np.concatenate([[0.0], at]), stairs.price[: top + 1])
