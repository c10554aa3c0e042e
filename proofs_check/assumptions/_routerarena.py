"""RouterArena's cached_results: one JSONL per model, read as it is, for the checks only.

Scores may leave [0, 1] and entries may be missing (NaN): that is what A2 and A5 are there to find, so the Trace
returned is not the checked one that a reader of messjax gives.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from messjax.traces import Trace

COST_UNIT = "USD per request"


def read_routerarena(folder: Path) -> Trace:
    """Reads every `*.jsonl` of a folder; a file's stem is its model, requests come in the first file's order.

    Fields of a line: global_index (its part before the last "_" is the group), question, and in evaluation_result
    score and inference_cost (USD of that request). Models come cheapest first.

    Raises:
      ValueError: no file, a line that is no such record, models that answered different requests; naming file and line.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise ValueError(f"{folder} has no *.jsonl, expected RouterArena's cached results")
    answers = [_read(file) for file in files]
    for file, found in zip(files, answers, strict=True):
        if odd := sorted(found.keys() ^ answers[0].keys()):
            raise ValueError(
                f"{file}: request {odd[0]!r} is not in both it and {files[0].name}, expected the same ones"
            )
    rows = list(answers[0])
    table = np.array([[found[row][1:] for found in answers] for row in rows], np.float64)  # [N, M, 2]
    order = np.argsort(np.nanmean(table[..., 1], axis=0), kind="stable")
    return Trace(
        models=tuple(files[m].stem for m in order),
        prompts=tuple(answers[0][row][0] for row in rows),
        groups=tuple(row.rsplit("_", 1)[0] for row in rows),
        satisfaction=table[:, order, 0],
        cost=table[:, order, 1],
        cost_unit=COST_UNIT,
        source=folder.resolve().name,
    )


def _read(file: Path) -> dict[str, tuple[str, float, float]]:
    """Request -> (question, score, cost) of one model."""
    found: dict[str, tuple[str, float, float]] = {}
    for row, line in enumerate(file.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            result = record["evaluation_result"] or {}
            name, question = record["global_index"], str(record["question"])
            values = _number(result.get("score")), _number(result.get("inference_cost"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f"{file}, line {row}: found {type(error).__name__} ({error}), expected a record with global_index, "
                "question, evaluation_result (score, inference_cost)"
            ) from None
        if name in found:
            raise ValueError(f"{file}, line {row}: request {name!r} is there twice, expected once")
        found[name] = (question, *values)
    if not found:
        raise ValueError(f"{file} is empty, expected one record per line")
    return found


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
