"""The study bounds_against_truth on a few points: what must hold of bounds, exact values, limit and lower bound."""

from __future__ import annotations

import io

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from sims.studies.bounds_against_truth import figure, findings, runs, tables


@pytest.fixture(scope="module")
def result():
    """The exact parts as they are; of learning, numbers in the study's form (simulating them is for `--quick`)."""
    worlds = {runs.SMOOTH: runs.smooth(np.array([3.0, 10.0]), 60), runs.TYPES: runs.types(np.array([8.0, 16.0]))}
    worlds[runs.CHAIN] = runs.chain(np.array([4.0, 32.0]))
    policy, world, T = [runs.MEANS, runs.UCB], ["first better", "second better"], [500, 2_000]
    regret = np.random.default_rng(0).normal([[[3.0], [6.0]], [[1.0], [2.5]]], 0.1, (2, 2, 40))
    learned = xr.Dataset(
        {
            "regret": (("policy", "T", "world", "stream"), np.stack([regret, regret - 0.5], axis=2)),
            "violation": (("policy", "T", "world", "stream"), np.full((2, 2, 2, 40), 0.02) + 1e-4 * np.arange(40)),
            "R_prime": (("policy", "T", "world"), np.full((2, 2, 2), 7.0)),
            "lower_bound": ("T", [0.6, 1.3]),
        },
        coords={"policy": policy, "T": T, "world": world},
    )
    worlds[runs.LEARNING] = learned
    gap = {"gap": (("T", "stream"), np.full((1, 8), 0.01)), "violation": (("T", "stream"), np.full((1, 8), 0.01))}
    bounds = {"D": ("T", [0.1]), "T11": ("T", [0.3]), "T11_before": ("T", [60.0])}
    worlds[runs.OPTIMISM] = xr.Dataset(gap | bounds | {"trivial": 0.6}, coords={"T": [2_000]})
    return worlds


def test_bounds_lie_above_exact_values_and_the_limit_is_near(result):
    smooth, chain = result[runs.SMOOTH].isel(V=-1), result[runs.CHAIN]
    assert smooth["exact"] < smooth["T2_prime"] < smooth["T2"]
    assert float(smooth["exact"] / smooth["limit"]) == pytest.approx(1.0, abs=0.03)
    assert (smooth["floor"] <= smooth["exact"]).all()
    assert list((chain["T2_prime"] >= chain["exact"]).values) == [True, False]  # false where requests depend
    assert (np.minimum(chain["T12"], chain["T13"]) >= chain["exact"]).all()


def test_findings_tables_and_figure(result):
    bounds, lower = findings.conclude(result)
    assert bounds.verdict == "supported" and "false at 1 of 2 sojourns; T12" in bounds.sentence
    assert lower.verdict == "supported" and "which is vacuous" in lower.sentence and "informative" in lower.sentence
    console = Console(width=80, record=True, file=io.StringIO())
    for table in tables.tabulate(result):
        console.print(table)
    text = console.export_text()
    assert "60 (vacuous)" in text and max(map(len, text.splitlines())) <= 80
    assert len(figure.draw(result).axes) == 4


def test_a_violated_bound_and_a_regret_below_the_floor_are_refutations(result):
    low = result[runs.SMOOTH].assign(T2_prime=0.5 * result[runs.SMOOTH]["exact"])
    assert findings.conclude(result | {runs.SMOOTH: low})[0].verdict == "partly"
    little = result[runs.LEARNING].assign(regret=0.01 * result[runs.LEARNING]["regret"])
    assert findings.conclude(result | {runs.LEARNING: little})[1].verdict == "refuted"
    short = result[runs.LEARNING].assign(violation=result[runs.LEARNING]["violation"] + 0.2)
    silent = findings.conclude(result | {runs.LEARNING: short})[1]
    assert silent.verdict == "undecided" and "says nothing" in silent.table.rows[0][-1]
