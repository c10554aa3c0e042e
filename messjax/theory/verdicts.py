"""Statements of docs/theory put beside measurements: Dataset -> Dataset of measured, bound, margin and verdict.

The bound comes from `bounds` and the law, the measurement from independent streams. The verdict rests on a one-sided
interval of the margin bound - measured over streams (jackknife, because bounds use measured S_T and R_T too): "holds",
"violated" or "undecided"; "silent" where the statement's hypotheses fail and it says nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from messjax import theory
from messjax.statistics import intervals
from messjax.theory import optimum
from messjax.types import Distribution


class Cell(NamedTuple):
    """One point of the grid: scalar controls, readings [stream], and the constants of the law at its alpha."""

    V: float
    alpha: float
    T: int
    P_T: float
    metrics: Mapping[str, np.ndarray]
    best: optimum.Optimum
    constants: optimum.Constants


class Statement(NamedTuple):
    """A bound on the mean of a reading: `bound(cell, *means)` with the means of the readings `uses`."""

    name: str
    measures: str
    uses: tuple[str, ...]
    bound: Callable[..., Any]


def _inversion(cell: Cell, exploration_queue: Any) -> Any:
    return max(0.0, -cell.constants.beta_M) * exploration_queue  # R_T


def _t1_queue(cell: Cell, S: Any, exploration_queue: Any) -> Any:
    k = cell.constants
    R_T = _inversion(cell, exploration_queue)
    return theory.T1_queue(cell.V, cell.best.gamma, k.B, cell.T, cell.P_T, k.beta_M, S, R_T)


def _t1_violation(cell: Cell, S: Any, exploration_queue: Any) -> Any:
    k = cell.constants
    R_T = _inversion(cell, exploration_queue)
    return theory.T1_violation(cell.V, cell.best.gamma, k.B, cell.T, cell.P_T, k.beta_M, S, R_T)


def _t2_terms(cell: Cell, S: Any, exploration_queue: Any) -> theory.CostTerms:
    k = cell.constants
    R_T = _inversion(cell, exploration_queue)
    return theory.T2_cost_terms(cell.V, k.B, cell.T, cell.P_T, k.E_all, cell.best.cost, S, R_T)


def _t2(cell: Cell, S: Any, exploration_queue: Any) -> Any:
    return _t2_terms(cell, S, exploration_queue).total


def _t3(cell: Cell, exploration_queue: Any) -> Any:
    # ebar must bound E[e_t | past] at every t: the largest error on any stream does, and for a learner no less will.
    k = cell.constants
    b = k.beta - 2.0 * float(np.max(cell.metrics["error_max"]))
    return theory.T3_queue(cell.V, k.B, k.dE, b, k.beta_M, exploration_queue / cell.T)


MESS_PLUS = (
    Statement("T1 queue", "queue_last", ("S", "exploration_queue"), _t1_queue),
    Statement("T1 violation", "violation", ("S", "exploration_queue"), _t1_violation),
    Statement("T2 cost gap", "cost_gap", ("S", "exploration_queue"), _t2),
    Statement("T3 mean queue", "queue_mean", ("exploration_queue",), _t3),
)
T5 = "T5 adjusted regret"
TERMS = theory.CostTerms._fields  # control, exploration, prediction, inversion, start


@functools.cache
def _exploration_sum(T: int, c: float, a: float) -> float:
    return float(theory.exploration_sum(T, c, a))


def cells(dataset: xr.Dataset, distribution: Distribution) -> list[tuple[tuple[int, ...], Cell]]:
    """Every grid point with its index. ValueError where the statements are not about this dataset and this law."""
    _check(dataset, distribution)
    grid = _grid_dims(dataset)
    names = (
        "queue_last",
        "queue_mean",
        "violation",
        "cost_gap",
        "adjusted_regret",
        "S",
        "exploration_queue",
        "error_max",
    )
    result = []
    for index in np.ndindex(*(dataset.sizes[d] for d in grid)):
        at = dataset[list(names)].isel(dict(zip(grid, index, strict=True)))
        alpha, T = float(at["alpha"]), int(dataset.attrs["horizon"])
        cell = Cell(
            V=float(at["V"]),
            alpha=alpha,
            T=T,
            P_T=_exploration_sum(T, float(at["c"]), float(at["a"])),
            metrics={name: np.asarray(at[name].values, np.float64) for name in names},
            best=optimum.solve(distribution, alpha),
            constants=optimum.constants(distribution, alpha),
        )
        result.append((index, cell))
    return result


def _check(dataset: xr.Dataset, distribution: Distribution) -> None:
    if distribution.kind == "labels":
        raise ValueError("verdicts need the law of the requests, found the realised labels of a trace")
    if np.any(dataset["f"].values != 1.0):
        raise ValueError(f"verdicts need complete feedback, found f = {dataset['f'].values.tolist()}")
    for policy in str(dataset.attrs.get("policy", "")).split("; "):
        if "algorithm.choose" not in policy:
            raise ValueError(
                f"verdicts are about MESS+, found the policy {policy!r}; adjusted_regret is in the dataset"
            )
    for alpha, cost in zip(np.atleast_1d(dataset["alpha"]), np.atleast_1d(dataset["optimal_cost"]), strict=True):
        if not np.isclose(best := optimum.solve(distribution, float(alpha)).cost, cost, rtol=1e-5):
            raise ValueError(f"verdicts: the dataset was run on another law: its C* is {cost:g}, this law's {best:g}")


def _grid_dims(dataset: xr.Dataset) -> tuple[str, ...]:
    return tuple(str(d) for d in dataset["cost"].dims if d != "stream")


def judge(dataset: xr.Dataset, distribution: Distribution, *, level: float = 0.95) -> xr.Dataset:
    """Verdicts on T1, T2, T3 and T5 at every grid point of a MESS+ run, dimensions (statement, ...).

    Variables: `measured` with two-sided limits `measured_lower`, `measured_upper`; `bound`; the one-sided limits
    `margin_lower`, `margin_upper` of bound - measured (T5: of the adjusted regret itself, whose bound 0 is from
    below); `looseness` = bound / measured; `verdict`. `level` is the coverage of each
    limit; `cost_bound_terms` [term, ...] are the terms of T2 apart. A law of kind "sampled" has C* and gamma* up to its
    sampling error, which the margins do not contain.
    """
    grid = _grid_dims(dataset)
    statements = (*(s.name for s in MESS_PLUS), T5)
    shape = (len(statements), *(dataset.sizes[d] for d in grid))
    numbers = ("measured", "measured_lower", "measured_upper", "bound", "margin_lower", "margin_upper", "looseness")
    out = {name: np.full(shape, np.nan) for name in numbers}
    words = np.full(shape, "silent", dtype="<U9")
    terms = np.full((*shape[1:], len(TERMS)), np.nan)
    for index, cell in cells(dataset, distribution):
        terms[index] = _t2_terms(cell, *(cell.metrics[name].mean() for name in ("S", "exploration_queue")))
        for row, statement in enumerate((*MESS_PLUS, None)):
            values = _judge_one(cell, statement, level)
            for name in numbers:
                out[name][(row, *index)] = values[name]
            words[(row, *index)] = values["verdict"]
    dims = ("statement", *grid)
    coords = {d: dataset[d] for d in grid if d in dataset.coords} | {"statement": list(statements), "term": list(TERMS)}
    data = {name: (dims, values) for name, values in out.items()} | {"verdict": (dims, words)}
    data["cost_bound_terms"] = ((*grid, "term"), terms)
    return xr.Dataset(data, coords=coords, attrs={"level": level})


def _judge_one(cell: Cell, statement: Statement | None, level: float) -> dict[str, Any]:
    samples = cell.metrics["adjusted_regret" if statement is None else statement.measures]
    measured = intervals.interval(samples, level)
    row = {"measured": measured.mean, "measured_lower": measured.lower, "measured_upper": measured.upper}
    if statement is None:
        margin, bound = intervals.one_sided(samples, level), 0.0
    else:
        uses = [cell.metrics[name] for name in statement.uses]
        bound = float(statement.bound(cell, *(u.mean() for u in uses)))
        if not np.isfinite(bound):
            return (
                row
                | {"bound": bound, "margin_lower": np.nan, "margin_upper": np.nan}
                | _loose(bound, "silent", measured)
            )
        margin = intervals.jackknife(lambda m, *u: statement.bound(cell, *u) - m, samples, *uses, level=level)
    word = intervals.verdict(margin)
    return (
        row
        | {"bound": bound, "margin_lower": margin.lower, "margin_upper": margin.upper}
        | _loose(bound, word, measured)
    )


def _loose(bound: float, word: str, measured: intervals.Interval) -> dict[str, Any]:
    meaningful = np.isfinite(bound) and bound > 0 and measured.mean > 0
    return {"looseness": bound / measured.mean if meaningful else np.nan, "verdict": word}
