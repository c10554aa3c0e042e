"""T5 followed over time: on single paths, at every request, by confidence sequences that stay valid wherever one stops.

For a valid policy X_t = cost_t + gamma* (alpha - s_t) - C* has E[X_t | past] >= 0, whatever it has learned. The
running mean of these conditional means is followed on every path
(`confidence_sequences.running_mean_of_conditional_means`); where its upper limit falls below zero, at any
time, the policy has seen labels it may not see, or C* is wrong, or A1 fails.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.engine.grid_sweep import sweep
from messjax.meters import standard_meters
from messjax.meters.bounded_sum import bounded_mean
from messjax.statistics import confidence_sequences
from messjax.theory import assumptions_of, optimum
from messjax.types import Array, Controls, Step
from proofs_check.trials.case import Case
from proofs_check.trials.trial import EMPTY_ROW, NAN, Row

INTERVAL = "confidence sequence, valid at any time"
ERRORS = 10.0 ** -np.arange(1.0, 13.0)


class FollowedPath(NamedTuple):
    """One case followed: the running mean of X_t on every path with its 95% limits, [paths, checkpoints]."""

    case: str
    t: np.ndarray  # [checkpoints]
    S: np.ndarray
    V: np.ndarray
    low: float
    high: float
    unit: str
    seconds: float

    def limits(self, error: float) -> confidence_sequences.Sequence:
        """One-sided limits that all hold, on all paths and at all times, with probability 1 - error."""
        level = 1.0 - error / len(self.S)
        return confidence_sequences.running_mean_of_conditional_means(
            self.S, self.V, self.t, self.low, self.high, level, one_sided=True
        )


def follow(case: Case, key: Array, paths: int = 8, checkpoints: int = 100, unit: str = "cost") -> FollowedPath:
    """Run a case on a few paths, at the first point of its grid, and fold what the sequences need."""
    started = time.perf_counter()
    controls = Controls(**{name: float(np.ravel(value)[0]) for name, value in case.controls.given().items()})
    best = optimum.solve(case.distribution, float(np.round(controls.alpha, 6)))
    costs = np.asarray(case.distribution.cost)
    low = float(costs.min() + best.gamma * (best.alpha - 1.0) - best.cost)
    high = float(costs.sum(axis=1).max() + best.gamma * best.alpha - best.cost)
    rounding = 1e-5 * max(abs(low), abs(high))  # sums of float32 differ by so much at most

    regret = Partial(_regret, *(jnp.float32(number) for number in (best.gamma, best.alpha, best.cost)))
    low, high = low - rounding, high + rounding
    result = sweep(
        key, controls, policy=case.policy, stream=case.stream._replace(distribution=None), horizon=case.horizon,
        num_streams=paths, checkpoints=min(checkpoints, case.horizon), meter=bounded_mean("regret", regret, low, high),
        feedback=case.feedback,
    )  # fmt: skip
    S, V = (result[f"regret_{name}_curve"].values for name in ("sum", "spread"))
    seconds = time.perf_counter() - started
    return FollowedPath(case.name, result["t"].values.astype(np.float64), S, V, low, high, unit, seconds)


def _regret(gamma: Array, alpha: Array, least: Array, step: Step) -> Array:
    paid = jnp.sum(jnp.where(step.decision.query, step.request.cost, 0.0))
    return paid + gamma * (alpha - standard_meters.served_satisfaction(step)) - least


def row(path: FollowedPath) -> Row:
    """The verdict on a case's paths, with p-values valid at any stopping time (powers of ten, rounded up)."""
    flagged = [error for error in ERRORS if (path.limits(error).upper < 0).any()]
    above = [error for error in ERRORS if (path.limits(error).lower[:, -1] >= 0).all()]
    p_violated, p_holds = min(flagged, default=1.0), min(above, default=1.0)
    limits = path.limits(0.05)
    mean = path.S[:, -1] / path.t[-1]
    word = "violated" if p_violated <= 0.05 else "holds" if p_holds <= 0.05 else "undecided"
    return EMPTY_ROW._replace(
        statement="T5 over time", source="T5 in docs/theory", assumptions=assumptions_of("T5"), case=path.case,
        interval=INTERVAL, evidence="" if word == "undecided" else "finite-sample", T=int(path.t[-1]),
        measured=float(-mean.mean()), bound=0.0, margin_lower=float(limits.lower[:, -1].min()),
        margin_upper=float(limits.upper.min()), looseness=NAN, p_violated=p_violated, p_holds=p_holds, verdict=word,
        streams=len(path.S), seconds=path.seconds,
    )  # fmt: skip


def follow_all(cases: list[Case], seed: int) -> list[FollowedPath]:
    """Every case whose distribution is the stream's, with a key each."""
    keys = jax.random.split(jax.random.key(seed), len(cases))
    return [follow(case, key) for case, key in zip(cases, keys, strict=True)]
