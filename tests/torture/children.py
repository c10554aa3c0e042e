"""Runs in processes of their own, what they noted, and what of their results is compared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import xarray as xr

ROOT = Path(__file__).parents[2]
CHILD = """\
import sys
from messjax import runtime
from messjax.cli.__main__ import main
log, out, streams = sys.argv[1], sys.argv[2], sys.argv[3]
def note(word, start):
    with open(log, "a") as file:
        file.write(f"{word} {start}\\n")
use_all_cores = runtime.use_all_cores
def watched():  # called by the program before it computes; JAX is imported here
    use_all_cores()
    from messjax.engine import chunk_store, gathering, grid_program
    gathering.SECONDS = 0.0  # every block is a chunk of its own
    compute, write = grid_program.program, chunk_store.write
    def computed(key, index, *rest):
        note("computes", int(index[0]))
        return compute(key, index, *rest)
    def written(folder, start, dataset):
        chunk = write(folder, start, dataset)
        note("wrote", start)
        return chunk
    grid_program.program, chunk_store.write = computed, written
runtime.use_all_cores = watched
sys.exit(main(["simulate", "--zoo", "llama3", "--alpha", "0.667", "--V", "1,10", "--predictor", "oracle",
               "--streams", streams, "--horizon", "300", "--out", out, *sys.argv[4:]]))
"""
NOT_COMPARED = ("created", "seconds", "command")  # the time of day, the time taken, and the folder


def start(*arguments: object, program: str = CHILD, **environment: str) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    return popen([sys.executable, "-c", program, *map(str, arguments)], **environment)


def popen(command: list[str], **environment: str) -> subprocess.Popen[str]:
    """A command in a process of its own."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def finish(process: subprocess.Popen[str], timeout: float = 600) -> tuple[int, str]:
    """Exit code and standard error."""
    error = process.communicate(timeout=timeout)[1]
    return process.returncode, error


def ends_well(process: subprocess.Popen[str]) -> None:
    """Wait for a run that must succeed."""
    code, error = finish(process)
    assert code == 0, error[-600:]


def numbers(path: Path) -> xr.Dataset:
    """A result without what differs between any two runs."""
    result = xr.load_dataset(path, engine="h5netcdf").drop_encoding()
    return result.drop_attrs(deep=False).assign_attrs({k: v for k, v in result.attrs.items() if k not in NOT_COMPARED})


class Noted(NamedTuple):
    """What a run, or one run and its resumptions, noted.

    Attributes:
        computed: Chunks in the order in which they were begun, by their first streams.
        written: Chunks in the order in which they were on the disk.
        begun_again: Chunks that were begun after they had been written: work lost for nothing.
    """

    computed: list[int]
    written: list[int]
    begun_again: list[int]


def noted(log: Path) -> Noted:
    """Read what was noted so far."""
    computed: list[int] = []
    written: list[int] = []
    again: list[int] = []
    for line in log.read_text().splitlines() if log.is_file() else []:
        word, _, begin = line.partition(" ")
        if word == "computes":
            again += [int(begin)] if int(begin) in written else []
            computed.append(int(begin))
        else:
            written.append(int(begin))
    return Noted(computed, written, again)
