"""A conformal gate between two models: the largest set that is sent to the cheap one at a certified risk."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from scipy import special, stats

from messjax.policies.offline import fixed
from messjax.types import Array, Controls, Policy

THRESHOLDS = 20  # possible sets
RIDGE, NEWTON = 1.0, 30


def conformal_gate(
    training: tuple[np.ndarray, np.ndarray], calibration: tuple[np.ndarray, np.ndarray], *, cheap: int = 0,
    dear: int = -1, good: float = 0.5, delta: float = 0.05,
) -> Policy:  # fmt: skip
    """Serve `cheap` where a logistic gate trusts it, otherwise `dear`; a reconstruction, known from an abstract only.

    The gate predicts from x whether the cheap model satisfies a request (score >= good) and is trained on one part. On
    another, for each of 20 nested sets {x: gate(x) >= threshold} that the first part alone fixes, the upper
    Clopper-Pearson limit of the share of unsatisfied requests is computed at level 1 - delta/20. The largest set with a
    limit of at most 1 - alpha is routed to the cheap model, or none. For exchangeable requests the share of violations
    among the routed ones then is at most 1 - alpha with probability 1 - delta.

    Args:
        training: Features [n, d] and satisfactions [n, M] that the gate is trained on.
        calibration: Features [m, d] and satisfactions [m, M] of other requests.
        cheap: Number of the cheap model.
        dear: Number of the model that takes the rest; negative numbers count from the end.
        good: Satisfaction from which a request counts as satisfied.
        delta: Probability with which the risk may be exceeded, in (0, 1).

    Returns:
        The policy. It reads the control alpha.

    Raises:
        ValueError: Empty parts, models that there are none of, or a delta out of range.

    Source: Reconstructed from the abstract of a conformal router of 2026; Clopper and Pearson 1934.
    """
    x, s = (np.asarray(each, np.float64) for each in training)
    z, r = (np.asarray(each, np.float64) for each in calibration)
    if not len(x) or not len(z) or not 0.0 < delta < 1.0:
        raise ValueError(
            f"conformal_gate: found {len(x)} and {len(z)} requests and delta {delta}, expected some and (0, 1)"
        )
    num = s.shape[1]
    for name, model in (("cheap", cheap), ("dear", dear)):
        if not -num <= model < num:
            raise ValueError(f"conformal_gate: {name} is model {model}, expected one of {num}")
    weights = fit(x, s[:, cheap] >= good)
    level = np.quantile(score(weights, x), np.linspace(0.0, 1.0, THRESHOLDS, endpoint=False))
    limit = limits(score(weights, z), r[:, cheap] < good, level, delta)
    pair = jnp.asarray([cheap % num, dear % num], jnp.int32)
    table = tuple(jnp.asarray(each, jnp.float32) for each in (weights, level, limit))
    return fixed(Partial(_pick, table, pair), Partial(_nothing), "conformal_gate")


def fit(x: np.ndarray, satisfied: np.ndarray) -> np.ndarray:
    """Logistic regression with a ridge, by Newton's method.

    Args:
        x: Features [n, d].
        satisfied: Labels [n] bool.

    Returns:
        Coefficients [d + 1], the last one of the constant.
    """
    rows = np.append(x, np.ones((len(x), 1)), axis=1)
    penalty = RIDGE * np.append(np.ones(x.shape[1]), 1e-3)
    weights = np.zeros(rows.shape[1])
    for _ in range(NEWTON):
        p = special.expit(rows @ weights)
        slope = rows.T @ (p - satisfied) + penalty * weights
        curve = (rows * (p * (1.0 - p))[:, None]).T @ rows + np.diag(penalty)
        move = np.linalg.solve(curve, slope)
        weights -= move * min(1.0, 5.0 / max(float(np.abs(move).max()), 1e-12))
    return weights


def score(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The gate's log odds that the cheap model satisfies a request.

    Args:
        weights: Coefficients [d + 1].
        x: Features [n, d].

    Returns:
        [n].
    """
    return np.asarray(x @ weights[:-1] + weights[-1])


def limits(odds: np.ndarray, violated: np.ndarray, level: np.ndarray, delta: float) -> np.ndarray:
    """Upper limits of the risk of every set, all of which hold with probability 1 - delta.

    Args:
        odds: The gate's log odds of the calibration requests [m].
        violated: Whether the cheap model does not satisfy them [m] bool.
        level: Thresholds [G].
        delta: Probability of error.

    Returns:
        Clopper-Pearson limits [G], 1 for an empty set.
    """
    inside = odds[None] >= level[:, None]
    n, k = inside.sum(axis=1), (inside & violated[None]).sum(axis=1)
    upper = stats.beta.ppf(1.0 - delta / len(level), k + 1, np.maximum(n - k, 1))
    return np.where((n > 0) & (k < n), upper, 1.0)


def _nothing(key: Array) -> tuple[()]:
    del key
    return ()


def _pick(
    table: tuple, pair: Array, key: Array, state: Any, x: Array, cost: Array, controls: Controls
) -> tuple[Array, Array]:
    del key, state
    weights, level, limit = table
    fits = limit <= 1.0 - controls.alpha
    threshold = jnp.where(
        jnp.any(fits), level[jnp.argmax(fits)], jnp.inf
    )  # levels increase: the first is the largest set
    odds = jnp.dot(x, weights[:-1], precision="highest") + weights[-1]
    return jnp.where(odds >= threshold, pair[0], pair[1]), jnp.full_like(cost, jnp.nan)
