"""The loop over a chunk: MESS+ decides, the queue moves. One int32 per stream and control is carried."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax.engine.fast import accumulators as _account
from messjax.engine.fast import audit as _trail
from messjax.engine.fast.accumulators import Accumulator, ArrivedRequest, ChunkTotals, ServedRequest, Totals
from messjax.engine.fast.predictions import MOST_ONE_BY_ONE, ChunkPredictor, row
from messjax.engine.fast.streams import Columnar, Columns
from messjax.numerics import virtual_queue
from messjax.policies.rare_update import set_row
from messjax.types import Array, PyTree

PART = 20  # bits of the queue's part in 1e-6
LONGEST_CHUNK = 64  # requests of a chunk: small enough for the cache, large enough to be worth a loop
CACHE = 2**17  # numbers of a chunk
SEVERAL_CONTROLS = 8  # requests booked by one kernel on few lanes; a chunk is a multiple of it
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


def chunk_length(world: Columnar, num_streams: int) -> int:
    """Requests per chunk: what stays in cache; the queue's whole part moves by one a request and must not overflow."""
    cached = CACHE // (world.size() * num_streams)
    longest = min(LONGEST_CHUNK, cached, 2 ** (31 - PART - packing(world.num_models).bits) - 2)
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
    """What a policy is served: requests [L, ...], coins, predictions and errors, all made beforehand."""

    t: Array  # [L]
    n: Array  # [], requests of it that are played
    requests: PyTree
    p: Array  # [L]
    predictions: PyTree | None  # None: the choice is known
    choice: Array | None  # [L, *lanes] of a policy that does not look
    error: Array | None  # [L, B], e_t


class Rule(NamedTuple):
    """What happens to one request on every lane, and what the loops over a chunk need to know for it."""

    form: Packing
    world: Columnar
    beliefs: ChunkPredictor | None
    accounts: Accumulator
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
        if self.beliefs is None:
            assert current.choice is not None
            choice = current.choice
        else:
            relative = self.beliefs.relative(current.requests, current.predictions)
            choice = choose(self.world.cost(current.requests), relative, self.value(packed), self.V)
            choice = jnp.where(self.world.coin(current.requests), self.world.num_models - 1, choice)
        moved = move(*self.form.queue(packed), self.Q.whole, self.alpha - self.world.units(current.requests, choice))
        return self.form.pack(*moved, choice)

    def meet(self, current: Chunk, packed: Array, page: ChunkTotals) -> ChunkTotals:
        """Book the queue that a request finds."""
        return self.accounts.meet(
            page, ArrivedRequest(self.value(packed), *self.form.queue(packed), current.p, current.error)
        )

    def settle(self, current: Chunk, packed: Array, page: ChunkTotals) -> ChunkTotals:
        """Book what became of a request, from the state that it left."""
        choice = self.form.choice(packed)
        units, cost = self.world.units(current.requests, choice), self.world.cost(current.requests)
        explore = self.world.coin(current.requests) & (self.beliefs is not None)
        return self.accounts.settle(
            page, ServedRequest(current.t, choice, units, explore, cost, packed), self.alpha, self.level
        )


def run_chunk(
    chunk: Chunk,
    Q: virtual_queue.Fixed,
    book: Totals,
    world: Columnar,
    beliefs: ChunkPredictor | None,
    accounts: Accumulator,
    lanes: Lanes,
) -> tuple[virtual_queue.Fixed, Totals]:
    """Serve the first n requests of a chunk: the queue after them, and the book."""
    form, alpha = packing(world.num_models), virtual_queue.units(lanes.of_controls(lanes.alpha))
    rule = Rule(form, world, beliefs, accounts, lanes, Q, lanes.of_controls(lanes.V), alpha, accounts.level(book))
    packed, page = form.pack(jnp.zeros_like(Q.whole), Q.part, jnp.zeros_like(Q.whole)), accounts.page(book)
    if lanes.few and book.audit is None:
        packed, page = _two_passes(rule, chunk, packed, page)
        closed = lambda book: book  # noqa: E731
    else:
        packed, page, closed = _one_pass(rule, chunk, packed, page, book)
    last, largest = (
        virtual_queue.Fixed(Q.whole + whole, part) for whole, part in (form.queue(packed), form.queue(page.largest))
    )
    error_last = None if chunk.error is None else rule.at(chunk, chunk.n - 1).error
    return last, closed(accounts.close(book, page, Q.whole, chunk.n, largest, error_last))


