"""Estimates from logs that were made of traces, where the truth is known: bias, coverage, and what cannot be known."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from messjax import traces
from messjax.cli import __main__ as cli
from messjax.evaluation.ope import (
    ESTIMATORS,
    NotIdentifiableError,
    cross_fitted,
    limits_of,
    no_assumption_bounds,
    support_of,
    terms_of,
)
from messjax.evaluation.ope.estimators import Terms
from messjax.evaluation.ope.judgement import judge_policies
from messjax.evaluation.ope.judging import Settings
from messjax.statistics import confidence_sequences
from messjax.traces import Trace
from messjax.traces.logs.made_from_traces import log_of

N, RUNS = 300, 300


def trace_of(num: int = N) -> tuple[Trace, np.ndarray]:
    """A trace of three models whose answers depend on two features, and these."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(num, 2))
    mean = 1 / (1 + np.exp(-np.array([-0.4, 0.6, 1.4]) - x @ np.array([[1.5, 0.5, 0.0], [0.0, -1.0, 0.3]])))
    score = (rng.random((num, 3)) < mean).astype(float)
    cost = np.array([1.0, 3.0, 8.0]) * rng.uniform(0.5, 1.5, (num, 3))
    names = tuple(f"m{m}" for m in range(3))
    prompts = [f"p{n}" for n in range(num)]
    return Trace(names, prompts, ["g"] * num, score, cost, "USD", "world", ids=prompts), x


def routers(x: np.ndarray) -> dict[str, np.ndarray]:
    """Routers of a log: uniform, epsilon-greedy, softmax."""
    logits = x @ np.array([[1.0, 0.0, -1.0], [0.0, 0.5, 0.5]])
    soft = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    greedy = np.eye(3)[logits.argmax(axis=1)]
    return {"uniform": np.full_like(soft, 1 / 3), "greedy": 0.7 * greedy + 0.1, "softmax": 0.9 * soft + 0.1 / 3}


def policy_of(x: np.ndarray) -> np.ndarray:
    return 0.9 * np.eye(3)[np.where(x[:, 0] > 0, 0, 2)] + 0.1 / 3


