"""Streams in columns: what a chunk of L requests is for B streams, one array [L, B] per quantity and streams last.

Each class restates one stream of `messjax.streams` from the same words of the same keys
(`messjax.numerics.counter_prng`). `chunk` draws L requests at once into arrays that stay in cache;
a `row` is one request of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast

import jax
import jax.numpy as jnp
import numpy as np

from messjax.components import spec_of
from messjax.numerics import counter_prng, virtual_queue
from messjax.streams.continuous_features import LogisticSpec
from messjax.streams.continuous_features import draw as draw_logistic
from messjax.streams.labels import comonotone
from messjax.streams.recorded import ReplaySpec
from messjax.streams.recorded import draw as draw_replay
from messjax.streams.request_types import TypesSpec, request_type
from messjax.streams.request_types import draw as draw_types
from messjax.types import Array, PyTree, Stream

Words = tuple[Array, Array]  # the two words of the streams' keys, uint32 [B] each
ExplorationDraw = Callable[[], Array]  # whether to explore the requests t of a chunk: bool [L, B]
Columns = list[Array]  # one array [B] (or a scalar) per model
MOST_UNROLLED = 64  # features written out one by one; beyond that a matrix product


class Columnar(Protocol):
    """What the fast path asks of a stream. `price` [M] where every request costs the same, else None."""

    num_models: int
    num_features: int
    price: Array | None

    def chunk(self, key: Words, state: PyTree, t: Array, explore_draw: ExplorationDraw) -> PyTree:
        """Requests t [L] with their exploration draws, arrays [L, ..., B]; leaves of `state` are [B, ...]."""

    def explore_draw(self, row: PyTree) -> Array:
        """Whether the request is to be explored, bool [B]."""

    def units(self, row: PyTree, choice: Array) -> Array:
        """The chosen model's satisfaction in units of 1e-6, int32 [B]."""

    def labels(self, row: PyTree) -> Array:
        """Every model's satisfaction, float32 [M, B]."""

    def means(self, row: PyTree) -> Columns | None:
        """Every model's mean mu_m(x); None where the distribution is unknown."""

    def relative(self, row: PyTree) -> Columns:
        """mu_m(x) - mu_0(x) of the models from 1 on."""

    def cost(self, row: PyTree) -> Columns:
        """Every model's cost."""

    def features(self, row: PyTree) -> Array:
        """[B, d]."""

    def size(self) -> int:
        """Numbers of a request and stream in a chunk."""


def take(table: Array, index: Array) -> Array:
    """table[index] of an index known to be in range."""
    return table.at[index].get(mode="promise_in_bounds")


