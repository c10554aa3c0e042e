"""The columns of a pickled DataFrame, from the notes that `traces.pickles` makes, without pandas.

A DataFrame holds a block manager: two axes (the names of the columns, an index of the rows) and blocks, each with the
positions of its columns and their values, one array [columns, rows] of one type or one column of an extension type.
"""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from messjax.traces.parsing import listed
from messjax.traces.pickle_names import EXPECTED, Made, Named, made_of, state_of, whole
from messjax.traces.pickles import load

_NUMBERS = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}
_STRINGS = {
    "string": pa.string(),
    "utf8": pa.string(),
    "large_string": pa.large_string(),
    "large_utf8": pa.large_string(),
}


class Frame:
    """Columns by name, all of one length. They become Python values one column at a time."""

    def __init__(self, rows: int, columns: dict[str, Any]) -> None:
        self.rows, self.columns = rows, columns

    def cells(self, name: str) -> list[Any]:
        """The cells of a column.

        Args:
            name: Name of the column.

        Returns:
            Texts, numbers, True or False, and None where a cell is empty.
        """
        return _cells(self.columns[name])


def frame(path: Path) -> Frame:
    """The DataFrame in a pickle. Nothing in the pickle is run (see `traces.pickles`).

    Args:
        path: The file.

    Returns:
        Its columns.

    Raises:
        ValueError: It is not a whole pickle, asks for something else than DataFrames need (named), or holds something
            else than a DataFrame; or arrays whose shapes, types and bytes contradict each other or claim more than the
            file holds.
    """
    made, size = load(path)
    try:
        return _Reader(size).frame(made)
    except (pa.ArrowException, UnicodeDecodeError, OverflowError, MemoryError, RecursionError) as error:
        why = "found " + " ".join(str(error).split())[:120]
    except ValueError as error:
        why = str(error)
    raise ValueError(f"{path}: {why}, expected {EXPECTED}")


