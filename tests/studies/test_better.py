"""sims/studies/better: how settings are chosen, what is charged, the split of a cost, findings; its learner by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from messjax.predictors import ridge_regression as learners
from messjax.types import Outcome
from sims.common import comparison, worlds
from sims.studies.better import findings, runs, study, tables, terms
from sims.studies.better import policies as candidates

WORLD = worlds.benchmark("ARC-C")


def setting(
    name: str, cost: float, kept: bool, *, knows: str = candidates.NOTHING, before: float = 0.0
) -> runs.Setting:
    policy = candidates.published(WORLD, mlp=False)[0].policy
    own = candidates.Candidate(name, knows, policy, np.ones(1), np.zeros(1), 0.1, 0.25, before)
    return runs.Setting(own, (0, 0, 0), 1.0, 0.0, 0.1, cost, cost, 0.5, cost, kept)


def test_the_cheapest_that_keeps_alpha_is_chosen_and_a_prefix_is_charged() -> None:
    theirs = [setting("A", 2.0, True), setting("B", 1.0, False)]
    own = [
        setting("cheap but missing", 0.1, False),
        setting("plain", 0.9, True),
        setting("averages", 0.8, True, knows=candidates.AVERAGES),
        setting("prefix", 0.5, True, knows=candidates.PREFIX, before=0.6),
    ]
    chosen = runs.choose(theirs, own)
    assert [chosen[role].candidate.name for role in runs.ROLES] == ["A", "averages", "plain", "prefix"]
    assert runs.cheapest([setting("x", 3.0, False), setting("y", 2.0, False)]).candidate.name == "y"


def world_dataset(ours: list[float], satisfied: float, sla: str = comparison.KEPT, **attrs: float) -> xr.Dataset:
    """One world by hand: published pays 2 on average, 1.5 of it while exploiting, satisfies .51 at alpha = .5."""
    rows = {
        "cost": [[1.9, 2.0, 2.1], ours, ours, ours],
        "cost_exploit": [[1.4, 1.5, 1.6], ours, ours, ours],
        "at_alpha": [[1.8, 1.9, 2.0], ours, ours, ours],
        "satisfaction": [[0.51] * 3, *[[satisfied] * 3] * 3],
        "explored": [[100.0] * 3, *[[0.0] * 3] * 3],
        "exact_regret": [[0.3] * 3, *[[0.1] * 3] * 3],
    }
    ones = {
        "before": [0.0] * 4,
        "one": [0] * 4,
        "climb": [0.0] * 4,
        "kept_by": [1.0] * 4,
        "sla": [comparison.KEPT, sla, sla, sla],
    }
    ones |= {"who": ["MESS+, linear head", "mine", "mine", "mine"]} | {name: [0.0] * 4 for name in terms.ALLOWED}
    at = {"alpha": 0.5, "gamma": 2.0, "optimal_cost": 0.5, "horizon": 1000, "recorded": 0, "compared": "cost"}
    at |= {"blind_cost": 1.2, "model_cost": np.array([1.0, 3.0]), "model_accuracy": np.array([0.4, 0.6])}
    data = {name: (("role", "stream"), np.array(values)) for name, values in rows.items()}
    data |= {name: (("role",), values) for name, values in ones.items()}
    return xr.Dataset(data, coords={"role": list(runs.ROLES)}, attrs=at | attrs)


def test_cost_above_the_optimum_is_split_without_a_rest() -> None:
    parts = terms.measured(world_dataset([1.0, 1.0, 1.0], 0.5), tables.PUBLISHED)
    assert parts["exploration"] == pytest.approx(0.1 * (4.0 + 2.0 * (0.5 - 0.6) - 0.5))
    assert parts["control"] == pytest.approx(0.3) and parts["beyond"] == pytest.approx(2.0 * 0.01)
    assert sum(parts.values()) == pytest.approx(2.0)
    trace = terms.measured(world_dataset([1.0, 1.0, 1.0], 0.5, recorded=1), tables.PUBLISHED)
    assert trace == {"exploration": pytest.approx(0.5), "exploited requests": pytest.approx(1.5)}


def test_the_finding_counts_who_is_better_and_names_where_nobody_is() -> None:
    result = {
        "won": world_dataset([0.99, 1.0, 1.01], 0.51),
        "short of alpha": world_dataset([0.9, 1.0, 1.1], 0.49, comparison.MISSED),
        "more expensive": world_dataset([2.1, 2.2, 2.3], 0.51),
    }
    assert [tables.better(dataset) for dataset in result.values()] == [True, False, False]
    cheaper, saved, blind = findings.conclude(result)
    assert cheaper.verdict == "partly" and "In 1 of 3 worlds" in cheaper.sentence
    assert [number.value for number in cheaper.numbers] == pytest.approx([1, 0.5, 1.1], rel=1e-2)
    assert cheaper.table.rows[1][:2] == ("short of alpha", "mine") and cheaper.table.rows[1][3] == comparison.MISSED
    assert saved.numbers[0].value == pytest.approx(100 * np.mean([0.36 / 1.0, 0.36 / 0.96, 0.36 / -0.2]), rel=0.2)
    assert blind.verdict == "refuted" and blind.numbers[1].value == 3  # 2 as published, 1.2 mixed blindly
    assert tables.ratio(result["won"], tables.OURS, "cost_exploit").mean == pytest.approx(2 / 3, rel=1e-2)
    assert tables.ratio(world_dataset([1.9] * 3, 0.5, compared="cost at alpha"), tables.OURS).mean == pytest.approx(
        1.0, rel=1e-2
    )


def test_candidates_are_few_and_share_the_shapes_of_their_programs() -> None:
    every = candidates.ours(WORLD)
    assert 8 <= len(every) <= 12 and len({each.name for each in every}) == len(every)
    assert set(study.QUICK[1]) <= {each.name for each in every}
    for known in (True, False):
        same = [each for each in every if each.fast == known and np.shape(each.c) == ((3,) if known else ())]
        assert len({(np.shape(each.V), np.shape(each.kappa)) for each in same}) == 1
    theirs = candidates.published(WORLD, mlp=True)
    assert all(not each.kappa.any() and np.array_equal(each.V, WORLD.published_V()) for each in theirs)
    assert max(float(each.kappa.max()) for each in every) + WORLD.alpha < WORLD.accuracy.max()


def test_ridge_is_least_squares_and_a_prefix_is_many_answers() -> None:
    rng = np.random.default_rng(0)
    x, s = rng.normal(size=(40, 3)), (rng.random((40, 2)) < 0.6).astype(float)
    start = learners.prior(np.array([0.3, 0.8]), 3, strength=2.0, trust=4.0)
    head = learners.ridge(start)
    state = head.init(jax.random.key(0))
    for row, answers in zip(x, s, strict=True):
        state = head.update(
            state, jnp.asarray(row, jnp.float32), Outcome(jnp.asarray(answers, jnp.float32), jnp.ones(2, bool))
        )
    known = learners.after(start, x, s)
    np.testing.assert_allclose(state.theta, known.theta, atol=2e-5)
    design, pull = np.append(x, np.ones((40, 1)), axis=1), np.diag([2.0, 2.0, 2.0, 4.0])
    theta = np.linalg.solve(design.T @ design + pull, design.T @ s[:, 0] + pull @ [0.0, 0.0, 0.0, 0.3])
    np.testing.assert_allclose(known.theta[0], theta, rtol=1e-9)
    blind = learners.after(learners.prior(np.array([0.5, 0.5]), 3, strength=learners.BLIND), x, s)
    np.testing.assert_allclose(blind.theta[:, -1], (s.sum(axis=0) + 0.5) / 41.0, atol=1e-6)
    wide = learners.folded(learners.ridge(known), 3)
    pair = rng.normal(size=(1, 6)).astype(np.float32)
    seen = wide.predict(wide.init(jax.random.key(0)), jnp.asarray(pair[0]))
    expected = learners.ridge(known).predict(
        learners.Ridge(*map(jnp.float32, known)), jnp.asarray(learners.fold(pair, 3)[0])
    )
    np.testing.assert_allclose(seen, expected, rtol=1e-6)


@pytest.mark.long
def test_a_small_contest() -> None:
    world = WORLD._replace(horizon=60)
    result = runs.compare_candidates(world, runs.Size(4, 6), mlp=False, only=["serve and learn, warm"])
    assert list(result["role"].values) == list(runs.ROLES) and result.sizes["stream"] == 6
    assert set(result["candidate"].values) == {"MESS+, linear head", "serve and learn, warm"}
    assert int(result["explored"].isel(role=tables.OURS).sum()) == 0
    assert float(result["bound_exploration"][tables.OURS]) == 0.0 and np.isfinite(result["exact_regret"]).all()
    parts = terms.measured(result, tables.OURS)
    assert sum(parts.values()) == pytest.approx(float(result["cost"].isel(role=tables.OURS).mean()))
