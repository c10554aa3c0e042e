"""Estimators of what a policy that does not change would have yielded, from the log of another one.

Every estimate is a mean of one term per request, so that intervals, differences of two policies, and cost and
satisfaction together are all statistics of the same rows. With pi the policy, mu the router of the log, a the model
that answered, r its outcome, w = pi(a) / mu(a) and q a model of the outcomes that was fitted on other requests:

- ips: w r. Unbiased; it varies with the weights.
- snips: r weighted by w / mean(w). Biased of order 1/N, and less variable.
- dm: sum_a pi(a) q(a). As good as q: nothing corrects it.
- dr: sum_a pi(a) q(a) + w (r - q(a)). Unbiased where either mu or q is right.
- switch-dr: as dr, without the correction where w exceeds a limit.

Where feedback is observed with probability p only, observed corrections are divided by p.

Sources: Dudik et al. 2011 (dr), Swaminathan and Joachims 2015 (snips), Wang et al. 2017 (switch-dr).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from messjax.evaluation.ope.support import check_support, checked
from messjax.traces.logs.logged_trace import LoggedTrace

ESTIMATORS = ("dr", "ips", "snips", "dm", "switch-dr")
SWITCH = 10.0  # largest weight that switch-dr corrects with


class Terms(NamedTuple):
    """An estimate as a mean of one term per request.

    Attributes:
        each: Terms [N]; their mean is the estimate.
        low: What a term is at least, or minus infinity.
        high: What a term is at most, or infinity.
    """

    each: np.ndarray
    low: float
    high: float

    @property
    def value(self) -> float:
        """The estimate."""
        return float(self.each.mean())


def terms_of(
    log: LoggedTrace,
    policy: np.ndarray,
    outcome: np.ndarray,
    *,
    estimator: str = "dr",
    model: np.ndarray | None = None,
    low: float = 0.0,
    high: float = 1.0,
    switch: float = SWITCH,
    name: str = "the policy",
) -> Terms:
    """The terms of an estimate of the mean outcome under a policy.

    Args:
        log: N requests, M models.
        policy: Probabilities [N, M] with which the policy chooses each model. It must not depend on the outcomes of
            these requests.
        outcome: Outcomes [N], NaN where none was observed: `log.score` or `log.cost`.
        estimator: One of `ESTIMATORS`.
        model: Predicted outcomes [N, M], fitted on other requests (`cross_fitted`); not needed by ips and snips.
        low: Least outcome.
        high: Largest outcome.
        switch: Limit of the weights of switch-dr.
        name: What the policy is called, for error messages.

    Returns:
        The terms.

    Raises:
        NotIdentifiableError: A policy that the log does not identify, unless the estimator is dm.
        ValueError: An unknown estimator, a missing model, or probabilities of another shape.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"--estimator: found {estimator!r}, expected one of {', '.join(ESTIMATORS)}")
    policy, rows = checked(log, policy), np.arange(len(log.action))
    direct, of_answer = np.zeros(len(rows)), np.zeros(len(rows))
    if estimator not in ("ips", "snips"):
        if model is None:
            raise ValueError(f"model is None, expected predictions [N, M] for the estimator {estimator}")
        direct, of_answer = (policy * model).sum(axis=1), model[rows, log.action]
    if estimator == "dm":
        return Terms(direct, low, high)
    support = check_support(log, policy, name)
    weights = support.weights * received(log, outcome)
    least = float(_p_observed(log, outcome).min())
    most = support.most / least
    if estimator == "switch-dr":
        weights, most = np.where(support.weights > switch, 0.0, weights), min(most, switch / least)
    answered = np.where(np.isnan(outcome), 0.0, outcome)
    if estimator == "ips":
        return Terms(weights * answered, min(0.0, most * low), most * high)
    if estimator == "snips":
        value = float((weights * answered).sum() / weights.sum())
        return Terms(value + weights * (answered - value) / weights.mean(), -np.inf, np.inf)
    width = high - low
    return Terms(direct + weights * (answered - of_answer), low - most * width, high + most * width)


def received(log: LoggedTrace, outcome: np.ndarray) -> np.ndarray:
    """1 / p where an outcome was observed, 0 where not.

    Args:
        log: N requests.
        outcome: Outcomes [N], NaN where none was observed.

    Returns:
        Factors [N]. Without a recorded p it is the share of the requests of a model on which an outcome was observed:
            right where that is by chance given the model.
    """
    return np.where(np.isnan(outcome), 0.0, 1.0 / _p_observed(log, outcome))


def _p_observed(log: LoggedTrace, outcome: np.ndarray) -> np.ndarray:
    seen = ~np.isnan(outcome)
    if log.p_observed is not None and outcome is log.score:
        return log.p_observed
    count = np.bincount(log.action, minlength=len(log.models))
    share = np.bincount(log.action, seen, minlength=len(log.models)) / np.maximum(count, 1)
    share = np.where(share > 0, share, 1.0)  # nothing of this model was observed: no factor is used
    return share[log.action]


def no_assumption_bounds(
    log: LoggedTrace, policy: np.ndarray, outcome: np.ndarray, low: float = 0.0, high: float = 1.0
) -> tuple[float, float]:
    """Between what the mean outcome under a policy lies, whatever the outcomes of models that did not answer were.

    Where the policy agrees with the log its outcome is known; elsewhere it is between `low` and `high`. No propensities
    are used, and no sampling error is included.

    Args:
        log: N requests, M models.
        policy: Probabilities [N, M].
        outcome: Outcomes [N], NaN where none was observed.
        low: Least outcome.
        high: Largest outcome.

    Returns:
        Lower and upper bound.

    Source: Manski 1990, Nonparametric bounds on treatment effects.
    """
    policy = checked(log, policy)
    agree = policy[np.arange(len(log.action)), log.action] * ~np.isnan(outcome)
    known = float((agree * np.where(np.isnan(outcome), 0.0, outcome)).mean())
    rest = 1.0 - float(agree.mean())
    return known + low * rest, known + high * rest
