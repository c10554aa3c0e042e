"""`messjax-proofs matrix`: every statement where each assumption is violated on purpose, as a table and a figure."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from messjax import plot, runtime
from messjax.theory import ALL
from messjax.theory.statement import load_statements
from proofs_check import report
from proofs_check.violations import matrix, presentation


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate the matrix, print it and draw it: 0, 1 where a statement fails unexpectedly, 2 on bad input."""
    unexpected: list[str] = []
    code = runtime.run_program(
        "messjax-proofs matrix", lambda: unexpected.extend(_evaluate(_parser().parse_args(arguments), arguments))
    )
    return code or int(bool(unexpected))


def _parser() -> runtime.Parser:
    parser = runtime.Parser(
        prog="messjax-proofs matrix",
        description="Every statement of docs/theory.md where each of A1 to A8 is violated on purpose.",
    )
    parser.add_argument(
        "--full", action="store_true", help="longer runs, and every case also with the violation undone"
    )
    parser.add_argument("--seed", type=runtime.whole_number(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a Python file of further statements; they are evaluated with the violation undone, too",
    )
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")
    return parser


def _evaluate(args: argparse.Namespace, arguments: Sequence[str] | None) -> list[str]:
    also = [each for path in args.also for each in load_statements(path)]
    out = runtime.out_dir(args.out)
    with runtime.progress(1, "cases") as progress:
        rows = matrix.evaluate_matrix(not args.full, ALL, args.seed, progress=progress, also=also)
    for table in (presentation.evidence(rows), presentation.table(rows)):
        runtime.console().print(table)
    surprises = matrix.surprises(rows)
    for (assumption, statement), why in surprises.items():
        print(f"{assumption} {statement}: {why}")
    print(f"written to: {', '.join(str(path) for path in plot.save(presentation.figure(rows), out / 'matrix'))}")
    print(f"command: {report.command(arguments, 'matrix')}")
    return [why for why in surprises.values() if why.startswith("fails")]
