"""`predictors.linear` under the rule of [M25] (`learning.Sgd`), its update written out: one pass over the weights.

The rule is linear in the weights but for one number a model (the residual). So the logits of all requests of a chunk
can be learned along with the weights (`predict_and_learn`): a weight moves by residual * x_k, a logit by residual * (x
. x_j).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import same_structure
from messjax.policies.rare_update import any_lane
from messjax.predictors.learning import Sgd
from messjax.predictors.linear_head import Update, linear
from messjax.types import Array, Outcome, Predictor


class ChunkFeatures(NamedTuple):
    """Weights and their momentum."""

    value: Array
    momentum: Array


class ObservedOutcomes(NamedTuple):
    """What a chunk shows a predictor of one stream: features [L, d] and labels [L, M]."""

    x: Array
    labels: Array


class Head(NamedTuple):
    """A linear head: weights [M, d] and biases [M]."""

    weight: ChunkFeatures
    bias: ChunkFeatures


def rule_of(predictor: Predictor, num_features: int, num_models: int) -> Sgd | None:
    """The rule of a linear head of this size that learns by one; None for any other predictor."""
    update: Any = getattr(predictor.update, "func", None)
    if not isinstance(update, Update) or not isinstance(update.tx, Sgd):
        return None
    plain = linear(num_features, num_models, tx=cast(Any, update.tx))
    return update.tx if same_structure(predictor, plain) else None


def descend(rule: Sgd, part: ChunkFeatures, residual: Array, x: Array, wanted: Array | bool = True) -> ChunkFeatures:
    """One step on the gradient `residual * x`, clipped beforehand, where it is wanted."""
    gradient = residual * x + rule.weight_decay * part.value
    momentum = gradient + rule.momentum * part.momentum
    moved = ChunkFeatures(part.value - rule.learning_rate * momentum, momentum)
    return ChunkFeatures(*(jnp.where(wanted, new, old) for new, old in zip(moved, part, strict=True)))


def clipped(rule: Sgd, residual: Array, squares: Array) -> Array:
    """(s_hat - s) / M, [M, ...], scaled so that the gradient's norm is at most the rule's; `squares`: |x|^2 + 1."""
    norm = jnp.sqrt(sum(r**2 for r in residual) * squares)
    return residual * jnp.where(norm < rule.clip, 1.0, rule.clip / norm)


def written_out(predictor: Predictor, rule: Sgd) -> Predictor:
    """The same predictor; its state is a `Head`."""
    return Predictor(Partial(_init, predictor), Partial(_predict), Partial(_Learn(rule)))


def _init(predictor: Predictor, key: Array) -> Head:
    params = predictor.init(key).params
    return Head(*(ChunkFeatures(value, jnp.zeros_like(value)) for value in (params["weight"], params["bias"])))


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


def predict_and_learn(rule: Sgd, head: Head, seen: ObservedOutcomes, explore: Array, n: Array) -> tuple[Head, Array]:
    """Learn from the explored ones of the first n requests: (head, s_hat [L, M], each as it was when served).

    One matrix product for the whole chunk, and one step for every explored request. The steps are those where any
    lane of a vmap explores, so that the loop stays one loop.
    """
    length, num_models = seen.labels.shape
    stops = jnp.where(any_lane(explore) & (jnp.arange(length) < n), jnp.arange(length), length)
    following = jnp.append(jax.lax.cummin(stops, reverse=True), length)  # the first stop from i on

    def learn(carry: tuple) -> tuple:
        i, part = carry
        x, label = (jax.lax.dynamic_index_in_dim(array, i, keepdims=False) for array in seen)
        columns = jnp.concatenate([seen.x @ x + 1.0, x, jnp.ones(1)])
        s_hat = jax.nn.sigmoid(jax.lax.dynamic_index_in_dim(part.value, i, 1, keepdims=False))
        residual = clipped(rule, (s_hat - label) / num_models, columns[i])
        current = jnp.arange(columns.shape[0])
        wanted = explore[i] & (
            (current > i) | (current >= length)
        )  # a logit stays as it was when its request was served
        return following[i + 1], descend(rule, part, residual[:, None], columns, wanted)

    start = following[0], _with_logits(head, seen.x)
    part = jax.lax.while_loop(lambda carry: carry[0] < n, learn, start)[1]
    split = [jnp.split(array, (length, array.shape[1] - 1), axis=1) for array in part]
    head = Head(*(ChunkFeatures(*(pieces[k] for pieces in split)) for k in (1, 2)))
    head = head._replace(bias=ChunkFeatures(*(array[:, 0] for array in head.bias)))
    return head, jax.nn.sigmoid(split[0][0]).T


def _with_logits(head: Head, x: Array) -> ChunkFeatures:
    """Logits of requests x [L, d], weights and biases side by side, [M, L + d + 1], and the momentum of each."""
    weights, biases = (jnp.concatenate(list(part)) for part in head)
    logits = (x @ weights.T).T + biases[:, None]
    return ChunkFeatures(*jnp.split(jnp.concatenate([logits, weights, biases[:, None]], axis=1), 2))
