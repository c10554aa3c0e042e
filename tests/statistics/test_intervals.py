"""stats: coverage by simulation, the jackknife against the t interval, verdicts, slopes, Holm, every error."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import binom

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval

RUNS = 20_000


def plausible(hits: int, level: float, runs: int = RUNS) -> bool:
    """Whether this many hits are compatible with the level: a fixed seed, so 1e-6 in either tail is never flaky."""
    return bool(binom.ppf(1e-6, runs, level) <= hits <= binom.ppf(1 - 1e-6, runs, level))


@pytest.mark.parametrize(("n", "level"), [(2, 0.8), (5, 0.95), (30, 0.99)])
def test_interval_and_one_sided_cover_at_their_level(n, level):
    samples = np.random.default_rng(n).normal(3.0, 2.0, (RUNS, n))
    result = intervals.interval(samples, level)
    assert plausible(((result.lower <= 3) & (result.upper >= 3)).sum(), level)
    limits = intervals.one_sided(samples, level)
    assert plausible((limits.lower <= 3).sum(), level)
    assert plausible((limits.upper >= 3).sum(), level)
    # The levels tell them apart: a two-sided limit is no one-sided limit of that level.
    assert not plausible((result.lower <= 3).sum(), level)


def test_interval_by_hand():
    result = intervals.interval([1.0, 2.0, 3.0], 0.95)
    half = 4.302652729911275 / np.sqrt(3)  # t quantile .975 for two degrees of freedom, s = 1
    assert result == (pytest.approx(2.0), pytest.approx(2 - half), pytest.approx(2 + half), 0.95, 3)
    assert isinstance(result.mean, float)


def test_axis_and_leading_axes():
    samples = np.random.default_rng(0).random((4, 3, 6))
    along_first = intervals.interval(samples, axis=0)
    assert along_first.n == 4 and along_first.mean.shape == (3, 6)
    one = intervals.interval(samples[:, 1, 2])
    assert along_first.lower[1, 2] == pytest.approx(one.lower)
    assert intervals.one_sided(samples, axis=1).n == 3


def test_jackknife_is_the_t_interval_for_linear_statistics():
    rng = np.random.default_rng(1)
    x, y = rng.random((3, 20)), rng.random((3, 20))
    result = intervals.jackknife(lambda a, b: 2 * a - 3 * b + 1, x, y, level=0.9)
    np.testing.assert_allclose(result[:3], intervals.one_sided(2 * x - 3 * y + 1, 0.9)[:3], rtol=1e-10)
    assert result[3:] == (0.9, 20)


def test_jackknife_covers_for_a_square_root_and_a_ratio():
    rng = np.random.default_rng(2)
    x, y = rng.exponential(2.0, (4000, 400)), rng.exponential(4.0, (4000, 400))
    # Skewed samples: one-sided coverage is right to order 1/sqrt(n) only, a few hundredths here.
    for statistic, truth, samples in (
        (np.sqrt, np.sqrt(2.0), (x,)),
        (lambda a: 1 / a, 0.5, (x,)),
        (lambda a, b: a / b, 0.5, (x, y)),
    ):
        result = intervals.jackknife(statistic, *samples, level=0.9)
        assert abs((result.lower <= truth).mean() - 0.9) < 0.03
        assert abs((result.upper >= truth).mean() - 0.9) < 0.03


def test_jackknife_removes_the_bias_of_order_one_over_n():
    x = np.random.default_rng(7).exponential(2.0, (RUNS, 60))
    # The plain estimate of 1/mean is too large by .5 / 60.
    plain, estimate = (1 / x.mean(-1)).mean() - 0.5, intervals.jackknife(lambda a: 1 / a, x).mean.mean() - 0.5
    assert plain > 0.006 and abs(estimate) < plain / 4


def test_jackknife_knows_correlations_between_samples():
    rng = np.random.default_rng(3)
    common = rng.normal(0.0, 10.0, 50)
    x, y = common + rng.normal(size=50), common + rng.normal(size=50)
    result = intervals.jackknife(lambda a, b: a - b, x, y)
    assert result.upper - result.lower < 1.5  # 2 * 1.68 * sqrt(2 / 50) = .67; about 6.7 for independent samples


def test_jackknife_calls_the_statistic_once_on_leave_one_out_means():
    seen = []

    def statistic(mean):
        seen.append(mean)
        return mean**2

    intervals.jackknife(statistic, [1.0, 2.0, 6.0])
    assert len(seen) == 1
    np.testing.assert_allclose(seen[0], [3.0, 4.0, 3.5, 1.5])


def test_jackknife_of_bounds_that_say_nothing():
    everywhere = intervals.jackknife(lambda mean: np.full_like(mean, np.inf), [1.0, 2.0, 3.0])
    assert everywhere[:3] == (np.inf, np.inf, np.inf)
    somewhere = intervals.jackknife(lambda mean: np.where(mean > 2.2, np.inf, 1.0), [1.0, 2.0, 3.0])
    assert somewhere[:3] == (1.0, -np.inf, np.inf)
    assert intervals.verdict(somewhere) == "undecided"


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1e9 + 0.1])
def test_samples_without_variance_give_a_point(value):
    samples = np.full((2, 7), value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for result in (
            intervals.interval(samples),
            intervals.one_sided(samples),
            intervals.jackknife(lambda a: 3 * a + 1, samples),
            intervals.loglog_slope([1.0, 2.0], samples + 1.0),
        ):
            np.testing.assert_array_equal(result.lower, result.upper)
            np.testing.assert_array_equal(result.lower, result.mean)
        np.testing.assert_array_equal(intervals.interval(samples).mean, value)


def test_verdicts():
    def margin(lower, upper):
        return Interval(mean=(lower + upper) / 2, lower=lower, upper=upper, level=0.95, n=9)

    assert intervals.verdict(margin(0.0, 1.0)) == "holds"
    assert intervals.verdict(margin(-1.0, -1e-9)) == "violated"
    assert intervals.verdict(margin(-1.0, 0.0)) == "undecided"
    assert isinstance(intervals.verdict(margin(0.0, 1.0)), str)
    words = intervals.verdict(margin(np.array([0.1, -2.0, -1.0]), np.array([1.0, -1.0, 1.0])))
    assert words.tolist() == ["holds", "violated", "undecided"]
    with pytest.raises(ValueError, match="NaN limits"):
        intervals.verdict(margin(np.nan, 1.0))


def test_slope_of_an_exact_power_law():
    x = np.array([10.0, 100.0, 1e4, 1e5])
    result = intervals.loglog_slope(x, 3 * x[:, None] ** -0.75 * np.ones(5))
    assert result.mean == pytest.approx(-0.75)
    assert result.upper - result.lower < 1e-12
    # A factor per stream, common to all x, moves the level and not the slope.
    factor = np.random.default_rng(4).uniform(0.5, 2.0, 5)
    result = intervals.loglog_slope(x, x[:, None] ** 0.5 * factor)
    assert result.mean == pytest.approx(0.5)
    assert result.upper - result.lower < 1e-12
    batch = intervals.loglog_slope(x, np.stack([x[:, None] * factor, x[:, None] ** 2 * factor]))
    np.testing.assert_allclose(batch.mean, [1.0, 2.0])


def test_slope_interval_covers():
    rng = np.random.default_rng(5)
    x = np.array([1.0, 4.0, 16.0, 64.0])
    noise = rng.exponential(1.0, (1000, 4, 40))
    result = intervals.loglog_slope(x, x[:, None] ** -0.5 * noise, level=0.9)
    assert abs(((result.lower <= -0.5) & (result.upper >= -0.5)).mean() - 0.9) < 0.04
    assert result.level == 0.9


def test_holm_by_hand():
    # Sorted .01, .02, .03, .04 times 4, 3, 2, 1 is .04, .06, .06, .04; then the running maximum.
    np.testing.assert_allclose(intervals.holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(intervals.holm([0.5, 0.9]), [1.0, 1.0])
    np.testing.assert_allclose(intervals.holm([0.02]), [0.02])
    assert intervals.holm([]).shape == (0,)


def test_holm_keeps_the_family_wise_error():
    p = np.random.default_rng(6).random((RUNS, 8))
    rejected = np.array([(intervals.holm(row) <= 0.1).any() for row in p])
    assert rejected.sum() <= binom.ppf(1 - 1e-6, RUNS, 0.1)
    assert (p <= 0.1).any(axis=1).mean() > 0.5  # uncorrected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: intervals.interval([1.0]), r"samples has n = 1 stream\(s\), expected at least 2"),
        (lambda: intervals.interval(1.0), "samples is a scalar"),
        (lambda: intervals.interval([1.0, np.nan]), "samples contains NaN"),
        (lambda: intervals.one_sided([1.0, np.inf]), "samples contains infinite"),
        (lambda: intervals.interval([1.0, 2.0], 1.0), "level is 1.0"),
        (
            lambda: intervals.one_sided([1.0, 2.0], 0.5),
            "level is 0.5, expected a probability strictly between 0.5 and 1",
        ),
        (lambda: intervals.jackknife(np.sqrt), "jackknife got no samples"),
        (lambda: intervals.jackknife(np.add, [1.0, 2.0], [1.0, np.nan]), r"samples\[1\] contains NaN"),
        (lambda: intervals.jackknife(np.sqrt, [1.0]), r"samples\[0\] has n = 1"),
        (lambda: intervals.jackknife(np.add, [1.0, 2.0], [1.0, 2.0, 3.0]), r"samples have n = \[2, 3\]"),
        (lambda: intervals.jackknife(np.mean, [1.0, 2.0]), r"statistic returned shape \(\), expected \[..., 3\]"),
        (lambda: intervals.jackknife(lambda a: a * np.nan, [1.0, 2.0]), "statistic is NaN"),
        (lambda: intervals.loglog_slope([1.0, 2.0], np.ones((3, 4))), "x and y_samples have shapes"),
        (lambda: intervals.loglog_slope([0.0, 2.0], np.ones((2, 4))), "x has values that are not positive"),
        (lambda: intervals.loglog_slope([2.0, 2.0], np.ones((2, 4))), "x has values"),
        (
            lambda: intervals.loglog_slope([1.0, 2.0], [[0.0, 1.0], [1.0, 1.0]]),
            "y_samples has a mean over streams that is",
        ),
        (lambda: intervals.loglog_slope([1.0, 2.0], [[np.nan, 1.0], [1.0, 1.0]]), "y_samples contains NaN"),
        (lambda: intervals.holm([[0.1]]), r"p_values has shape \(1, 1\)"),
        (lambda: intervals.holm([0.1, 1.2]), "p_values contains 1.2"),
        (lambda: intervals.holm([0.1, np.nan]), "p_values contains nan"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
