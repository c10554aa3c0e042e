"""What all readers share: records of CSV, JSON Lines and JSON with their place, and validated values.

Everything here ends in a value or in one ValueError that names file, row and column, what was found and what was
expected.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

LARGEST = 1e18  # as the rest of messjax
_LONGEST_CELL = 2**31 - 1  # characters; the largest limit that csv takes on every platform
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


def csv_records(path: Path) -> Iterator[tuple[Place, list[str]]]:
    """The records of a CSV that are not blank, the header first.

    Args:
        path: The file.

    Yields:
        The place of a record, and its cells.

    Raises:
        ValueError: Broken CSV, text that is not UTF-8, or a NUL byte.
    """
    with _long_cells(), open(path, newline="", encoding="utf-8-sig") as handle:
        reader = csv.reader(handle, strict=True)  # strict: the unclosed quote of a truncated file is an error
        row = 0
        while True:
            row += 1
            place = Place(path, row, "row", reader.line_num + 1)
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise ValueError(f"{place}: found broken CSV ({error}), expected quoted cells to be closed") from None
            except UnicodeDecodeError:
                raise ValueError(f"{path} is not UTF-8: {_first_bad_byte(path)}") from None
            for column, cell in enumerate(cells, start=1):
                if "\0" in cell:
                    raise ValueError(f"{place}, cell {column}: found a NUL byte, expected text")
            if cells:
                yield place, cells


def csv_rows(path: Path, expected: str, *, index: bool = False) -> Iterator[tuple[Place, dict[str, str]]]:
    """The rows of a CSV by column. The header is checked.

    Args:
        path: The file.
        expected: What the header should have, for the error about an empty file.
        index: Whether the first column may have no name, as pandas writes its index.

    Yields:
        The place of a row, and its cells by column.

    Raises:
        ValueError: As `csv_records` and `check_header` raise; an empty file, no row, or a row of another length.
    """
    records = csv_records(path)
    place, header = next(records, (None, []))
    if place is None:
        raise ValueError(f"{path} is empty, expected a header with {expected}")
    check_header(place, header, index=index)
    result = False
    for place, cells in records:
        if len(cells) != len(header):
            raise ValueError(f"{place}: found {len(cells)} cells, expected {len(header)} as in the header")
        result = True
        yield place, dict(zip(header, cells, strict=True))
    if not result:
        raise ValueError(f"{path} has a header and no requests, expected at least one row after it")


def check_header(place: Place, header: list[str], *, index: bool = False) -> None:
    """Refuse a header in which columns share a name or lack one.

    Args:
        place: Where the header is.
        header: Names of the columns.
        index: Whether the first column may have no name, as pandas writes its index.

    Raises:
        ValueError: Two columns of one name, or a column without one.
    """
    for column, name in enumerate(header, start=1):
        if not name.strip() and not (index and column == 1):
            raise ValueError(f"{place}: column {column} has no name, expected one (an index written by pandas?)")
        if name in header[: column - 1]:
            raise ValueError(f"{place}: found two columns {listed([name])}, expected different names")


def json_lines(path: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The records of a JSON Lines file; blank lines are skipped.

    Args:
        path: The file.

    Yields:
        The place of a record, and the record.

    Raises:
        ValueError: An empty file, broken JSON, or a line that is not a record.
    """
    result = False
    with open(path, "rb") as handle:
        for row, line in enumerate(handle, start=1):
            place = Place(path, row, "line")
            decoded = _decoded(place, line)
            if not decoded.strip():
                continue
            record = json_value(place, decoded.rstrip("\r\n"))  # with it an error would be on the next line
            if not isinstance(record, dict):
                raise ValueError(f"{place}: found {_shown(record)}, expected a record ({{...}})")
            result = True
            yield place, record
    if not result:
        raise ValueError(f"{path} is empty, expected one record per line")


def json_document(path: Path) -> Any:
    """The value of a JSON file.

    Args:
        path: The file.

    Returns:
        The value.

    Raises:
        ValueError: An empty file or broken JSON.
    """
    place = Place(path, 1, "line")
    decoded = _decoded(place, path.read_bytes())
    if not decoded.strip():
        raise ValueError(f"{path} is empty, expected JSON")
    return json_value(place, decoded)


def json_value(place: Place, decoded: str) -> Any:
    """The value of a JSON text.

    Args:
        place: Where the text is.
        decoded: The text.

    Returns:
        The value.

    Raises:
        ValueError: Broken JSON, or a key that occurs twice.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"found the key {twice!r} twice")
        return record

    try:
        return json.loads(decoded, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        line = place.row + error.lineno - 1
        raise ValueError(
            f"{place.file}, line {line}: found broken JSON ({error.msg}), expected a whole record"
        ) from None
    except RecursionError:
        raise ValueError(f"{place}: found JSON nested too deeply to be a record") from None
    except ValueError as error:  # a number of too many digits
        raise ValueError(f"{place}: {error}, expected a record") from None


def records_of(path: Path, value: Any) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The records of a JSON list.

    Args:
        path: The file, for error messages.
        value: The list.

    Yields:
        The place of a record, and the record.

    Raises:
        ValueError: Anything but a list of records, or an empty list.
    """
    if not isinstance(value, list):
        raise ValueError(f"{path}: found {_shown(value)}, expected a list of records")
    if not value:
        raise ValueError(f"{path} has an empty list, expected at least one record")
    for row, record in enumerate(value, start=1):
        place = Place(path, row, "record")
        if not isinstance(record, dict):
            raise ValueError(f"{place}: found {_shown(record)}, expected a record ({{...}})")
        yield place, record


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
    result = "the cell is empty" if isinstance(value, str) and not value.strip() else f"found {_shown(value)}"
    return ValueError(f"{place}, column {listed([column])}: {result}, expected {expected}")


def _shown(value: Any) -> str:
    """A value in an error: short, and never so large that showing it fails."""
    if isinstance(value, (list, dict)):
        return f"a {'list' if isinstance(value, list) else 'record'} of {len(value)}"
    if isinstance(value, int) and abs(value) > 10**40:
        return "a number of more than 40 digits"
    if isinstance(value, str):
        return ascii(value[:40]) if any(0xD800 <= ord(c) <= 0xDFFF for c in value[:40]) else repr(value[:40])
    return repr(value)[:60]


def _decoded(place: Place, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig" if place.row == 1 else "utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{place.file} is not UTF-8: {_first_bad_byte(place.file)}") from None


def _first_bad_byte(path: Path) -> str:
    """Reads the file again: the decoder of a stream counts from the start of its chunk, not of the file."""
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return f"found 0x{error.object[error.start]:02x} at byte {error.start}, counted from 0"
    return "the file has changed while it was read"


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Lifts csv's limit of 131,072 characters per cell, which long prompts exceed, for as long as we read."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)
