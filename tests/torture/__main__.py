"""Break runs on purpose and compare with an undisturbed one.

    python -m tests.torture [--quick] [--only NAME] [--workers N] [--seed N]

Each check prints a line with what was measured; exit code 0 when all hold, 1 when one does not. The full version also
kills a study, a replay and proofs_check; for the replay it takes a recorded trace (`MESSJAX_TRACES`, ../shared/traces).
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.torture import children, endings, kills, processes


def checks(quick: bool, seed: int) -> dict[str, Callable[[Path], str]]:
    """The checks by name; each takes a folder of its own."""
    count, streams = (5, 12_000) if quick else (20, 60_000)

    def with_moments(kill: Callable[[Path, random.Random], str]) -> Callable[[Path], str]:
        return lambda folder: kill(folder, random.Random(seed))

    found: dict[str, Callable[[Path], str]] = {
        "kills": lambda folder: kills.sweep(folder, count, streams, random.Random(seed)),
        "signals": lambda folder: endings.signals(folder, streams),
        "two runs in a folder": lambda folder: endings.two_runs(folder, 2_000),
        "full disk": lambda folder: endings.full_disk(folder, 2_000),
        "workers": endings.workers,
        "two processes": lambda folder: processes.two(folder, 2_000),
    }
    if quick:
        return found
    traces = Path(os.environ.get("MESSJAX_TRACES", children.ROOT / "../shared/traces"))
    found["signals of programs"] = endings.signals_of_programs
    found["one of two processes killed"] = lambda folder: processes.one_killed(folder, streams)
    found["devices and blocks"] = processes.same_numbers
    if not traces.is_dir():
        print(f"kills of a replay: skipped, there are no traces in {traces}")
    commands = kills.commands(traces if traces.is_dir() else None)
    return found | {name: with_moments(kill) for name, kill in commands.items()}


def main(arguments: list[str] | None = None) -> int:
    """Run the checks."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="5 kills instead of 20, shorter runs, fewer checks")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of the kills (0)")
    parser.add_argument("--only", metavar="NAME", help="checks whose names contain NAME")
    parser.add_argument("--workers", type=int, default=1, help="checks at a time (1)")
    args = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it, and its children
    chosen = {name: check for name, check in checks(args.quick, args.seed).items() if (args.only or "") in name}
    with ThreadPoolExecutor(args.workers) as pool:  # the work is in the children
        running = [pool.submit(_line, name, check) for name, check in chosen.items()]
        lines = []
        for each in as_completed(running):
            lines.append(each.result())
            print(lines[-1], flush=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    failed = sum(": FAILED" in line for line in lines)
    print(f"{len(lines) - failed} of {len(lines)} checks hold; {used.ru_utime + used.ru_stime:.0f} s of CPU in all")
    return int(failed > 0 or not lines)


def _line(name: str, check: Callable[[Path], str]) -> str:
    """Run one check."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="messjax-torture-") as folder:
        try:
            result = check(Path(folder))
        except (AssertionError, subprocess.TimeoutExpired) as error:
            result = f"FAILED: {error}"
    return f"{name}: {result} ({time.perf_counter() - began:.0f} s)"


if __name__ == "__main__":
    sys.exit(main())
