"""T9 and T2 beside a sweep over f: what sparse feedback may cost, point by point (docs/theory.md, T9).

`messjax.theory.verdicts` knows complete feedback only. At f = 1 T9 is T1. Verdicts are at 95% for all checks of a world
together (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from messjax import theory
from messjax.statistics import intervals
from messjax.theory import optimum
from messjax.types import Distribution


class Cell(NamedTuple):
    """One point of the grid: its numbers, and the constants of the law."""

    V: float
    f: float
    T: int
    P_T: float
    best: optimum.Optimum | None  # None: a trace, whose law is not known
    constants: optimum.Constants | None


def _of_queue(cell: Cell, Q: Any, S: Any, exploration_queue: Any) -> Any:
    del S, exploration_queue
    return Q / (cell.f * cell.T)


def _t9(bound: Callable[..., Any], cell: Cell, Q: Any, S: Any, exploration_queue: Any) -> Any:
    del Q
    assert cell.best is not None
    assert cell.constants is not None
    k = cell.constants
    R_T = max(0.0, -k.beta_M) * exploration_queue
    return bound(cell.V, cell.best.gamma, k.B, cell.T, cell.P_T, k.beta_M, S, cell.f, R_T)


def _t9_queue(cell: Cell, Q: Any, S: Any, exploration_queue: Any) -> Any:
    return _t9(theory.T9_queue, cell, Q, S, exploration_queue)


def _t9_violation(cell: Cell, Q: Any, S: Any, exploration_queue: Any) -> Any:
    return _t9(theory.T9_violation, cell, Q, S, exploration_queue)


def _t2(cell: Cell, Q: Any, S: Any, exploration_queue: Any) -> Any:
    del Q
    assert cell.best is not None
    assert cell.constants is not None
    k = cell.constants
    R_T = max(0.0, -k.beta_M) * exploration_queue
    return theory.T2_cost_terms(cell.V, k.B, cell.T, cell.P_T, k.E_all, cell.best.cost, S, R_T).total


STATEMENTS: dict[str, tuple[str, Callable[..., Any], bool]] = {  # name: (reading, bound, whether it needs the law)
    "T9 violation, by the queue": ("violation", _of_queue, False),
    "T9 violation": ("violation", _t9_violation, True),
    "T9 queue": ("queue_last", _t9_queue, True),
    "T2 cost gap": ("cost_gap", _t2, True),
}


def judge(dataset: xr.Dataset, distribution: Distribution | None) -> xr.Dataset:
    """Bound, margin and verdict of every statement at every point; silent where the law is not known."""
    grid = ("policy", "V", "f")
    shape = (len(STATEMENTS), *(dataset.sizes[d] for d in grid))
    bound, words = np.full(shape, np.nan), np.full(shape, "silent", dtype="<U9")
    alpha, T = float(dataset["alpha"]), int(dataset.attrs["horizon"])
    P_T = float(theory.exploration_sum(T, float(dataset["c"]), float(dataset["a"])))
    known = (
        None if distribution is None else optimum.solve(distribution, alpha),
        None if distribution is None else optimum.constants(distribution, alpha),
    )
    speaking = [name for name, (*_, needs_law) in STATEMENTS.items() if distribution is not None or not needs_law]
    level = 1.0 - 0.05 / (len(speaking) * int(np.prod(shape[1:])))
    for index in np.ndindex(*shape[1:]):
        at = dataset.isel(dict(zip(grid, index, strict=True)))
        cell = Cell(float(at["V"]), float(at["f"]), T, P_T, *known)
        for row, (name, (measured, limit, needs_law)) in enumerate(STATEMENTS.items()):
            if name not in speaking:
                continue
            uses = [at[metric].values for metric in ("queue_last", "S", "exploration_queue")]
            uses = uses if needs_law else [uses[0]] * 3  # S is NaN on a trace
            bound[(row, *index)] = limit(cell, *(values.mean() for values in uses))
            margin = intervals.jackknife(
                lambda m, *u, limit=limit, cell=cell: limit(cell, *u) - m, at[measured].values, *uses, level=level
            )
            words[(row, *index)] = intervals.verdict(margin)
    dims = ("statement", *grid)
    coords = {d: dataset[d].values for d in grid} | {"statement": list(STATEMENTS)}
    return xr.Dataset({"bound": (dims, bound), "verdict": (dims, words)}, coords=coords)
