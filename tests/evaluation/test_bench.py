"""The comparison of routers: scenarios, matched mixes, bootstrap, verdicts, and a small run of the whole."""

from __future__ import annotations

import json
import sys

import jax
import numpy as np
import pytest
import xarray as xr
from scipy import optimize

from messjax import policies, results, run_folder, zoo
from messjax.cli.__main__ import main
from messjax.evaluation import bench
from messjax.evaluation.bench import (
    answers,
    bootstrap,
    entrants,
    finished_calls,
    measures,
    mixes,
    plan,
    program,
    protocol,
    scenarios,
    tables,
    timing,
)
from messjax.evaluation.bench.plan import Target
from messjax.types import Controls

RNG = np.random.default_rng(0)
COST, QUALITY = np.array([1.0, 3.0, 4.0, 9.0]), np.array([0.5, 0.7, 0.65, 0.9])


@pytest.fixture(scope="module")
def data():
    return bench.of_stream(zoo.get("llama3").stream(), 600, seed=1)


def test_the_matched_mix_costs_the_same_and_is_the_best_of_all_mixes():
    vertices = mixes.hull(COST, QUALITY)
    assert vertices.tolist() == [0, 1, 3]
    for spent in (1.0, 2.0, 5.0, 9.0):
        best = -optimize.linprog(
            -QUALITY, A_ub=COST[None], b_ub=[spent], A_eq=np.ones((1, 4)), b_eq=[1.0], bounds=(0, 1)
        ).fun
        assert mixes.matched(vertices, COST, QUALITY, np.asarray(spent)) == pytest.approx(best)
    assert mixes.matched(vertices, COST, QUALITY, np.asarray(0.5)) == pytest.approx(0.25)  # half is refused
    assert mixes.matched(vertices, COST, QUALITY, np.asarray(99.0)) == 0.9
    assert mixes.cheapest(vertices, COST, QUALITY, 0.8) == pytest.approx((6.0, 30.0))


def test_the_clairvoyant_frontier_is_the_linear_programme():
    cost, s = RNG.uniform(1, 3, (12, 3)), RNG.uniform(size=(12, 3))
    frontier = mixes.clairvoyant(cost, s)
    low, high = frontier.satisfaction[[0, -1]]
    for alpha in (low + 0.3 * (high - low), low + 0.8 * (high - low)):
        rows = np.kron(np.eye(12), np.ones(3))
        best = optimize.linprog(
            cost.ravel() / 12, A_ub=-s.ravel()[None] / 12, b_ub=[-alpha], A_eq=rows, b_eq=np.ones(12)
        ).fun
        assert np.interp(alpha, frontier.satisfaction, frontier.cost) == pytest.approx(best)
    assert mixes.row_oracle(cost, s)[1] == pytest.approx(frontier.satisfaction[-1])


def test_replicates_are_means_over_drawn_prompts_and_streams():
    rows = np.stack([RNG.permutation(7)[:5] for _ in range(3)])
    drawn, values = bootstrap.replicates(rows, 7, 4, seed=1), RNG.normal(size=(3, 5))
    for b, mean in enumerate(bootstrap.means(drawn, values)):
        weights = drawn.streams[b][:, None] * drawn.prompts[b][rows]
        assert mean == pytest.approx((weights * values).sum() / weights.sum(), rel=1e-4, abs=1e-6)


def test_the_interval_over_prompts_covers_and_that_over_streams_alone_does_not():
    """Orders of one trace are not fresh prompts: their spread is far below that of new prompts."""
    covered = narrow = 0
    for i in range(60):
        rng = np.random.default_rng(i)
        s = rng.normal(size=80)
        rows = np.stack([rng.permutation(80)[:60] for _ in range(6)])
        error = bootstrap.means(bootstrap.replicates(rows, 80, 200, i), s[rows]).std(ddof=1)
        over_streams = s[rows].mean(axis=1).std(ddof=1) / np.sqrt(6)
        covered += abs(s[rows].mean()) <= 1.96 * error
        narrow += abs(s[rows].mean()) <= 1.96 * over_streams
    assert covered >= 52 and narrow <= 40


