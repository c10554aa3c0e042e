"""What learned predictors share: the loss of [M25], its default Optax rule, and one step of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial

from messjax.types import Array, Outcome, Predictor, PyTree


class Learner(NamedTuple):
    """State of a learned predictor.

    Attributes:
        params: Parameters.
        opt: State of the Optax transformation.
        seen: Number of explored requests learned from, [] int32.
    """

    params: PyTree
    opt: PyTree
    seen: Array


@dataclass(frozen=True)
class Sgd:
    """The update rule of [M25] as an Optax transformation: SGD with momentum, clipped gradient, weight decay.

    In the order of its code: clip the gradient of the loss, add weight decay, then momentum. 0.06 is about the middle
    of the rates in its configurations (0.027 to 0.083 by benchmark). Unlike a bare Optax chain it compares by value
    (equal rules are one program) and records its numbers in a result's provenance.

    Attributes:
        learning_rate: Step size.
        momentum: Momentum.
        clip: Largest global norm of the gradient.
        weight_decay: Weight decay.
    """

    learning_rate: float = 0.06
    momentum: float = 0.9
    clip: float = 1.0
    weight_decay: float = 0.01

    @functools.cached_property
    def chain(self) -> optax.GradientTransformation:
        """The Optax transformation itself.

        Returns:
            Clipping, weight decay and SGD with momentum, chained.
        """
        return optax.chain(
            optax.clip_by_global_norm(self.clip),
            optax.add_decayed_weights(self.weight_decay),
            optax.sgd(self.learning_rate, momentum=self.momentum),
        )

    def init(self, params: PyTree) -> PyTree:
        """The initial optimiser state, as `optax.GradientTransformation.init`.

        Args:
            params: Parameters.

        Returns:
            The optimiser state.
        """
        return self.chain.init(params)

    def update(self, gradient: PyTree, state: PyTree, params: PyTree = None) -> tuple:
        """One step, as `optax.GradientTransformation.update`.

        Args:
            gradient: Gradient of the loss.
            state: Optimiser state.
            params: Parameters.

        Returns:
            The changes of the parameters, and the optimiser state.
        """
        return self.chain.update(gradient, state, params)


def sgd(
    learning_rate: float = 0.06, momentum: float = 0.9, clip: float = 1.0, weight_decay: float = 0.01
) -> optax.GradientTransformation:
    """The update rule of [M25] (see `Sgd`), the default of every learned predictor with a gradient.

    Args:
        learning_rate: Step size.
        momentum: Momentum.
        clip: Largest global norm of the gradient.
        weight_decay: Weight decay.

    Returns:
        An Optax transformation.
    """
    return cast(optax.GradientTransformation, Sgd(learning_rate, momentum, clip, weight_decay))


def cross_entropy(logits: Array, outcome: Outcome) -> Array:
    """Mean binary cross-entropy over the observed models; scores in [0, 1] serve as soft labels.

    Args:
        logits: [M].
        outcome: Observed satisfactions [M].

    Returns:
        The loss [] float, 0 where nothing was observed.
    """
    losses = optax.sigmoid_binary_cross_entropy(logits, outcome.satisfaction)
    return jnp.sum(jnp.where(outcome.observed, losses, 0.0)) / jnp.maximum(jnp.sum(outcome.observed), 1)


@dataclass(frozen=True)
class Start:
    """`(params, key) -> Learner`. The rule is static and compares by value: equal predictors are one program.

    Attributes:
        tx: Optax transformation.
    """

    tx: optax.GradientTransformation

    def __call__(self, params: PyTree, key: Array) -> Learner:
        """A learner that has not learned yet.

        Args:
            params: Initial parameters.
            key: Not used.

        Returns:
            The learner.
        """
        del key
        return Learner(params, self.tx.init(params), jnp.zeros((), jnp.int32))


def initial_params(predictor: Predictor) -> PyTree:
    """The parameters that a predictor made with `Start` begins with.

    Args:
        predictor: A predictor whose `init` is `Partial(Start(tx), params)`.

    Returns:
        The parameters.
    """
    init = predictor.init
    assert isinstance(init, Partial), "a predictor made with Start"
    assert isinstance(init.func, Start), "a predictor made with Start"
    return init.args[0]


def descend(
    learner: Learner, tx: optax.GradientTransformation, loss: Callable[[PyTree], Array], **extra: Any
) -> Learner:
    """One step of the update rule on a loss.

    Args:
        learner: State before the step.
        tx: Optax transformation.
        loss: params -> loss [].
        **extra: Given to transformations that take more than the gradient.

    Returns:
        The state after the step, with `seen` one larger.
    """
    gradient = jax.grad(loss)(learner.params)
    changes, opt = optax.with_extra_args_support(tx).update(gradient, learner.opt, learner.params, **extra)
    return Learner(optax.apply_updates(learner.params, changes), opt, learner.seen + 1)
