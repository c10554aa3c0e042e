"""Run the parts of a check in parallel, each in a process: most of their time is spent compiling, on one core.

What a part prints is kept and printed when it is done; its progress goes to standard error at once, after its name.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from messjax import files, interruption, run_folder, runtime
from messjax.theory import ALL, statements_named
from messjax.theory.hypothesis_tests import Row
from messjax.theory.statement import Statement, load_statements
from proofs_check import report

LONGEST_FIRST = ("statements", "matrix", "rates", "search", "lemmas", "sequential")


class FinishedPart(NamedTuple):
    """A part that has run."""

    name: str
    failures: list[str]  # a line for each violation where the assumptions hold
    findings: dict[str, Any]  # for verdicts.json, seconds included
    rows: list[Row]
    printed: str  # empty where it was printed at once


def chosen_statements(args: argparse.Namespace) -> list[Statement]:
    """The statements that the options name, the user's own included. ValueError for an unknown one or a bad file."""
    statements = list(ALL) + [each for path in args.also for each in load_statements(path)]
    if not args.only:
        return statements
    try:
        return statements_named(args.only, statements)
    except ValueError as error:
        raise ValueError(f"--only: {error}") from error


def run_parts(parts: Sequence[str], args: argparse.Namespace) -> Iterator[FinishedPart]:
    """Yield every part as it ends, from `args.workers` processes; from this one, in order, where that is one."""
    kept = run_folder.parts_folder()
    finished = {part: found for part in parts if (found := _kept(kept, part))}
    yield from finished.values()
    left = [part for part in parts if part not in finished]
    for each in _run_left(left, args, kept):
        if kept is not None:
            known = each._asdict() | {"rows": [row._asdict() for row in each.rows]}
            files.write(kept / f"{each.name}.json", json.dumps(known, default=lambda number: number.item()))
        yield each


def _kept(folder: Path | None, part: str) -> FinishedPart | None:
    """A part that an interrupted run has finished. Floats come back from JSON as they were."""
    if folder is None or not (path := folder / f"{part}.json").is_file():
        return None
    known = json.loads(path.read_text(encoding="utf-8"))
    return FinishedPart(**known | {"rows": [Row(**row) for row in known["rows"]]})


def _run_left(parts: Sequence[str], args: argparse.Namespace, kept: Path | None) -> Iterator[FinishedPart]:
    workers = min(args.workers or runtime.cores(), len(parts))
    if workers <= 1:
        yield from (run_part(part, args) for part in parts)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, interruption.start_worker, (os.getpid(),)) as pool:
        ordered, terminal = sorted(parts, key=LONGEST_FIRST.index), sys.stdout.isatty()
        futures = [pool.submit(_run_captured, part, args, terminal, kept) for part in ordered]
        try:
            yield from (each.result() for each in as_completed(futures))
        except BaseException:  # an interruption: the pool would wait for what they are at
            for worker in multiprocessing.active_children():
                worker.kill()
            raise


def run_part(part: str, args: argparse.Namespace) -> FinishedPart:
    """Run a part in this process."""
    runtime.use_all_cores()
    runtime.use_compilation_cache()
    from proofs_check.parts import RUN, PartOptions  # after the settings: it imports what uses JAX

    print(f"== {part}", file=sys.stderr, flush=True)
    wall, cpu = time.perf_counter(), time.process_time()
    rows: list[Row] = []
    options = PartOptions(
        args.quick, args.seed, args.streams, bool(args.only), chosen_statements(args), Path(args.out), rows
    )
    result = RUN[part](options)
    seconds = {
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),  # over all cores
    }
    return FinishedPart(part, result.failures, report.to_json(result.findings | seconds), rows, "")


def _run_captured(part: str, args: argparse.Namespace, terminal: bool, kept: Path | None) -> FinishedPart:
    """`run_part` in a process of a pool: its output returned, its progress prefixed."""
    output = _Capture(terminal)
    with (
        run_folder.parts_in(kept),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(_Prefixed(part, sys.stderr)),
    ):
        finished = run_part(part, args)
    return finished._replace(printed=output.getvalue())


class _Capture(io.StringIO):
    """Text that is formatted for the terminal it will be printed on."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class _Prefixed(io.TextIOBase):
    """Whole lines to a stream, after the part's name; not a terminal, so that bars of progress become lines."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name, self.stream, self.line = name, stream, ""

    def write(self, text: str) -> int:
        *lines, self.line = (self.line + text).split("\n")
        for line in lines:
            self.stream.write(f"{self.name}: {line}\n")
        self.stream.flush()
        return len(text)
