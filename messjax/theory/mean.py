"""T1, T2, T3 and T5: expectations of violation, cost, queue and adjusted regret. Proofs in docs/theory.md."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import floats, over
from messjax.theory.paths import L1_violation


class CostTerms(NamedTuple):
    """The five terms of T2, each in cost unit per request. [M25] has the first three as orders."""

    control: Any  # B / V
    exploration: Any  # (E_all - C*) P_T / T
    prediction: Any  # 2 S_T / (V T)
    inversion: Any  # R_T / (V T)
    start: Any  # Q_1^2 / (2 V T)

    @property
    def total(self) -> Any:
        """What T2 allows average cost - C* to be, in expectation."""
        return self.control + self.exploration + self.prediction + self.inversion + self.start


def T1_queue(
    V: ArrayLike,
    gamma: ArrayLike,
    B: ArrayLike,
    T: ArrayLike,
    P_T: ArrayLike,
    beta_M: ArrayLike,
    S_T: ArrayLike,
    R_T: ArrayLike = 0.0,
    Q_1: ArrayLike = 0.0,
) -> Any:
    """T1 (mean), first form. With g = gamma*, any maximiser of the dual:

        E[Q_{T+1}] <= V g + sqrt((V g - Q_1)^2 + 2 B T + 2 V g beta_M P_T + 4 S_T + 2 R_T).

    Needs i.i.d. requests, costs known before routing, alpha attainable with a finite gamma*, an exploration coin
    independent of the request (A1, A2, A4, A7). Says little where S_T is of order T^2: a predictor that cannot tell the
    models apart lets the queue grow linearly. Constants re-derived here; [M25] has the order.

    In truth the radicand is non-negative; a negative one comes of the sampling error of S_T and R_T and is read as
    zero.
    """
    V, gamma, B, T, P_T, beta_M, S_T, R_T, Q_1 = floats(V, gamma, B, T, P_T, beta_M, S_T, R_T, Q_1)
    level = V * gamma
    radicand = (level - Q_1) ** 2 + 2.0 * B * T + 2.0 * level * beta_M * P_T + 4.0 * S_T + 2.0 * R_T
    return level + np.sqrt(np.maximum(radicand, 0.0))


def T1_queue_sharp(
    V: ArrayLike,
    gamma: ArrayLike,
    B: ArrayLike,
    T: ArrayLike,
    S_T: ArrayLike,
    R_T: ArrayLike = 0.0,
    Q_1: ArrayLike = 0.0,
) -> Any:
    """T1 (mean), sharp form. With g = gamma*, any maximiser of the dual:

        E[Q_{T+1}] <= V g + sqrt(max(0, Q_1 - V g)^2 + 2 B T + 4 S_T + 2 R_T).

    Hypotheses of `T1_queue`, and below it wherever beta_M >= 0: neither (V g)^2 nor exploration adds to the root, as
    only what lies above V g has to be bounded. S_T and R_T are as large as they are while Q_t > V g: what is passed may
    be the whole. By `L1_violation` it bounds the violation, too. Re-derived here; not in [M25].
    """
    V, gamma, B, T, S_T, R_T, Q_1 = floats(V, gamma, B, T, S_T, R_T, Q_1)
    level = V * gamma
    return level + np.sqrt(np.maximum(np.maximum(Q_1 - level, 0.0) ** 2 + 2.0 * B * T + 4.0 * S_T + 2.0 * R_T, 0.0))


def T1_violation(
    V: ArrayLike,
    gamma: ArrayLike,
    B: ArrayLike,
    T: ArrayLike,
    P_T: ArrayLike,
    beta_M: ArrayLike,
    S_T: ArrayLike,
    R_T: ArrayLike = 0.0,
    Q_1: ArrayLike = 0.0,
) -> Any:
    """T1 (mean), first form, for the constraint: E[alpha - (1/T) sum s_t] <= (bound of `T1_queue` - Q_1) / T, by L1.

    Of order V/T + 1/sqrt(T) + sqrt(V) T^(-(1+a)/2) when S_T is at most of order T. Hypotheses as in `T1_queue`;
    constants re-derived here.
    """
    return L1_violation(T1_queue(V, gamma, B, T, P_T, beta_M, S_T, R_T, Q_1), T, Q_1)


def T1_queue_slater(
    T: ArrayLike, B: ArrayLike, V: ArrayLike, dE: ArrayLike, error_sum: ArrayLike = 0.0, Q_1: ArrayLike = 0.0
) -> Any:
    """T1 (mean), second form, without gamma*:

        sqrt(E[Q_{T+1}^2]) <= sqrt(2 T (B + V dE) + Q_1^2) + 2 sum_t (1 - p_t) sqrt(E[e_t^2]),

    where error_sum is the sum over t. Needs what the first form needs but no gamma*, and beta >= 0 for the pi0 of
    dE and beta_M >= 0. It bounds E[Q_{T+1}] too, and by `L1_violation` the violation. Constants re-derived here.
    """
    T, B, V, dE, error_sum, Q_1 = floats(T, B, V, dE, error_sum, Q_1)
    return np.sqrt(2.0 * T * (B + V * dE) + Q_1**2) + 2.0 * error_sum


def T2_cost_terms(
    V: ArrayLike,
    B: ArrayLike,
    T: ArrayLike,
    P_T: ArrayLike,
    E_all: ArrayLike,
    C_star: ArrayLike,
    S_T: ArrayLike,
    R_T: ArrayLike = 0.0,
    Q_1: ArrayLike = 0.0,
) -> CostTerms:
    """T2 (mean): the terms of

        average cost - C* <= B/V + (E_all - C*) P_T/T + 2 S_T/(V T) + R_T/(V T) + Q_1^2/(2 V T).

    Needs i.i.d. requests, costs known before routing and an exploration coin independent of the request (A1, A4,
    A7): exploring the dear requests more often breaks it. Average cost is the full ledger, with all that exploration
    queries. The first three terms are the 1/V, M T^-a and M F_min of [M25]; constants re-derived here. At V = 0 the
    bound is infinite.
    """
    V, T = floats(V, T)
    P_T, E_all, C_star, S_T, R_T, Q_1 = floats(P_T, E_all, C_star, S_T, R_T, Q_1)
    return CostTerms(
        control=over(B, V),
        exploration=(E_all - C_star) * P_T / T,
        prediction=over(2.0 * S_T, V * T),
        inversion=over(R_T, V * T),
        start=over(Q_1**2, 2.0 * V * T),
    )


def T3_queue(
    V: ArrayLike, B: ArrayLike, dE: ArrayLike, b: ArrayLike, beta_M: ArrayLike, exploration_queue: ArrayLike
) -> Any:
    """T3 (mean): the Slater bound, for all T and Q_1 = 0,

        (1/T) sum_{t <= T} E[Q_t] <= (B + V dE + max(0, b - beta_M) (1/T) sum_{t <= T} p_t E[Q_t]) / b,

    where b = beta - 2 ebar > 0 and E[e_t | past] <= ebar at every t that can exploit (p_t < 1). exploration_queue is
    (1/T) sum p_t E[Q_t]; it does not matter for pi0 = the largest model, where beta_M = beta >= b. Needs A1, A2, A3,
    A4, A7. Where b <= 0 the statement says nothing and the bound is infinite. Constants re-derived here.
    """
    V, B, dE, b, beta_M, exploration_queue = floats(V, B, dE, b, beta_M, exploration_queue)
    top = B + V * dE + np.maximum(0.0, b - beta_M) * exploration_queue
    return np.where(b <= 0, np.inf, top / np.where(b <= 0, 1.0, b))[()]


def T5_adjusted_regret(
    cost_sum: ArrayLike,
    satisfaction_sum: ArrayLike,
    T: ArrayLike,
    optimal_cost: ArrayLike,
    gamma: ArrayLike,
    alpha: ArrayLike,
) -> Any:
    """T5 (mean): adjusted regret = sum cost_t - C* T + gamma* sum (alpha - s_t), whose expectation is at least zero.

    Holds for every policy on an i.i.d. stream that settles all its queries of request t and the served one among
    them before it sees any label of t, with randomisation independent of the labels given x_t; exploration tied to
    x_t is allowed, a cascade (querying again after a bad outcome) is not. gamma is any maximiser of the dual.
    What falls below zero has seen labels it may not see, or C* is wrong, or the stream is not i.i.d. It is no ranking:
    always the cheapest can reach zero, so print the violation beside it. Constants re-derived here.
    """
    total, served, T, C_star, gamma, alpha = floats(cost_sum, satisfaction_sum, T, optimal_cost, gamma, alpha)
    return total - C_star * T + gamma * (alpha * T - served)
