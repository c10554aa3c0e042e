"""What policies share when they choose a model: those that are available, and the propensity of what was chosen."""

from __future__ import annotations

import jax.numpy as jnp

from messjax.types import Array, Controls


def among_available(score: Array, controls: Controls) -> Array:
    """Scores, infinite for the models that are not available: their argmin is an available model.

    Args:
        score: What a model is chosen by, the least one [M].
        controls: Read for `available`; where that is None the scores are as they were.

    Returns:
        The scores [M].
    """
    return score if controls.available is None else jnp.where(controls.available, score, jnp.inf)


def queried(explore: Array, num_models: int, controls: Controls) -> Array:
    """The models that MESS+ queries to learn from: all that are available where it explores, otherwise none.

    Args:
        explore: Whether the request is explored, [] bool.
        num_models: Number of models M.
        controls: Read for `available`.

    Returns:
        [M] bool.
    """
    everything = jnp.broadcast_to(explore, num_models)
    return everything if controls.available is None else everything & controls.available


def last_model(num_models: int, controls: Controls) -> Array | int:
    """The last model of the zoo that is available, which serves when MESS+ explores.

    Args:
        num_models: Number of models M.
        controls: Read for `available`.

    Returns:
        Its number, [] int32 or a Python int; 0 where none is available.
    """
    if controls.available is None:
        return num_models - 1
    return jnp.max(jnp.where(controls.available, jnp.arange(num_models), 0))


def uniform_model(draw: Array, num_models: int, controls: Controls) -> Array:
    """One of the available models, each with the same probability.

    Args:
        draw: A uniform number in [0, 1), [].
        num_models: Number of models M.
        controls: Read for `available`.

    Returns:
        The model number [] int32.
    """
    if controls.available is None:
        return jnp.minimum((draw * num_models).astype(jnp.int32), num_models - 1)
    count = jnp.sum(controls.available)
    rank = jnp.minimum((draw * count).astype(jnp.int32), count - 1)
    return jnp.argmax(jnp.cumsum(controls.available) > rank).astype(jnp.int32)


def uniform_propensity(num_models: int, controls: Controls) -> Array:
    """The probabilities of `uniform_model`.

    Args:
        num_models: Number of models M.
        controls: Read for `available`.

    Returns:
        [M] float.
    """
    if controls.available is None:
        return jnp.full(num_models, 1.0 / num_models, jnp.float32)
    there = controls.available.astype(jnp.float32)
    return there / jnp.maximum(jnp.sum(there), 1.0)


def certain(serve: Array | int, num_models: int) -> Array:
    """The propensity of a choice without chance: 1 for the model that serves, 0 for all others.

    Args:
        serve: The model [] int.
        num_models: Number of models M.

    Returns:
        [M] float; zeros where the request is refused.
    """
    return (jnp.arange(num_models) == serve).astype(jnp.float32)


def explored(p: Array, exploring: Array, exploiting: Array) -> Array:
    """The propensity of a policy that explores with probability p.

    Args:
        p: Probability of exploring, [].
        exploring: Propensity when it explores, [M].
        exploiting: Propensity when it does not, [M].

    Returns:
        [M] float.
    """
    return p * exploring + (1.0 - p) * exploiting


def unknown(num_models: int) -> Array:
    """The propensity where it has no closed form.

    Args:
        num_models: Number of models M.

    Returns:
        [M] NaN.
    """
    return jnp.full(num_models, jnp.nan, jnp.float32)
