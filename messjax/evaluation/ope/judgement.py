"""Policies judged on a decision log beside the log's own router: what to keep, what to drop, what is undecided."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from messjax.evaluation.ope.estimators import Terms, received, terms_of
from messjax.evaluation.ope.limits_of_means import Limits, limits_of
from messjax.evaluation.ope.outcome_model import cross_fitted, fit, predict
from messjax.evaluation.ope.support import NotIdentifiableError, Support, support_of
from messjax.predictors.ridge_regression import STRENGTH
from messjax.theory.optimum import solve
from messjax.traces.logs.logged_trace import LoggedTrace
from messjax.types import Distribution

KEEP, KILL, UNDECIDED, NO = "keep", "kill", "undecided", "not identifiable"
POLICIES = ("single", "uniform", "mixture", "router")
RATIOS = 200  # values of Q/V from which that of the router is chosen
FEWEST = 50  # requests that are judged on


class Settings(NamedTuple):
    """How policies are judged.

    Attributes:
        alpha: Required mean satisfaction.
        estimator: One of `ESTIMATORS`.
        interval: One of `limits_of_means.KINDS`.
        level: Coverage of the limits of cost and satisfaction together: each has half of the error.
        training: Share of the requests, the first ones, on which policies are made.
        seed: Seed of the folds.
    """

    alpha: float
    estimator: str = "dr"
    interval: str = "t"
    level: float = 0.95
    training: float = 0.3
    seed: int = 0


class Judged(NamedTuple):
    """A policy and what the log says of it.

    Attributes:
        name: Name of the policy.
        satisfaction: Estimate with limits; None where it is not identifiable.
        cost: Likewise.
        saved: The cost of the log's router less that of the policy, on the same requests.
        support: How well the log covers it, or None without propensities.
        verdict: `KEEP`, `KILL`, `UNDECIDED` or `NO`.
        reason: Why.
        more: How many more judged requests would decide it, as far as the estimates are right; None: unknown.
    """

    name: str
    satisfaction: Limits | None
    cost: Limits | None
    saved: Limits | None
    support: Support | None
    verdict: str
    reason: str
    more: int | None = None


class Judgement(NamedTuple):
    """All policies, the log's own router first.

    Attributes:
        rows: The policies.
        settings: How they were judged.
        logged: Number of requests in the log.
        trained: Of these, how many the policies were made on.
        judged: Of these, how many they are judged on.
        ratios: Frontier of the router over Q/V: (Q/V, cost, satisfaction) [k, 3], estimates without limits.
    """

    rows: tuple[Judged, ...]
    settings: Settings
    logged: int
    trained: int
    judged: int
    ratios: np.ndarray


def judge_policies(
    log: LoggedTrace, features: np.ndarray, settings: Settings, wanted: Sequence[str] = POLICIES
) -> Judgement:
    """Judge policies that are made on the first part of a log on the rest of it.

    Args:
        log: N requests, M models.
        features: Features [N, d].
        settings: How.
        wanted: Which policies, of `POLICIES`: every single model, uniform choice, the static mixture of least cost that
            meets alpha by the first part's estimates, and the rule of MESS+ at a fixed Q/V (`router`: serve argmin of
            cost - Q/V s_hat), whose Q/V is the least of which the first part shows that it meets alpha.

    Returns:
        The judgement.

    Raises:
        ValueError: Too few requests, costs that are not recorded, or settings out of range.
    """
    num = len(log.action)
    trained = round(settings.training * num)
    if num - trained < FEWEST or trained < FEWEST:
        raise ValueError(
            f"{log.source}: found {num} requests, expected at least {2 * FEWEST} to make and judge policies"
        )
    if np.isnan(log.cost).all():
        raise ValueError(f"{log.source}: found no costs, expected what was paid per request: cost=COLUMN")
    first, rest = np.arange(trained), np.arange(trained, num)
    made = make_policies(log, features, first, rest, settings, wanted)
    judging = Judging(log.take(rest), features[rest], settings)
    rows = [judging.own()] + [judging.of(name, policy) for name, policy in made.policies.items()]
    return Judgement(tuple(rows), settings, num, trained, num - trained, made.ratios)


class Made(NamedTuple):
    """Policies made on the first part.

    Attributes:
        policies: Probabilities [n, M] on the rest, by name.
        ratios: As in `Judgement`, estimated on the first part.
    """

    policies: dict[str, np.ndarray]
    ratios: np.ndarray


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
    if unknown := [name for name in wanted if name not in POLICIES]:
        raise ValueError(f"--policies: found {unknown[0]!r}, expected some of {', '.join(POLICIES)}")
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
    ratios = np.zeros((0, 3))
    if "router" in wanted:
        theta = fit(x[first], part.action, part.score, num_models, STRENGTH)
        inside = cross_fitted(x[first], part.action, part.score, num_models, low=0.0, high=1.0, seed=settings.seed)
        cost = mean_cost if log.known_cost is None else log.known_cost
        of_first = np.broadcast_to(cost[first] if cost.ndim == 2 else cost, inside.shape)
        ratio, ratios = _ratio(part, inside, of_first, settings)
        served = (cost[rest] if cost.ndim == 2 else cost) - ratio * predict(theta, x[rest], 0.0, 1.0)
        policies[f"router at Q/V = {ratio:.3g}"] = np.eye(num_models)[served.argmin(axis=1)]
    return Made(policies, ratios)


def _means(part: LoggedTrace, values: np.ndarray, weights: Any) -> np.ndarray:
    """Mean outcome of each model [M], weighted by 1 / mu; a model without one has the mean of all."""
    known = ~np.isnan(values)
    weight = np.where(known, weights, 0.0)
    total = np.bincount(part.action, weight, minlength=len(part.models))
    result = np.bincount(part.action, weight * np.where(known, values, 0.0), minlength=len(part.models))
    overall = float(np.nanmean(values)) if known.any() else 0.0
    return np.where(total > 0, result / np.where(total > 0, total, 1.0), overall)


def _ratio(part: LoggedTrace, s_hat: np.ndarray, cost: np.ndarray, settings: Settings) -> tuple[float, np.ndarray]:
    """The least Q/V of which the first part shows that it meets alpha, or else the one that satisfies most."""
    spread = float(cost.mean(axis=0).max() - cost.mean(axis=0).min()) or 1.0
    rows, points, lower = np.arange(len(s_hat)), [], []
    estimator = settings.estimator if part.propensity is not None else "dm"
    for ratio in np.append(0.0, spread * np.geomspace(0.1, 1000.0, RATIOS - 1)):
        served = (cost - ratio * s_hat).argmin(axis=1)
        with contextlib.suppress(NotIdentifiableError):
            policy = np.eye(s_hat.shape[1])[served]
            limits = limits_of(terms_of(part, policy, part.score, estimator=estimator, model=s_hat), settings.level)
            points.append((ratio, float(cost[rows, served].mean()), limits.value))
            lower.append(limits.lower)
    if not points:
        return spread, np.zeros((0, 3))
    meets = np.flatnonzero(np.array(lower) >= settings.alpha)
    return points[meets[0] if len(meets) else int(np.argmax(lower))][0], np.array(points)


class Judging:
    """The part of a log on which policies are judged, with its models of the outcomes."""

    def __init__(self, log: LoggedTrace, x: np.ndarray, settings: Settings) -> None:
        self.log, self.settings = log, settings
        self.level = 1.0 - (1.0 - settings.level) / 2.0  # of cost and of satisfaction
        self.estimator = settings.estimator if log.propensity is not None else "dm"
        self.fails = False  # the log's own router, shown to be below alpha
        self.dearest = float(np.nanmax(log.cost))
        ranges = ((log.score, 1.0), (log.cost, max(self.dearest, 1e-12)))
        self.models = [
            cross_fitted(x, log.action, values, len(log.models), low=0.0, high=high, seed=settings.seed)
            for values, high in ranges
        ]

    def own(self) -> Judged:
        """What the log's own router did.

        Returns:
            The row.
        """
        limits = [self._limits(self._own(values, high)) for values, high in ((self.log.score, 1.0), self._costs)]
        self.fails = limits[0].upper < self.settings.alpha
        return Judged("the log's own router", limits[0], limits[1], None, None, "", "what was done")

    def of(self, name: str, policy: np.ndarray) -> Judged:
        """What a policy would have done.

        Args:
            name: Its name.
            policy: Probabilities [n, M].

        Returns:
            The row.
        """
        try:
            score, cost = (
                terms_of(
                    self.log, policy, values, estimator=self.estimator, model=model, high=high, name=name
                )
                for values, model, high in zip(
                    (self.log.score, self.log.cost), self.models, (1.0, self.dearest), strict=True
                )
            )  # fmt: skip
        except NotIdentifiableError as error:
            return Judged(name, None, None, None, None, NO, str(error))
        support = None if self.log.propensity is None else support_of(self.log, policy)
        own = self._own(*self._costs)
        saved = self._limits(Terms(own.each - cost.each, own.low - cost.high, own.high - cost.low))
        of_score, of_cost = self._limits(score), self._limits(cost)
        verdict, reason, more = self._verdict(of_score, saved)
        return Judged(name, of_score, of_cost, saved, support, verdict, reason, more)

    @property
    def _costs(self) -> tuple[np.ndarray, float]:
        return self.log.cost, self.dearest

    def _own(self, values: np.ndarray, high: float) -> Terms:
        """The terms of what the log's own router did."""
        factor = received(self.log, values)
        return Terms(factor * np.where(np.isnan(values), 0.0, values), 0.0, high * max(float(factor.max()), 1.0))

    def _limits(self, terms: Terms) -> Limits:
        kind = self.settings.interval if np.isfinite([terms.low, terms.high]).all() else "t"
        return limits_of(terms, self.level, kind)

    def _verdict(self, satisfaction: Limits, saved: Limits) -> tuple[str, str, int | None]:
        alpha, size = self.settings.alpha, len(self.log.action)
        if self.log.propensity is None:
            return UNDECIDED, "the log has no propensities: the estimate rests on a model of the outcomes alone", None
        if satisfaction.upper < alpha:
            return KILL, f"it satisfies fewer than alpha = {alpha:g}", None
        if self.fails and satisfaction.lower >= alpha:
            return KEEP, "it meets alpha, which the log's own router does not", None
        if saved.upper < 0 and not self.fails:
            return KILL, "it costs more than the log's own router", None
        if satisfaction.lower >= alpha and saved.lower > 0:
            return KEEP, "it meets alpha and costs less than the log's own router", None
        open_ones = []
        if satisfaction.lower < alpha:
            open_ones.append((abs(satisfaction.value - alpha), satisfaction.half, "whether it meets alpha"))
        if saved.lower <= 0 and not self.fails:
            open_ones.append((abs(saved.value), saved.half, "whether it costs less"))
        needed = max((half / margin) ** 2 * size if margin > 0 else np.inf for margin, half, _ in open_ones)
        more = int(np.ceil(needed - size)) if np.isfinite(needed) and needed < 1e9 else None
        return UNDECIDED, " and ".join(words for _, _, words in open_ones) + " is open", more
