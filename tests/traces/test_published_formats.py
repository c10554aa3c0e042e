"""RouterBench, LLMRouterBench, LLMRouter, SPROUT, lm-evaluation-harness, AlpacaEval: every number, every error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.trace_samples import alpaca_eval, llmrouter, llmrouterbench, lm_eval, routerbench, sprout

from messjax.traces import Choices, CostRule, Options, Recording, detect, parse_rule, prepare, read, sniff

NAN = float("nan")
SAMPLES: dict[str, Callable[[Path], Path]] = {
    "routerbench": routerbench.write,
    "llmrouterbench": llmrouterbench.write,
    "llmrouter": llmrouter.write,
    "sprout": sprout.write,
    "lm_eval": lm_eval.write,
    "alpaca_eval": alpaca_eval.write,
}


def rows(values: np.ndarray | None) -> Any:
    """An array as lists, with None for NaN."""
    assert values is not None
    return [[None if cell != cell else cell for cell in row] for row in values.tolist()]


def finding(recording: Recording, check: str) -> Any:
    """The one finding of this name."""
    (result,) = [each for each in recording.findings if each.check == check]
    return result


def lines(path: Path, records: list[Any]) -> Path:
    """JSON Lines with these records."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize("name", SAMPLES)
def test_each_format_is_detected_and_no_other(tmp_path: Path, name: str) -> None:
    path = SAMPLES[name](tmp_path)
    assert detect(path).name == detect(tmp_path).name == name
    assert read(path).score.shape == read(path, name).score.shape == read(tmp_path).score.shape


@pytest.mark.parametrize("name", SAMPLES)
def test_paths_that_are_no_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="nowhere not found"):
        read(tmp_path / "nowhere", name)
    with pytest.raises(ValueError, match=r"has no \*"):
        read(tmp_path, name)
    path = SAMPLES[name](tmp_path)
    file = next(each for each in sorted(path.rglob("*")) if each.is_file()) if path.is_dir() else path
    for content in (b"", b"\0\1\2", b"\xff\xfe", b"[]", b"{}", b"1", b"[1]", b"null", b'{"a": 1}\n', b"\n\n"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=f"{file.name}") as caught:
            read(file, name)
        assert str(file) in str(caught.value)


# RouterBench


def check_routerbench(recording: Recording) -> None:
    assert recording.models == ("small/v1", "gpt-large")
    assert list(recording.ids) == routerbench.WIDE["sample_id"]
    assert list(recording.texts) == routerbench.WIDE["prompt"]
    assert list(recording.groups) == routerbench.WIDE["eval_name"]
    assert rows(recording.score) == [[1.0, 1.0], [0.0, 1.0], [0.25, None]]
    assert rows(recording.cost) == [[0.0001, 0.01], [0.0002, 0.02], [0.00015, 0.03]]
    assert (recording.cost_unit, recording.token_unit, recording.score_range) == ("USD", "token", (0, 1))
    assert recording.output_tokens is recording.input_tokens is recording.latency is None


def test_routerbench_wide_and_long(tmp_path: Path) -> None:
    wide, long = read(routerbench.write(tmp_path)), read(routerbench.write_long(tmp_path))
    for recording in (wide, long):
        check_routerbench(recording)
        assert not recording.findings
    assert wide.place(2).endswith("routerbench_0shot.pkl, row 3")
    trace = prepare(wide, parse_rule(None, "", "", "", wide), Choices(missing="drop"))
    assert trace.cost_unit == "USD" and len(trace.prompts) == 2


def test_routerbench_in_a_folder_counts_cells_that_are_there_twice(tmp_path: Path) -> None:
    routerbench.write(tmp_path)
    routerbench.write_long(tmp_path)
    recording = read(tmp_path)
    check_routerbench(recording)
    result = finding(recording, "doubled cells")
    assert (result.times, "0 with another score" in result.message) == (6, True)


