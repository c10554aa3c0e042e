"""Feedback that comes a fixed number of requests late (T9 in docs/theory)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics.virtual_queue import Fixed
from messjax.types import Array, Controls, Decision, Feedback, Outcome, Policy, PyTree, as_pytree


class PendingOutcome(NamedTuple):
    """What a policy learns from: one request. As a ring, with a leading axis [d]."""

    features: Array
    decision: Decision
    feedback: Feedback


class DelayedState(NamedTuple):
    """A policy's state, and what is on its way to it."""

    policy: PyTree
    t: Array  # [] int32, the request to come, 1, 2, ...
    ring: PendingOutcome  # [d, ...], request t at place (t - 1) mod d


def delayed(policy: Policy, delay: int, num_features: int, num_models: int) -> Policy:
    """`policy` that hears of each request `delay` requests later: before deciding on t it knows requests up to t - 1 -
    d.

    After request t it is told of request t - d, features and decision and all; during the first d requests it is told
    of each that nothing came back. It counts every request when it comes, and so explores with the true p_t. Its queue
    is the one it acts on, the Q_{t-d} of T9: T1 to T3 hold of it with B + d delta^2 for B (`theory.T9_delayed_B`).
    After T requests d outcomes are still on their way and not in `queue_last`. Audits of paths (`path_audit.path_audit_meter`) compare
    a queue with the outcome of the same request, and do not apply. All d requests are kept: memory grows with d
    (num_features + 4 M).

    Costs come as late as the rest: `delayed(running_mean_costs(p), ...)` has late bills, and
    `running_mean_costs(delayed(p, ...))` prompt ones. ValueError for a negative delay; delay 0 is the policy itself.
    """
    if delay < 0 or num_features < 0 or num_models < 1:
        raise ValueError(
            f"delayed: found delay {delay}, {num_features} features and {num_models} models, "
            "expected delay >= 0, features >= 0 and models >= 1"
        )
    policy = as_pytree(policy)
    if delay == 0:
        return policy
    ring = jax.tree.map(lambda x: jnp.tile(x, (delay, *[1] * x.ndim)), no_outcomes(num_features, num_models))
    return Policy(
        init=Partial(_init, policy.init, ring),
        act=Partial(_act, policy.act),
        update=Partial(_update, policy.update),
        queue=Partial(_queue, policy.queue),
    )


def no_outcomes(num_features: int, num_models: int) -> PendingOutcome:
    """The record of no request: no model asked, none served (-1), nothing heard, nothing paid."""
    zero, no = jnp.zeros((), jnp.float32), jnp.zeros((), bool)
    zeros, none = jnp.zeros(num_models, jnp.float32), jnp.zeros(num_models, bool)
    return PendingOutcome(
        jnp.zeros(num_features, jnp.float32),
        Decision(jnp.full((), -1, jnp.int32), none, no, zero, zeros),
        Feedback(Outcome(zeros, none), zero, no, zeros),
    )


def _init(inner: Partial, ring: PendingOutcome, key: Array, controls: Controls) -> DelayedState:
    return DelayedState(inner(key, controls), jnp.ones((), jnp.int32), ring)


def _act(inner: Partial, key: Array, state: DelayedState, features: Array, cost: Array, controls: Controls) -> Decision:
    return inner(key, state.policy, features, cost, controls)


def _update(
    inner: Partial, state: DelayedState, features: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> DelayedState:
    now = PendingOutcome(features, decision, feedback)
    if [x.shape[1:] for x in jax.tree.leaves(state.ring)] != [x.shape for x in jax.tree.leaves(now)]:
        built = f"{state.ring.features.shape[1]} features and {state.ring.decision.learn.shape[1]} models"
        raise ValueError(f"delayed: built for {built}, expected {features.shape[0]} and {decision.learn.shape[0]}")
    place = (state.t - 1) % state.ring.features.shape[0]
    old = jax.tree.map(lambda kept: kept[place], state.ring)
    return DelayedState(
        policy=inner(state.policy, old.features, old.decision, old.feedback, controls),
        t=state.t + 1,
        ring=jax.tree.map(lambda kept, new: kept.at[place].set(new), state.ring, now),
    )


def _queue(inner: Partial, state: DelayedState) -> Fixed:
    return inner(state.policy)
