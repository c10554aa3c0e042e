"""EmbedLLM's correctness tables: long CSVs, one row per prompt and model.

Source: `algorithm/knn.py`, `algorithm/mf.py` and `data_preprocessing/download_data.py` of
github.com/richardzhuang0412/EmbedLLM (data: RZ412/EmbedLLM). The format holds no costs, tokens or times.
"""

from __future__ import annotations

from pathlib import Path

from messjax.traces.builder import Builder
from messjax.traces.contents import name_of
from messjax.traces.findings import FindingCounter
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, listed, number, text
from messjax.traces.reading import current
from messjax.traces.record_files import csv_records, csv_rows
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of

COLUMNS = ("prompt_id", "model_id", "label", "model_name", "category", "prompt")
EXPECTED = ", ".join(f"`{name}`" for name in COLUMNS)
LISTS = ("model_order.csv", "question_order.csv")  # what the publisher puts beside the tables; names, no labels


def fits(sniffed: Sniffed) -> bool:
    """A CSV with all of the columns; lists of models and questions beside it do not count.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    if sniffed.path.is_file():
        return set(COLUMNS) <= set(sniffed.keys.get("csv", ()))
    table = next((file for file in sniffed.files.get("csv", ()) if name_of(file) not in LISTS), None)
    return table is not None and set(COLUMNS) <= set(next((cells for _, cells in csv_records(table)), ()))


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one CSV, or all `*.csv` of a folder (train, val, test: prompts are numbered through), row by row.

    A request is a `prompt_id`, its group is the `category`; a model is its `model_name`. A label is 0 or 1 (or False,
    True); an empty one is missing, as is a prompt that a model never saw (the authors take both for 0). Of a (prompt,
    model) that is there again the first label stays and the others are reported (the authors take the largest).

    Args:
        path: A file or folder.
        options: Not used.

    Returns:
        The recording.

    Raises:
        ValueError: As `csv_rows`, `text` and `number`; a column that is missing.
    """
    builder, notes = Builder("embedllm", path), _Notes()
    files = files_of(path, "csv")
    if path.is_dir():
        for file in files:
            if name_of(file) in LISTS:
                notes.lists.add(str(file))
        files = [file for file in files if name_of(file) not in LISTS]
        if not files:
            raise ValueError(f"{path} has only {' and '.join(LISTS)}, expected a CSV with {EXPECTED}")
    for file in files:
        header: list[str] = []
        for place, row in csv_rows(file, EXPECTED, index=True, columns=COLUMNS):
            header = header or _checked(Place(file, 1), list(row))
            with current():
                _row(builder, place, row, notes)
    for counter in (notes.lists, notes.names, notes.categories):
        builder.findings += counter.findings()
    return builder.build()


class _Notes:
    """What is noticed on the way."""

    def __init__(self) -> None:
        self.lists = FindingCounter("files not used", "info", "lists of models or questions beside the tables")
        self.names = FindingCounter(
            "one id, several models", "warning", "rows name a known model_id otherwise; names count"
        )
        self.categories = FindingCounter(
            "one id, several groups", "warning", "rows put a known prompt_id in another category; the first one stays"
        )
        self.name_of: dict[str, str] = {}  # of a model_id
        self.category_of: list[str] = []  # of a request


def _checked(place: Place, header: list[str]) -> list[str]:
    """The header, if it has all of the columns."""
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise ValueError(f"{place}: found columns {listed(header)}, expected also {listed(missing)}")
    return header


def _row(builder: Builder, place: Place, row: dict[str, str], notes: _Notes) -> None:
    prompt_id, model_id, name, category, prompt = (
        text(place, column, row[column], role="prompt" if column == "prompt" else "")
        for column in COLUMNS
        if column != "label"
    )
    label = number(place, "label", row["label"], truth=True)
    if notes.name_of.setdefault(model_id, name) != name:
        notes.names.add(f"{place}: model_id {model_id!r} is {name!r}, before {notes.name_of[model_id]!r}")
    n = builder.request(prompt_id, prompt, category, place)
    if n == len(notes.category_of):
        notes.category_of.append(category)
    elif notes.category_of[n] != category:
        notes.categories.add(f"{place}: prompt_id {prompt_id!r} in {category!r}, before {notes.category_of[n]!r}")
    builder.cell(n, builder.model(name), place, score=label)
