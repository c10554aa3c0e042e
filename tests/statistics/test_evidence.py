"""E-values and p-values over time: fair at the null, and families of them."""

from __future__ import annotations

import numpy as np
import pytest
from support.drawn_paths import LAWS, adversary, drawn, rarely

from messjax.statistics import confidence_sequences, intervals


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_e_value_is_fair_at_the_null_and_worse_below(p):
    """All 2^12 sequences of coins: the capital has expectation 1 at the null, at every time, and less below it."""
    coins = (np.arange(2**12)[:, None] >> np.arange(12) & 1).astype(float)
    weight = np.prod(np.where(coins == 1, p, 1 - p), axis=-1)
    np.testing.assert_allclose(weight @ confidence_sequences.e_value(coins, 0.0, 1.0, p), 1.0, rtol=1e-12)
    above = weight @ confidence_sequences.e_value(coins, 0.0, 1.0, p + 0.1)
    assert (above <= 1.0).all() and above[-1] < 0.9 if p < 0.8 else above[-1] < 1.0


@pytest.mark.parametrize("name", LAWS)
def test_e_value_under_the_null_and_beyond(name):
    low, high, mean, _ = LAWS[name]
    e = confidence_sequences.e_value(drawn(name), low, high, mean)
    assert rarely((e >= 20.0).any(axis=-1))
    p = confidence_sequences.p_value(e)
    assert rarely(p[:, -1] <= 0.05) and (np.diff(p) <= 0).all()
    np.testing.assert_array_equal((p <= 0.05).any(axis=-1), (e >= 20.0).any(axis=-1))
    batch, shift = drawn(name)[:200], 0.08 * (high - low)
    assert (confidence_sequences.e_value(batch, low, high, mean - shift)[:, -1] >= 20).mean() > 0.95
    assert (confidence_sequences.e_value(-batch, -high, -low, -(mean + shift))[:, -1] >= 20).mean() > 0.95  # "at least"
    harmless = confidence_sequences.e_value(batch, low, high, mean + shift)[:, -1]
    assert harmless.max() < 20 and harmless.mean() < 1


def test_families_of_checks_watched_over_time():
    """Ten nulls on overlapping samples, some of them the very same: e-Bonferroni and Holm at every time, 5% in all."""
    coins = drawn("bernoulli .5")[:, :250]
    family = np.stack([np.roll(coins, k // 2, axis=0) for k in range(10)])  # [check, path, time]
    e = confidence_sequences.e_value(family, 0.0, 1.0, 0.5)
    assert rarely((10 * 0.05 * e.mean(axis=0) >= 10).any(axis=-1))  # the mean of e-values is one
    assert rarely((e >= 10 / 0.05).any(axis=(0, 2)))
    last = confidence_sequences.p_value(e)[
        :, :, -1
    ]  # the smallest p of each check: Holm on them sees every time at once
    rejected = np.array([(intervals.holm(p) <= 0.05).any() for p in last.T])
    assert rarely(rejected)
    assert not rarely((last <= 0.05).any(axis=0))  # uncorrected


def test_means_that_drift_below_the_null_give_no_evidence():
    x, means = adversary(1_000)
    assert means.max() <= 0.9
    assert rarely((confidence_sequences.e_value(x, 0.0, 1.0, 0.9) >= 20).any(axis=-1))


def test_evidence_may_exceed_every_float():
    e = confidence_sequences.e_value(np.ones(3_000), 0.0, 1.0, 0.5)
    assert np.isinf(e[-1]) and confidence_sequences.p_value(e)[-1] == 0.0
