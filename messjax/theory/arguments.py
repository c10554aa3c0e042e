"""What every statement needs: arguments as float64, quotients with limits, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def floats(*values: ArrayLike) -> tuple[Floats, ...]:
    """The values as float64 arrays.

    Args:
        *values: Numbers or arrays of any shape.

    Returns:
        One array per value, in its own shape.
    """
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


def over(numerator: ArrayLike, denominator: ArrayLike) -> Any:
    """The quotient where a zero numerator gives zero and a zero denominator below anything else infinity.

    Args:
        numerator: Numbers of any shape.
        denominator: Numbers; broadcast against the numerator.

    Returns:
        The quotients, in the broadcast shape; NaN stays NaN.
    """
    top, bottom = np.broadcast_arrays(*floats(numerator, denominator))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(top == 0, np.where(np.isnan(bottom), np.nan, 0.0), top / bottom)[()]


def refuse(name: str, values: Floats, bad: Any, expected: str) -> None:
    """ValueError for the first bad one of `values`, an argument called `name`.

    Args:
        name: Name of the argument.
        values: Its numbers, of any shape.
        bad: Which of them are bad, in that shape.
        expected: What was expected, in words.

    Raises:
        ValueError: Any is bad.
    """
    if np.any(bad):
        result = np.broadcast_to(values, np.shape(bad))[bad].flat[0]
        raise ValueError(f"{name} is {result:g}, expected {expected}.")
