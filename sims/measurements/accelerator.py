"""Decisions per second on one accelerator: every path of messjax, plain JAX beside it, and C++ on its host.

    python -m sims accelerator [--seconds N] [--rehearse] [--out DIR] [--from DIR] [--markdown]

One call measures all in at most nine minutes: equality with the CPU first, then W1, W2, W2 with 12 pairs, W3, a head
with a hidden layer and a replay with 1,000 configurations, then settings of the kernel and numbers of streams. The
device belongs to a process of its own. Rows are written as they are measured: when the time is up, or where that
process dies, nothing is lost. Without an accelerator it refuses with exit code 2; `--rehearse` does every kind of row
on the CPU, tiny, the kernel interpreted.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from messjax import interruption, plot, run_folder, runtime
from sims.common.finding import Rows
from sims.measurements import accelerator_figure, accelerator_rows, record
from sims.measurements.accelerator_rows import TARGETS, Task

NAME = "accelerator"
ROW = 2.5  # seconds that the calls of a row may take, about
LONGEST = 120.0  # seconds after which a row is given up


def work(pipe: Connection, rehearse: bool, dump: str, parent: int) -> None:
    """The process that holds the device: says what it is, then does the rows it is sent."""
    interruption.start_worker(parent)
    if rehearse:
        os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_dump_to={dump}".strip()
    accelerator_rows.use_dump(Path(dump))
    if rehearse:
        runtime.use_compilation_cache()  # where seconds are measured, those of compiling are, too
    pipe.send(accelerator_rows.start())
    while (task := pipe.recv()) is not None:
        try:
            pipe.send(accelerator_rows.measure(task, 0.02 if rehearse else ROW))
        except Exception as error:  # the next rows are wanted anyway
            traceback.print_exc()
            first = " ".join(str(error).split("\n")[0].split()).rstrip(".")
            pipe.send({"note": f"failed: {type(error).__name__}: {first}"})


class Worker:
    """The process that holds the device, and what it said of it."""

    def __init__(self, rehearse: bool, dump: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=work, args=(other, rehearse, dump, os.getpid()))
        self.process.start()
        other.close()
        try:
            self.about: dict[str, Any] = self.pipe.recv()
        except EOFError as error:
            self.end()
            raise ValueError(f"the process of the device ended with exit code {self.process.exitcode}") from error

    def do(self, task: Task, seconds: float) -> dict[str, Any]:
        """One row; where that takes too long, or the process dies, why there is none."""
        self.pipe.send(task)
        if not self.pipe.poll(max(0.1, min(seconds, LONGEST))):
            self.end()
            return {"note": f"given up after {min(seconds, LONGEST):.0f} s"}
        try:
            found: dict[str, Any] = self.pipe.recv()
            return found
        except EOFError:
            self.end()
            return {"note": f"its process died with exit code {self.process.exitcode}"}

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()


def measure(chosen: Sequence[Task], rehearse: bool, seconds: float, out: Path, command: str) -> record.Record:
    """The rows, until the time is up.

    Args:
        chosen: The rows.
        rehearse: On the CPU.
        seconds: In all.
        out: Where to write.
        command: The command line.

    Raises:
        ValueError: There is no accelerator, and this is no rehearsal.
    """
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as dump:
        worker = Worker(rehearse, dump)
        try:
            if worker.about["platform"] == "cpu" and not rehearse:
                raise ValueError(
                    "found no accelerator (JAX's devices are CPUs), expected a GPU or a TPU; "
                    "--rehearse does every row on the CPU, tiny"
                )
            kept = record.Record(out, NAME, command, {"rehearsed": rehearse} | worker.about)
            for number, task in enumerate(chosen):
                left = end - time.monotonic()
                print(
                    f"{NAME}: {number + 1} of {len(chosen)}: {task.kind} {task.workload}, {task.who}", file=sys.stderr
                )
                if left > 0 and worker.process.exitcode is not None:
                    worker = Worker(rehearse, dump)  # the one before it has ended
                late: dict[str, Any] = {"note": "not measured: the time was up"}
                row = worker.do(task, left) if left > 0 else late
                rate = {"rate": row["decisions"] / row["seconds"]} if "seconds" in row else {}
                kept.add(task._asdict() | {"lanes": "x".join(map(str, task.lanes))} | row | rate)
        finally:
            worker.end()
    return kept


def table(rows: Sequence[dict[str, Any]]) -> list[tuple[str, Rows]]:
    """Speed, tuning and equality, as text."""
    speed, tuning, equality = [], [], []
    for row in rows:
        name, streams, rate = (row["workload"], row["who"]), f"{row['streams']:,}", row.get("rate")
        numbers = [record.number(row.get(key)) for key in ("first", "memory")]
        if row["kind"] == "equality":
            apart = record.number(row.get("apart"), 2)
            verdict = {True: "equal", False: "differs", None: "-"}[row.get("equal")]
            equality.append((*name, streams, verdict, str(row.get("unequal", "-")), apart))
        elif row["kind"] == "tuning":
            share = record.number(row.get("occupancy"), 2)
            setting = (f"{row['block']:,}", row["lanes"], str(row["shared"] or "-"))
            tuning.append((*name, *setting, record.number(rate), share))
        else:
            wanted = TARGETS.get(row["workload"]) if row["who"] not in ("C++", "plain JAX") else None
            target = "-" if wanted is None else f"{wanted:.0e}"
            speed.append((*name, streams, record.number(rate), target, *numbers))
    return [
        (
            "equality with the general path on the CPU",
            Rows(("workload", "path", "streams", "verdict", "unequal", "sums apart"), tuple(equality)),
        ),
        (
            "decisions per second",
            Rows(("workload", "path", "streams", "per s", "wanted", "first", "GiB"), tuple(speed)),
        ),
        ("settings", Rows(("workload", "path", "block", "lanes", "shared", "per s", "occupancy"), tuple(tuning))),
    ]


def caption(about: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    """What the numbers are, and why some are missing."""
    rehearsed = "A rehearsal on the CPU, tiny: no measurement of an accelerator. " if about["rehearsed"] else ""
    text = [f"{rehearsed}{about['kind']}; commit {about['git_commit'][:12]}, {about['created'][:10]}."]
    missing = [row for row in rows if row["note"]]
    return text + [f"{row['kind']}, {row['workload']}, {row['who']}: {row['note']}." for row in missing]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, draw the figure."""
    assert __doc__ is not None
    parser = record.parser(NAME, __doc__, "one or two rows of each kind, as --rehearse")
    parser.add_argument("--rehearse", action="store_true", help="every kind of row on the CPU, tiny: no measurement")
    parser.add_argument("--seconds", type=runtime.whole_number(1), default=520, metavar="N", help="in all (520)")

    def do() -> int:
        args = parser.parse_args(arguments)
        rehearse = args.rehearse or args.quick
        with run_folder.locked(args.out):
            if args.source:
                about, rows = record.load(args.source, NAME)
            else:
                option = " --quick" if args.quick else " --rehearse" if rehearse else ""
                chosen = accelerator_rows.tasks(rehearse, args.quick)
                kept = measure(chosen, rehearse, args.seconds, args.out, f"python -m sims {NAME}{option}")
                about, rows = kept.about, kept.rows
            for number, (title, each) in enumerate(table(rows)):
                lines = caption(about, rows) if number == 2 else []
                record.show(each, title, lines, markdown=args.markdown)
            plot.save(accelerator_figure.draw(rows, about), args.out / NAME)
        failed = [row for row in rows if row["note"].startswith(("failed", "its process"))]
        return int(bool(failed) or any(row.get("equal") is False for row in rows))

    return record.program(NAME, do)


if __name__ == "__main__":
    sys.exit(main())
