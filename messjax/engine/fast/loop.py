"""The loop over a chunk: MESS+ decides, the queue moves. One int32 per stream and control is carried."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax.engine.fast import accumulators as accumulator
from messjax.engine.fast import audit as _trail
from messjax.engine.fast.accumulators import Accumulator, ArrivedRequest, ChunkTotals, ServedRequest, Totals
from messjax.engine.fast.predictions import MOST_ONE_BY_ONE, ChunkPredictor, row
from messjax.engine.fast.streams import Columnar, Columns
from messjax.meters import identity_terms
from messjax.numerics import virtual_queue
from messjax.policies.rare_update import set_row
from messjax.types import Array, PyTree

PART = 20  # bits of the queue's part in 1e-6
LONGEST_CHUNK = 64  # requests of a chunk: small enough for the cache, large enough to be worth a loop
CACHE = 2**17  # numbers of a chunk
SEVERAL_CONTROLS = 8  # requests recorded by one kernel on few lanes; a chunk is a multiple of it
FEW_LANES = 512  # lanes of a block
VECTOR = 16  # lanes that a processor serves at once


class Packing(NamedTuple):
    """A queue and the last choice in one int32: whole part since the chunk began, part in 1e-6, model.

    What the loop carries is one number: XLA on CPU recomputes a whole step for each array that a step puts out.
    """

    bits: int  # of the model

    def pack(self, whole: Array, part: Array, choice: Array) -> Array:
        return whole << (PART + self.bits) | part << self.bits | choice

    def queue(self, packed: Array) -> tuple[Array, Array]:
        return packed >> (PART + self.bits), packed >> self.bits & (2**PART - 1)

    def choice(self, packed: Array) -> Array:
        return packed & (2**self.bits - 1)


def packing(num_models: int) -> Packing:
    """Of a zoo of M models."""
    return Packing(max(1, (num_models - 1).bit_length()))


def chunk_length(columnar: Columnar, num_streams: int) -> int:
    """Requests per chunk: what stays in cache; the queue's whole part moves by one a request and must not overflow."""
    cached = CACHE // (columnar.size() * num_streams)
    longest = min(LONGEST_CHUNK, cached, 2 ** (31 - PART - packing(columnar.num_models).bits) - 2)
    return max(SEVERAL_CONTROLS, longest // SEVERAL_CONTROLS * SEVERAL_CONTROLS)


class Lanes(NamedTuple):
    """Every V and alpha [G] times every stream [B], as one two-dimensional block of lanes.

    The longer axis goes last, where the processor's vectors lie: [G, B], or [B, G] for a replay of few orders.
    """

    V: Array  # [G]
    alpha: Array  # [G]
    num_streams: int

    @property
    def few(self) -> bool:
        return self.num_streams <= MOST_ONE_BY_ONE and math.prod(self.shape) <= FEW_LANES

    @property
    def streams_last(self) -> bool:
        return self.num_streams >= self.V.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        sizes = self.V.shape[0], self.num_streams
        return sizes if self.streams_last else sizes[::-1]

    def of_streams(self, tree: PyTree) -> PyTree:
        """Arrays [..., B] so that they broadcast against the lanes."""
        return jax.tree.map(lambda x: jnp.expand_dims(x, -2 if self.streams_last else -1), tree)

    def of_controls(self, values: Array) -> Array:
        """Controls [G] so that they broadcast against the lanes."""
        return jnp.expand_dims(values, -1 if self.streams_last else -2)

    def as_lanes(self, table: Array) -> Array:
        """[B, G] in the order of the lanes."""
        return table.T if self.streams_last else table

    def streams_first(self, tree: PyTree) -> PyTree:
        """Arrays [*lanes, ...] as [B, G, ...]."""
        return jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), tree) if self.streams_last else tree


def padded(lanes: Lanes) -> Lanes:
    """With the last control repeated until the last axis of the lanes is whole vectors, where that axis is controls."""
    short = 0 if lanes.streams_last else -lanes.V.shape[0] % VECTOR
    V, alpha = (jnp.pad(values, (0, short), mode="edge") for values in (lanes.V, lanes.alpha))
    return Lanes(V, alpha, lanes.num_streams)


