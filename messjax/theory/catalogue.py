"""All statements of docs/theory, in the order in which tables show them, and those that a sweep is judged by."""

from __future__ import annotations

from collections.abc import Sequence

from messjax.arguments import did_you_mean
from messjax.theory import (
    attraction,
    cost,
    decision_loss,
    duality,
    exploration,
    identities,
    information,
    markov_modulated,
    moving_laws,
    optimism,
    other_settings,
    paths,
    queue,
    sparse,
    tightening,
    violation,
)
from messjax.theory.statement import ASSUMPTIONS, Statement

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
    *other_settings.STATEMENTS,
    *identities.STATEMENTS,
    *decision_loss.STATEMENTS,
    *information.STATEMENTS,
    *optimism.STATEMENTS,
    *moving_laws.STATEMENTS,
    *markov_modulated.STATEMENTS,
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
OF_TERMS: tuple[Statement, ...] = (  # judged by default as well where the sweep has `meters.decomposition`
    *decision_loss.STATEMENTS,
    *identities.STATEMENTS,
)
OF_MOVING_LAWS: tuple[Statement, ...] = (*moving_laws.STATEMENTS, *markov_modulated.STATEMENTS)


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
            known = list(dict.fromkeys(each.name.split()[0] for each in statements))
            meant = did_you_mean(name, [*known, *(each.name for each in statements)])
            raise ValueError(f"statements: found {name!r}{meant}, expected some of {', '.join(known)}")
        result += [each for each in batch if each not in result]
    return result


def assumptions_of(name: str) -> str:
    """The assumptions of a statement by name, as tables print them: "A1 A4 A7".

    Args:
        name: that of a statement ("T2 cost gap"), or of its theorem ("T5": its first statement).

    Returns:
        Its assumptions in order, separated by spaces.

    Raises:
        ValueError: no statement has this name.
    """
    return " ".join(sorted(statements_named(name)[0].assumptions))


def assumption_table(statements: Sequence[Statement] = ALL) -> str:
    """Which statement needs which assumption, as the Markdown table of docs/theory.

    Args:
        statements: those to list, in this order.

    Returns:
        The table, one line per statement, without a newline at its end.
    """
    columns = sorted(ASSUMPTIONS)
    lines = [f"| statement | {' | '.join(columns)} |", f"|---|{'|'.join([':-:'] * len(columns))}|"]
    for each in statements:
        cells = ("x" if column in each.assumptions else " " for column in columns)
        lines.append(f"| {each.name} | {' | '.join(cells)} |")
    return "\n".join(lines)
