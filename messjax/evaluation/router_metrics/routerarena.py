"""The Arena score of RouterArena (Lu et al., arXiv 2510.00202; code: RouteWorks/RouterArena, llm_evaluation/run.py).

Based on the code, which computes it from the average cost per 1,000 requests and the average accuracy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from messjax.evaluation.router_metrics import arguments

BETA = 0.1
DEAREST, CHEAPEST = 200.0, 0.0044  # USD per 1,000 requests
_USD = {
    "usd": 1.0,
    "$": 1.0,
    "usd per 1,000 requests": 1e-3,
    "usd per 1000 requests": 1e-3,
    "usd per 1k requests": 1e-3,
}


def usd_per_request(unit: str) -> float | None:
    """What one of a trace's cost units per request is in USD.

    Known are "USD" (also "USD per request", "USD/request", "$") and "USD per 1,000 requests".

    Args:
        unit: The unit of cost.

    Returns:
        USD per request; None where that is not known (joules, prices per token).
    """
    name = unit.strip().lower().removesuffix("per request").removesuffix("/request").strip()
    return _USD.get(name)


def arena_score(accuracy: ArrayLike, cost: ArrayLike, *, unit: str) -> Any:
    """Arena score, elementwise: a harmonic mean of accuracy A and cheapness C, weighted towards accuracy.

        S = (1 + b) A C / (b A + C),  b = 0.1,  C = (log2 200 - log2 k) / (log2 200 - log2 0.0044)

    with k the cost in USD per 1,000 requests. It is in [0, 1] for k in [0.0044, 200]. The code clips nothing: below
    0.0044 C exceeds one, here too; above 200 its score changes sign and has a pole, here it is 0. Constant policies
    score high (75.75 of 100 in the benchmark): print the best single model beside it.

    Args:
        accuracy: Accuracies of any shape, in [0, 1].
        cost: Costs per request > 0 of any shape, in `unit`; broadcast against the accuracies.
        unit: The unit of cost, which must be USD (see `usd_per_request`): the score is not defined in another unit.

    Returns:
        Scores, in the broadcast shape.

    Raises:
        ValueError: Another unit, accuracy outside [0, 1], or costs that are not positive.
    """
    factor = usd_per_request(unit)
    if factor is None:
        raise ValueError(f"unit: the Arena score is defined for costs in USD per request, found {unit!r}")
    A, per_request = arguments.quality("accuracy", accuracy), arguments.floats("cost", cost)
    if (per_request <= 0).any():
        raise ValueError("cost: expected numbers > 0 (the score takes their logarithm), found 0.0")
    k = 1_000.0 * factor * per_request
    C = np.maximum((np.log2(DEAREST) - np.log2(k)) / (np.log2(DEAREST) - np.log2(CHEAPEST)), 0.0)
    with np.errstate(invalid="ignore"):
        score = (1.0 + BETA) * A * C / (BETA * A + C)
    return np.where(A * C > 0.0, score, 0.0)[()]
