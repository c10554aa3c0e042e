"""Scores of predicted satisfactions: log loss, Brier score, calibration. Elementwise ones take NumPy and JAX arrays.

Satisfactions s in [0, 1] that are not 0 or 1 are soft labels, as in the loss that the predictors learn from. Log loss
and Brier score are proper: least in expectation for s_hat = E[s | x]. Log loss is in nats.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LEAST = 1e-6  # predictions are clipped to [LEAST, 1 - LEAST]: a wrong certainty costs 13.8 nats, not infinity


def log_loss(s_hat: Any, s: Any) -> Any:
    """-(s log s_hat + (1 - s) log(1 - s_hat)), elementwise, with s_hat clipped away from 0 and 1.

    Args:
        s_hat: Predictions in [0, 1], a NumPy or JAX array of any shape.
        s: Satisfactions in [0, 1], in the same shape.

    Returns:
        Losses in nats, in the same shape; NaN stays NaN.
    """
    xp = s_hat.__array_namespace__()
    p = xp.clip(s_hat, LEAST, 1.0 - LEAST)
    return -(s * xp.log(p) + (1.0 - s) * xp.log1p(-p))


def brier(s_hat: Any, s: Any) -> Any:
    """(s_hat - s)^2, elementwise.

    Args:
        s_hat: Predictions, of any shape.
        s: Satisfactions, in the same shape.

    Returns:
        Scores in the same shape.

    Source: Brier 1950.
    """
    return (s_hat - s) ** 2


class Calibration(NamedTuple):
    """Calibration error of binned predictions, numbers or arrays over the leading axes.

    Attributes:
        error: Expected calibration error (ECE), in [0, 1].
        chance: What the error would be on average of a calibrated predictor with as many requests.
    """

    error: Any
    chance: Any


def calibration(count: ArrayLike, predicted: ArrayLike, observed: ArrayLike, squared: ArrayLike) -> Calibration:
    """Expected calibration error from bins along the last axis.

        ECE = sum_b (n_b / n) |mean of s_hat in b - mean of s in b|

    ECE is biased upwards: chance alone makes a difference in every bin. `chance` estimates how much, sum_b (n_b / n)
    sqrt(2 v_b / (pi n_b)) with v_b the mean square in the bin, the mean absolute value of a normal: an error not above
    it is no evidence. Wide bins bias it downwards: differences within a bin cancel.

    Args:
        count: [..., B] requests n_b whose prediction fell into each bin.
        predicted: [..., B] sum of their predictions.
        observed: [..., B] sum of their satisfactions.
        squared: [..., B] sum of (s_hat - s)^2.

    Returns:
        The error and its chance level [...], NaN without requests.

    Source: Naeini et al. 2015; Guo et al. 2017.
    """
    n, p, s, q = (np.asarray(x, np.float64) for x in (count, predicted, observed, squared))
    with np.errstate(invalid="ignore", divide="ignore"):
        total = n.sum(axis=-1)
        error = np.abs(p - s).sum(axis=-1) / total
        chance = np.sqrt(2.0 / np.pi * q).sum(axis=-1) / total
    return Calibration(error[()], chance[()])


def over_models(values: np.ndarray) -> np.ndarray:
    """Mean over the models that have a value.

    Args:
        values: [..., M], NaN where a model has none.

    Returns:
        Means [...], NaN where no model has a value.
    """
    seen = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(seen, values, 0.0).sum(axis=-1) / seen.sum(axis=-1)
