"""Some of a recording's models: those that are named, those that are not left out, those that have data."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from messjax.traces.findings import Finding
from messjax.traces.linting.cells import DECISION_LOG, is_decision_log
from messjax.traces.parsing import listed
from messjax.traces.recording import CELLS, Recording


def select(recording: Recording, models: str = "", exclude: str = "", *, with_data: bool = False) -> Recording:
    """The recording of some of its models, in the order of the file.

    A model is named by its name, by its name in other case, or by a pattern (`gpt-*`) that may fit several. Names are
    separated by commas; one with a comma in it is quoted, as in a CSV.

    Args:
        recording: N requests, M models.
        models: Names of the models to keep; empty: all.
        exclude: Names of the models to leave out.
        with_data: Whether models without a single score are left out, and where costs are recorded at all, models
            without a single cost.

    Returns:
        The recording; a finding says which models were left out.

    Raises:
        ValueError: A name that fits no model, or no model is left.
    """
    if (models or exclude) and is_decision_log(recording):
        raise ValueError(f"{recording.source}: {DECISION_LOG}")
    kept = _fitting(recording, models, "--models") if models else np.ones(len(recording.models), bool)
    if exclude:
        kept &= ~_fitting(recording, exclude, "--exclude")
    if with_data:
        kept &= ~np.isnan(recording.score).all(axis=0)
        kept &= True if recording.cost is None else ~np.isnan(recording.cost).all(axis=0)
    if not kept.any():
        options = "--models, --exclude and --models-with-data"
        raise ValueError(f"{recording.source}: {options} leave no model of {listed(recording.models)}")
    if kept.all():
        return recording
    left = [model for model, keep in zip(recording.models, kept, strict=True) if not keep]
    message = f"left out as asked: {listed(left)}"
    result = of_models(recording, kept)
    return result._replace(findings=(*result.findings, Finding("models left out", "info", len(left), message)))


def of_models(recording: Recording, kept: np.ndarray) -> Recording:
    """The recording of some models.

    Args:
        recording: N requests, M models.
        kept: Mask of the models [M].

    Returns:
        The recording.
    """
    tables: dict[str, Any] = {
        name: np.ascontiguousarray(table[:, kept]) for name in CELLS if (table := getattr(recording, name)) is not None
    }
    models = tuple(model for model, keep in zip(recording.models, kept, strict=True) if keep)
    number = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.int32)  # the last is that of -1
    return recording._replace(
        models=models,
        repeat_means={name: table[:, kept] for name, table in recording.repeat_means.items()},
        choices={router: number[chosen] for router, chosen in recording.choices.items()},
        **tables,
    )


def scored(recording: Recording, cost: np.ndarray | None) -> tuple[Recording, np.ndarray | None, tuple[str, ...]]:
    """The recording without models that have not a single score, unless all are such.

    Args:
        recording: N requests, M models.
        cost: Costs [N, M], or None.

    Returns:
        The recording, its costs, and the names of the models that were left out.
    """
    kept = ~np.isnan(recording.score).all(axis=0)
    if kept.all() or not kept.any():
        return recording, cost, ()
    left = tuple(model for model, keep in zip(recording.models, kept, strict=True) if not keep)
    result = of_models(recording, kept)
    return result, (result.cost if cost is recording.cost else None if cost is None else cost[:, kept]), left


def of_requests(recording: Recording, rows: np.ndarray) -> Recording:
    """The recording of some requests, in another order perhaps.

    Args:
        recording: N requests, M models.
        rows: Numbers of the requests [k].

    Returns:
        The recording.
    """
    names = (*CELLS, "file_of", "row_of", "time")
    tables: dict[str, Any] = {name: None if (of := getattr(recording, name)) is None else of[rows] for name in names}
    tables |= {name: getattr(recording, name).take(rows) for name in ("ids", "texts", "groups")}
    tables |= {
        name: {key: of[rows] for key, of in getattr(recording, name).items()}
        for name in ("repeat_means", "choices", "router_scores")
    }
    return recording._replace(**tables)


def in_order_of_time(recording: Recording) -> Recording:
    """The recording with its requests in the order of their time; those of one time keep their order.

    Args:
        recording: N requests, M models.

    Returns:
        The recording; as it is where no time is recorded.
    """
    if recording.time is None:
        return recording
    order = np.argsort(recording.time, kind="stable")
    moved = int((order != np.arange(len(order))).sum())
    if not moved:
        return recording
    message = "requests were not in the order of their time, and are put in it"
    result = of_requests(recording, order)
    return result._replace(findings=(*result.findings, Finding("order of time", "info", moved, message)))


def averaged(recording: Recording) -> Recording:
    """The recording with means over the repeats of a cell (request, model) in the place of the first one.

    Args:
        recording: N requests, M models.

    Returns:
        The recording; as it is where no cell is there again.
    """
    if not recording.repeat_means:
        return recording
    findings = [finding for finding in recording.findings if finding.check != "doubled cells"]
    times = next(finding.times for finding in recording.findings if finding.check == "doubled cells")
    findings.append(Finding("doubled cells", "info", times, "cells are there again and count in the mean of the cell"))
    tables: dict[str, Any] = dict(recording.repeat_means)
    return recording._replace(repeat_means={}, findings=tuple(findings), **tables)


def names_of(given: str, option: str) -> list[str]:
    """The names in an option's value.

    Args:
        given: Names separated by commas; one with a comma in it is quoted.
        option: The option, for error messages.

    Returns:
        The names.

    Raises:
        ValueError: An empty name, or a quote that is not closed.
    """
    try:
        names = [name.strip() for name in next(csv.reader([given], strict=True, skipinitialspace=True), [])]
    except csv.Error as error:
        raise ValueError(f"{option} {given!r}: {error}, expected names separated by commas") from None
    if not names or not all(names):
        raise ValueError(f"{option} {given!r}: found an empty name, expected names separated by commas")
    return names


def fits(name: str, models: Sequence[str]) -> list[int]:
    """The models that a name means.

    Args:
        name: A model's name, in any case, or a pattern with `*` or `?`.
        models: Names of the models [M].

    Returns:
        Their numbers; empty: none.
    """
    exact = [m for m, model in enumerate(models) if model == name]
    exact = exact or [m for m, model in enumerate(models) if model.casefold() == name.casefold()]
    return exact or [m for m, model in enumerate(models) if fnmatchcase(model.casefold(), name.casefold())]


def _fitting(recording: Recording, given: str, option: str) -> np.ndarray:
    """Mask [M] of the models that an option names."""
    result = np.zeros(len(recording.models), bool)
    for name in names_of(given, option):
        if not (found := fits(name, recording.models)):
            raise ValueError(f"{option}: found {name!r}, expected models of {listed(recording.models)}")
        result[found] = True
    return result
