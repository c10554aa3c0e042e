"""Confidence sequences: coverage over the whole horizon, widths, exact cases, errors."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import integrate, optimize
from support.drawn_paths import (
    CHECKPOINTS,
    LAWS,
    METHODS,
    STEPS,
    TIMES,
    adversary,
    at_checkpoints,
    drawn,
    failures,
    rarely,
)

from messjax.meters.bounded_sum import bounded_mean
from messjax.statistics import confidence_sequences

# --- coverage over all times ----------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", LAWS)
def test_fails_at_most_five_percent_of_the_time_over_the_whole_horizon(name, method):
    low, high, mean, _ = LAWS[name]
    blocks = np.split(drawn(name), 10)  # in cache
    failed = [failures(METHODS[method](block, low, high, 0.95), mean) for block in blocks]
    assert rarely(np.concatenate(failed))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", LAWS)
def test_coverage_on_many_paths(name, method):
    low, high, mean, draw = LAWS[name]
    rng = np.random.default_rng(99)
    blocks = (draw(rng, (200, STEPS)) for _ in range(100))
    failed = [failures(METHODS[method](block, low, high, 0.95), mean) for block in blocks]
    assert rarely(np.concatenate(failed), 0.999)


@pytest.mark.parametrize("name", LAWS)
def test_an_interval_for_one_time_fails_when_watched(name):
    mean, x, t = LAWS[name][2], drawn(name), TIMES
    centre = np.cumsum(x, axis=-1) / t
    deviation = np.sqrt(np.maximum(np.cumsum(x**2, axis=-1) / t - centre**2, 0.0) / (t - 0.999))
    late = np.abs(centre - mean)[:, 99:] > 1.96 * deviation[:, 99:]
    assert late[:, -1].mean() < 0.08  # right at one time
    assert late.any(axis=-1).mean() > 0.3
    assert not rarely(late.any(axis=-1))


def test_means_that_drift_with_the_past_are_covered_and_only_without_intersection():
    x, means = adversary()
    target = (np.cumsum(means, axis=-1) / TIMES)[:, CHECKPOINTS]
    result = at_checkpoints(x, 0.0, 1.0)
    assert rarely(failures(result, target))
    upper, lower = np.minimum.accumulate(result.upper, axis=-1), np.maximum.accumulate(result.lower, axis=-1)
    assert failures(result._replace(lower=lower, upper=upper), target).mean() > 0.5
    assert (
        failures(confidence_sequences.empirical_bernstein(x, 0.0, 1.0), np.cumsum(means, axis=-1) / TIMES).mean() > 0.5
    )


# --- widths ---------------------------------------------------------------------------------------------------


def relative_widths(method, name: str, n: int) -> float:
    """Mean width after n steps over that of the 95% interval of the central limit theorem."""
    low, high, _, _ = LAWS[name]
    x = drawn(name)[:100, :n]
    result = method(x, low, high, 0.95)
    return float((result.upper - result.lower)[:, -1].mean() / (2 * 1.96 * drawn(name).std() / np.sqrt(n)))


@pytest.mark.parametrize("name", LAWS)
def test_widths_are_within_a_factor_of_the_central_limit_theorem(name):
    fine = partial(confidence_sequences.betting, grid=500)
    assert 1.4 < relative_widths(confidence_sequences.empirical_bernstein, name, STEPS) < 2.3
    assert 1.4 < relative_widths(at_checkpoints, name, STEPS) < 2.3
    assert 1.4 < relative_widths(fine, name, 500) < 2.0
    assert relative_widths(fine, name, 100) < 0.95 * relative_widths(
        confidence_sequences.empirical_bernstein, name, 100
    )


def test_mixture_boundary_where_it_is_and_is_not_tuned():
    V = 30.0 * np.array([0.01, 1.0, 100.0])
    limits = partial(confidence_sequences.running_mean_of_conditional_means, np.zeros(3), V, 1e6, -0.5, 0.5)
    widths = limits().upper
    best = np.array([limits(tuned=v).upper[i] for i, v in enumerate(V)])
    np.testing.assert_array_less(widths, 1.2 * best)
    assert widths[1] == best[1]


# --- against the definitions ----------------------------------------------------------------------------------


def test_boundary_of_the_mixture_against_its_authors_and_by_quadrature():
    """[HRMS21]'s own package, from an R program: u(100) = 33.02017 at c = 2, tuned at V = 100, q = .05."""
    result = confidence_sequences.running_mean_of_conditional_means(
        0.0, 100.0, 1e3, -1.0, 1.0, 0.95, one_sided=True, tuned=25.0
    )
    assert result.upper * 1e3 == pytest.approx(33.02017, abs=1e-5)
    assert result.lower == -result.upper
    for v, error in ((0.0, 0.2), (7.0, 0.05), (300.0, 1e-4)):
        two = -2 * np.log(2 * error)
        r = 30.0 / (two + np.log1p(two))

        def mixture(s, v=v, r=r):
            def weighted(u, s, v):  # prior of l = 1 - u, times exp(l s - (-log(1 - l) - l) v)
                return np.exp((r - 1) * np.log(u) + r * (1 - u) + (1 - u) * (s + v) + v * np.log(u))

            return integrate.quad(weighted, 0, 1, (s, v))[0] / integrate.quad(weighted, 0, 1, (0.0, 0.0))[0]

        root = optimize.brentq(lambda s, q=error: mixture(s) * q - 1, 0.0, 300.0, xtol=1e-9)
        result = confidence_sequences.running_mean_of_conditional_means(
            0.0, v, 1e4, -0.5, 0.5, 1 - error, one_sided=True
        )
        assert result.upper * 1e4 == pytest.approx(root, rel=1e-6)