def test_verdicts_keep_kill_and_leave_open():
    gain = np.array([0.1, 0.1, -0.1, 0.01, np.nan])
    words, p = bootstrap.verdicts(
        gain, np.array([1e-4, 1e-4, 1e-4, 0.04, np.nan]), np.array([0.0, 0.5, 0.0, 0.0, 0.0]), 0.01
    )
    assert words.tolist() == ["keep", "undecided", "kill", "keep", "not applicable"]
    assert np.isnan(p[-1]) and p[0] == pytest.approx(4e-4)  # Holm over four policies


def path_of(satisfaction, paid, serve=None):
    serve = np.zeros(satisfaction.shape, int) if serve is None else serve
    nothing = np.full(satisfaction.shape, np.nan)
    return measures.Path(paid, paid, satisfaction, serve, nothing, nothing)


def test_metrics_of_a_path_that_is_known_by_hand():
    s = np.array([[0.0, 0.0, 1.0, 1.0, 1.0, 1.0]])
    found = measures.per_stream(path_of(s, np.full((1, 6), 2.0)), "floor", 0.5)
    assert found["violation"][0] == pytest.approx(0.5 - 4 / 6) and found["queue_max"][0] == 1.0
    assert found["compliance_from"][0] == 4  # two failures are made up for by two successes
    over = measures.per_stream(path_of(s, np.full((1, 6), 2.0)), "ceiling", 1.6)
    assert over["violation"][0] == pytest.approx(0.25) and over["compliance_from"][0] == 7


def test_tracking_and_adoption_are_counted_from_the_change(data):
    scenario = scenarios.make(["onboarding good dear"], data)["onboarding good dear"]
    phase, serve = scenarios.phase_of(900), np.zeros((1, 900), int)
    serve[:, 420:] = scenario.model  # 120 requests after the arrival at 300
    s = np.where(np.arange(900) < 350, 0.0, 1.0)[None]
    found = measures.delays(path_of(s, s, serve), scenario, phase, "floor", 0.9)
    assert found["tracking_delay"][0] == 140  # the first window behind the change with 90 successes of 100
    assert found["adoption_delay"][0] == 179  # share 10% from request 130 on, for 50 requests


def test_a_model_that_arrives_is_not_served_before_and_feedback_is_as_the_scenario_says(data):
    """The program itself: availability, lateness and sparseness reach the policy; all lanes meet the same requests."""
    names = ["stationary", "onboarding good dear", "delayed", "sparse 0.1"]
    made = scenarios.make(names, data)
    policy, budgets = policies.primal_dual(3, optimism=0.5), np.array([1.0])
    one = program.stack([policy] * 2, [Controls(V=0.01, alpha=0.9, budget=b) for b in (1.0, 2.0)])
    options = plan.Options(policies=("uniform",), seeds=2, horizon=240)
    own = {
        "uniform": lambda data, budgets: entrants.entrant(lambda: policy, {}, history="cold", native=None, defaults={})
    }
    ready = plan.planned(data, options._replace(policies=()), own)
    table = plan.tables(ready)[1]
    g, k, n = np.meshgrid([0, 1], np.arange(4), [0, 1], indexing="ij")
    lanes = program.Lanes(np.True_, *(each.ravel().astype(np.int32) for each in (g, k, n)))
    steps = program.run(jax.random.key(0), {"p": one}, {"p": lanes}, table, scenarios.stacked(list(made.values())))["p"]
    serve = steps.serve.reshape(2, 4, 2, 240)
    assert np.array_equal(serve[0], serve[1])  # the budget is not read by this policy
    assert (serve[:, 1, :, :80] < 2).all() and (serve[:, 1, :, 80:] == 2).any()
    assert np.array_equal(serve[0, 0, :, 0], serve[0, 2, :, 0]) and not np.array_equal(serve[0, 0], serve[0, 2])
    paid = np.take_along_axis(table.cost[table.rows], serve[0, 0][..., None].astype(int), -1)[..., 0]
    np.testing.assert_allclose(steps.paid.reshape(2, 4, 2, 240)[0, 0], paid, rtol=1e-6)
    assert budgets.size == 1


