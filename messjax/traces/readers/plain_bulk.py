"""Plain tables without a fault, read by pyarrow as whole columns.

What pyarrow is more lenient about than `record_files` (stray quotes, rows over several lines, empty lines) is looked
for first: such a file, like any other with something unusual, is left to the reader of single rows.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json

from messjax.traces import bulk
from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of, utf8_bytes
from messjax.traces.parsing import NOTHING
from messjax.traces.readers.plain_columns import Plan, resolved
from messjax.traces.record_files import csv_records

LARGEST_FILE = 2**31  # bytes that are held in memory at once; larger files are read row by row
_BLOCK, _LARGEST_ROW = 2**20, 2**24  # bytes that pyarrow parses at once; where a row does not fit in them
_PART = 2**18  # bytes in which a letter is looked for at once
_EMPTY = sorted({each for word in NOTHING for each in (word, word.upper(), word.title())} | {"NaN"})
WHOLE = r"^(-?\d+)\.0$"  # how pandas writes a column of whole numbers with a gap
_UNUSUAL = (pa.ArrowException, ValueError, KeyError, OverflowError)


def add(builder: Builder, file: Path, kind: str, plan: Plan, model: str) -> bool:
    """Read a file and add all of its rows, if there is nothing unusual in it.

    Args:
        builder: What was read so far.
        file: The file.
        kind: ".csv" or ".json".
        plan: Which column is read as what.
        model: The file's model, where no column has it; or "".

    Returns:
        Whether the rows were added; otherwise nothing was.
    """
    if kind not in (".csv", ".json") or plan.routers or "time" in plan.texts or file.stat().st_size > LARGEST_FILE:
        return False
    if kind == ".json" and plan.is_pattern:
        return False
    data = utf8_bytes(file)
    try:
        table, plan = _csv(file, data, plan) if kind == ".csv" else (_json(data, plan), plan)
        rows = None if table is None else _rows(builder, file, kind, table, plan, model)
    except _UNUSUAL:
        return False
    return rows is not None and bulk.add(builder, rows)


def _csv(file: Path, data: bytes, plan: Plan) -> tuple[pa.Table | None, Plan]:
    """The columns that are read."""
    records = csv_records(file)
    place, header = next(records, (None, []))
    plan, counts = resolved(plan, [(name,) for name in header], str(file)), Counter(header)
    if place is None or place.decimals is not None or any(counts[name] != 1 for name in plan.columns) or _odd(data):
        return None, plan
    types: dict[str, pa.DataType] = {name: pa.large_string() for name in plan.texts.values()}
    if list(plan.texts.values()).count(model := plan.texts.get("model", "")) == 1:
        types[model] = pa.dictionary(pa.int32(), pa.large_string())  # few names, many rows
    scores = {of["score"]: pa.large_string() for of in plan.measures.values()}
    numbers = {name: pa.float64() for of in plan.measures.values() for name in of.values()}
    try:
        return _parsed(data, plan.columns, types | numbers), plan
    except pa.ArrowInvalid:  # perhaps True and False, percent signs, or words
        return _parsed(data, plan.columns, types | numbers | scores), plan


def _parsed(data: bytes, columns: list[str], types: dict[str, pa.DataType]) -> pa.Table:
    """Rows are first taken for lines, which is cheaper. With quotes it is right where it gives one row per line."""
    lines = None
    if b'"' in data:
        lines = sum(np.count_nonzero(part == ord("\n")) for _, part in _parts(data)) + (not data.endswith(b"\n"))
    convert = pa.csv.ConvertOptions(
        include_columns=columns, column_types=types, null_values=_EMPTY, strings_can_be_null=False
    )
    for several, block in ((False, _BLOCK), (True, _LARGEST_ROW)):
        read = pa.csv.ReadOptions(block_size=block)
        parse = pa.csv.ParseOptions(newlines_in_values=several, ignore_empty_lines=False)
        with contextlib.suppress(*(() if several else (pa.ArrowInvalid,))):
            table = pa.csv.read_csv(pa.BufferReader(data), read, parse, convert)
            if several or lines is None or table.num_rows == lines - 1:
                break
    return table


def _odd(data: bytes) -> bool:
    """Whether a CSV has NULs, or quotes that do not enclose whole cells."""
    if b"\0" in data:
        return True
    if b'"' not in data:
        return False
    letters, quotes = np.frombuffer(data, np.uint8), _positions(data, '"')
    if len(quotes) % 2:
        return True
    edges = np.zeros(256, bool)
    edges[list(b',\r\n"')] = True
    before, after = letters[quotes[::2] - 1], letters[np.minimum(quotes[1::2] + 1, len(letters) - 1)]
    opens, closes = edges[before] & (before != ord("\r")), edges[after]
    opens[0] |= quotes[0] == 0
    closes[-1] |= quotes[-1] == len(letters) - 1
    return not (opens.all() and closes.all())


def _positions(data: bytes, letter: str) -> np.ndarray:
    """Where a letter of ASCII stands."""
    return np.concatenate([at + np.flatnonzero(part == ord(letter)) for at, part in _parts(data)])


def _parts(data: bytes) -> Iterator[tuple[int, np.ndarray]]:
    """Parts of the data, each with where it begins, that stay in the processor's cache."""
    letters = np.frombuffer(data, np.uint8)
    return ((at, letters[at : at + _PART]) for at in range(0, len(letters), _PART))


