"""A2, A3, A5 and A8: checks of the recorded scores and costs of every model, [N, M] each.

Models are ordered as in the trace or zoo, so that the last one is the one [M25] calls M. Scores and costs that are
missing are NaN. Intervals treat requests as independent (A1).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import stats as distributions

from messjax.statistics import intervals
from proofs_check.assumptions.report import (
    LEVEL,
    Check,
    corrected,
    exactly,
    not_checkable,
    positive,
    row,
    share,
    short,
    zero,
)


def check_bounded(scores: np.ndarray, cost: np.ndarray | None, models: Sequence[str]) -> list[Check]:
    """A2: scores in [0, 1], costs finite and >= 0 (one bad entry refutes), and no heavy tail of the costs, if any."""
    bad_scores = ~np.isnan(scores) & ~((scores >= 0.0) & (scores <= 1.0))
    checks = [_refuted("scores outside [0, 1]", bad_scores, scores, models)]
    if cost is None:
        return [*checks, not_checkable("A2", "costs negative, infinite or missing", "no costs are recorded")]
    checks += [
        _refuted("costs negative, infinite or missing", ~((cost >= 0.0) & (cost < np.inf)), cost, models),
    ]
    positive_costs = [column[(column > 0) & (column < np.inf)] for column in cost.T]
    return checks + [_tail(column, len(models), model) for column, model in zip(positive_costs, models, strict=True)]


def check_slater(
    scores: np.ndarray, alpha: float | None, models: Sequence[str], *, ordered: bool = True
) -> list[Check]:
    """A3: E[s_m] - alpha of the largest model and of the best one; the latter's limits hold for all models together.

    Models that are not `ordered` by their costs have no largest one.
    """
    what = "E[s_m] - alpha"
    if alpha is None:
        return [not_checkable("A3", what, "no alpha given")]
    gaps = [_mean(scores[:, m] - alpha, corrected(len(models))) for m in range(len(models))]
    largest, best = _mean(scores[:, -1] - alpha), int(np.argmax([gap.mean for gap in gaps]))
    result = [(largest, len(models) - 1, "largest model, beta_M"), (gaps[best], best, "best single model")]
    result = result if ordered else result[1:]
    label = [f"{short(models[m])}, alpha {alpha:g}" for _, m, _ in result]
    return [
        row("A3", f"{what}: {which}", gap, positive(gap), who)
        for (gap, _, which), who in zip(result, label, strict=True)
    ]


def check_labels(scores: np.ndarray, models: Sequence[str]) -> list[Check]:
    """A5 on a trace: labels are complete, and where they are not, missing ones do not depend on the request.

    A missing label's own score is unknown; the mean score of the other models stands for how hard the request is.
    """
    missing = np.isnan(scores)
    lacks = [int(n) for n in missing.sum(axis=0)]
    each = ", ".join(f"{short(model)} {n:,}" for model, n in zip(models, lacks, strict=True))
    checks = [_complete(int(missing.sum()), missing.size, each)]
    what = "mean score of the other models, label missing - present"
    if not missing.any():
        return [*checks, row("A5", what, exactly(0.0), "holds", "no label is missing")]
    for m in [m for m, n in enumerate(lacks) if n]:
        others = np.delete(scores, m, axis=1)
        rows = ~np.isnan(others).all(axis=1)
        level = np.nanmean(others[rows], axis=1) if rows.any() else np.empty(0)
        lost, kept = level[missing[rows, m]], level[~missing[rows, m]]
        checks.append(_difference(what, lost, kept, corrected(sum(n > 0 for n in lacks)), short(models[m])))
    return checks


def check_feedback(labels: np.ndarray, observed: np.ndarray, mean: np.ndarray, queried: np.ndarray) -> list[Check]:
    """A5 on a stream: on explored requests every label comes back, and those that do have mean mu.

    Args:
      labels: [n, M] what came back.
      observed: [n, M] bool, whether it did.
      mean: [n, M] mu_m(x_t), NaN where the distribution is unknown.
      queried: [n, M] bool, the models queried to learn from.

    Returns:
      One check of completeness, and one per model of the labels' mean.
    """
    what = "label - mu over the labels that came back"
    if not queried.any():
        return [not_checkable("A5", what, "no request was explored")]
    lost = queried & ~observed
    checks = [_complete(int(lost.sum()), int(queried.sum()), f"{int(queried.any(axis=-1).sum()):,} explored requests")]
    for m in range(labels.shape[1]):
        seen = observed[:, m] & queried[:, m] & ~np.isnan(mean[:, m])
        gap = (labels - mean)[seen, m]
        if len(gap) < 2:
            checks.append(not_checkable("A5", what, f"model {m}: distribution unknown, or fewer than two labels"))
            continue
        result = _mean(gap, corrected(labels.shape[1]))
        checks.append(row("A5", what, result, zero(result), f"model {m}, {len(gap):,} labels"))
    return checks


def check_largest(scores: np.ndarray, cost: np.ndarray, models: Sequence[str]) -> list[Check]:
    """A8: the largest model is the most satisfying and the most expensive. Paired by request; inversions are rejected.

    Adjacent pairs in the order of mean cost show where the order fails; with three models or more, the last row of
    each kind compares the largest model with the best and the most expensive of all others.
    """
    num_models = len(models)
    if num_models < 2:
        return [not_checkable("A8", "E[s], more expensive - cheaper model", "one model only")]
    cost = np.where(np.isfinite(cost), cost, np.nan)
    by_cost = np.argsort(np.nanmean(cost, axis=0), kind="stable")
    level = corrected(num_models - 1)
    checks = []
    for cheap, costly in itertools.pairwise(by_cost):
        result = _mean(scores[:, costly] - scores[:, cheap], level)
        verdict = positive(result)
        detail = f"{short(models[costly])} - {short(models[cheap])}" + (": inversion" if verdict == "rejected" else "")
        checks.append(row("A8", "E[s], more expensive - cheaper model", result, verdict, detail))
    scale = float(np.nanmean(cost[:, by_cost[-1]])) or 1.0
    for what, values in (("E[s]", scores), ("E[cost] / largest mean cost", cost / scale)):
        gaps = [_mean(values[:, -1] - values[:, m], level) for m in range(num_models - 1)]
        worst = int(np.argmin([gap.mean for gap in gaps]))
        # The limits hold for all gaps together: their minima hold for the smallest gap.
        least = gaps[worst]._replace(lower=min(gap.lower for gap in gaps), upper=min(gap.upper for gap in gaps))
        detail = f"{short(models[-1])} - {short(models[worst])}"
        if num_models > 2 or what != "E[s]":
            checks.append(row("A8", f"{what}, largest model - highest other", least, positive(least), detail))
    return checks


def _mean(values: np.ndarray, level: float = LEVEL) -> intervals.Interval:
    """Student's interval over the entries that are there."""
    values = values[np.isfinite(values)]
    return intervals.interval(values, level) if len(values) > 1 else exactly(np.nan, len(values))


