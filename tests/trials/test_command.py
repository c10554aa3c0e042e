"""messjax-proofs: help without JAX, subcommands, parts, what is said without z3, and tables that fit their terminal."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from rich.console import Console

from messjax.theory.hypothesis_tests import EMPTY_ROW
from proofs_check import __main__ as program
from proofs_check import report, tables

ROWS = [
    EMPTY_ROW._replace(
        statement="T9 violation, bound", assumptions="A1 A2 A4 A5 A7",
        case="two models, sparse feedback, V = 1, f = 0.3", measured=0.0123456, measured_lower=0.0121,
        measured_upper=0.0125, bound=12345.6, margin_lower=12344.0, margin_upper=12346.0, looseness=1e6,
        verdict=verdict, streams=2048, seconds=1234.5,
    )
    for verdict in ("holds", "undecided", "violated", "not applicable")
]  # fmt: skip


def test_help_imports_no_jax_and_names_every_subcommand_and_part():
    code = "import sys, proofs_check.__main__ as p\ntry: p.main(['--help'])\nfinally: print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")
    assert all(name in done.stdout for name in (*program.SUBCOMMANDS, *program.PARTS, "messjax[proofs]"))


@pytest.mark.parametrize("name", sorted(program.SUBCOMMANDS))
def test_every_subcommand_has_its_help(name, capsys):
    with pytest.raises(SystemExit) as end:
        program.main([name, "--help"])
    assert end.value.code == 0 and f"messjax-proofs {name}" in capsys.readouterr().out


@pytest.fixture
def no_z3(monkeypatch):
    monkeypatch.setattr(program, "find_spec", lambda name: None if name == "z3" else find_spec(name))


@pytest.mark.usefixtures("no_z3")
@pytest.mark.parametrize("words", [["lemmas"], ["--parts", "lemmas"], ["--parts", "rates,lemmas"]])
def test_lemmas_without_z3_name_the_extra_in_one_line(words, capsys):
    assert program.main(words) == 2
    error = capsys.readouterr().err
    assert "messjax[proofs]" in error and error.count("\n") == 1


@pytest.mark.usefixtures("no_z3")
def test_all_parts_without_z3_are_the_others(capsys):
    assert program.chosen_parts("") == [part for part in program.PARTS if part != "lemmas"]
    assert "without lemmas" in capsys.readouterr().err
    assert program.chosen_parts("search, statements") == ["statements", "search"]


@pytest.mark.parametrize(("width", "whole"), [(80, False), (200, True)])
def test_tables_fit_and_name_what_they_leave_out(width, whole, capsys, monkeypatch):
    monkeypatch.setattr(tables.runtime, "console", lambda: Console(width=width, highlight=False))
    tables.runtime.console().print(report.table(ROWS))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    assert ("Not shown at this width" in out) != whole and ("0.0121 to 0.0125" in out) == whole
    assert "0.01235" in out and "1.235e+04" in out and "violated" in out


def test_the_command_is_what_a_shell_would_read(monkeypatch):
    assert report.command(["--only", "T1 queue"]) == "messjax-proofs --only 'T1 queue'"
    monkeypatch.setattr(sys, "argv", ["messjax-proofs", "rates", "--quick"])
    assert report.command(None, "rates") == "messjax-proofs rates --quick"


def test_json_has_no_number_that_json_lacks():
    found = report.to_json({"a": (np.nan, np.inf, np.float32(1.0)), "b": np.arange(2), "c": {1, 2}})
    assert found == {"a": [None, "inf", 1.0], "b": [0, 1], "c": "{1, 2}"}
