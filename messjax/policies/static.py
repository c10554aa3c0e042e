"""Policies that learn nothing: one model always, uniform random, and the LP-optimal static mixture."""

from __future__ import annotations

import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.numerics import virtual_queue
from messjax.policies.predictor_router import serve_queue
from messjax.theory import optimum
from messjax.types import Array, Controls, Decision, Feedback, Policy


def single(model: int) -> Policy:
    """Always model number `model` (0 is the first of the zoo). ValueError for a negative number."""
    if operator.index(model) < 0:
        raise ValueError(f"single: expected a model number >= 0, found {model}")
    return feature_free(Partial(_single, jnp.asarray(model, jnp.int32)))


def uniform() -> Policy:
    """Each request to one of the M models at random."""
    return feature_free(Partial(_uniform))


def mixture(cost: np.ndarray, accuracy: np.ndarray) -> Policy:
    """The static mixture of least cost that meets alpha on average, knowing only each model's two averages.

    cost [M], accuracy [M]. At most two models are mixed: neighbours on the hull of the (accuracy, cost) points. Below
    the first of them it is the cheapest model, above the last (infeasible) the best one. The honest baseline for
    MESS+ ("Facts about the published results" in docs/theory).
    """
    level, weights = optimum.frontier(np.asarray(cost, np.float64), np.asarray(accuracy, np.float64))
    return feature_free(Partial(_mixture, jnp.asarray(level, jnp.float32), jnp.asarray(weights, jnp.float32)))


def feature_free(pick: Partial) -> Policy:
    """A policy that serves what `pick(key, M, controls) -> model` says, and learns nothing."""
    return Policy(Partial(_init), Partial(act, pick), Partial(_update), Partial(_queue))


def _single(model: Array, key: Array, num_models: int, controls: Controls) -> Array:
    del key, controls
    if not isinstance(model, jax.core.Tracer) and int(model) >= num_models:  # known when a run is checked, before it
        raise ValueError(f"single: expected a model number below {num_models}, found {int(model)}")
    return model


def _uniform(key: Array, num_models: int, controls: Controls) -> Array:
    del controls
    return jax.random.randint(key, (), 0, num_models)


def _mixture(level: Array, weights: Array, key: Array, num_models: int, controls: Controls) -> Array:
    if weights.shape[1] != num_models:
        raise ValueError(f"mixture: built for {weights.shape[1]} models, expected {num_models}")
    share = jax.vmap(lambda column: jnp.interp(controls.alpha, level, column), in_axes=1)(weights)
    return jnp.minimum(jnp.sum(jax.random.uniform(key, dtype=jnp.float32) >= jnp.cumsum(share)), num_models - 1)


def _init(key: Array, controls: Controls) -> virtual_queue.Fixed:
    del key, controls
    return virtual_queue.zero()


def act(
    pick: Partial, key: Array, state: virtual_queue.Fixed, features: Array, cost: Array, controls: Controls
) -> Decision:
    """What `pick(key, M, controls)` picks."""
    del state, features
    serve = jnp.asarray(pick(key, cost.shape[0], controls), jnp.int32)
    never = jnp.zeros((), bool)
    return Decision(serve, jnp.zeros(cost.shape, bool), never, jnp.zeros((), jnp.float32), jnp.full_like(cost, jnp.nan))


def _update(
    state: virtual_queue.Fixed, features: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> virtual_queue.Fixed:
    del features, decision
    return serve_queue(state, feedback, controls)


def _queue(state: virtual_queue.Fixed) -> virtual_queue.Fixed:
    return state
