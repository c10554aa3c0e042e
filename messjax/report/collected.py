"""What a folder of results holds, as records: points of a grid, verdicts, terms, words, tables and figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from messjax import results
from messjax.report import answers, proofs

METRICS = ("cost", "cost_exploit", "satisfaction", "queue_last", "queue_mean")
CONTROLS = ("V", "alpha", "c", "a", "f")  # what the choices of the page are about
GRID = ("policy", *CONTROLS)
TERMS = "cost_gap_terms"  # what `theory.decompose` returns
ROWS = {  # name of a JSON file with records: where they are, and what they are called
    "bench.json": ("records", "routers on one protocol"),
    "evaluation.json": ("policies", "policies judged from the log"),
    "recommendation.json": ("candidates", "candidates"),
    "certificates.json": ("runs", "certificates"),
}
Record = dict[str, Any]


class Table(NamedTuple):
    """Records that are shown as a table.

    Attributes:
        name: What it is called.
        rows: Its records.
    """

    name: str
    rows: list[Record]


class Collected(NamedTuple):
    """What is in a folder of results.

    Attributes:
        folder: The folder.
        runs: Of every run its name, command and versions.
        words: What was concluded, in words, with the file that says it.
        points: One record per policy and point of a grid, with limits.
        verdicts: One record per statement and case.
        terms: What cost gaps are made of, a record per term and point.
        cells: A record per assumption violated on purpose and statement.
        tables: Further tables.
        figures: Names and contents of vector figures.
        unit: Unit of the costs.
        unread: Files that could not be read, and why.
    """

    folder: Path
    runs: list[Record]
    words: list[tuple[str, str]]
    points: list[Record]
    verdicts: list[Record]
    terms: list[Record]
    cells: list[Record]
    tables: list[Table]
    figures: list[tuple[str, bytes]]
    unit: str
    unread: list[str]


def collect(folder: Path) -> Collected:
    """Read a folder of results.

    Args:
        folder: What `messjax` commands, `messjax-proofs` or `python -m sims` wrote.

    Returns:
        Everything that a page can show of it.

    Raises:
        ValueError: No such folder, or nothing in it that was written by them.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: found no folder, expected one with results")
    found = Collected(folder, [], [], [], [], [], [], [], [], "", [])
    for path in sorted(folder.glob("*.run.json")):
        found.runs.append(_run(path))
    for path in sorted(folder.glob("*.nc")):
        try:
            found = _with_datasets(found, path)
        except ValueError as error:
            found.unread.append(str(error))
    for path in sorted(folder.glob("*.json")):
        if not path.name.endswith(".run.json"):
            _read_json(found, path)
    if answer := answers.of_points(found.points, found.unit):
        found.words.append(("computed from the points below", "\n".join(answer)))
    found.figures.extend((path.stem, path.read_bytes()) for path in sorted(folder.glob("*.svg")))
    if not any((found.runs, found.words, found.points, found.verdicts, found.cells, found.tables, found.figures)):
        raise ValueError(f"{folder}: found no results, expected a folder that a command wrote with --out")
    return found


def _run(path: Path) -> Record:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = {}
    code = content.get("code", {})
    return {
        "name": path.name.removesuffix(".run.json"),
        "command": content.get("command", ""),
        "finished": bool(content.get("finished")),
        "versions": ", ".join(f"{name} {value}" for name, value in code.items()),
    }


def _with_datasets(found: Collected, path: Path) -> Collected:
    """What a NetCDF file adds: a Dataset, or a tree of them."""
    unit = found.unit
    for name, dataset in _datasets(path):
        label = f"{name}: " if name else ""
        unit = unit or str(dataset.attrs.get("cost_unit", ""))
        if "cost" in dataset and "stream" in dataset["cost"].dims:
            found.points.extend(points_of(dataset, label))
        if {"measured", "bound", "verdict"} <= set(dataset.data_vars) and "statement" in dataset.coords:
            found.verdicts.extend(verdicts_of(dataset, label))
        if TERMS in dataset:
            found.terms.extend(terms_of(dataset, label))
    return found._replace(unit=unit)


def _datasets(path: Path) -> Iterator[tuple[str, xr.Dataset]]:
    for node in results.load_tree(path).subtree:
        if node.data_vars:
            yield (node.path.strip("/"), node.to_dataset())


def _labels(dataset: xr.Dataset, wanted: dict[str, Any]) -> Record:
    """Where a point of a grid is, with the coordinates that are not swept."""
    single = {name: dataset[name].item() for name in GRID if name in dataset.coords and not dataset[name].ndim}
    return {**single, **wanted}


def points_of(dataset: xr.Dataset, label: str = "") -> list[Record]:
    """A record per policy and point of the grid.

    Args:
        dataset: A result of `sweep` or of a comparison.
        label: Put before the name of the policy.

    Returns:
        Means with limits, C*, gamma* and what the queue of an oracle settles at, V gamma*.
    """
    names = [name for name in METRICS if name in dataset]
    summary = results.summary(dataset[names])
    swept = {str(dim) for name in ("cost", "satisfaction") if name in names for dim in summary[name].dims}
    dims = [*(dim for dim in GRID if dim in swept), *sorted(swept - {*GRID, "limit", "model", "t"})]
    rows = []
    for index in np.ndindex(*(summary.sizes[dim] for dim in dims)):
        at = dict(zip(dims, index, strict=True))
        row = _labels(dataset, {dim: dataset[dim].values[n] for dim, n in at.items()})
        more = "".join(f", {dim} = {_shown(row.pop(dim))}" for dim in dims if dim not in GRID)
        row["policy"] = f"{label}{row.get('policy', 'MESS+')}{more}"
        here = summary.isel(at)
        for name in names:
            mean, lower, upper = (float(each) for each in np.ravel(here[name].isel(_first(here[name]))))
            row |= {name: mean, f"{name}_lower": lower, f"{name}_upper": upper}
        for name in ("optimal_cost", "gamma"):
            if name in dataset:
                own = dataset[name].isel({dim: n for dim, n in at.items() if dim in dataset[name].dims})
                row[name] = float(np.ravel(own)[0])
        if "gamma" in row and "V" in row:
            row["V_gamma"] = row["V"] * row["gamma"]
        rows.append(row)
    return rows


