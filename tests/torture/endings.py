"""How runs end: by signals, beside another run, without room on the disk, and without their workers or parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.torture import children


def signals(folder: Path, streams: int) -> str:
    """Ctrl-C and SIGTERM: within two seconds, with the exit code and the command to resume; another V is refused."""
    seconds = []
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        log, out = folder / f"{code}.log", folder / str(code)
        process = children.start(log, out, streams)
        while process.poll() is None and len(children.noted(log).computed) < 2:
            time.sleep(0.01)
        at = time.perf_counter()
        process.send_signal(number)
        found, error = children.finish(process)
        seconds.append(time.perf_counter() - at)
        assert (found, "same command goes on" in error) == (code, True), (found, error)
        assert seconds[-1] < 2.0, seconds
    found, error = children.finish(children.start(folder / "log", folder / "143", streams, "--V", "3"))
    assert found == 2 and "V = [1.0, 10.0] (now [3.0])" in error, error
    return f"ended after {seconds[0]:.2f} and {seconds[1]:.2f} s; another V in the folder refused"


def signals_of_programs(folder: Path) -> str:
    """Ctrl-C and SIGTERM to what has workers, at work for some seconds: it and they end within two seconds."""
    found = []
    programs = {"proofs_check": ["proofs_check", "--quick"], "sims": ["sims", "--all", "--quick"]}
    for name, words in programs.items():
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            command = [sys.executable, "-m", *words, "--workers", "2", "--out", str(folder / f"{name}{code}")]
            parent = children.popen(command)
            at_work = _wait_for_workers(parent)
            at = time.perf_counter()
            parent.send_signal(number)
            exit_code, error = children.finish(parent)
            while any(map(_alive, at_work)) and time.perf_counter() - at < 10:
                time.sleep(0.01)
            seconds = time.perf_counter() - at
            assert exit_code == code, (name, exit_code, error)
            assert seconds < 2.0, f"{name}: {seconds:.2f} s after signal {number}"
            found.append(f"{name} {seconds:.2f} s")
    return ", ".join(found)


def two_runs(folder: Path, streams: int) -> str:
    """The second run in a folder is refused, the first one undisturbed."""
    first = children.start(folder / "log", folder / "out", streams)
    while first.poll() is None and not (folder / "out" / "simulate.run.json").is_file():
        time.sleep(0.01)
    code, error = children.finish(children.start(folder / "log2", folder / "out", streams, "--V", "3"))
    assert code == 2 and f"process {first.pid}" in error, error
    children.ends_well(first)
    return "refused with the process named"


FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, -1))\n"


def full_disk(folder: Path, streams: int) -> str:
    """No room for the result: one line, exit code 2, no draft; with room again the same command ends well."""
    program = FULL_DISK + children.CHILD
    code, error = children.finish(children.start(folder / "log", folder / "out", streams, program=program))
    assert code == 2 and "Traceback" not in error, (code, error)
    assert not list((folder / "out").rglob("*.part")), "a draft is left"
    children.ends_well(children.start(folder / "log", folder / "out", streams))
    return "one error line, no draft, resumed"


def workers(folder: Path) -> str:
    """A parent that is killed takes its workers along; a worker that is killed is exit code 3, not 1."""
    program = "import sys; from proofs_check.__main__ import main; sys.exit(main(sys.argv[1:]))"
    options = ["--quick", "--workers", "2", "--parts", "statements,rates", "--out"]
    parent = children.start(*options, folder / "a", program=program)
    at_work = _wait_for_workers(parent)
    parent.send_signal(signal.SIGKILL)
    at = time.perf_counter()
    while any(map(_alive, at_work)) and time.perf_counter() - at < 10:
        time.sleep(0.01)
    seconds = time.perf_counter() - at
    assert seconds < 2.0, f"workers lived {seconds:.1f} s longer than their parent"
    parent = children.start(*options, folder / "b", program=program)
    os.kill(_wait_for_workers(parent)[0], signal.SIGKILL)
    code, error = children.finish(parent)
    assert code == 3 and "worker process was killed" in error, (code, error)
    return f"workers ended {seconds:.2f} s after their parent; a killed worker is exit code 3"


def _wait_for_workers(parent: subprocess.Popen[str]) -> list[int]:
    """Process ids of two workers that are at work, so that both know whose end they follow."""
    while True:
        found = [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _parent(pid) == parent.pid]
        at_work = [pid for pid in found if _seconds(pid) > 1.5]
        if len(at_work) >= 2:
            return at_work
        assert parent.poll() is None, parent.communicate()[1]
        time.sleep(0.05)


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def _parent(pid: int) -> int:
    return int(stat[1]) if (stat := _stat(pid)) else 0


def _seconds(pid: int) -> float:
    return sum(map(int, stat[11:13])) / os.sysconf("SC_CLK_TCK") if (stat := _stat(pid)) else 0.0


def _alive(pid: int) -> bool:
    return bool(stat := _stat(pid)) and stat[0] != "Z"
