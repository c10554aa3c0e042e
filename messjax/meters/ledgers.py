"""The ledgers of a run: what was paid, with and without exploration, what was satisfied, and who was asked."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics import compensated
from messjax.numerics import virtual_queue as queue
from messjax.types import Array, Meter, Step


def served_satisfaction(step: Step) -> Array:
    """s_t of the model served, whether or not feedback was received.

    Args:
        step: The request and its outcome.

    Returns:
        The satisfaction [] float.
    """
    return jnp.sum(jnp.where(step.decision.served_mask, step.request.satisfaction, 0.0))


class Ledger(NamedTuple):
    """State of the meter `ledger`.

    Attributes:
        t: Number of requests so far, [] int32.
        cost: Sum of all costs, in cost units.
        cost_exploit: Sum of the costs of requests that were not explored.
        satisfaction: Sum of the served satisfactions, exact.
        explored: Number of explored requests, [] int32.
        calls: Number of queries of each model, [M] int32.
        served: Number of answers of each model, [M] int32.
    """

    t: Array
    cost: compensated.Sum
    cost_exploit: compensated.Sum
    satisfaction: queue.Fixed
    explored: Array
    calls: Array
    served: Array


PAID = ("sum", "largest")


def ledger(paid: str = "sum") -> Meter:
    """Costs in both ledgers, satisfaction and calls.

    Metrics: `cost` (full ledger, everything queried, in cost units per request), `cost_exploit` (exploit steps only, as
    in the tables of [M25], per request), `satisfaction` (mean of s_t as served), `explored` (N_T, T7 in
    docs/theory.md), `calls` [M] (queries, exploration included) and `served` [M] (answers given).

    Args:
        paid: What a request costs that asks several models. "sum": the costs of all of them; "largest": the largest of
            them, as where costs are times and the models run at the same time (`meters.latency` has the same rule).

    Returns:
        The meter.

    Raises:
        ValueError: Another rule.

    Example:
        >>> sorted(ledger().read(ledger().init(3)))
        ['calls', 'cost', 'cost_exploit', 'explored', 'satisfaction', 'served']
    """
    if paid not in PAID:
        raise ValueError(f"ledger: paid is {paid!r}, expected one of {', '.join(PAID)}")
    return Meter(
        Partial(ledger_init), Partial(ledger_add if paid == "sum" else ledger_add_largest), Partial(ledger_read)
    )


def ledger_init(num_models: int) -> Ledger:
    """The state of `ledger` before the first request.

    Args:
        num_models: Number of models M.

    Returns:
        The state.
    """
    none = jnp.zeros((), jnp.int32)
    counts = jnp.zeros(num_models, jnp.int32)
    return Ledger(none, compensated.zero(), compensated.zero(), queue.zero(), none, counts, counts)


def ledger_add(number: Ledger, step: Step) -> Ledger:
    """The state of `ledger` after one more request.

    Args:
        number: The state before it.
        step: The request and its outcome.

    Returns:
        The state.
    """
    return _ledger_add(number, step, compensated.of(_costs_queried(step)))


def ledger_add_largest(number: Ledger, step: Step) -> Ledger:
    """As `ledger_add`, where a request costs the largest of its models' costs.

    Args:
        number: The state before it.
        step: The request and its outcome.

    Returns:
        The state.
    """
    return _ledger_add(number, step, compensated.add(compensated.zero(), jnp.max(_costs_queried(step))))


def _costs_queried(step: Step) -> Array:
    """[M], zero where a model was not asked."""
    return jnp.where(step.decision.query, step.request.cost, 0.0)


def _ledger_add(number: Ledger, step: Step, paid: compensated.Sum) -> Ledger:
    decision = step.decision
    exploited = compensated.Sum(*(jnp.where(decision.explore, 0.0, part) for part in paid))
    return Ledger(
        t=step.t,
        cost=compensated.add(number.cost, paid),
        cost_exploit=compensated.add(number.cost_exploit, exploited),
        satisfaction=queue.add(number.satisfaction, queue.units(served_satisfaction(step))),
        explored=number.explored + decision.explore.astype(jnp.int32),
        calls=number.calls + decision.query.astype(jnp.int32),
        served=number.served + decision.served_mask.astype(jnp.int32),
    )


def ledger_read(number: Ledger) -> dict[str, Any]:
    """The metrics of `ledger`.

    Args:
        number: The state.

    Returns:
        Metrics by name.
    """
    return {
        "cost": compensated.Mean(number.cost, number.t),
        "cost_exploit": compensated.Mean(number.cost_exploit, number.t),
        "satisfaction": compensated.Mean(number.satisfaction, number.t),
        "explored": number.explored,
        "calls": number.calls,
        "served": number.served,
    }
