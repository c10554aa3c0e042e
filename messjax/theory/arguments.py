"""What every statement needs: arguments as float64, quotients with limits, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def floats(*values: ArrayLike) -> tuple[Floats, ...]:
    """The values as float64 arrays."""
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


def over(numerator: ArrayLike, denominator: ArrayLike) -> Any:
    """The quotient where a zero numerator gives zero and a zero denominator below anything else infinity."""
    top, bottom = np.broadcast_arrays(*floats(numerator, denominator))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(top == 0, np.where(np.isnan(bottom), np.nan, 0.0), top / bottom)[()]


def refuse(name: str, values: Floats, bad: Any, expected: str) -> None:
    """ValueError for the first bad one of `values`, an argument called `name`."""
    if np.any(bad):
        result = np.broadcast_to(values, np.shape(bad))[bad].flat[0]
        raise ValueError(f"{name} is {result:g}, expected {expected}.")
