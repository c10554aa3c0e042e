"""Hypothesis on the readers of MESS+, RouterArena, EmbedLLM and plain tables: what is written is read, or refused."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from messjax.traces import Options, Recording, parse_columns, read

QUICK = settings(max_examples=40, deadline=None)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
scores = st.one_of(st.none(), st.booleans(), st.floats(-2, 101), st.integers(0, 1))
costs = st.one_of(st.none(), st.floats(0, 1e9), st.integers(0, 10**6))
tables = st.lists(st.tuples(texts, texts, scores, scores, costs, costs), min_size=1, max_size=6)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**45), 10**45), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


def numbers(rows: list[Any], *columns: int) -> np.ndarray:
    return np.array([[np.nan if row[c] is None else float(row[c]) for c in columns] for row in rows])


def same(result: np.ndarray | None, rows: list[Any], *columns: int) -> None:
    expected = numbers(rows, *columns)
    np.testing.assert_array_equal(np.full_like(expected, np.nan) if result is None else result, expected)


def write_csv(path: Path, header: str, rows: list[Any]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header.split(","), *rows])
    return path


def read_back(name: str, header: str, rows: list[Any], options: Options = Options()) -> Recording:  # noqa: B008
    with tempfile.TemporaryDirectory() as folder:
        return read(write_csv(Path(folder, "t.csv"), header, rows), name, options)


@QUICK
@given(tables)
def test_mess_plus(table):
    rows = [(n, text, group, a, b, c, d) for n, (text, group, a, b, c, d) in enumerate(table)]
    header = "doc_id,input_text,benchmark_name,label_s,label_l,energy_consumption_s,energy_consumption_l"
    recording = read_back("mess_plus", header, rows)
    assert list(recording.texts) == [row[1] for row in rows] and list(recording.groups) == [row[2] for row in rows]
    same(recording.score, rows, 3, 4)
    same(recording.cost, rows, 5, 6)


@QUICK
@given(tables)
def test_embedllm(table):
    rows = [
        (n, m, score, name, group, text)
        for n, (text, group, a, b, *_) in enumerate(table)
        for m, (name, score) in enumerate([("one", a), ("two", b)])
    ]
    recording = read_back("embedllm", "prompt_id,model_id,label,model_name,category,prompt", rows)
    assert list(recording.texts) == [row[0] for row in table] and list(recording.groups) == [row[1] for row in table]
    same(recording.score, table, 2, 3)


@QUICK
@given(tables)
def test_routerarena(table):
    with tempfile.TemporaryDirectory() as folder:
        for m, name in enumerate(["one", "two"]):
            lines = [
                json.dumps(
                    {
                        "global_index": f"{group}_{n}",
                        "question": text,
                        "evaluation_result": {"score": row[m], "inference_cost": row[2 + m]},
                    },
                    ensure_ascii=m == 0,
                )
                for n, (text, group, *row) in enumerate(table)
            ]
            Path(folder, f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        recording = read(Path(folder))
    assert list(recording.texts) == [row[0] for row in table] and list(recording.groups) == [row[1] for row in table]
    same(recording.score, table, 2, 3)
    same(recording.cost, table, 4, 5)


@QUICK
@given(tables, st.sampled_from(["csv", "jsonl", "parquet"]))
def test_plain(table, kind):
    names = ("q", "g", "a", "b", "c", "d")
    options = Options(columns=parse_columns("prompt=q,group=g,score:one=a,score:two=b,cost:one=c,cost:two=d"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"t.{kind}")
        if kind == "csv":
            write_csv(path, ",".join(names), table)
        elif kind == "jsonl":
            path.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in table))
        else:
            columns = [pa.array([row[c] for row in table], pa.string()) for c in (0, 1)]
            columns += [pa.array(numbers(table, c)[:, 0]) for c in range(2, 6)]
            pq.write_table(pa.Table.from_arrays(columns, names=list(names)), path)
        recording = read(path, "auto", options)
    assert list(recording.texts) == [row[0] for row in table] and list(recording.groups) == [row[1] for row in table]
    same(recording.score, table, 2, 3)
    same(recording.cost, table, 4, 5)


fields = st.sampled_from(
    ["global_index", "question", "llm_selected", "token_usage", "success", "error", "run_number", "evaluation_result"]
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(fields, anything, max_size=4), anything, anything)
def test_any_record_is_read_or_refused_by_file_and_line(changes, score, cost):
    record: dict[str, Any] = {"global_index": "a_1", "question": "q"}
    record["evaluation_result"] = {"score": score, "inference_cost": cost, "metric": cost}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.jsonl")
        path.write_text(json.dumps(record | changes), encoding="utf-8")
        for name, options in {
            "routerarena": Options(),
            "plain": Options(columns={"prompt": "question", "id": "global_index", "score:m": "evaluation_result"}),
        }.items():
            try:
                recording = read(path, name, options)
            except ValueError as error:
                assert f"{path}, line 1" in str(error)
            else:
                assert not np.isinf(recording.score).any()
                assert all(isinstance(text, str) for text in (*recording.texts, *recording.ids, *recording.models))
