"""What the study concludes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sims.common import comparison
from sims.common.finding import Finding, Number, Rows, Verdict, verdict_of_cases
from sims.common.study import Results
from sims.studies.sparse_feedback.figure import LEARNED, F

LEAST, ALL = float(F[0]), float(F[-1])


def conclude(result: Results) -> list[Finding]:
    """Two: whether alpha is kept under sparse feedback, and whether T9 and T2 hold."""
    return [_sla(result), _bounds(result)]


def _sla(result: Results) -> Finding:
    """Rule: with a learned head alpha is kept at f = 0.2, in every world and at every V where it is kept at f = 1.

    It fails where alpha is then missed.
    """
    learned = {name: one.sel(policy=LEARNED) for name, one in result.items()}
    pairs = [
        (str(sparse), str(complete))
        for one in learned.values()
        for sparse, complete in zip(one["sla"].sel(f=LEAST).values, one["sla"].sel(f=ALL).values, strict=True)
    ]
    kept = [sparse for sparse, complete in pairs if complete == comparison.KEPT]
    holds, fails = kept.count(comparison.KEPT), kept.count(comparison.MISSED)
    lost = max(
        float((one["violation"].sel(f=LEAST) - one["violation"].sel(f=ALL)).mean("stream").max())
        for one in learned.values()
    )
    rows = [
        row
        for name, one in result.items()
        for policy in one["policy"].values
        for row in _rows(name, one.sel(policy=policy))
    ]
    columns = (
        "world",
        "predictor",
        "V (E_M - E_1)",
        "alpha - satisfaction at f = 0.2",
        "at f = 1",
        "full cost at alpha, f = 0.2 over f = 1",
    )
    return Finding(
        "SLA under sparse feedback",
        "MESS+ keeps alpha also when only a fifth of the requests give feedback.",
        verdict_of_cases(holds, fails, len(kept)),
        f"With a head learned online, complete feedback keeps alpha at {len(kept)} of {len(pairs)} combinations of "
        f"world and V. With feedback on a fifth of the requests it is still kept at {holds} of these {len(kept)} and "
        f"missed at {fails}. Satisfaction is at most {lost:.3f} lower than with complete feedback.",
        (
            Number("combinations that keep alpha at f = 0.2, of those that do at f = 1", holds, f"of {len(kept)}"),
            Number("largest loss of satisfaction", lost),
        ),
        Rows(columns, tuple(rows)),
    )


def _rows(name: str, one: xr.Dataset) -> list[tuple[str, ...]]:
    out = []
    for V in one["V"].values:
        at = one.sel(V=V)
        cells = [f"{float(at['violation'].sel(f=f).mean()):+.4f} ({at['sla'].sel(f=f).values})" for f in (LEAST, ALL)]
        ratio = comparison.ratio(at["cost_at_alpha"].sel(f=LEAST).values, at["cost_at_alpha"].sel(f=ALL).values)
        weight = f"{float(V) * one.attrs['spread']:.2g}"
        out.append((name, str(one["policy"].values), weight, *cells, comparison.formatted(ratio)))
    return out


def _bounds(result: Results) -> Finding:
    """Rule, per check: it holds; it fails where it is violated. One violated check refutes the claim."""
    rows, totals = [], {"holds": 0, "violated": 0, "undecided": 0}
    for statement in (str(each) for each in next(iter(result.values()))["statement"].values):
        words = np.concatenate([one["verdict"].sel(statement=statement).values.ravel() for one in result.values()])
        counts = {word: int((words == word).sum()) for word in totals}
        totals = {word: totals[word] + count for word, count in counts.items()}
        rows.append((statement, *(str(count) for count in counts.values()), str(words.size - sum(counts.values()))))
    checks = sum(totals.values())
    verdict: Verdict = "refuted" if totals["violated"] else verdict_of_cases(totals["holds"], 0, checks)
    return Finding(
        "Bounds under sparse feedback",
        "Queue, violation and cost under sparse feedback stay within T9 and T2.",
        verdict,
        f"Of {checks} checks, each corrected for their number, {totals['holds']} hold, {totals['violated']} are "
        f"violated and {totals['undecided']} are undecided.",
        (Number("checks that hold", totals["holds"], f"of {checks}"), Number("violated", totals["violated"])),
        Rows(("statement", *totals, "not about the run"), tuple(rows)),
    )
