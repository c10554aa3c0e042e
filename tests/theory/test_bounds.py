"""Path statements L1-L5, terms, limits and shapes of the bounds, and the exploration sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chains import by_name

from messjax import theory

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


# Path statements ------------------------------------------------------------------------------------------------


@given(st.lists(unit, min_size=1, max_size=30), unit, scale)
@FEW
def test_L1_L2_L3_on_paths(s, alpha, Q_1):
    queue, s = path(s, alpha, Q_1), np.array(s)
    T = np.arange(1, len(s) + 1)
    assert (alpha - np.cumsum(s) / T <= theory.L1_violation(Q_last=queue[1:], T=T, Q_1=Q_1) + SLACK).all()
    window = len(s) // 2
    assert (
        alpha - s[window:].mean() <= theory.L1_violation(Q_last=queue[-1], T=len(s) - window, Q_1=queue[window]) + SLACK
    )
    drift = (queue[1:] ** 2 - queue[:-1] ** 2) / 2
    exact, uniform = theory.L2_drift(Q=queue[:-1], s=s, alpha=alpha)
    assert (drift <= exact + SLACK).all()
    assert (exact <= uniform + SLACK).all()
    low, high = theory.L3_increment(alpha=alpha)
    assert (np.diff(queue) >= low - SLACK).all()
    assert (np.diff(queue) <= high + SLACK).all()


def test_L1_wrong_variants_are_refuted():
    # The queue before the last request, instead of after it.
    assert theory.L1_violation(Q_last=path([0.0], 0.5)[0], T=1) < 0.5 - 0.0
    # An equality: reflection at zero loses the surplus.
    queue = path([1.0, 0.0], 0.5)
    assert theory.L1_violation(Q_last=queue[-1], T=2) > 0.5 - 0.5
    # The start counted with the wrong sign.
    queue = path([0.0], 0.5, Q_1=1.0)
    assert (
        theory.L1_violation(Q_last=queue[-1], T=1, Q_1=1.0)
        == 0.5
        < theory.L1_violation(Q_last=queue[-1], T=1, Q_1=-1.0)
    )


def test_L2_wrong_variants_are_refuted():
    queue = path([0.0], 0.5)
    drift = (queue[1] ** 2 - queue[0] ** 2) / 2
    exact, uniform = theory.L2_drift(Q=0.0, s=0.0, alpha=0.5)
    assert drift == exact == uniform == 0.125
    assert drift > uniform - 0.125 / 2  # half of B is not enough
    assert theory.L2_drift(Q=0.0, s=0.0, alpha=0.9).exact > 0.1**2 / 2  # neither is min(alpha, 1 - alpha) for delta


def test_L3_wrong_variants_are_refuted():
    low, high = theory.L3_increment(alpha=0.2)
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
    truth = theory.L4_score(V=V, cost=cost, Q=Q, alpha=alpha, s_hat=mu)
    tolerance = SLACK * (1 + V * cost.max() + Q)
    for belief, error in ((cost, 0.0), (estimate, eps)):
        served = theory.L4_score(V=V, cost=belief, Q=Q, alpha=alpha, s_hat=s_hat).argmin()
        right = theory.L5_bound(V=V, cost=cost, Q=Q, alpha=alpha, mu=mu, e=e, eps=error)
        assert (truth[served] <= right + tolerance).all()
        mixture = (raw + 1e-3) / (raw + 1e-3).sum()
        assert truth[served] <= mixture @ right + tolerance


def test_L5_wrong_variants_are_refuted():
    # Serves model 0 for its optimistic prediction; model 1 is better by nearly 2 e.
    V, cost, Q, alpha, mu, s_hat = 1.0, np.zeros(2), 1.0, 0.5, np.array([0.5, 0.69]), np.array([0.6, 0.59])
    e = np.abs(s_hat - mu).max()
    served = theory.L4_score(V=V, cost=cost, Q=Q, alpha=alpha, s_hat=s_hat).argmin()
    left = theory.L4_score(V=V, cost=cost, Q=Q, alpha=alpha, s_hat=mu)[served]
    assert served == 0
    assert left <= theory.L5_bound(V=V, cost=cost, Q=Q, alpha=alpha, mu=mu, e=e).min()
    assert left > theory.L5_bound(V=V, cost=cost, Q=Q, alpha=alpha, mu=mu, e=e / 2).min()  # e in place of 2 e
    assert left > theory.L5_bound(V=V, cost=cost, Q=Q, alpha=alpha, mu=mu, e=0.0).min()
    # The same for estimated costs.
    cost, estimate, mu = np.array([0.69, 0.5]), np.array([0.59, 0.6]), np.zeros(2)
    served = theory.L4_score(V=V, cost=estimate, Q=Q, alpha=alpha, s_hat=mu).argmin()
    left = theory.L4_score(V=V, cost=cost, Q=Q, alpha=alpha, s_hat=mu)[served]
    assert left <= theory.L5_bound(V=V, cost=cost, Q=Q, alpha=alpha, mu=mu, e=0.0, eps=0.1).min() + SLACK
    assert left > theory.L5_bound(V=V, cost=cost, Q=Q, alpha=alpha, mu=mu, e=0.0, eps=0.05).min()


def test_L4_score_by_hand():
    np.testing.assert_allclose(
        theory.L4_score(V=2.0, cost=[1.0, 3.0], Q=4.0, alpha=0.5, s_hat=[0.25, 0.75]), [3.0, 5.0]
    )
    batch = theory.L4_score(V=[1.0, 2.0], cost=[[1.0, 3.0], [1.0, 3.0]], Q=[4.0, 0.0], alpha=0.5, s_hat=[0.25, 0.75])
    np.testing.assert_allclose(batch, [[2.0, 2.0], [2.0, 6.0]])


# Terms, limits, shapes ---------------------------------------------------------------------------------------------


def test_T2_terms_by_hand_and_their_sum():
    terms = theory.T2_cost_terms(V=2.0, B=0.25, T=10, P_T=3.0, E_all=4.0, C_star=1.0, S_T=5.0, R_T=8.0, Q_1=2.0)
    np.testing.assert_allclose(terms, (0.125, 0.9, 0.5, 0.4, 0.1))
    assert terms.total == pytest.approx(2.025)


def test_T1_by_hand():
    sharp = {"V": 4.0, "gamma": 0.5, "B": 0.1, "T": 10, "S_T": 1.0, "R_T": 1.5}  # sqrt(2 + 4 + 3) = 3 above V g = 2
    assert theory.T1_queue(**sharp, Q_1=1.0) == pytest.approx(5.0)
    assert theory.T1_queue(**sharp, Q_1=6.0) == pytest.approx(7.0)  # sqrt(4^2 + 9) = 5
    assert theory.T1_violation(**sharp, Q_1=1.0) == pytest.approx(0.4)
    # V g = 2, so sqrt((2 - 1)^2 + 2 + 1.2 + 4 + .8) = 3.
    queue = theory.T1_queue_older(V=4.0, gamma=0.5, B=0.1, T=10, P_T=3.0, beta_M=0.1, S_T=1.0, R_T=0.4, Q_1=1.0)
    assert queue == pytest.approx(5.0)
    violation = theory.T1_violation_older(V=4.0, gamma=0.5, B=0.1, T=10, P_T=3.0, beta_M=0.1, S_T=1.0, R_T=0.4, Q_1=1.0)
    assert violation == pytest.approx(0.4)
    assert theory.T1_queue_slater(T=10, B=0.1, V=1.0, dE=0.25, error_sum=0.5, Q_1=3.0) == pytest.approx(5.0)
    assert (
        theory.T1_queue_older(V=1.0, gamma=1.0, B=0.0, T=10, P_T=10, beta_M=-1.0, S_T=0.0) == 1.0
    )  # a negative radicand is read as zero
    assert theory.T3_queue(V=2.0, B=0.25, dE=0.5, beta=0.5, beta_M=0.25, exploration_queue=1.0, T=1) == pytest.approx(
        3.0
    )


def test_limits():
    free = theory.T2_cost_terms(V=0.0, B=0.125, T=10, P_T=0.0, E_all=1.0, C_star=0.5, S_T=0.0)
    assert free.total == np.inf and free.prediction == 0.0 and free.start == 0.0
    large = theory.T2_cost_terms(V=1e12, B=0.125, T=10, P_T=0.0, E_all=1.0, C_star=0.5, S_T=1.0)
    assert large.total == pytest.approx(0.0, abs=1e-12)
    # V -> 0: only the queue's own noise and the predictor remain.
    assert theory.T1_queue_older(V=0.0, gamma=3.0, B=0.125, T=100, P_T=5.0, beta_M=0.2, S_T=0.0) == pytest.approx(
        np.sqrt(2 * 0.125 * 100)
    )
    # A queue started at V gamma* (warm start) cannot do worse than one started empty.
    assert theory.T1_violation_older(
        V=10.0, gamma=2.0, B=0.125, T=50, P_T=5.0, beta_M=0.2, S_T=0.0, Q_1=20.0
    ) < theory.T1_violation_older(V=10.0, gamma=2.0, B=0.125, T=50, P_T=5.0, beta_M=0.2, S_T=0.0)
    assert theory.T3_queue(V=1.0, B=0.125, dE=0.5, beta=0.0, beta_M=0.1, exploration_queue=0.0, T=1) == np.inf
    assert np.isnan(theory.T3_queue(V=1.0, B=0.125, dE=0.5, beta=np.nan, beta_M=0.1, exploration_queue=0.0, T=1))
    assert np.isnan(theory.T2_cost_terms(V=np.nan, B=0.1, T=10, P_T=1.0, E_all=1.0, C_star=0.5, S_T=0.0).total)


def test_T1_has_the_stated_order_in_T_and_V():
    T = np.geomspace(1e6, 1e12, 7)
    P_T = theory.exploration_sum_bound(T=T, c=0.1, a=0.25)

    def slope(V):
        violation = theory.T1_violation_older(V=V, gamma=2.0, B=0.125, T=T, P_T=P_T, beta_M=0.2, S_T=T * 0.0)
        return np.polyfit(np.log(T), np.log(violation), 1)[0]

    assert slope(1.0) == pytest.approx(-0.5, abs=0.02)
    assert slope(1e12 * np.ones(7)) == pytest.approx(-1.0, abs=0.02)


OLDER = "V gamma B T P_T beta_M S_T R_T Q_1"
CASES = [
    (by_name(theory.exploration_probability, "t c a"), [7, 0.3, 0.25]),
    (by_name(theory.exploration_sum, "T c a"), [7, 0.3, 0.25]),
    (by_name(theory.exploration_sum_bound, "T c a"), [7, 0.3, 0.25]),
    (by_name(theory.L1_violation, "Q_last T Q_1"), [3.0, 7, 0.5]),
    (by_name(theory.L2_drift, "Q s alpha"), [3.0, 1.0, 0.6]),
    (by_name(theory.L3_increment, "alpha"), [0.6]),
    (by_name(theory.T1_queue, "V gamma B T S_T R_T Q_1"), [1.0, 2.0, 0.1, 7, 1.0, 0.1, 0.2]),
    (by_name(theory.T1_queue, "V gamma B T S_T exploration_queue beta_M"), [1.0, 2.0, 0.1, 7, 1.0, 0.1, -0.2]),
    (by_name(theory.T1_violation, "V gamma B T S_T R_T Q_1"), [1.0, 2.0, 0.1, 7, 1.0, 0.1, 0.2]),
    (by_name(theory.T1_queue_older, OLDER), [1.0, 2.0, 0.1, 7, 3.0, 0.1, 1.0, 0.1, 0.2]),
    (by_name(theory.T1_violation_older, OLDER), [1.0, 2.0, 0.1, 7, 3.0, 0.1, 1.0, 0.1, 0.2]),
    (by_name(theory.T1_queue_slater, "T B V dE error_sum Q_1"), [7, 0.1, 1.0, 0.5, 0.3, 0.2]),
    (by_name(theory.T2_cost_terms, "V B T P_T E_all C_star S_T R_T Q_1"), [1.0, 0.1, 7, 3.0, 2.0, 0.5, 1.0, 0.1, 0.2]),
    (by_name(theory.T3_queue, "V B T dE beta beta_M exploration_queue"), [1.0, 0.1, 7, 0.5, 0.2, 0.1, 0.3]),
    (
        by_name(theory.T5_adjusted_regret, "cost_sum satisfaction_sum T C_star gamma alpha"),
        [3.0, 4.0, 7, 0.5, 2.0, 0.6],
    ),
    (lambda P_T, T: theory.T7_interval(P_T=P_T, T=T, level=0.9), [3.0, 7]),
    (lambda level: theory.T7_interval(P_T=3.0, T=7, level=0.1 + level / 2), [0.9]),
]


@pytest.mark.parametrize(
    ("function", "arguments"), CASES, ids=[f"{function.__name__} {i}" for i, (function, _) in enumerate(CASES)]
)
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
    assert theory.exploration_probability(t=1, c=0.1, a=0.25) == pytest.approx(0.1)
    assert theory.exploration_probability(t=16, c=0.1, a=0.25) == pytest.approx(0.05)
    assert theory.exploration_probability(t=16, c=10.0, a=0.25) == 1.0
    assert theory.exploration_sum(T=3, c=1.0, a=1.0) == pytest.approx(1 + 1 / 2 + 1 / 3)
    assert theory.exploration_sum(T=0, c=1.0, a=1.0) == 0.0
    np.testing.assert_allclose(
        theory.exploration_sum(T=[2, 4], c=[[1.0], [0.5]], a=1.0), [[1.5, 25 / 12], [0.75, 25 / 24]]
    )


@given(st.integers(1, 2000), st.floats(0.0, 20.0), st.floats(0.0, 0.99))
@FEW
def test_exploration_sum_is_below_its_bound(T, c, a):
    exact, bound = theory.exploration_sum(T=T, c=c, a=a), theory.exploration_sum_bound(T=T, c=c, a=a)
    assert exact == pytest.approx(sum(min(1.0, c * t**-a) for t in range(1, T + 1)))
    assert exact <= bound + SLACK * T
    # The bound is off by at most the first term where no probability is capped.
    if c <= 1:
        assert bound - exact <= c / (1 - a) + SLACK


def test_T7_interval_covers_and_a_third_of_it_does_not():
    T = 300
    p = theory.exploration_probability(t=np.arange(1, T + 1), c=1.0, a=0.25)
    law_of_count = np.ones(1)
    for p_t in p:
        law_of_count = np.convolve(law_of_count, [1 - p_t, p_t])
    low, high = theory.T7_interval(P_T=p.sum(), T=T, level=0.9)
    count = np.arange(T + 1)
    centre, half = (low + high) / 2, (high - low) / 2
    assert centre == pytest.approx(law_of_count @ count)
    assert law_of_count[(count >= low) & (count <= high)].sum() >= 0.9
    assert law_of_count[np.abs(count - centre) <= half / 3].sum() < 0.9
    assert theory.T7_interval(P_T=1.0, T=4, level=0.99) == (0.0, 4.0)
    np.testing.assert_allclose(
        theory.T7_interval(P_T=4.0, T=8, level=0.9), (0.53836, 7.46164), atol=1e-5
    )  # 4 -+ 2 sqrt(log 20)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.exploration_probability(t=0, c=0.1, a=0.25), "t is 0, expected a request number"),
        (lambda: theory.exploration_probability(t=[1, 2], c=-0.1, a=0.25), "c is -0.1"),
        (lambda: theory.exploration_probability(t=1, c=0.1, a=[0.25, -1.0]), "a is -1"),
        (lambda: theory.exploration_sum(T=2.5, c=0.1, a=0.25), "T is 2.5, expected a count"),
        (lambda: theory.exploration_sum(T=[3, -1], c=0.1, a=0.25), "T is -1, expected a count"),
        (lambda: theory.exploration_sum_bound(T=10, c=0.1, a=1.0), r"a is 1, expected an exponent in \[0, 1\)"),
        (lambda: theory.T7_interval(P_T=1.0, T=10, level=1.0), "level is 1, expected a probability"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