def test_routerbench_odd_but_valid(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "sample_id": [7, 8],
            "prompt": ["a", "b"],
            "source": ["x", "y"],
            "embedding": [[0.5], [0.25]],
            "true": [True, False],
            "true|model_response": ["r", "s"],
            "words": np.array(["True", " 0.5 "], dtype=object),
            "words|total_cost": ["1e-3", None],
        }
    )
    table.to_pickle(tmp_path / "odd.PKL")
    recording = read(tmp_path)
    assert recording.models == ("true", "words")
    assert (list(recording.ids), list(recording.groups)) == (["7", "8"], ["odd", "odd"])
    assert rows(recording.score) == [[1.0, 1.0], [0.0, 0.5]]
    assert rows(recording.cost) == [[None, 0.001], [None, None]]
    result = finding(recording, "columns left out")
    assert (result.times, "'source', 'embedding'" in result.message) == (2, True)
    table.set_index("sample_id").to_pickle(tmp_path / "odd.PKL")
    assert list(read(tmp_path).ids) == ["7", "8"]


def test_routerbench_ids_that_repeat_in_another_group(tmp_path: Path) -> None:
    table = pd.DataFrame({**routerbench.WIDE, "sample_id": ["1", "2", "1"]})
    table.to_pickle(tmp_path / "f.pkl")
    assert list(read(tmp_path).ids) == ["1", "2", "1"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_id": None}, r"f\.pkl: found the columns 'prompt', .* expected one named 'sample_id'"),
        ({"prompt": None}, r"expected one named 'prompt'"),
        ({"small/v1": None}, r"found the columns 'small/v1\|total_cost' without their models' scores"),
        ({"prompt": ["", "b", "c"]}, r"f\.pkl, row 1, column 'prompt': the cell is empty"),
        ({"prompt": ["a", None, "c"]}, r"f\.pkl, row 2, column 'prompt': found None, expected a text"),
        ({"small/v1": [1.0, 2.0, float("inf")]}, r"row 3, column 'small/v1': found inf, expected a finite number"),
        ({"small/v1": [1.0, "good", 0.0]}, r"row 2, column 'small/v1': found 'good', expected a number or True, False"),
        ({"small/v1": [[1.0], 0.0, 0.0]}, r"row 1, column 'small/v1': found <list>"),
        ({"gpt-large|total_cost": ["free", 0, 0]}, r"row 1, column 'gpt-large\|total_cost': found 'free', expected a"),
        ({"gpt-large|total_cost": [True, 0, 0]}, r"row 1, column 'gpt-large\|total_cost': found True, expected a num"),
        ({"eval_name": [["x"], "b", "c"]}, r"row 1, column 'eval_name': found <list>, expected a text"),
        (
            {name: None for name in routerbench.WIDE if "|" in name},
            r"expected one per model with its <model>\|total_cost",
        ),
    ],
)
def test_routerbench_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    columns = {name: cells for name, cells in {**routerbench.WIDE, **change}.items() if cells is not None}
    pd.DataFrame(columns).to_pickle(tmp_path / "f.pkl")
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path / "f.pkl")
    assert str(tmp_path / "f.pkl") in str(caught.value)


def test_routerbench_tables_that_are_none(tmp_path: Path) -> None:
    for table, message in (
        (pd.DataFrame(routerbench.WIDE).iloc[:0], "has a DataFrame without rows"),
        (pd.DataFrame([[1, 2]]), "whose columns have no names"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "found two columns 'a'"),
        (pd.Series([1.0]), "asks for pandas"),
        ({"a": [1]}, "found dict where DataFrame should be"),
        (pd.DataFrame({"a": pd.to_datetime(["2020-01-01"])}), "asks for pandas"),
    ):
        pd.to_pickle(table, tmp_path / "f.pkl")
        with pytest.raises(ValueError, match=message):
            read(tmp_path / "f.pkl")


# LLMRouterBench


def test_llmrouterbench(tmp_path: Path) -> None:
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


