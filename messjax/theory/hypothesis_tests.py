"""Conclusions as statistical tests: measured, bound, limits, p-values, and verdicts over a family of tests.

Each conclusion has one-sided limits on its margin bound - measured over independent streams (by the jackknife, as a
bound may use measured means, too) and two p-values, one for "violated" and one for "holds". A number without
randomness is compared. `corrected` turns p-values into verdicts over all tests of a family.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from messjax.statistics import intervals
from messjax.theory.statement import AtLeast, Between, Claim, Equal, Exact, NotApplicable, Run, Statement, Tail

LEVEL = 0.95
NAN = float("nan")
NOT_APPLICABLE = "not applicable"
VERDICTS = ("violated", "undecided", "holds", NOT_APPLICABLE)  # from the worst
CORRECTIONS = ("holm", "bonferroni", "none")


class Row(NamedTuple):
    """The test of one statement on one run. NaN where it is not applicable.

    Attributes:
        statement: Name of the statement.
        source: Where its proof is.
        assumptions: What it needs.
        case: Name of the run.
        measured: What was measured.
        measured_lower: Lower limit of it, two-sided and not corrected.
        measured_upper: Upper limit of it.
        bound: The bound at the measured means.
        margin_lower: Lower one-sided limit of bound - measured (of measured - bound where the statement is "at least"),
            at the level of the tests and not corrected.
        margin_upper: Upper one-sided limit of it.
        looseness: bound / measured, where both are positive.
        p_violated: Small where the margin is below zero.
        p_holds: Small where the margin is above zero.
        verdict: One of `VERDICTS`.
        reason: Why it is not applicable.
        streams: Number of independent streams.
        seconds: Time that the simulation took.
    """

    statement: str
    source: str
    assumptions: str
    case: str
    measured: float
    measured_lower: float
    measured_upper: float
    bound: float
    margin_lower: float
    margin_upper: float
    looseness: float
    p_violated: float
    p_holds: float
    verdict: str
    reason: str
    streams: int
    seconds: float


EMPTY_ROW = Row(
    statement="", source="", assumptions="", case="", measured=NAN, measured_lower=NAN, measured_upper=NAN, bound=NAN,
    margin_lower=NAN, margin_upper=NAN, looseness=NAN, p_violated=NAN, p_holds=NAN, verdict=NOT_APPLICABLE, reason="",
    streams=0, seconds=0.0,
)  # fmt: skip


def evaluate(statement: Statement, run: Run, *, level: float = LEVEL, ignored: Collection[str] = ()) -> Row:
    """One statement tested on one run, its verdict at `level` by itself.

    Args:
        statement: what is tested.
        run: one policy at one point of a grid.
        level: coverage of each one-sided limit, in (0.5, 1).
        ignored: assumptions whose recorded failure is overlooked (see `Statement.conclude`).

    Returns:
        Measured, bound, limits of the margin, p-values and verdict.
    """
    return of_conclusion(statement, run, statement.conclude(run, ignored), level)


def of_conclusion(statement: Statement, run: Run, conclusion: Any, level: float = LEVEL) -> Row:
    """The test of what a statement has concluded about a run, as `evaluate` makes it.

    Args:
        statement: The statement.
        run: The run.
        conclusion: What the statement concluded.
        level: Coverage of each one-sided limit, in (0.5, 1).

    Returns:
        Measured, bound, limits of the margin, p-values and verdict.
    """
    row = EMPTY_ROW._replace(
        statement=statement.name,
        source=statement.source,
        assumptions=" ".join(sorted(statement.assumptions)),
        case=run.name,
        seconds=run.seconds,
    )
    if isinstance(conclusion, NotApplicable):
        return row._replace(reason=conclusion.reason)
    if isinstance(conclusion, Exact):
        row = row._replace(**_exact(conclusion))
    else:
        streams = conclusion.events if isinstance(conclusion, Tail) else conclusion.measured
        row = row._replace(**_TESTS[type(conclusion)](conclusion, level), streams=len(streams))
    _, lower, upper = limits_of_measured(conclusion, level)
    return row._replace(measured_lower=lower, measured_upper=upper, verdict=_word(row.p_violated, row.p_holds, level))


def corrected(rows: Sequence[Row], correction: str = "holm", level: float = LEVEL) -> list[Row]:
    """The rows with verdicts corrected for their number; what is not applicable does not count and stays as it is.

    Args:
        rows: one per test of the family.
        correction: "holm" (each of "holds" and "violated" is wrong anywhere in the family with probability
            1 - level), "bonferroni" (the same, more cautiously), or "none" (each test by itself).
        level: of the family.

    Returns:
        The rows in the order given.

    Raises:
        ValueError: another correction.
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"correction is {correction!r}, expected one of {', '.join(CORRECTIONS)}")
    tested = [i for i, row in enumerate(rows) if row.verdict != NOT_APPLICABLE]
    out = list(rows)
    if not tested:
        return out
    violated, holds = ([getattr(rows[i], name) for i in tested] for name in ("p_violated", "p_holds"))
    for i, p, q in zip(tested, _adjusted(violated, correction), _adjusted(holds, correction), strict=True):
        out[i] = rows[i]._replace(verdict=_word(float(p), float(q), level))
    return out