@pytest.mark.parametrize(("router", "observed"), [("uniform", 1.0), ("greedy", 0.6), ("softmax", 1.0)])
def test_estimates_are_unbiased(router, observed):
    trace, x = trace_of()
    mu, policy = routers(x)[router], policy_of(x)
    truth = float((policy * trace.satisfaction).sum(axis=1).mean())
    found = {name: [] for name in ESTIMATORS}
    for seed in range(RUNS // 3):
        log = log_of(trace, mu, seed=seed, observed=observed)
        q = cross_fitted(x, log.action, log.score, 3, low=0.0, high=1.0, seed=seed)
        for name in ESTIMATORS:
            found[name].append(terms_of(log, policy, log.score, estimator=name, model=q, switch=5.0).value)
    for name in ("ips", "snips", "dr"):
        error = np.std(found[name]) / np.sqrt(len(found[name]))
        assert abs(np.mean(found[name]) - truth) < 4 * error + (0.005 if name == "snips" else 0.0), name
    assert np.std(found["dr"]) < np.std(found["ips"])
    assert np.std(found["snips"]) < np.std(found["ips"])


def test_a_wrong_model_of_the_outcomes_spoils_dm_and_not_dr():
    trace, x = trace_of()
    mu, policy, wrong = routers(x)["greedy"], policy_of(x), np.full((N, 3), 0.2)
    truth = float((policy * trace.satisfaction).sum(axis=1).mean())
    logs = [log_of(trace, mu, seed=seed) for seed in range(100)]
    dr = [terms_of(log, policy, log.score, estimator="dr", model=wrong).value for log in logs]
    assert abs(np.mean(dr) - truth) < 4 * np.std(dr) / np.sqrt(len(dr))
    assert abs(terms_of(logs[0], policy, logs[0].score, estimator="dm", model=wrong).value - truth) > 0.2


def test_intervals_cover():
    """Requests are drawn anew in each run: the truth is that of their distribution, 20,000 of them."""
    trace, x = trace_of(20_000)
    mu, policy = routers(x)["greedy"], policy_of(x)
    truth = float((policy * trace.satisfaction).sum(axis=1).mean())
    whole, rng, terms = log_of(trace, mu, seed=1), np.random.default_rng(2), []
    each = terms_of(whole, policy, whole.score, estimator="ips")
    for _ in range(RUNS):
        terms.append(each.each[rng.choice(20_000, N, replace=True)])
    truth = each.value  # of this log, from which the requests are drawn
    for kind, least in (("t", 0.95 - 4 * np.sqrt(0.05 * 0.95 / RUNS)), ("bernstein", 0.95)):
        limits = [limits_of(Terms(one, each.low, each.high), kind=kind) for one in terms]
        assert np.mean([one.lower <= truth <= one.upper for one in limits]) >= least, kind
    sequence = confidence_sequences.betting(np.array(terms), each.low, each.high, 0.95, grid=100)
    assert ((sequence.lower <= truth) & (truth <= sequence.upper)).all(axis=-1).mean() >= 0.95
    kinds = {kind: limits_of(Terms(terms[0], each.low, each.high), kind=kind) for kind in ("t", "bernstein", "betting")}
    assert kinds["t"].half < kinds["betting"].half < kinds["bernstein"].half
    drift = Terms(np.repeat([0.0, 1.0], 1000), 0.0, 1.0)
    with pytest.raises(ValueError, match="found no mean that fits all requests"):
        limits_of(drift, kind="betting")
    of_drift = limits_of(drift, kind="bernstein")
    assert of_drift.lower < 0.5 < of_drift.upper


def test_what_a_log_cannot_tell():
    trace, x = trace_of()
    mu = np.zeros((N, 3))
    mu[:, 0] = 1.0
    log, only_last = log_of(trace, mu, seed=0), np.tile([0.0, 0.0, 1.0], (N, 1))
    with pytest.raises(NotIdentifiableError, match=r"on all of the requests it chooses a model \('m2'\)"):
        terms_of(log, only_last, log.score, estimator="ips")
    mu[: N // 2] = 1 / 3
    half = log_of(trace, mu, seed=0)
    with pytest.raises(NotIdentifiableError, match="on 50.0% of the requests"):
        terms_of(half, only_last, half.score, estimator="ips")
    blind = half._replace(propensity=None, method="unknown")
    with pytest.raises(NotIdentifiableError, match="has no propensities"):
        support_of(blind, only_last)
    low, high = no_assumption_bounds(blind, only_last, blind.score)
    assert low <= trace.satisfaction[:, 2].mean() <= high and high - low == pytest.approx((half.action != 2).mean())
    uniform = log_of(trace, np.full(3, 1 / 3), seed=1)
    support = support_of(uniform, policy_of(x))
    assert support.inverse == pytest.approx(3.0) and support.uncovered == 0.0 and support.most == pytest.approx(2.8)


def test_policies_are_judged_and_the_best_one_is_kept():
    trace, x = trace_of(6000)
    log = log_of(trace, np.array([0.1, 0.1, 0.8]), seed=3, features=x)
    alpha = float(trace.satisfaction[:, 1].mean()) - 0.05
    result = judge_policies(log, x, Settings(alpha))
    rows = {row.name: row for row in result.rows}
    assert (result.logged, result.trained, result.judged) == (6000, 1800, 4200)
    rest = slice(1800, 6000)
    for m, name in enumerate(trace.models):
        of = rows[f"only {name}"]
        assert of.cost.lower <= trace.cost[rest, m].mean() <= of.cost.upper
        assert of.satisfaction.lower <= trace.satisfaction[rest, m].mean() <= of.satisfaction.upper
    assert rows["only m1"].verdict == "keep" and rows["only m0"].verdict == "kill"
    assert rows["only m2"].verdict == "kill"  # costs more than what the log's router did
    (router,) = [row for name, row in rows.items() if name.startswith("router")]
    assert router.verdict == "keep" and router.cost.value < rows["only m1"].cost.value
    # the curve over Q/V is measured on the same requests: it goes through the router's point
    away = np.abs(result.ratios[:, 1:] - [router.cost.value, router.satisfaction.value]).max(axis=1)
    assert away.min() < 1e-12 and len(result.ratios) > 100


def test_a_trace_is_named_as_what_it_is(tmp_path, capsys):
    traces.write_parquet(trace_of(50)[0], tmp_path / "demo.parquet")
    assert cli.main(["evaluate", str(tmp_path / "demo.parquet"), "--alpha", "0.7", "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "found a trace" in said and f"`messjax recommend {tmp_path / 'demo.parquet'} --alpha" in said
    assert said.count("\n") == 1


def test_the_command(tmp_path, capsys):
    trace, x = trace_of(600)
    log = log_of(trace, np.array([0.2, 0.2, 0.6]), seed=3)
    with open(tmp_path / "log.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ts", "prompt", "model", "score", "usd", "p", "x0", "x1"])
        for n, a in enumerate(log.action):
            row = [n, log.texts[n], log.models[a], log.score[n], log.cost[n], log.chosen_propensity[n], *x[n]]
            writer.writerow(row)
    columns = "time=ts,prompt=prompt,model=model,score=score,cost=usd,cost_unit=USD"
    command = ["--no-cache", "evaluate", str(tmp_path / "log.csv"), "--alpha", "0.6", "--out", str(tmp_path / "out")]
    given = f"{columns},propensity=p,feature:a=x0,feature:b=x1"
    assert cli.main([*command, "--columns", given]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "600 requests logged; policies were made on the first 180 and are judged on the 420" in text
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert found["propensities"] == "of the chosen model" and len(found["policies"]) == 7
    with open(tmp_path / "out" / "evaluation.csv", newline="") as file:
        assert [row["policy"] for row in csv.DictReader(file)] == [row["policy"] for row in found["policies"]]
    assert cli.main([*command, "--columns", columns, "--fresh"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "warning: no propensities: without the probabilities of the choices nothing is identified" in text
    assert "keep" not in text.split("verdict")[1].split("lie within")[0]
