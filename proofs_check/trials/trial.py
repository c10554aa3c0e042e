"""A case is run, statements are put on trial: measured, bound, interval, p-values, and verdicts over the family.

The bound comes from `messjax.theory` and the law, the measurement from the engine: independent code. Each claim has a
one-sided interval on its margin bound - measured and two p-values, one for "violated" and one for "holds"; verdicts are
by Holm's method over the family, at 5% each way.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy import special

from messjax import theory
from messjax.engine.grid_sweep import sweep
from messjax.meters import path_audit, standard_meters
from messjax.statistics import intervals
from messjax.theory import optimum
from messjax.theory.statement import Between, Case, Claim, Equal, Exact, NotApplicable, Run, Statement, Tail
from messjax.types import Array, Controls

LEVEL = 0.95


class Row(NamedTuple):
    """What came of one statement on one run. NaN where it is not applicable."""

    statement: str
    source: str
    assumptions: str
    case: str
    measured: float
    measured_lower: float  # 95% interval of what is measured, two-sided, not corrected
    measured_upper: float
    bound: float
    margin_lower: float  # one-sided limits of bound - measured, each at 95%, not corrected
    margin_upper: float
    looseness: float  # bound / measured, where both are positive
    p_violated: float  # small: the margin is below zero
    p_holds: float  # small: it is above
    verdict: str  # "holds", "violated", "undecided" or "not applicable"
    why: str  # it is not applicable
    streams: int
    seconds: float


NAN = float("nan")
EMPTY_ROW = Row(
    statement="", source="", assumptions="", case="", measured=NAN, measured_lower=NAN, measured_upper=NAN, bound=NAN,
    margin_lower=NAN, margin_upper=NAN, looseness=NAN, p_violated=NAN, p_holds=NAN, verdict="not applicable", why="",
    streams=0, seconds=0.0,
)  # fmt: skip


def run_case(case: Case, key: Array, num_streams: int, *, meter: Any = None, audit: bool = True) -> list[Run]:
    """Run a case and hand out its points (V, alpha, c, a, f): readings per stream with the constants at each.

    With `audit` every request of every stream is audited (`messjax.meters.path_audit`), on the engine's general path.
    """
    whole = [standard_meters.standard() if meter is None else meter] + [path_audit.path_audit_meter()] * audit
    swept = Controls(*(np.atleast_1d(np.asarray(values, np.float64)) for values in case.controls))
    runs = []
    for values in itertools.product(*swept):  # one at a time: the program is then the same for every grid, and case
        started, at = time.perf_counter(), Controls(*map(float, values))
        result = sweep(
            key,
            at,
            policy=case.policy,
            stream=case.stream._replace(
                distribution=None
            ),  # the constants come from `case.law`, whatever the stream says
            horizon=case.horizon,
            num_streams=num_streams,
            meter=standard_meters.zip_meters(*whole) if audit else whole[0],
            feedback=case.feedback,
        )
        metrics = {str(name): np.asarray(value.values, np.float64) for name, value in result.data_vars.items()}
        runs.append(
            _run(case, at._replace(alpha=float(np.round(at.alpha, 6))), metrics)._replace(
                seconds=time.perf_counter() - started
            )
        )
    return runs


def _run(case: Case, at: Controls, metrics: dict[str, np.ndarray]) -> Run:
    P_T = float(theory.exploration_sum(case.horizon, at.c, at.a))
    best, constants = optimum.solve(case.distribution, at.alpha), optimum.constants(case.distribution, at.alpha)
    return Run(case, *at, T=case.horizon, P_T=P_T, metrics=metrics, best=best, constants=constants)


def evaluate(statement: Statement, run: Run) -> Row:
    """One statement on one run, its verdict at 95% by itself."""
    text = statement.evaluate(run)
    row = EMPTY_ROW._replace(
        statement=statement.name,
        source=statement.source,
        assumptions=" ".join(sorted(statement.assumptions)),
        case=run.name,
    )
    if isinstance(text, NotApplicable):
        row = row._replace(why=text.why)
    elif isinstance(text, Claim):
        row = row._replace(**_mean(text), streams=len(text.measured))
    elif isinstance(text, Tail):
        row = row._replace(**_tail(text), streams=len(text.events))
    elif isinstance(text, Between):
        row = row._replace(**_between(text), streams=len(text.measured))
    elif isinstance(text, Equal):
        row = row._replace(**_equal(text), streams=len(text.measured))
    else:
        row = row._replace(**_exact(text))
    row = row._replace(seconds=run.seconds)
    return (
        row if row.verdict == "not applicable" and isinstance(text, NotApplicable) else row._replace(verdict=_word(row))
    )


def _mean(claim: Claim) -> dict[str, Any]:
    bound = claim.bound if callable(claim.bound) else None
    means = [np.mean(values) for values in claim.uses]
    number = float(bound(*means)) if bound is not None else float(claim.bound)  # type: ignore[arg-type]
    measured = _measured(claim.measured)
    if not np.isfinite(number):
        return measured | {"bound": number, "p_violated": 1.0, "p_holds": 0.0,
                "margin_lower": number, "margin_upper": number, "looseness": np.inf}  # fmt: skip

    def margin(m: Any, *u: Any) -> Any:
        return (bound(*u) if bound is not None else number) - m

    limits = intervals.jackknife(margin, claim.measured, *claim.uses, level=LEVEL)
    n = len(claim.measured)
    error = (float(limits.mean) - float(limits.lower)) / float(special.stdtrit(n - 1, LEVEL))
    below = _below_zero(float(limits.mean), error, n, max(abs(number), abs(measured["measured"])))
    return measured | {
        "bound": number,
        "margin_lower": float(limits.lower),
        "margin_upper": float(limits.upper),
        "looseness": _looseness(number, measured["measured"]),
        "p_violated": below,
        "p_holds": 1.0 - below,
    }


def _measured(samples: np.ndarray) -> dict[str, float]:
    """The mean over streams and its interval."""
    limits = intervals.interval(samples, LEVEL)
    return {
        "measured": float(np.mean(samples)),
        "measured_lower": float(limits.lower),
        "measured_upper": float(limits.upper),
    }


def _between(text: Between) -> dict[str, Any]:
    """The limit of which the larger share is used up, told in the unit of what is measured; distances from the centre.

    Violated by either side's p-value, doubled; it holds by the larger of the two.
    """
    above, below = (_mean(side) for side in text.sides)
    used = [side["measured"] / max(side["bound"], 1e-300) for side in (above, below)]
    nearer, sign = (above, 1.0) if used[0] >= used[1] else (below, -1.0)
    return nearer | {
        **_measured(text.measured),
        "measured": text.centre + sign * nearer["measured"],
        "bound": text.centre + sign * nearer["bound"],
        "p_violated": min(1.0, 2.0 * min(above["p_violated"], below["p_violated"])),
        "p_holds": max(above["p_holds"], below["p_holds"]),
    }


def _below_zero(margin: float, error: float, n: int, scale: float) -> float:
    """The p-value of "the margin is at least zero" against "below": Student's t, or a plain comparison.

    Readings are sums in float32: what differs by less than 1e-6 of the scale is equal.
    """
    if error <= 1e-9 * scale:
        return float(margin >= -1e-6 * scale)
    return float(special.stdtr(n - 1, margin / error))


def _tail(tail: Tail) -> dict[str, Any]:
    """Clopper and Pearson's limits and exact binomial p-values."""
    n, k, bound = len(tail.events), int(np.sum(tail.events)), float(min(max(tail.bound, 0.0), 1.0))
    lower = float(special.betaincinv(k, n - k + 1, 1 - LEVEL)) if k else 0.0
    upper = float(special.betaincinv(k + 1, n - k, LEVEL)) if k < n else 1.0
    both = (1.0 + LEVEL) / 2.0
    return {
        "measured": k / n,
        "measured_lower": float(special.betaincinv(k, n - k + 1, 1 - both)) if k else 0.0,
        "measured_upper": float(special.betaincinv(k + 1, n - k, both)) if k < n else 1.0,
        "bound": bound,
        "margin_lower": bound - upper,
        "margin_upper": bound - lower,
        "looseness": _looseness(bound, k / n),
        "p_violated": float(special.betainc(k, n - k + 1, bound)) if k else 1.0,  # P(at least k of n)
        "p_holds": float(special.bdtr(k, n, bound)) if bound < 1.0 else 0.0,  # P(at most k of n)
    }


