"""A learner that needs few answers: ridge regression per model, and what it believes before the first request."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.policies.linear_bandits import Ridge, ridge_update
from messjax.types import Array, Outcome, Predictor, PyTree

SMALL = 32  # what hashed n-grams are folded to: a regression on 256 numbers wants more answers than there are
STRENGTH = 30.0  # about (variance of a label) / (variance of a weight), in calibrated streams and n-grams alike
BLIND = 1e9  # so strong that x says nothing: running means


def ridge(start: Ridge) -> Predictor:
    """s_hat_m = theta_m . (x, 1), cut off to [0, 1]: recursive least squares, every model from its own answers.

    A linear model of a logistic truth, biased where logits are large; settled after some d answers, where a head that
    takes one gradient step an answer needs hundreds.
    """
    return Predictor(
        Partial(_init, Ridge(*(jnp.asarray(each, jnp.float32) for each in start))),
        Partial(_predict),
        Partial(ridge_update),
    )


def prior(rates: np.ndarray, num_features: int, *, strength: float = STRENGTH, trust: float = 1.0) -> Ridge:
    """Before any answer: rates [M] as if `trust` answers had said so, and `strength` against what x [d] says."""
    rates = np.asarray(rates, np.float64)
    inverse = np.diag(np.append(np.full(num_features, 1.0 / strength), 1.0 / trust))
    theta = np.concatenate([np.zeros((len(rates), num_features)), rates[:, None]], axis=1)
    return Ridge(np.tile(inverse, (len(rates), 1, 1)), theta)  # type: ignore[arg-type]


def after(start: Ridge, features: np.ndarray, satisfaction: np.ndarray) -> Ridge:
    """`start` after n requests, features [n, d], that all models have answered, satisfaction [n, M]."""
    x = np.append(np.asarray(features, np.float64), np.ones((len(features), 1)), axis=1)
    known = np.linalg.inv(np.asarray(start.inverse))  # [M, D, D]
    moment = np.einsum("mij,mj->mi", known, np.asarray(start.theta)) + np.asarray(satisfaction, np.float64).T @ x
    inverse = np.linalg.inv(known + x.T @ x)
    return Ridge(inverse, np.einsum("mij,mj->mi", inverse, moment))  # type: ignore[arg-type]


def folded(predictor: Predictor, num_features: int) -> Predictor:
    """`predictor` on x [k d] with its k blocks added up: n-grams as if hashed to d buckets. Nothing is fitted."""
    inner, size = as_pytree(predictor), jnp.zeros(num_features)
    return Predictor(
        inner.init, Partial(_predict_folded, size, inner.predict), Partial(_update_folded, size, inner.update)
    )


def fold(features: np.ndarray, num_features: int) -> np.ndarray:
    """Rows [n, k d] as `folded` sees them, [n, d]."""
    return np.asarray(features).reshape(len(features), -1, num_features).sum(axis=1)


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
