"""Weak and strong scaling over devices and processes, and what very large sweeps cost at the measured rates.

    python -m sims scaling [--quick] [--out DIR] [--from DIR] [--markdown]

Strong: the same streams on more devices. Weak: the same streams per device. Devices are forced host devices, as many as
there are cores and then 4 and 8, which share the cores; two processes have one device each and write one store, beside
one process with one device that writes one, too. Two efficiencies are shown: of wall time, against what the cores could
give, which needs an idle machine, and of processor time for a decision, which does not.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from messjax import interruption, origin, run_folder, runtime
from sims.common.finding import Rows
from sims.measurements import record
from sims.measurements.accelerator_rows import TARGETS
from sims.studies.speed import runs

NAME = "scaling"
SIZES = (1e12, 1e15)  # decisions of a large sweep
MANY = (1, 8, 512)
PEERS = 2


class Point(NamedTuple):
    """One measurement."""

    kind: str  # strong or weak
    workload: str
    streams: int
    horizon: int
    devices: int  # of each process
    processes: int = 1
    stored: bool = False


def points(quick: bool, cores: int) -> list[Point]:
    """All measurements; the first of each kind and workload has one device."""
    if quick:
        return [Point("strong", "W1", 64, 50, n) for n in (1, 2)]
    counts = [n for n in (1, 2, 4, 8) if n <= max(2, cores) or n in (4, 8)]
    result = []
    for workload, streams, horizon in (("W1", 32_768, 4_000), ("W2", 4_096, 2_000)):
        result += [Point("strong", workload, streams, horizon, n) for n in counts]
        result += [Point("weak", workload, streams // 2 * n, horizon, n) for n in counts]
    result += [Point("strong, stored", "W1", 32_768, 4_000, 1, stored=True)]
    return [*result, Point("strong, stored", "W1", 32_768, 4_000, 1, PEERS, stored=True)]


def measure(point: Point, number: int, port: int, store: str | None) -> dict[str, float]:
    """One point, or the part of process `number` in it: the second of two equal calls."""
    runtime.use_all_cores()
    import jax

    jax.config.update("jax_num_cpu_devices", point.devices)
    if point.processes > 1:
        runtime.join_processes(f"127.0.0.1:{port},{point.processes},{number}")
    from messjax.engine.grid_sweep import sweep
    from messjax.meters import folds, standard_meters

    meter = folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue())
    parts = runs.parts_of(runs.Task(point.workload, "messjax", point.streams, point.horizon))
    for seed in (0, 1):
        start = time.process_time(), time.perf_counter()
        folder: dict[str, Any] = {"store": f"{store}/{seed}"} if store else {}
        result = sweep(
            jax.random.key(seed), horizon=point.horizon, num_streams=point.streams, meter=meter, **parts, **folder
        )
        cpu, wall = time.process_time() - start[0], time.perf_counter() - start[1]
    return {"cpu": cpu, "wall": wall, "decisions": float(point.horizon * result.sizes["stream"])}


def run(point: Point) -> dict[str, float]:
    """One point in processes of its own: seconds of wall of the slower one, processor time of all."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        store = folder if point.stored else None
        context = multiprocessing.get_context("spawn")
        with context.Pool(point.processes, interruption.start_worker, (os.getpid(),)) as pool:
            calls = [(point, number, port, store) for number in range(point.processes)]
            found = pool.starmap(measure, calls, chunksize=1)
    return {
        "cpu": sum(each["cpu"] for each in found),
        "wall": max(each["wall"] for each in found),
        "decisions": found[0]["decisions"],
    }


def efficiencies(row: dict[str, Any], first: dict[str, Any], cores: int) -> tuple[float, float]:
    """Of wall time, against as many devices as have a core; and of processor time for a decision."""
    devices = row["devices"] * row["processes"]
    speedup = (row["decisions"] / row["wall"]) / (first["decisions"] / first["wall"])
    return speedup / min(devices, cores), (row["decisions"] / row["cpu"]) / (first["decisions"] / first["cpu"])


def table(rows: Sequence[dict[str, Any]], cores: int) -> Rows:
    """The rows as text."""
    firsts: dict[tuple[str, str], dict[str, Any]] = {}
    lines = []
    for row in rows:
        first = firsts.setdefault((row["kind"], row["workload"]), row)
        wall, cpu = efficiencies(row, first, cores)
        rate = record.number(row["decisions"] / row["wall"] / 1e6)
        where = (str(row["devices"]), str(row["processes"]))
        lines.append((row["kind"], row["workload"], *where, rate, f"{wall:.2f}", f"{cpu:.2f}"))
    names = ("scaling", "workload", "devices", "processes", "M/s", "of wall", "of CPU")
    return Rows(names, tuple(lines))


def costs(rows: Sequence[dict[str, Any]], cores: int) -> Rows:
    """How long 1e12 and 1e15 decisions take at the measured processor time, and at the rates wanted of accelerators."""
    lines = []
    for workload in dict.fromkeys(row["workload"] for row in rows):
        measured = cores * max(row["decisions"] / row["cpu"] for row in rows if row["workload"] == workload)
        names = (("this machine", measured), ("accelerator (wanted)", TARGETS[workload]))
        for who, rate in names:
            for size in SIZES:
                times = [duration(size / rate / n) for n in MANY]
                lines.append((workload, who, f"{size:.0e}".replace("+", ""), *times))
    return Rows(("workload", "rate of", "decisions", *(f"on {n}" for n in MANY)), tuple(lines))


def duration(seconds: float) -> str:
    """Seconds as a person reads them: 20 s, 1.1 h, 46 d, 7 y."""
    for unit, size in (("y", 365.25 * 86_400), ("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds)} s"


def _two_digits(value: float) -> str:
    digits = max(0, 1 - math.floor(math.log10(value))) if value else 0
    return f"{value:,.{digits}f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print both tables."""
    assert __doc__ is not None
    parser = record.parser(NAME, __doc__, "two small points")

    def do() -> None:
        args = parser.parse_args(arguments)
        with run_folder.locked(args.out):
            if args.source:
                about, rows = record.load(args.source, NAME)
            else:
                line = f"python -m sims {NAME}{' --quick' if args.quick else ''}"
                kept = record.Record(args.out, NAME, line, {"cores": runtime.cores()} | origin.provenance())
                for number, point in enumerate(chosen := points(args.quick, runtime.cores())):
                    print(f"{NAME}: {number + 1} of {len(chosen)}: {point.kind}", file=sys.stderr, flush=True)
                    kept.add(point._asdict() | run(point))
                about, rows = kept.about, kept.rows
        stamp = f"{about['cores']} cores; commit {about['git_commit'][:12]}, {about['created'][:10]}."
        record.show(table(rows, about["cores"]), "scaling", [stamp], markdown=args.markdown)
        said = [
            "Of this machine: by processor time, all cores busy; of n machines: n times as fast.",
            "No accelerator was measured: its rows follow from the rates that are wanted of one H100 or H200.",
        ]
        record.show(costs(rows, about["cores"]), "time of a large sweep", said, markdown=args.markdown)

    return record.program(NAME, do)


if __name__ == "__main__":
    sys.exit(main())
