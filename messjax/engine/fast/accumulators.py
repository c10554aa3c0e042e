"""The standard meters over a chunk: the sums of `messjax.meters.standard_meters`, in integers where they can be.

`Page` is what the loop over a chunk carries, each number its own small pass over the streams; `Book` is what is kept
from chunk to chunk, and is read by the meters' own functions. A request is settled when the next one arrives: what it
cost and earned is derived from the state it left (one boundary later, so nothing is computed twice).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax.engine.fast.streams import Columnar, Columns
from messjax.meters import path_audit, standard_meters
from messjax.numerics import virtual_queue as queue
from messjax.numerics.compensated import Sum
from messjax.numerics.compensated import add as add_to_sum
from messjax.types import Array, Meter, same_structure

PARTS = {
    "ledger": standard_meters.ledger,
    "queue": standard_meters.virtual_queue,
    "sla": standard_meters.sla,
    "theory": standard_meters.theory,
    "audit": path_audit.path_audit_meter,
}
FIELD = 8  # bits of a packed count: a chunk has fewer than 256 requests


def meter_parts(meter: Meter) -> tuple[str, ...] | None:
    """Which of the standard meters a meter consists of, in order; None when there is any other in it."""
    known = {name: make() for name, make in PARTS.items()}
    parts = standard_meters.parts_of(meter)
    names = tuple(next((name for name, one in known.items() if same_structure(part, one)), "") for part in parts)
    return names if all(names) else None


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
    audit: path_audit.PathAudit | None  # None: not audited


class ChunkTotals(NamedTuple):
    """The part of the book that changes with every request; counts start at zero in every chunk."""

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


class ServedRequest(NamedTuple):
    """A request after it was served."""

    t: Array
    choice: Array
    units: Array
    explore: Array
    cost: Columns
    packed: Array  # Q_{t+1} as the loop packs it


class ArrivedRequest(NamedTuple):
    """A request when it arrives: Q_t, also since the chunk began and in 1e-6, p_t, e_t (None: zero or unknown)."""

    Q: Array
    whole: Array
    part: Array
    p: Array
    error: Array | None


class Accumulator:
    """The four standard meters of one policy in a world: which are wanted, and what there is to know."""

    def __init__(self, parts: tuple[str, ...], world: Columnar, error: str) -> None:
        self.parts, self.world, self.error = parts, world, error  # error: "zero", "unknown" or "measured"
        self.audited = "audit" in parts

    def open(self, lanes: tuple[int, ...], streams: tuple[int, ...]) -> Totals:
        """An empty book; `streams` is the shape of `lanes` with one V and alpha."""
        none, zero = jnp.zeros(lanes, jnp.int32), jnp.zeros(lanes, jnp.float32)
        total, number = Sum(zero, zero), queue.Fixed(none, none)
        own = jnp.zeros(streams, jnp.float32)
        audit = path_audit.PathAudit((none,) * len(path_audit.LAWS), none, zero, number, number)
        return Totals(
            served=(none,) * self.world.num_models, explored=own.astype(jnp.int32), satisfied=number,
            spent=Sum(own, own), exploited=total, queue=ExactSum(total, none), largest=number, walk=number,
            met_from=none + 1, exploration=total, prediction=total, error=Sum(own, own), error_max=own, error_last=own,
            audit=audit if self.audited else None,
        )  # fmt: skip

    def page(self, book: Totals) -> ChunkTotals:
        """A new page, the running sums carried over."""
        none = jnp.zeros_like(book.met_from)
        return ChunkTotals(
            counts=(none,) * -(-self.world.num_models // 4), units=none, explored=book.explored, spent=book.spent,
            exploited=book.exploited, whole=none, part=none, largest=none + np.int32(-(2**31)), walk=none,
            met_from=book.met_from, exploration=book.exploration, prediction=book.prediction, error=book.error,
            error_max=book.error_max,
        )  # fmt: skip

    def meet(self, page: ChunkTotals, met: ArrivedRequest) -> ChunkTotals:
        """Request t arrives and finds Q_t."""
        new = page
        if "queue" in self.parts:
            new = new._replace(whole=page.whole + met.whole, part=page.part + met.part)
        if "theory" in self.parts:
            new = new._replace(exploration=add_to_sum(page.exploration, met.p * met.Q))
            if met.error is not None:
                largest = jnp.where(met.p < 1.0, jnp.maximum(page.error_max, met.error), page.error_max)
                new = new._replace(
                    prediction=add_to_sum(page.prediction, (1.0 - met.p) * met.Q * met.error),
                    error=add_to_sum(page.error, met.error),
                    error_max=largest,
                )
        return new

    def settle(self, page: ChunkTotals, done: ServedRequest, alpha: Array, level: Array) -> ChunkTotals:
        """Request t was served. Above `level` the chunk's walk means a satisfaction below alpha."""
        new = page
        if "ledger" in self.parts:
            field = jnp.left_shift(1, (done.choice & 3) * FIELD)
            counts = (jnp.where(done.choice >> 2 == n, count + field, count) for n, count in enumerate(page.counts))
            new = new._replace(
                counts=(page.counts[0] + field,) if len(page.counts) == 1 else tuple(counts),
                units=page.units + done.units,
                explored=page.explored + done.explore.astype(jnp.int32),
            )
            if self.world.price is None:
                answer = done.cost[0]
                for m, cost in enumerate(done.cost[1:], start=1):
                    answer = jnp.where(done.choice == m, cost, answer)
                new = new._replace(
                    spent=add_to_sum(page.spent, jnp.where(done.explore, sum(done.cost), 0.0)),
                    exploited=add_to_sum(page.exploited, jnp.where(done.explore, 0.0, answer)),
                )
        if "queue" in self.parts:
            new = new._replace(largest=jnp.maximum(page.largest, done.packed))
        if "sla" in self.parts:
            walk = page.walk + alpha - done.units
            new = new._replace(walk=walk, met_from=jnp.where(walk > level, done.t + 1, page.met_from))
        return new

    def level(self, book: Totals) -> Array:
        """Minus the walk so far in 1e-6, int32: clipped where a chunk cannot reach it."""
        whole = jnp.clip(book.walk.whole, -2000, 2000)
        return -(whole * queue.UNIT + book.walk.part)

    def close(
        self, book: Totals, page: ChunkTotals, base: Array, n: Array, largest: queue.Fixed, error_last: Array | None
    ) -> Totals:
        """The book after a page; `base`: the queue's whole part when it began; `largest`: its largest queue."""
        counts = ((page.counts[m // 4] >> (m % 4 * FIELD)) & (2**FIELD - 1) for m in range(self.world.num_models))
        return Totals(
            served=tuple(old + new for old, new in zip(book.served, counts, strict=True)),
            explored=page.explored,
            satisfied=queue.add(book.satisfied, page.units),
            spent=page.spent,
            exploited=page.exploited,
            queue=book.queue.add(base, n, page.whole, page.part),
            largest=queue.maximum(book.largest, largest),
            walk=queue.add(book.walk, page.walk),
            met_from=page.met_from,
            exploration=page.exploration,
            prediction=page.prediction,
            error=page.error,
            error_max=page.error_max,
            error_last=book.error_last if error_last is None else error_last,
            audit=book.audit,
        )

    def read(self, book: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        """The readings of the meters after request t, by their own functions: leaves [*lanes] and [*lanes, M]."""
        read = {"ledger": self._ledger, "queue": self._queue, "sla": self._sla, "theory": self._theory}
        read["audit"] = lambda book, *rest: path_audit.path_read(book.audit)
        full = jax.tree.map(lambda x: jnp.broadcast_to(x, last.whole.shape), (book, t, last, p))
        named: dict[str, Any] = {}
        for part in self.parts:
            named |= read[part](*full)
        return named

    def _ledger(self, book: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        served = jnp.stack(book.served, axis=-1)
        is_last = jnp.arange(self.world.num_models) == self.world.num_models - 1
        exploited = served - jnp.where(is_last, book.explored[..., None], 0)  # the last model answers when exploring
        calls = exploited + book.explored[..., None]
        paid: Any = add_to_sum(add_to_sum(book.exploited, book.spent.high), book.spent.low)
        answers: Any = book.exploited
        if self.world.price is not None:
            price = jnp.broadcast_to(self.world.price, calls.shape)
            paid, answers = PricedCalls(calls, price), PricedCalls(exploited, price)
        return standard_meters.ledger_read(
            standard_meters.Ledger(t, paid, answers, book.satisfied, book.explored, calls, served)
        )

    def _queue(self, book: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        return standard_meters.queue_read(standard_meters.Queue(t, book.queue.total(), last, book.largest))

    def _sla(self, book: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        return standard_meters.sla_read(standard_meters.Sla(book.walk, book.met_from))

    def _theory(self, book: Totals, t: Array, last: queue.Fixed, p: Array) -> dict[str, Any]:
        number = standard_meters.Theory(
            t, book.prediction, book.exploration, book.error, book.error_last, book.error_max
        )
        if self.error == "unknown":
            lost = jnp.full_like(book.error_last, jnp.nan)
            none = Sum(lost, lost)
            number = number._replace(
                prediction=none, error=none, error_last=lost, error_max=jnp.where(p < 1.0, lost, book.error_max)
            )
        return standard_meters.theory_read(number)


def select(wanted: Array, new: ChunkTotals, old: ChunkTotals) -> ChunkTotals:
    """`new` where wanted, else `old`."""
    return jax.tree.map(lambda a, b: jnp.where(wanted, a, b), new, old)