class _Reader:
    """Takes a DataFrame apart. Every array is read once, and all together are no larger than the file."""

    def __init__(self, size: int) -> None:
        self.size = self.left = size
        self.read: dict[int, tuple[Made, list[Any]]] = {}  # by identity; the object is kept so that it stays unique

    def frame(self, made: Any) -> Frame:
        manager = state_of(made, "DataFrame").get("_mgr")
        if not (isinstance(manager, Made) and manager.name == "BlockManager" and len(manager.arguments) == 2):
            raise ValueError("found a DataFrame without blocks (of pandas before 1.3?)")
        blocks, axes = manager.arguments
        if not isinstance(blocks, (tuple, list)) or not isinstance(axes, (tuple, list)) or len(axes) != 2:
            raise ValueError("found a DataFrame without two axes")
        names = self.labels(axes[0])
        label, rows, values = self.index(axes[1])
        if rows * len(names) > self.size:  # a cell takes at least one byte
            raise ValueError(f"found {rows} rows x {len(names)} columns in a file of {self.size} bytes")
        columns: dict[str, Any] = {}
        for block in blocks:
            positions, result = self.block(block, len(names), rows)
            for position, column in zip(positions, result, strict=True):
                if names[position] in columns:
                    raise ValueError(f"found two columns for {names[position]!r:.60}")
                columns[names[position]] = column
        if missing := [name for name in names if name not in columns]:
            raise ValueError(f"found no values for the columns {listed(missing)}")
        columns = {name: columns[name] for name in names}
        if isinstance(label, str):
            columns.setdefault(label, values)  # a named index is a column
        return Frame(rows, columns)

    def labels(self, axis: Any) -> list[str]:
        """The names of the columns."""
        _, _, values = self.index(axis)
        names = [] if isinstance(values, range) else _cells(values)
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError("found a DataFrame whose columns have no names")
        if len(set(names)) < len(names):
            known: set[str] = set()
            twice = next(name for name in names if name in known or known.add(name))  # type: ignore[func-returns-value]
            raise ValueError(f"found two columns {twice!r:.60}")
        return names

    def index(self, axis: Any) -> tuple[Any, int, Any]:
        """(name, length, values) of an index."""
        given = made_of(axis, "_new_Index").arguments
        if len(given) != 2 or not isinstance(given[0], Named) or not isinstance(given[1], dict):
            raise ValueError("found an index without class and values")
        cls, fields = given
        if cls.name == "RangeIndex":
            start, stop, step = (whole(fields.get(key)) for key in ("start", "stop", "step"))
            if not step:
                raise ValueError("found a range with step 0")
            return fields.get("name"), len(range(start, stop, step)), range(start, stop, step)
        column = self.columns(fields.get("data"))[0]
        return fields.get("name"), len(column), column

    def block(self, block: Any, width: int, rows: int) -> tuple[list[int], list[Any]]:
        """(positions, columns) of a block."""
        given = made_of(block, "_unpickle_block").arguments
        if len(given) < 2:
            raise ValueError("found a block without positions")
        positions, columns = self.positions(given[1], width), self.columns(given[0])
        if len(columns) != len(positions) or any(len(column) != rows for column in columns):
            raise ValueError(f"found a block of another shape than {len(positions)} columns x {rows} rows")
        return positions, columns

    def positions(self, where: Any, width: int) -> list[int]:
        """Which columns a block has: a slice, or an array of numbers."""
        if isinstance(where, Made) and where.name == "slice":
            ends = where.arguments
            if len(ends) != 3 or not all(end is None or type(end) is int for end in ends) or ends[2] == 0:
                raise ValueError("found a slice of no whole numbers")
            return list(range(*slice(*ends).indices(width)))
        positions = self.columns(where)[0]
        if not isinstance(positions, np.ndarray) or positions.dtype.kind not in "iu":
            raise ValueError("found positions that are no whole numbers")
        if len(positions) and not (positions.min() >= 0 and positions.max() < width):
            raise ValueError("found positions that are no columns")
        return positions.tolist()

    def columns(self, values: Any) -> list[Any]:
        """The columns of a block's values (at least one): NumPy arrays of numbers, lists of objects, Arrow's texts."""
        made = made_of(values)
        if id(made) not in self.read:
            self.read[id(made)] = made, self.columns_of(made)
        return self.read[id(made)][1]

    def columns_of(self, made: Made) -> list[Any]:
        if made.name in ("_reconstruct", "_frombuffer"):
            return self.array(made)
        if made.name.startswith("ArrowStringArray"):
            state = state_of(made)
            return [self.arrow(state.get("_pa_array", state.get("_data")))]
        if made.name in ("BooleanArray", "FloatingArray", "IntegerArray"):
            state = state_of(made)
            data, mask = self.columns(state.get("_data"))[0], self.columns(state.get("_mask"))[0]
            if not isinstance(data, np.ndarray) or not isinstance(mask, np.ndarray) or data.shape != mask.shape:
                raise ValueError("found numbers and a mask of different lengths")
            return [[None if no else value for value, no in zip(data.tolist(), mask.tolist(), strict=True)]]
        if made.name == "__pyx_unpickle_NDArrayBacked":
            return [self.backed(made)]
        raise ValueError(f"found {made.name} for the values of a column")

    def backed(self, made: Made) -> Any:
        """An array of texts as objects, or categories by number (-1: none)."""
        if not made.arguments or not isinstance(made.arguments[0], Named):
            raise ValueError("found an array of no class")
        if not isinstance(made.state, tuple) or len(made.state) < 2:
            raise ValueError("found an array without values")
        dtype, values = made.state[0], self.columns(made.state[1])[0]
        if made.arguments[0].name != "Categorical":
            return values
        _, size, categories = self.index(state_of(dtype, "CategoricalDtype").get("categories"))
        if not isinstance(values, np.ndarray) or values.dtype.kind != "i":
            raise ValueError("found categories without values")
        if len(values) and not (values.min() >= -1 and values.max() < size):
            raise ValueError("found a category that is not there")
        used = np.unique(values[values >= 0])
        kept: dict[int, Any] = {code: _cells(categories[code : code + 1])[0] for code in used.tolist()}
        return [kept.get(code) for code in values.tolist()]

    def array(self, made: Made) -> list[Any]:
        """The columns of an array [columns, rows] or [rows]."""
        if made.name == "_frombuffer" and len(made.arguments) == 4 and made.state is None:
            data, dtype, shape, order = made.arguments
            fortran = order == "F"
        elif made.name == "_reconstruct" and isinstance(made.state, tuple) and len(made.state) == 5:
            _, shape, dtype, fortran, data = made.state
        else:
            raise ValueError("found an array without shape and values")
        sizes = [whole(size) for size in shape] if isinstance(shape, tuple) else []
        if len(sizes) not in (1, 2) or min(sizes) < 0 or sizes[0] == 0 < len(sizes) - 1:
            raise ValueError("found an array that is no table and no column")
        kind, count = _dtype(dtype), math.prod(sizes)
        if kind is None:  # objects, in the order of rows whatever `fortran` says
            if type(data) is not list or len(data) != count:
                raise ValueError(f"found an array of objects of another shape than {tuple(sizes)}")
            self.spend(count + sizes[0] * (len(sizes) - 1))
            step = sizes[-1]
            return [data] if len(sizes) == 1 else [data[row * step : (row + 1) * step] for row in range(sizes[0])]
        raw = self.raw(data)
        if len(raw) != count * kind.itemsize:
            raise ValueError(f"found an array of {len(raw)} bytes for the shape {tuple(sizes)} of {kind}")
        self.spend(sizes[0] * (len(sizes) - 1))
        array = np.frombuffer(raw, kind).reshape(sizes, order="F" if fortran else "C")
        return [array] if len(sizes) == 1 else list(array)

    def arrow(self, value: Any) -> pa.Array | pa.ChunkedArray:
        """Arrow's texts from their buffers; every offset and byte is checked."""
        made = made_of(value)
        if made.name == "chunked_array" and made.arguments and isinstance(made.arguments[0], (list, tuple)):
            chunks = [self.part(chunk) for chunk in made.arguments[0]]
            return pa.chunked_array(chunks) if chunks else pa.chunked_array([], pa.large_string())
        return self.part(made)

    def part(self, value: Any) -> pa.Array:
        given = made_of(value, "_restore_array").arguments
        if len(given) != 1 or not isinstance(given[0], tuple) or len(given[0]) < 5:
            raise ValueError("found an Arrow array without buffers")
        kind, length, _, offset, buffers = given[0][:5]
        length, offset = whole(length), whole(offset)
        alias = made_of(kind, "type_for_alias").arguments
        dtype = _STRINGS.get(alias[0]) if len(alias) == 1 and type(alias[0]) is str else None
        if dtype is None or not isinstance(buffers, list) or len(buffers) != 3:
            raise ValueError("found an Arrow array that is not of texts")
        present, ends, letters = (None if buffer is None else self.buffer(buffer) for buffer in buffers)
        width = 8 if dtype == pa.large_string() else 4
        enough = ends is not None and len(ends) >= (length + offset + 1) * width
        if present is not None and len(present) * 8 < length + offset:
            enough = False
        if length < 0 or offset < 0 or not enough:
            raise ValueError(f"found an Arrow array that claims {length} texts")
        parts = [None if part is None else pa.py_buffer(part) for part in (present, ends, letters or b"")]
        array = pa.Array.from_buffers(dtype, length, parts, offset=offset)
        array.validate(full=True)
        return array

    def buffer(self, value: Any) -> bytes:
        given = made_of(value, "py_buffer").arguments
        return self.raw(given[0] if len(given) == 1 else None)

    def raw(self, value: Any) -> bytes:
        """Bytes: as they are, or as protocols 0 to 2 write them, a text in Latin-1, perhaps made a bytearray."""
        if isinstance(value, Made) and value.name in ("bytearray", "bytes") and len(value.arguments) <= 2:
            if len(value.arguments) == 2:
                value = Made("encode", value.arguments)
            else:
                value = value.arguments[0] if value.arguments else b""
        if isinstance(value, Made) and value.name == "bytes" and not value.arguments:
            value = b""
        if isinstance(value, Made) and value.name == "encode" and len(value.arguments) == 2:
            letters, coding = value.arguments
            if type(letters) is str and coding in ("latin1", "latin-1") and max(letters, default="") < "\u0100":
                self.spend(len(letters))
                return letters.encode("latin1")
        if not isinstance(value, (bytes, bytearray)):
            raise ValueError("found no bytes where an array's should be")
        self.spend(len(value))
        return bytes(value)

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise ValueError("found arrays that are together larger than the file")


