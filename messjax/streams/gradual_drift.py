"""Gradual drift: the distribution of requests moves linearly from one to another. Breaks A1."""

from __future__ import annotations

import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.streams.switching import Rule, switched, with_laws
from messjax.theory.laws import Laws, scheduled_laws
from messjax.types import Array, Distribution, Stream


def drift(first: Stream, last: Stream, requests: int, *, shown: bool = False) -> Stream:
    """Request t comes from `last` with probability (t - 1/2) / requests, otherwise from `first`; then the stream ends.

    This interpolates between the two distributions and not between their parameters: half-way the distribution is the
    mixture of both in equal parts. That is also the average over time, exactly, and it is the stream's `distribution`
    (at a shorter horizon it is not the run's). If both have the same mu(x) (types with other weights), the drift is
    visible in x and an oracle exists; otherwise x hides it, unless `shown` appends the part (A1 in docs/theory.md).

    Args:
        first: The stream at the beginning.
        last: The stream at the end, with the same shapes.
        requests: Number of requests >= 1.
        shown: Whether the part is appended to the features, one-hot [2].

    Returns:
        The stream.

    Raises:
        ValueError: requests < 1, a recorded part with fewer requests, or shapes that differ.
    """
    if operator.index(requests) < 1:
        raise ValueError(f"drift: requests is {requests}, expected at least one")
    for which, stream in (("first", first), ("last", last)):
        if stream.length is not None and stream.length < requests:
            raise ValueError(f"drift: {which} is a trace of {stream.length} requests, expected at least {requests}")
    rule = Rule(Partial(_start), Partial(_moved, jnp.asarray(requests, jnp.float32)))
    stream = switched("drift", [first, last], rule, shares=np.array([0.5, 0.5]), shown=shown, length=requests)
    return with_laws(stream, [first, last], Partial(_laws, requests))


def _laws(requests: int, T: int, parts: list[Distribution]) -> Laws:
    chance = (np.arange(1, T + 1) - 0.5) / requests
    return scheduled_laws(parts, np.stack([1.0 - chance, chance], axis=1))


def _start(key: Array) -> tuple[()]:
    del key
    return ()


def _moved(requests: Array, key: Array, hidden: tuple, t: Array) -> tuple[Array, tuple, Array]:
    own, rest = jax.random.fold_in(key, 1), jax.random.fold_in(key, 2)
    chance = (t.astype(jnp.float32) - 0.5) / requests
    return (jax.random.uniform(own, dtype=jnp.float32) < chance).astype(jnp.int32), hidden, rest
