"""`predictors.linear` under the rule of [M25] (`learning.Sgd`), its update written out: one pass over the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.predictors.learning import Sgd
from messjax.predictors.linear import Update, linear
from messjax.types import Array, Outcome, Predictor, alike


class Part(NamedTuple):
    """Weights and their momentum."""

    value: Array
    momentum: Array


class Head(NamedTuple):
    """A linear head: weights [M, d] and biases [M]."""

    weight: Part
    bias: Part


def rule_of(predictor: Predictor, num_features: int, num_models: int) -> Sgd | None:
    """The rule of a linear head of this size that learns by one; None for any other predictor."""
    update: Any = getattr(predictor.update, "func", None)
    if not isinstance(update, Update) or not isinstance(update.tx, Sgd):
        return None
    plain = linear(num_features, num_models, tx=cast(Any, update.tx))
    return update.tx if alike(predictor, plain) else None


def descend(rule: Sgd, part: Part, residual: Array, x: Array, wanted: Array | bool = True) -> Part:
    """One step on the gradient `residual * x`, clipped beforehand, where it is wanted."""
    gradient = residual * x + rule.weight_decay * part.value
    momentum = gradient + rule.momentum * part.momentum
    moved = Part(part.value - rule.learning_rate * momentum, momentum)
    return Part(*(jnp.where(wanted, new, old) for new, old in zip(moved, part, strict=True)))


def clipped(rule: Sgd, residual: Array, squares: Array) -> Array:
    """(s_hat - s) / M, [M, ...], scaled so that the gradient's norm is at most the rule's; `squares`: |x|^2 + 1."""
    norm = jnp.sqrt(sum(r**2 for r in residual) * squares)
    return residual * jnp.where(norm < rule.clip, 1.0, rule.clip / norm)


def written_out(predictor: Predictor, rule: Sgd) -> Predictor:
    """The same predictor; its state is a `Head`."""
    return Predictor(Partial(_init, predictor), Partial(_predict), Partial(_Learn(rule)))


def _init(predictor: Predictor, key: Array) -> Head:
    params = predictor.init(key).params
    return Head(*(Part(value, jnp.zeros_like(value)) for value in (params["weight"], params["bias"])))


def _predict(head: Head, features: Array) -> Array:
    return jax.nn.sigmoid(head.weight.value @ features + head.bias.value)


@dataclass(frozen=True)
class _Learn:
    rule: Sgd

    def __call__(self, head: Head, features: Array, outcome: Outcome) -> Head:
        residual = (_predict(head, features) - outcome.satisfaction) / outcome.satisfaction.shape[0]
        residual = clipped(self.rule, residual, features @ features + 1.0)
        weight = descend(self.rule, head.weight, residual[:, None], features)
        return Head(weight, descend(self.rule, head.bias, residual, jnp.ones(())))
