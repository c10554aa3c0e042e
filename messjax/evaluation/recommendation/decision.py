"""From candidates to an answer: settings chosen on the tuning part, few finalists, each tested on the judging part.

What is promised. A policy that is recommended keeps alpha - tolerance over the next T requests with at least the
confidence. Let q = 1 - confidence. At most four finalists, fixed before the judging part is looked at, are tested from
the cheapest on with errors .55 q and three times .15 q, and the first that passes is taken: the probability that one is
taken and then misses is at most q, whatever they have in common (Bonferroni). A test draws the next T requests given
the judged ones (`requests.resampled`): it counts the error of the judged part, of the order and of what comes.

Sequences drawn with replacement let a policy that learns meet a request again. Averages are therefore centred on those
over orders of the judging part, which have no request twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from messjax.evaluation.recommendation import heads
from messjax.evaluation.recommendation.candidates import MIXTURE, SINGLE, Family, Tuned, families
from messjax.evaluation.recommendation.heads import Skill
from messjax.evaluation.recommendation.requests import Parts, Requests, orders, resampled
from messjax.evaluation.recommendation.runs import Played

USE, SINGLE_MODEL, UNDECIDED, OUT_OF_REACH = "use", "do not route", "undecided", "out of reach"
ERRORS = (0.55, 0.15, 0.15, 0.15)  # of 1 - confidence, for the finalists from the cheapest on
TUNING_RUNS, JUDGING_RUNS, ORDERS = 24, 240, 16
LONGEST = 20_000  # requests of a run
SLACK, SAFER = 0.4, (1.6, 3.2)  # standard deviations of a run that a setting must have to spare on the tuning part
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
        safer: Whether it is the cheapest setting of all that has more to spare on the tuning part.
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
    safer: bool = False

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
        tested: Names of the finalists with the probability each had to pass.
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
    more: Sequence[Family] = (),
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
        wanted: Kinds of candidates (`candidates.NAMES`); single models are always there.
        more: Further families, for example policies of the user's.
        seed: Seed of all draws.

    Returns:
        The recommendation.
    """
    horizon = min(len(parts.judging.rows), LONGEST)
    every = [*families(parts, models, alpha, horizon, (SINGLE, *wanted)), *more]
    floor, quit_at = alpha - tolerance, 1.0 - confidence
    rng = np.random.default_rng((seed, 2))
    rows = resampled(len(parts.tuning.rows), horizon, TUNING_RUNS, rng)
    tuned = [(each, _tuned(each, parts, horizon, rows, seed)) for each in every]
    z = _quantile(ERRORS[0] * quit_at)
    chosen, *more_sure = (
        _by_kind([(each, *_setting(numbers, z + slack, floor)) for each, numbers in tuned]) for slack in (SLACK, *SAFER)
    )
    sure = [min((one for one in each if one[2]), key=lambda one: one[3], default=None) for each in more_sure]
    sure_ones = [one for one in sure if one is not None]
    for one in sure_ones:
        if not any(_same(one, known) for known in chosen):
            chosen = [*chosen, one]
    drawn = resampled(len(parts.judging.rows), horizon, JUDGING_RUNS, rng)
    in_order = orders(len(parts.judging.rows), horizon, ORDERS, rng)
    judged = tuple(
        sorted(
            (
                _judged(*one, parts, drawn, in_order, seed, floor)._replace(
                    safer=any(_same(one, each) for each in sure_ones)
                )
                for one in chosen
            ),
            key=lambda one: (not one.expected, one.tuned_cost if one.expected else -one.spare),
        )
    )
    head = heads.predict_ridge(heads.fit_ridge(parts.training)[0], parts.judging.features)
    skill = heads.skill(head, parts.training, parts.judging)
    answer, best, single, tested, saving, missing = _answer(judged, floor, quit_at)
    return Recommendation(
        answer, best, single, judged, tested, saving, missing, skill,
        parts, alpha, tolerance, confidence, horizon, models, cost_unit,
    )  # fmt: skip


_Choice = tuple[Family, int, bool, float, float]


