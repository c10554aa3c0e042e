# mypy: disable-error-code="no-untyped-def"
"""W3 for `numba_loop`: a core per seed; the paths of its values of c meet the same rows and walk together.

Lanes of the loops that LLVM vectorises are features for the predictor, then sixteen points of the grid.
"""

from __future__ import annotations

import numpy as np

from sims.reference import metrics, workloads
from sims.reference.metrics import Readings
from sims.reference.numba_math import f32, i32, njit, prange, threefry, uniform
from sims.reference.numba_rule import BLOCK, MODELS, ROWS, decide, flush, learn, pay, predict, store
from sims.reference.workloads import W3

LANES = 16  # points of the grid side by side
FETCH = 64  # rows fetched at once


@njit
def fetch(features, order, t, out):
    """The features of requests t, t + 1, ..., out [FETCH, d + 1]: at once, so that waiting for memory overlaps."""
    for i in range(min(FETCH, len(order) - t + 1)):
        row, copy = features[order[t - 1 + i]], out[i]
        for k in range(len(row)):
            copy[k] = row[k]


@njit(inline="always")
def spread(s_hat, s, explore, gain, label, exploring):
    """The same prediction, labels and coin on every lane."""
    for i in range(LANES):
        exploring[i] = explore
        for m in range(MODELS):
            gain[m, i], label[m, i] = s_hat[m] - s_hat[0], s[m]


@njit(inline="always")
def weigh(V, cost, price):
    """V (E_m - E_0) on every lane."""
    for i in range(LANES):
        for m in range(MODELS):
            price[m, i] = V[i] * (cost[m] - cost[0])


@njit
def w3_seed(features, satisfaction, costs, order, key, V, p, alpha, raw, paid):
    """W3 for a seed; V, alpha [groups, LANES]."""
    (cs, horizon), d, groups = p.shape, features.shape[1], len(V)
    head, momentum = np.zeros((cs, MODELS, d + 1), f32), np.zeros((cs, MODELS, d + 1), f32)
    fetched, s_hat, s = np.ones((FETCH, d + 1), f32), np.empty(MODELS, f32), np.empty(MODELS, i32)
    price, gain = np.empty((MODELS, LANES), f32), np.empty((MODELS, LANES), f32)
    label, exploring, choice = np.empty((MODELS, LANES), i32), np.empty(LANES, i32), np.empty(LANES, i32)
    state, total = np.zeros((cs, groups, ROWS, LANES), i32), np.zeros((cs, groups, LANES), np.int64)
    spent, spent_exploring = np.zeros((cs, groups, LANES)), np.zeros(cs)
    for t in range(1, horizon + 1):
        if t % FETCH == 1:
            fetch(features, order, t, fetched)
        x, cost = fetched[(t - 1) % FETCH], costs[order[t - 1]]
        for m in range(MODELS):
            s[m] = satisfaction[order[t - 1], m]
        u = uniform(threefry(key[0], key[1], t, 0)[0])
        for c in range(cs):
            explore = u < p[c, t - 1]
            predict(head[c], x, s_hat)
            spread(s_hat, s, explore, gain, label, exploring)
            for g in range(groups):
                weigh(V[g], cost, price)
                decide(state[c, g], price, gain, label, exploring, alpha[g], choice)
                pay(spent[c, g], cost, choice, explore)
                if t % BLOCK == 0 or t == horizon:
                    flush(state[c, g], total[c, g])
            if explore:
                learn(head[c], momentum[c], x, s_hat, s)
                spent_exploring[c] += np.float64(cost[0]) + cost[1] + cost[2]  # M is 3
    for c in range(cs):
        for g in range(raw.shape[1]):
            store(raw[c, g], state[c, g // LANES], total[c, g // LANES], g % LANES)
            paid[c, g, 1] = spent[c, g // LANES, g % LANES]
            paid[c, g, 0] = paid[c, g, 1] + spent_exploring[c]


@njit(parallel=True)
def w3_seeds(features, satisfaction, cost, order, policy, V, p, alpha, raw, paid):
    """W3 on all cores."""
    for i in prange(len(order)):
        w3_seed(features, satisfaction, cost, order[i], policy[i], V, p, alpha, raw[i], paid[i])


def w3(work: W3) -> Readings:
    """W3."""
    shape = (len(work.order), len(work.c), len(work.V))
    raw, paid = np.zeros((*shape, MODELS + 5), np.int64), np.zeros((*shape, 2))
    padding = -len(work.V) % LANES
    V, alpha = np.pad(work.V.astype(np.float32), (0, padding)), np.pad(workloads.units(work.alpha), (0, padding))
    trace = (work.features, work.satisfaction, work.cost, work.order, work.policy)
    p = workloads.exploration(work.c, work.a, work.horizon)
    w3_seeds(*trace, V.reshape(-1, LANES), p, alpha.reshape(-1, LANES), raw, paid)
    return metrics.exact(raw, work.horizon, paid)
