"""What the help pages of `messjax-proofs` say: commands, parts, its own options, examples that can be pasted."""

from __future__ import annotations

import argparse
from pathlib import Path

from messjax import runtime
from messjax.cli import command_parser
from messjax.cli.help_texts import DEMO, Example

NAME = "messjax-proofs"
NO_Z3 = "the lemmas are proved by z3, which is not installed: pip install 'messjax[proofs]'"
PARTS = {
    "lemmas": "the finite algebra behind L1 to T13, for all reals (pip install 'messjax[proofs]')",
    "statements": "statistical tests of every statement on simulations that keep all assumptions",
    "sequential": "T5 on single paths, by confidence sequences",
    "rates": "slopes in V, T and explored requests against the predicted exponents",
    "matrix": "every statement where one assumption at a time is violated",
    "search": "an optimiser looks for counterexamples; weakened bounds must be refuted",
}
COMMANDS = {
    "assumptions": "assumptions A1 to A8 of the theory on a recorded trace",
    "lemmas": "the finite algebra of the proofs, proved for all reals by z3",
    "matrix": "every statement where each of A1 to A8 is violated on purpose",
    "rates": "exponents in V, T and explored requests, measured, beside those that the theory predicts",
    "search": "the instance on which a statement has the least to spare, as a program that rebuilds it",
    "completion": "a script that lets a shell complete commands and options",
}
SECTIONS = {
    "what is checked": ("parts", "only", "also", "full", "fix", "range", "types", "models", "shuffle"),
    "what is read": (
        *("format", "columns", "metric", "filter", "score-words", "encoding", "on-bad", "scores"),
        *("alpha", "exclude", "models-with-data", "cost", "prices", "parameters", "cost-unit"),
    ),
    "what is run": ("quick", "streams", "seed", "workers"),
    "what is written": ("out", "report", "fresh"),
    "the program": ("help", "version"),
}
EXAMPLES = {
    "": (
        Example((f"{NAME} --quick --report",), "every part, some minutes, and a page to look at"),
        Example((f"{NAME} --quick --only T2 --parts statements --fresh",), "one theorem on simulations"),
    ),
    "assumptions": (
        Example((DEMO, f"{NAME} assumptions demo.parquet --alpha 0.75"), "which assumptions a trace keeps"),
    ),
    "lemmas": (Example((f"{NAME} lemmas t2_prime 'L2 drift, exact'",), "those of one file, and one by its name"),),
    "matrix": (Example((f"{NAME} matrix --report",), "the table, a figure, and a page to look at"),),
    "rates": (Example((f"{NAME} rates --quick",), "shorter horizons"),),
    "search": (
        Example((f"{NAME} search T2 --fix c=0 --range V=1:50 --quick",), "the tightest instance without exploration"),
    ),
    "completion": (
        Example((f'eval "$({NAME} completion bash)"',), "for this shell; put the line into ~/.bashrc for all"),
    ),
}
CLOSING = "\n".join(
    [
        "parts of a run without a command (--parts):",
        *(f"  {name:<12}{what}" for name, what in PARTS.items()),
        "",
        "exit codes: 0 no statement is violated where its assumptions hold, 1 one is, 2 bad input,",
        "  3 a worker was killed or the program failed, 130 and 143 Ctrl-C or SIGTERM ended it:",
        "  the same command then goes on",
    ]
)


def add_own(parser: argparse.ArgumentParser) -> None:
    """Options of a run without a command."""
    parser.add_argument("--quick", action="store_true", help="fewer streams, shorter: some minutes on two cores")
    parser.add_argument("--only", default="", metavar="NAMES", help="statements by name or number: T1,T2 or 'T1 queue'")
    parser.add_argument("--parts", default="", metavar="PARTS", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--also", type=Path, action="append", default=[], metavar="FILE", help="a Python file of further statements"
    )
    parser.add_argument(
        "--streams",
        type=runtime.whole_number(2),
        default=0,
        metavar="N",
        help="streams per case (default: 2048; 512 where quick)",
    )
    parser.add_argument("--seed", type=runtime.whole_number(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument(
        "--workers", type=runtime.whole_number(0), default=0, metavar="N", help="parts at a time (0: one per core)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results/proofs_check"),
        metavar="DIR",
        help="where to write (default: results/proofs_check)",
    )
    parser.add_argument("--fresh", action="store_true", help="replace what another run has left in the folder")
    command_parser.add_report(parser)
    _add_version(parser)


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", action=command_parser.ShowVersion, nargs=0, help="print versions and exit")


def _add_common(parser: command_parser.CommandParser) -> None:
    """What every command has."""
    if any(action.dest == "out" for action in parser._actions):
        command_parser.add_report(parser)
    _add_version(parser)


PROGRAM = command_parser.Program(
    NAME,
    "Check the theory of docs/theory.md: proofs by z3, statistical tests on simulations, search for counterexamples.",
    "proofs_check.cli",
    COMMANDS,
    EXAMPLES,
    SECTIONS,
    add_own=add_own,
    add_common=_add_common,
    closing=CLOSING,
    needs_command=False,
)
