"""A trace on disk: one Parquet file, a row per request, models and provenance in the schema's metadata.

Numbers are read into NumPy at once; texts stay in the file and are streamed from it (`StoredTexts`), so that ten
million requests cost neither ten million Python objects nor their text's memory.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from messjax import files
from messjax.traces.contents import Expansion, ExpansionError, refuse_pointer
from messjax.traces.recording import Recording
from messjax.traces.schema import OPTIONAL, TABLES, Trace, check_trace
from messjax.traces.texts import Texts

KEY = b"messjax_trace"  # of the metadata
VERSION = 1
ROWS = 65_536  # of a row group
_BATCH = 8_192  # rows that are expanded before they are counted
_TABLES = (*TABLES, *OPTIONAL)


def write(trace: Trace, path: Path) -> Path:
    """Write a checked trace; the file appears whole or not at all.

    Columns: id, text, group (strings), satisfaction, cost and, where known, judged, input_tokens, output_tokens,
    latency (lists of M float64, in the order of the metadata's models).

    Args:
        trace: The trace.
        path: The file to write.

    Returns:
        The path.

    Raises:
        ValueError: A trace that `check_trace` refuses.
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
    routers = {
        **{f"choice:{name}": pa.array(chosen, pa.int32()) for name, chosen in trace.choices.items()},
        **{f"router_score:{name}": pa.array(scores, pa.float64()) for name, scores in trace.router_scores.items()},
    }
    present = [name for name in _TABLES if getattr(trace, name) is not None]
    numbers = pa.list_(pa.float64(), len(trace.models))
    schema = pa.schema(
        [("id", pa.large_string()), ("text", pa.large_string()), ("group", pa.dictionary(pa.int32(), pa.string()))]
        + [(name, numbers) for name in present]
        + [(name, column.type) for name, column in routers.items()],
        metadata={KEY: json.dumps(about).encode()},
    )
    with (
        files.drafted(path) as draft,
        pq.ParquetWriter(draft, schema, compression="zstd", write_page_checksum=True) as writer,
    ):
        for start in range(0, len(trace.prompts), ROWS):
            writer.write_table(_rows(trace, start, schema, present, routers))
    return Path(path)


def _rows(trace: Trace, start: int, schema: pa.Schema, present: list[str], routers: dict[str, pa.Array]) -> pa.Table:
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
    columns += [column.slice(start, stop - start) for column in routers.values()]
    return pa.table(columns, schema=schema)


def is_trace(path: Path) -> bool:
    """Whether a file is a trace that `write` wrote.

    Args:
        path: The file.

    Returns:
        True or False.
    """
    try:
        return KEY in (pq.read_schema(path, memory_map=True).metadata or {})
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return False


def read(path: Path) -> Trace:
    """A trace that `write` wrote, checked; pages carry checksums, so that a damaged number is refused.

    Args:
        path: The file.

    Returns:
        The trace. Its texts are read later, by `StoredTexts`, which raises the same error for damage.

    Raises:
        ValueError: A Git LFS pointer, or a file that is not Parquet, not a trace, of a later version, damaged, or of
            far more contents than its size lets expect.
    """
    path = Path(path)
    if path.is_file():
        refuse_pointer(path)
    with _refused(path):
        file = _open(path)
        about = json.loads((file.schema_arrow.metadata or {})[KEY])
        if about["version"] > VERSION:
            raise ValueError(f"found version {about['version']}, expected at most {VERSION}")
        models, names = _names(about["models"]), [name for name in _TABLES if name in file.schema_arrow.names]
        _check_types(file.schema_arrow, names, len(models))
        limit = Expansion(path)
        arrays: dict[str, Any] = {name: _numbers(_read(file, name, limit), len(models)) for name in names}
        groups = _read(file, "group", limit)
        groups.validate(full=True)
        if groups.null_count:
            raise ValueError("found requests without a group, expected a label")
        trace = Trace(
            models=models,
            prompts=StoredTexts(path, "text"),
            groups=Texts(groups),
            cost_unit=str(about["cost_unit"]),
            source=path.name,
            ids=StoredTexts(path, "id"),
            token_unit=str(about["token_unit"]),
            provenance={str(key): str(value) for key, value in about["provenance"].items()},
            notes=_names(about["notes"]),
            choices=_routers(file, "choice:", pa.int32(), limit),
            router_scores=_routers(file, "router_score:", pa.float64(), limit),
            **arrays,
        )
        check_trace(trace)
    return trace


def _read(file: pq.ParquetFile, name: str, limit: Expansion) -> pa.ChunkedArray:
    """A column, counted as it expands: a run of equal numbers takes a few bytes of a file."""
    batches = []
    for batch in file.iter_batches(batch_size=_BATCH, columns=[name]):
        limit.add(batch.nbytes)
        batches.append(batch)
    return pa.Table.from_batches(batches, pa.schema([file.schema_arrow.field(name)]))[name]


def _routers(file: pq.ParquetFile, prefix: str, type_: pa.DataType, limit: Expansion) -> dict[str, np.ndarray]:
    """The columns of routers, by name."""
    result = {}
    for column in file.schema_arrow:
        if column.name.startswith(prefix):
            if column.type != type_ or (read := _read(file, column.name, limit)).null_count:
                raise ValueError(f"column {column.name!r}: found {column.type}, expected {type_} without gaps")
            result[column.name.removeprefix(prefix)] = read.to_numpy()
    return result


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Whatever a damaged file makes go wrong within is one ValueError that names it."""
    try:
        yield
    except ExpansionError:
        raise
    except (pa.ArrowException, OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        result = " ".join((str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}").split())
        raise ValueError(f"{path}: expected a trace written by messjax: {result[:300]}") from None


def _open(path: Path, packed: Sequence[str] = ()) -> pq.ParquetFile:
    """The file; the texts of `packed` columns are read as a dictionary and their numbers in it."""
    return pq.ParquetFile(path, memory_map=True, page_checksum_verification=True, read_dictionary=list(packed))


def _names(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ValueError(f"found {str(given)[:80]!r} in its metadata, expected a list of names")
    return tuple(given)


def _check_types(schema: pa.Schema, names: list[str], size: int) -> None:
    """Columns are of the types that `write` gives them."""
    expected = {"id": pa.large_string(), "text": pa.large_string(), "group": pa.dictionary(pa.int32(), pa.string())}
    for name in ("satisfaction", "cost", *names):
        expected[name] = pa.list_(pa.float64(), size)
    for name, type_ in expected.items():
        result = schema.field(name).type if name in schema.names else "no such column"
        if result != type_:
            raise ValueError(f"column {name!r}: found {result}, expected {type_}")


def recording(path: Path) -> Recording:
    """A trace on disk as a recording, for the checks of `lint` or for other costs.

    Args:
        path: The file.

    Returns:
        The recording.

    Raises:
        ValueError: As `read` raises.
    """
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
        cached_tokens=trace.cached_tokens,
        reasoning_tokens=trace.reasoning_tokens,
        choices=trace.choices,
        router_scores=trace.router_scores,
        score_range=(0.0, 1.0),
        file_of=np.zeros(size, np.int32),
        row_of=np.arange(1, size + 1),
        row_unit="row",
        findings=(),
    )


def _numbers(column: pa.ChunkedArray, size: int) -> np.ndarray:
    lists = column.combine_chunks()
    if lists.null_count or len(flat := lists.flatten()) != len(lists) * size:
        raise ValueError(f"found requests without {size} numbers, expected one per model")
    return np.asarray(flat.to_numpy(zero_copy_only=False), np.float64).reshape(len(column), size)


class StoredTexts(Texts):
    """The texts of a column of a Parquet file, read one row group at a time."""

    def __init__(self, path: Path, column: str) -> None:
        self._path, self._file, self._column = path, _open(path, [column]), column
        self._limit = Expansion(path)
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._counted = np.zeros(len(sizes), bool)
        self._held: tuple[int, pa.ChunkedArray | None] = (-1, None)

    @property
    def chunks(self) -> pa.ChunkedArray:
        """All of them at once, in memory."""
        with _refused(self._path):
            return pa.chunked_array(
                [chunk for group in range(len(self._counted)) for chunk in self._group(group).chunks], pa.large_string()
            )

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
            with _refused(self._path):
                size = int(self._starts[group + 1] - self._starts[group])
                self._held = group, self._whole(self._file.read_row_group(group, [self._column]), size, group)
        result = self._held[1]
        assert result is not None
        return result

    def _whole(self, table: pa.Table, size: int, group: int) -> pa.ChunkedArray:
        """The column, in valid UTF-8 and without gaps; a text that is there a thousand times is counted first."""
        column = table[self._column]
        for chunk in column.chunks if not self._counted[group] else ():
            self._limit.add(pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0)
        self._counted[group] = True
        column = column.cast(pa.large_string())
        if column.null_count or len(column) != size:
            raise ValueError(f"column {self._column!r}: found requests without a text")
        column.validate(full=True)
        return column
