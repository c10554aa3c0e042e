"""A decision log: what a router decided for each request, with which probability, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax.traces.findings import Finding
from messjax.traces.parsing import Place
from messjax.traces.texts import Texts

METHODS = ("exact", "of the chosen model", "unknown")  # how the propensities are known


class LoggedTrace(NamedTuple):
    """N requests in the order of their time, each answered by one of M models. NaN: not recorded.

    Attributes:
        format: Name of the format.
        source: Base name of the file or folder.
        files: The files that were read.
        models: Names [M], in the order of their first appearance.
        ids: Identifiers [N].
        texts: Prompts [N]; empty texts where the log has none.
        action: The model that answered, [N] int32.
        score: Satisfaction [N] in [0, 1]; NaN where no feedback came.
        cost: What was paid [N], in `cost_unit`.
        cost_unit: Unit of the costs.
        propensity: Probability [N, M] with which the router chose each model, or None. Where only that of the chosen
            model is recorded, the others are NaN.
        method: How the propensities are known, one of `METHODS`.
        known_cost: Costs [N, M] known before the choice, or None.
        eligible: Which models the router could choose, [N, M] bool, or None: all.
        p_observed: Probability [N] with which feedback was asked for, or None.
        time: Seconds since 1970 [N], or None.
        feedback_time: When the feedback came [N], or None.
        latency: In seconds [N], or None.
        input_tokens: Number of tokens of the prompt [N], or None.
        output_tokens: Number of tokens of the answer [N], or None.
        sessions: Labels of sessions [N], or None.
        versions: Versions of the policy that decided [N], or None.
        features: Numbers that the log has of each request [N, d], or None.
        feature_names: Their names [d].
        file_of: Index into `files` of each request's row [N].
        row_of: Number of that row [N].
        row_unit: What rows are called.
        findings: What only the reader could notice.
    """

    format: str
    source: str
    files: tuple[str, ...]
    models: tuple[str, ...]
    ids: Texts
    texts: Texts
    action: np.ndarray
    score: np.ndarray
    cost: np.ndarray
    cost_unit: str
    propensity: np.ndarray | None
    method: str
    known_cost: np.ndarray | None = None
    eligible: np.ndarray | None = None
    p_observed: np.ndarray | None = None
    time: np.ndarray | None = None
    feedback_time: np.ndarray | None = None
    latency: np.ndarray | None = None
    input_tokens: np.ndarray | None = None
    output_tokens: np.ndarray | None = None
    sessions: Texts | None = None
    versions: Texts | None = None
    features: np.ndarray | None = None
    feature_names: tuple[str, ...] = ()
    file_of: np.ndarray = np.zeros(0, np.int32)
    row_of: np.ndarray = np.zeros(0, np.int64)
    row_unit: str = "row"
    findings: tuple[Finding, ...] = ()

    @property
    def observed(self) -> np.ndarray:
        """Whether feedback came, [N] bool."""
        return ~np.isnan(self.score)

    @property
    def chosen_propensity(self) -> np.ndarray | None:
        """Probability [N] with which the model that answered was chosen, or None."""
        return None if self.propensity is None else self.propensity[np.arange(len(self.action)), self.action]

    def place(self, n: int) -> str:
        """Where a request was found.

        Args:
            n: Number of the request.

        Returns:
            The place, as text.
        """
        if not self.files:
            return f"{self.source}, request {n + 1}"
        return str(Place(Path(self.files[self.file_of[n]]), int(self.row_of[n]), self.row_unit))

    def take(self, rows: np.ndarray) -> LoggedTrace:
        """The log of some requests, in the order given.

        Args:
            rows: Numbers of the requests [k].

        Returns:
            The log.
        """
        size = len(self.action)
        changed: dict[str, Any] = {
            name: value.take(rows) if isinstance(value, Texts) else value[rows]
            for name, value in zip(self._fields, self, strict=True)
            if isinstance(value, (np.ndarray, Texts)) and len(value) == size
        }
        return self._replace(**changed)


def check_log(log: LoggedTrace) -> LoggedTrace:
    """Refuse a log that no estimator could use.

    Args:
        log: The log.

    Returns:
        The same.

    Raises:
        ValueError: No request or fewer than two models; a score outside [0, 1]; a cost that is negative; a propensity
            of the chosen model that is missing, 0 or above 1; propensities of a request that do not add up to 1.
    """
    if not len(log.action) or len(log.models) < 2:
        what = f"{len(log.action)} requests of {len(log.models)} models"
        raise ValueError(f"{log.source}: found {what}, expected requests of at least two models")
    _refuse(log, log.score, (log.score < 0) | (log.score > 1), "score", "a number from 0 to 1 (1: satisfied)")
    _refuse(log, log.cost, (log.cost < 0) | np.isinf(log.cost), "cost", "a finite cost of at least 0")
    if log.p_observed is not None:
        bad = ~((log.p_observed > 0) & (log.p_observed <= 1))
        _refuse(log, log.p_observed, bad, "p_observed", "a probability above 0 and at most 1")
    if log.propensity is None:
        return log
    chosen = log.chosen_propensity
    assert chosen is not None
    expected = "a probability above 0 and at most 1: that with which the model that answered was chosen"
    _refuse(log, chosen, ~((chosen > 0) & (chosen <= 1)), "propensity", expected)
    if log.method == "exact":
        total = log.propensity.sum(axis=1)
        bad = ~(np.abs(total - 1) <= 1e-3) | (log.propensity < 0).any(axis=1)
        _refuse(log, total, bad, "sum of propensities", "probabilities that add up to 1")
    return log


def _refuse(log: LoggedTrace, values: np.ndarray, bad: np.ndarray, name: str, expected: str) -> None:
    if bad.any():
        n = int(np.argmax(bad))
        found = "nothing" if np.isnan(values[n]) else f"{values[n]:g}"
        raise ValueError(f"{log.place(n)}: found {name} {found}, one of {int(bad.sum()):,} such, expected {expected}")
