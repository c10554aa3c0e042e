"""Sums without accumulated rounding: compensated float32, as accurate as float64 on the host; means over a count."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax.types import Array


class Sum(NamedTuple):
    """A compensated float32 sum, `high + low` (Knuth's two-sum): as accurate as float64 over 1e7 terms.

    Attributes:
        high: The rounded sum, float32.
        low: What rounding left over, float32, in the same shape.
    """

    high: Array
    low: Array

    def to_host(self) -> np.ndarray:
        """The value on the host.

        Returns:
            NumPy float64, in the shape of the sum.
        """
        return np.asarray(self.high, np.float64) + np.asarray(self.low, np.float64)


class Mean(NamedTuple):
    """A sum over a count of requests.

    Attributes:
        total: A `Sum` or a `virtual_queue.Fixed`.
        requests: The count, int32.
    """

    total: Any
    requests: Array

    def to_host(self) -> np.ndarray:
        """The mean on the host.

        Returns:
            NumPy float64, in the shape of the sum.
        """
        return self.total.to_host() / np.asarray(self.requests)


def zero() -> Sum:
    """The sum of no terms.

    Returns:
        A sum [] of value 0.
    """
    return Sum(jnp.zeros((), jnp.float32), jnp.zeros((), jnp.float32))


def of(values: Array) -> Sum:
    """The sum of a vector, with the rounding error of every addition kept.

    Args:
        values: [N] float32.

    Returns:
        The sum [].
    """
    none = np.float32(0.0)
    # One reduction: the program does not grow with N.
    return Sum(*jax.lax.reduce((values, jnp.zeros_like(values)), (none, none), _add_pairs, (0,)))


def _add_pairs(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
    high, error = _two_sum(one[0], other[0])
    return high, one[1] + other[1] + error


def _two_sum(one: Array, other: Array) -> tuple[Array, Array]:
    """The rounded sum and its error; both together are the exact sum."""
    rounded = one + other
    head = rounded - one
    return rounded, (one - (rounded - head)) + (other - head)


def add(total: Sum, value: Array | Sum) -> Sum:
    """`total + value`, with the rounding error kept.

    Args:
        total: The sum so far.
        value: What is added, float32 or itself a sum, in the same shape.

    Returns:
        The new sum.
    """
    term, rest = value if isinstance(value, Sum) else (value, None)
    high, error = _two_sum(total.high, term)
    low = total.low + error if rest is None else total.low + (error + rest)
    renewed = high + low  # or `low` itself would grow until it rounds: 8e-6 of a queue of 200 after 1e7 steps
    return Sum(renewed, low - (renewed - high))
