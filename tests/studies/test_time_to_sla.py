"""sims/time_to_sla: from when on something holds, the climb of the queue, and what the published tables average."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import xarray as xr

from messjax import policies, streams
from messjax.engine import grid_sweep
from messjax.meters import folds, standard_meters
from messjax.policies.adaptive_v import chosen_V
from messjax.theory import optimum
from messjax.types import Controls, Distribution
from sims.common import settling, worlds
from sims.common.running_satisfaction import running_satisfaction_meter
from sims.studies.time_to_sla import findings, runs

LAW = Distribution(np.full(2, 0.5), np.array([[0.0, 1.0], [0.0, 3.0]]), np.array([[0.2, 0.9], [0.4, 0.8]]))


def test_holds_from_the_checkpoint_after_the_last_one_below() -> None:
    curve = xr.DataArray(
        [[0.1, 0.5, 0.4, 0.6], [0.5, 0.5, 0.5, 0.5], [0.9, 0.9, 0.9, 0.4]],
        dims=("stream", "t"),
        coords={"t": [2, 4, 6, 8]},
    )
    assert settling.holds_from(curve, 0.5).values.tolist() == [8, 2, 9]
    assert settling.when(np.array([8, 2, 9]), 8) == "67%, 8" and settling.when(np.array([9, 9, 1]), 8) == "33%"


def test_the_climb_begins_with_the_cheapest_and_ends_at_the_price() -> None:
    stairs, alpha, V = optimum.staircase(LAW), 0.7, 20.0
    level = V * optimum.solve(LAW, alpha).gamma
    t = np.array([0.0, 1.0, 1e6])
    np.testing.assert_allclose(settling.climb(stairs, alpha, V, t), [0.0, alpha - 0.3, level])
    tau = 1.0 / chosen_V(LAW, alpha, 1.0)  # what `auto_v` divides by: requests per V until .9 of it is reached
    assert settling.climb(stairs, alpha, V, np.array([V * tau]))[0] == pytest.approx(0.9 * level, rel=1e-5)


def test_the_logged_satisfaction_and_the_exact_wait_of_a_hand_made_path() -> None:
    s = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    result = grid_sweep.sweep(
        jax.random.key(0),
        Controls(alpha=0.6, c=0.0),
        policy=policies.single(0),
        stream=streams.replay(np.zeros((4, 1)), s, np.ones((4, 2)), order="file"),
        horizon=4,
        num_streams=1,
        meter=folds.zip_meters(standard_meters.ledger(), standard_meters.sla(), running_satisfaction_meter()),
        checkpoints=4,
        curves=("satisfaction",),
    )
    running = [1.0, 1 / 2, 2 / 3, 3 / 4]
    assert float(result["satisfaction_logged"][0]) == pytest.approx(np.mean(running), rel=1e-6)
    np.testing.assert_allclose(result["satisfaction_curve"][0], running)
    assert int(result["sla_from"][0]) == int(settling.holds_from(result["satisfaction_curve"], 0.6)[0]) == 3


def test_the_published_length_is_among_the_checkpoints_and_the_few_among_the_many() -> None:
    length = worlds.benchmark("Winogrande").horizon
    assert length % runs.EVERY == 0
    for horizon in (2 * length, runs.TIMES * length):
        many = np.arange(1, horizon // runs.EVERY + 1) * horizon // (horizon // runs.EVERY)
        few = np.arange(1, runs.COARSE + 1) * horizon // runs.COARSE
        assert set(few) <= set(many) and length in many


def test_the_findings_have_the_numbers_of_the_run() -> None:
    alpha, V, names = runs.ALPHA, runs.V, [runs.PLAIN, runs.ORACLE]
    dims, shape = ("policy", "V", "alpha", "stream"), (2, len(V), len(alpha), 2)
    run = xr.Dataset(
        {
            "sla_from": (dims, np.full(shape, 321)),
            "sla_from_published": (dims, np.full(shape, 321)),
            "violation": (dims, np.full(shape, 0.004)),
            "gamma": ("alpha", [1.0, 2.0, 3.0]),
            "annotated_from": ("alpha", list(runs.PUBLISHED_FROM.values())),
        },
        coords={"policy": names, "V": V, "alpha": alpha},
        attrs={"horizon": 1_000, "published": 500},
    )
    warm = run.assign_coords(policy=[runs.PLAIN, runs.WARM])
    ends = {"satisfaction": 0.5, "satisfaction_logged": 0.49}
    grid = ("benchmark", "c", "V", "stream")
    both = xr.Dataset({name: (grid, np.full((1, 3, 2, 2), x)) for name, x in ends.items()}, coords={"benchmark": ["A"]})
    holds, warmer, metrics = findings.conclude({"Winogrande": run, "warm start": warm, "benchmarks": both})
    assert (
        holds.verdict == "supported"
        and holds.numbers[0].text() == "15 of 15"
        and "321 at alpha = 0.7" in holds.sentence
    )
    assert warmer.verdict == "undecided" and "+0.0040 (MESS+)" in warmer.sentence
    assert metrics.verdict == "supported" and metrics.numbers[1].value == pytest.approx(-0.01)
