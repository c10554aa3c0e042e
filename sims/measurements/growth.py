"""Seconds and peak memory against the size of a run, along six axes, with the time of compiling beside them.

    python -m sims growth [--quick] [--seconds N] [--axes NAME,...] [--out DIR] [--from DIR] [--markdown]

The axes are streams, horizon, grid points, models, features, and requests of a trace. Each point is a process of its
own, whose peak memory is its own. It makes the same call three times: twice with a horizon of one request, which is the
same compiled program (the first one compiles it; the second one shows what a call costs besides), and once in full.
Times are processor time, which other programs disturb least. A point that would exceed the memory or the time that is
left, by the point before it, is left out, and the table says so.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax import interruption, origin, plot, run_folder, runtime
from sims.common.finding import Rows
from sims.measurements import growth_figure, record
from sims.studies.speed import runs

NAME = "growth"
STATUS = Path("/proc/self/status")
MEMORY = 0.5  # of what is available, that a point may take
TRACE = "requests of trace"
WARM = 1  # request of the calls that only compile


class Point(NamedTuple):
    """One run on an axis."""

    axis: str
    at: int
    task: runs.Task  # a workload of `python -m sims speed`
    time: float = 1.0  # seconds of processor time for a first guess


def points(quick: bool) -> list[Point]:
    """All runs, axis by axis, the smallest of an axis first."""
    if quick:
        return [Point("streams", n, runs.Task("W1", "messjax", n, 100, "streams", n)) for n in (64, 128)]
    found = [("streams", n, runs.Task("W1", "messjax", n, 1_000, "streams", n)) for n in (10**3, 10**4, 10**5, 10**6)]
    found += [("horizon", n, runs.Task("W1", "messjax", 8, n, "horizon", n)) for n in (10**k for k in range(3, 9))]
    sides = (1, 10, 32, 100)
    found += [("grid points", n * n, runs.Task("W1", "messjax", 256, 1_000, "grid points", n * n)) for n in sides]
    found += [("models", n, runs.Task("W1", "messjax", 1_024, 1_000, "models M", n)) for n in (2, 5, 20, 80, 300)]
    found += [
        ("features", n, runs.Task("W2", "messjax", 128, 500, "features d", n)) for n in (4, 16, 64, 256, 1_024, 4_096)
    ]
    found += [(TRACE, n, runs.Task("trace", "messjax", 2, n, TRACE, n)) for n in (10**4, 10**5, 10**6, 10**7)]
    return [Point(*each) for each in found]


def measure(point: Point) -> dict[str, Any]:
    """Do one run in this process, which does nothing else.

    Returns:
        compiling, call and run (seconds of processor time: of the first call, less the second; of the second; of the
        full run), wall (seconds of the full run), before and peak (GiB), xla (seconds of wall that XLA compiled), and
        decisions.
    """
    runtime.use_all_cores()
    import jax

    from messjax.engine.grid_sweep import sweep
    from messjax.meters import folds, standard_meters

    meter = folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue())
    parts, task = _trace(point) if point.axis == TRACE else runs.parts_of(point.task), point.task
    before, spent, compiled = _peak(), [], 0.0

    def note(event: str, duration_secs: float, **_: Any) -> None:
        nonlocal compiled
        compiled += duration_secs * event.endswith("backend_compile_duration")

    jax.monitoring.register_event_duration_secs_listener(note)
    for horizon in (WARM, WARM, task.horizon):
        start = time.process_time(), time.perf_counter()
        result = sweep(jax.random.key(0), horizon=horizon, num_streams=task.streams, meter=meter, **parts)
        spent.append((time.process_time() - start[0], time.perf_counter() - start[1]))
    (first, _), (call, _), (run, wall) = spent
    return {
        "compiling": first - call, "call": call, "run": run, "wall": wall, "before": before, "peak": _peak(),
        "xla": compiled, "decisions": float(task.horizon * np.size(result["satisfaction"])),
    }  # fmt: skip


def _trace(point: Point) -> dict[str, Any]:
    """A recorded trace of so many requests, of 16 features and three models, routed with a learned head."""
    from messjax import policies, predictors, streams
    from messjax.types import Controls

    rng, num, cost = np.random.default_rng(0), point.at, np.array([1.0, 2.0, 4.0], np.float32)
    x = rng.standard_normal((num, 16), np.float32)
    logits = x @ rng.standard_normal((16, 3)).astype(np.float32) / 4 + np.array([0.4, 1.0, 1.6], np.float32)
    mean = 1 / (1 + np.exp(-logits))
    labels = (rng.random((num, 3), np.float32) < mean).astype(np.float32)
    stream = streams.replay(x, labels, np.broadcast_to(cost, (num, 3)))
    policy = policies.mess_plus(predictors.linear(16, 3))
    return {"controls": Controls(V=10.0, alpha=0.667), "policy": policy, "stream": stream}


def _peak() -> float:
    """GiB that this process has held at most."""
    if STATUS.is_file():  # what the system says of a child begins with the size of its parent
        line = next(text for text in STATUS.read_text(encoding="utf-8").splitlines() if text.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def reason_to_leave_out(point: Point, before: Sequence[dict[str, Any]], seconds: float, memory: float) -> str:
    """Why a point is left out, by a straight line through the two points before it; empty where it is not.

    Args:
        point: The point.
        before: The rows of its axis so far.
        seconds: Of wall time that are left.
        memory: GiB that are available.
    """
    if seconds <= 0:
        return "no time was left"
    if before and before[-1]["note"]:
        return "the point before it was left out"
    expected, held = (_continued(before, name, point.at) for name in ("wall", "peak"))
    if expected > seconds:
        return f"would take {expected:,.0f} s by the points before it, {seconds:,.0f} s were left"
    if held > memory * MEMORY:
        return f"would take {held:,.1f} GiB by the points before it, of {memory:,.1f} available"
    return ""


def _continued(before: Sequence[dict[str, Any]], name: str, at: float) -> float:
    """A number at the next point, by a straight line through the last two; zero where there are not two."""
    if len(before) < 2:
        return 0.0
    (x, low), (z, high) = ((row["at"], row[name]) for row in before[-2:])
    return float(high + max(0.0, high - low) / (z - x) * (at - z))


def _available() -> float:
    """GiB that new programs can have."""
    text = Path("/proc/meminfo")
    if not text.is_file():
        return float("inf")
    line = next(line for line in text.read_text(encoding="utf-8").splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) / 2**20


def run(chosen: Sequence[Point], seconds: float, kept: record.Record) -> None:
    """Measure the points one after the other, each in a process of its own."""
    end = time.perf_counter() + seconds
    done: dict[str, list[dict[str, Any]]] = {}
    for number, point in enumerate(chosen):
        print(f"{NAME}: {number + 1} of {len(chosen)}: {point.axis} {point.at:,}", file=sys.stderr, flush=True)
        earlier = done.setdefault(point.axis, [])
        note = reason_to_leave_out(point, earlier, end - time.perf_counter(), _available())
        row: dict[str, Any] = {"axis": point.axis, "at": point.at, "note": note}
        if not note:
            with multiprocessing.get_context("spawn").Pool(1, interruption.start_worker, (os.getpid(),)) as pool:
                row |= pool.apply(measure, (point,))
        kept.add(row)
        earlier.append(row)


def _rows_in(out: Path) -> list[dict[str, Any]]:
    """What an earlier run has measured there; nothing where there was none."""
    return record.load(out, NAME)[1] if (out / f"{NAME}.json").is_file() else []


def table(rows: Sequence[dict[str, Any]]) -> Rows:
    """The rows as text, with the exponent of growth since the point before."""
    lines, before = [], dict[str, Any]()
    for row in rows:
        if row["note"]:
            lines.append((row["axis"], f"{row['at']:,}", "left out", *["-"] * 5))
            continue
        cells = [record.number(row.get(name)) for name in ("run", "peak", "compiling", "xla")]
        exponents = _exponents(before.get(row["axis"]), row)
        lines.append((row["axis"], f"{row['at']:,}", cells[0], exponents[0], cells[1], exponents[1], *cells[2:]))
        before[row["axis"]] = row
    names = ("axis", "at", "run s", "exp.", "GiB", "exp.", "first s", "XLA s")
    return Rows(names, tuple(lines))


def _exponents(before: dict[str, Any] | None, row: dict[str, Any]) -> tuple[str, str]:
    """Of seconds, and of the memory beyond what was imported and made before the first call."""
    if before is None:
        return "", ""
    step = np.log(row["at"] / before["at"])
    held = [each["peak"] - each["before"] for each in (before, row)]
    return f"{np.log(row['run'] / before['run']) / step:.2f}", f"{np.log(held[1] / held[0]) / step:.2f}"


def caption(about: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    """What the numbers are, and which points are missing."""
    text = [
        f"Seconds of processor time on {about['cores']} cores; commit {about['git_commit'][:12]}, "
        f"{about['created'][:10]}.",
        "exp.: slope on log axes since the point before; of the memory, beyond that before the first call. "
        "first: what the first call takes beside the second, with tracing and compiling; XLA: wall time of compiling.",
    ]
    return text + [f"{row['axis']} {row['at']:,} left out: {row['note']}." for row in rows if row["note"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all points, print the table and draw the figure."""
    assert __doc__ is not None
    parser = record.parser(NAME, __doc__, "two points of one axis")
    axes = list(dict.fromkeys(point.axis for point in points(False)))
    parser.add_argument(
        "--axes", default="", metavar="NAME,...", help=f"some of {', '.join(axes)}; DIR keeps the others"
    )
    parser.add_argument("--seconds", type=runtime.whole_number(1), default=900, metavar="N", help="in all (900)")

    def do() -> None:
        args = parser.parse_args(arguments)
        wanted = [name.strip() for name in args.axes.split(",") if name]
        if unknown := [name for name in wanted if name not in axes]:
            raise ValueError(f"--axes: found {unknown[0]!r}, expected some of {', '.join(axes)}")
        chosen = [point for point in points(args.quick) if not wanted or point.axis in wanted]
        with run_folder.locked(args.out):
            if args.source:
                about, rows = record.load(args.source, NAME)
            else:
                line = f"python -m sims {NAME}{' --quick' if args.quick else ''}"
                others = [row for row in _rows_in(args.out) if row["axis"] not in wanted] if wanted else []
                kept = record.Record(args.out, NAME, line, {"cores": runtime.cores()} | origin.provenance(), others)
                run(chosen, args.seconds, kept)
                about, rows = kept.about, kept.rows
            record.show(table(rows), "growth", caption(about, rows), markdown=args.markdown)
            plot.save(growth_figure.draw(rows, about), args.out / NAME)

    return record.program(NAME, do)


if __name__ == "__main__":
    sys.exit(main())
