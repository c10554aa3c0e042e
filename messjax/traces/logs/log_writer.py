"""Decision logs as files whose columns are named by what they hold: CSV, JSON Lines or Parquet."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from messjax import files
from messjax.traces.logs.logged_trace import LoggedTrace

SUFFIXES = (".csv", ".jsonl", ".parquet")
SEPARATOR = "|"  # between the names of eligible models in a cell


def write_log(log: LoggedTrace, path: Path) -> Path:
    """Write a log that `read_log` reads again without being told its columns. What is not known is left empty.

    Args:
        log: The log.
        path: A file; its suffix, one of `SUFFIXES`, says how.

    Returns:
        The path.

    Raises:
        ValueError: Another suffix.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"log: found {path.name!r}, expected a name that ends with {', '.join(SUFFIXES)}")
    table, out = pa.table(columns_of(log)), io.BytesIO()
    if path.suffix == ".csv":
        pc.write_csv(table, out)
    elif path.suffix == ".parquet":
        pq.write_table(table, out)
    else:
        lines = (json.dumps({k: v for k, v in row.items() if v is not None}) for row in _rows(table))
        out.write("".join(f"{line}\n" for line in lines).encode())
    return files.write(path, out.getvalue())


def columns_of(log: LoggedTrace) -> dict[str, Any]:
    """The columns of a log, by the role that `--columns` gives them.

    Args:
        log: The log.

    Returns:
        Arrow arrays or lists of text.
    """
    found: dict[str, Any] = {"id": list(log.ids)}
    if log.time is not None:
        found["time"] = _numbers(log.time)
    if any(log.texts):
        found["prompt"] = list(log.texts)
    found["model"] = [log.models[a] for a in log.action]
    found |= {"score": _numbers(log.score), "cost": _numbers(log.cost), "cost_unit": [log.cost_unit] * len(log.action)}
    chosen = log.chosen_propensity
    if log.propensity is not None and log.method == "exact":
        found |= {f"propensity:{name}": _numbers(log.propensity[:, m]) for m, name in enumerate(log.models)}
    else:
        found["propensity"] = _numbers(np.full(len(log.action), np.nan) if chosen is None else chosen)
    if log.known_cost is not None:
        found |= {f"cost:{name}": _numbers(log.known_cost[:, m]) for m, name in enumerate(log.models)}
    return found | _optional_columns(log)


def _optional_columns(log: LoggedTrace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if log.eligible is not None:
        names = np.array(log.models)
        found["eligible"] = [SEPARATOR.join(names[row]) for row in log.eligible]
    for name in ("p_observed", "feedback_time", "latency", "input_tokens", "output_tokens"):
        if (values := getattr(log, name)) is not None:
            found[name] = _numbers(values)
    for name, labels in (("session", log.sessions), ("version", log.versions)):
        if labels is not None:
            found[name] = list(labels)
    if log.features is not None:
        found |= {f"feature:{name}": _numbers(log.features[:, k]) for k, name in enumerate(log.feature_names)}
    return found


def _numbers(values: np.ndarray) -> pa.Array:
    """NaN becomes an empty cell."""
    return pa.array(np.asarray(values, np.float64), from_pandas=True)


def _rows(table: pa.Table) -> Any:
    for batch in table.to_batches(max_chunksize=4_096):
        yield from batch.to_pylist()
