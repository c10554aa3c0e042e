"""Limits of shares and of means of non-negative numbers: they cover, and they are not far."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from messjax.statistics import one_sided_limits

RUNS, ERROR = 1_000, 0.05
RNG = np.random.default_rng(11)
FAMILIES = {  # samples of mean one
    "exponential": RNG.exponential(size=(RUNS, 200)),
    "infinite variance": RNG.pareto(1.5, size=(RUNS, 200)) / 2.0,
    "rare and large": 20.0 * (RNG.random((RUNS, 200)) < 0.05),
    "two values": 2.0 * (RNG.random((RUNS, 200)) < 0.5),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_lower_limits_of_any_nonnegative_samples_cover_and_are_near(family):
    limits = one_sided_limits.lower_limits(FAMILIES[family], ERROR)
    assert (limits > 1.0).mean() <= ERROR
    near = {"exponential": 0.8, "infinite variance": 0.5, "rare and large": 0.2, "two values": 0.75}
    assert np.median(limits) > near[family]


def test_students_lower_limit_fails_where_this_one_does_not():
    """20 samples of 100 with probability 1/100: t's limits are below zero, or above one where an event was seen."""
    rare = 2.0 - 20.0 * (np.random.default_rng(1).random((RUNS, 40)) < 0.05)  # of mean one, bounded above
    x = rare - rare.min()  # non-negative, of mean 19
    t = x.mean(axis=1) + stats.t.ppf(ERROR, 39) * x.std(axis=1, ddof=1) / np.sqrt(40)
    assert (t > 19.0).mean() > 2 * ERROR > 2 * (one_sided_limits.lower_limits(x, ERROR) > 19.0).mean()


def test_what_is_missing_is_left_out_and_stopping_costs_nothing():
    x = FAMILIES["exponential"][:5]
    holes = np.insert(x, [3, 3, 100], np.nan, axis=1)
    np.testing.assert_allclose(
        one_sided_limits.lower_limits(holes, ERROR), one_sided_limits.lower_limits(x, ERROR), rtol=1e-9
    )
    assert (one_sided_limits.lower_limits(np.full((2, 3), np.nan), ERROR) == 0).all()
    assert (one_sided_limits.lower_limits(np.empty((2, 0)), ERROR) == 0).all()
    assert (one_sided_limits.lower_limits(x[:, :50], ERROR) <= one_sided_limits.lower_limits(x, ERROR) + 0.3).all()
    assert one_sided_limits.lower_limits(np.ones(500), ERROR) <= 1.0


def test_limits_do_not_depend_on_the_unit():
    x = FAMILIES["exponential"][0]
    assert one_sided_limits.lower_limits(1e6 * x, ERROR) == pytest.approx(
        1e6 * one_sided_limits.lower_limits(x, ERROR), rel=1e-6
    )


def test_share_limits_are_exact():
    lower, upper = one_sided_limits.share_limits([0, 3, 10, 0], [10, 10, 10, 0], ERROR)
    assert upper[0] == pytest.approx(1 - ERROR**0.1) and lower[0] == 0 and lower[2] == pytest.approx(ERROR**0.1)
    assert stats.binom.sf(2, 10, lower[1]) == pytest.approx(ERROR)
    assert stats.binom.cdf(3, 10, upper[1]) == pytest.approx(ERROR)
    assert (lower[3], upper[3]) == (0.0, 1.0) and upper[2] == 1.0


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: one_sided_limits.lower_limits([-1.0, 2.0], ERROR), "negative"),
        (lambda: one_sided_limits.lower_limits([np.inf, 2.0], ERROR), "infinite"),
        (lambda: one_sided_limits.lower_limits(1.0, ERROR), "scalar"),
        (lambda: one_sided_limits.lower_limits([1.0], 1.0), "error is 1.0"),
        (lambda: one_sided_limits.share_limits([1, 5], [2, 4], ERROR), "5 of 4"),
    ],
)
def test_bad_input_is_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()
