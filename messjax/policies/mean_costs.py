"""Costs that are known only afterwards: a policy that uses running means of the costs it paid. Breaks A7."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.numerics.compensated import Sum
from messjax.numerics.compensated import add as add_to_sum
from messjax.numerics.virtual_queue import Fixed
from messjax.streams.float32 import simulated
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy, PyTree


class CostHistory(NamedTuple):
    """State of `running_mean_costs` on one stream.

    Attributes:
        policy: State of the wrapped policy.
        total: Sum of each model's observed costs [M] in cost units, the starting value included.
        ran: How many costs these are, [M] int32.
    """

    policy: PyTree
    total: Sum
    ran: Array


def running_mean_costs(policy: Policy, num_models: int, *, start: float = 1e-6) -> Policy:
    """`policy` that sees, in place of the request's costs, each model's mean cost over the requests that ran it.

    The rule of [M25] as run by its authors (laminair/mess-plus, main.py): a history per model that begins with one
    value, 1e-6 J there ("to avoid zero division"), and receives every cost paid, of all models when exploring and of
    the served one otherwise. The mean counts that value, as theirs does: until a model has run it looks free. (Their
    offline simulator begins with 1 and keeps the last exploration's cost only; that is not implemented here.)

    Meters record the true costs. The policy's error is eps_t = max_m |E^_m - E[E_m | x_t]| and T1 to T4 hold with it
    ("Constants" in docs/theory.md; tested with a known error, `theory.other_settings`), C* being that of a distribution
    whose costs are the means given x (`known=False` in `streams.by_length` and `streams.lognormal`). eps_t stays large
    where these differ from x to x. Costs are observed whether or not users give feedback.

    Args:
        policy: The policy that decides by these costs.
        num_models: Number of models M >= 1.
        start: Starting value of each history, in the stream's cost unit, finite and >= 0.

    Returns:
        The policy.

    Raises:
        ValueError: num_models < 1, or a start that is negative or not finite.
    """
    if num_models < 1:
        raise ValueError(f"running_mean_costs: num_models is {num_models}, expected at least one")
    if not 0.0 <= start < float("inf"):
        raise ValueError(f"running_mean_costs: start is {start}, expected a finite cost >= 0")
    expect("policy", policy, Policy, "a Policy, such as policies.mess_plus(predictor)")
    policy = as_pytree(policy)
    first = jnp.full(num_models, float(simulated("start", np.asarray(start))), jnp.float32)
    return Policy(
        init=Partial(_init, policy.init, first),
        act=Partial(_act, policy.act),
        update=Partial(_update, policy.update),
        queue=Partial(_queue, policy.queue),
        kind=Kind("running_mean_costs"),
        traits=policy.traits,
    )


def means(state: CostHistory) -> Array:
    """The costs that the policy decides by.

    Args:
        state: State of `running_mean_costs`.

    Returns:
        Mean cost of each model [M], in cost units.
    """
    return (state.total.high + state.total.low) / state.ran.astype(jnp.float32)


def _init(inner: Partial, first: Array, key: Array, controls: Controls) -> CostHistory:
    return CostHistory(inner(key, controls), Sum(first, jnp.zeros_like(first)), jnp.ones(first.shape, jnp.int32))


def _act(inner: Partial, key: Array, state: CostHistory, features: Array, cost: Array, controls: Controls) -> Decision:
    if cost.shape != state.ran.shape:
        raise ValueError(f"running_mean_costs: built for {state.ran.shape[0]} models, expected {cost.shape[0]}")
    return inner(key, state.policy, features, means(state), controls)


def _update(
    inner: Partial, state: CostHistory, features: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> CostHistory:
    return CostHistory(
        policy=inner(state.policy, features, decision, feedback, controls),
        total=add_to_sum(state.total, feedback.cost),  # zero where not queried
        ran=state.ran + decision.query.astype(jnp.int32),
    )


def _queue(inner: Partial, state: CostHistory) -> Fixed:
    return inner(state.policy)
