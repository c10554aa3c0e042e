"""The loop over a chunk: MESS+ decides, the queue moves. One int32 per stream and control is carried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax import queue
from messjax.fast import account as _account
from messjax.fast import trail as _trail
from messjax.fast.account import Account, Book, Met, Settled
from messjax.fast.beliefs import Beliefs, row
from messjax.fast.worlds import Columnar, Columns
from messjax.types import Array, PyTree

PART = 20  # bits of the queue's part in 1e-6
LONGEST = 64  # requests of a chunk: small enough for the cache, large enough to be worth a loop
CACHE = 2**17  # numbers of a chunk


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
    return max(8, min(LONGEST, cached, 2 ** (31 - PART - packing(world.num_models).bits) - 2))


class Lanes(NamedTuple):
    """Every V and alpha [G] times every stream [B], as one two-dimensional block of lanes.

    The longer axis goes last, where the processor's vectors lie: [G, B], or [B, G] for a replay of few orders.
    """

    V: Array  # [G]
    alpha: Array  # [G]
    num_streams: int

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


class Chunk(NamedTuple):
    """What a policy is served: requests [L, ...], coins, predictions and errors, all made beforehand."""

    t: Array  # [L]
    n: Array  # [], requests of it that are played
    requests: PyTree
    p: Array  # [L]
    predictions: PyTree | None  # None: the choice is known
    choice: Array | None  # [L, *lanes] of a policy that does not look
    error: Array | None  # [L, B], e_t


def play(
    chunk: Chunk, Q: queue.Fixed, book: Book, world: Columnar, beliefs: Beliefs | None, accounts: Account, lanes: Lanes
) -> tuple[queue.Fixed, Book]:
    """Serve the first n requests of a chunk: the queue after them, and the book."""
    form, looks = packing(world.num_models), beliefs is not None
    V, alpha, level = lanes.of_controls(lanes.V), queue.units(lanes.of_controls(lanes.alpha)), accounts.level(book)

    def at(i: Array, arrays: PyTree) -> PyTree:
        return lanes.of_streams(row(arrays, i))

    def value(packed: Array) -> Array:
        whole, part = form.queue(packed)
        return queue.Fixed(Q.whole + whole, part).to_float()

    def settle(i: Array, packed: Array, page: _account.Page) -> _account.Page:
        request, choice = at(i, chunk.requests), form.choice(packed)
        units, cost = world.units(request, choice), world.cost(request)
        done = Settled(chunk.t[i], choice, units, world.coin(request) & looks, cost, packed)
        return accounts.settle(page, done, alpha, level)

    def meet(i: Array, packed: Array, page: _account.Page) -> _account.Page:
        error = None if chunk.error is None else at(i, chunk.error)
        return accounts.meet(page, Met(value(packed), *form.queue(packed), chunk.p[i], error))

    def step(i: Array, carry: tuple) -> tuple:
        packed, page, trail = carry
        before, more = jnp.maximum(i - 1, 0), i < chunk.n
        trail = audit(i, packed, trail)
        page = _account.select(i > 0, settle(before, packed, page), page)
        page = _account.select(more, meet(i, packed, page), page)
        request = at(i, chunk.requests)
        if beliefs is None:
            choice = row(chunk.choice, i)
        else:
            choice = choose(world.cost(request), beliefs.relative(request, at(i, chunk.predictions)), value(packed), V)
            choice = jnp.where(world.coin(request), world.num_models - 1, choice)
        moved = move(*form.queue(packed), Q.whole, alpha - world.units(request, choice))
        return jnp.where(more, form.pack(*moved, choice), packed), page, trail

    trail, audit, audited = _auditor(chunk, Q, book, world, beliefs, lanes)
    carry = form.pack(jnp.zeros_like(Q.whole), Q.part, jnp.zeros_like(Q.whole)), accounts.page(book), trail
    packed, page, trail = jax.lax.fori_loop(0, chunk.n + 1, step, carry)  # the last round only settles
    last, largest = (
        queue.Fixed(Q.whole + whole, part) for whole, part in (form.queue(packed), form.queue(page.largest))
    )
    error_last = None if chunk.error is None else at(chunk.n - 1, chunk.error)
    return last, audited(accounts.close(book, page, Q.whole, chunk.n, largest, error_last), trail)


def _auditor(
    chunk: Chunk, Q: queue.Fixed, book: Book, world: Columnar, beliefs: Beliefs | None, lanes: Lanes
) -> tuple[PyTree, Callable[[Array, Array, PyTree], PyTree], Callable[[Book, PyTree], Book]]:
    """What an audit carries, how it follows the loop (the request before is audited), and how it ends in the book."""
    if book.audit is None:
        return (), lambda i, packed, trail: trail, lambda book, trail: book
    form, V, alpha = packing(world.num_models), lanes.of_controls(lanes.V), queue.units(lanes.of_controls(lanes.alpha))
    start, kept = _trail.gap(book.audit, Q), book.audit

    def score(request: PyTree, i: Array, choice: Array, whole: Array, part: Array) -> Array | None:
        if beliefs is None:
            return None
        relative = beliefs.relative(request, lanes.of_streams(row(chunk.predictions, i)))
        Q_t = queue.Fixed(Q.whole + whole, part).to_float()
        return _trail.score_excess(V, world.cost(request), relative, choice, world.coin(request), Q_t)

    def audit(i: Array, packed: Array, trail: _trail.Trail) -> _trail.Trail:
        last = jnp.maximum(i - 1, 0)
        request, choice = lanes.of_streams(row(chunk.requests, last)), form.choice(packed)
        (whole, part), (after, rest) = form.queue(trail.before), form.queue(packed)
        done = _trail.Move(
            whole=Q.whole + whole,
            part=part,
            jump=(after - whole) * queue.UNIT + rest - part,
            move=alpha - world.units(request, choice),
            since=after * queue.UNIT + rest - Q.part,
            excess=score(request, last, choice, whole, part),
        )
        return _trail.select(i > 0, _trail.follow(trail, last, done, alpha, *start), trail)._replace(before=packed)

    def close(book: Book, trail: _trail.Trail) -> Book:
        return book._replace(audit=_trail.close(kept, trail, chunk.t[0] - 1))

    return _trail.start(Q.whole), audit, close


def choose(cost: Columns, relative: Columns, Q: Array, V: Any) -> Array:
    """`policies.mess_plus.choose` in columns: [B] int32."""
    best, choice = jnp.zeros_like(Q), jnp.zeros(Q.shape, jnp.int32)
    for m, s_hat in enumerate(relative, start=1):
        score = V * (cost[m] - cost[0]) - Q * s_hat
        better = score < best
        best, choice = jnp.where(better, score, best), jnp.where(better, np.int32(m), choice)
    return choice


def move(whole: Array, part: Array, base: Array, step: Array) -> tuple[Array, Array]:
    """`queue.step` without a division: (whole, part) + step in 1e-6, |step| <= 1, not below zero (whole = -base)."""
    part = part + step
    under, over = part < 0, part >= queue.UNIT
    part = jnp.where(under, part + queue.UNIT, jnp.where(over, part - queue.UNIT, part))
    whole = whole + over.astype(jnp.int32) - under.astype(jnp.int32)
    empty = base + whole < 0
    return jnp.where(empty, -base, whole), jnp.where(empty, 0, part)