def test_a_second_judge_is_heard_and_the_first_one_counts(data):
    """Scores that prefer no model: who learns from them serves the cheapest, and is measured by the truth."""
    num = sum(len(part.rows) for part in data.parts)
    judged = data._replace(judged=np.full((num, 3), 0.95))
    assert scenarios.SECOND_JUDGE in scenarios.possible(judged) and scenarios.SECOND_JUDGE not in scenarios.possible(
        data
    )
    options = bench.Options(
        policies=("primal-dual",), scenarios=("stationary", scenarios.SECOND_JUDGE), tracks=("floor",), alphas=(0.75,),
        seeds=2, tuning_seeds=2, horizon=200, lanes=4, replicates=20,
    )  # fmt: skip
    found = bench.run_bench(judged, options).isel(target=0).sel(setting="tuned", policy="primal-dual").mean("seed")
    true, heard = (found.sel(scenario=name) for name in options.scenarios)
    assert float(heard["satisfaction"]) < float(true["satisfaction"]) - 0.05
    assert float(heard["cost"]) < float(true["cost"])
    plain = bench.run_bench(data, options._replace(scenarios=("stationary",))).isel(target=0)
    assert np.array_equal(plain["cost"].sel(setting="tuned", policy="primal-dual").mean("seed")[0], true["cost"])


STAND_IN = """
calls = []

class FeatureService:
    for_precomputed = staticmethod(lambda size: size)

class BanditRouter:
    def __init__(self, registry, feature_service, budget_pacer, bandit_seed):
        self.names, self.size = list(registry), feature_service

    def route(self, x):
        assert len(x) == self.size and x[-1] == 1.0
        calls.append("route")
        return self.names[-1], type("Log", (), {"request_id": 0})()

    def process_feedback(self, request_id, reward):
        assert 0.0 <= reward <= 1.0
        calls.append("feedback")
"""


def test_decisions_are_timed_policy_by_policy_and_those_of_a_package_beside_them(data, tmp_path, monkeypatch):
    """With a stand-in for the package: what it is asked, and that as many decisions are counted as it makes."""
    (tmp_path / "pareto_bandit").mkdir()
    (tmp_path / "pareto_bandit" / "__init__.py").write_text(STAND_IN)
    (tmp_path / "pareto_bandit" / "budget_pacer.py").write_text("BudgetPacer = float\n")
    for name in ("pareto_bandit", "pareto_bandit.budget_pacer"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    options = bench.Options(
        policies=("primal-dual", "frozen argmin"), scenarios=("stationary",), tracks=("floor",), alphas=(0.7,), seeds=2,
        tuning_seeds=2, horizon=60, lanes=4, replicates=20, timed=True,
    )  # fmt: skip
    found = bench.run_bench(data, options)
    assert found["microseconds"].dims == ("policy",) and (found["microseconds"] > 0).all()
    assert float(found["microseconds_package"]) > 0
    rows = min(len(data.parts.judging.rows), timing.PACKAGE_DECISIONS)
    calls = sys.modules["pareto_bandit"].calls
    assert calls == ["route", "feedback"] * rows * (timing.REPEATS + 1)
    assert tables.microseconds(found).row_count == 3
    sys.modules.pop("pareto_bandit"), sys.modules.pop("pareto_bandit.budget_pacer")
    assert "microseconds" not in bench.run_bench(data, options._replace(timed=False))


def test_the_chosen_setting_is_the_objective():
    cost, s = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.8, 0.9])
    assert protocol.choose(Target("floor", 0.7), cost, s) == 1
    assert protocol.choose(Target("floor", 0.95), cost, s) == 2  # none fits: the one that misses least
    assert protocol.choose(Target("ceiling", 2.5), cost, s) == 1
    assert protocol.choose(Target("ceiling", 0.5), cost, s) == 0


