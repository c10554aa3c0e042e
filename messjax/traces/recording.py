"""What a reader finds in a file, unchanged: scores out of range, missing cells and repeated rows included.

A `Recording` becomes a `Trace` in `prepare`, where the user chooses how each of these is handled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from messjax.traces.findings import Finding
from messjax.traces.parsing import Place
from messjax.traces.texts import Texts

MEASURES = ("score", "cost", "input_tokens", "output_tokens", "latency", "cached_tokens", "reasoning_tokens")
CELLS = (*MEASURES, "cell_file", "cell_row")  # fields of a recording that are [N, M]


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