class _Bits:
    """Zero-one labels, kept as one bit per model in the low bits of an int32."""

    num_models: int
    comonotone: bool

    def bits(self, row: Any) -> Array:
        raise NotImplementedError

    def units(self, row: Any, choice: Array) -> Array:
        return ((self.bits(row) >> choice) & 1) * virtual_queue.UNIT

    def labels(self, row: Any) -> Array:
        return ((self.bits(row) >> np.arange(self.num_models, dtype=np.int32)[:, None]) & 1).astype(jnp.float32)

    def pack(self, uniforms: Columns, means: Columns) -> Array:
        bits = jnp.zeros(uniforms[0].shape, jnp.int32)
        for m, mu in enumerate(means):
            bits |= (uniforms[0 if self.comonotone else m] < mu).astype(jnp.int32) << m
        return bits

    def uniforms(self, key: Words, t: Array, first: int) -> Columns:
        """The labels' uniforms [L, B] of requests t [L, 1], from word `first` on."""
        count = 1 if self.comonotone else self.num_models
        blocks = {j: counter_prng.block(key, t, j) for j in range(first // 2, (first + count + 1) // 2)}
        return [counter_prng.uniform(blocks[j // 2][j % 2]) for j in range(first, first + count)]


class Types(_Bits):
    """`streams.types`: a row is one int32 [B], from above the type, labels and exploration draw.

    One array on purpose: draw and request are then two independent ciphers in one pass, which a processor interleaves.
    """

    def __init__(self, spec: TypesSpec) -> None:
        self.alias, self.table, self.mean = spec.alias, spec.cost, spec.mean
        self.comonotone = spec.label.func is comonotone
        self.num_features, self.num_models = self.mean.shape
        self.price = self.table if self.table.ndim == 1 else None

    def chunk(self, key: Words, state: PyTree, t: Array, explore_draw: ExplorationDraw) -> Array:
        first = counter_prng.uniform(counter_prng.block(key, t[:, None], 0)[0])
        kind = request_type(first, self.alias, self.num_features)
        labels = self.pack(
            self.uniforms(key, t[:, None], 1), [take(self.mean[:, m], kind) for m in range(self.num_models)]
        )
        return kind << (self.num_models + 1) | labels << 1 | explore_draw().astype(jnp.int32)

    def explore_draw(self, row: Array) -> Array:
        return (row & 1) == 1

    def bits(self, row: Array) -> Array:
        return row >> 1

    def _look_up(self, table: Array, row: Array) -> Columns:
        kind = row >> (self.num_models + 1)
        return [take(table[:, m], kind) for m in range(table.shape[1])]

    def means(self, row: Array) -> Columns:
        return self._look_up(self.mean, row)

    def relative(self, row: Array) -> Columns:
        return self._look_up(self.mean[:, 1:] - self.mean[:, :1], row)

    def cost(self, row: Array) -> Columns:
        return list(self.table) if self.price is not None else self._look_up(self.table, row)

    def features(self, row: Array) -> Array:
        return jax.nn.one_hot(row >> (self.num_models + 1), self.num_features, dtype=jnp.float32)

    def size(self) -> int:
        return 2


def stored(n: Array, make: Callable[[], PyTree]) -> PyTree:
    """make(), computed once and kept: XLA does not fuse across a branch, and so does not compute it again per reader.

    `n` is any traced positive number.
    """
    shapes = jax.eval_shape(make)
    return jax.lax.cond(n > 0, make, lambda: jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes))


def columns(n: Array, table: Array, of: Callable[[Array], Array] = lambda x: x) -> tuple[Array, ...]:
    """of(table [L, M, B]) as M arrays [L, B], stored: a loop that picks models out of one array is not vectorised."""
    return stored(n, lambda: tuple(of(table[:, m]) for m in range(table.shape[1])))


class LogisticRow(NamedTuple):
    """Of one request, or of a chunk with a leading axis [L]."""

    x: Array  # [d + 1, B], the last one constant one, for biases
    norm: Array  # [B], |x|^2 with that one
    mean: tuple[Array, ...]  # M of [B]
    bits: Array  # int32 [B]
    explore: Array  # bool [B]


class Logistic(_Bits):
    """`streams.logistic`. Box and Muller's pair of normals is one complex number: made once, taken apart after."""

    def __init__(self, spec: LogisticSpec) -> None:
        self.weights, self.bias, self.price = spec.weights, spec.bias, spec.cost
        self.comonotone = spec.label.func is comonotone
        self.num_models, self.num_features = self.weights.shape

    def chunk(self, key: Words, state: PyTree, t: Array, explore_draw: ExplorationDraw) -> LogisticRow:
        num_pairs = (self.num_features + 1) // 2
        pairs = stored(t[0], lambda: self._pairs(key, t, num_pairs))
        x = stored(t[0], lambda: self._split(pairs))
        weights = jnp.concatenate([self.weights, self.bias[:, None]], axis=1)
        mean = columns(t[0], stored(t[0], lambda: dot(weights[..., None], x)), jax.nn.sigmoid)
        bits = self.pack(self.uniforms(key, t[:, None], 2 * num_pairs), list(mean))
        norm = sum(x[:, j] ** 2 for j in range(x.shape[1]))
        return LogisticRow(x, norm, mean, bits, stored(t[0], explore_draw))

    def _pairs(self, key: Words, t: Array, num_pairs: int) -> Array:
        blocks = counter_prng.block(key, t[:, None, None], jnp.arange(num_pairs, dtype=jnp.uint32)[:, None])
        return jax.lax.complex(*counter_prng.normals(*blocks))

    def _split(self, pairs: Array) -> Array:
        one = jnp.ones_like(pairs[:, :1], jnp.float32)
        cosines, sines = jnp.real(pairs), jnp.imag(pairs)[:, : self.num_features // 2]
        return jnp.concatenate([cosines, sines, one], axis=1)

    def explore_draw(self, row: LogisticRow) -> Array:
        return row.explore

    def bits(self, row: LogisticRow) -> Array:
        return row.bits

    def means(self, row: LogisticRow) -> Columns:
        return list(row.mean)

    def relative(self, row: LogisticRow) -> Columns:
        return [mean - row.mean[0] for mean in row.mean[1:]]

    def cost(self, row: LogisticRow) -> Columns:
        return list(self.price)

    def features(self, row: LogisticRow) -> Array:
        return row.x[:-1].T

    def size(self) -> int:
        return 2 * self.num_features + 2 * self.num_models


def dot(weights: Array, x: Array) -> Array:
    """Sum over j of weights [..., M, j, B or 1] times x [..., j, B]: [..., M, B], the sum written out in one pass."""
    total = weights[..., 0, :] * x[..., None, 0, :]
    for j in range(1, x.shape[-2]):
        total = total + weights[..., j, :] * x[..., None, j, :]
    return total


class ReplayRow(NamedTuple):
    """Of one request, or of a chunk with a leading axis [L]."""

    number: Array  # of the trace's row, int32 [B]
    scores: tuple[Array, ...]  # satisfaction in 1e-6, M of int32 [B]
    cost: tuple[Array, ...]  # M of [B]
    explore: Array  # bool [B]


class Replay:
    """`streams.replay`."""

    price = None

    def __init__(self, spec: ReplaySpec) -> None:
        self.x, self.satisfaction, self.table = spec.features, spec.satisfaction, spec.cost
        self.num_features, self.num_models = self.x.shape[1], self.table.shape[1]

    def chunk(self, key: Words, state: Array, t: Array, explore_draw: ExplorationDraw) -> ReplayRow:
        number = stored(t[0], lambda: jnp.take(state, t - 1, axis=1, mode="clip").T)

        def look_up(table: Array, of: Callable[[Array], Array]) -> tuple[Array, ...]:
            return columns(t[0], jnp.moveaxis(take(table, number), -1, 1), of)

        scores, cost = look_up(self.satisfaction, virtual_queue.units), look_up(self.table, lambda x: x)
        return ReplayRow(number, scores, cost, stored(t[0], explore_draw))

    def explore_draw(self, row: ReplayRow) -> Array:
        return row.explore

    def units(self, row: ReplayRow, choice: Array) -> Array:
        result = row.scores[0]
        for m in range(1, self.num_models):
            result = jnp.where(choice == m, row.scores[m], result)
        return result

    def labels(self, row: ReplayRow) -> Array:
        return take(self.satisfaction, row.number).T

    def means(self, row: ReplayRow) -> None:
        return None

    def relative(self, row: ReplayRow) -> Columns:
        raise NotImplementedError("a recorded trace has no known means")

    def cost(self, row: ReplayRow) -> Columns:
        return list(row.cost)

    def features(self, row: ReplayRow) -> Array:
        return take(self.x, row.number)

    def size(self) -> int:
        return 3 + 2 * self.num_models


KNOWN: tuple[tuple[Callable, Any], ...] = ((draw_types, Types), (draw_logistic, Logistic), (draw_replay, Replay))


def columnar_of(stream: Stream) -> Columnar | None:
    """The stream in columns, read from the spec of its `draw`; None for a stream that has no such form."""
    for draw, form in KNOWN:
        if (spec := spec_of(stream.draw, draw)) is not None:
            return cast(Columnar, form(spec))
    return None


def fits_columns(form: Columnar) -> bool:
    """Whether a request fits the columns: exploration draw, labels and type in one int32, features written out."""
    if isinstance(form, Types):
        return form.num_models + 1 + int(np.ceil(np.log2(max(2, form.num_features)))) <= 31
    return not isinstance(form, Logistic) or form.num_features <= MOST_UNROLLED
