"""python -m sims growth: points and what is left out, a point of each kind, the table, the figure, bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from sims import __main__ as index
from sims.measurements import growth, record
from sims.studies.speed import runs

ABOUT = {"cores": 2, "git_commit": "0" * 40, "created": "2026-01-01T00:00:00Z"}


def row(at: int, **numbers: float | str) -> dict:
    usual = {"run": 1.0, "wall": 1.0, "peak": 1.0, "before": 0.5, "compiling": 2.0, "call": 0.1, "note": ""}
    return {"axis": "streams", "at": at, **usual, **numbers}


def test_every_axis_grows_from_small_to_large() -> None:
    found: dict[str, list[int]] = {}
    for point in growth.points(False):
        found.setdefault(point.axis, []).append(point.at)
    assert all(at == sorted(set(at)) and len(at) >= 4 for at in found.values())
    ends = {axis: (at[0], at[-1]) for axis, at in found.items()}
    assert ends == {
        "streams": (10**3, 10**6), "horizon": (10**3, 10**8), "grid points": (1, 10**4), "models": (2, 300),
        "features": (4, 4_096), "requests of trace": (10**4, 10**7),
    }  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(
    ("point", "decisions"),
    [
        (growth.Point("grid points", 16, runs.Task("W1", "messjax", 4, 20, "grid points", 16)), 16 * 4 * 20),
        (growth.Point("models", 5, runs.Task("W1", "messjax", 4, 20, "models M", 5)), 4 * 20),
        (growth.Point("features", 6, runs.Task("W2", "messjax", 4, 20, "features d", 6)), 4 * 20),
        (growth.Point(growth.TRACE, 30, runs.Task("trace", "messjax", 2, 30, growth.TRACE, 30)), 2 * 30),
    ],
    ids=lambda value: value.axis if isinstance(value, growth.Point) else "",
)
def test_a_point_of_each_kind(point: growth.Point, decisions: int) -> None:
    found = growth.measure(point)
    assert found["decisions"] == decisions
    assert found["compiling"] > found["run"] > 0 and found["peak"] >= found["before"] > 0


def test_points_that_would_exceed_time_or_memory_are_left_out_and_say_so() -> None:
    def reason(*before: dict, seconds: float = 100.0, memory: float = 100.0) -> str:
        return growth.reason_to_leave_out(growth.points(False)[1], before, seconds, memory)  # 1e4 streams

    low, high = row(10, wall=0.1, peak=0.6), row(1_000, wall=11.0, peak=1.0)
    assert reason() == reason(high) == "" and reason(seconds=-1.0) == "no time was left"
    assert reason(low, high) == "would take 110 s by the points before it, 100 s were left"
    assert reason(low, high, seconds=111.0) == ""
    assert reason(low, high, seconds=111.0, memory=9.2).startswith("would take 4.6 GiB by the points before it, of 9.2")
    assert reason(low, row(1_000, note="left out")) == "the point before it was left out"


def test_the_table_has_slopes_on_log_axes() -> None:
    rows = [row(10), row(1_000, run=10.0, peak=50.5), row(10**4, note="too large")]
    table = growth.table(rows)
    assert [line[3] for line in table.rows] == ["", "0.50", "-"]
    assert [line[5] for line in table.rows] == ["", "1.00", "-"]
    assert growth.caption(ABOUT, rows)[-1] == "streams 10,000 left out: too large."


@pytest.mark.slow  # what the CI runs as a command
def test_the_quick_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main(["growth", "--quick", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80 and (tmp_path / "growth.png").stat().st_size > 10_000


def test_a_run_is_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = record.Record(tmp_path, "growth", "python -m sims growth", ABOUT)
    for each in (row(10), row(100, run=10.0), row(1_000, note="too large")):
        kept.add(each)
    assert index.main(["growth", "--from", str(tmp_path), "--out", str(tmp_path / "again")]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
    assert (tmp_path / "again" / "growth.png").stat().st_size > 10_000


def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main(["growth", "--axes", "streams,length"]) == 2
    error = capsys.readouterr().err
    assert "found 'length', expected some of streams, horizon" in error and error.count("\n") == 1
