"""Predictors in columns: the predictions for a chunk of requests, before any of them is served.

They can be made first because neither the exploration draw nor the predictor depends on V, alpha or the queue. Under
one vmap per control this pass is therefore shared by every V and alpha.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import equal_components, spec_of
from messjax.engine.fast.linear_head import ObservedOutcomes, predict_and_learn, rule_of, written_out
from messjax.engine.fast.streams import Columnar, Columns, Logistic, LogisticRow, columns, dot, stored
from messjax.policies.rare_update import any_lane, update_if
from messjax.predictors.known_means import oracle
from messjax.predictors.known_means import predict as predict_exactly
from messjax.predictors.learning import Sgd, initial_params
from messjax.types import Array, Outcome, Predictor, PyTree, Stream

MOST_ONE_BY_ONE = 16  # streams
SPAN = 32  # requests predicted at once


class ChunkPredictor(Protocol):
    """What the fast path asks of a predictor."""

    def init(self, keys: Array) -> PyTree:
        """States of B streams from their keys [B]."""

    def chunk(self, state: PyTree, requests: PyTree, n: Array) -> tuple[PyTree, PyTree]:
        """Predict the first n requests of a chunk and learn from the explored ones: (state, predictions [L, ...])."""

    def columns(self, row: PyTree, prediction: PyTree) -> Columns:
        """s_hat of one request, an array [B] per model, from its row and its row of `chunk`'s predictions."""

    def relative(self, row: PyTree, prediction: PyTree) -> Columns:
        """s_hat_m - s_hat_0 of the models from 1 on, [B] each: all that a decision needs."""


def row(arrays: PyTree, i: Array | int) -> PyTree:
    """Request i of a chunk's arrays [L, ...]."""
    return jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, i, 0, keepdims=False), arrays)


class Oracle:
    """The oracle: nothing to carry, nothing to store."""

    def __init__(self, columnar: Columnar) -> None:
        self.columnar = columnar

    def init(self, keys: Array) -> tuple[()]:
        return ()

    def chunk(self, state: tuple, requests: PyTree, n: Array) -> tuple[tuple, tuple]:
        return state, ()

    def columns(self, row: PyTree, prediction: tuple) -> Columns:
        result = self.columnar.means(row)
        assert result is not None
        return result

    def relative(self, row: PyTree, prediction: tuple) -> Columns:
        return self.columnar.relative(row)


class _Stored:
    """Predictions made beforehand: one array per model."""

    def columns(self, row: PyTree, prediction: tuple) -> Columns:
        return list(prediction)

    def relative(self, row: PyTree, prediction: tuple) -> Columns:
        first, *others = self.columns(row, prediction)
        return [s_hat - first for s_hat in others]


def _learn(update: Partial, state: PyTree, seen: ObservedOutcomes, i: Array) -> PyTree:
    labels = row(seen.labels, i)
    return update(state, row(seen.x, i), Outcome(labels, jnp.ones(labels.shape, bool)))


class Learned(_Stored):
    """Any predictor, by its own functions: streams side by side, or, if they are few, one after the other.

    One after the other, what a stream learns stays in the first cache for a whole chunk (a replay of a few orders).
    """

    def __init__(self, predictor: Predictor, columnar: Columnar, rule: Sgd | None) -> None:
        self.predictor = predictor if rule is None else written_out(predictor, rule)
        self.columnar, self.rule = columnar, rule  # the rule of a linear head

    def init(self, keys: Array) -> PyTree:
        return jax.vmap(self.predictor.init)(keys)

    def chunk(self, state: PyTree, requests: PyTree, n: Array) -> tuple[PyTree, tuple]:
        few = self.columnar.explore_draw(requests).shape[-1] <= MOST_ONE_BY_ONE
        learn = self._steps if not few else self._spans if self.rule is None else Partial(predict_and_learn, self.rule)

        def stream(state: PyTree, requests: PyTree) -> tuple[PyTree, Array]:
            seen = ObservedOutcomes(
                x=stored(n, lambda: jax.vmap(self.columnar.features)(requests)[:, 0]),
                labels=stored(n, lambda: jax.vmap(self.columnar.labels)(requests)[..., 0]),
            )
            return learn(state, seen, self.columnar.explore_draw(requests)[:, 0], n)

        one = jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0)[..., None], requests)  # every stream by itself, B = 1
        if few:
            state, kept = jax.lax.map(lambda s: stream(*s), (state, one))
        else:
            state, kept = jax.vmap(stream)(state, one)
        return state, columns(n, jnp.moveaxis(kept, 0, -1))

    def _steps(self, state: PyTree, seen: ObservedOutcomes, explore: Array, n: Array) -> tuple[PyTree, Array]:
        """Request by request: of many streams side by side, one or the other always learns."""

        def step(i: Array, carry: tuple) -> tuple:
            state, kept = carry
            last = jnp.maximum(i - 1, 0)
            # Learn, then predict: the other way round, what is learned would be copied in every step.
            state = update_if(row(explore, last) & (i > 0), Partial(_learn, self.predictor.update), state, seen, last)
            result = self.predictor.predict(state, row(seen.x, i))
            return state, jax.lax.dynamic_update_index_in_dim(kept, result, i, 0)

        length, num_models = seen.labels.shape
        kept = jnp.zeros((length + 1, num_models), jnp.float32)  # the last round only learns
        state, kept = jax.lax.fori_loop(0, n + 1, step, (state, kept))
        return state, kept[:length]

    def _spans(self, state: PyTree, seen: ObservedOutcomes, explore: Array, n: Array) -> tuple[PyTree, Array]:
        """Between two explored requests nothing is learned: what lies there is predicted at once."""
        length, num_models = seen.labels.shape
        size, stops = min(SPAN, length), any_lane(explore)

        def span(carry: tuple) -> tuple:
            i, state, kept = carry
            start = jnp.minimum(i, length - size)
            current = start + jnp.arange(size)
            x = jax.lax.dynamic_slice_in_dim(seen.x, start, size)
            result = jax.vmap(self.predictor.predict, (None, 0))(state, x)
            result = jnp.where((current >= i)[:, None], result, jax.lax.dynamic_slice_in_dim(kept, start, size))
            stop = (current >= i) & (jax.lax.dynamic_slice_in_dim(stops, start, size) | (current == start + size - 1))
            last = jnp.min(jnp.where(stop, current, n - 1))
            state = update_if(row(explore, last), Partial(_learn, self.predictor.update), state, seen, last)
            return last + 1, state, jax.lax.dynamic_update_slice_in_dim(kept, result, start, 0)

        carry = jnp.zeros((), jnp.int32), state, jnp.zeros((length, num_models), jnp.float32)
        return jax.lax.while_loop(lambda carry: carry[0] < n, span, carry)[1:]