def _adjusted(p_values: list[float], correction: str) -> Any:
    if correction == "holm":
        return intervals.holm(p_values)
    return np.minimum(1.0, np.asarray(p_values) * (len(p_values) if correction == "bonferroni" else 1))


def _word(p_violated: float, p_holds: float, level: float) -> str:
    error = 1.0 - level
    if p_violated <= error:
        return "violated"
    return "holds" if p_holds <= error else "undecided"


def limits_of_measured(conclusion: Any, level: float = LEVEL) -> tuple[float, float, float]:
    """What was measured, with two-sided limits over streams.

    Args:
        conclusion: What a statement concluded.
        level: Coverage of the limits, in (0, 1).

    Returns:
        Mean, lower and upper limit; NaN where nothing was measured.
    """
    if isinstance(conclusion, Exact):
        return conclusion.measured, conclusion.measured, conclusion.measured
    samples = conclusion.events if isinstance(conclusion, Tail) else conclusion.measured
    if samples is None:
        return NAN, NAN, NAN
    if isinstance(conclusion, Tail):
        lower, upper = _binomial_limits(int(np.sum(samples)), len(samples), (1.0 + level) / 2.0)
        return float(np.mean(samples)), lower, upper
    limits = intervals.interval(samples, level)
    return float(limits.mean), float(limits.lower), float(limits.upper)


def _mean(claim: Claim, level: float) -> dict[str, Any]:
    bound = claim.bound if callable(claim.bound) else None
    means = [np.mean(values) for values in claim.uses]
    number = float(bound(*means)) if bound is not None else float(claim.bound)  # type: ignore[arg-type]
    measured = float(np.mean(claim.measured))
    if not np.isfinite(number):  # a bound that holds whatever is measured
        return {"measured": measured, "bound": number, "p_violated": 1.0, "p_holds": 0.0,
                "margin_lower": number, "margin_upper": number, "looseness": np.inf}  # fmt: skip

    def margin(m: Any, *u: Any) -> Any:
        return (bound(*u) if bound is not None else number) - m

    limits = intervals.jackknife(margin, claim.measured, *claim.uses, level=level)
    n = len(claim.measured)
    error = (float(limits.mean) - float(limits.lower)) / float(special.stdtrit(n - 1, level))
    below = _below_zero(float(limits.mean), error, n, max(abs(number), abs(measured)))
    return {
        "measured": measured,
        "bound": number,
        "margin_lower": float(limits.lower),
        "margin_upper": float(limits.upper),
        "looseness": _looseness(number, measured),
        "p_violated": below,
        "p_holds": 1.0 - below,
    }


def _at_least(text: AtLeast, level: float) -> dict[str, Any]:
    """As a claim about minus what is measured; limits are those of measured - bound."""
    return _mean(Claim(-text.measured, -text.bound), level) | {
        "measured": float(np.mean(text.measured)),
        "bound": text.bound,
        "looseness": np.nan,
    }