def test_llmrouterbench_names_from_folders_and_demos_for_want_of_others(tmp_path: Path) -> None:
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
def test_llmrouterbench_errors_of_a_record(tmp_path: Path, change: dict[str, Any], message: str) -> None:
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
def test_llmrouterbench_errors_of_a_file(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "f.json").write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path / "f.json", "llmrouterbench")
    assert str(tmp_path / "f.json") in str(caught.value)


# LLMRouter


def test_llmrouter(tmp_path: Path) -> None:
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


def test_llmrouter_tokens_that_contradict_each_other_are_left_out(tmp_path: Path) -> None:
    one = llmrouter.line("t", "q", "a", 1, token_num=5, prompt_tokens=9)
    two = llmrouter.line("t", "q", "b", 1, token_num=5)
    three = llmrouter.line("t", "q", "c", 1, token_num=5, output_tokens=2)
    four = llmrouter.line("t", "q", "d", 1)
    recording = read(lines(tmp_path / "f.jsonl", [one, two, three, four]))
    assert rows(recording.input_tokens) == [[None, None, 3, None]]
    assert rows(recording.output_tokens) == [[None, None, 2, None]]
    result = finding(recording, "token counts")
    assert (result.times, result.examples[0][-15:]) == (2, "f.jsonl, line 1")


def test_llmrouter_a_query_with_another_truth_is_another_request(tmp_path: Path) -> None:
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
def test_llmrouter_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = lines(tmp_path / "f.jsonl", [llmrouter.LINES[0], {**llmrouter.LINES[1], **change}])
    with pytest.raises(ValueError, match=message):
        read(path)


def test_llmrouter_a_field_that_is_missing(tmp_path: Path) -> None:
    for name in ("query", "model_name", "performance"):
        record = {key: value for key, value in llmrouter.LINES[0].items() if key != name}
        with pytest.raises(ValueError, match=rf"line 1: found fields .* expected one named '{name}'"):
            read(lines(tmp_path / "f.jsonl", [record]), "llmrouter")
    record.pop("task_name")
    path = lines(tmp_path / "g.jsonl", [{**record, "performance": 1}])
    assert list(read(path, "llmrouter").groups) == ["g"]


# SPROUT


def check_sprout(recording: Recording) -> None:
    assert recording.models == ("aws-claude-3.5", "llama-3-2-1b")
    assert list(recording.ids) == ["11", "12", "13"]
    assert list(recording.texts) == ['Which "one"?\nA', "模型", "1+1"]
    assert list(recording.groups) == ["gpqa", "gpqa", "math"]
    assert rows(recording.score) == [[1.0, 0.0], [0.0, None], [1.0, None]]
    assert rows(recording.input_tokens) == [[10, 13], [11, None], [12, 15]]
    assert rows(recording.output_tokens) == [[100, 50], [110, None], [120, 70]]
    assert recording.cost is None and not recording.findings


def test_sprout(tmp_path: Path) -> None:
    recording = read(sprout.write(tmp_path))
    check_sprout(recording)
    assert recording.place(2).endswith("train.parquet, row 3")
    rule = parse_rule(None, "claude=3/15,llama=0.06", "", "", recording)
    trace = prepare(recording, rule, Choices(missing="drop"))
    np.testing.assert_allclose(trace.cost, [[63 * 0.06e-6, (3 * 10 + 15 * 100) / 1e6]])


def test_sprout_splits_of_a_folder(tmp_path: Path) -> None:
    sprout.write(tmp_path)
    sprout.write(tmp_path, {**sprout.COLUMNS, "prompt": ["x", "y", "z"]}, "test.parquet")
    recording = read(tmp_path)
    assert recording.score.shape == (6, 2)  # keys of another split are other requests
    assert list(recording.texts)[:4] == ["x", "y", "z", 'Which "one"?\nA']


