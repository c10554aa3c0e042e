"""The search for counterexamples: it simulates what the library simulates, refutes what is false and nothing else."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messjax import plot
from messjax.theory import attraction, cost, duality, exploration, optimum, queue, sparse, tightening, violation
from messjax.theory.statement import Between, Claim, Equal, NotApplicable, Tail, define_statement
from proofs_check.counterexamples import instances, presentation, search, weakened
from proofs_check.trials import trial

pytestmark = pytest.mark.long

SPACE = search.SPACE
KEY = jax.random.key(7)
points = st.lists(st.floats(0.0, 1.0), min_size=SPACE.dimensions, max_size=SPACE.dimensions)
QUICK = ("T2 cost gap, P_T", "T9 violation, 1/f", "T10 cost, kappa")


@pytest.fixture(scope="module")
def seen() -> search.Screen:
    return search.screen(KEY)


def instance(seed: int, **changes) -> instances.Instance:
    return instances.decode(np.random.default_rng(seed).random(SPACE.dimensions), SPACE)._replace(**changes)


# --- instances ----------------------------------------------------------------------------------------------------


@given(points)
@settings(max_examples=200, deadline=None)
def test_every_point_of_the_cube_is_a_lawful_instance(x):
    result = instances.decode(np.array(x), SPACE)
    optimum.check_distribution(result.distribution)
    assert optimum.solve(result.distribution, result.alpha).cost >= 0.0  # alpha is attainable
    assert 0.0 <= result.sla_target <= result.alpha
    assert instances.SHORTEST <= result.T <= SPACE.horizon
    assert 0.1 <= result.f <= 1.0 and 0.0 <= result.c <= 0.5
    sure = (result.weight == 0) | (result.weight >= instances.RAREST - 1e-9)
    assert sure.all()


def test_a_batch_is_what_the_library_measures_one_by_one():
    """The batched program and `trial.run_case` draw types differently: they agree in distribution (1,024 streams)."""
    chosen = [instance(seed) for seed in range(4)]
    chosen[0] = chosen[0]._replace(f=1.0)
    batch = instances.simulate(chosen, KEY, 1_024)
    for each, run in zip(chosen, batch, strict=True):
        one = trial.run_case(instances.case(each), jax.random.key(each.T), 1_024, audit=False)[0]
        assert (run.V, run.alpha, run.f, run.T, run.P_T) == pytest.approx((one.V, one.alpha, one.f, one.T, one.P_T))
        assert run.best.cost == one.best.cost and run.constants == one.constants
        for name in ("cost", "violation", "queue_last", "queue_mean", "S", "exploration_queue", "explored"):
            ours, theirs = run.metrics[name], one.metrics[name]
            error = np.sqrt((ours.var() + theirs.var()) / len(ours))
            assert abs(ours.mean() - theirs.mean()) <= 5.0 * error + 1e-5 * (1.0 + abs(theirs.mean())), (name, each)


def test_one_program_serves_every_instance():
    instances.simulate([instance(1)], KEY, 8)
    compiled = instances._program()._cache_size()
    instances.simulate([instance(seed) for seed in range(instances.GROUP * instances.GROUPS + 3)], KEY, 8)
    assert instances._program()._cache_size() == compiled


def test_an_instance_does_not_depend_on_its_neighbours():
    alone = instances.simulate([instance(3)], KEY, 8)[0]
    among = instances.simulate([instance(seed) for seed in range(5)], KEY, 8)[3]
    assert alone.metrics.keys() == among.metrics.keys()
    for name, values in alone.metrics.items():
        np.testing.assert_allclose(values, among.metrics[name], rtol=1e-6, err_msg=name)


# --- the objective ------------------------------------------------------------------------------------------------


def test_the_margin_is_relative_and_below_zero_only_where_a_test_says_violated(seen):
    run = seen.runs[0]
    values = np.linspace(0.9, 1.1, 101)

    def text(bound: float):
        return define_statement("one", source="", assumptions="")(lambda run: Claim(values, bound))

    low, middle, high = search.relative(text(2.0), run)
    assert middle == pytest.approx(0.5) and low < 0.5 < high
    assert search.tightness(text(0.9), run) < 0.0 and trial.evaluate(text(0.9), run).verdict == "violated"
    assert search.tightness(text(0.999), run) > 0.0
    equal = define_statement("equal", source="", assumptions="")(lambda run: Equal(values, 1.2, 0.01))
    assert search.tightness(equal, run) < 0.0
    without_chance = define_statement("one", source="", assumptions="")(lambda run: Claim(np.ones(101), 0.9))
    assert trial.evaluate(without_chance, run).verdict == "undecided"  # no test decides it,
    assert search.relative(without_chance, run)[1:] == (pytest.approx(-0.1), 0.0)  # so the search does not seek it
    both = define_statement("both", source="", assumptions="")(lambda run: Between(values, 0.5, 1.1, 0.9))
    assert search.relative(both, run)[1] == pytest.approx(0.5)  # .1 of the .2 above the centre are left
    rare = define_statement("rare", source="", assumptions="")(lambda run: Tail(values > 2.0, 0.1, 0.1 * values))
    assert search.relative(rare, run)[1] == pytest.approx(0.0, abs=1e-9)  # no event, and yet a slope
    empty = define_statement("empty", source="", assumptions="")(lambda run: NotApplicable("always"))
    assert search.relative(empty, run) == (search.NOT_APPLICABLE,) * 3


def test_too_small_a_budget_is_refused(seen):
    with pytest.raises(ValueError, match="budget: found 10 instances, expected at least"):
        search.find_counterexample(cost.T2, KEY, budget=10, seen=seen)


# --- what it finds ------------------------------------------------------------------------------------------------


def test_a_users_own_false_statement_is_refuted_without_an_edit(seen):
    @define_statement("no queue is longer than V", source="the user", assumptions="A1")
    def short(run):
        return Claim(run.metrics["queue_last"], run.V + 1.0)

    result = search.find_counterexample(short, KEY, seen=seen)
    assert result.row.verdict == "violated" and result.margin[2] < 0.0
    assert result.tried <= search.QUICK and result.path[-1, 0] == result.tried


def corner(cost_, mean, predicted, **controls) -> instances.Instance:
    """One type in effect, T = 256."""
    tables = (np.array([row, row], float) for row in (cost_, mean, predicted))
    return instances.Instance(
        np.array([1.0, 0.0]), *tables, **{"f": 1.0, "a": 0.0, "T": 256, "sla_target": 0.5} | controls
    )


@pytest.mark.parametrize(
    ("metric", "result"),
    [
        ("exploration_queue", corner([1, 0], [1, 0], [1, 0], V=2.0, alpha=0.5, c=0.5)),
        ("S", corner([0, 1], [0.5, 0.5], [0.4, 0.6], V=1.0, alpha=0.5, c=0.0)),
    ],
)
def test_T2_needs_its_terms_R_T_and_S_T(metric, result):
    """The instances of docs/theory: the whole bound holds, what is left without the term does not."""
    plant = weakened.Weakening(cost.T2, metric, weakened.metric(metric), None)
    for share, verdict in ((0.0, "violated"), (1.0, "holds")):
        assert search.afresh(weakened.weaken(plant, share), result, KEY, 512)[0].verdict == verdict


def hunted(plants, seen, quick, starts):
    """The tightest instance of each plant, of as many searches as it takes to refute it, at most `starts`."""
    result = []
    for plant, key in zip(plants, jax.random.split(KEY, len(plants)), strict=True):
        for start in (key, *jax.random.split(key, starts - 1)):
            best = search.find_counterexample(weakened.weaken(plant, plant.share), start, quick=quick, seen=seen)
            if best.row.p_violated < 1e-4:
                break
        result.append(best)
    return result, trial.corrected([each.row for each in result])


def assert_refuted(plants, seen, quick, starts=1):
    result, rows = hunted(plants, seen, quick, starts)
    missed = [(each.statement, each.verdict, f"{each.bound - each.measured:.3g}") for each in rows]
    assert all(each.verdict == "violated" for each in rows), missed
    assert all(each.margin[2] < 0.0 for each in result)


@pytest.mark.slow
def test_planted_falsehoods_are_refuted(seen):
    plants = [each for each in weakened.WEAKENINGS if f"{each.truth.name}, {each.what}" in QUICK]
    assert len(plants) == len(QUICK)
    assert_refuted([each._replace(share=0.9) for each in plants], seen, quick=True)


@pytest.mark.slow
def test_every_planted_falsehood_is_refuted(seen):
    plants = [each for each in weakened.WEAKENINGS if each.share is not None]
    assert {each.theorem for each in plants} == {f"T{i}" for i in range(1, 11)} - {"T8"} | {"T1'", "T2'"}
    assert_refuted(plants, seen, quick=False, starts=4)


def test_a_share_of_one_is_the_truth(seen):
    for plant in weakened.WEAKENINGS:
        for run in seen.runs[:20]:
            truth, label = search.relative(plant.truth, run), search.relative(weakened.weaken(plant, 1.0), run)
            np.testing.assert_allclose(label, truth, atol=1e-9, err_msg=plant.truth.name)


FAMILIES = (violation, queue, cost, duality, exploration, attraction, sparse, tightening)
TRUE = tuple(each for family in FAMILIES for each in family.STATEMENTS)


def assert_not_violated(result):
    assert not [(each.row, str(each.instance)) for each in result if each.row.verdict == "violated"]


@pytest.mark.slow
def test_true_statements_are_not_violated_by_the_same_search_and_are_shown(tmp_path):
    result = search.find_counterexamples((queue.T3, duality.T5), KEY)
    assert_not_violated(result)
    table = presentation.table(result)
    assert table.row_count == 2 and all(str(each.instance) in table.caption for each in result)
    paths = plot.save(presentation.figure(result), tmp_path / "search.png")
    assert all(path.stat().st_size > 10_000 for path in paths)


@pytest.mark.slow
def test_no_true_statement_is_violated_by_the_same_search():
    assert_not_violated(search.find_counterexamples(TRUE, KEY, quick=False))
