"""bounds: path statements on random instances, mean statements on exact Markov chains, refuted variants, limits.

For few request types, scores in {0, 1} and alpha a fraction, the queue of MESS+ with a fixed predictor is a Markov
chain on a lattice: its expectations are computed without sampling, so T1, T2, T3 and T5 are tested without statistics.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from messjax import bounds, optimum
from messjax.types import Law

FEW = settings(max_examples=100, deadline=None)
SLACK = 1e-9
unit = st.floats(0.0, 1.0)
scale = st.floats(0.0, 100.0)


def path(s, alpha, Q_1=0.0):
    """Q_1, ..., Q_{T+1}."""
    queue = [Q_1]
    for score in s:
        queue.append(max(0.0, queue[-1] + alpha - score))
    return np.array(queue)


class Run(NamedTuple):
    """Exact expectations of one run."""

    queue: np.ndarray  # [T + 1] E[Q_t], t = 1..T+1
    last_square: float  # E[Q_{T+1}^2]
    cost: float  # E[sum of all that was queried]
    satisfaction: float  # E[sum s_t]


def chain(law, steps, n, V, p, s_hat=None, start=0, tied=1.0):
    """MESS+ with alpha = steps / n, fixed s_hat [K, M], Q_1 = start / n, exploration probability p[t] tied[k]."""
    weight, cost, mean = (np.asarray(x, float) for x in law[:3])
    s_hat = mean if s_hat is None else np.asarray(s_hat, float)
    Q = np.arange(len(p) * steps + start + 1 + n) / n
    served = np.stack([bounds.L4_score(V, c, Q, steps / n, g).argmin(-1) for c, g in zip(cost, s_hat, strict=True)])
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

    constants: optimum.Constants
    best: optimum.Optimum
    P_T: float
    S_T: float
    R_T: float
    error_sum: float
    ebar: float
    exploration_queue: float


def know(law, alpha, p, s_hat, run):
    weight, mean = np.asarray(law.weight, float), np.asarray(law.mean, float)
    e = np.abs(np.asarray(s_hat, float) - mean).max(axis=1)
    const = optimum.constants(law, alpha)
    explored = float(p @ run.queue[:-1])
    return Known(
        const,
        optimum.solve(law, alpha),
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
    return bounds.T1_queue(**arguments | {"S_T": known.S_T, "R_T": known.R_T} | change)


def T2(known, V, T, **change):
    arguments = {"V": V, "B": known.constants.B, "T": T, "P_T": known.P_T, "E_all": known.constants.E_all}
    arguments |= {"C_star": known.best.cost, "S_T": known.S_T, "R_T": known.R_T}
    return bounds.T2_cost_terms(**arguments | change)


# Path statements ------------------------------------------------------------------------------------------------


@given(st.lists(unit, min_size=1, max_size=30), unit, scale)
@FEW
def test_L1_L2_L3_on_paths(s, alpha, Q_1):
    queue, s = path(s, alpha, Q_1), np.array(s)
    T = np.arange(1, len(s) + 1)
    assert (alpha - np.cumsum(s) / T <= bounds.L1_violation(queue[1:], T, Q_1) + SLACK).all()
    window = len(s) // 2
    assert alpha - s[window:].mean() <= bounds.L1_violation(queue[-1], len(s) - window, queue[window]) + SLACK
    drift = (queue[1:] ** 2 - queue[:-1] ** 2) / 2
    exact, uniform = bounds.L2_drift(queue[:-1], s, alpha)
    assert (drift <= exact + SLACK).all()
    assert (exact <= uniform + SLACK).all()
    low, high = bounds.L3_increment(alpha)
    assert (np.diff(queue) >= low - SLACK).all()
    assert (np.diff(queue) <= high + SLACK).all()


def test_L1_wrong_variants_are_refuted():
    # The queue before the last request, instead of after it.
    assert bounds.L1_violation(path([0.0], 0.5)[0], 1) < 0.5 - 0.0
    # An equality: reflection at zero loses the surplus.
    queue = path([1.0, 0.0], 0.5)
    assert bounds.L1_violation(queue[-1], 2) > 0.5 - 0.5
    # The start counted with the wrong sign.
    queue = path([0.0], 0.5, Q_1=1.0)
    assert bounds.L1_violation(queue[-1], 1, 1.0) == 0.5 < bounds.L1_violation(queue[-1], 1, -1.0)


def test_L2_wrong_variants_are_refuted():
    queue = path([0.0], 0.5)
    drift = (queue[1] ** 2 - queue[0] ** 2) / 2
    exact, uniform = bounds.L2_drift(0.0, 0.0, 0.5)
    assert drift == exact == uniform == 0.125
    assert drift > uniform - 0.125 / 2  # half of B is not enough
    assert bounds.L2_drift(0.0, 0.0, 0.9).exact > 0.1**2 / 2  # neither is min(alpha, 1 - alpha) for delta


def test_L3_wrong_variants_are_refuted():
    low, high = bounds.L3_increment(0.2)
    fall, rise = np.diff(path([1.0, 0.0], 0.2, 10.0))
    assert (fall, rise) == (pytest.approx(low), pytest.approx(high))  # both limits are attained
    assert fall < -high and rise < -low  # and they are not symmetric


@st.composite
def decisions(draw):
    """One exploit step: V, cost, Q, alpha, mu, s_hat and an estimate of the costs."""
    M = draw(st.integers(1, 5))
    row = st.lists(unit, min_size=M, max_size=M).map(np.array)
    cost = draw(row) * draw(scale)
    return draw(scale), cost, draw(scale), draw(unit), draw(row), draw(row), cost + draw(row) - draw(row), draw(row)


@given(decisions())
@FEW
def test_L5_on_decisions_for_every_model_and_mixture(case):
    V, cost, Q, alpha, mu, s_hat, estimate, raw = case
    e, eps = np.abs(s_hat - mu).max(), np.abs(estimate - cost).max()
    truth = bounds.L4_score(V, cost, Q, alpha, mu)
    tolerance = SLACK * (1 + V * cost.max() + Q)
    for belief, error in ((cost, 0.0), (estimate, eps)):
        served = bounds.L4_score(V, belief, Q, alpha, s_hat).argmin()
        right = bounds.L5_bound(V, cost, Q, alpha, mu, e, error)
        assert (truth[served] <= right + tolerance).all()
        mixture = (raw + 1e-3) / (raw + 1e-3).sum()
        assert truth[served] <= mixture @ right + tolerance


def test_L5_wrong_variants_are_refuted():
    # Serves model 0 for its optimistic prediction; model 1 is better by nearly 2 e.
    V, cost, Q, alpha, mu, s_hat = 1.0, np.zeros(2), 1.0, 0.5, np.array([0.5, 0.69]), np.array([0.6, 0.59])
    e = np.abs(s_hat - mu).max()
    served = bounds.L4_score(V, cost, Q, alpha, s_hat).argmin()
    left = bounds.L4_score(V, cost, Q, alpha, mu)[served]
    assert served == 0
    assert left <= bounds.L5_bound(V, cost, Q, alpha, mu, e).min()
    assert left > bounds.L5_bound(V, cost, Q, alpha, mu, e / 2).min()  # e in place of 2 e
    assert left > bounds.L5_bound(V, cost, Q, alpha, mu, 0.0).min()
    # The same for estimated costs.
    cost, estimate, mu = np.array([0.69, 0.5]), np.array([0.59, 0.6]), np.zeros(2)
    served = bounds.L4_score(V, estimate, Q, alpha, mu).argmin()
    left = bounds.L4_score(V, cost, Q, alpha, mu)[served]
    assert left <= bounds.L5_bound(V, cost, Q, alpha, mu, 0.0, eps=0.1).min() + SLACK
    assert left > bounds.L5_bound(V, cost, Q, alpha, mu, 0.0, eps=0.05).min()


def test_L4_score_by_hand():
    np.testing.assert_allclose(bounds.L4_score(2.0, [1.0, 3.0], 4.0, 0.5, [0.25, 0.75]), [3.0, 5.0])
    batch = bounds.L4_score([1.0, 2.0], [[1.0, 3.0], [1.0, 3.0]], [4.0, 0.0], 0.5, [0.25, 0.75])
    np.testing.assert_allclose(batch, [[2.0, 2.0], [2.0, 6.0]])


# Mean statements on exact chains ----------------------------------------------------------------------------------


@st.composite
def worlds(draw):
    """A law, an attainable alpha = steps / n, V, a schedule p, predictions off by a drawn amount, a start n Q_1."""
    K, M, n = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.sampled_from([2, 5]))
    cells = st.lists(st.integers(0, 20), min_size=K * M, max_size=K * M)
    cost, mean, noise = (np.reshape(draw(cells), (K, M)) / 20 for _ in range(3))
    weight = np.array(draw(st.lists(st.integers(1, 5), min_size=K, max_size=K)), float)
    law = Law(weight / weight.sum(), 3.0 * cost, mean)
    steps = draw(st.integers(0, n))
    assume(steps / n <= optimum.largest_alpha(law))
    s_hat = np.clip(mean + (noise - 0.5) * draw(st.sampled_from([0.0, 0.1, 1.0, 2.0])), 0, 1)
    T, c, a = draw(st.integers(1, 60)), draw(st.sampled_from([0.0, 0.1, 1.0, 5.0])), draw(unit)
    p = bounds.exploration_probability(np.arange(1, T + 1), c, a)
    return law, steps, n, draw(st.sampled_from([0.1, 1.0, 10.0])), p, s_hat, draw(st.sampled_from([0, 0, 3, 25]))


@given(worlds())
@FEW
def test_T1_T2_T3_T5_hold_exactly(world):
    law, steps, n, V, p, s_hat, start = world
    alpha, T, Q_1, run = steps / n, len(p), start / n, chain(*world)
    known = know(law, alpha, p, s_hat, run)
    c, best = known.constants, known.best
    assert run.queue[-1] <= T1(known, V, T, Q_1=Q_1) + SLACK
    arguments = (V, best.gamma, c.B, T, known.P_T, c.beta_M, known.S_T, known.R_T, Q_1)
    assert alpha - run.satisfaction / T <= bounds.T1_violation(*arguments) + SLACK
    if c.beta_M >= 0:
        assert np.sqrt(run.last_square) <= bounds.T1_queue_slater(T, c.B, V, c.dE, known.error_sum, Q_1) + SLACK
    assert run.cost / T - best.cost <= T2(known, V, T, Q_1=Q_1).total + SLACK
    if start == 0:
        b = c.beta - 2 * known.ebar
        assert run.queue[:-1].mean() <= bounds.T3_queue(V, c.B, c.dE, b, c.beta_M, known.exploration_queue) + SLACK
    adjusted = bounds.T5_adjusted_regret(run.cost, run.satisfaction, T, best.cost, best.gamma, alpha)
    assert adjusted >= -SLACK * T * (1 + best.gamma)


@given(worlds(), st.integers(0, 2))
@FEW
def test_T3_for_any_model_as_pi0(world, model):
    law, steps, n, V, p, s_hat, _ = world
    run = chain(*world[:-1])
    known = know(law, steps / n, p, s_hat, run)
    model = min(model, law.cost.shape[1] - 1)
    dE = law.weight @ (law.cost[:, model] - law.cost.min(axis=1))
    b = law.weight @ law.mean[:, model] - steps / n - 2 * known.ebar
    bound = bounds.T3_queue(V, known.constants.B, dE, b, known.constants.beta_M, known.exploration_queue)
    assert run.queue[:-1].mean() <= bound + SLACK


def test_T1_needs_twice_B_and_four_S():
    # One fair model at alpha: the queue is a reflected random walk, about .4 sqrt(T) against sqrt(2 B T) = .5 sqrt(T).
    law, p = Law([1.0], [[0.0]], [[0.5]]), np.zeros(400)
    run = chain(law, 1, 2, 1.0, p)
    known = know(law, 0.5, p, law.mean, run)
    assert T1(known, 1.0, 400, B=known.constants.B / 2) < run.queue[-1] <= T1(known, 1.0, 400)
    # Equal predictions: always the cheapest, Q_t = (t - 1)/2, and T1 is tight through S_T.
    law, s_hat = Law([1.0], [[0.0, 0.01]], [[0.0, 0.5]]), [[0.25, 0.25]]
    run = chain(law, 1, 2, 1.0, p, s_hat)
    known = know(law, 0.5, p, s_hat, run)
    assert run.queue[-1] == 200.0 <= T1(known, 1.0, 400) < 210.0
    assert T1(known, 1.0, 400, S_T=known.S_T / 2) < 200.0
    c = known.constants
    assert bounds.T1_queue_slater(400, c.B, 1.0, c.dE, known.error_sum) >= 200.0
    assert bounds.T1_queue_slater(400, c.B, 1.0, c.dE, known.error_sum / 2) < 200.0


def test_T1_and_T3_need_the_terms_of_a_largest_model_that_misses_alpha():
    law, p = Law([1.0], [[0.0, 0.5, 1.0]], [[0.1, 0.9, 0.2]]), np.ones(300)
    run = chain(law, 3, 5, 1.0, p)
    known = know(law, 0.6, p, law.mean, run)
    assert run.queue[-1] == pytest.approx(0.4 * 300, abs=1)
    assert T1(known, 1.0, 300, R_T=0.0) < run.queue[-1] <= T1(known, 1.0, 300)
    arguments = (1.0, known.constants.B, 0.5, 0.3, known.constants.beta_M)  # pi0 = the second model
    assert bounds.T3_queue(*arguments, 0.0) < run.queue[:-1].mean()
    assert run.queue[:-1].mean() <= bounds.T3_queue(*arguments, known.exploration_queue)


def test_T3_needs_twice_the_error():
    # Equal predictions make the cheapest win; b with ebar in place of 2 ebar is positive, yet the queue grows.
    law, p, s_hat = Law([1.0], [[0.0, 0.01]], [[0.4, 0.9]]), np.zeros(400), [[0.65, 0.65]]
    run = chain(law, 1, 2, 1.0, p, s_hat)
    assert run.queue[:-1].mean() > bounds.T3_queue(1.0, 0.125, 0.01, 0.4 - 0.25, 0.4, 0.0)
    assert bounds.T3_queue(1.0, 0.125, 0.01, 0.4 - 0.5, 0.4, 0.0) == np.inf


def test_T2_fails_when_exploration_is_tied_to_the_request():
    law = Law([0.7, 0.3], [[0.1, 1.0], [0.2, 5.0]], [[0.6, 0.9], [0.2, 0.95]])
    T = 1000
    p = np.full(T, 0.5)
    run = chain(law, 3, 5, 1.0, p, tied=np.array([0.0, 1.0]))  # only the second type, the dear one
    known = know(law, 0.6, p * 0.3, law.mean, run)
    assert run.cost / T - known.best.cost > T2(known, 1.0, T).total
    # The same number of explored requests, independent of the type.
    run = chain(law, 3, 5, 1.0, p * 0.3)
    known = know(law, 0.6, p * 0.3, law.mean, run)
    assert run.cost / T - known.best.cost <= T2(known, 1.0, T).total
    run = chain(law, 3, 5, 1.0, 2 * p)
    assert run.cost / T - known.best.cost > T2(known, 1.0, T, P_T=0.0).total  # exploration has to be paid


def test_T5_excludes_cascades_and_allows_everything_settled_before_the_labels():
    law, alpha = Law([1.0], [[0.1, 0.2]], [[0.5, 0.7]]), 0.6
    best = optimum.solve(law, alpha)
    assert (best.cost, best.gamma) == (pytest.approx(0.15), pytest.approx(0.5))
    # Query 1, then 2 on failure: always satisfied, at .1 + .5 * .2 per request.
    assert bounds.T5_adjusted_regret(20.0, 100.0, 100, best.cost, best.gamma, alpha) == pytest.approx(-15.0)
    # Always the cheapest reaches zero, with a violation of .1: adjusted regret is no ranking.
    assert bounds.T5_adjusted_regret(10.0, 50.0, 100, best.cost, best.gamma, alpha) == pytest.approx(0.0)


# Terms, limits, shapes ---------------------------------------------------------------------------------------------


def test_T2_terms_by_hand_and_their_sum():
    terms = bounds.T2_cost_terms(V=2.0, B=0.25, T=10, P_T=3.0, E_all=4.0, C_star=1.0, S_T=5.0, R_T=8.0, Q_1=2.0)
    np.testing.assert_allclose(terms, (0.125, 0.9, 0.5, 0.4, 0.1))
    assert terms.total == pytest.approx(2.025)


def test_T1_by_hand():
    # V g = 2, so sqrt((2 - 1)^2 + 2 + 1.2 + 4 + .8) = 3.
    queue = bounds.T1_queue(V=4.0, gamma=0.5, B=0.1, T=10, P_T=3.0, beta_M=0.1, S_T=1.0, R_T=0.4, Q_1=1.0)
    assert queue == pytest.approx(5.0)
    violation = bounds.T1_violation(V=4.0, gamma=0.5, B=0.1, T=10, P_T=3.0, beta_M=0.1, S_T=1.0, R_T=0.4, Q_1=1.0)
    assert violation == pytest.approx(0.4)
    assert bounds.T1_queue_slater(T=10, B=0.1, V=1.0, dE=0.25, error_sum=0.5, Q_1=3.0) == pytest.approx(5.0)
    assert bounds.T1_queue(1.0, 1.0, 0.0, 10, 10, -1.0, 0.0) == 1.0  # a negative radicand is read as zero
    assert bounds.T3_queue(V=2.0, B=0.25, dE=0.5, b=0.5, beta_M=0.25, exploration_queue=1.0) == pytest.approx(3.0)


def test_limits():
    free = bounds.T2_cost_terms(V=0.0, B=0.125, T=10, P_T=0.0, E_all=1.0, C_star=0.5, S_T=0.0)
    assert free.total == np.inf and free.prediction == 0.0 and free.start == 0.0
    large = bounds.T2_cost_terms(V=1e12, B=0.125, T=10, P_T=0.0, E_all=1.0, C_star=0.5, S_T=1.0)
    assert large.total == pytest.approx(0.0, abs=1e-12)
    # V -> 0: only the queue's own noise and the predictor remain.
    assert bounds.T1_queue(0.0, 3.0, 0.125, 100, 5.0, 0.2, 0.0) == pytest.approx(np.sqrt(2 * 0.125 * 100))
    # A queue started at V gamma* (warm start) cannot do worse than one started empty.
    assert bounds.T1_violation(10.0, 2.0, 0.125, 50, 5.0, 0.2, 0.0, Q_1=20.0) < bounds.T1_violation(
        10.0, 2.0, 0.125, 50, 5.0, 0.2, 0.0
    )
    assert bounds.T3_queue(1.0, 0.125, 0.5, 0.0, 0.1, 0.0) == np.inf
    assert np.isnan(bounds.T3_queue(1.0, 0.125, 0.5, np.nan, 0.1, 0.0))
    assert np.isnan(bounds.T2_cost_terms(np.nan, 0.1, 10, 1.0, 1.0, 0.5, 0.0).total)


def test_T1_has_the_stated_order_in_T_and_V():
    T = np.geomspace(1e6, 1e12, 7)
    P_T = bounds.exploration_sum_bound(T, 0.1, 0.25)

    def slope(V):
        violation = bounds.T1_violation(V, 2.0, 0.125, T, P_T, 0.2, T * 0.0)
        return np.polyfit(np.log(T), np.log(violation), 1)[0]

    assert slope(1.0) == pytest.approx(-0.5, abs=0.02)
    assert slope(1e12 * np.ones(7)) == pytest.approx(-1.0, abs=0.02)


CASES = [
    (bounds.exploration_probability, [7, 0.3, 0.25]),
    (bounds.exploration_sum, [7, 0.3, 0.25]),
    (bounds.exploration_sum_bound, [7, 0.3, 0.25]),
    (bounds.L1_violation, [3.0, 7, 0.5]),
    (bounds.L2_drift, [3.0, 1.0, 0.6]),
    (bounds.L3_increment, [0.6]),
    (bounds.T1_queue, [1.0, 2.0, 0.1, 7, 3.0, 0.1, 1.0, 0.1, 0.2]),
    (bounds.T1_violation, [1.0, 2.0, 0.1, 7, 3.0, 0.1, 1.0, 0.1, 0.2]),
    (bounds.T1_queue_slater, [7, 0.1, 1.0, 0.5, 0.3, 0.2]),
    (bounds.T2_cost_terms, [1.0, 0.1, 7, 3.0, 2.0, 0.5, 1.0, 0.1, 0.2]),
    (bounds.T3_queue, [1.0, 0.1, 0.5, 0.2, 0.1, 0.3]),
    (bounds.T5_adjusted_regret, [3.0, 4.0, 7, 0.5, 2.0, 0.6]),
    (lambda P_T, T: bounds.T7_interval(P_T, T, 0.9), [3.0, 7]),
    (lambda level: bounds.T7_interval(3.0, 7, 0.1 + level / 2), [0.9]),
]


@pytest.mark.parametrize(("function", "arguments"), CASES, ids=[function.__name__ for function, _ in CASES])
def test_every_argument_broadcasts(function, arguments):
    for i, argument in enumerate(arguments):
        # Whole numbers stay whole, and everything stays in its range.
        grid = np.array([[7, 14, 7], [1, 2, 3]]) if argument == 7 else argument * np.array([[0.5, 0.2, 1], [1, 0.1, 0]])
        parts = function(*arguments[:i], grid, *arguments[i + 1 :])
        many = np.stack([np.broadcast_to(part, (2, 3)) for part in (parts if isinstance(parts, tuple) else (parts,))])
        for where, value in np.ndenumerate(grid):
            one = function(*arguments[:i], value, *arguments[i + 1 :])
            assert all(np.ndim(part) == 0 for part in (one if isinstance(one, tuple) else (one,)))
            np.testing.assert_allclose(many[:, *where], np.atleast_1d(one), rtol=1e-14)


# Exploration ------------------------------------------------------------------------------------------------------


def test_exploration_schedule():
    assert bounds.exploration_probability(1, 0.1, 0.25) == pytest.approx(0.1)
    assert bounds.exploration_probability(16, 0.1, 0.25) == pytest.approx(0.05)
    assert bounds.exploration_probability(16, 10.0, 0.25) == 1.0
    assert bounds.exploration_sum(3, 1.0, 1.0) == pytest.approx(1 + 1 / 2 + 1 / 3)
    assert bounds.exploration_sum(0, 1.0, 1.0) == 0.0
    np.testing.assert_allclose(bounds.exploration_sum([2, 4], [[1.0], [0.5]], 1.0), [[1.5, 25 / 12], [0.75, 25 / 24]])


@given(st.integers(1, 2000), st.floats(0.0, 20.0), st.floats(0.0, 0.99))
@FEW
def test_exploration_sum_is_below_its_bound(T, c, a):
    exact, bound = bounds.exploration_sum(T, c, a), bounds.exploration_sum_bound(T, c, a)
    assert exact == pytest.approx(sum(min(1.0, c * t**-a) for t in range(1, T + 1)))
    assert exact <= bound + SLACK * T
    # The bound is off by at most the first term where no probability is capped.
    if c <= 1:
        assert bound - exact <= c / (1 - a) + SLACK


def test_T7_interval_covers_and_a_third_of_it_does_not():
    T = 300
    p = bounds.exploration_probability(np.arange(1, T + 1), 1.0, 0.25)
    law_of_count = np.ones(1)
    for p_t in p:
        law_of_count = np.convolve(law_of_count, [1 - p_t, p_t])
    low, high = bounds.T7_interval(p.sum(), T, 0.9)
    count = np.arange(T + 1)
    centre, half = (low + high) / 2, (high - low) / 2
    assert centre == pytest.approx(law_of_count @ count)
    assert law_of_count[(count >= low) & (count <= high)].sum() >= 0.9
    assert law_of_count[np.abs(count - centre) <= half / 3].sum() < 0.9
    assert bounds.T7_interval(1.0, 4, 0.99) == (0.0, 4.0)
    np.testing.assert_allclose(bounds.T7_interval(4.0, 8, 0.9), (0.53836, 7.46164), atol=1e-5)  # 4 -+ 2 sqrt(log 20)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.exploration_probability(0, 0.1, 0.25), "t is 0, expected a request number"),
        (lambda: bounds.exploration_probability([1, 2], -0.1, 0.25), "c is -0.1"),
        (lambda: bounds.exploration_probability(1, 0.1, [0.25, -1.0]), "a is -1"),
        (lambda: bounds.exploration_sum(2.5, 0.1, 0.25), "T is 2.5, expected a count"),
        (lambda: bounds.exploration_sum([3, -1], 0.1, 0.25), "T is -1, expected a count"),
        (lambda: bounds.exploration_sum_bound(10, 0.1, 1.0), r"a is 1, expected an exponent in \[0, 1\)"),
        (lambda: bounds.T7_interval(1.0, 10, 1.0), "level is 1, expected a probability"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
