"""Routers of the user's own whose choices or scores a trace records, as policies beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from messjax.evaluation import comparison
from messjax.evaluation.recommendation.candidates import pair_around
from messjax.traces import Trace


def records(trace: Trace, alphas: Sequence[float]) -> list[dict[str, Any]]:
    """What such routers cost and satisfied, beside what `comparison.records` says of the other policies.

    A score serves the stronger of the two models that the static mixture uses at alpha where it is above a threshold:
    the least expensive threshold that satisfies alpha on this trace, as the mixture too is chosen on it.

    Args:
        trace: The trace.
        alphas: Required satisfactions.

    Returns:
        One record for each router with choices, and one per alpha for each with scores, with the fields of
        `comparison.records` that they have.
    """
    found: list[dict[str, Any]] = []
    for name, choice in trace.choices.items():
        known = np.flatnonzero(np.asarray(choice) >= 0)
        if len(known):
            found.append(_record(trace, f"{name} (recorded{_some(known, choice)})", known, np.asarray(choice)[known]))
    for name, scores in trace.router_scores.items():
        known = np.flatnonzero(np.isfinite(scores))
        for alpha in alphas if len(known) else ():
            bar, served = _at_threshold(trace, known, np.asarray(scores)[known], alpha)
            what = f"{name} > {bar:.4g}\n  alpha = {alpha:g}{_some(known, scores)}"
            found.append(_record(trace, what, known, served) | {"alpha": alpha})
    return found


def _at_threshold(trace: Trace, known: np.ndarray, scores: np.ndarray, alpha: float) -> tuple[float, np.ndarray]:
    """The cheapest threshold that satisfies alpha on these requests, or the most satisfying one; whom it serves."""
    cost, satisfied = trace.cost[known], trace.satisfaction[known]
    weak, strong = pair_around(cost.mean(axis=0), satisfied.mean(axis=0), alpha)
    order = np.argsort(scores, kind="stable")
    bars = np.append(-np.inf, scores[order])  # above bars[i] are the requests from the i-th on
    last = np.append(bars[1:] > bars[:-1], True)  # equal scores are not told apart

    def total(values: np.ndarray) -> np.ndarray:
        below = np.append(0.0, np.cumsum(values[order, weak]))
        above = np.append(0.0, np.cumsum(values[order, strong]))
        return (below + above[-1] - above) / len(order)

    paid, kept = total(cost), total(satisfied)
    good = last & (kept >= alpha - 1e-9)
    at = int(np.argmin(np.where(good, paid, np.inf))) if good.any() else int(np.argmax(np.where(last, kept, -np.inf)))
    return float(bars[at]), np.where(scores > bars[at], strong, weak)


def _some(known: np.ndarray, values: np.ndarray) -> str:
    return f" on {len(known):,} requests" if len(known) < len(values) else ""


def _record(trace: Trace, name: str, known: np.ndarray, served: np.ndarray) -> dict[str, Any]:
    share = np.bincount(served, minlength=len(trace.models)) / len(known)
    cost, satisfied = float(trace.cost[known, served].mean()), float(trace.satisfaction[known, served].mean())
    row = {"policy": name, "cost": cost, "cost_exploit": cost, "satisfaction": satisfied, "explored": 0.0}
    calls = zip(trace.models, share, strict=True)
    return row | {f"{comparison.CALLS}{model}": float(part) for model, part in calls}
