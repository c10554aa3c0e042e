"""The matrix assumption x statement: every statement on every case that violates an assumption on purpose.

    rows = matrix.evaluate_matrix(quick=True)
    runtime.console().print(presentation.table(rows))

or `messjax-proofs matrix`. A statement that needs an assumption should fail where it is violated, or be not applicable
where a hypothesis can be seen to fail; no other may fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from messjax.output import counted
from messjax.theory import ALL
from messjax.theory.statement import ASSUMPTIONS, Statement
from proofs_check import violations
from proofs_check.trials import trial
from proofs_check.trials.case import Case

NOTHING = "none"  # the column of cases that keep every assumption
NOT_TESTED = "not tested"  # no case of the column is of the kind that the statement is about, or measures what it needs
CELL_VERDICTS = ("violated", "holds", "undecided", "not applicable", NOT_TESTED)  # a cell's is the first that occurs


class Row(NamedTuple):
    """What came of one statement on one run of a case that breaks these assumptions."""

    breaks: frozenset[str]
    result: trial.Row
    case: str  # the case's name, without the point of its grid


class Cell(NamedTuple):
    """A statement where an assumption is violated: "violated" if it is in any run, else the best verdict of all.

    That it "holds" in runs says no more than `words`: none of these breaks has refuted it.
    """

    verdict: str  # one of CELL_VERDICTS
    needed: bool  # whether the statement says that it needs the assumption
    runs: dict[str, int]  # how often each verdict came
    instance: trial.Row  # a run with that verdict; of violations one with the largest bound missed, by its ratio
    breaks: int  # cases on which it was tested

    @property
    def words(self) -> str:
        """What the cell says: "fails", "not refuted by 3 breaks", "not applicable" or "not tested"."""
        if self.verdict in ("violated", "not applicable", NOT_TESTED):
            return "fails" if self.verdict == "violated" else self.verdict
        return f"not refuted by {counted(self.breaks, 'break')}"

    @property
    def surprise(self) -> str:
        """What does not fit: "fails unneeded", "needed, not seen to fail", or nothing."""
        if self.verdict == "violated" and not self.needed:
            return "fails unneeded"
        return "needed, not seen to fail" if self.needed and self.verdict in ("holds", "undecided") else ""


def evaluate_matrix(
    quick: bool,
    statements: Iterable[Statement] = ALL,
    seed: int = 0,
    extra_cases: Sequence[Case] = (),
    broken: Sequence[Case] | None = None,
    progress: Callable[[int, int], None] | None = None,
    also: Sequence[Statement] = (),
) -> list[Row]:
    """Every statement on every broken case and on extra ones, verdicts corrected over all of them (Holm).

    256 streams and requests by the thousand in quick mode, 512 and by ten thousands otherwise; then the cases are also
    run repaired (`violations.repaired`), which nothing may fail. An extra case enters the columns it `breaks`, or
    "none"; `broken` are cases to run in place of the catalogue's. The statements of `also`, the user's, are evaluated
    on repaired cases in quick mode, too: nobody has seen yet that they hold where nothing is violated.
    """
    broken = violations.cases(quick) if broken is None else broken
    every, cases = [*statements, *also], [*broken, *extra_cases]
    first = len(cases)  # of the repaired ones
    cases += violations.repaired(list(broken)) if also or not quick else []
    kinds, names, rows = [], [], []
    for done, (key, case) in enumerate(zip(trial.keys(seed, len(cases)), cases, strict=True), 1):
        chosen = also if quick and done > first else every
        for each in trial.run_case(case, key, 256 if quick else 512):
            rows += [trial.evaluate(statement, each) for statement in chosen]
            kinds += [case.breaks] * len(chosen)
            names += [case.name] * len(chosen)
        if progress is not None:
            progress(done, len(cases))
    return [Row(*each) for each in zip(kinds, trial.corrected(rows), names, strict=True)]


def summary(rows: Sequence[Row]) -> dict[tuple[str, str], Cell]:
    """{(assumption, statement): cell}, in the order of assumptions and of `rows`; "none": cases that break nothing."""
    gathered: dict[tuple[str, str], list[Row]] = {}
    for assumption in (*sorted(ASSUMPTIONS), NOTHING):
        for row in rows:
            if assumption in (row.breaks or {NOTHING}):
                gathered.setdefault((assumption, row.result.statement), []).append(row)
    return {key: _cell(key[0], result) for key, result in gathered.items()}


def findings(rows: Sequence[Row]) -> dict[str, Any]:
    """Cells and surprises as files keep them."""
    cells = [
        {"broken": broken, "statement": name, "words": cell.words, **cell._asdict()}
        for (broken, name), cell in summary(rows).items()
    ]
    return {"cells": cells, "surprises": [f"{b} {name}: {why}" for (b, name), why in surprises(rows).items()]}


def _cell(assumption: str, rows: list[Row]) -> Cell:
    result = [row.result if row.result.tested else row.result._replace(verdict=NOT_TESTED) for row in rows]
    runs = {word: sum(row.verdict == word for row in result) for word in CELL_VERDICTS}
    verdict = next(word for word in CELL_VERDICTS if runs[word])
    instance = min(
        (row for row in result if row.verdict == verdict), key=lambda row: np.nan_to_num(row.looseness, nan=1.0)
    )
    breaks = {row.case for row in rows if row.result.verdict != "not applicable"}
    return Cell(verdict, assumption in instance.assumptions.split(), runs, instance, len(breaks))


def surprises(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Cells that do not fit what the statements say they need, and how: `Cell.surprise`, or more where "none" tells it.

    A statement that fails on cases that break nothing is false, whatever fails elsewhere by a violation.
    """
    cells = summary(rows)
    false = {name for (assumption, name), cell in cells.items() if assumption == NOTHING and cell.verdict == "violated"}
    return {
        key: "fails even where nothing is violated" if key[1] in false and cell.verdict == "violated" else cell.surprise
        for key, cell in cells.items()
        if cell.surprise
    }
