"""sims/studies/logs and the published logs: routers know their propensities, findings follow their rules."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import xarray as xr

from messjax import results
from messjax.evaluation.ope import terms_of
from messjax.traces.logs.log_lint import lint_log
from messjax.traces.logs.log_reader import read_log
from sims.common import logging_policies, published_logs, worlds
from sims.common.logging_policies import GREEDY, SOFTMAX, THOMPSON, UNIFORM
from sims.studies.logs import findings, frozen, runs

WORLD = worlds.llama(400)


@pytest.mark.parametrize("name", [UNIFORM, GREEDY, SOFTMAX, THOMPSON])
def test_logging_routers_know_their_propensities(name):
    """Choices are as frequent as their probabilities say, within five standard errors."""
    made = logging_policies.logs(name, WORLD, 4, 400, seed=3)
    mu = np.concatenate([log.propensity for log in made])
    chosen = np.eye(3)[np.concatenate([log.action for log in made])]
    error = np.sqrt((mu * (1 - mu)).sum(axis=0))
    assert (np.abs((chosen - mu).sum(axis=0)) < 5 * error).all()
    assert made[0].chosen_propensity.min() >= logging_policies.least_propensity(name, WORLD, 400)
    assert not np.array_equal(made[0].score, made[1].score)


def test_chance_to_be_best_by_hand():
    """Uniform posteriors without prices are alike; with a price of .5 the other wins with probability 7/8."""
    even = logging_policies._chance_to_be_best(np.ones((1, 3)), np.ones((1, 3)), np.zeros(3))
    np.testing.assert_allclose(even, 1 / 3, atol=1e-4)
    priced = logging_policies._chance_to_be_best(np.ones((1, 2)), np.ones((1, 2)), np.array([0.5, 0.0]))
    np.testing.assert_allclose(priced, [[1 / 8, 7 / 8]], atol=1e-4)


def test_the_published_logs_are_what_the_datasheet_says(tmp_path, monkeypatch):
    monkeypatch.setattr(published_logs, "LOGGERS", (UNIFORM, SOFTMAX))
    about = published_logs.make(tmp_path, 3_000)
    assert json.loads((tmp_path / "about.json").read_text()) == about == published_logs.make(tmp_path / "again", 3_000)
    truth = pq.read_table(tmp_path / "requests.parquet")
    log = read_log(tmp_path / "log_softmax.parquet")
    assert log.method == "exact" and log.cost_unit == "kJ" and set(log.models) == set(about["models"])
    assert not [each for each in lint_log(log) if each.severity != "info"]
    for m, name in enumerate(log.models):
        paid, score = (truth[f"{part}:{name}"].to_numpy() for part in ("paid", "satisfaction"))
        served = log.action == m
        np.testing.assert_allclose(log.cost[served], paid[served])
        np.testing.assert_array_equal(log.score[served], score[served])
        terms = terms_of(
            log, np.tile(np.eye(3)[m], (3_000, 1)), log.cost, estimator="dr", model=log.known_cost, high=9.0
        )
        assert abs(terms.value - paid.mean()) < 5 * terms.each.std() / np.sqrt(3_000)


def handmade(coverage: float, error: float) -> xr.Dataset:
    """Two logging routers, two policies, 1,000 replications; the second router has the given coverage and error."""
    draws = np.random.default_rng(0).normal(size=(2, 4, 5, 2, 1_000))
    draws[1] += error
    covered = np.ones((2, 4, 3, 2, 1_000), bool)
    covered[1, 2, 0, 0, int(1_000 * coverage) :] = False
    names = ["only x", frozen.MIXTURE, frozen.ROUTER, frozen.PAIR]
    dims = ("logger", "policy", "interval", "outcome", "replication")
    return xr.Dataset(
        {
            "estimate": (("logger", "policy", "estimator", "outcome", "replication"), draws),
            "covered": (dims, covered),
            "half": (dims, np.ones(covered.shape)),
            "truth": (("policy", "outcome"), np.zeros((4, 2))),
        },
        coords={
            "logger": ["a", "b"], "policy": names, "interval": ["t", "bernstein", "betting"],
            "outcome": list(frozen.OUTCOMES), "estimator": list(frozen.ESTIMATORS),
        },
        attrs={"length": 10, "level": 0.95},
    )  # fmt: skip


def test_findings_follow_their_rules():
    good, bad = handmade(0.95, 0.0), handmade(0.9, 0.2)
    assert findings._bias(good).verdict == "supported" and findings._bias(bad).verdict == "partly"
    assert findings._coverage(good).verdict == "supported" and findings._coverage(bad).verdict == "partly"
    assert findings._coverage(bad).numbers[1].value == pytest.approx(0.9)


def test_a_part_is_kept_and_made_again_only_where_it_is_damaged(tmp_path, capsys):
    made = []

    def make(number):
        made.append(number)
        return xr.Dataset({"covered": ("replication", np.array([True, False])), "number": number})

    def named(name):
        return xr.Dataset({"error": ("logger", [1.0])}, coords={"logger": [name]})

    first = runs._kept(tmp_path, "part", make, 3)
    xr.testing.assert_identical(runs._kept(tmp_path, "part", make, 3), first)
    assert made == [3] and runs._kept(None, "part", make, 4)["number"] == 4
    both = runs._joined(
        [runs._kept(tmp_path, f"logger {name}", named, name) for _ in range(2) for name in ("a", "bcd")]
    )
    results.save(both, tmp_path / "joined.nc")
    assert list(results.load(tmp_path / "joined.nc")["logger"].values) == ["a", "bcd"] * 2
    whole = bytearray((tmp_path / "part.nc").read_bytes())
    whole[len(whole) // 2] ^= 1
    (tmp_path / "part.nc").write_bytes(whole)
    xr.testing.assert_identical(runs._kept(tmp_path, "part", make, 3), first)
    assert made == [3, 4, 3] and "made again" in capsys.readouterr().err
