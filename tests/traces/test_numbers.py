"""One number of a file is changed: it is seen where it belongs and nowhere else, or refused; never a wrong number.

The influence of a field is found by trial: whatever cells of the recording follow it when it takes two values that the
reader accepts. In them the reader must be affine (a score, a latency, tokens times a price), so that the two values say
what every other one has to give.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.trace_fuzzing import FORMATS, check_refusal, limited, options_of, sample

from messjax import traces
from messjax.traces import Recording

PARQUET = ("messjax", "sprout")  # formats whose samples are Parquet
MOST = 6  # fields that are followed per format
TRIED = (0, 1, 2, 3, 0.25, 0.75, 5, 1.5)
OTHER: tuple[Any, ...] = (
    7, 0.5, -1, -0.125, 100, 1e-9, 12345678, None,
    "", "nan", "NaN", "text", "inf", "-Infinity", "1e400", "1_000", "0x10",
    "1,5", "１２", " 0.5 ", "1e-3", "+1", True, False, math.nan, math.inf, 10**400, 2e18,
    [0.5], {"a": 0.5}, [], "0.5.1",
)  # fmt: skip
NOTHING = {"", "nan", "none", "null", "n/a", "na"}
Document = Any
Writer = Callable[[Document], bytes]


def opened(file: Path) -> tuple[Document, Writer] | None:
    """A file as nested lists and records, and how to write it again; None where it is of another kind."""
    kind = file.suffix.lower()
    if kind == ".csv":
        return list(csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline=""))), written_csv
    if kind in (".jsonl", ".ndjson"):
        lines = [json.loads(line) for line in file.read_text("utf-8").split("\n") if line.strip()]
        return lines, lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode()
    if kind == ".json":
        return json.loads(file.read_text("utf-8")), lambda value: json.dumps(value).encode()
    if kind == ".parquet":
        table = pq.read_table(file)
        return table.to_pylist(), lambda rows: written_parquet(rows, table.schema)
    return None


def written_csv(rows: list[list[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def written_parquet(rows: list[dict[str, Any]], schema: pa.Schema) -> bytes:
    """Types as Arrow infers them where a value does not fit; metadata stay."""
    try:
        table = pa.Table.from_pylist(rows, schema=schema)
        if table.to_pylist() != rows:  # 0.25 in a column of whole numbers
            raise TypeError
    except (pa.ArrowException, TypeError, OverflowError):
        table = pa.Table.from_pylist(rows).replace_schema_metadata(schema.metadata)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def leaves(value: Document, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Ways to all numbers, and to all cells of text that say one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*way, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, (*way, i))
    elif isinstance(value, (bool, int, float)) or (
        isinstance(value, str) and not math.isnan(text(value) or 0.0) and text(value) is not None
    ):
        yield way


def text(value: Any) -> float | None:
    """The number that a value says by anybody's reading: NaN for nothing, None where it says none."""
    if value is None:
        return math.nan
    if isinstance(value, (bool, int, float)):
        return float(value) if value != value or abs(value) < 1e300 else None
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    if word in NOTHING:
        return math.nan
    if word in ("true", "false"):
        return float(word == "true")
    try:
        return float(word) if word.isascii() and "_" not in word and math.isfinite(float(word)) else None
    except ValueError:
        return None


def replaced(document: Document, way: tuple[Any, ...], value: Any) -> Document:
    """A copy with another value at the end of the way."""
    if not way:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[way[0]] = replaced(document[way[0]], way[1:], value)
    return copy


