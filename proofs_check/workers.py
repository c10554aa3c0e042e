"""The parts of a run side by side, each in a process: most of their time is spent compiling, which takes one core.

What a part prints is kept and printed when it is done; its progress goes to standard error at once, behind its name.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from messjax import runtime
from messjax.theory import ALL, statements_named
from messjax.theory.hypothesis_tests import Row
from messjax.theory.statement import Statement, load_statements
from proofs_check import report

LONGEST_FIRST = ("search", "rates", "matrix", "trial", "lemmas", "watched")


class Done(NamedTuple):
    """A part that has run."""

    part: str
    failures: list[str]  # in words: what is violated where its assumptions hold
    label: dict[str, Any]  # plain, for verdicts.json, its seconds included
    rows: list[Row]
    printed: str  # empty where it was printed at once


def chosen(args: argparse.Namespace) -> list[Statement]:
    """The statements that the options name, the user's own included. ValueError for an unknown one or a bad file."""
    statements = list(ALL) + [each for path in args.also for each in load_statements(path)]
    if not args.only:
        return statements
    try:
        return statements_named(args.only, statements)
    except ValueError as error:
        raise ValueError(f"--only: {error}") from error


def run_all(parts: Sequence[str], args: argparse.Namespace) -> Iterator[Done]:
    """Every part as it is done, in `asked.workers` processes; in this one, in order, where that is one."""
    workers = min(args.workers or runtime.cores(), len(parts))
    if workers == 1:
        yield from (work(part, args) for part in parts)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [
            pool.submit(_apart, part, args, sys.stdout.isatty()) for part in sorted(parts, key=LONGEST_FIRST.index)
        ]
        try:
            yield from (each.result() for each in as_completed(waiting))
        finally:
            pool.shutdown(cancel_futures=True)


def work(part: str, args: argparse.Namespace) -> Done:
    """Run a part in this process."""
    runtime.use_all_cores()
    runtime.use_compilation_cache()
    from proofs_check.parts import RUN, PartOptions  # after the settings: it imports all of JAX's users

    print(f"== {part}", file=sys.stderr, flush=True)
    started, worked = time.perf_counter(), time.process_time()
    given = PartOptions(args.quick, args.seed, args.streams, bool(args.only), chosen(args), Path(args.out), [])
    outcome = RUN[part](given)
    spent = time.perf_counter() - started, time.process_time() - worked  # the latter over all cores
    label = outcome.label | {"seconds": round(spent[0], 1), "cpu_seconds": round(spent[1], 1)}
    return Done(part, outcome.failures, report.plain(label), given.rows, "")


def _apart(part: str, args: argparse.Namespace, terminal: bool) -> Done:
    """`work` in a process of its own."""
    shown = _Kept(terminal)
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(_Named(part, sys.stderr)):
        done = work(part, args)
    return done._replace(printed=shown.getvalue())


class _Kept(io.StringIO):
    """What is printed, as wide and colourful as the terminal it is for."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class _Named(io.TextIOBase):
    """Whole lines to standard error behind the part's name; no terminal, so that bars of progress become lines."""

    def __init__(self, name: str, to: TextIO) -> None:
        self.name, self.to, self.line = name, to, ""

    def write(self, text: str) -> int:
        *lines, self.line = (self.line + text).split("\n")
        for line in lines:
            self.to.write(f"{self.name}: {line}\n")
        self.to.flush()
        return len(text)
