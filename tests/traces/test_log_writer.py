"""Runs as decision logs, as files, and read again: exact propensities, eligible models, and what is not known."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import messjax as mj
from messjax.cli import __main__ as cli
from messjax.engine.decision_log import served_rows
from messjax.evaluation.ope.judgement import among
from messjax.traces.logs.log_columns import columns_by_name, parse_log_columns
from messjax.traces.logs.log_lint import lint_log
from messjax.traces.logs.log_reader import read_log
from messjax.traces.logs.log_writer import SUFFIXES, write_log

N, KEY, MODELS = 60, jax.random.key(2), ("small, or 1.5", "large")


@pytest.fixture(scope="module")
def run():
    """A uniform policy on a trace whose large model comes with request 21; 70% of the requests have feedback."""
    x = np.random.default_rng(0).normal(size=(N, 2))
    score = (np.random.default_rng(1).random((N, 2)) < [0.5, 0.8]).astype(float)
    replay = mj.streams.replay(x, score, np.tile([1.0, 4.0], (N, 1)))
    log = mj.engine.logged_run(
        KEY, mj.Controls(alpha=0.6, f=0.7), policy=mj.policies.uniform(), horizon=N, feedback=mj.feedback.sparse,
        stream=mj.streams.with_availability(replay, [1, 21]), models=MODELS, cost_unit="USD",
    )  # fmt: skip
    return log, replay, x, score


def test_a_log_is_what_the_run_did(run):
    log, replay, x, score = run
    rows = served_rows(KEY, replay, log)
    assert sorted(rows) == list(range(N)) and (rows != np.arange(N)).any()
    np.testing.assert_allclose(log.features, x[rows], rtol=1e-6)
    assert (log.eligible == np.column_stack([np.ones(N), np.arange(N) >= 20])).all()
    np.testing.assert_allclose(log.propensity, log.eligible / log.eligible.sum(axis=1, keepdims=True))
    assert (log.action[:20] == 0).all() and set(log.action[20:]) == {0, 1}
    seen = log.observed
    assert 0.4 < seen.mean() < 0.95
    np.testing.assert_array_equal(log.score[seen], score[rows, log.action][seen])
    np.testing.assert_array_equal(log.cost, np.array([1.0, 4.0])[log.action])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_written_log_is_read_again(suffix, run, tmp_path):
    log = run[0]._replace(texts=mj.traces.texts.Texts.of([f'line "{n}"\nand, another' for n in range(N)]))
    again = read_log(write_log(log, tmp_path / f"log{suffix}"))
    assert again.models == log.models and again.cost_unit == "USD" and again.method == "exact"
    assert list(again.texts) == list(log.texts) and list(again.ids) == list(log.ids)
    for name in ("action", "score", "cost", "propensity", "known_cost", "eligible", "features"):
        np.testing.assert_array_equal(getattr(again, name), getattr(log, name), err_msg=name)
    assert again.feature_names == log.feature_names


def test_only_three_kinds_of_files_are_written(run, tmp_path):
    with pytest.raises(ValueError, match=r"found 'log.xlsx', expected a name that ends with .csv, .jsonl, .parquet"):
        write_log(run[0], tmp_path / "log.xlsx")


def test_a_policy_that_does_not_know_its_propensities(tmp_path):
    stream = mj.streams.replay(np.ones((N, 1)), np.ones((N, 2)), np.tile([1.0, 4.0], (N, 1)))
    policy = mj.policies.lin_thompson(1, 2)
    log = mj.engine.logged_run(KEY, mj.Controls(alpha=0.6), policy=policy, stream=stream, horizon=N, models=MODELS)
    assert log.propensity is None and log.method == "unknown"
    again = read_log(write_log(log, tmp_path / "log.csv"))
    assert again.propensity is None and "no propensities" in {each.check for each in lint_log(again)}


def test_columns_that_say_what_they_hold():
    columns = columns_by_name(["model", "score", "propensity:a.b", "cost:a.b", "feature:len", "other", "cost_unit"])
    assert columns.by_model == {("propensity", "a.b"): "propensity:a.b", ("cost", "a.b"): "cost:a.b"}
    assert columns.features == {"len": "feature:len"} and set(columns.roles) == {"model", "score", "cost_unit"}
    assert columns_by_name(["model", "score", "cost"]) is None  # a plain table: its columns have to be named


def test_eligible_models(tmp_path):
    """Without the propensities of all models they say what the mean of 1 / propensity should be."""
    rng, lines = np.random.default_rng(0), ["m,s,c,p,e"]
    for n in range(400):
        models = ["a", "b"] if n % 2 else ["a", "b", "c"]
        chosen = models[rng.integers(len(models))] if n else "d"
        lines.append(f"{chosen},{n % 3 > 0},1,{1 / len(models)},{'|'.join(models)}")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    log = read_log(tmp_path / "log.csv", "auto", parse_log_columns("model=m,score=s,cost=c,propensity=p,eligible=e"))
    assert log.method == "of the chosen model"
    names = [{log.models[m] for m in np.flatnonzero(row)} for row in log.eligible]
    assert names[0] == {"a", "b", "c", "d"} and names[1] == {"a", "b"} and names[2] == {"a", "b", "c"}
    checks = {each.check for each in lint_log(log)}
    assert {"choice not eligible", "propensities fit the choices"} <= checks
    halved = log._replace(propensity=log.propensity / 2)
    assert "propensities do not fit the choices" in {each.check for each in lint_log(halved)}
    policy = among(np.tile([0.0, 0.5, 0.25, 0.25], (3, 1)), np.array([[1, 1, 0, 0], [1, 0, 1, 1], [1, 0, 0, 0]], bool))
    np.testing.assert_allclose(policy, [[0, 1, 0, 0], [0, 0, 0.5, 0.5], [1, 0, 0, 0]])


@pytest.mark.long
def test_the_command(tmp_path, capsys):
    rng, lines = np.random.default_rng(0), ["prompt,model,score,cost"]
    for n in range(170):
        for model, rate, cost in (("small", 0.5, 1.0), ("large", 0.8, 4.0)):
            lines.append(f"question {n},{model},{int(rng.random() < rate)},{cost}")
    (tmp_path / "trace.csv").write_text("\n".join(lines) + "\n")
    out, log = str(tmp_path / "out"), tmp_path / "log.parquet"
    command = ["replay", str(tmp_path / "trace.csv"), "--alpha", "0.6", "--seeds", "2", "--held-out", "0"]
    given = [*command, "--columns", "prompt=prompt,model=model,score=score,cost=cost", "--out", out, "--log", str(log)]
    assert cli.main([*given, "--log-policy", "uniform random"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "170 decisions of uniform random" in text and "could have been chosen on 100.0%" in text
    assert f"messjax evaluate {log} --alpha 0.6" in text
    assert cli.main(["evaluate", str(log), "--alpha", "0.6", "--out", str(tmp_path / "e")]) == 0
    assert "the mean of 1 / propensity is 2.000" in " ".join(capsys.readouterr().out.split())
    assert cli.main([*given, "--log-policy", "nobody", "--fresh"]) != 0
    assert "expected one of MESS+" in capsys.readouterr().err
