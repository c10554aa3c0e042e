"""Pickles written instruction by instruction, and DataFrames to pickle."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from support.trace_samples import old_pandas

from messjax.traces.frames import frame


def put(folder: Path, data: bytes) -> Path:
    path = folder / "f.pkl"
    path.write_bytes(data)
    return path


def columns(path: Path) -> dict[str, list[Any]]:
    """All columns, None for NaN."""
    read = frame(path)
    return {
        name: [None if isinstance(cell, float) and cell != cell else cell for cell in read.cells(name)]
        for name in read.columns
    }


def tables() -> dict[str, pd.DataFrame]:
    plain = pd.DataFrame({**old_pandas.COLUMNS, "f": np.float32([1.5, 2, 3]), "o": [True, np.float64(3), None]})
    objects = np.array([["a", 1], ["c", "d"], ["e", None]], dtype=object)
    return {
        "plain": plain,
        "objects": plain.astype({"prompt": object, "sample_id": object}),
        "categories": plain.astype({"eval_name": "category", "sample_id": "category"}),
        "extension types": plain.astype({"n": "boolean", "n|total_cost": "Int64", "m": "Float64", "prompt": "string"}),
        "every second row": plain.iloc[::2],
        "rows in another order": plain.sort_values("prompt", ascending=False),
        "a named index": plain.set_index("sample_id"),
        "columns in another order": plain[["o", "m", "prompt", "n"]],
        "rows twice": pd.concat([plain, plain]),
        "objects by row": pd.DataFrame(objects, columns=["u", "v"]),
        "objects by column": pd.DataFrame(np.asfortranarray(objects), columns=["u", "v"]),
        "numbers by row": pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=["u", "v"]),
        "numbers by column": pd.DataFrame(
            np.asfortranarray(np.arange(6, dtype=">i4").reshape(3, 2)), columns=["u", "v"]
        ),
        "no rows": plain.iloc[:0],
    }


def text(value: object) -> bytes:
    """The instruction that pushes a text."""
    raw = str(value).encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def block_frame(values: bytes, rows: bytes = b"K\x02", columns: int = 1) -> bytes:
    """A DataFrame of `columns` columns whose blocks all are `values`, memoised."""
    labels = b"(" + b"".join(text(f"c{n}") for n in range(columns)) + b"l"
    kind = (
        call(name("numpy", "dtype"), text("O8"), b"\x89", b"\x88")
        + b"(K\x03"
        + text("|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
    )
    shape = b"J" + struct.pack("<i", columns) + b"\x85"
    data = call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\0\x85", b"C\x01b")
    data += b"(K\x01" + shape + kind + b"\x89" + labels + b"tb"
    index = name("pandas.core.indexes.base", "_new_Index")
    names = call(index, name("pandas", "Index"), b"}(" + text("data") + data + b"u")
    ends = text("start") + b"K\0" + text("stop") + rows + text("step") + b"K\x01"
    counts = call(index, name("pandas", "RangeIndex"), b"}(" + ends + b"u")
    blocks = b""
    for n in range(columns):
        where = call(name("builtins", "slice"), *(b"J" + struct.pack("<i", end) for end in (n, n + 1, 1)))
        blocks += call(
            name("pandas._libs.internals", "_unpickle_block"), b"h\x01" if n else values + b"q\x01", where, b"K\x02"
        )
    manager = call(
        name("pandas.core.internals.managers", "BlockManager"), b"(" + blocks + b"t", b"](" + names + counts + b"e"
    )
    return b"\x80\x04" + name("pandas", "DataFrame") + b")\x81}" + text("_mgr") + manager + b"sb."


def numbers(code: str, shape: bytes, data: bytes) -> bytes:
    kind = (
        call(name("numpy", "dtype"), text(code), b"\x89", b"\x88")
        + b"(K\x03"
        + text("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    )
    return call(name("numpy.core.numeric", "_frombuffer"), data, kind, shape, text("C"))
