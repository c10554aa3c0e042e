"""All statements of docs/theory, in the order in which tables show them, and those that a sweep is judged by."""

from __future__ import annotations

from collections.abc import Sequence

from messjax.theory import attraction, cost, duality, exploration, paths, queue, sparse, tightening, violation
from messjax.theory.statement import Statement

ALL: tuple[Statement, ...] = (
    *paths.STATEMENTS,
    *violation.STATEMENTS,
    *queue.STATEMENTS,
    *cost.STATEMENTS,
    *duality.STATEMENTS,
    *exploration.STATEMENTS,
    *attraction.STATEMENTS,
    *sparse.STATEMENTS,
    *tightening.STATEMENTS,
)
OF_A_SWEEP: tuple[Statement, ...] = (  # judged by default; those that another implies come last
    violation.T1,
    violation.T1_VIOLATION,
    cost.T2,
    queue.T3,
    duality.T5_REGRET,
    violation.T1_OLDER,
    violation.T1_VIOLATION_OLDER,
)


def statements_named(wanted: str, statements: Sequence[Statement] = ALL) -> list[Statement]:
    """Statements by name, or by the theorem that they belong to.

    Args:
        wanted: names separated by commas: "T1,T2 cost gap".
        statements: those to choose from.

    Returns:
        The statements whose name, or whose name's first word, is asked for, each once.

    Raises:
        ValueError: no statement has such a name.
    """
    result: list[Statement] = []
    for name in (word.strip() for word in wanted.split(",")):
        batch = [each for each in statements if each.name == name or each.name.split()[0] == name]
        if not batch:
            known = ", ".join(dict.fromkeys(each.name.split()[0] for each in statements))
            raise ValueError(f"statements: found {name!r}, expected some of {known}")
        result += [each for each in batch if each not in result]
    return result
