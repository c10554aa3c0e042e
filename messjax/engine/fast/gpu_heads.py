"""Linear heads and logistic streams inside the GPU kernel: one stream per thread, its weights in registers.

What `streams.Logistic` and `predictions.LinearSgd` do for a chunk of requests is done here for one request at a time,
with one array [S] for each number, S streams of a program: the same words, sums in the same order. The update is
computed at every request and kept where the request is explored: threads of one warp explore at different requests.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from messjax.engine.fast.predictions import ChunkPredictor, LinearSgd
from messjax.engine.fast.streams import Columns, Logistic
from messjax.numerics import counter_prng
from messjax.predictors.learning import Sgd
from messjax.types import Array

MOST_NUMBERS = 128  # of a head, with its momentum: a thread has 255 registers


class Head(NamedTuple):
    """The heads of a block of streams: [M][d + 1] arrays [S], the bias last."""

    weights: list[Columns]
    momentum: list[Columns]


class LogisticRequest(NamedTuple):
    """A request of a logistic stream: [S] each."""

    x: Columns  # d + 1, the last one constant one
    means: Columns  # M
    labels: list[Array]  # M, bool


def count(predictor: ChunkPredictor, columnar: Any) -> int:
    """Numbers of one stream's head: weights, biases and their momentum; 0 for an oracle."""
    return 2 * columnar.num_models * (columnar.num_features + 1) if isinstance(predictor, LinearSgd) else 0


def start(predictor: LinearSgd, groups: int, num_streams: int) -> Array:
    """The heads before the first request, [groups, 2 M (d + 1), B]: a thread of each group carries its own."""
    heads = predictor.init(jnp.zeros(num_streams))
    numbers = jnp.concatenate([part.reshape(-1, num_streams) for part in heads])
    return jnp.broadcast_to(numbers, (groups, *numbers.shape))


def take_apart(numbers: Any, columnar: Logistic) -> Head:
    """The head that lies in a block [1, 2 M (d + 1), S]: a ref or an array."""
    M, d = columnar.num_models, columnar.num_features + 1
    rows = [[numbers[0, m * d + j] for j in range(d)] for m in range(2 * M)]
    return Head(rows[:M], rows[M:])


def draw(columnar: Logistic, weights: Any, key: tuple[Array, Array], t: Array) -> LogisticRequest:
    """Request t of a block of streams; `weights` [M (d + 1)] of the stream, its bias last, are scalars from a ref."""
    num_pairs, d = (columnar.num_features + 1) // 2, columnar.num_features + 1
    pairs = [counter_prng.normals(*counter_prng.block(key, t, j)) for j in range(num_pairs)]
    sines = [pair[1] for pair in pairs[: columnar.num_features // 2]]
    x = [*(pair[0] for pair in pairs), *sines, jnp.ones_like(pairs[0][0])]
    own = [[weights[m * d + j] for j in range(d)] for m in range(columnar.num_models)]
    means = [jax.nn.sigmoid(dot(row, x)) for row in own]
    uniforms = columnar.uniforms(key, t, 2 * num_pairs)
    labels = [uniforms[0 if columnar.comonotone else m] < mean for m, mean in enumerate(means)]
    return LogisticRequest(x, means, labels)


def dot(weights: Columns, x: Columns) -> Array:
    """The sum of products, added from the first on."""
    total = weights[0] * x[0]
    for weight, number in zip(weights[1:], x[1:], strict=True):
        total = total + weight * number
    return total


def predict_and_learn(rule: Sgd, head: Head, request: LogisticRequest, explore: Array) -> tuple[Columns, Head]:
    """s_hat [S] of every model, then one step of the rule where the request is explored (`LinearSgd.learn`)."""
    s_hat = [jax.nn.sigmoid(dot(row, request.x)) for row in head.weights]
    labels = [label.astype(jnp.float32) for label in request.labels]
    residual = [(mean - label) / len(labels) for mean, label in zip(s_hat, labels, strict=True)]
    squares = sum((r**2 for r in residual[1:]), residual[0] ** 2)
    norm = jnp.sqrt(squares * sum((number**2 for number in request.x[1:]), request.x[0] ** 2))
    scale = jnp.where(norm < rule.clip, 1.0, rule.clip / norm)
    weights, momentum = [], []
    for r, row, before in zip(residual, head.weights, head.momentum, strict=True):
        gradient = [r * scale * number + rule.weight_decay * w for number, w in zip(request.x, row, strict=True)]
        after = [jnp.where(explore, new + rule.momentum * old, old) for new, old in zip(gradient, before, strict=True)]
        momentum.append(after)
        moved = [jnp.where(explore, w - rule.learning_rate * v, w) for w, v in zip(row, after, strict=True)]
        weights.append(moved)
    return s_hat, Head(weights, momentum)
