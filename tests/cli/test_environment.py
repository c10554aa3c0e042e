"""A command where HOME, the cache and TMPDIR cannot be used: one note that says what to set, and the same numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from messjax.cli import __main__ as cli
from tests.torture import children

OPTIONS = ["simulate", "--zoo", "llama3", "--alpha", "0.667", "--V", "1,10", "--streams", "64", "--horizon", "200"]
NOWHERE = {"HOME": "/dev/null/home", "TMPDIR": "/dev/null/tmp"}  # cannot be made, whoever runs the test


def _run(out: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "messjax.cli", *OPTIONS, "--out", str(out)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.long
def test_without_a_home_and_without_a_folder_for_temporary_files(tmp_path: Path) -> None:
    calm = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "MPLCONFIGDIR")}
    usual = _run(tmp_path / "usual", calm | {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    homeless = _run(tmp_path / "homeless", calm | NOWHERE)
    assert usual.returncode == homeless.returncode == 0, homeless.stderr
    assert "Traceback" not in homeless.stderr
    assert homeless.stderr.count("set XDG_CACHE_HOME to a folder that can be written") == 1
    assert children.numbers(tmp_path / "usual" / "simulate.nc").identical(
        children.numbers(tmp_path / "homeless" / "simulate.nc")
    )
    assert (tmp_path / "homeless" / "simulate.png").stat().st_size > 10_000


def test_an_out_that_cannot_be_made_is_one_line_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*OPTIONS, "--out", "/dev/null/out"]) == 2
    error = capsys.readouterr().err
    assert "/dev/null/out" in error and len(error.strip().splitlines()) == 1
