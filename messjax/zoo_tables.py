"""A zoo's table from a file: model, cost, accuracy, and where the file says so, benchmark and cost_unit."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax.traces.contents import utf8_bytes

__all__ = ["MOST_BYTES", "SUFFIXES", "Table", "is_file_name", "read_table"]

SUFFIXES = (".csv", ".json")
MOST_BYTES = 2**26


class Table(NamedTuple):
    """What a file says of M models on K benchmarks, in the order in which it names them.

    Attributes:
        models: Names of the M models.
        benchmarks: Names of the K benchmarks; one empty name where the file has no such column.
        cost: [K, M] mean cost of one request, in `cost_unit`.
        accuracy: [K, M] mean satisfaction, in [0, 1].
        cost_unit: Unit of the costs; empty where the file does not say.
    """

    models: list[str]
    benchmarks: list[str]
    cost: np.ndarray
    accuracy: np.ndarray
    cost_unit: str


def is_file_name(name: str) -> bool:
    """Whether a name is that of a file of a zoo, rather than of a preset.

    Args:
        name: The name.

    Returns:
        Whether it ends in .csv or .json, in any case.
    """
    return name.lower().endswith(SUFFIXES)


def read_table(path: Path) -> Table:
    """The table of a CSV file with a header, or of a JSON list of objects with the same fields.

    Args:
        path: The file, of at most `MOST_BYTES`.

    Returns:
        The table.

    Raises:
        ValueError: No such file, another kind of file, a row that lacks a field or whose numbers are out of range, a
            model without a row on one of the benchmarks or with two, or costs in different units. It names the file.
    """
    if not is_file_name(path.name):
        raise ValueError(f"{path}: found a file {path.suffix or 'without a suffix'}, expected .csv or .json")
    if not path.is_file():
        raise ValueError(f"{path}: found no such file, expected a CSV or JSON file of a zoo")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"{path}: found {size:,} bytes, expected at most {MOST_BYTES:,}")
    records = _records(path)
    rows = [_row(path, n, row) for n, row in enumerate(records, 1)]
    if not rows:
        raise ValueError(f"{path}: found no row, expected one for each model")
    known: dict[tuple[str, str], tuple[float, float]] = {}
    for model, benchmark, paid, satisfied in rows:
        if (benchmark, model) in known:
            raise ValueError(f"{path}: found model {model!r} twice{_on(benchmark)}, expected one row each")
        known[benchmark, model] = paid, satisfied
    models = list(dict.fromkeys(row[0] for row in rows))
    benchmarks = list(dict.fromkeys(row[1] for row in rows))
    numbers = []
    for benchmark, model in itertools.product(benchmarks, models):  # stops at the first gap, before a table is made
        if (benchmark, model) not in known:
            raise ValueError(f"{path}: found no row of model {model!r}{_on(benchmark)}, expected one")
        numbers.append(known[benchmark, model])
    cost, accuracy = np.moveaxis(np.reshape(numbers, (len(benchmarks), len(models), 2)), -1, 0)
    return Table(models, benchmarks, cost, accuracy, _unit(path, records))


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        text = utf8_bytes(path).decode("utf-8-sig")
        is_csv = path.suffix.lower() == ".csv"
        found: Any = list(csv.DictReader(text.splitlines())) if is_csv else json.loads(text)
    except (ValueError, RecursionError, csv.Error) as error:
        what = path.suffix[1:].upper()
        raise ValueError(f"{path}: expected {what} in UTF-8, found something else ({error})") from None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError(f"{path}: expected a list of objects with model, cost and accuracy")
    return found


def _row(path: Path, n: int, row: dict[str, Any]) -> tuple[str, str, float, float]:
    if missing := [name for name in ("model", "cost", "accuracy") if row.get(name) in (None, "")]:
        raise ValueError(f"{path}, row {n}: found no {missing[0]}, expected model, cost and accuracy")
    try:
        cost, accuracy = float(row["cost"]), float(row["accuracy"])
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"{path}, row {n}: found cost {str(row['cost'])[:60]!r} and accuracy {str(row['accuracy'])[:60]!r}, "
            "expected numbers"
        ) from None
    if not (0 <= cost < np.inf and 0 <= accuracy <= 1):
        raise ValueError(
            f"{path}, row {n}: found cost {cost:g} and accuracy {accuracy:g}, expected a finite cost >= 0 and an "
            "accuracy in [0, 1]"
        )
    return str(row["model"]), str(row.get("benchmark") or ""), cost, accuracy


def _unit(path: Path, records: list[dict[str, Any]]) -> str:
    """The one unit of all rows: costs in different units are not comparable, and none has one that is not written."""
    units = [str(row.get("cost_unit") or "").strip() for row in records]
    for n, unit in enumerate(units, 1):
        if unit != units[0]:
            raise ValueError(
                f"{path}, row {n}: found cost_unit {unit[:60]!r}, and {units[0][:60]!r} in row 1; expected the same in "
                "every row"
            )
    return units[0]


def _on(benchmark: str) -> str:
    return f" on {benchmark!r}" if benchmark else ""
