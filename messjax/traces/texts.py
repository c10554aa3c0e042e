"""Texts in Arrow's memory: a sequence of strings that needs no Python object per text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa

BATCH = 65_536  # texts that are Python strings at the same time when one iterates


class Texts(Sequence[str]):
    """N texts, or labels (groups), which are kept as a dictionary. Indexing and iterating give Python strings."""

    def __init__(self, chunks: pa.ChunkedArray) -> None:
        self.chunks = chunks

    @classmethod
    def of(cls, texts: Iterable[str], *, labels: bool = False) -> Texts:
        """Texts from Python strings.

        Args:
            texts: The strings.
            labels: Whether each different one is kept once.

        Returns:
            The texts.
        """
        array = pa.array(texts if isinstance(texts, list) else list(texts), pa.large_string())
        return cls(pa.chunked_array([array.dictionary_encode() if labels else array]))

    def __len__(self) -> int:
        return len(self.chunks)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            return self.chunks[int(index)].as_py()
        start, stop, step = index.indices(len(self))
        if step != 1:
            return [self[i] for i in range(start, stop, step)]
        return self.chunks.slice(start, max(0, stop - start)).to_pylist()

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), BATCH):
            yield from self[start : start + BATCH]

    def __repr__(self) -> str:
        return f"<{len(self):,} texts>"

    def take(self, rows: np.ndarray) -> Texts:
        """The texts of some rows, in their order.

        Args:
            rows: Numbers of rows, or a mask [N].

        Returns:
            The texts.
        """
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Texts(self.chunks.take(pa.array(rows)))

    def codes(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """The texts as numbers.

        Returns:
            codes int32 [N] and names, so that text n is names[codes[n]]; names in the order of their first appearance.
        """
        plain = self.chunks.cast(pa.large_string()).combine_chunks()
        encoded = plain.dictionary_encode()
        return np.asarray(encoded.indices, np.int32), tuple(encoded.dictionary.to_pylist())


class GrowingTexts:
    """Texts that come one by one, moved to Arrow's memory as they come."""

    def __init__(self) -> None:
        self._recent: list[str] = []
        self._chunks: list[pa.Array] = []
        self._ends: list[int] = []  # number of strings up to the end of each chunk

    def append(self, value: str) -> None:
        """Add a text.

        Args:
            value: The text.
        """
        self._recent.append(value)
        if len(self._recent) == BATCH:
            self._move()

    def extend(self, values: Any) -> None:
        """Add many.

        Args:
            values: An Arrow array, chunked perhaps, of large strings; or of labels, as a dictionary of such.
        """
        self._move()
        for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else [values]:
            self._add(chunk)

    def _move(self) -> None:
        if self._recent:
            self._add(pa.array(self._recent, pa.large_string()))
            self._recent = []

    def _add(self, chunk: pa.Array) -> None:
        self._chunks.append(chunk)
        self._ends.append((self._ends[-1] if self._ends else 0) + len(chunk))

    def __getitem__(self, n: int) -> str:
        chunk = bisect_right(self._ends, n)
        offset = n - (self._ends[chunk - 1] if chunk else 0)
        return self._recent[offset] if chunk == len(self._chunks) else self._chunks[chunk][offset].as_py()

    def texts(self, *, labels: bool = False) -> Texts:
        """All of them.

        Args:
            labels: Whether each different one is kept once.

        Returns:
            The texts.
        """
        chunks = [*self._chunks, pa.array(self._recent, pa.large_string())]
        if not labels:
            return Texts(pa.chunked_array(chunks))
        encoded = [each if pa.types.is_dictionary(each.type) else each.dictionary_encode() for each in chunks]
        return Texts(pa.chunked_array(encoded).unify_dictionaries())


def rows_of(texts: Sequence[str], rows: np.ndarray) -> Texts:
    """`Texts.take` of any sequence of strings.

    Args:
        texts: N strings.
        rows: Numbers of rows, or a mask [N].

    Returns:
        The texts.
    """
    return (texts if isinstance(texts, Texts) else Texts.of(texts)).take(rows)
