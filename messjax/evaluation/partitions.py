"""Partitions of requests into cells that a certificate may be made for: fixed before the labels it uses were seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RIDGES = 10.0 ** np.arange(-4, 3)  # penalties tried, in units of the mean square of the singular values


def by_difficulty(features: np.ndarray, scores: np.ndarray, num_cells: int, *, training: int) -> NDArray[np.intp]:
    """Cells of about equal size by the predicted score of one model, from easy to hard.

    The prediction is a ridge regression on the first `training` requests whose score is known (its penalty by
    generalised cross-validation), the limits of the cells are quantiles of the predictions on those requests. What is
    certified must use the other requests only: for them the partition is a fixed function of the features.

    Args:
        features: [N, d].
        scores: [N] of the model, NaN where unknown.
        num_cells: Number of cells B, at least 1.
        training: Number of requests to learn from, 1 to N.

    Returns:
        [N] number of each request's cell, 0 (hardest) to B - 1 (easiest). Where there are fewer than two known scores,
        or all are equal, everything is in one cell.

    Raises:
        ValueError: Shapes that disagree, or a number out of range.
    """
    x, s = np.asarray(features, np.float64), np.asarray(scores, np.float64)
    if x.ndim != 2 or s.shape != x.shape[:1]:
        raise ValueError(f"features, scores have shapes {x.shape}, {s.shape}, expected [N, d], [N]")
    if not 1 <= training <= len(x) or num_cells < 1:
        raise ValueError(f"training is {training}, num_cells {num_cells}; expected 1 to {len(x)}, and 1 or more")
    known = np.flatnonzero(~np.isnan(s[:training]))
    if len(known) < 2 or np.ptp(s[known]) == 0:
        return np.zeros(len(x), np.intp)
    prediction = ridge_predictions(x[known], s[known][:, None], x)[:, 0]
    limits = np.quantile(prediction[:training], np.arange(1, num_cells) / num_cells)
    return np.searchsorted(limits, prediction, side="left")


def ridge_predictions(known: np.ndarray, scores: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Scores predicted by one ridge regression per model, its penalty by generalised cross-validation.

    Args:
        known: [n, d] features of the requests to learn from.
        scores: [n, M] their scores.
        features: [N, d] of the requests to predict.

    Returns:
        [N, M] predictions, not clipped.
    """
    x = np.asarray(features, np.float64) - known.mean(axis=0)
    return np.stack([s.mean() + x @ _ridge(np.asarray(known, np.float64), s) for s in scores.T], axis=1)


def _ridge(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Slopes [d] of the ridge regression of least generalised cross-validation."""
    left, singular, right = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    along = left.T @ (s - s.mean())
    best, slopes = np.inf, np.zeros(x.shape[1])
    if not singular.any():  # all features are equal
        return slopes
    for penalty in RIDGES * float(np.mean(singular**2)):
        shrink = singular**2 / (singular**2 + penalty)
        residual = s - s.mean() - left @ (shrink * along)
        score = float(residual @ residual) / (1.0 - (1.0 + shrink.sum()) / (len(s) + 1.0)) ** 2
        if score < best:
            best, slopes = score, right.T @ (singular / (singular**2 + penalty) * along)
    return slopes
