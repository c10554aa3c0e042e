"""A policy whose numbers are others in each phase: ParetoBandit is told of a new list price when it is announced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.types import Array, Controls, Decision, Feedback, Policy


class Timed(NamedTuple):
    """A policy's state, and the number of requests so far, [] int32."""

    inner: Any
    t: Array


def by_phase(policies: Sequence[Policy], starts: Sequence[int]) -> Policy:
    """`policies[p]` from request `starts[p]` on (from 0), all with the state that the first one began with.

    Args:
        policies: P policies that differ in numbers only.
        starts: P increasing numbers of requests, of which the first is 0.

    Returns:
        The policy.
    """
    first = as_pytree(policies[0])
    begins = jnp.asarray(np.asarray(starts), jnp.int32)
    acts, updates = (
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *(getattr(as_pytree(each), name) for each in policies))
        for name in ("act", "update")
    )
    return first._replace(
        init=Partial(_init, first.init),
        act=Partial(_act, begins, acts),
        update=Partial(_update, begins, updates),
        queue=Partial(_queue, first.queue),
    )


def _now(begins: Array, stacked: Any, t: Array) -> Any:
    phase = jnp.sum(t >= begins) - 1
    return jax.tree.map(lambda leaf: leaf[phase], stacked)


def _init(inner: Any, key: Array, controls: Controls) -> Timed:
    return Timed(inner(key, controls), jnp.zeros((), jnp.int32))


def _act(begins: Array, acts: Any, key: Array, state: Timed, x: Array, cost: Array, controls: Controls) -> Decision:
    decision: Decision = _now(begins, acts, state.t)(key, state.inner, x, cost, controls)
    return decision


def _update(
    begins: Array, updates: Any, state: Timed, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> Timed:
    return Timed(_now(begins, updates, state.t)(state.inner, x, decision, feedback, controls), state.t + 1)


def _queue(inner: Any, state: Timed) -> Any:
    return inner(state.inner)
