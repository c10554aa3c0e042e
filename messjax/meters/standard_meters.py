"""Meters: online folds over the steps of one stream. Memory does not grow with the horizon.

A meter's readings are named numbers, read at the end and, for thinned curves over t, at checkpoints on the way
(`simulate(..., checkpoints=n)`). `standard()` is what every run reports. Counts are integers, queue and served
satisfaction are exact (`virtual_queue.Fixed`), other sums are compensated (`compensated.Sum`), so nothing drifts over long horizons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics import compensated
from messjax.numerics import virtual_queue as queue
from messjax.types import Array, Meter, PyTree, Step

# --- small meters, to be zipped -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Named:
    """Reads a folded number under a name. Hashable by value: a meter built twice is the same program."""

    name: str

    def __call__(self, number: PyTree) -> dict[str, PyTree]:
        return {self.name: number}


def fold(name: str, init: Callable[[int], PyTree], add: Callable[[PyTree, Step], PyTree]) -> Meter:
    """A meter from its two functions: `init(M) -> number`, `add(number, step) -> number`; read under `name`."""
    return Meter(Partial(init), Partial(add), Partial(_Named(name)))


def mean(name: str, of: Callable[[Step], Array]) -> Meter:
    """The mean over t of `of(step)` [] float, compensated."""
    return Meter(Partial(_mean_init), Partial(_mean_add, Partial(of)), Partial(_Named(name)))


def _mean_init(num_models: int) -> compensated.Mean:
    del num_models
    return compensated.Mean(compensated.zero(), jnp.zeros((), jnp.int32))


def _mean_add(of: Callable[[Step], Array], number: compensated.Mean, step: Step) -> compensated.Mean:
    return compensated.Mean(compensated.add(number.total, of(step)), step.t)


def maximum(name: str, of: Callable[[Step], Array]) -> Meter:
    """The maximum over t of `of(step)` [] float."""
    return Meter(Partial(_maximum_init), Partial(_maximum_add, Partial(of)), Partial(_Named(name)))


def _maximum_init(num_models: int) -> Array:
    del num_models
    return jnp.full((), -jnp.inf, jnp.float32)


def _maximum_add(of: Callable[[Step], Array], number: Array, step: Step) -> Array:
    return jnp.maximum(number, of(step))


def latest(name: str, init: Callable[[int], PyTree], of: Callable[[Step], PyTree]) -> Meter:
    """`of(step)` at the last request; with `checkpoints=horizon` its curve is the whole path (tests, audits)."""
    return Meter(Partial(init), Partial(_latest_add, Partial(of)), Partial(_Named(name)))


def _latest_add(of: Callable[[Step], PyTree], number: PyTree, step: Step) -> PyTree:
    del number
    return of(step)


def zip_meters(*meters: Meter) -> Meter:
    """All the meters at once; a zip within a zip is as its parts. ValueError when two share the name of a reading."""
    parts = [part for meter in meters for part in parts_of(meter)]
    return Meter(
        Partial(zip_init, tuple(meter.init for meter in parts)),
        Partial(zip_add, tuple(meter.add for meter in parts)),
        Partial(zip_read, tuple(meter.read for meter in parts)),
    )


def parts_of(meter: Meter) -> list[Meter]:
    functions: Any = tuple(meter)
    if all(
        getattr(f, "func", None) is zipped for f, zipped in zip(functions, (zip_init, zip_add, zip_read), strict=True)
    ):
        return [Meter(*part) for part in zip(*(f.args[0] for f in functions), strict=True)]
    return [meter]


def zip_init(inits: tuple, num_models: int) -> tuple:
    """Nothing yet of several meters."""
    return tuple(init(num_models) for init in inits)


def zip_add(adds: tuple, numbers: tuple, step: Step) -> tuple:
    """One request more of several meters."""
    return tuple(add(number, step) for add, number in zip(adds, numbers, strict=True))


def zip_read(reads: tuple, numbers: tuple) -> dict[str, Any]:
    """Readings of several meters."""
    named: dict[str, Any] = {}
    for read, number in zip(reads, numbers, strict=True):
        metrics = read(number)
        if twice := sorted(named.keys() & metrics.keys()):
            raise ValueError(f"two meters share the name {twice[0]!r}: give each its own")
        named.update(metrics)
    return named


# --- what every run reports -----------------------------------------------------------------------------------


def served_satisfaction(step: Step) -> Array:
    """s_t [] of the model served, whether or not it was heard of."""
    return jnp.sum(jnp.where(step.decision.served_mask, step.request.satisfaction, 0.0))


class Ledger(NamedTuple):
    """What `ledger` carries."""

    t: Array
    cost: compensated.Sum
    cost_exploit: compensated.Sum
    satisfaction: queue.Fixed
    explored: Array
    calls: Array
    served: Array


def ledger() -> Meter:
    """Both cost ledgers, satisfaction and calls.

    Readings: `cost` (full ledger, everything queried, per request), `cost_exploit` (exploit steps only, as in the
    tables of [M25], per request), `satisfaction` (mean of s_t as served), `explored` (N_T, T7 in docs/theory),
    `calls` [M] (queries, exploration included) and `served` [M] (answers given).
    """
    return Meter(Partial(ledger_init), Partial(ledger_add), Partial(ledger_read))


def ledger_init(num_models: int) -> Ledger:
    """Nothing yet of costs, satisfaction and calls."""
    none = jnp.zeros((), jnp.int32)
    counts = jnp.zeros(num_models, jnp.int32)
    return Ledger(none, compensated.zero(), compensated.zero(), queue.zero(), none, counts, counts)


def ledger_add(number: Ledger, step: Step) -> Ledger:
    """One request more of costs, satisfaction and calls."""
    request, decision = step.request, step.decision
    paid = jnp.sum(jnp.where(decision.query, request.cost, 0.0))
    return Ledger(
        t=step.t,
        cost=compensated.add(number.cost, paid),
        cost_exploit=compensated.add(number.cost_exploit, jnp.where(decision.explore, 0.0, paid)),
        satisfaction=queue.add(number.satisfaction, queue.units(served_satisfaction(step))),
        explored=number.explored + decision.explore.astype(jnp.int32),
        calls=number.calls + decision.query.astype(jnp.int32),
        served=number.served + decision.served_mask.astype(jnp.int32),
    )


def ledger_read(number: Ledger) -> dict[str, Any]:
    """Readings of costs, satisfaction and calls."""
    return {
        "cost": compensated.Mean(number.cost, number.t),
        "cost_exploit": compensated.Mean(number.cost_exploit, number.t),
        "satisfaction": compensated.Mean(number.satisfaction, number.t),
        "explored": number.explored,
        "calls": number.calls,
        "served": number.served,
    }


class Queue(NamedTuple):
    """What `virtual_queue` carries."""

    t: Array
    total: compensated.Sum
    last: queue.Fixed
    largest: queue.Fixed


def virtual_queue() -> Meter:
    """Readings `queue_mean` (mean of Q_1..Q_T, as in T3), `queue_last` (Q_{T+1}) and `queue_max` (of Q_2..Q_{T+1})."""
    return Meter(Partial(queue_init), Partial(queue_add), Partial(queue_read))


def queue_init(num_models: int) -> Queue:
    """Nothing yet of the virtual queue."""
    del num_models
    return Queue(jnp.zeros((), jnp.int32), compensated.zero(), queue.zero(), queue.zero())


def queue_add(number: Queue, step: Step) -> Queue:
    """One request more of the virtual queue."""
    return Queue(
        t=step.t,
        total=compensated.add(number.total, step.queue.to_float()),
        last=step.next_queue,
        largest=queue.maximum(number.largest, step.next_queue),
    )


def queue_read(number: Queue) -> dict[str, Any]:
    """Readings of the virtual queue."""
    return {
        "queue_mean": compensated.Mean(number.total, number.t),
        "queue_last": number.last,
        "queue_max": number.largest,
    }


class Sla(NamedTuple):
    """What `sla` carries."""

    walk: queue.Fixed  # sum of alpha - s_i, not reflected: positive while the running satisfaction is below alpha
    met_from: Array


def sla() -> Meter:
    """Reading `sla_from`: the request from which on the running satisfaction stayed >= alpha to the end (exact).

    T + 1 when it was below alpha at the end: the agreement was not met for good.
    """
    return Meter(Partial(sla_init), Partial(sla_add), Partial(sla_read))


def sla_init(num_models: int) -> Sla:
    """Nothing yet of when the agreement was met for good."""
    del num_models
    return Sla(queue.zero(), jnp.ones((), jnp.int32))


def sla_add(number: Sla, step: Step) -> Sla:
    """One request more of when the agreement was met for good."""
    walk = queue.add(number.walk, queue.units(step.controls.alpha) - queue.units(served_satisfaction(step)))
    below = (walk.whole > 0) | ((walk.whole == 0) & (walk.part > 0))
    return Sla(walk, jnp.where(below, step.t + 1, number.met_from))


def sla_read(number: Sla) -> dict[str, Any]:
    """Readings of when the agreement was met for good."""
    return {"sla_from": number.met_from}


class Theory(NamedTuple):
    """What `theory` carries."""

    t: Array
    prediction: compensated.Sum
    exploration: compensated.Sum
    error: compensated.Sum
    error_last: Array
    error_max: Array


def theory() -> Meter:
    """What the bounds need besides the law. NaN where a policy has no prediction or a stream no known law.

    Readings: `S` (S_T = sum (1 - p_t) Q_t e_t), `exploration_queue` (sum p_t Q_t, as in R_T and T3), and of
    e_t = max_m |s_hat_m - mu_m(x_t)|: `error_mean`, `error_last`, `error_max` (where p_t < 1: those that can exploit).
    """
    return Meter(Partial(theory_init), Partial(theory_add), Partial(theory_read))


def theory_init(num_models: int) -> Theory:
    """Nothing yet of the quantities of the bounds."""
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
    """One request more of the quantities of the bounds."""
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
    """Readings of the quantities of the bounds."""
    return {
        "S": number.prediction,
        "exploration_queue": number.exploration,
        "error_mean": compensated.Mean(number.error, number.t),
        "error_last": number.error_last,
        "error_max": number.error_max,
    }


def standard() -> Meter:
    """Ledger, virtual queue, SLA and the quantities of the theory: what every run reports."""
    return zip_meters(ledger(), virtual_queue(), sla(), theory())
