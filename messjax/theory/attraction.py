"""T6: the queue is drawn to V gamma*, with constants from the slopes of the dual. Proofs in docs/theory.md.

The dual is concave with its maximum C* at gamma*. `eta` is the slope of a chord of it, from gamma* to gamma* -+ h: at
a kink a small h gives the one-sided slope, where the dual is smooth an h of order V^(-1/2) is best. Beyond the chord
the queue drifts back by at least eta per exploited request, which is all that these bounds use.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import Floats, floats, over, refuse

RATES = np.geomspace(1e-5, 20.0, 400)  # exponents r that are tried: every one gives a bound, the best is kept


class Pull(NamedTuple):
    """Constants of T6 on one side of V gamma*. Where its hypotheses fail r = 0, rho = 1 and log_K = inf."""

    theta: Any  # beyond this level the queue is pulled back
    eta: Any  # how fast, per request
    r: Any  # the exponent, in 1 / request
    rho: Any  # factor per request by which E e^{r (distance from theta)} forgets where it began
    log_K: Any  # logarithm of what it tends to


def T6_gap(
    V: ArrayLike,
    gamma: ArrayLike,
    B: ArrayLike,
    T: ArrayLike,
    P_T: ArrayLike,
    beta_M: ArrayLike,
    S_T: ArrayLike,
    exploration_queue: ArrayLike = 0.0,
    Q_1: ArrayLike = 0.0,
) -> Any:
    """T6 (mean): with q = sum_t (1 - p_t) E[Q_t] / (T - P_T), the mean queue over exploited requests, and g = gamma*,

        C* - Dual(q / V) <= (B T + 2 S_T + (V g - Q_1)^2 / 2 + beta_M sum_t p_t (V g - E[Q_t])) / (V (T - P_T)).

    Returns the right side, in cost per request; exploration_queue is sum_t p_t E[Q_t]. It says between which prices
    q / V lies: for a dual with slopes -+eta at its kink, |q - V g| <= (B + ...) / eta. Needs A1, A2, A4, A7, complete
    feedback and any maximiser g of the dual. Infinite where all is explored, or V = 0. Constants re-derived here.
    """
    V, gamma, B, T, P_T, beta_M, S_T, exploration_queue, Q_1 = floats(
        V, gamma, B, T, P_T, beta_M, S_T, exploration_queue, Q_1
    )
    level = V * gamma
    top = B * T + 2.0 * S_T + 0.5 * (level - Q_1) ** 2 + beta_M * (level * P_T - exploration_queue)
    left = V * (T - P_T)
    return np.where(left > 0, over(top, left), np.inf)[()]


def T6_above(
    alpha: float, V: float, gamma: float, h: ArrayLike, eta: ArrayLike, ebar: float = 0.0, beta_M: float = np.inf
) -> Pull:
    """T6 (tail): the pull from above V gamma*. h > 0 and eta [n] are chords of the dual: any of them, the best is kept.

    eta = (C* - Dual(gamma* + h)) / h. Above theta = max(V (gamma* + h), 1 - alpha) the mean step is at most minus
    min(eta - 2 ebar (1 + gamma*/h), beta_M): the largest model answers explored requests (inf for beta_M where none
    are). Hypotheses of `T6_tail`; constants re-derived here. Raises ValueError for h <= 0.
    """
    h, eta = floats(h, eta)
    refuse("h", h, h <= 0, "a positive distance from gamma*")
    slope = np.minimum(eta - 2.0 * ebar * (1.0 + gamma / h), beta_M)
    return _best(np.maximum(V * (gamma + h), 1.0 - alpha), slope, alpha, sign=1.0)


def T6_below(
    alpha: float,
    V: float,
    gamma: float,
    h: ArrayLike,
    eta: ArrayLike,
    ebar: float = 0.0,
    beta_M: float = 0.0,
    p: float = 0.0,
) -> Pull:
    """T6 (tail): the pull from below V gamma*, where a request is explored with probability p at most.

    eta = (C* - Dual(gamma* - h)) / h, 0 < h <= gamma*. Below theta = V (gamma* - h) the mean step is at least
    (1 - p) (eta - 2 ebar (gamma*/h - 1)) - p max(beta_M, 0). Hypotheses of `T6_tail`; constants re-derived here. Raises
    ValueError for h <= 0.
    """
    h, eta = floats(h, eta)
    refuse("h", h, h <= 0, "a positive distance from gamma*")
    slope = (1.0 - p) * (eta - 2.0 * ebar * np.maximum(gamma / h - 1.0, 0.0)) - p * max(beta_M, 0.0)
    theta = V * (gamma - h)
    return _best(theta, np.where(theta < 0, -1.0, slope), alpha, sign=-1.0)


def _best(theta: Floats, slope: Floats, alpha: float, sign: float) -> Pull:
    """Of chords [n] and exponents the one that keeps the queue closest, by theta -+ log(1 + K) / r."""
    theta, slope = (np.atleast_1d(values)[:, None] for values in np.broadcast_arrays(theta, slope))
    eta = np.clip(slope, 0.0, 1.0 - alpha if sign > 0 else alpha)  # no step is larger
    r = RATES[None]
    with np.errstate(over="ignore", divide="ignore"):
        if sign > 0:  # step alpha - s with E[s] >= alpha + eta: e^{-r s} lies below its chord on [0, 1]
            rho, growth = np.exp(r * alpha) * (1.0 + (alpha + eta) * np.expm1(-r)), np.exp(r * alpha)
        else:  # distance grows by s - alpha with E[s] <= alpha - eta
            rho, growth = np.exp(-r * alpha) * (1.0 + (alpha - eta) * np.expm1(r)), np.exp(r * (1.0 - alpha))
        speaks = (eta > 0) & (1.0 - rho > 1e-12)
        log_K = np.where(speaks, np.log((growth - rho) / np.where(speaks, 1.0 - rho, 1.0)), np.inf)
        reach = np.where(speaks, np.logaddexp(0.0, log_K) / r + sign * theta, np.inf)
    n, k = np.unravel_index(np.argmin(reach), reach.shape)
    if not np.isfinite(reach[n, k]):
        return Pull(float(theta[n, 0]), 0.0, 0.0, 1.0, np.inf)
    return Pull(float(theta[n, 0]), float(eta[n, 0]), float(RATES[k]), float(rho[n, k]), float(log_K[n, k]))


def T6_log_moment(pull: Pull, start: ArrayLike = -np.inf, requests: ArrayLike = np.inf) -> Any:
    """T6 (tail): the logarithm of the right side of E e^{r d} <= rho^n e^{r start} + (1 - rho^n) K.

    d is the distance of Q beyond theta (negative on the other side), `start` what it was n = `requests` ago. Hypotheses
    of `T6_tail`; infinite where they fail. Constants re-derived here.
    """
    r, rho, log_K, start, requests = floats(pull.r, pull.rho, pull.log_K, start, requests)
    silent = np.isposinf(log_K)
    with np.errstate(divide="ignore", invalid="ignore"):
        fade = np.where(silent, 0.0, requests * np.log(rho))
        moment = np.logaddexp(fade + np.where(silent, 0.0, r * start), np.log(-np.expm1(fade)) + log_K)
    return np.where(silent, np.inf, moment)[()]


def T6_tail(u: ArrayLike, pull: Pull, start: ArrayLike = -np.inf, requests: ArrayLike = np.inf) -> Any:
    """T6 (tail): P(Q lies u or more beyond theta) <= e^{-r u} E e^{r d}, at most 1, with `T6_log_moment`.

    Needs A1, A2, A4, A7, complete feedback, E[e_t | past] <= ebar at every t that can exploit, and the slopes of the
    dual: eta > 0 after what errors and exploration take of it. 1 where that fails. Constants re-derived here.
    """
    (u,) = floats(u)
    return np.exp(np.minimum(T6_log_moment(pull, start, requests) - pull.r * u, 0.0))[()]


def T6_level(probability: ArrayLike, pull: Pull, start: ArrayLike = -np.inf, requests: ArrayLike = np.inf) -> Any:
    """T6 (tail): the u at which `T6_tail` is this probability; infinite where it is silent. Re-derived here."""
    (probability,) = floats(probability)
    moment = T6_log_moment(pull, start, requests)
    return np.where(np.isposinf(moment), np.inf, (moment - np.log(probability)) / (pull.r or 1.0))[()]


def T6_spread(
    V: float, gamma: float, above: Pull, below: Pull, start: float = -np.inf, requests: float = np.inf
) -> float:
    """T6 (mean): E[(Q - V gamma*)^2] <= sum over both sides of (|theta - V gamma*| + A)^2, where

        A^2 = ((1 + log(1 + E e^{r d}))^2 - 1) / r^2.

    The same for every V at a kink, of order V where the dual is smooth (up to a logarithm). `start` and `requests`
    are those of the pull from below; from above the queue starts no higher than theta. Hypotheses of `T6_tail`;
    infinite where they fail. Constants re-derived here.
    """
    total = 0.0
    for pull, moment in (
        (above, T6_log_moment(above)),
        (below, T6_log_moment(below, start, requests)),
    ):
        if np.isposinf(moment):
            return np.inf
        beyond = np.sqrt((1.0 + np.logaddexp(0.0, moment)) ** 2 - 1.0) / pull.r
        total += (abs(pull.theta - V * gamma) + beyond) ** 2
    return float(total)
