"""What every implementation returns: the ordinary meters of a run, per stream and configuration."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

UNIT = 1_000_000  # the queue is an integer in units of 1e-6


class Readings(NamedTuple):
    """Meters of a run. Leading axes: [streams] in W1, [streams, grid] in W2, [seeds, c, grid] in W3."""

    cost: np.ndarray  # of all queried models, mean per request
    cost_exploit: np.ndarray  # of the requests not explored, divided by all requests
    satisfaction: np.ndarray  # mean of s_serve
    explored: np.ndarray  # requests
    calls: np.ndarray  # [..., M] queries, with exploration
    served: np.ndarray  # [..., M] requests
    queue_mean: np.ndarray  # of Q_1, ..., Q_T, acted on
    queue_last: np.ndarray  # Q_{T+1}
    queue_max: np.ndarray  # of Q_2, ..., Q_{T+1}


def metrics_of(counts: np.ndarray, queue: np.ndarray, paid: np.ndarray, horizon: int) -> Readings:
    """Readings from sums over the requests, all axes but the last in common.

    counts [..., M + 2] = requests exploited with model 0, ..., M - 1; explored; satisfied.
    queue [..., 3] = sum of Q_1..Q_T, Q_{T+1}, max of Q_2..Q_{T+1}. paid [..., 2] = for all queries, for exploitation.
    """
    exploited, explored = counts[..., :-2], counts[..., -2]
    served = exploited.copy()
    served[..., -1] += explored  # the largest model serves what is explored
    return Readings(
        cost=paid[..., 0] / horizon,
        cost_exploit=paid[..., 1] / horizon,
        satisfaction=counts[..., -1] / horizon,
        explored=explored,
        calls=exploited + explored[..., None],
        served=served,
        queue_mean=queue[..., 0] / horizon,
        queue_last=queue[..., 1],
        queue_max=queue[..., 2],
    )


def exact(raw: np.ndarray, horizon: int, paid: np.ndarray) -> Readings:
    """Readings from integers: raw [..., M + 5] int64 = counts and queue of `readings`, the queue in units of 1e-6."""
    return metrics_of(raw[..., :-3], raw[..., -3:] / UNIT, paid, horizon)


def constant_cost(counts: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """paid [..., 2] float64 where a model's cost [M] is the same for every request: counts times prices."""
    each = np.asarray(cost, np.float64)
    exploited = counts[..., : len(each)] @ each
    return np.stack([exploited + counts[..., len(each)] * each.sum(), exploited], axis=-1)
