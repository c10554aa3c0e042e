"""T6 and the sharp form of T1: on chains whose laws are computed exactly, by hand, and refuted where made too small."""

from __future__ import annotations

import warnings
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from support.chains import FEW, SLACK, Run, chain, error, tail_excess, worlds

from messjax import theory
from messjax.theory import dual_shape, optimum
from messjax.types import Distribution

KINK = Distribution([1.0], [[0.0, 1.0]], [[0.3, 0.8]])  # at alpha = .5: gamma* = 2, slopes .2 below and -.3 above


def mirrored(run: Run) -> Run:
    """The laws of -Q, for tails below."""
    return run._replace(queues=[{-Q: w for Q, w in distribution.items()} for distribution in run.queues])


def pulls(distribution, alpha, V, ebar=0.0, beta_M=0.0, p=0.0, h=None):
    best, h = optimum.solve(distribution, alpha), np.geomspace(1e-3, 3.0, 20) if h is None else h
    up = (best.cost - optimum.dual(distribution, alpha, best.gamma + h)) / h
    down = (best.cost - optimum.dual(distribution, alpha, np.maximum(best.gamma - h, 0.0))) / h
    above = theory.T6_above(
        alpha=alpha, V=V, gamma=best.gamma, h=h, eta=up, ebar=ebar, beta_M=beta_M if p > 0 else np.inf
    )
    return above, theory.T6_below(alpha=alpha, V=V, gamma=best.gamma, h=h, eta=down, ebar=ebar, beta_M=beta_M, p=p)


@given(worlds())
@FEW
def test_T1_sharp_and_T6_hold_exactly(world):
    distribution, steps, n, V, p, s_hat, start, *_ = world
    alpha, Q_1, T = steps / n, start / n, len(p)
    run = chain(distribution, steps, n, V, p, s_hat, start)
    k, best, e, Q = (
        theory.distribution_constants(distribution, alpha),
        optimum.solve(distribution, alpha),
        error(distribution, s_hat),
        run.mean(),
    )
    S_T, X = float((1 - p) @ Q[:-1]) * e, float(p @ Q[:-1])
    R_T = max(0.0, -k.beta_M) * X
    assert Q[-1] <= theory.T1_queue(V=V, gamma=best.gamma, B=k.B, T=T, S_T=S_T, R_T=R_T, Q_1=Q_1) + SLACK
    if V > 0 and T - p.sum() > 1e-9:
        price = float((1 - p) @ Q[:-1]) / (T - p.sum()) / V
        gap = theory.T6_gap(
            V=V, gamma=best.gamma, B=k.B, T=T, P_T=p.sum(), beta_M=k.beta_M, S_T=S_T, exploration_queue=X, Q_1=Q_1
        )
        assert best.cost - optimum.dual(distribution, alpha, price) <= gap + SLACK
    above, below = pulls(distribution, alpha, V, e, k.beta_M, float(p[0]))
    assert (
        tail_excess(run, lambda q, t: theory.T6_tail(above, u=q - above.theta, start=Q_1 - above.theta, requests=t - 1))
        <= SLACK
    )
    down = mirrored(run)
    assert (
        tail_excess(
            down, lambda q, t: theory.T6_tail(below, u=q + below.theta, start=below.theta - Q_1, requests=t - 1)
        )
        <= SLACK
    )
    if above.theta >= Q_1:
        spread = sum(w * (Q - V * best.gamma) ** 2 for Q, w in run.queues[-1].items())
        bound = theory.T6_spread(V=V, gamma=best.gamma, above=above, below=below, start=below.theta - Q_1, requests=T)
        assert spread <= bound * (1 + SLACK)


def test_the_slopes_of_a_kink_by_hand():
    above, below = pulls(KINK, 0.5, 100.0)
    assert above.eta == pytest.approx(0.3) and below.eta == pytest.approx(0.2)
    assert above.theta == pytest.approx(200.1) and below.theta == pytest.approx(199.9)
    r = above.r
    assert above.rho == pytest.approx(0.2 * np.exp(r / 2) + 0.8 * np.exp(-r / 2))  # the very law: .8 are satisfied
    assert np.exp(above.log_K) == pytest.approx((np.exp(r / 2) - above.rho) / (1 - above.rho))
    gap = theory.T6_gap(V=100.0, gamma=2.0, B=0.125, T=10_000, P_T=0.0, beta_M=0.3, S_T=0.0)
    assert gap == pytest.approx(0.125 / 100 + 200**2 / 2 / (100 * 10_000))
    assert (
        theory.T6_gap(V=1.0, gamma=2.0, B=0.125, T=10, P_T=10, beta_M=0.3, S_T=0.0)
        == theory.T6_gap(V=0.0, gamma=2.0, B=0.125, T=10, P_T=0, beta_M=0.3, S_T=0.0)
        == np.inf
    )
    u = theory.T6_level(above, probability=0.05)
    assert theory.T6_tail(above, u=u) == pytest.approx(0.05) and theory.T6_tail(above, u=-1.0) == 1.0


