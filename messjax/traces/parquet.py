"""A trace on disk: one Parquet file, a row per request, models and provenance in the schema's metadata.

Numbers are read into NumPy at once; texts stay in the file and are streamed from it (`StoredTexts`), so that ten
million requests cost neither ten million Python objects nor their text's memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from messjax.traces.recording import Recording
from messjax.traces.schema import OPTIONAL, Trace, check_trace
from messjax.traces.texts import Texts

KEY = b"messjax_trace"  # of the metadata
VERSION = 1
ROWS = 65_536  # of a row group
_TABLES = ("satisfaction", "cost", *OPTIONAL)


def write(trace: Trace, path: Path) -> Path:
    """Write a checked trace; the file appears whole or not at all.

    Columns: id, text, group (strings), satisfaction, cost and, where known, input_tokens, output_tokens, latency (lists
    of M float64, in the order of the metadata's models).
    """
    check_trace(trace)
    about = {
        "version": VERSION,
        "models": trace.models,
        "cost_unit": trace.cost_unit,
        "token_unit": trace.token_unit,
        "source": trace.source,
        "provenance": dict(trace.provenance),
        "notes": trace.notes,
    }
    present = [name for name in _TABLES if getattr(trace, name) is not None]
    numbers = pa.list_(pa.float64(), len(trace.models))
    schema = pa.schema(
        [("id", pa.large_string()), ("text", pa.large_string()), ("group", pa.dictionary(pa.int32(), pa.string()))]
        + [(name, numbers) for name in present],
        metadata={KEY: json.dumps(about).encode()},
    )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            for start in range(0, len(trace.prompts), ROWS):
                writer.write_table(_rows(trace, start, schema, present))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _rows(trace: Trace, start: int, schema: pa.Schema, present: list[str]) -> pa.Table:
    stop = min(start + ROWS, len(trace.prompts))
    ids = trace.ids[start:stop] if len(trace.ids) else [str(n) for n in range(start, stop)]
    columns = [
        pa.array(ids, pa.large_string()),
        pa.array(trace.prompts[start:stop], pa.large_string()),
        pa.array(trace.groups[start:stop], pa.string()).dictionary_encode(),
    ]
    for name in present:
        values = np.ascontiguousarray(getattr(trace, name)[start:stop], np.float64)
        columns.append(pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), len(trace.models)))
    return pa.table(columns, schema=schema)


def is_trace(path: Path) -> bool:
    """Whether a file is a trace that `write` wrote."""
    try:
        return KEY in (pq.read_schema(path, memory_map=True).metadata or {})
    except (pa.ArrowException, OSError):
        return False


def read(path: Path) -> Trace:
    """A trace that `write` wrote, checked.

    Raises:
      ValueError: a file that is no Parquet, no trace, of a later version, or damaged.
    """
    path = Path(path)
    try:
        file = pq.ParquetFile(path, memory_map=True)
        about = json.loads((file.schema_arrow.metadata or {})[KEY])
        names = [name for name in _TABLES if name in file.schema_arrow.names]
        if about["version"] > VERSION:
            raise ValueError(f"{path}: found a trace of version {about['version']}, expected at most {VERSION}")
        table = file.read(names)
        size = len(about["models"])
        arrays: dict[str, Any] = {name: _numbers(table[name], size) for name in names}
        trace = Trace(
            models=tuple(about["models"]),
            prompts=StoredTexts(path, "text"),
            groups=Texts(file.read(["group"])["group"]),
            cost_unit=about["cost_unit"],
            source=path.name,
            ids=StoredTexts(path, "id"),
            token_unit=about["token_unit"],
            provenance=about["provenance"],
            notes=tuple(about["notes"]),
            **arrays,
        )
    except (pa.ArrowException, OSError, KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        found = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise ValueError(f"{path}: expected a trace written by messjax, found {found}") from None
    check_trace(trace)
    return trace


def recording(path: Path) -> Recording:
    """A trace on disk as a recording: to be looked at, or given other costs, as any other."""
    trace, size = read(path), len(StoredTexts(Path(path), "id"))
    return Recording(
        format="messjax",
        source=trace.source,
        files=(str(path),),
        models=trace.models,
        ids=StoredTexts(Path(path), "id"),
        texts=StoredTexts(Path(path), "text"),
        groups=trace.groups if isinstance(trace.groups, Texts) else Texts.of(trace.groups, labels=True),
        score=trace.satisfaction,
        cost=trace.cost,
        cost_unit=trace.cost_unit,
        input_tokens=trace.input_tokens,
        output_tokens=trace.output_tokens,
        token_unit=trace.token_unit,
        latency=trace.latency,
        score_range=(0.0, 1.0),
        file_of=np.zeros(size, np.int32),
        row_of=np.arange(1, size + 1),
        row_unit="row",
        findings=(),
    )


def _numbers(column: pa.ChunkedArray, size: int) -> np.ndarray:
    flat = column.combine_chunks().flatten()
    return np.asarray(flat.to_numpy(zero_copy_only=False), np.float64).reshape(len(column), size)


class StoredTexts(Texts):
    """The texts of a column of a Parquet file, read one group of rows at a time."""

    def __init__(self, path: Path, column: str) -> None:
        self._file, self._column = pq.ParquetFile(path, memory_map=True), column
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._held: tuple[int, pa.ChunkedArray | None] = (-1, None)

    @property
    def chunks(self) -> pa.ChunkedArray:
        """All of them at once, in memory."""
        return self._file.read([self._column])[self._column]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            n = range(len(self))[index]
            group = int(np.searchsorted(self._starts, n, side="right")) - 1
            return self._group(group)[n - int(self._starts[group])].as_py()
        start, stop, step = index.indices(len(self))
        if step != 1:
            return [self[n] for n in range(start, stop, step)]
        return [text for part in self._parts(start, stop) for text in part.to_pylist()]

    def _parts(self, start: int, stop: int) -> Iterator[pa.ChunkedArray]:
        for group in range(len(self._starts) - 1):
            low, high = max(start, int(self._starts[group])), min(stop, int(self._starts[group + 1]))
            if low < high:
                yield self._group(group).slice(low - int(self._starts[group]), high - low)

    def _group(self, group: int) -> pa.ChunkedArray:
        if self._held[0] != group:
            self._held = group, self._file.read_row_group(group, [self._column])[self._column]
        found = self._held[1]
        assert found is not None
        return found
