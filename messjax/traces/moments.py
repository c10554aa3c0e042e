"""Points in time, as tables write them."""

from __future__ import annotations

import datetime
import math
from typing import Any

from messjax.traces.parsing import Place, listed, shown_value
from messjax.traces.reading import BadCell

_LARGEST = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # from which on a number counts ns, us, ms since 1970


def moment(place: Place, column: str, value: Any) -> float:
    """The point in time in a cell: ISO 8601 (UTC where it says nothing), or seconds, ms, us or ns since 1970.

    Args:
        place: Where the cell is.
        column: Its column.
        value: What the file has.

    Returns:
        Seconds since 1970.

    Raises:
        BadCell: Anything else.
    """
    result = math.nan
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = _iso(value.strip())
    if isinstance(value, datetime.datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=datetime.UTC)).timestamp()
    elif isinstance(value, datetime.date):
        value = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC).timestamp()
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e20:
        result = float(value) / next((unit for least, unit in _LARGEST if abs(value) >= least), 1.0)
    if not math.isfinite(result):
        message = (
            f"{place}, column {listed([column])}: found {shown_value(value)}, expected a time as 2026-03-30T12:00:00Z"
        )
        raise BadCell(message, "bad times")
    return result


def _iso(word: str) -> Any:
    try:
        return datetime.datetime.fromisoformat(word)
    except ValueError:
        return word
