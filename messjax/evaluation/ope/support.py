"""Whether a log can say anything about a policy: which models the log's own router could choose, and how often."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from messjax.traces.logs.logged_trace import LoggedTrace
from messjax.traces.parsing import listed


class NotIdentifiableError(ValueError):
    """A policy whose value no amount of such a log can tell without assumptions."""


class Support(NamedTuple):
    """How well a log covers a policy.

    Attributes:
        weights: Importance weights [N], pi(a) / mu(a) of the model that answered.
        effective: Effective sample size, (sum w)^2 / sum w^2.
        largest: The largest weight in the log.
        most: What a weight can be at most, over all requests and models where propensities are exact, else over the
            models that answered: the finite-sample intervals rest on it.
        inverse: Mean of 1 / mu(a) over the log: about M for a uniform router.
        uncovered: Share of the requests on which the policy may choose a model that the router never chooses there;
            NaN where only the propensity of the chosen model is recorded.
        agreeing: Expected number of requests on which the policy would have chosen the model that answered.
    """

    weights: np.ndarray
    effective: float
    largest: float
    most: float
    inverse: float
    uncovered: float
    agreeing: float


def support_of(log: LoggedTrace, policy: np.ndarray) -> Support:
    """How well a log covers a policy.

    Args:
        log: N requests, M models, with propensities.
        policy: Probabilities [N, M] with which the policy chooses each model.

    Returns:
        The coverage.

    Raises:
        NotIdentifiableError: A log without propensities.
        ValueError: Probabilities of another shape, or that do not add up to 1.
    """
    policy = checked(log, policy)
    mu = log.chosen_propensity
    if mu is None or log.propensity is None:
        raise NotIdentifiableError(
            f"{log.source} has no propensities: the probability with which its router chose the model that answered. "
            "Weights cannot be computed; only a model of the outcomes (dm) and bounds without assumptions remain"
        )
    pi = policy[np.arange(len(mu)), log.action]
    weights = pi / mu
    exact = log.method == "exact"
    covered = np.where(log.propensity > 0, policy, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(policy > 0, policy / log.propensity, 0.0) if exact else weights[:, None]
    finite = ratio[np.isfinite(ratio)]
    square = float((weights**2).sum())
    return Support(
        weights=weights,
        effective=float(weights.sum() ** 2 / square) if square > 0 else 0.0,
        largest=float(weights.max()),
        most=float(max(finite.max(), 1.0)),
        inverse=float((1.0 / mu).mean()),
        uncovered=float((covered.sum(axis=1) < 1 - 1e-9).mean()) if exact else np.nan,
        agreeing=float(pi.sum()),
    )


def check_support(log: LoggedTrace, policy: np.ndarray, name: str = "the policy") -> Support:
    """As `support_of`, for a policy that the log must identify.

    Args:
        log: The log.
        policy: Probabilities [N, M].
        name: What the policy is called, for error messages.

    Returns:
        The coverage.

    Raises:
        NotIdentifiableError: Requests on which the policy chooses a model that the router never chooses there, or no
            request at all on which both agree.
    """
    support = support_of(log, policy)
    if support.uncovered > 0 or not support.weights.any():
        assert log.propensity is not None
        never = ~(log.propensity > 0) if log.method == "exact" else np.ones_like(log.propensity, bool)
        gap = np.asarray(((checked(log, policy) > 0) & never).any(axis=0))
        models = listed(model for model, bad in zip(log.models, gap.tolist(), strict=True) if bad)
        share = "all" if not support.weights.any() else f"{support.uncovered:.1%}"
        raise NotIdentifiableError(
            f"{name} is not identifiable from {log.source}: on {share} of the requests it chooses a model ({models}) "
            "that the router did not choose there with any probability. Explore: let the router choose every model "
            "with a probability of at least, say, 0.02, and log it"
        )
    return support


def checked(log: LoggedTrace, policy: np.ndarray) -> np.ndarray:
    """Probabilities of a policy.

    Args:
        log: N requests, M models.
        policy: Probabilities [N, M].

    Returns:
        float64 [N, M].

    Raises:
        ValueError: Another shape, or rows that are no probabilities.
    """
    policy = np.asarray(policy, np.float64)
    expected = (len(log.action), len(log.models))
    if policy.shape != expected:
        raise ValueError(f"policy has shape {policy.shape}, expected probabilities {expected}")
    if not ((policy >= 0).all() and (np.abs(policy.sum(axis=1) - 1) <= 1e-6).all()):
        raise ValueError("policy has rows that are no probabilities, expected numbers of at least 0 that add up to 1")
    return policy
