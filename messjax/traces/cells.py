"""The cells (request, model) of a recording, as they are found, and the tables [N, M] that they make."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import numpy as np

from messjax.traces.recording import MEASURES


class Cells:
    """Cells one by one, kept as columns. Of one that occurs again the first counts.

    Attributes:
        request: Number of the request of each cell.
        model: Number of its model.
        file: Number of the file that it was found in.
        row: Number of the row.
        values: What was measured, by measure.
    """

    def __init__(self) -> None:
        self.request, self.model, self.file, self.row = array("q"), array("i"), array("i"), array("q")
        self.values = {name: array("d") for name in MEASURES}

    def __len__(self) -> int:
        return len(self.model)

    def add(self, request: int, model: int, file: int, row: int, values: Sequence[float]) -> None:
        """Add a cell.

        Args:
            request: Number of the request.
            model: Number of the model.
            file: Number of the file.
            row: Number of the row.
            values: What was measured, in the order of `recording.MEASURES`.
        """
        self.request.append(request)
        self.model.append(model)
        self.file.append(file)
        self.row.append(row)
        for column, value in zip(self.values.values(), values, strict=True):
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
        self.request.frombytes(requests.astype(np.int64).tobytes())
        self.model.frombytes(models.astype(np.int32).tobytes())
        self.file.frombytes(np.full(len(rows), file, np.int32).tobytes())
        self.row.frombytes(rows.astype(np.int64).tobytes())
        nothing = np.full(len(rows), np.nan)
        for name, column in self.values.items():
            column.frombytes(values.get(name, nothing).astype(np.float64).tobytes())


class Tables:
    """What N requests and M models make of cells: tables [N, M], and what is there again."""

    def __init__(self, cells: Cells, num_requests: int, num_models: int) -> None:
        self.cells, self.shape = cells, (num_requests, num_models)
        self.where = np.array(cells.request, np.int64) * num_models + np.array(cells.model, np.int64)
        self.first = np.unique(self.where, return_index=True)[1]

    def of(self, values: array, nothing: float, kind: type) -> np.ndarray:
        """The table of some values of the cells.

        Args:
            values: A value per cell.
            nothing: What stands where there is no cell.
            kind: Type of the numbers.

        Returns:
            The table [N, M].
        """
        table: np.ndarray = np.full(self.shape, nothing, kind)
        table.reshape(-1)[self.where[self.first]] = np.array(values, kind)[self.first]
        return table

    def means(self) -> dict[str, np.ndarray]:
        """Means over all repeats of a cell.

        Returns:
            Tables [N, M] by measure; empty where no cell is there again.
        """
        result: dict[str, np.ndarray] = {}
        if len(self.where) == len(self.first):
            return result
        size = self.shape[0] * self.shape[1]
        for name, column in self.cells.values.items():
            values = np.array(column)
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
        again = np.ones(len(self.where), bool)
        again[self.first] = False
        rows = np.flatnonzero(again)
        score = np.array(self.cells.values["score"])
        kept = self.of(self.cells.values["score"], np.nan, float).reshape(-1)[self.where[rows]]
        return rows, ~((score[rows] == kept) | (np.isnan(score[rows]) & np.isnan(kept)))
