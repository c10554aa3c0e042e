"""The scope of verdicts: on what a statement was tried, said beside what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from messjax.output import counted
from messjax.theory.hypothesis_tests import NOT_APPLICABLE, Row

KINDS = {
    "asymptotic": "asymptotic",
    "plug-in": "threshold from the same streams",
    "exact": "counted",
}


EVIDENCE = ": evidence, not proof"


def scope_of(rows: Sequence[Row], closing: str = EVIDENCE) -> str:
    """On what a statement was tried, and what came of it, in one line: evidence, not proof.

    Args:
        rows: The tests of one statement, after correction.
        closing: What stands after the cases that were tested; a table says it once in its heading.

    Returns:
        "holds on 16 cases (6 asymptotic), V 1 to 100, T 20,000, 2,048 streams: evidence, not proof; not applicable on
        3": cases of which nothing else is said are decided by tests that are valid at any number of streams.
    """
    tested = {
        verdict: [row for row in rows if row.verdict == verdict] for verdict in ("violated", "holds", "undecided")
    }
    said = {verdict: _range_of(batch) for verdict, batch in tested.items() if batch}
    same = len(set(said.values())) == 1  # one range for all verdicts is said once
    parts = [
        f"{verdict} on {counted(len(tested[verdict]), 'case')}{_kinds(tested[verdict])}{'' if same else where}"
        for verdict, where in said.items()
    ]
    if parts:
        parts[-1] += (said.popitem()[1] if same else "") + closing
    if left := sum(row.verdict == NOT_APPLICABLE for row in rows):
        parts.append(f"not applicable on {left}")
    return "; ".join(parts)


def _kinds(rows: Sequence[Row]) -> str:
    counts = {words: sum(row.evidence == kind for row in rows) for kind, words in KINDS.items()}
    shown = [f"{count} {words}" for words, count in counts.items() if count]
    return f" ({', '.join(shown)})" if shown else ""


def _range_of(rows: Sequence[Row]) -> str:
    """V, T and the number of streams of rows."""
    V, T = [row.V for row in rows if row.V >= 0], [row.T for row in rows if row.T]
    streams = [row.streams for row in rows if row.streams]
    parts = [f"{name} {_span(values)}" for name, values in (("V", V), ("T", T)) if values]
    return "".join(f", {part}" for part in parts + ([f"{_span(streams)} streams"] if streams else []))


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:,g}" if low == high else f"{low:,g} to {high:,g}"
