"""python -m sims answer_time: what a process took, rows that are kept, tables, bad input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sims import __main__ as index
from sims.measurements import answer_time, children, record


def test_processor_time_of_a_command_and_of_its_own_children_is_counted(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < .4: pass"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    idle = children.run([sys.executable, "-c", "import time; time.sleep(.3)"], {}, tmp_path / "log")
    busy = children.run([sys.executable, "-c", nested], {}, tmp_path / "log")
    failed = children.run([sys.executable, "-c", "print('why'); raise SystemExit(3)"], {}, tmp_path / "log")
    assert idle.cpu < 0.25 < 0.3 <= idle.wall and busy.cpu >= 0.4 and busy.code == 0
    assert failed.code == 3 and "why" in (tmp_path / "log").read_text()


def test_medians_and_failures_of_a_command(tmp_path: Path) -> None:
    program = (
        "import os, pathlib; p = pathlib.Path(os.environ['XDG_CACHE_HOME']); print(p.is_dir()); p.mkdir(exist_ok=True)"
    )
    good = answer_time.Command("good", ("-c", program), {"cold": 9.0, "warm": 1e-9})
    bad = answer_time.Command("bad", ("-c", "raise SystemExit(5)"), {}, starts=("cold",))
    rows = [row for each in (good, bad) for row in answer_time.measure(each, 3, tmp_path)]
    lines = (tmp_path / "answer_time.log").read_text().splitlines()
    assert [line for line in lines if line in ("True", "False")] == ["False", "True"] * 3  # cold: nothing is kept yet
    assert [(row["command"], row["start"], row["repetitions"]) for row in rows] == [
        ("good", "cold", 3), ("good", "warm", 3), ("bad", "cold", 3),
    ]  # fmt: skip
    assert all(row["cpu_least"] <= row["cpu"] <= row["cpu_most"] for row in rows)
    assert rows[2]["note"] == "failed with exit code 5"
    table = answer_time.table(rows)
    assert [line[5] for line in table.rows] == ["yes", "no", ""]


def test_a_command_without_its_trace_is_a_row_that_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSJAX_TRACES", str(tmp_path))
    replay = next(each for each in answer_time.COMMANDS if "replay" in each.words)
    rows = answer_time.measure(replay, 5, tmp_path)
    assert [row["note"] for row in rows] == ["not run: no recorded trace of MMLU (set MESSJAX_TRACES)"] * 2
    assert answer_time.table(rows).rows[0][2:4] == ("not run", "not run")


def test_the_quick_version_writes_a_table_that_fits_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert index.main(["answer_time", "--only=--help", "--quick", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80 and "--help" in shown
    (row, _) = json.loads((tmp_path / "answer_time.json").read_text())["rows"]
    assert row["cpu"] > 0 and row["target"] == 0.3
    assert (tmp_path / "answer_time.csv").read_text().count("\n") == 3
    assert index.main(["answer_time", "--from", str(tmp_path), "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("| command | start | CPU s |")
    widest = [{**row, "command": each.name, "cpu": 1234.5, "wall": 1234.5} for each in answer_time.COMMANDS]
    record.show(answer_time.table(widest), "all")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, text in (
        (["--only", "nothing"], "'nothing', which is in none of --help"),
        (["--from", str(tmp_path)], "expected the folder of a run of `python -m sims answer_time`"),
        (["--repetitions", "0"], "expected a whole number from 1"),
    ):
        assert index.main(["answer_time", *words, "--out", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert text in error and error.count("\n") == 1
    (tmp_path / "answer_time.json").write_text("[1")
    assert index.main(["answer_time", "--from", str(tmp_path)]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_numbers_are_short() -> None:
    assert [record.number(x) for x in (0.0, 0.0123456, 1.5, 12.34, 1234.5, 2e-5, 3e9, None)] == [
        *("0", "0.0123", "1.50", "12.3", "1,234", "2.00e-05", "3.00e+09", "-"),
    ]
