"""NumPy: a Python loop over requests, arrays over streams, with the given counters. The rule at its plainest."""

from __future__ import annotations

import numpy as np

from sims.reference import metrics, workloads
from sims.reference.metrics import UNIT, Readings
from sims.reference.workloads import W1, W2, W3

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def threefry(key: np.ndarray, count_0: np.ndarray, count_1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """threefry-2x32, 20 rounds: key [..., 2] and counters [...] uint32 arrays, broadcast; two words [...] uint32."""
    k0, k1 = key[..., 0], key[..., 1]
    keys = (k0, k1, k0 ^ k1 ^ np.uint32(0x1BD11BDA))
    x, y = count_0 + k0, count_1 + k1
    for i in range(5):
        for rotation in _ROTATIONS[i % 2]:
            x = x + y
            y = (y << np.uint32(rotation) | y >> np.uint32(32 - rotation)) ^ x
        x = x + keys[(i + 1) % 3]
        y = y + keys[(i + 2) % 3] + np.uint32(i + 1)
    return x, y


def words(key: np.ndarray, t: int, blocks: int) -> np.ndarray:
    """Words 0, ..., 2 blocks - 1 of request t, [2 blocks, N] uint32, for keys [N, 2]."""
    count = np.uint32(1 << 31) | np.arange(blocks, dtype=np.uint32)
    pair = threefry(key, np.full(1, t, np.uint32), count[:, None])
    return np.stack(pair, axis=1).reshape(2 * blocks, len(key))


def uniform(word: np.ndarray) -> np.ndarray:
    """A float32 in [0, 1) from a word."""
    return (word >> np.uint32(9)).astype(np.float32) * np.float32(2**-23)


def normals(word: np.ndarray) -> np.ndarray:
    """Standard normals [d, N] float32 from words [d, N], pairwise by Box-Muller."""
    radius = np.sqrt(-2 * np.log((word[0::2].astype(np.float32) + np.float32(0.5)) * np.float32(2**-32)))
    angle = np.float32(2 * np.pi) * ((word[1::2] >> np.uint32(8)).astype(np.float32) * np.float32(2**-24))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(word.shape)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1 / (1 + np.exp(-z))


class Agreement:
    """The queues of many runs and their meters; every array has the shape of `metrics.Readings`'s leading axes."""

    def __init__(self, alpha: np.ndarray, shape: tuple[int, ...], models: int) -> None:
        self.alpha = alpha
        self.queue, self.queue_sum, self.queue_max = np.zeros((3, *shape), np.int64)
        self.exploited = np.zeros((models, *shape), np.int64)
        self.explored, self.satisfied = np.zeros((2, *shape), np.int64)

    def step(self, price: np.ndarray, gain: np.ndarray, label: np.ndarray, explore: np.ndarray) -> np.ndarray:
        """One request: V (E_m - E_0), s_hat_m - s_hat_0 and s_m, all [M, ...], and the coin; the model that serves."""
        models = len(label)
        q = (self.queue // UNIT).astype(np.float32) + (self.queue % UNIT).astype(np.float32) * np.float32(1e-6)
        serve = np.where(explore, models - 1, np.argmin(price - q * gain, axis=0))
        s = np.take_along_axis(np.broadcast_to(label, (models, *serve.shape)), serve[None], axis=0)[0]
        self.queue_sum += self.queue
        self.queue = np.maximum(0, self.queue + self.alpha - UNIT * s)
        np.maximum(self.queue_max, self.queue, out=self.queue_max)
        for m in range(models):
            self.exploited[m] += (serve == m) & ~explore
        self.explored += explore
        self.satisfied += s
        return serve

    def raw(self) -> np.ndarray:
        """The integers of `metrics.exact`, [..., M + 5]."""
        after = (self.explored, self.satisfied, self.queue_sum, self.queue, self.queue_max)
        return np.stack([*self.exploited, *after], axis=-1)


class Heads:
    """Linear heads [..., M, d + 1] float32, the bias last, and how they learn."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.weight, self.momentum = np.zeros((2, *shape), np.float32)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """s_hat [..., M] for features [..., d + 1], a one last."""
        return sigmoid(np.einsum("...md,...d->...m", self.weight, x))

    def learn(self, where: np.ndarray, x: np.ndarray, s_hat: np.ndarray, label: np.ndarray) -> None:
        """One step of the rule of every head in `where` [...] bool, from what it sees: x, s_hat, label."""
        if not where.any():
            return
        gradient = (s_hat - label)[where][..., None] / np.float32(label.shape[-1]) * x[where][:, None, :]
        norm = np.sqrt(np.sum(gradient**2, axis=(-2, -1), keepdims=True))
        gradient = gradient / np.maximum(1, norm) + np.float32(0.01) * self.weight[where]
        self.momentum[where] = gradient + np.float32(0.9) * self.momentum[where]
        self.weight[where] -= np.float32(0.06) * self.momentum[where]


def w1(work: W1) -> Readings:
    """W1."""
    models = len(work.cost)
    p = workloads.exploration(work.c, work.a, work.horizon)
    price = workloads.price(work.V, work.cost)[:, None]
    mean = np.ascontiguousarray(work.mean.T)
    agreement = Agreement(workloads.units(work.alpha), (len(work.world),), models)
    for t in range(1, work.horizon + 1):
        first, second = uniform(words(work.world, t, 1))
        mu = mean[:, (first * np.float32(len(work.mean))).astype(np.int32)]
        agreement.step(price, mu - mu[0], second < mu, uniform(words(work.policy, t, 1)[0]) < p[t - 1])
    raw = agreement.raw()
    return metrics.exact(raw, work.horizon, metrics.constant_cost(raw, work.cost))


def w2(work: W2) -> Readings:
    """W2."""
    (models, d), n, grid = work.weights.shape, len(work.world), len(work.V)
    p = workloads.exploration(work.c, work.a, work.horizon)
    price = workloads.price(work.V, work.cost).T[:, None, :]
    agreement = Agreement(workloads.units(work.alpha), (n, grid), models)
    heads = Heads((n, models, d + 1))
    for t in range(1, work.horizon + 1):
        word = words(work.world, t, (d + models + 1) // 2)
        x = np.concatenate([normals(word[:d]).T, np.ones((n, 1), np.float32)], axis=1)
        u, mu = uniform(word[d : d + models]).T, sigmoid(x[:, :d] @ work.weights.T + work.bias)
        label = (u < mu).astype(np.int32)
        explore = uniform(words(work.policy, t, 1)[0]) < p[t - 1]
        s_hat = heads.predict(x)
        agreement.step(price, (s_hat - s_hat[:, :1]).T[..., None], label.T[..., None], explore[:, None])
        heads.learn(explore, x, s_hat, label)
    raw = agreement.raw()
    return metrics.exact(raw, work.horizon, metrics.constant_cost(raw, work.cost))


def w3(work: W3) -> Readings:
    """W3."""
    (_, d), models, (seeds, _) = work.features.shape, work.cost.shape[1], work.order.shape
    shape = (seeds, len(work.c), len(work.V))
    p = workloads.exploration(work.c, work.a, work.horizon)
    agreement = Agreement(workloads.units(work.alpha), shape, models)
    heads = Heads((*shape[:2], models, d + 1))
    paid = np.zeros((*shape, 2))
    for t in range(1, work.horizon + 1):
        row = work.order[:, t - 1]
        x = np.ones((*shape[:2], d + 1), np.float32)
        x[..., :d] = work.features[row][:, None]
        label, cost = work.satisfaction[row].astype(np.int32)[:, None], work.cost[row]
        explore = uniform(words(work.policy, t, 1)[0])[:, None] < p[:, t - 1]
        s_hat = heads.predict(x)
        price = work.V.astype(np.float32) * (cost - cost[:, :1]).T[:, :, None, None]
        gain = np.moveaxis(s_hat - s_hat[..., :1], -1, 0)[..., None]
        serve = agreement.step(price, gain, np.moveaxis(label, -1, 0)[..., None], explore[..., None])
        exploited = np.where(explore[..., None], 0, cost[np.arange(seeds)[:, None, None], serve].astype(np.float64))
        everything = cost.sum(axis=1, dtype=np.float64)[:, None, None]
        paid += np.stack([np.where(explore[..., None], everything, exploited), exploited], axis=-1)
        heads.learn(explore, x, s_hat, np.broadcast_to(label, s_hat.shape))
    return metrics.exact(agreement.raw(), work.horizon, paid)
