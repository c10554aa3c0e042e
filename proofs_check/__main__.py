"""Check the theory of docs/theory.md: proofs by z3, statistical tests on simulations, search for counterexamples.

`messjax-proofs` and `python -m proofs_check` are the same program; `messjax-proofs --help` has its commands and parts.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from messjax import run_folder, runtime
from messjax.arguments import did_you_mean
from messjax.cli import command_parser
from proofs_check.cli.command_line import NAME, NO_Z3, PARTS, PROGRAM

if TYPE_CHECKING:
    from proofs_check.workers import FinishedPart


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, or the parts that the options choose.

    Returns:
        0; 1 where a statement is violated though its assumptions hold, or as the command says; 2 after one line on
        standard error for bad input.
    """
    verdict, words = 0, list(sys.argv[1:] if arguments is None else arguments)

    def program() -> None:
        nonlocal verdict
        args = parsed(words)
        if args.command is None:
            verdict = _run_parts(args)
        else:
            runtime.use_all_cores()
            runtime.use_compilation_cache()
            verdict = args.run(args) or 0
        if args.report:
            from messjax import report  # only where it is asked for

            print(f"open {report.write_report(args.out).resolve()}")

    return runtime.run_program(NAME, program) or verdict


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command line, with its `words`.

    Raises:
        ValueError: Bad options, or options of a run without a command before a command.
    """
    args = command_parser.build(PROGRAM).parse_args(words)
    if args.command is not None and words[0] != args.command:
        raise ValueError(f"the options of a command stand after it: {NAME} {args.command} {words[0]} ...")
    args.words = list(words)
    return args


def _run_parts(args: argparse.Namespace) -> int:
    """Run the chosen parts and write their results; 1 where a statement is violated."""
    parts = chosen_parts(args.parts)
    from proofs_check import report, workers

    workers.chosen_statements(args)  # bad names and files are reported before anything runs
    out, command = runtime.out_dir(args.out), report.command(args.words)
    finished: dict[str, FinishedPart] = {}
    started = time.perf_counter()
    also = [hashlib.sha256(path.read_bytes()).hexdigest() for path in args.also]
    options = {name: getattr(args, name) for name in ("quick", "only", "seed", "streams")}
    with run_folder.opened(out, "proofs", options | {"parts": parts, "also": also}, fresh=args.fresh, command=command):
        for part in workers.run_parts(parts, args):
            print(part.printed, end="", flush=True)
            finished[part.name] = part
        rows = [row for name in parts for row in finished[name].rows]
        report.write(rows, out, args.seed, command, {name: finished[name].findings for name in parts})
    _print_summary([finished[name] for name in parts], time.perf_counter() - started, out)
    print(f"command: {command}")
    return int(any(finished[name].failures for name in parts))


def chosen_parts(option: str) -> list[str]:
    """The parts that --parts names, in the order of PARTS; by default all, less the lemmas where z3 is missing.

    Raises:
      ValueError: an unknown part, or lemmas by name without z3.
    """
    names = [word.strip() for word in option.split(",")] if option else list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        meant = did_you_mean(unknown[0], list(PARTS))
        raise ValueError(f"--parts: found {unknown[0]!r}{meant}, expected some of {', '.join(PARTS)}")
    if "lemmas" in names and find_spec("z3") is None:
        if option:
            raise ValueError(NO_Z3)
        print(f"{NAME}: without lemmas: {NO_Z3}", file=sys.stderr)
        names.remove("lemmas")
    return [name for name in PARTS if name in names]


def _print_summary(parts: list[FinishedPart], wall: float, out: Path) -> None:
    failures = [line for part in parts for line in part.failures]
    seconds = ", ".join(f"{part.name} {part.findings['seconds']:.0f} s" for part in parts)
    work = sum(part.findings["cpu_seconds"] for part in parts)
    for line in failures:
        print(f"VIOLATED where its assumptions hold: {line}")
    print(
        f"finding: {len(failures)} statements violated where their assumptions hold\n"
        f"time: {seconds}; wall clock {wall:.0f} s, CPU {work:.0f} s\nwritten to: {out}"
    )


if __name__ == "__main__":
    sys.exit(main())
