"""What a reader finds in a file, unchanged: scores out of range, missing cells and repeated rows included.

A `Recording` becomes a `Trace` in `prepare`, where the user chooses how each of these is handled.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from messjax.traces.findings import EXAMPLES, Finding
from messjax.traces.parsing import Place, listed
from messjax.traces.texts import BATCH, Texts

ALWAYS_HELD, SPARSEST = 10_000_000, 64  # cells of a table that any file may have; table cells per cell of a file
LONGEST_NAME = 200  # characters of a model's name: every error and table shows it
_MEASURES = ("score", "cost", "input_tokens", "output_tokens", "latency", "cached_tokens", "reasoning_tokens")
CELLS = (*_MEASURES, "cell_file", "cell_row")  # fields of a recording that are [N, M]


class Recording(NamedTuple):
    """N requests and M models as a file has them; NaN where it has nothing.

    Attributes:
        format: Name of the format.
        source: Base name of the file or folder that was read.
        files: The files that were read.
        models: Names [M], in the order of their first appearance.
        ids: Identifiers of the requests [N].
        texts: Prompts [N].
        groups: Labels [N], for example the subject of a benchmark.
        score: [N, M] float64, as recorded.
        cost: [N, M] float64 in `cost_unit` per request, as recorded, or None.
        cost_unit: Unit of the costs.
        input_tokens: [N, M] float64, or None.
        output_tokens: [N, M] float64 in `token_unit`, or None.
        token_unit: "token", or what a format without token counts is measured in: "word".
        latency: [N, M] float64 in seconds, or None.
        score_range: The range of scores that the format's publisher states.
        file_of: Index into `files` of a request's first row, [N] int32.
        row_of: Number of that row, [N] int64.
        row_unit: What rows are called: "row", "record" or "line".
        findings: What only the reader could notice: repeated cells, rows left out.
        cell_file: Index into `files` of each cell's own row, [N, M] int32; -1: no cell. None: as the request's.
        cell_row: Number of that row, [N, M] int64.
        cached_tokens: Those of the input tokens that came from a cache, [N, M] float64, or None.
        reasoning_tokens: Those of the output tokens that are not part of the answer, [N, M] float64, or None.
        repeat_means: Means over the repeats of a cell (request, model), [N, M] by measure; empty where none is there
            again.
        choices: The models that routers of the user's own chose, [N] int32 by router; -1: none of the models.
        router_scores: Scores of such routers, [N] float64 by router.
        time: When the requests came, in seconds since 1970, [N] float64, or None.
    """

    format: str
    source: str
    files: tuple[str, ...]
    models: tuple[str, ...]
    ids: Texts
    texts: Texts
    groups: Texts
    score: np.ndarray
    cost: np.ndarray | None
    cost_unit: str
    input_tokens: np.ndarray | None
    output_tokens: np.ndarray | None
    token_unit: str
    latency: np.ndarray | None
    score_range: tuple[float, float]
    file_of: np.ndarray
    row_of: np.ndarray
    row_unit: str
    findings: tuple[Finding, ...]
    cell_file: np.ndarray | None = None
    cell_row: np.ndarray | None = None
    cached_tokens: np.ndarray | None = None
    reasoning_tokens: np.ndarray | None = None
    repeat_means: Mapping[str, np.ndarray] = {}
    choices: Mapping[str, np.ndarray] = {}
    router_scores: Mapping[str, np.ndarray] = {}
    time: np.ndarray | None = None

    def place(self, n: int, m: int | None = None) -> str:
        """Where a request was found first, or the cell of a model where there is one.

        Args:
            n: Number of the request.
            m: Number of the model, or None.

        Returns:
            The place, as text.
        """
        file, row = self.file_of[n], self.row_of[n]
        if m is not None and self.cell_file is not None and self.cell_row is not None and self.cell_file[n, m] >= 0:
            file, row = self.cell_file[n, m], self.cell_row[n, m]
        return str(Place(Path(self.files[file]), int(row), self.row_unit))


class Builder:
    """Collects requests and cells one by one, keeps them as columns, and joins them into a `Recording`.

    A cell is (request, model). One that occurs again is counted and reported; the first one is kept.
    """

    def __init__(
        self,
        format: str,
        path: Path,
        *,
        cost_unit: str = "",
        token_unit: str = "token",
        score_range: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        self.format, self.path = format, path
        self.cost_unit, self.token_unit, self.score_range = cost_unit, token_unit, score_range
        self.findings: list[Finding] = []
        self._models: dict[str, int] = {}
        self._files: dict[Path, int] = {}
        self._requests: dict[str, int] = {}
        self._other_texts: list[str] = []
        self._columns: dict[str, _Column] = {name: _Column() for name in ("id", "text", "group")}
        self._file_of, self._row_of, self._unit = array("i"), array("q"), "row"
        self._request_of, self._model_of, self._cell_row = array("q"), array("i"), array("q")
        self._cell_file = array("i")
        self._values = {name: array("d") for name in _MEASURES}
        self._count_other_texts = 0
        self._choices: dict[str, dict[int, tuple[str, Place]]] = {}
        self._router_scores: dict[str, dict[int, float]] = {}
        self._times: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._row_of)

    def model(self, name: str) -> int:
        """The number of a model; models are numbered in the order of their first appearance.

        Args:
            name: Name of the model.

        Returns:
            The number.

        Raises:
            ValueError: A name of more than 200 characters.
        """
        if len(name) > LONGEST_NAME:
            result = f"found a model with a name of {len(name):,} characters ({name[:20]!r}...)"
            raise ValueError(f"{self.path}: {result}, expected at most {LONGEST_NAME}")
        return self._models.setdefault(name, len(self._models))

    def request(self, key: str | None, text: str, group: str, place: Place, *, id: str | None = None) -> int:
        """The number of the request that `key` identifies, new or known.

        A known one with another text is reported; its first text is kept.

        Args:
            key: Identifies the request: an id, with its group where ids repeat. None: the request is new, and cannot be
                recognised later.
            text: The prompt.
            group: Label of the group.
            place: Where it was found.
            id: What the trace calls it, by default the key.

        Returns:
            The number.
        """
        known = None if key is None else self._requests.get(key)
        if known is not None:
            if self._columns["text"][known] != text:
                self._count_other_texts += 1
                if len(self._other_texts) < EXAMPLES:
                    self._other_texts.append(f"{place}: {self._columns['id'][known]!r}")
            return known
        if key is not None:
            self._requests[key] = len(self)
        for name, value in (("id", key or "" if id is None else id), ("text", text), ("group", group)):
            self._columns[name].append(value)
        self._file_of.append(self._file(place))
        self._row_of.append(place.row)
        self._unit = place.unit
        return len(self) - 1

    def cell(
        self,
        request: int,
        model: int,
        place: Place,
        *,
        score: float,
        cost: float = np.nan,
        input_tokens: float = np.nan,
        output_tokens: float = np.nan,
        latency: float = np.nan,
        cached_tokens: float = np.nan,
        reasoning_tokens: float = np.nan,
    ) -> None:
        """Add what one model did for one request; NaN for what is not recorded.

        Args:
            request: Number of the request.
            model: Number of the model.
            place: Where it was found.
            score: As recorded.
            cost: In the format's cost unit, per request.
            input_tokens: Number of tokens of the prompt.
            output_tokens: Number of tokens of the answer.
            latency: In seconds.
            cached_tokens: Those of the input tokens that came from a cache.
            reasoning_tokens: Those of the output tokens that are not part of the answer.
        """
        values = (score, cost, input_tokens, output_tokens, latency, cached_tokens, reasoning_tokens)
        self._request_of.append(request)
        self._model_of.append(model)
        self._cell_row.append(place.row)
        self._cell_file.append(self._file(place))
        for name, value in zip(_MEASURES, values, strict=True):
            self._values[name].append(value)

    def choice(self, router: str, request: int, model: str, place: Place) -> None:
        """Add which model a router of the user's own chose for a request; the first one counts.

        Args:
            router: Name of the router.
            request: Number of the request.
            model: Name of the model.
            place: Where it was found.
        """
        self._choices.setdefault(router, {}).setdefault(request, (model, place))

    def router_score(self, router: str, request: int, score: float) -> None:
        """Add the score that a router of the user's own gave a request; the first one counts.

        Args:
            router: Name of the router.
            request: Number of the request.
            score: The score.
        """
        self._router_scores.setdefault(router, {}).setdefault(request, score)

    def time(self, request: int, seconds: float) -> None:
        """Add when a request came; the first one counts.

        Args:
            request: Number of the request.
            seconds: Seconds since 1970.
        """
        self._times.setdefault(request, seconds)

    def _file(self, place: Place) -> int:
        return self._files.setdefault(place.file, len(self._files))

    def build(self) -> Recording:
        """Join everything.

        Returns:
            The recording.

        Raises:
            ValueError: No request, no model, or a router that chose a model without a cell.
        """
        if not len(self) or not self._models:
            raise ValueError(f"{self.path} has no {'request' if self._models else 'model'}, expected at least one")
        self._check_table()
        where, first = self._cells()
        tables = {
            name: self._scattered(values, np.full(self._shape, np.nan), where, first)
            for name, values in self._values.items()
        }
        batch = {name: None if np.isnan(table).all() else table for name, table in tables.items()}
        return Recording(
            format=self.format,
            source=os.path.basename(os.path.abspath(self.path)),
            files=tuple(str(file) for file in self._files),
            models=tuple(self._models),
            ids=self._columns["id"].texts(),
            texts=self._columns["text"].texts(),
            groups=self._columns["group"].texts(labels=True),
            score=tables["score"],
            cost=batch["cost"],
            cost_unit=self.cost_unit if batch["cost"] is not None else "",
            input_tokens=batch["input_tokens"],
            output_tokens=batch["output_tokens"],
            token_unit=self.token_unit,
            latency=batch["latency"],
            cached_tokens=batch["cached_tokens"],
            reasoning_tokens=batch["reasoning_tokens"],
            repeat_means=self._repeat_means(where, first),
            choices={router: self._chosen(router) for router in self._choices},
            router_scores={router: self._scored(scores) for router, scores in self._router_scores.items()},
            time=self._scored(self._times) if self._times else None,
            score_range=self.score_range,
            file_of=np.array(self._file_of, np.int32),
            row_of=np.array(self._row_of, np.int64),
            row_unit=self._unit,
            findings=(*self.findings, *self._reported(where, first)),
            cell_file=self._scattered(self._cell_file, np.full(self._shape, -1, np.int32), where, first),
            cell_row=self._scattered(self._cell_row, np.zeros(self._shape, np.int64), where, first),
        )

    def _check_table(self) -> None:
        """Refuse a table that is nearly empty: a small file that names many models would take any memory."""
        table, cells = len(self) * len(self._models), len(self._model_of)
        if table > max(ALWAYS_HELD, SPARSEST * cells):
            raise ValueError(
                f"{self.path}: found {len(self):,} requests and {len(self._models):,} models, but only {cells:,} of "
                f"the {table:,} scores, expected at least one of {SPARSEST}; keep fewer models (--models A,B,C)"
            )

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self), len(self._models)

    @staticmethod
    def _scattered(values: array, table: np.ndarray, where: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The table [N, M] with the values of the cells that are there for the first time."""
        table.reshape(-1)[where[first]] = np.array(values, table.dtype)[first]
        return table

    def _cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Cells as request * M + model [n], and the positions [k] of those that are there for the first time."""
        where = np.array(self._request_of, np.int64) * len(self._models) + np.array(self._model_of, np.int64)
        return where, np.unique(where, return_index=True)[1]

    def _repeat_means(self, where: np.ndarray, first: np.ndarray) -> dict[str, np.ndarray]:
        """Means [N, M] over all repeats of a cell, by measure; empty where no cell is there again."""
        if len(where) == len(first):
            return {}
        result, size = {}, len(self) * len(self._models)
        for name, column in self._values.items():
            values = np.array(column)
            known = ~np.isnan(values)
            if known.any():
                count = np.bincount(where[known], minlength=size)
                total = np.bincount(where[known], values[known], minlength=size)
                result[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(self._shape)
        return result

    def _chosen(self, router: str) -> np.ndarray:
        """The models [N] that a router chose, as numbers."""
        number_of = {model.casefold(): m for model, m in self._models.items()} | self._models
        result = np.full(len(self), -1, np.int32)
        for n, (model, place) in self._choices[router].items():
            m = number_of.get(model, number_of.get(model.casefold()))
            if m is None:
                raise ValueError(
                    f"{place}: the router {router!r} chose {model[:60]!r}, expected one of {listed(self._models)}"
                )
            result[n] = m
        return result

    def _scored(self, numbers: Mapping[int, float]) -> np.ndarray:
        """Numbers of requests as an array [N], NaN where there is none."""
        result = np.full(len(self), np.nan)
        result[list(numbers)] = list(numbers.values())
        return result

    def _reported(self, where: np.ndarray, first: np.ndarray) -> list[Finding]:
        result = []
        if again := len(where) - len(first):
            repeated = np.ones(len(where), bool)
            repeated[first] = False
            score, kept = np.array(self._values["score"]), np.full(len(self) * len(self._models), np.nan)
            kept[where[first]] = score[first]
            unlike = repeated & ~((score == kept[where]) | (np.isnan(score) & np.isnan(kept[where])))
            names, ids, files = list(self._models), self._columns["id"], list(self._files)
            examples = tuple(
                f"{Place(files[self._cell_file[i]], self._cell_row[i], self._unit)}: "
                f"request {ids[self._request_of[i]]!r}, "
                f"model {names[self._model_of[i]]!r}"
                for i in np.flatnonzero(unlike if unlike.any() else repeated)[:EXAMPLES]
            )
            other = int(unlike.sum())
            message = f"cells (request, model) are there again, {other} with another score; the first stays"
            option = "--repeats mean" if other else ""
            result.append(Finding("doubled cells", "warning", again, message, examples, option))
        if self._count_other_texts:
            message = "cells name a known request with another text; the first text stays"
            result.append(
                Finding("one id, several texts", "warning", self._count_other_texts, message, tuple(self._other_texts))
            )
        return result


class _Column:
    """Strings, moved to Arrow's memory as they come."""

    def __init__(self) -> None:
        self._recent: list[str] = []
        self._chunks: list[pa.Array] = []

    def append(self, value: str) -> None:
        self._recent.append(value)
        if len(self._recent) == BATCH:
            self._chunks.append(pa.array(self._recent, pa.large_string()))
            self._recent = []

    def __getitem__(self, n: int) -> str:
        chunk, offset = divmod(n, BATCH)
        return self._recent[offset] if chunk == len(self._chunks) else self._chunks[chunk][offset].as_py()

    def texts(self, *, labels: bool = False) -> Texts:
        """All of them."""
        chunks = pa.chunked_array([*self._chunks, pa.array(self._recent, pa.large_string())])
        return Texts(chunks.dictionary_encode() if labels else chunks)
