"""sims/exploration: what its settings must have, which c a ledger prefers, and that it says the run's own numbers."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sims.common import sla_status, worlds
from sims.studies.exploration import figure, findings, runs

COSTS = [1.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0]  # per c, in the full ledger
EXPLOIT_COSTS = [1.0, 1.0, 1.9, 1.5, 1.2, 1.1, 0.8]  # and in the exploit-only one


def world_run() -> xr.Dataset:
    """A made-up run: two V, all c, four streams and paths."""
    shape = {"V": 2, "c": len(runs.C), "stream": 4}
    grid = tuple(shape)
    noise = 1e-3 * np.arange(4.0)

    def over_c(values: list[float]) -> np.ndarray:
        return np.broadcast_to(np.array(values)[:, None] + noise, tuple(shape.values()))

    loss = np.broadcast_to(np.array([0.7, 0.6])[:, None, None, None], (2, len(runs.C), 4, 3)) + noise[:, None]
    metrics = {
        "cost": (grid, over_c(COSTS)),
        "cost_at_alpha": (grid, over_c(COSTS)),
        "cost_exploit": (grid, over_c(EXPLOIT_COSTS)),
        "cost_exploit_at_alpha": (grid, over_c(EXPLOIT_COSTS)),
        "satisfaction": (grid, over_c([0.5] * 7)),
        "explored": (grid, np.broadcast_to(np.array([0, 3, 10, 30, 100, 300, 400])[:, None], tuple(shape.values()))),
        "sla": (("V", "c"), np.full((2, 7), "kept")),
    }
    scores = {
        name: (("on", "c", "path", "t"), loss + extra)
        for name, extra in {"log_loss": 0.0, "base_log_loss": 0.05, "brier": 0.0, "base_brier": 0.0}.items()
    }
    coords = {"V": [0.1, 1.0], "c": runs.C, "alpha": 0.5, "on": ["passed", "held out"], "t": [1, 2, 3]}
    attrs = {"horizon": 1_000, "cost_unit": "kJ", "spread": 2.0}
    return xr.Dataset(metrics | scores, coords=coords, attrs=attrs)


def test_the_published_constants_and_none_are_tried_and_drawn_in_order() -> None:
    assert set(worlds.PUBLISHED_C) <= set(runs.C) and 0.0 in runs.C
    assert (np.diff(figure.place(runs.C)) > 0).all()
    assert worlds.PUBLISHED_V[runs.SHOWN[0]] == 1e-3  # that of the table


def test_the_ledgers_disagree_about_the_cheapest() -> None:
    one = world_run().isel(V=0)
    assert runs.cheapest(one, "cost") == 0.01
    assert runs.cheapest(one, "cost_exploit") == 1.0


def test_the_findings_have_the_numbers_of_the_run() -> None:
    cost, ledgers, learning = findings.conclude({"made up": world_run()})
    assert cost.verdict == "supported" and "from 40.0% to 1.00% (made up)" in cost.sentence
    assert [number.value for number in cost.numbers] == pytest.approx([2, 0.5, 0.5], rel=1e-3)
    assert ledgers.verdict == "refuted" and ledgers.numbers[1].value == pytest.approx(2.0, rel=1e-3)
    assert ledgers.table.rows[0][2:4] == ("0.01", "1")
    assert learning.verdict == "supported" and learning.numbers[1].value == pytest.approx(0.05)


def test_a_grid_is_judged_point_by_point() -> None:
    world = worlds.benchmark("ARC-C")
    about = {name: {"long_name": name} for name in ("cost", "cost_exploit")}
    satisfaction = np.array([[0.519, 0.52, 0.521], [0.419, 0.42, 0.421], [0.4, 0.6, 0.5]])
    data = {name: (("c", "stream"), np.ones((3, 3)), about[name]) for name in about}
    run = xr.Dataset(data | {"satisfaction": (("c", "stream"), satisfaction)}, coords={"alpha": 0.5})
    result = sla_status.add_sla_status(run, world)
    assert result["sla"].values.tolist() == ["kept", "missed", "undecided"]
    expected = 1.0 + world.blind_price() * (0.5 - satisfaction)
    np.testing.assert_allclose(result["cost_at_alpha"].values, expected)
    assert float(result["cost_exploit_at_alpha"][0, 0]) == pytest.approx(expected[0, 0])