def _one_pass(rule: Rule, chunk: Chunk, packed: Array, page: ChunkTotals, book: Totals) -> tuple:
    """One loop that decides and keeps the books one request later: many lanes are worth its dozen kernels."""

    def step(i: Array, carry: tuple) -> tuple:
        packed, page, trail = carry
        before, more = rule.at(chunk, jnp.maximum(i - 1, 0)), i < chunk.n
        trail = audit(i, packed, trail)
        page = _account.select(i > 0, rule.settle(before, packed, page), page)
        current = rule.at(chunk, i)
        page = _account.select(more, rule.meet(current, packed, page), page)
        return jnp.where(more, rule.decide(current, packed), packed), page, trail

    trail, audit, audited = _auditor(chunk, rule.Q, book, rule.world, rule.beliefs, rule.lanes)
    # The last round only settles.
    packed, page, trail = jax.lax.fori_loop(0, chunk.n + 1, step, (packed, page, trail))
    return packed, page, lambda book: audited(book, trail)


def _two_passes(rule: Rule, chunk: Chunk, packed: Array, page: ChunkTotals) -> tuple[Array, ChunkTotals]:
    """SEVERAL requests at a time: first decide, one small kernel a request; then keep the books of all of them.

    On few lanes a kernel costs more to start than to run. The states in between are an array of their own: a kernel
    that picks its lanes out of a longer one at an offset is not vectorised.
    """
    empty = jnp.zeros((SEVERAL_CONTROLS, *packed.shape), packed.dtype)

    def block(k: Array, carry: tuple) -> tuple:
        packed, page = carry
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
            new = rule.settle(current, after, rule.meet(current, states[i], page))
            page = _account.select(first + i < chunk.n, new, page)
        return last, page

    return jax.lax.fori_loop(0, -(-chunk.n // SEVERAL_CONTROLS), block, (packed, page))


def _auditor(
    chunk: Chunk, Q: virtual_queue.Fixed, book: Totals, world: Columnar, beliefs: ChunkPredictor | None, lanes: Lanes
) -> tuple[PyTree, Callable[[Array, Array, PyTree], PyTree], Callable[[Totals, PyTree], Totals]]:
    """What an audit carries, how it follows the loop (the request before is audited), and how it ends in the book."""
    if book.audit is None:
        return (), lambda i, packed, trail: trail, lambda book, trail: book
    form, V, alpha = (
        packing(world.num_models),
        lanes.of_controls(lanes.V),
        virtual_queue.units(lanes.of_controls(lanes.alpha)),
    )
    start, kept = _trail.cost_gap_term(book.audit, Q), book.audit

    def score(request: PyTree, i: Array, choice: Array, whole: Array, part: Array) -> Array | None:
        if beliefs is None:
            return None
        relative = beliefs.relative(request, lanes.of_streams(row(chunk.predictions, i)))
        Q_t = virtual_queue.Fixed(Q.whole + whole, part).to_float()
        return _trail.score_excess(V, world.cost(request), relative, choice, world.coin(request), Q_t)

    def audit(i: Array, packed: Array, trail: _trail.AuditState) -> _trail.AuditState:
        last = jnp.maximum(i - 1, 0)
        request, choice = lanes.of_streams(row(chunk.requests, last)), form.choice(packed)
        (whole, part), (after, rest) = form.queue(trail.before), form.queue(packed)
        done = _trail.QueueStep(
            whole=Q.whole + whole,
            part=part,
            jump=(after - whole) * virtual_queue.UNIT + rest - part,
            move=alpha - world.units(request, choice),
            since=after * virtual_queue.UNIT + rest - Q.part,
            excess=score(request, last, choice, whole, part),
        )
        return _trail.select(i > 0, _trail.audit_step(trail, last, done, alpha, *start), trail)._replace(before=packed)

    def close(book: Totals, trail: _trail.AuditState) -> Totals:
        return book._replace(audit=_trail.close(kept, trail, chunk.t[0] - 1))

    return _trail.start(Q.whole), audit, close


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
