"""T4: the exponential tail of the queue under Slater's condition. Proof in docs/theory.md.

D is of order e^{r theta} and leaves float64 behind at V = 1e3 or so: everything here is computed from its logarithm.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import floats, refuse


class TailConstants(NamedTuple):
    """The constants of T4. Where its hypotheses fail r = 0, rho = 1 and D = inf: the bounds then say nothing."""

    eta: Any  # (beta - 2 ebar) / 2, how fast the queue falls above theta
    theta: Any  # the level above which it does
    delta: Any  # max(alpha, 1 - alpha), the largest step
    r: Any  # the exponent, in 1 / request
    rho: Any  # factor per request by which E e^{r Q} forgets Q_1
    log_D: Any  # log D >= 0

    @property
    def D(self) -> Any:
        """D >= 1 itself, inf beyond float64."""
        with np.errstate(over="ignore"):
            return np.exp(self.log_D)


def T4_constants(
    alpha: ArrayLike,
    V: ArrayLike,
    dE: ArrayLike,
    beta: ArrayLike,
    ebar: ArrayLike = 0.0,
    beta_M: ArrayLike | None = None,
    delay: ArrayLike = 0.0,
) -> TailConstants:
    """T4 (tail): eta = (beta - 2 ebar) / 2, theta = max(1 - alpha, V dE / eta), r = eta / (delta^2 + delta eta / 3),

        rho = 1 - r eta / 2 and D = (e^{r delta} - rho) e^{r theta} / (1 - rho).

    Needs A1, A2, A3, A4, A7, E[e_t | past] <= ebar at every t that can exploit (p_t < 1), beta - 2 ebar > 0 and
    beta_M >= eta; beta_M is beta unless given, as for pi0 = the largest model. Elsewhere the constants are silent, see
    `TailConstants`. With estimated costs pass dE + 2 sup_t E[eps_t | past]; with feedback that is `delay` requests late
    (T9) theta grows by alpha delay. Constants re-derived here.
    """
    alpha, V, dE, beta, ebar, delay = floats(alpha, V, dE, beta, ebar, delay)
    (beta_M,) = floats(beta if beta_M is None else beta_M)
    eta, delta = (beta - 2.0 * ebar) / 2.0, np.maximum(alpha, 1.0 - alpha)
    silent = (eta <= 0) | (beta_M < eta)

    def where_it_speaks(value: Any, otherwise: float) -> Any:
        return np.where(silent, otherwise, value)[()]

    safe = np.where(silent, 1.0, eta)
    r = safe / (delta**2 + delta * safe / 3.0)
    with np.errstate(over="ignore"):
        theta = np.maximum(1.0 - alpha, V * dE / safe) + alpha * delay
        log_D = r * theta + np.log1p(2.0 * np.expm1(r * delta) / r / safe)  # (e^{r delta} - rho)/(1 - rho), as 1 + ...
    return TailConstants(
        eta=eta[()],
        theta=where_it_speaks(theta, np.inf),
        delta=delta[()],
        r=where_it_speaks(r, 0.0),
        rho=where_it_speaks(1.0 - r * safe / 2.0, 1.0),
        log_D=where_it_speaks(log_D, np.inf),
    )


def T4_log_moment(constants: TailConstants, Q_1: ArrayLike = 0.0, t: ArrayLike | None = None) -> Any:
    """T4 (tail): the logarithm of the right side of E[e^{r Q_t}] <= rho^{t-1} e^{r Q_1} + (1 - rho^{t-1}) D.

    Without t, of max(e^{r Q_1}, D), which holds for all t. Hypotheses as in `T4_constants`; infinite where they fail.
    Constants re-derived here. Raises ValueError for t < 1.
    """
    r, rho, log_D, Q_1 = floats(constants.r, constants.rho, constants.log_D, Q_1)
    if t is None:
        return np.maximum(log_D, r * Q_1)[()]
    (t,) = floats(t)
    refuse("t", t, t < 1, "a request number, 1 or larger")
    silent = np.isposinf(log_D)
    with np.errstate(divide="ignore", invalid="ignore"):  # log 0 at t = 1, where all weight is on Q_1; NaN
        forgotten = np.log(-np.expm1((t - 1.0) * np.log(rho)))
        moment = np.logaddexp((t - 1.0) * np.log(rho) + r * Q_1, forgotten + np.where(silent, 0.0, log_D))
    return np.where(silent, np.inf, moment)[()]


def T4_tail(q: ArrayLike, constants: TailConstants, Q_1: ArrayLike = 0.0, t: ArrayLike | None = None) -> Any:
    """T4 (tail): P(Q_t >= q) <= e^{-r q} E[e^{r Q_t}], at most 1; for Q_1 = 0 and all t this is D e^{-r q}.

    The same bounds P(alpha - (1/T) sum s_t >= (q - Q_1) / T) at t = T + 1, by L1. Hypotheses and `t` as in
    `T4_log_moment`; 1 where the hypotheses fail. Constants re-derived here.
    """
    (q,) = floats(q)
    return np.exp(np.minimum(T4_log_moment(constants, Q_1, t) - constants.r * q, 0.0))[()]


def T4_queue(constants: TailConstants, Q_1: ArrayLike = 0.0, t: ArrayLike | None = None) -> Any:
    """T4 (tail): E[Q_t] <= (1/r) log E[e^{r Q_t}], by Jensen; for Q_1 = 0 and all t this is (log D) / r.

    Hypotheses and `t` as in `T4_log_moment`; infinite where the hypotheses fail. Constants re-derived here.
    """
    with np.errstate(over="ignore"):
        return (T4_log_moment(constants, Q_1, t) / np.where(constants.r == 0, 1.0, constants.r))[()]
