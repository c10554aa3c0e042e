"""MESS+ that learns while it serves, judged on the same part of a log as the policies that do not change."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from messjax import policies
from messjax.evaluation.ope.judging import Judged, Judging
from messjax.evaluation.ope.learning import replay_log
from messjax.evaluation.ope.pairs import Estimates, resampled_limits
from messjax.predictors import ridge_regression
from messjax.traces.logs.logged_trace import LoggedTrace
from messjax.types import Controls, Policy

SCALES = (0.1, 1.0, 10.0)  # V in units of 1 over the range of the models' mean costs
SEEDS = 32  # repetitions of which the estimate is the mean
RESAMPLES = 32  # bootstrap samples, from whose spread the limits are made; as many: both are one compiled program
FINALISTS = 3  # settings of a larger grid that are judged, chosen on the first part
SCREENED = 2  # repetitions of each setting on the first part
MEASURED = 0.934, 0.998  # coverage of limits of level .95 on synthetic logs, least and largest: `python -m sims logs`


class Grid(NamedTuple):
    """Settings of MESS+.

    Attributes:
        V: Weights of cost against satisfaction; empty: `SCALES` over the range of the models' mean costs.
        c: Scales of exploration.
    """

    V: tuple[float, ...] = ()
    c: tuple[float, ...] = (1.0,)


def learner(rates: np.ndarray, num_features: int) -> Policy:
    """MESS+ under one-sided feedback, learning from every answer.

    Args:
        rates: Mean satisfactions [M] that the ridge regression starts from.
        num_features: Number of features d.

    Returns:
        The policy.
    """
    return policies.one_sided(
        ridge_regression.ridge(ridge_regression.prior(rates, num_features, trust=10.0)), learning="served"
    )


def with_feedback(log: LoggedTrace) -> np.ndarray:
    """The requests that a policy can learn from.

    Args:
        log: The log.

    Returns:
        Their numbers.

    Raises:
        ValueError: Feedback that is not missing by chance alone.
    """
    if log.p_observed is not None and np.ptp(log.p_observed) > 0:
        raise ValueError(f"{log.source}: found p_observed that varies, expected one number for a policy that learns")
    return np.flatnonzero(log.observed & ~np.isnan(log.cost))


def settings_of(
    log: LoggedTrace, x: np.ndarray, grid: Grid, policy: Policy, spread: float, alpha: float, seed: int
) -> list[Controls]:
    """The settings to be judged: the whole grid, or those that come out best on the first part of the log.

    Args:
        log: The first part.
        x: Features [n, d] of it.
        grid: The settings.
        policy: The policy.
        spread: Range of the models' mean costs, in the cost unit.
        alpha: Required satisfaction.
        seed: Seed of the repetitions.

    Returns:
        At most `FINALISTS` settings: the cheapest of those whose estimate on the first part meets alpha, or else those
        that satisfy most.

    Raises:
        NotIdentifiableError: A log without propensities.
        ValueError: As `with_feedback` raises.
    """
    V = np.array(grid.V or np.array(SCALES) / spread, float)
    points = [Controls(V=v, alpha=alpha, c=c) for v in V for c in grid.c]
    if len(points) <= FINALISTS:
        return points
    rows = with_feedback(log)
    runs = replay_log(
        jax.random.key(seed), Controls(V=V, alpha=alpha, c=np.array(grid.c)), policy=policy, log=log.take(rows),
        features=x[rows], seeds=SCREENED,
    ).mean("stream").transpose("V", "c")  # fmt: skip
    score, cost = runs["satisfaction"].values.ravel(), runs["cost"].values.ravel()
    order = np.lexsort((np.where(score >= alpha, cost, -score), score < alpha))
    return [points[k] for k in order[:FINALISTS]]


def judge_mess_plus(judging: Judging, x: np.ndarray, policy: Policy, chosen: list[Controls], seed: int) -> list[Judged]:
    """MESS+ replayed by rejection on the judged part of a log.

    What is estimated is the mean over runs of the policy on as many requests as were accepted. Limits are Student's t
    of the spread over bootstrap samples of the log, each replayed anew: they contain what the policy would have learned
    from other requests, which the variance of the doubly robust terms of a single run leaves out.

    Args:
        judging: The part of the log.
        x: Features [n, d] of it.
        policy: The policy.
        chosen: Its settings.
        seed: Seed of the repetitions.

    Returns:
        A row per setting.

    Raises:
        NotIdentifiableError: A log without propensities.
        ValueError: As `with_feedback` raises.
    """
    log, rows = judging.log, judging.with_feedback
    several = len({float(each.c) for each in chosen}) > 1
    result = []
    part, seen = log.take(rows), x[rows]
    for at in chosen:  # one program; the same key gives all settings the same bootstrap samples
        runs = replay_log(
            jax.random.key(seed), at, policy=policy, log=part, features=seen, seeds=SEEDS, resamples=RESAMPLES
        )
        judging.resample(runs["rows"].values)
        value = np.array([float(runs[name].mean()) for name in ("satisfaction", "cost")])
        resampled = np.array([runs[f"{name}_resampled"].values for name in ("satisfaction", "cost")])
        estimates = Estimates(None, value, resampled)
        clock = f"{int(runs['accepted'].mean()):,} of {len(rows):,} requests were accepted and learned from"
        name = f"MESS+ at V = {float(at.V):.3g}" + (f", c = {float(at.c):.3g}" if several else "")
        score, cost = (resampled_limits(float(value[k]), resampled[k], judging.level) for k in range(2))
        result.append(judging.judged(name, score, cost, estimates, None, clock))
    return result
