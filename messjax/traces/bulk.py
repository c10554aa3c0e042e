"""Many rows at once: what `Builder` does row by row, on whole columns of a table without a fault.

A table is first looked at as a whole. Where anything is unusual, nothing is added, and the rows are read one by one,
which says what is wrong and where.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from messjax.traces.builder import LONGEST_NAME, Builder
from messjax.traces.parsing import LARGEST, Place, number
from messjax.traces.reading import Reading, begin, current


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
        model: Models, or None.
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
    model: pa.Array | None
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
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        return None
    texts = column.cast(pa.large_string())
    if texts.null_count or not len(texts) or pc.min(pc.binary_length(texts)).as_py() == 0:
        return None
    return texts


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
        with np.errstate(invalid="ignore"):
            return None if (np.abs(result) > LARGEST).any() else result
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
    models = [""] if rows.model is None else pc.unique(rows.model).to_pylist()
    if any(len(model) > LONGEST_NAME for model in (*models, *rows.measures)):
        return False
    requests = _requests(builder, rows)
    if rows.model is not None:
        codes = rows.model.dictionary_encode()
        number_of = np.array([builder.model(model) for model in codes.dictionary.to_pylist()], np.int32)
        of_cells = number_of[codes.indices.to_numpy()]
        builder.add_cells(requests, of_cells, rows.file, rows.first + np.arange(size), rows.measures[""])
        return True
    columns = list(rows.measures.values())
    names = {name for of in columns for name in of}
    nothing = np.full(size, np.nan)
    tables = {name: np.stack([of.get(name, nothing) for of in columns], axis=1).ravel() for name in names}
    of_columns = np.array([builder.model(model) for model in rows.measures], np.int32)
    count = len(columns)
    of_cells, of_rows = np.tile(of_columns, size), np.repeat(rows.first + np.arange(size), count)
    builder.add_cells(np.repeat(requests, count), of_cells, rows.file, of_rows, tables)
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
    encoded = key.dictionary_encode()
    codes = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), np.int64)
    first[codes[::-1]] = row[::-1]
    columns = _described(rows, first)
    numbers = builder.add_requests(encoded.dictionary, columns, rows.file, rows.first + first, rows.unit)[codes]
    if rows.id is not None:
        for at in _other_texts(rows.prompt, codes, first):
            builder.other_text(int(numbers[at]), Place(rows.file, rows.first + int(at), rows.unit))
    return numbers


def _other_texts(texts: pa.ChunkedArray, codes: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The rows whose text is not that of the first row of their request.

    Rows of one request mostly follow each other: such are compared with the row before, which copies no text.
    """
    after = np.append(False, codes[1:] == codes[:-1])
    if len(texts) > 1 and after.any():
        same = pc.equal(texts.slice(1), texts.slice(0, len(texts) - 1)).to_numpy()
        if not same[after[1:]].all():
            after[:] = False
    rows = np.flatnonzero((first[codes] != np.arange(len(codes))) & ~after)
    same = pc.equal(texts.take(pa.array(rows)), texts.take(pa.array(first[codes[rows]])))
    return rows[~same.to_numpy()]


def _described(rows: Rows, at: np.ndarray) -> dict[str, pa.Array]:
    """Id, text and group of some rows."""
    numbers, every = pa.array(at), len(at) == len(rows.prompt)
    ids = pc.binary_join_element_wise(
        pa.scalar(rows.stem, pa.large_string()),
        pa.array(rows.first + at).cast(pa.large_string()),
        pa.scalar("/", pa.large_string()),
    )
    return {
        "id": ids if rows.id is None else rows.id if every else rows.id.take(numbers),
        "text": rows.prompt if every else rows.prompt.take(numbers),
        "group": pa.repeat(pa.scalar(rows.stem, pa.large_string()), len(at))
        if rows.group is None
        else rows.group.take(numbers),
    }
