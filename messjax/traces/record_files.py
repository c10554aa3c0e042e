"""Records of CSV, JSON Lines and JSON files, each with its place: what all readers share.

Everything here ends in a record or in one ValueError that names file and row, what was found and what was expected.
Rows that are broken are left out where the reading says so (`reading.current()`).
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from messjax.traces.contents import first_bad_byte, in_utf8, suffix_of
from messjax.traces.parsing import Decimals, Place, listed, shown_value
from messjax.traces.reading import BadCell, current

_LONGEST_CELL = 2**31 - 1  # characters; the largest limit that csv takes on every platform
_HEADER = 2**16  # bytes of a header in which the separator of cells is looked for
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def separator(path: Path, header: str) -> str:
    """What separates the cells of a CSV.

    Args:
        path: The file; a `.tsv` has tabs.
        header: Its first line.

    Returns:
        A comma; a semicolon or a tab where the header has these and, outside of quotes, no comma.
    """
    if suffix_of(path) == ".tsv":
        return "\t"
    bare = "".join(header.split('"')[::2])  # what is not in quotes
    return max(";\t", key=bare.count) if "," not in bare and (";" in bare or "\t" in bare) else ","


def csv_records(path: Path) -> Iterator[tuple[Place, list[str]]]:
    """The records of a CSV that are not blank, the header first. Cells may be separated by semicolons or tabs.

    Args:
        path: The file.

    Yields:
        The place of a record, and its cells.

    Raises:
        ValueError: Broken CSV, text that is not UTF-8, or a NUL byte.
    """
    with _long_cells(), in_utf8(path) as stream:
        first = stream.peek(_HEADER)[:_HEADER].decode("utf-8", "replace").lstrip("\r\n").partition("\n")[0]
        mark = separator(path, first)
        decimals = None if mark == "," else Decimals()
        if mark != ",":
            current().note("cells not separated by commas", f"cells are separated by {SEPARATORS[mark]}", path.name)
        handle = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        reader = csv.reader(handle, strict=True, delimiter=mark)  # strict: an unclosed quote is an error
        row = 0
        while True:
            row += 1
            place = Place(path, row, "row", reader.line_num + 1, decimals)
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                message = f"{place}: found broken CSV ({error}), expected quoted cells to be closed"
                if row == 1 or reader.line_num > (place.line or 0):  # more than one line would be left out
                    raise ValueError(message) from None
                current().bad(BadCell(message, "broken rows"))
                continue
            except UnicodeDecodeError:
                raise ValueError(f"{path} is not UTF-8: {first_bad_byte(path)}") from None
            if bad := next((column for column, cell in enumerate(cells, start=1) if "\0" in cell), 0):
                current().bad(BadCell(f"{place}, cell {bad}: found a NUL byte, expected text", "bad texts"))
            elif cells:
                yield place, cells


def csv_rows(
    path: Path, expected: str, *, index: bool = False, columns: Collection[str] | None = None
) -> Iterator[tuple[Place, dict[str, str]]]:
    """The rows of a CSV by column. The header is checked.

    Args:
        path: The file.
        expected: What the header should have, for the error about an empty file.
        index: Whether the first column may have no name, as pandas writes its index.
        columns: The columns that are asked for: others may share a name or lack one. None: all.

    Yields:
        The place of a row, and its cells by column.

    Raises:
        ValueError: As `csv_records` and `check_header` raise; an empty file, no row, or a row of another length.
    """
    records = csv_records(path)
    place, header = next(records, (None, []))
    if place is None:
        raise ValueError(f"{path} is empty, expected a header with {expected}")
    check_header(place, header, index=index, columns=columns)
    result = False
    for place, cells in records:
        if len(cells) != len(header):
            message = f"{place}: found {len(cells)} cells, expected {len(header)} as in the header"
            current().bad(BadCell(message, "broken rows"))
            continue
        result = True
        yield place, dict(zip(header, cells, strict=True))
    if not result:
        raise ValueError(f"{path} has a header and no requests, expected at least one row after it")


def check_header(
    place: Place, header: list[str], *, index: bool = False, columns: Collection[str] | None = None
) -> None:
    """Refuse a header in which columns share a name or lack one.

    Args:
        place: Where the header is.
        header: Names of the columns.
        index: Whether the first column may have no name, as pandas writes its index.
        columns: The columns that are asked for: others may share a name or lack one. None: all.

    Raises:
        ValueError: Two columns of one name, or a column without one.
    """
    seen: set[str] = set()
    for column, name in enumerate(header, start=1):
        if columns is not None and name not in columns:
            continue
        if not name.strip() and not (index and column == 1):
            raise ValueError(f"{place}: column {column} has no name, expected one (an index written by pandas?)")
        if name in seen:
            raise ValueError(f"{place}: found two columns {listed([name])}, expected different names")
        seen.add(name)


def json_lines(path: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The records of a JSON Lines file, in which blank lines are skipped, or of a JSON list.

    Args:
        path: The file.

    Yields:
        The place of a record, and the record.

    Raises:
        ValueError: An empty file, broken JSON, or a line that is not a record.
    """
    result = False
    with in_utf8(path) as stream:
        for row, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            if not result and line.lstrip()[:1] == b"[":
                yield from records_of(path, json_document(path))
                return
            place, record, result = Place(path, row, "line"), None, True
            with current():
                record = json_value(place, _decoded(place, line).rstrip("\r\n"))  # with it an error would be a line on
                if not isinstance(record, dict):
                    raise BadCell(f"{place}: found {shown_value(record)}, expected a record ({{...}})", "broken lines")
            if isinstance(record, dict):
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
    with in_utf8(path) as stream:
        decoded = _decoded(place, stream.read())
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
        BadCell: Broken JSON, or a key that occurs twice.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
            raise ValueError(f"found the key {twice!r} twice")
        return record

    try:
        return json.loads(decoded, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        line = place.row + error.lineno - 1
        message = f"{place.file}, line {line}: found broken JSON ({error.msg}), expected a whole record"
        raise BadCell(message, "broken lines") from None
    except RecursionError:
        raise BadCell(f"{place}: found JSON nested too deeply to be a record", "broken lines") from None
    except ValueError as error:  # a number of too many digits
        raise BadCell(f"{place}: {error}, expected a record", "broken lines") from None


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
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{place.file} is not UTF-8: {first_bad_byte(place.file)}") from None


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Lifts csv's limit of 131,072 characters per cell, which long prompts exceed, for as long as we read."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)
