"""What some formats leave open and the caller chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Options(NamedTuple):
    """Choices of a reader; a format without such a choice ignores them.

    Attributes:
        metric: MESS+ CSV and lm-evaluation-harness: which score (acc, acc_norm, exact_match, ...).
        filter: lm-evaluation-harness: which filter's rows.
        columns: Plain tables: role of a column to its name, as `plain.parse_columns` returns.
    """

    metric: str | None = None
    filter: str | None = None
    columns: Mapping[str, str] = {}


DEFAULTS = Options()
