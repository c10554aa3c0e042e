"""MESS+ CSVs: categories, metrics, batches that repeat rows, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.trace_samples import mess_plus as sample

from messjax.traces import CostRule, Options, detect, prepare, read

HEADER = "doc_id,input_text,benchmark_name,"


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_the_sample_is_read_number_by_number(tmp_path):
    path = sample.write(tmp_path)
    assert detect(path).name == "mess_plus"
    recording = read(path)
    assert recording.models == sample.CATEGORIES and recording.source == "mess_plus"
    assert tuple(recording.texts) == sample.TEXTS
    assert tuple(recording.groups) == sample.GROUPS
    assert tuple(recording.ids) == sample.IDS
    np.testing.assert_array_equal(recording.score, sample.SCORE)
    np.testing.assert_array_equal(recording.cost, sample.ENERGY)
    np.testing.assert_array_equal(recording.latency, sample.TIME)
    assert recording.cost_unit == "J" and recording.input_tokens is None
    assert len(recording.files) == 3 and recording.place(3).endswith("130000.csv, row 2")
    (doubled,) = recording.findings  # the first row of batch 1, which batch 2 has again
    assert (doubled.check, doubled.times) == ("doubled cells", 2) and "0 with another score" in doubled.message


def test_one_file_is_read_and_makes_a_trace(tmp_path):
    (path,) = (sample.write(tmp_path) / "triviaqa").iterdir()
    assert detect(path).name == "mess_plus"
    trace = prepare(read(path), CostRule("recorded"))
    assert trace.models == ("small", "large") and trace.cost_unit == "J"
    np.testing.assert_array_equal(trace.cost, [[20.0, 300.5]])


def test_columns_in_any_order_and_unknown_ones(tmp_path):
    path = write(
        tmp_path / "f.csv",
        "Unnamed: 0,energy_consumption_b,label_b,input_text,label_a_1,"
        "doc_id,benchmark_name,energy_consumption_a_1,acc\n"
        "0,5,1,x,0.25,d-1,boolq,3,9\n",
    )
    recording = read(path)
    assert recording.models == ("b", "a_1") and recording.ids[0] == "boolq/d-1"
    np.testing.assert_array_equal(recording.score, [[1, 0.25]])
    np.testing.assert_array_equal(recording.cost, [[5, 3]])
    assert [result.message for result in recording.findings] == ["columns are not used: 'Unnamed: 0', 'acc'"]


def test_the_metric_may_be_chosen_and_one_unlike_the_label_is_told(tmp_path):
    path = write(
        tmp_path / "f.csv",
        HEADER + "label_s,acc_norm_s,acc_s,exact_match_s\n0,x,b,1,1,0.5,0\n1,y,b,,0.25,1,1\n2,z,b,0,0,0,\n",
    )
    wanted = {
        None: [1, 0.25, 0],
        "label": [1, np.nan, 0],
        "acc_norm": [1, 0.25, 0],
        "acc": [0.5, 1, 0],
        "exact_match": [0, 1, np.nan],
    }
    for metric, scores in wanted.items():
        np.testing.assert_array_equal(read(path, options=Options(metric=metric)).score[:, 0], scores)
    unlike, several = read(path).findings
    assert (unlike.check, unlike.times) == ("label and metric differ", 1)
    assert "row 2" in unlike.examples[0] and "acc 0.5, exact_match 0" in unlike.examples[0]
    assert several.message == "scores of several kinds: label 2, acc_norm 1 cells"


def test_acc_of_norm_and_acc_norm_are_told_apart_by_the_other_columns(tmp_path):
    path = write(tmp_path / "f.csv", HEADER + "energy_consumption_norm_x,acc_norm_x\n0,x,b,1,0.5\n")
    assert read(path).models == ("norm_x",)
    path = write(tmp_path / "f.csv", HEADER + "energy_consumption_x,acc_norm_x\n0,x,b,1,0.5\n")
    assert read(path).models == ("x",)
    path = write(tmp_path / "f.csv", HEADER + "acc_norm_x,acc_y\n0,x,b,1,0.5\n")
    assert read(path).models == ("x", "y")


def test_one_id_with_two_texts_is_two_requests(tmp_path):
    # The authors record logiqa2 under the name of logiqa, with ids of its own.
    write(tmp_path / "a.csv", HEADER + "label_s\n0,one,logiqa,1\n0,one,logiqa,1\n")
    write(tmp_path / "b.csv", HEADER + "label_s\n0,two,logiqa,0\n1,one,logiqa,1\n")
    recording = read(tmp_path)
    assert tuple(recording.texts) == ("one", "two", "one") and tuple(recording.ids) == ("logiqa/0",) * 2 + ("logiqa/1",)
    np.testing.assert_array_equal(recording.score[:, 0], [1, 0, 1])
    assert [(result.check, result.times) for result in recording.findings] == [
        ("one id, several texts", 1),
        ("doubled cells", 1),
    ]


def test_categories_of_one_file_only_are_missing_in_the_others(tmp_path):
    write(tmp_path / "a.csv", HEADER + "label_s\n0,one,x,1\n")
    write(tmp_path / "b.csv", HEADER + "label_t,label_s\n0,two,y,0,1\n")
    np.testing.assert_array_equal(read(tmp_path).score, [[1, np.nan], [1, 0]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"f\.csv is empty, expected a header with `doc_id`"),
        (HEADER + "label_s\n", "has a header and no requests"),
        ("doc_id,input_text,label_s\n0,x,1\n", r"f\.csv, row 1: found columns .* expected one named 'benchmark_name'"),
        (HEADER + "note\n0,x,b,1\n", r"row 1: found columns .*'note', expected `doc_id`"),
        (
            HEADER + "energy_consumption_s\n0,x,b,1\n",
            r"row 1: category 's' has the columns .*, expected one of 'label_s', ",
        ),
        (HEADER + "label_s\n0,x,b,good\n", r"row 2 \(line 2\), column 'label_s': found 'good', expected a number or T"),
        (HEADER + "label_s\n0,x,b,inf\n", "column 'label_s': found inf, expected a finite number"),
        (HEADER + "label_s,inference_time_s\n0,x,b,1,True\n", "'inference_time_s': found 'True', expected a number"),
        (HEADER + "label_s\n0,,b,1\n", "column 'input_text': the cell is empty"),
        (HEADER + "label_s\n0,x,b\n", "found 3 cells, expected 4"),
        (HEADER + "label_s,label_s\n0,x,b,1,1\n", "found two columns 'label_s'"),
        (HEADER + ",label_s\n0,x,b,1,1\n", "column 4 has no name"),
    ],
)
def test_errors_name_file_row_and_column(tmp_path, content, message):
    path = write(tmp_path / "f.csv", content)
    with pytest.raises(ValueError, match=message) as caught:
        read(path, "mess_plus")
    assert str(path) in str(caught.value)


def test_errors_of_the_metric(tmp_path):
    path = write(tmp_path / "f.csv", HEADER + "label_s\n0,x,b,1\n")
    with pytest.raises(ValueError, match="--metric: found 'f1', expected one of label, acc_norm, acc, exact_match"):
        read(path, options=Options(metric="f1"))
    with pytest.raises(ValueError, match="category 's' has the columns 'label_s', expected one of 'acc_s'"):
        read(path, options=Options(metric="acc"))
