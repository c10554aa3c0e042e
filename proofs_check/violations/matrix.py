"""The matrix assumption x statement: every statement on every case that breaks an assumption on purpose.

    rows = matrix.run(quick=True)
    runtime.console().print(matrix.table(rows))

or `python -m proofs_check.violations.matrix [--full] [--statements FILE] [--out FOLDER]`. A statement that needs an assumption
should fail where it is broken, or not apply where the hypothesis can be seen to fail; no other may fail.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from rich.table import Table

from messjax import plot, runtime
from messjax.theory import ALL
from messjax.theory.statement import ASSUMPTIONS, Statement, load_statements
from proofs_check import violations
from proofs_check.trials import trial
from proofs_check.trials.case import Case

NOTHING = "none"  # the column of cases that break nothing
MARKS = '"-": not applicable, as a hypothesis is seen to fail; "?": undecided; "!": does not fit'
WORDS = {"violated": "fails", "holds": "holds", "undecided": "?", trial.NOT_APPLICABLE: "-"}


class Row(NamedTuple):
    """What came of one statement on one run of a case that breaks these assumptions."""

    breaks: frozenset[str]
    result: trial.Row


class Cell(NamedTuple):
    """A statement where an assumption is broken: "violated" if it is anywhere, else the best that was seen."""

    verdict: str  # "violated", "holds", "undecided" or "not applicable"
    needed: bool  # whether the statement says that it needs the assumption
    runs: dict[str, int]  # how often each verdict came
    instance: trial.Row  # a run with that verdict; of violations one with the largest bound missed, by its ratio

    @property
    def surprise(self) -> str:
        """What does not fit: "fails unneeded", "needed, not seen to fail", or nothing."""
        if self.verdict == "violated" and not self.needed:
            return "fails unneeded"
        return "needed, not seen to fail" if self.needed and self.verdict in ("holds", "undecided") else ""


def run(
    quick: bool,
    statements: Iterable[Statement] = ALL,
    seed: int = 0,
    extra_cases: Sequence[Case] = (),
    broken: Sequence[Case] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Every statement on every broken case and on extra ones, verdicts corrected over all of them (Holm).

    256 streams and requests by the thousand in quick mode, 512 and by ten thousands otherwise; then the cases are also
    run repaired (`violations.repaired`), which nothing may fail. A case of one's own enters the columns it `breaks`, or
    "none"; `broken` are cases to run in place of those of the catalogue.
    """
    broken = violations.cases(quick) if broken is None else broken
    chosen, cases = list(statements), [*broken, *extra_cases, *([] if quick else violations.repaired(list(broken)))]
    kinds, rows = [], []
    for done, (key, case) in enumerate(zip(trial.keys(seed, len(cases)), cases, strict=True), 1):
        for each in trial.run_case(case, key, 256 if quick else 512):
            rows += [trial.evaluate(statement, each) for statement in chosen]
            kinds += [case.breaks] * len(chosen)
        if progress is not None:
            progress(done, len(cases))
    return [Row(kind, result) for kind, result in zip(kinds, trial.corrected(rows), strict=True)]


def summary(rows: Sequence[Row]) -> dict[tuple[str, str], Cell]:
    """{(assumption, statement): cell}, in the order of assumptions and of `rows`; "none": cases that break nothing."""
    gathered: dict[tuple[str, str], list[trial.Row]] = {}
    for assumption in (*sorted(ASSUMPTIONS), NOTHING):
        for row in rows:
            if assumption in (row.breaks or {NOTHING}):
                gathered.setdefault((assumption, row.result.statement), []).append(row.result)
    return {key: _cell(key[0], result) for key, result in gathered.items()}


def _cell(assumption: str, result: list[trial.Row]) -> Cell:
    runs = {word: sum(row.verdict == word for row in result) for word in WORDS}
    verdict = next(word for word in WORDS if runs[word])
    instance = min(
        (row for row in result if row.verdict == verdict), key=lambda row: np.nan_to_num(row.looseness, nan=1.0)
    )
    return Cell(verdict, assumption in instance.assumptions.split(), runs, instance)


