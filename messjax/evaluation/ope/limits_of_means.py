"""Intervals of the mean of terms, by what they assume."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from messjax.evaluation.ope.estimators import Terms
from messjax.statistics import confidence_sequences, intervals

KINDS = {
    "t": "Student t, asymptotic",
    "bernstein": "empirical Bernstein, valid at every number of requests, any time, and where means change",
    "betting": "betting, valid at every number of requests and any time where means do not change",
}


class Limits(NamedTuple):
    """An estimate with its limits.

    Attributes:
        value: The estimate.
        lower: Lower limit.
        upper: Upper limit.
        level: Coverage of both together.
        kind: One of `KINDS`.
    """

    value: float
    lower: float
    upper: float
    level: float
    kind: str

    @property
    def half(self) -> float:
        """Half the width."""
        return (self.upper - self.lower) / 2.0


def limits_of(terms: Terms, level: float = 0.95, kind: str = "t") -> Limits:
    """An interval of the mean of terms.

    Args:
        terms: The terms, in the order of the requests.
        level: Coverage of both limits together.
        kind: One of `KINDS`. The two that are valid at every number of requests need terms of known range, which rests
            on the largest possible weight: a router that chooses every model with a least probability has one.

    Returns:
        The interval.

    Raises:
        ValueError: An unknown kind, terms without a range where one is needed, or bets against every mean that have
            won: the means change.

    Source: [WSR23] and [HRMS21] of `messjax.statistics.confidence_sequences`; Waudby-Smith et al. 2022 (arXiv
        2210.10768) for importance-weighted means.
    """
    if kind not in KINDS:
        raise ValueError(f"--interval: found {kind!r}, expected one of {', '.join(KINDS)}")
    if kind == "t":
        of_mean = intervals.interval(terms.each, level)
        return Limits(terms.value, float(of_mean.lower), float(of_mean.upper), level, kind)
    if not (np.isfinite(terms.low) and np.isfinite(terms.high)):
        raise ValueError(f"--interval {kind}: found an estimator whose terms have no range (snips), expected dr or ips")
    if kind == "bernstein":
        return _bernstein(terms, level)
    sequence = confidence_sequences.betting(terms.each, terms.low, terms.high, level)
    lower, upper = float(sequence.lower[-1]), float(sequence.upper[-1])
    if lower > upper:
        raise ValueError(
            f"--interval betting: found no mean that fits all requests (at least {lower:.4g} and at most {upper:.4g}): "
            "the outcomes change along the log; --interval bernstein is valid for the average of means that change"
        )
    return Limits(terms.value, lower, upper, level, kind)


def _bernstein(terms: Terms, level: float) -> Limits:
    """Limits of the average of the conditional means; each term is guessed by the mean of those before it."""
    x, count = terms.each, np.arange(len(terms.each))
    middle = (terms.low + terms.high) / 2.0
    guess = (np.append(0.0, np.cumsum(x)[:-1]) + middle) / (count + 1.0)
    total, variance, size = x.sum(), ((x - guess) ** 2).sum(), len(x)
    sequence = confidence_sequences.running_mean_of_conditional_means(
        [total], [variance], [size], terms.low, terms.high, level
    )
    return Limits(terms.value, float(sequence.lower[-1]), float(sequence.upper[-1]), level, "bernstein")