def test_one_path_step_by_step():
    """Both sequences for a constant mean as [WSR23] write them, one observation and one candidate after another."""
    x = drawn("beta")[5, :60]
    mean, variance, n = 0.5, 0.25, 60
    up, down = np.ones(9), np.ones(9)
    ever_up, ever_down = np.zeros(9, bool), np.zeros(9, bool)
    m, stake, centre, spread = np.arange(1, 10) / 10, 0.0, 0.0, 0.0
    limits, hedged = [], []
    for t in range(1, n + 1):
        bet = np.sqrt(2 * np.log(2 / 0.05) / (variance * t * np.log(1 + t)))
        capped, error = min(bet, 0.5), (x[t - 1] - mean) ** 2
        stake, centre = stake + capped, centre + capped * x[t - 1]
        spread += 4 * error * (-np.log(1 - capped) - capped) / 4
        limits.append((centre / stake - (np.log(40) + spread) / stake, centre / stake + (np.log(40) + spread) / stake))
        up = up * (1 + np.minimum(bet, 0.5 / m) * (x[t - 1] - m))
        down = down * (1 - np.minimum(bet, 0.5 / (1 - m)) * (x[t - 1] - m))
        ever_up, ever_down = ever_up | (up / 2 >= 20), ever_down | (down / 2 >= 20)
        hedged.append((max(m[ever_up], default=0.0), min(m[ever_down], default=1.0)))
        mean = (0.5 + x[:t].sum()) / (t + 1)
        past = [(0.5 + x[:i].sum()) / (i + 1) for i in range(1, t + 1)]
        variance = (0.25 + ((x[:t] - past) ** 2).sum()) / (t + 1)
    expected = np.clip(np.array(limits), 0, 1)
    result = confidence_sequences.empirical_bernstein(x, 0.0, 1.0)
    np.testing.assert_allclose(result.lower, np.maximum.accumulate(expected[:, 0]), atol=1e-12)
    np.testing.assert_allclose(result.upper, np.minimum.accumulate(expected[:, 1]), atol=1e-12)
    result = confidence_sequences.betting(x, 0.0, 1.0, grid=10)
    np.testing.assert_allclose(np.stack([result.lower, result.upper], 1), hedged, atol=1e-12)
    assert result.lower[-1] > 0.0 and result.upper[-1] < 1.0


