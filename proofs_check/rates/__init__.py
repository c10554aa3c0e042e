"""Rates: fitted slopes with intervals beside the exponents that docs/theory.md predicts, where T >> V gamma*.

`worlds` has the streams, `measure` what is measured on them, `slope` the fit and its verdict, `exponent` the sweep of
T8, `draw` tables and figures.

    messjax-proofs rates [--quick] [--seed 0] [--out DIR]
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from proofs_check.rates import exponent, slope
from proofs_check.rates.draw import exponent_table, figure, figures, t6_figure, t8_figure, table
from proofs_check.rates.exponent import Sweep, measure_exponents
from proofs_check.rates.measure import FULL, OF, PARTS, QUICK, keys
from proofs_check.rates.slope import GATE, TOLERANCE, Rate
from proofs_check.trials.trial import Row, corrected

__all__ = [
    "GATE", "PARTS", "TOLERANCE", "Rate", "Sweep", "exponent_table", "figure", "figures", "measure_exponents",
    "measure_rates", "rows", "t6_figure", "t8_figure", "table",
]  # fmt: skip


def measure_rates(
    quick: bool, seed: int, report: Callable[[int, int], None] | None = None, only: Collection[str] | None = None
) -> list[Rate]:
    """Measure every rate, or those of the theorems named.

    `report(done, total)` is called after each part, as `runtime.progress` wants it. A rate is the same number whether
    or not others are measured.
    """
    result: list[Rate] = []
    for done, (key, part) in enumerate(zip(keys(seed), PARTS, strict=True)):
        if only is None or OF[part] & set(only):
            result += part(key, QUICK if quick else FULL)
        if report is not None:
            report(done + 1, len(PARTS))
    return [each for each in result if only is None or each.statement in only]


def rows(result: Sequence[Rate], swept: Sequence[Sweep]) -> list[Row]:
    """Rates and T8's sweeps as lines of the verdict table, corrected for their number (Holm)."""
    return corrected([*(slope.row(each) for each in result), *(exponent.row(each) for each in swept)])
