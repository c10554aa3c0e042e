"""A table with a model and a score per row, without being told its columns: what they probably hold, and what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from messjax.traces.fields import found_in
from messjax.traces.parquet_rows import parquet_columns, read_parquet_rows
from messjax.traces.parsing import Place
from messjax.traces.record_files import csv_rows, json_document, json_lines, records_of
from messjax.traces.sniff import Sniffed

# Names that are in use, the first of a role that is there counts; compared in small letters.
USUAL = {
    "time": ("ts", "time", "timestamp", "created_at", "start_time", "date"),
    "id": ("id", "request_id", "uuid"),
    "session": ("session", "session_id", "conversation_id", "user_id"),
    "prompt": ("prompt", "question", "query", "input", "messages", "request"),
    "model": ("model", "model_name", "model_id", "selected_model", "engine", "route"),
    "score": ("score", "rating", "reward", "feedback", "satisfied", "correct", "label", "quality"),
    "cost": ("cost", "usd", "cost_usd", "usd_cost", "total_cost", "spend", "price"),
    "propensity": ("propensity", "prob", "probability", "p", "pscore"),
    "latency_ms": ("latency_ms", "duration_ms", "response_ms"),
    "latency": ("latency", "latency_s", "duration", "seconds"),
    "input_tokens": ("input_tokens", "prompt_tokens", "tokens_in"),
    "output_tokens": ("output_tokens", "completion_tokens", "tokens_out"),
}
SEPARATORS = (":", "_", ".", "/", "-", " ")  # between a role and the name of a model
LOOKED_AT = 2_000  # rows that are looked at
SHARE = 0.95  # of requests that have one row, in a decision log


def guessed(seen: Sniffed) -> dict[str, str]:
    """The columns of a table by the role that their names suggest.

    Args:
        seen: What a path holds.

    Returns:
        Columns by role; empty where there is no model and score.
    """
    names = {name.lower(): name for keys in seen.keys.values() for name in keys}
    found = {role: next((names[each] for each in usual if each in names), "") for role, usual in USUAL.items()}
    known = {role: name for role, name in found.items() if name}
    if "latency_ms" in known:
        known.pop("latency", None)
    return known if {"model", "score"} <= set(known) else {}


def guessed_wide(seen: Sniffed) -> dict[str, str]:
    """The columns of a table with a column of scores for each model, `score_A`, `score_B`, ..., by role.

    Args:
        seen: What a path holds.

    Returns:
        Columns by role, as patterns where they are of models; empty where there are no two such columns.
    """
    names = {name.lower(): name for keys in seen.keys.values() for name in keys}
    for mark in SEPARATORS:
        starts = {role: role + mark for role in ("score", "cost")}
        scores, costs = ([name for name in names if name.startswith(start)] for start in starts.values())
        if len(scores) > 1:
            found = {
                role: next((names[each] for each in USUAL[role] if each in names), "") for role in ("prompt", "id")
            }
            found |= {"score:*": f"{names[scores[0]][: len(starts['score'])]}*"}
            found |= {"cost:*": f"{names[costs[0]][: len(starts['cost'])]}*"} if costs else {}
            return {role: name for role, name in found.items() if name}
    return {}


def as_option(columns: Mapping[str, str]) -> str:
    """Columns as the value of `--columns`.

    Args:
        columns: Columns by role.

    Returns:
        The value.
    """
    return ",".join(f"{role}={name}" for role, name in columns.items())


def has_one_answer_each(seen: Sniffed, columns: Mapping[str, str]) -> bool:
    """Whether (nearly) every request of a table has one row: the answer of one model.

    Args:
        seen: What a path holds.
        columns: Columns by role, as `guessed` finds them.

    Returns:
        True or False; True where neither prompts nor ids tell requests apart.

    Raises:
        ValueError: A file that cannot be read.
    """
    key = columns.get("prompt") or columns.get("id")
    if key is None:
        return True
    models: dict[str, set[str]] = {}
    for _, record in islice(records_in(seen, [key, columns["model"]]), LOOKED_AT):
        models.setdefault(str(found_in(record, key)), set()).add(str(found_in(record, columns["model"])))
    several = {name for names in models.values() for name in names}
    return len(several) > 1 and sum(len(names) == 1 for names in models.values()) >= SHARE * len(models)


def records_in(seen: Sniffed, columns: list[str] | None) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """The records of all files; of CSV and Parquet only the columns that are asked for have to be in order.

    Args:
        seen: What a path holds.
        columns: The columns that are asked for; None: all.

    Yields:
        Places and records.

    Raises:
        ValueError: A file that cannot be read.
    """
    for kind, files in seen.files.items():
        for file in files:
            if kind == "csv":
                yield from csv_rows(file, "a row per request", index=True, columns=columns or ())
            elif kind == "jsonl":
                yield from json_lines(file)
            elif kind == "parquet":
                yield from read_parquet_rows(file, columns or [way[0] for way in parquet_columns(file)])
            elif kind == "json":
                document = json_document(file)
                yield from records_of(file, document.get("data") if isinstance(document, dict) else document)
