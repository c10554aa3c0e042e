"""A two-model router by RouteLLM's rule: the strong model where its predicted win rate exceeds a threshold."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.policies.offline import fixed
from messjax.predictors.pretrained import predict_all
from messjax.types import Array, Controls, Policy, Predictor


def wins(satisfaction: np.ndarray, weak: int = 0, strong: int = -1) -> np.ndarray:
    """The label that a win rate is trained on: whether the strong model satisfied a request more than the weak one.

    Args:
        satisfaction: Satisfactions [n, M].
        weak: Number of the weak model.
        strong: Number of the strong model.

    Returns:
        [n, 1] float32, 1 where the strong model's satisfaction is larger.
    """
    satisfaction = np.asarray(satisfaction)
    return (satisfaction[:, strong] > satisfaction[:, weak]).astype(np.float32)[:, None]


def threshold(
    win_rate: Predictor, features: np.ndarray, satisfaction: np.ndarray, *, weak: int = 0, strong: int = -1
) -> Policy:
    """Serve `strong` where the win rate predicted for it is above a threshold, otherwise `weak`; no other model.

    The rule of RouteLLM: P(strong wins | x) against a threshold. The threshold is calibrated at each alpha on a prefix:
    the highest (the fewest calls of the strong model) at which the prefix is satisfied at a rate of alpha, or the one
    that satisfies most where none does. Later requests are not used, so that alpha may or may not hold on them.
    Thresholds are half-way between neighbouring win rates. The policy never explores.

    Args:
        win_rate: A frozen predictor with one output, for example
            `predictors.trained(predictors.linear(d, 1), x, wins(satisfaction), key=...)`.
        features: Features of the prefix [n, d].
        satisfaction: Satisfactions of the prefix [n, M].
        weak: Number of the weak model; negative numbers count from the end.
        strong: Number of the strong model.

    Returns:
        The policy. It reads the control alpha.

    Raises:
        ValueError: A prefix without requests or with shapes that disagree, models that do not exist, or a win rate that
            is not a frozen predictor of one number.

    Source: Ong et al. 2024, arXiv 2406.18665.
    """
    features, satisfaction = np.asarray(features, np.float32), np.asarray(satisfaction, np.float64)
    if satisfaction.ndim != 2 or features.ndim != 2 or not len(features) or len(features) != len(satisfaction):
        raise ValueError(
            f"threshold: expected a prefix [n, d], [n, M], found {features.shape} and {satisfaction.shape}"
        )
    num_models = satisfaction.shape[1]
    for name, model in (("weak", weak), ("strong", strong)):
        if not -num_models <= model < num_models:
            raise ValueError(f"threshold: {name} is model {model}, expected one of {num_models}")
    weak, strong = weak % num_models, strong % num_models
    rate = predict_all(win_rate, features)
    if rate.shape[1] != 1:
        raise ValueError(f"threshold: expected a win rate of one output, found {rate.shape[1]}")
    level, bar = calibrate(rate[:, 0], satisfaction[:, weak], satisfaction[:, strong])
    table = jnp.asarray(level, jnp.float32), jnp.asarray(bar, jnp.float32)
    pair = jnp.asarray([weak, strong], jnp.int32)
    return fixed(Partial(_pick, as_pytree(win_rate), table, pair), Partial(_nothing), "threshold")


def calibrate(rate: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds for every number k = 0, ..., n of requests sent to the strong model.

    The k requests of the highest win rates go to the strong model. k between equal rates is not possible, and repeats
    what was reached before. From the best k on the levels stay and so do the thresholds.

    Args:
        rate: Win rates of the prefix [n].
        weak: Satisfactions of the weak model [n].
        strong: Satisfactions of the strong model [n].

    Returns:
        The satisfaction reached so far [n + 1], non-decreasing, and the threshold of each [n + 1].
    """
    order = np.argsort(-rate, kind="stable")
    rate, gain = rate[order], (strong - weak)[order]
    level = weak.mean() + np.concatenate([[0.0], np.cumsum(gain)]) / len(rate)
    above, below = np.concatenate([[np.inf], rate]), np.concatenate([rate, [-np.inf]])
    with np.errstate(invalid="ignore"):
        bar = np.where(np.isinf(above), np.inf, np.where(np.isinf(below), -np.inf, (above + below) / 2.0))
    level = np.where(above > below, level, -np.inf)
    best = int(np.argmax(level))
    bar[best:] = bar[best]
    return np.maximum.accumulate(level), bar


def _nothing(key: Array) -> tuple[()]:
    del key
    return ()


def _pick(
    win_rate: Predictor, table: tuple, pair: Array, key: Array, state: Any, x: Array, cost: Array, controls: Controls
) -> tuple[Array, Array]:
    del key, state
    level, bar = table
    current = jnp.minimum(jnp.searchsorted(level, controls.alpha, side="left"), len(level) - 1)
    rate = win_rate.predict((), x)[0]
    return jnp.where(rate > bar[current], pair[1], pair[0]), jnp.full_like(cost, jnp.nan)