def test_sprout_without_keys_and_token_counts(tmp_path: Path) -> None:
    scores = pa.array([{"score": True}, {"score": False}], pa.struct([("score", pa.bool_())]))
    recording = read(sprout.write(tmp_path, {"prompt": ["a", "b"], "m.score": scores, "other": [1, 2]}, "f.parquet"))
    assert (recording.models, rows(recording.score)) == (("m.score",), [[1.0], [0.0]])
    assert (list(recording.ids), list(recording.groups)) == (["f/1", "f/2"], ["f", "f"])
    assert recording.output_tokens is None


def test_sprout_a_view_of_many_row_groups(tmp_path: Path) -> None:
    many = {"prompt": [str(n) for n in range(20_000)], "m": [sprout.struct(n % 2, n, 2 * n) for n in range(20_000)]}
    recording = read(sprout.write(tmp_path, many, rows_of_group=3_000))
    np.testing.assert_array_equal(recording.score[:, 0], np.arange(20_000) % 2)
    assert recording.output_tokens is not None
    np.testing.assert_array_equal(recording.output_tokens[:, 0], 2 * np.arange(20_000))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": ["a", "", "c"]}, r"row 2, column 'prompt': the cell is empty"),
        ({"prompt": ["a", None, "c"]}, r"row 2, column 'prompt': found None"),
        ({"prompt": [{"a": 1}] * 3}, r"row 1, column 'prompt': found a record of"),
        ({"dataset": [1.5, 2.5, 3.5]}, r"row 1, column 'dataset': found 1.5"),
        ({"llama-3-2-1b": [sprout.struct("x", 1, 1)] * 3}, r"row 1, column 'llama-3-2-1b.score': found 'x'"),
        (
            {"llama-3-2-1b": [sprout.struct(1.0, 1, NAN), sprout.struct(1.0, 1, 1e30), None]},
            r"row 2, .*tokens': found 1e",
        ),
        ({"llama-3-2-1b": [sprout.struct(1.0, True, 1)] * 3}, r"num_input_tokens': found True"),
        ({"prompt": None}, r"expected 'prompt' and one struct per model"),
        ({"aws-claude-3.5": None, "llama-3-2-1b": None}, r"expected 'prompt' and one struct per model"),
    ],
)
def test_sprout_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    columns = {name: cells for name, cells in {**sprout.COLUMNS, **change}.items() if cells is not None}
    path = sprout.write(tmp_path, columns)
    with pytest.raises(ValueError, match=message) as caught:
        read(path, "sprout")
    assert str(path) in str(caught.value)


