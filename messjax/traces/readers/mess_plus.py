"""MESS+'s inference outputs: wide CSVs, one row per request, four columns per category (a model's size tag).

Source: the README, `utils/data_capturing.py` and `mess_plus_simulator.py` of github.com/laminair/mess-plus. There a
column `label_<category>` repeats the metric of the benchmark (acc_norm for ARC, exact_match for TriviaQA, acc for the
others), and labels are the satisfaction that MESS+ is run on. Energy is Zeus' total in J, time is in s.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from messjax.traces.builder import Builder
from messjax.traces.findings import Finding, FindingCounter
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, listed, number, text
from messjax.traces.reading import current
from messjax.traces.record_files import csv_rows
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of

TEXTS = ("doc_id", "input_text", "benchmark_name")
SCORES = ("label", "acc_norm", "acc", "exact_match")  # in the order of preference
EXPECTED = "`doc_id`, `input_text`, `benchmark_name` and per category `label_*`, `energy_consumption_*`, ..."
_OTHERS = ("energy_consumption", "inference_time")
_NAMED = ("label", *_OTHERS)  # measures whose columns say beyond doubt what the category is called


def fits(sniffed: Sniffed) -> bool:
    """A CSV with a document's id, text and benchmark, and a score of some category.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    columns = sniffed.keys.get("csv", ())
    return set(TEXTS) <= set(columns) and any(_split(column, set()) for column in columns)


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one CSV, or all `*.csv` of a folder and the folders within it; a request's group is its benchmark.

    A request is a document of a benchmark with its text, since documents are counted anew in every benchmark. Batches
    repeat the rows of earlier ones (the authors write all rows so far): repeated cells are reported, the first stays.
    The score is that of `options.metric` ("label", "acc_norm", "acc" or "exact_match"), without one the first of these
    four that a row has. Columns may come in any order, an unnamed index may come first, an empty cell is missing.

    Args:
        path: A file or folder.
        options: Read for `metric`.

    Returns:
        The recording.

    Raises:
        ValueError: As `csv_rows` and `number`; an unknown metric, or one that a file lacks; a category without any
            score.
    """
    metric = options.metric
    if metric is not None and metric not in SCORES:
        raise ValueError(f"--metric: found {metric!r}, expected one of {', '.join(SCORES)} for the format mess_plus")
    wanted = SCORES if metric is None else (metric,)
    builder, notes = Builder("mess_plus", path, cost_unit="J"), _Notes()
    for file in files_of(path, "csv"):
        layout: dict[str, dict[str, str]] = {}
        for place, row in csv_rows(file, EXPECTED, index=True):
            layout = layout or _layout(Place(file, 1), list(row), wanted, notes)
            with current():
                n = _request(builder, place, row, notes)
                for category, columns in layout.items():
                    score = _score(place, row, category, columns, wanted, notes)
                    cost, latency = (
                        number(place, columns[name], row[columns[name]]) if name in columns else np.nan
                        for name in _OTHERS
                    )
                    builder.cell(n, builder.model(category), place, score=score, cost=cost, latency=latency)
    builder.findings += notes.findings()
    return builder.build()


class _Notes:
    """What is noticed on the way."""

    def __init__(self) -> None:
        self.unlike = FindingCounter(
            "label and metric differ", "warning", "cells have a metric that is not the label", "--metric acc_norm|..."
        )
        self.clash = FindingCounter(
            "one id, several texts", "warning", "documents have the id of another one of their benchmark; both stay"
        )
        self.unused: dict[str, None] = {}  # columns
        self.used = dict.fromkeys(SCORES, 0)  # scores taken from it
        self.digests: dict[str, bytes] = {}  # of the first text of a document

    def findings(self) -> list[Finding]:
        result = self.unlike.findings() + self.clash.findings()
        several = {name: count for name, count in self.used.items() if count}
        if len(several) > 1:
            label = ", ".join(f"{name} {count}" for name, count in several.items())
            message = f"scores of several kinds: {label} cells"
            result.append(Finding("several metrics", "warning", sum(several.values()), message, (), "--metric"))
        if self.unused:
            message = f"columns are not used: {listed(self.unused)}"
            result.append(Finding("columns not used", "info", len(self.unused), message))
        return result


def _split(column: str, categories: set[str]) -> tuple[str, str] | None:
    """(measure, category) of a column; a known category decides between `acc` of `norm_x` and `acc_norm` of `x`."""
    if column in SCORES:
        return None
    ways = [(name, column[len(name) + 1 :]) for name in (*SCORES, *_OTHERS) if column.startswith(f"{name}_")]
    ways = [way for way in ways if way[1]]
    return next((way for way in ways if way[1] in categories), ways[0] if ways else None)


def _layout(place: Place, header: list[str], wanted: tuple[str, ...], notes: _Notes) -> dict[str, dict[str, str]]:
    """{category: {measure: column}} of a header, categories in the order of their first column."""
    for name in TEXTS:
        if name not in header:
            raise ValueError(f"{place}: found columns {listed(header)}, expected one named {name!r}")
    named = {column[len(name) + 1 :] for name in _NAMED for column in header if column.startswith(f"{name}_")}
    layout: dict[str, dict[str, str]] = {}
    for column in header:
        result = _split(column, named - {""})
        if result:
            layout.setdefault(result[1], {})[result[0]] = column
        elif column not in TEXTS and column.strip():
            notes.unused[column] = None
    if not layout:
        raise ValueError(f"{place}: found columns {listed(header)}, expected {EXPECTED}")
    for category, columns in layout.items():
        if not any(name in columns for name in wanted):
            options = listed(f"{name}_{category}" for name in wanted)
            raise ValueError(
                f"{place}: category {listed([category])} has the columns {listed(columns.values())}, "
                f"expected one of {options}"
            )
    return layout


def _request(builder: Builder, place: Place, row: dict[str, str], notes: _Notes) -> int:
    """The number of a row's request. Two texts with one id are two requests: the authors name logiqa2 `logiqa`."""
    document, prompt, benchmark = (text(place, name, row[name]) for name in TEXTS)
    name, digest = f"{benchmark}/{document}", hashlib.blake2b(prompt.encode(), digest_size=16).digest()
    if notes.digests.setdefault(name, digest) != digest:
        notes.clash.add(f"{place}: {name!r}")
    return builder.request(f"{benchmark}\0{document}\0{digest.hex()}", prompt, benchmark, place, id=name)


def _score(
    place: Place, row: dict[str, str], category: str, columns: dict[str, str], wanted: tuple[str, ...], notes: _Notes
) -> float:
    """The first of the wanted scores that a row has for a category, NaN where it has none."""
    values = {name: number(place, columns[name], row[columns[name]], truth=True) for name in SCORES if name in columns}
    there = {name: value for name, value in values.items() if not np.isnan(value)}
    if "label" in there and any(value != there["label"] for value in there.values()):
        label = ", ".join(f"{name} {value:g}" for name, value in there.items())
        notes.unlike.add(f"{place}, category {category!r}: {label}")
    for name in wanted:
        if name in there:
            notes.used[name] += 1
            return there[name]
    return np.nan
