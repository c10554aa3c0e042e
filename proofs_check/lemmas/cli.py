"""`messjax-proofs lemmas [NAME ...]`: prove the lemmas and refute their wrong versions, a line for each."""

from __future__ import annotations

from collections.abc import Sequence

from messjax import runtime
from proofs_check import report
from proofs_check.lemmas import Row, prove_lemmas


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove and print: 0, 1 where a lemma is not proved or a wrong version not refuted, 2 for an unknown name."""
    failed: list[Row] = []
    code = runtime.run_program(
        "messjax-proofs lemmas", lambda: failed.extend(_prove(_parser().parse_args(arguments).names))
    )
    return code or int(bool(failed))


def _parser() -> runtime.Parser:
    parser = runtime.Parser(
        prog="messjax-proofs lemmas", description="The finite algebra of docs/theory.md, proved for all reals by z3."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="lemmas, such as 'L2 drift, exact' (all)")
    return parser


def _prove(names: Sequence[str]) -> list[Row]:
    """Print all rows and their counts; the rows that failed."""
    rows = prove_lemmas(names or None)
    print("\n".join(formatted(row) for row in rows))
    versions = [one for row in rows for one in row.wrong]
    proved, refuted = sum(row.status == "proved" for row in rows), sum(one.refuted for one in versions)
    seconds = sum(row.seconds for row in rows)
    print(
        f"{proved} of {len(rows)} lemmas proved, {refuted} of {len(versions)} wrong versions refuted, {seconds:.1f} s"
    )
    print(f"command: {report.command(names, 'lemmas')}")
    return [row for row in rows if not row.ok]


def formatted(row: Row) -> str:
    """A lemma, and below it each wrong version with its counterexample."""
    head = f"{'ok ' if row.ok else 'NOT'} {row.status:8} {row.seconds:6.2f} s  {row.lemma}   [{row.source}]"
    below = [
        f"      {'refuted' if one.refuted else 'NOT REFUTED'}: {one.name}:  {one.counterexample}" for one in row.wrong
    ]
    return "\n".join([head, *below])
