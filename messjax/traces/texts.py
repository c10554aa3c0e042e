"""Texts in Arrow's memory: a sequence of strings that needs no Python object per text."""

from __future__ import annotations

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


def rows_of(texts: Sequence[str], rows: np.ndarray) -> Texts:
    """`Texts.take` of any sequence of strings.

    Args:
        texts: N strings.
        rows: Numbers of rows, or a mask [N].

    Returns:
        The texts.
    """
    return (texts if isinstance(texts, Texts) else Texts.of(texts)).take(rows)
