"""lm-evaluation-harness samples: every number, every error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.recordings import finding, lines, rows
from support.trace_samples import lm_eval

from messjax.traces import Options, read


def test_the_sample_is_read_number_by_number(tmp_path: Path) -> None:
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


def test_options(tmp_path: Path) -> None:
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


def test_one_file_and_the_folder_of_one_model(tmp_path: Path) -> None:
    model = lm_eval.write(tmp_path) / "org__small"
    assert read(model).models == ("org__small",)
    (file,) = model.glob("samples_gsm8k*")
    recording = read(file)
    assert (recording.models, list(recording.groups)) == (("org__small",), ["gsm8k", "gsm8k"])


def test_joins_by_hash_and_keeps_equal_documents(tmp_path: Path) -> None:
    a, b = lm_eval.DOCS
    lm_eval.put(tmp_path, "m1", "t", [lm_eval.line(0, a, acc=1), lm_eval.line(1, b, acc=0), lm_eval.line(2, a, acc=0)])
    lm_eval.put(tmp_path, "m2", "t", [lm_eval.line(5, b, acc=1), lm_eval.line(6, a, acc=0), lm_eval.line(7, a, acc=1)])
    recording = read(tmp_path)
    assert list(recording.ids) == ["t/0", "t/1", "t/2"]
    assert rows(recording.score) == [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    assert not recording.findings
    lm_eval.put(tmp_path, "m2", "t", [lm_eval.line(5, b, acc=1)] * 2)
    assert finding(read(tmp_path), "doubled cells").times == 1


def test_older_files(tmp_path: Path) -> None:
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


def test_folders_of_one_name_and_other_files(tmp_path: Path) -> None:
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
def test_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    first = lm_eval.line(0, lm_eval.DOCS[0], acc=1)
    path = lm_eval.put(tmp_path, "m", "t", [first, {**lm_eval.line(1, lm_eval.DOCS[1], acc=0), **change}])
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path)
    assert str(path) in str(caught.value)


def test_what_one_model_lacks(tmp_path: Path) -> None:
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