def _equal(text: Equal) -> dict[str, Any]:
    """Student's t both ways: two-sided against the equality, two one-sided tests for the tolerance."""
    limits, n = intervals.one_sided(text.measured, LEVEL), len(text.measured)
    mean, error = float(limits.mean), float(limits.mean - limits.lower) / float(special.stdtrit(n - 1, LEVEL))
    scale = max(abs(mean), abs(text.value))
    low, high = (_below_zero(sign * (text.value - mean), error, n, scale) for sign in (1, -1))
    within = [_below_zero(sign * (mean - text.value) - text.tolerance, error, n, scale) for sign in (1, -1)]
    return _measured(text.measured) | {"bound": text.value, "margin_lower": text.value - float(limits.upper),
            "margin_upper": text.value - float(limits.lower), "looseness": 1.0,
            "p_violated": min(1.0, 2.0 * min(low, high)), "p_holds": max(within)}  # fmt: skip


def _exact(text: Exact) -> dict[str, Any]:
    margin = text.bound - text.measured
    fine = margin >= -text.rounding * max(1.0, abs(text.bound))
    return {"measured": text.measured, "measured_lower": text.measured, "measured_upper": text.measured,
            "bound": text.bound, "margin_lower": margin, "margin_upper": margin,
            "looseness": _looseness(text.bound, text.measured), "p_violated": float(fine),
            "p_holds": float(not fine)}  # fmt: skip


def _looseness(bound: float, measured: float) -> float:
    return bound / measured if bound > 0 and measured > 0 and np.isfinite(bound) else np.nan


def _word(row: Row, p_violated: float | None = None, p_holds: float | None = None) -> str:
    error = 1.0 - LEVEL
    if (row.p_violated if p_violated is None else p_violated) <= error:
        return "violated"
    return "holds" if (row.p_holds if p_holds is None else p_holds) <= error else "undecided"


def corrected(rows: Sequence[Row]) -> list[Row]:
    """The rows with verdicts corrected for their number by Holm's method; "not applicable" stays."""
    applicable = [i for i, row in enumerate(rows) if row.verdict != "not applicable"]
    out = list(rows)
    if not applicable:
        return out
    violated = intervals.holm([rows[i].p_violated for i in applicable])
    holds = intervals.holm([rows[i].p_holds for i in applicable])
    for i, p, q in zip(applicable, violated, holds, strict=True):
        out[i] = rows[i]._replace(verdict=_word(rows[i], float(p), float(q)))
    return out


def evaluate_all(statements: Iterable[Statement], runs: Iterable[Run]) -> list[Row]:
    """Every statement on every run, corrected over all of them."""
    chosen = list(statements)
    return corrected([evaluate(each, run) for run in runs for each in chosen])


def keys(seed: int, count: int) -> list[Array]:
    """Independent keys for so many cases."""
    return list(jax.random.split(jax.random.key(seed), count))
