"""The exact solver against an enumeration of all paths in fractions, the identities, known values, and refusals."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from messjax.theory import exact, markov_laws, optimum, scheduled_laws
from messjax.types import Distribution

CLOSE = {"rel": 0, "abs": 1e-10}
TWO = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.3, 0.8]]))
EASY = Distribution(np.array([0.25, 0.75]), np.array([[0.0, 1.0], [0.5, 0.25]]), np.array([[0.5, 0.75], [0.75, 0.25]]))
HARD = Distribution(np.array([0.5, 0.5]), np.array([[0.25, 1.0], [0.0, 2.0]]), np.array([[0.25, 1.0], [0.0, 0.75]]))
STICKY = np.array([[0.75, 0.25], [0.5, 0.5]])


def enumerated(laws, V, alpha, T, s_hat, p):
    """E[Q_{T+1}], E[Q_{T+1}^2], costs, satisfied requests, D, S_T, U of MESS+ by all paths, in fractions."""
    F = Fraction
    totals = dict.fromkeys(("queue", "square", "cost", "satisfied", "D", "S", "U"), F(0))

    def visit(t, z_law, Q, weight, sums):
        if t == T:
            for name, value in {**sums, "queue": Q, "square": Q * Q}.items():
                totals[name] += weight * value
            return
        parts = range(len(laws.parts))
        for z, k, explored in itertools.product(parts, range(2), (False, True)):
            part = laws.parts[z]
            chance = weight * z_law[z] * F(part.weight[k]) * (F(p) if explored else 1 - F(p))
            if not chance:
                continue
            E, mu = ([F(value) for value in row[k]] for row in (part.cost, part.mean))
            guess = [F(value) for value in s_hat[z][k]]
            score = [V * e + Q * (alpha - s) for e, s in zip(E, guess, strict=True)]
            true = [V * e + Q * (alpha - m) for e, m in zip(E, mu, strict=True)]
            i = len(E) - 1 if explored else score.index(min(score))
            new = dict(sums, cost=sums["cost"] + (sum(E) if explored else E[i]))
            if not explored:
                new["D"] += true[i] - min(true)
                new["S"] += Q * max(abs(s - m) for s, m in zip(guess, mu, strict=True))
            if laws.transition is not None:
                following = [F(value) for value in laws.transition[z]]
            else:
                following = [F(value) for value in laws.shares[min(t + 1, T - 1)]]
            for label, likely in ((1, mu[i]), (0, 1 - mu[i])):
                if likely:
                    step = Q + alpha - label
                    after = dict(new, satisfied=new["satisfied"] + label, U=new["U"] + max(-step, F(0)))
                    visit(t + 1, following, max(step, F(0)), chance * likely, after)

    first = laws.stationary if laws.transition is not None else laws.shares[0]
    zero = {name: F(0) for name in ("cost", "satisfied", "D", "S", "U")}
    visit(0, [F(value).limit_denominator(100) for value in first], F(0), F(1), zero)
    return {name: float(value) for name, value in totals.items()}


@pytest.mark.parametrize("kind", ["fixed", "schedule", "markov"])
def test_transient_is_the_sum_over_all_paths(kind):
    T, alpha, V, p = 4, Fraction(2, 5), Fraction(1, 2), 0.125
    laws = {
        "fixed": scheduled_laws([EASY], np.ones((T, 1))),
        "schedule": scheduled_laws([EASY, HARD], [[1, 0], [0.5, 0.5], [0.25, 0.75], [0, 1]]),
        "markov": markov_laws([EASY, HARD], STICKY),
    }[kind]
    s_hat = [part.mean[:, ::-1] * 0.5 + 0.25 for part in laws.parts]
    want = enumerated(laws, V, alpha, T, s_hat, p)
    world, own = (EASY, s_hat[0]) if kind == "fixed" else (laws, s_hat)
    got = exact.transient(world, V=float(V), alpha=float(alpha), T=T, s_hat=own, p=p)
    assert got.queue[-1] == pytest.approx(want["queue"], **CLOSE)
    assert got.queue_square[-1] == pytest.approx(want["square"], **CLOSE)
    assert got.cost.sum() == pytest.approx(want["cost"], **CLOSE)
    assert got.satisfaction.sum() == pytest.approx(want["satisfied"], **CLOSE)
    assert got.decision_loss.sum() == pytest.approx(want["D"], **CLOSE) and want["D"] > 0.01
    assert got.error.sum() == pytest.approx(want["S"], **CLOSE)
    assert got.reflection.sum() == pytest.approx(want["U"], **CLOSE)
    assert got.states[-1] <= float(T * alpha) and got.probability.sum() == pytest.approx(1.0, **CLOSE)


@pytest.mark.parametrize("laws", [scheduled_laws([EASY, HARD], np.repeat(np.eye(2), 100, axis=0)),
                                  markov_laws([EASY, HARD], STICKY)])  # fmt: skip
def test_the_regret_of_moving_laws_is_its_loss_and_exploration(laws):
    T, alpha, p = 200, 0.4, 0.1
    run = exact.transient(laws, V=3.0, alpha=alpha, T=T, p=p)
    best = optimum.solve(laws.average, alpha)
    regret = run.cost.sum() - T * best.cost + best.gamma * (T * alpha - run.satisfaction.sum())
    average = laws.average
    E_all, mean_M = average.weight @ average.cost.sum(axis=1), average.weight @ average.mean[:, -1]
    explored = p * T * (E_all - best.cost + best.gamma * (alpha - mean_M))
    assert run.price == best.gamma and regret == pytest.approx(run.loss.sum() + explored, **CLOSE)
    # I4, and the drift as an identity (what is behind I1)
    moved = T * alpha - run.satisfaction.sum() + run.reflection.sum()
    assert run.queue[-1] == pytest.approx(moved, **CLOSE)


def test_stationary_values_are_the_limit_of_the_time_averages():
    # alpha = .7: Q mod 1 has period 10, and single checkpoints hit single phases (E[Q] = V gamma* + .82 on average)
    settled = exact.stationary(TWO, V=10.0, alpha=0.7)
    assert settled.queue == pytest.approx(20.0 + 0.817145121, abs=1e-8)
    assert settled.spread == pytest.approx(1.014643849, abs=1e-8)
    run = exact.transient(TWO, V=10.0, alpha=0.7, T=2_000, Q_1=20.0)
    assert run.queue[-11:-1].mean() == pytest.approx(settled.queue, **CLOSE)
    assert np.ptp(run.queue[-11:-1]) > 0.1
    assert run.cost[-10:].mean() == pytest.approx(settled.cost, **CLOSE)
    assert run.loss[-10:].mean() == pytest.approx(settled.loss, **CLOSE)


def test_stationary_values_of_a_markov_chain_and_of_exploration():
    laws = markov_laws([EASY, HARD], STICKY)
    settled = exact.stationary(laws, V=2.0, alpha=0.4, p=0.05)
    run = exact.transient(laws, V=2.0, alpha=0.4, T=1_500, p=0.05)
    assert run.queue[-6:-1].mean() == pytest.approx(settled.queue, **CLOSE)
    assert run.cost[-5:].mean() == pytest.approx(settled.cost, **CLOSE)
    # one state whose law is the average is another world: the dependence lengthens the queue
    assert settled.queue > exact.stationary(laws.average, V=2.0, alpha=0.4, p=0.05).queue + 0.01


def test_a_queue_below_a_price_that_never_returns_to_zero_settles():
    # mean 0 below the price, 1 above it: Q goes up to V gamma* = 5 and then in a circle
    settled = exact.stationary(
        Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]])), V=5.0, alpha=0.5
    )
    assert sorted(settled.states[settled.probability > 0]) == [5.0, 5.5]
    assert settled.cost == pytest.approx(0.5, **CLOSE) and settled.reflection == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": 2**-0.5}, "expected a fraction n/N with N at most 1,000"),
        ({"Q_1": 0.3}, "Q_1 is 0.3, expected a multiple of 1/2"),
        ({"T": 0}, "T is 0"),
        ({"V": -1.0}, "V is -1"),
        ({"p": 1.5}, "p contains 1.5"),
        ({"s_hat": [[0.5]]}, r"s_hat has shape \(1, 1\), expected \(1, 2\)"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(ValueError, match=message):
        exact.transient(TWO, **{"V": 1.0, "alpha": 0.5, "T": 3} | change)


def test_a_queue_that_does_not_settle_is_refused():
    with pytest.raises(ValueError, match="satisfaction 0.3, expected more than alpha = 0.5: it does not settle"):
        exact.stationary(TWO, V=1.0, alpha=0.5, s_hat=[[0.9, 0.1]])
    with pytest.raises(ValueError, match="laws by a schedule"):
        exact.stationary(scheduled_laws([TWO], np.ones((5, 1))), V=1.0, alpha=0.5)


def test_laws_refuse_what_is_none():
    with pytest.raises(ValueError, match="row 1 sums to 0.9"):
        scheduled_laws([EASY, HARD], [[1.0, 0.0], [0.4, 0.5]])
    with pytest.raises(ValueError, match="more than one stationary"):
        markov_laws([EASY, HARD], np.eye(2))
    with pytest.raises(ValueError, match="T is 9, expected at most 2"):
        scheduled_laws([EASY], np.ones((2, 1))).first(9)
    with pytest.raises(ValueError, match="parts have 2, 1 models"):
        markov_laws([EASY, Distribution(np.ones(1), np.ones((1, 1)), np.ones((1, 1)))], STICKY)
