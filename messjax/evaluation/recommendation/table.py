"""The candidates of a recommendation as a table."""

from __future__ import annotations

import numpy as np
from rich.table import Table

from messjax.evaluation.recommendation import decision, words
from messjax.evaluation.recommendation.decision import Recommendation


def alternatives(result: Recommendation, most: int = 9) -> Table:
    """The candidates at their chosen settings.

    Args:
        result: The recommendation.
        most: Largest number of rows. Candidates that a sentence speaks of are there in any case; the others are added
            in order, those that keep alpha first, the least expensive first.

    Returns:
        A table that fits into 80 columns.
    """
    less = f" less {result.tolerance:g}" if result.tolerance else ""
    ordered = sorted(result.judged, key=lambda one: (not one.passes, one.cost.mean()))
    said = {id(one) for one in words.named(result)}
    others = [id(one) for one in ordered if id(one) not in said][: max(most - len(said), 0)]
    shown = [one for one in ordered if id(one) in said or id(one) in others]
    left = len(ordered) - len(shown)
    out = Table(
        caption=f"cost in {result.cost_unit}, 95% interval over the next {result.horizon:,} requests; keeps: the "
        f"probability that the average satisfaction over the next {result.horizon:,} requests is at least alpha = "
        f"{result.alpha:g}{less}; * recommended" + (f"; {left} more in candidates.csv" if left else "")
    )
    for column in ("candidate", "cost", "satisfaction", "keeps"):
        number = column != "candidate"  # a number is never broken, however narrow the terminal
        out.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for one in shown:
        mark = "*" if one is result.chosen and result.answer in (decision.USE, decision.SINGLE_MODEL) else " "
        which = ("(next cheaper,", "not sure enough)") if decision.is_next_cheaper(one, result) else ()
        low, high = np.quantile(one.cost, (0.025, 0.975))
        out.add_row(
            "\n  ".join([f"{mark} {one.family.name}", *which, *_lines(words.settings(one))]),
            f"{one.cost.mean():.4g}\n({low:.3g} to {high:.3g})",
            f"{one.satisfaction.mean():.4f}\n+- {1.96 * one.satisfaction.std():.4f}",
            words.probability(one.keep),
        )
    return out


def _lines(text: str, width: int = 26) -> list[str]:
    """Settings in lines of at most that width, each name beside its number."""
    lines: list[str] = []
    for part in text.split(", ") if text else []:
        if lines and len(lines[-1]) + len(part) + 2 <= width:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines
