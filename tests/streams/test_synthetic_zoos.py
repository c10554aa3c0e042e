"""Synthetic zoos: every model is worth its price, or families break the order."""

from __future__ import annotations

import numpy as np
import pytest

from messjax import zoo
from messjax.theory import optimum


@pytest.mark.parametrize(("num_models", "spread"), [(2, 25.0), (7, 1.5), (100, 25.0)])
def test_every_model_of_a_synthetic_zoo_is_worth_its_price(num_models, spread):
    result = zoo.synthetic(num_models, spread=spread)
    distribution = optimum.check_distribution(result.distribution())
    level, weights = optimum.frontier(distribution.cost[0], distribution.mean[0])
    assert len(level) == num_models == len(set(result.models)) and (weights.max(axis=1) == 1).all()
    assert result.cost[0, 0] == 1 and result.cost[0, -1] == pytest.approx(spread)
    np.testing.assert_allclose(np.diff(result.accuracy[0]), 0.5 / (num_models - 1))
    assert distribution.mean[0, 0] < result.alpha[0] < distribution.mean[0, -1]


def test_mixed_families_break_the_order_of_the_zoo():
    result = zoo.synthetic(9, families=3)
    one = zoo.synthetic(9)
    np.testing.assert_allclose(result.accuracy[0], one.accuracy[0] - 0.1 * (np.arange(9) % 3))
    assert (result.cost == one.cost).all() and (np.diff(result.accuracy[0]) < 0).any()
    assert len(optimum.frontier(result.cost[0], result.accuracy[0])[0]) < 9
