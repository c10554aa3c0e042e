"""Names that look like markup, terminal codes, formulas or paths are shown letter for letter, and lose no result."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rich.table import Table

from messjax import output, plot, results, runtime
from messjax.cli import __main__ as cli
from proofs_check.assumptions.report import short
from proofs_check.trials.figures import file_name

NAMES = ("cheap[/x]", "gpt[red]4", "b$_{$", "_hidden", "\x1b[31mred\x1b[0m", ":smile:", "=1+1", "../../x", "\u202eabc")
SHOWN = tuple(output.visible(name) for name in NAMES)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Thirty requests, and all names as models."""
    rng, path = np.random.default_rng(0), tmp_path / "trace.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "prompt", "group", "model", "score", "cost"))
        for n in range(30):
            for m, name in enumerate(NAMES):
                rows.writerow((n, f"question {n}", "g[/]", name, int(rng.random() < 0.3 + 0.07 * m), 1 + m))
    return path


COLUMNS = "--columns=" + ",".join(f"{name}={name}" for name in ("id", "prompt", "group", "model", "score", "cost"))


def test_names_are_shown_as_they_are(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = (["optimum", "--trace", str(trace), "--alpha=0.5"], ["trace", "info", str(trace)])
    for command in commands:
        assert cli.main([*command, COLUMNS]) == 0
        printed = capsys.readouterr().out
        assert "\x1b" not in printed and "\u202e" not in printed
        assert all(name in printed or command[0] == "optimum" for name in SHOWN)  # headings are folded
    assert cli.main(["trace", "info", str(trace) + "\x1b[31m"]) == 2
    assert "\\x1b[31m" in (error := capsys.readouterr().err) and "\x1b" not in error


@pytest.mark.long
def test_a_replay_of_such_names_writes_everything(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = trace.parent / "out"
    options = ["--alpha=0.5", "--V=1", "--seeds=2", "--dim=8", f"--out={out}"]
    assert cli.main(["replay", str(trace), COLUMNS, *options]) == 0
    assert "\x1b" not in capsys.readouterr().out
    wanted = {"predictor", "replay"}
    assert {path.stem for path in out.glob("*.png")} == wanted == {path.stem for path in out.glob("*.svg")}
    assert tuple(results.load(out / "replay.nc")["model"].values) == NAMES
    assert {path.name for path in trace.parent.iterdir()} == {"trace.csv", "out"}  # nothing is written elsewhere


def test_tables_show_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(*NAMES, title="[/title]", caption="[bold]caption")
    table.add_row(*NAMES)
    runtime.console().print(table)
    printed = capsys.readouterr().out
    assert all(printed.count(name) == 2 for name in SHOWN) and "\x1b" not in printed
    assert "[/title]" in printed and "[bold]caption" in printed


def test_figures_show_names_letter_for_letter(tmp_path: Path) -> None:
    values = xr.DataArray(np.full((3, 2), 0.5), dims=("limit", "t"))
    one = xr.Dataset(
        {"satisfaction_curve": values, "cost_curve": values}, {"limit": ["mean", "lower", "upper"], "t": [1, 2]}
    )
    figure = plot.over_requests([(name, one) for name in NAMES], alpha=0.5, title=NAMES[2], cost_unit="$ {x}_")
    paths = plot.save(figure, tmp_path / "figure")
    assert all(path.stat().st_size for path in paths)
    shown = {text.get_text().replace(r"\$", "$").strip() for text in figure.legends[0].get_texts()}
    assert set(SHOWN) <= shown and "\x1b" not in paths[1].read_text(encoding="utf-8")


def test_names_of_files_stay_in_their_folder() -> None:
    assert file_name("../T1 $queue/..") == "T1_queue" and file_name("$$$") == "statement"
    assert [short(name) for name in ("cheap[/x]", "org/model-7b", "a/b/c")] == ["cheap[/x]", "model-7b", "c"]


class Broken(io.StringIO):
    """A standard output that takes no more: a full disk, or a pipe whose reader has left."""

    def __init__(self, error: type[OSError]) -> None:
        super().__init__()
        self.raised = error(28, "No space left on device")

    def write(self, text: str) -> int:
        raise self.raised


@pytest.mark.parametrize(("error", "code"), [(OSError, 2), (BrokenPipeError, 0), (None, 0)])
def test_a_broken_output_stops_nothing(
    error: type[OSError] | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = []

    def program() -> None:
        print("first line")
        runtime.console().print("a table")
        done.append(True)

    monkeypatch.setattr(sys, "stdout", None if error is None else Broken(error))
    assert runtime.run_program("messjax", program) == code
    assert done and ("No space left" in capsys.readouterr().err) == (code == 2)


def test_memory_that_is_not_enough_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def program() -> None:
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1024 bytes.")

    assert runtime.run_program("messjax", program) == 2
    assert "not enough memory: Out of memory allocating 1024 bytes" in capsys.readouterr().err


@pytest.mark.long
def test_sims_without_docstrings_says_why() -> None:
    done = subprocess.run([sys.executable, "-OO", "-m", "sims", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "-OO removes them" in done.stderr
