# mypy: disable-error-code="no-untyped-def"
"""Numba as one writes it in an afternoon: `prange` over runs, one run and one request at a time, as `python_loop`.

`w1`, `w2` and `w3` serve one configuration in a run, whatever the others do. `w2_shared` and `w3_shared` know that one
predictor path serves all (V, alpha) of a stream and c, and take them in the same run. The given counters and the
functions of one request are those of `numba_loop`, which takes 64 streams at a time.
"""

from __future__ import annotations

import numpy as np

from sims.reference import metrics, numba_math, workloads
from sims.reference.metrics import UNIT, Readings
from sims.reference.numba_math import f32, i32, njit, normals, prange, threefry, u32, uniform
from sims.reference.numba_rule import MODELS, learn, predict
from sims.reference.workloads import W1, W2, W3

EXPLORED, SATISFIED, SUM, LAST, TOP = range(MODELS, MODELS + 5)  # of the integers of `metrics.exact`, [M + 5]


def available() -> bool:
    """Whether numba is installed."""
    return numba_math.available


@njit
def exploit(Q, price, s_hat):
    """The model with the least V (E_m - E_0) - Q (s_hat_m - s_hat_0), for Q in units."""
    q = f32(Q // UNIT) + f32(Q % UNIT) * f32(1e-6)
    best, choice = f32(0), 0
    for m in range(1, MODELS):
        score = price[m] - q * (s_hat[m] - s_hat[0])
        if score < best:
            best, choice = score, m
    return choice


@njit
def record(raw, choice, explore, s, alpha):
    """Move the queue by the label s of the model that served, and the meters, all in raw [M + 5]."""
    Q = raw[LAST]
    raw[SUM] += Q
    raw[EXPLORED if explore else choice] += 1
    raw[SATISFIED] += s
    Q = max(0, Q + alpha - UNIT * s)
    raw[LAST], raw[TOP] = Q, max(raw[TOP], Q)


@njit
def w1_stream(world, policy, mean, price, p, alpha, raw):
    """W1 for a stream, raw [M + 5]; as `record` does, with keys and queue in registers."""
    Q = total = top = 0
    w0, w1, p0, p1 = world[0], world[1], policy[0], policy[1]
    for t in range(1, len(p) + 1):
        first, second = threefry(w0, w1, t, 0)
        mu = mean[i32(uniform(first) * f32(len(mean)))]
        total += Q
        explore = uniform(threefry(p0, p1, t, 0)[0]) < p[t - 1]
        choice = MODELS - 1 if explore else exploit(Q, price, mu)
        raw[EXPLORED if explore else choice] += 1
        s = i32(uniform(second) < mu[choice])
        raw[SATISFIED] += s
        Q = max(0, Q + alpha - UNIT * s)
        top = max(top, Q)
    raw[SUM], raw[LAST], raw[TOP] = total, Q, top


@njit(parallel=True)
def w1_streams(world, policy, mean, price, p, alpha, raw):
    """W1 on all cores."""
    for i in prange(len(world)):
        w1_stream(world[i], policy[i], mean, price, p, alpha, raw[i])


@njit
def draw(world, t, distribution, word, x, mu, label):
    """Request t of the world: x [d + 1], whose last is one, and label [M]. Scratch: word [2, blocks], mu [M]."""
    d = len(x) - 1
    for j in range(word.shape[1]):
        word[0, j], word[1, j] = threefry(world[0], world[1], t, j)
    for j in range(d // 2):
        x[2 * j], x[2 * j + 1] = normals(word[0, j], word[1, j])
    predict(distribution, x, mu)
    for m in range(MODELS):
        label[m] = uniform(word[m % 2, (d + m) // 2]) < mu[m]


@njit
def w2_stream(world, policy, distribution, price, p, alpha, raw):
    """W2 for a stream, raw [G, M + 5]."""
    head, momentum, x = (
        np.zeros(distribution.shape, f32),
        np.zeros(distribution.shape, f32),
        np.ones(distribution.shape[1], f32),
    )
    word, mu = np.empty((2, (distribution.shape[1] + MODELS) // 2), u32), np.empty(MODELS, f32)
    s_hat, label = np.empty(MODELS, f32), np.empty(MODELS, i32)
    for t in range(1, len(p) + 1):
        draw(world, t, distribution, word, x, mu, label)
        predict(head, x, s_hat)
        explore = uniform(threefry(policy[0], policy[1], t, 0)[0]) < p[t - 1]
        for g in range(len(price)):
            choice = MODELS - 1 if explore else exploit(raw[g, LAST], price[g], s_hat)
            record(raw[g], choice, explore, label[choice], alpha[g])
        if explore:
            learn(head, momentum, x, s_hat, label)


@njit(parallel=True)
def w2_streams(world, policy, distribution, price, p, alpha, raw, size):
    """W2, raw [N, G, M + 5]; `size` points of the grid in a run."""
    runs = len(price) // size
    for run in prange(len(world) * runs):
        i, g = run // runs, run % runs * size
        w2_stream(world[i], policy[i], distribution, price[g : g + size], p, alpha[g : g + size], raw[i, g : g + size])


@njit
def w3_path(features, satisfaction, costs, order, policy, V, p, alpha, raw, paid):
    """W3 for a seed and c, raw [G, M + 5], paid [G, 2]."""
    d = features.shape[1]
    head, momentum = np.zeros((MODELS, d + 1), f32), np.zeros((MODELS, d + 1), f32)
    x, price, s_hat, label = np.ones(d + 1, f32), np.empty(MODELS, f32), np.empty(MODELS, f32), np.empty(MODELS, i32)
    for t in range(1, len(p) + 1):
        row = order[t - 1]
        x[:d], label[:], cost = features[row], satisfaction[row], costs[row]
        predict(head, x, s_hat)
        explore = uniform(threefry(policy[0], policy[1], t, 0)[0]) < p[t - 1]
        for g in range(len(V)):
            for m in range(MODELS):
                price[m] = V[g] * (cost[m] - cost[0])
            choice = MODELS - 1 if explore else exploit(raw[g, LAST], price, s_hat)
            record(raw[g], choice, explore, label[choice], alpha[g])
            if explore:
                for m in range(MODELS):
                    paid[g, 0] += cost[m]
            else:
                paid[g, 0] += cost[choice]
                paid[g, 1] += cost[choice]
        if explore:
            learn(head, momentum, x, s_hat, label)


@njit(parallel=True)
def w3_paths(features, satisfaction, costs, order, policy, V, p, alpha, raw, paid, size):
    """W3, raw [seeds, C, G, M + 5], paid [seeds, C, G, 2]; `size` points of the grid in a run."""
    runs = len(V) // size
    for run in prange(len(order) * len(p) * runs):
        path, g = run // runs, run % runs * size
        i, c, end = path // len(p), path % len(p), g + size
        batch, trace = (raw[i, c, g:end], paid[i, c, g:end]), (features, satisfaction, costs)
        w3_path(*trace, order[i], policy[i], V[g:end], p[c], alpha[g:end], *batch)


def w1(work: W1) -> Readings:
    """W1."""
    raw = np.zeros((len(work.world), MODELS + 5), np.int64)
    p, price = workloads.exploration(work.c, work.a, work.horizon), workloads.price(work.V, work.cost)
    w1_streams(work.world, work.policy, work.mean, price, p, int(workloads.units(work.alpha)), raw)
    return metrics.exact(raw, work.horizon, metrics.constant_cost(raw, work.cost))


def w2(work: W2) -> Readings:
    """W2, every point of the grid a run of its own."""
    return _w2(work, size=1)


def w2_shared(work: W2) -> Readings:
    """W2, the points of a stream's grid served from one predictor path."""
    return _w2(work, size=len(work.V))


def _w2(work: W2, size: int) -> Readings:
    raw = np.zeros((len(work.world), len(work.V), MODELS + 5), np.int64)
    p, price = workloads.exploration(work.c, work.a, work.horizon), workloads.price(work.V, work.cost)
    distribution = np.concatenate([work.weights, work.bias[:, None]], axis=1)
    w2_streams(work.world, work.policy, distribution, price, p, workloads.units(work.alpha), raw, size)
    return metrics.exact(raw, work.horizon, metrics.constant_cost(raw, work.cost))


def w3(work: W3) -> Readings:
    """W3, every configuration a run of its own."""
    return _w3(work, size=1)


def w3_shared(work: W3) -> Readings:
    """W3, the V and alpha of a seed and c served from one predictor path."""
    return _w3(work, size=len(work.V))


def _w3(work: W3, size: int) -> Readings:
    shape = (len(work.order), len(work.c), len(work.V))
    raw, paid = np.zeros((*shape, MODELS + 5), np.int64), np.zeros((*shape, 2))
    trace = (work.features, work.satisfaction, work.cost, work.order, work.policy)
    p, alpha = workloads.exploration(work.c, work.a, work.horizon), workloads.units(work.alpha)
    w3_paths(*trace, work.V.astype(np.float32), p, alpha, raw, paid, size)
    return metrics.exact(raw, work.horizon, paid)
