"""Two judges of the same requests: how their traces are matched, and that one is heard while the other counts."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest

from messjax import feedback, policies, results, streams, sweep, traces
from messjax.cli.__main__ import main
from messjax.traces import Trace
from messjax.types import Controls

N, MODELS = 40, ("small", "middle", "large")
RNG = np.random.default_rng(3)
TRUTH = RNG.uniform(size=(N, 3))
SCORES = np.clip(TRUTH + 0.1 * RNG.normal(size=(N, 3)) - 0.2, 0, 1)
COST = np.tile([1.0, 2.0, 4.0], (N, 1))


def trace(scores=TRUTH, rows=range(N), models=(0, 1, 2), source="one.jsonl", prompts=None, ids=()):
    rows, models = list(rows), list(models)
    texts = [f"question {n}" for n in rows] if prompts is None else prompts
    table = scores[rows][:, models]
    return Trace(
        tuple(MODELS[m] for m in models), texts, ["all"] * len(rows), table, COST[rows][:, models], "USD", source, ids
    )


def test_requests_are_matched_by_prompt_and_models_by_name_whatever_their_order():
    order = RNG.permutation(N)
    other = trace(SCORES, order, (2, 0, 1), "other.jsonl")
    judged = traces.with_judge(trace(rows=range(30)), other)
    assert np.array_equal(judged.judged, SCORES[:30]) and np.array_equal(judged.satisfaction, TRUTH[:30])
    assert f"differ by {np.abs(SCORES - TRUTH)[:30].mean():.3f}" in judged.notes[-1]
    assert judged.provenance["judge"] == "other.jsonl"
    assert np.array_equal(traces.rows_of(judged, np.array([7, 3])).judged, SCORES[[7, 3]])
    dear = judged._replace(cost=judged.cost[:, ::-1])
    assert np.array_equal(traces.order_by_cost(dear).judged, SCORES[:30, ::-1])


def test_a_prompt_that_occurs_twice_is_matched_by_its_id():
    texts, ids = ["again", "again", "once"], ("a", "b", "c")
    one, other = trace(rows=range(3), prompts=texts, ids=ids), trace(SCORES, (1, 2, 0), source="other.jsonl")
    other = other._replace(prompts=["again", "once", "again"], ids=("b", "z", "a"))
    assert np.array_equal(traces.with_judge(one, other).judged, SCORES[:3])
    with pytest.raises(ValueError, match="request 1 of 'one.jsonl' has the prompt and the id of an earlier one"):
        traces.with_judge(one._replace(ids=()), other)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: trace(SCORES, range(3, N)), "no scores of 3 of 40 requests .* the first is request 0: 'question 0'"),
        (lambda: trace(SCORES, models=(0, 2)), "no scores of model 'middle'"),
    ],
)
def test_what_the_judge_has_not_scored_is_named(other, named):
    with pytest.raises(ValueError, match=named):
        traces.with_judge(trace(), other())


def test_a_judged_trace_is_kept_by_parquet(tmp_path):
    judged = traces.with_judge(trace(), trace(SCORES))
    assert np.array_equal(traces.read_parquet(traces.write_parquet(judged, tmp_path / "j.parquet")).judged, SCORES)
    with pytest.raises(ValueError, match="judged is 1.5, expected a number in"):
        traces.check_trace(judged._replace(judged=np.full((N, 3), 1.5)))


X = RNG.normal(size=(N, 2))
ONE = streams.replay(X, TRUTH, COST)
BOTH = streams.with_judge(ONE, streams.replay(X, SCORES, COST))
HEARD = {"always middle": policies.single(1), "primal-dual": policies.primal_dual(3, optimism=0.3)}


def runs(stream, heard, policy=HEARD):
    return sweep(
        jax.random.key(0), Controls(V=0.3, alpha=0.5), policy=policy, stream=stream, horizon=N, num_streams=3,
        feedback=heard,
    )  # fmt: skip


def test_policies_hear_the_second_judge_and_meters_record_the_first():
    found = runs(BOTH, feedback.second_judge)
    assert np.allclose(found["satisfaction"].sel(policy="always middle"), TRUTH[:, 1].mean(), atol=1e-5)
    assert found.attrs["feedback_kind"] == "second_judge"
    # Queue and decisions are those of a replay of the judge's own scores, and not those of the truth.
    alone, true = runs(streams.replay(X, SCORES, COST), feedback.sparse), runs(ONE, feedback.sparse)
    for name in ("queue_last", "cost"):
        assert np.array_equal(found[name], alone[name]) and not np.array_equal(found[name], true[name])


def test_without_its_feedback_a_second_judge_changes_nothing():
    for name in ("satisfaction", "cost", "queue_last"):
        assert np.array_equal(runs(BOTH, feedback.sparse)[name], runs(ONE, feedback.sparse)[name])


def test_a_second_judge_must_be_there_and_of_the_same_requests():
    with pytest.raises(ValueError, match="found a stream without a second judge, expected one of streams.with_judge"):
        runs(ONE, feedback.second_judge)
    with pytest.raises(ValueError, match="found a judge of length 30.* expected the stream's length 40"):
        streams.with_judge(ONE, streams.replay(X[:30], SCORES[:30], COST[:30]))
    with pytest.raises(ValueError, match="part 1 has no Request.judged"):
        streams.chain((BOTH, 10), (ONE, 10))


def written(folder, name, scores, rows):
    lines = [
        json.dumps({
            "prompt": f"question {n}", "source": "made up",
            "arms": {m: {"reward": s, "cost": c} for m, s, c in zip(MODELS, scores[n], COST[n], strict=True)},
        })
        for n in rows
    ]  # fmt: skip
    (folder / name).write_text("\n".join(lines) + "\n")
    return str(folder / name)


@pytest.mark.long  # compiles a replay
def test_the_command_replays_one_judge_and_measures_by_the_other(tmp_path, capsys):
    one, other = (
        written(tmp_path, "one.jsonl", TRUTH, range(N)),
        written(tmp_path, "other.jsonl", SCORES, range(N)[::-1]),
    )
    words = ["replay", one, "--judge", other, "--alpha", "0.6", "--seeds", "2", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert "note: judge: other.jsonl scores the same 40 requests" in capsys.readouterr().out
    dataset = results.load(tmp_path / "out" / "replay.nc")
    assert dataset.attrs["feedback_kind"] == "second_judge" and dataset.attrs["trace_judge"] == "other.jsonl"
    assert np.allclose(dataset["satisfaction"].sel(policy="only middle"), TRUTH[:, 1].mean(), atol=1e-5)


def test_a_judge_of_other_requests_is_one_clear_line(tmp_path, capsys):
    one, other = written(tmp_path, "one.jsonl", TRUTH, range(N)), written(tmp_path, "other.jsonl", SCORES, range(2, N))
    for words in (["replay", one, "--alpha", "0.6"], ["bench", one]):
        assert main([*words, "--judge", other, "--out", str(tmp_path / words[0])]) == 2
        error = capsys.readouterr().err
        assert "judge 'other.jsonl': found no scores of 2 of 40 requests" in error and error.count("\n") == 1
