"""From candidates to an answer: settings are tried and judged, and the least expensive that keeps alpha wins.

What is promised. A policy that is recommended keeps alpha - tolerance over the next T requests with at least the
confidence. The next T requests are drawn given the judged ones (`requests.resampled`): a draw has the error of the
judged part, of the order and of what comes. All settings are run on few draws, which says which of them may pass and in
which order of cost; then the least expensive ones are run on many draws until one passes. The probability is one of the
next requests given those that were seen: it means the same for a setting that was picked among many, as far as the
draws say what may come. Single models are the exception: many may pass by luck, each by its own, so that they share
1 - confidence. That the promise is kept though the settings are picked on the requests that they are judged
on was measured on worlds whose truth is known (docs/recommend.md).

Sequences drawn with replacement let a policy that learns meet a request again. Averages are therefore centred on those
over orders of the judging part, which have no request twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from messjax.evaluation.recommendation import heads
from messjax.evaluation.recommendation.candidates import families
from messjax.evaluation.recommendation.heads import Skill
from messjax.evaluation.recommendation.kinds import MIXTURE, SINGLE, Family, Tuned
from messjax.evaluation.recommendation.requests import Parts, Requests, orders, resampled
from messjax.evaluation.recommendation.runs import Played
from messjax.types import Policy

USE, SINGLE_MODEL, UNDECIDED, OUT_OF_REACH = "use", "do not route", "undecided", "out of reach"
TRIAL_RUNS, JUDGING_RUNS, ORDERS = 64, 240, 16
LONGEST = 20_000  # requests of a run
STEP, MOST, REACH = 0.01, 8, 1.1  # settings judged in turn: step of cost, their number, how far from the best
EQUAL = 0.02  # a router that is expected to save less is not worth having


class Judged(NamedTuple):
    """One family at its chosen setting, on the judging part.

    Attributes:
        family: The family.
        g: Number of the setting.
        expected: Whether the trial of all settings said that it keeps alpha.
        tried_cost: Its cost in that trial.
        spare: By how much it passed there, in satisfaction; negative where it did not.
        cost: Cost per request of B runs of new requests [B].
        satisfaction: Their satisfaction [B].
        keep: Probability that alpha - tolerance is kept.
        in_order: What it did on orders of the judging part.
        rows: Those orders [b, T].
        needed: What `keep` has to be at least: the confidence, or more for a single model (`_alone`).
    """

    family: Family
    g: int
    expected: bool
    tried_cost: float
    spare: float
    cost: np.ndarray
    satisfaction: np.ndarray
    keep: float
    in_order: Played
    rows: np.ndarray
    needed: float

    @property
    def passes(self) -> bool:
        """Whether it keeps alpha as surely as is asked for."""
        return self.keep >= self.needed

    @property
    def settings(self) -> dict[str, float]:
        """The numbers of the setting."""
        return dict(self.family.settings[self.g])

    @property
    def single(self) -> bool:
        """Whether it is one model alone."""
        return self.family.kind == SINGLE


class Difference(NamedTuple):
    """Cost of one policy against another on the same runs, relative to the latter.

    Attributes:
        mean: (cost - other) / other.
        lower: Limit of 95%.
        upper: Limit of 95%.
    """

    mean: float
    lower: float
    upper: float


class Recommendation(NamedTuple):
    """The answer and what it rests on.

    Attributes:
        answer: One of "use", "do not route", "undecided" and "out of reach".
        chosen: What is recommended; where nothing is, what came nearest.
        single: The least expensive single model that keeps alpha, or the most satisfying one.
        judged: Every family at its chosen setting, the least expensive of those that should keep alpha first.
        saving: Cost of `chosen` against `single`; None where they are the same.
        more: About how many more requests would decide; 0 where it is decided.
        skill: What the head trained beforehand knows.
        parts: The requests.
        alpha: Required satisfaction.
        tolerance: What may be missing of it.
        confidence: Probability that was asked for.
        horizon: Number of new requests that the answer speaks for.
        models: Names of the models.
        cost_unit: Unit of the costs.
    """

    answer: str
    chosen: Judged
    single: Judged
    judged: tuple[Judged, ...]
    saving: Difference | None
    more: int
    skill: Skill
    parts: Parts
    alpha: float
    tolerance: float
    confidence: float
    horizon: int
    models: tuple[str, ...]
    cost_unit: str


def recommend(
    parts: Parts,
    models: tuple[str, ...],
    *,
    alpha: float,
    cost_unit: str,
    confidence: float = 0.95,
    tolerance: float = 0.005,
    wanted: Sequence[str],
    own: Mapping[str, Policy] | None = None,
    seed: int = 7,
) -> Recommendation:
    """Choose, judge and answer.

    Args:
        parts: The trace in parts, without one for tuning, features projected.
        models: Names of the M models, the cheapest first.
        alpha: Required satisfaction.
        cost_unit: Unit of the costs.
        confidence: Probability with which alpha - tolerance is to be kept on the next requests.
        tolerance: What may be missing of alpha.
        wanted: Kinds of candidates (`kinds.NAMES`); single models are always there.
        own: Policies of the user's own by name, run at the V, alpha and c of MESS+ that learns from scratch.
        seed: Seed of all draws.

    Returns:
        The recommendation.
    """
    horizon, known = min(parts.horizon, LONGEST), len(parts.judging.rows)
    every = families(parts, models, alpha, horizon, (SINGLE, *wanted), own or {})
    floor, z = alpha - tolerance, _quantile(1.0 - confidence)
    rng = np.random.default_rng((seed, 2))
    rows = resampled(known, horizon, TRIAL_RUNS, rng)
    tried = _by_name([_Trial(each, each.tune(parts.judging, rows, seed)) for each in every], z, floor)
    drawn, in_order = resampled(known, horizon, JUDGING_RUNS, rng), orders(known, horizon, ORDERS, rng)

    def judge(one: _Choice) -> Judged:
        needed = _alone(confidence, len(models)) if one.family.kind == SINGLE else confidence
        return _judged(one, parts.judging, drawn, in_order, seed, floor)._replace(needed=needed)

    judged = _all_judged(tried, judge, z, floor)
    head = heads.predict_ridge(heads.fit_ridge(parts.training)[0], parts.judging.features)
    skill = heads.skill(head, parts.training, parts.judging)
    answer, best, single, saving, missing = _answer(judged, parts, floor)
    return Recommendation(
        answer, best, single, tuple(judged), saving, missing, skill, parts, alpha, tolerance, confidence, horizon,
        models, cost_unit,
    )  # fmt: skip


class _Trial(NamedTuple):
    """A family with what few runs say of all its settings."""

    family: Family
    tried: Tuned


class _Choice(NamedTuple):
    """A setting as the trial shows it: whether it should pass, its cost, what it has to spare."""

    family: Family
    g: int
    expected: bool
    cost: float
    spare: float


def _rank(one: _Choice) -> tuple[bool, float]:
    """The least expensive that should pass first, then what comes nearest."""
    return not one.expected, one.cost if one.expected else -one.spare


def _ladder(trial: _Trial, z: float, floor: float) -> tuple[list[_Choice], int]:
    """Settings by rising cost, each safer than those before it, and which of them is the first that should pass.

    Where none should pass it is the last one.
    """
    tried = trial.tried
    sure = (tried.satisfaction - floor) / np.maximum(tried.deviation, 1e-9)
    front = list[int]()
    for g in np.lexsort((-sure, tried.cost)):
        if not front or sure[g] > sure[front[-1]]:
            front.append(int(g))
    at = next((i for i, g in enumerate(front) if sure[g] >= z), len(front) - 1)
    below, above = _thinned(front[at::-1], tried.cost)[:0:-1], _thinned(front[at:], tried.cost)
    spare = tried.satisfaction - z * tried.deviation - floor
    found = [_Choice(trial.family, g, bool(sure[g] >= z), float(tried.cost[g]), float(spare[g])) for g in below + above]
    return found, len(below)


def _thinned(settings: list[int], cost: np.ndarray) -> list[int]:
    """The first one, and others in steps of cost that are worth a test."""
    kept = settings[:1]
    for g in settings[1:]:
        if abs(cost[g] - cost[kept[-1]]) >= STEP * cost[kept[-1]]:
            kept.append(g)
    return kept


def _by_name(trials: Sequence[_Trial], z: float, floor: float) -> list[_Trial]:
    """Of families of one name (MESS+ at several learning rates) the better one, the most promising first."""
    best: dict[str, tuple[tuple[bool, float], int, _Trial]] = {}
    for number, one in enumerate(trials):
        ladder, at = _ladder(one, z, floor)
        rank = _rank(ladder[at])
        known = best.get(one.family.name)
        if known is None or rank < known[0]:
            best[one.family.name] = rank, number, one
    return [one for _, _, one in sorted(best.values(), key=lambda each: each[:2])]


def _all_judged(trials: list[_Trial], judge: Callable[[_Choice], Judged], z: float, floor: float) -> list[Judged]:
    """Every family at a setting: its least expensive that passes, where that may be the least expensive of all.

    What is just below the least expensive of all, and does not pass, is there as well.
    """
    result, best, below = list[Judged](), np.inf, None
    for trial in trials:
        ladder, at = _ladder(trial, z, floor)
        found = first = judge(ladder[at])
        failed: Judged | None = None
        if first.passes:
            near = ladder[max(at - MOST, 0) : at] if first.cost.mean() < REACH * best else []
            for one in reversed(near):
                failed = judge(one)
                if not failed.passes:
                    break
                found, failed = failed, None
        else:
            for one in ladder[at + 1 : at + 1 + MOST]:
                if one.cost >= best:
                    break
                failed, found = found, judge(one)
                if found.passes:
                    break
        if found.passes and float(found.cost.mean()) < best:
            best, below = float(found.cost.mean()), failed
        result.append(found if found.passes else first)
    return result + ([below] if below is not None else [])


def _alone(confidence: float, num: int) -> float:
    """What is asked of a single model: its share of 1 - confidence, as many may pass by luck, each by its own.

    The settings of a router move together. At most what one of the draws in `JUDGING_RUNS` decides is asked for.
    """
    return max(confidence, min(1.0 - (1.0 - confidence) / num, 1.0 - 1.0 / JUDGING_RUNS))


def _centred(values: np.ndarray, in_order: np.ndarray) -> np.ndarray:
    return values + (in_order.mean() - values.mean())


def _keep(satisfaction: np.ndarray, floor: float) -> float:
    return float((np.sum(satisfaction >= floor - 1e-9) + 0.5) / (len(satisfaction) + 1.0))


def _judged(
    one: _Choice, judging: Requests, drawn: np.ndarray, in_order: np.ndarray, seed: int, floor: float
) -> Judged:
    played = one.family.play(one.g, judging, np.concatenate([drawn, in_order]), seed + 1)
    assert played.served is not None
    assert played.paid is not None
    num = len(drawn)
    once = Played(*(each[num:] for each in (played.cost, played.satisfaction, played.served, played.paid)))
    cost, satisfaction = (_centred(each[:num], each[num:]) for each in played[:2])
    return Judged(*one, cost, satisfaction, _keep(satisfaction, floor), once, in_order, 0.0)


def _answer(judged: list[Judged], parts: Parts, floor: float) -> tuple:
    """(answer, chosen, single, saving, more)."""
    passed = sorted((one for one in judged if one.passes), key=lambda one: float(one.cost.mean()))
    singles = [one for one in judged if one.single]
    single = next((one for one in passed if one.single), max(singles, key=lambda one: one.keep))
    if not passed:
        near = max(judged, key=lambda one: one.keep)
        out = all(one.satisfaction.mean() + 2.0 * one.satisfaction.std() < floor for one in judged)
        return OUT_OF_REACH if out else UNDECIDED, near, single, None, 0 if out else _more(near, parts, floor)
    best = passed[0]
    if best.single:
        return SINGLE_MODEL, best, best, None, 0
    saving = difference(best, single)
    if not single.passes or saving.upper < 0:
        return USE, best, single, saving, 0
    if saving.mean > -EQUAL:
        return SINGLE_MODEL, single, single, saving, 0
    return UNDECIDED, best, single, saving, _times(saving.mean, saving.upper - saving.mean, parts)


def difference(one: Judged, other: Judged) -> Difference:
    """Relative difference of costs, paired over runs.

    Args:
        one: A judged policy.
        other: What it is compared with.

    Returns:
        The mean and limits within which 95% of the runs of new requests lie.
    """
    values = one.cost / other.cost - 1.0
    return Difference(float(one.cost.mean() / other.cost.mean() - 1.0), *np.quantile(values, (0.025, 0.975)).tolist())


def _more(near: Judged, parts: Parts, floor: float) -> int:
    """How many more requests make the test pass if averages stay: deviations fall with the root of their number."""
    spare = float(near.satisfaction.mean()) - floor
    if spare <= 0:
        return -1
    return _times(spare, _quantile(1.0 - near.needed) * float(near.satisfaction.std()), parts)


def _times(wanted: float, half_width: float, parts: Parts) -> int:
    num = sum(len(part.rows) for part in parts)
    if wanted == 0:
        return -1
    return max(100, int(round(num * ((half_width / wanted) ** 2 - 1.0), -2))) if half_width < 30 * abs(wanted) else -1


def _quantile(error: float) -> float:
    """z with P(N > z) = error."""
    return float(-special.ndtri(error))


def mixture_of(recommendation: Recommendation) -> Judged | None:
    """The blind mixture, where it is a candidate.

    Args:
        recommendation: A recommendation.

    Returns:
        The mixture as it was judged, or None.
    """
    return next((one for one in recommendation.judged if one.family.kind == MIXTURE), None)


def is_next_cheaper(one: Judged, recommendation: Recommendation) -> bool:
    """Whether it is the second of its name: the setting just below the least expensive one, which does not pass.

    Args:
        one: One of `recommendation.judged`.
        recommendation: A recommendation.

    Returns:
        True for that one.
    """
    return one is not next(other for other in recommendation.judged if other.family.name == one.family.name)
