"""Files appear whole or not at all, on a full disk too, and drafts of the dead are removed."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from messjax import files, plot, results
from proofs_check import report


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file may grow beyond `room` bytes: writes fail as they do where the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def noise(num: int) -> xr.Dataset:
    return xr.Dataset({"x": ("stream", np.random.default_rng(0).normal(size=num))})


def figure() -> Figure:
    result = Figure()
    result.subplots().plot(np.random.default_rng(0).normal(size=(500, 8)))
    return result


WRITERS = {
    "old.nc": lambda folder, size: results.save(noise(size), folder / "old.nc"),
    "old.png": lambda folder, size: plot.save(figure() if size > 9 else Figure(figsize=(0.1, 0.1)), folder / "old"),
    "verdicts.json": lambda folder, size: report.write([], folder, 0, "c", {"big": ["z" * 60] * size}),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_an_error_that_leaves_the_older_file(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path, 5)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with full_disk(20_000), pytest.raises(OSError, match=f"{tmp_path / name}"):
        WRITERS[name](tmp_path, 9_000)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_draft_of_a_process_that_died_is_removed_and_that_of_a_live_one_is_kept(tmp_path: Path) -> None:
    half = "import os, pathlib, sys; from messjax import files\nwith files.drafted(sys.argv[1]) as draft:\n"
    killed = half + "    draft.write_text('half'); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", killed, str(tmp_path / "a.json")], check=False)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    with files.drafted(tmp_path / "a.json") as mine:
        mine.write_text("first")
        files.write(tmp_path / "b.json", "other")
        assert {path.name for path in tmp_path.iterdir()} == {mine.name, "b.json"}
    assert json.dumps((tmp_path / "a.json").read_text()) == '"first"'
