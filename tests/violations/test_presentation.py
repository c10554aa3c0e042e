"""The matrix in print: what a pipe and a narrow terminal keep of it."""

from __future__ import annotations

import pytest
from rich.console import Console

from messjax import runtime
from messjax.theory.statement import ASSUMPTIONS
from proofs_check.trials import trial
from proofs_check.violations import matrix, presentation

EVERY = ("none", *sorted(ASSUMPTIONS))


def row(broken, statement, verdict, assumptions=""):
    result = trial.EMPTY_ROW._replace(statement=statement, verdict=verdict, assumptions=assumptions)
    return matrix.Row(frozenset({broken} - {"none"}), result, f"{broken} case")


ROWS = [
    row("A1", "first", "violated", "A1 A2"),
    row("A2", "first", "not applicable", "A1 A2"),
    row("A3", "first", "holds", "A1 A2"),
    *(row(broken, "a false statement of my own", "violated") for broken in EVERY),
]


@pytest.mark.parametrize(
    ("width", "needed", "own"), [(80, ["[F]", "[-]", "1"], "F !"), (200, ["[fails]", "[-]", "1"], "fails !")]
)
def test_the_table_says_in_plain_text_what_is_needed_and_no_cell_is_broken(width, needed, own, monkeypatch, capsys):
    console = Console(width=width, markup=False, highlight=False)
    monkeypatch.setattr(runtime, "console", lambda: console)
    console.print(presentation.table(ROWS))
    printed = capsys.readouterr().out
    lines = [[part.strip() for part in line.split("│")[1:-1]] for line in printed.splitlines() if "│" in line]
    assert ["first", *needed, *[""] * 6] in lines
    assert ["a false statement of my own", *[own] * len(EVERY)] in lines
    assert "in brackets: the statement needs the assumption" in printed
    assert ("F: fails" in printed) == (width == 80)