class LinearHeads(NamedTuple):
    """Linear heads of B streams, streams last: weights [M, d + 1, B] with the bias at the end, and their momentum."""

    weights: Array
    momentum: Array


class LinearSgd(_Stored):
    """`predictors.linear` under `learning.Sgd` on a logistic stream: weights in columns, the update written out.

    A request's update is applied when the next one arrives: what the loop carries is a boundary, so that the logits
    are computed once and not again in every array that depends on them.
    """

    def __init__(self, start: PyTree, rule: Sgd, columnar: Logistic) -> None:
        self.start, self.rule, self.columnar = start, rule, columnar

    def init(self, keys: Array) -> LinearHeads:
        weights = jnp.concatenate([self.start["weight"], self.start["bias"][:, None]], axis=1)
        weights = jnp.broadcast_to(weights[..., None], (*weights.shape, keys.shape[0]))
        return LinearHeads(weights, jnp.zeros_like(weights))

    def chunk(self, state: LinearHeads, requests: LogisticRow, n: Array) -> tuple[LinearHeads, tuple]:
        def step(i: Array, carry: tuple) -> tuple:
            heads, logits, kept = carry
            before = jnp.maximum(i - 1, 0)
            kept = jax.lax.dynamic_update_index_in_dim(kept, logits, before, 0)
            heads = self.learn(heads, logits, row(requests, before), i > 0)
            return heads, dot(heads.weights, row(requests.x, i)), kept

        empty = jnp.zeros((requests.bits.shape[0], self.columnar.num_models, requests.bits.shape[1]), jnp.float32)
        heads, _, logits = jax.lax.fori_loop(0, n + 1, step, (state, empty[0], empty))  # the last round only learns
        return heads, columns(n, logits, jax.nn.sigmoid)

    def learn(self, heads: LinearHeads, logits: Array, request: LogisticRow, wanted: Array) -> LinearHeads:
        """One step of the rule where the request is explored; logits [M, B] are of this request."""
        explore = request.explore & wanted
        residual = (jax.nn.sigmoid(logits) - self.columnar.labels(request)) / self.columnar.num_models
        norm = jnp.sqrt(sum(r**2 for r in residual) * request.norm)
        residual = residual * jnp.where(norm < self.rule.clip, 1.0, self.rule.clip / norm)
        gradient = residual[:, None] * request.x + self.rule.weight_decay * heads.weights
        momentum = jnp.where(explore, gradient + self.rule.momentum * heads.momentum, heads.momentum)
        moved = heads.weights - self.rule.learning_rate * momentum
        return LinearHeads(jnp.where(explore, moved, heads.weights), momentum)


def oracle_matches_stream(predictor: Predictor, stream: Stream) -> bool:
    """Whether a predictor that is an oracle is this stream's (on the host); True for any other predictor."""
    if spec_of(predictor.predict, predict_exactly) is None:
        return True
    return stream.mean is not None and equal_components(predictor, oracle(stream))


def chunk_predictor(predictor: Predictor, columnar: Columnar) -> ChunkPredictor:
    """The form of a predictor that suits a stream."""
    if spec_of(predictor.predict, predict_exactly) is not None:
        return Oracle(columnar)
    rule = rule_of(predictor, columnar.num_features, columnar.num_models)
    if rule is not None and isinstance(columnar, Logistic):
        return LinearSgd(initial_params(predictor), rule, columnar)
    return Learned(predictor, columnar, rule)
