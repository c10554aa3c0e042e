"""Plain tables without a fault, read by pyarrow as whole columns.

What pyarrow is more lenient about than `record_files` (stray quotes, rows over several lines, empty lines) is looked
for first: such a file, like any other with something unusual, is left to the reader of single rows.
"""

from __future__ import annotations

from collections import Counter
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
_BLOCK = 2**24  # bytes that pyarrow parses at once: a row has to fit
_CHUNK = 2**18  # bytes in which quotes are looked for at once: they stay in the processor's cache
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
    scores = {of["score"]: pa.large_string() for of in plan.measures.values()}
    numbers = {name: pa.float64() for of in plan.measures.values() for name in of.values()}
    try:
        return _parsed(data, plan.columns, types | numbers), plan
    except pa.ArrowInvalid:  # perhaps True and False, percent signs, or words
        return _parsed(data, plan.columns, types | numbers | scores), plan


def _parsed(data: bytes, columns: list[str], types: dict[str, pa.DataType]) -> pa.Table:
    return pa.csv.read_csv(
        pa.BufferReader(data),
        pa.csv.ReadOptions(block_size=_BLOCK),
        pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        pa.csv.ConvertOptions(
            include_columns=columns, column_types=types, null_values=_EMPTY, strings_can_be_null=False
        ),
    )


def _odd(data: bytes) -> bool:
    """Whether a CSV has NULs, or quotes that do not enclose whole cells."""
    if b"\0" in data:
        return True
    if b'"' not in data:
        return False
    letters = np.frombuffer(data, np.uint8)
    starts = range(0, len(letters), _CHUNK)
    quotes = np.concatenate([start + np.flatnonzero(letters[start : start + _CHUNK] == ord('"')) for start in starts])
    if len(quotes) % 2:
        return True
    edges = np.zeros(256, bool)
    edges[list(b',\r\n"')] = True
    before, after = letters[quotes[::2] - 1], letters[np.minimum(quotes[1::2] + 1, len(letters) - 1)]
    opens, closes = edges[before] & (before != ord("\r")), edges[after]
    opens[0] |= quotes[0] == 0
    closes[-1] |= quotes[-1] == len(letters) - 1
    return not (opens.all() and closes.all())


def _json(data: bytes, plan: Plan) -> pa.Table | None:
    """The columns that are read, by their dotted names."""
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if not data.startswith(b"{") or data.count(b"\n{") != lines - 1 or b"\\u0000" in data:
        return None
    table = pa.json.read_json(pa.BufferReader(data), pa.json.ReadOptions(block_size=_BLOCK))
    if table.num_rows != lines or len(set(table.column_names)) < len(table.column_names):
        return None
    table = pa.table({name: _field(table, name) for name in plan.columns})
    table.validate(full=True)  # half of a surrogate pair is no UTF-8
    return table


def _field(table: pa.Table, name: str) -> Any:
    """A column, or a field of the records in one."""
    if name in table.column_names:
        return table[name]
    outer, dot, inner = name.partition(".")
    if not dot or "." in inner:
        raise KeyError(name)  # names with more dots could mean several things
    return pc.struct_field(table[outer], inner)


def _rows(builder: Builder, file: Path, kind: str, table: pa.Table, plan: Plan, model: str) -> bulk.Rows | None:
    texts = {role: bulk.texts_of(table[column]) for role, column in plan.texts.items()}
    measures = {
        each: {measure: bulk.numbers_of(table[column], truth=measure == "score") for measure, column in of.items()}
        for each, of in plan.measures.items()
    }
    if any(column is None for column in texts.values()) or not table.num_rows:
        return None
    found = {each: {name: of for name, of in by.items() if of is not None} for each, by in measures.items()}
    if any(len(found[each]) < len(by) for each, by in measures.items()):
        return None
    if kind == ".json" and any(np.isnan(of).all() for by in found.values() for of in by.values()):
        return None  # perhaps in no record
    ids, group, models = (bulk.joined(texts[role]) if role in texts else None for role in ("id", "group", "model"))
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
