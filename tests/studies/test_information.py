"""sims/information: its table, findings and figure come from the numbers, without running anything long."""

from __future__ import annotations

import numpy as np
import pytest

from messjax import plot
from sims.common import worlds
from sims.studies.information import figure, findings, runs, tables


@pytest.fixture(scope="module")
def result():
    return {runs.WORLD: runs.synthetic(runs.Size((1.0, 10.0), 300, 4, 1))}


@pytest.mark.long
def test_parts_add_up_at_every_point_and_finer_cells_move_refinement_to_calibration(result):
    mean = result[runs.WORLD]["split"].sel(limit="mean")
    total = sum(mean.sel(part=part) for part in runs.PARTS)
    np.testing.assert_allclose(total, mean.sel(part="excess"), atol=1e-9)
    both = mean.sel(part="refinement") + mean.sel(part="calibration")
    np.testing.assert_allclose(both.std("partition"), 0.0, atol=1e-9)
    assert (abs(mean.sel(part="refinement", partition="types")) < 0.02).all()
    assert (result[runs.WORLD]["verdict"] != "violated").all()


@pytest.mark.long
def test_it_is_shown_without_traces_and_with(result, tmp_path):
    world = result[runs.WORLD]
    trace = (
        world[["split"]].sel(partition=["one cell", "bins of s_hat"]).isel(V=[0], learner=[0]).assign_attrs(world.attrs)
    )
    for each in (result, result | {"MMLU": trace}):
        assert len(tables.tabulate(each)) == len(each) + 1
        first, second = findings.conclude(each)
        assert len(first.table.rows) == 4 + (len(each) - 1) and second.verdict in ("supported", "partly", "undecided")
        assert all(path.stat().st_size > 20_000 for path in plot.save(figure.draw(each), tmp_path / "information"))


def test_traces_that_are_not_there_are_left_out_with_a_reason(monkeypatch, capsys):
    monkeypatch.setattr(worlds, "recorded", lambda name: None)
    assert worlds.all_recorded() == []
    assert "left out" in capsys.readouterr().out
