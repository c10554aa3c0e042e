"""The headline claims: sims/cheaper_than_routers, energy_vs_random, published_table, and what they share."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import xarray as xr
from rich.table import Table

from messjax.predictors.pretrained import predict_all
from sims.common import controlled_predictors, published_results, routers, workshop_worlds, worlds
from sims.studies.cheaper_than_routers import findings as router_findings
from sims.studies.cheaper_than_routers import runs as router_runs
from sims.studies.cheaper_than_routers import tables as router_tables
from sims.studies.energy_vs_random import runs as energy_runs
from sims.studies.published_table import runs as table_runs

ARC = worlds.benchmark("ARC-C")
RNG = np.random.default_rng(0)


def cells(table: Table) -> list[tuple[str, ...]]:
    return list(zip(*(column.cells for column in table.columns), strict=True))


def runs(cost: float, satisfaction: float, exploit: float | None = None) -> xr.Dataset:
    wobble = np.linspace(-1e-4, 1e-4, 8)
    metrics = {"cost": cost, "cost_exploit": cost if exploit is None else exploit, "satisfaction": satisfaction}
    return xr.Dataset({name: ("stream", value * (1 + wobble)) for name, value in metrics.items()})


# --- routers --------------------------------------------------------------------------------------------------------


def test_the_pair_around_alpha_and_what_a_prefix_costs() -> None:
    assert routers.pair_around(ARC) == (0, 1)  # .379 < .5 < .544
    assert routers.pair_around(ARC._replace(alpha=0.58)) == (1, 2)
    assert routers.pair_around(ARC._replace(alpha=0.99)) == (1, 2)
    assert routers.training_cost(ARC) == pytest.approx(500 * ARC.cost.sum() / 1172)
    assert list(routers.named_singles(ARC).values()) == ["only Llama 1B", "only Llama 8B", "only Llama 70B"]


def test_the_coin_knows_the_cheapest_and_the_dearest_only() -> None:
    cost, accuracy = routers.ends_only(ARC)
    assert ARC._replace(cost=cost, accuracy=accuracy).blind_price() == pytest.approx(
        (ARC.cost[2] - ARC.cost[0]) / (ARC.accuracy[2] - ARC.accuracy[0])
    )


def test_the_best_setting_is_the_cheapest_in_its_ledger_that_kept_alpha() -> None:
    metrics = ("cost", "cost_exploit", "satisfaction")
    grid = [[runs(3.0, 0.6, 0.1), runs(2.0, 0.55, 0.5)], [runs(1.0, 0.4), runs(0.5, 0.3)]]
    each = {r: np.array([[one[r].values for one in row] for row in grid])[None] for r in metrics}
    tried = xr.Dataset(
        {name: (("policy", "V", "c", "stream"), values) for name, values in each.items()},
        coords={"policy": ["head"], "V": [0.1, 1.0], "c": [0.01, 1.0], "alpha": 0.5},
    )
    assert routers.best_setting(tried, ARC) == ({"policy": "head", "V": 0.1, "c": 1.0}, True)
    assert routers.best_setting(tried, ARC, "cost_exploit") == ({"policy": "head", "V": 0.1, "c": 0.01}, True)
    assert routers.best_setting(tried.isel(V=[1]), ARC) == ({"policy": "head", "V": 1.0, "c": 0.01}, False)


# --- skill and the workshop's worlds --------------------------------------------------------------------------------


def test_skill_goes_from_the_base_rate_to_the_oracle() -> None:
    x = RNG.normal(size=(64, 16)).astype(np.float32)
    mean = np.stack([np.asarray(ARC.stream.mean(row)) for row in x]) if ARC.stream.mean else None
    np.testing.assert_allclose(
        predict_all(controlled_predictors.partial_information(ARC.stream, 1.0), x), mean, atol=1e-5
    )
    np.testing.assert_allclose(
        predict_all(controlled_predictors.partial_information(ARC.stream, 0.0), x),
        np.tile(ARC.accuracy, (64, 1)),
        atol=1e-5,
    )
    result = [
        controlled_predictors.explained(ARC.stream, controlled_predictors.partial_information(ARC.stream, share))
        for share in (0.0, 0.25, 0.5, 1.0)
    ]
    np.testing.assert_allclose(result, [0.0, 0.25, 0.5, 1.0], atol=0.03)


def test_partial_predictions_are_calibrated() -> None:
    predictor = controlled_predictors.partial_information(ARC.stream, 0.3)
    x = RNG.normal(size=(40_000, 16)).astype(np.float32)
    s_hat, mean = predict_all(predictor, x)[:, 1], np.asarray(jax.vmap(ARC.stream.mean)(x))[:, 1]
    for low, high in ((0.0, 0.4), (0.4, 0.6), (0.6, 1.0)):
        part = (s_hat >= low) & (s_hat < high)
        assert mean[part].mean() == pytest.approx(s_hat[part].mean(), abs=0.015)


def test_the_workshops_scores_have_the_published_means() -> None:
    accuracy = np.array([0.3092, 0.3221])
    _, mean, scores = workshop_worlds.scores(accuracy, shared=0.7)
    np.testing.assert_allclose(scores.mean(axis=0), accuracy, atol=1e-9)
    np.testing.assert_allclose(mean.mean(axis=0), accuracy, atol=1e-9)
    assert scores.min() >= 0 and scores.max() <= 1
    _, mean, _ = workshop_worlds.scores(accuracy, shared=1.0)
    assert (mean[:, 1] > mean[:, 0]).all()  # alike: the larger model is better on every request


# --- claim (a) ------------------------------------------------------------------------------------------------------


def comparison() -> xr.Dataset:
    """MESS+ costs 1 kJ at alpha, a trained router 2.5, the mixture .9; exploit only MESS+ costs half."""
    contenders = {
        router_runs.BEST: runs(1.0, 0.5, 0.5),
        router_runs.BEST_EXPLOIT: runs(1.2, 0.5, 0.4),
        router_runs.TABLE: runs(2.0, 0.5),
        routers.ROUTELLM: runs(2.5, 0.5),
        routers.ROUTERDC: runs(1.5, 0.5),
        routers.GUESS: runs(1.9, 0.5),
        routers.MIXTURE: runs(0.9, 0.5),
        **{f"only {name}": runs(1.0, 0.4) for name in ARC.models},
    }
    result = router_runs._joined(contenders, ARC, 8, 0.25)
    singles = {f"single_{i}": name for i, name in enumerate(routers.named_singles(ARC).values())}
    settings = {f"setting_{name}": "as it was" for name in list(contenders)[:2]}
    return result.assign_attrs(singles | settings | {"kind": "calibrated"})


def test_twice_is_said_where_the_interval_is_beyond_two() -> None:
    result = {"ARC-C": comparison()}
    at = router_runs.limits_of
    assert at(result["ARC-C"], routers.ROUTELLM, "full")[0] == pytest.approx(2.5, rel=1e-3)
    assert at(result["ARC-C"], routers.ROUTELLM, "exploit only")[0] == pytest.approx(2.5 / 0.4, rel=1e-3)
    prefix = routers.training_cost(ARC)
    assert at(result["ARC-C"], routers.ROUTERDC, "full and prefix")[0] == pytest.approx(1.5 + prefix, rel=1e-3)
    assert at(result["ARC-C"], routers.MIXTURE, "full and prefix")[0] == pytest.approx(0.9, rel=1e-3)
    assert router_runs.twice(result, routers.ROUTELLM, "full") == ["ARC-C"]
    assert router_runs.twice(result, routers.GUESS, "full") == []
    exploit, full = router_findings.conclude(result)
    rows = {row[0]: row[1:] for row in exploit.table.rows}
    assert rows["RouteLLM"] == ("6.25", "1 of 1") and full.table.rows[1][:3] == ("RouteLLM", "2.50", "1 of 1")
    geometric = (2.5 * 1.5 * 1.9) ** (1 / 3)
    assert full.numbers[0].value == pytest.approx(geometric, rel=1e-3)
    assert exploit.numbers[0].value == pytest.approx(geometric / 0.4, rel=1e-3)
    rows = {row[0].split(" (")[0]: row for row in cells(router_tables.tabulate(result)[0])}
    assert rows["RouteLLM"][-1] == "yes" and rows["LP mixture"][-1] == "no"


# --- claim (b) ------------------------------------------------------------------------------------------------------


def test_break_even_of_blind_mixing() -> None:
    for r in (5.5, 11.8):
        share = energy_runs.break_even(np.array([1.0, r]), np.array([0.4907, 0.5513]))
        assert share == pytest.approx((r - 4) / (5 * (r - 1)))
        assert (1 + r) / 2 == pytest.approx(2.5 * (1 + share * (r - 1)))
    assert energy_runs.break_even(np.array([1.0, 3.0]), np.array([0.4, 0.5])) < 0  # at most (1 + 3) / 2


def test_the_sources_alpha_is_among_those_tried() -> None:
    world = workshop_worlds.world("WMT14 (BLEU)", measured=True, shared=0.7)
    alphas = energy_runs.alphas(world)
    assert 0.51 in alphas and len(alphas) == 6 and (np.diff(alphas) > 0).all()
    assert world.cost[1] == pytest.approx(527.870 / 44.639)
    assert "/" not in workshop_worlds.world("CNN/DM (ROUGE-1)", measured=False, shared=1.0).name  # names of groups


# --- the published table --------------------------------------------------------------------------------------------


def test_reported_points_lie_above_the_line_of_static_mixtures() -> None:
    for name, (cost, satisfaction) in published_results.REPORTED.items():
        world = worlds.benchmark(name)
        mixed = table_runs._costs(world, world.blind(), np.array([world.alpha, satisfaction]))
        assert mixed[1] < cost / 1.8
    assert table_runs._costs(ARC, ARC.blind(), np.array([0.5]))[0] == pytest.approx(0.36, abs=0.01)
    assert np.isnan(table_runs._costs(ARC, ARC.blind(), np.array([0.9]))[0])


def test_least_skill_is_the_first_that_reaches_the_point_on_other_streams() -> None:
    policies, shape = list(published_results.SKILLS), (len(published_results.SKILLS), 1, 2, 1, 16)
    dims = ("policy", "sla_target", "V", "c", "stream")
    noise = RNG.normal(0.0, 1e-3, shape)
    satisfaction = np.broadcast_to(np.array([0.55, 0.4]).reshape(1, 1, 2, 1, 1), shape) + noise
    paid = np.linspace(1.0, 0.5, len(policies)).reshape(-1, 1, 1, 1, 1) + 0.0 * noise
    result = xr.Dataset(
        {
            name: (dims, values)
            for name, values in (
                ("satisfaction", satisfaction), ("choosing_satisfaction", satisfaction), ("cost", paid),
                ("choosing_cost", paid), ("cost_exploit", paid / 2), ("choosing_cost_exploit", paid / 2),
            )
        },
        coords={"policy": policies, "sla_target": [0.5], "V": [0.1, 1.0], "c": [0.1]},
    )  # fmt: skip
    least = published_results.least_skill([result], "full", 0.75, [0.5])
    assert least is not None and least[0] == policies[3] and least[1].V == 0.1
    least = published_results.least_skill([result], "exploit only", 0.75, [0.5])
    assert least is not None and least[0] == policies[0]
    assert published_results.least_skill([result], "full", 0.75, [0.6]) is None
    assert published_results.least_skill([result], "full", 0.4, [0.5]) is None
