"""Conclusions as statistical tests: measured, bound, limits, p-values, and verdicts over a family of tests.

`theory.margins` tests one conclusion: p-values that are valid at any number of streams, and asymptotic ones.
`corrected` turns them into verdicts over all tests of a family, each kind by itself: a verdict rests on p-values that
are valid at any number of streams if these decide it, and otherwise on asymptotic ones, and says which.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from messjax.statistics import intervals, one_sided_limits
from messjax.theory import margins
from messjax.theory.margins import NAN
from messjax.theory.statement import Exact, NotApplicable, NotTested, Run, Statement, Tail

LEVEL = 0.95
NOT_APPLICABLE = "not applicable"
VERDICTS = ("violated", "undecided", "holds", NOT_APPLICABLE)  # from the worst
EVIDENCE = ("exact", "finite-sample", "asymptotic", "plug-in")
CORRECTIONS = ("holm", "bonferroni", "none")


class Row(NamedTuple):
    """The test of one statement on one run. NaN where it is not applicable.

    Attributes:
        statement: Name of the statement.
        source: Where its proof is.
        assumptions: What it needs.
        case: Name of the run.
        V: Its weight of cost.
        T: Its number of requests.
        measured: What was measured.
        measured_lower: Lower limit of it, two-sided and not corrected: of means asymptotic, of events exact.
        measured_upper: Upper limit of it.
        bound: The bound at the measured means.
        bound_lower: Lower limit of the bound by the sampling error of the means in it alone, two-sided, asymptotic; NaN
            where it has none.
        bound_upper: Upper limit of it.
        margin_lower: Lower one-sided limit of bound - measured (of measured - bound where the statement is "at least"),
            at the level of the tests and not corrected, as `interval` says.
        margin_upper: Upper one-sided limit of it.
        finite_margin_lower: The same, valid at any number of streams; NaN where there is none.
        finite_margin_upper: Its upper limit.
        interval: How `margin_lower` and `margin_upper` were made, and whether they are asymptotic.
        looseness: bound / measured, where both are positive.
        p_violated: Small where the margin is below zero; valid at any number of streams, 1 where there is no such test.
        p_holds: Small where the margin is above zero; likewise.
        p_violated_asymptotic: As `p_violated`, by Student's t.
        p_holds_asymptotic: As `p_holds`, by Student's t.
        evidence: What the verdict rests on, one of `EVIDENCE`: a comparison without randomness, p-values that are valid
            at any number of streams, asymptotic ones, or either with a threshold taken from the same streams.
        verdict: One of `VERDICTS`.
        reason: Why it is not applicable.
        note: What limits the evidence.
        streams: Number of independent streams.
        seconds: Time that the simulation took.
        tested: False where the run is of another kind than the statement is about, or lacks what it is about.
    """

    statement: str
    source: str
    assumptions: str
    case: str
    V: float
    T: int
    measured: float
    measured_lower: float
    measured_upper: float
    bound: float
    bound_lower: float
    bound_upper: float
    margin_lower: float
    margin_upper: float
    finite_margin_lower: float
    finite_margin_upper: float
    interval: str
    looseness: float
    p_violated: float
    p_holds: float
    p_violated_asymptotic: float
    p_holds_asymptotic: float
    evidence: str
    verdict: str
    reason: str
    note: str
    streams: int
    seconds: float
    tested: bool = True


EMPTY_ROW = Row(
    statement="", source="", assumptions="", case="", V=NAN, T=0, measured=NAN, measured_lower=NAN, measured_upper=NAN,
    bound=NAN, bound_lower=NAN, bound_upper=NAN, margin_lower=NAN, margin_upper=NAN, finite_margin_lower=NAN,
    finite_margin_upper=NAN, interval="none", looseness=NAN, p_violated=1.0, p_holds=1.0, p_violated_asymptotic=1.0,
    p_holds_asymptotic=1.0, evidence="", verdict=NOT_APPLICABLE, reason="", note="", streams=0, seconds=0.0,
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

    Raises:
        ValueError: a NaN bound, or NaN or infinite samples; the message names the statement and the run.
    """
    row = EMPTY_ROW._replace(
        statement=statement.name,
        source=statement.source,
        assumptions=" ".join(sorted(statement.assumptions)),
        case=run.name,
        V=run.V,
        T=run.T,
        seconds=run.seconds,
    )
    try:
        measured, lower, upper = limits_of_measured(conclusion, level)
        row = row._replace(measured=measured, measured_lower=lower, measured_upper=upper)
        if isinstance(conclusion, NotApplicable):  # for tables: what is not bounded
            tested = not isinstance(conclusion, NotTested)
            return row._replace(reason=conclusion.reason, bound=NAN if np.isnan(measured) else np.inf, tested=tested)
        margin = margins.of_conclusion(conclusion, level, run.finite_variance)
    except ValueError as error:
        raise ValueError(f"statement {statement.name!r} on {run.name or 'a run'!r}: {error}") from error
    streams = None if isinstance(conclusion, Exact) else _samples(conclusion)
    row = row._replace(
        measured=margin.measured,
        bound=margin.bound,
        bound_lower=margin.bound_limits[0],
        bound_upper=margin.bound_limits[1],
        streams=0 if streams is None else len(streams),
    )
    if margin.silent:
        return row._replace(reason=margin.silent)
    row = row._replace(
        margin_lower=margin.limits[0],
        margin_upper=margin.limits[1],
        finite_margin_lower=margin.finite_limits[0],
        finite_margin_upper=margin.finite_limits[1],
        interval=margin.interval,
        looseness=margin.looseness,
        p_violated=margin.finite.violated,
        p_holds=margin.finite.holds,
        p_violated_asymptotic=margin.asymptotic.violated,
        p_holds_asymptotic=margin.asymptotic.holds,
        evidence="exact" if streams is None else "",
        note=getattr(conclusion, "plug_in", "") or margin.note,
    )
    return _decided(row, bool(getattr(conclusion, "plug_in", "")), level, *_p_values(row))


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
    tested = [i for i, row in enumerate(rows) if row.verdict != NOT_APPLICABLE and row.evidence != "exact"]
    out = list(rows)
    if not tested:
        return out
    families = zip(*(_p_values(rows[i]) for i in tested), strict=True)
    adjusted = zip(*(_adjusted(list(family), correction) for family in families), strict=True)
    for i, p in zip(tested, adjusted, strict=True):
        out[i] = _decided(rows[i], rows[i].evidence == "plug-in", level, *map(float, p))
    return out


