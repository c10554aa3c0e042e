"""The virtual queue Q_{t+1} = max(0, Q_t + alpha - s_t), exactly, for any horizon.

A float32 queue drifts (by 108 of 10,198 after a million steps, measured), and so does a float32 sum of zeros and
ones past 2^24. Here alpha and the scores are integers in units of 1e-6 and the queue is a whole part and a part in
those units, both int32: no rounding ever, up to 2^31 requests. Scores and alpha finer than 1e-6 are rounded once.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from messjax.types import Array

UNIT = 1_000_000  # parts of one request; 2 * UNIT fits int32 a thousand times


class Fixed(NamedTuple):
    """An exact number `whole + part / UNIT` with 0 <= part < UNIT; also the negative ones, with whole < 0."""

    whole: Array  # [] int32
    part: Array  # [] int32

    def to_float(self) -> Array:
        """The nearest float32 (what the decision rule uses), shape of the parts."""
        return self.whole.astype(jnp.float32) + self.part.astype(jnp.float32) * (1.0 / UNIT)

    def to_host(self) -> np.ndarray:
        """The exact value as NumPy float64 (exact up to the rounding of one division)."""
        return np.asarray(self.whole, np.float64) + np.asarray(self.part, np.float64) / UNIT


def zero() -> Fixed:
    """The number 0."""
    return Fixed(jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))


def of(value: Array) -> Fixed:
    """A float32 number as an exact one, to the nearest 1e-6; cut off to [0, 2^30]."""
    value = jnp.clip(value, 0.0, 2.0**30)
    whole = jnp.floor(value)
    return add(Fixed(whole.astype(jnp.int32), jnp.zeros((), jnp.int32)), units(value - whole))


def units(value: Array) -> Array:
    """A number in [0, 1] in units of 1e-6, int32, rounded to the nearest."""
    return jnp.round(value * UNIT).astype(jnp.int32)


def add(number: Fixed, step: Array) -> Fixed:
    """`number + step / UNIT` for an int32 step of at most a thousand UNIT either way; exact."""
    part = number.part + step
    carry = jnp.floor_divide(part, UNIT)
    return Fixed(number.whole + carry, part - carry * UNIT)


def step(queue: Fixed, alpha: Array, satisfaction: Array) -> Fixed:
    """Q_{t+1} = max(0, Q_t + alpha - s_t) (the update of [M25]; L1-L3 in docs/theory)."""
    moved = add(queue, units(alpha) - units(satisfaction))
    negative = moved.whole < 0
    return Fixed(jnp.where(negative, 0, moved.whole), jnp.where(negative, 0, moved.part))


def maximum(left: Fixed, right: Fixed) -> Fixed:
    """The larger of two numbers, exactly."""
    larger = (left.whole > right.whole) | ((left.whole == right.whole) & (left.part > right.part))
    return Fixed(jnp.where(larger, left.whole, right.whole), jnp.where(larger, left.part, right.part))


def at(queues: Fixed, k: Array) -> Fixed:
    """Number k [] int32 of queues [C]; zero for a k that is none of 0, ..., C - 1."""
    return Fixed(*(jnp.sum(jnp.where(jnp.arange(x.shape[0]) == k, x, 0)).astype(jnp.int32) for x in queues))


def put(queues: Fixed, k: Array, one: Fixed) -> Fixed:
    """Queues [C] with `one` in place of number k; unchanged for a k that is none of 0, ..., C - 1."""
    return Fixed(*(jnp.where(jnp.arange(x.shape[0]) == k, new, x) for x, new in zip(queues, one, strict=True)))


def largest(queues: Fixed) -> Fixed:
    """The largest of queues [C], exactly."""
    whole = jnp.max(queues.whole)
    return Fixed(whole, jnp.max(jnp.where(queues.whole == whole, queues.part, 0)))


def recursion(satisfaction: np.ndarray, alpha: float, Q_1: float = 0.0) -> np.ndarray:
    """Q_1, ..., Q_{T+1} [T + 1] of a recorded path of satisfactions [T], by the recursion, in float64."""
    queue = np.empty(len(satisfaction) + 1)
    queue[0] = Q_1
    for t, s in enumerate(satisfaction):
        queue[t + 1] = max(0.0, queue[t] + alpha - s)
    return queue


def reflection(satisfaction: np.ndarray, alpha: float, Q_1: float = 0.0) -> np.ndarray:
    """Q_1, ..., Q_{T+1} [T + 1] without the recursion: the reflected walk of L1 in docs/theory.

    Q_{T+1} = max(0, Q_1 + W_T, max_{k >= 2} (W_T - W_{k-1})) with W_t = sum_{i <= t} (alpha - s_i).
    """
    walk = np.concatenate([[0.0], np.cumsum(alpha - np.asarray(satisfaction, np.float64))])
    lowest = np.minimum.accumulate(np.concatenate([[np.inf], walk[1:]]))
    return np.maximum(Q_1 + walk, walk - lowest).clip(min=0.0) if len(walk) > 1 else np.array([Q_1])
