"""Semi-synthetic decision logs: a trace of which a router with known probabilities shows one answer per request."""

from __future__ import annotations

import numpy as np

from messjax.traces.logs.logged_trace import LoggedTrace, check_log
from messjax.traces.schema import Trace
from messjax.traces.texts import Texts


def log_of(
    trace: Trace,
    propensity: np.ndarray,
    *,
    seed: int,
    observed: float = 1.0,
    features: np.ndarray | None = None,
    costs_known: bool = False,
) -> LoggedTrace:
    """The log of a router on a trace, whose outcomes under every other policy are known.

    Args:
        trace: N requests, M models.
        propensity: Probabilities [N, M] or [M] with which the router chooses each model.
        seed: Seed of its choices.
        observed: Probability with which feedback comes.
        features: Features of the requests [N, d], or None.
        costs_known: Whether the costs of all models are known before the choice.

    Returns:
        The log, with exact propensities.

    Raises:
        ValueError: Probabilities that do not add up to 1.
    """
    rng = np.random.default_rng(seed)
    score = np.asarray(trace.satisfaction, np.float64)
    num, num_models = score.shape
    mu: np.ndarray = np.broadcast_to(np.asarray(propensity, np.float64), (num, num_models))
    cost: np.ndarray = np.broadcast_to(np.asarray(trace.cost, np.float64), (num, num_models))
    drawn: np.ndarray = rng.random((num, 1))
    action: np.ndarray = (np.cumsum(mu, axis=1) < drawn).sum(axis=1).clip(0, num_models - 1)
    rows = np.arange(num)
    seen = rng.random(num) < observed
    return check_log(
        LoggedTrace(
            format="messjax",
            source=f"log of {trace.source}",
            files=(),
            models=trace.models,
            ids=Texts.of(list(trace.ids)) if trace.ids is not None else Texts.of([str(n) for n in rows]),
            texts=Texts.of(list(trace.prompts)),
            action=action.astype(np.int32),
            score=np.where(seen, score[rows, action], np.nan),
            cost=cost[rows, action],
            cost_unit=trace.cost_unit,
            propensity=mu.copy(),
            method="exact",
            known_cost=cost.copy() if costs_known else None,
            p_observed=None if observed == 1.0 else np.full(num, observed),
            features=features,
            feature_names=() if features is None else tuple(f"x{k}" for k in range(features.shape[1])),
        )
    )
