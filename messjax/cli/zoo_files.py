"""A zoo by name, or from a file: model, mean cost, mean accuracy, and benchmark where there are several."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from messjax import zoo
from messjax.traces.contents import utf8_bytes

SUFFIXES = (".csv", ".json")
MOST_BYTES = 2**26
HELP = (
    f"{', '.join(zoo.PRESETS)}; or one benchmark of it: llama3/ARC-C; or a CSV or JSON file with model, cost, accuracy "
    "and, where there are several, benchmark"
)


def get(name: str) -> zoo.Zoo:
    """The zoo that --zoo names.

    Raises:
        ValueError: an unknown name, or a file that is missing or says something else.
    """
    return read(Path(name)) if name.lower().endswith(SUFFIXES) else zoo.get(name)


def read(path: Path) -> zoo.Zoo:
    """A zoo from a CSV with a header, or from a JSON list of objects with the same fields."""
    if not path.is_file():
        raise ValueError(f"--zoo: found no file {path}, expected one of {', '.join(zoo.PRESETS)} or a CSV or JSON file")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"{path}: found {size:,} bytes, expected at most {MOST_BYTES:,}")
    rows = [_row(path, n, row) for n, row in enumerate(_records(path), 1)]
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
    try:
        return _zoo(path, models, benchmarks, cost, accuracy)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _zoo(path: Path, models: list[str], benchmarks: list[str], cost: np.ndarray, accuracy: np.ndarray) -> zoo.Zoo:
    order = np.argsort(cost.mean(axis=0), kind="stable")
    middle = 0.5 * (accuracy.min(axis=1) + accuracy.max(axis=1))
    return zoo.Zoo(
        path.stem, tuple(models[m] for m in order), tuple(benchmarks), cost[:, order], accuracy[:, order], middle,
        f"the unit of {path.name}", str(path.name),
    )  # fmt: skip


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


def _on(benchmark: str) -> str:
    return f" on {benchmark!r}" if benchmark else ""
