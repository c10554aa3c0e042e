"""Classes of predicted difficulty: they separate what a prompt tells, and use no label beyond the training part."""

from __future__ import annotations

import numpy as np
import pytest

from messjax.evaluation import partitions

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2_000, 8))
SCORES = (RNG.random(2_000) < 1.0 / (1.0 + np.exp(-2.0 * X[:, 0]))).astype(float)


def test_cells_go_from_hard_to_easy_and_are_of_about_equal_size():
    cells = partitions.by_difficulty(X, SCORES, 4, training=500)
    shares = np.bincount(cells[500:], minlength=4) / 1_500
    means = [SCORES[500:][cells[500:] == b].mean() for b in range(4)]
    assert (np.diff(means) > 0.05).all() and means[-1] - means[0] > 0.4
    assert np.abs(shares - 0.25).max() < 0.06


def test_later_labels_change_nothing_and_missing_ones_are_allowed():
    later = SCORES.copy()
    later[500:] = np.nan
    later[:500:2] = np.nan
    first = partitions.by_difficulty(X, later, 4, training=500)
    later[500:] = 1.0
    np.testing.assert_array_equal(first, partitions.by_difficulty(X, later, 4, training=500))
    assert (partitions.by_difficulty(X, np.full(2_000, np.nan), 4, training=500) == 0).all()


def test_features_that_are_all_equal_predict_the_mean():
    same = np.ones((6, 3))
    predicted = partitions.ridge_predictions(same[:4], np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]]), same)
    np.testing.assert_array_equal(predicted, np.full((6, 2), 0.5))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="shapes"):
        partitions.by_difficulty(X, SCORES[:3], 4, training=2)
    with pytest.raises(ValueError, match="training is 0"):
        partitions.by_difficulty(X, SCORES, 4, training=0)
