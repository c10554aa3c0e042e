"""T12 and T13 on exact chains, T6 for finitely many types, and the limits that bounds are held against."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from messjax import streams, theory
from messjax.theory import exact, markov_laws, optimum, scheduled_laws
from messjax.types import Distribution

SLACK = 1e-10
EASY = Distribution(np.array([0.5, 0.5]), np.array([[0.0, 1.0], [0.25, 1.0]]), np.array([[0.9, 0.95], [0.6, 0.9]]))
HARD = Distribution(np.array([0.5, 0.5]), np.array([[0.0, 1.0], [0.25, 1.0]]), np.array([[0.1, 0.8], [0.2, 0.7]]))
FREE = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[1.0, 1.0]]))
DEAR = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]]))


def switching(sojourn):
    return np.array([[1 - 1 / sojourn, 1 / sojourn], [1 / sojourn, 1 - 1 / sojourn]])


def random_world(rng):
    """Laws of up to three parts, an attainable alpha, V, T, predictions, exploration and a start."""
    parts = []
    K, M, Z = rng.integers(1, 4), rng.integers(1, 4), rng.integers(1, 4)
    for _ in range(Z):
        weight = rng.dirichlet(np.ones(K))
        parts.append(Distribution(weight / weight.sum(), rng.random((K, M)).round(2), rng.random((K, M)).round(2)))
    T, N = int(rng.choice([5, 20, 80])), int(rng.choice([2, 5, 10]))
    if rng.random() < 0.5:
        stay = rng.choice([0.0, 0.9])
        P = stay * np.eye(Z) + (1 - stay) * (0.95 * rng.dirichlet(np.ones(Z), size=Z) + 0.05 / Z)
        laws = markov_laws(parts, P / P.sum(axis=1, keepdims=True))
    else:
        laws = scheduled_laws(parts, np.eye(Z)[np.sort(rng.integers(0, Z, T))])
    top = int(optimum.largest_alpha(laws.average) * N - 1e-9)
    s_hat = [np.clip(part.mean + rng.choice([0.0, 0.3]) * rng.normal(size=part.mean.shape), 0, 1) for part in parts]
    alpha = int(rng.integers(1, top + 1)) / N if top else None
    return laws, alpha, 10.0 ** rng.uniform(-1, 1.5), T, s_hat, float(rng.choice([0.0, 0.3])), float(rng.choice([0, 5]))


def inputs_of(run, laws, alpha, V, T, Q_1):
    best, constants = optimum.solve(laws.average, alpha), theory.distribution_constants(laws.average, alpha)
    return theory.BoundInputs.at(
        constants, best, V=V, T=T, P_T=run.p.sum(), D_T=run.decision_loss.sum(), Q_1=Q_1,
        D_above=run.decision_loss_above.sum(), exploration_queue=run.explored_queue.sum(),
    )  # fmt: skip


def test_T12_and_T13_hold_on_random_exact_chains():
    rng, seen = np.random.default_rng(14), {"T12": 0, "T13": 0}
    for _ in range(120):
        laws, alpha, V, T, s_hat, c, Q_1 = random_world(rng)
        if alpha is None:
            continue
        p = theory.exploration_probability(t=np.arange(1, T + 1), c=c, a=0.25)
        run = exact.transient(laws, V=V, alpha=alpha, T=T, s_hat=s_hat, p=p, Q_1=Q_1)
        inputs = inputs_of(run, laws, alpha, V, T, Q_1)
        gap, moves = run.cost.mean() - inputs.C_star, T * alpha + (1 - 2 * alpha) * run.satisfaction.sum()
        if laws.transition is not None:
            known = theory.T13_constants(laws, alpha)
            options = {"modulated": known, "moves": moves}
            assert gap <= theory.T13_cost(inputs, largest_queue=run.queue.max(), **options) + SLACK
            assert run.queue[-1] <= theory.T13_queue(inputs, **options) + SLACK
            seen["T13"] += 1
        try:
            moving = theory.T12_constants(laws, alpha, T=T, c=c, a=0.25)
        except ValueError:
            continue  # alpha is out of reach under one of the laws
        assert run.cost.mean() - moving.C_star <= theory.T12_cost(inputs, moving=moving) + SLACK
        assert run.queue[-1] <= theory.T12_queue(inputs, moving=moving) + SLACK
        assert -SLACK <= moving.C_star - moving.C_average <= moving.variation + SLACK
        seen["T12"] += 1
    assert min(seen.values()) > 30


def test_T2_fails_where_T12_and_T13_speak():
    # free satisfaction first, then expensive requests: C* of the average law is out of reach for a queue
    laws = scheduled_laws([FREE, DEAR], np.repeat(np.eye(2), 300, axis=0))
    run = exact.transient(laws, V=2.0, alpha=0.5, T=600)
    inputs = inputs_of(run, laws, 0.5, 2.0, 600, 0.0)
    moving = theory.T12_constants(laws, 0.5, T=600)
    gap = run.cost.mean() - inputs.C_star
    assert gap > theory.T2_prime_cost(inputs) + 0.1
    assert run.cost.mean() - moving.C_star <= theory.T12_cost(inputs, moving=moving)
    assert (moving.C_star, moving.C_average) == (pytest.approx(0.25), pytest.approx(0.0))
    assert moving.variation == pytest.approx(0.25)  # attained
    # two laws that a slow chain selects
    calm = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.9, 0.95]]))
    rough = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.1, 0.8]]))
    slow, T = markov_laws([calm, rough], switching(160)), 2_000
    run = exact.transient(slow, V=5.0, alpha=0.7, T=T)
    inputs = inputs_of(run, slow, 0.7, 5.0, T, 0.0)
    gap, moves = run.cost.mean() - inputs.C_star, T * 0.7 - 0.4 * run.satisfaction.sum()
    assert gap > theory.T2_prime_cost(inputs)
    known = theory.T13_constants(slow, 0.7)
    bound = theory.T13_cost(inputs, modulated=known, moves=moves, largest_queue=run.queue.max())
    assert gap <= bound < 25 * gap


def test_R_prime_fails_where_explored_requests_are_no_fair_sample():
    """Models get cheaper while exploration falls: explored requests cost more than E_all. Exact, without sampling."""
    free, paid = (Distribution(np.ones(1), np.array([[0.0, cost]]), np.array([[0.5, 0.9]])) for cost in (0.0, 2.0))
    T, later = 1_000, (np.arange(1_000) + 0.5) / 1_000
    p = theory.exploration_probability(t=np.arange(1, T + 1), c=1.0, a=0.5)
    drift, mixed = (scheduled_laws([paid, free], np.stack([1 - u, u], axis=1)) for u in (later, np.full(T, 0.5)))
    for laws, holds in ((drift, False), (mixed, True)):
        run = exact.transient(laws, V=100.0, alpha=0.1, T=T, p=p)
        inputs = inputs_of(run, laws, 0.1, 100.0, T, 0.0)
        assert (inputs.gamma, inputs.C_star) == (pytest.approx(0.0), pytest.approx(0.0))  # the regret is the cost
        bound = theory.R_prime_regret(inputs, W_T=run.noise.sum(), VG_T=-run.dual.sum())
        assert run.cost.mean() <= bound if holds else run.cost.mean() > bound + 0.01


def test_constants_of_a_hidden_chain():
    known = theory.T13_constants(markov_laws([EASY, HARD], switching(20)), 0.7)
    assert known.tau == pytest.approx((20 - 2) / 4)
    assert known.e0 == 0.0 and known.inversion == 0.0
    # prices between 0 and the largest: at 0 the cheapest models' means differ by .75 - .15
    assert known.spread == pytest.approx(0.6)
    assert theory.T13_constants(markov_laws([EASY, HARD], np.full((2, 2), 0.5)), 0.7).tau == pytest.approx(
        0.0, abs=1e-12
    )
    assert theory.T13_constants(markov_laws([EASY, HARD], np.eye(2)[::-1]), 0.7).tau == np.inf
    with pytest.raises(ValueError, match="laws by a schedule"):
        theory.T13_constants(scheduled_laws([EASY], np.ones((5, 1))), 0.7)


@pytest.mark.parametrize("shown", [True, False])
def test_streams_know_the_laws_of_their_requests(shown):
    first, last = streams.types(EASY), streams.types(HARD)
    drift = streams.drift(first, last, 4, shown=shown).laws(4)
    np.testing.assert_allclose(drift.shares[:, 1], [0.125, 0.375, 0.625, 0.875])
    chain = streams.chain((first, 3), (last, 1), shown=shown).laws(4)
    np.testing.assert_array_equal(chain.shares.argmax(axis=1), [0, 0, 0, 1])
    np.testing.assert_array_equal(
        streams.change(first, last, 3, shown=shown).laws(5).shares.argmax(axis=1), [0, 0, 1, 1, 1]
    )
    np.testing.assert_allclose(
        streams.modulated([first, last], switching(9), shown=shown).laws(7).transition, switching(9)
    )
    assert first.laws is None and streams.chain((chain_of(first, last), 2)).laws is None  # a part that is not i.i.d.
    np.testing.assert_allclose(drift.average.mean, np.concatenate([EASY.mean, HARD.mean]))


def chain_of(first, last):
    return streams.drift(first, last, 4)


def test_the_cost_gap_of_a_smooth_dual_and_of_a_hidden_chain_tends_to_a_quarter_of_the_variance():
    K = 400
    gain = (np.arange(K) + 0.5) / K

    def smooth(base, width):
        return Distribution(
            np.full(K, 1 / K), np.tile([0.0, 1.0], (K, 1)), np.stack([0 * gain + base, base + width * gain], 1)
        )

    law = smooth(0.1, 0.8)
    settled = exact.stationary(law, V=40.0, alpha=0.4)
    limit = theory.heuristic_smooth_gap(V=40.0, variance=0.24)
    assert settled.cost - optimum.solve(law, 0.4).cost == pytest.approx(limit, rel=0.01)
    assert settled.spread == pytest.approx(
        theory.heuristic_smooth_spread(V=40.0, variance=0.24, curvature=curvature(law, 0.4)), rel=0.03
    )
    slow = markov_laws([smooth(0.2, 0.6), smooth(0.4, 0.6)], switching(20))
    variance = theory.long_run_variance(slow, 0.5)
    assert variance == pytest.approx(0.25 + 2 * 0.01 * (18 / 20) / (1 - 18 / 20))  # +-.1, correlated by .9 a request
    settled = exact.stationary(slow, V=40.0, alpha=0.5)
    limit = theory.heuristic_smooth_gap(V=40.0, variance=variance)
    assert settled.cost - optimum.solve(slow.average, 0.5).cost == pytest.approx(limit, rel=0.03)


def curvature(law, alpha):
    g, h = optimum.solve(law, alpha).gamma, 0.3
    return -(optimum.dual(law, alpha, g + h) - 2 * optimum.dual(law, alpha, g) + optimum.dual(law, alpha, g - h)) / h**2


THREE = Distribution(
    np.array([0.5, 0.3, 0.2]), np.tile([0.0, 1.0], (3, 1)), np.array([[0.3, 0.8], [0.3, 0.6], [0.3, 0.5]])
)


def test_the_regret_of_finitely_many_types_falls_exponentially_and_within_its_bound():
    near = theory.T6_neighbours(THREE, 0.5)
    assert (near.below, near.above) == (-np.inf, pytest.approx(10 / 3))
    lost = []
    for V in (8.0, 16.0, 32.0):
        lost.append(exact.stationary(THREE, V=V, alpha=0.5).loss)
        assert lost[-1] <= theory.T6_finite_types(THREE, V=V, alpha=0.5) + SLACK
    best = optimum.solve(THREE, 0.5)
    slope = (best.cost - optimum.dual(THREE, 0.5, near.above)) / (near.above - best.gamma)
    rate = theory.T6_decay_rate(alpha=0.5, eta=slope) * (near.above - best.gamma)
    assert np.log(lost[1] / lost[2]) == pytest.approx(16 * rate, rel=0.02)
    assert theory.T6_finite_types(THREE, V=64.0, alpha=0.5) < 1e-10
    # with exploration, and two models that cost the same: an empty queue may serve the worse of them
    tie = Distribution(np.array([0.5, 0.5]), np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([[0.2, 0.4], [0.3, 0.9]]))
    for V, p in ((1.0, 0.0), (6.0, 0.1)):
        settled, best = exact.stationary(tie, V=V, alpha=0.5, p=p), optimum.solve(tie, 0.5)
        regret = settled.cost - best.cost + best.gamma * settled.violation
        assert regret <= theory.T6_finite_types(tie, V=V, alpha=0.5, p=p) + SLACK


@pytest.mark.parametrize("T", [10, 100, 1_000])
def test_the_lower_bound_is_below_the_best_policy_that_is_told_everything(T):
    """Serve the cheap model first, at the end the expensive one with more successes: Bayes' rule for both worlds."""
    bound = theory.lower_bound(T)
    assert bound.regret >= theory.lower_bound(T, gap=0.13 / np.sqrt(T)).regret >= 0.024 * np.sqrt(T)
    e, regret, satisfied = bound.gap, 0.0, 0.0
    for n in range(T - 1, -1, -1):  # n requests' labels are known
        k = np.arange(n + 1)
        better, worse = stats.binom.pmf(k, n, 0.5 + e / 2), stats.binom.pmf(k, n, 0.5 - e / 2)
        wrong = better @ (1 - np.cumsum(worse)) + 0.5 * (better @ worse)
        mean = 0.5 + e / 2 - e * wrong
        share = min(1.0, (0.2 * T - satisfied) / mean)
        satisfied, regret = satisfied + share * mean, regret + share * 2 * e / (1 + e) * wrong
        if share < 1:
            break
    assert satisfied == pytest.approx(0.2 * T) and bound.regret <= regret <= 1.8 * bound.regret
    for world in bound.worlds:  # what the proof says of a world
        best = optimum.solve(world, 0.25)
        assert (best.gamma, best.cost) == (pytest.approx(2 / (1 + e)), pytest.approx(0.5 / (1 + e)))
    assert theory.T5_cost_floor(gamma=2.0, violation=0.1) == pytest.approx(-0.2)
    with pytest.raises(ValueError, match="violation is 0.3"):
        theory.lower_bound(T, violation=0.3)
