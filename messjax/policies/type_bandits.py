"""A constrained UCB router over request types: optimism where only the served model's outcome is observed."""

from __future__ import annotations

import operator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import sizes
from messjax.policies.bandits import Estimate, bandit
from messjax.theory.optimism import T11_log_factor
from messjax.types import Array, Outcome, Policy, Stream


class Visits(NamedTuple):
    """What was observed of each model on each request type.

    Attributes:
        observed: [K, M] float, how many outcomes were observed.
        total: [K, M] float, their sum.
    """

    observed: Array
    total: Array


def ucb(
    num_types: int | None = None, num_models: int | None = None, *, horizon: int, stream: Stream | None = None
) -> Policy:
    """Constrained UCB: argmin_m V E_m + Q (alpha - u_m), u_m = min(1, mean + sqrt(ell/(2 n))), 1 where n = 0.

    n counts the outcomes of model m observed on the type of the request, ell = log(2 K M T^3): all indices stay above
    mu with probability 1 - 1/T^2. One model is queried, paid for and observed; no request is explored. Features are the
    one-hot type, as of `streams.types`. What is learned depends on V and alpha, hence one path for each.

    Args:
        num_types: Number of request types K.
        num_models: Number of models M.
        horizon: T, the number of requests that the confidence is for.
        stream: The stream that both numbers are taken from, instead of giving them.

    Returns:
        The policy. It reads the controls V and alpha.

    Raises:
        ValueError: Sizes and a stream were given, or neither; a horizon below one.

    Source: T11 in docs/theory.
    """
    num_types, num_models = sizes("ucb", stream, num_types=num_types, num_models=num_models)
    if operator.index(horizon) < 1:
        raise ValueError(f"ucb: horizon is {horizon}, expected at least one request")
    ell = jnp.float32(T11_log_factor(num_types=num_types, num_models=num_models, T=horizon))
    none = jnp.zeros((num_types, num_models), jnp.float32)
    return bandit(Estimate(Partial(_init, Visits(none, none)), Partial(_index, ell), Partial(_update)), kind="ucb")


def _init(start: Visits, key: Array) -> Visits:
    del key
    return start


def _index(ell: Array, key: Array, state: Visits, features: Array) -> Array:
    del key
    kind = jnp.argmax(features)
    n, total = state.observed[kind], state.total[kind]
    some = jnp.maximum(n, 1.0)
    return jnp.where(n > 0, jnp.minimum(1.0, total / some + jnp.sqrt(ell / (2.0 * some))), 1.0)


def _update(state: Visits, features: Array, outcome: Outcome) -> Visits:
    here = jax.nn.one_hot(jnp.argmax(features), state.observed.shape[0], dtype=jnp.float32)[:, None]
    seen = outcome.observed.astype(jnp.float32)
    return Visits(state.observed + here * seen, state.total + here * seen * outcome.satisfaction)
