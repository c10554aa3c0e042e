"""How a check reports what it found: a count, the first few places, the models with their numbers."""

from __future__ import annotations

import numpy as np

from messjax.traces.findings import EXAMPLES, Finding
from messjax.traces.recording import Recording

_SHOWN = 6  # models named in a message


def of_cells(
    recording: Recording,
    check: str,
    severity: str,
    bad: np.ndarray,
    message: str,
    option: str = "",
    *,
    values: np.ndarray,
) -> Finding:
    """A finding about cells.

    Args:
        recording: The recording.
        check: Short name of the check.
        severity: "error", "warning" or "info".
        bad: Mask of the cells [N, M].
        message: What was found.
        option: What handles it, or "".
        values: What the examples show, [N, M].

    Returns:
        The finding.
    """
    first = np.flatnonzero(bad.any(axis=1))[:EXAMPLES]
    examples = []
    for n in first:
        m = int(np.argmax(bad[n]))
        text = "nothing" if np.isnan(values[n, m]) else f"{values[n, m]:g}"
        examples.append(f"{_request(recording, n, m)}: {recording.models[m]}: {text}")
    return Finding(check, severity, int(bad.sum()), message, tuple(examples), option)


def of_requests(
    recording: Recording, check: str, severity: str, rows: np.ndarray, message: str, option: str = ""
) -> Finding:
    """A finding about requests.

    Args:
        recording: The recording.
        check: Short name of the check.
        severity: "error", "warning" or "info".
        rows: Numbers of the requests [k].
        message: What was found.
        option: What handles it, or "".

    Returns:
        The finding.
    """
    examples = tuple(_request(recording, n) for n in rows[:EXAMPLES])
    return Finding(check, severity, len(rows), message, examples, option)


def _request(recording: Recording, n: np.integer, m: int | None = None) -> str:
    """Where a request was first found, or the cell of model m, and the request's id."""
    return f"{recording.place(int(n), m)}, {recording.ids[int(n)][:60]!r}"


def per_model(recording: Recording, numbers: np.ndarray) -> str:
    """A number per model as text ('a 3, b 0'), largest first, the first few.

    Args:
        recording: The recording.
        numbers: Numbers [M].

    Returns:
        The text.
    """
    order = np.argsort(-numbers, kind="stable")
    text = ", ".join(f"{recording.models[m]} {numbers[m]:,.6g}" for m in order[:_SHOWN])
    return text + (f" and {len(order) - _SHOWN} more" if len(order) > _SHOWN else "")


def counted(recording: Recording, counts: np.ndarray) -> str:
    """As `per_model`, of those models only whose count is not 0.

    Args:
        recording: The recording.
        counts: Counts [M].

    Returns:
        The text.
    """
    order = [m for m in np.argsort(-counts, kind="stable") if counts[m]]
    text = ", ".join(f"{recording.models[m]} {counts[m]:,.6g}" for m in order[:_SHOWN])
    return text + (f" and {len(order) - _SHOWN} more" if len(order) > _SHOWN else "")


def mean_where(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean per model of some cells.

    Args:
        values: [N, M].
        known: Mask of the cells [N, M].

    Returns:
        Means [M], NaN where a model has no such cell.
    """
    count = known.sum(axis=0)
    return np.where(known, values, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan)
