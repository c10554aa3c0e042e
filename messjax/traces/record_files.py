"""Records of CSV, JSON Lines and JSON files, each with its place: what all readers share.

Everything here ends in a record or in one ValueError that names file and row, what was found and what was expected.
"""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from messjax.traces.parsing import Place, listed, shown_value

_LONGEST_CELL = 2**31 - 1  # characters; the largest limit that csv takes on every platform


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
                raise ValueError(f"{place}: found {shown_value(record)}, expected a record ({{...}})")
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
        raise ValueError(f"{path}: found {shown_value(value)}, expected a list of records")
    if not value:
        raise ValueError(f"{path} has an empty list, expected at least one record")
    for row, record in enumerate(value, start=1):
        place = Place(path, row, "record")
        if not isinstance(record, dict):
            raise ValueError(f"{place}: found {shown_value(record)}, expected a record ({{...}})")
        yield place, record


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
