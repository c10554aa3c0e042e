"""messjax-proofs: help without JAX, slips, versions, pages, parts, life without z3, tables that fit."""

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
from proofs_check.cli import command_line, lemmas_command

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
    assert all(name in done.stdout for name in (*command_line.COMMANDS, *program.PARTS, "messjax[proofs]"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--quikc"], "did you mean --quick?"),
        (["lema"], "did you mean lemmas?"),
        (["--parts", "satements"], "did you mean statements?"),
        (["--only", "T22"], "did you mean T2 or T2'?"),
        (["rates", "--versoin"], "did you mean --version?"),
        (["search", "T2", "--fxi", "c=0"], "did you mean --fix?"),
        (["--seed", "5", "rates"], "stand after it: messjax-proofs rates --seed"),
    ],
)
def test_a_slip_is_named_in_one_line(words, said, capsys):
    assert program.main(words) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_the_version_is_that_of_messjax(capsys):
    for words in (["--version"], ["rates", "--version"]):
        with pytest.raises(SystemExit) as end:
            program.main(words)
        assert end.value.code == 0 and capsys.readouterr().out.startswith("messjax-proofs 0.")


def test_a_run_writes_its_page(tmp_path, capsys):
    pytest.importorskip("vl_convert")
    words = ["--quick", "--only", "T5", "--parts", "sequential", "--workers", "1", "--report", "--out", str(tmp_path)]
    assert program.main(words) == 0
    assert f"open {(tmp_path / 'report.html').resolve()}" in capsys.readouterr().out
    assert "messjax-proofs --quick --only T5" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def no_z3(monkeypatch):
    for module in (program, lemmas_command):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name == "z3" else find_spec(name))


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


def test_the_command_is_what_a_shell_would_read():
    assert report.command(["--only", "T1 queue"]) == "messjax-proofs --only 'T1 queue'"
    assert program.parsed(["rates", "--quick"]).words == ["rates", "--quick"]


def test_json_has_no_number_that_json_lacks():
    found = report.to_json({"a": (np.nan, np.inf, np.float32(1.0)), "b": np.arange(2), "c": {1, 2}})
    assert found == {"a": [None, "inf", 1.0], "b": [0, 1], "c": "{1, 2}"}
