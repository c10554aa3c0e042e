"""The rows of any Parquet file, a batch at a time, with their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from messjax.traces.parsing import Place, listed
from messjax.traces.texts import BATCH

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
    _check(path, columns)
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH, columns=list(dict.fromkeys(columns))):
                lists = {name: _values(batch.column(name)) for name in batch.schema.names}
                for values in zip(*lists.values(), strict=True):
                    row += 1
                    yield Place(path, row), dict(zip(lists, values, strict=True))
    except _BROKEN as error:
        raise ValueError(f"{path}, after row {row}: found no readable Parquet ({_said(error)})") from None
    if not row:
        raise ValueError(f"{path} has no rows, expected at least one request")


def _check(path: Path, columns: Sequence[str]) -> None:
    try:
        there = pq.read_schema(path).names
    except _BROKEN as error:
        raise ValueError(f"{path}: found no Parquet ({_said(error)})") from None
    for name in columns:
        if there.count(name) != 1:
            result = "two columns" if name in there else "columns"
            raise ValueError(f"{path}: found {result} {listed(there)}, expected one named {name!r}")


def _values(column: pa.Array) -> list[Any]:
    """Python's values of a column."""
    return (column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column).to_pylist()


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
