"""A linear head: s_hat = sigmoid(W x + b), learned online from explored requests."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial

from messjax.components import sizes
from messjax.predictors import learning
from messjax.types import Array, Kind, Outcome, Predictor, Stream


@dataclass(frozen=True)
class Update:
    """One step of the update rule on the cross-entropy of an explored request.

    Attributes:
        tx: Optax transformation.
    """

    tx: optax.GradientTransformation

    def __call__(self, state: learning.Learner, features: Array, outcome: Outcome) -> learning.Learner:
        """The learner after one explored request.

        Args:
            state: The learner before it.
            features: Features x [d].
            outcome: Observed satisfactions [M].

        Returns:
            The updated learner.
        """
        return learning.descend(
            state, self.tx, lambda params: learning.cross_entropy(_logits(params, features), outcome)
        )


def linear(
    num_features: int | None = None,
    num_models: int | None = None,
    *,
    stream: Stream | None = None,
    tx: optax.GradientTransformation | None = None,
) -> Predictor:
    """Logistic regression of every model's satisfaction on x, starting at s_hat = 1/2.

    Args:
        num_features: Number of features d.
        num_models: Number of models M.
        stream: The stream that both numbers are taken from, instead of giving them.
        tx: Any Optax transformation, by default `learning.sgd()`, the rule of [M25].

    Returns:
        The predictor, which learns online.

    Raises:
        ValueError: Sizes and a stream were given, or neither.

    Example:
        >>> from messjax import policies, zoo
        >>> policy = policies.mess_plus(linear(num_features=16, num_models=3))
        >>> stream = zoo.get("llama3").stream()
        >>> policy = policies.mess_plus(linear(stream=stream))
    """
    num_features, num_models = sizes("linear", stream, num_features=num_features, num_models=num_models)
    tx = learning.sgd() if tx is None else tx
    params = {"weight": jnp.zeros((num_models, num_features), jnp.float32), "bias": jnp.zeros(num_models, jnp.float32)}
    return Predictor(Partial(learning.Start(tx), params), Partial(_predict), Partial(Update(tx)), Kind("linear"))


def _logits(params: dict[str, Array], features: Array) -> Array:
    return params["weight"] @ features + params["bias"]


def _predict(state: learning.Learner, features: Array) -> Array:
    return jax.nn.sigmoid(_logits(state.params, features))