class Trial:
    """A format's sample, of which one field at a time is changed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.path = name, sample(name, folder)
        files = [self.path] if self.path.is_file() else sorted(file for file in self.path.rglob("*") if file.is_file())
        self.documents = {file: result for file in files if (result := opened(file))}
        self.whole = self.read()
        assert isinstance(self.whole, Recording), f"the sample of {name} is refused"
        self.names = names(self.whole)  # now: texts of Parquet are read late
        self.fields = [(file, way) for file, (document, _) in self.documents.items() for way in leaves(document)]

    def read(self) -> Recording | None:
        """The recording, or None where it is refused in due form."""
        with limited():
            try:
                return traces.read(self.path, self.name, options_of(self.name))
            except ValueError as error:
                check_refusal(error, str(self.path))
                return None

    def changed(self, file: Path, way: tuple[Any, ...], value: Any) -> tuple[np.ndarray, Any] | None:
        """All numbers of the recording with `value` in that field, and its findings.

        None: refused, or no longer the same requests.
        """
        document, write = self.documents[file]
        before = file.read_bytes()
        try:
            content = write(replaced(document, way, value))
        except (pa.ArrowException, TypeError, OverflowError):  # Parquet cannot hold it
            return None
        try:
            file.write_bytes(content)
            result = self.read()
            other = result is None or names(result) != self.names
            return None if result is None or other else (numbers(result), result.findings)
        finally:
            file.write_bytes(before)

    def follows(self, file: Path, way: tuple[Any, ...]) -> bool:
        """Whether the recording looks at the field, as far as three values tell."""
        seen = [got[0] for x in (1, 0, 3) if (got := self.changed(file, way, x))]
        return any(not np.array_equal(each, seen[0], equal_nan=True) for each in seen)


def names(recording: Recording) -> tuple[Any, ...]:
    return recording.models, list(recording.ids), list(recording.texts), list(recording.groups)


def numbers(recording: Recording) -> np.ndarray:
    """[5, N, M]"""
    tables = (recording.score, recording.cost, recording.input_tokens, recording.output_tokens, recording.latency)
    return np.stack([np.full_like(recording.score, np.nan) if table is None else table for table in tables])


@pytest.mark.parametrize("name", FORMATS)
def test_a_number_is_seen_or_refused(name: str, tmp_path: Path) -> None:
    trial = Trial(name, tmp_path)
    followed = 0
    for file, way in (trial.fields[i] for i in np.random.default_rng(11).permutation(len(trial.fields))):
        if followed == MOST or not trial.follows(file, way):
            continue
        accepted = [(x, got[0]) for x in TRIED if (got := trial.changed(file, way, x)) is not None]
        moving = [(x, got) for x, got in accepted if not np.array_equal(got, accepted[0][1], equal_nan=True)]
        if not moving:
            continue
        (a, at_a), (b, at_b) = accepted[0], moving[0]
        cells = ~((at_a == at_b) | (np.isnan(at_a) & np.isnan(at_b)))
        if not (np.isfinite(at_a[cells]).all() and np.isfinite(at_b[cells]).all()):
            continue  # a key: with another one the cell is another
        followed += 1
        for value in (*TRIED, *OTHER):
            where, x = f"{file.name}, {way}: {value!r}", text(value)
            got, findings = trial.changed(file, way, value) or (None, ())
            if got is None or (x is not None and np.isnan(x) and findings != trial.whole.findings):
                continue  # refused, or something else taken in its place and reported
            unsaid = np.isnan(got) & (findings != trial.whole.findings)  # numbers that contradict each other: reported
            assert (unsaid | (got == at_a) | (np.isnan(got) & np.isnan(at_a)) | cells).all(), where
            again = x is not None and np.isnan(x) and np.array_equal(got, numbers(trial.whole), equal_nan=True)
            if unsaid[cells].all() or again:  # again: the rest of the file says the same once more
                continue
            assert x is not None, f"{where} was read as {got[cells]}"
            expected = at_a[cells] + (at_b[cells] - at_a[cells]) * (x - a) / (b - a)
            np.testing.assert_allclose(got[cells], expected, rtol=1e-9, atol=1e-12, err_msg=where)
    assert followed or not trial.fields


def retyped(column: pa.ChunkedArray) -> Iterator[pa.Array]:
    """The column in other types, or with other values, as far as Arrow makes them."""
    types = (
        pa.string(),
        pa.float32(),
        pa.int64(),
        pa.bool_(),
        pa.decimal128(20, 6),
        pa.timestamp("s"),
        pa.large_binary(),
    )
    for type_ in types:
        try:
            yield column.cast(type_)
        except pa.ArrowException:
            continue
    values = column.to_pylist()
    yield pa.nulls(len(column))
    yield pa.nulls(len(column), column.type)
    yield pa.array([[value] for value in values])
    yield pa.array([{"a": value} for value in values])
    yield pa.array(["text"] * len(column))
    yield pa.array([math.nan] * len(column))
    yield pa.array([math.inf] * len(column))
    yield pa.array([2**62] * len(column))
    yield (
        pa.chunked_array([column]).dictionary_encode() if not pa.types.is_nested(column.type) else pa.nulls(len(column))
    )


@pytest.mark.parametrize("name", PARQUET)
def test_parquet_columns_of_other_types(name: str, tmp_path: Path) -> None:
    path = sample(name, tmp_path)
    file = path if path.is_file() else min(path.rglob("*.parquet"))
    whole, table = numbers(traces.read(path, name, options_of(name))), pq.read_table(file)
    for i, field in enumerate(table.schema.names):
        others = [table.set_column(i, field, other) for other in retyped(table[field])]
        others += [table.drop_columns([field]), table.append_column(field, table[field]), table.slice(0, 0)]
        for other in others:
            pq.write_table(other.replace_schema_metadata(table.schema.metadata), file)
            try:
                with limited():
                    result = traces.read(path, name, options_of(name))
                    assert len(list(result.texts)) == len(result.ids)
            except ValueError as error:
                check_refusal(error, str(path))
                continue
            got = numbers(result)
            type_ = other.schema.field(i).type if other.num_columns >= table.num_columns else "dropped"
            same = got.shape == whole.shape and ((got == whole) | np.isnan(got) | (got == whole.astype(np.float32)))
            label = type_ == "dropped" or any(
                field in finding.message for finding in result.findings
            )  # the column is not used any more
            assert field == "id" or label or np.all(same), f"{field} as {type_} was read as {got}"