class Chunk(NamedTuple):
    """The requests [L, ...] of a chunk with exploration draws, predictions and errors, all made beforehand."""

    t: Array  # [L]
    n: Array  # [], requests of it that are served
    requests: PyTree
    p: Array  # [L]
    predictions: PyTree | None  # None: the choice is known
    choice: Array | None  # [L, *lanes] of a policy that uses no features
    error: Array | None  # [L, B], e_t


class Rule(NamedTuple):
    """What happens to one request on every lane, and what the loops over a chunk need to know for it."""

    form: Packing
    columnar: Columnar
    chunk_predictor: ChunkPredictor | None
    accumulator: Accumulator
    lanes: Lanes
    Q: virtual_queue.Fixed  # when the chunk began
    V: Array
    alpha: Array  # in 1e-6
    level: Array

    def at(self, chunk: Chunk, i: Array | int) -> Chunk:
        """Request i, its arrays without the first axis and so that they broadcast against the lanes."""
        t, p, choice = row((chunk.t, chunk.p, chunk.choice), i)
        own = row((chunk.requests, chunk.predictions, chunk.error), i)
        requests, predictions, error = self.lanes.of_streams(own)
        return Chunk(t, chunk.n, requests, p, predictions, choice, error)

    def value(self, packed: Array) -> Array:
        """The queue as a float."""
        whole, part = self.form.queue(packed)
        return virtual_queue.Fixed(self.Q.whole + whole, part).to_float()

    def decide(self, current: Chunk, packed: Array) -> Array:
        """Serve a request: the queue after it and the model, packed, from the queue before."""
        if self.chunk_predictor is None:
            assert current.choice is not None
            choice = current.choice
        else:
            relative = self.chunk_predictor.relative(current.requests, current.predictions)
            choice = choose(self.columnar.cost(current.requests), relative, self.value(packed), self.V)
            choice = jnp.where(self.columnar.explore_draw(current.requests), self.columnar.num_models - 1, choice)
        moved = move(*self.form.queue(packed), self.Q.whole, self.alpha - self.columnar.units(current.requests, choice))
        return self.form.pack(*moved, choice)

    def record_arrival(self, current: Chunk, packed: Array, chunk_totals: ChunkTotals) -> ChunkTotals:
        """Record the queue that a request arrives at."""
        terms = None if self.accumulator.prices is None else self.terms(current, packed, self.accumulator.prices)
        return self.accumulator.record_arrival(
            chunk_totals, ArrivedRequest(self.value(packed), *self.form.queue(packed), current.p, current.error, terms)
        )

    def terms(self, current: Chunk, packed: Array, prices: identity_terms.Prices) -> identity_terms.Terms:
        """The terms of the identities of a request, from the queue that it arrives at."""
        after = self.decide(current, packed)  # XLA finds that the loop decides the same
        (whole, part), (whole_after, part_after) = self.form.queue(packed), self.form.queue(after)
        choice, unknown = self.form.choice(after), [jnp.full((), jnp.nan)] * self.columnar.num_models
        service = identity_terms.Service(
            cost=self.columnar.cost(current.requests),
            mean=self.columnar.means(current.requests) or unknown,
            serve=choice,
            explored=self.columnar.explore_draw(current.requests) & (self.chunk_predictor is not None),
            Q=self.value(packed),
            move=self.alpha - self.columnar.units(current.requests, choice),
            jump=(whole_after - whole) * virtual_queue.UNIT + part_after - part,
        )
        gamma, alpha = jax.vmap(prices.at)(self.lanes.alpha), self.lanes.of_controls(self.lanes.alpha)
        return identity_terms.terms_of(service, self.V, alpha, self.lanes.of_controls(gamma))

    def record_service(self, current: Chunk, packed: Array, chunk_totals: ChunkTotals) -> ChunkTotals:
        """Record what became of a request, from the state that it left."""
        choice = self.form.choice(packed)
        units, cost = self.columnar.units(current.requests, choice), self.columnar.cost(current.requests)
        explore = self.columnar.explore_draw(current.requests) & (self.chunk_predictor is not None)
        return self.accumulator.record_service(
            chunk_totals, ServedRequest(current.t, choice, units, explore, cost, packed), self.alpha, self.level
        )


