"""The cells (request, model) of a recording, as they are found, and the tables [N, M] that they make."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from messjax.traces.recording import MEASURES


class Block(NamedTuple):
    """The cells of several models for n requests, in whole rows of one file.

    Attributes:
        requests: Numbers of the requests [n].
        models: Numbers of the models [k], each once.
        file: Number of the file.
        rows: Numbers of the rows [n].
        values: Tables [n, k] by measure.
    """

    requests: np.ndarray
    models: np.ndarray
    file: int
    rows: np.ndarray
    values: Mapping[str, np.ndarray]


class Cells:
    """Cells in the order in which they are found, kept as columns. Of one that occurs again the first counts.

    Whole rows stay tables as long as nothing else comes: they need not be taken apart and put together again.

    Attributes:
        request: Number of the request of each cell.
        model: Number of its model.
        file: Number of the file that it was found in.
        row: Number of the row.
        values: What was measured, by measure; empty where nothing was.
        blocks: Whole rows, which are not in the columns.
    """

    def __init__(self) -> None:
        self.request, self.model, self.file, self.row = array("q"), array("i"), array("i"), array("q")
        self.values = {name: array("d") for name in MEASURES}
        self.blocks: list[Block] = []

    def __len__(self) -> int:
        return len(self.model) + sum(len(block.requests) * len(block.models) for block in self.blocks)

    def add(self, request: int, model: int, file: int, row: int, values: Sequence[float]) -> None:
        """Add a cell.

        Args:
            request: Number of the request.
            model: Number of the model.
            file: Number of the file.
            row: Number of the row.
            values: What was measured, in the order of `recording.MEASURES`.
        """
        if self.blocks:
            self.take_apart()
        self.request.append(request)
        self.model.append(model)
        self.file.append(file)
        self.row.append(row)
        for column, value in zip(self.values.values(), values, strict=True):
            if value == value or len(column):  # columns of nothing stay empty
                column.extend([np.nan] * (len(self.model) - 1 - len(column)))
                column.append(value)

    def extend(
        self, requests: np.ndarray, models: np.ndarray, file: int, rows: np.ndarray, values: Mapping[str, np.ndarray]
    ) -> None:
        """Add many.

        Args:
            requests: Numbers of the requests [n].
            models: Numbers of the models [n].
            file: Number of the file.
            rows: Numbers of the rows [n].
            values: What was measured [n], by measure; NaN where a measure is missing.
        """
        self.take_apart()
        self._extend(requests, models, file, rows, values)

    def extend_by(self, block: Block) -> None:
        """Add whole rows.

        Args:
            block: The rows.
        """
        self.blocks.append(block)
        if len(self.model):
            self.take_apart()

    def take_apart(self) -> None:
        """Move the cells of all blocks to the columns."""
        blocks, self.blocks = self.blocks, []
        for block in blocks:
            n, k = len(block.requests), len(block.models)
            values = {name: table.ravel() for name, table in block.values.items()}
            requests, rows = np.repeat(block.requests, k), np.repeat(block.rows, k)
            self._extend(requests, np.tile(block.models, n), block.file, rows, values)

    def _extend(
        self, requests: np.ndarray, models: np.ndarray, file: int, rows: np.ndarray, values: Mapping[str, np.ndarray]
    ) -> None:
        self.request.frombytes(requests.astype(np.int64, copy=False).data.cast("B"))
        self.model.frombytes(models.astype(np.int32, copy=False).data.cast("B"))
        self.file.frombytes(np.full(len(rows), file, np.int32).data.cast("B"))
        self.row.frombytes(rows.astype(np.int64, copy=False).data.cast("B"))
        for name, column in self.values.items():
            if name in values or len(column):
                column.frombytes(np.full(len(self.model) - len(rows) - len(column), np.nan).data.cast("B"))
                column.frombytes(values.get(name, np.full(len(rows), np.nan)).data.cast("B"))


class Tables:
    """What N requests and M models make of cells: tables [N, M], and what is there again."""

    def __init__(self, cells: Cells, num_requests: int, num_models: int) -> None:
        self.cells, self.shape = cells, (num_requests, num_models)
        if cells.blocks and not _are_all(cells.blocks, num_requests):
            cells.take_apart()
        self.where = np.array(cells.request, np.int64) * num_models + np.array(cells.model, np.int64)
        self.first: np.ndarray | slice = slice(None)  # the cells that count: all of them, unless some are there again
        size = num_requests * num_models
        rise = (self.where[1:] > self.where[:-1]).all()
        self.is_whole = bool(rise) and len(self.where) == size  # every cell once, in order
        if not rise:
            first = np.unique(self.where, return_index=True)[1]
            self.first = first if len(first) < len(self.where) else self.first

    def of(self, name: str) -> np.ndarray | None:
        """The table of a measure.

        Args:
            name: One of `recording.MEASURES`.

        Returns:
            The table [N, M], NaN where there is nothing; None where it is nowhere.
        """
        if not self.cells.blocks:
            values = self.cells.values[name]
            table = self._table(values, np.nan, float) if len(values) else None
            return None if table is None or np.isnan(table).all() else table
        blocks = [block for block in self.cells.blocks if name in block.values]
        if all(np.isnan(block.values[name]).all() for block in blocks):
            return None
        if len(self.cells.blocks) == 1 and np.array_equal(blocks[0].models, np.arange(self.shape[1])):
            return blocks[0].values[name]
        table = np.full(self.shape, np.nan)
        for block in blocks:
            table[np.ix_(block.requests, block.models)] = block.values[name]
        return table

    def places(self, file_of: np.ndarray, row_of: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Where the cells were found.

        Args:
            file_of: Numbers of the requests' files [N].
            row_of: Numbers of their rows [N].

        Returns:
            Numbers of the cells' files [N, M], -1 where there is no cell, and of their rows; None where every cell is
            in the row of its request.
        """
        requests = np.array(self.cells.request, np.int64)
        files, rows = np.array(self.cells.file, np.int32), np.array(self.cells.row, np.int64)
        if (files == file_of[requests]).all() and (rows == row_of[requests]).all():
            return None, None
        return self._table(self.cells.file, -1, np.int32), self._table(self.cells.row, 0, np.int64)

    def _table(self, values: array, nothing: float, kind: type) -> np.ndarray:
        cells = np.frombuffer(values, dtype=values.typecode) if len(values) else np.empty(0)
        if self.is_whole and len(cells):
            return cells.astype(kind).reshape(self.shape)
        table: np.ndarray = np.full(self.shape, nothing, kind)
        table.reshape(-1)[self.where[self.first]] = cells[self.first]
        return table

    def _values(self, name: str) -> np.ndarray:
        """A measure of every cell, NaN where there is nothing."""
        column = self.cells.values[name]
        return np.array(column) if len(column) else np.full(len(self.where), np.nan)

    def means(self) -> dict[str, np.ndarray]:
        """Means over all repeats of a cell.

        Returns:
            Tables [N, M] by measure; empty where no cell is there again.
        """
        result: dict[str, np.ndarray] = {}
        if isinstance(self.first, slice):
            return result
        size = self.shape[0] * self.shape[1]
        for name in self.cells.values:
            values = self._values(name)
            known = ~np.isnan(values)
            if known.any():
                count = np.bincount(self.where[known], minlength=size)
                total = np.bincount(self.where[known], values[known], minlength=size)
                result[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(self.shape)
        return result

    def repeated(self) -> tuple[np.ndarray, np.ndarray]:
        """The cells that are there again.

        Returns:
            Their positions [k], and whether each has another score than the first [k].
        """
        if isinstance(self.first, slice):
            return np.empty(0, np.int64), np.empty(0, bool)
        again = np.ones(len(self.where), bool)
        again[self.first] = False
        rows = np.flatnonzero(again)
        score = self._values("score")
        kept = score[self.first][np.searchsorted(self.where[self.first], self.where[rows])]
        return rows, ~((score[rows] == kept) | (np.isnan(score[rows]) & np.isnan(kept)))


def _are_all(blocks: Sequence[Block], num_requests: int) -> bool:
    """Whether blocks have every request, in order and once."""
    found = [block.requests for block in blocks]
    return sum(map(len, found)) == num_requests and np.array_equal(np.concatenate(found), np.arange(num_requests))
