"""Meters of windows, phases, delays and propensities against plain NumPy loops over the same requests."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import meters
from messjax.results import host
from messjax.types import NO_MODEL, Controls, Decision, Request, Step

T, M, WINDOW, HOLD, SINCE = 400, 3, 25, 12, 150
ALPHA, BUDGET = np.float32(0.6), np.float32(2.0)
METER = meters.zip_meters(
    meters.windowed(WINDOW),
    meters.per_phase(np.array([100, 250])),
    meters.adoption(2, SINCE, share=0.2, window=WINDOW, hold=HOLD),
    meters.tracking(SINCE, window=WINDOW, hold=HOLD, tolerance=0.05),
    meters.propensity_coverage(),
)


@pytest.fixture(scope="module")
def path():
    """A random path on which the last model is served more and more, and a request now and then refused."""
    rng = np.random.default_rng(5)
    late = np.clip((np.arange(T) - SINCE) / 200, 0, 1)[:, None]
    p = (1 - late) * [0.6, 0.4, 0.0] + late * [0.1, 0.1, 0.75]
    serve = np.array([rng.choice([0, 1, 2, NO_MODEL], p=[*row, 1 - row.sum()]) for row in p])
    p[::7] = np.nan
    p[3::11], serve[3::11] = [0.0, 1.0, 0.0], 1
    satisfaction = (rng.uniform(size=(T, M)) < [0.4, 0.5, 0.9]).astype(np.float32)
    cost = rng.uniform(0.5, 1.5, (T, M)).astype(np.float32) * [1, 2, 4]
    learn = rng.uniform(size=(T, M)) < 0.1
    return serve, p.astype(np.float32), satisfaction, cost.astype(np.float32), learn


@pytest.fixture(scope="module")
def found(path):
    serve, p, satisfaction, cost, learn = map(jnp.asarray, path)
    controls = Controls(alpha=jnp.float32(ALPHA), budget=jnp.float32(BUDGET))

    def one(state, row):
        t, serve, p, s, cost, learn = row
        decision = Decision(serve, learn, jnp.bool_(False), jnp.float32(0.0), s, p)
        state = METER.add(state, Step(t, Request(s, cost, s, s), decision, None, None, None, controls))
        return state, METER.read(state)

    rows = jnp.arange(1, T + 1), serve.astype(jnp.int32), p, satisfaction, cost, learn
    return {name: host(value) for name, value in jax.jit(lambda: jax.lax.scan(one, METER.init(M), rows)[1])().items()}


def test_windows_are_those_of_a_plain_loop(path, found):
    s, paid = served(path)
    for t in range(1, T + 1):
        low = max(0, t - WINDOW)
        np.testing.assert_allclose(found["satisfaction_window"][t - 1], s[low:t].mean(), atol=1e-5)
        np.testing.assert_allclose(found["cost_window"][t - 1], paid[low:t].mean(), rtol=1e-5)
    full = [slice(t - WINDOW, t) for t in range(WINDOW, T + 1)]
    np.testing.assert_allclose(found["satisfaction_worst"][-1], min(s[w].mean() for w in full), atol=1e-5)
    np.testing.assert_allclose(found["cost_worst"][-1], max(paid[w].mean() for w in full), rtol=1e-5)
    assert np.isnan(found["cost_worst"][: WINDOW - 1]).all() and not np.isnan(found["cost_worst"][WINDOW - 1])


def test_phases_are_means_of_their_requests(path, found):
    s, paid = served(path)
    for i, (low, high) in enumerate(((0, 100), (100, 250), (250, T)), start=1):
        np.testing.assert_allclose(found[f"cost_phase_{i}"][-1], paid[low:high].mean(), rtol=1e-5)
        np.testing.assert_allclose(found[f"satisfaction_phase_{i}"][-1], s[low:high].mean(), rtol=1e-5)
        np.testing.assert_allclose(found[f"spend_over_budget_phase_{i}"][-1], paid[low:high].mean() / BUDGET, rtol=1e-5)
    assert np.isnan(found["cost_phase_3"][249]) and not np.isnan(found["cost_phase_3"][250])


def test_delays_are_those_of_a_plain_loop(path, found):
    serve, *_ = path
    s, _ = served(path)
    adopted = [(serve[max(0, t - WINDOW) : t] == 2).sum() >= 0.2 * WINDOW for t in range(1, T + 1)]
    tracked = [t >= SINCE and s[max(SINCE - 1, t - WINDOW) : t].mean() >= ALPHA - 0.05 for t in range(1, T + 1)]
    for name, good in (("adoption", adopted), ("tracking", tracked)):
        wanted = next(t for t in range(SINCE, T) if all(good[t - 1 : t - 1 + HOLD])) - SINCE
        curve = found[f"{name}_delay"]
        assert curve[-1] == wanted > 0
        assert np.isnan(curve[: SINCE + wanted + HOLD - 2]).all()
        assert (curve[SINCE + wanted + HOLD - 2 :] == wanted).all()


def test_propensity_coverage_is_that_of_a_plain_loop(path, found):
    serve, p, *_ = path
    own = np.array([1 - row.sum() if m < 0 else row[m] for m, row in zip(serve, p.astype(float), strict=True)])
    known = np.isfinite(own)
    assert 0.8 < known.mean() < 0.9
    np.testing.assert_allclose(found["propensity_known"][-1], known.mean(), rtol=1e-6)
    np.testing.assert_allclose(found["propensity_covered"][-1], (p > 0).all(axis=1).mean(), rtol=1e-6)
    np.testing.assert_allclose(found["propensity_certain"][-1], (p >= 1).any(axis=1).mean(), rtol=1e-6)
    np.testing.assert_allclose(found["propensity_inverse"][-1], (1 / own[known]).mean(), rtol=1e-4)
    np.testing.assert_allclose(found["propensity_least"][-1], own[known].min(), rtol=1e-4)


def test_bad_numbers_are_refused():
    for make, words in (
        (lambda: meters.windowed(0), "windowed: found 0 requests"),
        (lambda: meters.per_phase(np.array([5, 5])), r"per_phase: found ends \[5, 5\]"),
        (lambda: meters.adoption(1, share=0.0), "share is 0.0"),
        (lambda: meters.tracking(0), "tracking: found request 0"),
        (lambda: meters.tracking(5, goal="speed"), "goal 'speed'"),
    ):
        with pytest.raises(ValueError, match=words):
            make()


def served(path):
    """Satisfaction and payment of every request."""
    serve, _, satisfaction, cost, learn = path
    one_hot = serve[:, None] == np.arange(M)
    return (satisfaction * one_hot).sum(axis=1).astype(float), (cost * (one_hot | learn)).sum(axis=1).astype(float)
