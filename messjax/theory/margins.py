"""The margin bound - measured of each kind of conclusion: limits and p-values over independent streams.

Two kinds of p-values, kept apart. Those of `finite` are valid at any number of streams: binomial for events, by bets
for means of numbers with a known range (`statistics.bounded_means`). Those of `asymptotic` are Student's t (with the
jackknife where the bound itself is computed from means): right as the number of streams grows, if the variance is
finite. Where nothing speaks both p-values are 1: samples that all agree have no variance to speak of, and numbers
without a known range whose tail looks heavy may not have one.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from messjax.statistics import bounded_means, intervals, one_sided_limits
from messjax.theory.statement import AtLeast, Between, Claim, Equal, Exact, Tail

NAN = float("nan")
ROUNDING = 1e-6  # of the numbers compared: sums in float32 differ by so much at most
STUDENT, JACKKNIFE, BINOMIAL = "Student's t, asymptotic", "jackknife and t, asymptotic", "Clopper-Pearson, exact"
AGREE = "all streams agree: they show no variance"
HEAVY = "no range is known and the tail may be heavy: no limits from a variance"
OUTSIDE = "measured outside the range that it should have"
NO_CLAIM = "the bound is {}: no claim"


class PValues(NamedTuple):
    """p-values of a margin; 1 where nothing is shown.

    Attributes:
        violated: Small where the margin is below zero.
        holds: Small where it is above zero.
    """

    violated: float = 1.0
    holds: float = 1.0


class Margin(NamedTuple):
    """What the test of a conclusion came to. Limits are one-sided, those of bound - measured asymptotic.

    Attributes:
        measured: What was measured.
        bound: The bound at the measured means.
        bound_limits: Two-sided limits of the bound, where it is computed from measured means.
        limits: Limits of the margin as `interval` says.
        finite_limits: Limits that are valid at any number of streams; NaN where there are none.
        finite: p-values valid at any number of streams.
        asymptotic: p-values of Student's t.
        interval: How the limits were made.
        looseness: bound / measured, where both are positive.
        note: Why p-values are 1 that might have spoken.
        silent: Why nothing is claimed, else empty.
    """

    measured: float
    bound: float
    bound_limits: tuple[float, float] = (NAN, NAN)
    limits: tuple[float, float] = (NAN, NAN)
    finite_limits: tuple[float, float] = (NAN, NAN)
    finite: PValues = PValues()
    asymptotic: PValues = PValues()
    interval: str = "none"
    looseness: float = NAN
    note: str = ""
    silent: str = ""


def of_conclusion(conclusion: Any, level: float, finite_variance: bool = True) -> Margin:
    """The margin of a conclusion, with its p-values.

    Args:
        conclusion: What a statement has concluded, `NotApplicable` excepted.
        level: Coverage of each one-sided limit, in (0.5, 1).
        finite_variance: Whether numbers without a known range are known to have a finite variance (`Run`).

    Returns:
        The margin.

    Raises:
        ValueError: a NaN bound, or NaN or infinite samples.
    """
    if isinstance(conclusion, Exact):
        return _exact(conclusion)
    if isinstance(conclusion, Tail):
        return _tail(conclusion, level)
    return _OF_MEANS[type(conclusion)](conclusion, level, finite_variance)


def _refuse_nan(bound: float) -> None:
    if np.isnan(bound):
        raise ValueError("the bound is NaN, expected a number or infinity")


def _mean(claim: Claim, level: float, finite_variance: bool) -> Margin:
    x = intervals.samples_of(claim.measured, "what was measured")
    means, bound = [np.mean(values) for values in claim.uses], claim.bound
    number, measured = float(bound(*means)) if callable(bound) else float(bound), float(np.mean(x))
    _refuse_nan(number)
    if np.isposinf(number):
        return Margin(measured, number, silent=NO_CLAIM.format("infinite"))
    if np.isneginf(number):
        return Margin(measured, number, finite=PValues(violated=0.0), note="no number is below minus infinity")

    def margin(m: Any, *u: Any) -> Any:
        return (bound(*u) if callable(bound) else number) - m

    limits = intervals.jackknife(margin, x, *claim.uses, level=level)
    asymptotic, note = _student(x, limits, max(abs(number), abs(measured)), claim, finite_variance)
    finite, finite_limits, outside = _by_bets(claim, x, level)
    return Margin(
        measured=measured,
        bound=number,
        bound_limits=_bound_limits(claim, level),
        limits=(float(limits.lower), float(limits.upper)),
        finite_limits=finite_limits,
        finite=finite,
        asymptotic=asymptotic,
        interval=JACKKNIFE if claim.uses else STUDENT,
        looseness=_looseness(number, measured),
        note=outside or note,
    )


def _student(
    x: np.ndarray, limits: intervals.Interval, scale: float, claim: Claim | Equal, finite_variance: bool
) -> tuple[PValues, str]:
    """Student's t for the margin, and why it is silent."""
    error = (float(limits.mean) - float(limits.lower)) / float(special.stdtrit(limits.n - 1, limits.level))
    if not error > 1e-9 * scale:  # rounding is no variance
        return PValues(), AGREE
    if not np.isfinite(claim.within).all() and (not finite_variance or intervals.looks_heavy_tailed(x)):
        return PValues(), HEAVY
    below = float(special.stdtr(limits.n - 1, float(limits.mean) / error))
    return PValues(below, 1.0 - below), ""


