"""The virtual queue Q_{t+1} = max(0, Q_t + alpha - s_t), exactly, for any horizon.

A float32 queue accumulates rounding (108 of 10,198 after a million steps, measured), and so does a float32 sum of zeros
and ones past 2^24. Here alpha and the scores are integers in units of 1e-6 and the queue is a whole part and a part in
those units, both int32: no rounding ever, up to 2^31 requests. Scores and alpha finer than 1e-6 are rounded once.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from messjax.types import Array

UNIT = 1_000_000  # parts of one request; 2 * UNIT fits int32 a thousand times


class Fixed(NamedTuple):
    """An exact number `whole + part / UNIT` with 0 <= part < UNIT; also negative ones, with whole < 0.

    Attributes:
        whole: int32, of any shape.
        part: int32 in units of 1e-6, in the same shape.
    """

    whole: Array
    part: Array

    def to_float(self) -> Array:
        """The nearest float32, which the decision rule uses.

        Returns:
            float32, in the shape of the parts.
        """
        return self.whole.astype(jnp.float32) + self.part.astype(jnp.float32) * (1.0 / UNIT)

    def to_host(self) -> np.ndarray:
        """The value on the host, exact up to the rounding of one division.

        Returns:
            NumPy float64, in the shape of the parts.
        """
        return np.asarray(self.whole, np.float64) + np.asarray(self.part, np.float64) / UNIT


def zero() -> Fixed:
    """The number 0.

    Returns:
        An exact number [].
    """
    return Fixed(jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))


def of(value: Array) -> Fixed:
    """A float as an exact number, to the nearest 1e-6.

    Args:
        value: float32, clipped to [0, 2^30].

    Returns:
        The number, in the same shape.
    """
    value = jnp.clip(value, 0.0, 2.0**30)
    whole = jnp.floor(value)
    return add(Fixed(whole.astype(jnp.int32), jnp.zeros((), jnp.int32)), units(value - whole))


def units(value: Array) -> Array:
    """A number in [0, 1] in units of 1e-6, rounded to the nearest.

    Args:
        value: Numbers of any shape.

    Returns:
        int32, in the same shape.
    """
    return jnp.round(value * UNIT).astype(jnp.int32)


def add(number: Fixed, step: Array) -> Fixed:
    """`number + step / UNIT`, exactly.

    Args:
        number: An exact number.
        step: int32 in units of 1e-6, at most a thousand UNIT in absolute value, in the shape of the number.

    Returns:
        The sum.
    """
    part = number.part + step
    carry = jnp.floor_divide(part, UNIT)
    return Fixed(number.whole + carry, part - carry * UNIT)


def step(queue: Fixed, alpha: Array, satisfaction: Array) -> Fixed:
    """Q_{t+1} = max(0, Q_t + alpha - s_t).

    Args:
        queue: Q_t.
        alpha: Required satisfaction in [0, 1], rounded to 1e-6.
        satisfaction: s_t in [0, 1], rounded to 1e-6.

    Returns:
        Q_{t+1}.

    Source: The queue update of [M25]; L1 to L3 in docs/theory.md.
    """
    moved = add(queue, units(alpha) - units(satisfaction))
    negative = moved.whole < 0
    return Fixed(jnp.where(negative, 0, moved.whole), jnp.where(negative, 0, moved.part))


def maximum(left: Fixed, right: Fixed) -> Fixed:
    """The larger of two numbers, exactly.

    Args:
        left: A number.
        right: A number of the same shape.

    Returns:
        The larger one, elementwise.
    """
    larger = (left.whole > right.whole) | ((left.whole == right.whole) & (left.part > right.part))
    return Fixed(jnp.where(larger, left.whole, right.whole), jnp.where(larger, left.part, right.part))


def at(queues: Fixed, k: Array) -> Fixed:
    """One of several numbers.

    Args:
        queues: Numbers [C].
        k: Index [] int32.

    Returns:
        Number k []; zero for a k that is none of 0, ..., C - 1.
    """
    return Fixed(*(jnp.sum(jnp.where(jnp.arange(x.shape[0]) == k, x, 0)).astype(jnp.int32) for x in queues))


def put(queues: Fixed, k: Array, one: Fixed) -> Fixed:
    """Several numbers with one of them replaced.

    Args:
        queues: Numbers [C].
        k: Index [] int32.
        one: The new number [].

    Returns:
        Numbers [C]; unchanged for a k that is none of 0, ..., C - 1.
    """
    return Fixed(*(jnp.where(jnp.arange(x.shape[0]) == k, new, x) for x, new in zip(queues, one, strict=True)))


def largest(queues: Fixed) -> Fixed:
    """The largest of several numbers, exactly.

    Args:
        queues: Numbers [C].

    Returns:
        The largest one [].
    """
    whole = jnp.max(queues.whole)
    return Fixed(whole, jnp.max(jnp.where(queues.whole == whole, queues.part, 0)))


def recursion(satisfaction: np.ndarray, alpha: float, Q_1: float = 0.0) -> np.ndarray:
    """The queue of a recorded path of satisfactions, by the recursion, in float64 on the host.

    Args:
        satisfaction: s_1, ..., s_T [T].
        alpha: Required satisfaction.
        Q_1: Start of the queue.

    Returns:
        Q_1, ..., Q_{T+1} [T + 1].
    """
    queue = np.empty(len(satisfaction) + 1)
    queue[0] = Q_1
    for t, s in enumerate(satisfaction):
        queue[t + 1] = max(0.0, queue[t] + alpha - s)
    return queue


def reflection(satisfaction: np.ndarray, alpha: float, Q_1: float = 0.0) -> np.ndarray:
    """The queue of a recorded path without the recursion: the reflected walk of L1.

    Q_{T+1} = max(0, Q_1 + W_T, max_{k >= 2} (W_T - W_{k-1})) with W_t = sum_{i <= t} (alpha - s_i).

    Args:
        satisfaction: s_1, ..., s_T [T].
        alpha: Required satisfaction.
        Q_1: Start of the queue.

    Returns:
        Q_1, ..., Q_{T+1} [T + 1], float64.

    Source: L1 in docs/theory.md.
    """
    walk = np.concatenate([[0.0], np.cumsum(alpha - np.asarray(satisfaction, np.float64))])
    lowest = np.minimum.accumulate(np.concatenate([[np.inf], walk[1:]]))
    return np.maximum(Q_1 + walk, walk - lowest).clip(min=0.0) if len(walk) > 1 else np.array([Q_1])
