"""A table of running means: the natural predictor for finitely many request types."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial

from messjax.components import sizes
from messjax.predictors import learning
from messjax.types import Array, Kind, Outcome, Predictor, PyTree, Stream


@functools.lru_cache(maxsize=64)
def running_mean(prior: float = 1.0) -> optax.GradientTransformationExtraArgs:
    """Step size 1 / (prior + visits) per cell: on squared loss, the mean of the labels and of `prior` starting values.

    Args:
        prior: Weight of the starting value, in visits.

    Returns:
        An Optax transformation that takes the argument `visited`.
    """

    def init(params: PyTree) -> PyTree:
        return jax.tree.map(jnp.zeros_like, params)

    def update(gradient: PyTree, visits: PyTree, params: PyTree = None, *, visited: PyTree, **extra: Any) -> tuple:
        del params, extra
        visits = jax.tree.map(jnp.add, visits, visited)
        return jax.tree.map(lambda g, n: -g / (prior + n), gradient, visits), visits

    return optax.GradientTransformationExtraArgs(init, update)


@dataclass(frozen=True)
class _Update:
    tx: optax.GradientTransformation

    def __call__(self, state: learning.Learner, features: Array, outcome: Outcome) -> learning.Learner:
        def loss(table: Array) -> Array:
            error = features @ table - outcome.satisfaction
            return 0.5 * jnp.sum(jnp.where(outcome.observed, error, 0.0) ** 2)

        return learning.descend(state, self.tx, loss, visited=jnp.outer(jnp.abs(features), outcome.observed))


def tabular(
    num_types: int | None = None,
    num_models: int | None = None,
    *,
    stream: Stream | None = None,
    tx: optax.GradientTransformation | None = None,
) -> Predictor:
    """s_hat is a row of a table [K, M], learned from one-hot features [K], starting at 1/2.

    With other features s_hat is their product with the table, which is defined but is no running mean.

    Args:
        num_types: Number of request types K.
        num_models: Number of models M.
        stream: The stream that both numbers are taken from, instead of giving them.
        tx: Any Optax transformation of the squared loss, by default `running_mean()`: e_t falls like one over the
            square root of the visits of a type.

    Returns:
        The predictor, which learns online.

    Raises:
        ValueError: Sizes and a stream were given, or neither.
    """
    num_types, num_models = sizes("tabular", stream, num_types=num_types, num_models=num_models)
    tx = running_mean() if tx is None else tx
    table = jnp.full((num_types, num_models), 0.5, jnp.float32)  # not weakly typed: a carry must keep its type
    return Predictor(Partial(learning.Start(tx), table), Partial(_predict), Partial(_Update(tx)), Kind("tabular"))


def _predict(state: learning.Learner, features: Array) -> Array:
    return jnp.matmul(features, state.params, precision=jax.lax.Precision.HIGHEST)