def _tuned(family: Family, parts: Parts, horizon: int, rows: np.ndarray, seed: int) -> Tuned:
    """All settings of a family on requests that it was not trained on."""
    known = parts.tuning if family.moves or family.trained else both(parts)
    return family.tune(known, horizon, rows, seed)


def _setting(tuned: Tuned, deviations: float, floor: float) -> tuple[int, bool, float, float]:
    """The least expensive setting that should pass, or what comes nearest; whether it should, cost, what is spare."""
    spare = tuned.satisfaction - deviations * tuned.deviation - floor
    good = spare >= 0
    g = int(np.argmin(np.where(good, tuned.cost, np.inf))) if good.any() else int(np.argmax(spare))
    return g, bool(good.any()), float(tuned.cost[g]), float(spare[g])


def _same(one: _Choice, other: _Choice) -> bool:
    return one[0] is other[0] and one[1] == other[1]


def both(parts: Parts) -> Requests:
    """Training and tuning part together, for what is not trained.

    Args:
        parts: The trace in three parts.

    Returns:
        The requests before the judging part.
    """
    a, b = parts.training, parts.tuning
    features, satisfaction, cost, groups, rows = (np.concatenate(pair) for pair in zip(a[:5], b[:5], strict=True))
    choices = {name: np.append(a.choices[name], b.choices[name]) for name in a.choices}
    return Requests(features, satisfaction, cost, groups, rows, choices)


def _by_kind(chosen: list[_Choice]) -> list[_Choice]:
    """Of families of one name (MESS+ at several learning rates) the better one."""
    best: dict[str, _Choice] = {}
    for one in chosen:
        known = best.get(one[0].name)
        if known is None or (not one[2], one[3]) < (not known[2], known[3]):
            best[one[0].name] = one
    return list(best.values())


def _judged(
    family: Family,
    g: int,
    expected: bool,
    tuned_cost: float,
    spare: float,
    parts: Parts,
    drawn: np.ndarray,
    in_order: np.ndarray,
    seed: int,
    floor: float,
) -> Judged:
    new = family.play(g, parts.judging, drawn, seed + 1)
    once = family.play(g, parts.judging, in_order, seed + 2)
    cost, satisfaction = (a + (b.mean() - a.mean()) for a, b in zip(new[:2], once[:2], strict=True))
    keep = (np.sum(satisfaction >= floor - 1e-9) + 0.5) / (len(satisfaction) + 1.0)
    return Judged(family, g, expected, tuned_cost, spare, cost, satisfaction, float(keep), once, in_order)


def _answer(judged: tuple[Judged, ...], floor: float, quit_at: float) -> tuple:
    """(answer, chosen, single, tested, saving, more)."""
    single = next(one for one in judged if one.single)  # the cheapest that should pass, or what comes nearest
    finalists = [one for one in judged[:1] if one is not single]
    finalists += [one for one in judged[1:] if one is not single and (one.safer or judged[0] is single)][: len(SAFER)]
    finalists = sorted([*finalists, single], key=lambda one: one.tuned_cost)
    needed = [1.0 - share * quit_at for share in ERRORS]
    tested = tuple((one.family.name, level) for one, level in zip(finalists, needed, strict=False))
    passed = [one for one, level in zip(finalists, needed, strict=False) if one.keep >= level]
    if not passed:
        near = max(judged, key=lambda one: one.keep)
        out = all(one.satisfaction.mean() + 2.0 * one.satisfaction.std() < floor for one in judged)
        return OUT_OF_REACH if out else UNDECIDED, near, single, tested, None, 0 if out else _more(near, floor, quit_at)
    best = passed[0]
    if best.single:
        return SINGLE_MODEL, best, best, tested, None, 0
    saving = difference(best, single)
    if not any(one is single for one in passed) or saving.upper < 0:
        return USE, best, single, tested, saving, 0
    if saving.lower > -EQUAL:
        return SINGLE_MODEL, single, single, tested, saving, 0
    return UNDECIDED, best, single, tested, saving, _times(saving.mean, saving.upper - saving.mean, best)


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