def _p_values(row: Row) -> tuple[float, float, float, float]:
    return row.p_violated, row.p_holds, row.p_violated_asymptotic, row.p_holds_asymptotic


def _adjusted(p_values: list[float], correction: str) -> Any:
    if correction == "holm":
        return intervals.holm(p_values)
    return np.minimum(1.0, np.asarray(p_values) * (len(p_values) if correction == "bonferroni" else 1))


def _decided(row: Row, plug_in: bool, level: float, *p: float) -> Row:
    """The row with its verdict, by p-values valid at any number of streams if they decide, else by asymptotic ones."""
    evidence, word = row.evidence or "finite-sample", _word(p[0], p[1], level)
    if word == "undecided" and row.evidence != "exact":
        evidence, word = "asymptotic", _word(p[2], p[3], level)
    if row.evidence == "exact":
        evidence = "exact"
    elif plug_in:
        evidence = "plug-in"
    elif word == "undecided":
        evidence = ""
    return row._replace(verdict=word, evidence=evidence)


def _word(p_violated: float, p_holds: float, level: float) -> str:
    error = 1.0 - level
    if p_violated <= error:
        return "violated"
    return "holds" if p_holds <= error else "undecided"


def _samples(conclusion: Any) -> Any:
    return conclusion.events if isinstance(conclusion, Tail) else conclusion.measured


def limits_of_measured(conclusion: Any, level: float = LEVEL) -> tuple[float, float, float]:
    """What was measured, with two-sided limits over streams: of means Student's t, asymptotic; of events exact.

    Args:
        conclusion: What a statement concluded.
        level: Coverage of the limits, in (0, 1).

    Returns:
        Mean, lower and upper limit; NaN where nothing was measured.
    """
    if isinstance(conclusion, Exact):
        return conclusion.measured, conclusion.measured, conclusion.measured
    samples = _samples(conclusion)
    if samples is None:
        return NAN, NAN, NAN
    if isinstance(conclusion, Tail):
        lower, upper = one_sided_limits.share_limits(np.sum(samples), len(samples), (1.0 - level) / 2.0)
        return float(np.mean(samples)), float(lower), float(upper)
    limits = intervals.interval(samples, level)
    return float(limits.mean), float(limits.lower), float(limits.upper)