def test_the_spread_at_a_kink_is_bounded_whatever_V():
    at = []
    for V in (1.0, 30.0, 1000.0):
        above, below = pulls(KINK, 0.5, V, h=np.array([1e-3 / V]))
        at.append(theory.T6_spread(V=V, gamma=2.0, above=above, below=below))
    assert max(at) < 1.001 * min(at) < 20.0
    run = chain(KINK, 1, 2, 10.0, np.zeros(400))
    assert sum(w * (Q - 20.0) ** 2 for Q, w in run.queues[-1].items()) < at[0]


def test_what_is_too_small_is_refuted():
    run = chain(KINK, 1, 2, 10.0, np.zeros(600))
    above, below = pulls(KINK, 0.5, 10.0)
    for pull, side, sign in ((above, run, 1), (below, mirrored(run), -1)):
        start = sign * (0.0 - pull.theta)

        def excess(pull, side=side, sign=sign, start=start):
            return tail_excess(
                side, lambda q, t: theory.T6_tail(pull, u=q - sign * pull.theta, start=start, requests=t - 1)
            )

        assert excess(pull) <= SLACK
        assert excess(pull._replace(theta=pull.theta - sign * 6.0)) > 0.1
        assert excess(pull._replace(log_K=-2.0)) > 0.01
    last = run.mean()[-1]
    assert last > 10.0 * 2.0 * 0.5 + theory.T1_queue(V=0.0, gamma=2.0, B=0.125, T=600, S_T=0.0) * 0.25  # V g is needed
    late = chain(Distribution([1.0], [[0.0]], [[0.5]]), 1, 2, 1.0, np.zeros(60))  # and so is B: a walk at alpha
    assert (
        theory.T1_queue(V=1.0, gamma=0.0, B=0.05, T=60, S_T=0.0)
        < late.mean()[-1]
        <= theory.T1_queue(V=1.0, gamma=0.0, B=0.125, T=60, S_T=0.0)
    )


def test_the_first_form_of_T1_needs_no_exploration():
    """Wherever beta_M >= 0 the sharp form is below it, so that no instance needs its term in P_T."""
    rng = np.random.default_rng(0)
    V, g, B, T, P_T, beta_M, S, R, Q_1 = rng.uniform(0, 3, (9, 1_000))
    assert (
        theory.T1_queue(V=V, gamma=g, B=B, T=T, S_T=S, R_T=R, Q_1=Q_1)
        <= theory.T1_queue_older(V=V, gamma=g, B=B, T=T, P_T=P_T, beta_M=beta_M, S_T=S, R_T=R, Q_1=Q_1) + SLACK
    ).all()


def test_silence_and_errors():
    flat = theory.T6_above(alpha=0.5, V=1.0, gamma=2.0, h=[0.1], eta=[0.0])
    assert flat.r == 0.0 and theory.T6_tail(flat, u=1e9) == 1.0 and theory.T6_level(flat, probability=0.1) == np.inf
    steep = theory.T6_below(alpha=0.5, V=1.0, gamma=2.0, h=[0.1], eta=[0.2])
    assert (
        theory.T6_spread(V=1.0, gamma=2.0, above=flat, below=steep)
        == theory.T6_spread(V=1.0, gamma=2.0, above=steep, below=flat)
        == np.inf
    )
    assert theory.T6_below(alpha=0.5, V=1.0, gamma=2.0, h=[2.5], eta=[0.2]).r == 0.0  # below zero there is nothing
    assert theory.T6_above(alpha=0.5, V=1.0, gamma=2.0, h=[0.1], eta=[0.2], ebar=0.01).r == 0.0  # .2 - .02 (1 + 20)
    assert theory.T6_below(alpha=0.5, V=1.0, gamma=2.0, h=[0.1], eta=[0.2], beta_M=0.4, p=0.5).r == 0.0
    for call in (theory.T6_above, theory.T6_below):
        with pytest.raises(ValueError, match="h is 0, expected a positive distance"):
            call(alpha=0.5, V=1.0, gamma=2.0, h=[0.1, 0.0], eta=[0.2, 0.2])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_constants_of_a_pull_are_those_of_exact_arithmetic_and_never_warn(sign):
    """F11: 1 - rho and G - rho were differences of numbers near 1, and at alpha = 1 a logarithm of less than zero."""
    with warnings.catch_warnings(), localcontext(prec=60):
        warnings.simplefilter("error")
        for alpha in (0.0, 0.1, 0.5, 0.9, 0.999, 1.0):
            for slope in (1e-6, 1e-4, 0.01, 0.1, 0.4):
                pull = dual_shape.best_pull(np.array([3.0]), np.array([slope]), alpha, sign)
                if not pull.r:
                    assert slope == 1e-6 or alpha == (1.0 if sign > 0 else 0.0)  # too weak, or no step back to take
                    continue
                r, eta, a = (Decimal(float(each)) for each in (pull.r, pull.eta, alpha))
                if sign > 0:
                    rho, growth = (r * a).exp() * (1 - (a + eta) * (1 - (-r).exp())), (r * a).exp()
                else:
                    rho, growth = (-r * a).exp() * (1 + (a - eta) * (r.exp() - 1)), (r * (1 - a)).exp()
                exact = ((growth - rho) / (1 - rho)).ln()
                assert abs(float(exact) - pull.log_K) < 1e-8, (alpha, slope)  # 2e-5 before
