"""EmbedLLM's long CSVs: splits together, lists beside them, doubled and missing labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.trace_samples import embedllm as sample

from messjax.traces import CostRule, detect, prepare, read

HEADER = "prompt_id,model_id,label,model_name,category,prompt\n"


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_the_sample_is_read_number_by_number(tmp_path):
    path = sample.write(tmp_path)
    assert detect(path).name == detect(path / "train.csv").name == "embedllm"
    recording = read(path)
    assert recording.models == sample.MODELS
    assert tuple(recording.texts) == sample.TEXTS
    assert tuple(recording.groups) == sample.GROUPS
    assert tuple(recording.ids) == sample.IDS
    np.testing.assert_array_equal(recording.score, sample.SCORE)
    assert recording.cost is recording.latency is recording.output_tokens is None
    (lists,) = recording.findings
    assert (lists.check, lists.times) == ("files not used", 2) and lists.examples[0].endswith("model_order.csv")
    with pytest.raises(ValueError, match="no costs are recorded"):
        prepare(recording, CostRule("recorded"))


def test_what_disagrees_is_told(tmp_path):
    path = write(
        tmp_path / "f.csv",
        HEADER + "0,0,0,a,x,p\n0,0,1,a,x,p\n0,1,1,b,y,p\n1,1,1,c,x,q\n1,0,0,a,x,r\n",
    )
    recording = read(path)
    assert recording.models == ("a", "b", "c")
    np.testing.assert_array_equal(recording.score, [[0, 1, np.nan], [0, np.nan, 1]])
    label = {result.check: result for result in recording.findings}
    assert {check: result.times for check, result in label.items()} == {
        "one id, several models": 1,
        "one id, several groups": 1,
        "doubled cells": 1,
        "one id, several texts": 1,
    }
    assert "row 5 (line 5): model_id '1' is 'c', before 'b'" in label["one id, several models"].examples[0]
    assert "prompt_id '0' in 'y', before 'x'" in label["one id, several groups"].examples[0]
    assert "1 with another score" in label["doubled cells"].message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"f\.csv is empty, expected a header with `prompt_id`"),
        (HEADER, "has a header and no requests"),
        ("prompt_id,model_id,label,prompt\n0,0,1,p\n", r"f\.csv, row 1: .* expected also 'model_name', 'category'"),
        (HEADER + "0,0,right,a,x,p\n", r"row 2 \(line 2\), column 'label': found 'right', expected a number or True"),
        (HEADER + "0,0,-inf,a,x,p\n", "column 'label': found -inf, expected a finite number"),
        (HEADER + "0,0,1,,x,p\n", "column 'model_name': the cell is empty"),
        (HEADER + ",0,1,a,x,p\n", "column 'prompt_id': the cell is empty"),
        (HEADER + "0,0,1,a,x,\n", "column 'prompt': the cell is empty"),
        (HEADER + "0,0,1,a,x\n", "found 5 cells, expected 6"),
        (HEADER + '0,0,1,a,x,"p\n', "found broken CSV"),
    ],
)
def test_errors_name_file_row_and_column(tmp_path, content, message):
    path = write(tmp_path / "f.csv", content)
    with pytest.raises(ValueError, match=message) as caught:
        read(path, "embedllm")
    assert str(path) in str(caught.value)


def test_a_folder_of_lists_alone_is_an_error(tmp_path):
    write(tmp_path / "model_order.csv", "model_id,model_name\n0,a\n")
    with pytest.raises(ValueError, match="has only model_order.csv and question_order.csv"):
        read(tmp_path, "embedllm")
    with pytest.raises(ValueError, match="no format that messjax knows"):
        read(tmp_path)


def test_a_long_table_is_read_row_by_row(tmp_path):
    rows = "".join(f"{n},{m},{(n + m) % 2},model {m},c{n % 3},prompt {n}\n" for n in range(2_000) for m in range(10))
    recording = read(write(tmp_path / "train.csv", HEADER + rows))
    assert recording.score.shape == (2_000, 10) and recording.texts[1_999] == "prompt 1999"
    np.testing.assert_array_equal(recording.score, np.add.outer(np.arange(2_000), np.arange(10)) % 2)
