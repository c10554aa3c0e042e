# mypy: disable-error-code="no-untyped-def"
"""Numba: compiled loops, all cores, with the given counters, for three models. W3 is in `numba_replay`.

Sixty-four streams are lanes of short inner loops without branches, which LLVM vectorises. One stream at a time
(`numba_streams`) is three to six times slower: a queue is one long chain of dependent instructions.
"""

from __future__ import annotations

import numpy as np

from sims.reference import metrics, numba_math, workloads
from sims.reference.metrics import Readings
from sims.reference.numba_math import f32, i32, njit, normals, prange, sigmoid, threefry, u32, uniform
from sims.reference.numba_replay import w3
from sims.reference.numba_rule import BLOCK, MODELS, ROWS, decide, flush, learn, store
from sims.reference.workloads import W1, W2

__all__ = ["available", "w1", "w2", "w3"]

LANES = 64  # streams side by side


def available() -> bool:
    """Whether numba is installed."""
    return numba_math.available


@njit
def keys_of_lanes(key, first):
    """[2, LANES] keys of the streams from `first`; lanes past the last stream repeat it, and are not stored."""
    result = np.empty((2, LANES), u32)
    for i in range(LANES):
        result[0, i], result[1, i] = key[min(first + i, len(key) - 1), 0], key[min(first + i, len(key) - 1), 1]
    return result


@njit
def words(key, t, j, out):
    """Words 2j and 2j + 1 of request t, out [2, LANES]."""
    for i in range(LANES):
        out[0, i], out[1, i] = threefry(key[0, i], key[1, i], t, j)


@njit
def toss(policy, t, p, word, explore):
    """The coin of request t: explore [LANES]."""
    words(policy, t, 0, word)
    for i in range(LANES):
        explore[i] = uniform(word[0, i]) < p


@njit
def w1_lanes(first, world_key, policy_key, mean, price, p, alpha, raw):
    """W1 for the streams from `first`."""
    world, policy, word = keys_of_lanes(world_key, first), keys_of_lanes(policy_key, first), np.empty((2, LANES), u32)
    mu, gain = np.empty((MODELS, LANES), f32), np.empty((MODELS, LANES), f32)
    label, explore, choice = np.empty((MODELS, LANES), i32), np.empty(LANES, i32), np.empty(LANES, i32)
    state, total = np.zeros((ROWS, LANES), i32), np.zeros(LANES, np.int64)
    for t in range(1, len(p) + 1):
        words(world, t, 0, word)
        for i in range(LANES):
            kind = i32(uniform(word[0, i]) * f32(len(mean)))
            for m in range(MODELS):
                mu[m, i] = mean[kind, m]
        for i in range(LANES):
            for m in range(MODELS):
                gain[m, i] = mu[m, i] - mu[0, i]
                label[m, i] = uniform(word[1, i]) < mu[m, i]
        toss(policy, t, p[t - 1], word, explore)
        decide(state, price, gain, label, explore, alpha, choice)
        if t % BLOCK == 0 or t == len(p):
            flush(state, total)
    for i in range(min(LANES, len(raw) - first)):
        store(raw[first + i], state, total, i)


