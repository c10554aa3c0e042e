"""A policy on given rows of a trace, one lane per sequence of rows: the general engine's steps, served and paid."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax import feedback
from messjax.components import as_pytree
from messjax.engine.simulation import component_keys, serve
from messjax.evaluation.recommendation.requests import Requests
from messjax.numerics import counter_prng
from messjax.types import Array, Controls, Policy, Request


class Played(NamedTuple):
    """What a policy did on B sequences of T requests.

    Attributes:
        cost: Cost per request, full ledger [..., B].
        satisfaction: Satisfaction per request [..., B].
        served: The model that served [..., B, T], or None where it was not asked for.
        paid: What was paid [..., B, T], or None.
    """

    cost: np.ndarray
    satisfaction: np.ndarray
    served: np.ndarray | None = None
    paid: np.ndarray | None = None


def play(
    policy: Policy, controls: Controls, requests: Requests, rows: np.ndarray, seed: int, *, steps: bool = False
) -> Played:
    """Run a policy for every combination of c, alpha and V on the same rows and exploration draws.

    Sequence b has the key fold_in(key(seed), b), as stream b of a `sweep` has: with rows in the order of a replay the
    decisions are those of the engine.

    Args:
        policy: The policy.
        controls: c, alpha and V are arrays [C], [A] and [V]; a and f are numbers.
        requests: The requests that rows are numbers of.
        rows: [B, T].
        seed: Seed of all draws of the policy.
        steps: Whether to return every request's model and payment.

    Returns:
        What happened, with leading axes [C, A, V].
    """
    keys = _keys(seed, len(rows))
    table = tuple(jnp.asarray(values, jnp.float32) for values in requests[:3])
    leaves = Controls(**{name: jnp.asarray(value, jnp.float32) for name, value in controls.given().items()})
    cost, satisfaction, served, paid = (
        None if each is None else np.moveaxis(np.asarray(each), 0, 3)
        for each in _lanes(as_pytree(policy), leaves, keys, jnp.asarray(rows), table, steps, requests.paid)
    )
    if served is not None and paid is not None:  # exact sums, where the steps are there anyway
        cost = paid.mean(axis=-1, dtype=np.float64)
        satisfaction = requests.satisfaction[rows, served].mean(axis=-1)
    assert cost is not None
    assert satisfaction is not None
    return Played(cost.astype(np.float64), satisfaction.astype(np.float64), served, paid)


def coins(seed: int, num: int, horizon: int) -> np.ndarray:
    """The first uniform number that a policy draws at every request of every sequence.

    Args:
        seed: Seed of all draws of the policy.
        num: Number of sequences B.
        horizon: Number of requests T.

    Returns:
        [B, T] float32 in [0, 1).
    """
    k0, k1 = counter_prng.word_stream(jax.vmap(lambda key: component_keys(key)[1])(_keys(seed, num)))
    word, _ = counter_prng.block((k0[:, None], k1[:, None]), jnp.arange(1, horizon + 1)[None], 0)
    return np.asarray(counter_prng.uniform(word))


def _keys(seed: int, num: int) -> Array:
    return jax.vmap(lambda b: jax.random.fold_in(jax.random.key(seed), b))(jnp.arange(num))


@functools.partial(jax.jit, static_argnames=("steps", "together"))
def _lanes(
    policy: Policy, controls: Controls, keys: Array, rows: Array, table: tuple, steps: bool, together: str
) -> Any:
    """[B, C, A, V] cost and satisfaction, and with `steps` [B, C, A, V, T] served and paid."""
    one = functools.partial(_lane, policy, table, steps, jnp.max if together == "largest" else jnp.sum)
    for name in ("V", "alpha", "c"):  # one vmap per control: what does not depend on it is carried once
        one = jax.vmap(
            one, in_axes=(None, None, Controls(*(0 if field == name else None for field in Controls._fields)))
        )
    return jax.vmap(one, in_axes=(0, 0, None))(keys, rows, controls)


def _lane(
    policy: Policy, table: tuple, steps: bool, paid_for: Callable, key: Array, rows: Array, controls: Controls
) -> Any:
    features, satisfaction, cost = table
    _, key_policy, key_feedback = component_keys(key)

    def one(carry: tuple, at: tuple) -> tuple:
        state, total, satisfied = carry
        t, row = at
        s, unknown = satisfaction[row], jnp.full_like(satisfaction[row], jnp.nan)
        keys = jax.random.fold_in(key_policy, t), jax.random.fold_in(key_feedback, t)
        request = Request(features[row], cost[row], s, unknown)
        state, step = serve(keys, state, request, t, controls, policy, feedback.complete)
        paid = paid_for(step.feedback.cost)
        carry = (state, total + paid, satisfied + step.feedback.served_satisfaction)
        return carry, (step.decision.serve.astype(jnp.int32), paid) if steps else None

    start = policy.init(jax.random.fold_in(key_policy, 0), controls), jnp.zeros(()), jnp.zeros(())
    num = rows.shape[0]
    each: Any
    (_, total, satisfied), each = jax.lax.scan(one, start, (jnp.arange(1, num + 1, dtype=jnp.int32), rows))
    return total / num, satisfied / num, *(each if steps else (None, None))
