"""Feedback that comes a fixed number of requests late (T9 in docs/theory)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.numerics.virtual_queue import Fixed
from messjax.types import Array, Controls, Decision, Feedback, Kind, Outcome, Policy, PyTree


class PendingOutcome(NamedTuple):
    """What a policy learns from one request; as a ring buffer every array has a leading axis [delay].

    Attributes:
        features: Features [d] of the request.
        decision: What was decided.
        feedback: What came back.
    """

    features: Array
    decision: Decision
    feedback: Feedback


class DelayedState(NamedTuple):
    """State of `delayed` on one stream.

    Attributes:
        policy: State of the wrapped policy.
        t: Number of the next request, [] int32, from 1 on.
        ring: The last `delay` requests; request t at place (t - 1) mod delay.
    """

    policy: PyTree
    t: Array
    ring: PendingOutcome


def delayed(policy: Policy, delay: int, num_features: int, num_models: int) -> Policy:
    """`policy` with late feedback: before request t it has the feedback on requests up to t - 1 - delay.

    After request t the policy is updated with request t - delay (its features, decision and feedback), and during the
    first `delay` requests with an empty one each, so that it counts every request and explores with the true p_t. Its
    queue is the one it acts on, the Q_{t-d} of T9: T1 to T3 hold for it with B + d delta^2 in place of B
    (`theory.T9_delayed_B`). After T requests d outcomes are still pending and not in `queue_last`. The audit of paths
    (`path_audit.path_audit_meter`) compares a queue with the outcome of the same request and does not apply.

    Costs arrive as late as outcomes: in `delayed(running_mean_costs(p), ...)` costs are observed late, in
    `running_mean_costs(delayed(p, ...))` at once.

    Args:
        policy: The policy that receives its feedback late.
        delay: Number of requests d >= 0; 0 returns the policy itself. Memory grows with d (num_features + 4 M).
        num_features: Number of features of a request.
        num_models: Number of models M.

    Returns:
        The policy.

    Raises:
        ValueError: A negative delay or number of features, or no models.

    Source: T9 in docs/theory.md.
    """
    if delay < 0 or num_features < 0 or num_models < 1:
        raise ValueError(
            f"delayed: found delay {delay}, {num_features} features and {num_models} models, "
            "expected delay >= 0, features >= 0 and models >= 1"
        )
    expect("policy", policy, Policy, "a Policy, such as policies.mess_plus(predictor)")
    policy = as_pytree(policy)
    if delay == 0:
        return policy
    ring = jax.tree.map(lambda x: jnp.tile(x, (delay, *[1] * x.ndim)), no_outcomes(num_features, num_models))
    return Policy(
        init=Partial(_init, policy.init, ring),
        act=Partial(_act, policy.act),
        update=Partial(_update, policy.update),
        queue=Partial(_queue, policy.queue),
        kind=Kind("delayed"),
        traits=policy.traits,
    )


def no_outcomes(num_features: int, num_models: int) -> PendingOutcome:
    """The record of no request: no model queried, none served (-1), nothing observed, nothing paid.

    Args:
        num_features: Number of features d >= 0.
        num_models: Number of models M >= 1.

    Returns:
        A `PendingOutcome` of zeros, with features [d] and M models.
    """
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
    now = PendingOutcome(features, decision._replace(propensity=None), feedback)  # nothing is learned from it
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
