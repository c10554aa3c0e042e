"""RouterArena's cached results: JSON Lines, one file per model, one record per request.

Source: `cached_results/`, `llm_evaluation/evaluate_models.py`, `llm_inference/` of github.com/RouteWorks/RouterArena.
Its price list, `model_cost/cost.json`, is what `--cost tokens --prices .../cost.json` reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of
from messjax.traces.findings import Finding, FindingCounter
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, field, number, optional, text
from messjax.traces.reading import BadCell, current
from messjax.traces.record_files import json_lines
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of

COST_UNIT = "USD"


def fits(sniffed: Sniffed) -> bool:
    """JSON Lines with a question, its index over all benchmarks, and a result or a count of tokens.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    keys = sniffed.fields
    return {"global_index", "question"} <= keys and bool({"evaluation_result", "token_usage"} & keys)


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one file, or all `*.jsonl` of a folder, and joins their requests by `global_index`.

    A request's group is its index before the last "_". A model is called as `llm_selected` says where the file's name
    is that with "/" written as "_" (price lists know it by this name), else as the file. Of a request that was asked
    several times the run number 1 counts, then one that succeeded, then the first, as for the publisher; others are
    reported. Answers that are not evaluated have neither score nor cost.

    Args:
        path: A file or folder.
        options: Not used.

    Returns:
        The recording.

    Raises:
        ValueError: As `json_lines`, `text` and `number`; a record without `global_index` or `question`; `success`,
            `evaluation_result` or `token_usage` of another kind.
    """
    builder, notes = Builder("routerarena", path, cost_unit=COST_UNIT), _Notes()
    for file in files_of(path, "jsonl", "json"):
        _read(file, builder, notes)
    builder.findings += notes.findings()
    return builder.build()


class _Notes:
    """What is noticed on the way."""

    def __init__(self) -> None:
        zero = "--cost tokens --prices .../cost.json"
        self.failed = FindingCounter("failed calls", "warning", "calls failed; their scores and costs are as recorded")
        self.unscored = FindingCounter("not evaluated", "error", "answers have no score", "--missing drop|zero")
        self.broken = FindingCounter(
            "evaluation failed", "warning", "answers have score and cost 0 because scoring them failed"
        )
        self.free = FindingCounter(
            "costs of zero", "warning", "answers with tokens cost 0: a model without a price", zero
        )
        self.others = FindingCounter(
            "another model", "warning", "records name another model than their file's first one"
        )

    def findings(self) -> list[Finding]:
        counters = (self.failed, self.unscored, self.broken, self.free, self.others)
        return [finding for counter in counters for finding in counter.findings()]


class _Answer(NamedTuple):
    """One record; `rank` is lower for the run that counts."""

    request: int
    place: Place
    rank: tuple[bool, bool]
    values: dict[str, float]


def _read(file: Path, builder: Builder, notes: _Notes) -> None:
    answers: list[_Answer] = []
    selected = None
    for place, record in json_lines(file):
        with current():
            index = text(place, "global_index", field(place, record, "global_index"), role="id")
            question = text(place, "question", field(place, record, "question"), role="prompt")
            failed, error = _failed(place, record), record.get("error")
            n = builder.request(index, question, index.rpartition("_")[0] or index, place)
            named = record.get("llm_selected")
            selected = selected if answers else named
            where = f"{place}: {index!r}"
            if named != selected:
                notes.others.add(where)
            if failed:
                notes.failed.add(f"{where}: {error[:80]!a}" if isinstance(error, str) else where)
            values = _values(place, record)
            _note(record, values, where, notes)
            run = number(place, "run_number", record.get("run_number"))
            answers.append(_Answer(n, place, (not (np.isnan(run) or run == 1.0), failed), values))
    model = builder.model(_name(file, selected))
    for answer in sorted(answers, key=lambda answer: answer.rank):  # stable; the first of a cell stays
        builder.cell(answer.request, model, answer.place, **answer.values)


def _values(place: Place, record: dict[str, Any]) -> dict[str, float]:
    fields = {
        "score": ("evaluation_result", "score"),
        "cost": ("evaluation_result", "inference_cost"),
        "input_tokens": ("token_usage", "input_tokens"),
        "output_tokens": ("token_usage", "output_tokens"),
    }
    return {
        name: number(place, ".".join(way), optional(place, record, *way), truth=name == "score")
        for name, way in fields.items()
    }


def _note(record: dict[str, Any], values: dict[str, float], where: str, notes: _Notes) -> None:
    if np.isnan(values["score"]):
        notes.unscored.add(where)
    elif record["evaluation_result"].get("metric") == "error":
        notes.broken.add(where)
    elif values["cost"] == 0.0 and values["output_tokens"] > 0.0:
        notes.free.add(where)


def _failed(place: Place, record: dict[str, Any]) -> bool:
    """Whether the record says that its call failed."""
    success = record.get("success")
    if success is not None and not isinstance(success, bool):
        message = f"{place}, column 'success': found a {type(success).__name__}, expected true or false"
        raise BadCell(message, "bad records")
    return not success if success is not None else bool(record.get("error"))


def _name(file: Path, selected: Any) -> str:
    stem = stem_of(file)
    same = isinstance(selected, str) and selected.replace("/", "_") == stem
    return text(Place(file, 1, "line"), "llm_selected", selected) if same else stem
