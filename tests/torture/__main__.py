"""Break runs on purpose and compare with an undisturbed one.

    python -m tests.torture [--quick] [--seed N]

Each check prints a line with what was measured; exit code 0 when all hold, 1 when one does not.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import xarray as xr

ROOT = Path(__file__).parents[2]
CHILD = """\
import sys
from messjax import run_folder, runtime
from messjax.engine import gathering
log, out, streams = sys.argv[1], sys.argv[2], sys.argv[3]
gathering.SECONDS = 0.0  # every block is a chunk of its own
add = gathering.Gathered.add
def counted(self, start, result):
    with open(log, "a") as file:
        file.write(f"{start}\\n")
    add(self, start, result)
gathering.Gathered.add = counted
from messjax.cli.__main__ import main
sys.exit(main(["simulate", "--zoo", "llama3", "--alpha", "0.667", "--V", "1,10", "--predictor", "oracle",
               "--streams", streams, "--horizon", "300", "--out", out, *sys.argv[4:]]))
"""
NOT_COMPARED = ("created", "seconds", "command")  # the time of day, the time taken, and the folder


def start(*arguments: object, program: str = CHILD) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and standard error."""
    error = process.communicate(timeout=600)[1]
    return process.returncode, error


def numbers(path: Path) -> xr.Dataset:
    """A result without what differs between any two runs."""
    result = xr.load_dataset(path, engine="h5netcdf").drop_encoding()
    return result.drop_attrs(deep=False).assign_attrs({k: v for k, v in result.attrs.items() if k not in NOT_COMPARED})


def started(log: Path) -> int:
    """Blocks that were computed so far."""
    return len(log.read_text().split()) if log.is_file() else 0


def kills(folder: Path, count: int, streams: int, rng: random.Random) -> str:
    """SIGKILL at random moments, resumed each time: the same file, and at most one block repeated per kill."""
    code, error = finish(start(folder / "whole.log", folder / "whole", streams))
    assert code == 0, error
    needed, log, out, done = started(folder / "whole.log"), folder / "log", folder / "killed", 0
    while done < count:
        before, process = started(log), start(log, out, streams)
        while process.poll() is None and started(log) <= before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.5))
        if process.poll() is not None:
            break  # it had less left to do than the kills would take
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done += 1
    code, error = finish(start(log, out, streams))
    assert code == 0, error
    xr.testing.assert_identical(numbers(out / "simulate.nc"), numbers(folder / "whole" / "simulate.nc"))
    repeated = started(log) - needed
    assert repeated <= done, f"{repeated} blocks repeated after {done} kills"
    left = [path.name for path in out.iterdir() if path.suffix == ".part" or "unfinished" in path.name]
    assert not left, left
    return f"{done} kills of a run of {needed} chunks: equal bit for bit, {repeated} chunks computed twice"


def signals(folder: Path, streams: int) -> str:
    """Ctrl-C and SIGTERM: within two seconds, with the exit code and the command to resume; another V is refused."""
    seconds = []
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        log, out = folder / f"{code}.log", folder / str(code)
        process = start(log, out, streams)
        while process.poll() is None and started(log) < 2:
            time.sleep(0.01)
        at = time.perf_counter()
        process.send_signal(number)
        found, error = finish(process)
        seconds.append(time.perf_counter() - at)
        assert (found, "same command goes on" in error) == (code, True), (found, error)
        assert seconds[-1] < 2.0, seconds
    found, error = finish(start(folder / "log", folder / "143", streams, "--V", "3"))
    assert found == 2 and "V = [1.0, 10.0] (now [3.0])" in error, error
    return f"ended after {seconds[0]:.2f} and {seconds[1]:.2f} s; another V in the folder refused"


def two_runs(folder: Path, streams: int) -> str:
    """The second run in a folder is refused, the first one undisturbed."""
    first = start(folder / "log", folder / "out", streams)
    while first.poll() is None and not (folder / "out" / "simulate.run.json").is_file():
        time.sleep(0.01)
    code, error = finish(start(folder / "log2", folder / "out", streams, "--V", "3"))
    assert code == 2 and f"process {first.pid}" in error, error
    assert finish(first)[0] == 0
    return "refused with the process named"


def workers(folder: Path) -> str:
    """A parent that is killed takes its workers along; a worker that is killed is exit code 3, not 1."""
    program = "import sys; from proofs_check.__main__ import main; sys.exit(main(sys.argv[1:]))"
    options = ["--quick", "--workers", "2", "--parts", "statements,rates", "--out"]
    parent = start(*options, folder / "a", program=program)
    children = _wait_for_workers(parent)
    parent.send_signal(signal.SIGKILL)
    at = time.perf_counter()
    while any(map(_alive, children)) and time.perf_counter() - at < 10:
        time.sleep(0.01)
    seconds = time.perf_counter() - at
    assert seconds < 2.0, f"workers lived {seconds:.1f} s longer than their parent"
    parent = start(*options, folder / "b", program=program)
    os.kill(_wait_for_workers(parent)[0], signal.SIGKILL)
    code, error = finish(parent)
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


def two_processes(folder: Path, streams: int) -> str:
    """Two processes against one: the same numbers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    both = [start(folder / f"{n}.log", folder / "two", streams, program=_shared(f"{address},2,{n}")) for n in (0, 1)]
    for process in both:
        code, error = finish(process)
        assert code == 0, error[-600:]
    code, error = finish(start(folder / "log", folder / "one", streams))
    assert code == 0, error
    two, one = (numbers(folder / name / "simulate.nc") for name in ("two", "one"))
    for name in one.data_vars:
        xr.testing.assert_equal(two[name], one[name])
    devices = f"{two.attrs['device']} and {one.attrs['device']}"
    return f"two processes and one ({devices}): all {len(one.data_vars)} variables equal"


def _shared(where: str) -> str:
    return CHILD.replace('"simulate"', f'"--distributed", "{where}", "simulate"')


FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, -1))\n"


def full_disk(folder: Path, streams: int) -> str:
    """No room for the result: one line, exit code 2, no draft; with room again the same command ends well."""
    code, error = finish(start(folder / "log", folder / "out", streams, program=FULL_DISK + CHILD))
    assert code == 2 and "Traceback" not in error, (code, error)
    assert not list((folder / "out").rglob("*.part")), "a draft is left"
    code, error = finish(start(folder / "log", folder / "out", streams))
    assert code == 0, error
    return "one error line, no draft, resumed"


def main(arguments: list[str] | None = None) -> int:
    """Run the checks."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3 kills instead of 20, shorter runs")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of the kills (0)")
    args = parser.parse_args(arguments)
    count, streams = (3, 12_000) if args.quick else (20, 60_000)
    rng, failed = random.Random(args.seed), 0
    checks: dict[str, Callable[[Path], str]] = {
        "kills": lambda folder: kills(folder, count, streams, rng),
        "signals": lambda folder: signals(folder, streams),
        "two runs in a folder": lambda folder: two_runs(folder, streams),
        "full disk": lambda folder: full_disk(folder, streams),
        "workers": workers,
        "two processes": lambda folder: two_processes(folder, 4_000),
    }
    for name, check in checks.items():
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="messjax-torture-") as folder:
            try:
                result = check(Path(folder))
            except AssertionError as error:
                result, failed = f"FAILED: {error}", failed + 1
        print(f"{name}: {result} ({time.perf_counter() - began:.0f} s)", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
