"""RouteLLM's evaluation files: one CSV per benchmark subject, one True or False per request and model.

The format holds no costs and no token counts.
"""

from __future__ import annotations

import math
from pathlib import Path

from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of
from messjax.traces.logs.guessed_columns import guessed_wide
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, listed, text
from messjax.traces.reading import BadCell, current
from messjax.traces.record_files import check_header, csv_records
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of

EXPECTED = "`prompt` and one column per model"
_BOOLEANS = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}


def fits(sniffed: Sniffed) -> bool:
    """A CSV with a prompt, whose other columns are models and their responses, and nothing that other formats have.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    columns = sniffed.keys.get("csv", ())
    if {"model", "score"} <= set(columns) or guessed_wide(sniffed):  # a row per model, a log; a column per model
        return False
    return "prompt" in columns and not {"prompt_id", "sample_id", "model_id", "model_name"} & set(columns)


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one CSV, or all `*.csv` of a folder in the order of their names; a file's stem is its group.

    Columns: `prompt`, then one per model with True or False (any case, or 1 and 0). A column `<model>_response` next
    to its model's is ignored, blank lines are skipped, columns may come in another order in every file.

    Args:
        path: A file or folder.
        options: Not used.

    Returns:
        The recording.

    Raises:
        ValueError: A path that is missing or has no CSV, a file that is empty or breaks the format, files of one folder
            with different models. It names file, row (the CSV record, the header is row 1), line and column, what was
            found and what expected.
    """
    builder = Builder("routellm", path)
    first: tuple[Path, tuple[str, ...]] | None = None
    for file in files_of(path, "csv"):
        models = _read(file, builder)
        first = first or (file, models)
        if set(models) != set(first[1]):
            raise ValueError(
                f"{file} has the models {listed(models)}, expected those of {first[0]}: {listed(first[1])}"
            )
    return builder.build()


def _read(path: Path, builder: Builder) -> tuple[str, ...]:
    records = csv_records(path)
    place, header = next(records, (None, []))
    if place is None:
        raise ValueError(f"{path} is empty, expected a header with {EXPECTED}")
    models = _models(place, header)
    at = {name: n for n, name in reversed(list(enumerate(header)))}  # of the first column with a name
    columns = [(builder.model(model), model, at[model]) for model in models]
    prompt, before, stem = header.index("prompt"), len(builder), stem_of(path)
    for place, cells in records:
        with current():
            if len(cells) != len(header):
                message = f"{place}: found {len(cells)} cells, expected {len(header)} as in the header"
                raise BadCell(message, "broken rows")
            question, scores = text(place, "prompt", cells[prompt], role="prompt"), []
            for _, model, column in columns:
                scores.append(_boolean(place, model, cells[column]))
            n = builder.request(None, question, stem, place, id=f"{stem}/{place.row}")
            for (m, _, _), score in zip(columns, scores, strict=True):
                builder.cell(n, m, place, score=score)
    if len(builder) == before:
        raise ValueError(f"{path} has a header and no requests, expected at least one row after it")
    return models


def _models(place: Place, header: list[str]) -> tuple[str, ...]:
    """The model columns of a header: all but `prompt` and the responses of other columns."""
    check_header(place, header)
    if "prompt" not in header:
        raise ValueError(f"{place}: found columns {listed(header)}, expected one named 'prompt'")
    responses = {f"{name}_response" for name in header}
    models = tuple(name for name in header if name != "prompt" and name not in responses)
    if not models:
        raise ValueError(f"{place}: found no model column, expected at least one after 'prompt'")
    return models


def _boolean(place: Place, column: str, cell: str) -> float:
    value = _BOOLEANS.get(cell.strip().lower())
    if value is None:
        result = f"found {cell[:40]!r}" if cell.strip() else "the cell is empty"
        message = f"{place}, column {listed([column])}: {result}, expected True or False as RouteLLM's files have it; "
        message += "of another table say with --columns what its columns are"
        current().bad(BadCell(message, "bad numbers"))
        return math.nan
    return value