def surprises(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Cells that do not fit what the statements say they need, and how."""
    return {key: cell.surprise for key, cell in summary(rows).items() if cell.surprise}


def _axes(cells: dict[tuple[str, str], Cell]) -> tuple[list[str], list[str]]:
    return list(dict.fromkeys(a for a, _ in cells)), list(dict.fromkeys(s for _, s in cells))


def _word(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return WORDS[cell.verdict] + (" !" if cell.surprise else "")


def table(rows: Sequence[Row]) -> Table:
    """Statements down, assumptions across. Underlined: needed. "!": does not fit. "-": not applicable, "?": undecided."""
    cells = summary(rows)
    across, down = _axes(cells)
    caption = f"underlined: the statement needs it; {MARKS}"
    shown = Table("statement", *across, title="What breaks what: statement by assumption broken", caption=caption)
    for statement in down:
        words = []
        for assumption in across:
            cell = cells.get((assumption, statement))
            style = " ".join(["underline"] * bool(cell and cell.needed) + ["bold"] * (_word(cell)[:5] == "fails"))
            words.append(f"[{style}]{_word(cell)}[/]" if style else _word(cell))
        shown.add_row(statement, *words)
    return shown


def evidence(rows: Sequence[Row]) -> Table:
    """The instance behind every failure: measured against bound, and how many runs failed."""
    shown = Table("broken", "statement", "case", "measured", "bound", "runs that failed", title="Failures")
    for (assumption, statement), cell in summary(rows).items():
        if cell.verdict == "violated":
            row = cell.instance
            of = f"{cell.runs['violated']} of {sum(cell.runs.values()) - cell.runs[trial.NOT_APPLICABLE]}"
            shown.add_row(assumption, statement, row.case, f"{row.measured:.4g}", f"{row.bound:.4g}", of)
    return shown


def figure(rows: Sequence[Row]) -> Figure:
    """The matrix as a grid of words: a frame where the assumption is needed, dark where the statement fails."""
    cells = summary(rows)
    across, down = _axes(cells)
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(2.0 + 0.62 * len(across), 1.3 + 0.24 * len(down)), layout="constrained")
        axis = figure.subplots()
        for x, assumption in enumerate(across):
            for y, statement in enumerate(down):
                if (cell := cells.get((assumption, statement))) is not None:
                    _draw(axis, x, y, cell)
        axis.set(xlim=(-0.55, len(across) - 0.45), ylim=(len(down) - 0.45, -0.55))
        axis.set_xticks(range(len(across)), across)
        axis.set_yticks(range(len(down)), down)
        axis.set_xlabel("assumption broken on purpose")
        axis.xaxis.set_label_position("top")
        axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axis.grid(False)
        axis.spines[:].set_visible(False)
        figure.supxlabel(f"dark: fails; framed: the statement needs the assumption\n{MARKS}", fontsize=7.5)
    return figure


def _draw(axis: Axes, x: int, y: int, cell: Cell) -> None:
    fails = cell.verdict == "violated"
    fill = "0.3" if fails else "white" if cell.verdict == "holds" else "0.92"
    ink = "white" if fails else "black"
    axis.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc=fill, ec="0.75", lw=0.6))
    if cell.needed:
        axis.add_patch(Rectangle((x - 0.43, y - 0.38), 0.86, 0.76, fill=False, ec=ink, lw=1.1))
    axis.text(x, y + 0.03, _word(cell), ha="center", va="center", fontsize=7, color=ink)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the matrix, print it with its instances and draw it."""
    parser = runtime.Parser("python -m proofs_check.violations.matrix", description="What breaks what.")
    parser.add_argument("--full", action="store_true", help="long runs, and every case repaired beside it")
    parser.add_argument("--seed", type=runtime.whole_number(0), default=0)
    parser.add_argument(
        "--statements", type=Path, metavar="FILE", help="statements of your own beside those of docs/theory"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the figure there")
    chosen = parser.parse_args(arguments)
    whole = [*ALL, *(load_statements(chosen.statements) if chosen.statements else [])]
    folder = runtime.out_dir(chosen.out) if chosen.out else None
    with runtime.progress(1, "cases") as report:
        rows = run(not chosen.full, whole, chosen.seed, progress=report)
    for shown in (evidence(rows), table(rows)):
        runtime.console().print(shown)
    for (assumption, statement), why in surprises(rows).items():
        print(f"{assumption} {statement}: {why}")
    if folder is not None:
        plot.save(figure(rows), folder / "matrix")


if __name__ == "__main__":
    runtime.use_all_cores()
    runtime.use_compilation_cache()
    sys.exit(runtime.run_program("proofs_check.violations.matrix", main))
