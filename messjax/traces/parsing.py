"""Values of a record, validated, each with its place: what all readers share.

Everything here ends in a value or in one ValueError that names file, row and column, what was found and what was
expected.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

LARGEST = 1e18  # as the rest of messjax
_NOTHING = {"", "nan", "none", "null", "n/a", "na"}
_TRUTH = {"true": 1.0, "false": 0.0}


class Place(NamedTuple):
    """Where something was found: rows, records and lines count from 1, the header of a CSV is row 1.

    Attributes:
        file: The file.
        row: Number of the row.
        unit: What is counted: "row", "record" or "line".
        line: Number of the line of text, where it differs.
    """

    file: Path
    row: int
    unit: str = "row"
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.row}" + ("" if self.line is None else f" (line {self.line})")


def number(place: Place, column: str, value: Any, *, truth: bool = False) -> float:
    """The number in a cell.

    Args:
        place: Where the cell is.
        column: Its column.
        value: What the file has.
        truth: Whether True and False are allowed as well.

    Returns:
        The number; NaN where the cell is empty (None, NaN, an empty text).

    Raises:
        ValueError: Anything else, infinities, or numbers beyond 1e18.
    """
    if type(value) is float and -LARGEST <= value <= LARGEST:
        return value
    value = _numeral(value, truth) if isinstance(value, str) else value
    if value is None:
        return math.nan
    if isinstance(value, (bool, np.bool_)) and truth:
        return float(value)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise _unexpected(place, column, value, "a number or True, False" if truth else "a number")
    if value != value:
        return math.nan
    if not -LARGEST <= value <= LARGEST:
        raise _unexpected(place, column, value, f"a finite number, at most {LARGEST:g} in size")
    return float(value)


def _numeral(cell: str, truth: bool) -> Any:
    """What a cell of text says: None, a number, or the cell itself where it is neither."""
    word = cell.strip().lower()
    if word in _NOTHING:
        return None
    if truth and word in _TRUTH:
        return _TRUTH[word]
    if "_" not in word and word.isascii():  # Python's own numerals are not a file's
        with contextlib.suppress(ValueError):
            return float(word)
    return cell


def text(place: Place, column: str, value: Any, *, empty: bool = False) -> str:
    """The text in a cell, in valid Unicode; numbers become text (identifiers).

    Args:
        place: Where the cell is.
        column: Its column.
        value: What the file has.
        empty: Whether it may be empty.

    Returns:
        The text.

    Raises:
        ValueError: Anything else.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        if not -(10**40) < value < 10**40:  # longer ones Python itself refuses to write out
            raise _unexpected(place, column, "an endless number", "a text")
        value = str(value)
    if not isinstance(value, str):
        raise _unexpected(place, column, value, "a text")
    if not value and not empty:
        raise ValueError(f"{place}, column {listed([column])}: the cell is empty, expected a text")
    if "\0" in value:
        raise ValueError(f"{place}, column {listed([column])}: found a NUL character, expected text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{place}, column {listed([column])}: found half of a surrogate pair, expected text") from None
    return value


def label(place: Place, column: str, value: Any, otherwise: str) -> str:
    """The text in a cell, or a default where it is empty.

    Args:
        place: Where the cell is.
        column: Its column.
        value: What the file has.
        otherwise: The default.

    Returns:
        The text.

    Raises:
        ValueError: Anything that is not a text.
    """
    return otherwise if value is None or value == "" or value != value else text(place, column, value)


def field(place: Place, record: Mapping[str, Any], *names: str) -> Any:
    """A field of a record, or of a record within it: `field(place, record, "token_usage", "input_tokens")`.

    Args:
        place: Where the record is.
        record: The record.
        *names: Names of the fields, from the outside in.

    Returns:
        The value.

    Raises:
        ValueError: No such field, or something on the way that is not a record.
    """
    value: Any = record
    for depth, name in enumerate(names):
        if not isinstance(value, Mapping):
            raise _unexpected(place, ".".join(names[:depth]), value, "a record")
        if name not in value:
            raise ValueError(
                f"{place}: found fields {listed(value)}, expected one named {'.'.join(names[: depth + 1])!r}"
            )
        value = value[name]
    return value


def optional(place: Place, record: Mapping[str, Any], *names: str) -> Any:
    """As `field`, but None where the field, or a record on the way to it, is missing or None.

    Args:
        place: Where the record is.
        record: The record.
        *names: Names of the fields, from the outside in.

    Returns:
        The value, or None.

    Raises:
        ValueError: Something on the way that is not a record.
    """
    value: Any = record
    for depth, name in enumerate(names):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _unexpected(place, ".".join(names[:depth]), value, "a record")
        value = value.get(name)
    return value


def listed(names: Iterable[str]) -> str:
    """Names as text: 'a', 'b'; the first dozen of many.

    Args:
        names: The names.

    Returns:
        The text.
    """
    shown = [repr(name if len(name) <= 60 else name[:57] + "...") for name in names]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")


def _unexpected(place: Place, column: str, value: Any, expected: str) -> ValueError:
    result = "the cell is empty" if isinstance(value, str) and not value.strip() else f"found {shown_value(value)}"
    return ValueError(f"{place}, column {listed([column])}: {result}, expected {expected}")


def shown_value(value: Any) -> str:
    """A value for an error message: short, and never so large that showing it fails.

    Args:
        value: Anything.

    Returns:
        At most 60 characters.
    """
    if isinstance(value, (list, dict)):
        return f"a {'list' if isinstance(value, list) else 'record'} of {len(value)}"
    if isinstance(value, int) and abs(value) > 10**40:
        return "a number of more than 40 digits"
    if isinstance(value, str):
        return ascii(value[:40]) if any(0xD800 <= ord(c) <= 0xDFFF for c in value[:40]) else repr(value[:40])
    return repr(value)[:60]