def run_chunk(
    chunk: Chunk,
    Q: virtual_queue.Fixed,
    totals: Totals,
    columnar: Columnar,
    chunk_predictor: ChunkPredictor | None,
    accumulator: Accumulator,
    lanes: Lanes,
) -> tuple[virtual_queue.Fixed, Totals]:
    """Serve the first n requests of a chunk: the queue after them, and the totals."""
    form, alpha = packing(columnar.num_models), virtual_queue.units(lanes.of_controls(lanes.alpha))
    rule = Rule(
        form,
        columnar,
        chunk_predictor,
        accumulator,
        lanes,
        Q,
        lanes.of_controls(lanes.V),
        alpha,
        accumulator.level(totals),
    )
    packed, chunk_totals = (
        form.pack(jnp.zeros_like(Q.whole), Q.part, jnp.zeros_like(Q.whole)),
        accumulator.chunk_totals(totals),
    )
    if lanes.few and totals.audit is None:
        packed, chunk_totals = _two_passes(rule, chunk, packed, chunk_totals)
        closed = lambda totals: totals  # noqa: E731
    else:
        packed, chunk_totals, closed = _one_pass(rule, chunk, packed, chunk_totals, totals)
    last, largest = (
        virtual_queue.Fixed(Q.whole + whole, part)
        for whole, part in (form.queue(packed), form.queue(chunk_totals.largest))
    )
    error_last = None if chunk.error is None else rule.at(chunk, chunk.n - 1).error
    return last, closed(accumulator.merge(totals, chunk_totals, Q.whole, chunk.n, largest, error_last))


def _one_pass(rule: Rule, chunk: Chunk, packed: Array, chunk_totals: ChunkTotals, totals: Totals) -> tuple:
    """One loop that decides and records one request later: many lanes are worth its dozen kernels."""

    def step(i: Array, carry: tuple) -> tuple:
        packed, chunk_totals, audit_state = carry
        before, more = rule.at(chunk, jnp.maximum(i - 1, 0)), i < chunk.n
        audit_state = audit(i, packed, audit_state)
        chunk_totals = accumulator.select(i > 0, rule.record_service(before, packed, chunk_totals), chunk_totals)
        current = rule.at(chunk, i)
        chunk_totals = accumulator.select(more, rule.record_arrival(current, packed, chunk_totals), chunk_totals)
        return jnp.where(more, rule.decide(current, packed), packed), chunk_totals, audit_state

    audit_state, audit, audited = _auditor(chunk, rule.Q, totals, rule.columnar, rule.chunk_predictor, rule.lanes)
    # The last round only records.
    packed, chunk_totals, audit_state = jax.lax.fori_loop(0, chunk.n + 1, step, (packed, chunk_totals, audit_state))
    return packed, chunk_totals, lambda totals: audited(totals, audit_state)


