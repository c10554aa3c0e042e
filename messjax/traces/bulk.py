"""Many rows at once: what `Builder` does row by row, on whole columns of a table without a fault.

A table is first looked at as a whole. Where anything is unusual, nothing is added, and the rows are read one by one,
which says what is wrong and where.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from messjax.traces.builder import LONGEST_NAME, Builder
from messjax.traces.parsing import LARGEST, Place, number
from messjax.traces.reading import Reading, begin, current

_LONGEST_KEY = 64  # bytes of ids that are hashed eight bytes at a time
_ODD = np.uint64(0x9E3779B97F4A7C15)  # spreads bits
_FIRST_BYTES = np.array([2 ** (8 * count) - 1 for count in range(9)], np.uint64)


class Rows(NamedTuple):
    """n rows of one file. Texts are Arrow's large strings, numbers are float64 [n].

    Attributes:
        file: The file.
        first: Number of the first row.
        unit: What rows are called.
        stem: Stem of the file's name: its group and the beginning of its ids, where these are no columns.
        prompt: Prompts.
        id: Ids, or None.
        group: Labels, or None.
        model: Models as `labels_of` gives them, or None.
        is_new: Whether every row without an id is a request of its own.
        measures: By model ("" where models are a column) and measure.
    """

    file: Path
    first: int
    unit: str
    stem: str
    prompt: pa.ChunkedArray
    id: pa.Array | None
    group: pa.Array | None
    model: pa.DictionaryArray | None
    is_new: bool
    measures: Mapping[str, Mapping[str, np.ndarray]]


def texts_of(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A column as texts.

    Args:
        column: Texts or whole numbers.

    Returns:
        Large strings; None where one is missing or empty, or for another type.
    """
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        return None
    texts = column.cast(pa.large_string())
    if texts.null_count or not len(texts) or pc.min(pc.binary_length(texts)).as_py() == 0:
        return None
    return texts


def labels_of(column: pa.ChunkedArray) -> pa.DictionaryArray | None:
    """A column of few texts that repeat, as `texts_of` takes them.

    Args:
        column: Texts, numbers of texts in a dictionary, or whole numbers.

    Returns:
        Numbers of texts and the texts, in the order of their first appearance; None as for `texts_of`.
    """
    if not pa.types.is_dictionary(column.type):
        texts = texts_of(column)
        return None if texts is None else joined(texts).dictionary_encode()
    whole = joined(column.unify_dictionaries())
    return None if whole.null_count or not len(whole) or "" in whole.dictionary.to_pylist() else whole


def joined(texts: pa.ChunkedArray) -> pa.Array:
    """Texts as one array.

    Args:
        texts: The texts [n].

    Returns:
        The same.
    """
    whole = texts.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def numbers_of(column: pa.ChunkedArray, *, truth: bool) -> np.ndarray | None:
    """A column as numbers, as `parsing.number` reads each cell.

    Args:
        column: Numbers, True and False, or texts.
        truth: Whether they are scores.

    Returns:
        float64 [n], NaN where nothing is there; None where a cell is no number.
    """
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or (truth and pa.types.is_boolean(kind)):
        column = column.cast(pa.uint8()) if pa.types.is_boolean(kind) else column
        result = np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
        return None if (result > LARGEST).any() or (result < -LARGEST).any() else result
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    encoded = joined(column).dictionary_encode()
    try:
        with begin(Reading(score_words=current().score_words)):
            place = Place(Path(), 0)
            numbers = [number(place, "", word, truth=truth) for word in encoded.dictionary.to_pylist()]
    except ValueError:
        return None
    codes = encoded.indices.fill_null(len(numbers)).to_numpy()
    return np.array([*numbers, np.nan])[codes]


def add(builder: Builder, rows: Rows) -> bool:
    """Add rows to what was read before.

    Args:
        builder: What was read.
        rows: The rows.

    Returns:
        Whether they were added; False: a model's name is too long.
    """
    size = len(rows.prompt)
    models = [""] if rows.model is None else rows.model.dictionary.to_pylist()
    if any(len(model) > LONGEST_NAME for model in (*models, *rows.measures)):
        return False
    requests = _requests(builder, rows)
    if rows.model is not None:
        number_of = np.array([builder.model(model) for model in models], np.int32)
        of_cells = number_of[rows.model.indices.to_numpy()]
        builder.add_cells(requests, of_cells, rows.file, rows.first + np.arange(size), rows.measures[""])
        return True
    columns = list(rows.measures.values())
    nothing = np.full(size, np.nan)
    names = {name for of in columns for name in of}
    tables = {name: np.stack([of.get(name, nothing) for of in columns], axis=1) for name in names}
    of_columns = np.array([builder.model(model) for model in rows.measures], np.int32)
    builder.add_rows(requests, of_columns, rows.file, rows.first + np.arange(size), tables)
    return True


