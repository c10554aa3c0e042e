"""Print the table of lemmas: `python -m proofs_check.lemmas [NAME ...]`. Exit code 1 if one is not proved."""

from __future__ import annotations

import sys

from proofs_check.lemmas import Row, run


def line(row: Row) -> str:
    """One lemma, and below it each wrong version with its counterexample."""
    head = f"{'ok ' if row.ok else 'NOT'} {row.status:8} {row.seconds:6.2f} s  {row.lemma}   [{row.source}]"
    below = [
        f"      {'refuted' if one.refuted else 'NOT REFUTED'}: {one.name}:  {one.counterexample}" for one in row.wrong
    ]
    return "\n".join([head, *below])


def main(names: list[str]) -> int:
    """Run and print; a name that no lemma has is one line on standard error and exit code 2."""
    try:
        rows = run(names or None)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(line(row) for row in rows))
    refuted = sum(one.refuted for row in rows for one in row.wrong)
    versions = sum(len(row.wrong) for row in rows)
    proved = sum(row.status == "proved" for row in rows)
    seconds = sum(row.seconds for row in rows)
    print(f"{proved} of {len(rows)} lemmas proved, {refuted} of {versions} wrong versions refuted, {seconds:.1f} s")
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
