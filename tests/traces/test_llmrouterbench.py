"""LLMRouterBench results: every number, every error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.recordings import finding, rows
from support.trace_samples import llmrouterbench

from messjax.traces import Choices, parse_rule, prepare, read


def test_the_sample_is_read_number_by_number(tmp_path: Path) -> None:
    recording = read(llmrouterbench.write(tmp_path))
    assert recording.models == ("Qwen3-8B", "gpt-5")
    assert list(recording.ids) == ["aime/test/1", "aime/test/2"]
    assert list(recording.texts) == ['2 + 2 = "?"\n', "模型?"]
    assert list(recording.groups) == ["aime", "aime"]
    assert rows(recording.score) == [[0.0, 1.0], [1.0, None]]
    assert rows(recording.cost) == [[0.0, 0.003], [0.0, 0.004]]
    assert rows(recording.input_tokens) == [[10, 15], [11, 16]]
    assert rows(recording.output_tokens) == [[5, 300], [5, 310]]
    assert (recording.cost_unit, recording.place(1)[-8:]) == ("USD", "record 2")
    older, demo, free = (finding(recording, name) for name in ("older runs", "demo runs", "calls that cost 0"))
    assert (older.times, older.examples) == (1, ("aime-test-Qwen3-8B-20250101_090000.json",))
    assert (demo.times, demo.examples) == (1, ("aime-test-Qwen3-8B-20250103_090000.json",))
    assert (free.times, free.option, len(recording.findings)) == (2, "--cost", 3)
    trace = prepare(recording, parse_rule("tokens", "qwen=1,gpt=2/10", "", "", recording), Choices(missing="zero"))
    np.testing.assert_allclose(trace.cost[0], [15e-6, (2 * 15 + 10 * 300) / 1e6])


def test_names_from_folders_and_demos_for_want_of_others(tmp_path: Path) -> None:
    document = llmrouterbench.document("m", [llmrouterbench.record(1, "", 1.0, None, None, None)], demo=True)
    for name in ("model_name", "dataset_name", "split"):
        document.pop(name)
    path = tmp_path / "mbpp" / "val" / "tiny" / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    recording = read(tmp_path)
    assert (recording.models, list(recording.ids), list(recording.groups)) == (("tiny",), ["mbpp/val/1"], ["mbpp"])
    assert list(recording.texts) == ["Question: \nAnswer:"]  # the query is empty
    assert recording.cost is recording.output_tokens is None and recording.cost_unit == ""
    assert finding(recording, "only demo runs").times == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"index": None}, r"f\.json, record 1, column 'index': found None, expected a text"),
        ({"origin_query": 3.5}, r"record 1, column 'origin_query': found 3.5, expected a text"),
        ({"score": "wrong"}, r"record 1, column 'score': found 'wrong', expected a number or True, False"),
        ({"cost": 1e300}, r"record 1, column 'cost': found 1e\+300, expected a finite number"),
        ({"prompt_tokens": [1]}, r"record 1, column 'prompt_tokens': found a list of 1, expected a number"),
        ({"completion_tokens": {}}, r"column 'completion_tokens': found a record of 0"),
    ],
)
def test_errors_of_a_record(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    record = {**llmrouterbench.record(1, "q", 1.0, 1, 1, 0.1), **change}
    path = tmp_path / "f.json"
    path.write_text(json.dumps(llmrouterbench.document("m", [record])))
    with pytest.raises(ValueError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"records": []}', "has an empty list"),
        ('{"records": {}}', "found a record of 0, expected a list of records"),
        ('{"records": [3]}', "record 1: found 3, expected a record"),
        ('{"model_name": 1.5, "records": [{}]}', "column 'model_name': found 1.5"),
        ('{"records": [{"index": 1}]}', "found fields 'index', expected one named 'prompt'"),
        ('{"records": [{"index": 1, "prompt": "q"}]}', "expected one named 'score'"),
        ('{"records": [{"index": 1, "index": 2}]}', "found the key 'index' twice"),
        ('{"records": [{"index": 1', "found broken JSON"),
        ('{"counts": 1}', "expected one named 'records'"),
    ],
)
def test_errors_of_a_file(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "f.json").write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path / "f.json", "llmrouterbench")
    assert str(tmp_path / "f.json") in str(caught.value)
