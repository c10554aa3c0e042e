"""Policies one by one: what greedy, single, uniform and the static mixture serve, and how often MESS+ explores."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

from messjax import policies, predictors, streams
from messjax.theory import optimum
from messjax.types import Controls, Distribution

N = 20_000
COST, ACCURACY = np.array([1.0, 2.0, 6.0]), np.array([0.3, 0.7, 0.8])
LAW = Distribution(np.array([0.5, 0.5]), np.stack([COST, COST]), np.array([[0.2, 0.6, 0.9], [0.7, 0.6, 0.5]]))
STREAM = streams.types(LAW)


def decisions(policy, features=(1.0, 0.0), cost=COST, **numbers):
    """N decisions on one request in the first state, under different keys."""
    controls = jax.tree.map(lambda value: jnp.float32(value), Controls(**numbers))
    state = policy.init(jax.random.key(0), controls)
    act = jax.vmap(lambda key: policy.act(key, state, jnp.asarray(features), jnp.asarray(cost, jnp.float32), controls))
    return jax.tree.map(np.asarray, act(jax.random.split(jax.random.key(1), N)))


def plausible(hits, probability) -> bool:
    low, high = binom.ppf(1e-6, N, probability), binom.ppf(1 - 1e-6, N, probability)
    return bool(np.all((low <= hits) & (hits <= high)))


def served(decision) -> np.ndarray:
    return np.bincount(decision.serve, minlength=3)


@pytest.mark.parametrize(
    ("features", "alpha", "wanted"),
    [
        ((1.0, 0.0), 0.1, 0),  # all are good enough: the cheapest
        ((1.0, 0.0), 0.6, 1),  # exactly good enough counts
        ((1.0, 0.0), 0.7, 2),
        ((1.0, 0.0), 0.95, 2),  # none is: the most promising
        ((0.0, 1.0), 0.95, 0),
    ],
)
def test_greedy_serves_the_cheapest_that_looks_good_enough(features, alpha, wanted):
    decision = decisions(policies.greedy(predictors.oracle(STREAM)), features, alpha=alpha, c=0.0)
    assert set(decision.serve) == {wanted}
    assert not decision.learn.any()


def test_greedy_goes_by_cost_and_not_by_number():
    decision = decisions(policies.greedy(predictors.oracle(STREAM)), cost=COST[::-1], alpha=0.5, c=0.0)
    assert set(decision.serve) == {2}


@pytest.mark.parametrize("c", [0.0, 0.3, 2.0])
def test_routers_explore_with_probability_c_at_first_and_then_query_all(c):
    decision = decisions(policies.mess_plus(predictors.oracle(STREAM)), c=c, alpha=0.5)
    assert plausible(decision.explore.sum(), min(c, 1.0))
    np.testing.assert_allclose(decision.p, min(c, 1.0))
    assert (decision.learn == decision.explore[:, None]).all()
    assert set(decision.serve[decision.explore]) <= {2}
    assert set(decision.serve[~decision.explore]) <= {0}  # Q_1 = 0: cost alone


def test_single_and_uniform():
    assert served(decisions(policies.single(1))).tolist() == [0, N, 0]
    decision = decisions(policies.uniform())
    assert plausible(served(decision), 1 / 3)
    assert not decision.explore.any()
    assert np.isnan(decision.s_hat).all()


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.45, 0.7, 0.74, 0.8, 0.9])
def test_the_mixture_meets_alpha_at_the_least_cost_of_the_averages(alpha):
    share = served(decisions(policies.mixture(COST, ACCURACY), alpha=alpha)) / N
    best = optimum.solve(Distribution(np.ones(1), COST[None], ACCURACY[None]), min(alpha, ACCURACY.max()))
    assert plausible(share * N, np.clip(best.mixture[0], 1e-9, 1 - 1e-9))
    assert abs(share @ ACCURACY - best.satisfaction) < 0.02
    assert abs(share @ COST - best.cost) < 0.15


def test_the_mixture_skips_models_off_the_hull():
    # The middle model is no better than a mixture of its neighbours: never served.
    share = served(decisions(policies.mixture(np.array([1.0, 5.0, 6.0]), np.array([0.2, 0.5, 0.9])), alpha=0.6))
    assert share[1] == 0
    assert plausible(share[2], (0.6 - 0.2) / 0.7)
