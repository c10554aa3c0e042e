"""sims/common: costs brought to alpha, paired ratios, whether alpha was kept; what a world knows; saved runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sims.common import comparison, study, worlds

WORLD = worlds.benchmark("ARC-C")


def runs(cost: list[float], satisfaction: list[float], alpha: float = 0.5) -> xr.Dataset:
    columns = {"cost": cost, "cost_exploit": cost, "satisfaction": satisfaction}
    return xr.Dataset({name: ("stream", np.array(values)) for name, values in columns.items()}, coords={"alpha": alpha})


def test_a_blind_mixture_costs_the_same_at_alpha_in_any_proportion() -> None:
    share = np.array([0.0, 0.3, 0.7, 1.0])  # of the middle model, the rest on the cheapest
    cost, accuracy = WORLD.cost[:2], WORLD.accuracy[:2]
    mixed = runs(list(cost[0] + share * np.diff(cost)), list(accuracy[0] + share * np.diff(accuracy)))
    brought = comparison.at_alpha(mixed, WORLD)
    expected = cost[0] + (0.5 - accuracy[0]) / np.diff(accuracy)[0] * np.diff(cost)[0]
    np.testing.assert_allclose(brought, expected, rtol=1e-9)
    assert expected * WORLD.horizon / 1000 == pytest.approx(0.36, abs=0.01)  # MJ, docs/theory.md on ARC-C


def test_the_agreement_is_kept_missed_or_open() -> None:
    for satisfaction, word in (
        ([0.55, 0.552, 0.553], "kept"),
        ([0.4, 0.41, 0.42], "missed"),
        ([0.4, 0.6, 0.5], "undecided"),
    ):
        assert comparison.score(runs([1.0, 1.0, 1.1], satisfaction), WORLD).sla == word
    assert comparison.score(runs([1.0, 1.0], [0.5, 0.49]), WORLD).kept_by == 0.5


def test_the_cheapest_that_kept_it() -> None:
    good, cheap, dear = runs([2.0, 2.1], [0.55, 0.551]), runs([1.0, 1.0], [0.2, 0.2]), runs([3.0, 3.0], [0.7, 0.7])
    assert comparison.cheapest_kept({"good": good, "cheap": cheap, "dear": dear}, WORLD) == "good"
    assert comparison.cheapest_kept({"cheap": cheap}, WORLD) is None


def test_paired_ratio_is_narrower_than_its_parts() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(1.0, 3.0, 200)
    result = comparison.ratio(2.0 * base + rng.normal(0.0, 0.01, 200), base)
    assert result.lower < 2.0 < result.upper and result.upper - result.lower < 0.01
    assert comparison.formatted(comparison.difference(base + 1.0, base)) == "1 [1, 1]"


def test_a_prefix_is_of_the_stream_and_not_of_what_is_run() -> None:
    assert WORLD.prefix.features.shape == (500, 16) and WORLD.horizon == 1172
    np.testing.assert_allclose(WORLD.prefix.satisfaction.mean(axis=0), WORLD.accuracy, atol=0.07)
    assert WORLD.blind_price() == pytest.approx((0.46 - 0.09) / 1.172 / (0.544 - 0.379))


def test_published_V_are_taken_as_they_are_where_costs_are_energies() -> None:
    np.testing.assert_array_equal(WORLD.published_V(), worlds.PUBLISHED_V)
    dollars = WORLD._replace(cost_unit="USD", cost=2.0 * WORLD.cost)
    spread = np.ptp(worlds.llama().cost)
    np.testing.assert_allclose(dollars.published_V() * dollars.spread, np.array(worlds.PUBLISHED_V) * spread)


def test_recorded_worlds(traces: Path) -> None:
    del traces
    world = worlds.recorded("MMLU")
    assert world is not None and world.recorded
    assert world.horizon + len(world.prefix.features) == 14_042 and len(world.prefix.features) == 2_808
    assert world.models == tuple(sorted(world.models, key=lambda name: "gpt-4" in name))


def test_a_study_is_saved_by_world_and_read_back(tmp_path: Path) -> None:
    result = {"a": runs([1.0, 2.0], [0.1, 0.2]), "b": runs([3.0], [0.3])}
    path = study.save_worlds(result, tmp_path / "x.nc", "python -m sims x")
    back = study.load_worlds(path)
    assert list(back) == ["a", "b"] and back["b"].attrs["config"] == "python -m sims x"
    xr.testing.assert_equal(back["a"], result["a"])
