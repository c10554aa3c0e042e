"""T9: T1, L1 and T4 where feedback is sparse or late. Proofs in docs/theory.md.

Feedback on a request arrives with probability f, by coins independent of requests, labels and exploration; queue and
predictor move only with it. T2 and T3 need no other form, and a delay needs only other constants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import Floats, floats, over, refuse
from messjax.theory.mean import T1_queue
from messjax.theory.paths import L1_violation
from messjax.theory.tail import T4_tail, TailConstants


def _fraction(name: str, f: ArrayLike) -> Floats:
    (values,) = floats(f)
    refuse(name, values, ~((values > 0) & (values <= 1) | np.isnan(values)), "a probability in (0, 1]")
    return values


def T9_queue(
    V: ArrayLike,
    gamma: ArrayLike,
    B: ArrayLike,
    T: ArrayLike,
    P_T: ArrayLike,
    beta_M: ArrayLike,
    S_T: ArrayLike,
    f: ArrayLike,
    R_T: ArrayLike = 0.0,
    Q_1: ArrayLike = 0.0,
    f_explored: ArrayLike | None = None,
) -> Any:
    """T9 (mean): `T1_queue` counted in requests heard of. With g = gamma*,

        E[Q_{T+1}] <= V g + sqrt((V g - Q_1)^2 + f (2 B T + 2 V g beta_M P_T + 4 S_T + 2 R_T)).

    f_explored is the probability of feedback on explored requests where it is another one (1 where they always give
    it). It then replaces f before P_T and R_T, and f T becomes f T + (f_explored - f) P_T. Hypotheses of `T1_queue`,
    and coins of feedback independent of all else; S_T has the real e_t, of the predictor that learns from feedback
    only. Constants re-derived here. Raises ValueError for f or f_explored outside (0, 1].
    """
    f, T, P_T, S_T, R_T = floats(_fraction("f", f), T, P_T, S_T, R_T)
    h = f if f_explored is None else _fraction("f_explored", f_explored)
    return T1_queue(V, gamma, B, f * T + (h - f) * P_T, h * P_T, beta_M, f * S_T, h * R_T, Q_1)


def T9_violation(
    V: ArrayLike,
    gamma: ArrayLike,
    B: ArrayLike,
    T: ArrayLike,
    P_T: ArrayLike,
    beta_M: ArrayLike,
    S_T: ArrayLike,
    f: ArrayLike,
    R_T: ArrayLike = 0.0,
    Q_1: ArrayLike = 0.0,
    f_explored: ArrayLike | None = None,
) -> Any:
    """T9 (mean): E[alpha - (1/T) sum s_t] <= (bound of `T9_queue` - Q_1) / (f T), plus `T9_forced` with f_explored.

    In expectation only: a path may exceed (Q_{T+1} - Q_1) / (f T), see `T9_path_tail`. Hypotheses, errors and
    re-derived constants as in `T9_queue`.
    """
    queue = T9_queue(V, gamma, B, T, P_T, beta_M, S_T, f, R_T, Q_1, f_explored)
    gain = 0.0 if f_explored is None else T9_forced(f, T, P_T, beta_M, f_explored)
    return L1_violation(queue, np.multiply(f, T), Q_1) + gain


def T9_forced(f: ArrayLike, T: ArrayLike, P_T: ArrayLike, beta_M: ArrayLike, f_explored: ArrayLike = 1.0) -> Any:
    """T9 (mean): E[alpha - (1/T) sum s_t] <= E[Q_{T+1} - Q_1] / (f T) + beta_M (f_explored / f - 1) P_T / T.

    The last term, returned here, is what the queue overlooks where explored requests give feedback more often than the
    others, by default always: it has counted the largest model's surplus beta_M too often. Re-derived here. Raises
    ValueError for f or f_explored outside (0, 1].
    """
    f, h = _fraction("f", f), _fraction("f_explored", f_explored)
    T, P_T, beta_M = floats(T, P_T, beta_M)
    return beta_M * (h / f - 1.0) * P_T / T


def T9_tail(
    q: ArrayLike,
    constants: TailConstants,
    f: ArrayLike,
    Q_1: ArrayLike = 0.0,
    t: ArrayLike | None = None,
) -> Any:
    """T9 (tail): `T4_tail` with rho replaced by 1 - f (1 - rho); r and D stay as they are.

    Without t it is `T4_tail` itself, and holds also where explored requests always give feedback; with t it needs every
    request to be heard of with probability f. For late feedback give `T4_constants` the delay. Hypotheses as there;
    constants re-derived here. Raises ValueError for f outside (0, 1] or t < 1.
    """
    return T4_tail(q, constants._replace(rho=1.0 - _fraction("f", f) * (1.0 - constants.rho)), Q_1, t)


def T9_path_tail(u: ArrayLike, T: ArrayLike, f: ArrayLike, delta: ArrayLike) -> Any:
    """T9 (tail): P(sum_{t <= T} (alpha - s_t) > (Q_{T+1} - Q_1)/f + u) is at most

        exp(-u^2 / (2 (T delta^2 (1-f)/f + delta max(1, 1/f - 1) u/3))),

    by Freedman's inequality for the martingale sum (1 - F_t/f) (alpha - s_t), F_t the coins of feedback. Needs coins
    i.i.d.(f), independent of all else, and s_t in [0, 1]: no predictor, no exploration. 1 for u <= 0. (At f = 1 L1 has
    no exceptions, and this bound none of its use.) Constants re-derived here. Raises ValueError for f outside (0, 1].
    """
    u, T, delta = floats(u, T, delta)
    f, u = _fraction("f", f), np.maximum(u, 0.0)
    variance = T * delta**2 * (1.0 - f) / f
    return np.exp(-over(u**2, 2.0 * (variance + delta * np.maximum(1.0, 1.0 / f - 1.0) * u / 3.0)))[()]


def T9_delayed_B(alpha: ArrayLike, delay: ArrayLike) -> Any:
    """T9 (mean): B + d delta^2, which stands for B in T1, T2, T3 where feedback is exactly d = `delay` requests late.

    Decisions then use Q_{t-d}, at most d delta away from Q_t; S_T, and the mean queue of T3, are those of Q_{t-d}, and
    Q_{T+1} is the queue once all T outcomes are counted. Re-derived here. Raises ValueError for a negative delay.
    """
    alpha, delay = floats(alpha, delay)
    refuse("delay", delay, delay < 0, "a number of requests, zero or larger")
    return (0.5 + delay) * np.maximum(alpha, 1.0 - alpha) ** 2
