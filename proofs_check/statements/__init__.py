"""The statements of docs/theory.md as functions of a run, one file per theme. `ALL` is what is put on trial."""

from __future__ import annotations

from messjax.theory.statement import Statement
from proofs_check.statements import attraction, cost, paths, queue, sparse, tightening

ALL: tuple[Statement, ...] = (
    *paths.STATEMENTS,
    *queue.STATEMENTS,
    *cost.STATEMENTS,
    *attraction.STATEMENTS,
    *sparse.STATEMENTS,
    *tightening.STATEMENTS,
)


def named(wanted: str, statements: tuple[Statement, ...] | list[Statement] = ALL) -> list[Statement]:
    """Those whose names begin with one of "T1,T2": ValueError for a name that none has."""
    result: list[Statement] = []
    for name in (word.strip() for word in wanted.split(",")):
        batch = [each for each in statements if each.name == name or each.name.split()[0] == name]
        if not batch:
            known = ", ".join(dict.fromkeys(each.name.split()[0] for each in statements))
            raise ValueError(f"--only: found {name!r}, expected some of {known}")
        result += [each for each in batch if each not in result]
    return result