OWN = """
from messjax import policies
from messjax.evaluation.bench.entrants import ALPHA, Range, entrant

POLICIES = {
    "mine": lambda data, budgets: entrant(
        lambda: policies.mixture(*data.validation), {"alpha": Range(*ALPHA)}, history="full history", native="floor",
        defaults={},
    )
}
"""


def test_the_overview_counts_verdicts_and_names_where_a_target_is_missed():
    scenarios, policies = ["stationary", "removal", "late"], ["sure", "fixed"]
    verdict = [["keep", "undecided", "kill"], ["keep", "not applicable", "undecided"]]
    gain, violation = [[0.03, 0.0, -0.06], [0.02, np.nan, 0.04]], [[0.0, 0.02, 0.0], [0.02, np.nan, 0.02]]
    shape = ("setting", "policy", "target", "scenario")

    def cells(values):
        return shape, np.array(values)[None, :, None, :]

    runs = xr.Dataset(
        {"verdict": cells(verdict), "gain": cells(gain), "violation_lower": cells(violation),
         "violation_upper": cells(np.add(violation, 0.01)), "track": ("target", ["floor"])},
        {"setting": ["tuned"], "policy": policies, "target": ["alpha 0.9"], "scenario": scenarios},
        {"tolerance": 0.015},
    )  # fmt: skip
    runs["reached"] = ("policy", "target"), np.array([[True], [False]])
    runs["level"] = "target", [0.9]
    runs["control_satisfaction"] = ("control", "target", "scenario"), np.full((1, 1, 3), 0.85)
    runs = runs.assign_coords(control=["mix (hindsight)"])
    text = answers.in_words(runs, "floor", "alpha 0.9", "stationary")
    assert text[0] == "Floor track, alpha 0.9, stationary: keep sure, fixed."
    assert text[1:] == [
        "It is missed for sure by fixed.", "No static mix reaches alpha 0.9 on the judged requests.",
        "No setting of fixed reached alpha 0.9 on the tuning requests: the one that misses least is judged.",
    ]  # fmt: skip
    assert "no policy is kept" in answers.in_words(runs, "floor", "alpha 0.9", "late")[0]
    shown = tables.overview(runs, "floor", policies, "cold")
    rows = list(zip(*(column._cells for column in shown.columns), strict=True))
    assert rows == [("sure", "-0.010", "1", "1", "0", "1", "removal"), ("fixed", "+0.030", "1", "0", "1", "1", "all")]


