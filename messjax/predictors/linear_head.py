"""A linear head: s_hat = sigmoid(W x + b), learned online on exploration."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial

from messjax.predictors import learning
from messjax.types import Array, Outcome, Predictor


@dataclass(frozen=True)
class Update:
    """One step of the rule on the cross-entropy of an explored request."""

    tx: optax.GradientTransformation

    def __call__(self, state: learning.Learner, features: Array, outcome: Outcome) -> learning.Learner:
        """The learner after it."""
        return learning.descend(
            state, self.tx, lambda params: learning.cross_entropy(_logits(params, features), outcome)
        )


def linear(num_features: int, num_models: int, *, tx: optax.GradientTransformation | None = None) -> Predictor:
    """Logistic regression of every model's satisfaction on x [d], starting at s_hat = 1/2.

    `tx` is any Optax transformation, by default `learning.sgd()`, the rule of [M25].
    """
    tx = learning.sgd() if tx is None else tx
    params = {"weight": jnp.zeros((num_models, num_features), jnp.float32), "bias": jnp.zeros(num_models, jnp.float32)}
    return Predictor(Partial(learning.Start(tx), params), Partial(_predict), Partial(Update(tx)))


def _logits(params: dict[str, Array], features: Array) -> Array:
    return params["weight"] @ features + params["bias"]


def _predict(state: learning.Learner, features: Array) -> Array:
    return jax.nn.sigmoid(_logits(state.params, features))
