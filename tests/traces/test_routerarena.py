"""RouterArena's cached results: joined by index, runs chosen as the publisher does, prices from cost.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.trace_samples import routerarena as sample

from messjax.traces import Choices, CostRule, detect, parse_rule, prepare, read


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_the_sample_is_read_number_by_number(tmp_path):
    path = sample.write(tmp_path)
    assert detect(path).name == detect(path / "mini-1.jsonl").name == "routerarena"
    recording = read(path)
    assert recording.models == sample.MODELS  # the second one as price lists call it, not as its file
    assert tuple(recording.texts) == sample.TEXTS
    assert tuple(recording.groups) == sample.GROUPS
    assert tuple(recording.ids) == sample.IDS
    np.testing.assert_array_equal(recording.score, sample.SCORE)
    np.testing.assert_array_equal(recording.cost, sample.COST)
    np.testing.assert_array_equal(recording.input_tokens, sample.INPUT)
    np.testing.assert_array_equal(recording.output_tokens, sample.OUTPUT)
    assert recording.cost_unit == "USD" and recording.token_unit == "token"
    assert recording.place(1).endswith("mini-1.jsonl, line 2")
    failed, unscored = recording.findings
    assert (failed.check, failed.times, unscored.check, unscored.times) == ("failed calls", 1, "not evaluated", 1)
    assert "org_Big-2.jsonl, line 3: 'plain'" in failed.examples[0] and "503" in failed.examples[0]
    assert unscored.option == "--missing drop|zero"


def test_costs_by_the_price_list_beside_the_results_or_above_them(tmp_path):
    path = sample.write(tmp_path)
    recording = read(path)
    for place in (path / "cost.json", tmp_path / "cost.json"):
        if not place.exists():
            shutil.move(path / "cost.json", place)
        trace = prepare(recording, parse_rule("tokens", str(place), "", "", recording), Choices("drop", "clip"))
        assert trace.models == ("mini-1", "org/Big-2")
        np.testing.assert_allclose(trace.cost[0], [(349 * 0.1 + 120 * 0.4) / 1e6, (351 * 2 + 1000 * 8) / 1e6])


def test_a_file_of_one_model_is_a_trace(tmp_path):
    recording = read(sample.write(tmp_path) / "mini-1.jsonl")
    assert recording.models == ("mini-1",) and recording.findings == ()
    assert recording.place(0).endswith("mini-1.jsonl, line 1")


def test_of_several_runs_the_publishers_choice_stays(tmp_path):
    def run(n: int, score: float, **fields: Any) -> dict[str, Any]:
        record = sample.record(0, n, **fields)
        return record | {"evaluation_result": record["evaluation_result"] | {"score": score}}

    path = write(
        tmp_path / "m.jsonl",
        run(0, 0.1, run_number=2),
        run(0, 0.2, run_number=1),  # the first run counts, wherever it stands
        run(1, 0.3, run_number=2, success=False),
        run(1, 0.4, run_number=3),  # without a first run one that succeeded
        run(3, 0.5, run_number=1, success=False),
        run(3, 0.6, run_number=2),
    )
    recording = read(path)
    np.testing.assert_array_equal(recording.score[:, 0], [0.2, 0.4, 0.5])
    assert [(result.check, result.times) for result in recording.findings] == [
        ("failed calls", 2),
        ("doubled cells", 3),
    ]


def test_what_the_publisher_writes_where_something_failed(tmp_path):
    free = [sample.record(0, n) for n in range(3)]
    for record in free:
        record["evaluation_result"]["inference_cost"] = 0.0
    free[2]["evaluation_result"] |= {"score": 0.0, "metric": "error"}
    del free[1]["token_usage"]
    recording = read(write(tmp_path / "m.jsonl", *free, sample.record(1, 3)))
    assert recording.models == ("m",)
    assert [(result.check, result.times) for result in recording.findings] == [
        ("not evaluated", 1),
        ("evaluation failed", 1),
        ("costs of zero", 1),
        ("another model", 1),
    ]
    assert "--cost tokens" in recording.findings[2].option
    assert np.isnan(recording.input_tokens[1, 0]) and recording.cost[1, 0] == 0.0


def test_results_that_are_not_there_are_missing(tmp_path):
    bare = {"global_index": "X_1", "question": "q"}
    recording = read(
        write(tmp_path / "m.jsonl", bare | {"token_usage": None}, bare | {"global_index": "X_2"}), "routerarena"
    )
    assert np.isnan(recording.score).all() and recording.cost is None and recording.cost_unit == ""
    assert recording.findings[0].times == 2
    with pytest.raises(ValueError, match="no costs are recorded: give --cost constant"):
        prepare(recording, CostRule("recorded"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"global_index": None}, "column 'global_index': found None, expected a text"),
        ({"global_index": ""}, "column 'global_index': the cell is empty"),
        ({"question": ["q"]}, "column 'question': found a list of 1, expected a text"),
        ({"question": "\ud800"}, "column 'question': found half of a surrogate pair"),
        ({"evaluation_result": [1]}, "column 'evaluation_result': found a list of 1, expected a record"),
        (
            {"evaluation_result": {"score": "good"}},
            "'evaluation_result.score': found 'good', expected a number or True",
        ),
        (
            {"evaluation_result": {"score": 1e300}},
            r"'evaluation_result.score': found 1e\+300, expected a finite number",
        ),
        (
            {"evaluation_result": {"score": 1, "inference_cost": True}},
            "'evaluation_result.inference_cost': found True, expected a number",
        ),
        ({"token_usage": 7}, "column 'token_usage': found 7, expected a record"),
        ({"token_usage": {"input_tokens": {}}}, "'token_usage.input_tokens': found a record of 0, expected a number"),
        ({"success": "yes"}, "column 'success': found a str, expected true or false"),
        ({"run_number": "first"}, "column 'run_number': found 'first', expected a number"),
    ],
)
def test_errors_name_file_line_and_field(tmp_path, change, message):
    path = write(tmp_path / "m.jsonl", sample.record(0, 0), sample.record(0, 1) | change)
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert f"{path}, line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "m.jsonl is empty"),
        ("[1]\n", "record 1: found 1, expected a record"),
        ('{"question": "q"}\n', "line 1: found fields 'question', expected one named 'global_index'"),
        ('{"global_index": "a_1", "question": "q"\n', "m.jsonl, line 1: found broken JSON"),
        ('{"global_index": "a", "global_index": "b"}', "found the key 'global_index' twice"),
    ],
)
def test_errors_of_a_file(tmp_path, content, message):
    path = tmp_path / "m.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read(path, "routerarena")


def test_errors_of_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"has no \*\.jsonl or \*\.ndjson"):
        read(tmp_path, "routerarena")


def test_recorded_results(traces):
    folder = traces / "routerarena"
    if not folder.is_dir():
        pytest.skip(f"no routerarena in {traces}")
    assert detect(folder).name == "routerarena"
    recording = read(folder)
    assert recording.models == ("claude-3-haiku-20240307", "gemini-2.0-flash-001")
    assert recording.score.shape == (809, 2) and recording.findings == ()
    np.testing.assert_array_equal(recording.score.mean(axis=0).round(3), [0.523, 0.690])
    assert (recording.score < 0).any() and (recording.score <= 1).all() and not np.isnan(recording.score).any()
    recorded = prepare(recording, CostRule("recorded"), Choices(scores="clip"))
    rule = parse_rule("tokens", str(folder / "cost.json"), "", "", recording)
    by_tokens = prepare(recording, rule, Choices(scores="clip"))
    assert recorded.models == by_tokens.models == ("gemini-2.0-flash-001", "claude-3-haiku-20240307")
    np.testing.assert_allclose(recorded.cost, by_tokens.cost)  # the publisher's costs are these