def _first(array: xr.DataArray) -> dict[Any, int]:
    """The first place along the dimensions that a metric has and the cost has not."""
    return {dim: 0 for dim in array.dims if dim != "limit"}


def verdicts_of(dataset: xr.Dataset, label: str = "") -> list[Record]:
    """A record per statement and point of the grid.

    Args:
        dataset: A result of `theory.judge`.
        label: Put before the name of the case.

    Returns:
        Measured value with limits, bound, margin, verdict and reason.
    """
    measured = dataset["measured"]
    rows = []
    for index in np.ndindex(*measured.shape):
        at = dict(zip(map(str, measured.dims), index, strict=True))
        where = _labels(dataset, {dim: dataset[dim].values[n] for dim, n in at.items() if dim in dataset.coords})
        swept = [name for name in at if name not in ("statement", "policy") and name in where]
        place = ", ".join(f"{name} = {_shown(where[name])}" for name in swept)
        row = {"statement": str(where.get("statement", ""))} | {
            name: where.get(name) for name in CONTROLS if name in where
        }
        row["case"] = f"{label}{', '.join(str(each) for each in (where.get('policy'), place) if each)}"
        for name in ("measured", "measured_lower", "measured_upper", "bound", "looseness", "verdict", "reason"):
            if name in dataset:
                value = dataset[name].isel({dim: n for dim, n in at.items() if dim in dataset[name].dims}).values
                row[name] = str(value) if value.dtype.kind in "UOS" else float(value)
        rows.append(row)
    return rows


def terms_of(dataset: xr.Dataset, label: str = "") -> list[Record]:
    """A record per term of a cost gap and point of the grid.

    Args:
        dataset: A result of `theory.decompose`.
        label: Put before the name of the policy.

    Returns:
        Terms with their means in the unit of the cost.
    """
    array = dataset[TERMS].sel(limit="mean")
    kind = next(str(dim) for dim in array.dims if dim in ("term", "part"))  # "term", or "part" beside a verdict's terms
    rows = []
    for index in np.ndindex(*array.shape):
        at = dict(zip(map(str, array.dims), index, strict=True))
        where = _labels(dataset, {dim: array[dim].values[n] for dim, n in at.items()})
        value = float(array.isel(at))
        if np.isfinite(value):
            place = "".join(f", {name} = {_shown(where[name])}" for name in at if name not in ("policy", kind))
            point = f"{label}{where.get('policy', 'MESS+')}{place}"
            row = {"point": point} | {name: where.get(name) for name in CONTROLS if name in where}
            rows.append(row | {"term": str(where[kind]), "cost": value})
    return rows


def _read_json(found: Collected, path: Path) -> None:
    """What a JSON file adds: words, verdicts, tables."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        found.unread.append(f"{path.name}: {error}")
        return
    if isinstance(content, dict):
        if path.name == "recommendation.json":
            reasons = [str(each) for each in content.get("reasons", [])]
            found.words.append((path.name, "\n".join([str(content.get("text", "")), *reasons])))
        if path.name in proofs.FILES:
            _with_proofs(found, path.stem, proofs.read(content), str(content.get("command", "")))
        if path.name == "bench.json":
            found.points.extend(_of_bench(content.get("records", [])))
            text, table = answers.of_bench(content.get("records", []))
            found.words.extend([(path.name, text)] if text else [])
            found.tables.extend([Table("policies beside the static mix", table)] if table else [])
        where, title = ROWS.get(path.name, ("", ""))
        if content.get(where):
            found.tables.append(Table(title, [_flat(row) for row in content[where]]))
    if path.name == "findings.json":
        listed = content.get("findings", []) if isinstance(content, dict) else content
        for each in listed:
            found.words.append((path.name, f"{each.get('subject')}: {each.get('verdict')}. {each.get('sentence')}"))


def _with_proofs(found: Collected, name: str, own: proofs.Found, command: str) -> None:
    """What a file of `messjax-proofs` adds; `command` is that of a file without a NAME.run.json."""
    if command:
        found.runs.append({"name": name, "command": command, "finished": True, "versions": ""})
    if own.words:
        found.words.append((f"{name}.json", "\n".join(own.words)))
    found.verdicts.extend(own.verdicts)
    found.cells.extend(own.cells)
    found.tables.extend(Table(title, rows) for title, rows in own.tables)


def _of_bench(records: list[Record]) -> list[Record]:
    """Points of a bench where requests are stationary, on the track that asks for a satisfaction."""
    found = []
    for row in records:
        kind, _, target = str(row.get("target", "")).partition(" ")
        if kind == "alpha" and row.get("scenario") == "stationary" and row.get("setting") == "tuned":
            numbers = {name: row.get(name) for name in ("cost", "satisfaction")}
            found.append({"policy": str(row.get("policy")), "alpha": float(target)} | numbers)
    return found


def _flat(row: Record, before: str = "") -> Record:
    """A record of numbers and texts: what is nested gets a dotted name, what is long is left out."""
    flat: Record = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        elif isinstance(value, list):
            continue
        else:
            flat[f"{before}{name}"] = value
    return flat


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)
