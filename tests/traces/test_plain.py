"""Plain tables: the option that names columns, three file formats, wide and long, and what is refused."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.trace_samples import plain as sample

from messjax.traces import CostRule, Options, Recording, parse_columns, prepare, read


def named(path: Path, columns: str, format: str = "auto") -> Recording:
    return read(path, format, Options(columns=parse_columns(columns)))


def numbers(values: list[list[Any]]) -> np.ndarray:
    return np.array([[np.nan if value is None else float(value) for value in row] for row in values])


# --- the option ----------------------------------------------------------------------------------------------


def test_columns_are_parsed():
    assert parse_columns("prompt=q , score:a:free=x,cost:a:free=y") == {
        "prompt": "q",
        "score:a:free": "x",
        "cost:a:free": "y",
    }
    assert parse_columns('prompt=q,"score:a=b=right, or wrong"') == {"prompt": "q", "score:a=b": "right, or wrong"}
    assert parse_columns(sample.LONG)["model"] == "model_name"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "--columns: found '', expected ROLE=COLUMN"),
        ("prompt", "--columns: found 'prompt', expected ROLE=COLUMN"),
        ("prompt=q,", "--columns: found '', expected ROLE=COLUMN"),
        ("prompt=,score:a=x", "--columns: found 'prompt=', expected ROLE=COLUMN"),
        ("=q", "--columns: found '=q', expected ROLE=COLUMN"),
        ('prompt=q,"score:a=x', "expected --columns prompt=COLUMN"),
        ("prompt=q,prompt=r,score:a=x", "--columns: 'prompt' is there twice, 'q' and 'r', expected one"),
        ("prompt=q,points:a=x", "--columns: found the role 'points:a', expected one of prompt, id, group, model"),
        ("prompt=q,score:=x", "--columns: found the role 'score:', expected one of"),
        ("prompt=q,prompt:a=x", "--columns: found the role 'prompt:a', expected one of"),
        ("score:a=x", "--columns: found no role 'prompt'"),
        ("prompt=q", "--columns: found no score, expected"),
        ("prompt=q,model=m", "--columns: found no score, expected"),
        ("prompt=q,model=m,cost=x", "--columns: found no score, expected"),
        ("prompt=q,score:a=x,cost:b=y", "--columns: found no score of 'b'"),
        ("prompt=q,score=x,score:a=y", "--columns: found score=x and columns of 'a', expected one or the other"),
        ("prompt=q,score:*=x", r"expected one \* in the model and one in the column"),
        ("prompt=q,score:**=*|**", r"expected one \* in the model"),
        ("prompt=q,score:a=x,choice:=y", "found the role 'choice:'"),
        ("prompt=q,model=m,score:a=x", "--columns: found model=m and columns of 'a', expected one or the other"),
        ("prompt=q,score:a=x,score:b=x", "--columns: 'score:a' and 'score:b' are both 'x', expected two columns"),
        ("prompt=q,model=m,score=x,cost=x", "--columns: 'score' and 'cost' are both 'x'"),
        ("prompt=q,score:a=x,cost_unit=USD", "--columns: found cost_unit and no cost"),
    ],
)
def test_one_error_for_each_mistake(given, message):
    with pytest.raises(ValueError, match=message):
        parse_columns(given)


# --- files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_wide_table_is_read_number_by_number(tmp_path, suffix):
    recording = named(sample.write_as(tmp_path / f"t.{suffix}", sample.rows()), sample.WIDE)
    assert recording.format == "plain" and recording.models == sample.MODELS
    assert tuple(recording.texts) == sample.TEXTS
    assert tuple(recording.groups) == sample.GROUPS
    assert tuple(recording.ids) == sample.IDS  # the id 7 is there in two groups: two requests
    np.testing.assert_array_equal(recording.score, numbers(sample.SCORE))
    np.testing.assert_array_equal(recording.cost, numbers(sample.COST))
    np.testing.assert_array_equal(recording.input_tokens, [[np.nan, n] for n in range(4)])
    np.testing.assert_array_equal(recording.output_tokens, [[np.nan, 2 * n] for n in range(4)])
    np.testing.assert_array_equal(recording.latency, [[n / 4, np.nan] for n in range(4)])
    assert recording.cost_unit == "USD" and recording.findings == ()
    assert recording.place(2).split(", ")[1].split(" ")[0] == ("line" if suffix == "jsonl" else "row")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_long_table_is_the_same_trace(tmp_path, suffix):
    path = sample.write_as(tmp_path / f"t.{suffix}", sample.long_rows())
    recording = named(path, sample.LONG)
    assert recording.models == sample.MODELS and tuple(recording.ids) == sample.IDS
    assert tuple(recording.groups) == sample.GROUPS and tuple(recording.texts) == sample.TEXTS
    np.testing.assert_array_equal(recording.score, numbers(sample.SCORE))
    np.testing.assert_array_equal(recording.cost, numbers(sample.COST))
    assert recording.cost_unit == "recorded cost"
    by_text = named(path, "prompt=question,model=model_name,score=acc")
    np.testing.assert_array_equal(by_text.score, numbers(sample.SCORE))
    assert by_text.ids[0] == "t/2" or suffix != "csv"
    assert set(by_text.groups) == {"t"} and by_text.cost is None


def test_the_sample_needs_its_columns(tmp_path):
    path = sample.write(tmp_path)
    assert len(named(path, sample.WIDE).texts) == 4
    with pytest.raises(ValueError, match="name the columns of a plain table with --columns"):
        read(path)
    with pytest.raises(ValueError, match="--format plain: found no columns, expected --columns prompt=COLUMN"):
        read(path, "plain")
    with pytest.raises(ValueError, match="--columns: they are for the format plain, found --format routellm"):
        named(path, sample.WIDE, "routellm")


def test_a_folder_of_one_kind(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.csv").write_text(f",q,s\n0,same,{name == 'a'}\n1,same,0.5\n")
    recording = named(tmp_path, "prompt=q,score:m=s")
    assert tuple(recording.ids) == ("a/2", "a/3", "b/2", "b/3") and tuple(recording.groups) == ("a", "a", "b", "b")
    np.testing.assert_array_equal(recording.score[:, 0], [1, 0.5, 0, 0.5])  # equal prompts stay four requests
    trace = prepare(recording, CostRule("constant", {"m": (2.0,)}, "EUR"))
    assert trace.cost_unit == "EUR"
    (tmp_path / "c.jsonl").write_text('{"q": "x", "s": 1}\n')
    with pytest.raises(ValueError, match="found 2 csv, 1 jsonl, expected files of one kind"):
        named(tmp_path, "prompt=q,score:m=s")


def test_an_id_that_is_there_again_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("q,i,s\nx,1,1\ny,1,0\n")
    recording = named(tmp_path / "t.csv", "prompt=q,id=i,score:m=s")
    assert [result.check for result in recording.findings] == ["doubled cells", "one id, several texts"]
    assert recording.score.tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([{"q": "x"}], r"t\.jsonl, line 1: found fields 'q', and in no record 's'"),
        ([{"s": 1}], "line 1: found fields 's', expected one named 'q'"),
        ([{"q": "x", "s": 1}, {"s": 1}], "line 2: found fields 's', expected one named 'q'"),
        ([{"q": "x", "s": 1}, {"q": None, "s": 1}], "line 2, column 'q': found None, expected a text"),
        ([{"q": "x", "s": [1]}], "line 1, column 's': found a list of 1, expected a number or True, False"),
        ([{"q": "x", "s": "many"}], "line 1, column 's': found 'many'"),
    ],
)
def test_errors_of_json_lines(tmp_path, records, message):
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(ValueError, match=message):
        named(path, "prompt=q,score:m=s")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("q,s\n", "has a header and no requests"),
        ("q,t\nx,1\n", r"t\.csv, row 1: found columns 'q', 't', expected one named 's'"),
        ("q,s\nx,1\ny,maybe\n", r"row 3 \(line 3\), column 's': found 'maybe', expected a number or True, False"),
        ("q,s\n,1\n", r"row 2 \(line 2\), column 'q': the cell is empty"),
    ],
)
def test_errors_of_csv(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        named(path, "prompt=q,score:m=s")


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


def test_types_of_parquet(tmp_path):
    numerals = {
        "int8": pa.array([1, None, 0], pa.int8()),
        "bool": pa.array([True, None, False]),
        "half": pa.array(np.array([1, np.nan, 0], np.float16)),
        "decimal": pa.array([decimal.Decimal("1.00"), None, decimal.Decimal("0.00")]),
        "text": pa.array(["1.0", "", "false"]),
        "labels": pa.array(["1", None, "0"]).dictionary_encode(),
    }
    path = parquet(tmp_path / "t.parquet", q=pa.array(["x", "y", "z"]).dictionary_encode(), i=[3, 2, 1], **numerals)
    for name in numerals:
        recording = named(path, f"prompt=q,id=i,score:m={name}")
        np.testing.assert_array_equal(recording.score[:, 0], [1, np.nan, 0])
        assert tuple(recording.ids) == ("3", "2", "1")
    nothing = parquet(tmp_path / "n.parquet", q=["x"], s=pa.nulls(1), t=[1])
    assert np.isnan(named(nothing, "prompt=q,score:m=s,score:n=t").score[0, 0])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["1", "x", "0"], "row 2, column 's': found 'x', expected a number or True, False"),
        ([1.0, 0.0, np.inf], "row 3, column 's': found inf, expected a finite number"),
        ([[1], [2], [3]], "row 1, column 's': found a list of 1, expected a number"),
        ([{"a": 1}] * 3, "row 1, column 's': found a record of 1, expected a number"),
        ([datetime.date(2025, 1, 1)] * 3, "row 1, column 's': found datetime.date"),
        ([b"1"] * 3, "row 1, column 's': found b'1', expected a number"),
    ],
)
def test_wrong_types_of_parquet_are_named(tmp_path, column, message):
    path = parquet(tmp_path / "t.parquet", q=["x", "y", "z"], s=column)
    with pytest.raises(ValueError, match=message) as caught:
        named(path, "prompt=q,score:m=s")
    assert str(path) in str(caught.value)


def test_errors_of_parquet(tmp_path):
    path = parquet(tmp_path / "t.parquet", q=["x", None], s=[1, 0])
    with pytest.raises(ValueError, match="row 2, column 'q': found None, expected a text"):
        named(path, "prompt=q,score:m=s")
    with pytest.raises(ValueError, match=r"t\.parquet: found columns 'q', 's', expected one named 'z'"):
        named(path, "prompt=q,score:m=z")
    two = pa.Table.from_arrays([pa.array(["x"]), pa.array([1]), pa.array([2])], names=["q", "s", "s"])
    pq.write_table(two, tmp_path / "two.parquet")
    with pytest.raises(ValueError, match="found two columns 'q', 's', 's', expected one named 's'"):
        named(tmp_path / "two.parquet", "prompt=q,score:m=s")
    with pytest.raises(ValueError, match="has no rows"):
        named(
            parquet(tmp_path / "none.parquet", q=pa.array([], pa.string()), s=pa.array([], pa.int8())),
            "prompt=q,score:m=s",
        )
    whole = parquet(tmp_path / "big.parquet", q=[f"text {n}" for n in range(500)], s=[1] * 500).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    with pytest.raises(ValueError, match=r"cut\.parquet: found no Parquet"):
        named(tmp_path / "cut.parquet", "prompt=q,score:m=s")
    invalid = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 1], np.int32)), pa.py_buffer(b"\xff"))
    with pytest.raises(ValueError, match=r"bad\.parquet, after row 0: found no readable Parquet \(UnicodeDecodeError"):
        named(parquet(tmp_path / "bad.parquet", q=invalid, s=[1]), "prompt=q,score:m=s")
