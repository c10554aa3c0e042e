"""Confidence sequences on paths of the engine, watched online: T5 on single paths, and the meter that folds them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from messjax import policies, predictors, streams
from messjax.engine import grid_sweep, simulation
from messjax.meters import folds, standard_meters
from messjax.meters.bounded_sum import bounded_mean
from messjax.policies.predictor_router import router
from messjax.statistics import confidence_sequences, intervals
from messjax.theory import optimum
from messjax.types import Controls, Distribution, Predictor, Step

K, M, HORIZON, ALPHA = 4, 3, 100_000, 0.75
COST = np.array([[1.0, 2.0, 5.0], [1.0, 2.5, 4.0], [0.5, 2.0, 4.5], [1.0, 3.0, 6.0]])
MEAN = np.array([[0.7, 0.8, 0.9], [0.3, 0.75, 0.85], [0.4, 0.5, 0.9], [0.2, 0.6, 0.8]])
LAW = Distribution(np.array([0.4, 0.3, 0.2, 0.1]), COST, MEAN)


def adjusted(gamma, C_star, step):
    """T5: cost_t + gamma* (alpha - s_t) - C*, whose conditional mean no valid policy brings below zero."""
    paid = jnp.sum(jnp.where(step.decision.query, step.request.cost, 0.0))
    return paid + gamma * (step.controls.alpha - standard_meters.served_satisfaction(step)) - C_star


def regret_meter():
    best = optimum.solve(LAW, ALPHA)
    low = COST.min() + best.gamma * (ALPHA - 1.0) - best.cost
    high = COST.sum(axis=1).max() + best.gamma * ALPHA - best.cost
    of = Partial(adjusted, jnp.float32(best.gamma), jnp.float32(best.cost))
    return bounded_mean("regret", of, low, high), low, high


def peeking_stream(stream):
    """The same requests, their labels among the features."""

    def draw(key, state, t):
        state, request = stream.draw(key, state, t)
        return state, request._replace(features=jnp.concatenate([request.features, request.satisfaction]))

    return stream._replace(draw=draw, mean=None)


def cheapest_that_satisfies():
    reads = Predictor(lambda key: (), lambda state, features: features[-M:], lambda state, features, outcome: state)
    return router(reads, lambda s_hat, cost, Q, controls: jnp.argmin(jnp.where(s_hat > 0.5, cost, cost + 1e3)))


def test_weak_duality_on_single_paths_of_a_policy_that_learns():
    meter, low, high = regret_meter()
    result = grid_sweep.sweep(
        jax.random.key(1), Controls(V=[1.0, 5.0], alpha=ALPHA, c=0.3), horizon=HORIZON, num_streams=2, checkpoints=50,
        policy=policies.mess_plus(predictors.tabular(K, M)), stream=streams.types(LAW),
        meter=folds.zip_meters(standard_meters.ledger(), meter),
    )  # fmt: skip
    best = optimum.solve(LAW, ALPHA)
    per_request = result.cost - best.cost + best.gamma * (ALPHA - result.satisfaction)
    np.testing.assert_allclose(result.regret_sum / HORIZON, per_request, rtol=1e-4)
    S, V = (result[f"regret_{part}_curve"] for part in ("sum", "spread"))
    limits = confidence_sequences.running_mean_of_conditional_means(S, V, result.t, low, high, 0.999, one_sided=True)
    assert limits.upper.shape == (2, 2, 50) and (intervals.verdict(limits) != "violated").all()
    assert (limits.lower[..., -1] > 0.0).all()  # exploring costs: on every single path of 1e5 requests


def test_one_path_finds_out_a_policy_that_peeks():
    meter, low, high = regret_meter()
    result = simulation.simulate(
        jax.random.key(5), Controls(alpha=ALPHA), policy=cheapest_that_satisfies(), horizon=10_000, checkpoints=50,
        stream=peeking_stream(streams.types(LAW)), meter=meter,
    )  # fmt: skip
    S, V = (result.curve[f"regret_{part}"].to_host() for part in ("sum", "spread"))
    t = simulation.checkpoint_times(10_000, 50)
    words = intervals.verdict(
        confidence_sequences.running_mean_of_conditional_means(S, V, t, low, high, 0.999, one_sided=True)
    )
    assert (words[-40:] == "violated").all()


def folded(x: np.ndarray, low: float, high: float) -> dict:
    """Metrics [n] of a monitored number that takes the values x [n], one step after another."""
    meter = bounded_mean("x", lambda step: step.request, low, high)

    def add(number, t_and_value):
        number = meter.add(number, Step(*t_and_value, *(None,) * 5))
        return number, meter.read(number)

    t = jnp.arange(1, len(x) + 1)
    return jax.lax.scan(add, meter.init(1), (t, jnp.asarray(x, jnp.float32)))[1]


def test_watch_folds_what_numpy_folds():
    x = np.float32(np.random.default_rng(2).beta(0.3, 0.7, 200_000) * 12.0 - 2.0)
    result = folded(x, -2.0, 10.0)
    S, V = np.cumsum(np.float64(x)), result["x_spread"].to_host()
    np.testing.assert_allclose(result["x_sum"].to_host(), S, rtol=1e-9, atol=1e-5)
    guess = (np.concatenate([[0.0], S[:-1]]) + 4.0) / np.arange(1, len(x) + 1)
    np.testing.assert_allclose(V, np.cumsum((x - guess) ** 2), rtol=1e-6, atol=1e-5)


def test_what_leaves_its_bounds_poisons_the_readings_and_rounding_does_not():
    x = np.array([0.5, 1.0 + 5e-7, -5e-7, 0.5])
    result = folded(x, 0.0, 1.0)
    np.testing.assert_allclose(result["x_sum"].to_host(), [0.5, 1.5, 1.5, 2.0])
    for bad in (1.01, -0.01, np.nan):
        result = folded(np.array([0.5, bad, 0.5]), 0.0, 1.0)
        S, V = result["x_sum"].to_host(), result["x_spread"].to_host()
        assert np.isnan(S).tolist() == np.isnan(V).tolist() == [False, True, True]
        with pytest.raises(ValueError, match=r"S is nan at \[1\]"):
            confidence_sequences.running_mean_of_conditional_means(S, V, [1, 2, 3], 0.0, 1.0)
