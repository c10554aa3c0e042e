"""AlpacaEval annotations: every number, every error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.recordings import finding, rows
from support.trace_samples import alpaca_eval

from messjax.traces import Choices, detect, parse_rule, prepare, read


def test_the_sample_is_read_number_by_number(tmp_path: Path) -> None:
    recording = read(alpaca_eval.write(tmp_path))
    assert recording.models == ("Chat-1B", "Chat-8B")
    assert list(recording.ids) == ["koala/0", "koala/1"]
    assert list(recording.texts) == ['Say "hi"\n', "模型?"]
    assert list(recording.groups) == ["koala", "koala"]
    assert rows(recording.score) == [[1.0000012, 1.75], [None, 2.0]]
    assert rows(recording.output_tokens) == [[3, 1], [0, 2]]
    assert (recording.token_unit, recording.score_range, recording.cost) == ("word", (1.0, 2.0), None)
    assert not recording.findings
    rule = parse_rule("parameters", "", "1B=1,8B=8", "", recording)
    trace = prepare(recording, rule, Choices(missing="drop", scores="rescale"))
    np.testing.assert_allclose(trace.satisfaction, [[0.0000012, 0.75]])
    assert (trace.cost.tolist(), trace.cost_unit) == ([[3.0, 8.0]], "1e9 parameters x output words")
    with pytest.raises(ValueError, match="answers are counted in words, expected tokens"):
        prepare(recording, parse_rule("tokens", "1B=1,8B=8", "", "", recording))


def test_beside_other_files_and_judges(tmp_path: Path) -> None:
    """The publisher's layout: a model's outputs, and a folder per judge."""
    for judge in ("first", "second"):
        record = alpaca_eval.record("q", "m", "a b", 2.0 if judge == "first" else 1.0, annotator=judge)
        alpaca_eval.put(tmp_path / "m", judge, [record])
    (tmp_path / "m" / "a_model_outputs.json").write_text('[{"instruction": "q", "output": "a", "generator": "m"}]')
    assert detect(tmp_path).name == "alpaca_eval"
    recording = read(tmp_path)
    assert rows(recording.score) == [[2.0]]
    assert finding(recording, "files left out").examples == ("a_model_outputs.json",)
    judges, doubled = finding(recording, "several judges"), finding(recording, "doubled cells")
    assert (judges.times, "'first', 'second'" in judges.message) == (1, True)
    assert (doubled.times, "1 with another score" in doubled.message) == (1, True)


def test_fields_that_may_be_missing(tmp_path: Path) -> None:
    record = {"instruction": "q", "output_1": "a", "output_2": None, "preference": 1}
    path = alpaca_eval.put(tmp_path, "model", [record])
    recording = read(path)
    assert (recording.models, list(recording.groups)) == (("model",), ["alpaca_eval"])
    assert rows(recording.score) == [[1.0]] and recording.output_tokens is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instruction": ""}, r"record 1, column 'instruction': the cell is empty"),
        ({"preference": "model"}, r"record 1, column 'preference': found 'model', expected a number"),
        ({"preference": True}, r"record 1, column 'preference': found True, expected a number"),
        ({"output_2": ["a"]}, r"record 1, column 'output_2': found a list of 1"),
        ({"generator_2": 1.5}, r"record 1, column 'generator_2': found 1.5"),
        ({"dataset": {}}, r"record 1, column 'dataset': found a record of 0"),
        ({"annotator": []}, r"record 1, column 'annotator': found a list of 0"),
    ],
)
def test_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = alpaca_eval.put(tmp_path, "m", [alpaca_eval.record("q", "m", "a", 1.5, **{}) | change])
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path)
    assert str(path) in str(caught.value)
    for name in ("instruction", "preference"):
        alpaca_eval.put(tmp_path, "m", [{"output_2": "a"} | ({"instruction": "q"} if name == "preference" else {})])
        with pytest.raises(ValueError, match=rf"record 1: found fields .* expected one named '{name}'"):
            read(tmp_path, "alpaca_eval")


def test_recorded_alpaca_eval(traces: Path) -> None:
    folder = traces / "alpaca_eval"
    if not folder.is_dir():
        pytest.skip(f"no alpaca_eval in {traces}")
    assert detect(folder).name == "alpaca_eval"
    recording = read(folder)
    assert recording.score.shape == (805, 3) and not recording.findings
    rule = parse_rule("parameters", "", "1B=1,3B=3,8B=8", "", recording)
    trace = prepare(recording, rule, Choices(scores="threshold=1.5"))
    assert [model[-11:-9] for model in trace.models] == ["1B", "3B", "8B"]
    np.testing.assert_array_equal(trace.satisfaction.mean(axis=0).round(3), [0.289, 0.527, 0.643])
    np.testing.assert_allclose(trace.cost.mean(axis=0).round(1), [321.6, 842.3, 2360.3])
    assert len(set(trace.groups)) == 5
