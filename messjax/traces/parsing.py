"""Values of a record, validated, each with its place: what all readers share.

Everything here ends in a value or in one `BadCell` that names file, row and column, what was found and what was
expected. What happens to it is up to the reading (`reading.current()`): it is raised, or counted and left out.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax.traces.reading import BadCell, Reading, current

LARGEST = 1e18  # as the rest of messjax
NOTHING = {"", "nan", "none", "null", "n/a", "na", "#n/a", "<na>", "-", "--", "\u2013", "\u2014"}
_TRUTH = {"true": 1.0, "false": 0.0}
_JUDGED = re.compile(r"\[(PASS|FAIL|ERROR)\]", re.IGNORECASE)  # what promptfoo writes before an answer
_JUDGEMENT = {"pass": 1.0, "fail": 0.0, "error": math.nan}
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")


class Decimals:
    """Which mark separates the decimals of a file whose cells are not separated by commas: a comma or a point."""

    def __init__(self) -> None:
        self.mark = ""

    def number(self, word: str) -> float | None:
        """The number that a word is.

        Args:
            word: A cell.

        Returns:
            The number; None where it is none, or has another mark than an earlier one of the file.
        """
        mark = "," if _DECIMAL_COMMA.fullmatch(word) else "." if "." in word else ""
        if "," in word and mark != ",":
            return None
        with contextlib.suppress(ValueError):
            result = float(word.replace(",", "."))
            if not mark or self.mark in ("", mark):
                self.mark = mark or self.mark
                return result
        return None


class Place(NamedTuple):
    """Where something was found: rows, records and lines count from 1, the header of a CSV is row 1.

    Attributes:
        file: The file.
        row: Number of the row.
        unit: What is counted: "row", "record" or "line".
        line: Number of the line of text, where it differs.
        decimals: Of a file whose decimals may be separated by a comma.
    """

    file: Path
    row: int
    unit: str = "row"
    line: int | None = None
    decimals: Decimals | None = None

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.row}" + ("" if self.line is None else f" (line {self.line})")


def number(place: Place, column: str, value: Any, *, truth: bool = False) -> float:
    """The number in a cell.

    Args:
        place: Where the cell is.
        column: Its column.
        value: What the file has.
        truth: Whether it is a score: True and False, "85%", a word that the reading knows as a score, and "[PASS] ..."
            are then numbers as well.

    Returns:
        The number; NaN where the cell is empty (None, NaN, an empty text, a dash), or bad and left out.

    Raises:
        ValueError: Anything else, infinities, or numbers beyond 1e18.
    """
    if type(value) is float and -LARGEST <= value <= LARGEST:
        return value
    reading = current()
    cell, value = value, _numeral(place, value, truth, reading) if isinstance(value, str) else value
    if value is None:
        return math.nan
    if isinstance(value, (bool, np.bool_)) and truth:
        return float(value)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        reading.bad(_unexpected(place, column, cell, _expected(cell, truth)))
        return math.nan
    if value != value:
        return math.nan
    if not -LARGEST <= value <= LARGEST:
        reading.bad(_unexpected(place, column, value, f"a finite number, at most {LARGEST:g} in size"))
        return math.nan
    return float(value)


def _numeral(place: Place, cell: str, truth: bool, reading: Reading) -> Any:
    """What a cell of text says: None, a number, or the cell itself where it is neither."""
    word = cell.strip().lower()
    if truth and word in reading.score_words:
        return reading.score_words[word]
    if word in NOTHING:
        return None
    if truth and word in _TRUTH:
        return _TRUTH[word]
    if truth and (judged := _JUDGED.match(word)):
        return _JUDGEMENT[judged[1]]
    if truth and word.endswith("%"):
        share = _numeral(place, word[:-1], False, reading)
        return share / 100.0 if isinstance(share, float) else cell
    if "_" not in word and word.isascii():  # Python's own numerals are not a file's
        if place.decimals is not None:
            result = place.decimals.number(word)
            return cell if result is None else result
        with contextlib.suppress(ValueError):
            return float(word)
    return cell


def _expected(cell: Any, truth: bool) -> str:
    """What a cell should be instead; for a word, the option that makes a score of it."""
    if not truth:
        return "a number"
    word = cell.strip() if isinstance(cell, str) else ""
    if word.upper() in ("C", "I", "P", "N"):  # Inspect's letters: correct, incorrect, partial, no answer
        return "a number or True, False; --score-words C=1,I=0,P=0.5,N=0 reads letters as scores"
    if word and len(word) <= 20 and word.isalpha():
        return f"a number or True, False; --score-words {word}=1,... reads words as scores"
    return "a number or True, False"


def text(place: Place, column: str, value: Any, *, empty: bool = False, role: str = "") -> str:
    """The text in a cell, in valid Unicode; numbers become text (identifiers: 12 and 12.0 are "12").

    Args:
        place: Where the cell is.
        column: Its column.
        value: What the file has.
        empty: Whether it may be empty.
        role: What it is, for the count of those that are empty: "prompt", "id".

    Returns:
        The text.

    Raises:
        BadCell: Anything else.
    """
    if isinstance(value, (float, np.floating)) and abs(float(value)) < 2**53 and value == int(value):
        value = int(value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        if not -(10**40) < value < 10**40:  # longer ones Python itself refuses to write out
            raise _unexpected(place, column, "an endless number", "a text", "bad texts")
        value = str(value)
    if value is None or value == "":
        if empty and value == "":
            return ""
        what = "found None" if value is None else "the cell is empty"
        raise BadCell(f"{place}, column {listed([column])}: {what}, expected a text", f"empty {role or 'text'}s")
    if not isinstance(value, str):
        raise _unexpected(place, column, value, "a text", "bad texts")
    if "\0" in value:
        raise BadCell(f"{place}, column {listed([column])}: found a NUL character, expected text", "bad texts")
    try:
        value.encode()
    except UnicodeEncodeError:
        message = f"{place}, column {listed([column])}: found half of a surrogate pair, expected text"
        raise BadCell(message, "bad texts") from None
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
        BadCell: Anything that is not a text.
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
        BadCell: No such field, or something on the way that is not a record.
    """
    value: Any = record
    for depth, name in enumerate(names):
        if not isinstance(value, Mapping):
            raise _unexpected(place, ".".join(names[:depth]), value, "a record", "bad records")
        if name not in value:
            raise BadCell(
                f"{place}: found fields {listed(value)}, expected one named {'.'.join(names[: depth + 1])!r}",
                "bad records",
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
        BadCell: Something on the way that is not a record.
    """
    value: Any = record
    for depth, name in enumerate(names):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _unexpected(place, ".".join(names[:depth]), value, "a record", "bad records")
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


def _unexpected(place: Place, column: str, value: Any, expected: str, kind: str = "bad numbers") -> BadCell:
    result = "the cell is empty" if isinstance(value, str) and not value.strip() else f"found {shown_value(value)}"
    return BadCell(f"{place}, column {listed([column])}: {result}, expected {expected}", kind)


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
