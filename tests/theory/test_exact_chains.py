"""The mean statements T1, T2, T3 and T5 on chains whose expectations are computed exactly, without statistics.

With a fixed predictor the queue is a Markov chain on a lattice. A counterexample shows that each constant is needed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from messjax import theory
from messjax.theory import optimum
from messjax.types import Distribution

FEW = settings(max_examples=100, deadline=None)
SLACK = 1e-9
unit = st.floats(0.0, 1.0)
scale = st.floats(0.0, 100.0)


class Run(NamedTuple):
    """Exact expectations of one run."""

    queue: np.ndarray  # [T + 1] E[Q_t], t = 1..T+1
    last_square: float  # E[Q_{T+1}^2]
    cost: float  # E[sum of all that was queried]
    satisfaction: float  # E[sum s_t]


def chain(distribution, steps, n, V, p, s_hat=None, start=0, tied=1.0):
    """MESS+ with alpha = steps / n, fixed s_hat [K, M], Q_1 = start / n, exploration probability p[t] tied[k]."""
    weight, cost, mean = (np.asarray(x, float) for x in distribution[:3])
    s_hat = mean if s_hat is None else np.asarray(s_hat, float)
    Q = np.arange(len(p) * steps + start + 1 + n) / n
    served = np.stack(
        [
            theory.L4_score(V=V, cost=c, Q=Q, alpha=steps / n, s_hat=g).argmin(-1)
            for c, g in zip(cost, s_hat, strict=True)
        ]
    )
    exploit_cost, exploit_mean = (np.take_along_axis(x, served, 1) for x in (cost, mean))  # [K, states]
    state, queue, paid, good = np.eye(1, len(Q), start)[0], [start / n], 0.0, 0.0
    for p_t in p:
        X = (p_t * tied * np.ones(len(weight)))[:, None]
        paid += state @ (weight @ (X * cost.sum(1, keepdims=True) + (1 - X) * exploit_cost))
        success = state * (weight @ (X * mean[:, -1:] + (1 - X) * exploit_mean))
        good += success.sum()
        failure = state - success
        state = np.concatenate([np.zeros(steps), failure[: len(Q) - steps]])
        down = n - steps
        state[0] += success[: down + 1].sum()
        state[1 : len(Q) - down] += success[down + 1 :]
        assert abs(state.sum() - 1) < 1e-9  # no probability leaves the lattice
        queue.append(state @ Q)
    return Run(np.array(queue), float(state @ Q**2), float(paid), float(good))


class Known(NamedTuple):
    """Everything the bounds need, computed from the law, the predictor and a run."""

    constants: theory.Constants
    best: optimum.Optimum
    P_T: float
    S_T: float
    R_T: float
    error_sum: float
    ebar: float
    exploration_queue: float


def know(distribution, alpha, p, s_hat, run):
    weight, mean = np.asarray(distribution.weight, float), np.asarray(distribution.mean, float)
    e = np.abs(np.asarray(s_hat, float) - mean).max(axis=1)
    const = theory.distribution_constants(distribution, alpha)
    explored = float(p @ run.queue[:-1])
    return Known(
        const,
        optimum.solve(distribution, alpha),
        float(p.sum()),
        float((1 - p) @ run.queue[:-1] * (weight @ e)),
        max(0.0, -const.beta_M) * explored,
        float((1 - p).sum() * np.sqrt(weight @ e**2)),
        float(weight @ e),
        explored / len(p),
    )


def T1(known, V, T, **change):
    c = known.constants
    arguments = {"V": V, "gamma": known.best.gamma, "B": c.B, "T": T, "P_T": known.P_T, "beta_M": c.beta_M}
    return theory.T1_queue_older(**arguments | {"S_T": known.S_T, "R_T": known.R_T} | change)


def T2(known, V, T, **change):
    arguments = {"V": V, "B": known.constants.B, "T": T, "P_T": known.P_T, "E_all": known.constants.E_all}
    arguments |= {"C_star": known.best.cost, "S_T": known.S_T, "R_T": known.R_T}
    return theory.T2_cost_terms(**arguments | change)


# Mean statements on exact chains ----------------------------------------------------------------------------------


@st.composite
def worlds(draw):
    """A law, an attainable alpha = steps / n, V, a schedule p, predictions off by a drawn amount, a start n Q_1."""
    K, M, n = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.sampled_from([2, 5]))
    cells = st.lists(st.integers(0, 20), min_size=K * M, max_size=K * M)
    cost, mean, noise = (np.reshape(draw(cells), (K, M)) / 20 for _ in range(3))
    weight = np.array(draw(st.lists(st.integers(1, 5), min_size=K, max_size=K)), float)
    distribution = Distribution(weight / weight.sum(), 3.0 * cost, mean)
    steps = draw(st.integers(0, n))
    assume(steps / n <= optimum.largest_alpha(distribution))
    s_hat = np.clip(mean + (noise - 0.5) * draw(st.sampled_from([0.0, 0.1, 1.0, 2.0])), 0, 1)
    T, c, a = draw(st.integers(1, 60)), draw(st.sampled_from([0.0, 0.1, 1.0, 5.0])), draw(unit)
    p = theory.exploration_probability(t=np.arange(1, T + 1), c=c, a=a)
    return (
        distribution,
        steps,
        n,
        draw(st.sampled_from([0.1, 1.0, 10.0])),
        p,
        s_hat,
        draw(st.sampled_from([0, 0, 3, 25])),
    )


@given(worlds())
@FEW
def test_T1_T2_T3_T5_hold_exactly(world):
    distribution, steps, n, V, p, s_hat, start = world
    alpha, T, Q_1, run = steps / n, len(p), start / n, chain(*world)
    known = know(distribution, alpha, p, s_hat, run)
    c, best = known.constants, known.best
    assert run.queue[-1] <= T1(known, V, T, Q_1=Q_1) + SLACK
    inputs = theory.BoundInputs.at(c, best, V=V, T=T, P_T=known.P_T, S_T=known.S_T, R_T=known.R_T, Q_1=Q_1)
    assert run.queue[-1] <= theory.T1_queue(inputs) + SLACK
    assert alpha - run.satisfaction / T <= theory.T1_violation(inputs) + SLACK
    assert alpha - run.satisfaction / T <= theory.T1_violation_older(inputs) + SLACK
    if c.beta_M >= 0:
        assert (
            np.sqrt(run.last_square)
            <= theory.T1_queue_slater(T=T, B=c.B, V=V, dE=c.dE, error_sum=known.error_sum, Q_1=Q_1) + SLACK
        )
    assert run.cost / T - best.cost <= T2(known, V, T, Q_1=Q_1).total + SLACK
    if start == 0:
        b = c.beta - 2 * known.ebar
        assert (
            run.queue[:-1].mean()
            <= theory.T3_queue(
                V=V, B=c.B, dE=c.dE, beta=b, beta_M=c.beta_M, exploration_queue=known.exploration_queue, T=1
            )
            + SLACK
        )
    adjusted = theory.T5_adjusted_regret(
        cost_sum=run.cost, satisfaction_sum=run.satisfaction, T=T, C_star=best.cost, gamma=best.gamma, alpha=alpha
    )
    assert adjusted >= -SLACK * T * (1 + best.gamma)


@given(worlds(), st.integers(0, 2))
@FEW
def test_T3_for_any_model_as_pi0(world, model):
    distribution, steps, n, V, p, s_hat, _ = world
    run = chain(*world[:-1])
    known = know(distribution, steps / n, p, s_hat, run)
    model = min(model, distribution.cost.shape[1] - 1)
    dE = distribution.weight @ (distribution.cost[:, model] - distribution.cost.min(axis=1))
    b = distribution.weight @ distribution.mean[:, model] - steps / n - 2 * known.ebar
    bound = theory.T3_queue(
        V=V,
        B=known.constants.B,
        dE=dE,
        beta=b,
        beta_M=known.constants.beta_M,
        exploration_queue=known.exploration_queue,
        T=1,
    )
    assert run.queue[:-1].mean() <= bound + SLACK


def test_T1_needs_twice_B_and_four_S():
    # One fair model at alpha: the queue is a reflected random walk, about .4 sqrt(T) against sqrt(2 B T) = .5 sqrt(T).
    distribution, p = Distribution([1.0], [[0.0]], [[0.5]]), np.zeros(400)
    run = chain(distribution, 1, 2, 1.0, p)
    known = know(distribution, 0.5, p, distribution.mean, run)
    assert T1(known, 1.0, 400, B=known.constants.B / 2) < run.queue[-1] <= T1(known, 1.0, 400)
    # Equal predictions: always the cheapest, Q_t = (t - 1)/2, and T1 is tight through S_T.
    distribution, s_hat = Distribution([1.0], [[0.0, 0.01]], [[0.0, 0.5]]), [[0.25, 0.25]]
    run = chain(distribution, 1, 2, 1.0, p, s_hat)
    known = know(distribution, 0.5, p, s_hat, run)
    assert run.queue[-1] == 200.0 <= T1(known, 1.0, 400) < 210.0
    assert T1(known, 1.0, 400, S_T=known.S_T / 2) < 200.0
    c = known.constants
    assert theory.T1_queue_slater(T=400, B=c.B, V=1.0, dE=c.dE, error_sum=known.error_sum) >= 200.0
    assert theory.T1_queue_slater(T=400, B=c.B, V=1.0, dE=c.dE, error_sum=known.error_sum / 2) < 200.0


def test_T1_and_T3_need_the_terms_of_a_largest_model_that_misses_alpha():
    distribution, p = Distribution([1.0], [[0.0, 0.5, 1.0]], [[0.1, 0.9, 0.2]]), np.ones(300)
    run = chain(distribution, 3, 5, 1.0, p)
    known = know(distribution, 0.6, p, distribution.mean, run)
    assert run.queue[-1] == pytest.approx(0.4 * 300, abs=1)
    assert T1(known, 1.0, 300, R_T=0.0) < run.queue[-1] <= T1(known, 1.0, 300)
    constants = theory.distribution_constants(distribution, 0.6, pi0=1)
    assert (constants.dE, constants.beta) == (pytest.approx(0.5), pytest.approx(0.3))
    inputs = theory.BoundInputs.at(constants, known.best, V=1.0, T=1)
    assert theory.T3_queue(inputs, exploration_queue=0.0) < run.queue[:-1].mean()
    assert run.queue[:-1].mean() <= theory.T3_queue(inputs, exploration_queue=known.exploration_queue)


def test_T3_needs_twice_the_error():
    # Equal predictions make the cheapest win; b with ebar in place of 2 ebar is positive, yet the queue grows.
    distribution, p, s_hat = Distribution([1.0], [[0.0, 0.01]], [[0.4, 0.9]]), np.zeros(400), [[0.65, 0.65]]
    run = chain(distribution, 1, 2, 1.0, p, s_hat)
    assert run.queue[:-1].mean() > theory.T3_queue(
        V=1.0, B=0.125, dE=0.01, beta=0.4 - 0.25, beta_M=0.4, exploration_queue=0.0, T=1
    )
    assert theory.T3_queue(V=1.0, B=0.125, dE=0.01, beta=0.4 - 0.5, beta_M=0.4, exploration_queue=0.0, T=1) == np.inf


def test_T2_fails_when_exploration_is_tied_to_the_request():
    distribution = Distribution([0.7, 0.3], [[0.1, 1.0], [0.2, 5.0]], [[0.6, 0.9], [0.2, 0.95]])
    T = 1000
    p = np.full(T, 0.5)
    run = chain(distribution, 3, 5, 1.0, p, tied=np.array([0.0, 1.0]))  # only the second type, the expensive one
    known = know(distribution, 0.6, p * 0.3, distribution.mean, run)
    assert run.cost / T - known.best.cost > T2(known, 1.0, T).total
    # The same number of explored requests, independent of the type.
    run = chain(distribution, 3, 5, 1.0, p * 0.3)
    known = know(distribution, 0.6, p * 0.3, distribution.mean, run)
    assert run.cost / T - known.best.cost <= T2(known, 1.0, T).total
    run = chain(distribution, 3, 5, 1.0, 2 * p)
    assert run.cost / T - known.best.cost > T2(known, 1.0, T, P_T=0.0).total  # exploration has to be paid


def test_T5_excludes_cascades_and_allows_everything_settled_before_the_labels():
    distribution, alpha = Distribution([1.0], [[0.1, 0.2]], [[0.5, 0.7]]), 0.6
    best = optimum.solve(distribution, alpha)
    assert (best.cost, best.gamma) == (pytest.approx(0.15), pytest.approx(0.5))
    # Query 1, then 2 on failure: always satisfied, at .1 + .5 * .2 per request.
    assert theory.T5_adjusted_regret(
        cost_sum=20.0, satisfaction_sum=100.0, T=100, C_star=best.cost, gamma=best.gamma, alpha=alpha
    ) == pytest.approx(-15.0)
    # Always the cheapest reaches zero, with a violation of .1: adjusted regret is no ranking.
    assert theory.T5_adjusted_regret(
        cost_sum=10.0, satisfaction_sum=50.0, T=100, C_star=best.cost, gamma=best.gamma, alpha=alpha
    ) == pytest.approx(0.0)
