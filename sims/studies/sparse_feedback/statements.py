"""T9 and T2 beside a sweep over f: what sparse feedback may cost, point by point (docs/theory, T9).

At f = 1, where T9 is T1's older form, it is tested, too. Verdicts are at 95% for all tests of a world together
(Bonferroni).
"""

from __future__ import annotations

import xarray as xr

from messjax import theory
from messjax.theory import cost, sparse
from messjax.types import Distribution

BY_THE_QUEUE = "T9 violation, by the queue"
STATEMENTS = (
    sparse.T9_VIOLATION._replace(name=BY_THE_QUEUE, feedback="complete or sparse"),
    sparse.T9_VIOLATION_BOUND._replace(name="T9 violation", feedback="complete or sparse"),
    sparse.T9_QUEUE._replace(feedback="complete or sparse"),
    cost.T2,
)


def verdicts(dataset: xr.Dataset, distribution: Distribution | None) -> xr.Dataset:
    """Bound and verdict of every statement at every point; some do not apply where the distribution is unknown."""
    judged = theory.judge(dataset, distribution, statements=STATEMENTS, correction="bonferroni")
    return judged[["bound", "verdict"]].drop_vars("implied_by")
