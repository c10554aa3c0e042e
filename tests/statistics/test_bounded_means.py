"""Tests of means with a known range: error rates at any number of samples, agreement of limits and p-values, errors."""

from __future__ import annotations

import numpy as np
import pytest

from messjax.statistics import bounded_means, intervals

LAWS = {
    "rare": (lambda rng, n: (rng.random(n) < 0.002).astype(float), 0.002),
    "skewed": (lambda rng, n: rng.beta(0.05, 5.0, n), 0.05 / 5.05),
    "even": (lambda rng, n: (rng.random(n) < 0.5).astype(float), 0.5),
}


@pytest.mark.parametrize("law", LAWS)
def test_neither_side_errs_more_often_than_it_says(law):
    """One-sided tests at 5% of the true mean, by 40 samples: Student's t errs on 92% of the rare ones."""
    rng, (draw, mean) = np.random.default_rng(1), LAWS[law]
    below = above = 0
    for _ in range(300):
        x = draw(rng, 40)
        below += bounded_means.p_value_below(x, mean, 1.0) <= 0.05
        above += bounded_means.p_value_above(x, mean, 0.0) <= 0.05
    assert below <= 24 and above <= 24  # 15 each at most in expectation; 24 with probability below 2%


def test_limits_are_where_the_p_value_is_the_error():
    x = np.random.default_rng(2).beta(2.0, 8.0, 300)
    lower, upper = bounded_means.limits(x, 0.0, 1.0, 0.99)
    assert bounded_means.p_value_above(x, lower, 0.0) == pytest.approx(0.01, rel=1e-2)
    assert bounded_means.p_value_below(x, upper, 1.0) == pytest.approx(0.01, rel=1e-2)
    assert lower < x.mean() < upper and upper - lower < 4 * (intervals.interval(x).upper - intervals.interval(x).lower)
    assert bounded_means.limits(x, -np.inf, 1.0)[0] == -np.inf and bounded_means.limits(x, 0.0, np.inf)[1] == np.inf
    shuffled = bounded_means.limits(x[::-1], 0.0, 1.0, 0.99)
    assert shuffled == pytest.approx((lower, upper))  # the order does not matter


@pytest.mark.parametrize("law", LAWS)
def test_limits_lie_just_beyond_what_is_ruled_out_and_are_found_in_few_steps(law, monkeypatch):
    x, steps, won = LAWS[law][0](np.random.default_rng(3), 2_000), [], bounded_means._won
    monkeypatch.setattr(bounded_means, "_won", lambda *given: steps.append(given) or won(*given))
    lower, upper = bounded_means.limits(x, 0.0, 1.0, 0.95)
    assert len(steps) <= 28  # 40 by bisection, for two limits
    closer = lower * (1.0 + 2e-6), 1.0 - (1.0 - upper) * (1.0 + 2e-6)
    p = [bounded_means.p_value_above(x, each, 0.0) for each in (lower, closer[0])]
    q = [bounded_means.p_value_below(x, each, 1.0) for each in (upper, closer[1])]
    assert p[0] <= 0.05 < p[1] and q[0] <= 0.05 < q[1]


def test_samples_that_agree_show_what_so_many_can_show():
    assert bounded_means.p_value_below(np.zeros(256), 0.001, 10.0) > 0.9  # .77 of such samples have the mean .01
    assert bounded_means.p_value_below(np.zeros(256), 0.2, 10.0) < 0.02
    assert bounded_means.evidence_above(np.zeros(9), 0.0, 0.0) == 0.0  # the mean may be zero
    assert bounded_means.evidence_above(np.append(np.zeros(9), 1e-9), 0.0, 0.0) == np.inf  # now it cannot
    assert bounded_means.evidence_above([1.0], -1.0, 0.0) == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounded_means.p_value_above([0.5, -0.1], 0.2, 0.0), "contains -0.1, expected at least 0"),
        (lambda: bounded_means.p_value_above([0.5, np.nan], 0.2, 0.0), "contains nan, expected finite"),
        (lambda: bounded_means.p_value_above([0.5], np.nan, 0.0), "null is NaN"),
        (lambda: bounded_means.p_value_above([], 0.2, 0.0), r"shape \(0,\)"),
        (lambda: bounded_means.limits([0.5], 0.0, 1.0, 1.0), "level is 1.0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_heavy_tails_are_seen_where_there_are_streams_enough():
    rng = np.random.default_rng(3)
    heavy = ((1.0 - rng.random((2_048, 50))) ** (-2.0 / 3.0) / 3.0).mean(1)
    assert intervals.looks_heavy_tailed(heavy)
    for light in (rng.normal(size=2_048), rng.exponential(size=2_048), np.zeros(64)):
        assert not intervals.looks_heavy_tailed(light)


def test_a_verdict_of_an_interval_needs_a_width():
    def margin(limit):
        return intervals.Interval(limit, limit, limit, 0.95, 9)

    assert [intervals.verdict(margin(limit)) for limit in (1.0, -1.0, np.inf, -np.inf)] == [
        *["undecided"] * 3,
        "violated",
    ]
