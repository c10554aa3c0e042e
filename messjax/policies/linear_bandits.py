"""Linear bandits with a satisfaction constraint: LinUCB and Thompson sampling with ridge statistics per model."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.policies.bandits import Estimate, bandit
from messjax.predictors.ridge_regression import HIGHEST, Ridge, ridge_update
from messjax.types import Array, Policy


def lin_ucb(num_features: int, num_models: int, *, ridge: float = 1.0, width: float = 1.0) -> Policy:
    """Constrained LinUCB: argmin_m V E_m + Q (alpha - u_m) with u_m = theta_m . x + width sqrt(x^T A_m^-1 x).

    u_m is clipped to [0, 1]. Disjoint models with features (x, 1) that learn from the served outcome only; the
    constraint enters through the virtual queue, as in a Lagrangian. The optimistic index overestimates satisfaction,
    which the queue corrects. What is learned depends on V and alpha, hence one path for each; memory M (d + 1)^2
    numbers.

    Args:
        num_features: Number of features d.
        num_models: Number of models M.
        ridge: Regularisation, finite and > 0.
        width: Multiplier of the confidence width, finite and >= 0.

    Returns:
        The policy. It reads the controls V and alpha.

    Raises:
        ValueError: A ridge or a width out of its range.

    Source: Li, Chu, Langford and Schapire 2010.
    """
    return _linear("lin_ucb", num_features, num_models, ridge, width, _optimistic)


def lin_thompson(num_features: int, num_models: int, *, ridge: float = 1.0, width: float = 0.5) -> Policy:
    """Constrained linear Thompson sampling: `lin_ucb` with u_m drawn from N(theta_m . x, width^2 x^T A_m^-1 x).

    The draw is clipped to [0, 1]. Only the number theta . x matters, and it is drawn instead of theta: the distribution
    is the same.

    Args:
        num_features: Number of features d.
        num_models: Number of models M.
        ridge: Regularisation, finite and > 0.
        width: Multiplier of the posterior's standard deviation, finite and >= 0.

    Returns:
        The policy. It reads the controls V and alpha.

    Raises:
        ValueError: A ridge or a width out of its range.

    Source: Agrawal and Goyal 2013.
    """
    return _linear("lin_thompson", num_features, num_models, ridge, width, _sampled)


def _linear(who: str, num_features: int, num_models: int, ridge: float, width: float, index: Callable) -> Policy:
    if not 0.0 < ridge < math.inf:
        raise ValueError(f"{who}: ridge is {ridge}, expected a finite number > 0")
    if not 0.0 <= width < math.inf:
        raise ValueError(f"{who}: width is {width}, expected a finite number >= 0")
    size = num_features + 1
    start = Ridge(
        jnp.broadcast_to(jnp.eye(size, dtype=jnp.float32) / jnp.float32(ridge), (num_models, size, size)),
        jnp.zeros((num_models, size), jnp.float32),
    )
    estimate = Estimate(Partial(_init, start), Partial(index, jnp.float32(width)), Partial(ridge_update))
    return bandit(estimate, sampled=index is _sampled)


def _init(start: Ridge, key: Array) -> Ridge:
    del key
    return start


def _mean_and_width(state: Ridge, features: Array) -> tuple[Array, Array]:
    """theta_m . x and sqrt(x^T A_m^-1 x), [M] each."""
    x = jnp.append(features, 1.0)
    square = jnp.einsum("i,mij,j->m", x, state.inverse, x, precision=HIGHEST)
    return jnp.matmul(state.theta, x, precision=HIGHEST), jnp.sqrt(jnp.maximum(square, 0.0))


def _optimistic(width: Array, key: Array, state: Ridge, features: Array) -> Array:
    del key
    mean, spread = _mean_and_width(state, features)
    return jnp.clip(mean + width * spread, 0.0, 1.0)


def _sampled(width: Array, key: Array, state: Ridge, features: Array) -> Array:
    mean, spread = _mean_and_width(state, features)
    return jnp.clip(mean + width * spread * jax.random.normal(key, mean.shape, jnp.float32), 0.0, 1.0)
