"""Collects the rows of a decision log as a reader finds them, and joins them into a `LoggedTrace`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax.traces.findings import FindingCounter
from messjax.traces.logs.logged_trace import LoggedTrace, check_log
from messjax.traces.moments import moment
from messjax.traces.parsing import Place, label, number, text
from messjax.traces.texts import Texts

NUMBERS = ("score", "cost", "propensity", "p_observed", "latency", "input_tokens", "output_tokens")
TIMES = ("time", "feedback_time")
LABELS = ("session", "version")
BY_MODEL = ("propensity", "cost")  # of every model: `propensity:MODEL`, `cost:MODEL`
ROLES = ("model", "prompt", "id", "eligible", "latency_ms", *LABELS, *TIMES, *NUMBERS)


class Row(NamedTuple):
    """A row as it was found.

    Attributes:
        place: Where.
        values: Cells by role.
        columns: Names of their columns, for errors; where one is missing the role is shown.
        by_model: Cells by role (of `BY_MODEL`) and model.
        features: Numbers by name.
        candidates: The models that could be chosen; empty: all.
    """

    place: Place
    values: Mapping[str, Any]
    columns: Mapping[str, str] = {}
    by_model: Mapping[tuple[str, str], Any] = {}
    features: Mapping[str, Any] = {}
    candidates: tuple[str, ...] = ()


class LogBuilder:
    """Collects rows. The first row of an id counts."""

    def __init__(self, format: str, path: Path, cost_unit: str) -> None:
        self.format, self.path, self.cost_unit = format, path, cost_unit
        self._models: dict[str, int] = {}
        self._files: dict[Path, int] = {}
        self._seen: set[str] = set()
        self._again = FindingCounter("doubled ids", "warning", "rows have the id of an earlier one, which counts")
        self._ineligible = FindingCounter(
            "choice not eligible", "warning", "rows have a model that was not eligible; it is taken as eligible"
        )
        self._texts: dict[str, list[str]] = {name: [] for name in ("id", "prompt", *LABELS)}
        self._numbers: dict[str, list[float]] = {name: [] for name in (*NUMBERS, *TIMES)}
        self._by_model: dict[tuple[str, str], dict[int, float]] = {}
        self._features: dict[str, list[float]] = {}
        self._candidates: dict[int, list[int]] = {}
        self._action: list[int] = []
        self._where: list[tuple[int, int]] = []
        self._unit = "row"

    def add(self, row: Row) -> None:
        """Add a row.

        Args:
            row: The row.

        Raises:
            BadCell: A cell that does not hold what it should.
        """
        place, values = row.place, row.values

        def column(role: str) -> str:
            return row.columns.get(role, role)

        name = label(place, column("id"), values.get("id"), "")
        if name and name in self._seen:
            return self._again.add(f"{place}: {name[:60]!r}")
        model = text(place, column("model"), values.get("model"), role="model")
        words = {each: label(place, column(each), values.get(each), "") for each in ("prompt", *LABELS)}
        numbers = {
            each: number(place, column(each), values.get(each), truth=each == "score") for each in self._numbers
            if each not in TIMES
        }  # fmt: skip
        numbers |= {
            each: np.nan if values.get(each) in (None, "") else moment(place, column(each), values[each])
            for each in TIMES
        }
        known = {key: number(place, ":".join(key), value) for key, value in row.by_model.items()}
        features = {each: number(place, each, value) for each, value in row.features.items()}
        self._seen.add(name)
        n = len(self._action)
        for each, word in {"id": name or str(n + 1), **words}.items():
            self._texts[each].append(word)
        for each, found in numbers.items():
            self._numbers[each].append(found)
        for each, found in features.items():
            self._features.setdefault(each, [np.nan] * n).append(found)
        for key, found in known.items():
            self._models.setdefault(key[1], len(self._models))
            self._by_model.setdefault(key, {})[n] = found
        if row.candidates:
            self._candidates[n] = [self._models.setdefault(each, len(self._models)) for each in row.candidates]
            if model not in row.candidates:
                self._ineligible.add(f"{place}: {model[:60]!r}")
        if unit := label(place, "cost_unit", values.get("cost_unit"), ""):
            self.cost_unit = unit
        self._action.append(self._models.setdefault(model, len(self._models)))
        self._where.append((self._files.setdefault(place.file, len(self._files)), place.row))
        self._unit = place.unit

    def build(self) -> LoggedTrace:
        """Join everything, in the order of time.

        Returns:
            The log.

        Raises:
            ValueError: As `check_log` raises, or a feature that some rows lack.
        """
        size = len(self._action)
        numbers = {name: np.array(values, float) for name, values in self._numbers.items()}
        some = {name: None if np.isnan(values).all() else values for name, values in numbers.items()}
        where = np.array(self._where, np.int64).reshape(size, 2)
        propensity, method = self._propensity(some["propensity"])
        log = LoggedTrace(
            format=self.format,
            source=os.path.basename(os.path.abspath(self.path)),
            files=tuple(str(file) for file in self._files),
            models=tuple(self._models),
            ids=Texts.of(self._texts["id"]),
            texts=Texts.of(self._texts["prompt"]),
            action=np.array(self._action, np.int32),
            score=numbers["score"],
            cost=numbers["cost"],
            cost_unit=self.cost_unit,
            propensity=propensity,
            method=method,
            known_cost=self._table("cost"),
            eligible=self._eligible(),
            features=self._numbers_of_requests(size),
            feature_names=tuple(self._features),
            sessions=self._labels("session"),
            versions=self._labels("version"),
            file_of=where[:, 0].astype(np.int32),
            row_of=where[:, 1],
            row_unit=self._unit,
            findings=(*self._again.findings(), *self._ineligible.findings()),
            **{name: some[name] for name in ("p_observed", "latency", "input_tokens", "output_tokens", *TIMES)},
        )
        check_log(log)
        return log if log.time is None else log.take(np.argsort(log.time, kind="stable"))

    def _labels(self, name: str) -> Texts | None:
        return Texts.of(self._texts[name], labels=True) if any(self._texts[name]) else None

    def _table(self, role: str) -> np.ndarray | None:
        """Numbers of every model [N, M], or None."""
        found = {model: cells for (each, model), cells in self._by_model.items() if each == role}
        if not found:
            return None
        table = np.full((len(self._action), len(self._models)), np.nan)
        for model, cells in found.items():
            table[list(cells), self._models[model]] = list(cells.values())
        return table

    def _eligible(self) -> np.ndarray | None:
        if not self._candidates:
            return None
        table = np.ones((len(self._action), len(self._models)), bool)
        for n, models in self._candidates.items():
            table[n] = False
            table[n, [*models, self._action[n]]] = True
        return table

    def _propensity(self, chosen: np.ndarray | None) -> tuple[np.ndarray | None, str]:
        if (table := self._table("propensity")) is not None:
            return np.where(np.isnan(table), 0.0, table), "exact"  # a model that is not named was not a choice
        if chosen is None:
            return None, "unknown"
        table = np.full((len(self._action), len(self._models)), np.nan)
        table[np.arange(len(self._action)), self._action] = chosen
        return table, "of the chosen model"

    def _numbers_of_requests(self, size: int) -> np.ndarray | None:
        if not self._features:
            return None
        columns: Sequence[list[float]] = list(self._features.values())
        table = np.array([column + [np.nan] * (size - len(column)) for column in columns]).T
        if np.isnan(table).any():
            n, k = np.argwhere(np.isnan(table))[0]
            where = f"{list(self._files)[self._where[n][0]]}, {self._unit} {self._where[n][1]}"
            raise ValueError(f"{where}: found no feature {list(self._features)[k]!r}, expected a number in every row")
        return table
