"""What learned predictors share: the loss of [M25], its default Optax rule, and one step of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from messjax.types import Array, Outcome, PyTree


class Learner(NamedTuple):
    """State of a learned predictor: parameters, optimiser state, and the number of explored requests learned from."""

    params: PyTree
    opt: PyTree
    seen: Array  # [] int32


@functools.cache
def sgd(learning_rate: float = 0.06, momentum: float = 0.9, clip: float = 1.0, weight_decay: float = 0.01) -> Any:
    """The update rule of [M25]: SGD with momentum 0.9, gradient clipped to norm 1, weight decay 0.01.

    In the order of its code: clip the gradient of the loss, add weight decay, then momentum. 0.06 is about the
    middle of the rates in its configurations (0.027 to 0.083 by benchmark). Cached: equal arguments, equal object.
    """
    return optax.chain(
        optax.clip_by_global_norm(clip),
        optax.add_decayed_weights(weight_decay),
        optax.sgd(learning_rate, momentum=momentum),
    )


def cross_entropy(logits: Array, outcome: Outcome) -> Array:
    """Mean binary cross-entropy over the observed models, [] float; scores in [0, 1] serve as soft labels."""
    losses = optax.sigmoid_binary_cross_entropy(logits, outcome.satisfaction)
    return jnp.sum(jnp.where(outcome.observed, losses, 0.0)) / jnp.maximum(jnp.sum(outcome.observed), 1)


@dataclass(frozen=True)
class Start:
    """`(params, key) -> Learner`. The rule is static and compares by value: equal predictors are one program."""

    tx: optax.GradientTransformation

    def __call__(self, params: PyTree, key: Array) -> Learner:
        """A learner that has seen nothing."""
        del key
        return Learner(params, self.tx.init(params), jnp.zeros((), jnp.int32))


def descend(
    learner: Learner, tx: optax.GradientTransformation, loss: Callable[[PyTree], Array], **extra: Any
) -> Learner:
    """One step of the rule on `loss(params)`; `extra` goes to rules that take more than the gradient."""
    gradient = jax.grad(loss)(learner.params)
    changes, opt = optax.with_extra_args_support(tx).update(gradient, learner.opt, learner.params, **extra)
    return Learner(optax.apply_updates(learner.params, changes), opt, learner.seen + 1)
