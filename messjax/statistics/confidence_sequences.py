"""Confidence sequences: intervals for a mean that hold at all times simultaneously, so that one may look and stop.

    P(for all t: lower_t < mean < upper_t) >= level

An interval of `messjax.statistics.intervals` is valid at one t fixed beforehand; checked again and again over time it
fails sooner or later. Everything here follows from Ville's inequality: a non-negative process that starts at 1 and does
not grow in expectation (an e-process: the capital of a gambler in a game that is fair or worse) ever reaches 1 / q with
probability at most q.

    betting              constant mean, samples at hand. **The default**: it is the narrowest where n is in the hundreds
                         (by 7 to 50% at n = 100; about equal at 2,000), at the price of at most `grid` passes.
    empirical_bernstein  the same in one pass: where samples are many.
    running_mean_of_conditional_means
                         one path whose conditional means vary (a policy that learns): from three running numbers,
                         which `messjax.meters.bounded_sum` folds online.
    e_value, p_value     evidence against "the mean is at most null", for families of sequential checks.

Observations are bounded; constant mean is E[X_t | X_1..X_{t-1}] = mean: they need be neither independent nor
identically distributed.

Sources: [WSR23] Waudby-Smith, Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (online 2023;
arXiv 2010.09686). [HRMS21] Howard, Ramdas, McAuliffe, Sekhon, Time-uniform, nonparametric, nonasymptotic confidence
sequences, Annals of Statistics 49, 2021 (arXiv 1810.08240). Host code, NumPy float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

BET = 0.5  # the largest share of the capital at stake, c in [WSR23]: they advise 1/2 or 3/4
TUNED = 30.0  # where the mixture boundary is narrowest, V_t in units of (high - low)^2
ROUNDING = 1e-6  # of the range: how far running sums in float32 may leave their bounds


class Sequence(NamedTuple):
    """A confidence sequence in the unit of the samples. Where lower > upper it, or one of its assumptions, has failed.

    Attributes:
        mean: Running mean of the samples [..., n].
        lower: Lower limits [..., n].
        upper: Upper limits [..., n].
        level: Coverage of both limits together, or of each alone if one-sided, at all times simultaneously.
    """

    mean: Floats
    lower: Floats
    upper: Floats
    level: float


# --- one mean, common to all observations ---------------------------------------------------------------------


def empirical_bernstein(
    samples: ArrayLike, low: ArrayLike, high: ArrayLike, level: float = 0.95, *, one_sided: bool = False
) -> Sequence:
    """The predictable plug-in empirical-Bernstein confidence sequence, with running intersection.

    With X in [0, 1] and q the error of one side, both limits are (sum l_i X_i) / (sum l_i) -+
    (log(1/q) + sum (X_i - m_{i-1})^2 (-log(1 - l_i) - l_i)) / (sum l_i), for m and v the mean and the variance so far
    (one observation 1/2 of variance 1/4 goes before the first), and bets
    l_t = min(BET, sqrt(2 log(1/q) / (v_{t-1} t log(1 + t)))).

    Args:
        samples: [..., n] observations over time, all conditional means equal.
        low: What the samples are at least, known beforehand; broadcasts against the samples.
        high: What the samples are at most; broadcasts likewise.
        level: Coverage over all times, in (0, 1).
        one_sided: Whether each limit alone has the level (as in `intervals.one_sided`), or both together.

    Returns:
        The confidence sequence.

    Raises:
        ValueError: Samples that are empty, not numbers or outside [low, high], low >= high, or a level outside (0, 1).

    Source: Theorem 2 of [WSR23].
    """
    x, bottom, width = _unit(samples, low, high)
    error = _error_of_a_side(level, one_sided)
    guess, variance = _past(x)
    bet = np.minimum(_bet_size(variance, error), BET)
    stake = np.cumsum(bet, axis=-1)
    centre = np.cumsum(bet * x, axis=-1) / stake
    half = (-np.log(error) + np.cumsum((x - guess) ** 2 * (-np.log1p(-bet) - bet), axis=-1)) / stake
    lower = np.maximum.accumulate(np.maximum(centre - half, 0.0), axis=-1)
    upper = np.minimum.accumulate(np.minimum(centre + half, 1.0), axis=-1)
    return _sequence(x, lower, upper, bottom, width, level)


def betting(
    samples: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    level: float = 0.95,
    *,
    one_sided: bool = False,
    grid: int = 1000,
) -> Sequence:
    """The confidence sequence of the hedged capital process: the means that no gambler has ruled out yet.

    A gambler who bets that the mean exceeds m holds K_t(m) = prod (1 + l_i (X_i - m)), X in [0, 1] and l_t = min(BET /
    m, the bet size of `empirical_bernstein`); another bets on 1 - X. K_t(m) falls with m, so the means ruled out (K
    reached 1/q at some time so far) are those up to a limit. Both limits are rounded outwards to the next multiple of
    (high - low) / grid, which costs width and no coverage: the mean lies strictly between. Time and memory: a pass over
    the samples for every grid point below the limits.

    Args:
        samples: [..., n] observations over time, all conditional means equal.
        low: What the samples are at least, known beforehand; broadcasts against the samples.
        high: What the samples are at most; broadcasts likewise.
        level: Coverage over all times, in (0, 1).
        one_sided: Whether each limit alone has the level, or both together.
        grid: Number of steps between low and high, at least 2.

    Returns:
        The confidence sequence.

    Raises:
        ValueError: As `empirical_bernstein` raises, or a grid below 2.

    Source: Theorem 3 of [WSR23].

    Example:
        >>> limits = betting([0.0, 1.0, 1.0, 0.0] * 100, low=0.0, high=1.0)
        >>> print(f"{limits.lower[-1]:.2f} to {limits.upper[-1]:.2f}")
        0.41 to 0.59
    """
    if grid < 2:
        raise ValueError(f"grid is {grid}, expected at least 2 steps between low and high.")
    x, bottom, width = _unit(samples, low, high)
    error = _error_of_a_side(level, one_sided)
    lower, upper = _ruled_out(x, error, grid), 1.0 - _ruled_out(1.0 - x, error, grid)
    return _sequence(x, lower, upper, bottom, width, level)


def _ruled_out(x: Floats, error: float, grid: int) -> Floats:
    """[..., n] the largest multiple of 1 / grid that a gambler on larger means has ruled out so far, else zero."""
    bet = _bet_size(_past(x)[1], error)
    limit = np.zeros_like(x)
    for m in np.arange(1, grid) / grid:
        capital = np.cumsum(np.log1p(np.minimum(bet, BET / m) * (x - m)), axis=-1)
        rich = np.maximum.accumulate(capital, axis=-1) >= -np.log(error)
        if not rich[..., -1].any():
            break  # nor will anyone rule out a larger mean
        limit[rich] = m
    return limit


def e_value(samples: ArrayLike, low: ArrayLike, high: ArrayLike, null: ArrayLike) -> Floats:
    """Evidence against "every conditional mean is at most null": the capital of a gambler who bets on larger means.

    Under the null its expectation at any stopping time is at most 1, and P(it ever reaches 1/q) <= q. The mean of
    e-values is an e-value, however dependent; of m of them reject where m e >= 1/q (e-Bonferroni), or use `p_value`
    with `intervals.holm`, and the family-wise error is at most q whenever one looks. For the null "at least" negate:
    e_value(-samples, -high, -low, -null).

    Capital prod (1 + l_i (X_i - null)) with the approximately growth-optimal bet (aGRAPA): l_t = (m - null) / (v + (m -
    null)^2) at the mean m and variance v so far, kept in [0, BET / null]. It bets nothing while the mean so far is
    below the null.

    Args:
        samples: [..., n] observations over time.
        low: What the samples are at least, known beforehand; broadcasts against the samples.
        high: What the samples are at most; broadcasts likewise.
        null: In (low, high); broadcasts against the samples.

    Returns:
        Evidence [..., n] after each observation; infinite beyond the range of float64.

    Raises:
        ValueError: As `empirical_bernstein` raises, or a null not strictly between low and high.

    Source: Appendix B.3 of [WSR23].
    """
    x, bottom, width = _unit(samples, low, high)
    m = np.asarray((np.asarray(null, np.float64) - bottom) / width)
    _refuse("null", null, (m > 0) & (m < 1), "a mean strictly between low and high")
    mean, variance = _past(x)
    edge = mean - m
    bet = np.clip(edge / (variance + edge**2), 0.0, BET / m)
    with np.errstate(over="ignore"):
        return np.exp(np.cumsum(np.log1p(bet * (x - m)), axis=-1))


def p_value(e: ArrayLike) -> Floats:
    """p-values that are valid at any time: 1 / the maximum so far of an e-process.

    Args:
        e: Evidence [..., n] >= 0, as of `e_value`.

    Returns:
        p-values [..., n].

    Raises:
        ValueError: Negative or NaN evidence.
    """
    e = np.asarray(e, np.float64)
    _refuse("e", e, e >= 0, "evidence of at least 0")
    return 1.0 / np.maximum(np.maximum.accumulate(e, axis=-1), 1.0)


def _past(x: Floats) -> tuple[Floats, Floats]:
    """Mean and variance [..., n] before each observation in [0, 1], after one of 1/2 with variance 1/4."""
    count = np.arange(1.0, x.shape[-1] + 2)
    first = np.full((*x.shape[:-1], 1), 0.5)
    mean = np.cumsum(np.concatenate([first, x], axis=-1), axis=-1) / count
    square = np.concatenate([first**2, (x - mean[..., 1:]) ** 2], axis=-1)
    return mean[..., :-1], (np.cumsum(square, axis=-1) / count)[..., :-1]


def _bet_size(variance: Floats, error: float) -> Floats:
    """l_t [..., n] before it is capped: the best constant bet for time t, sqrt(2 log(1/q) / (v t)), fading a little."""
    t = np.arange(1.0, variance.shape[-1] + 1)
    return np.sqrt(-2.0 * np.log(error) / (variance * t * np.log1p(t)))


# --- means that vary along a path -----------------------------------------------------------------------------


def running_mean_of_conditional_means(
    S: ArrayLike,
    V: ArrayLike,
    t: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    level: float = 0.95,
    *,
    one_sided: bool = False,
    tuned: float = TUNED,
) -> Sequence:
    """A confidence sequence for (1/t) sum_{i<=t} E[X_i | past], whatever the conditional means do.

    Nothing is intersected over time: the quantity moves, and an old interval says nothing about its present value.

    Theorem 4 of [HRMS21] with the gamma-exponential mixture of their Proposition 9. In units of high - low let
    D_t = sum (X_i - E[X_i | past]). For y >= -1 and 0 <= l < 1: exp(l y - (-log(1 - l) - l) y^2) <= 1 + l y.
    With y = X_i - guess_i and 1 + z <= e^z this makes exp(l D_t - (-log(1 - l) - l) V_t) a supermartingale for every
    l in [0, 1), and so is its mixture over u = 1 - l with density proportional to u^(r-1) e^(-r u) on (0, 1],
    M(D, V) = e^(D+V) G(V + r, D + V + r) / G(r, r),  G(a, x) = integral_0^1 u^(a-1) e^(-x u) du. By Ville's inequality
    D_t stays below the root of M(D, V_t) = 1/q, at all times, with probability 1 - q. The other side is the same with
    high + low - X, which has the same V.

    Args:
        S: [..., checkpoints] sum_{i<=t} X_i.
        V: [..., checkpoints] sum_{i<=t} (X_i - guess_i)^2; guess_i in [low, high], a function of the past before i.
        t: [..., checkpoints] number of observations.
        low: What every X is at least, known beforehand; broadcasts against S.
        high: What every X is at most, known beforehand; broadcasts against S.
        level: Coverage over all times, those between checkpoints included.
        one_sided: Whether each limit alone has the level, or both together.
        tuned: The V, in units of (high - low)^2, at which the limits are narrowest; chosen before looking. Elsewhere
            they are valid too, and wider than they might be: by a fifth at 100 times `tuned` and at a hundredth.

    Returns:
        The confidence sequence, with limits [..., checkpoints] in the unit of X.

    Raises:
        ValueError: Shapes that do not broadcast, NaN (an increment outside [low, high], if `bounded_mean` folded them),
            t < 1, sums that no t observations within [low, high] have, low >= high, a level outside (0, 1), or tuned <=
            0.

    Source: Theorem 4 and Proposition 9 of [HRMS21].
    """
    if not 0.0 < tuned < np.inf:
        raise ValueError(f"tuned is {tuned}, expected a positive number.")
    error = _error_of_a_side(level, one_sided)
    bottom, width = _range(low, high)
    total, spread, count = _sums(S, V, t, bottom, width)
    mean = total / count
    half = width * _boundary(np.maximum(spread, 0.0) / width**2, error, tuned) / count
    return Sequence(mean, np.maximum(mean - half, bottom), np.minimum(mean + half, bottom + width), float(level))


def _boundary(v: Floats, error: float, tuned: float) -> Floats:
    """The root s of log M(s, v) = log(1/q). log M is convex and rises with s: Newton's steps come down on the root.

    After the first step they are never below it, so what is left when they end is on the safe side.
    """
    r = _mixing(error, tuned)
    a = v + r
    prior = special.gammaln(r) + np.log(special.gammainc(r, r)) - r * np.log(r)  # log G(r, r)
    constant = special.gammaln(a) - prior + np.log(error)
    s = np.zeros_like(v)
    for _ in range(100):
        x = s + a
        part = special.gammainc(a, x)
        value = s + v + np.log(part) - a * np.log(x) + constant
        shrinks = np.exp(a * np.log(x) - x - special.gammaln(a + 1.0)) / part  # 1 - P(a + 1, x) / P(a, x)
        step = value / (1.0 - a / x * (1.0 - shrinks))  # over the mean of l, weighted by its share of the mixture
        s = s - step
        if (np.abs(step) <= 1e-9 * s).all():
            break
    return s


def _mixing(error: float, tuned: float) -> float:
    """r: about the best of the one-sided normal mixture at `tuned`, by the two-sided formula at twice the error."""
    deviation = -2.0 * np.log(min(2.0 * error, 0.5))
    return float(tuned / (deviation + np.log1p(deviation)))


def _error_of_a_side(level: float, one_sided: bool) -> float:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}, expected a probability strictly between 0 and 1.")
    return (1.0 - level) / (1.0 if one_sided else 2.0)


def _refuse(name: str, values: ArrayLike, good: Any, expected: str) -> None:
    if not good.all():
        index = tuple(int(i) for i in np.argwhere(~good)[0])
        result = np.broadcast_to(np.asarray(values, np.float64), good.shape)[index]
        raise ValueError(f"{name} is {result:g} at {list(index)}, expected {expected}.")


def _range(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats]:
    bottom, top = np.broadcast_arrays(np.asarray(low, np.float64), np.asarray(high, np.float64))
    _refuse("low", bottom, np.isfinite(bottom), "a finite bound")
    _refuse("high", top, np.isfinite(top) & (top > bottom), "a finite bound above low")
    return bottom, top - bottom


def _unit(samples: ArrayLike, low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The samples scaled to [0, 1], low, and high - low."""
    values = np.asarray(samples, np.float64)
    bottom, width = _range(low, high)
    if values.ndim == 0 or values.shape[-1] == 0:
        raise ValueError(f"samples has shape {values.shape}, expected [..., n] with n of at least 1.")
    _refuse("samples", values, (values >= bottom) & (values <= np.asarray(high, np.float64)), "within [low, high]")
    return np.clip((values - bottom) / width, 0.0, 1.0), bottom, width


