"""No plausible wrong number: repeats, decision logs, models without scores, what is called handled, own routers."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from messjax import traces
from messjax.cli.options import handled
from messjax.traces import Builder, Choices, CostRule, Recording, lint, prepare
from messjax.traces.parsing import Place
from messjax.traces.preparation import handles

FILE = Path("made.csv")
RECORDED = CostRule("recorded")


def made(score: np.ndarray, cost: np.ndarray | None = None) -> Recording:
    builder = Builder("made", FILE, cost_unit="USD")
    for n in range(len(score)):
        builder.request(str(n), f"question {n}", "g", Place(FILE, n + 2))
        for m in range(score.shape[1]):
            price = np.nan if cost is None else cost[n, m]
            builder.cell(n, builder.model(f"m{m}"), Place(FILE, n + 2), score=score[n, m], cost=price)
    return builder.build()


def table(path: Path, text: str, columns: str, **more: object) -> Recording:
    path.write_text(text)
    return traces.read(path, "plain", traces.Options(columns=traces.parse_columns(columns), **more))  # type: ignore[arg-type]


def test_repeats_are_averaged_and_never_dropped_in_silence(tmp_path):
    text = "q,i,m,s,c\nx,0,a,1,1\nx,0,a,0,3\nx,0,a,,\nx,0,b,1,2\ny,1,a,0,1\ny,1,b,1,2\n"
    recording = table(tmp_path / "t.csv", text, "prompt=q,id=i,model=m,score=s,cost=c")
    (found,) = [each for each in lint(recording) if each.check == "doubled cells"]
    assert (found.severity, found.times, found.option) == ("warning", 2, "--repeats mean")
    trace = prepare(recording, RECORDED, Choices(repeats="mean"))
    assert trace.satisfaction.tolist() == [[0.5, 1], [0, 1]] and trace.cost.tolist() == [[2, 2], [1, 2]]
    assert prepare(recording, RECORDED).satisfaction.tolist() == [[1, 1], [0, 1]]
    assert traces.select(recording, "a").repeat_means["score"].tolist() == [[0.5], [0]]


def test_a_model_without_a_score_is_left_out_by_name():
    score = np.array([[0, 1, np.nan], [1, 1, np.nan]])
    recording = made(score, np.array([[1.0, 2, np.nan]] * 2))
    trace = prepare(recording, RECORDED, Choices(missing="zero"))
    assert trace.models == ("m0", "m1") and "models without a score are left out: 'm2'" in trace.notes
    names = {finding.check: finding.message for finding in lint(recording)}
    assert names["models without a score"] == "left out: 'm2'" and "missing cells" not in names
    with pytest.raises(ValueError, match="has no score"):
        prepare(made(np.full((2, 2), np.nan), np.ones((2, 2))), RECORDED)


def test_a_decision_log_is_not_a_table():
    rng = np.random.default_rng(0)
    score = np.full((40, 3), np.nan)
    score[np.arange(40), rng.integers(3, size=40)] = rng.integers(2, size=40)
    recording = made(score, np.where(np.isnan(score), np.nan, 1.0))
    (found,) = [each for each in lint(recording) if each.check == "decision log"]
    assert found.severity == "error" and "m" in found.message
    for missing in ("fail", "drop", "zero"):
        with pytest.raises(ValueError, match="a decision log: each request has the score of the one model"):
            prepare(recording, RECORDED, Choices(missing=missing))
    for models, exclude in (("m0", ""), ("", "m1")):
        with pytest.raises(ValueError, match="keep a biased part"):
            traces.select(recording, models, exclude)
    score[:10] = 1.0  # a table with gaps
    assert prepare(made(score, np.ones_like(score)), RECORDED, Choices(missing="drop")).satisfaction.shape == (10, 3)


def test_zeros_in_the_place_of_scores_say_what_they_do():
    recording = made(np.array([[1.0, 1], [np.nan, 1]]), np.array([[1.0, 2], [np.nan, 2]]))
    notes = prepare(recording, RECORDED, Choices(missing="zero")).notes
    assert "missing: 1 cells score 0, of which 1 cost 0 (no call)" in notes
    assert "missing: this changes mean scores: m0 1.000 to 0.500" in notes


def test_what_is_called_handled_is_accepted_and_nothing_else_is():
    rng = np.random.default_rng(1)
    seen: set[tuple[bool, bool]] = set()
    for _ in range(120):
        shape = (int(rng.integers(1, 12)), int(rng.integers(1, 4)))
        score = rng.choice([0.0, 1, 0.5, 2, 10, -1, np.nan], shape, p=[0.3, 0.3, 0.2, 0.05, 0.05, 0.05, 0.05])
        cost = rng.choice([1.0, 2, 0, np.nan, -1, np.inf], shape, p=[0.4, 0.4, 0.1, 0.06, 0.02, 0.02])
        if rng.random() < 0.5:
            score = np.clip(score, 0, 1)
        if rng.random() < 0.5:
            score, cost = np.nan_to_num(score), np.abs(np.nan_to_num(cost, posinf=1.0))
        recording = made(score, cost)
        choices = Choices(
            missing=str(rng.choice(["fail", "drop", "zero"])),
            scores=str(rng.choice(["fail", "clip", "rescale=1:10", "rescale=-1:10", "threshold=.5"])),
        )
        args = argparse.Namespace(**choices._asdict(), on_bad="fail")
        findings = handled(lint(recording), args, handles(recording, recording.cost, choices))
        refused = any(finding.severity == "error" for finding in findings)
        try:
            prepare(recording, RECORDED, choices)
            accepted = True
        except ValueError:
            accepted = False
        if choices.scores.startswith("rescale") and not refused:
            continue  # an option that spoils good scores: `trace lint` ends with the error of `prepare`
        assert accepted is not refused, (score, cost, choices, findings)
        seen.add((accepted, any(finding.severity == "handled" for finding in findings)))
    assert seen == {(True, True), (True, False), (False, False), (False, True)}


def test_choices_and_scores_of_a_router_follow_the_models(tmp_path):
    text = (
        "q,i,m,s,c,mine,win\nx,0,Large,1,5,small,.25\nx,0,small,0,1,small,.25\ny,1,Large,1,5,large,\ny,1,small,1,1,,\n"
    )
    columns = "prompt=q,id=i,model=m,score=s,cost=c,choice:my router=mine,score_of:win=win"
    recording = table(tmp_path / "t.csv", text, columns)
    assert recording.choices["my router"].tolist() == [1, 0]
    trace = prepare(recording, RECORDED)
    assert trace.models == ("small", "Large") and trace.choices["my router"].tolist() == [0, 1]
    np.testing.assert_array_equal(trace.router_scores["win"], [0.25, np.nan])
    again = traces.read_parquet(traces.write_parquet(trace, tmp_path / "t.parquet"))
    assert again.choices["my router"].tolist() == [0, 1]
    np.testing.assert_array_equal(again.router_scores["win"], [0.25, np.nan])
    assert traces.select(recording, "Large").choices["my router"].tolist() == [-1, 0]
    with pytest.raises(
        ValueError, match="row 2.*: the router 'my router' chose 'tiny', expected one of 'Large', 'small'"
    ):
        table(tmp_path / "t.csv", text.replace("5,small", "5,tiny"), columns)
    unnamed = table(tmp_path / "t.csv", text, "prompt=q,id=i,model=m,score=s,cost=c,choice=mine")
    assert list(unnamed.choices) == ["mine"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2026-03-01T00:00:01Z", "2026-03-01T00:00:00+00:00", "2026-02-28"], [2, 1, 0]),
        (["1772323201", "1772323200000", "1772323199.5"], [2, 1, 0]),
        (["2026-03-01", "yesterday", "2026-03-01"], "row 3.*column 't': found 'yesterday', expected a time"),
        (["2026-03-01", "", "2026-03-01"], "found '', expected a time"),
    ],
)
def test_requests_in_the_order_of_their_time(cells, expected, tmp_path):
    text = "q,s,t\n" + "".join(f"x{n},{n / 4},{cell}\n" for n, cell in enumerate(cells))
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            table(tmp_path / "t.csv", text, "prompt=q,score:m=s,time=t")
        return
    recording = table(tmp_path / "t.csv", text, "prompt=q,score:m=s,time=t")
    assert list(recording.texts) == [f"x{n}" for n in expected]
    assert recording.score[:, 0].tolist() == [n / 4 for n in expected]
    assert recording.place(0) == f"{tmp_path / 't.csv'}, row {expected[0] + 2}"
    assert "order of time" in {finding.check for finding in recording.findings}


def test_alpaca_draws_of_weighted_judges_stay_as_they_are(tmp_path):
    import json

    for annotator, expected in (("alpaca_eval_gpt4", 1.5), ("weighted_alpaca_eval_gpt4_turbo", 0.0)):
        record = {"instruction": "q", "output_1": "a", "output_2": "b", "annotator": annotator, "preference": 0}
        (tmp_path / "annotations.json").write_text(json.dumps([record | {"generator_2": "m"}]))
        assert traces.read(tmp_path / "annotations.json", "alpaca_eval").score.tolist() == [[expected]]