def _bound_limits(claim: Claim, level: float) -> tuple[float, float]:
    """Two-sided limits of a bound that is computed from means."""
    if not callable(claim.bound) or not claim.uses:
        return NAN, NAN
    found = intervals.jackknife(claim.bound, *claim.uses, level=(1.0 + level) / 2.0)
    return float(found.lower), float(found.upper)


def _by_bets(claim: Claim, x: np.ndarray, level: float) -> tuple[PValues, tuple[float, float], str]:
    """p-values and limits of the margin that are valid at any number of streams, where ranges are known.

    For a bound that is concave in the means of `uses` the mean of bound(uses_i) - measured_i is at most the margin
    (Jensen), which is all that "holds" needs.
    """
    low, high = _rounded_out(claim.within)
    if x.min() < low or x.max() > high:
        return PValues(), (NAN, NAN), OUTSIDE
    if not callable(claim.bound) or not claim.uses:
        number = float(claim.bound() if callable(claim.bound) else claim.bound)
        lower, upper = (NAN, NAN) if np.isinf(claim.within).all() else bounded_means.limits(x, low, high, level)
        slack = ROUNDING * max(abs(number), abs(float(x.mean())))
        p = PValues(
            bounded_means.p_value_above(x, number + slack, low), bounded_means.p_value_below(x, number - slack, high)
        )
        return p, (number - upper, number - lower), ""
    if len(claim.uses_within) != len(claim.uses) or not np.isfinite(high):
        return PValues(), (NAN, NAN), ""
    corners = [claim.bound(*corner) for corner in itertools.product(*claim.uses_within)]
    margins = np.asarray(claim.bound(*claim.uses), np.float64) - x
    least = float(np.min(corners)) - high
    holds = bounded_means.p_value_above(margins, 0.0, min(least, float(margins.min())))
    return PValues(holds=holds), (bounded_means.limits(margins, least, np.inf, level)[0], NAN), ""


def _rounded_out(within: tuple[float, float]) -> tuple[float, float]:
    low, high = within
    slack = ROUNDING * max((abs(each) for each in within if np.isfinite(each)), default=0.0)
    return low - slack, high + slack


def _at_least(text: AtLeast, level: float, finite_variance: bool) -> Margin:
    """As a claim about minus what is measured; limits are those of measured - bound."""
    low, high = text.within
    found = _mean(Claim(-text.measured, -text.bound, within=(-high, -low)), level, finite_variance)
    return found._replace(measured=-found.measured, bound=float(text.bound), looseness=NAN)


def _between(text: Between, level: float, finite_variance: bool) -> Margin:
    """The limit of which the larger share is used up, in the unit of what is measured; distances from the centre.

    Violated by either side's p-value, doubled; it holds by the larger of the two. A limit at infinity claims nothing.
    """
    sides = [_mean(side, level, finite_variance) for side in text.sides]
    claimed = [(side, sign) for side, sign in zip(sides, (1.0, -1.0), strict=True) if not side.silent]
    if not claimed:
        return sides[0]._replace(measured=text.centre + sides[0].measured)
    nearer, sign = max(claimed, key=lambda each: each[0].measured / max(each[0].bound, 1e-300))

    def both(kind: str) -> PValues:
        p = [getattr(side, kind) for side, _ in claimed]
        violated = min(1.0, len(p) * min(each.violated for each in p))
        return PValues(violated, max(each.holds for each in p))

    limits = sorted(text.centre + sign * limit for limit in nearer.bound_limits)
    return nearer._replace(
        measured=text.centre + sign * nearer.measured,
        bound=text.centre + sign * nearer.bound,
        bound_limits=(limits[0], limits[1]),
        finite=both("finite"),
        asymptotic=both("asymptotic"),
    )


