"""T4, T8, T9 and T10: by hand, on chains whose laws are computed exactly, and on simulated paths.

Each constant that can be refuted is refuted by a counterexample when it is made too small.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import jax
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from messjax import bounds, feedback, optimum, policies, predictors, stats, streams, sweep
from messjax.types import Controls, Law

FEW = settings(max_examples=60, deadline=None)
SLACK = 1e-9
positive = st.floats(1e-6, 1.0)


class Run(NamedTuple):
    """Exact laws of one run. Lattice of Q: multiples of 1/n."""

    queues: list[dict[int, float]]  # law of n Q_t, t = 1..T+1
    shortfall: float  # E[sum (alpha - s_t)]
    used: np.ndarray  # [T] E of the queue that decides, Q_{t-d}
    joint: dict[tuple[int, int], float]  # law of (n Q_{T+1}, n sum (alpha - s_t)); the sum is 0 unless asked for

    def mean(self) -> np.ndarray:
        return np.array([sum(Q * w for Q, w in law.items()) for law in self.queues])


def chain(law, steps, n, V, p, s_hat=None, start=0, f=1.0, h=None, delay=0, track=False) -> Run:
    """MESS+ with alpha = steps/n, Q_1 = start/n, feedback with probability f (explored: h), `delay` requests late."""
    weight, cost, mean = (np.asarray(x, float) for x in law[:3])
    s_hat, h = (mean if s_hat is None else np.asarray(s_hat, float)), f if h is None else h
    largest, known = float(weight @ mean[:, -1]), {}

    def exploited(Q):
        if Q not in known:
            score = bounds.L4_score(np.full(len(weight), V), cost, np.full(len(weight), Q / n), steps / n, s_hat)
            known[Q] = float(weight @ mean[np.arange(len(weight)), score.argmin(1)])
        return known[Q]

    now, shortfall, used, queues = {((start,) * (delay + 1), 0): 1.0}, 0.0, [], [{start / n: 1.0}]
    for p_t in p:
        after: dict = {}
        used.append(sum(w * Q[0] for (Q, _), w in now.items()) / n)
        for (Q, total), w in now.items():
            good = exploited(Q[0])
            for s, explored, exploit in ((1, largest, good), (0, 1 - largest, 1 - good)):
                shortfall += w * (p_t * explored + (1 - p_t) * exploit) * (steps / n - s)
                for heard, g_h, g_f in ((True, h, f), (False, 1 - h, 1 - f)):
                    prob = w * (p_t * g_h * explored + (1 - p_t) * g_f * exploit)
                    if prob:
                        last = max(0, Q[-1] + steps - n * s) if heard else Q[-1]
                        key = ((*Q[1:], last), total + (steps - n * s) * track)
                        after[key] = after.get(key, 0.0) + prob
        now, marginal = after, {}
        for (Q, _), w in now.items():
            marginal[Q[-1] / n] = marginal.get(Q[-1] / n, 0.0) + w
        assert abs(sum(marginal.values()) - 1) < 1e-9
        queues.append(marginal)
    joint: dict = {}
    for (Q, total), w in now.items():
        joint[Q[-1], total] = joint.get((Q[-1], total), 0.0) + w
    return Run(queues, shortfall, np.array(used), joint)


def tail_excess(run, bound) -> float:
    """The largest P(Q_t >= q) - bound(q, t) over t and the lattice: positive if the bound is refuted."""
    worst = -np.inf
    for t, law in enumerate(run.queues, 1):
        q = np.array(sorted(law, reverse=True))
        worst = max(worst, np.max(np.cumsum([law[x] for x in q]) - bound(q, t)))
    return worst


TWO = Law([1.0], [[0.0, 1.0]], [[0.2, 0.9]])


@st.composite
def worlds(draw):
    """A law whose largest model exceeds alpha = steps/n by more than 2 ebar, and a run of it."""
    K, M, n = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.sampled_from([2, 3, 5]))
    cells = st.lists(st.integers(0, 20), min_size=K * M, max_size=K * M)
    cost, mean, noise = (np.reshape(draw(cells), (K, M)) / 20 for _ in range(3))
    mean[:, -1] = np.maximum(mean[:, -1], draw(st.sampled_from([0.6, 0.8, 0.95])))
    weight = np.array(draw(st.lists(st.integers(1, 5), min_size=K, max_size=K)), float)
    law, steps = Law(weight / weight.sum(), cost, mean), draw(st.integers(1, n - 1))
    s_hat = np.clip(mean + (noise - 0.5) * draw(st.sampled_from([0.0, 0.1, 0.3])), 0, 1)
    assume(optimum.constants(law, steps / n).beta > 2 * error(law, s_hat))
    T = draw(st.integers(1, 30))
    p = bounds.exploration_probability(np.arange(1, T + 1), draw(st.sampled_from([0.0, 0.1, 1.0])), draw(positive))
    V, start = draw(st.sampled_from([0.0, 0.01, 0.1, 1.0])), draw(st.sampled_from([0, 0, 3, 25]))
    f, h = draw(st.sampled_from([1.0, 0.5, 0.1])), draw(st.sampled_from([None, 1.0]))
    return law, steps, n, V, p, s_hat, start, f, h, draw(st.sampled_from([0, 0, 2]))


def error(law, s_hat) -> float:
    return float(law.weight @ np.abs(s_hat - law.mean).max(axis=1))


@given(worlds())
@FEW
def test_T4_and_T9_hold_exactly(world):
    law, steps, n, V, p, s_hat, start, f, h, delay = world
    alpha, Q_1, T, run = steps / n, start / n, len(p), chain(*world)
    k, gamma, e = optimum.constants(law, alpha), optimum.solve(law, alpha).gamma, error(law, s_hat)
    tail = bounds.T4_constants(alpha, V, k.dE, k.beta, e, delay=delay)
    assert tail_excess(run, lambda q, t: bounds.T9_tail(q, tail, f, Q_1)) <= SLACK
    assert (run.mean() <= bounds.T4_queue(tail, Q_1) + SLACK).all()
    if h is None:
        assert tail_excess(run, lambda q, t: bounds.T9_tail(q, tail, f, Q_1, t)) <= SLACK
        sparse = tail._replace(rho=1 - f * (1 - tail.rho))
        moments = [np.log(sum(w * np.exp(tail.r * Q) for Q, w in law.items())) for law in run.queues]
        t = np.arange(1, T + 2)
        assert (moments <= bounds.T4_log_moment(sparse, Q_1, t) + SLACK).all()
        assert (run.mean() <= bounds.T4_queue(sparse, Q_1, t) + SLACK).all()
    S_T, R_T = float((1 - p) @ run.used) * e, max(0.0, -k.beta_M) * float(p @ run.used)
    arguments = (V, gamma, bounds.T9_delayed_B(alpha, delay), T, p.sum(), k.beta_M, S_T, f, R_T, Q_1, h)
    last = run.mean()[-1]
    assert last <= bounds.T9_queue(*arguments) + SLACK
    gain = 0.0 if h is None else bounds.T9_forced(f, T, p.sum(), k.beta_M)
    assert run.shortfall / T <= (last - Q_1) / (f * T) + gain + SLACK
    assert run.shortfall / T <= bounds.T9_violation(*arguments) + SLACK


@pytest.mark.parametrize(("f", "V"), [(0.5, 1.0), (0.05, 10.0), (0.9, 3.0)])
def test_T9_path_tail_holds_exactly_and_L1_does_not(f, V):
    T, delta = 40, 0.5
    run = chain(TWO, 1, 2, V, np.zeros(T), f=f, track=True)
    excess, w = np.array([(total - Q / f) / 2 for Q, total in run.joint]), np.array(list(run.joint.values()))
    u = np.linspace(0, excess.max(), 50, endpoint=False)
    exact = np.array([w[excess > level + SLACK].sum() for level in u])
    assert (exact <= bounds.T9_path_tail(u, T, f, delta)).all()
    assert exact[0] > 0.3  # L1 has exceptions,
    variance = T * delta**2 * (1 - f) / f
    if f == 0.05:  # larger than if coins were not divided by f,
        assert (exact > np.exp(-(u**2) / (2 * (f * variance + delta * u / 3)))).any()
    if f == 0.9:  # and than without the term in u
        assert (exact > np.exp(-(u**2) / (2 * variance))).any()


def test_T4_constants_too_small_are_refuted():
    run = chain(TWO, 1, 2, 5.0, np.zeros(300))
    tail = bounds.T4_constants(0.5, 5.0, 1.0, 0.4)
    assert tail_excess(run, lambda q, t: bounds.T4_tail(q, tail)) <= SLACK
    low = bounds.T4_constants(0.5, 5.0, 0.1, 0.4)  # a tenth of dE and so of theta
    assert tail_excess(run, lambda q, t: bounds.T4_tail(q, low)) > 0.1
    run = chain(Law([1.0], [[0.0]], [[0.6]]), 1, 2, 0.0, np.zeros(300))
    tail = bounds.T4_constants(0.5, 0.0, 0.0, 0.1)
    assert tail_excess(run, lambda q, t: bounds.T4_tail(q, tail)) <= SLACK
    fast = tail._replace(r=9 * tail.r)
    assert tail_excess(run, lambda q, t: bounds.T4_tail(q, fast)) > 1e-6
    run = chain(TWO, 1, 2, 5.0, np.zeros(300), start=2)  # t counts
    assert tail_excess(run, lambda q, t: bounds.T4_tail(q, bounds.T4_constants(0.5, 0.0, 0.0, 0.4), 1.0, 300)) > 0.1


def test_T4_needs_its_hypotheses():
    # Equal predictions: always the cheapest. With ebar for 2 ebar T4 would speak.
    law = Law([1.0], [[0.0, 0.01]], [[0.4, 0.9]])
    run = chain(law, 1, 2, 1.0, np.zeros(400), [[0.65, 0.65]])
    assert tail_excess(run, lambda q, t: bounds.T4_tail(q, bounds.T4_constants(0.5, 1.0, 0.01, 0.4, 0.125))) > 0.1
    assert bounds.T4_queue(bounds.T4_constants(0.5, 1.0, 0.01, 0.4, 0.25)) == np.inf
    # pi0 = the second model; exploration serves the third, which misses alpha.
    law, p = Law([1.0], [[0.0, 0.5, 1.0]], [[0.1, 0.9, 0.2]]), np.ones(300)
    run = chain(law, 3, 5, 1.0, p)
    assert tail_excess(run, lambda q, t: bounds.T4_tail(q, bounds.T4_constants(0.6, 1.0, 0.5, 0.3))) > 0.9
    assert bounds.T4_tail(1e9, bounds.T4_constants(0.6, 1.0, 0.5, 0.3, beta_M=-0.4)) == 1.0


def test_T9_needs_its_terms():
    tail = bounds.T4_constants(0.5, 1.0, 1.0, 0.4)
    run = chain(TWO, 1, 2, 1.0, np.zeros(200), start=50, f=0.05)  # a queue that cannot have fallen yet
    assert tail_excess(run, lambda q, t: bounds.T9_tail(q, tail, 0.05, 25.0, t)) <= SLACK
    assert tail_excess(run, lambda q, t: bounds.T4_tail(q, tail, 25.0, t)) > 0.1
    # Explored requests always heard of: a fair model at alpha, and all requests explored.
    run = chain(Law([1.0], [[0.0]], [[0.5]]), 1, 2, 1.0, np.ones(60), f=0.1, h=1.0)
    assert bounds.T9_queue(1.0, 0.0, 0.125, 60, 60, 0.0, 0.0, 0.1) < run.mean()[-1]
    assert run.mean()[-1] <= bounds.T9_queue(1.0, 0.0, 0.125, 60, 60, 0.0, 0.0, 0.1, f_explored=1.0)
    run = chain(TWO, 1, 2, 1.0, np.full(60, 0.5), f=0.1, h=1.0)
    assert run.mean()[-1] / 6 < run.shortfall / 60 + bounds.T9_forced(0.1, 60, 30, 0.4)
    run = chain(TWO, 1, 2, 100.0, np.full(60, 0.2), f=0.1, h=1.0)
    assert run.mean()[-1] / 6 < run.shortfall / 60 <= run.mean()[-1] / 6 + bounds.T9_forced(0.1, 60, 12, 0.4)


def test_a_delay_needs_its_terms():
    law, T, delay = Law([1.0], [[0.0, 0.001]], [[0.0, 1.0]]), 60, 6  # swings between the two models
    run = chain(law, 1, 2, 1.0, np.zeros(T), delay=delay)
    assert bounds.T3_queue(1.0, 0.125, 0.001, 0.5, 0.5, 0.0) < run.used.mean()
    assert run.used.mean() <= bounds.T3_queue(1.0, bounds.T9_delayed_B(0.5, delay), 0.001, 0.5, 0.5, 0.0)
    tail = bounds.T4_constants(0.5, 1.0, 0.001, 0.5)
    late = bounds.T4_constants(0.5, 1.0, 0.001, 0.5, delay=delay)
    assert late.theta == tail.theta + 3.0
    assert tail_excess(run, lambda q, t: bounds.T4_tail(q, late)) <= SLACK


# By hand, limits, silence ------------------------------------------------------------------------------------------


@given(st.integers(1, 19), st.integers(0, 50), st.integers(0, 40), st.integers(1, 20), st.integers(0, 20))
@FEW
def test_T4_constants_in_exact_arithmetic(steps, V, dE, gain, e):
    alpha, V, dE, ebar = Fraction(steps, 20), Fraction(V, 10), Fraction(dE, 20), Fraction(e, 200)
    beta = (1 - alpha) * Fraction(gain, 20)
    assume(beta > 2 * ebar)
    gap, delta = beta - 2 * ebar, max(alpha, 1 - alpha)
    r = gap / 2 / (delta * delta + delta * gap / 6)
    rho, theta = 1 - r * gap / 4, max(1 - alpha, 2 * V * dE / gap)
    found = bounds.T4_constants(*(float(x) for x in (alpha, V, dE, beta, ebar)))
    np.testing.assert_allclose(found[:5], [float(x) for x in (gap / 2, theta, delta, r, rho)], rtol=1e-12)
    growth = sum(
        (r * delta) ** k / Fraction(int(np.prod(range(1, k + 1)))) for k in range(15)
    )  # e^{r delta}, r delta < 1
    log_D = float(r * theta) + float(np.log(float((growth - rho) / (1 - rho))))
    assert found.log_D == pytest.approx(log_D, rel=1e-9)
    assert found.log_D >= 0 and 0.5 < found.rho < 1
    if log_D < 700:
        assert pytest.approx(np.exp(log_D), rel=1e-6) == found.D


def test_T4_by_hand_and_beyond_float64():
    tail = bounds.T4_constants(0.5, 1.0, 1.0, 0.5)  # eta = .25, theta = 4, r = .25 / (.25 + .125/3) = 6/7
    D = (np.exp(3 / 7) - 25 / 28) * np.exp(24 / 7) * 28 / 3
    np.testing.assert_allclose(tail[:5], [0.25, 4.0, 0.5, 6 / 7, 25 / 28], rtol=1e-14)
    assert pytest.approx(D) == tail.D and bounds.T4_queue(tail) == pytest.approx(np.log(D) * 7 / 6)
    assert bounds.T4_tail(10.0, tail) == pytest.approx(D * np.exp(-60 / 7)) and bounds.T4_tail(1.0, tail) == 1.0
    moment = 625 / 784 * np.exp(12 / 7) + 159 / 784 * D  # Q_1 = 2, t = 3
    assert bounds.T4_log_moment(tail, 2.0, 3) == pytest.approx(np.log(moment))
    assert bounds.T4_tail(9.0, tail, 2.0, 3) == pytest.approx(moment * np.exp(-54 / 7))
    large = bounds.T4_constants(0.5, 1e4, 1.0, 0.5)
    assert np.inf == large.D and bounds.T4_queue(large) == pytest.approx(4e4 + bounds.T4_queue(tail) - 4)
    assert bounds.T4_tail(40006.0, large) == pytest.approx(bounds.T4_tail(10.0, tail))


@given(st.tuples(positive, positive, positive, positive, positive), st.floats(0, 50), st.integers(1, 500))
@FEW
def test_T4_is_monotone_and_has_its_limits(numbers, Q_1, t):
    alpha, V, dE, gain, q = numbers
    tail = bounds.T4_constants(alpha, V, dE, (1 - alpha) * gain)
    assume(tail.eta > 1e-4)
    moments = bounds.T4_log_moment(tail, Q_1, np.array([1, t, t + 1, 1e300]))
    assert moments[0] == pytest.approx(tail.r * Q_1, abs=1e-9) and moments[-1] == pytest.approx(tail.log_D, abs=1e-9)
    assert (np.diff(moments) * np.sign(tail.log_D - tail.r * Q_1) >= -SLACK).all()  # from the one to the other
    assert (moments <= bounds.T4_log_moment(tail, Q_1) + SLACK).all()
    levels = np.array([q, 10 * q, 100 * q, 1e6])
    assert (np.diff(bounds.T4_tail(levels, tail, Q_1, t)) <= 0).all()
    worse = bounds.T4_constants(alpha, 2 * V, dE, (1 - alpha) * gain)
    assert bounds.T4_queue(worse) >= bounds.T4_queue(tail)
    assert (bounds.T9_tail(levels, tail, 1.0, Q_1, t) == bounds.T4_tail(levels, tail, Q_1, t)).all()


def test_silence():
    silent = bounds.T4_constants(0.5, 1.0, 1.0, [0.0, -0.1, 0.2, 0.4], [0.0, 0.0, 0.1, 0.0], [0.3, 0.3, 0.3, 0.19])
    assert (np.inf == silent.D).all()
    for t in (None, 1, 7):
        assert (bounds.T4_queue(silent, 2.0, t) == np.inf).all() and (bounds.T4_tail(1e9, silent, 2.0, t) == 1).all()
        assert (bounds.T9_tail(1e9, silent, 0.3, 2.0, t) == 1).all()
    assert np.isfinite(bounds.T4_constants(0.5, 1.0, 1.0, 0.4, 0.0, 0.2).D)  # beta_M = eta is enough
    unknown = bounds.T4_constants(0.5, 1.0, 1.0, np.nan)
    assert np.isnan(bounds.T4_queue(unknown)) and np.isnan(bounds.T4_tail(3.0, unknown, 1.0, 7))
    assert bounds.T10_cost([0.1, 0.1], 1.0, [0.05, -0.1]).tolist() == [np.inf, np.inf]
    assert bounds.T10_kappa(lambda kappa: 0.0, 10, -0.1) == np.inf
    assert np.isnan(bounds.T10_kappa(lambda kappa: 0.0, 10, np.nan))
    assert bounds.T10_kappa_tail(0.1, 1000, 0.5, 1.0, 1.0, 0.4, 0.2) == np.inf


def test_T9_by_hand():
    arguments = {"V": 4.0, "gamma": 0.5, "B": 0.1, "T": 10, "P_T": 3.0, "beta_M": 0.1, "S_T": 1.0, "R_T": 0.4}
    assert bounds.T9_queue(**arguments, f=0.375, Q_1=1.0) == pytest.approx(2 + np.sqrt(1 + 0.375 * 8))  # V g = 2
    assert bounds.T9_queue(**arguments, f=1.0, Q_1=1.0) == bounds.T1_queue(**arguments, Q_1=1.0)
    assert bounds.T9_violation(**arguments, f=0.375, Q_1=1.0) == pytest.approx(3 / 3.75)
    # f = .5 and 1: 2 B (5 + 1.5) + 1.2 + 2 + .8 = 5.3
    assert bounds.T9_violation(**arguments, f=0.5, f_explored=1) == pytest.approx((2 + 9.3**0.5) / 5 + 0.03)
    assert bounds.T9_path_tail(6.0, 8, 0.5, 0.5) == pytest.approx(np.exp(-36 / 6))
    assert bounds.T9_path_tail([-1.0, 0.0], 8, [0.5, 1.0], 0.5).tolist() == [1.0, 1.0]
    assert bounds.T9_delayed_B(0.4, 3) == pytest.approx(0.18 + 3 * 0.36)


def test_T8_exponent():
    np.testing.assert_allclose(bounds.T8_exponent([0, 1 / 3, 1 / 2, 1]), [0, 1 / 4, 1 / 3, 1 / 2])
    q = 0.7  # where the cost per request at T is least: T^-a + T^-(1-a) q for T large
    a = np.linspace(0.01, 0.99, 981)
    assert a[np.maximum(-a, -(1 - a) * q).argmin()] == pytest.approx(bounds.T8_exponent(q), abs=1e-3)


# Tightening --------------------------------------------------------------------------------------------------------


def test_T10_kappa_by_hand():
    assert bounds.T10_kappa(lambda kappa: 10.0, 1000, 0.1) == pytest.approx(0.01)
    assert bounds.T10_kappa(lambda kappa: 0.0, 1000, 0.1) == 0.0
    assert bounds.T10_kappa(lambda kappa: 101.0, 1000, 0.1) == np.inf
    assert bounds.T10_kappa(lambda kappa: 10.0, 1000, 0.1, 0.005) == np.inf
    assert bounds.T10_kappa(lambda kappa: 10.0 if kappa < 0.05 else 1e6, 1000, 0.1) == pytest.approx(0.01)
    assert bounds.T10_kappa(lambda kappa: np.nan if kappa < 0.05 else 10.0, 1000, 0.1) == pytest.approx(0.05)
    # (kappa T)^2 = T (alpha + kappa)^2 + 2 T V dE, the second form of T1 for alpha >= 1/2
    T, alpha, V, dE = 400, 0.6, 2.0, 0.5

    def right(kappa):
        return bounds.T1_queue_slater(T, (alpha + kappa) ** 2 / 2, V, dE)

    a, b, c = T - 1.0, -2 * alpha, -(alpha**2) - 2 * V * dE
    kappa = bounds.T10_kappa(right, T, 0.3)
    assert kappa == pytest.approx((-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)) and kappa * T >= right(kappa)


@given(positive, st.integers(100, 100_000), st.floats(0.0, 3.0), positive)
@FEW
def test_T10_kappa_tail_is_enough_and_no_less_is(zeta, T, V, gain):
    alpha, beta = 0.4, 0.6 * gain
    kappa = bounds.T10_kappa_tail(zeta, T, alpha, V, 1.0, beta)

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
        assert bounds.T10_kappa_tail(zeta, 2 * T, alpha, V, 1.0, beta) < kappa


@given(worlds(), positive)
@FEW
def test_T10_cost_holds_exactly(world, share):
    law, alpha = world[0], world[1] / world[2]
    k = optimum.constants(law, alpha)
    price = optimum.solve(law, alpha + share * k.beta).cost - optimum.solve(law, alpha).cost
    assert price <= bounds.T10_cost(share * k.beta, k.dE, k.beta) + SLACK


def test_T10_cost_is_attained():
    law = Law([1.0], [[0.0, 1.0]], [[0.4, 0.9]])
    assert optimum.solve(law, 0.65).cost == pytest.approx(bounds.T10_cost(0.25, 1.0, 0.5))


# Simulated ---------------------------------------------------------------------------------------------------------


def simulate(law, seed=0, *, horizon, num_streams=1024, **controls):
    stream = streams.types(law)
    return sweep.sweep(
        jax.random.key(seed), Controls(**{"c": 0.0} | controls), policy=policies.mess_plus(predictors.oracle(stream)),
        stream=stream, horizon=horizon, num_streams=num_streams,
        feedback=feedback.sparse if "f" in controls else feedback.complete,
    )  # fmt: skip


def test_T9_fails_on_more_than_a_quarter_of_the_paths():
    T, f = 100_000, 0.1
    found = simulate(TWO, horizon=T, V=1.0, alpha=0.5, f=f)
    excess = T * found["violation"].values - found["queue_last"].values / f
    share = stats.interval((excess > 0).astype(float), 0.999)
    assert share.lower <= 0.276 <= share.upper and share.lower > 0.2
    for u in (200.0, 1000.0):  # and Freedman's inequality bounds how far
        assert (excess > u).mean() <= bounds.T9_path_tail(u, T, f, 0.5)


NINE = Law([1.0], [[0.0, 1.0]], [[0.05, 0.95]])


def mean_kappa(V, T):
    def right(kappa):
        k, best = optimum.constants(NINE, 0.5 + kappa), optimum.solve(NINE, 0.5 + kappa)
        return bounds.T1_queue(V, best.gamma, k.B, T, 0.0, k.beta_M, 0.0)

    return bounds.T10_kappa(right, T, 0.45)


def test_T10_with_V_too_large_and_with_the_kappa_it_needs():
    T, V, short = 1000, 100.0, 1000**-0.5
    violation = 0.5 - simulate(NINE, horizon=T, V=V, alpha=0.5 + short)["satisfaction"].values
    assert stats.interval(violation, 0.999).lower > 0.075 and violation.mean() == pytest.approx(0.080, abs=2e-3)
    assert short < mean_kappa(V, T)
    for level in (1.0, V):
        alpha = np.ceil(1e6 * (0.5 + mean_kappa(level, T))) / 1e6
        violation = 0.5 - simulate(NINE, horizon=T, V=level, alpha=alpha)["satisfaction"].values
        assert stats.interval(violation, 0.999).upper <= 0


def test_T10_tail_leaves_no_violation_on_most_paths():
    T, zeta = 1000, 0.05
    kappa = bounds.T10_kappa_tail(zeta, T, 0.5, 1.0, 1.0, 0.45)
    violation = 0.5 - simulate(NINE, horizon=T, V=1.0, alpha=0.5 + kappa)["satisfaction"].values
    assert (violation > 0).mean() <= zeta
    bare = 0.5 - simulate(NINE, horizon=T, V=1.0, alpha=0.5)["satisfaction"].values
    assert (bare > 0).mean() > zeta


# Shapes and errors -------------------------------------------------------------------------------------------------

CASES = [
    (bounds.T4_constants, [0.5, 2.0, 1.0, 0.4, 0.05, 0.3, 2.0]),
    (lambda q, Q_1, t: bounds.T4_tail(q, bounds.T4_constants(0.5, 1.0, 1.0, 0.4), Q_1, 1 + t), [30.0, 3.0, 5.0]),
    (lambda V, Q_1: bounds.T4_queue(bounds.T4_constants(0.5, V, 1.0, 0.4), Q_1), [3.0, 5.0]),
    (lambda *x: bounds.T9_queue(*x[:7], 0.1 + 0.4 * x[7], *x[8:]), [1.0, 2.0, 0.1, 7, 3.0, 0.1, 1.0, 1.0, 0.1, 0.2]),
    (lambda *x: bounds.T9_violation(*x, f_explored=1.0), [1.0, 2.0, 0.1, 7, 3.0, 0.1, 1.0, 0.5]),
    (bounds.T9_path_tail, [3.0, 7, 0.5, 0.6]),
    (bounds.T9_delayed_B, [0.6, 3.0]),
    (bounds.T8_exponent, [0.5]),
    (bounds.T10_cost, [0.1, 1.0, 0.2]),
    (bounds.T10_kappa_tail, [0.5, 1000.0, 0.4, 1.0, 1.0, 0.5, 0.02, 0.4, 2.0]),
]


@pytest.mark.parametrize(("function", "arguments"), CASES)
def test_every_argument_broadcasts(function, arguments):
    for i, argument in enumerate(arguments):
        grid = argument * np.array([[0.5, 0.2, 1], [1, 0.1, 0.9]])
        parts = function(*arguments[:i], grid, *arguments[i + 1 :])
        many = np.stack([np.broadcast_to(part, (2, 3)) for part in (parts if isinstance(parts, tuple) else (parts,))])
        for where, value in np.ndenumerate(grid):
            one = function(*arguments[:i], value, *arguments[i + 1 :])
            assert all(np.ndim(part) == 0 for part in (one if isinstance(one, tuple) else (one,)))
            np.testing.assert_allclose(many[:, *where], np.atleast_1d(one), rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.T8_exponent(-1.0), "q is -1, expected a non-negative rate"),
        (lambda: bounds.T4_tail(1.0, bounds.T4_constants(0.5, 1, 1, 0.4), 0.0, [2, 0]), "t is 0, expected a request"),
        (lambda: bounds.T9_path_tail(1.0, 10, [0.5, 0.0], 0.5), r"f is 0, expected a probability in \(0, 1\]"),
        (lambda: bounds.T9_forced(0.5, 10, 3.0, 0.2, 1.5), "f_explored is 1.5, expected a probability"),
        (lambda: bounds.T9_delayed_B(0.5, -1), "delay is -1, expected a number of requests"),
        (lambda: bounds.T10_cost(-0.1, 1.0, 0.2), "kappa is -0.1, expected a non-negative tightening"),
        (lambda: bounds.T10_kappa_tail(0.0, 10, 0.5, 1.0, 1.0, 0.2), "zeta is 0, expected a probability"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
