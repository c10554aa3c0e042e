"""A command in a process of its own: processor time and wall time, and how busy others kept the machine."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from messjax import interruption

ROOT = Path(__file__).parents[2]
STAT = Path("/proc/stat")


class Cost(NamedTuple):
    """What a command took, with its own children."""

    cpu: float  # seconds of processor time
    wall: float  # seconds
    others: float  # processor time of all other programs, per second of wall; NaN where the system does not say
    code: int  # exit code


def run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Cost:
    """Run a command in the repository's folder and wait for it; what it prints is added to the file `log`.

    Args:
        command: The command.
        environment: Environment variables that differ from this process's.
        log: A file, made where there is none.

    Returns:
        What it took, by the system's account of the process (`os.wait4`).
    """
    where = {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep)}
    parent = {interruption.PARENT: str(os.getpid())}  # it ends when this process does
    with log.open("a", encoding="utf-8") as printed:
        printed.write(f"$ {' '.join(command)}\n")
        printed.flush()
        busy, start = _busy(), time.perf_counter()
        child = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | where | parent | dict(environment), stdout=printed, stderr=printed
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
    cpu = usage.ru_utime + usage.ru_stime
    others = max(0.0, _busy() - busy - cpu) / wall
    return Cost(cpu, wall, others, child.returncode)


def _busy() -> float:
    """Seconds in which all processors together have worked since the start of the machine (Linux), else NaN."""
    if not STAT.is_file():
        return float("nan")
    user, nice, system, _, _, irq, softirq, steal = map(
        int, STAT.read_text(encoding="utf-8").split("\n")[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
