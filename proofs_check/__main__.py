"""Check the theory of docs/theory.md: proofs by z3, statistical tests on simulations, search for counterexamples.

    messjax-proofs [--quick] [--only T1,T2] [--parts statements,search] [--also FILE.py] [--out DIR]
    messjax-proofs assumptions TRACE   assumptions A1 to A8 on a recorded trace
    messjax-proofs lemmas [NAME ...]   the finite algebra of the proofs, proved by z3
    messjax-proofs matrix              every statement where each assumption is violated on purpose
    messjax-proofs search T2 --fix c=0 --range V=1:50   the tightest instance there, as a program that rebuilds it
    messjax-proofs rates               measured exponents in V, T and explored requests

`python -m proofs_check` is the same program. Parts of the first form (--parts):

    lemmas       the finite algebra behind L1 to T13, proved for all reals (pip install 'messjax[proofs]')
    statements   statistical tests of every statement on simulations that keep all assumptions
    sequential   T5 on single paths, by confidence sequences
    rates        slopes in V, T and explored requests against the predicted exponents
    matrix       every statement where one assumption at a time is violated
    search       an optimiser looks for counterexamples; weakened bounds must be refuted

Exit code 0 when no statement is violated where its assumptions hold, 1 when one is, 2 on bad input, 3 when a worker was
killed or the program failed, 130 and 143 when Ctrl-C or SIGTERM ended it; the same command then goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from messjax import run_folder, runtime

if TYPE_CHECKING:
    from proofs_check.workers import FinishedPart

PROGRAM = "messjax-proofs"
PARTS = ("lemmas", "statements", "sequential", "rates", "matrix", "search")
SUBCOMMANDS = {
    "assumptions": "proofs_check.assumptions.cli",
    "lemmas": "proofs_check.lemmas.cli",
    "matrix": "proofs_check.violations.cli",
    "rates": "proofs_check.rates.cli",
    "search": "proofs_check.counterexamples.cli",
}
NO_Z3 = "the lemmas are proved by z3, which is not installed: pip install 'messjax[proofs]'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand, or the parts that the options choose; see the module's docstring for exit codes."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in SUBCOMMANDS:
        return _run_subcommand(words[0], words[1:])
    failures: list[str] = []
    code = runtime.run_program(PROGRAM, lambda: failures.extend(_check(_parser().parse_args(words), words)))
    return code or int(bool(failures))


def _run_subcommand(name: str, words: list[str]) -> int:
    if name == "lemmas" and find_spec("z3") is None:
        print(f"{PROGRAM} lemmas: {NO_Z3}", file=sys.stderr)
        return 2
    if name != "lemmas" and not {"-h", "--help"} & set(words):
        runtime.use_all_cores()
        runtime.use_compilation_cache()
    program: Callable[[Sequence[str]], int] = import_module(SUBCOMMANDS[name]).main
    return program(words)


def _parser() -> runtime.Parser:
    parser = runtime.Parser(prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="fewer streams, shorter: within three minutes on two cores"
    )
    parser.add_argument("--only", default="", metavar="NAMES", help="statements by name or number: T1,T2 or 'T1 queue'")
    parser.add_argument("--parts", default="", metavar="PARTS", help=f"some of {', '.join(PARTS)} (all)")
    parser.add_argument(
        "--also", type=Path, action="append", default=[], metavar="FILE", help="a Python file of further statements"
    )
    parser.add_argument(
        "--streams", type=runtime.whole_number(2), default=0, metavar="N", help="streams per case (2048; 512)"
    )
    parser.add_argument("--seed", type=runtime.whole_number(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument(
        "--workers", type=runtime.whole_number(0), default=0, metavar="N", help="parts at a time (0: one per core)"
    )
    parser.add_argument("--out", type=Path, default=Path("results/proofs_check"), metavar="DIR", help="where to write")
    parser.add_argument("--fresh", action="store_true", help="replace what another run has left in the folder")
    return parser


def _check(args: argparse.Namespace, words: list[str]) -> list[str]:
    """Run the chosen parts and write their results; the failures, a line each."""
    parts = chosen_parts(args.parts)
    from proofs_check import report, workers

    workers.chosen_statements(args)  # bad names and files are reported before anything runs
    out, command = runtime.out_dir(args.out), report.command(words)
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
    return [line for name in parts for line in finished[name].failures]


def chosen_parts(option: str) -> list[str]:
    """The parts that --parts names, in the order of PARTS; by default all, less the lemmas where z3 is missing.

    Raises:
      ValueError: an unknown part, or lemmas by name without z3.
    """
    names = [word.strip() for word in option.split(",")] if option else list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        raise ValueError(f"--parts: found {unknown[0]!r}, expected some of {', '.join(PARTS)}")
    if "lemmas" in names and find_spec("z3") is None:
        if option:
            raise ValueError(NO_Z3)
        print(f"{PROGRAM}: without lemmas: {NO_Z3}", file=sys.stderr)
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
