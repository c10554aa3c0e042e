"""The standard meters over a chunk: the sums of `ledgers` and `standard_meters`, in integers where they can be.

`ChunkTotals` is what the loop over a chunk carries, each number its own small pass over the streams. `Totals` is what
is kept from chunk to chunk, and is read by the meters' own functions. A request is recorded as served when the next one
arrives: its cost and satisfaction are derived from the state it left (one step later, so nothing is computed twice).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax.components import same_structure, spec_of
from messjax.engine.fast.streams import Columnar, Columns
from messjax.meters import folds, identity_terms, ledgers, path_audit, standard_meters
from messjax.numerics import virtual_queue as queue
from messjax.numerics.compensated import Sum
from messjax.numerics.compensated import add as add_to_sum
from messjax.types import Array, Meter

PARTS = {
    "ledger": ledgers.ledger,
    "queue": standard_meters.virtual_queue,
    "sla": standard_meters.sla,
    "theory": standard_meters.theory,
    "audit": path_audit.path_audit_meter,
    "terms": lambda: identity_terms.decomposition_at([0.0], [0.0]),
}
FIELD = 8  # bits of a packed count: a chunk has fewer than 256 requests


def meter_parts(meter: Meter) -> tuple[str, ...] | None:
    """Which of the standard meters a meter consists of, in order; None when there is any other in it."""
    known = {name: make() for name, make in PARTS.items()}
    parts = folds.parts_of(meter)
    names = tuple(next((name for name, one in known.items() if same_structure(part, one)), "") for part in parts)
    return names if all(names) else None


def prices_of(meter: Meter) -> identity_terms.Prices | None:
    """gamma* at each alpha as the meter `decomposition` has it; None where that is no part of the meter."""
    found = (spec_of(part.add, identity_terms.decomposition_add) for part in folds.parts_of(meter))
    return next((prices for prices in found if prices is not None), None)


class PricedCalls(NamedTuple):
    """A sum of prices [M] over calls [..., M]: exact where a price is the same on every request."""

    calls: Array
    price: Array

    def to_host(self) -> np.ndarray:
        """The sum as NumPy float64."""
        return (np.asarray(self.calls, np.float64) * np.asarray(self.price, np.float64)).sum(axis=-1)


class ExactSum(NamedTuple):
    """An exact sum of queues: whole requests as a compensated sum of integers, and a rest in 1e-6 below one."""

    whole: Sum
    part: Array

    def add(self, base: Array, n: Array, whole: Array, part: Array) -> ExactSum:
        """Plus n times `base`, plus `whole` (int32, |whole| < 2^20) and `part` >= 0 in 1e-6; n < 256.

        In two halves, each an integer that a float32 holds exactly.
        """
        part = self.part + part
        carried = part // queue.UNIT
        low = n * (base & 0xFFFF) + whole + carried
        high = (n * (base >> 16)).astype(jnp.float32) * np.float32(2.0**16)
        total = add_to_sum(add_to_sum(self.whole, high), low.astype(jnp.float32))
        return ExactSum(total, part - carried * queue.UNIT)

    def total(self) -> Sum:
        return add_to_sum(self.whole, self.part.astype(jnp.float32) * np.float32(1.0 / queue.UNIT))


class Totals(NamedTuple):
    """Everything counted so far, on every lane (V and alpha times streams). Sums are compensated.

    What does not depend on V or alpha (exploration, errors) has one lane per stream, and broadcasts.
    """

    served: tuple[Array, ...]  # requests answered by each model
    explored: Array
    satisfied: queue.Fixed
    spent: Sum  # cost of exploration, the same on every lane
    exploited: Sum
    queue: ExactSum  # sum of Q_1..Q_t
    largest: queue.Fixed
    walk: queue.Fixed  # sum of alpha - s_i, not reflected
    met_from: Array
    exploration: Sum  # of p_i Q_i
    prediction: Sum  # of (1 - p_i) Q_i e_i
    error: Sum
    error_max: Array
    error_last: Array
    terms: identity_terms.Terms | None  # None: not asked for
    audit: path_audit.PathAudit | None  # None: not audited


class ChunkTotals(NamedTuple):
    """What changes with every request; counts start at zero in every chunk."""

    counts: tuple[Array, ...]  # four models to an int32
    units: Array  # satisfaction in 1e-6
    explored: Array
    spent: Sum
    exploited: Sum
    whole: Array  # sums of the queue's whole part since the chunk began, and of its part in 1e-6
    part: Array
    largest: Array  # the largest packed queue
    walk: Array  # in 1e-6, since the chunk began
    met_from: Array
    exploration: Sum
    prediction: Sum
    error: Sum
    error_max: Array
    terms: identity_terms.Terms | None


class ServedRequest(NamedTuple):
    """A request after it was served."""

    t: Array
    choice: Array
    units: Array
    explore: Array
    cost: Columns
    packed: Array  # Q_{t+1} as the loop packs it


class ArrivedRequest(NamedTuple):
    """A request when it arrives: Q_t, also since the chunk began and in 1e-6, p_t, e_t (None: zero or unknown).

    Its terms of the identities are known already then: what serves it depends on nothing that comes later.
    """

    Q: Array
    whole: Array
    part: Array
    p: Array
    error: Array | None
    terms: identity_terms.Terms | None


class Accumulator:
    """The standard meters of one policy: which are wanted, and what is known of prediction errors and of gamma*."""

    def __init__(
        self, parts: tuple[str, ...], columnar: Columnar, error: str, prices: identity_terms.Prices | None = None
    ) -> None:
        self.parts, self.columnar, self.error = parts, columnar, error  # error: "zero", "unknown" or "measured"
        self.audited, self.prices = "audit" in parts, prices

    def init(self, lanes: tuple[int, ...], streams: tuple[int, ...]) -> Totals:
        """Empty totals; `streams` is the shape of `lanes` with one V and alpha."""
        none, zero = jnp.zeros(lanes, jnp.int32), jnp.zeros(lanes, jnp.float32)
        total, number = Sum(zero, zero), queue.Fixed(none, none)
        own = jnp.zeros(streams, jnp.float32)
        audit = path_audit.PathAudit((none,) * len(path_audit.LEMMAS), none, zero, number, number)
        return Totals(
            served=(none,) * self.columnar.num_models, explored=own.astype(jnp.int32), satisfied=number,
            spent=Sum(own, own), exploited=total, queue=ExactSum(total, none), largest=number, walk=number,
            met_from=none + 1, exploration=total, prediction=total, error=Sum(own, own), error_max=own, error_last=own,
            terms=None if self.prices is None else identity_terms.Terms(*(total,) * len(identity_terms.Terms._fields)),
            audit=audit if self.audited else None,
        )  # fmt: skip

    def chunk_totals(self, totals: Totals) -> ChunkTotals:
        """Empty chunk totals, the running sums carried over."""
        none = jnp.zeros_like(totals.met_from)
        return ChunkTotals(
            counts=(none,) * -(-self.columnar.num_models // 4), units=none, explored=totals.explored,
            spent=totals.spent, exploited=totals.exploited, whole=none, part=none, largest=none + np.int32(-(2**31)),
            walk=none, met_from=totals.met_from, exploration=totals.exploration, prediction=totals.prediction,
            error=totals.error, error_max=totals.error_max, terms=totals.terms,
        )  # fmt: skip

    def record_arrival(self, chunk_totals: ChunkTotals, met: ArrivedRequest) -> ChunkTotals:
        """Request t arrives and finds Q_t."""
        new = chunk_totals
        if "queue" in self.parts:
            new = new._replace(whole=chunk_totals.whole + met.whole, part=chunk_totals.part + met.part)
        if "theory" in self.parts:
            new = new._replace(exploration=add_to_sum(chunk_totals.exploration, met.p * met.Q))
            if met.error is not None:
                largest = jnp.where(met.p < 1.0, jnp.maximum(chunk_totals.error_max, met.error), chunk_totals.error_max)
                new = new._replace(
                    prediction=add_to_sum(chunk_totals.prediction, (1.0 - met.p) * met.Q * met.error),
                    error=add_to_sum(chunk_totals.error, met.error),
                    error_max=largest,
                )
        if chunk_totals.terms is not None and met.terms is not None:
            new = new._replace(terms=identity_terms.add_terms(chunk_totals.terms, met.terms))
        return new

    def record_service(self, chunk_totals: ChunkTotals, done: ServedRequest, alpha: Array, level: Array) -> ChunkTotals:
        """Request t was served. Above `level` the chunk's walk means a satisfaction below alpha."""
        new = chunk_totals
        if "ledger" in self.parts:
            field = jnp.left_shift(1, (done.choice & 3) * FIELD)
            counts = (
                jnp.where(done.choice >> 2 == n, count + field, count) for n, count in enumerate(chunk_totals.counts)
            )
            new = new._replace(
                counts=(chunk_totals.counts[0] + field,) if len(chunk_totals.counts) == 1 else tuple(counts),
                units=chunk_totals.units + done.units,
                explored=chunk_totals.explored + done.explore.astype(jnp.int32),
            )
            if self.columnar.price is None:
                answer = done.cost[0]
                for m, cost in enumerate(done.cost[1:], start=1):
                    answer = jnp.where(done.choice == m, cost, answer)
                new = new._replace(
                    spent=add_to_sum(chunk_totals.spent, jnp.where(done.explore, sum(done.cost), 0.0)),
                    exploited=add_to_sum(chunk_totals.exploited, jnp.where(done.explore, 0.0, answer)),
                )
        if "queue" in self.parts:
            new = new._replace(largest=jnp.maximum(chunk_totals.largest, done.packed))
        if "sla" in self.parts:
            walk = chunk_totals.walk + alpha - done.units
            new = new._replace(walk=walk, met_from=jnp.where(walk > level, done.t + 1, chunk_totals.met_from))
        return new

    def level(self, totals: Totals) -> Array:
        """Minus the walk so far in 1e-6, int32: clipped where a chunk cannot reach it."""
        whole = jnp.clip(totals.walk.whole, -2000, 2000)
        return -(whole * queue.UNIT + totals.walk.part)

    def merge(
        self,
        totals: Totals,
        chunk_totals: ChunkTotals,
        base: Array,
        n: Array,
        largest: queue.Fixed,
        error_last: Array | None,
    ) -> Totals:
        """The totals after a chunk; `base`: the queue's whole part when it began; `largest`: its largest queue."""
        counts = (
            (chunk_totals.counts[m // 4] >> (m % 4 * FIELD)) & (2**FIELD - 1) for m in range(self.columnar.num_models)
        )
        return Totals(
            served=tuple(old + new for old, new in zip(totals.served, counts, strict=True)),
            explored=chunk_totals.explored,
            satisfied=queue.add(totals.satisfied, chunk_totals.units),
            spent=chunk_totals.spent,
            exploited=chunk_totals.exploited,
            queue=totals.queue.add(base, n, chunk_totals.whole, chunk_totals.part),
            largest=queue.maximum(totals.largest, largest),
            walk=queue.add(totals.walk, chunk_totals.walk),
            met_from=chunk_totals.met_from,
            exploration=chunk_totals.exploration,
            prediction=chunk_totals.prediction,
            error=chunk_totals.error,
            error_max=chunk_totals.error_max,
            error_last=totals.error_last if error_last is None else error_last,
            terms=chunk_totals.terms,
            audit=totals.audit,
        )

    def read(self, totals: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        """The metrics of the meters after request t, by their own functions: leaves [*lanes] and [*lanes, M]."""
        read = {"ledger": self._ledger, "queue": self._queue, "sla": self._sla, "theory": self._theory}
        read["audit"] = lambda totals, *rest: path_audit.path_read(totals.audit)
        read["terms"] = lambda totals, *rest: identity_terms.decomposition_read(totals.terms)
        full = jax.tree.map(lambda x: jnp.broadcast_to(x, last.whole.shape), (totals, t, last, p))
        named: dict[str, Any] = {}
        for part in self.parts:
            named |= read[part](*full)
        return named

    def _ledger(self, totals: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        served = jnp.stack(totals.served, axis=-1)
        is_last = jnp.arange(self.columnar.num_models) == self.columnar.num_models - 1
        exploited = served - jnp.where(is_last, totals.explored[..., None], 0)  # the last model answers when exploring
        calls = exploited + totals.explored[..., None]
        paid: Any = add_to_sum(add_to_sum(totals.exploited, totals.spent.high), totals.spent.low)
        answers: Any = totals.exploited
        if self.columnar.price is not None:
            price = jnp.broadcast_to(self.columnar.price, calls.shape)
            paid, answers = PricedCalls(calls, price), PricedCalls(exploited, price)
        return ledgers.ledger_read(ledgers.Ledger(t, paid, answers, totals.satisfied, totals.explored, calls, served))

    def _queue(self, totals: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        return standard_meters.queue_read(standard_meters.Queue(t, totals.queue.total(), last, totals.largest))

    def _sla(self, totals: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        return standard_meters.sla_read(standard_meters.Sla(totals.walk, totals.met_from))

    def _theory(self, totals: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        number = standard_meters.Theory(
            t, totals.prediction, totals.exploration, totals.error, totals.error_last, totals.error_max
        )
        if self.error == "unknown":
            lost = jnp.full_like(totals.error_last, jnp.nan)
            none = Sum(lost, lost)
            number = number._replace(
                prediction=none, error=none, error_last=lost, error_max=jnp.where(p < 1.0, lost, totals.error_max)
            )
        return standard_meters.theory_read(number)


def select(wanted: Array, new: ChunkTotals, old: ChunkTotals) -> ChunkTotals:
    """`new` where wanted, else `old`."""
    return jax.tree.map(lambda a, b: jnp.where(wanted, a, b), new, old)