def test_sprout_files_that_are_none(tmp_path: Path) -> None:
    path = sprout.write(tmp_path)
    whole = path.read_bytes()
    for content in (whole[:-9], whole[:50] + b"\xff" * 200 + whole[250:], b"PAR1", whole[:4] + whole[-400:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"train\.parquet"):
            read(path, "sprout")
    pq.write_table(
        pa.table({"prompt": pa.array([], pa.string()), "m": pa.array([], pa.struct([("score", pa.int8())]))}), path
    )
    with pytest.raises(ValueError, match="has no rows"):
        read(path)
    sprout.write(tmp_path, {"prompt": ["a"], "m": [sprout.struct(1, 1, 1)]}, "a.parquet")
    sprout.write(tmp_path)
    with pytest.raises(ValueError, match=r"train\.parquet has the models .* expected those of .*a\.parquet: 'm'"):
        read(tmp_path)


# lm-evaluation-harness


def test_lm_eval(tmp_path: Path) -> None:
    recording = read(lm_eval.write(tmp_path))
    assert recording.models == ("org__large", "org__small")
    assert list(recording.ids) == ["arc_easy/0", "gsm8k/0", "gsm8k/1"]
    assert list(recording.texts) == ["Which?", "1 + 1?", '模型 "?"']
    assert list(recording.groups) == ["arc_easy", "gsm8k", "gsm8k"]
    assert rows(recording.score) == [[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    assert recording.cost is recording.output_tokens is None
    older, filters, metrics = (
        finding(recording, name) for name in ("older runs", "several filters", "several metrics")
    )
    assert (older.times, older.examples[0]) == (2, "org__large/samples_arc_easy_2023-01-01T00-00-00.jsonl")
    assert (filters.times, filters.option, filters.severity) == (4, "--filter", "warning")
    assert filters.examples == ("gsm8k: 'strict-match' is read, not 'flexible-extract'",)
    assert (metrics.times, metrics.option, metrics.examples) == (
        1,
        "--metric",
        ("arc_easy: 'acc' is read, not 'acc_norm'",),
    )


def test_lm_eval_options(tmp_path: Path) -> None:
    path = lm_eval.write(tmp_path)
    recording = read(path, "auto", Options(metric="acc_norm,exact_match", filter="flexible-extract"))
    assert rows(recording.score) == [[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    assert finding(recording, "several filters").severity == finding(recording, "several metrics").severity == "info"
    with pytest.raises(ValueError, match=r"line 1: found the metrics 'exact_match', expected 'acc_norm' \(--metric\)"):
        read(path, "auto", Options(metric="acc_norm"))
    with pytest.raises(
        ValueError, match=r"gsm8k.*: found the filters 'strict-match', 'flexible-extract', expected 'x'"
    ):
        read(path, "auto", Options(filter="x"))


def test_lm_eval_one_file_and_the_folder_of_one_model(tmp_path: Path) -> None:
    model = lm_eval.write(tmp_path) / "org__small"
    assert read(model).models == ("org__small",)
    (file,) = model.glob("samples_gsm8k*")
    recording = read(file)
    assert (recording.models, list(recording.groups)) == (("org__small",), ["gsm8k", "gsm8k"])


def test_lm_eval_joins_by_hash_and_keeps_equal_documents(tmp_path: Path) -> None:
    a, b = lm_eval.DOCS
    lm_eval.put(tmp_path, "m1", "t", [lm_eval.line(0, a, acc=1), lm_eval.line(1, b, acc=0), lm_eval.line(2, a, acc=0)])
    lm_eval.put(tmp_path, "m2", "t", [lm_eval.line(5, b, acc=1), lm_eval.line(6, a, acc=0), lm_eval.line(7, a, acc=1)])
    recording = read(tmp_path)
    assert list(recording.ids) == ["t/0", "t/1", "t/2"]
    assert rows(recording.score) == [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    assert not recording.findings
    lm_eval.put(tmp_path, "m2", "t", [lm_eval.line(5, b, acc=1)] * 2)
    assert finding(read(tmp_path), "doubled cells").times == 1


def test_lm_eval_older_files(tmp_path: Path) -> None:
    """Without hashes, names of metrics, a time, and with arguments as lists."""
    record = {
        "doc_id": 3,
        "doc": {"choices": ["a"]},
        "target": "a",
        "arguments": [["Which is it?", " a"]],
        "resps": [],
        "acc": True,
    }
    recording = read(lines(tmp_path / "model" / "samples_arc.jsonl", [record]))
    assert (recording.models, list(recording.ids), list(recording.texts)) == (("model",), ["arc/3"], ["Which is it?"])
    assert rows(recording.score) == [[1.0]]
    for doc, arguments, shown in (
        ("plain text", [], "plain text"),
        ([1, "b"], {}, '[1, "b"]'),
        ({"question": " "}, 3, '{"question": " "}'),
    ):
        record = {**record, "doc": doc, "arguments": arguments}
        assert list(read(lines(tmp_path / "model" / "samples_arc.jsonl", [record])).texts) == [shown]


def test_lm_eval_folders_of_one_name_and_other_files(tmp_path: Path) -> None:
    for run in ("a", "b"):
        lm_eval.put(tmp_path / run, "m", "t", [lm_eval.line(0, lm_eval.DOCS[0], acc=1)])
    lines(tmp_path / "z" / "other.jsonl", [{"a": 1}])
    recording = read(tmp_path)
    assert recording.models == ("a/m", "b/m")
    assert finding(recording, "files left out").examples == ("other.jsonl",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"doc_id": None}, r"line 2, column 'doc_id': found None"),
        ({"doc_hash": 1.5}, r"line 2, column 'doc_hash': found 1.5"),
        ({"filter": ["x"]}, r"line 2, column 'filter': found a list of 1"),
        ({"acc": "yes"}, r"line 2, column 'acc': found 'yes'"),
        ({"acc": [1]}, r"line 2, column 'acc': found a list of 1"),
        ({"doc": {"question": "\0"}}, r"line 2, column 'doc.question': found a NUL"),
    ],
)
def test_lm_eval_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    first = lm_eval.line(0, lm_eval.DOCS[0], acc=1)
    path = lm_eval.put(tmp_path, "m", "t", [first, {**lm_eval.line(1, lm_eval.DOCS[1], acc=0), **change}])
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path)
    assert str(path) in str(caught.value)


def test_lm_eval_what_one_model_lacks(tmp_path: Path) -> None:
    doc = lm_eval.DOCS[0]
    lm_eval.put(tmp_path, "m1", "t", [lm_eval.line(0, doc, "strict", acc=1)])
    path = lm_eval.put(tmp_path, "m2", "t", [lm_eval.line(0, doc, "other", acc=1)])
    with pytest.raises(ValueError, match=r"m2.* has no line with the filter 'strict', expected some as in .*m1"):
        read(tmp_path)
    lm_eval.put(tmp_path, "m2", "t", [lm_eval.line(0, doc, "strict", f1=1)])
    with pytest.raises(ValueError, match=r"line 1: found fields .*'f1', expected one named 'acc'") as caught:
        read(tmp_path)
    assert str(path) in str(caught.value)
    lm_eval.put(tmp_path, "m1", "t", [lm_eval.line(0, doc, "strict", comment="none")])
    with pytest.raises(ValueError, match=r"line 1: found the fields .*, expected a metric with a number"):
        read(tmp_path)
    (tmp_path / "only").mkdir()
    lines(tmp_path / "only" / "f.jsonl", [lm_eval.line(0, doc, acc=1)])
    with pytest.raises(ValueError, match="has no samples_<task>_<time>.jsonl"):
        read(tmp_path / "only")


# AlpacaEval


def test_alpaca_eval(tmp_path: Path) -> None:
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


def test_alpaca_eval_beside_other_files_and_judges(tmp_path: Path) -> None:
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


def test_alpaca_eval_fields_that_may_be_missing(tmp_path: Path) -> None:
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
def test_alpaca_eval_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
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


# Files damaged at random


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """One or two random injuries."""
    for _ in range(rng.integers(1, 3)):
        start = int(rng.integers(len(data) + 1))
        end = start + int(rng.integers(1, 8))
        garbage = [b"\0", b'"', b",", b"\n", b"}", b"[", b"\xff", b"null", b"1e999", b"NaN", b"{}", b"-1", rng.bytes(5)]
        data = [
            data[:start],
            data[:start] + data[end:],
            data[:start] + garbage[rng.integers(len(garbage))] + data[start:],
            data[:start] + garbage[rng.integers(len(garbage))] + data[end:],
        ][rng.integers(4)]
    return data


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "routerbench"])
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(11)
    path = SAMPLES[name](tmp_path)
    files = [file for file in sorted(path.rglob("*.json*")) if "results_" not in file.name] if path.is_dir() else [path]
    refused = 0
    for n in range(200):
        file = files[n % len(files)]
        whole = file.read_bytes()
        file.write_bytes(damaged(whole, rng))
        try:
            assert len(read(path, name).models) >= 1
        except ValueError as error:
            assert str(file) in str(error) or "has no line with the filter" in str(error)
            refused += 1
        file.write_bytes(whole)
    assert refused > 30


def test_look_is_part_of_detection(tmp_path: Path) -> None:
    lines(tmp_path / "f.jsonl", [{"a": 1}])
    with pytest.raises(ValueError, match="no format that messjax knows"):
        detect(tmp_path)
    assert sniff.sniff_path(tmp_path).keys == {"jsonl": ("a",)}
