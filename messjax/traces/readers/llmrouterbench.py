"""LLMRouterBench's results: one JSON per dataset, split and model, `bench/<dataset>/<split>/<model>/*-<time>.json`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of
from messjax.traces.findings import EXAMPLES, Finding
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, field, label, number, optional, text
from messjax.traces.reading import current
from messjax.traces.record_files import json_document, records_of
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of

COST_UNIT = "USD"
_STAMP = re.compile(r"(.*?)-?(\d{8}_\d{6})?", re.DOTALL)  # of the whole stem


def fits(sniffed: Sniffed) -> bool:
    """JSON with a list `records` of what models answered to an `origin_query`.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    return {"records[].index", "records[].origin_query"} <= set(sniffed.keys.get("json", ()))


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one JSON, or all `*.json` of a folder and of the folders in it.

    Fields of a file: `model_name`, `dataset_name`, `split`, or where they are missing the names of the folders it lies
    in; `records`. Fields of a record: `index`, which with dataset and split identifies a request, `origin_query` (the
    text; `prompt` where it is empty), `score`, `cost` in USD, `prompt_tokens`, `completion_tokens`. The group is the
    dataset. Of several runs of a model on a split (by the time in the file's name) the last is read that is no `demo`.

    Args:
        path: A file or folder.
        options: Not used.

    Returns:
        The recording.

    Raises:
        ValueError: A path that is missing or has no JSON, JSON that is broken or lacks a field, values of another kind.
            It names file, record (the first is 1) and field.
    """
    builder = Builder("llmrouterbench", path, cost_unit=COST_UNIT)
    runs: dict[tuple[Path, str], list[tuple[str, Path]]] = {}
    for file in files_of(path, "json"):
        match = _STAMP.fullmatch(stem_of(file))
        stem, stamp = (match[1], match[2] or "") if match else (stem_of(file), "")
        runs.setdefault((file.parent, stem), []).append((stamp, file))
    left: dict[str, list[Path]] = {"older": [], "demo": [], "only": []}
    free = 0
    for each in runs.values():
        document, file = _latest(sorted(each, reverse=True), left)
        free += _read(file, document, builder)
    _report(builder, left, free)
    return builder.build()


def _latest(runs: list[tuple[str, Path]], left: dict[str, list[Path]]) -> tuple[dict[str, Any], Path]:
    """The document to read of several runs, the last one first, and its file; notes the others in `left`."""
    documents = []
    for n, (_, file) in enumerate(runs):
        document = json_document(file)
        if not isinstance(document, dict):
            raise ValueError(f"{file}: found no record, expected {{model_name, dataset_name, records: [...]}}")
        if document.get("demo") is not True:
            left["older"].extend(other for _, other in runs[n + 1 :])
            left["demo"].extend(other for _, other in runs[:n])
            return document, file
        documents.append(document)
    left["demo"].extend(other for _, other in runs[1:])
    left["only"].append(runs[0][1])
    return documents[0], runs[0][1]


def _read(file: Path, document: dict[str, Any], builder: Builder) -> int:
    """Reads one file; the number of its calls that cost 0."""
    whole, folders = Place(file, 1, "line"), [*reversed(Path(os.path.abspath(file)).parts[:-1]), "", "", ""]
    model = label(whole, "model_name", document.get("model_name"), folders[0])
    split = label(whole, "split", document.get("split"), folders[1])
    dataset = label(whole, "dataset_name", document.get("dataset_name"), folders[2] or stem_of(file))
    m, free = builder.model(model), 0
    for place, record in records_of(file, field(whole, document, "records")):
        with current():
            index = text(place, "index", field(place, record, "index"), role="id")
            query = optional(place, record, "origin_query") or field(place, record, "prompt")
            shown = text(place, "origin_query", query, role="prompt")
            score = number(place, "score", field(place, record, "score"), truth=True)
            key = f"{dataset}\0{split}\0{index}"
            n = builder.request(key, shown, dataset, place, id=f"{dataset}/{split}/{index}")
            cost = number(place, "cost", record.get("cost"))
            free += cost == 0.0
            builder.cell(
                n,
                m,
                place,
                score=score,
                cost=cost,
                input_tokens=number(place, "prompt_tokens", record.get("prompt_tokens")),
                output_tokens=number(place, "completion_tokens", record.get("completion_tokens")),
            )
    return free


def _report(builder: Builder, left: dict[str, list[Path]], free: int) -> None:
    for files, check, severity, message in (
        (left["older"], "older runs", "info", "files are older runs of a model on a split and left out"),
        (left["demo"], "demo runs", "info", "files are demo runs and left out"),
        (left["only"], "only demo runs", "warning", "files are demo runs and read, for want of others"),
    ):
        if files:
            examples = tuple(file.name for file in files[:EXAMPLES])
            builder.findings.append(Finding(check, severity, len(files), message, examples))
    if free:
        message = "calls have cost 0: of models the publisher ran itself, costs are not recorded"
        builder.findings.append(Finding("calls that cost 0", "warning", free, message, option="--cost"))
