"""The three workloads: their arrays, how they are made, and the numbers of the rule that do not depend on the path."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np

from sims.reference.metrics import UNIT


class W1(NamedTuple):
    """An oracle on K request types: kind = int(uniform(world word 0) K), one label uniform (word 1) for all models."""

    world: np.ndarray  # [N, 2] uint32, a key per stream
    policy: np.ndarray  # [N, 2] uint32
    mean: np.ndarray  # [K, M] float32, s_m = 1 iff uniform < mean[kind, m]; the prediction as well
    cost: np.ndarray  # [M] float32
    V: float
    alpha: float
    c: float
    a: float
    horizon: int


class W2(NamedTuple):
    """A logistic world with a learned predictor, one predictor path for all pairs (V, alpha) of the grid.

    x [d] is standard normal by Box-Muller from world words 0, ..., d - 1; model m's label comes from word d + m.
    """

    world: np.ndarray  # [N, 2] uint32, a key per stream
    policy: np.ndarray  # [N, 2] uint32
    weights: np.ndarray  # [M, d] float32, d even; mu = sigmoid(weights x + bias)
    bias: np.ndarray  # [M] float32
    cost: np.ndarray  # [M] float32
    V: np.ndarray  # [G]
    alpha: np.ndarray  # [G]
    c: float
    a: float
    horizon: int


class W3(NamedTuple):
    """A replayed trace with a learned predictor, one path per seed and c for all pairs (V, alpha) of the grid."""

    features: np.ndarray  # [rows, d] float32
    satisfaction: np.ndarray  # [rows, M] float32, 0 or 1
    cost: np.ndarray  # [rows, M] float32
    order: np.ndarray  # [seeds, rows] int32: request t is row order[seed, t - 1]
    policy: np.ndarray  # [seeds, 2] uint32
    V: np.ndarray  # [G]
    alpha: np.ndarray  # [G]
    c: np.ndarray  # [C]
    a: float
    horizon: int


Work = TypeVar("Work", W1, W2, W3)


def w1(streams: int = 1024, horizon: int = 10_000, kinds: int = 64, seed: int = 0) -> W1:
    """64 types of random difficulty, three models of .64, .73 and .80 satisfied, alpha .667."""
    rng = np.random.default_rng(seed)
    level = np.array([0.7, 1.3, 1.9]) + 1.5 * rng.standard_normal((kinds, 1)) + 0.5 * rng.standard_normal((kinds, 3))
    mean = _sigmoid(level).astype(np.float32)
    return W1(
        _keys(rng, streams), _keys(rng, streams), mean, _COST, V=10.0, alpha=0.667, c=0.1, a=0.25, horizon=horizon
    )


def w2(
    streams: int = 1024,
    horizon: int = 10_000,
    grid: tuple[tuple[float, float], ...] = ((10.0, 0.667),),
    features: int = 16,
    seed: int = 0,
) -> W2:
    """Labels by a random logistic law; grid = pairs (V, alpha)."""
    rng = np.random.default_rng(seed)
    weights = (1.5 / np.sqrt(features) * rng.standard_normal((3, features))).astype(np.float32)
    bias = np.array([0.4, 1.0, 1.6], np.float32)
    V, alpha = np.array(grid, np.float64).T
    return W2(_keys(rng, streams), _keys(rng, streams), weights, bias, _COST, V, alpha, c=0.1, a=0.25, horizon=horizon)


def w3(
    seeds: int = 8,
    rows: int = 14_000,
    features: int = 384,
    V: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0),
    alpha: tuple[float, ...] = (0.6, 0.65, 0.7),
    c: tuple[float, ...] = (0.05, 0.1, 0.3),
    seed: int = 0,
) -> W3:
    """A synthetic trace: embeddings of norm about 1, labels by a random logistic law, costs that vary by request."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((rows, features)) / np.sqrt(features)).astype(np.float32)
    mu = _sigmoid(x @ (1.5 * rng.standard_normal((features, 3))) + [0.4, 1.0, 1.6])
    satisfaction = (rng.random(mu.shape) < mu).astype(np.float32)
    cost = (_COST * rng.lognormal(0.0, 0.3, (rows, 1))).astype(np.float32)
    order = np.stack([rng.permutation(rows) for _ in range(seeds)]).astype(np.int32)
    weight, level = np.array([(v, level) for v in V for level in alpha]).T
    return W3(x, satisfaction, cost, order, _keys(rng, seeds), weight, level, np.array(c), a=0.25, horizon=rows)


def part(work: Work, streams: int, grid: int | None = None, c: int | None = None) -> Work:
    """The first so many streams (seeds in W3), points of the grid (W2, W3) and values of c (W3), for the slow ones."""
    size = {"world": streams, "policy": streams, "order": streams}
    size |= {} if grid is None else {"V": grid, "alpha": grid}
    size |= {} if c is None else {"c": c}
    return work._replace(**{name: getattr(work, name)[:n] for name, n in size.items() if name in work._fields})


def exploration(c: float | np.ndarray, a: float, horizon: int) -> np.ndarray:
    """p_1, ..., p_T float32, [T] or [C, T]: min(1, c t^-a)."""
    decay = np.arange(1, horizon + 1, dtype=np.float32) ** np.float32(-a)
    return np.minimum(np.float32(1), np.asarray(c, np.float32)[..., None] * decay)


def price(V: float | np.ndarray, cost: np.ndarray) -> np.ndarray:
    """V (E_m - E_0) float32, [M] or [G, M]."""
    return np.asarray(V, np.float32)[..., None] * (cost - cost[0])


def units(alpha: float | np.ndarray) -> np.ndarray:
    """Alpha in units of 1e-6, int32."""
    return np.rint(np.asarray(alpha, np.float64) * UNIT).astype(np.int32)


_COST = np.array([1, 2, 4], np.float32)


def _keys(rng: np.random.Generator, streams: int) -> np.ndarray:
    return rng.integers(0, 2**32, (streams, 2), np.uint32)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))
