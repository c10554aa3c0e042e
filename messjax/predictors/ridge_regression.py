"""Ridge regression of every model's satisfaction: a head that needs few answers, and what it believes before the first.

It is settled after about d answers, where a head that takes one gradient step an answer needs hundreds. A linear model
of a logistic truth is biased where logits are large.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.types import Array, Kind, Outcome, Predictor, PyTree

HIGHEST = jax.lax.Precision.HIGHEST
SMALL = 32  # what hashed n-grams are folded to: a regression on 256 numbers wants more answers than there are
STRENGTH = 30.0  # about (variance of a label) / (variance of a weight), in calibrated streams and n-grams alike
BLIND = 1e9  # so strong that x says nothing: running means


class Ridge(NamedTuple):
    """Ridge regression of every model's outcomes on (x, 1), D = d + 1, by recursive least squares.

    With A_m = ridge I + sum x x^T over the requests that m served, `inverse` is A_m^-1, updated by the formula of
    Sherman and Morrison, and `theta` is A_m^-1 sum x s. Every step subtracts a symmetric matrix from a symmetric one,
    corrects theta by its own residual, and squared widths are clipped at 0, which makes float32 safe (tests compare
    5,000 steps with d = 64 to float64).

    Attributes:
        inverse: A_m^-1 [M, D, D].
        theta: Coefficients [M, D].
    """

    inverse: Array
    theta: Array


def ridge(start: Ridge) -> Predictor:
    """s_hat_m = theta_m . (x, 1), clipped to [0, 1]: recursive least squares, every model from its own answers.

    Args:
        start: Where every stream starts: `prior(...)`, or `after(...)` a prefix of answered requests.

    Returns:
        The predictor, which learns online.
    """
    return Predictor(
        Partial(_init, Ridge(*(jnp.asarray(each, jnp.float32) for each in start))),
        Partial(_predict),
        Partial(ridge_update),
        Kind("ridge"),
    )


def prior(rates: np.ndarray, num_features: int, *, strength: float = STRENGTH, trust: float = 1.0) -> Ridge:
    """What the regression believes before any answer.

    Args:
        rates: Mean satisfactions [M], as if `trust` answers had said so.
        num_features: Number of features d.
        strength: Regularisation of what x says; `BLIND` for running means.
        trust: Number of answers that the rates are worth.

    Returns:
        The statistics, float64.
    """
    rates = np.asarray(rates, np.float64)
    inverse = np.diag(np.append(np.full(num_features, 1.0 / strength), 1.0 / trust))
    theta = np.concatenate([np.zeros((len(rates), num_features)), rates[:, None]], axis=1)
    return Ridge(np.tile(inverse, (len(rates), 1, 1)), theta)  # type: ignore[arg-type]


def after(start: Ridge, features: np.ndarray, satisfaction: np.ndarray) -> Ridge:
    """The statistics after requests that all models have answered.

    Args:
        start: The statistics before them.
        features: Features [n, d].
        satisfaction: Satisfactions [n, M].

    Returns:
        The statistics, float64.
    """
    x = np.append(np.asarray(features, np.float64), np.ones((len(features), 1)), axis=1)
    known = np.linalg.inv(np.asarray(start.inverse))  # [M, D, D]
    moment = np.einsum("mij,mj->mi", known, np.asarray(start.theta)) + np.asarray(satisfaction, np.float64).T @ x
    inverse = np.linalg.inv(known + x.T @ x)
    return Ridge(inverse, np.einsum("mij,mj->mi", inverse, moment))  # type: ignore[arg-type]


def folded(predictor: Predictor, num_features: int) -> Predictor:
    """`predictor` on features [k d] whose k blocks are added up: n-grams as if hashed to d buckets.

    Args:
        predictor: A predictor of d features.
        num_features: Number of features d.

    Returns:
        The predictor of any multiple of d features.
    """
    inner, size = as_pytree(predictor), jnp.zeros(num_features)
    return Predictor(
        inner.init, Partial(_predict_folded, size, inner.predict), Partial(_update_folded, size, inner.update)
    )


def fold(features: np.ndarray, num_features: int) -> np.ndarray:
    """Features as `folded` sees them.

    Args:
        features: Rows [n, k d].
        num_features: Number of features d.

    Returns:
        Rows [n, d].
    """
    return np.asarray(features).reshape(len(features), -1, num_features).sum(axis=1)


def ridge_update(state: Ridge, features: Array, outcome: Outcome) -> Ridge:
    """The statistics after one more request, for the observed models.

    Args:
        state: Statistics so far.
        features: Features x [d] of the request.
        outcome: Observed satisfactions [M].

    Returns:
        The updated statistics.
    """
    x = jnp.append(features, 1.0)
    along = jnp.matmul(state.inverse, x, precision=HIGHEST)  # [M, D]
    scale = jnp.where(outcome.observed, 1.0 / (1.0 + jnp.matmul(along, x, precision=HIGHEST)), 0.0)
    error = outcome.satisfaction - jnp.matmul(state.theta, x, precision=HIGHEST)
    return Ridge(
        state.inverse - scale[:, None, None] * along[:, :, None] * along[:, None, :],
        state.theta + (scale * error)[:, None] * along,
    )


def _init(start: Ridge, key: Array) -> Ridge:
    del key
    return start


def _predict(state: Ridge, features: Array) -> Array:
    return jnp.clip(jnp.matmul(state.theta, jnp.append(features, 1.0), precision="highest"), 0.0, 1.0)


def _fold(size: Array, features: Array) -> Array:
    return jnp.sum(features.reshape(-1, size.shape[0]), axis=0)


def _predict_folded(size: Array, predict: Callable, state: PyTree, features: Array) -> Array:
    result: Array = predict(state, _fold(size, features))
    return result


def _update_folded(size: Array, update: Callable, state: PyTree, features: Array, outcome: Outcome) -> PyTree:
    return update(state, _fold(size, features), outcome)
