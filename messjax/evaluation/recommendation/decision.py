"""From candidates to an answer: settings chosen on the tuning part, then tested on the judging part from safe to cheap.

What is promised. A policy that is recommended keeps alpha - tolerance over the next T requests with at least the
confidence. Let q = 1 - confidence. A test draws the next T requests given the judged ones (`requests.resampled`): it
counts the error of the judged part, of the order and of what comes. Three sequences of settings, fixed before the
judging part is looked at, share q (`ERRORS`): one of a router with a queue, one of a router without, the best single
model. Each is tested from its safest setting on, and the last one before the first failure is kept. Settings of a
sequence differ in one control that moves all their satisfactions together, so that whichever is the first to miss has
to pass its own test to be taken: the probability of that is its share of q, however long the sequence is. The shares
add up to q, whatever the sequences have in common (Bonferroni).

Sequences drawn with replacement let a policy that learns meet a request again. Averages are therefore centred on those
over orders of the judging part, which have no request twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from messjax.evaluation.recommendation import heads
from messjax.evaluation.recommendation.candidates import families
from messjax.evaluation.recommendation.heads import Skill
from messjax.evaluation.recommendation.kinds import MIXTURE, SINGLE, Family, Tuned
from messjax.evaluation.recommendation.requests import Parts, Requests, both, orders, resampled
from messjax.evaluation.recommendation.runs import Played
from messjax.types import Policy

USE, SINGLE_MODEL, UNDECIDED, OUT_OF_REACH = "use", "do not route", "undecided", "out of reach"
ERRORS = (0.6, 0.25, 0.15)  # of 1 - confidence: for the sequence that promises most, the other one, the single model
TUNING_RUNS, JUDGING_RUNS, ORDERS = 24, 240, 16
LONGEST = 20_000  # requests of a run
SLACK = 0.4  # standard deviations of a run that a setting must have to spare on the tuning part
SAFEST, STEP, AT_ONCE = (
    3.2,
    0.01,
    4,
)  # a sequence: what its first setting has to spare, relative steps of cost, tested together
EQUAL = 0.02  # costs that differ by less are equal: routing is not worth having for it


class Judged(NamedTuple):
    """One family at its chosen setting, on the judging part.

    Attributes:
        family: The family.
        g: Number of the setting.
        expected: Whether the tuning part says that it keeps alpha.
        tuned_cost: Its cost on the tuning part.
        spare: By how much it passes there, in satisfaction; negative where it does not.
        cost: Cost per request of B runs of new requests [B].
        satisfaction: Their satisfaction [B].
        keep: Probability that alpha - tolerance is kept.
        in_order: What it did on orders of the judging part.
        rows: Those orders [b, T].
    """

    family: Family
    g: int
    expected: bool
    tuned_cost: float
    spare: float
    cost: np.ndarray
    satisfaction: np.ndarray
    keep: float
    in_order: Played
    rows: np.ndarray

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
        judged: Every family at its chosen setting, the least expensive on the tuning part first.
        tested: Names of what was tested with the probability that each had to pass.
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
    tested: tuple[tuple[str, float], ...]
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
        parts: The trace in three parts, features projected.
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
    horizon, known = min(len(parts.judging.rows), LONGEST), len(parts.judging.rows)
    every = families(parts, models, alpha, horizon, (SINGLE, *wanted), own or {})
    floor, quit_at = alpha - tolerance, 1.0 - confidence
    rng = np.random.default_rng((seed, 2))
    rows = resampled(len(parts.tuning.rows), horizon, TUNING_RUNS, rng, known)
    tuned = [(each, each.tune(_tuning(each, parts), rows, known, seed)) for each in every]
    z = _quantile(ERRORS[0] * quit_at)
    drawn = resampled(known, horizon, JUDGING_RUNS, rng)
    in_order = orders(known, horizon, ORDERS, rng)

    def judge(one: _Choice) -> Judged:
        return _judged(one, parts.judging, drawn, in_order, seed, floor)

    chosen = {one.family.name: one for one in _by_kind([_setting(each, t, z + SLACK, floor) for each, t in tuned])}
    walked, levels = [], iter(1.0 - share * quit_at for share in ERRORS)
    for first, sequence in _sequences(tuned, z, floor):
        level = next(levels)
        passed, failed = _walk(sequence, parts.judging, drawn, in_order, seed, floor, level)
        chosen[first.family.name] = passed or first
        walked.append((chosen[first.family.name], failed, level))
    judged = [judge(one) for one in chosen.values()]
    judged += [judge(failed) for one, failed, _ in walked if failed is not None and not _same(one, failed)]
    judged.sort(key=lambda one: (not one.expected, one.tuned_cost if one.expected else -one.spare))
    tested = [(next(each for each in judged if _same(each, one)), level) for one, _, level in walked]
    tested.append((next(one for one in judged if one.single), next(levels)))
    head = heads.predict_ridge(heads.fit_ridge(parts.training)[0], parts.judging.features)
    skill = heads.skill(head, parts.training, parts.judging)
    answer, best, single, saving, missing = _answer(judged, tested, floor, quit_at)
    return Recommendation(
        answer, best, single, tuple(judged), tuple((one.family.name, level) for one, level in tested), saving, missing,
        skill, parts, alpha, tolerance, confidence, horizon, models, cost_unit,
    )  # fmt: skip


class _Choice(NamedTuple):
    """A setting as the tuning part shows it: whether it should pass, its cost, what it has to spare."""

    family: Family
    g: int
    expected: bool
    cost: float
    spare: float


def _tuning(family: Family, parts: Parts) -> Requests:
    """Requests that a family was not trained on."""
    return parts.tuning if family.moves or family.trained else both(parts)


def _setting(family: Family, tuned: Tuned, deviations: float, floor: float, among: np.ndarray | None = None) -> _Choice:
    """The least expensive setting (of some) that should pass, or what comes nearest."""
    some = np.arange(len(tuned.cost)) if among is None else among
    spare = (tuned.satisfaction - deviations * tuned.deviation - floor)[some]
    good = spare >= 0
    at = int(np.argmin(np.where(good, tuned.cost[some], np.inf))) if good.any() else int(np.argmax(spare))
    return _Choice(family, int(some[at]), bool(good.any()), float(tuned.cost[some[at]]), float(spare[at]))


def _rank(one: _Choice) -> tuple[bool, float]:
    """The least expensive that should pass first, then what comes nearest."""
    return not one.expected, one.cost if one.expected else -one.spare


def _same(one: _Choice | Judged, other: _Choice | Judged) -> bool:
    return one.family is other.family and one.g == other.g


def _sequences(tuned: Sequence[tuple[Family, Tuned]], z: float, floor: float) -> list[tuple[_Choice, list[_Choice]]]:
    """For routers with a queue and for those without: the best setting, and its sequence from safe to cheap."""
    found = []
    for moves in (True, False):
        best: tuple[_Choice, Tuned, np.ndarray] | None = None
        for family, numbers in tuned:
            for arm in family.arms if family.kind != SINGLE and family.moves is moves else ():
                one = _setting(family, numbers, z + SLACK, floor, arm)
                if best is None or _rank(one) < _rank(best[0]):
                    best = one, numbers, arm
        if best is not None:
            found.append((best[0], _sequence(*best, z, floor)))
    return sorted(found, key=lambda pair: _rank(pair[0]))


def _sequence(best: _Choice, tuned: Tuned, arm: np.ndarray, z: float, floor: float) -> list[_Choice]:
    """Settings of an arm by falling cost, from one with much to spare on, in steps that are worth a test."""
    spare = tuned.satisfaction - (z + SLACK) * tuned.deviation - floor
    start = tuned.cost[_setting(best.family, tuned, z + SAFEST, floor, arm).g]
    kept: list[int] = []
    for g in arm[np.argsort(-tuned.cost[arm], kind="stable")]:
        if tuned.cost[g] <= start and (not kept or tuned.cost[g] <= (1.0 - STEP) * tuned.cost[kept[-1]]):
            kept.append(int(g))
    return [_Choice(best.family, g, bool(spare[g] >= 0), float(tuned.cost[g]), float(spare[g])) for g in kept]


def _walk(
    sequence: list[_Choice],
    judging: Requests,
    drawn: np.ndarray,
    in_order: np.ndarray,
    seed: int,
    floor: float,
    level: float,
) -> tuple[_Choice | None, _Choice | None]:
    """The last setting that passes before the first that fails, and that one."""
    passed, rows = None, np.concatenate([drawn, in_order])
    for at in range(0, len(sequence), AT_ONCE):
        some = sequence[at : at + AT_ONCE]
        arm = np.array([one.g for one in some + some[-1:] * (AT_ONCE - len(some))])  # one compiled program
        _, satisfaction = some[0].family.judge(arm, judging, rows, seed + 1)
        for one, values in zip(some, satisfaction, strict=False):
            if _keep(_centred(values[: len(drawn)], values[len(drawn) :]), floor) < level:
                return passed, one
            passed = one
    return passed, None


def _by_kind(chosen: list[_Choice]) -> list[_Choice]:
    """Of families of one name (MESS+ at several learning rates) the better one."""
    best: dict[str, _Choice] = {}
    for one in chosen:
        known = best.get(one.family.name)
        if known is None or (not one.expected, one.cost) < (not known.expected, known.cost):
            best[one.family.name] = one
    return list(best.values())


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
    return Judged(*one, cost, satisfaction, _keep(satisfaction, floor), once, in_order)


def _answer(judged: list[Judged], tested: list[tuple[Judged, float]], floor: float, quit_at: float) -> tuple:
    """(answer, chosen, single, saving, more)."""
    single = tested[-1][0]
    passed = [one for one, level in tested if one.keep >= level]
    if not passed:
        near = max(judged, key=lambda one: one.keep)
        out = all(one.satisfaction.mean() + 2.0 * one.satisfaction.std() < floor for one in judged)
        return OUT_OF_REACH if out else UNDECIDED, near, single, None, 0 if out else _more(near, floor, quit_at)
    best = min(passed, key=lambda one: float(one.cost.mean()))
    if best.single:
        return SINGLE_MODEL, best, best, None, 0
    saving = difference(best, single)
    if not any(one is single for one in passed) or saving.upper < 0:
        return USE, best, single, saving, 0
    if saving.lower > -EQUAL:
        return SINGLE_MODEL, single, single, saving, 0
    return UNDECIDED, best, single, saving, _times(saving.mean, saving.upper - saving.mean, best)


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


def _more(near: Judged, floor: float, quit_at: float) -> int:
    """How many more requests make the test pass if averages stay: deviations fall with the root of their number."""
    spare = float(near.satisfaction.mean()) - floor
    if spare <= 0:
        return -1
    return _times(spare, _quantile(ERRORS[0] * quit_at) * float(near.satisfaction.std()), near)


def _times(wanted: float, half_width: float, one: Judged) -> int:
    num = one.rows.shape[1] / 0.5
    if wanted == 0:
        return -1
    return max(100, round(num * ((half_width / wanted) ** 2 - 1.0), -2)) if half_width < 30 * abs(wanted) else -1


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
