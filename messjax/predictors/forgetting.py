"""Ridge regression that forgets: it follows models whose satisfaction drifts."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import sizes
from messjax.numerics.linear_systems import solve_definite
from messjax.types import Array, Kind, Outcome, Predictor, Stream


class Forgetting(NamedTuple):
    """Statistics of every model's outcomes on (x, 1), D = d + 1, faded geometrically.

    Attributes:
        A: Precision matrices [M, D, D].
        b: Moments [M, D].
        theta: Coefficients A^-1 b [M, D].
    """

    A: Array
    b: Array
    theta: Array


def forgetting_ridge(
    num_features: int | None = None,
    num_models: int | None = None,
    *,
    forgetting: float = 0.98,
    strength: float = 1.0,
    rate: float = 0.5,
    stream: Stream | None = None,
) -> Predictor:
    """s_hat_m = theta_m . (x, 1), clipped to [0, 1], where an outcome counts g as much as the next one of its model.

    A <- g A + (1 - g) strength I + z z^T and b <- g b + (1 - g) strength (0, rate) + s z with z = (x, 1): what fades is
    replaced by the prior, so that A stays above strength I and does not wind up in directions that no longer occur. The
    memory is about 1 / (1 - g) outcomes. An outcome counts when it is observed: MESS+ learns from explored requests
    only, and follows a drift as long as it explores, for which the control a = 0 keeps p_t = c.

    Args:
        num_features: Number of features d.
        num_models: Number of models M.
        forgetting: g in (0, 1]; 1 never forgets.
        strength: Regularisation > 0.
        rate: Satisfaction that is believed before any outcome, in [0, 1].
        stream: The stream that both numbers are taken from, instead of giving them.

    Returns:
        The predictor.

    Raises:
        ValueError: Numbers out of range; sizes and a stream were given, or neither.
    """
    num_features, num_models = sizes("forgetting_ridge", stream, num_features=num_features, num_models=num_models)
    if not (0.0 < forgetting <= 1.0 and strength > 0.0 and 0.0 <= rate <= 1.0):
        raise ValueError(
            f"forgetting_ridge: found forgetting {forgetting}, strength {strength}, rate {rate}, expected a forgetting "
            "in (0, 1], a strength > 0 and a rate in [0, 1]"
        )
    size = num_features + 1
    mean = jnp.zeros((num_models, size), jnp.float32).at[:, -1].set(rate)
    prior = jnp.broadcast_to(strength * jnp.eye(size, dtype=jnp.float32), (num_models, size, size))
    start = Forgetting(prior, strength * mean, mean)
    return Predictor(
        Partial(_init, start),
        Partial(_predict),
        Partial(_update, start, jnp.float32(forgetting)),
        Kind("forgetting_ridge"),
    )


def _init(start: Forgetting, key: Array) -> Forgetting:
    del key
    return start


def _predict(state: Forgetting, features: Array) -> Array:
    return jnp.clip(jnp.matmul(state.theta, jnp.append(features, 1.0), precision="highest"), 0.0, 1.0)


def _update(start: Forgetting, g: Array, state: Forgetting, features: Array, outcome: Outcome) -> Forgetting:
    z = jnp.append(features, 1.0)
    A = g * state.A + (1.0 - g) * start.A + jnp.outer(z, z)
    b = g * state.b + (1.0 - g) * start.b + outcome.satisfaction[:, None] * z
    seen = outcome.observed[:, None]
    A, b = jnp.where(seen[..., None], A, state.A), jnp.where(seen, b, state.b)
    return Forgetting(A, b, jnp.where(seen, solve_definite(A, b[..., None])[..., 0], state.theta))
