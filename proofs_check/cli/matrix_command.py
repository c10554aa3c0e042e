"""`messjax-proofs matrix`: every statement where each assumption is violated on purpose, as a table and a figure."""

from __future__ import annotations

import argparse
from pathlib import Path

from messjax import plot, runtime
from messjax.theory import ALL
from proofs_check import report, workers
from proofs_check.violations import matrix, presentation


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--only", default="", metavar="NAMES", help="statements by name or number: T1,T2 or 'T1 queue'")
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
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate the matrix, print it, write it and draw it.

    Returns:
        1 where a statement fails that does not need the violated assumption, else 0.
    """
    chosen = workers.chosen_statements(args)
    ours, also = [each for each in chosen if each in ALL], [each for each in chosen if each not in ALL]
    out = runtime.out_dir(args.out)
    with runtime.progress(1, "cases") as progress:
        rows = matrix.evaluate_matrix(not args.full, ours, args.seed, progress=progress, also=also)
    for table in (presentation.evidence(rows), presentation.table(rows)):
        runtime.console().print(table)
    surprises = matrix.surprises(rows)
    for (assumption, statement), why in surprises.items():
        print(f"{assumption} {statement}: {why}")
    command = report.command(args.words)
    written = [report.write_json(out / "matrix.json", {"command": command, "matrix": matrix.findings(rows)})]
    written += plot.save(presentation.figure(rows), out / "matrix")
    print(f"written to: {', '.join(map(str, written))}\ncommand: {command}")
    return int(any(why.startswith("fails") for why in surprises.values()))
