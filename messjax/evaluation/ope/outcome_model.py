"""A model of the outcomes of each language model, fitted on a log without the requests that it is used for."""

from __future__ import annotations

import numpy as np

from messjax.predictors.ridge_regression import STRENGTH

FEWEST = 5  # answers of a model below which its mean over all models is as good


def fit(x: np.ndarray, action: np.ndarray, outcome: np.ndarray, num_models: int, strength: float) -> np.ndarray:
    """Ridge regression of the outcome of each model on (x, 1), from its own answers; the constant is not shrunk.

    Args:
        x: Features [n, d].
        action: The model that answered [n].
        outcome: What came of it [n]; NaN: nothing was observed.
        num_models: Number of models M.
        strength: Regularisation of the weights of x.

    Returns:
        Coefficients [M, d + 1], the constant last.
    """
    known = ~np.isnan(outcome)
    overall = float(outcome[known].mean()) if known.any() else 0.0
    theta = np.zeros((num_models, x.shape[1] + 1))
    theta[:, -1] = overall
    for m in range(num_models):
        rows = known & (action == m)
        if rows.sum() >= FEWEST:
            middle, mean = x[rows].mean(axis=0), float(outcome[rows].mean())
            centred = x[rows] - middle
            gram = centred.T @ centred + strength * np.eye(x.shape[1])
            theta[m, :-1] = np.linalg.solve(gram, centred.T @ (outcome[rows] - mean))
            theta[m, -1] = mean - theta[m, :-1] @ middle
    return theta


def predict(theta: np.ndarray, x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Predictions of such a model.

    Args:
        theta: Coefficients [M, d + 1].
        x: Features [n, d].
        low: Least outcome.
        high: Largest outcome.

    Returns:
        Predictions [n, M], in [low, high].
    """
    return np.clip(x @ theta[:, :-1].T + theta[:, -1], low, high)


def cross_fitted(
    x: np.ndarray,
    action: np.ndarray,
    outcome: np.ndarray,
    num_models: int,
    *,
    low: float,
    high: float,
    folds: int = 5,
    seed: int = 0,
    strength: float = STRENGTH,
) -> np.ndarray:
    """Predictions for every request from a model that was fitted on the other folds.

    Args:
        x: Features [N, d].
        action: The model that answered [N].
        outcome: What came of it [N]; NaN: nothing was observed.
        num_models: Number of models M.
        low: Least outcome.
        high: Largest outcome.
        folds: Number of folds; requests are assigned at random.
        seed: Seed of that assignment.
        strength: Regularisation.

    Returns:
        Predictions [N, M], in [low, high].

    Source: Chernozhukov et al. 2018, Double/debiased machine learning, section 3.
    """
    fold = np.random.default_rng(seed).permutation(len(action)) % folds
    result = np.empty((len(action), num_models))
    for k in range(folds):
        rows = fold == k
        if rows.any():
            theta = fit(x[~rows], action[~rows], outcome[~rows], num_models, strength)
            result[rows] = predict(theta, x[rows], low, high)
    return result