def _two_passes(rule: Rule, chunk: Chunk, packed: Array, chunk_totals: ChunkTotals) -> tuple[Array, ChunkTotals]:
    """SEVERAL_CONTROLS requests at a time: first decide, one small kernel a request; then record all of them.

    On few lanes a kernel costs more to start than to run. The states in between are an array of their own: a kernel
    that picks its lanes out of a longer one at an offset is not vectorised.
    """
    empty = jnp.zeros((SEVERAL_CONTROLS, *packed.shape), packed.dtype)

    def block(k: Array, carry: tuple) -> tuple:
        packed, chunk_totals = carry
        first = k * SEVERAL_CONTROLS
        batch = jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, first, SEVERAL_CONTROLS) if x.ndim else x, chunk)

        def decide(i: Array, carry: tuple) -> tuple:
            packed, path = carry
            # What the loop carries is stored, not what it makes: that would be made twice.
            return rule.decide(rule.at(chunk, first + i), packed), set_row(path, packed, i)

        last, path = jax.lax.fori_loop(0, jnp.minimum(SEVERAL_CONTROLS, chunk.n - first), decide, (packed, empty))
        states = [*(path[i] for i in range(SEVERAL_CONTROLS)), last]
        for i in range(SEVERAL_CONTROLS):
            current = rule.at(batch, i)
            after = jnp.where(first + i == chunk.n - 1, last, states[i + 1])
            new = rule.record_service(current, after, rule.record_arrival(current, states[i], chunk_totals))
            chunk_totals = accumulator.select(first + i < chunk.n, new, chunk_totals)
        return last, chunk_totals

    return jax.lax.fori_loop(0, -(-chunk.n // SEVERAL_CONTROLS), block, (packed, chunk_totals))


def _auditor(
    chunk: Chunk,
    Q: virtual_queue.Fixed,
    totals: Totals,
    columnar: Columnar,
    chunk_predictor: ChunkPredictor | None,
    lanes: Lanes,
) -> tuple[PyTree, Callable[[Array, Array, PyTree], PyTree], Callable[[Totals, PyTree], Totals]]:
    """What an audit carries, how it follows the loop (one request behind), and how it is merged into the totals."""
    if totals.audit is None:
        return (), lambda i, packed, audit_state: audit_state, lambda totals, audit_state: totals
    form, V, alpha = (
        packing(columnar.num_models),
        lanes.of_controls(lanes.V),
        virtual_queue.units(lanes.of_controls(lanes.alpha)),
    )
    start, kept = _trail.cost_gap_term(totals.audit, Q), totals.audit

    def score(request: PyTree, i: Array, choice: Array, whole: Array, part: Array) -> Array | None:
        if chunk_predictor is None:
            return None
        relative = chunk_predictor.relative(request, lanes.of_streams(row(chunk.predictions, i)))
        Q_t = virtual_queue.Fixed(Q.whole + whole, part).to_float()
        return _trail.score_excess(V, columnar.cost(request), relative, choice, columnar.explore_draw(request), Q_t)

    def audit(i: Array, packed: Array, audit_state: _trail.AuditState) -> _trail.AuditState:
        last = jnp.maximum(i - 1, 0)
        request, choice = lanes.of_streams(row(chunk.requests, last)), form.choice(packed)
        (whole, part), (after, rest) = form.queue(audit_state.before), form.queue(packed)
        done = _trail.QueueStep(
            whole=Q.whole + whole,
            part=part,
            jump=(after - whole) * virtual_queue.UNIT + rest - part,
            move=alpha - columnar.units(request, choice),
            since=after * virtual_queue.UNIT + rest - Q.part,
            excess=score(request, last, choice, whole, part),
        )
        return _trail.select(i > 0, _trail.audit_step(audit_state, last, done, alpha, *start), audit_state)._replace(
            before=packed
        )

    def merge(totals: Totals, audit_state: _trail.AuditState) -> Totals:
        return totals._replace(audit=_trail.merge(kept, audit_state, chunk.t[0] - 1))

    return _trail.start(Q.whole), audit, merge


def choose(cost: Columns, relative: Columns, Q: Array, V: Any) -> Array:
    """`policies.algorithm.choose` in columns: [B] int32."""
    best, choice = jnp.zeros_like(Q), jnp.zeros(Q.shape, jnp.int32)
    for m, s_hat in enumerate(relative, start=1):
        score = V * (cost[m] - cost[0]) - Q * s_hat
        better = score < best
        best, choice = jnp.where(better, score, best), jnp.where(better, np.int32(m), choice)
    return choice


def move(whole: Array, part: Array, base: Array, step: Array) -> tuple[Array, Array]:
    """`virtual_queue.step` without a division: (whole, part) + step in 1e-6, |step| <= 1, >= 0 (whole = -base)."""
    part = part + step
    under, over = part < 0, part >= virtual_queue.UNIT
    part = jnp.where(under, part + virtual_queue.UNIT, jnp.where(over, part - virtual_queue.UNIT, part))
    whole = whole + over.astype(jnp.int32) - under.astype(jnp.int32)
    empty = base + whole < 0
    return jnp.where(empty, -base, whole), jnp.where(empty, 0, part)
