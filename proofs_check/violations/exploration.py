"""Exploration that depends on the request, or is the same for all requests: it violates A4."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.policies.predictor_router import probability
from messjax.types import Array, Controls, Decision, Feedback, Policy, PyTree


def feature_dependent_exploration(feature: int, value: float, share: float) -> Partial:
    """Explore with probability p_t / share, and only where a feature has this value.

    On average it explores with p_t if the value has probability `share`.
    """
    return Partial(_tied_to, jnp.asarray(feature), jnp.asarray(value, jnp.float32), jnp.asarray(share, jnp.float32))


def _tied_to(
    feature: Array, value: Array, share: Array, luck: Array, uniform: Array, p: Array, features: Array
) -> Array:
    del luck
    return (features[feature] == value) & (uniform * share < p)


def once(luck: Array, uniform: Array, p: Array, features: Array) -> Array:
    """One draw for all requests of a stream: each is explored with probability p_t, but all together."""
    del uniform, features
    return luck < p


class TiedState(NamedTuple):
    """A router's state, and a uniform drawn once per stream."""

    router: PyTree
    luck: Array


def exploring(policy: Policy, coin: Partial) -> Policy:
    """A router whose exploration is decided by `coin(luck, uniform, p_t, features)`; its decisions still record p_t."""
    return Policy(
        init=Partial(_tied_init, policy.init),
        act=Partial(_tied_act, policy.act, coin),
        update=Partial(_tied_update, policy.update),
        queue=Partial(_tied_queue),
    )


def _tied_init(init: Partial, key: Array, controls: Controls) -> TiedState:
    return TiedState(init(key, controls), jax.random.uniform(jax.random.fold_in(key, 1), dtype=jnp.float32))


def _tied_act(
    act: Partial, coin: Partial, key: Array, state: TiedState, features: Array, cost: Array, controls: Controls
) -> Decision:
    calm = act(key, state.router, features, cost, controls._replace(c=jnp.zeros(())))
    p = probability(state.router.t, controls)
    explore = coin(state.luck, jax.random.uniform(key, dtype=jnp.float32), p, features)
    serve = jnp.where(explore, cost.shape[0] - 1, calm.serve).astype(jnp.int32)
    return Decision(serve, jnp.broadcast_to(explore, cost.shape), explore, p, calm.s_hat)


def _tied_update(
    update: Partial,
    state: TiedState,
    features: Array,
    decision: Decision,
    feedback_received: Feedback,
    controls: Controls,
) -> TiedState:
    return state._replace(router=update(state.router, features, decision, feedback_received, controls))


def _tied_queue(state: TiedState) -> Any:
    return state.router.queue
