"""The matrix in print: what a pipe and a narrow terminal keep of it."""

from __future__ import annotations

import jax
import pytest
from rich.console import Console

from messjax import runtime
from messjax.theory import ALL
from messjax.theory.statement import ASSUMPTIONS
from proofs_check import __main__ as program
from proofs_check import violations
from proofs_check.trials import trial
from proofs_check.violations import matrix, presentation

EVERY = ("none", *sorted(ASSUMPTIONS))


def row(broken, statement, verdict, assumptions="", **other):
    result = trial.EMPTY_ROW._replace(statement=statement, verdict=verdict, assumptions=assumptions, **other)
    return matrix.Row(frozenset({broken} - {"none"}), result, f"{broken} case")


ROWS = [
    row("A1", "first", "violated", "A1 A2"),
    row("A2", "first", "not applicable", "A1 A2"),
    row("A3", "first", "holds", "A1 A2"),
    row("A4", "first", "not applicable", tested=False),
    *(row(broken, "a false statement of my own", "violated") for broken in EVERY),
]


@pytest.mark.parametrize(
    ("width", "needed", "own"), [(80, ["[F]", "[-]", "1", "."], "F !"), (200, ["[fails]", "[-]", "1", "."], "fails !")]
)
def test_the_table_says_in_plain_text_what_is_needed_and_no_cell_is_broken(width, needed, own, monkeypatch, capsys):
    console = Console(width=width, markup=False, highlight=False)
    monkeypatch.setattr(runtime, "console", lambda: console)
    console.print(presentation.table(ROWS))
    printed = capsys.readouterr().out
    lines = [[part.strip() for part in line.split("│")[1:-1]] for line in printed.splitlines() if "│" in line]
    assert ["first", *needed, *[""] * 5] in lines
    assert ["a false statement of my own", *[own] * len(EVERY)] in lines
    assert "in brackets: the statement needs the assumption" in printed
    assert ("F: fails" in printed) == (width == 80)
    words = " ".join(printed.split())
    assert '"-": not applicable, a hypothesis is seen to fail; ".": not tested' in words
    assert "11 cells tested, of which 10 fail and 9 are unexpected; 1 not applicable, 1 not tested" in words


def test_what_no_case_is_about_is_not_called_a_hypothesis_that_fails():
    case = next(each for each in violations.cases(True) if each.breaks == {"A3"})
    run = trial.run_case(case._replace(horizon=20), jax.random.key(0), 4, audit=False)[-1]  # complete feedback
    names = ("T9 delay, T1 queue", "T11 cost gap", "T12 queue", "Partition types", "T3 mean queue")
    found = {each.name: trial.evaluate(each, run) for each in ALL if each.name in names}
    assert {name: row.tested for name, row in found.items()} == dict.fromkeys(names, False) | {"T3 mean queue": True}
    rows = [matrix.Row(case.breaks, row, case.name) for row in found.values()]
    words = {name: cell.words for (_, name), cell in matrix.summary(rows).items()}
    assert words == dict.fromkeys(names, "not tested") | {"T3 mean queue": "not applicable"}


def test_a_failure_without_violation_is_told_from_one_by_a_violation():
    by_violation = [row("A1", "unneeded", "violated"), row("none", "unneeded", "holds")]
    found = matrix.surprises([*ROWS, *by_violation])
    assert found["A1", "a false statement of my own"] == "fails even where nothing is violated"
    assert found["A1", "unneeded"] == "fails unneeded" and ("none", "unneeded") not in found


def test_in_quick_mode_repaired_cases_judge_the_statements_of_ones_own_alone(monkeypatch):
    case = next(each for each in violations.cases(True) if each.breaks == {"A2"})
    monkeypatch.setattr(trial, "run_case", lambda case, key, streams: [case.name])
    monkeypatch.setattr(trial, "evaluate", lambda name, run: row("", name, "holds").result)
    monkeypatch.setattr(trial, "corrected", lambda rows: rows)
    rows = matrix.evaluate_matrix(True, ["ours"], broken=[case], also=["mine"])
    assert [(each.case, each.result.statement) for each in rows] == [
        (case.name, "ours"), (case.name, "mine"), (f"repaired: {case.name}", "mine"),
    ]  # fmt: skip
    assert {each.breaks for each in rows if each.case.startswith("repaired")} == {frozenset()}
    assert len(matrix.evaluate_matrix(True, ["ours"], broken=[case])) == 1


def test_a_matrix_of_chosen_statements_knows_which_are_the_users(tmp_path, monkeypatch, capsys):
    own = tmp_path / "own.py"
    own.write_text(
        "from messjax.theory.statement import Claim, define_statement\n"
        "mine = define_statement('Mine', source='', assumptions='')(lambda run: Claim(run.metrics['cost'], 1.0))\n",
        encoding="utf-8",
    )
    asked = []

    def evaluate(quick, statements, seed, progress, also):
        asked.append(([each.name for each in statements], [each.name for each in also]))
        return ROWS

    monkeypatch.setattr(matrix, "evaluate_matrix", evaluate)
    assert program.main(["matrix", "--only", "Mine,T2 cost gap", "--also", str(own), "--out", str(tmp_path)]) == 1
    assert asked == [(["T2 cost gap"], ["Mine"])] and "11 cells tested" in capsys.readouterr().out
    assert program.main(["matrix", "--only", "T99", "--out", str(tmp_path)]) == 2
    assert "--only: statements: found 'T99'" in capsys.readouterr().err