@pytest.mark.parametrize("method", METHODS)
def test_units_axes_and_sides(method):
    make, x = METHODS[method], drawn("bernoulli .5")[:6, :300]
    result = make(x, 0.0, 1.0, 0.95)
    assert result.level == 0.95 and result.lower.shape == x.shape
    np.testing.assert_allclose(result.mean, np.cumsum(x, axis=-1) / TIMES[:300], atol=1e-12)
    moved = make((7.0 * x - 3.0).reshape(2, 3, 300), -3.0, 4.0, 0.95)
    np.testing.assert_allclose(moved.lower.reshape(6, 300), 7.0 * result.lower - 3.0, atol=1e-6)
    np.testing.assert_allclose(moved.upper.reshape(6, 300), 7.0 * result.upper - 3.0, atol=1e-6)
    single = make(x[4], 0.0, 1.0, 0.95)
    np.testing.assert_array_equal(single.upper, result.upper[4])
    one_sided = make(x, 0.0, 1.0, 0.975, one_sided=True)
    np.testing.assert_allclose(one_sided.lower, result.lower, atol=1e-12)
    np.testing.assert_allclose(one_sided.upper, result.upper, atol=1e-12)
    assert (result.lower <= result.mean).all() and (result.mean <= result.upper).all()


def test_a_finer_grid_only_narrows():
    x = drawn("beta")[:5, :400]
    coarse, fine = (confidence_sequences.betting(x, 0.0, 1.0, grid=grid) for grid in (20, 200))
    for inner, outer in ((fine.lower, coarse.lower), (1 - fine.upper, 1 - coarse.upper)):
        assert (inner >= outer - 1e-12).all() and (inner <= outer + 0.05 + 1e-12).all()


# --- errors ---------------------------------------------------------------------------------------------------

bands = partial(confidence_sequences.running_mean_of_conditional_means, low=0.0, high=1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: confidence_sequences.betting([[0.5, 1.5]], 0, 1),
            r"samples is 1.5 at \[0, 1\], expected within \[low, high\]",
        ),
        (lambda: confidence_sequences.betting([0.5, np.nan], 0, 1), "samples is nan"),
        (lambda: confidence_sequences.betting([], 0, 1), r"samples has shape \(0,\)"),
        (lambda: confidence_sequences.betting(0.5, 0, 1), r"samples has shape \(\)"),
        (lambda: confidence_sequences.betting([0.5], 0, 1, grid=1), "grid is 1, expected at least 2"),
        (
            lambda: confidence_sequences.empirical_bernstein([0.5], 1, 1),
            r"high is 1 at \[\], expected a finite bound above low",
        ),
        (lambda: confidence_sequences.empirical_bernstein([0.5], -np.inf, 1), "low is -inf"),
        (lambda: confidence_sequences.empirical_bernstein([0.5], 0, 1, 1.0), "level is 1.0, expected a probability"),
        (
            lambda: confidence_sequences.e_value([0.5], 0, 1, 1.0),
            r"null is 1 at \[\], expected a mean strictly between",
        ),
        (lambda: confidence_sequences.e_value([0.5], 0, 1, np.nan), "null is nan"),
        (lambda: confidence_sequences.p_value([1.0, -0.1]), r"e is -0.1 at \[1\]"),
        (lambda: bands([1.0, 2.0], [1.0, 1.0, 1.0], 5), r"S, V, t have shapes \(2,\), \(3,\), \(\)"),
        (lambda: bands([1.0], [0.5], [0]), r"t is 0 at \[0\], expected a number of observations"),
        (lambda: bands([6.0], [0.5], [5]), r"S is 6 at \[0\], expected a sum of t numbers"),
        (lambda: bands([1.0], [-0.5], [5]), r"V is -0.5 at \[0\], expected a sum of t squares"),
        (lambda: bands([1.0], [np.nan], [5]), "V is nan"),
        (lambda: bands([1.0], [0.5], [5], tuned=0.0), "tuned is 0.0, expected a positive number"),
        (lambda: bands([1.0], [0.5], [5], level=0.0), "level is 0.0"),
        (lambda: bounded_mean("x", lambda step: step.t, 1.0, 1.0), "watch x: low is 1.0 and high is 1.0"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
