"""Two policies compared on the same requests: what one costs and satisfies less the other.

The estimates of two policies on one log vary together, because they rest on the same answers: the limits of their
difference are narrower than those of each suggest. Policies that do not change are compared term by term. A policy that
learns has no terms that could be resampled afterwards; it is replayed on bootstrap samples of the log, and both are
compared sample by sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import stats

from messjax.evaluation.ope.estimators import Terms
from messjax.evaluation.ope.limits_of_means import Limits, limits_of


class Estimates(NamedTuple):
    """What the limits of a policy's satisfaction and cost rest on.

    Attributes:
        terms: Terms of satisfaction and of cost over all judged requests; None: a policy that learns.
        value: Satisfaction and cost on the requests with feedback [2].
        resampled: The same on bootstrap samples of these [2, B]; B = 0 where nothing that learns is judged.
    """

    terms: tuple[Terms, Terms] | None
    value: np.ndarray
    resampled: np.ndarray


class Pair(NamedTuple):
    """A policy beside another one.

    Attributes:
        policy: Name of the one.
        against: Name of the other.
        saved: Cost of the other less that of the one.
        gained: Satisfaction of the one less that of the other.
    """

    policy: str
    against: str
    saved: Limits
    gained: Limits


def of_terms(terms: tuple[Terms, Terms], with_feedback: tuple[Terms, Terms], rows: np.ndarray) -> Estimates:
    """The estimates of a policy that does not change.

    Args:
        terms: Terms of satisfaction and cost over all judged requests.
        with_feedback: The same over the requests with feedback alone.
        rows: Which of the latter the bootstrap samples consist of [B, n].

    Returns:
        The estimates.
    """
    resampled = np.array([each.each[rows].mean(axis=1) for each in with_feedback]) if len(rows) else np.zeros((2, 0))
    return Estimates(terms, np.array([each.value for each in with_feedback]), resampled)


def resampled_limits(value: float, resampled: np.ndarray, level: float) -> Limits:
    """Limits from an estimate on the log and those on bootstrap samples of it: Student's t of their spread.

    A sample is replayed once and the log several times, so that the spread of the samples is no less than the error.

    Args:
        value: The estimate on the log.
        resampled: Those on the samples [B].
        level: Coverage of both limits together.

    Returns:
        The limits, asymptotic.
    """
    half = float(stats.t.ppf(0.5 + level / 2.0, len(resampled) - 1)) * float(resampled.std(ddof=1))
    return Limits(value, value - half, value + half, level, "t")


def pair(name: str, one: Estimates, against: str, other: Estimates, level: float, interval: str) -> Pair:
    """Compare two policies.

    Args:
        name: Name of the one.
        one: Its estimates.
        against: Name of the other.
        other: Its estimates.
        level: Coverage of the limits of each difference.
        interval: One of `limits_of_means.KINDS`, used where neither learns.

    Returns:
        The differences with their limits.
    """
    if one.terms is not None and other.terms is not None:
        gained, saved = less(one.terms[0], other.terms[0]), less(other.terms[1], one.terms[1])
        of_gained, of_saved = (
            limits_of(each, level, interval if np.isfinite([each.low, each.high]).all() else "t")
            for each in (gained, saved)
        )
        return Pair(name, against, of_saved, of_gained)
    value, resampled = one.value - other.value, one.resampled - other.resampled
    gain, saving = (resampled_limits(sign * value[k], sign * resampled[k], level) for k, sign in ((0, 1.0), (1, -1.0)))
    return Pair(name, against, saving, gain)


def less(one: Terms, other: Terms) -> Terms:
    """Terms of a difference.

    Args:
        one: Terms of the one policy.
        other: Terms of the other, on the same requests.

    Returns:
        Those of the one less the other.
    """
    return Terms(one.each - other.each, one.low - other.high, one.high - other.low)


def all_pairs(named: Sequence[tuple[str, Estimates]], level: float, interval: str) -> tuple[Pair, ...]:
    """Every policy beside every one before it.

    Args:
        named: Names and estimates, the log's own router first.
        level: Coverage of the limits of each difference.
        interval: As for `pair`.

    Returns:
        The pairs.
    """
    return tuple(
        pair(later, of_later, earlier, of_earlier, level, interval)
        for (earlier, of_earlier), (later, of_later) in combinations(named, 2)
    )
