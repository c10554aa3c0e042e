"""The rows of any Parquet file, a batch at a time, with their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from messjax.traces.contents import Expansion, ExpansionError
from messjax.traces.fields import NOWHERE, found_in
from messjax.traces.parsing import Place, listed

ROWS = 4_096  # of a batch: what is expanded before it is counted
# What Arrow and its conversion to Python raise for damaged files and values out of range.
_BROKEN = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, NotImplementedError, MemoryError)


def read_parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The rows of some columns of a Parquet file; only these are read. Nulls are None, decimals become floats.

    Args:
        path: The file.
        columns: Names of the columns.

    Yields:
        The place of a row, and its values by column.

    Raises:
        ValueError: A file that is not Parquet, or damaged; a column that is missing or there twice; no row.
    """
    row = 0
    outer, limit = _check(path, columns), Expansion(path)
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS, columns=list(dict.fromkeys(outer.values()))):
                limit.add(batch.nbytes)
                lists = {name: _values(batch.column(name)) for name in batch.schema.names}
                for values in zip(*lists.values(), strict=True):
                    row += 1
                    record = dict(zip(lists, values, strict=True))
                    yield Place(path, row), {name: _value(record, name) for name in outer}
    except ExpansionError:
        raise
    except _BROKEN as error:
        raise ValueError(f"{path}, after row {row}: found no readable Parquet ({_said(error)})") from None
    if not row:
        raise ValueError(f"{path} has no rows, expected at least one request")


def parquet_columns(path: Path) -> list[tuple[str, ...]]:
    """The columns of a Parquet file, and the fields of the records in them.

    Args:
        path: The file.

    Returns:
        The way to each field that is no record itself.

    Raises:
        ValueError: A file that is not Parquet.
    """

    def ways(fields: Iterable[pa.Field]) -> Iterator[tuple[str, ...]]:
        for each in fields:
            inner = list(each.type) if pa.types.is_struct(each.type) else []
            yield from ((each.name, *way) for way in ways(inner)) if inner else [(each.name,)]

    try:
        return list(ways(pq.read_schema(path)))
    except _BROKEN as error:
        raise ValueError(f"{path}: found no Parquet ({_said(error)})") from None


def _outer(there: Sequence[str], name: str) -> str:
    """The column that holds a field: itself, or the record that a dotted name begins with."""
    if name in there:
        return name
    dots = [n for n, letter in enumerate(name) if letter == "."]
    return next((name[:dot] for dot in dots if name[:dot] in there), name)


def _check(path: Path, columns: Sequence[str]) -> dict[str, str]:
    """The column that holds each field."""
    try:
        there = pq.read_schema(path).names
    except _BROKEN as error:
        raise ValueError(f"{path}: found no Parquet ({_said(error)})") from None
    outer = {name: _outer(there, name) for name in columns}
    for name, column in outer.items():
        if there.count(column) != 1:
            result = "two columns" if column in there else "columns"
            raise ValueError(f"{path}: found {result} {listed(there)}, expected one named {name!r}")
    return outer


def _value(record: dict[str, Any], column: str) -> Any:
    """The value of a field, perhaps within a record."""
    value = found_in(record, column)
    return None if value is NOWHERE else value


def _values(column: pa.Array) -> list[Any]:
    """Python's values of a column."""
    return (column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column).to_pylist()


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