def _json(data: bytes, plan: Plan) -> pa.Table | None:
    """The columns that are read, by their dotted names."""
    ends = _positions(data, "\n")
    lines = len(ends) + (not data.endswith(b"\n"))
    begins = np.frombuffer(data, np.uint8)[ends[: lines - 1] + 1]
    if not data.startswith(b"{") or (begins != ord("{")).any():
        return None
    try:
        table = pa.json.read_json(pa.BufferReader(data), pa.json.ReadOptions(block_size=_BLOCK))
    except pa.ArrowInvalid:  # perhaps a long line
        table = pa.json.read_json(pa.BufferReader(data), pa.json.ReadOptions(block_size=_LARGEST_ROW))
    if table.num_rows != lines or len(set(table.column_names)) < len(table.column_names):
        return None
    table = pa.table({name: _field(table, name) for name in plan.columns})
    table.validate(full=True)  # half of a surrogate pair is no UTF-8
    return None if b"\\u0000" in data else table


def _field(table: pa.Table, name: str) -> Any:
    """A column, or a field of the records in one."""
    if name in table.column_names:
        return table[name]
    outer, dot, inner = name.partition(".")
    if not dot or "." in inner:
        raise KeyError(name)  # names with more dots could mean several things
    return pc.struct_field(table[outer], inner)


def _rows(builder: Builder, file: Path, kind: str, table: pa.Table, plan: Plan, model: str) -> bulk.Rows | None:
    columns = {role: table[column] for role, column in plan.texts.items()}
    texts = {role: bulk.texts_of(column) for role, column in columns.items() if role != "model"}
    models = bulk.labels_of(columns["model"]) if "model" in columns else None
    measures = {
        each: {measure: bulk.numbers_of(table[column], truth=measure == "score") for measure, column in of.items()}
        for each, of in plan.measures.items()
    }
    if (
        any(column is None for column in texts.values())
        or (models is None and "model" in columns)
        or not table.num_rows
    ):
        return None
    found = {each: {name: of for name, of in by.items() if of is not None} for each, by in measures.items()}
    if any(len(found[each]) < len(by) for each, by in measures.items()):
        return None
    if kind == ".json" and any(np.isnan(of).all() for by in found.values() for of in by.values()):
        return None  # perhaps in no record
    ids, group = (bulk.joined(texts[role]) if role in texts else None for role in ("id", "group"))
    if ids is not None and pc.any(pc.ends_with(ids, ".0")).as_py():
        ids = pc.replace_substring_regex(ids, WHOLE, r"\1")
    return bulk.Rows(
        file=file,
        first=2 if kind == ".csv" else 1,
        unit="row" if kind == ".csv" else "line",
        stem=stem_of(builder.path if model else file),
        prompt=texts["prompt"],
        id=ids,
        group=group,
        model=models,
        is_new="model" not in plan.texts and not model,
        measures={model or each: by for each, by in found.items()} if not plan.texts.get("model") else found,
    )
