"""python -m sims accelerator: rows, equality that can fail, rows that die, the budget, occupancy, the refusal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sims import __main__ as index
from sims.measurements import accelerator, accelerator_rows, record
from sims.measurements.accelerator_rows import Task
from sims.measurements.resident_warps import occupancy

ABOUT = {"rehearsed": True, "kind": "cpu", "platform": "cpu", "git_commit": "0" * 40, "created": "2026-01-01T00:00:00Z"}


def test_without_an_accelerator_it_refuses_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert index.main(["accelerator", "--out", str(tmp_path)]) == 2
    error = capfd.readouterr().err
    assert "found no accelerator" in error and "--rehearse" in error and error.count("\n") == 1
    assert not (tmp_path / "accelerator.json").exists()


def test_every_workload_and_path_that_is_wanted_is_measured_and_compared() -> None:
    rows = accelerator_rows.tasks(False)
    names = {(row.kind, row.workload, row.who) for row in rows}
    for workload in ("W1", "W2", "W2 x 12", "W3", "MLP", "replay 1,000"):
        assert {("speed", workload, "fast path"), ("equality", workload, "fast path")} <= names
    for workload in ("W1", "W2", "W2 x 12"):
        assert {("speed", workload, "kernel"), ("equality", workload, "kernel")} <= names
    assert {("tuning", "W1", "kernel"), ("tuning", "W2", "kernel")} <= names
    beside = {(workload, who) for kind, workload, who in names if kind == "speed" and who in ("plain JAX", "C++")}
    assert {(workload, who) for workload in ("W1", "W2", "W3") for who in ("plain JAX", "C++")} <= beside
    assert {10**3, 10**4, 10**5, 10**6, 10**7} <= {row.streams for row in rows if row[1:3] == ("W1", "kernel")}
    assert {(row.workload, row.who) for row in accelerator_rows.tasks(True)} <= {(w, who) for _, w, who in names}


class Stub:
    """A program of which one count and one sum are off."""

    def __init__(self, shift: int, share: float) -> None:
        self.pairs, self.shift, self.share = 1, shift, share

    def call(self, first: int, horizon: int) -> Any:
        numbers = {"served": np.array([5, 6 + self.shift]), "cost": np.array([2.0, 3.0 * (1 + self.share)])}
        return type("Result", (), {"final": numbers})


@pytest.mark.parametrize(
    ("shift", "share", "equal"), [(0, 0.0, True), (0, 5e-7, True), (0, 2e-6, False), (1, 0.0, False)]
)
def test_equality_is_exact_for_counts_and_within_the_tolerance_for_sums(
    monkeypatch: pytest.MonkeyPatch, shift: int, share: float, equal: bool
) -> None:
    monkeypatch.setattr(
        accelerator_rows, "_program", lambda task: Stub(0, 0.0) if task.who == "general path" else Stub(shift, share)
    )
    found = accelerator_rows.measure(Task("equality", "W1", "kernel", 4, 12), 1.0)
    assert found["equal"] is equal and found["unequal"] == shift
    assert found["note"] == ("differ: served (1 of 2)" if shift else "")


class Child:
    """A stand-in for the process that holds the device: its second row kills it, others take a while."""

    made = 0

    def __init__(self, rehearse: bool, dump: str) -> None:
        Child.made += 1
        self.about, self.process = ABOUT, type("Process", (), {"exitcode": None})()

    def do(self, task: Task, seconds: float) -> dict[str, Any]:
        time.sleep(0.1)
        if task.streams == 2:
            self.process.exitcode = -9
            return {"note": "its process died with exit code -9"}
        return {"decisions": 100.0, "seconds": 0.1, "first": 1.0, "note": ""}

    def end(self) -> None:
        self.process.exitcode = self.process.exitcode or 0


def test_rows_are_kept_when_a_process_dies_and_when_the_time_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerator, "Worker", Child)
    monkeypatch.setattr(Child, "made", 0)
    chosen = [Task("speed", "W1", "kernel", n, 10) for n in (1, 2, 3, 4, 5, 6, 7)]
    kept = accelerator.measure(chosen, True, 0.45, tmp_path, "python -m sims accelerator --rehearse")
    rows = json.loads((tmp_path / "accelerator.json").read_text())["rows"]
    assert rows == kept.rows and len(rows) == 7 and Child.made == 2
    assert rows[0]["rate"] == pytest.approx(1_000) and rows[1]["note"] == "its process died with exit code -9"
    assert rows[2]["rate"] == pytest.approx(1_000) and rows[6]["note"] == "not measured: the time was up"
    assert "its process died with exit code -9" in accelerator.caption(kept.about, rows)[1]


def test_tables_and_figure_of_a_run_are_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = record.Record(tmp_path, "accelerator", "python -m sims accelerator", ABOUT)
    numbers = {"decisions": 1e12, "seconds": 0.1, "first": 12.3, "rate": 9_999_999.0, "memory": 100.0, "occupancy": 0.5}
    for task in accelerator_rows.tasks(False):
        own = {"equal": True, "unequal": 0, "apart": 1e-8} if task.kind == "equality" else numbers
        kept.add(task._asdict() | {"lanes": "128x4", "note": ""} | own)
    again = tmp_path / "again"
    assert index.main(["accelerator", "--from", str(tmp_path), "--out", str(again)]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80 and "A rehearsal on the CPU" in shown and "5e+10" in shown
    assert (again / "accelerator.png").stat().st_size > 10_000
    kept.add(kept.rows[0] | {"equal": False, "unequal": 3})
    assert index.main(["accelerator", "--from", str(tmp_path), "--out", str(again)]) == 1


def test_occupancy_follows_from_the_registers() -> None:
    assert occupancy(32, 128) == 1.0 and occupancy(72, 128) == 28 / 64 and occupancy(255, 128) == 8 / 64
    assert occupancy(32, 32) == 0.5  # 32 blocks of one warp each


@pytest.mark.slow  # what the CI runs as a command
def test_the_rehearsal_measures_nothing_and_fails_nowhere(tmp_path: Path) -> None:
    assert index.main(["accelerator", "--rehearse", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "accelerator.json").read_text())["rows"]
    assert all(row["equal"] for row in rows if row["kind"] == "equality") and not any(row["note"] for row in rows)
