"""A two-model router by RouteLLM's rule: the strong model where its predicted win rate exceeds a threshold."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.policies.offline import fixed
from messjax.predictors.pretrained import predict_all
from messjax.types import Array, Controls, Policy, Predictor, as_pytree


def wins(satisfaction: np.ndarray, weak: int = 0, strong: int = -1) -> np.ndarray:
    """[n, 1], 1 where the strong model satisfied more than the weak one: what a win rate is trained on."""
    satisfaction = np.asarray(satisfaction)
    return (satisfaction[:, strong] > satisfaction[:, weak]).astype(np.float32)[:, None]


def threshold(
    win_rate: Predictor, features: np.ndarray, satisfaction: np.ndarray, *, weak: int = 0, strong: int = -1
) -> Policy:
    """Serve `strong` where the win rate predicted for it is above a threshold, else `weak`; no other model, ever.

    The rule of RouteLLM (Ong et al. 2024, arXiv 2406.18665): P(strong wins | x) against a threshold. `win_rate` is a
    frozen predictor with one output, say `predictors.trained(predictors.linear(d, 1), x, wins(satisfaction), key=...)`.
    The threshold is calibrated at each alpha on a prefix, features [n, d] and satisfaction [n, M]: the highest (the
    fewest calls of the strong model) at which the prefix is satisfied at a rate of alpha; the one that satisfies most
    where none does. What comes after the prefix is not looked at; whether alpha holds there is luck and n. Thresholds
    are half-way between neighbouring win rates. The policy never explores, and sees nothing of V.

    ValueError for a prefix without requests or with shapes that disagree, models that do not exist, or a win rate that
    is not a frozen predictor of one number.
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
    return fixed(Partial(_pick, as_pytree(win_rate), table, pair), Partial(_nothing))


def calibrate(rate: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For n + 1 numbers of strong calls on a prefix: the satisfaction reached so far, and the threshold [n + 1] each.

    rate, weak, strong [n]: win rates and the two models' satisfactions. The k requests of the highest win rates go to
    the strong model; k between equal rates is not possible, and repeats what was reached before. From the best k on the
    levels stay and so do the thresholds.
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
