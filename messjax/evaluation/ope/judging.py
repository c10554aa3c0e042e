"""A policy judged on a part of a decision log: its estimates with limits, and the verdict."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from messjax.evaluation.ope.estimators import Terms, received, terms_of
from messjax.evaluation.ope.limits_of_means import Limits, limits_of
from messjax.evaluation.ope.outcome_model import cross_fitted
from messjax.evaluation.ope.pairs import Estimates, of_terms, pair
from messjax.evaluation.ope.support import NotIdentifiableError, Support, support_of
from messjax.traces.logs.logged_trace import LoggedTrace

OWN = "the log's own router"
KEEP, KILL, UNDECIDED, NO = "keep", "kill", "undecided", "not identifiable"


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
        estimates: What differences from other policies are made of; None where it is not identifiable.
        more: How many more judged requests would decide it, as far as the estimates are right; None: unknown.
    """

    name: str
    satisfaction: Limits | None
    cost: Limits | None
    saved: Limits | None
    support: Support | None
    verdict: str
    reason: str
    estimates: Estimates | None = None
    more: int | None = None


class Judging:
    """The part of a log on which policies are judged, with its models of the outcomes."""

    def __init__(self, log: LoggedTrace, x: np.ndarray, settings: Settings) -> None:
        self.log, self.settings = log, settings
        self.level = 1.0 - (1.0 - settings.level) / 2.0  # of cost and of satisfaction
        self.estimator = settings.estimator if log.propensity is not None else "dm"
        self.rows = np.zeros((0, 0), np.int32)  # of bootstrap samples, where a policy that learns is judged
        self.dearest = float(np.nanmax(log.cost))
        ranges = ((log.score, 1.0), (log.cost, max(self.dearest, 1e-12)))
        self.models = [
            cross_fitted(x, log.action, values, len(log.models), low=0.0, high=high, seed=settings.seed)
            for values, high in ranges
        ]
        if (
            log.known_cost is not None
        ):  # better than any regression where it is what was paid, and valid where it is not
            self.models[1] = np.where(np.isnan(log.known_cost), self.models[1], log.known_cost)

    @cached_property
    def with_feedback(self) -> np.ndarray:
        """The requests that policies that learn are replayed on.

        Returns:
            Numbers of the requests with feedback and cost [n].
        """
        return np.flatnonzero(self.log.observed & ~np.isnan(self.log.cost))

    def resample(self, rows: np.ndarray) -> None:
        """Compare policies that do not change with those that learn on the same bootstrap samples.

        Args:
            rows: Which of the requests with feedback each sample consists of [B, n].
        """
        self.rows = rows

    @cached_property
    def own_estimates(self) -> Estimates:
        """What the log's own router did; asked for after `resample`.

        Returns:
            Its estimates.
        """
        whole = self._own(self.log.score, 1.0), self._own(*self._costs)
        known = tuple(
            Terms(values[self.with_feedback], 0.0, high) for values, high in ((self.log.score, 1.0), self._costs)
        )
        return of_terms(whole, (known[0], known[1]), self.rows)

    @cached_property
    def fails(self) -> bool:
        """Whether the log's own router is shown to be below alpha.

        Returns:
            True or False.
        """
        assert self.own_estimates.terms is not None
        return self._limits(self.own_estimates.terms[0]).upper < self.settings.alpha

    def own(self) -> Judged:
        """What the log's own router did.

        Returns:
            The row.
        """
        estimates = self.own_estimates
        assert estimates.terms is not None
        score, cost = (self._limits(each) for each in estimates.terms)
        return Judged(OWN, score, cost, None, None, "", "what was done", estimates)

    def of(self, name: str, policy: np.ndarray) -> Judged:
        """What a policy would have done.

        Args:
            name: Its name.
            policy: Probabilities [n, M].

        Returns:
            The row.
        """
        try:
            terms = self._terms(self.log, policy, self.models, name)
        except NotIdentifiableError as error:
            return Judged(name, None, None, None, None, NO, str(error))
        known = terms
        if len(self.rows) and len(self.with_feedback) < len(self.log.action):
            part = self.log.take(self.with_feedback)._replace(p_observed=None)
            models = [model[self.with_feedback] for model in self.models]
            known = self._terms(part, policy[self.with_feedback], models, name)
        support = None if self.log.propensity is None else support_of(self.log, policy)
        estimates = of_terms(terms, known, self.rows)
        return self.judged(name, self._limits(terms[0]), self._limits(terms[1]), estimates, support)

    def estimate(self, policy: np.ndarray) -> tuple[float, float]:
        """What a policy would have cost and satisfied, as `of` has it, without limits.

        Args:
            policy: Probabilities [n, M].

        Returns:
            Cost and satisfaction per request; NaN where it is not identifiable.
        """
        try:
            score, cost = self._terms(self.log, policy, self.models, "")
        except NotIdentifiableError:
            return np.nan, np.nan
        return cost.value, score.value

    def judged(
        self, name: str, score: Limits, cost: Limits, estimates: Estimates, support: Support | None, clock: str = ""
    ) -> Judged:
        """The row of a policy, with its paired difference from the log's own router and the verdict.

        Args:
            name: Name of the policy.
            score: Its satisfaction.
            cost: Its cost.
            estimates: What both rest on.
            support: How well the log covers it.
            clock: On how many requests it rests, for a policy that learns.

        Returns:
            The row.
        """
        saved = pair(name, estimates, OWN, self.own_estimates, self.level, self.settings.interval).saved
        verdict, reason, more = self.verdict(score, saved)
        reason += f"; {clock}" if clock else ""
        return Judged(name, score, cost, saved, support, verdict, reason, estimates, more)

    def _terms(self, log: LoggedTrace, policy: np.ndarray, models: list[np.ndarray], name: str) -> tuple[Terms, Terms]:
        score, cost = (
            terms_of(log, policy, values, estimator=self.estimator, model=model, high=high, name=name)
            for values, model, high in zip((log.score, log.cost), models, (1.0, self.dearest), strict=True)
        )
        return score, cost

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

    def verdict(self, satisfaction: Limits, saved: Limits) -> tuple[str, str, int | None]:
        """What limits say.

        Args:
            satisfaction: Limits of the satisfaction.
            saved: Limits of the cost of the log's own router less that of the policy.

        Returns:
            Verdict, reason, and how many more requests would decide it.
        """
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
