"""T10 by hand, exactly and simulated, and T9 on simulated paths."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chains import FEW, SLACK, TWO, positive, worlds

from messjax import feedback, policies, predictors, streams, theory
from messjax.engine import grid_sweep
from messjax.statistics import intervals
from messjax.theory import optimum
from messjax.types import Controls, Distribution


def test_T10_kappa_by_hand():
    assert theory.T10_kappa(lambda kappa: 10.0, T=1000, beta=0.1) == pytest.approx(0.01)
    assert theory.T10_kappa(lambda kappa: 0.0, T=1000, beta=0.1) == 0.0
    assert theory.T10_kappa(lambda kappa: 101.0, T=1000, beta=0.1) == np.inf
    assert theory.T10_kappa(lambda kappa: 10.0, T=1000, beta=0.1, beta_M=0.005) == np.inf
    assert theory.T10_kappa(lambda kappa: 10.0 if kappa < 0.05 else 1e6, T=1000, beta=0.1) == pytest.approx(0.01)
    assert theory.T10_kappa(lambda kappa: np.nan if kappa < 0.05 else 10.0, T=1000, beta=0.1) == pytest.approx(0.05)
    # (kappa T)^2 = T (alpha + kappa)^2 + 2 T V dE, the second form of T1 for alpha >= 1/2
    T, alpha, V, dE = 400, 0.6, 2.0, 0.5

    def right(kappa):
        return theory.T1_queue_slater(T=T, B=(alpha + kappa) ** 2 / 2, V=V, dE=dE)

    a, b, c = T - 1.0, -2 * alpha, -(alpha**2) - 2 * V * dE
    kappa = theory.T10_kappa(right, T=T, beta=0.3)
    assert kappa == pytest.approx((-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)) and kappa * T >= right(kappa)


@given(positive, st.integers(100, 100_000), st.floats(0.0, 3.0), positive)
@FEW
def test_T10_kappa_tail_is_enough_and_no_less_is(zeta, T, V, gain):
    alpha, beta = 0.4, 0.6 * gain
    kappa = theory.T10_kappa_tail(zeta=zeta, T=T, alpha=alpha, V=V, dE=1.0, beta=beta)

    def enough(kappa):  # P(Q_{T+1} > kappa T) <= zeta, written out
        eta, delta = (beta - kappa) / 2, max(alpha + kappa, 0.6 - kappa)
        r = eta / (delta**2 + delta * eta / 3)
        shrink = r * eta / 2
        theta = max(0.6 - kappa, V / eta)
        D = 1 + (np.exp(r * delta) - 1) / shrink
        return kappa * T * r >= np.logaddexp(0, r * theta + np.log(D)) - np.log(zeta)

    if np.isinf(kappa):
        assert not any(enough(k) for k in np.linspace(0, beta, 500, endpoint=False))
    else:
        assert enough(kappa * (1 + 1e-9)) and not any(enough(k) for k in np.linspace(0, 0.999 * kappa, 50))
        assert theory.T10_kappa_tail(zeta=zeta, T=2 * T, alpha=alpha, V=V, dE=1.0, beta=beta) < kappa


def test_T10_kappa_tail_where_the_root_is_met_exactly():
    near = [theory.T10_kappa_tail(zeta=0.75, T=T, alpha=0.4, V=0.0, dE=1.0, beta=0.6) for T in (16_381, 16_382, 16_383)]
    assert near[0] > near[1] > near[2]


@given(worlds(), positive)
@FEW
def test_T10_cost_holds_exactly(world, share):
    distribution, alpha = world[0], world[1] / world[2]
    k = theory.distribution_constants(distribution, alpha)
    price = optimum.solve(distribution, alpha + share * k.beta).cost - optimum.solve(distribution, alpha).cost
    assert price <= theory.T10_cost(kappa=share * k.beta, dE=k.dE, beta=k.beta) + SLACK


def test_T10_cost_is_attained():
    distribution = Distribution([1.0], [[0.0, 1.0]], [[0.4, 0.9]])
    assert optimum.solve(distribution, 0.65).cost == pytest.approx(theory.T10_cost(kappa=0.25, dE=1.0, beta=0.5))


# Simulated ---------------------------------------------------------------------------------------------------------


def simulate(distribution, seed=0, *, horizon, num_streams=1024, **controls):
    stream = streams.types(distribution)
    return grid_sweep.sweep(
        jax.random.key(seed), Controls(**{"c": 0.0} | controls), policy=policies.mess_plus(predictors.oracle(stream)),
        stream=stream, horizon=horizon, num_streams=num_streams,
        feedback=feedback.sparse if "f" in controls else feedback.complete,
    )  # fmt: skip


@pytest.mark.long
def test_T9_fails_on_more_than_a_quarter_of_the_paths():
    T, f = 100_000, 0.1
    result = simulate(TWO, horizon=T, V=1.0, alpha=0.5, f=f)
    excess = T * result["violation"].values - result["queue_last"].values / f
    share = intervals.interval((excess > 0).astype(float), 0.999)
    assert share.lower <= 0.276 <= share.upper and share.lower > 0.2
    for u in (200.0, 1000.0):  # and Freedman's inequality bounds how far
        assert (excess > u).mean() <= theory.T9_path_tail(u=u, T=T, f=f, delta=0.5)


NINE = Distribution([1.0], [[0.0, 1.0]], [[0.05, 0.95]])


def mean_kappa(V, T, sharp=True):
    def right(kappa):
        k, best = theory.distribution_constants(NINE, 0.5 + kappa), optimum.solve(NINE, 0.5 + kappa)
        if sharp:
            return theory.T1_queue(V=V, gamma=best.gamma, B=k.B, T=T, S_T=0.0)
        return theory.T1_queue_older(V=V, gamma=best.gamma, B=k.B, T=T, P_T=0.0, beta_M=k.beta_M, S_T=0.0)

    return theory.T10_kappa(right, T=T, beta=0.45)


def test_T10_with_V_too_large_and_with_the_kappa_it_needs():
    T, V, short = 1000, 100.0, 1000**-0.5
    violation = 0.5 - simulate(NINE, horizon=T, V=V, alpha=0.5 + short)["satisfaction"].values
    assert intervals.interval(violation, 0.999).lower > 0.075 and violation.mean() == pytest.approx(0.080, abs=2e-3)
    assert short < mean_kappa(V, T) == pytest.approx(0.131, abs=5e-4)
    assert mean_kappa(V, T, sharp=False) == pytest.approx(0.225, abs=5e-4)
    for level in (1.0, V):
        alpha = np.ceil(1e6 * (0.5 + mean_kappa(level, T))) / 1e6
        violation = 0.5 - simulate(NINE, horizon=T, V=level, alpha=alpha)["satisfaction"].values
        assert intervals.interval(violation, 0.999).upper <= 0


def test_T10_tail_leaves_no_violation_on_most_paths():
    T, zeta = 1000, 0.05
    kappa = theory.T10_kappa_tail(zeta=zeta, T=T, alpha=0.5, V=1.0, dE=1.0, beta=0.45)
    violation = 0.5 - simulate(NINE, horizon=T, V=1.0, alpha=0.5 + kappa)["satisfaction"].values
    assert (violation > 0).mean() <= zeta
    bare = 0.5 - simulate(NINE, horizon=T, V=1.0, alpha=0.5)["satisfaction"].values
    assert (bare > 0).mean() > zeta
