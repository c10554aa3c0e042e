"""`messjax-proofs lemmas [NAME ...]`: prove the lemmas and refute their wrong versions, a line for each."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import TYPE_CHECKING

from proofs_check import report
from proofs_check.cli.command_line import NO_Z3

if TYPE_CHECKING:
    from proofs_check.lemmas import Row


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="lemmas, such as 'L2 drift, exact', or files of proofs_check/lemmas, such as t2_prime (all)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prove, and print all rows and their counts.

    Returns:
        1 where a lemma is not proved or a wrong version is not refuted, else 0.

    Raises:
        ValueError: An unknown name, or z3 is not installed.
    """
    if find_spec("z3") is None:
        raise ValueError(NO_Z3)
    from proofs_check.lemmas import prove_lemmas  # z3 is an extra

    rows = prove_lemmas(args.names or None)
    print("\n".join(formatted(row) for row in rows))
    versions = [one for row in rows for one in row.wrong]
    proved, refuted = sum(row.status == "proved" for row in rows), sum(one.refuted for one in versions)
    seconds = sum(row.seconds for row in rows)
    print(
        f"{proved} of {len(rows)} lemmas proved, {refuted} of {len(versions)} wrong versions refuted, {seconds:.1f} s"
    )
    print(f"command: {report.command(args.words)}")
    return int(not all(row.ok for row in rows))


def formatted(row: Row) -> str:
    """A lemma, and below it each wrong version with its counterexample."""
    head = f"{'ok ' if row.ok else 'NOT'} {row.status:8} {row.seconds:6.2f} s  {row.lemma}   [{row.source}]"
    below = [
        f"      {'refuted' if one.refuted else 'NOT REFUTED'}: {one.name}:  {one.counterexample}" for one in row.wrong
    ]
    return "\n".join([head, *below])
