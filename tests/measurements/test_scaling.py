"""python -m sims scaling: efficiencies, durations, two processes, the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from sims import __main__ as index
from sims.measurements import scaling


def row(devices: int, wall: float, cpu: float, decisions: float = 1e9, **other: object) -> dict:
    usual = {"kind": "strong", "workload": "W1", "processes": 1, "streams": 1, "horizon": 1, "stored": False}
    return usual | {"devices": devices, "wall": wall, "cpu": cpu, "decisions": decisions} | other


def test_efficiency_is_speed_over_cores_and_processor_time_over_that_of_one_device() -> None:
    first = row(1, 10.0, 10.0)
    assert scaling.efficiencies(row(2, 5.0, 10.0), first, 2) == (1.0, 1.0)
    assert scaling.efficiencies(row(4, 5.0, 12.5), first, 2) == (1.0, 0.8)  # four devices on two cores
    assert scaling.efficiencies(row(2, 10.0, 20.0, 2e9), row(1, 8.0, 10.0), 2) == pytest.approx((0.8, 1.0))


def test_a_large_sweep_takes_decisions_over_rate_over_machines() -> None:
    table = scaling.costs([row(1, 10.0, 10.0), row(2, 5.0, 12.0)], 2)  # 1e8 a second and core
    assert table.rows[0] == ("W1", "this machine", "1e12", "1.4 h", "10 min", "9.8 s")
    assert table.rows[3][1:] == ("accelerator (wanted)", "1e15", "5.6 h", "42 min", "39 s")
    assert scaling.duration(4e8) == "13 y" and scaling.duration(2e5) == "2.3 d" and scaling.duration(0.5) == "0.50 s"


@pytest.mark.long
def test_two_processes_share_a_sweep() -> None:
    point = scaling.Point("strong, stored", "W1", 8, 20, 1, scaling.PEERS, stored=True)
    found = scaling.run(point)
    assert found["decisions"] == 160 and found["cpu"] > 0 and found["wall"] > 0


@pytest.mark.slow  # what the CI runs as a command
def test_the_quick_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main(["scaling", "--quick", "--out", str(tmp_path)]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
    assert index.main(["scaling", "--from", str(tmp_path), "--out", str(tmp_path / "x"), "--markdown"]) == 0
    assert "| strong | W1 | 2 | 1 |" in capsys.readouterr().out
