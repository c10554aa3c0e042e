"""AlpacaEval's annotations.json: one list per model, with the judge's preference between it and a reference model."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from messjax.traces.builder import Builder
from messjax.traces.findings import EXAMPLES, Finding, FindingCounter
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, field, label, listed, number, text
from messjax.traces.reading import current
from messjax.traces.record_files import json_lines
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of

NAME = "annotations"  # what the files of a folder are called


def fits(sniffed: Sniffed) -> bool:
    """JSON lists of instructions with two outputs, or a folder with such files beside others.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    keys = set(sniffed.keys.get("json", sniffed.keys.get("jsonl", ())))
    named = any(file.name.startswith(NAME) for files in sniffed.files.values() for file in files)
    return "instruction" in keys and (named or bool({"output_1", "generator_1", "output_2"} & keys))


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one JSON, or all of a folder: those called `annotations*.json` where there are some.

    Fields: `instruction`, `generator_2` (the model; the folder's name where it is missing), `output_2`, `preference`
    in [1, 2] (2: the model's output is the better one, 1: the reference's), `dataset` (the group). A preference of 0
    is a draw, 1.5, as the publisher reads it (weighted judges have none). The score is the preference;
    `--scores threshold=1.5` or `rescale` makes a satisfaction of it. Output is measured in words, the parts of
    `output_2` between white space; costs are not in the format (prices in it are the judge's).

    Args:
        path: A file or folder.
        options: Not used.

    Returns:
        The recording.

    Raises:
        ValueError: A path that is missing or has no JSON, JSON that is broken or lacks a field, values of another kind.
            It names file, record (the first is 1) and field.
    """
    builder = Builder("alpaca_eval", path, token_unit="word", score_range=(1.0, 2.0))
    files = files_of(path, "json", "jsonl")
    named = [file for file in files if file.name.startswith(NAME)] if path.is_dir() else []
    judges: dict[str, int] = {}
    draws = FindingCounter("draws", "info", "preferences of 0 are draws, read as 1.5 as the publisher does")
    for file in named or files:
        for place, record in json_lines(file):
            with current():
                _read(place, record, builder, judges, draws)
    builder.findings += draws.findings()
    if named and (others := [file.name for file in files if file not in named]):
        message = f"JSON files that are not called {NAME}*.json are left out"
        builder.findings.append(Finding("files left out", "info", len(others), message, tuple(others[:EXAMPLES])))
    if len(judges) > 1:
        message = f"records are of other judges than the first: {listed(judges)}"
        times = sum(judges.values()) - next(iter(judges.values()))
        builder.findings.append(Finding("several judges", "warning", times, message))
    return builder.build()


def _read(
    place: Place, record: dict[str, Any], builder: Builder, judges: dict[str, int], draws: FindingCounter
) -> None:
    instruction = text(place, "instruction", field(place, record, "instruction"), role="prompt")
    dataset = label(place, "dataset", record.get("dataset"), "alpaca_eval")
    score = number(place, "preference", field(place, record, "preference"))
    folder = os.path.basename(os.path.dirname(os.path.abspath(place.file)))
    model = label(place, "generator_2", record.get("generator_2"), folder)
    n = builder.request(f"{dataset}\0{instruction}", instruction, dataset, place, id=f"{dataset}/{len(builder)}")
    output = record.get("output_2")
    words = math.nan if output is None else float(len(text(place, "output_2", output, empty=True).split()))
    judge = label(place, "annotator", record.get("annotator"), "unknown")
    judges[judge] = judges.get(judge, 0) + 1
    if score == 0.0 and "weighted" not in judge:
        draws.add(str(place))
        score = 1.5
    builder.cell(n, builder.model(model), place, score=score, output_tokens=words)
