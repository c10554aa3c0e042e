"""What bandits with a satisfaction constraint share: an index as the prediction, the queue, no exploration draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics import virtual_queue
from messjax.policies import serving
from messjax.policies.algorithm import choose
from messjax.policies.predictor_router import serve_queue
from messjax.types import Array, Controls, Decision, Feedback, Kind, Outcome, Policy, PyTree, Traits


class Estimate(NamedTuple):
    """How a bandit estimates satisfaction, as three functions (`jax.tree_util.Partial` over module-level functions).

    Attributes:
        init: key -> state.
        value: (key, state, features [d]) -> the index [M], in [0, 1].
        update: (state, features [d], outcome) -> state, with the served model's outcome or nothing observed.
    """

    init: Callable[[Array], PyTree]
    value: Callable[[Array, PyTree, Array], Array]
    update: Callable[[PyTree, Array, Outcome], PyTree]


class BanditState(NamedTuple):
    """State of a bandit on one stream.

    Attributes:
        queue: The virtual queue [].
        estimate: State of the `Estimate`.
    """

    queue: virtual_queue.Fixed
    estimate: PyTree


def bandit(estimate: Estimate, kind: str = "other", *, sampled: bool = False) -> Policy:
    """Serve argmin_m V E_m + Q (alpha - index_m), observe the served model's outcome, and learn from it.

    The queue is the dual variable: Q/V moves by (alpha - s)/V after each request, dual (sub)gradient ascent with step
    1/V. Only the served model is queried, paid for and observed. What is learned depends on what was served, hence
    every V and alpha has its own path of estimates.

    Args:
        estimate: The index and how it learns.
        kind: Name of the policy, recorded in results.
        sampled: Whether the index is drawn at random; the propensity is then unknown.

    Returns:
        The policy. It reads the controls V and alpha.
    """
    return Policy(
        init=Partial(_init, estimate.init),
        act=Partial(_act_sampled if sampled else _act, estimate.value),
        update=Partial(_update, estimate.update),
        queue=Partial(_queue),
        kind=Kind(kind),
        traits=Traits(follows_availability=True),
    )


def _init(init: Callable, key: Array, controls: Controls) -> BanditState:
    del controls
    return BanditState(virtual_queue.zero(), init(key))


def _act(value: Callable, key: Array, state: BanditState, x: Array, cost: Array, controls: Controls) -> Decision:
    index = value(key, state.estimate, x)
    serve = choose(index, cost, state.queue, controls).astype(jnp.int32)
    served = jnp.arange(cost.shape[0]) == serve
    propensity = serving.certain(serve, cost.shape[0])
    return Decision(serve, served, jnp.zeros((), bool), jnp.zeros((), jnp.float32), index, propensity)


def _act_sampled(
    value: Callable, key: Array, state: BanditState, x: Array, cost: Array, controls: Controls
) -> Decision:
    return _act(value, key, state, x, cost, controls)._replace(propensity=serving.unknown(cost.shape[0]))


def _update(
    update: Callable, state: BanditState, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> BanditState:
    del decision
    moved = serve_queue(state.queue, feedback, controls)
    return BanditState(moved, update(state.estimate, x, feedback.outcome))


def _queue(state: BanditState) -> virtual_queue.Fixed:
    return state.queue