@pytest.mark.long
def test_the_command_compares_a_policy_of_ones_own(tmp_path, capsys):
    (tmp_path / "own.py").write_text(OWN)
    words = [
        "bench", "--synthetic", "--policies", "frozen argmin", "--also", str(tmp_path / "own.py"), "--quick",
        "--seeds", "4", "--horizon", "90", "--scenarios", "stationary,price falls,removal", "--alpha", "0.6,0.7",
        "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    assert main(words) == 0
    text = capsys.readouterr().out
    assert max(len(line) for line in text.split("wrote ")[0].splitlines()) <= 88
    runs = results.load(tmp_path / "out" / "bench.nc")
    records = json.loads((tmp_path / "out" / "bench.json").read_text())["records"]
    assert {row["policy"] for row in records} == {"frozen argmin", "mine"}
    # A static mix is no better and no worse than the mix that costs the same: the control of the control.
    mine = runs["gain"].sel(setting="tuned", policy="mine", scenario="stationary")
    low, high = (
        runs[f"gain_{side}"].sel(setting="tuned", policy="mine", scenario="stationary") for side in ("lower", "upper")
    )
    assert ((low <= 0.01) & (high >= -0.01)).all() and np.isfinite(mine).all()
    assert (runs["verdict"].sel(policy="mine", scenario="removal") == "not applicable").all()
    assert (runs["verdict"].sel(policy="mine", setting="default", scenario="stationary")[:2] != "not applicable").all()
    shares = runs["control_satisfaction"].sel(scenario="stationary")
    assert (shares.sel(control="row oracle") >= shares.max("control") - 1e-12).all()
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        "cost_against_satisfaction.png", "adaptation_floor.png", "adaptation_ceiling.png", "regret_floor.png",
        "regret_ceiling.png",
    }  # fmt: skip
    assert tables.records(runs)[0]["policy"] == records[0]["policy"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--budgets", "1e-9"], "below what the cheapest model"),
        (["--scenarios", "onboarding"], "'onboarding'"),
        (["--policies", "MESS+", "--scenarios", "one-sided"], "withholds the outcomes"),
        (["--policies", "nobody"], "'nobody'"),
        (["--scenarios", "second judge"], "'second judge' wants another judge's scores"),
        (["--judge", "other.jsonl"], "--judge: found --synthetic"),
        (["--track", "roof"], "'roof'"),
        (["--track="], "--track: found 'none', expected some of floor, ceiling"),
        (["--policies="], "--policies: found none"),
        (["--scenarios="], "--scenarios: found none"),
        (["--budgets", "nan"], "found nan, below what the cheapest model"),
        (["--alpha", "1.5"], "found 1.5"),
        (["--also", "/nowhere.py"], "/nowhere.py"),
    ],
)
def test_bad_input_is_one_clear_line(words, named, tmp_path, capsys):
    assert main(["bench", "--synthetic", *words, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1


def test_a_scenario_that_leaves_one_model_is_refused(data):
    two = data._replace(
        models=data.models[:2],
        parts=type(data.parts)(
            *(part._replace(cost=part.cost[:, :2], satisfaction=part.satisfaction[:, :2]) for part in data.parts)
        ),
    )
    with pytest.raises(ValueError, match="leaves 1 of 2 models"):
        scenarios.make(["removal"], two)
    assert set(scenarios.SCENARIOS) - set(scenarios.possible(two)) == {*scenarios.NEEDS_MODEL, scenarios.SECOND_JUDGE}
    assert set(scenarios.make(scenarios.possible(two), two)) == set(scenarios.possible(two))


def test_an_interrupted_comparison_goes_on_from_its_finished_calls(data, tmp_path, monkeypatch):
    monkeypatch.setattr(finished_calls, "SECONDS", 0.0)
    options = bench.Options(
        policies=("frozen argmin",), scenarios=("stationary", "price falls", "removal"), tracks=("floor",),
        alphas=(0.6, 0.7), seeds=4, tuning_seeds=4, horizon=60, lanes=8,
    )  # fmt: skip
    whole = bench.run_bench(data, options)
    made, compute = [], program.run

    def counted(*arguments):
        made.append(1)
        if len(made) in (5, whole.attrs["calls"]):  # while it is tuned, and in the last but one call
            raise KeyboardInterrupt
        return compute(*arguments)

    monkeypatch.setattr(program, "run", counted)
    with run_folder.parts_in(tmp_path):
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                bench.run_bench(data, options)
        assert (tmp_path / "cells.nc").is_file()
        resumed = bench.run_bench(data, options)
        other = finished_calls.FinishedCalls(tmp_path, lanes=16)  # as with twice as many devices
        assert other.tuning() == other.cells() == (0, {})
    assert len(made) == whole.attrs["calls"] + 2  # the calls that were interrupted are the only ones begun twice
    same = [name for name in whole.attrs if name not in ("created", "seconds")]
    assert {name: resumed.attrs[name] for name in same} == {name: whole.attrs[name] for name in same}
    xr.testing.assert_equal(resumed, whole)
