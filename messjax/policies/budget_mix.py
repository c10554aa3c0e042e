"""The static mix of two models that spends a budget: the control that every router on a budget is compared with."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.policies.static import feature_free
from messjax.theory import optimum
from messjax.types import Array, Controls, Policy, Traits


def budget_mixture(cost: np.ndarray, accuracy: np.ndarray) -> Policy:
    """The static mixture of largest satisfaction that costs the budget, from each model's two averages.

    Two neighbours on the hull of the (cost, accuracy) points are mixed. Below the cheapest model it is that model;
    above the best one it is the best.

    Args:
        cost: Average cost of each model [M], in cost units.
        accuracy: Average satisfaction of each model [M], in [0, 1].

    Returns:
        The policy. It reads the control `budget`, cost per request.

    Raises:
        ValueError: Costs or accuracies that `optimum.check_distribution` refuses.
    """
    cost = np.asarray(cost, np.float64)
    weights = optimum.frontier(cost, np.asarray(accuracy, np.float64))[1]
    table = jnp.asarray(weights @ cost, jnp.float32), jnp.asarray(weights, jnp.float32)
    return feature_free(Partial(_pick, *table), "budget_mixture", Partial(_propensity), Traits(needs_budget=True))


def _propensity(pick: Partial, num_models: int, controls: Controls) -> Array:
    level, weights = pick.args
    return _shares(level, weights, num_models, controls)


def _shares(level: Array, weights: Array, num_models: int, controls: Controls) -> Array:
    if weights.shape[1] != num_models:
        raise ValueError(f"budget_mixture: built for {weights.shape[1]} models, expected {num_models}")
    return jax.vmap(lambda column: jnp.interp(controls.budget, level, column), in_axes=1)(weights)


def _pick(level: Array, weights: Array, key: Array, num_models: int, controls: Controls) -> Array:
    share = _shares(level, weights, num_models, controls)
    return jnp.minimum(jnp.sum(jax.random.uniform(key, dtype=jnp.float32) >= jnp.cumsum(share)), num_models - 1)
