"""Validation of the arguments of metrics: one ValueError names the argument, what was found and what was expected."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def floats(name: str, values: ArrayLike, *, low: float = 0.0, high: float = np.inf) -> Floats:
    """Finite numbers in a range.

    Args:
        name: Name of the argument.
        values: Numbers of any shape, at least one.
        low: Smallest allowed number.
        high: Largest allowed number.

    Returns:
        The values as float64.

    Raises:
        ValueError: No numbers, none at all, or numbers out of range.
    """
    try:
        result = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected numbers, found {values!r}") from error
    if result.size == 0:
        raise ValueError(f"{name}: expected at least one number, found none")
    bad = ~(np.isfinite(result) & (result >= low) & (result <= high))
    if bad.any():
        wanted = f"in [{low:g}, {high:g}]" if high < np.inf else f">= {low:g}"
        raise ValueError(f"{name}: expected finite numbers {wanted}, found {result[bad].flat[0]}")
    return result


def quality(name: str, values: ArrayLike) -> Floats:
    """Numbers in [0, 1].

    Args:
        name: Name of the argument.
        values: Numbers of any shape, at least one.

    Returns:
        The values as float64.

    Raises:
        ValueError: As `floats` raises.
    """
    return floats(name, values, high=1.0)


def number(name: str, value: ArrayLike, *, low: float = 0.0, high: float = np.inf) -> float:
    """One finite number in a range.

    Args:
        name: Name of the argument.
        value: A number [].
        low: Smallest allowed number.
        high: Largest allowed number.

    Returns:
        The number.

    Raises:
        ValueError: As `floats` raises, or for an array.
    """
    result = floats(name, value, low=low, high=high)
    if result.ndim:
        raise ValueError(f"{name}: expected one number, found shape {result.shape}")
    return float(result)


def points(first: str, xs: ArrayLike, second: str, ys: ArrayLike, high: float = np.inf) -> tuple[Floats, Floats]:
    """A router's configurations as points.

    Args:
        first: Name of the first argument.
        xs: [n], in [0, high].
        second: Name of the second argument.
        ys: Qualities [n], in [0, 1].
        high: Largest allowed x.

    Returns:
        Both as float64 [n].

    Raises:
        ValueError: As `floats` raises, or for shapes that differ.
    """
    x, y = floats(first, xs, high=high), quality(second, ys)
    if x.ndim != 1 or y.shape != x.shape:
        raise ValueError(f"{second}: expected as many as {first}, [n] each, found {y.shape} and {x.shape}")
    return x, y


def trace(satisfaction: ArrayLike, cost: ArrayLike) -> tuple[Floats, Floats]:
    """Recorded outcomes.

    Args:
        satisfaction: [N, M], in [0, 1].
        cost: [N, M] >= 0.

    Returns:
        Both as float64 [N, M].

    Raises:
        ValueError: As `floats` raises, or for shapes that differ.
    """
    s, e = quality("satisfaction", satisfaction), floats("cost", cost)
    if s.ndim != 2 or e.shape != s.shape:
        raise ValueError(f"cost: expected the shape of satisfaction, [N, M], found {e.shape} and {s.shape}")
    return s, e
