"""A zoo by name, or from a file: model, mean cost, mean accuracy, and benchmark where there are several."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from messjax import zoo
from messjax.traces.contents import utf8_bytes

SUFFIXES = (".csv", ".json")
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
    rows = [_row(path, n, row) for n, row in enumerate(_records(path), 1)]
    models = list(dict.fromkeys(row[0] for row in rows))
    benchmarks = list(dict.fromkeys(row[1] for row in rows))
    cost, accuracy = np.full((2, len(benchmarks), len(models)), np.nan)
    for model, benchmark, paid, satisfied in rows:
        at = benchmarks.index(benchmark), models.index(model)
        if not np.isnan(cost[at]):
            raise ValueError(f"{path}: found model {model!r} twice{_on(benchmark)}, expected one row each")
        cost[at], accuracy[at] = paid, satisfied
    if np.isnan(cost).any():
        k, m = (int(i) for i in np.argwhere(np.isnan(cost))[0])
        raise ValueError(f"{path}: found no row of model {models[m]!r}{_on(benchmarks[k])}, expected one")
    order = np.argsort(cost.mean(axis=0), kind="stable")
    middle = 0.5 * (accuracy.min(axis=1) + accuracy.max(axis=1))
    return zoo.Zoo(
        path.stem, tuple(models[m] for m in order), tuple(benchmarks), cost[:, order], accuracy[:, order], middle,
        f"the unit of {path.name}", str(path.name),
    )  # fmt: skip


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        text = utf8_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: found {error.object[error.start]:#04x} at byte {error.start}") from None
    if path.suffix.lower() == ".csv":
        return list(csv.DictReader(text.splitlines()))
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: expected JSON, found something else ({error})") from error
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError(f"{path}: expected a list of objects with model, cost and accuracy")
    return found


def _row(path: Path, n: int, row: dict[str, Any]) -> tuple[str, str, float, float]:
    if missing := [name for name in ("model", "cost", "accuracy") if row.get(name) in (None, "")]:
        raise ValueError(f"{path}, row {n}: found no {missing[0]}, expected model, cost and accuracy")
    try:
        cost, accuracy = float(row["cost"]), float(row["accuracy"])
    except (TypeError, ValueError):
        raise ValueError(
            f"{path}, row {n}: found cost {row['cost']!r} and accuracy {row['accuracy']!r}, expected numbers"
        ) from None
    if not (0 <= cost < np.inf and 0 <= accuracy <= 1):
        raise ValueError(
            f"{path}, row {n}: found cost {cost:g} and accuracy {accuracy:g}, expected a finite cost >= 0 and an "
            "accuracy in [0, 1]"
        )
    return str(row["model"]), str(row.get("benchmark") or ""), cost, accuracy


def _on(benchmark: str) -> str:
    return f" on {benchmark!r}" if benchmark else ""
