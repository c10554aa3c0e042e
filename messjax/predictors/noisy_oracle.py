"""The oracle plus a controlled error: e_t is known exactly and decays at a chosen rate."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.predictors.known_means import known_mean
from messjax.types import Array, Kind, Outcome, Predictor, Stream


class NoisyState(NamedTuple):
    """State of `noisy` on one stream.

    Attributes:
        seen: Number of explored requests learned from, [] int32.
        plane: Random plane [M, d] that fixes the sign of each error.
    """

    seen: Array
    plane: Array


def noisy(stream: Stream, error: np.ndarray | float, q: float = 0.0) -> Predictor:
    """s_hat_m = mu_m(x) +- error_m (1 + n)^-q after n explored requests: e_t = max_m |error_m| (1 + n)^-q exactly.

    The sign depends on x and m through a random plane drawn from the key: the error on a request is the same whenever
    the request recurs, as with a trained network. s_hat may leave [0, 1].

    Args:
        stream: A stream with known means.
        error: Size of the error before learning, [M] or a number.
        q: Learning exponent >= 0 (T8 in docs/theory.md); 0 never learns.

    Returns:
        The predictor.

    Raises:
        ValueError: A stream with unknown means, an error that is not finite, or q < 0.

    Source: T8 in docs/theory.md.
    """
    mean = known_mean(stream, "noisy")
    error = np.asarray(error, np.float32)
    if not np.isfinite(error).all():
        raise ValueError(f"noisy: error must be finite, found {error.tolist()}")
    if not q >= 0:
        raise ValueError(f"noisy: the learning exponent q must be >= 0, found {q}")
    _, request = jax.eval_shape(
        lambda key: stream.draw(key, stream.init(key), jnp.ones((), jnp.int32)), jax.random.key(0)
    )
    plane = jnp.zeros((request.mean.shape[0], request.features.shape[0]), jnp.float32)
    level = jnp.broadcast_to(jnp.asarray(error), request.mean.shape)
    return Predictor(
        Partial(_init, plane),
        Partial(_predict, mean, level, jnp.asarray(q, jnp.float32)),
        Partial(_update),
        Kind("noisy"),
    )


def _init(plane: Array, key: Array) -> NoisyState:
    return NoisyState(jnp.zeros((), jnp.int32), jax.random.normal(key, plane.shape, plane.dtype))


def _predict(mean: Partial, error: Array, q: Array, state: NoisyState, features: Array) -> Array:
    sign = jnp.where(state.plane @ features >= 0, 1.0, -1.0)
    return mean(features) + sign * error * (1.0 + state.seen) ** -q


def _update(state: NoisyState, features: Array, outcome: Outcome) -> NoisyState:
    del features, outcome
    return state._replace(seen=state.seen + 1)
