"""The schedule of exploration, how many requests it explores (T7) and its best exponent (T8).

Proofs in docs/theory, "T7" and "T8". T8 is about a rate: proofs_check.rates measures it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import floats, refuse
from messjax.theory.statement import Conclusion, Equal, Run, Tail, define_statement


def exploration_probability(*, t: ArrayLike, c: ArrayLike, a: ArrayLike) -> Any:
    """p_t = min(1, c t^-a) for t = 1, 2, ...: the schedule of [M25] (a = 1/4) and [M24] (a = 1/3).

    Args:
        t: [...] request number, 1 or larger.
        c: [...] scale, >= 0.
        a: [...] exponent, >= 0.

    Returns:
        The probability, [...].

    Raises:
        ValueError: t < 1, or c or a that is negative.
    """
    t, c, a = floats(t, c, a)
    refuse("t", t, t < 1, "a request number, 1 or larger")
    refuse("c", c, c < 0, "a non-negative scale")
    refuse("a", a, a < 0, "a non-negative exponent")
    return np.minimum(1.0, c * t**-a)


def exploration_sum(*, T: ArrayLike, c: ArrayLike, a: ArrayLike) -> Any:
    """P_T = sum_{t <= T} min(1, c t^-a), summed term by term: the mean of the number of explored requests (T7).

    T holds whole numbers, zero or larger; memory grows with the largest. Raises ValueError otherwise, and as
    `exploration_probability` does.

    Args:
        T: [...] number of requests, whole and >= 0; memory grows with the largest.
        c: [...] scale, >= 0.
        a: [...] exponent, >= 0.

    Returns:
        P_T [...], in requests.

    Raises:
        ValueError: A T that is not a whole number >= 0; as `exploration_probability` raises.
    """
    horizons, scales, exponents = np.broadcast_arrays(*floats(T, c, a))
    refuse("T", horizons, ~((horizons >= 0) & (horizons == np.floor(horizons)) & np.isfinite(horizons)), "a count")
    total = np.zeros(horizons.shape)
    for scale, exponent in {(float(x), float(y)) for x, y in zip(scales.flat, exponents.flat, strict=True)}:
        same = (scales == scale) & (exponents == exponent)
        steps = np.arange(1, int(horizons[same].max(initial=0)) + 1)
        sums = np.concatenate([[0.0], np.cumsum(exploration_probability(t=steps, c=scale, a=exponent))])
        total[same] = sums[horizons[same].astype(np.int64)]
    return total[()]


def exploration_sum_bound(*, T: ArrayLike, c: ArrayLike, a: ArrayLike) -> Any:
    """P_T <= min(T, c T^(1-a) / (1-a)) for 0 <= a < 1, since t^-a decreases ("Constants" in docs/theory.md).

    Args:
        T: [...] number of requests.
        c: [...] scale, >= 0.
        a: [...] exponent, in [0, 1).

    Returns:
        The bound on P_T [...], in requests.

    Raises:
        ValueError: a outside [0, 1).
    """
    T, c, a = floats(T, c, a)
    refuse("a", a, ~((a >= 0) & (a < 1)), "an exponent in [0, 1)")
    return np.minimum(T, c * T ** (1.0 - a) / (1.0 - a))


def T7_interval(*, P_T: ArrayLike, T: ArrayLike, level: ArrayLike = 0.95) -> tuple[Any, Any]:
    """T7 (tail): N_T = sum_{t <= T} X_t lies in P_T -+ sqrt(T log(2 / (1 - level)) / 2) with probability >= level.

    Hoeffding's inequality for independent coins X_t with mean p_t (A4); N_T has mean P_T. Returned as (low, high)
    within [0, T]. Re-derived here, [M25] has no such statement.

    Args:
        P_T: [...] sum of the exploration probabilities.
        T: [...] number of requests.
        level: [...] probability, in (0, 1).

    Returns:
        Lower and upper limit [...], in requests.

    Raises:
        ValueError: A level outside (0, 1).
    """
    P_T, T, level = floats(P_T, T, level)
    refuse("level", level, ~((level > 0) & (level < 1)), "a probability strictly between 0 and 1")
    half = np.sqrt(T * np.log(2.0 / (1.0 - level)) / 2.0)
    return np.maximum(P_T - half, 0.0), np.minimum(P_T + half, T)


def T8_exponent(*, q: ArrayLike) -> Any:
    """T8 (rate): the exponent a* = q / (1 + q) of p_t = c t^-a at which exploration and prediction error cost alike.

    q >= 0 is the measured rate at which the prediction error falls with the number n of explored requests, as n^-q. In
    T2 exploration costs T^-a and prediction T^(-(1-a) q), of the same order at a*: 1/4, as in [M25], for q = 1/3 and
    1/3, as in [M24], for q = 1/2. Re-derived here. Lemmas: t8_exponent. Raises
    ValueError for a negative q.

    Args:
        q: [...] rate of learning, >= 0.

    Returns:
        The exponent a*, [...].

    Raises:
        ValueError: A negative q.
    """
    (q,) = floats(q)
    refuse("q", q, q < 0, "a non-negative rate")
    return q / (1.0 + q)


# --- statements -----------------------------------------------------------------------------------------------------

PROOF: Any = {"source": "T7 in docs/theory", "assumptions": "A4", "policy": "mess_plus", "needs_distribution": False}


@define_statement("T7 mean", unit="explored requests", **PROOF)
def T7_MEAN(run: Run) -> Conclusion:
    """E[N_T] = P_T (within 3% of it)."""
    return Equal(run.metrics["explored"], run.P_T, 0.03 * run.P_T, within=run.within("explored"))


@define_statement("T7 tail", unit="share of streams", **PROOF)
def T7_TAIL(run: Run) -> Conclusion:
    """P(N_T outside P_T -+ sqrt(T log(2/.05)/2)) <= .05."""
    counts = run.metrics["explored"]
    low, high = T7_interval(P_T=run.P_T, T=run.T, level=0.95)
    half = np.sqrt(run.T * np.log(2.0 / 0.05) / 2.0)  # what low and high are from P_T, but for 0 and T
    rate = 4.0 * half / run.T  # Hoeffding's exponent there
    likely = sum(np.exp(np.minimum(rate * (sign * (counts - run.P_T) - half), 0.0)) for sign in (1, -1))
    return Tail((counts < low) | (counts > high), 0.05, likely)


STATEMENTS = (T7_MEAN, T7_TAIL)
