"""Predictors of controlled skill on calibrated streams: calibrated, and blind to a part of what tells requests apart.

Skill is the share of the variance of mu(x) that s_hat(x) explains. Two simpler ways say less. Shrinking mu towards its
mean explains less of it, yet keeps the order of the requests, which is all that two models are chosen by. An error of
fixed size (`predictors.noisy`) soon predicts worse than the base rate.
"""

from __future__ import annotations

import jax
import numpy as np
from scipy import special

from messjax import predictors
from messjax.components import spec_of
from messjax.predictors.pretrained import predict_all
from messjax.streams import continuous_features
from messjax.streams.calibration import solve_bias
from messjax.types import Predictor, Stream

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)


def partial_information(stream: Stream, share: float) -> Predictor:
    """s_hat of a `streams.calibrated` world by one who sees only `share` of the variance of each logit, frozen.

    Logits are w_m . x + b_m, x normal. What is seen of w_m . x is a signal of correlation sqrt(share) with it, made of
    directions of x that no model's w_m has: s_hat = E[mu | signal] by the usual probit approximation, then shifted so
    that its mean is the model's accuracy. share = 1 is the oracle, share = 0 the models' averages. ValueError where x
    has fewer than 2 M directions or share is outside [0, 1].
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"partial_information: share is {share}, expected one in [0, 1]")
    weights, bias = _distribution_of(stream)
    num_models, d = weights.shape
    if d < 2 * num_models:
        raise ValueError(f"partial_information: expected at least 2 M = {2 * num_models} features, found {d}")
    axes = np.linalg.qr(weights.T, mode="complete")[0].T  # the first M span the weights, the others nothing of them
    own, other = axes[:num_models], axes[num_models : 2 * num_models]
    signal = np.sqrt(share) * own + np.sqrt(1.0 - share) * other
    size = np.linalg.norm(weights, axis=1)
    flatter = 1.0 / np.sqrt(1.0 + np.pi / 8.0 * (1.0 - share) * size**2)
    slope = (flatter * np.sqrt(share))[:, None] * (weights @ own.T @ signal)
    return _head(
        slope, np.array([_bias(*each) for each in zip(size, bias, np.linalg.norm(slope, axis=1), strict=True)])
    )


def explained(stream: Stream, predictor: Predictor, num: int = 8_192) -> float:
    """1 - E (mu - s_hat)^2 / Var mu, the mean over models, on `num` random x; for a frozen predictor."""
    weights, bias = _distribution_of(stream)
    x = np.random.default_rng(0).normal(size=(num, weights.shape[1])).astype(np.float32)
    mean = special.expit(x @ weights.T + bias)
    error = ((mean - predict_all(predictor, x)) ** 2).mean(axis=0)
    return float(np.mean(1.0 - error / mean.var(axis=0)))


def _distribution_of(stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    spec: continuous_features.LogisticSpec | None = spec_of(stream.draw, continuous_features.draw)
    if spec is None:
        raise ValueError("stream: found one of another kind, expected one of streams.calibrated or streams.logistic")
    return np.asarray(spec.weights, np.float64), np.asarray(spec.bias, np.float64)


def _bias(size: float, bias: float, slope: float) -> float:
    """The b with E sigmoid(slope N + b) = E sigmoid(size N + bias), N standard normal."""
    share = _WEIGHTS / _WEIGHTS.sum()
    wanted = share @ special.expit(size * _NODES + bias)
    return float(solve_bias(np.array([wanted]), slope, _NODES, share)[0])


def _head(weights: np.ndarray, bias: np.ndarray) -> Predictor:
    head = predictors.linear(weights.shape[1], len(bias))
    state = head.init(jax.random.key(0))
    params = {"weight": weights.astype(np.float32), "bias": bias.astype(np.float32)}
    return predictors.frozen(head, state._replace(params=jax.tree.map(jax.numpy.asarray, params)))
