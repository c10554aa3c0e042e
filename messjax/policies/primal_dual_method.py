"""A primal-dual method without a predictor: one mean per model, and the queue as the dual variable."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.policies.bandits import Estimate, bandit
from messjax.types import Array, Outcome, Policy


class Means(NamedTuple):
    """Statistics of the outcomes served by each model.

    Attributes:
        total: Sum of the satisfactions [M] float.
        calls: Number of outcomes observed [M] float, whole numbers.
    """

    total: Array
    calls: Array


def primal_dual(num_models: int, *, optimism: float = 1.0) -> Policy:
    """Primal step: argmin_m V E_m + Q (alpha - u_m); dual step: Q moves by alpha - s. Features are not used.

    u_m is the running mean of model m's served outcomes plus optimism sqrt(2 log t / n_m), at most 1, and 1 for a model
    never served. optimism = 0 takes the means as they are and may abandon a good model after an unlucky start. Where
    costs do not depend on the request the best it can reach is the static mixture of least cost.

    Args:
        num_models: Number of models M >= 1.
        optimism: Multiplier of the confidence width, finite and >= 0.

    Returns:
        The policy. It reads the controls V and alpha.

    Raises:
        ValueError: A negative or infinite optimism, or num_models < 1.

    Source: UCB1 (Auer, Cesa-Bianchi, Fischer 2002); with knapsacks Badanidiyuru, Kleinberg, Slivkins 2013.
    """
    if not 0.0 <= optimism < math.inf:
        raise ValueError(f"primal_dual: optimism is {optimism}, expected a finite number >= 0")
    if num_models < 1:
        raise ValueError(f"primal_dual: expected at least one model, found {num_models}")
    none = jnp.zeros(num_models, jnp.float32)
    return bandit(
        Estimate(Partial(_init, none), Partial(_index, jnp.float32(optimism)), Partial(_update)), "primal_dual"
    )


def _init(none: Array, key: Array) -> Means:
    del key
    return Means(none, none)


def _index(optimism: Array, key: Array, state: Means, features: Array) -> Array:
    del key, features
    number = jnp.maximum(state.calls, 1.0)
    bonus = optimism * jnp.sqrt(2.0 * jnp.log(jnp.maximum(jnp.sum(state.calls), 1.0)) / number)
    return jnp.where(state.calls > 0, jnp.minimum(state.total / number + bonus, 1.0), 1.0)


def _update(state: Means, features: Array, outcome: Outcome) -> Means:
    del features
    return Means(state.total + outcome.satisfaction, state.calls + outcome.observed)
