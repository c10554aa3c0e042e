"""The statements L1 to L5, T1, T2, T3, T5 and T7 with every constant, one function per statement.

[M25] gives its theorems as orders. The constants here are re-derived, not quoted from it; the proofs are in
docs/theory.md, under the identifier that each function carries in its name. Notation, the same everywhere:

    V           weight of cost against satisfaction, in 1 / cost unit
    alpha       satisfaction asked for, in [0, 1]; delta = max(alpha, 1 - alpha); B = delta^2 / 2
    Q, Q_1      the virtual queue, Q_{t+1} = max(0, Q_t + alpha - s_t), and its start
    gamma       gamma*, a maximiser of the dual, in cost unit
    p_t, P_T    probability of exploring request t, and its sum over t <= T
    e_t         max_m |s_hat_m,t - mu_m(x_t)|
    beta        E[s under pi0] - alpha for a stationary policy pi0; beta_M the same for the largest model alone
    dE          E[E_pi0(x) - min_m E_m(x)]; E_all = E[sum_m E_m]
    S_T         sum_t E[(1 - p_t) Q_t e_t]
    R_T         max(0, -beta_M) sum_t p_t E[Q_t], zero when the largest model meets alpha

A function returns the bound (in T5 the bounded quantity), not a verdict. All arguments broadcast as in NumPy, so that
leave-one-out means can be passed where a measured mean stands; NaN passes through. Host code, float64; returns float64
arrays, or scalars for scalars.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class DriftBounds(NamedTuple):
    """The two right sides of L2."""

    exact: Any  # (alpha - s)^2 / 2 + Q (alpha - s)
    uniform: Any  # B + Q (alpha - s), never below `exact`


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


def _floats(*values: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


def _over(numerator: ArrayLike, denominator: ArrayLike) -> Any:
    """The quotient where a zero numerator gives zero and a zero denominator below anything else infinity."""
    top, bottom = np.broadcast_arrays(*_floats(numerator, denominator))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(top == 0, np.where(np.isnan(bottom), np.nan, 0.0), top / bottom)[()]


def _refuse(name: str, values: Floats, bad: Any, expected: str) -> None:
    if np.any(bad):
        found = np.broadcast_to(values, np.shape(bad))[bad].flat[0]
        raise ValueError(f"{name} is {found:g}, expected {expected}.")


def exploration_probability(t: ArrayLike, c: ArrayLike, a: ArrayLike) -> Any:
    """p_t = min(1, c t^-a) for t = 1, 2, ...: the schedule of [M25] (a = 1/4) and [M24] (a = 1/3).

    Raises ValueError for t < 1, or c or a that is negative.
    """
    t, c, a = _floats(t, c, a)
    _refuse("t", t, t < 1, "a request number, 1 or larger")
    _refuse("c", c, c < 0, "a non-negative scale")
    _refuse("a", a, a < 0, "a non-negative exponent")
    return np.minimum(1.0, c * t**-a)


def exploration_sum(T: ArrayLike, c: ArrayLike, a: ArrayLike) -> Any:
    """P_T = sum_{t <= T} min(1, c t^-a), summed term by term: the mean of the number of explored requests (T7).

    T holds whole numbers, zero or larger; memory grows with the largest. Raises ValueError otherwise, and as
    `exploration_probability` does.
    """
    horizons, scales, exponents = np.broadcast_arrays(*_floats(T, c, a))
    _refuse("T", horizons, ~((horizons >= 0) & (horizons == np.floor(horizons)) & np.isfinite(horizons)), "a count")
    total = np.zeros(horizons.shape)
    for scale, exponent in {(float(x), float(y)) for x, y in zip(scales.flat, exponents.flat, strict=True)}:
        same = (scales == scale) & (exponents == exponent)
        steps = np.arange(1, int(horizons[same].max(initial=0)) + 1)
        sums = np.concatenate([[0.0], np.cumsum(exploration_probability(steps, scale, exponent))])
        total[same] = sums[horizons[same].astype(np.int64)]
    return total[()]


def exploration_sum_bound(T: ArrayLike, c: ArrayLike, a: ArrayLike) -> Any:
    """P_T <= min(T, c T^(1-a) / (1-a)) for 0 <= a < 1, since t^-a decreases ("Constants" in docs/theory.md).

    Raises ValueError for a outside [0, 1).
    """
    T, c, a = _floats(T, c, a)
    _refuse("a", a, ~((a >= 0) & (a < 1)), "an exponent in [0, 1)")
    return np.minimum(T, c * T ** (1.0 - a) / (1.0 - a))


def L1_violation(Q_last: ArrayLike, T: ArrayLike, Q_1: ArrayLike = 0.0) -> Any:
    """L1 (path): alpha - (1/T) sum_{t <= T} s_t <= (Q_{T+1} - Q_1) / T, for every T and every path.

    Needs s_t in [0, 1] and the recursion of the queue, nothing else. The same for a window of T requests: Q_1 is then
    the queue before its first request and Q_last the queue after its last one. Constants re-derived here.
    """
    Q_last, T, Q_1 = _floats(Q_last, T, Q_1)
    return (Q_last - Q_1) / T


def L2_drift(Q: ArrayLike, s: ArrayLike, alpha: ArrayLike) -> DriftBounds:
    """L2 (path): (Q_{t+1}^2 - Q_t^2)/2 <= (alpha - s_t)^2/2 + Q_t (alpha - s_t) <= B + Q_t (alpha - s_t).

    Needs Q_t >= 0, s_t in [0, 1], alpha in [0, 1]. B = max(alpha, 1-alpha)^2 / 2, re-derived here.
    """
    Q, s, alpha = _floats(Q, s, alpha)
    B = np.maximum(alpha, 1.0 - alpha) ** 2 / 2.0
    step = alpha - s
    return DriftBounds(exact=step**2 / 2.0 + Q * step, uniform=B + Q * step)


def L3_increment(alpha: ArrayLike) -> tuple[Any, Any]:
    """L3 (path): -(1 - alpha) <= Q_{t+1} - Q_t <= alpha, returned as (low, high).

    Needs Q_t >= 0, s_t in [0, 1], alpha in [0, 1]. Re-derived here.
    """
    (alpha,) = _floats(alpha)
    return (alpha - 1.0)[()], alpha[()]


def L4_score(V: ArrayLike, cost: ArrayLike, Q: ArrayLike, alpha: ArrayLike, s_hat: ArrayLike) -> Any:
    """L4 (path): on every exploit step the served model minimises this score V E_m + Q_t (alpha - s_hat_m) over m.

    cost and s_hat are [..., M]; V, Q and alpha are [...] without the axis of models. Returns [..., M]. With estimated
    costs the cost here is the estimate. The rule of [M25]; the same score with mu in place of s_hat is either side
    of L5.
    """
    V, cost, Q, alpha, s_hat = _floats(V, cost, Q, alpha, s_hat)
    return V[..., None] * cost + Q[..., None] * (alpha[..., None] - s_hat)


def L5_bound(
    V: ArrayLike, cost: ArrayLike, Q: ArrayLike, alpha: ArrayLike, mu: ArrayLike, e: ArrayLike, eps: ArrayLike = 0.0
) -> Any:
    """L5 (path): V E_served + Q (alpha - mu_served) <= V E_m + Q (alpha - mu_m) + 2 Q e + 2 V eps for every model m.

    Needs L4, Q >= 0, e >= |s_hat_m - mu_m| for all m and, where costs are estimated, eps >= |E_hat_m - E_m| for all m
    (zero where they are known). Linear in m, so it holds for mixtures of models too: average the bound with the
    mixture's weights. The factor 2 is re-derived here and cannot be lowered.

    cost and mu are [..., M]; V, Q, alpha, e, eps are [...]. Returns the right side for every m, [..., M].
    """
    V, Q, e, eps = _floats(V, Q, e, eps)
    return L4_score(V, cost, Q, alpha, mu) + 2.0 * (Q * e + V * eps)[..., None]


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
    V, gamma, B, T, P_T, beta_M, S_T, R_T, Q_1 = _floats(V, gamma, B, T, P_T, beta_M, S_T, R_T, Q_1)
    level = V * gamma
    radicand = (level - Q_1) ** 2 + 2.0 * B * T + 2.0 * level * beta_M * P_T + 4.0 * S_T + 2.0 * R_T
    return level + np.sqrt(np.maximum(radicand, 0.0))


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
    T, B, V, dE, error_sum, Q_1 = _floats(T, B, V, dE, error_sum, Q_1)
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
    V, T = _floats(V, T)
    P_T, E_all, C_star, S_T, R_T, Q_1 = _floats(P_T, E_all, C_star, S_T, R_T, Q_1)
    return CostTerms(
        control=_over(B, V),
        exploration=(E_all - C_star) * P_T / T,
        prediction=_over(2.0 * S_T, V * T),
        inversion=_over(R_T, V * T),
        start=_over(Q_1**2, 2.0 * V * T),
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
    V, B, dE, b, beta_M, exploration_queue = _floats(V, B, dE, b, beta_M, exploration_queue)
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
    total, served, T, C_star, gamma, alpha = _floats(cost_sum, satisfaction_sum, T, optimal_cost, gamma, alpha)
    return total - C_star * T + gamma * (alpha * T - served)


def T7_interval(P_T: ArrayLike, T: ArrayLike, level: ArrayLike = 0.95) -> tuple[Any, Any]:
    """T7 (tail): N_T = sum_{t <= T} X_t lies in P_T -+ sqrt(T log(2 / (1 - level)) / 2) with probability >= level.

    Hoeffding's inequality for independent coins X_t with mean p_t (A4); N_T has mean P_T. Returned as (low, high)
    within [0, T]. Re-derived here, [M25] has no such statement. Raises ValueError for a level outside (0, 1).
    """
    P_T, T, level = _floats(P_T, T, level)
    _refuse("level", level, ~((level > 0) & (level < 1)), "a probability strictly between 0 and 1")
    half = np.sqrt(T * np.log(2.0 / (1.0 - level)) / 2.0)
    return np.maximum(P_T - half, 0.0), np.minimum(P_T + half, T)
