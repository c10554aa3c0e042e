"""LLMRouter routing data: every number, every error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.recordings import finding, lines, rows
from support.trace_samples import llmrouter

from messjax.traces import CostRule, prepare, read


def test_the_sample_is_read_number_by_number(tmp_path: Path) -> None:
    recording = read(llmrouter.write(tmp_path))
    assert recording.models == ("qwen-7b", "llama-70b")
    assert list(recording.ids) == ["gsm8k/0", "61"]
    assert list(recording.texts) == ["1 + 1?", "Who?\n模型"]
    assert list(recording.groups) == ["gsm8k", "mmlu"]
    assert rows(recording.score) == [[1.0, 1.0], [0.0, 0.5]]
    assert rows(recording.input_tokens) == [[20, 21], [8, 8]]
    assert rows(recording.output_tokens) == [[5, 10], [4, 2]]
    assert rows(recording.latency) == [[0.5, 2.5], [0.25, None]]
    assert recording.cost is None and not recording.findings
    assert recording.place(1).endswith("default_routing_train_data.jsonl, line 3")
    trace = prepare(recording, CostRule("tokens", {"qwen": (0.2,), "llama": (0.9,)}))
    np.testing.assert_allclose(trace.cost, np.array([[25 * 0.2, 31 * 0.9], [12 * 0.2, 10 * 0.9]]) / 1e6)


def test_tokens_that_contradict_each_other_are_left_out(tmp_path: Path) -> None:
    one = llmrouter.line("t", "q", "a", 1, token_num=5, prompt_tokens=9)
    two = llmrouter.line("t", "q", "b", 1, token_num=5)
    three = llmrouter.line("t", "q", "c", 1, token_num=5, output_tokens=2)
    four = llmrouter.line("t", "q", "d", 1)
    recording = read(lines(tmp_path / "f.jsonl", [one, two, three, four]))
    assert rows(recording.input_tokens) == [[None, None, 3, None]]
    assert rows(recording.output_tokens) == [[None, None, 2, None]]
    result = finding(recording, "token counts")
    assert (result.times, result.examples[0][-15:]) == (2, "f.jsonl, line 1")


def test_a_query_with_another_truth_is_another_request(tmp_path: Path) -> None:
    records = [llmrouter.line("t", "q", "a", 1, ground_truth=truth) for truth in ("x", "y", 3, None, ["x"], 3)]
    recording = read(lines(tmp_path / "f.jsonl", records))
    assert recording.score.shape == (4, 1) and finding(recording, "doubled cells").times == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": ""}, r"f\.jsonl, line 2, column 'query': the cell is empty"),
        ({"query": "a\0b"}, r"line 2, column 'query': found a NUL character"),
        ({"query": "\ud800"}, r"line 2, column 'query': found half of a surrogate pair"),
        ({"model_name": None}, r"line 2, column 'model_name': found None"),
        ({"performance": "x"}, r"line 2, column 'performance': found 'x'"),
        ({"performance": []}, r"line 2, column 'performance': found a list of 0"),
        ({"task_name": 1.5}, r"line 2, column 'task_name': found 1.5"),
        ({"response_time": "slow"}, r"line 2, column 'response_time': found 'slow'"),
        ({"token_num": True}, r"line 2, column 'token_num': found True"),
        ({"embedding_id": 1.5}, r"line 2, column 'embedding_id': found 1.5"),
    ],
)
def test_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = lines(tmp_path / "f.jsonl", [llmrouter.LINES[0], {**llmrouter.LINES[1], **change}])
    with pytest.raises(ValueError, match=message):
        read(path)


def test_a_field_that_is_missing(tmp_path: Path) -> None:
    for name in ("query", "model_name", "performance"):
        record = {key: value for key, value in llmrouter.LINES[0].items() if key != name}
        with pytest.raises(ValueError, match=rf"line 1: found fields .* expected one named '{name}'"):
            read(lines(tmp_path / "f.jsonl", [record]), "llmrouter")
    record.pop("task_name")
    path = lines(tmp_path / "g.jsonl", [{**record, "performance": 1}])
    assert list(read(path, "llmrouter").groups) == ["g"]
