"""Predictors that are trained on a prefix of requests before the stream begins, and not updated afterwards."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.numerics.precision import with_32_bit_types
from messjax.types import Array, Kind, Outcome, Predictor, PyTree


def frozen(predictor: Predictor, state: PyTree) -> Predictor:
    """`predictor` as it is in `state`: it predicts and never learns, the same on every stream.

    Args:
        predictor: Any predictor.
        state: A state of it.

    Returns:
        A frozen predictor.
    """
    inner = as_pytree(predictor)
    return predicting(Partial(_predict, inner.predict, state), "frozen")


@with_32_bit_types
def trained(
    predictor: Predictor, features: np.ndarray, satisfaction: np.ndarray, *, key: Array, epochs: int = 5
) -> Predictor:
    """`predictor` after it learned from a prefix with the outcomes of all models, then frozen.

    It learns by its own update, one request at a time as on a stream, `epochs` times through the prefix, each time in
    another random order. Offline routers of the kind "predict, then argmin" are this predictor in
    `policies.predict_then_argmin` or `policies.lagrangian`.

    Args:
        predictor: Any predictor that learns.
        features: Features of the prefix [n, d].
        satisfaction: Satisfactions of the prefix [n, M], in [0, 1].
        key: Random key of the start and of the orders.
        epochs: Number of passes through the prefix, at least 1.

    Returns:
        A frozen predictor.

    Raises:
        ValueError: A prefix that `check_prefix` refuses, or epochs < 1.
    """
    features, satisfaction = check_prefix("trained", features, satisfaction)
    if epochs < 1:
        raise ValueError(f"trained: expected at least one epoch, found {epochs}")
    inner = as_pytree(predictor)
    return frozen(inner, _train(inner, key, jnp.asarray(features), jnp.asarray(satisfaction), np.int32(epochs)))


def predicting(predict: Partial, kind: str) -> Predictor:
    """A predictor that is one function of x, with an empty state.

    Args:
        predict: A Partial, (state, features [d]) -> s_hat [M].
        kind: Name of the predictor.

    Returns:
        A frozen predictor.
    """
    return Predictor(Partial(_init), predict, Partial(_update), Kind(kind))


def check_prefix(who: str, features: np.ndarray, satisfaction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A prefix of requests as float32 arrays, validated.

    Args:
        who: Name of the caller, for error messages.
        features: [n, d].
        satisfaction: [n, M], in [0, 1].

    Returns:
        Features [n, d] and satisfactions [n, M], float32.

    Raises:
        ValueError: No requests, shapes that disagree, NaN, or satisfactions outside [0, 1].
    """
    features, satisfaction = np.asarray(features, np.float32), np.asarray(satisfaction, np.float32)
    if features.ndim != 2 or satisfaction.ndim != 2 or len(features) != len(satisfaction) or not len(features):
        raise ValueError(f"{who}: expected a prefix [n, d], [n, M], found {features.shape} and {satisfaction.shape}")
    for name, values, good in (
        ("features", features, np.isfinite(features)),
        ("satisfaction", satisfaction, (satisfaction >= 0) & (satisfaction <= 1)),
    ):
        if not good.all():
            row, column = (int(i) for i in np.argwhere(~good)[0])
            wanted = "a finite number" if name == "features" else "a number in [0, 1]"
            raise ValueError(f"{who}: {name}[{row}, {column}] is {values[row, column]}, expected {wanted}")
    return features, satisfaction


@with_32_bit_types
def predict_all(predictor: Predictor, features: np.ndarray) -> np.ndarray:
    """The predictions of a frozen predictor.

    Args:
        predictor: A frozen predictor.
        features: [n, d].

    Returns:
        s_hat [n, M].

    Raises:
        ValueError: A predictor that learns.
    """
    if jax.tree.leaves(jax.eval_shape(predictor.init, jax.random.key(0))):
        raise ValueError("expected a frozen predictor (predictors.trained, frozen, knn, ...), found one that learns")
    return np.asarray(_predict_rows(as_pytree(predictor), jnp.asarray(features, jnp.float32)))


@jax.jit
def _predict_rows(predictor: Predictor, features: Array) -> Array:
    return jax.vmap(lambda x: predictor.predict((), x))(features)


@jax.jit
def _train(predictor: Predictor, key: Array, features: Array, satisfaction: Array, epochs: Array) -> PyTree:
    num = len(features)
    everything = jnp.ones(satisfaction.shape[1:], bool)

    def epoch(e: Array, state: PyTree) -> PyTree:
        order = jax.random.permutation(jax.random.fold_in(key, e + 1), num)

        def step(i: Array, state: PyTree) -> PyTree:
            row = order[i]
            return predictor.update(state, features[row], Outcome(satisfaction[row], everything))

        return jax.lax.fori_loop(0, num, step, state)

    return jax.lax.fori_loop(0, epochs, epoch, predictor.init(jax.random.fold_in(key, 0)))


def _init(key: Array) -> tuple[()]:
    del key
    return ()


def _predict(predict: Any, known: PyTree, state: tuple, features: Array) -> Array:
    del state
    result: Array = predict(known, features)
    return result


def _update(state: tuple, features: Array, outcome: Outcome) -> tuple:
    del features, outcome
    return state
