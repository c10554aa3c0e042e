"""What predicts satisfactions, trained on the first part of the requests."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from messjax.deploy.heads import Neighbours
from messjax.evaluation.recommendation.requests import Requests
from messjax.predictors import ridge_regression as ridge
from messjax.statistics.scoring_rules import brier, log_loss

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, ridge.BLIND)
NEIGHBOURS = (10, 30, 100)
TRUST = 10.0  # answers that the mean satisfactions are worth before the first request
CLIP = 0.01  # predictions of the skill that is reported: a regression may say 0 or 1


class Skill(NamedTuple):
    """How well satisfactions are predicted on requests that were not trained on, and without looking at them.

    Attributes:
        log_loss: Mean log loss of the predictions, in nats.
        base: That of the models' mean satisfactions on the training part.
        error: Standard error of the difference.
    """

    log_loss: float
    base: float
    error: float

    @property
    def gain(self) -> float:
        """How much lower the loss is than that of the base rate."""
        return self.base - self.log_loss

    def word(self) -> str:
        """What the predictor knows.

        Returns:
            "nothing", "little" or "something".
        """
        if self.gain < max(2.0 * self.error, 1e-6 * self.base):  # where features are all equal both are about 0
            return "nothing"
        return "little" if self.gain < 0.05 * self.base else "something"


def fit_ridge(training: Requests) -> tuple[ridge.Ridge, float]:
    """Ridge regression on the training part, its strength chosen by two-fold cross-validation.

    Args:
        training: The requests.

    Returns:
        The statistics, and the strength.
    """

    def fitted(part: Requests, strength: float) -> ridge.Ridge:
        start = ridge.prior(part.satisfaction.mean(axis=0), part.features.shape[1], strength=strength, trust=TRUST)
        return ridge.after(start, part.features, part.satisfaction)

    folds = [training.take(rows) for rows in _halves(len(training.rows))]
    loss = [
        sum(
            float(brier(predict_ridge(fitted(a, strength), b.features), b.satisfaction).mean())
            for a, b in (folds, folds[::-1])
        )
        for strength in STRENGTHS
    ]
    best = STRENGTHS[int(np.argmin(loss))]
    return fitted(training, best), best


def predict_ridge(state: ridge.Ridge, features: np.ndarray) -> np.ndarray:
    """Predictions of the regression.

    Args:
        state: Its statistics.
        features: [n, d].

    Returns:
        s_hat [n, M], in [0, 1].
    """
    theta = np.asarray(state.theta, np.float64)
    return np.clip(np.asarray(features, np.float64) @ theta[:, :-1].T + theta[:, -1], 0.0, 1.0)


def fit_neighbours(training: Requests) -> int:
    """The number of neighbours by two-fold cross-validation.

    Args:
        training: The requests.

    Returns:
        k, at most a third of the requests.
    """
    a, b = (training.take(rows) for rows in _halves(len(training.rows)))
    possible = [k for k in NEIGHBOURS if 3 * k <= len(a.rows)] or [max(1, len(a.rows) // 3)]
    loss = [float(brier(neighbours(a, k, b.features), b.satisfaction).mean()) for k in possible]
    return possible[int(np.argmin(loss))]


def neighbours(known: Requests, k: int, features: np.ndarray) -> np.ndarray:
    """Mean satisfaction of the k nearest known requests, as `predictors.knn` predicts.

    Args:
        known: The requests that are looked up.
        k: Number of neighbours.
        features: [n, d].

    Returns:
        s_hat [n, M].
    """
    head = Neighbours(known.features, known.satisfaction, k)
    return np.stack([head.predict(x) for x in features])


def skill(predicted: np.ndarray, training: Requests, judging: Requests) -> Skill:
    """Log loss on the judging part beside that of the base rate.

    Args:
        predicted: s_hat [n, M] for the judging part.
        training: The part that the base rate is taken from.
        judging: The part that is predicted.

    Returns:
        Both, with the standard error of their difference over requests.
    """
    own = log_loss(np.clip(predicted, CLIP, 1.0 - CLIP), judging.satisfaction).mean(axis=1)
    rates = np.clip(training.satisfaction.mean(axis=0), CLIP, 1.0 - CLIP)
    base = log_loss(np.broadcast_to(rates, predicted.shape), judging.satisfaction).mean(axis=1)
    return Skill(float(own.mean()), float(base.mean()), float(np.std(base - own) / np.sqrt(len(own))))


def _halves(num: int) -> list[np.ndarray]:
    return [np.arange(0, num, 2), np.arange(1, num, 2)]
