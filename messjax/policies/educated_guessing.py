"""The baseline of the authors of [M25] that ignores costs: "educated guessing"."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.numerics import virtual_queue
from messjax.policies.static import feature_free
from messjax.types import Array, Controls, Policy

ROUNDS = 5_000  # theirs


def educated_guess(accuracy: np.ndarray) -> Policy:
    """A random model for each request, with probabilities that reach alpha on average; costs are ignored.

    As in the code of [M25] (run_baselines.ipynb): begin with equal weights; as long as their mean accuracy is below
    alpha - 1e-6, multiply the weights of the models above that mean by 1.01 and all others by .99, and normalise. An
    alpha below the average accuracy therefore keeps equal weights: it never becomes cheaper than uniform random.

    The sequence of weights is the same for every alpha, which only decides where to stop: it is computed once, on the
    host. Above the best accuracy, where their code raises an error, the last weights are used, and so they are for an
    alpha not reached in their 5,000 rounds (where their code has a second method, left out here).

    Args:
        accuracy: Average satisfaction of each model [M], in [0, 1].

    Returns:
        The policy. It reads the control alpha and neither features nor costs.

    Raises:
        ValueError: Accuracies outside [0, 1], or not a non-empty array [M].
    """
    accuracy = np.asarray(accuracy, np.float64)
    if accuracy.ndim != 1 or not accuracy.size or not ((accuracy >= 0) & (accuracy <= 1)).all():
        raise ValueError(f"educated_guess: expected accuracies [M] in [0, 1], found {accuracy.tolist()}")
    level, weights = guesses(accuracy)
    stop = jnp.asarray(
        np.floor(level * virtual_queue.UNIT + 1e-6), jnp.int32
    )  # in the unit of alpha, and of their tolerance
    pick = Partial(_guess, stop, jnp.asarray(np.cumsum(weights, axis=1), jnp.float32))
    return feature_free(pick, "educated_guess", Partial(_propensity))


def guesses(accuracy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sequence of weights of `educated_guess`, from equal weights on.

    Args:
        accuracy: Average satisfaction of each model [M].

    Returns:
        The mean accuracy so far [ROUNDS + 1], non-decreasing, and the weights [ROUNDS + 1, M].
    """
    path = np.empty((ROUNDS + 1, len(accuracy)))
    weights = np.full(len(accuracy), 1.0 / len(accuracy))
    for i in range(ROUNDS + 1):
        path[i] = weights
        weights = weights * np.where(accuracy > weights @ accuracy, 1.01, 0.99)
        weights = weights / weights.sum()
    return np.maximum.accumulate(path @ accuracy), path


def _guess(stop: Array, shares: Array, key: Array, num_models: int, controls: Controls) -> Array:
    if shares.shape[1] != num_models:
        raise ValueError(f"educated_guess: built for {shares.shape[1]} models, expected {num_models}")
    reached = jnp.sum(jax.random.uniform(key, dtype=jnp.float32) >= shares[_stop_at(stop, controls)])
    return jnp.minimum(reached, num_models - 1)


def _propensity(pick: Partial, num_models: int, controls: Controls) -> Array:
    del num_models
    stop, shares = pick.args
    return jnp.diff(shares[_stop_at(stop, controls)].at[-1].set(1.0), prepend=0.0)


def _stop_at(stop: Array, controls: Controls) -> Array:
    wanted = virtual_queue.units(controls.alpha) - 1
    return jnp.minimum(jnp.searchsorted(stop, wanted, side="left"), len(stop) - 1)
