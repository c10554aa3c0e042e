"""`messjax recommend`: the parts are disjoint, new requests vary as they should, and the answer is the right one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from messjax import policies, predictors
from messjax.evaluation.recommendation import decision, figure, heads, kinds, runs, table, words
from messjax.evaluation.recommendation import requests as requests_
from messjax.evaluation.recommendation.requests import Requests
from messjax.types import Controls

FAST = (kinds.MIXTURE, kinds.OFFLINE)  # nothing that compiles


def world(seed: int, num: int, *, accuracy=(0.6, 0.9), cost=(1.0, 10.0), knows: float = 0.0) -> Requests:
    """Requests of two kinds; `knows` is how much more the cheap model satisfies those whose feature is positive."""
    rng = np.random.default_rng(seed)
    x = np.sign(rng.normal(size=(num, 1))).astype(np.float32)
    mu = np.tile(np.array(accuracy), (num, 1))
    mu[:, 0] += knows * x[:, 0]
    s = (rng.random(mu.shape) < mu).astype(np.float64)
    return Requests(x, s, np.tile(np.array(cost), (num, 1)), np.array(["all"] * num), np.arange(num))


def answer(every: Requests, alpha: float, **options):
    parts = requests_.split(every, 1)
    names = tuple(f"model {m}" for m in range(every.cost.shape[1]))
    return decision.recommend(parts, names, alpha=alpha, cost_unit="USD", wanted=FAST, **options)


def test_the_parts_are_disjoint_and_whole():
    for tuning, sizes in ((0.0, [301, 0, 702]), (requests_.TUNING, [301, 201, 501])):
        parts = requests_.split(world(0, 1_003), 3, tuning)
        rows = np.concatenate([part.rows for part in parts])
        assert np.array_equal(np.sort(rows), np.arange(1_003))
        assert [len(part.rows) for part in parts] == sizes and parts.horizon == 502


def test_new_requests_vary_by_what_is_known_and_by_what_comes():
    rng = np.random.default_rng(1)
    values = rng.normal(size=400)
    for horizon in (100, 400, 1_600):
        means = values[requests_.resampled(400, horizon, 3_000, rng)].mean(axis=1)
        expected = values.std() * np.sqrt(1.0 / 400 + 1.0 / horizon)
        assert means.std() == pytest.approx(expected, rel=0.06)
        assert means.mean() == pytest.approx(values.mean(), abs=5 * expected / np.sqrt(3_000))


def test_a_single_model_that_is_cheaper_and_good_enough_is_recommended():
    result = answer(world(2, 2_000, accuracy=(0.9, 0.6)), 0.8)
    assert result.answer == decision.SINGLE_MODEL and result.chosen.family.name == "only model 0"
    assert words.answer(result).startswith("Do not route: model 0 alone costs 1 USD per request and keeps 0.8")


def test_a_router_that_knows_is_recommended_with_its_saving():
    result = answer(world(3, 6_000, accuracy=(0.5, 0.9), knows=0.4), 0.85)
    assert result.answer == decision.USE and result.chosen.family.kind == kinds.OFFLINE
    # serving the dear model where x < 0 costs 5.5 and satisfies 0.9
    assert result.saving is not None and result.saving.lower < -0.45 < result.saving.upper
    assert result.chosen.keep > 0.975
    assert "knows something" in words.reasons(result)[0]
    page = io.StringIO()
    Console(file=page, width=80).print(table.alternatives(result))
    assert max(map(len, page.getvalue().splitlines())) <= 80
    keeps = "average satisfaction over the next 3,000 requests is at least alpha = 0.85 less 0.005"
    assert f"keeps: the probability that the {keeps}" in " ".join(page.getvalue().split())


def test_that_costs_were_known_and_why_alpha_is_raised_are_said_once_and_only_where_so():
    every = world(3, 2_000, accuracy=(0.5, 0.9), knows=0.4)
    constant = answer(every, 0.85)
    cost = every.cost * np.random.default_rng(0).uniform(0.5, 1.5, (2_000, 1))
    varied = answer(every._replace(cost=cost), 0.85)
    assert varied.chosen.family.kind == kinds.OFFLINE
    said = [sum("knowing what each request costs" in one for one in words.reasons(each)) for each in (constant, varied)]
    assert said == [0, 1]
    mixture = next(one for one in constant.judged if one.family.kind == kinds.MIXTURE)
    text = words.answer(constant._replace(chosen=mixture))
    assert mixture.settings["alpha"] > 0.85 and text.count(" (above 0.85, to be safe)") == 1
    assert "to be safe" not in words.answer(varied) and "to be safe" not in printed(constant)


def printed(result: decision.Recommendation, most: int = 9) -> str:
    page = io.StringIO()
    Console(file=page, width=80).print(table.alternatives(result, most))
    return page.getvalue()


def test_a_single_model_that_only_misses_its_stricter_share_is_not_called_less_sure():
    result = answer(world(3, 2_000, accuracy=(0.5, 0.6, 0.9), cost=(1.0, 2.0, 10.0), knows=0.4), 0.85)
    assert result.answer == decision.USE and result.single.family.name == "only model 2"
    short = result.single._replace(keep=236.5 / 241, needed=decision._alone(0.95, 3))
    judged = tuple(short if one is result.single else one for one in result.judged)
    text = words.answer(result._replace(single=short, judged=judged))
    why = "model 2 alone keeps 0.85 with probability 0.981, which is less than the 0.983 required of a single model"
    assert f"({why} because 3 were tried; " in text and "as surely" not in text
    unsure = result._replace(single=short._replace(keep=0.9), judged=judged)
    assert "(no single model keeps 0.85 as surely; " in words.answer(unsure)


def test_who_is_named_is_in_the_table_and_a_second_row_of_a_name_says_what_it_is():
    result = answer(world(3, 3_000, accuracy=(0.5, *[0.55] * 11, 0.9), cost=(*range(1, 13), 13.0), knows=0.4), 0.85)
    page, said = printed(result), " ".join([words.answer(result), *words.reasons(result)])
    assert result.single.family.name == "only model 12" and "model 12" in said and "only model 12" in page
    assert "Against mixing models blindly" in said and "blind mixture" in page
    assert result.judged[-1].family is result.chosen.family and page.count(result.chosen.family.name) == 2
    assert page.count("(next cheaper,") == 1 and page.count("not sure enough)") == 1
    drawn = [text.get_text() for text in figure.frontier(result, "").legends[0].get_texts()]
    assert len(set(drawn)) == len(drawn) and "offline router (next cheaper)" in drawn
    fewest = printed(result, 1)  # a limit does not cut who is named
    assert all(who in fewest for who in (result.chosen.family.name, "only model 12", "blind mixture"))
    assert page.count("+-") == 9 and f"; {len(result.judged) - 9} more in candidates.csv" in " ".join(page.split())


class Levels:
    """A family whose setting g costs cost[g] and passes with probability keep[g]; it notes what was judged."""

    kind, moves = kinds.OFFLINE, False

    def __init__(self, name, cost, keep):
        self.name, self.cost, self.keep, self.asked = name, cost, keep, []

    def judge(self, one):
        self.asked.append(one.g)
        cost, nothing = np.full(3, self.cost[one.g]), np.zeros(3)
        return decision.Judged(*one, cost, nothing, self.keep[one.g], None, nothing, 0.95)

    def trial(self, sure):
        tuned = kinds.Tuned(np.array(self.cost), 0.8 + 0.01 * np.array(sure), np.full(len(sure), 0.01))
        return decision._Trial(self, tuned)


def test_settings_are_ordered_by_cost_and_each_is_safer_than_those_before():
    family = Levels("one", [5.0, 4.0, 4.01, 3.0, 2.0, 4.5], [])
    ladder, at = decision._ladder(family.trial([4.0, 2.0, 2.1, 1.0, 0.0, 1.5]), 1.6, 0.8)
    assert [one.g for one in ladder] == [4, 3, 1, 0] and at == 2  # 2 costs as much as 1, 5 is dearer and less safe
    assert [one.expected for one in ladder] == [False, False, True, True]
    ladder, at = decision._ladder(family.trial([0.5, 0.4, 0.3, 0.2, 0.1, 0.0]), 1.6, 0.8)
    assert ladder[at].g == 0 and at == len(ladder) - 1  # none should pass: what comes nearest


def test_the_least_expensive_setting_that_passes_is_found_from_either_side():
    cost, sure = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.0, 0.5, 1.0, 2.0, 2.5, 3.0]
    safer = Levels("safer than tried", cost, [0.1, 0.5, 0.96, 0.97, 0.98, 0.99])
    riskier = Levels("riskier than tried", cost, [0.1, 0.2, 0.3, 0.4, 0.96, 0.99])
    dear = Levels("never", [7.0, 8.0], [0.5, 0.6])
    for families_, best, failed in (((safer, dear), 3.0, 0.5), ((riskier, dear), 5.0, 0.4)):
        trials = [one.trial(sure[: len(one.cost)]) for one in families_]
        judged = decision._all_judged(trials, lambda one: one.family.judge(one), 1.6, 0.8)
        assert [float(one.cost[0]) for one in judged[:1]] == [best] and judged[0].keep >= 0.95
        assert judged[-1].keep == failed and judged[-1].family is judged[0].family  # what is just below
        assert judged[1].keep < 0.95 and dear.asked == [1] * len(
            dear.asked
        )  # dearer than the best: not looked at again


def test_the_score_of_a_recorded_router_is_a_candidate():
    every = world(7, 6_000, accuracy=(0.5, 0.9), knows=0.4)
    x = every.features[:, 0]
    every = every._replace(features=np.ones_like(every.features), scores={"mine": -x.astype(np.float64)})
    result = answer(every, 0.85)  # features tell nothing, the score tells who needs the dear model
    assert result.answer == decision.USE and result.chosen.family.name == "mine at a threshold"
    assert result.saving is not None and result.saving.lower < -0.45 < result.saving.upper


def test_settings_are_broken_between_numbers_only():
    text = "V = 0.07917, alpha = 0.7531, c = 1, rate = 0.06"
    assert table._lines(text) == ["V = 0.07917", "alpha = 0.7531, c = 1", "rate = 0.06"]
    assert table._lines("V = 3.005e+05, alpha = 0.6") == ["V = 3.005e+05, alpha = 0.6"] and table._lines("") == []


def test_a_probability_that_misses_is_not_shown_as_one_that_does_not():
    assert [words.probability(keep) for keep in (0.9499, 0.95, 0.29, 0.991, 0.001)] == [
        ".94",
        ".95",
        ".29",
        "> .99",
        "< .01",
    ]


def test_what_no_candidate_reaches_is_said():
    result = answer(world(4, 2_000), 0.97)
    assert result.answer == decision.OUT_OF_REACH and words.answer(result).startswith("Out of reach")


def test_too_few_requests_are_undecided_and_the_number_that_decides_is_about_right():
    every = world(5, 300, accuracy=(0.2, 0.86))
    mean = requests_.split(every, 1).judging.satisfaction[:, 1].mean()
    result = answer(every, round(float(mean) - 0.02, 6), tolerance=0.0)
    assert result.answer == decision.UNDECIDED
    deviation = np.sqrt(mean * (1 - mean) * (1 / 210 + 1 / 150))  # of a run of 150 new requests, 210 being known
    expected = 300 * ((1.645 * deviation / 0.02) ** 2 - 1)
    assert result.more == pytest.approx(expected, rel=0.4)
    assert f"about {result.more:,} more requests would decide" in words.answer(result)


def test_a_predictor_that_knows_nothing_is_called_that():
    every = world(6, 3_000)
    parts = requests_.split(every, 1)
    state, _ = heads.fit_ridge(parts.training)
    skill = heads.skill(heads.predict_ridge(state, parts.judging.features), parts.training, parts.judging)
    assert skill.word() == "nothing" and abs(skill.gain) < 0.01
    assert heads.Skill(0.5, 0.5 + 1e-16, 1e-18).word() == "nothing"  # all features are equal
    assert heads.Skill(0.49, 0.5, 0.001).word() == "little" and heads.Skill(0.4, 0.5, 0.001).word() == "something"


def test_a_finalist_that_passes_by_luck_is_as_rare_as_promised():
    """A model just below the floor is the only one: it may be recommended in at most 5% of the traces."""
    wrong = 0
    for seed in range(60):
        every = world(100 + seed, 400, accuracy=(0.3, 0.795))
        result = answer(every, 0.8, tolerance=0.0)
        wrong += result.answer in (decision.USE, decision.SINGLE_MODEL)
    assert wrong <= 8  # P(Binomial(60, .05) > 8) = .4%


def test_one_of_many_models_near_alpha_does_not_pass_by_luck():
    """Eleven cheap models are just below the floor: the recommended policy keeps alpha as often as promised."""
    missed = []
    for seed in range(5):
        rng, accuracy = np.random.default_rng(seed), np.append(np.full(11, 0.795), 0.9)
        cost = np.append(np.arange(1.0, 12.0), 40.0)

        def drawn(num: int, rng=rng, accuracy=accuracy, cost=cost) -> Requests:
            s = (rng.random((num, 12)) < accuracy).astype(np.float64)
            x = np.sign(rng.normal(size=(num, 1))).astype(np.float32)
            return Requests(x, s, np.tile(cost, (num, 1)), np.array(["all"] * num), np.arange(num))

        result = answer(drawn(400), 0.8, tolerance=0.0)
        singles = [one for one in result.judged if one.single]
        assert {one.needed for one in singles} == {1.0 - 1.0 / decision.JUDGING_RUNS}
        pool = drawn(4_000)
        played = result.chosen.family.play(result.chosen.g, pool, rng.integers(0, 4_000, (100, 200)), 3)
        missed.append(np.mean(played.satisfaction < 0.8 - 1e-9))
    assert np.mean(missed) < 0.2


@pytest.mark.parametrize(("paid", "expected"), [("sum", 6.0), ("largest", 4.0)])
def test_a_request_that_is_explored_pays_the_sum_or_the_largest(paid, expected):
    s = np.ones((4, 2))
    every = Requests(np.ones((4, 1), np.float32), s, np.array([[2.0, 4.0]] * 4), np.array(["all"] * 4), np.arange(4))
    every = every._replace(paid=paid)
    policy = policies.mess_plus(predictors.linear(1, 2))
    controls = Controls(np.array([1.0]), np.array([0.5]), np.array([1e9]), 0.25)
    played = runs.play(policy, controls, every.take(np.array([0, 2, 1, 3])), np.arange(4)[None], 0)
    assert played.cost.ravel().tolist() == [expected]
