"""LLMRouter's routing data: JSON Lines, one per query and model."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of
from messjax.traces.findings import FindingCounter
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, field, label, number, text
from messjax.traces.reading import current
from messjax.traces.record_files import json_lines
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of


def fits(sniffed: Sniffed) -> bool:
    """JSON Lines with a task, a query, a model and its performance.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    return {"task_name", "query", "model_name", "performance"} <= sniffed.fields


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one file, or all `*.jsonl` and `*.ndjson` of a folder in the order of their names.

    Fields: `query`, `model_name`, `performance` (the score), perhaps `task_name` (the group), `response_time` in
    seconds, `token_num` (input and output together), and `input_tokens` and `output_tokens`, or `prompt_tokens` in
    older files; what is missing of the three counts follows from the other two. A request is a query with its task and
    its `ground_truth`; it is called by its `embedding_id` where there is one.

    Args:
        path: A file or folder.
        options: Not used.

    Returns:
        The recording.

    Raises:
        ValueError: A path that is missing or has no JSON Lines, a line that is broken or lacks a field, values that are
            none. It names file, line and field.
    """
    builder = Builder("llmrouter", path)
    message = "calls have token counts that do not say what was input and what output; they are left out"
    unsplit = FindingCounter("token counts", "warning", message, "--cost constant")
    for file in files_of(path, "jsonl", "json"):
        for place, record in json_lines(file):
            with current():
                _read(builder, unsplit, place, record, stem_of(file))
    builder.findings += unsplit.findings()
    return builder.build()


def _read(builder: Builder, unsplit: FindingCounter, place: Place, record: dict[str, Any], stem: str) -> None:
    """Reads one record."""
    query = text(place, "query", field(place, record, "query"), role="prompt")
    task = label(place, "task_name", record.get("task_name"), stem)
    model = text(place, "model_name", field(place, record, "model_name"), role="model")
    score = number(place, "performance", field(place, record, "performance"), truth=True)
    n = builder.request(_key(task, query, record), query, task, place, id=_id(place, task, record, len(builder)))
    tokens = _tokens(place, record)
    if tokens is None:
        unsplit.add(str(place))
    builder.cell(
        n,
        builder.model(model),
        place,
        score=score,
        input_tokens=tokens[0] if tokens else math.nan,
        output_tokens=tokens[1] if tokens else math.nan,
        latency=number(place, "response_time", record.get("response_time")),
    )


def _tokens(place: Place, record: dict[str, Any]) -> tuple[float, float] | None:
    """(input, output); NaN where nothing is said, None where the numbers say it neither or contradict each other."""
    name = "input_tokens" if record.get("input_tokens") is not None else "prompt_tokens"
    given = number(place, name, record.get(name))
    output = number(place, "output_tokens", record.get("output_tokens"))
    total = number(place, "token_num", record.get("token_num"))
    if math.isnan(output):
        output = total - given
    elif math.isnan(given):
        given = total - output
    if given < 0.0 or output < 0.0 or (math.isnan(given) and math.isnan(output) and not math.isnan(total)):
        return None
    return given, output


def _key(task: str, query: str, record: dict[str, Any]) -> str:
    """16 bytes that stand for a request: millions of long queries need not be kept twice."""
    digest = hashlib.blake2b(digest_size=16)
    truth = record.get("ground_truth")
    for part in (task, query, truth if isinstance(truth, str) else repr(truth)[:1000] if _plain(truth) else ""):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _plain(value: Any) -> bool:
    return isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 10**40)


def _id(place: Place, task: str, record: dict[str, Any], number_of: int) -> str:
    given = record.get("embedding_id")
    return f"{task}/{number_of}" if given is None else text(place, "embedding_id", given)
