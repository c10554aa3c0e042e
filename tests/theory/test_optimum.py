"""optimum: against a linear programme, against the dual, worked examples and every error."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from messjax import theory
from messjax.numerics.array_cache import frozen
from messjax.theory import optimum
from messjax.types import Distribution

FEW = settings(max_examples=150, deadline=None)


@st.composite
def distributions(draw: st.DrawFn) -> Distribution:
    """Coarse grids, so that ties, zero costs, equal models and zero weights are common."""
    K, M = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    steps = draw(st.sampled_from([2, 5, 1000]))
    cells = st.lists(st.integers(0, steps), min_size=K * M, max_size=K * M)
    raw = np.array(draw(st.lists(st.integers(0, 5), min_size=K, max_size=K)), float)
    raw[draw(st.integers(0, K - 1))] += 1.0
    cost, mean = (np.reshape(draw(cells), (K, M)) / steps for _ in range(2))
    return Distribution(weight=raw / raw.sum(), cost=4.0 * cost, mean=mean)


shares = st.one_of(st.floats(0.0, 1.0), st.just(1.0))


def linear_programme(distribution: Distribution, alpha: float) -> float:
    """C* by a general LP solver. alpha is eased by its tolerance, for alphas at the very largest."""
    K, M = distribution.cost.shape
    weight = np.repeat(distribution.weight, M)
    result = linprog(
        weight * distribution.cost.ravel(),
        A_ub=-(weight * distribution.mean.ravel())[None],
        b_ub=[-alpha + 1e-9],
        A_eq=np.kron(np.eye(K), np.ones(M)),
        b_eq=np.ones(K),
        bounds=(0, 1),
        method="highs",
    )
    assert result.success, result.message
    return result.fun


@given(distributions(), shares)
@FEW
def test_cost_is_that_of_the_linear_programme(distribution, share):
    best = optimum.solve(distribution, share * optimum.largest_alpha(distribution))
    assert best.cost == pytest.approx(linear_programme(distribution, best.alpha), abs=1e-6 * (1 + best.gamma))


@given(distributions(), shares)
@FEW
def test_mixture_is_a_feasible_policy_that_attains_the_cost(distribution, share):
    best = optimum.solve(distribution, share * optimum.largest_alpha(distribution))
    assert (best.mixture >= 0).all()
    np.testing.assert_allclose(best.mixture.sum(axis=1), 1.0, atol=1e-15)
    assert ((best.mixture > 0) & (best.mixture < 1)).any(axis=1).sum() <= 1
    assert best.cost == pytest.approx(
        (distribution.weight[:, None] * best.mixture * distribution.cost).sum(), abs=1e-12
    )
    assert best.satisfaction == pytest.approx(
        (distribution.weight[:, None] * best.mixture * distribution.mean).sum(), abs=1e-12
    )
    assert best.satisfaction >= best.alpha - 2e-12


@given(distributions(), shares)
@FEW
def test_strong_duality(distribution, share):
    best = optimum.solve(distribution, share * optimum.largest_alpha(distribution))
    prices = np.concatenate([[best.gamma], best.gamma * np.array([0.0, 0.5, 0.99, 1.01, 2.0]), np.geomspace(0.01, 1e4)])
    values = optimum.dual(distribution, best.alpha, prices)
    # The optimum forgives 1e-12 of satisfaction, which a price turns into cost.
    assert values[0] == pytest.approx(best.cost, abs=1e-9 * (1 + best.gamma))
    assert (values <= best.cost + 1e-9 * (1 + prices)).all()


@given(distributions(), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@FEW
def test_dual_is_concave_and_gamma_grows_with_alpha(distribution, one, other):
    prices = np.linspace(0.0, 20.0, 41)
    values = optimum.dual(distribution, one, prices)
    assert (np.diff(values, 2) <= 1e-9).all()
    low, high = sorted(share * optimum.largest_alpha(distribution) for share in (one, other))
    assert optimum.solve(distribution, low).gamma <= optimum.solve(distribution, high).gamma
    assert optimum.solve(distribution, low).cost <= optimum.solve(distribution, high).cost + 1e-12


def test_two_models_by_hand():
    # Of .5 - .379 missing, the 8B model supplies .544 - .379: the ARC-C example of docs/theory.md.
    distribution = Distribution([1.0], [[0.09, 0.46, 2.35]], [[0.379, 0.544, 0.608]])
    best = optimum.solve(distribution, 0.5)
    share = (0.5 - 0.379) / (0.544 - 0.379)
    np.testing.assert_allclose(best.mixture, [[1 - share, share, 0.0]], atol=1e-12)
    assert best.cost == pytest.approx(0.09 + share * 0.37) == pytest.approx(0.361, abs=5e-4)
    assert best.gamma == pytest.approx(0.37 / 0.165)
    assert best.largest_alpha == 0.608


def test_moves_are_made_in_order_of_price_across_types():
    # Prices: type 0 .9/.3 = 3, type 1 4.8/.75 = 6.4. Type 0 supplies .7 * .3 = .21 of the .12 missing at .6.
    distribution = Distribution([0.7, 0.3], [[0.1, 1.0], [0.2, 5.0]], [[0.6, 0.9], [0.2, 0.95]])
    best = optimum.solve(distribution, 0.6)
    assert best.cost == pytest.approx(0.13 + 3 * 0.12)
    assert best.gamma == pytest.approx(3.0)
    np.testing.assert_allclose(best.mixture, [[3 / 7, 4 / 7], [1, 0]], atol=1e-12)
    assert optimum.solve(distribution, 0.8).gamma == pytest.approx(6.4)


def test_the_cheapest_suffices_and_ties_go_to_the_larger_mean():
    distribution = Distribution([1.0], [[1.0, 1.0, 2.0]], [[0.2, 0.5, 0.9]])
    best = optimum.solve(distribution, 0.5)
    assert best.gamma == 0.0
    np.testing.assert_array_equal(best.mixture, [[0, 1, 0]])
    # Three collinear models: the middle one is never needed.
    distribution = Distribution([1.0], [[0.0, 1.0, 2.0]], [[0.0, 0.25, 0.5]])
    np.testing.assert_allclose(optimum.solve(distribution, 0.25).mixture, [[0.5, 0, 0.5]])


def test_types_without_weight_change_nothing():
    distribution = Distribution(
        [0.0, 1.0, 0.0], [[0.0, 9.0], [1.0, 3.0], [0.0, 1e-3]], [[0.0, 1.0], [0.25, 0.75], [0.5, 1.0]]
    )
    best = optimum.solve(distribution, 0.5)
    assert best.cost == pytest.approx(2.0)
    assert best.gamma == pytest.approx(4.0)
    assert best.largest_alpha == 0.75


def test_an_alpha_that_only_rounding_puts_out_of_reach_is_solved():
    distribution = Distribution(np.full(10, 0.1), np.tile([1.0, 2.0], (10, 1)), np.tile([0.1, 0.7], (10, 1)))
    assert optimum.solve(distribution, 0.7 + 5e-13).cost == pytest.approx(2.0)
    with pytest.raises(ValueError, match=r"alpha is 0.70001.*at most 0.7, the largest"):
        optimum.solve(distribution, 0.70001)


def test_means_that_differ_by_rounding_are_equal():
    cost, accuracy = [0.0, 1.0], [0.7, np.nextafter(0.7, 1.0)]
    assert optimum.frontier(cost, accuracy)[0].tolist() == [0.7]
    best = optimum.solve(Distribution([1.0], [cost], [accuracy]), accuracy[1])
    assert (best.cost, best.gamma) == (0.0, 0.0)


def test_a_long_trace_takes_milliseconds():
    rng = np.random.default_rng(0)
    K = 14_042
    distribution = Distribution(
        np.full(K, 1 / K), np.sort(rng.random((K, 3)), axis=1), (rng.random((K, 3)) < [0.4, 0.6, 0.7]) * 1.0
    )
    start = time.perf_counter()
    best = optimum.solve(distribution, 0.7)
    assert time.perf_counter() - start < 0.5  # milliseconds, with room for a busy machine
    assert best.cost == pytest.approx(optimum.dual(distribution, 0.7, best.gamma), abs=1e-9)


def test_dual_keeps_the_shape_of_gamma():
    distribution = Distribution([1.0], [[0.0, 1.0]], [[0.2, 0.7]])
    assert optimum.dual(distribution, 0.5, 2.0) == pytest.approx(0.6)  # min(0 + 2 * .3, 1 - 2 * .2)
    assert isinstance(optimum.dual(distribution, 0.5, 2.0), float)
    assert optimum.dual(distribution, 0.5, np.ones((2, 3))).shape == (2, 3)


def test_frontier_of_averages():
    accuracy, weights = optimum.frontier([0.09, 0.46, 0.30, 2.35], [0.379, 0.544, 0.38, 0.608])
    np.testing.assert_array_equal(accuracy, [0.379, 0.544, 0.608])
    np.testing.assert_array_equal(weights, np.eye(4)[[0, 1, 3]])
    accuracy, weights = optimum.frontier([1.0, 2.0, 3.0], [0.9, 0.5, 0.9])
    assert accuracy.tolist() == [0.9] and weights.tolist() == [[1, 0, 0]]


@given(distributions(), st.floats(0.0, 1.0))
@FEW
def test_frontier_interpolates_to_the_static_optimum(distribution, share):
    cost, accuracy = distribution.weight @ distribution.cost, distribution.weight @ distribution.mean
    averages = Distribution([1.0], cost[None], np.clip(accuracy, 0, 1)[None])
    alpha = share * optimum.largest_alpha(averages)
    vertex, weights = optimum.frontier(averages.cost[0], averages.mean[0])
    assert (np.diff(vertex) > 0).all()
    mixture = np.array([np.interp(alpha, vertex, column) for column in weights.T])
    static = optimum.solve(averages, alpha)
    assert mixture @ cost == pytest.approx(static.cost, abs=1e-9 * (1 + static.gamma))
    # A policy that looks at the request does at least as well.
    assert optimum.solve(distribution, alpha).cost <= static.cost + 1e-9 * (1 + static.gamma)


def test_constants_by_hand():
    distribution = Distribution([0.5, 0.5], [[1.0, 2.0], [4.0, 3.0]], [[0.1, 0.8], [0.3, 0.6]])
    result = theory.distribution_constants(distribution, 0.6)
    np.testing.assert_allclose(result, (0.6, 0.18, 5.0, 0.5, 0.1, 0.1, 0.6 * 0.4 / 2, 0.6 - 0.5))  # the last two of L2'
    assert theory.distribution_constants(distribution, 0.2).delta == 0.8
    assert theory.distribution_constants(distribution, 1.0).beta == pytest.approx(-0.3)  # need not be attainable
    assert theory.L2_drift(Q=0.0, s=0.0, alpha=0.6).uniform == pytest.approx(result.B)


GOOD = Distribution([0.5, 0.5], [[1.0, 2.0], [1.0, 2.0]], [[0.1, 0.8], [0.3, 0.6]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": [0.5, 0.6]}, r"distribution.weight sums to 1.1, expected 1"),
        ({"weight": [1.5, -0.5]}, r"distribution.weight is -0.5 at type 1"),
        ({"weight": [np.nan, 1.0]}, r"distribution.weight is nan at type 0"),
        ({"weight": [1.0]}, r"shapes \(1,\), \(2, 2\), \(2, 2\), expected \[K\]"),
        (
            {"cost": [[1.0, 2.0], [1.0, -2.0]]},
            r"distribution.cost is -2.0 at type 1, model 1, expected finite and non-neg",
        ),
        ({"cost": [[1.0, np.inf], [1.0, 2.0]]}, r"distribution.cost is inf at type 0, model 1"),
        ({"cost": [[1.0, 2.0], [np.nan, 2.0]]}, r"distribution.cost is nan at type 1, model 0"),
        ({"cost": [1.0, 2.0]}, r"shapes"),
        ({"mean": [[0.1, 0.8], [0.3, 1.1]]}, r"distribution.mean is 1.1 at type 1, model 1, expected in \[0, 1\]"),
        ({"mean": [[0.1, 0.8], [np.nan, 0.2]]}, r"distribution.mean is nan at type 1, model 0"),
        ({"mean": [[0.1, 0.8, 0.2], [0.3, 0.1, 0.2]]}, r"shapes"),
        ({"weight": [], "cost": np.ones((0, 2)), "mean": np.ones((0, 2))}, r"distribution is empty"),
        ({"cost": np.ones((2, 0)), "mean": np.ones((2, 0))}, r"distribution is empty"),
    ],
)
def test_every_function_refuses_what_is_no_law(change, message):
    distribution = GOOD._replace(**change)
    for call in (
        optimum.check_distribution,
        optimum.largest_alpha,
        lambda bad: optimum.solve(bad, 0.3),
        lambda bad: optimum.dual(bad, 0.3, 1.0),
        lambda bad: theory.distribution_constants(bad, 0.3),
    ):
        with pytest.raises(ValueError, match=message):
            call(distribution)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, np.nan])
def test_alpha_outside_the_unit_interval_is_refused(alpha):
    for call in (
        optimum.solve,
        theory.distribution_constants,
        lambda distribution, bad: optimum.dual(distribution, bad, 1.0),
    ):
        with pytest.raises(ValueError, match=r"alpha is .*expected a satisfaction in \[0, 1\]"):
            call(GOOD, alpha)


def test_other_errors():
    with pytest.raises(ValueError, match="alpha is 0.9, expected at most 0.7, the largest attainable alpha"):
        optimum.solve(GOOD, 0.9)
    for gamma in (-1.0, [0.0, np.nan], np.inf):
        with pytest.raises(ValueError, match="gamma contains"):
            optimum.dual(GOOD, 0.5, gamma)
    with pytest.raises(ValueError, match="distribution.cost is -1.0 at type 0, model 0"):
        optimum.frontier([-1.0, 2.0], [0.1, 0.2])
    with pytest.raises(ValueError, match="shapes"):
        optimum.frontier([1.0, 2.0], [0.1])


def test_check_law_returns_float64_arrays():
    distribution = optimum.check_distribution(Distribution([1], [[1, 2]], [[0, 1]], kind="labels"))
    assert all(array.dtype == np.float64 for array in distribution[:3])
    assert distribution.kind == "labels"


def test_values_are_those_of_solve_and_kept_only_for_laws_that_stay():
    rng = np.random.default_rng(5)
    arrays = [np.full(40, 1 / 40), rng.uniform(0, 1, (40, 3)), rng.uniform(0, 1, (40, 3))]
    loose, fixed = Distribution(*arrays), Distribution(*(frozen(array) for array in arrays))
    alphas = [0.55, 0.6, 0.55]
    expected = [(one.cost, one.gamma) for one in optimum.solve_all(loose, alphas)]
    for distribution in (loose, fixed, fixed):
        assert optimum.values(distribution, alphas) == expected
    loose.cost[:] *= 2.0  # arrays that may change are looked at again
    np.testing.assert_allclose([one.cost for one in optimum.values(loose, alphas)], [2 * cost for cost, _ in expected])
    with pytest.raises(ValueError, match="largest attainable"):
        optimum.values(fixed, [0.6, 1.0])
    assert optimum.values(fixed, [0.6]) == expected[1:2]
