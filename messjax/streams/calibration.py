"""Streams calibrated to a zoo: each model's mean accuracy is matched exactly.

Requests differ in difficulty. Model m satisfies a request of difficulty z with probability sigmoid(b_m - spread z); b_m
is solved for so that the mean over requests is the required accuracy.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from messjax.streams.continuous_features import logistic
from messjax.types import Distribution, Stream

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)


def graded(cost: np.ndarray, accuracy: np.ndarray, *, num_types: int = 16, spread: float = 1.0) -> Distribution:
    """A finite distribution for `streams.types`: equally likely types of graded difficulty, with exact mean accuracies.

    Difficulties are quantiles of the normal distribution.

    Args:
        cost: Cost per request of each model [M], in cost units.
        accuracy: Mean accuracy of each model [M], strictly in (0, 1).
        num_types: Number of request types K >= 1.
        spread: Standard deviation of the difficulty, in logits; 0 makes all requests alike.

    Returns:
        The distribution, with weights [K], costs and means [K, M].

    Raises:
        ValueError: An accuracy of 0 or 1, or num_types < 1.
    """
    if num_types < 1:
        raise ValueError(f"graded: expected at least one type, found {num_types}")
    weight = np.full(num_types, 1.0 / num_types)
    difficulty = special.ndtri((np.arange(num_types) + 0.5) / num_types)
    bias = solve_bias(accuracy, spread, -difficulty, weight)
    return Distribution(weight, np.tile(cost, (num_types, 1)), special.expit(bias - spread * difficulty[:, None]))


def calibrated(
    cost: np.ndarray,
    accuracy: np.ndarray,
    *,
    num_features: int = 16,
    spread: float = 1.5,
    shared: float = 0.7,
    seed: int = 0,
    labels: str = "independent",
) -> Stream:
    """A stream of requests with d continuous features and given mean accuracies (see `streams.logistic`).

    Logits have standard deviation `spread`; any two models' logits have correlation `shared` (a request that is hard
    for one model is mostly hard for all). The directions of the weights are orthogonal, in a random rotation given by
    `seed`.

    Args:
        cost: Cost per request of each model [M], in cost units.
        accuracy: Mean accuracy of each model [M], strictly in (0, 1).
        num_features: Number of features d >= M + 1.
        spread: Standard deviation of the logits.
        shared: Correlation of two models' logits, in [0, 1].
        seed: Seed of the rotation.
        labels: "independent" or "comonotone" (one uniform for all models).

    Returns:
        The stream.

    Raises:
        ValueError: An accuracy of 0 or 1, `shared` outside [0, 1], or num_features < M + 1.

    Example:
        >>> stream = calibrated(cost=[1.0, 5.0], accuracy=[0.5, 0.8], num_features=8)
    """
    cost, accuracy = np.asarray(cost, np.float64), np.asarray(accuracy, np.float64)
    num_models = len(accuracy)
    if num_features < num_models + 1:
        raise ValueError(f"calibrated: expected num_features >= M + 1 = {num_models + 1}, found {num_features}")
    if not 0 <= shared <= 1:
        raise ValueError(f"calibrated: expected shared in [0, 1], found {shared}")
    axes = np.linalg.qr(np.random.default_rng(seed).normal(size=(num_features, num_models + 1)))[0].T
    weights = spread * (np.sqrt(shared) * axes[:1] + np.sqrt(1.0 - shared) * axes[1:])
    bias = solve_bias(accuracy, spread, _NODES, _WEIGHTS / _WEIGHTS.sum())
    return logistic(weights, bias, cost, labels=labels)


def solve_bias(accuracy: np.ndarray, spread: float, nodes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The b [M] with sum_k weights_k sigmoid(spread nodes_k + b_m) = accuracy_m.

    Args:
        accuracy: Mean accuracy of each model [M], strictly in (0, 1).
        spread: Standard deviation of the logits.
        nodes: Nodes of a distribution or a quadrature [K].
        weights: Their weights [K], summing to one.

    Returns:
        b [M], in logits.

    Raises:
        ValueError: An accuracy of 0 or 1.
    """
    accuracy = np.asarray(accuracy, np.float64)
    if not ((accuracy > 0) & (accuracy < 1)).all():
        raise ValueError(f"calibration needs accuracies strictly between 0 and 1, found {accuracy.tolist()}")
    reach = 40.0 + spread * np.abs(nodes).max()

    from scipy import optimize  # a tenth of a second that only calibration spends

    def solve(target: float) -> float:
        return optimize.brentq(
            lambda b: weights @ special.expit(spread * nodes + b) - target, -reach, reach, xtol=1e-13
        )

    return np.array([solve(a) for a in accuracy])
