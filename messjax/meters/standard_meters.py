"""The meters that every run reports: ledger, virtual queue, SLA, and what the bounds need. Memory does not grow.

A meter's metrics are named numbers, read at the end and, for thinned curves over t, at checkpoints on the way
(`simulate(..., checkpoints=n)`). `standard()` is what every run reports. Counts are integers, queue and served
satisfaction are exact (`virtual_queue.Fixed`) and other sums are compensated (`compensated.Sum`), so that no error
grows over long horizons.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.meters.folds import zip_meters
from messjax.meters.ledgers import ledger, served_satisfaction
from messjax.numerics import compensated
from messjax.numerics import virtual_queue as queue
from messjax.types import Array, Meter, Step


class Queue(NamedTuple):
    """State of the meter `virtual_queue`.

    Attributes:
        t: Number of requests so far, [] int32.
        total: Sum of Q_1, ..., Q_t.
        last: Q_{t+1}, exact.
        largest: The largest of Q_2, ..., Q_{t+1}, exact.
    """

    t: Array
    total: compensated.Sum
    last: queue.Fixed
    largest: queue.Fixed


def virtual_queue() -> Meter:
    """The virtual queue.

    Metrics: `queue_mean` (mean of Q_1..Q_T, as in T3), `queue_last` (Q_{T+1}) and `queue_max` (the largest of
    Q_2..Q_{T+1}).

    Returns:
        The meter.
    """
    return Meter(Partial(queue_init), Partial(queue_add), Partial(queue_read))


def queue_init(num_models: int) -> Queue:
    """The state of `virtual_queue` before the first request.

    Args:
        num_models: Not used.

    Returns:
        The state.
    """
    del num_models
    return Queue(jnp.zeros((), jnp.int32), compensated.zero(), queue.zero(), queue.zero())


def queue_add(number: Queue, step: Step) -> Queue:
    """The state of `virtual_queue` after one more request.

    Args:
        number: The state before it.
        step: The request and its outcome.

    Returns:
        The state.
    """
    return Queue(
        t=step.t,
        total=compensated.add(number.total, step.queue.to_float()),
        last=step.next_queue,
        largest=queue.maximum(number.largest, step.next_queue),
    )


def queue_read(number: Queue) -> dict[str, Any]:
    """The metrics of `virtual_queue`.

    Args:
        number: The state.

    Returns:
        Metrics by name.
    """
    return {
        "queue_mean": compensated.Mean(number.total, number.t),
        "queue_last": number.last,
        "queue_max": number.largest,
    }


class Sla(NamedTuple):
    """State of the meter `sla`.

    Attributes:
        walk: Sum of alpha - s_i, exact and not reflected: positive while the running satisfaction is below alpha.
        met_from: The request from which on the running satisfaction has been at least alpha, [] int32.
    """

    walk: queue.Fixed
    met_from: Array


def sla() -> Meter:
    """When alpha was met for good.

    Metric: `sla_from`, the request from which on the running satisfaction stayed at least alpha to the end. It is
    exact, and T + 1 where the running satisfaction was below alpha at the end.

    Returns:
        The meter.
    """
    return Meter(Partial(sla_init), Partial(sla_add), Partial(sla_read))


def sla_init(num_models: int) -> Sla:
    """The state of `sla` before the first request.

    Args:
        num_models: Not used.

    Returns:
        The state.
    """
    del num_models
    return Sla(queue.zero(), jnp.ones((), jnp.int32))


def sla_add(number: Sla, step: Step) -> Sla:
    """The state of `sla` after one more request.

    Args:
        number: The state before it.
        step: The request and its outcome.

    Returns:
        The state.
    """
    walk = queue.add(number.walk, queue.units(step.controls.alpha) - queue.units(served_satisfaction(step)))
    below = (walk.whole > 0) | ((walk.whole == 0) & (walk.part > 0))
    return Sla(walk, jnp.where(below, step.t + 1, number.met_from))


def sla_read(number: Sla) -> dict[str, Any]:
    """The metric of `sla`.

    Args:
        number: The state.

    Returns:
        Metrics by name.
    """
    return {"sla_from": number.met_from}


class Theory(NamedTuple):
    """State of the meter `theory`.

    Attributes:
        t: Number of requests so far, [] int32.
        prediction: Sum of (1 - p_i) Q_i e_i.
        exploration: Sum of p_i Q_i.
        error: Sum of e_i.
        error_last: e_t, [] float.
        error_max: The largest e_i with p_i < 1, [] float.
    """

    t: Array
    prediction: compensated.Sum
    exploration: compensated.Sum
    error: compensated.Sum
    error_last: Array
    error_max: Array


def theory() -> Meter:
    """The quantities that the bounds need besides the distribution; NaN where there is no prediction or no known mean.

    Metrics: `S` (S_T = sum (1 - p_t) Q_t e_t), `exploration_queue` (sum p_t Q_t, as in R_T and T3), and of e_t = max_m
    |s_hat_m - mu_m(x_t)|: `error_mean`, `error_last`, `error_max` (over requests with p_t < 1, which can exploit).

    Returns:
        The meter.
    """
    return Meter(Partial(theory_init), Partial(theory_add), Partial(theory_read))


def theory_init(num_models: int) -> Theory:
    """The state of `theory` before the first request.

    Args:
        num_models: Not used.

    Returns:
        The state.
    """
    del num_models
    return Theory(
        jnp.zeros((), jnp.int32),
        compensated.zero(),
        compensated.zero(),
        compensated.zero(),
        jnp.zeros((), jnp.float32),
        jnp.zeros((), jnp.float32),
    )


def theory_add(number: Theory, step: Step) -> Theory:
    """The state of `theory` after one more request.

    Args:
        number: The state before it.
        step: The request and its outcome.

    Returns:
        The state.
    """
    p, Q = step.decision.p, step.queue.to_float()
    error = jnp.max(jnp.abs(step.decision.s_hat - step.request.mean))
    return Theory(
        t=step.t,
        prediction=compensated.add(number.prediction, (1.0 - p) * Q * error),
        exploration=compensated.add(number.exploration, p * Q),
        error=compensated.add(number.error, error),
        error_last=error,
        error_max=jnp.where(p < 1.0, jnp.maximum(number.error_max, error), number.error_max),
    )


def theory_read(number: Theory) -> dict[str, Any]:
    """The metrics of `theory`.

    Args:
        number: The state.

    Returns:
        Metrics by name.
    """
    return {
        "S": number.prediction,
        "exploration_queue": number.exploration,
        "error_mean": compensated.Mean(number.error, number.t),
        "error_last": number.error_last,
        "error_max": number.error_max,
    }


def standard(paid: str = "sum") -> Meter:
    """Ledger, virtual queue, SLA and the quantities of the theory: what every run reports.

    Args:
        paid: What a request costs that asks several models, as `ledger` has it.

    Returns:
        The meter, with the metrics of `ledger`, `virtual_queue`, `sla` and `theory`.
    """
    return zip_meters(ledger(paid), virtual_queue(), sla(), theory())
