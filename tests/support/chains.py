"""Exact laws of MESS+ on small worlds, by dynamic programming over the lattice of its queue."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import assume, settings
from hypothesis import strategies as st

from messjax import theory
from messjax.types import Distribution

FEW = settings(max_examples=60, deadline=None)
SLACK = 1e-9


def by_name(function, names, **more):
    """The function with these numbers in this order, for tests that loop over its arguments."""

    def call(*values):
        return function(**dict(zip(names.split(), values, strict=True)), **more)

    call.__name__ = function.__name__
    return call


positive = st.floats(1e-6, 1.0)


class Run(NamedTuple):
    """Exact laws of one run. Lattice of Q: multiples of 1/n."""

    queues: list[dict[int, float]]  # law of n Q_t, t = 1..T+1
    shortfall: float  # E[sum (alpha - s_t)]
    used: np.ndarray  # [T] E of the queue that decides, Q_{t-d}
    joint: dict[tuple[int, int], float]  # law of (n Q_{T+1}, n sum (alpha - s_t)); the sum is 0 unless asked for

    def mean(self) -> np.ndarray:
        return np.array([sum(Q * w for Q, w in distribution.items()) for distribution in self.queues])


def chain(distribution, steps, n, V, p, s_hat=None, start=0, f=1.0, h=None, delay=0, track=False) -> Run:
    """MESS+ with alpha = steps/n, Q_1 = start/n, feedback with probability f (explored: h), `delay` requests late."""
    weight, cost, mean = (np.asarray(x, float) for x in distribution[:3])
    s_hat, h = (mean if s_hat is None else np.asarray(s_hat, float)), f if h is None else h
    largest, known = float(weight @ mean[:, -1]), {}

    def exploited(Q):
        if Q not in known:
            score = theory.L4_score(
                V=np.full(len(weight), V), cost=cost, Q=np.full(len(weight), Q / n), alpha=steps / n, s_hat=s_hat
            )
            known[Q] = float(weight @ mean[np.arange(len(weight)), score.argmin(1)])
        return known[Q]

    now, shortfall, used, queues = {((start,) * (delay + 1), 0): 1.0}, 0.0, [], [{start / n: 1.0}]
    for p_t in p:
        after: dict = {}
        used.append(sum(w * Q[0] for (Q, _), w in now.items()) / n)
        for (Q, total), w in now.items():
            good = exploited(Q[0])
            for s, explored, exploit in ((1, largest, good), (0, 1 - largest, 1 - good)):
                shortfall += w * (p_t * explored + (1 - p_t) * exploit) * (steps / n - s)
                for feedback_received, g_h, g_f in ((True, h, f), (False, 1 - h, 1 - f)):
                    prob = w * (p_t * g_h * explored + (1 - p_t) * g_f * exploit)
                    if prob:
                        last = max(0, Q[-1] + steps - n * s) if feedback_received else Q[-1]
                        key = ((*Q[1:], last), total + (steps - n * s) * track)
                        after[key] = after.get(key, 0.0) + prob
        now, marginal = after, {}
        for (Q, _), w in now.items():
            marginal[Q[-1] / n] = marginal.get(Q[-1] / n, 0.0) + w
        assert abs(sum(marginal.values()) - 1) < 1e-9
        queues.append(marginal)
    joint: dict = {}
    for (Q, total), w in now.items():
        joint[Q[-1], total] = joint.get((Q[-1], total), 0.0) + w
    return Run(queues, shortfall, np.array(used), joint)


def tail_excess(run, bound) -> float:
    """The largest P(Q_t >= q) - bound(q, t) over t and the lattice: positive if the bound is refuted."""
    worst = -np.inf
    for t, distribution in enumerate(run.queues, 1):
        q = np.array(sorted(distribution, reverse=True))
        worst = max(worst, np.max(np.cumsum([distribution[x] for x in q]) - bound(q, t)))
    return worst


TWO = Distribution([1.0], [[0.0, 1.0]], [[0.2, 0.9]])


@st.composite
def worlds(draw):
    """A law whose largest model exceeds alpha = steps/n by more than 2 ebar, and a run of it."""
    K, M, n = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.sampled_from([2, 3, 5]))
    cells = st.lists(st.integers(0, 20), min_size=K * M, max_size=K * M)
    cost, mean, noise = (np.reshape(draw(cells), (K, M)) / 20 for _ in range(3))
    mean[:, -1] = np.maximum(mean[:, -1], draw(st.sampled_from([0.6, 0.8, 0.95])))
    weight = np.array(draw(st.lists(st.integers(1, 5), min_size=K, max_size=K)), float)
    distribution, steps = Distribution(weight / weight.sum(), cost, mean), draw(st.integers(1, n - 1))
    s_hat = np.clip(mean + (noise - 0.5) * draw(st.sampled_from([0.0, 0.1, 0.3])), 0, 1)
    assume(theory.distribution_constants(distribution, steps / n).beta > 2 * error(distribution, s_hat))
    T = draw(st.integers(1, 30))
    p = theory.exploration_probability(
        t=np.arange(1, T + 1), c=draw(st.sampled_from([0.0, 0.1, 1.0])), a=draw(positive)
    )
    V, start = draw(st.sampled_from([0.0, 0.01, 0.1, 1.0])), draw(st.sampled_from([0, 0, 3, 25]))
    f, h = draw(st.sampled_from([1.0, 0.5, 0.1])), draw(st.sampled_from([None, 1.0]))
    return distribution, steps, n, V, p, s_hat, start, f, h, draw(st.sampled_from([0, 0, 2]))


def error(distribution, s_hat) -> float:
    return float(distribution.weight @ np.abs(s_hat - distribution.mean).max(axis=1))