def _requests(builder: Builder, rows: Rows) -> np.ndarray:
    """The request of each row [n], known or new."""
    row = np.arange(len(rows.prompt))
    if rows.id is None and rows.is_new:
        return builder.add_requests(None, _described(rows, row), rows.file, rows.first + row, rows.unit)
    key = joined(rows.prompt) if rows.id is None else rows.id
    if rows.group is not None:
        key = pc.binary_join_element_wise(rows.group, key, pa.scalar("\0", pa.large_string()))
    elif rows.id is None:
        key = pc.binary_join_element_wise(
            pa.scalar(rows.stem, pa.large_string()), key, pa.scalar("\0", pa.large_string())
        )
    codes, first, keys = _numbered(key)
    columns = _described(rows, first, keys if key is rows.id else None)
    numbers = builder.add_requests(keys, columns, rows.file, rows.first + first, rows.unit)[codes]
    if rows.id is not None and len(first) < len(key):
        for at in _other_texts(rows.prompt, codes, first):
            builder.other_text(int(numbers[at]), Place(rows.file, rows.first + int(at), rows.unit))
    return numbers


def _numbered(keys: pa.Array) -> tuple[np.ndarray, np.ndarray, pa.Array]:
    """The number of each of n keys [n], the row where each number is first, and the keys there.

    Rows of one request mostly follow each other. Where they all do, no dictionary is needed.
    """
    if _differ(keys):
        return np.arange(len(keys)), np.arange(len(keys)), keys
    is_new = np.append(True, pc.not_equal(keys.slice(1), keys.slice(0, len(keys) - 1)).to_numpy(zero_copy_only=False))
    first = np.flatnonzero(is_new)
    if len(first) < len(keys) and _differ(some := keys.filter(_mask(first, len(keys)))):
        return np.cumsum(is_new) - 1, first, some
    encoded = keys.dictionary_encode()
    codes = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return codes, first, encoded.dictionary


def _mask(at: np.ndarray, size: int) -> pa.Array:
    """Which of so many rows are these, in their order."""
    mask = np.zeros(size, bool)
    mask[at] = True
    return pa.array(mask)


def _differ(texts: pa.Array) -> bool:
    """Whether texts are known to differ from each other: short ones of which no two have one hash.

    Far cheaper than a dictionary. Equal hashes of different texts only mean that a dictionary has to tell.
    """
    length = pc.binary_length(texts).to_numpy()
    longest = int(length.max())
    if longest > _LONGEST_KEY or (len(texts) > 1 and texts[0] == texts[1]):
        return False
    _, offsets, letters = texts.buffers()
    start = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts)]
    padded = np.append(np.frombuffer(letters, np.uint8), np.zeros(8, np.uint8))
    words = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))  # eight bytes from any byte on
    hashes = length.astype(np.uint64)
    for at in range(0, longest, 8):
        word = words[start + np.minimum(at, length)] & _FIRST_BYTES[np.clip(length - at, 0, 8)]
        hashes = (hashes ^ word) * _ODD
        hashes ^= hashes >> np.uint64(32)
    hashes.sort()
    return not (hashes[1:] == hashes[:-1]).any()


def _other_texts(texts: pa.ChunkedArray, codes: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The rows whose text is not that of the first row of their request.

    Rows of one request mostly follow each other: such are compared with the row before, which copies no text.
    """
    after = np.append(False, codes[1:] == codes[:-1])
    if len(texts) > 1 and after.any():
        same = pc.equal(texts.slice(1), texts.slice(0, len(texts) - 1))
        if not pc.all(pc.or_(same, pa.array(~after[1:]))).as_py():
            after[:] = False
    rows = np.flatnonzero((first[codes] != np.arange(len(codes))) & ~after)
    if not len(rows):
        return rows
    same = pc.equal(texts.take(pa.array(rows)), texts.take(pa.array(first[codes[rows]])))
    return rows[~same.to_numpy()]


def _described(rows: Rows, at: np.ndarray, ids: pa.Array | None = None) -> dict[str, Any]:
    """Id, text and group of some rows, whose ids may be known."""
    every, stem = len(at) == len(rows.prompt), pa.scalar(rows.stem, pa.large_string())
    at_them = _mask(at, len(rows.prompt))  # faster than to take them one by one
    columns = {"id": rows.id, "text": rows.prompt, "group": rows.group}
    result: dict[str, Any] = {
        name: column if every or column is None else column.filter(at_them)
        for name, column in columns.items()
        if name != "id" or ids is None
    }
    if ids is not None:
        result["id"] = ids
    if rows.id is None:
        number = pa.array(rows.first + at).cast(pa.large_string())
        result["id"] = pc.binary_join_element_wise(stem, number, pa.scalar("/", pa.large_string()))
    if rows.group is None:
        result["group"] = pa.DictionaryArray.from_arrays(np.zeros(len(at), np.int32), pa.array([rows.stem], stem.type))
    return result
