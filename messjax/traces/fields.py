"""Fields of records, and of the records within them, by dotted names: `usage.prompt_tokens`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NOWHERE = object()  # what a field is that is not there


def ways_of(record: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The fields of a record and of the records within it.

    Args:
        record: The record.

    Yields:
        The way to each field that is no record itself.
    """
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from ((name, *way) for way in ways_of(value))
        else:
            yield (name,)


def found_in(record: Mapping[str, Any], column: str) -> Any:
    """The value of a column: a field of that name, or one within a record, by its dotted name.

    Args:
        record: The record.
        column: Name of the column. Names on the way may have dots themselves.

    Returns:
        The value, or `NOWHERE`.
    """
    if column in record:
        return record[column]
    start = column.find(".")
    while start > 0:
        inner = record.get(column[:start])
        if isinstance(inner, Mapping) and (value := found_in(inner, column[start + 1 :])) is not NOWHERE:
            return value
        start = column.find(".", start + 1)
    return NOWHERE
