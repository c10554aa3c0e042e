"""The UCB router against its formula in NumPy, the widths that T11 adds up, and T11's two forms on a run."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from messjax import meters, policies, theory
from messjax.theory import optimum
from messjax.theory.statement import Claim, NotApplicable, Run
from messjax.types import Controls, Distribution, Feedback, Outcome, Request, Step

K, M, T = 2, 3, 50
LAW = Distribution(np.array([0.6, 0.4]), np.tile([0.0, 0.3, 1.0], (2, 1)), np.array([[0.3, 0.6, 0.8], [0.2, 0.3, 0.9]]))
CONTROLS = Controls(V=3.0, alpha=0.6)


def test_the_router_serves_the_least_score_of_its_indices_and_the_meter_adds_its_widths():
    policy, meter = policies.ucb(K, M, horizon=T), meters.optimism_widths(K, M, horizon=T)
    state, number, rng = policy.init(jax.random.key(0), CONTROLS), meter.init(M), np.random.default_rng(3)
    act, update, add = jax.jit(policy.act), jax.jit(policy.update), jax.jit(meter.add)
    ell, Q, total = np.log(2 * K * M * T**3), 0.0, 0.0
    n, good = np.zeros((K, M)), np.zeros((K, M))
    for t in range(1, T + 1):
        k = rng.choice(K, p=LAW.weight)
        x, cost = np.eye(K, dtype=np.float32)[k], LAW.cost[k].astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            index = np.where(n[k] > 0, np.minimum(1.0, good[k] / n[k] + np.sqrt(ell / (2 * n[k]))), 1.0)
            width = np.where(n[k] > 0, np.minimum(1.0, 2 * np.sqrt(ell / (2 * n[k]))), 1.0)
        decision = act(jax.random.key(t), state, x, cost, CONTROLS)
        i = int(np.argmin(3.0 * LAW.cost[k] - Q * index))
        assert int(decision.serve) == i and not decision.explore and decision.learn.sum() == 1
        np.testing.assert_allclose(decision.s_hat, index, rtol=1e-6)
        label, served = float(rng.random() < LAW.mean[k, i]), np.eye(M, dtype=bool)[i]
        feedback = Feedback(
            Outcome(served * np.float32(label), served), np.float32(label), np.array(True), cost * served
        )
        after = update(state, x, decision, feedback, CONTROLS)
        request = Request(x, cost, served * np.float32(label), LAW.mean[k].astype(np.float32))
        step = Step(np.int32(t), request, decision, feedback, policy.queue(state), policy.queue(after), CONTROLS)
        number, state, total = add(number, step), after, total + Q * width[i]
        n[k, i], good[k, i], Q = n[k, i] + 1, good[k, i] + label, max(0.0, Q + 0.6 - label)
        assert float(policy.queue(state).to_float()) == pytest.approx(Q, abs=1e-5)
    assert float(meter.read(number)["optimism_widths"].to_host()) == pytest.approx(total, rel=1e-5) and total > 100


def test_a_horizon_below_one_is_refused():
    with pytest.raises(ValueError, match="ucb: horizon is 0"):
        policies.ucb(K, M, horizon=0)


def run_of(T, **metrics):
    best, constants = optimum.solve(LAW, 0.6), theory.distribution_constants(LAW, 0.6)
    arrays = {name: np.full(8, value) for name, value in metrics.items()}
    return Run(10.0, 0.6, 0.0, 0.25, 1.0, T, 0.0, arrays, LAW, best, constants, policy_kind="ucb")


def test_T11_is_vacuous_where_the_trivial_bound_is_better_and_says_so():
    loss, widths, cost, queue = theory.statements_named("T11")
    run = run_of(1_000, decision_loss=50.0, cost=0.5, queue_last=20.0, optimism_widths=900.0)
    assert isinstance(loss.conclude(run), Claim) and loss.conclude(run).bound(900.0) == pytest.approx(900 + 0.01 + 0.3)
    assert isinstance(widths.conclude(run), Claim)
    for each in (cost, queue):
        conclusion = each.conclude(run)
        assert isinstance(conclusion, NotApplicable) and conclusion.reason.startswith("vacuous at this T")
    assert isinstance(
        queue.conclude(run_of(10**9, queue_last=20.0)), Claim
    )  # sqrt(T) log T is below alpha T in the end
    assert "optimism_widths" in loss.conclude(run_of(1_000, decision_loss=1.0)).reason
    assert "about policies of kind 'ucb'" in loss.conclude(run._replace(policy_kind="mess_plus")).reason


def test_T11_before_a_run_contains_what_it_was_made_from():
    inputs = run_of(10_000).inputs()
    sizes = {"num_types": K, "num_models": M}
    c_T = theory.T11_scale(inputs, **sizes)
    ell = theory.T11_log_factor(T=10_000, **sizes)
    assert c_T**2 == pytest.approx(K * M * (1 + 2 * ell * (1 + np.log(10_000 / 6))))
    y = theory.T11_queue(inputs, cost_range=1.0, **sizes) - 10.0 * inputs.gamma - inputs.k0
    right = inputs.k0**2 + 2 * inputs.B0 * 10_000 + 2 * 10.0 / 10_000 + 0.6
    right += 2 * np.sqrt(10_000) * c_T * (10.0 * inputs.gamma + abs(inputs.k0) + y)
    assert y**2 == pytest.approx(right)  # the quadratic that y solves
    assert theory.T11_scale(inputs, T=5.0, **sizes) == np.inf  # fewer requests than cells
    # a cell observed N times has sum w^2 <= 1 + 2 ell (1 + log N); six cells share T
    observed = np.array([1, 7, 92, 900, 4_000, 5_000])
    squares = sum(1 + np.minimum(1.0, 2 * ell / np.arange(1, N)).sum() for N in observed)
    assert squares <= c_T**2
