"""MESS+ that learns while it serves, judged on the same part of a log as the policies that do not change."""

from __future__ import annotations

import jax
import numpy as np
from scipy import special

from messjax import policies
from messjax.evaluation.ope.judging import Judged, Judging
from messjax.evaluation.ope.learning import replay_log
from messjax.evaluation.ope.limits_of_means import Limits
from messjax.predictors import ridge_regression
from messjax.types import Controls

SCALES = (0.1, 1.0, 10.0)  # V in units of 1 over the range of the models' mean costs
SEEDS = 4


def judge_mess_plus(judging: Judging, x: np.ndarray, rates: np.ndarray, spread: float, seed: int) -> list[Judged]:
    """MESS+ under one-sided feedback, learning from every answer, for three V; replayed by rejection.

    Limits are Student's t of the doubly robust terms, asymptotic, and the mean over repetitions: other draws of what is
    accepted. The difference from the log's own router is taken as if both were independent, which is too wide.

    Args:
        judging: The part of the log.
        x: Features [n, d] of it.
        rates: Mean satisfactions [M] that the ridge regression starts from.
        spread: Range of the models' mean costs, in the cost unit.
        seed: Seed of the repetitions.

    Returns:
        A row per V.

    Raises:
        NotIdentifiableError: A log without propensities.
        ValueError: Feedback that is not missing by chance alone.
    """
    log = judging.log
    if log.p_observed is not None and np.ptp(log.p_observed) > 0:
        raise ValueError(f"{log.source}: found p_observed that varies, expected one number for a policy that learns")
    rows = np.flatnonzero(log.observed & ~np.isnan(log.cost))
    predictor = ridge_regression.ridge(ridge_regression.prior(rates, x.shape[1], trust=10.0))
    policy = policies.one_sided(predictor, learning="served")
    grid = np.array(SCALES) / spread
    controls = Controls(V=grid, alpha=judging.settings.alpha, c=1.0)
    runs = replay_log(
        jax.random.key(seed), controls, policy=policy, log=log.take(rows), features=x[rows], seeds=SEEDS
    ).mean("stream")
    result = []
    for k, V in enumerate(grid):
        at = runs.isel(V=k)
        score, cost = (
            _limits(float(at[name]), float(at[f"{name}_error"]), judging) for name in ("satisfaction", "cost")
        )
        own = judging.own().cost
        assert own is not None
        saved = _difference(own, cost)
        verdict, reason, more = judging.verdict(score, saved)
        clock = f"{int(at['accepted']):,} of {len(rows):,} requests were accepted and learned from"
        result.append(Judged(f"MESS+ at V = {V:.3g}", score, cost, saved, None, verdict, f"{reason}; {clock}", more))
    return result


def _limits(value: float, error: float, judging: Judging) -> Limits:
    half = float(special.ndtri(0.5 + judging.level / 2.0)) * error
    return Limits(value, value - half, value + half, judging.level, "t")


def _difference(own: Limits, cost: Limits) -> Limits:
    half, value = float(np.hypot(own.half, cost.half)), own.value - cost.value
    return Limits(value, value - half, value + half, own.level, "t")