def _equal(text: Equal, level: float, finite_variance: bool) -> Margin:
    """Two-sided against the equality, two one-sided tests for the tolerance."""
    x = intervals.samples_of(text.measured, "what was measured")
    value, mean, n = float(text.value), float(np.mean(x)), len(x)
    _refuse_nan(value)
    found = intervals.one_sided(value - x, level)
    asymptotic, note = _student(x, found, max(abs(mean), abs(value)), text, finite_variance)
    if not note:
        error = (float(found.mean) - float(found.lower)) / float(special.stdtrit(n - 1, level))
        far = [float(special.stdtr(n - 1, (sign * (mean - value) - text.tolerance) / error)) for sign in (1, -1)]
        asymptotic = PValues(min(1.0, 2.0 * min(asymptotic)), max(far))
    low, high = _rounded_out(text.within)
    finite, limits = PValues(), (NAN, NAN)
    if x.min() < low or x.max() > high:
        note = OUTSIDE
    elif not np.isinf(text.within).all():
        above, below = bounded_means.p_value_above, bounded_means.p_value_below
        slack = ROUNDING * max(abs(mean), abs(value))
        unequal = 2.0 * min(above(x, value + slack, low), below(x, value - slack, high))
        within = max(above(x, value - text.tolerance, low), below(x, value + text.tolerance, high))
        lower, upper = bounded_means.limits(x, low, high, level)
        finite, limits = PValues(min(1.0, unequal), within), (value - upper, value - lower)
    return Margin(
        measured=mean,
        bound=value,
        limits=(float(found.lower), float(found.upper)),
        finite_limits=limits,
        finite=finite,
        asymptotic=asymptotic,
        interval=STUDENT,
        looseness=1.0,
        note=note,
    )


def _tail(tail: Tail, level: float) -> Margin:
    """Clopper and Pearson's limits, and exact binomial p-values."""
    n, k, bound = len(tail.events), int(np.sum(tail.events)), float(tail.bound)
    _refuse_nan(bound)
    if bound >= 1.0:
        return Margin(k / n, bound, silent=NO_CLAIM.format(f"{bound:g}, no less than any probability"))
    at_most = max(bound, 0.0)
    violated = float(special.betainc(k, n - k + 1, at_most)) if k else 1.0  # P(at least k of n)
    lower, upper = map(float, one_sided_limits.share_limits(k, n, 1.0 - level))
    limits = bound - upper, bound - lower
    return Margin(
        measured=k / n,
        bound=bound,
        limits=limits,
        finite_limits=limits,
        finite=PValues(0.0 if bound < 0.0 else violated, float(special.bdtr(k, n, at_most))),  # P(at most k of n)
        interval=BINOMIAL,
        looseness=_looseness(bound, k / n),
    )


def _exact(text: Exact) -> Margin:
    measured, bound = float(text.measured), float(text.bound)
    _refuse_nan(bound)
    if np.isnan(measured):
        raise ValueError("what was measured is NaN, expected a number")
    if np.isposinf(bound):
        return Margin(measured, bound, silent=NO_CLAIM.format("infinite"))
    margin = bound - measured
    fine = np.isfinite(bound) and margin >= -text.rounding * max(1.0, abs(bound))
    return Margin(measured, bound, limits=(margin, margin), finite_limits=(margin, margin),
                  finite=PValues(float(fine), float(not fine)), interval="compared, not sampled",
                  looseness=_looseness(bound, measured))  # fmt: skip


def _looseness(bound: float, measured: float) -> float:
    return bound / measured if bound > 0 and measured > 0 and np.isfinite(bound) else NAN


_OF_MEANS: dict[type, Any] = {Claim: _mean, AtLeast: _at_least, Between: _between, Equal: _equal}
