"""The field's router metrics on cases worked by hand, their properties, and what they refuse."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from messjax import predictors, streams
from messjax.evaluation import comparison
from messjax.evaluation import router_metrics as rm
from messjax.theory import optimum
from messjax.types import Controls, Distribution

EXAMPLES = settings(max_examples=60, deadline=None)


def points(least: int = 1):
    """(x [n], quality [n]) of one router, x in [0, 1]."""
    numbers = st.floats(0.0, 1.0, allow_subnormal=False).map(lambda x: round(x, 6))
    return st.integers(least, 8).flatmap(
        lambda n: st.tuples(*(hnp.arrays(np.float64, n, elements=numbers) for _ in range(2)))
    )


# --- RouterBench ------------------------------------------------------------------------------------------------


def test_aiq_by_hand():
    # Points (1, .2), (2, .8), (3, .7), (4, .9): (3, .7) is below (2, .8) to (4, .9). Areas: from 1 to 2 the mean of .2
    # and .8, .5; from 2 to 4 twice the mean of .8 and .9, 1.7. Width 3: AIQ = 2.2 / 3.
    cost, quality = [3, 1, 4, 2], [0.7, 0.2, 0.9, 0.8]
    np.testing.assert_allclose(rm.hull(cost, quality), [[1, 2, 4], [0.2, 0.8, 0.9]])
    assert rm.aiq(cost, quality) == pytest.approx(2.2 / 3)
    # To the dearest single model at 6 it stays at .9: (2.2 + 2 * .9) / 5.
    assert rm.aiq(cost, quality, high=6) == pytest.approx(4.0 / 5)
    # From 0 with the null router (0, 0): the line to (2, .8) passes (1, .4), above .2. Area .8 + 1.7 over width 4.
    assert rm.aiq(cost, quality, low=0) == pytest.approx(2.5 / 4)
    # From 1 to 2 of a router whose cheapest point is (2, .8): heights .4 to .8.
    assert rm.aiq([2.0], [0.8], low=1, high=2) == pytest.approx(0.6)
    assert rm.aiq([2.0, 2.0], [0.8, 0.5]) == 0.8  # no width


@EXAMPLES
@given(points(), st.floats(0.01, 100), st.floats(0, 1))
def test_aiq_properties(case, unit, more):
    cost, quality = case
    result = rm.aiq(cost, quality, high=2.0)
    assert 0.0 <= result <= quality.max() + 1e-12
    assert rm.aiq(cost * unit, quality, low=cost.min() * unit, high=2 * unit) == pytest.approx(result, abs=1e-9)
    assert rm.aiq(cost[::-1], quality[::-1], high=2.0) == pytest.approx(result, abs=1e-12)
    wider = rm.aiq(np.append(cost, more), np.append(quality, 0.5), low=cost.min(), high=2.0)
    assert wider >= result - 1e-9  # one configuration more never hurts
    at, height = rm.hull(cost, quality)
    assert (np.interp(cost, at, height) >= quality - 1e-12).all() and (np.diff(height) > 0).all()
    assert (np.diff(np.diff(height) / np.diff(at)) <= 1e-9 * (1 + np.abs(np.diff(height) / np.diff(at))[:-1])).all()


# --- RouteLLM ---------------------------------------------------------------------------------------------------


def test_pgr_apgr_and_cpt_by_hand():
    # Weak .5, strong .9: .7 recovers half of the gap.
    assert rm.pgr(0.7, 0.5, 0.9) == pytest.approx(0.5)
    np.testing.assert_allclose(rm.pgr([0.5, 0.9, 1.0], 0.5, 0.9), [0.0, 1.0, 1.25])
    # Points (.2, PGR .5) and (.6, PGR .9), ends (0, 0) and (1, 1): areas .2 * .25 + .4 * .7 + .4 * .95 = .71.
    share, quality = [0.6, 0.2], [0.86, 0.7]
    assert rm.apgr(share, quality, 0.5, 0.9) == pytest.approx(0.71)
    # PGR .5 is reached at .2; .8 on the line from (.2, .5) to (.6, .9), three quarters of the way: .5.
    assert rm.cpt(0.5, share, quality, 0.5, 0.9) == pytest.approx(0.2)
    assert rm.cpt(0.8, share, quality, 0.5, 0.9) == pytest.approx(0.5)
    # A router that never calls the strong model: the blind mixture from (0, 0) to (1, 1).
    assert rm.apgr([0.0], [0.5], 0.5, 0.9) == pytest.approx(0.5)
    assert rm.cpt(0.8, [0.0], [0.5], 0.5, 0.9) == pytest.approx(0.8)
    # The first share counts: PGR rises to .75 at .25, falls to .25 at .5. One half is reached at 1/6, and again later.
    assert rm.cpt(0.5, [0.25, 0.5], [0.8, 0.6], 0.5, 0.9) == pytest.approx(1 / 6)
    # Two points of one share count with their mean, PGR .5: areas of (0, 0), (.5, .5), (1, 1).
    assert rm.apgr([0.5, 0.5], [0.6, 0.8], 0.5, 0.9) == pytest.approx(0.5)
    # A measured end below the strong model recovers three quarters of the gap, never all of it.
    assert np.isnan(rm.cpt(0.8, [1.0], [0.8], 0.5, 0.9)) and rm.cpt(0.75, [1.0], [0.8], 0.5, 0.9) == pytest.approx(1.0)
    assert rm.cpt(0.5, [0.0], [0.8], 0.5, 0.9) == 0.0  # a measured beginning that has it already


@EXAMPLES
@given(points(), st.floats(0.05, 0.95), st.floats(0.05, 1.0))
def test_routellm_properties(case, less, more):
    share, quality = case
    weak, strong = 0.3, 0.7
    result = rm.apgr(share, quality, weak, strong)
    assert rm.pgr(quality.min(initial=weak), weak, strong) - 1e-9 <= result
    assert result <= rm.pgr(quality.max(initial=strong), weak, strong) + 1e-9
    assert rm.apgr(share, quality / 2, weak / 2, strong / 2) == pytest.approx(result, abs=1e-9)
    assert rm.apgr(share, np.minimum(quality + 0.1, 1), weak, strong) >= result - 1e-12
    low, high = sorted((less, more))
    first, second = (rm.cpt(part, share, quality, weak, strong) for part in (low, high))
    assert np.isnan(second) or 0.0 <= first <= second <= 1.0
    mixture = weak + share * (strong - weak)
    assert rm.apgr(share, mixture, weak, strong) == pytest.approx(0.5)
    assert rm.cpt(low, share, mixture, weak, strong) == pytest.approx(low, abs=1e-9)


# --- LLMRouterBench -----------------------------------------------------------------------------------------------


def test_the_oracle_by_hand():
    # Request 1: both right, the cheaper one (0); 2: only model 1; 3: none, the cheapest, which is model 1; 4: .5
    # beats .2. Quality (1 + 1 + 0 + .5) / 4, cost (1 + 5 + 2 + 9) / 4.
    satisfaction = [[1, 1], [0, 1], [0, 0], [0.2, 0.5]]
    cost = [[1, 3], [1, 5], [4, 2], [1, 9]]
    result = rm.oracle(satisfaction, cost)
    assert result.quality == 2.5 / 4 and result.cost == 17 / 4
    np.testing.assert_array_equal(result.model, [0, 1, 1, 1])


def test_gains_by_hand():
    # Two data sets: .6 against .5 is +.2, .3 against .4 is -.25: on average -.025. Against oracles .8, .6: .25 and .5.
    assert rm.gain_at_best([0.6, 0.3], [0.5, 0.4]) == pytest.approx(-0.025)
    assert rm.gap_at_oracle([0.6, 0.3], [0.8, 0.6]) == pytest.approx(0.375)
    np.testing.assert_allclose(rm.gain_at_best([[0.5, 0.4], [0.6, 0.3]], [0.5, 0.4]), [0.0, -0.025], atol=1e-12)
    assert np.isnan(rm.gain_at_best(0.3, 0.0))
    # Best single .8 at 10. The most accurate configuration, .84, gains 5%; the cheapest one with at least .8 costs 6.
    cost, quality = [4, 6, 9], [0.7, 0.8, 0.84]
    assert rm.perf_gain(quality, 0.8) == pytest.approx(0.05)
    assert rm.cost_save(cost, quality, 10, 0.8) == pytest.approx(0.4)
    assert rm.cost_save([12], [0.9], 10, 0.8) == pytest.approx(-0.2)  # as accurate, but dearer
    assert np.isnan(rm.cost_save(cost, quality, 10, 0.85))  # n/a: none is as accurate


def test_pareto_dist_by_hand():
    # Everything: (0, 0), (5, .5), (10, 1) on the front, (10, .5) off it. Spans 10 and 1. In scaled coordinates
    # (1, .5) is (.5, 0) from (.5, .5) and (0, .5) from (1, 1): .5 in any norm. The router has this and a front point.
    cost, quality = [0, 5, 10, 10], [0, 0.5, 1, 0.5]
    np.testing.assert_array_equal(rm.pareto_front(cost, quality), [True, True, True, False])
    assert rm.pareto_dist([10, 5], [0.5, 0.5], cost, quality) == pytest.approx(0.25)
    # (10, .3) is (.5, .2) from (5, .5): sqrt(.29), and .7 added up; (0, .7) from the top: .7, .7. The least of each.
    assert rm.pareto_dist([10], [0.3], cost, quality) == pytest.approx(np.sqrt(0.29))
    assert rm.pareto_dist([10], [0.3], cost, quality, order=1) == pytest.approx(0.7)
    np.testing.assert_array_equal(rm.pareto_front([1, 1, 2, 1], [0.5, 0.5, 0.5, 0.4]), [True, True, False, False])


@EXAMPLES
@given(points(), points(), st.floats(0.01, 100))
def test_pareto_properties(ours, theirs, unit):
    result = rm.pareto_dist(*ours, *theirs)
    assert 0.0 <= result <= np.sqrt(2) + 1e-12
    assert rm.pareto_dist(ours[0] * unit, ours[1], theirs[0] * unit, theirs[1]) == pytest.approx(result, abs=1e-6)
    cost, quality = (np.append(a, b) for a, b in zip(ours, theirs, strict=True))
    front = rm.pareto_front(cost, quality)
    beaten = (cost <= cost[:, None]) & (quality >= quality[:, None])
    beaten &= (cost < cost[:, None]) | (quality > quality[:, None])
    np.testing.assert_array_equal(front, ~beaten.any(axis=1))
    assert (result == 0.0) == front[: len(ours[0])].all()


@EXAMPLES
@given(points(), st.floats(0.1, 1.0), st.floats(0.1, 2.0))
def test_gains_properties(case, best, price):
    cost, quality = case
    gain, save = rm.perf_gain(quality, best), rm.cost_save(cost, quality, price, best)
    assert gain == pytest.approx(np.max(rm.gain_at_best(quality[:, None], [best])))
    assert np.isnan(save) == (quality < best - 1e-12).all() and not save > 1.0
    assert np.isnan(save) or save == rm.cost_save(cost * 2, quality, price * 2, best)
    assert rm.perf_gain(np.append(quality, 1.0), best) >= gain
    satisfaction = np.stack([quality, quality[::-1]], axis=1)
    top = rm.oracle(satisfaction, np.stack([cost, cost + 1], axis=1))
    assert top.quality >= satisfaction.mean(axis=0).max() - 1e-12 and top.quality <= 1.0


# --- RouterArena --------------------------------------------------------------------------------------------------


def test_the_arena_score_by_hand():
    # 1 USD per 1,000 requests: log2 200 = 7.643856, log2 .0044 = -7.828281, C = 7.643856 / 15.472137 = .494040.
    # A = .7: 1.1 * .7 * .494040 / (.07 + .494040) = .380411 / .564040 = .674440.
    assert rm.arena_score(0.7, 1e-3, unit="USD") == pytest.approx(0.674440, abs=2e-6)
    assert rm.arena_score(0.7, 1.0, unit="USD per 1,000 requests") == pytest.approx(0.674440, abs=2e-6)
    # At the cheapest C = 1: 1.1 A / (.1 A + 1), which for A = 1 is 1. At the dearest 0, and beyond it too.
    assert rm.arena_score(1.0, 4.4e-6, unit="USD") == pytest.approx(1.0)
    np.testing.assert_allclose(
        rm.arena_score([0.5, 0.0, 0.9], [0.2, 1e-3, 5.0], unit="USD per request"), 0.0, atol=1e-12
    )


@EXAMPLES
@given(st.floats(0, 1), st.floats(0, 1), st.floats(4.4e-6, 0.2), st.floats(4.4e-6, 0.2))
def test_arena_properties(a, b, cheap, dear):
    worse, better = sorted((a, b))
    cheap, dear = sorted((cheap, dear))
    score = rm.arena_score(better, cheap, unit="USD")
    assert 0.0 <= score <= 1.0 + 1e-12
    assert score >= rm.arena_score(worse, cheap, unit="USD") - 1e-12
    assert score >= rm.arena_score(better, dear, unit="USD") - 1e-12


# --- what is refused ------------------------------------------------------------------------------------------------

BAD = {
    "no points": (lambda: rm.aiq([], []), "cost"),
    "lengths": (lambda: rm.aiq([1, 2], [0.5]), "quality"),
    "quality above one": (lambda: rm.hull([1], [1.5]), "quality"),
    "NaN cost": (lambda: rm.aiq([np.nan], [0.5]), "cost"),
    "negative cost": (lambda: rm.pareto_front([-1], [0.5]), "cost"),
    "words": (lambda: rm.hull(["cheap"], [0.5]), "cost"),
    "range": (lambda: rm.aiq([1], [0.5], low=2, high=1), "high"),
    "low": (lambda: rm.aiq([1], [0.5], low=-1), "low"),
    "weak above strong": (lambda: rm.pgr(0.5, 0.9, 0.5), "strong"),
    "equal models": (lambda: rm.apgr([0.5], [0.5], 0.5, 0.5), "strong"),
    "share": (lambda: rm.apgr([1.5], [0.5], 0.4, 0.5), "share"),
    "nothing recovered": (lambda: rm.cpt(0, [0.5], [0.5], 0.4, 0.5), "recovered"),
    "all and more": (lambda: rm.cpt(1.5, [0.5], [0.5], 0.4, 0.5), "recovered"),
    "two numbers": (lambda: rm.pgr(0.5, [0.1, 0.2], 0.5), "weak"),
    "trace": (lambda: rm.oracle([[1, 0]], [[1]]), "cost"),
    "flat trace": (lambda: rm.oracle([1, 0], [1, 1]), "cost"),
    "data sets": (lambda: rm.gain_at_best([0.5, 0.5], [0.5, 0.5, 0.5]), "best"),
    "best cost": (lambda: rm.cost_save([1], [0.5], -1, 0.5), "best_cost"),
    "norm": (lambda: rm.pareto_dist([1], [0.5], [1], [0.5], order=0.5), "order"),
    "unit": (lambda: rm.arena_score(0.5, 1.0, unit="kJ"), "unit"),
    "price per token": (lambda: rm.arena_score(0.5, 1.0, unit="USD per 1M tokens"), "unit"),
    "free": (lambda: rm.arena_score(0.5, 0.0, unit="USD"), "cost"),
    "accuracy": (lambda: rm.arena_score(50, 1.0, unit="USD"), "accuracy"),
}


@pytest.mark.parametrize("case", BAD, ids=[name.replace(" ", "-") for name in BAD])
def test_bad_input_names_the_argument(case):
    wrong, argument = BAD[case]
    with pytest.raises(ValueError, match=f"^{argument}: ") as error:
        wrong()
    assert "\n" not in str(error.value)


# --- of a replay ------------------------------------------------------------------------------------------------

N = 400


def trace(num_models: int):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(N, 4)).astype(np.float32)
    level = np.linspace(-0.5, 1.5, num_models)
    s = (rng.random((N, num_models)) < 1 / (1 + np.exp(-(1.5 * x[:, :1] + level)))).astype(float)
    return x, s, np.tile(1e-4 * 10.0 ** np.arange(num_models), (N, 1))


@pytest.fixture(scope="module")
def two():
    x, s, e = trace(2)
    controls = Controls(V=np.array([30.0, 300.0, 3000.0]), alpha=np.array([0.55, 0.65]), c=np.array([0.1, 1.0]))
    dataset = comparison.compare(
        jax.random.key(0), controls, stream=streams.replay(x, s, e), predictor=predictors.linear(4, 2),
        models=("a", "b"), cost=e.mean(0), accuracy=s.mean(0), horizon=N, num_streams=3, cost_unit="USD", checkpoints=0,
    )  # fmt: skip
    return dataset, s, e


@pytest.mark.long
def test_of_replay_is_the_metrics_of_its_points(two):
    dataset, s, e = two
    result = rm.replay_metrics(dataset, s, e)
    assert dict(result["aiq"].sizes) == {"policy": 5, "alpha": 2, "c": 2, "stream": 3}
    assert result["gain_at_best"].dims == ("policy", "V", "alpha", "c", "stream")
    assert result.attrs["best_single"] == result.attrs["strong"] == "b" and result.attrs["undefined"] == "nothing"
    one = dataset.sel(policy="MESS+").isel(alpha=1, c=0, stream=2)
    cost, quality, share = one["cost"].values, one["satisfaction"].values, one["calls"].values[:, 1] / N
    single, price = s.mean(axis=0), e.mean(axis=0)
    current = result.sel(policy="MESS+").isel(alpha=1, c=0, stream=2)
    wanted = {
        "aiq": rm.aiq(cost, quality, low=price[0], high=price[1]),
        "perf_gain": rm.perf_gain(quality, single[1]),
        "apgr": rm.apgr(share, quality, single[0], single[1]),
        "cpt_50": rm.cpt(0.5, share, quality, single[0], single[1]),
        "cpt_80": rm.cpt(0.8, share, quality, single[0], single[1]),
        "zero_router_aiq": rm.aiq(price, single),
    }
    for name, value in wanted.items():
        assert float(current[name]) == pytest.approx(value, abs=1e-6), name
    np.testing.assert_allclose(current["gain_at_best"], quality / single[1] - 1, atol=1e-6)
    np.testing.assert_allclose(current["gap_at_oracle"], 1 - quality / s.max(axis=1).mean(), atol=1e-6)
    np.testing.assert_allclose(current["pgr"], rm.pgr(quality, single[0], single[1]), atol=1e-6)
    np.testing.assert_allclose(current["arena_score"], rm.arena_score(quality, cost, unit="USD"))
    everything = dataset.isel(alpha=1, c=0, stream=2)
    distance = rm.pareto_dist(
        cost, quality, everything["cost"].values.ravel(), everything["satisfaction"].values.ravel()
    )
    assert float(current["pareto_dist"]) == pytest.approx(distance)
    assert {result[name].attrs["units"] for name in ("aiq", "best_cost")} == {"1", "USD"}


@pytest.mark.long
def test_the_best_single_model_stands_at_zero_and_the_oracle_above_the_optimum(two):
    dataset, s, e = two
    result = rm.replay_metrics(dataset, s, e)
    best = result.sel(policy="only b")
    for name in ("gain_at_best", "perf_gain", "cost_save"):
        np.testing.assert_allclose(best[name], 0.0, atol=1e-6)
    np.testing.assert_allclose(result.sel(policy=["only a", "only b"])["apgr"], 0.5, atol=1e-6)
    assert (result["gap_at_oracle"] > 0).all() and float(result["oracle_satisfaction"]) == s.max(axis=1).mean()
    # The oracle maximises satisfaction: at its own level C* costs as much, at the agreed ones less.
    distribution = Distribution(np.full(N, 1 / N), e, s, "labels")
    top = optimum.solve(distribution, float(result["oracle_satisfaction"]))
    assert float(result["oracle_cost"]) == pytest.approx(top.cost)
    assert (result["optimal_cost"] < result["oracle_cost"]).all()


def test_along_more_controls_makes_longer_curves(two):
    dataset, s, e = two
    result = rm.replay_metrics(dataset, s, e, along=("V", "alpha"), ledger="cost_exploit")
    assert result["aiq"].dims == ("policy", "c", "stream")
    own = dataset.sel(policy="MESS+").isel(c=1, stream=0)
    value = rm.aiq(own["cost_exploit"].values.ravel(), own["satisfaction"].values.ravel(), low=1e-4, high=1e-3)
    assert float(result["aiq"].sel(policy="MESS+").isel(c=1, stream=0)) == pytest.approx(value, abs=1e-6)
    single = rm.replay_metrics(dataset.isel(V=0, c=0), s, e)  # scalar controls: routers of one point
    assert single["aiq"].dims == ("policy", "alpha", "stream")


def test_three_models_in_joules_say_what_is_not_defined():
    _, s, e = trace(3)
    policies = ["random", "only a", "only b", "only c"]
    dims = ("policy", "V", "alpha", "c", "stream")
    cost, level = (
        np.append(x.mean(), x.mean(axis=0))[:, None, None, None, None] + np.zeros((1, 1, 1, 2)) for x in (e, s)
    )
    dataset = xr.Dataset(
        {"cost": (dims, cost), "satisfaction": (dims, level), "calls": ((*dims, "model"), np.ones((*cost.shape, 3)))},
        coords={"policy": policies, "V": [1.0], "alpha": [0.5], "c": [0.1], "model": ["a", "b", "c"]},
        attrs={"horizon": N, "cost_unit": "J"},
    )
    result = rm.replay_metrics(dataset, s, e)
    assert "apgr" not in result and "arena_score" not in result and "optimal_cost" not in result
    assert (
        "two models, found 3" in result.attrs["undefined"]
        and "not defined in this unit (J)" in result.attrs["undefined"]
    )
    assert result["best_cost"].attrs["units"] == "J"
    free = rm.replay_metrics(dataset.assign(cost=dataset["cost"] * 0).assign_attrs(cost_unit="USD"), s, e * 0)
    assert "cost of zero" in free.attrs["undefined"] and np.isnan(free["cost_save"]).all()


def test_the_table_shows_every_router_and_the_best_single_model(two):
    dataset, s, e = two
    result = rm.replay_metrics(dataset, s, e)
    (shown,) = rm.metrics_tables(result, "a replay")
    assert [column.header for column in shown.columns][:4] == ["policy", "alpha", "c", "AIQ"]
    names = list(shown.columns[0].cells)
    assert names.count("MESS+") == 4 and "only b (best single)" in names
    assert "best single model: b" in str(shown.caption) and "oracle" in str(shown.caption)
    assert any("n/a" in cell for cell in shown.columns[5].cells)
    narrow = rm.metrics_tables(result, "a replay", without=["only a", "only b"], width=80)
    assert [column.header for table in narrow for column in table.columns[3:]] == [c.header for c in shown.columns[3:]]
    assert [cell for table in narrow for cell in table.columns[0].cells].count("only a") == 0
    assert "only b (best single)" in narrow[0].columns[0].cells and "1 policy is left out" in str(narrow[-1].caption)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        (lambda ds, s, e: rm.replay_metrics(ds.drop_vars("calls"), s, e), "dataset"),
        (lambda ds, s, e: rm.replay_metrics(ds.drop_sel(policy="only a"), s, e), "dataset"),
        (lambda ds, s, e: rm.replay_metrics(ds.sel(policy="MESS+"), s, e), "dataset"),
        (lambda ds, s, e: rm.replay_metrics(ds, s, e, ledger="price"), "ledger"),
        (lambda ds, s, e: rm.replay_metrics(ds, s, e, along=("stream",)), "along"),
        (lambda ds, s, e: rm.replay_metrics(ds, s[:, :1], e[:, :1]), "satisfaction"),
        (lambda ds, s, e: rm.replay_metrics(ds, s, e[:-1]), "cost"),
    ],
)
def test_of_replay_refuses(two, change, argument):
    with pytest.raises(ValueError, match=f"^{argument}: "):
        change(*two)
