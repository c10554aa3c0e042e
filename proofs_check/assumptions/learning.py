"""A6 and A7: how well scores and costs follow from the features, on held-out requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax import predictors
from messjax.statistics import intervals
from messjax.statistics.scoring_rules import brier, log_loss, over_models
from messjax.types import Array, Outcome, Predictor, PyTree
from proofs_check.assumptions.report import (
    LEVEL,
    TOLERANCE,
    Check,
    at_most,
    corrected,
    exactly,
    not_checkable,
    positive,
    rms_of_means,
    row,
    short,
)

BINS = 10  # of equally many predictions, for the calibration error
FOLDS = 5  # of the regression of costs
TENTH = 10  # early and late are the first and the last tenth
MOMENTS = 8  # evenly spaced over each of them: the last step of SGD alone would be a matter of luck


class HeldOut(NamedTuple):
    """A learned predictor on n requests that it never learns from, at several moments of its learning."""

    seen: np.ndarray  # [moments] labelled requests learned from
    s_hat: np.ndarray  # [moments, n, M]
    scores: np.ndarray  # [n, M] in [0, 1], NaN where missing
    constant: np.ndarray  # [M] mean score of the requests learned from

    @property
    def early(self) -> np.ndarray:
        """[moments] bool, those in the first tenth."""
        return self.seen <= max(1.0, self.seen[-1] / TENTH)

    @property
    def late(self) -> np.ndarray:
        """[moments] bool, those in the last tenth."""
        return self.seen > self.seen[-1] * (1.0 - 1.0 / TENTH)


def learn(features: np.ndarray, scores: np.ndarray, *, seed: int, predictor: Predictor | None = None) -> HeldOut:
    """The default linear head of messjax on four fifths of the requests in random order, tested on the rest.

    features [N, d]; scores [N, M] are clipped to [0, 1], NaN is not observed. Every request is learned from once, as if
    explored. ValueError for fewer than 20 requests.
    """
    num, num_models = scores.shape
    if num < 2 * TENTH:
        raise ValueError(f"A6: found {num} requests, expected at least {2 * TENTH}")
    order = np.random.default_rng(seed).permutation(num)
    test, train = order[: num // 5], order[num // 5 :]
    clipped = np.clip(np.asarray(scores, np.float32), 0.0, 1.0)
    steps = np.arange(1, MOMENTS + 1) / (MOMENTS * TENTH)
    parts = np.concatenate([steps, (0.2, 0.4, 0.6, 0.8), 1.0 - 1.0 / TENTH + steps])
    moments = np.unique((len(train) * parts + 1e-9).astype(int).clip(1))
    features = np.asarray(features, np.float32)
    chosen = predictor or predictors.linear(features.shape[1], num_models)
    state = chosen.init(jax.random.key(seed))
    label, result, start = (jnp.asarray(features[train]), jnp.asarray(clipped[train])), [], 0
    for stop in moments:
        state = _advance(chosen, state, label, start, int(stop))
        result.append(np.asarray(jax.vmap(chosen.predict, (None, 0))(state, jnp.asarray(features[test])), np.float64))
        start = int(stop)
    return HeldOut(moments, np.stack(result), clipped[test].astype(np.float64), np.nanmean(clipped[train], axis=0))


@jax.jit
def _advance(predictor: Predictor, state: PyTree, label: tuple[Array, Array], start: int, stop: int) -> PyTree:
    def one(n: Array, state: PyTree) -> PyTree:
        labels = label[1][n]
        seen = ~jnp.isnan(labels)
        return predictor.update(state, label[0][n], Outcome(jnp.where(seen, labels, 0.0), seen))

    return jax.lax.fori_loop(start, stop, one, state)


def check_prediction(held: HeldOut) -> list[Check]:
    """A6 on a trace: held-out log loss and Brier score against a constant and against the early predictor; calibration.

    mu is unknown, and so is e_t: the log loss shows whether it falls, and the rms calibration error is at most the rms
    of s_hat - mu, a lower bound of the floor F_min. Early and late are means over moments of learning. Intervals
    are over the requests held out, not over other orders of learning.
    """
    text = {"late": held.s_hat[held.late], "early": held.s_hat[held.early], "constant": held.constant[None, None]}
    losses, squares = (
        {name: over_models(score(s_hat, held.scores)).mean(axis=0) for name, s_hat in text.items()}  # [n] each
        for score in (log_loss, brier)
    )
    numbers = f"{held.seen[-1]:,} labels, {len(held.scores):,} held out"
    checks = []
    for what, left, right, detail in (
        (
            "held-out log loss: a constant - the late predictor",
            losses["constant"],
            losses["late"],
            f"linear head on n-grams, {numbers}",
        ),
        (
            "held-out log loss: early - late predictor",
            losses["early"],
            losses["late"],
            "first, last tenth of the labels",
        ),
        ("held-out Brier score: a constant - the late predictor", squares["constant"], squares["late"], numbers),
    ):
        result = intervals.interval((left - right)[np.isfinite(left)], corrected(3))
        values = f"{np.nanmean(left):.4f} - {np.nanmean(right):.4f}; {detail}"
        checks.append(row("A6", what, result, positive(result), values))
    floors = [calibration(s_hat, held.scores) for s_hat in held.s_hat[held.late]]
    mean, lower, upper = (float(x) for x in np.mean([each[:3] for each in floors], axis=0))
    floor = intervals.Interval(mean, lower, upper, LEVEL, floors[-1].n)
    what = "rms calibration error (lower bound of F_min)"
    return [*checks, row("A6", what, floor, at_most(floor), f"{BINS} bins, mean over the last tenth of the labels")]


def calibration(s_hat: np.ndarray, scores: np.ndarray) -> intervals.Interval:
    """Rms over ten bins of equally many predictions of mean(score - s_hat), all models together: [n, M], [n, M]."""
    seen = ~np.isnan(scores)
    text, gap = s_hat[seen], (scores - s_hat)[seen]
    bins = np.argsort(np.argsort(text, kind="stable")) * BINS // len(text)
    return rms_of_means(gap[:, None], bins, centred=False)


def check_error(error: np.ndarray, beta: float) -> list[Check]:
    """A6 on a stream: e_t, known exactly, falls from the first tenth of the requests to the last; and its
    floor F_min, the error that stays.

    error [S, T] are e_t = max_m |s_hat_m - mu_m(x_t)| of independent streams. T3 needs 2 e_t < beta, where `beta` is
    what the best policy has above alpha: the floor is compared with it.
    """
    what = "1 - e_late / e_early (last, first tenth)"
    if np.isnan(error).any() or error.shape[1] < TENTH or len(error) < 2:
        return [
            not_checkable("A6", what, "no prediction, no known distribution, one stream, or fewer than ten requests")
        ]
    part = error.shape[1] // TENTH
    early, late = error[:, :part].mean(axis=1), error[:, -part:].mean(axis=1)
    floor = intervals.interval(late)
    if early.mean() == 0.0:  # an oracle
        fall = exactly(0.0, len(error))
    else:
        fall = intervals.jackknife(lambda first, last: 1.0 - last / first, early, late, level=(1.0 + LEVEL) / 2.0)
    small = floor.upper <= TOLERANCE / 5.0
    verdict = "holds" if small or fall.lower > 0 else "rejected" if fall.upper < 2 * TOLERANCE else "undecided"
    margin = intervals.interval(beta - 2.0 * late)
    return [
        row("A6", what, fall, verdict, f"e_t {early.mean():.4f} to {late.mean():.4f}"),
        row(
            "A6",
            "beta - 2 F_min, as T3 needs it",
            margin,
            positive(margin),
            f"F_min {floor.mean:.4f} ({floor.lower:.4f} to {floor.upper:.4f}), beta {beta:.4f}",
        ),
    ]


def check_known_costs(features: np.ndarray, cost: np.ndarray, models: Sequence[str], *, seed: int) -> list[Check]:
    """A7: the share of each model's cost variance that a ridge regression on the features leaves, held out.

    features [N, d], cost [N, M]. An upper bound of what is unknown before routing: a better regression, or a user who
    knows the costs, may predict better. Constant costs are known; of fewer than 20 requests none can be held out.
    """
    what = "share of cost variance left by the features"
    checks = []
    for m, model in enumerate(models):
        rows = np.isfinite(cost[:, m])
        y = cost[rows, m]
        name = short(model)
        if len(y) < 2 * TENTH:
            checks.append(not_checkable("A7", what, f"{name}: {len(y)} requests, too few to hold any out"))
            continue
        if np.ptp(y) <= 1e-9 * np.abs(y).max():
            checks.append(row("A7", what, exactly(0.0), "holds", f"{name}: the same cost on every request"))
            continue
        guess, centre = _held_out_regression(features[rows], y, seed)
        scale = y.var()
        result = intervals.jackknife(
            lambda left, total: left / total,
            (y - guess) ** 2 / scale,
            (y - centre) ** 2 / scale,
            level=(1.0 + corrected(len(models))) / 2.0,
        )
        detail = f"{name}: R^2 {1.0 - result.mean:.3f}, {FOLDS} folds of {len(y):,} requests"
        checks.append(row("A7", what, result, at_most(result), detail))
    return checks


def _held_out_regression(features: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ridge predictions of y [N] and means of y [N], each made without the request's fold; penalty by leave-one-out."""
    fold = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    guess, centre = np.empty(len(y)), np.empty(len(y))
    for k in range(FOLDS):
        inside = fold != k
        mean, deviation = features[inside].mean(axis=0), features[inside].std(axis=0)
        z = (features - mean) / np.where(deviation > 1e-9, deviation, np.inf)
        base = y[inside].mean()
        label, target = z[inside], y[inside] - base
        strength, axes = np.linalg.eigh(label.T @ label)
        strength = strength.clip(0.0)
        turned, best = label @ axes, (np.inf, np.zeros(z.shape[1]))
        moments = turned.T @ target
        for penalty in inside.sum() * 10.0 ** np.arange(-8.0, 2.0):
            shrunk = moments / (strength + penalty)
            leverage = turned**2 @ (1.0 / (strength + penalty))
            loss = float(np.mean(((target - turned @ shrunk) / (1.0 - leverage).clip(1e-6)) ** 2))
            best = min(best, (loss, axes @ shrunk), key=lambda pair: pair[0])
        guess[~inside], centre[~inside] = base + z[~inside] @ best[1], base
    return guess, centre
