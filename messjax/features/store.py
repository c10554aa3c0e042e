"""Embeddings on disk, found again by the SHA-256 of their text: a folder of Parquet files per encoder.

Files are written under another name and renamed, never changed, so that an interrupted run leaves whole files and
several processes may share a folder. A row is `key` (the 32 bytes), `tokens`, `cut` and `embedding` (d float32). 24
bytes per row are kept in memory, however large the embeddings.
"""

from __future__ import annotations

import hashlib
import uuid
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from messjax import files


class Rows(NamedTuple):
    """Stored values of n texts.

    Attributes:
        embedding: [n, d] float32.
        tokens: Number of tokens, special ones included, [n] int32.
        cut: Whether the text was truncated, [n] bool.
    """

    embedding: np.ndarray
    tokens: np.ndarray
    cut: np.ndarray


def keys_of(texts: Sequence[str]) -> np.ndarray:
    """SHA-256 of the UTF-8 bytes of every text (lone surrogates as Python's surrogatepass has them).

    Args:
        texts: N texts.

    Returns:
        [N, 32] uint8.
    """
    raw = b"".join(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts)
    return np.frombuffer(raw, np.uint8).reshape(len(texts), 32)


class Store:
    """The files of one encoder. Rows have numbers: `find` returns them, `fill` takes them.

    Texts are told apart by the first 16 bytes of their key.
    """

    def __init__(self, folder: Path, dim: int, about: dict[str, str]) -> None:
        """Open or make a folder; a file that cannot be read, or is not of this encoder, is removed with a warning.

        Args:
            folder: Of this encoder alone.
            dim: Dimension d of the embeddings.
            about: What is noted in every file; must not change for an encoder.

        Raises:
            ValueError: The folder cannot be made, or is a file.
        """
        self.folder, self.dim = folder, dim
        self.schema = pa.schema(
            [
                pa.field("key", pa.binary(32), nullable=False),
                pa.field("tokens", pa.int32(), nullable=False),
                pa.field("cut", pa.bool_(), nullable=False),
                pa.field("embedding", pa.list_(pa.field("element", pa.float32(), nullable=False), dim), nullable=False),
            ],
            metadata={key: value.encode() for key, value in about.items()},
        )
        self._files: list[Path] = []
        self._starts = np.zeros(1, np.int64)  # number of the first row of every file, and of all rows
        self._checked: set[int] = set()  # files whose embeddings were read once
        self._first = np.zeros(0, np.uint64)  # of all rows, in its order: the key's first 8 bytes,
        self._second = np.zeros(0, np.uint64)  # its next 8,
        self._number = np.zeros(0, np.int64)  # and the row's number; -1 once its file is gone
        self._writes = True
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"cache folder {folder}: {error.strerror or error}, expected a folder to write") from None
        there: list[tuple[Path, np.ndarray]] = []
        for path in sorted(folder.glob("*.parquet")):
            try:
                there.append((path, self._keys(path)))
            except (pa.ArrowException, OSError, ValueError) as error:
                self._drop(path, error)
        self._enter(there)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """The numbers of the rows with given keys.

        A file is read and checked before the first of its rows is returned, so that `fill` will not fail on it.

        Args:
            keys: [n, 32] uint8.

        Returns:
            [n] int64, -1 where there is no such row.
        """
        numbers = self._look(keys)
        for file in np.unique(np.searchsorted(self._starts, numbers[numbers >= 0], side="right") - 1):
            if file not in self._checked:
                try:
                    self._table(int(file))
                    self._checked.add(int(file))
                except (pa.ArrowException, OSError, ValueError) as error:
                    self._drop(self._files[file], error)
                    inside = (self._number >= self._starts[file]) & (self._number < self._starts[file + 1])
                    self._number[inside] = -1
        return self._look(keys)

    def fill(self, numbers: np.ndarray, target: Rows) -> None:
        """Copy rows to their places in an array, leaving those of number -1 unchanged. Every file is read once.

        Args:
            numbers: Numbers of rows [N].
            target: Arrays of N rows.

        Raises:
            OSError: A file has vanished since its row was found.
        """
        order = np.argsort(numbers, kind="stable")[np.count_nonzero(numbers < 0) :]
        bounds = np.searchsorted(numbers[order], self._starts)
        for file in np.flatnonzero(np.diff(bounds)):
            current = order[bounds[file] : bounds[file + 1]]
            for values, known in zip(target, self._table(int(file)), strict=True):
                values[current] = known[numbers[current] - self._starts[file]]

    def add(self, keys: np.ndarray, rows: Rows) -> None:
        """Write rows to a file of their own. Where that fails (a full disk) one warning is issued and nothing is kept.

        Args:
            keys: [n, 32] uint8.
            rows: n rows.
        """
        if not len(keys) or not self._writes:
            return
        columns = [
            pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(keys), [None, pa.py_buffer(keys.tobytes())]),
            pa.array(rows.tokens, pa.int32()),
            pa.array(rows.cut, pa.bool_()),
            pa.FixedSizeListArray.from_arrays(pa.array(rows.embedding.ravel(), pa.float32()), type=self.schema[3].type),
        ]
        path = self.folder / f"{uuid.uuid4().hex}.parquet"
        table = pa.table(columns, self.schema)
        try:
            with files.drafted(path) as draft:
                pq.write_table(table, draft, compression="none", use_dictionary=False, write_page_checksum=True)
        except OSError as error:
            self._writes = False
            warnings.warn(f"cache folder {self.folder}: {error.strerror or error}: nothing is kept", stacklevel=2)
            return
        self._checked.add(len(self._files))
        self._enter([(path, keys)])

    def _look(self, keys: np.ndarray) -> np.ndarray:
        if not len(self._first):
            return np.full(len(keys), -1, np.int64)
        first, second = _halves(keys)
        at = np.minimum(np.searchsorted(self._first, first), len(self._first) - 1)
        # Rows of one first half stand side by side: newer before older, and a collision beside its like.
        result = np.full(len(keys), -1, np.int64)
        open_ = self._first[at] == first
        while open_.any():
            match = open_ & (self._second[at] == second) & (self._number[at] >= 0)
            result[match] = self._number[at[match]]
            open_ &= ~match & (at + 1 < len(self._first))
            at = np.minimum(at + 1, len(self._first) - 1)
            open_ &= self._first[at] == first
        return result

    def _enter(self, files: list[tuple[Path, np.ndarray]]) -> None:
        """Take files with these keys into the index."""
        first, second = _halves(np.concatenate([np.zeros((0, 32), np.uint8), *(keys for _, keys in files)]))
        order = np.argsort(first, kind="stable")
        first, second, number = first[order], second[order], self._starts[-1] + order
        if len(self._first):
            at = np.searchsorted(self._first, first)
            first = np.insert(self._first, at, first)
            second = np.insert(self._second, at, second)
            number = np.insert(self._number, at, number)
        self._first, self._second, self._number = first, second, number
        self._files += [path for path, _ in files]
        self._starts = np.append(
            self._starts, self._starts[-1] + np.cumsum([len(keys) for _, keys in files], dtype=int)
        )

    def _keys(self, path: Path) -> np.ndarray:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(self.schema, check_metadata=True):
                raise ValueError("its columns are not those of this encoder")
            return _bytes(file.read(["key"])["key"], 32)

    def _table(self, file: int) -> Rows:
        table = pq.read_table(self._files[file], page_checksum_verification=True)
        if len(table) != self._starts[file + 1] - self._starts[file]:
            raise ValueError(f"it has {len(table)} rows, expected {self._starts[file + 1] - self._starts[file]}")
        embedding = table["embedding"].combine_chunks().flatten().to_numpy().reshape(-1, self.dim)
        if not np.isfinite(embedding).all():
            raise ValueError("its embeddings are not all finite")
        return Rows(embedding, table["tokens"].to_numpy(), table["cut"].to_numpy())

    def _drop(self, path: Path, error: Exception) -> None:
        why = " ".join(str(error).split())
        warnings.warn(f"cache file {path} is removed, its texts are computed again: {why}", stacklevel=4)
        with suppress(OSError):
            path.unlink()


def _halves(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    words = np.ascontiguousarray(keys[:, :16]).view(np.uint64)
    return words[:, 0], words[:, 1]


def _bytes(column: Any, width: int) -> np.ndarray:
    """A column of fixed binaries as [n, width] uint8."""
    array = column.combine_chunks()
    data = np.frombuffer(array.buffers()[1], np.uint8) if len(array) else np.zeros(0, np.uint8)
    return data[array.offset * width : (array.offset + len(array)) * width].reshape(-1, width)