def _refuted(what: str, bad: np.ndarray, values: np.ndarray, models: Sequence[str]) -> Check:
    """A share of entries that must be zero in every sample: one bad entry is enough."""
    result = share(int(bad.sum()), bad.size)
    detail = f"0 of {bad.size:,}"
    if bad.any():
        rows = [f"row {n + 1} {short(models[m])}: {values[n, m]:.3g}" for n, m in np.argwhere(bad)[:3]]
        detail = f"{int(bad.sum())} of {bad.size:,}: {'; '.join(rows)}" + ("; ..." if bad.sum() > 3 else "")
    return row("A2", f"share of {what}", result, "rejected" if bad.any() else "holds", detail)


def _complete(missing: int, total: int, detail: str) -> Check:
    result = share(missing, total)
    return row(
        "A5",
        "share of labels missing",
        result,
        "rejected" if missing else "holds",
        f"{missing:,} of {total:,}: {detail}",
    )


def _difference(what: str, lost: np.ndarray, kept: np.ndarray, level: float, model: str) -> Check:
    """Welch's interval for mean(lost) - mean(kept)."""
    if min(len(lost), len(kept)) < 2:
        return not_checkable("A5", what, f"{model}: no other model to compare with, or fewer than two requests")
    with np.errstate(invalid="ignore", divide="ignore"):
        limits = distributions.ttest_ind(lost, kept, equal_var=False).confidence_interval(level)
    result = intervals.Interval(lost.mean() - kept.mean(), float(limits.low), float(limits.high), level, len(lost))
    return row("A5", what, result, zero(result), f"{model}, {len(lost):,} missing")


def _tail(cost: np.ndarray, num_models: int, model: str) -> Check:
    """The extreme value index of one model's positive costs, by the moment estimator.

    Dekkers, Einmahl, de Haan, A moment estimator for the index of an extreme-value distribution (1989), from the
    k = sqrt(N) largest costs, with asymptotic limits. Negative: a finite end point. Zero: an exponential tail.
    Positive: a power tail, of which no sample shows the end.
    """
    what = "extreme value index of costs (< 0: bounded)"
    k = int(np.sqrt(len(cost)))
    if k < 5:
        return not_checkable("A2", what, f"{short(model)}: {len(cost)} positive costs, too few for a tail")
    ordered = np.sort(cost)
    detail = f"{short(model)}: largest / median {ordered[-1] / np.median(ordered):.3g}"
    logs = np.log(ordered[-k:] / ordered[-k - 1])
    first, second = logs.mean(), (logs**2).mean()
    # `not <`: one value, or a plateau at the top: first^2 = second, no spread to extrapolate from
    if not first**2 < second * (1.0 - 1e-9):
        return row("A2", what, exactly(-np.inf), "holds", f"{detail}; the {k + 1} largest are alike")
    index = first + 1.0 - 0.5 / (1.0 - first**2 / second)
    reach = distributions.norm.ppf((1.0 + corrected(num_models)) / 2.0) * np.sqrt(_variance(index) / k)
    result = intervals.Interval(index, index - reach, index + reach, LEVEL, k)
    verdict = "rejected" if result.lower > 0 else "holds" if result.upper < 0 else "undecided"
    return row("A2", what, result, verdict, detail)


def _variance(index: float) -> float:
    """k times the asymptotic variance of the moment estimator at this extreme value index (the same paper)."""
    if index >= 0:
        return 1.0 + index**2
    one, two, three, four = (1.0 - j * index for j in (1, 2, 3, 4))
    return one**2 * two * (4.0 - 8.0 * two / three + (5.0 - 11.0 * index) * two / (three * four))
