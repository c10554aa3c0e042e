"""T4, T8 and T9: by hand, and on chains whose laws are computed exactly.

Each constant that can be refuted is refuted by a counterexample when it is made too small.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.chains import FEW, SLACK, TWO, by_name, chain, error, positive, tail_excess, worlds

from messjax import theory
from messjax.theory import optimum
from messjax.types import Distribution


@given(worlds())
@FEW
def test_T4_and_T9_hold_exactly(world):
    distribution, steps, n, V, p, s_hat, start, f, h, delay = world
    alpha, Q_1, T, run = steps / n, start / n, len(p), chain(*world)
    k, gamma, e = (
        theory.distribution_constants(distribution, alpha),
        optimum.solve(distribution, alpha).gamma,
        error(distribution, s_hat),
    )
    tail = theory.T4_constants(alpha=alpha, V=V, dE=k.dE, beta=k.beta, ebar=e, delay=delay)
    assert tail_excess(run, lambda q, t: theory.T9_tail(tail, q=q, f=f, Q_1=Q_1)) <= SLACK
    assert (run.mean() <= theory.T4_queue(tail, Q_1=Q_1) + SLACK).all()
    if h is None:
        assert tail_excess(run, lambda q, t: theory.T9_tail(tail, q=q, f=f, Q_1=Q_1, t=t)) <= SLACK
        sparse = tail._replace(rho=1 - f * (1 - tail.rho))
        moments = [np.log(sum(w * np.exp(tail.r * Q) for Q, w in distribution.items())) for distribution in run.queues]
        t = np.arange(1, T + 2)
        assert (moments <= theory.T4_log_moment(sparse, Q_1=Q_1, t=t) + SLACK).all()
        assert (run.mean() <= theory.T4_queue(sparse, Q_1=Q_1, t=t) + SLACK).all()
    S_T, R_T = float((1 - p) @ run.used) * e, max(0.0, -k.beta_M) * float(p @ run.used)
    B = theory.T9_delayed_B(alpha=alpha, delay=delay)
    inputs = theory.BoundInputs(
        V=V, gamma=gamma, B=B, T=T, P_T=p.sum(), beta_M=k.beta_M, S_T=S_T, f=f, R_T=R_T, Q_1=Q_1, f_explored=h
    )
    last = run.mean()[-1]
    assert last <= theory.T9_queue(inputs) + SLACK
    gain = 0.0 if h is None else theory.T9_forced(f=f, T=T, P_T=p.sum(), beta_M=k.beta_M)
    assert run.shortfall / T <= (last - Q_1) / (f * T) + gain + SLACK
    assert run.shortfall / T <= theory.T9_violation(inputs) + SLACK


@pytest.mark.parametrize(("f", "V"), [(0.5, 1.0), (0.05, 10.0), (0.9, 3.0)])
def test_T9_path_tail_holds_exactly_and_L1_does_not(f, V):
    T, delta = 40, 0.5
    run = chain(TWO, 1, 2, V, np.zeros(T), f=f, track=True)
    excess, w = np.array([(total - Q / f) / 2 for Q, total in run.joint]), np.array(list(run.joint.values()))
    u = np.linspace(0, excess.max(), 50, endpoint=False)
    exact = np.array([w[excess > level + SLACK].sum() for level in u])
    assert (exact <= theory.T9_path_tail(u=u, T=T, f=f, delta=delta)).all()
    assert exact[0] > 0.3  # L1 has exceptions,
    variance = T * delta**2 * (1 - f) / f
    if f == 0.05:  # larger than if coins were not divided by f,
        assert (exact > np.exp(-(u**2) / (2 * (f * variance + delta * u / 3)))).any()
    if f == 0.9:  # and than without the term in u
        assert (exact > np.exp(-(u**2) / (2 * variance))).any()


def test_T4_constants_too_small_are_refuted():
    run = chain(TWO, 1, 2, 5.0, np.zeros(300))
    tail = theory.T4_constants(alpha=0.5, V=5.0, dE=1.0, beta=0.4)
    assert tail_excess(run, lambda q, t: theory.T4_tail(tail, q=q)) <= SLACK
    low = theory.T4_constants(alpha=0.5, V=5.0, dE=0.1, beta=0.4)  # a tenth of dE and so of theta
    assert tail_excess(run, lambda q, t: theory.T4_tail(low, q=q)) > 0.1
    run = chain(Distribution([1.0], [[0.0]], [[0.6]]), 1, 2, 0.0, np.zeros(300))
    tail = theory.T4_constants(alpha=0.5, V=0.0, dE=0.0, beta=0.1)
    assert tail_excess(run, lambda q, t: theory.T4_tail(tail, q=q)) <= SLACK
    fast = tail._replace(r=9 * tail.r)
    assert tail_excess(run, lambda q, t: theory.T4_tail(fast, q=q)) > 1e-6
    run = chain(TWO, 1, 2, 5.0, np.zeros(300), start=2)  # t counts
    assert (
        tail_excess(
            run,
            lambda q, t: theory.T4_tail(theory.T4_constants(alpha=0.5, V=0.0, dE=0.0, beta=0.4), q=q, Q_1=1.0, t=300),
        )
        > 0.1
    )


def test_T4_needs_its_hypotheses():
    # Equal predictions: always the cheapest. With ebar for 2 ebar T4 would apply.
    distribution = Distribution([1.0], [[0.0, 0.01]], [[0.4, 0.9]])
    run = chain(distribution, 1, 2, 1.0, np.zeros(400), [[0.65, 0.65]])
    assert (
        tail_excess(
            run, lambda q, t: theory.T4_tail(theory.T4_constants(alpha=0.5, V=1.0, dE=0.01, beta=0.4, ebar=0.125), q=q)
        )
        > 0.1
    )
    assert theory.T4_queue(theory.T4_constants(alpha=0.5, V=1.0, dE=0.01, beta=0.4, ebar=0.25)) == np.inf
    # pi0 = the second model; exploration serves the third, which misses alpha.
    distribution, p = Distribution([1.0], [[0.0, 0.5, 1.0]], [[0.1, 0.9, 0.2]]), np.ones(300)
    run = chain(distribution, 3, 5, 1.0, p)
    assert (
        tail_excess(run, lambda q, t: theory.T4_tail(theory.T4_constants(alpha=0.6, V=1.0, dE=0.5, beta=0.3), q=q))
        > 0.9
    )
    assert theory.T4_tail(theory.T4_constants(alpha=0.6, V=1.0, dE=0.5, beta=0.3, beta_M=-0.4), q=1e9) == 1.0


def test_T9_needs_its_terms():
    tail = theory.T4_constants(alpha=0.5, V=1.0, dE=1.0, beta=0.4)
    run = chain(TWO, 1, 2, 1.0, np.zeros(200), start=50, f=0.05)  # a queue that cannot have fallen yet
    assert tail_excess(run, lambda q, t: theory.T9_tail(tail, q=q, f=0.05, Q_1=25.0, t=t)) <= SLACK
    assert tail_excess(run, lambda q, t: theory.T4_tail(tail, q=q, Q_1=25.0, t=t)) > 0.1
    # Explored requests always give feedback: a fair model at alpha, and all requests explored.
    run = chain(Distribution([1.0], [[0.0]], [[0.5]]), 1, 2, 1.0, np.ones(60), f=0.1, h=1.0)
    assert theory.T9_queue(V=1.0, gamma=0.0, B=0.125, T=60, P_T=60, beta_M=0.0, S_T=0.0, f=0.1) < run.mean()[-1]
    assert run.mean()[-1] <= theory.T9_queue(
        V=1.0, gamma=0.0, B=0.125, T=60, P_T=60, beta_M=0.0, S_T=0.0, f=0.1, f_explored=1.0
    )
    run = chain(TWO, 1, 2, 1.0, np.full(60, 0.5), f=0.1, h=1.0)
    assert run.mean()[-1] / 6 < run.shortfall / 60 + theory.T9_forced(f=0.1, T=60, P_T=30, beta_M=0.4)
    run = chain(TWO, 1, 2, 100.0, np.full(60, 0.2), f=0.1, h=1.0)
    assert (
        run.mean()[-1] / 6
        < run.shortfall / 60
        <= run.mean()[-1] / 6 + theory.T9_forced(f=0.1, T=60, P_T=12, beta_M=0.4)
    )


def test_a_delay_needs_its_terms():
    distribution, T, delay = Distribution([1.0], [[0.0, 0.001]], [[0.0, 1.0]]), 60, 6  # swings between the two models
    run = chain(distribution, 1, 2, 1.0, np.zeros(T), delay=delay)
    assert theory.T3_queue(V=1.0, B=0.125, dE=0.001, beta=0.5, beta_M=0.5, exploration_queue=0.0, T=1) < run.used.mean()
    assert run.used.mean() <= theory.T3_queue(
        V=1.0, B=theory.T9_delayed_B(alpha=0.5, delay=delay), dE=0.001, beta=0.5, beta_M=0.5, exploration_queue=0.0, T=1
    )
    tail = theory.T4_constants(alpha=0.5, V=1.0, dE=0.001, beta=0.5)
    late = theory.T4_constants(alpha=0.5, V=1.0, dE=0.001, beta=0.5, delay=delay)
    assert late.theta == tail.theta + 3.0
    assert tail_excess(run, lambda q, t: theory.T4_tail(late, q=q)) <= SLACK


# By hand, limits, failing hypotheses --------------------------------------------------------------------------------


@given(st.integers(1, 19), st.integers(0, 50), st.integers(0, 40), st.integers(1, 20), st.integers(0, 20))
@FEW
def test_T4_constants_in_exact_arithmetic(steps, V, dE, gain, e):
    alpha, V, dE, ebar = Fraction(steps, 20), Fraction(V, 10), Fraction(dE, 20), Fraction(e, 200)
    beta = (1 - alpha) * Fraction(gain, 20)
    assume(beta > 2 * ebar)
    gap, delta = beta - 2 * ebar, max(alpha, 1 - alpha)
    r = gap / 2 / (delta * delta + delta * gap / 6)
    rho, theta = 1 - r * gap / 4, max(1 - alpha, 2 * V * dE / gap)
    names = {"alpha": alpha, "V": V, "dE": dE, "beta": beta, "ebar": ebar}
    result = theory.T4_constants(**{name: float(x) for name, x in names.items()})
    np.testing.assert_allclose(result[:5], [float(x) for x in (gap / 2, theta, delta, r, rho)], rtol=1e-12)
    growth = sum(
        (r * delta) ** k / Fraction(int(np.prod(range(1, k + 1)))) for k in range(15)
    )  # e^{r delta}, r delta < 1
    log_D = float(r * theta) + float(np.log(float((growth - rho) / (1 - rho))))
    assert result.log_D == pytest.approx(log_D, rel=1e-9)
    assert result.log_D >= 0 and 0.5 < result.rho < 1
    if log_D < 700:
        assert pytest.approx(np.exp(log_D), rel=1e-6) == result.D


def test_T4_by_hand_and_beyond_float64():
    tail = theory.T4_constants(
        alpha=0.5, V=1.0, dE=1.0, beta=0.5
    )  # eta = .25, theta = 4, r = .25 / (.25 + .125/3) = 6/7
    D = (np.exp(3 / 7) - 25 / 28) * np.exp(24 / 7) * 28 / 3
    np.testing.assert_allclose(tail[:5], [0.25, 4.0, 0.5, 6 / 7, 25 / 28], rtol=1e-14)
    assert pytest.approx(D) == tail.D and theory.T4_queue(tail) == pytest.approx(np.log(D) * 7 / 6)
    assert theory.T4_tail(tail, q=10.0) == pytest.approx(D * np.exp(-60 / 7)) and theory.T4_tail(tail, q=1.0) == 1.0
    moment = 625 / 784 * np.exp(12 / 7) + 159 / 784 * D  # Q_1 = 2, t = 3
    assert theory.T4_log_moment(tail, Q_1=2.0, t=3) == pytest.approx(np.log(moment))
    assert theory.T4_tail(tail, q=9.0, Q_1=2.0, t=3) == pytest.approx(moment * np.exp(-54 / 7))
    large = theory.T4_constants(alpha=0.5, V=1e4, dE=1.0, beta=0.5)
    assert np.inf == large.D and theory.T4_queue(large) == pytest.approx(4e4 + theory.T4_queue(tail) - 4)
    assert theory.T4_tail(large, q=40006.0) == pytest.approx(theory.T4_tail(tail, q=10.0))


@given(st.tuples(positive, positive, positive, positive, positive), st.floats(0, 50), st.integers(1, 500))
@FEW
def test_T4_is_monotone_and_has_its_limits(numbers, Q_1, t):
    alpha, V, dE, gain, q = numbers
    tail = theory.T4_constants(alpha=alpha, V=V, dE=dE, beta=(1 - alpha) * gain)
    assume(tail.eta > 1e-4)
    moments = theory.T4_log_moment(tail, Q_1=Q_1, t=np.array([1, t, t + 1, 1e300]))
    assert moments[0] == pytest.approx(tail.r * Q_1, abs=1e-9) and moments[-1] == pytest.approx(tail.log_D, abs=1e-9)
    assert (np.diff(moments) * np.sign(tail.log_D - tail.r * Q_1) >= -SLACK).all()  # from the one to the other
    assert (moments <= theory.T4_log_moment(tail, Q_1=Q_1) + SLACK).all()
    levels = np.array([q, 10 * q, 100 * q, 1e6])
    assert (np.diff(theory.T4_tail(tail, q=levels, Q_1=Q_1, t=t)) <= 0).all()
    worse = theory.T4_constants(alpha=alpha, V=2 * V, dE=dE, beta=(1 - alpha) * gain)
    assert theory.T4_queue(worse) >= theory.T4_queue(tail)
    assert (theory.T9_tail(tail, q=levels, f=1.0, Q_1=Q_1, t=t) == theory.T4_tail(tail, q=levels, Q_1=Q_1, t=t)).all()


def test_bounds_whose_hypotheses_fail_bound_nothing():
    empty = theory.T4_constants(
        alpha=0.5, V=1.0, dE=1.0, beta=[0.0, -0.1, 0.2, 0.4], ebar=[0.0, 0.0, 0.1, 0.0], beta_M=[0.3, 0.3, 0.3, 0.19]
    )
    assert (np.inf == empty.D).all()
    for t in (None, 1, 7):
        assert (theory.T4_queue(empty, Q_1=2.0, t=t) == np.inf).all() and (
            theory.T4_tail(empty, q=1e9, Q_1=2.0, t=t) == 1
        ).all()
        assert (theory.T9_tail(empty, q=1e9, f=0.3, Q_1=2.0, t=t) == 1).all()
    assert np.isfinite(
        theory.T4_constants(alpha=0.5, V=1.0, dE=1.0, beta=0.4, ebar=0.0, beta_M=0.2).D
    )  # beta_M = eta is enough
    unknown = theory.T4_constants(alpha=0.5, V=1.0, dE=1.0, beta=np.nan)
    assert np.isnan(theory.T4_queue(unknown)) and np.isnan(theory.T4_tail(unknown, q=3.0, Q_1=1.0, t=7))
    assert theory.T10_cost(kappa=[0.1, 0.1], dE=1.0, beta=[0.05, -0.1]).tolist() == [np.inf, np.inf]
    assert theory.T10_kappa(lambda kappa: 0.0, T=10, beta=-0.1) == np.inf
    assert np.isnan(theory.T10_kappa(lambda kappa: 0.0, T=10, beta=np.nan))
    assert theory.T10_kappa_tail(zeta=0.1, T=1000, alpha=0.5, V=1.0, dE=1.0, beta=0.4, ebar=0.2) == np.inf


def test_T9_by_hand():
    arguments = {"V": 4.0, "gamma": 0.5, "B": 0.1, "T": 10, "P_T": 3.0, "beta_M": 0.1, "S_T": 1.0, "R_T": 0.4}
    assert theory.T9_queue(**arguments, f=0.375, Q_1=1.0) == pytest.approx(2 + np.sqrt(1 + 0.375 * 8))  # V g = 2
    assert theory.T9_queue(**arguments, f=1.0, Q_1=1.0) == theory.T1_queue_older(**arguments, Q_1=1.0)
    assert theory.T9_violation(**arguments, f=0.375, Q_1=1.0) == pytest.approx(3 / 3.75)
    # f = .5 and 1: 2 B (5 + 1.5) + 1.2 + 2 + .8 = 5.3
    assert theory.T9_violation(**arguments, f=0.5, f_explored=1) == pytest.approx((2 + 9.3**0.5) / 5 + 0.03)
    assert theory.T9_path_tail(u=6.0, T=8, f=0.5, delta=0.5) == pytest.approx(np.exp(-36 / 6))
    assert theory.T9_path_tail(u=[-1.0, 0.0], T=8, f=[0.5, 1.0], delta=0.5).tolist() == [1.0, 1.0]
    assert theory.T9_delayed_B(alpha=0.4, delay=3) == pytest.approx(0.18 + 3 * 0.36)


def test_T8_exponent():
    np.testing.assert_allclose(theory.T8_exponent(q=[0, 1 / 3, 1 / 2, 1]), [0, 1 / 4, 1 / 3, 1 / 2])
    q = 0.7  # where the cost per request at T is least: T^-a + T^-(1-a) q for T large
    a = np.linspace(0.01, 0.99, 981)
    assert a[np.maximum(-a, -(1 - a) * q).argmin()] == pytest.approx(theory.T8_exponent(q=q), abs=1e-3)


# Shapes and errors -------------------------------------------------------------------------------------------------

OLDER = "V gamma B T P_T beta_M S_T"
CASES = [
    (by_name(theory.T4_constants, "alpha V dE beta ebar beta_M delay"), [0.5, 2.0, 1.0, 0.4, 0.05, 0.3, 2.0]),
    (
        lambda q, Q_1, t: theory.T4_tail(
            theory.T4_constants(alpha=0.5, V=1.0, dE=1.0, beta=0.4), q=q, Q_1=Q_1, t=1 + t
        ),
        [30.0, 3.0, 5.0],
    ),
    (lambda V, Q_1: theory.T4_queue(theory.T4_constants(alpha=0.5, V=V, dE=1.0, beta=0.4), Q_1=Q_1), [3.0, 5.0]),
    (by_name(theory.T9_queue, f"{OLDER} f R_T Q_1"), [1.0, 2.0, 0.1, 7, 3.0, 0.1, 1.0, 0.5, 0.1, 0.2]),
    (by_name(theory.T9_violation, f"{OLDER} f", f_explored=1.0), [1.0, 2.0, 0.1, 7, 3.0, 0.1, 1.0, 0.5]),
    (by_name(theory.T9_path_tail, "u T f delta"), [3.0, 7, 0.5, 0.6]),
    (by_name(theory.T9_delayed_B, "alpha delay"), [0.6, 3.0]),
    (by_name(theory.T8_exponent, "q"), [0.5]),
    (by_name(theory.T10_cost, "kappa dE beta"), [0.1, 1.0, 0.2]),
    (
        by_name(theory.T10_kappa_tail, "zeta T alpha V dE beta ebar beta_M delay"),
        [0.5, 1000.0, 0.4, 1.0, 1.0, 0.5, 0.02, 0.4, 2.0],
    ),
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
        (lambda: theory.T8_exponent(q=-1.0), "q is -1, expected a non-negative rate"),
        (
            lambda: theory.T4_tail(theory.T4_constants(alpha=0.5, V=1, dE=1, beta=0.4), q=1.0, Q_1=0.0, t=[2, 0]),
            "t is 0, expected a request",
        ),
        (
            lambda: theory.T9_path_tail(u=1.0, T=10, f=[0.5, 0.0], delta=0.5),
            r"f is 0, expected a probability in \(0, 1\]",
        ),
        (
            lambda: theory.T9_forced(f=0.5, T=10, P_T=3.0, beta_M=0.2, f_explored=1.5),
            "f_explored is 1.5, expected a probability",
        ),
        (lambda: theory.T9_delayed_B(alpha=0.5, delay=-1), "delay is -1, expected a number of requests"),
        (lambda: theory.T10_cost(kappa=-0.1, dE=1.0, beta=0.2), "kappa is -0.1, expected a non-negative tightening"),
        (
            lambda: theory.T10_kappa_tail(zeta=0.0, T=10, alpha=0.5, V=1.0, dE=1.0, beta=0.2),
            "zeta is 0, expected a probability",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
