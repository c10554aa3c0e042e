"""Recordings as lists, and files for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from messjax.traces import Recording


def rows(values: np.ndarray | None) -> Any:
    """An array as lists, with None for NaN."""
    assert values is not None
    return [[None if cell != cell else cell for cell in row] for row in values.tolist()]


def finding(recording: Recording, check: str) -> Any:
    """The one finding of this name."""
    (result,) = [each for each in recording.findings if each.check == check]
    return result


def lines(path: Path, records: list[Any]) -> Path:
    """JSON Lines with these records."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path