@njit
def draw_features(world, t, word, x):
    """Standard normals x [d + 1, LANES], but for the last."""
    for j in range(len(x) // 2):
        words(world, t, j, word)
        for i in range(LANES):
            x[2 * j, i], x[2 * j + 1, i] = normals(word[0, i], word[1, i])


@njit(error_model="numpy")
def draw_labels(world, t, word, weights, bias, x, mu, label):
    """Labels [M, LANES] of the logistic world; mu is room for its logits."""
    for m in range(MODELS):
        for i in range(LANES):
            mu[m, i] = bias[m]
        for k in range(weights.shape[1]):
            for i in range(LANES):
                mu[m, i] += weights[m, k] * x[k, i]
        if m % 2 == 0:
            words(world, t, (weights.shape[1] + m) // 2, word)
        for i in range(LANES):
            label[m, i] = uniform(word[m % 2, i]) < sigmoid(mu[m, i])


@njit(error_model="numpy")
def predict_lanes(head, x, s_hat, gain):
    """s_hat and s_hat - s_hat_0 [M, LANES] of heads [M, d + 1, LANES]."""
    for m in range(MODELS):
        for i in range(LANES):
            s_hat[m, i] = 0
        for k in range(len(x)):
            for i in range(LANES):
                s_hat[m, i] += head[m, k, i] * x[k, i]
        for i in range(LANES):
            s_hat[m, i] = sigmoid(s_hat[m, i])
    for i in range(LANES):
        for m in range(MODELS):
            gain[m, i] = s_hat[m, i] - s_hat[0, i]


@njit
def w2_lanes(first, world_key, policy_key, weights, bias, price, p, alpha, raw):
    """W2 for the streams from `first`; the last of d + 1 features is one, for the bias."""
    d, grid = weights.shape[1], len(price)
    world, policy, word = keys_of_lanes(world_key, first), keys_of_lanes(policy_key, first), np.empty((2, LANES), u32)
    head, momentum = np.zeros((MODELS, d + 1, LANES), f32), np.zeros((MODELS, d + 1, LANES), f32)
    x, mu = np.ones((d + 1, LANES), f32), np.empty((MODELS, LANES), f32)
    s_hat, gain = np.empty((MODELS, LANES), f32), np.empty((MODELS, LANES), f32)
    label, explore, choice = np.empty((MODELS, LANES), i32), np.empty(LANES, i32), np.empty(LANES, i32)
    state, total = np.zeros((grid, ROWS, LANES), i32), np.zeros((grid, LANES), np.int64)
    for t in range(1, len(p) + 1):
        draw_features(world, t, word, x)
        draw_labels(world, t, word, weights, bias, x, mu, label)
        predict_lanes(head, x, s_hat, gain)
        toss(policy, t, p[t - 1], word, explore)
        for g in range(grid):
            decide(state[g], price[g], gain, label, explore, alpha[g], choice)
            if t % BLOCK == 0 or t == len(p):
                flush(state[g], total[g])
        for i in range(LANES):
            if explore[i]:
                learn(head[:, :, i], momentum[:, :, i], x[:, i], s_hat[:, i], label[:, i])
    for i in range(min(LANES, len(raw) - first)):
        for g in range(grid):
            store(raw[first + i, g], state[g], total[g], i)


@njit(parallel=True)
def w1_streams(world, policy, mean, price, p, alpha, raw):
    """W1 on all cores."""
    for group in prange((len(world) + LANES - 1) // LANES):
        w1_lanes(group * LANES, world, policy, mean, price, p, alpha, raw)


@njit(parallel=True)
def w2_streams(world, policy, weights, bias, price, p, alpha, raw):
    """W2 on all cores."""
    for group in prange((len(world) + LANES - 1) // LANES):
        w2_lanes(group * LANES, world, policy, weights, bias, price, p, alpha, raw)


def w1(work: W1) -> Readings:
    """W1."""
    raw = np.zeros((len(work.world), MODELS + 5), np.int64)
    p, price = workloads.exploration(work.c, work.a, work.horizon), workloads.price(work.V, work.cost)
    alpha = np.full(LANES, workloads.units(work.alpha))
    w1_streams(work.world, work.policy, work.mean, _on_lanes(price), p, alpha, raw)
    return metrics.exact(raw, work.horizon, metrics.constant_cost(raw, work.cost))


def w2(work: W2) -> Readings:
    """W2."""
    raw = np.zeros((len(work.world), len(work.V), MODELS + 5), np.int64)
    p, price = workloads.exploration(work.c, work.a, work.horizon), workloads.price(work.V, work.cost)
    alpha = _on_lanes(workloads.units(work.alpha))
    w2_streams(work.world, work.policy, work.weights, work.bias, _on_lanes(price), p, alpha, raw)
    return metrics.exact(raw, work.horizon, metrics.constant_cost(raw, work.cost))


def _on_lanes(value: np.ndarray) -> np.ndarray:
    return np.repeat(value[..., None], LANES, axis=-1)
