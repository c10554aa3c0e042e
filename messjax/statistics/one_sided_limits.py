"""One-sided limits of means from independent samples, valid for every number of them: shares, non-negative numbers.

    share_limits  of a probability, from counts (Clopper and Pearson, Biometrika 26, 1934).
    lower_limits  of the mean of numbers >= 0 of which no upper bound is known, by betting: costs, or 1 - scores.

No normal approximation is made anywhere. Host code, NumPy float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

MOST_AT_STAKE = 0.5  # share of the capital that one bet may lose
HALVINGS = 40  # of the interval in which a limit is sought


def share_limits(successes: ArrayLike, trials: ArrayLike, error: float) -> tuple[Floats, Floats]:
    """Limits of a probability, each of which fails with probability at most `error`.

    Args:
        successes: [...] number of successes.
        trials: [...] number of independent trials; without any the limits are 0 and 1.
        error: Of each limit, in (0, 1).

    Returns:
        Lower and upper limits, [...].

    Raises:
        ValueError: An error outside (0, 1), or successes that are not between 0 and the trials.

    Example:
        >>> lower, upper = share_limits(0, 100, error=0.05)
        >>> print(f"{lower:.3f} {upper:.3f}")
        0.000 0.030
    """
    _check_error(error)
    k, n = np.broadcast_arrays(np.asarray(successes, np.float64), np.asarray(trials, np.float64))
    if bad := np.argwhere(~((k >= 0) & (k <= n) & (n < np.inf))).tolist():
        index = tuple(bad[0])
        raise ValueError(f"successes is {k[index]:g} of {n[index]:g} trials, expected a number from 0 to the trials.")
    lower = np.where(k > 0, special.betaincinv(np.maximum(k, 1.0), n - k + 1.0, error), 0.0)
    upper = np.where(k < n, special.betaincinv(k + 1.0, np.maximum(n - k, 1.0), 1.0 - error), 1.0)
    return lower, upper


def lower_limits(samples: ArrayLike, error: float) -> Floats:
    """Lower limits of the common mean of samples >= 0; nothing else is known of them, and the mean may be infinite.

    A gambler who bets that the mean exceeds m holds prod (1 + l_i (X_i - m)), a supermartingale where the mean is at
    most m and the stakes l_i >= 0 depend on the past alone. The limit is the largest m at which the capital has ever
    reached 1 / error (Ville's inequality): P(limit > mean) <= error, also where the number of samples was not fixed
    beforehand. Stakes as in `confidence_sequences.betting`, with the mean square so far as the scale: min(1/(2 m),
    sqrt(2 log(1/error) / (v_{i-1} i log(1 + i)))), and none on the first sample.

    Args:
        samples: [..., n] >= 0, with the same conditional mean given the past; NaN is left out. Without any the limit
            is 0.
        error: Of each limit, in (0, 1).

    Returns:
        The limits, [...].

    Raises:
        ValueError: An error outside (0, 1), negative or infinite samples, or a scalar.

    Source: [WSR23] (see `confidence_sequences`), Theorem 3 with one gambler, for unbounded samples.

    Example:
        >>> limit = lower_limits([0.5, 1.5] * 200, error=0.05)
        >>> print(f"{limit:.2f}")
        0.93
    """
    _check_error(error)
    x = np.asarray(samples, np.float64)
    if x.ndim == 0:
        raise ValueError("samples is a scalar, expected an array with an axis of samples.")
    known = ~np.isnan(x)
    if not (x[known] >= 0).all() or np.isinf(x[known]).any():
        raise ValueError("samples has negative or infinite values, expected finite numbers >= 0.")
    x = np.where(known, x, 0.0)
    stake = _stakes(x, known, error)
    low, high = np.zeros(x.shape[:-1]), x.sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    for _ in range(HALVINGS):
        m = (low + high) / 2.0
        ruled_out = _ever_rich(x, known, stake, m[..., None], error)
        low, high = np.where(ruled_out, m, low), np.where(ruled_out, high, m)
    return np.asarray(low)


def _stakes(x: Floats, known: NDArray[np.bool_], error: float) -> Floats:
    """[..., n] the stake on each sample, of what was known before it; zero on the first and on those left out."""
    number = np.cumsum(known, axis=-1)  # of the sample among those known, from 1 on
    before = np.maximum(number - known, 1)
    total, square = np.cumsum(x, axis=-1) - x, np.cumsum(x**2, axis=-1) - x**2
    mean = total / before
    variance = np.maximum(square / before - mean**2, 0.0) + square / before**2  # the second term fades: no zero
    with np.errstate(divide="ignore", invalid="ignore"):
        stake = np.sqrt(-2.0 * np.log(error) / (variance * number * np.log1p(number)))
    return np.where(known & (square > 0), stake, 0.0)


def _ever_rich(x: Floats, known: NDArray[np.bool_], stake: Floats, m: Floats, error: float) -> NDArray[np.bool_]:
    """Whether the capital against means of at most m has reached 1 / error."""
    with np.errstate(divide="ignore"):
        bet = np.minimum(stake, MOST_AT_STAKE / m)
    gain = np.where(known, np.log1p(np.where(m > 0, bet, 0.0) * (x - m)), 0.0)
    reached: NDArray[np.bool_] = (
        (np.cumsum(gain, axis=-1) >= -np.log(error)).any(axis=-1) if x.shape[-1] else m[..., 0] < 0
    )
    return reached


def _check_error(error: float) -> None:
    if not 0.0 < error < 1.0:
        raise ValueError(f"error is {error}, expected a probability strictly between 0 and 1.")
