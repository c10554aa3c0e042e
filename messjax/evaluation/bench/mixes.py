"""The controls that are always there: single models, uniform, static mixes, the LP optimum, the oracle of each row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from messjax.evaluation.bench.scenarios import Scenario
from messjax.theory import optimum
from messjax.types import Distribution


class Realised(NamedTuple):
    """Costs and satisfactions of all models in one scenario, as they were on the judged streams.

    Attributes:
        cost: [S, T, M].
        satisfaction: [S, T, M].
    """

    cost: np.ndarray
    satisfaction: np.ndarray

    @property
    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean cost [M] and mean satisfaction [M]."""
        return self.cost.mean(axis=(0, 1)), self.satisfaction.mean(axis=(0, 1))


def realised(
    scenario: Scenario, cost: np.ndarray, satisfaction: np.ndarray, rows: np.ndarray, phase: np.ndarray
) -> Realised:
    """What every model costs and earns in a scenario.

    Args:
        scenario: The scenario.
        cost: Recorded costs [n, M].
        satisfaction: Recorded satisfactions [n, M].
        rows: Rows of the requests [S, T].
        phase: Phase of each request [T].

    Returns:
        Costs and satisfactions.
    """
    return Realised(cost[rows] * scenario.price[phase][None], satisfaction[rows] * scenario.quality[phase][None])


def hull(cost: np.ndarray, satisfaction: np.ndarray, allowed: np.ndarray | None = None) -> np.ndarray:
    """The models on the hull of (cost, satisfaction), which static mixes of two models are made of.

    Args:
        cost: Mean costs [M].
        satisfaction: Mean satisfactions [M], in [0, 1].
        allowed: Models that may be used [M] bool; None: all.

    Returns:
        Numbers of the models, by increasing cost and satisfaction.
    """
    usable = np.flatnonzero(np.ones(len(cost), bool) if allowed is None else allowed)
    weights = optimum.frontier(cost[usable], np.clip(satisfaction[usable], 0.0, 1.0))[1]
    return usable[np.argmax(weights, axis=1)]


def matched(vertices: np.ndarray, cost: np.ndarray, satisfaction: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """The satisfaction of the static mix of two neighbours on a hull that costs as much as a policy did.

    Below the least expensive vertex the mix answers only a share of the requests; above the last it is that model.

    Args:
        vertices: Models on the hull [H].
        cost: Mean costs [..., M].
        satisfaction: Mean satisfactions [..., M].
        spent: Cost per request of the policy [...].

    Returns:
        Satisfactions [...].
    """
    c, s = cost[..., vertices], satisfaction[..., vertices]
    zero = np.zeros((*np.shape(spent), 1))
    c, s = np.concatenate([zero, c], axis=-1), np.concatenate([zero, s], axis=-1)
    result = np.zeros(np.shape(spent))
    for j in range(c.shape[-1] - 1):
        width = np.maximum(c[..., j + 1] - c[..., j], 1e-300)
        share = np.clip((spent - c[..., j]) / width, 0.0, 1.0)
        inside = spent >= c[..., j]
        result = np.where(inside, s[..., j] + share * (s[..., j + 1] - s[..., j]), result)
    return result


def cheapest(vertices: np.ndarray, cost: np.ndarray, satisfaction: np.ndarray, alpha: float) -> tuple[float, float]:
    """The least expensive static mix on a hull that reaches alpha, or the best model where none does.

    Args:
        vertices: Models on the hull [H].
        cost: Mean costs [M].
        satisfaction: Mean satisfactions [M].
        alpha: Target.

    Returns:
        Its cost per request, and its price, the cost of one more unit of satisfaction.
    """
    c, s = cost[vertices], satisfaction[vertices]
    if len(vertices) == 1:
        return float(c[0]), 0.0
    j = int(np.clip(np.searchsorted(s, alpha), 1, len(s) - 1))
    price = float((c[j] - c[j - 1]) / (s[j] - s[j - 1]))
    return float(np.interp(alpha, s, c)), price if alpha > s[0] else 0.0


class Frontier(NamedTuple):
    """What a clairvoyant that knows every label attains: the LP over the judged requests.

    Attributes:
        satisfaction: [R] increasing.
        cost: [R] increasing.
    """

    satisfaction: np.ndarray
    cost: np.ndarray


def clairvoyant(cost: np.ndarray, satisfaction: np.ndarray) -> Frontier:
    """The LP optimum for every target at once.

    Args:
        cost: [n, M].
        satisfaction: [n, M].

    Returns:
        The frontier.
    """
    n = len(cost)
    stairs = optimum.staircase(Distribution(np.full(n, 1.0 / n), cost, satisfaction, "labels"))
    first = cost[np.arange(n), stairs.model[0]].mean()
    steps = np.diff(stairs.level) * stairs.price[1:]
    return Frontier(
        stairs.level, first + np.concatenate([[0.0], np.cumsum(np.where(np.diff(stairs.level) > 0, steps, 0.0))])
    )


def row_oracle(cost: np.ndarray, satisfaction: np.ndarray) -> tuple[float, float]:
    """Mean cost and satisfaction of the least expensive model among the best ones of every row.

    Args:
        cost: [n, M].
        satisfaction: [n, M].

    Returns:
        Cost per request and satisfaction.
    """
    best = satisfaction >= satisfaction.max(axis=1, keepdims=True)
    return float(np.where(best, cost, np.inf).min(axis=1).mean()), float(satisfaction.max(axis=1).mean())
