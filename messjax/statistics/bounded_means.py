"""Tests and limits for the mean of independent samples with a known range: valid at every number of samples.

A gambler on "the mean exceeds m" who stakes a fixed share of the capital on every sample holds prod (1 + theta (X_i -
m) / (m - low)). Samples are at least `low`, so that this is never negative, and its expectation is at most 1 while the
mean is at most m: by Markov's inequality it reaches 1/q with probability at most q. Averages over several shares are
such a capital, too. No variance is estimated: samples that all agree prove only what so many of them can prove, and an
event that none of them has seen is not ruled out.

These are the bets of `confidence_sequences` with stakes fixed beforehand: the order of the samples does not matter, and
nothing may be looked at on the way. One side needs one bound only: evidence that a mean is large needs to know what
the samples are at least, evidence that it is small what they are at most.

Source: [WSR23] of `confidence_sequences`, with a mixture over constant bets in place of predictable ones. Host code,
NumPy float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

Floats = NDArray[np.float64]

SHARES = 2.0 ** -np.arange(22.0)  # of the capital at stake, relative to what would lose all of it
WEIGHTS = np.concatenate([[0.5], np.full(len(SHARES) - 1, 0.5 / (len(SHARES) - 1))])  # the whole: where all agree
EXPONENTS = (-0.04, -0.4, -4.0, -40.0)  # between which a limit is sought: its logarithm less that of the sample mean
PRECISION = 1e-6  # of limits


def evidence_above(samples: ArrayLike, null: ArrayLike, low: float) -> Any:
    """The logarithm of the evidence against "the mean is at most null", for samples that are at least `low`.

    For "the mean is at least null" and samples that are at most `high`: evidence_above(-samples, -null, -high).

    Args:
        samples: [n], independent with the same mean.
        null: [...] means in question.
        low: What every sample is at least, known beforehand.

    Returns:
        [...] log of an e-value: its exponential has an expectation of at most 1 where the mean is at most null.
            Infinite where the null is impossible.

    Raises:
        ValueError: no samples, samples that are not finite or below `low`, or a NaN null.

    Source: see the module.
    """
    x = _checked(samples, low)
    null = np.asarray(null, np.float64)
    if np.isnan(null).any():
        raise ValueError("null is NaN, expected a mean.")
    room = null - low
    won = np.array([_won(x, each) if each > 0 else 0.0 for each in room.flat]).reshape(room.shape)
    return np.where(room > 0, won, np.where((room == 0) & ~(x > 0).any(), 0.0, np.inf))[()]


def _won(x: Floats, null: float) -> float:
    """The logarithm of the capital against a null above zero, for samples [n] that are at least zero."""
    with np.errstate(divide="ignore"):  # a sample of zero loses the whole capital of who stakes all of it
        capital = np.log1p(SHARES[:, None] * (x / null - 1.0)).sum(axis=1)
    most = capital.max()
    return float(most + np.log(WEIGHTS @ np.exp(capital - most)))


def p_value_above(samples: ArrayLike, null: float, low: float) -> float:
    """A p-value of "the mean is at most null", for samples that are at least `low`: small where the mean exceeds it.

    Args:
        samples: [n], independent with the same mean.
        null: The mean in question.
        low: What every sample is at least, known beforehand; minus infinity: not known, the p-value is 1.

    Returns:
        The p-value, valid at every n.

    Raises:
        ValueError: as `evidence_above` raises.
    """
    if not np.isfinite(low):
        return 1.0
    return float(np.exp(-max(0.0, float(evidence_above(samples, null, low)))))


def p_value_below(samples: ArrayLike, null: float, high: float) -> float:
    """A p-value of "the mean is at least null", for samples that are at most `high`: small where the mean is below it.

    Args:
        samples: [n], independent with the same mean.
        null: The mean in question.
        high: What every sample is at most, known beforehand; infinity: not known, the p-value is 1.

    Returns:
        The p-value, valid at every n.

    Raises:
        ValueError: as `evidence_above` raises.
    """
    return p_value_above(-np.asarray(samples, np.float64), -float(null), -high)


def limits(samples: ArrayLike, low: float, high: float, level: float = 0.95) -> tuple[float, float]:
    """One-sided limits of the mean, each of coverage `level` at every number of samples.

    Args:
        samples: [n], independent with the same mean.
        low: What every sample is at least, known beforehand; minus infinity: not known, and so is the lower limit.
        high: What every sample is at most; likewise.
        level: Coverage of each limit, in (0, 1).

    Returns:
        Lower and upper limit.

    Raises:
        ValueError: as `evidence_above` raises, or a level outside (0, 1).

    Example:
        >>> lower, upper = limits([0.0] * 256, low=0.0, high=10.0)
        >>> print(f"{lower:.2f} to {upper:.2f}")
        0.00 to 0.14
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}, expected a probability strictly between 0 and 1.")
    x = np.asarray(samples, np.float64)
    return _lower(x, low, 1.0 - level), -_lower(-x, -high, 1.0 - level)


def _lower(x: Floats, low: float, error: float) -> float:
    """The largest mean that is ruled out, less a relative PRECISION: the evidence falls with the null.

    It is sought on a logarithmic scale, on which the evidence is nearly straight where the null is small.
    """
    if not np.isfinite(low):
        return -np.inf
    gains = _checked(x, low)
    mean, wanted = float(gains.mean()), -np.log(error)

    def beyond(exponent: float) -> float:
        return _won(gains, mean * np.exp(exponent)) - wanted

    right = 0.0  # a null at the sample mean is never ruled out: the evidence there is below 1
    for left in EXPONENTS:
        if mean * np.exp(left) > 0 and beyond(left) >= 0:
            found = optimize.brentq(beyond, left, right, xtol=PRECISION / 2.0)
            return low + mean * float(np.exp(found - PRECISION / 2.0))
        right = left
    return low


def _checked(samples: ArrayLike, low: float) -> Floats:
    """The samples less `low`."""
    x = np.asarray(samples, np.float64)
    if x.ndim != 1 or not len(x):
        raise ValueError(f"samples has shape {x.shape}, expected [n] with n of at least 1.")
    if not np.isfinite(x).all():
        raise ValueError(f"samples contains {x[~np.isfinite(x)][0]}, expected finite numbers.")
    if (x < low).any():
        raise ValueError(f"samples contains {x.min():g}, expected at least {low:g}.")
    return x - low
