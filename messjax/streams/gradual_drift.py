"""Gradual drift: the law moves from one to another along a line. Breaks A1."""

from __future__ import annotations

import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.streams.switching import Rule, switched
from messjax.types import Array, Stream


def drift(first: Stream, last: Stream, requests: int, *, shown: bool = False) -> Stream:
    """Request t comes from `last` with probability (t - 1/2) / requests, else from `first`; it ends after `requests`.

    That interpolates the two laws, and no parameter of them: half-way the law is the mixture of both in equal parts,
    which is also the average over time, exactly; `law` is that one (at any other horizon it is not the run's). If both
    have the same mu(x) (types with other weights), the drift shows in x and an oracle is left; else x hides it, unless
    `shown` appends the part (`among`; "What breaks what" in docs/theory, A1). ValueError for requests < 1, a recorded
    part with fewer requests, shapes that differ.
    """
    if operator.index(requests) < 1:
        raise ValueError(f"drift: requests is {requests}, expected at least one")
    for which, stream in (("first", first), ("last", last)):
        if stream.length is not None and stream.length < requests:
            raise ValueError(f"drift: {which} is a trace of {stream.length} requests, expected at least {requests}")
    rule = Rule(Partial(_start), Partial(_moved, jnp.asarray(requests, jnp.float32)))
    return switched("drift", [first, last], rule, shares=np.array([0.5, 0.5]), shown=shown, length=requests)


def _start(key: Array) -> tuple[()]:
    del key
    return ()


def _moved(requests: Array, key: Array, hidden: tuple, t: Array) -> tuple[Array, tuple, Array]:
    own, rest = jax.random.fold_in(key, 1), jax.random.fold_in(key, 2)
    chance = (t.astype(jnp.float32) - 0.5) / requests
    return (jax.random.uniform(own, dtype=jnp.float32) < chance).astype(jnp.int32), hidden, rest
