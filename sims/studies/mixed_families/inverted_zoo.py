"""The statements of docs/theory about the queue and the cost, with and without what they say of beta_M.

beta_M is what the last model, which serves explored requests, satisfies above alpha. Where it is negative T1 and T2
gain R_T and T3 its last term, and the second form of T1 and T4 fall silent. To see that these are needed each is
put on trial without, too. pi0 is the model that satisfies most, and the predictor an oracle, so that S_T = 0.
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
    """What the statements need at one c, an oracle's run: S_T = 0."""

    V: float
    T: int
    P_T: float
    best: optimum.Optimum
    k: optimum.Constants  # of the last model
    beta: float  # of pi0 = the model that satisfies most
    dE: float  # of it


Bound = Callable[[Cell, Any], Any]  # of sum p_t E[Q_t], which R_T and T3 are about


def _inverted(cell: Cell, explored_queue: Any) -> Any:
    return max(0.0, -cell.k.beta_M) * explored_queue  # R_T


def _t1(cell: Cell, R_T: Any) -> Any:
    return theory.T1_queue_sharp(cell.V, cell.best.gamma, cell.k.B, cell.T, 0.0, R_T)


def _t2(cell: Cell, R_T: Any) -> Any:
    terms = theory.T2_cost_terms(cell.V, cell.k.B, cell.T, cell.P_T, cell.k.E_all, cell.best.cost, 0.0, R_T)
    return terms.total


def _t1_second(cell: Cell, beta_M: float) -> Any:
    return theory.T1_queue_slater(cell.T, cell.k.B, cell.V, cell.dE) if beta_M >= 0 else np.inf


def _t3(cell: Cell, beta_M: float, explored_queue: Any) -> Any:
    return theory.T3_queue(cell.V, cell.k.B, cell.dE, cell.beta, beta_M, explored_queue / cell.T)


def _t4(cell: Cell, beta_M: float) -> Any:
    constants = theory.T4_constants(cell.best.alpha, cell.V, cell.dE, cell.beta, 0.0, beta_M)
    return theory.T4_queue(constants)


STATEMENTS: dict[str, tuple[str, Bound]] = {  # name: (reading, bound); pi0 = the best model, where one is needed
    "T1": ("queue_last", lambda cell, q: _t1(cell, _inverted(cell, q))),
    "T1 without R_T": ("queue_last", lambda cell, q: _t1(cell, 0.0 * q)),
    "T1, second form": ("queue_last", lambda cell, q: _t1_second(cell, cell.k.beta_M) + 0.0 * q),
    "the same, beta_M ignored": ("queue_last", lambda cell, q: _t1_second(cell, 0.0) + 0.0 * q),
    "T2": ("cost_gap", lambda cell, q: _t2(cell, _inverted(cell, q))),
    "T2 without R_T": ("cost_gap", lambda cell, q: _t2(cell, 0.0 * q)),
    "T3": ("queue_mean", lambda cell, q: _t3(cell, cell.k.beta_M, q)),
    "T3 without its last term": ("queue_mean", lambda cell, q: _t3(cell, cell.beta, q)),
    "T4": ("queue_last", lambda cell, q: _t4(cell, cell.k.beta_M) + 0.0 * q),
    "T4, beta_M ignored": ("queue_last", lambda cell, q: _t4(cell, cell.beta) + 0.0 * q),
}


def judge(run: xr.Dataset, distribution: Distribution, star: int) -> xr.Dataset:
    """Measured, bound and verdict of every statement over (statement, c), of an oracle's run over (c, stream).

    Model number `star` alone is pi0.
    """
    alpha, T = float(run["alpha"]), int(run.attrs["horizon"])
    beta = float(distribution.weight @ distribution.mean[:, star]) - alpha
    dE = float(distribution.weight @ (distribution.cost[:, star] - distribution.cost.min(axis=1)))
    best, k, shape = (
        optimum.solve(distribution, alpha),
        optimum.constants(distribution, alpha),
        (len(STATEMENTS), run.sizes["c"]),
    )
    numbers, words = np.full((2, *shape), np.nan), np.empty(shape, "<U9")
    for j, c in enumerate(run["c"].values):
        cell = Cell(float(run["V"]), T, float(theory.exploration_sum(T, c, run["a"])), best, k, beta, dE)
        for i, (metric, bound) in enumerate(STATEMENTS.values()):
            measured, explored_queue = (run[name].sel(c=c).values for name in (metric, "exploration_queue"))
            numbers[:, i, j] = measured.mean(), bound(cell, explored_queue.mean())
            words[i, j] = _verdict(cell, bound, measured, explored_queue) if np.isfinite(numbers[1, i, j]) else "silent"
    dims = ("statement", "c")
    data = {"measured": (dims, numbers[0]), "bound": (dims, numbers[1]), "verdict": (dims, words)}
    return xr.Dataset(data, coords={"statement": list(STATEMENTS), "c": run["c"]})


def _verdict(cell: Cell, bound: Bound, measured: np.ndarray, explored_queue: np.ndarray) -> str:
    margin = intervals.jackknife(lambda m, q: bound(cell, q) - m, measured, explored_queue)
    return str(intervals.verdict(margin))