def _cells(column: Any) -> list[Any]:
    if isinstance(column, np.ndarray):
        return column.tolist()
    return [_cell(value) for value in column] if isinstance(column, (list, range)) else column.to_pylist()


def _cell(value: Any) -> Any:
    """A cell of a column of objects: NumPy's numbers and pandas' NA as Python's, anything else by its type."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Named) and value.name == "NA":
        return None
    if isinstance(value, Made) and value.name == "scalar" and len(value.arguments) == 2:
        with contextlib.suppress(ValueError):  # then it is no number
            kind, raw = _dtype(value.arguments[0]), _Reader(64).raw(value.arguments[1])
            if kind is not None and len(raw) == kind.itemsize:
                return np.frombuffer(raw, kind)[0].item()
    return value if isinstance(value, (Named, Made)) else Named(type(value).__name__)


def _dtype(value: Any) -> np.dtype | None:
    """The type of numbers; None for objects."""
    made = made_of(value, "dtype")
    code = made.arguments[0] if made.arguments else None
    order = made.state[1] if isinstance(made.state, tuple) and len(made.state) > 1 else None
    if type(code) is str and code in ("O", "O8", "O4"):
        return None
    if type(code) is not str or code not in _NUMBERS or type(order) is not str or order not in ("<", ">", "|", "="):
        raise ValueError("found an array of a type that is neither numbers nor objects")
    return np.dtype(("" if order == "|" else order) + code)
