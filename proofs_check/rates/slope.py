"""A rate: measured means over a range, the slope of their logarithms with an interval, and the predicted one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from messjax.statistics import intervals
from messjax.theory import assumptions_of
from proofs_check.trials.trial import EMPTY_ROW, NAN, Row

GATE = 20.0  # the smallest T / (V gamma*) at which a slope gets a verdict
TOLERANCE = 0.1  # a slope agrees where its whole interval is this close: finite T and V bend every power law a little
LEVEL = 0.95
ASYMPTOTIC = "normal over streams, asymptotic"
BASIS = {"T8": "T2"}  # T8 is about the terms of T2


class Rate(NamedTuple):
    """One power law: y is about x^predicted. The slope is fitted to the last `used` points."""

    statement: str
    what: str
    x_name: str
    x: np.ndarray  # [n]
    y: np.ndarray  # [n], means over independent streams (a standard deviation: over streams and time)
    lower: np.ndarray  # [n], two-sided limits at 95%
    upper: np.ndarray
    slope: float
    slope_lower: float
    slope_upper: float
    predicted: float
    gate: float  # the smallest T / (V gamma*) in it; NaN where no queue is in it
    verdict: str  # "agrees", "differs", "undecided" (the interval straddles the tolerance) or "gated"
    seconds: float
    used: int


def fit(
    statement: str,
    what: str,
    x_name: str,
    x: np.ndarray,
    samples: np.ndarray,
    predicted: float,
    *,
    gate: float = float("nan"),
    root: float = 1.0,
    used: int | None = None,
    seconds: float = 0.0,
) -> Rate:
    """The rate of samples [n, streams] at x [n], the same streams at every x.

    y is the mean over streams to the power 1/root: root = 2 makes a standard deviation of mean squares. ValueError
    for a mean that is not positive, as `intervals.loglog_slope` raises it.
    """
    x, used = np.asarray(x, np.float64), len(x) if used is None else used
    limits = intervals.interval(samples, LEVEL)
    y, lower, upper = (np.maximum(each, 0.0) ** (1.0 / root) for each in limits[:3])
    line = intervals.loglog_slope(x[-used:], samples[-used:], LEVEL)
    slope, slope_lower, slope_upper = (float(each) / root for each in line[:3])
    text = verdict(slope_lower, slope_upper, predicted, gate)
    return Rate(
        statement, what, x_name, x, y, lower, upper, slope, slope_lower, slope_upper, predicted, gate, text, seconds,
        used,
    )  # fmt: skip


def verdict(lower: float, upper: float, predicted: float, gate: float = float("nan")) -> str:
    """The verdict on a predicted slope from the interval of the measured one, where T / (V gamma*) is at least GATE."""
    if gate < GATE:
        return "gated"
    near, far = abs(lower - predicted), abs(upper - predicted)
    if max(near, far) <= TOLERANCE:
        return "agrees"
    apart = lower > predicted + TOLERANCE or upper < predicted - TOLERANCE
    return "differs" if apart else "undecided"


def row(rate: Rate) -> Row:
    """A rate as a line of the verdict table: the slope against the predicted one, within TOLERANCE of it.

    It holds by two one-sided tests, and is violated where the slope is significantly farther away: what is between is
    undecided; where T / (V gamma*) is below GATE it is not applicable. The margin is what the tolerance leaves.
    """
    out = EMPTY_ROW._replace(
        statement=f"{rate.statement} rate", source=f"{rate.statement} in docs/theory",
        assumptions=assumptions_of(BASIS.get(rate.statement, rate.statement)),
        case=f"{rate.what}, slope in {rate.x_name}", seconds=rate.seconds,
    )  # fmt: skip
    if rate.verdict == "gated":
        return out._replace(reason=f"T/(V gamma*) = {rate.gate:.3g} is below {GATE:g}")
    half = (rate.slope_upper - rate.slope_lower) / 2.0
    far = abs(rate.slope - rate.predicted)
    p_holds = normal_p_value(far - TOLERANCE, half)
    return out._replace(
        measured=rate.slope, measured_lower=rate.slope_lower, measured_upper=rate.slope_upper,
        bound=rate.predicted, margin_lower=TOLERANCE - far - half,
        margin_upper=TOLERANCE - far + half, looseness=NAN,
        p_violated_asymptotic=normal_p_value(TOLERANCE - far, half), p_holds_asymptotic=p_holds, interval=ASYMPTOTIC,
        verdict="undecided",
    )  # fmt: skip


def normal_p_value(beyond: float, half: float) -> float:
    """The p-value of "not below zero", for a number with a 95% interval of this half width; 1 for one of no width."""
    return float(special.ndtr(beyond / half * special.ndtri((1.0 + LEVEL) / 2.0))) if half > 0 else 1.0
