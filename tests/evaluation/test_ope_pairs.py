"""Differences of two policies on the same requests: narrower than each alone, and right on logs of known truth."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest

import messjax as mj
from messjax.cli import __main__ as cli
from messjax.evaluation.ope import page
from messjax.evaluation.ope.judgement import judge_policies
from messjax.evaluation.ope.judging import OWN, Settings
from messjax.evaluation.ope.learned_rows import FINALISTS, Grid, learner, settings_of
from messjax.evaluation.ope.learning import logged, replay_log, resampling, rows_of
from messjax.evaluation.ope.pairs import resampled_limits
from messjax.traces import Trace
from messjax.traces.logs.log_columns import UNNAMED
from messjax.traces.logs.made_from_traces import log_of


def trace_of(num: int, seed: int = 0) -> tuple[Trace, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(num, 2))
    mean = 1 / (1 + np.exp(-np.array([-0.4, 1.2]) - x @ np.array([[1.5, 0.3], [0.0, -0.4]])))
    score, names = (rng.random((num, 2)) < mean).astype(float), [f"p{n}" for n in range(num)]
    cost = np.broadcast_to([1.0, 6.0], (num, 2))
    return Trace(("small", "large"), names, ["g"] * num, score, cost, "USD", "world", ids=names), x


def test_differences_of_policies_that_do_not_change_cover_and_are_narrow():
    """1% of 90 intervals at 97.5% may miss; the policies share most of their choices."""
    trace, x = trace_of(3_000)
    rest = slice(900, None)
    policies = {f"only {name}": np.eye(2)[m] for m, name in enumerate(trace.models)} | {
        "uniform random": np.full(2, 0.5)
    }
    of = {name: [(trace_part[rest] @ p).mean() for trace_part in (trace.satisfaction, trace.cost)]
          for name, p in policies.items()}  # fmt: skip
    hits, widths = [], []
    for seed in range(30):
        log = log_of(trace, np.array([0.5, 0.5]), seed=seed)
        result = judge_policies(log, x, Settings(0.6), ("single", "uniform"))
        rows = {row.name: row for row in result.rows}
        for name, against in (("only large", "only small"), ("uniform random", "only small")):
            pair = page.between(result, name, against)
            assert pair is not None
            truth = of[name][0] - of[against][0]
            hits.append(pair.gained.lower <= truth <= pair.gained.upper)
            apart = np.hypot(rows[name].satisfaction.half, rows[against].satisfaction.half)
            widths.append(pair.gained.half / apart if name == "uniform random" else np.nan)
        turned = page.between(result, "only small", "only large")
        assert turned.gained.value == pytest.approx(-page.between(result, "only large", "only small").gained.value)
        own = page.between(result, "only small", OWN)
        assert own.saved == rows["only small"].saved
    assert np.mean(hits) >= 0.9 and np.nanmean(widths) < 0.8


def test_a_policy_that_costs_more_than_a_router_below_alpha_is_not_said_to_save():
    trace, x = trace_of(3_000)
    log = log_of(trace, np.array([0.9, 0.1]), seed=1)
    for alpha, saves in ((0.35, True), (0.6, False)):
        result = judge_policies(log, x, Settings(alpha), ("single",))
        first = page.answer(result, "USD")[0]
        assert first.startswith("Keep only small" if saves else "Keep only large"), first
        assert (" saves " in first) == saves and (
            "USD per request more (" in first and "misses alpha" in first
        ) != saves
        assert "-" not in first and " USD per request" in first
        assert " USD" not in page.answer(result, UNNAMED)[0] and "own unit of cost" in page.answer(result, UNNAMED)[0]
    nobody = page.answer(judge_policies(log, x, Settings(0.9), ("single",)), "USD")
    assert nobody == ["No policy is shown to meet alpha = 0.9, and the log's own router misses it."]


def test_limits_from_bootstrap_samples():
    limits = resampled_limits(2.0, np.array([1.0, 3.0]), 0.5)  # t with one degree of freedom: its quartile is 1
    assert (limits.lower, limits.upper) == pytest.approx((2.0 - np.sqrt(2.0), 2.0 + np.sqrt(2.0)))


@pytest.mark.long
def test_bootstrap_samples_are_in_the_order_of_the_log():
    trace, x = trace_of(200)
    stream, _ = logged(log_of(trace, np.array([0.5, 0.5]), seed=0), x)
    key = jax.random.key(3)
    assert (rows_of(key, stream, 2) == np.arange(200)).all()
    drawn = rows_of(key, resampling(stream), 20)
    assert (np.diff(drawn, axis=1) >= 0).all() and len({tuple(row) for row in drawn.tolist()}) == 20
    assert np.unique(drawn[0]).size / 200 == pytest.approx(1 - np.exp(-1), abs=0.1)


@pytest.mark.long
def test_what_would_have_been_learned_from_other_requests_is_in_the_limits():
    """The spread of the samples is that of estimates on fresh logs; the error given one history is far smaller."""
    controls, found = mj.Controls(V=1.0 / 5.0, alpha=0.72, c=1.0), []
    for seed in range(24):
        trace, x = trace_of(600, seed)
        log = log_of(trace, np.array([0.5, 0.5]), seed=seed)
        policy = learner(np.full(2, 0.5), 2)
        runs = replay_log(jax.random.key(seed), controls, policy=policy, log=log, features=x, seeds=24, resamples=24)
        found.append([float(runs["cost"][0]), float(runs["cost_resampled"].std(ddof=1)), float(runs["cost_error"][0])])
    estimates, spread, error = np.array(found).T
    assert 0.6 < spread.mean() / estimates.std(ddof=1) < 1.7
    assert error.mean() < 0.4 * estimates.std(ddof=1)


@pytest.mark.long
def test_the_best_settings_of_a_grid_are_judged(tmp_path, capsys):
    trace, x = trace_of(1_200)
    log, policy = log_of(trace, np.array([0.5, 0.5]), seed=1), learner(np.full(2, 0.5), 2)
    grid = Grid(tuple(np.geomspace(0.01, 10.0, 5)), (0.1, 1.0))
    chosen = settings_of(log, x, grid, policy, 5.0, 0.7, 0)
    assert len(chosen) == FINALISTS and len({(float(each.V), float(each.c)) for each in chosen}) == FINALISTS
    lines = ["model,score,usd,p,x0,x1"]
    for n, a in enumerate(log.action):
        lines.append(f"{log.models[a]},{log.score[n]},{log.cost[n]},0.5,{x[n, 0]},{x[n, 1]}")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    columns = "model=model,score=score,cost=usd,propensity=p,feature:a=x0,feature:b=x1"
    command = ["evaluate", str(tmp_path / "log.csv"), "--alpha", "0.7", "--columns", columns, "--policies"]
    assert cli.main([*command, "single,mess+", "--V", "0.01,0.1,1,10", "--out", str(tmp_path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "MESS+ was tried at 4 settings on the first part" in text and "paired differences per request" in text
    found = json.loads((tmp_path / "evaluation.json").read_text())
    names = [row["policy"] for row in found["policies"]]
    assert sum(name.startswith("MESS+") for name in names) == FINALISTS
    assert len(found["pairs"]) == len(names) * (len(names) - 1) // 2
