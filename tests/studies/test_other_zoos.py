"""sims/four_models, narrow_spread, mixed_families: settings the claims need, hand-worked cases, what findings say."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import xarray as xr

from messjax import zoo
from messjax.components import spec_of
from messjax.streams import recorded
from messjax.theory import optimum
from messjax.types import Distribution
from sims.common import comparison, other_zoos
from sims.studies.four_models import runs as four_models
from sims.studies.mixed_families import figure, inverted_zoo
from sims.studies.mixed_families import runs as mixed_families
from sims.studies.narrow_spread import runs as narrow_spread


def test_judged_at_every_point_as_the_contest_judges_one() -> None:
    world, rng = four_models.all_worlds()[0][0], np.random.default_rng(0)
    alphas, dims = np.array([0.45, 0.55]), ("weight", "alpha", "stream")
    level = np.array([0.6, 0.5, 0.4])[:, None, None] + 0.01 * rng.normal(size=(3, 2, 5))
    data = {name: (dims, rng.uniform(1, 9, size=level.shape)) for name in ("cost", "cost_exploit")}
    data |= {"satisfaction": (dims, level), "violation": (dims, alphas[:, None] - level)}
    run = other_zoos.verdicts(xr.Dataset(data, coords={"alpha": alphas}), world)
    for index in np.ndindex(3, 2):
        one = run.isel(dict(zip(dims, index, strict=False)))
        at = world._replace(alpha=float(one["alpha"]))
        assert str(one["sla"].values) == comparison.score(one, at).sla
        np.testing.assert_allclose(one["cost_at_alpha"], comparison.at_alpha(one, at))
        assert float(one["blind_cost"]) == pytest.approx(optimum.solve(at.blind(), at.alpha).cost)
    assert set(run["sla"].values.ravel()) == {"kept", "missed"}


def test_chosen_leaves_out_what_exploration_serves() -> None:
    served = xr.DataArray([[3, 4, 5, 8]], dims=("stream", "model"))
    by_hand = xr.Dataset({"served": served, "explored": ("stream", [5])}, attrs={"horizon": 20})
    np.testing.assert_allclose(other_zoos.chosen(by_hand), np.array([3, 4, 5, 3]) / 15)


def test_optimal_shares_by_hand() -> None:
    distribution = Distribution(np.array([0.75, 0.25]), np.array([[1.0, 2.0]] * 2), np.array([[0.9, 0.9], [0.1, 0.9]]))
    np.testing.assert_allclose(other_zoos.optimal_shares(distribution, 0.8), [0.875, 0.125])


def test_a_v_is_chosen_on_some_streams_and_measured_on_others() -> None:
    cost = np.array([[5.0] * 8, [3.0, 3.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0], [1.0] * 8])
    violation = np.array([[-0.1] * 8, [-0.01] * 2 + [0.2] * 6, [0.1] * 8])
    both = {"cost": (("weight", "stream"), cost), "violation": (("weight", "stream"), violation)}
    settled = other_zoos.settle(xr.Dataset(both, coords={"weight": [1.0, 2.0, 3.0]}))
    assert settled.weight == 2.0 and settled.kept
    np.testing.assert_array_equal(settled.rest["cost"], [9.0] * 6)  # not those that chose
    none = other_zoos.settle(
        xr.Dataset({**both, "violation": (("weight", "stream"), 0.1 + 0 * cost)}, coords={"weight": [1.0, 2.0, 3.0]})
    )
    assert none.weight == 1.0 and not none.kept


def test_four_models_at_the_alpha_of_the_source() -> None:
    worlds = four_models.all_worlds()
    assert [(world.name, world.alpha, world.horizon) for world, _ in worlds[:2]] == [
        ("ARC-C", 0.55, 1172),
        ("Winogrande", 0.71, 1267),
    ]
    assert all(len(world.models) == 4 and alphas[-1] == world.alpha for world, alphas in worlds)
    theirs = (
        1e-6 * 1e3 * np.ptp(zoo.get("llama3").mean_cost()),
        1e-2 * 1e3 * np.ptp(zoo.get("llama3").mean_cost()),
    )
    assert other_zoos.WEIGHTS[0] == pytest.approx(theirs[0], rel=0.1) and other_zoos.WEIGHTS[-1] == pytest.approx(
        theirs[1], rel=0.1
    )


def test_what_needs_no_run_is_known() -> None:
    world = four_models.all_worlds()[0][0]
    known = {one.name: one for one in other_zoos.known(world, 0.55)}
    assert known["only Qwen2 7B"][1:] == pytest.approx((7.62, 0.606))
    share = (0.55 - 0.439) / (0.606 - 0.439)  # of 7B, the rest on 1.5B
    assert known["LP mixture"][1:] == pytest.approx((1.54 + share * (7.62 - 1.54), 0.55))


# --- narrow spread ----------------------------------------------------------------------------------------------------


def savings() -> xr.Dataset:
    """Two spreads, two streams: 2 paid of which exploring .5, at alpha; the mixture costs 1.9 and 4."""
    data = {
        "cost": (("spread", "stream"), [[2.0, 2.0], [2.0, 2.0]]),
        "cost_exploit": (("spread", "stream"), [[1.5, 1.5], [1.5, 1.5]]),
        "cost_at_alpha": (("spread", "stream"), [[2.0, 2.0], [2.2, 2.2]]),
        "blind_cost": ("spread", [1.9, 4.0]),
        "optimal_cost": ("spread", [1.7, 1.6]),
    }
    return xr.Dataset(data, coords={"spread": [1.1, 5.0]})


def test_savings_in_both_ledgers() -> None:
    full, exploit = (narrow_spread.curve(savings(), ledger, "blind_cost")[0] for ledger in ("cost", "cost_exploit"))
    np.testing.assert_allclose(full, [-100 / 19, 45.0])
    np.testing.assert_allclose(exploit, [100 * 0.4 / 1.9, 100 * (1 - 1.7 / 4)])
    np.testing.assert_allclose(narrow_spread.possible(savings(), "blind_cost"), [100 * 0.2 / 1.9, 60.0])


def test_break_even_between_two_spreads() -> None:
    spread = np.array([1.1, 2.0, 11.0])
    assert narrow_spread.break_even(spread, np.array([-1.0, 1.0, 2.0])) == pytest.approx(1 + np.sqrt(0.1))
    assert narrow_spread.break_even(spread, np.array([1.0, 2.0, -1.0])) == 1.1
    assert np.isnan(narrow_spread.break_even(spread, np.array([-1.0, -2.0, -1.0])))


def test_costs_are_narrowed_and_the_rest_of_a_trace_is_not() -> None:
    x, s = np.eye(3, 2), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    stream = narrow_spread.streams.replay(x, s, np.full((3, 2), 7.0))
    world = four_models.all_worlds()[0][0]._replace(stream=stream, models=("a", "b"))
    result = narrow_spread.recosted(world, 1.5)
    tables = spec_of(result.stream.draw, recorded.draw)
    np.testing.assert_allclose(tables.cost, [[1.0, 1.5]] * 3)
    np.testing.assert_array_equal(tables.satisfaction, s)


# --- mixed families ---------------------------------------------------------------------------------------------------


def test_dominated_and_beta_m_follow_the_gap() -> None:
    for gap, useless in ((0.1, []), (0.2, [1, 3]), (0.35, [1, 3])):
        world = mixed_families.made_up(gap, 100)
        result = mixed_families.dominated(world.cost, world.accuracy)
        assert list(np.flatnonzero(result)) == useless
        assert world.accuracy[-1] - mixed_families.ALPHA == pytest.approx(0.25 - gap)


def test_best_last_is_the_same_world_in_another_order() -> None:
    world = mixed_families.made_up(0.35, 100)
    other = mixed_families.best_last(world)
    assert other.models[-1] == world.models[2] and other.accuracy[-1] == world.accuracy.max()
    draws = [jax.jit(one.stream.draw)(jax.random.key(3), (), 1)[1] for one in (world, other)]
    np.testing.assert_array_equal(draws[0].features, draws[1].features)
    np.testing.assert_allclose(draws[1].mean, draws[0].mean[np.array([0, 1, 3, 2])], rtol=1e-6)
    ours, theirs = (optimum.solve(one.stream.distribution(), mixed_families.ALPHA).cost for one in (world, other))  # type: ignore[misc]
    assert ours == pytest.approx(theirs, rel=2e-3)  # both sampled


def test_statements_without_what_beta_m_adds_fail_where_it_is_needed() -> None:
    """The case of docs/theory: E = (0, .5, 1), mu = (.1, .9, .2), alpha = .6, all explored: the queue grows by .4."""
    distribution = Distribution(np.ones(1), np.array([[0.0, 0.5, 1.0]]), np.array([[0.1, 0.9, 0.2]]))
    T, steps = 3000, 0.4 * np.arange(3000)
    rows = {"queue_last": 1200.0, "queue_mean": steps.mean(), "cost": 2.0, "exploration_queue": steps.sum(), "S": 0.0}
    data = {name: (("c", "stream"), np.full((1, 3), value) + [[-1e-3, 0, 1e-3]]) for name, value in rows.items()}
    attrs = {"horizon": T, "policy_kinds": '{"": "mess_plus"}', "feedback_kind": "complete", "stream_kind": "iid"}
    run = xr.Dataset(data, coords={"c": [10.0], "alpha": 0.6, "V": 1.0, "a": 0.1, "f": 1.0}, attrs=attrs)
    words = inverted_zoo.verdicts(run, distribution, 1)["verdict"].isel(c=0).to_series()
    assert words["T1 without R_T"] == words["T3 without its last term"] == words["T4, beta_M ignored"] == "violated"
    assert words["T1"] == words["T3"] == "holds"
    assert words["T4"] == words["T1, second form"] == "not applicable"


def test_share_of_dominated_models() -> None:
    one = xr.Dataset({"chosen": ("model", [0.5, 0.2, 0.2, 0.1]), "dominated": ("model", [False, True, False, True])})
    assert float(figure.dominated_share(one, "chosen")) == pytest.approx(0.3)
