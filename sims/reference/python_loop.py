"""Plain Python: one stream, one configuration, one request at a time, as one writes it to try an idea.

Vectors are NumPy's, and so are the random numbers. `w1_scalar` is W1 in bare numbers, as fast as plain Python gets.
"""

from __future__ import annotations

import random

import numpy as np

from sims.reference import workloads
from sims.reference.metrics import Readings, metrics_of
from sims.reference.workloads import W1, W2, W3


class Run:
    """MESS+ on one stream: its queue and its meters."""

    def __init__(self, models: int, V: float, alpha: float) -> None:
        self.V, self.alpha = V, alpha
        self.queue = self.queue_sum = self.queue_max = 0.0
        self.paid = self.paid_exploiting = 0.0
        self.exploited, self.explored, self.satisfied = np.zeros(models, np.int64), 0, 0

    def step(self, explore: bool, s_hat: np.ndarray, s: np.ndarray, cost: np.ndarray) -> None:
        """One request: choose, pay, hear whether the user is satisfied, update the queue."""
        if explore:
            serve = len(cost) - 1
            self.explored += 1
            self.paid += float(cost.sum())
        else:
            serve = int(np.argmin(self.V * cost + self.queue * (self.alpha - s_hat)))
            self.exploited[serve] += 1
            self.paid += float(cost[serve])
            self.paid_exploiting += float(cost[serve])
        self.satisfied += int(s[serve])
        self.queue_sum += self.queue
        self.queue = max(0.0, self.queue + self.alpha - s[serve])
        self.queue_max = max(self.queue_max, self.queue)


class Head:
    """Logistic regression of every model's satisfaction, learned by SGD with momentum."""

    def __init__(self, models: int, features: int) -> None:
        self.W, self.b = np.zeros((models, features), np.float32), np.zeros(models, np.float32)
        self.W_momentum, self.b_momentum = np.zeros_like(self.W), np.zeros_like(self.b)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """s_hat [M] for features x [d]."""
        return 1 / (1 + np.exp(-(self.W @ x + self.b)))

    def learn(self, x: np.ndarray, s_hat: np.ndarray, s: np.ndarray) -> None:
        """One step on an explored request."""
        b_gradient = (s_hat - s) / len(s)
        W_gradient = np.outer(b_gradient, x)
        clip = 1 / max(1.0, np.sqrt(np.sum(W_gradient**2) + np.sum(b_gradient**2)))
        self.W_momentum = clip * W_gradient + 0.01 * self.W + 0.9 * self.W_momentum
        self.b_momentum = clip * b_gradient + 0.01 * self.b + 0.9 * self.b_momentum
        self.W -= 0.06 * self.W_momentum
        self.b -= 0.06 * self.b_momentum


def collect(runs: list[Run], shape: tuple[int, ...], horizon: int) -> Readings:
    """The readings of runs, in the order of `shape`."""
    counts = np.array([[*run.exploited, run.explored, run.satisfied] for run in runs])
    queue = np.array([[run.queue_sum, run.queue, run.queue_max] for run in runs])
    paid = np.array([[run.paid, run.paid_exploiting] for run in runs])
    return metrics_of(counts.reshape(*shape, -1), queue.reshape(*shape, -1), paid.reshape(*shape, -1), horizon)


def w1(work: W1, seed: int = 0) -> Readings:
    """W1."""
    rng = np.random.default_rng(seed)
    p = workloads.exploration(work.c, work.a, work.horizon)
    runs = []
    for _ in work.world:
        run = Run(len(work.cost), work.V, work.alpha)
        for t in range(work.horizon):
            mean = work.mean[rng.integers(len(work.mean))]
            run.step(rng.random() < p[t], mean, rng.random() < mean, work.cost)
        runs.append(run)
    return collect(runs, (len(runs),), work.horizon)


def w2(work: W2, seed: int = 0) -> Readings:
    """W2, every point of the grid a run of its own."""
    rng = np.random.default_rng(seed)
    models, d = work.weights.shape
    p = workloads.exploration(work.c, work.a, work.horizon)
    runs = []
    for _ in work.world:
        for V, alpha in zip(work.V, work.alpha, strict=True):
            run, head = Run(models, V, alpha), Head(models, d)
            for t in range(work.horizon):
                x = rng.standard_normal((d,), dtype=np.float32)
                mean = 1 / (1 + np.exp(-(work.weights @ x + work.bias)))
                s = rng.random(models) < mean
                s_hat = head.predict(x)
                explore = rng.random() < p[t]
                run.step(explore, s_hat, s, work.cost)
                if explore:
                    head.learn(x, s_hat, s)
            runs.append(run)
    return collect(runs, (len(work.world), len(work.V)), work.horizon)


def w3(work: W3, seed: int = 0) -> Readings:
    """W3, every configuration a run of its own."""
    rng = np.random.default_rng(seed)
    models, d = work.cost.shape[1], work.features.shape[1]
    runs = []
    for order in work.order:
        for p in workloads.exploration(work.c, work.a, work.horizon):
            for V, alpha in zip(work.V, work.alpha, strict=True):
                run, head = Run(models, V, alpha), Head(models, d)
                for t in range(work.horizon):
                    row = order[t]
                    x, s = work.features[row], work.satisfaction[row]
                    s_hat = head.predict(x)
                    explore = rng.random() < p[t]
                    run.step(explore, s_hat, s, work.cost[row])
                    if explore:
                        head.learn(x, s_hat, s)
                runs.append(run)
    return collect(runs, (len(work.order), len(work.c), len(work.V)), work.horizon)


def w1_scalar(work: W1, seed: int = 0) -> Readings:
    """W1 for three models, in bare numbers."""
    uniform = random.Random(seed).random
    p = workloads.exploration(work.c, work.a, work.horizon).tolist()
    _, price_1, price_2 = workloads.price(work.V, work.cost).tolist()
    table = [(low, middle, high, middle - low, high - low) for low, middle, high in work.mean.tolist()]
    kinds, alpha, cost = len(table), work.alpha, work.cost.tolist()
    runs = []
    for _ in work.world:
        queue = queue_sum = queue_max = 0.0
        explored = satisfied = 0
        exploited = [0, 0, 0]
        for p_t in p:
            low, middle, high, gain_1, gain_2 = table[int(uniform() * kinds)]
            if uniform() < p_t:
                explored += 1
                mean = high
            else:
                serve, mean, best = 0, low, 0.0
                score = price_1 - queue * gain_1
                if score < best:
                    serve, mean, best = 1, middle, score
                if price_2 - queue * gain_2 < best:
                    serve, mean = 2, high
                exploited[serve] += 1
            queue_sum += queue
            if uniform() < mean:
                satisfied += 1
                queue += alpha - 1
                if queue < 0:
                    queue = 0.0
            else:
                queue += alpha
                if queue > queue_max:
                    queue_max = queue
        run = Run(3, work.V, alpha)
        run.queue, run.queue_sum, run.queue_max, run.explored, run.satisfied = (
            queue,
            queue_sum,
            queue_max,
            explored,
            satisfied,
        )
        run.exploited[:] = exploited
        run.paid_exploiting = sum(n * each for n, each in zip(exploited, cost, strict=True))
        run.paid = run.paid_exploiting + explored * sum(cost)
        runs.append(run)
    return collect(runs, (len(runs),), work.horizon)
