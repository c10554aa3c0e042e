"""Policies judged on a decision log beside the log's own router: what to keep, what to drop, what is undecided."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from messjax.evaluation.ope.estimators import terms_of
from messjax.evaluation.ope.judging import Judged, Judging, Settings
from messjax.evaluation.ope.learned_rows import Grid, judge_mess_plus, learner, settings_of, with_feedback
from messjax.evaluation.ope.limits_of_means import limits_of
from messjax.evaluation.ope.outcome_model import cross_fitted, fit, predict
from messjax.evaluation.ope.pairs import Pair, all_pairs
from messjax.evaluation.ope.support import NotIdentifiableError
from messjax.predictors.ridge_regression import STRENGTH
from messjax.theory.optimum import solve
from messjax.traces.logs.logged_trace import LoggedTrace
from messjax.types import Distribution

POLICIES = ("single", "uniform", "mixture", "router")
LEARNING = "mess+"
RATIOS = 200  # values of Q/V from which that of the router is chosen
FEWEST = 50  # requests that are judged on


class Judgement(NamedTuple):
    """All policies, the log's own router first.

    Attributes:
        rows: The policies.
        settings: How they were judged.
        logged: Number of requests in the log.
        trained: Of these, how many the policies were made on.
        judged: Of these, how many they are judged on.
        ratios: Frontier of the router over Q/V on the judged requests: (Q/V, cost, satisfaction) [k, 3], estimates
            without limits.
        pairs: Every policy beside every one before it, on the same requests.
        screened: Settings of MESS+ that were tried on the first part; 0: all of them were judged.
    """

    rows: tuple[Judged, ...]
    settings: Settings
    logged: int
    trained: int
    judged: int
    ratios: np.ndarray
    pairs: tuple[Pair, ...] = ()
    screened: int = 0


def judge_policies(
    log: LoggedTrace,
    features: np.ndarray,
    settings: Settings,
    wanted: Sequence[str] = POLICIES,
    grid: Grid = Grid(),  # noqa: B008 (a tuple)
) -> Judgement:
    """Judge policies that are made on the first part of a log on the rest of it.

    Args:
        log: N requests, M models.
        features: Features [N, d].
        settings: How.
        wanted: Which policies: every single model, uniform choice, the static mixture of least cost that meets alpha by
            the first part's estimates, the rule of MESS+ at a fixed Q/V (`router`: serve argmin of cost - Q/V s_hat),
            whose Q/V is the least of which the first part shows that it meets alpha; and `LEARNING`, MESS+ that learns
            while it serves.
        grid: Settings of the latter; of more than three the best on the first part are judged.

    Returns:
        The judgement.

    Raises:
        ValueError: Too few requests, costs that are not recorded, or settings out of range.
    """
    num = len(log.action)
    trained = round(settings.training * num)
    if num - trained < FEWEST or trained < FEWEST:
        raise ValueError(
            f"{log.source}: found {trained} requests to make policies on and {num - trained} to judge them on, "
            f"expected at least {FEWEST} of each"
        )
    if np.isnan(log.cost).all():
        raise ValueError(f"{log.source}: found no costs, expected what was paid per request: cost=COLUMN")
    first, rest = np.arange(trained), np.arange(trained, num)
    made = make_policies(log, features, first, rest, settings, wanted)
    judging = Judging(log.take(rest), features[rest], settings)
    learned, screened = [], 0
    if LEARNING in wanted:  # first: the others are compared on the samples that it is replayed on
        with_feedback(log)
        policy, part = learner(made.rates, features.shape[1]), log.take(first)
        chosen = settings_of(part, features[first], grid, policy, made.spread, settings.alpha, settings.seed)
        learned = judge_mess_plus(judging, features[rest], policy, chosen, settings.seed)
        screened = len(grid.V) * len(grid.c) if len(chosen) < len(grid.V) * len(grid.c) else 0
    own = judging.own()
    rows = [own] + [judging.of(name, policy) for name, policy in made.policies.items()] + learned
    named = [(row.name, row.estimates) for row in rows if row.estimates is not None]
    pairs = all_pairs(named, judging.level, settings.interval)
    ratios = np.array([(ratio, *judging.estimate(made.router(ratio))) for ratio in made.ratios]).reshape(-1, 3)
    ratios = ratios[np.isfinite(ratios).all(axis=1)]
    return Judgement(tuple(rows), settings, num, trained, num - trained, ratios, pairs, screened)


class Made(NamedTuple):
    """Policies made on the first part.

    Attributes:
        policies: Probabilities [n, M] on the rest, by name.
        router: The router on the rest at any Q/V.
        ratios: The Q/V that were tried [k]; empty: the router was not wanted.
        rates: Mean satisfaction of each model [M] on the first part.
        spread: Range of the models' mean costs on it.
    """

    policies: dict[str, np.ndarray]
    router: Callable[[float], np.ndarray]
    ratios: np.ndarray
    rates: np.ndarray
    spread: float


def make_policies(
    log: LoggedTrace, x: np.ndarray, first: np.ndarray, rest: np.ndarray, settings: Settings, wanted: Sequence[str]
) -> Made:
    """Make policies on the first part of a log.

    Args:
        log: The log.
        x: Features [N, d].
        first: Numbers of the requests that they are made on [k].
        rest: Numbers of those that they are for [n].
        settings: Read for `alpha` and `seed`.
        wanted: Which policies.

    Returns:
        The policies.

    Raises:
        ValueError: An unknown policy.
    """
    if unknown := [name for name in wanted if name not in (*POLICIES, LEARNING)]:
        raise ValueError(f"--policies: found {unknown[0]!r}, expected some of {', '.join((*POLICIES, LEARNING))}")
    size, num_models = len(rest), len(log.models)
    part = log.take(first)
    weights = 1.0 if part.chosen_propensity is None else 1.0 / part.chosen_propensity
    mean_cost, mean_score = (_means(part, values, weights) for values in (part.cost, part.score))
    policies: dict[str, np.ndarray] = {}
    if "single" in wanted:
        policies |= {f"only {name}": np.tile(np.eye(num_models)[m], (size, 1)) for m, name in enumerate(log.models)}
    if "uniform" in wanted:
        policies["uniform random"] = np.full((size, num_models), 1.0 / num_models)
    if "mixture" in wanted:
        alpha = min(settings.alpha, float(mean_score.max()))
        mixture = solve(Distribution(np.ones(1), mean_cost[None], mean_score[None]), alpha).mixture[0]
        policies["static mixture"] = np.tile(mixture, (size, 1))
    cost = np.broadcast_to(mean_cost if log.known_cost is None else log.known_cost, (len(x), num_models))

    def router(ratio: float) -> np.ndarray:
        score = cost[rest] - ratio * s_hat
        score = score if log.eligible is None else np.where(log.eligible[rest], score, np.inf)
        return np.eye(num_models)[score.argmin(axis=1)]

    ratios = np.zeros(0)
    if "router" in wanted:
        s_hat = predict(fit(x[first], part.action, part.score, num_models, STRENGTH), x[rest], 0.0, 1.0)
        inside = cross_fitted(x[first], part.action, part.score, num_models, low=0.0, high=1.0, seed=settings.seed)
        ratio, ratios = _ratio(part, inside, cost[first], settings)
        policies[f"router at Q/V = {ratio:.3g}"] = router(ratio)
    if log.eligible is not None:
        policies = {name: among(policy, log.eligible[rest]) for name, policy in policies.items()}
    return Made(policies, router, ratios, mean_score, float(np.ptp(mean_cost)) or 1.0)


def among(policy: np.ndarray, eligible: np.ndarray) -> np.ndarray:
    """A policy that chooses eligible models only, in the proportions that it gives them.

    Args:
        policy: Probabilities [n, M].
        eligible: Which models could be chosen [n, M].

    Returns:
        Probabilities [n, M]; uniform over the eligible models where the policy would choose none of them.
    """
    allowed = np.where(eligible, policy, 0.0)
    allowed = np.where(allowed.sum(axis=1, keepdims=True) > 0, allowed, eligible)
    shared: np.ndarray = allowed / allowed.sum(axis=1, keepdims=True)
    return shared


def _means(part: LoggedTrace, values: np.ndarray, weights: Any) -> np.ndarray:
    """Mean outcome of each model [M], weighted by 1 / mu; a model without one has the mean of all."""
    known = ~np.isnan(values)
    weight = np.where(known, weights, 0.0)
    total = np.bincount(part.action, weight, minlength=len(part.models))
    result = np.bincount(part.action, weight * np.where(known, values, 0.0), minlength=len(part.models))
    overall = float(np.nanmean(values)) if known.any() else 0.0
    return np.where(total > 0, result / np.where(total > 0, total, 1.0), overall)


def _ratio(part: LoggedTrace, s_hat: np.ndarray, cost: np.ndarray, settings: Settings) -> tuple[float, np.ndarray]:
    """The least Q/V of which the first part shows that it meets alpha, or the one that satisfies most; and all."""
    spread = float(cost.mean(axis=0).max() - cost.mean(axis=0).min()) or 1.0
    known, lower = [], []
    estimator = settings.estimator if part.propensity is not None else "dm"
    for ratio in np.append(0.0, spread * np.geomspace(0.1, 1000.0, RATIOS - 1)):
        score = cost - ratio * s_hat
        served = (score if part.eligible is None else np.where(part.eligible, score, np.inf)).argmin(axis=1)
        with contextlib.suppress(NotIdentifiableError):
            policy = np.eye(s_hat.shape[1])[served]
            limits = limits_of(terms_of(part, policy, part.score, estimator=estimator, model=s_hat), settings.level)
            known.append(ratio)
            lower.append(limits.lower)
    if not known:
        return spread, np.zeros(0)
    meets = np.flatnonzero(np.array(lower) >= settings.alpha)
    return known[meets[0] if len(meets) else int(np.argmax(lower))], np.array(known)
