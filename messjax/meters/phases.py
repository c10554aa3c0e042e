"""Cost and satisfaction per phase of a run, and what was spent of the budget in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.meters.ledgers import served_satisfaction
from messjax.numerics import compensated
from messjax.types import Array, Meter, Step


class Phases(NamedTuple):
    """State of the meter `per_phase`, of S phases.

    Attributes:
        requests: Number of requests of each phase [S] int32.
        cost: Sum of each phase's costs [S], in cost units.
        satisfaction: Sum of each phase's served satisfactions [S].
        budget: The budget per request, [] in cost units; NaN without one.
    """

    requests: Array
    cost: compensated.Sum
    satisfaction: compensated.Sum
    budget: Array


def per_phase(ends: np.ndarray) -> Meter:
    """Cost and satisfaction of each phase of a stream that changes at known requests.

    Metrics, for the phases 1, ..., S: `cost_phase_1`, ... (per request, everything queried),
    `satisfaction_phase_1`, ... and `spend_over_budget_phase_1`, ... (cost per request over `Controls.budget`; above 1
    the budget is exceeded; NaN without a budget). A phase without requests is NaN.

    Args:
        ends: Number of the last request of each phase but the last [S - 1], increasing.

    Returns:
        The meter. The numbers may change without recompiling.

    Raises:
        ValueError: Numbers that are not whole or do not increase.

    Example:
        >>> sorted(per_phase([10]).read(per_phase([10]).init(3)))[:2]
        ['cost_phase_1', 'cost_phase_2']
    """
    ends = np.asarray(ends)
    if ends.ndim != 1 or (ends.size and (ends.dtype.kind not in "iu" or ends[0] < 1 or (np.diff(ends) < 1).any())):
        raise ValueError(f"per_phase: found ends {ends.tolist()}, expected increasing whole numbers >= 1")
    return Meter(Partial(_Zeros(len(ends) + 1)), Partial(_add, jnp.asarray(ends, jnp.int32)), Partial(_read))


@dataclass(frozen=True)
class _Zeros:
    phases: int

    def __call__(self, num_models: int) -> Phases:
        del num_models
        zeros = jnp.zeros(self.phases, jnp.float32)
        nothing = compensated.Sum(zeros, zeros)
        return Phases(jnp.zeros(self.phases, jnp.int32), nothing, nothing, jnp.full((), jnp.nan, jnp.float32))


def _add(ends: Array, number: Phases, step: Step) -> Phases:
    here = jnp.arange(number.requests.shape[0]) == jnp.sum(step.t > ends)
    paid = jnp.sum(jnp.where(step.decision.query, step.request.cost, 0.0))
    budget = step.controls.budget
    return Phases(
        number.requests + here.astype(jnp.int32),
        compensated.add(number.cost, jnp.where(here, paid, 0.0)),
        compensated.add(number.satisfaction, jnp.where(here, served_satisfaction(step), 0.0)),
        number.budget if budget is None else jnp.asarray(budget, jnp.float32),
    )


def _read(number: Phases) -> dict[str, Any]:
    count = jnp.where(number.requests > 0, number.requests, jnp.nan).astype(jnp.float32)
    cost = (number.cost.high + number.cost.low) / count
    satisfaction = (number.satisfaction.high + number.satisfaction.low) / count
    metrics = {}
    for i in range(number.requests.shape[0]):
        metrics[f"cost_phase_{i + 1}"] = cost[i]
        metrics[f"satisfaction_phase_{i + 1}"] = satisfaction[i]
        metrics[f"spend_over_budget_phase_{i + 1}"] = cost[i] / number.budget
    return metrics