def _between(text: Between, level: float) -> dict[str, Any]:
    """The limit of which the larger share is used up, in the unit of what is measured; distances from the centre.

    Violated by either side's p-value, doubled; it holds by the larger of the two.
    """
    above, below = (_mean(side, level) for side in text.sides)
    used = [side["measured"] / max(side["bound"], 1e-300) for side in (above, below)]
    nearer, sign = (above, 1.0) if used[0] >= used[1] else (below, -1.0)
    return nearer | {
        "measured": text.centre + sign * nearer["measured"],
        "bound": text.centre + sign * nearer["bound"],
        "p_violated": min(1.0, 2.0 * min(above["p_violated"], below["p_violated"])),
        "p_holds": max(above["p_holds"], below["p_holds"]),
    }


def _below_zero(margin: float, error: float, n: int, scale: float) -> float:
    """The p-value of "the margin is at least zero" against "below": Student's t, or a plain comparison.

    Metrics are sums in float32: what differs by less than 1e-6 of the scale is equal.
    """
    if error <= 1e-9 * scale:
        return float(margin >= -1e-6 * scale)
    return float(special.stdtr(n - 1, margin / error))


def _tail(tail: Tail, level: float) -> dict[str, Any]:
    """Clopper and Pearson's limits, and exact binomial p-values."""
    n, k, bound = len(tail.events), int(np.sum(tail.events)), float(min(max(tail.bound, 0.0), 1.0))
    lower, upper = _binomial_limits(k, n, level)
    return {
        "measured": k / n,
        "bound": bound,
        "margin_lower": bound - upper,
        "margin_upper": bound - lower,
        "looseness": _looseness(bound, k / n),
        "p_violated": float(special.betainc(k, n - k + 1, bound)) if k else 1.0,  # P(at least k of n)
        "p_holds": float(special.bdtr(k, n, bound)) if bound < 1.0 else 0.0,  # P(at most k of n)
    }


def _binomial_limits(k: int, n: int, level: float) -> tuple[float, float]:
    """Clopper and Pearson's limits of a probability, each of coverage `level`."""
    lower = float(special.betaincinv(k, n - k + 1, 1 - level)) if k else 0.0
    return lower, float(special.betaincinv(k + 1, n - k, level)) if k < n else 1.0


def _equal(text: Equal, level: float) -> dict[str, Any]:
    """Student's t both ways: two-sided against the equality, two one-sided tests for the tolerance."""
    limits, n = intervals.one_sided(text.measured, level), len(text.measured)
    mean, error = float(limits.mean), float(limits.mean - limits.lower) / float(special.stdtrit(n - 1, level))
    scale = max(abs(mean), abs(text.value))
    low, high = (_below_zero(sign * (text.value - mean), error, n, scale) for sign in (1, -1))
    within = [_below_zero(sign * (mean - text.value) - text.tolerance, error, n, scale) for sign in (1, -1)]
    return {"measured": mean, "bound": text.value, "margin_lower": text.value - float(limits.upper),
            "margin_upper": text.value - float(limits.lower), "looseness": 1.0,
            "p_violated": min(1.0, 2.0 * min(low, high)), "p_holds": max(within)}  # fmt: skip


def _exact(text: Exact) -> dict[str, Any]:
    margin = text.bound - text.measured
    fine = margin >= -text.rounding * max(1.0, abs(text.bound))
    return {"measured": text.measured, "bound": text.bound, "margin_lower": margin, "margin_upper": margin,
            "looseness": _looseness(text.bound, text.measured), "p_violated": float(fine),
            "p_holds": float(not fine)}  # fmt: skip


def _looseness(bound: float, measured: float) -> float:
    return bound / measured if bound > 0 and measured > 0 and np.isfinite(bound) else np.nan


_TESTS: dict[type, Any] = {Claim: _mean, AtLeast: _at_least, Tail: _tail, Between: _between, Equal: _equal}