def _sums(S: ArrayLike, V: ArrayLike, t: ArrayLike, low: Floats, width: Floats) -> tuple[Floats, Floats, Floats]:
    """S, V and t as float64 of one shape, once t observations can have these sums."""
    try:
        S, V, t, low, width = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (S, V, t, low, width)))
    except ValueError as error:
        raise ValueError(f"S, V, t have shapes {np.shape(S)}, {np.shape(V)}, {np.shape(t)}: {error}.") from error
    _refuse("t", t, (t >= 1) & np.isfinite(t), "a number of observations, at least 1")
    mean, square = (S / t - low) / width, V / (t * width**2)
    _refuse("S", S, np.abs(mean - 0.5) <= 0.5 + ROUNDING, "a sum of t numbers within [low, high]")
    _refuse("V", V, np.abs(square - 0.5) <= 0.5 + ROUNDING, "a sum of t squares within [0, (high - low)^2]")
    return S, V, t


def _sequence(x: Floats, lower: Floats, upper: Floats, low: Floats, width: Floats, level: float) -> Sequence:
    """Limits and running mean, back in the unit of the samples."""
    mean = np.cumsum(x, axis=-1) / np.arange(1.0, x.shape[-1] + 1)
    return Sequence(low + width * mean, low + width * lower, low + width * upper, float(level))
