"""Collects requests and cells as a reader finds them, and joins them into a `Recording`."""

from __future__ import annotations

import os
from array import array
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from messjax.traces.cells import Block, Cells, Tables
from messjax.traces.findings import EXAMPLES, Finding
from messjax.traces.parsing import Place, listed
from messjax.traces.recording import MEASURES, Recording
from messjax.traces.texts import GrowingTexts

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
        self._columns = {name: GrowingTexts() for name in ("id", "text", "group")}
        self._file_of, self._row_of, self._unit = array("i"), array("q"), "row"
        self._cells = Cells()
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
        self._cells.add(request, model, self._file(place), place.row, values)

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
        self._row_of.frombytes(rows[new].astype(np.int64, copy=False).data.cast("B"))
        self._file_of.frombytes(np.full(int(new.sum()), self._file(Place(file, 0)), np.int32).data.cast("B"))
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
        self._cells.extend(requests, models, self._file(Place(file, 0)), rows, values)

    def add_rows(
        self, requests: np.ndarray, models: np.ndarray, file: Path, rows: np.ndarray, tables: Mapping[str, np.ndarray]
    ) -> None:
        """As `cell` of each model in each of many rows.

        Args:
            requests: Numbers of the requests [n].
            models: Numbers of the models [k], each once.
            file: The file.
            rows: Numbers of their rows [n].
            tables: Values [n, k] by measure.
        """
        self._cells.extend_by(Block(requests, models, self._file(Place(file, 0)), rows, tables))

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
        cells = Tables(self._cells, len(self), len(self._models))
        table = {name: cells.of(name) for name in MEASURES}
        file_of, row_of = np.array(self._file_of, np.int32), np.array(self._row_of, np.int64)
        cell_file, cell_row = cells.places(file_of, row_of)
        return Recording(
            format=self.format,
            source=os.path.basename(os.path.abspath(self.path)),
            files=tuple(str(file) for file in self._files),
            models=tuple(self._models),
            ids=self._columns["id"].texts(),
            texts=self._columns["text"].texts(),
            groups=self._columns["group"].texts(labels=True),
            score=np.full(cells.shape, np.nan) if table["score"] is None else table["score"],
            cost=table["cost"],
            cost_unit=self.cost_unit if table["cost"] is not None else "",
            input_tokens=table["input_tokens"],
            output_tokens=table["output_tokens"],
            token_unit=self.token_unit,
            latency=table["latency"],
            cached_tokens=table["cached_tokens"],
            reasoning_tokens=table["reasoning_tokens"],
            repeat_means=cells.means(),
            choices={router: self._chosen(router) for router in self._choices},
            router_scores={router: self._scored(scores) for router, scores in self._router_scores.items()},
            time=self._scored(self._times) if self._times else None,
            score_range=self.score_range,
            file_of=file_of,
            row_of=row_of,
            row_unit=self._unit,
            findings=(*self.findings, *self._reported(cells)),
            cell_file=cell_file,
            cell_row=cell_row,
        )

    def _check_table(self) -> None:
        """Refuse a table that is nearly empty: a small file that names many models would take any memory."""
        table, cells = len(self) * len(self._models), len(self._cells)
        if table > max(ALWAYS_HELD, SPARSEST * cells):
            raise ValueError(
                f"{self.path}: found {len(self):,} requests and {len(self._models):,} models, but only {cells:,} of "
                f"the {table:,} scores, expected at least one of {SPARSEST}; keep fewer models (--models A,B,C)"
            )

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

    def _reported(self, tables: Tables) -> list[Finding]:
        result, cells = [], self._cells
        rows, unlike = tables.repeated()
        if len(rows):
            names, ids, files = list(self._models), self._columns["id"], list(self._files)
            examples = tuple(
                f"{Place(files[cells.file[i]], cells.row[i], self._unit)}: "
                f"request {ids[cells.request[i]]!r}, model {names[cells.model[i]]!r}"
                for i in (rows[unlike] if unlike.any() else rows)[:EXAMPLES]
            )
            other = int(unlike.sum())
            message = f"cells (request, model) are there again, {other} with another score; the first stays"
            option = "--repeats mean" if other else ""
            result.append(Finding("doubled cells", "warning", len(rows), message, examples, option))
        if self._count_other_texts:
            message = "cells name a known request with another text; the first text stays"
            result.append(
                Finding("one id, several texts", "warning", self._count_other_texts, message, tuple(self._other_texts))
            )
        return result
