"""Collects requests and cells as a reader finds them, and joins them into a `Recording`."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from messjax.traces.findings import EXAMPLES, Finding
from messjax.traces.parsing import Place, listed
from messjax.traces.recording import MEASURES, Recording
from messjax.traces.texts import BATCH, Texts

ALWAYS_HELD, SPARSEST = 10_000_000, 64  # cells of a table that any file may have; table cells per cell of a file
LONGEST_NAME = 200  # characters of a model's name: every error and table shows it


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
        self._later: list[tuple[pa.Array, np.ndarray]] = []  # keys that are not yet in it, and their numbers
        self._other_texts: list[str] = []
        self._columns: dict[str, _Column] = {name: _Column() for name in ("id", "text", "group")}
        self._file_of, self._row_of, self._unit = array("i"), array("q"), "row"
        self._request_of, self._model_of, self._cell_row = array("q"), array("i"), array("q")
        self._cell_file = array("i")
        self._values = {name: array("d") for name in MEASURES}
        self._count_other_texts = 0
        self._choices: dict[str, dict[int, tuple[str, Place]]] = {}
        self._router_scores: dict[str, dict[int, float]] = {}
        self._times: dict[int, float] = {}

    @property
    def _known(self) -> dict[str, int]:
        """The number of each request by its key."""
        for keys, numbers in self._later:
            self._requests.update(zip(keys.to_pylist(), numbers.tolist(), strict=True))
        self._later.clear()
        return self._requests

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
        known = None if key is None else self._known.get(key)
        if known is not None:
            if self._columns["text"][known] != text:
                self.other_text(known, place)
            return known
        if key is not None:
            self._known[key] = len(self)
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
        for name, value in zip(MEASURES, values, strict=True):
            self._values[name].append(value)

    def add_requests(
        self,
        keys: pa.Array | None,
        columns: Mapping[str, pa.Array | pa.ChunkedArray],
        file: Path,
        rows: np.ndarray,
        unit: str,
    ) -> np.ndarray:
        """As `request` of each of many, which differ from each other and have no fault.

        Args:
            keys: Identify the requests [n], or None: all are new.
            columns: Large strings [n] by "id", "text" and "group".
            file: The file.
            rows: Numbers of their rows [n].
            unit: What rows are called.

        Returns:
            Their numbers [n].
        """
        size = len(rows)
        new, numbers = np.ones(size, bool), len(self) + np.arange(size)
        if keys is not None:
            if len(self):
                known = np.array([self._known.get(name, -1) for name in keys.to_pylist()], np.int64)
                new = known < 0
                numbers = np.where(new, len(self) + np.cumsum(new) - 1, known)
                for at in np.flatnonzero(~new):
                    if self._columns["text"][int(known[at])] != columns["text"][int(at)].as_py():
                        self.other_text(int(known[at]), Place(file, int(rows[at]), unit))
            self._later.append((keys, numbers))
        everything = bool(new.all())
        for name, column in columns.items():
            self._columns[name].extend(column if everything else column.filter(pa.array(new)))
        self._row_of.frombytes(rows[new].astype(np.int64).tobytes())
        self._file_of.frombytes(np.full(int(new.sum()), self._file(Place(file, 0)), np.int32).tobytes())
        self._unit = unit
        return numbers

    def add_cells(
        self,
        requests: np.ndarray,
        models: np.ndarray,
        file: Path,
        rows: np.ndarray,
        values: Mapping[str, np.ndarray],
    ) -> None:
        """As `cell` of each of many.

        Args:
            requests: Numbers of the requests [n].
            models: Numbers of the models [n].
            file: The file.
            rows: Numbers of their rows [n].
            values: Values [n] by measure.
        """
        self._request_of.frombytes(requests.astype(np.int64).tobytes())
        self._model_of.frombytes(models.astype(np.int32).tobytes())
        self._cell_row.frombytes(rows.astype(np.int64).tobytes())
        self._cell_file.frombytes(np.full(len(rows), self._file(Place(file, 0)), np.int32).tobytes())
        for name, column in self._values.items():
            column.frombytes(values.get(name, np.full(len(rows), np.nan)).astype(np.float64).tobytes())

    def other_text(self, request: int, place: Place) -> None:
        """Count a row that names a known request with another text.

        Args:
            request: Number of the request.
            place: Where it was found.
        """
        self._count_other_texts += 1
        if len(self._other_texts) < EXAMPLES:
            self._other_texts.append(f"{place._replace(line=None)}: {self._columns['id'][request]!r}")

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
        self._ends: list[int] = []  # number of strings up to the end of each chunk

    def append(self, value: str) -> None:
        self._recent.append(value)
        if len(self._recent) == BATCH:
            self._move()

    def extend(self, values: Any) -> None:
        self._move()
        for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else [values]:
            self._add(chunk)

    def _move(self) -> None:
        if self._recent:
            self._add(pa.array(self._recent, pa.large_string()))
            self._recent = []

    def _add(self, chunk: pa.Array) -> None:
        self._chunks.append(chunk)
        self._ends.append((self._ends[-1] if self._ends else 0) + len(chunk))

    def __getitem__(self, n: int) -> str:
        chunk = bisect_right(self._ends, n)
        offset = n - (self._ends[chunk - 1] if chunk else 0)
        return self._recent[offset] if chunk == len(self._chunks) else self._chunks[chunk][offset].as_py()

    def texts(self, *, labels: bool = False) -> Texts:
        """All of them."""
        chunks = pa.chunked_array([*self._chunks, pa.array(self._recent, pa.large_string())])
        return Texts(chunks.dictionary_encode() if labels else chunks)
