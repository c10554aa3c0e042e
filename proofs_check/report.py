"""Verdicts for people and for programs: a table, JSON, NetCDF, and the exit code that follows from them."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from messjax import files, origin, results
from messjax.theory import scope
from messjax.theory.hypothesis_tests import NOT_APPLICABLE, VERDICTS, Row
from proofs_check.tables import Column, build, is_wide

COLUMNS = (
    Column("statement"), Column("assumptions", wide=True), Column("tightest case, and the scope of all"),
    Column("measured", number=True), Column("95% interval", number=True, wide=True), Column("bound", number=True),
    Column("bound's 95% interval", number=True, wide=True), Column("margin: 95% limits", number=True, wide=True),
    Column("limits by", wide=True), Column("bound / measured", number=True, wide=True),
    Column("s", number=True, wide=True),
)  # fmt: skip


TITLE = "Statistical tests of statements where their assumptions hold"


SHORT = "asymptotic: by Student's t, right as streams grow in number; the other verdicts are valid at any number."
CAPTION = f"{SHORT}\nIntervals of means are asymptotic. margin: bound - measured, one-sided. s: seconds of simulation."


def table(rows: Sequence[Row], title: str = TITLE) -> Table:
    """One line per statement: its tightest case, and the verdicts on all its cases."""
    names = list(dict.fromkeys(row.statement for row in rows))
    return build(
        COLUMNS,
        [_line(name, [row for row in rows if row.statement == name]) for name in names],
        title=f"{title}\nEach with its tightest case; verdicts by Holm's method over all: evidence, not proof.",
        caption=CAPTION if is_wide() else SHORT,
    )


def _line(name: str, cases: Sequence[Row]) -> list[str]:
    row = tightest(cases)
    case = f"{row.case}: {row.reason}" if row.verdict == NOT_APPLICABLE else row.case
    return [
        name, row.assumptions, f"{case}\n{scope.scope_of(cases, closing='')}", number(row.measured),
        _interval(row.measured_lower, row.measured_upper), number(row.bound),
        _interval(row.bound_lower, row.bound_upper), _interval(row.margin_lower, row.margin_upper), row.interval,
        number(row.looseness), number(sum(each.seconds for each in cases)),
    ]  # fmt: skip


def _interval(lower: float, upper: float) -> str:
    return "-" if math.isnan(lower) else f"{number(lower)} to {number(upper)}"


def tightest(rows: Sequence[Row]) -> Row:
    """The row of the worst verdict, among these the one with the smallest relative margin.

    Where the statement is applicable to no case, one that it is about comes first: its reason says most (T11: vacuous).
    """

    def rank(row: Row) -> tuple[int, float, bool]:
        scale = max(abs(row.bound), abs(row.measured)) or 1.0
        margin = row.margin_lower / scale
        return VERDICTS.index(row.verdict), margin if math.isfinite(margin) else math.inf, math.isnan(row.measured)

    return min(rows, key=rank)


def number(value: float) -> str:
    """Four figures, a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def command(words: Sequence[str]) -> str:
    """The command line of a run, as a shell reads it."""
    return shlex.join(["messjax-proofs", *words])


def dataset(rows: Sequence[Row], seed: int, config: str) -> xr.Dataset:
    """All rows, dimension `row`, with provenance. Empty texts are kept as such."""
    data: dict[str, Any] = {}
    for name in Row._fields:
        values = [getattr(row, name) for row in rows]
        data[name] = ("row", np.array(values, dtype=object if isinstance(values[0], str) else None))
        if isinstance(values[0], str):
            data[name] = ("row", np.array(values, dtype=np.str_))
    data["scope"] = ("row", np.array([scopes(rows)[row.statement] for row in rows], dtype=np.str_))
    return xr.Dataset(data, attrs=origin.provenance() | {"seed": seed, "config": config, "created": origin.now()})


def write(rows: Sequence[Row], out: Path, seed: int, config: str, more: dict[str, Any]) -> list[Path]:
    """DIR/verdicts.json (the rows, and the other parts' findings) and DIR/verdicts.nc."""
    label = {"config": config, "seed": seed, "scope": scopes(rows), "rows": [row._asdict() for row in rows]}
    label |= more
    path = write_json(out / "verdicts.json", label)
    return [path, results.save(dataset(rows, seed, config), out / "verdicts.nc")] if rows else [path]


def write_json(path: Path, content: dict[str, Any]) -> Path:
    """A JSON file of what `to_json` can write."""
    return files.write(path, json.dumps(to_json(content), indent=1) + "\n")


def scopes(rows: Sequence[Row]) -> dict[str, str]:
    """Of every statement on what its verdicts were tried."""
    names = dict.fromkeys(row.statement for row in rows)
    return {name: scope.scope_of([row for row in rows if row.statement == name]) for name in names}


def to_json(value: Any) -> Any:
    """Replace what JSON lacks: NaN by null, infinity by "inf", tuples and arrays by lists."""
    if isinstance(value, dict):
        return {str(name): to_json(each) for name, each in value.items()}
    if hasattr(value, "_asdict"):
        return to_json(value._asdict())
    if isinstance(value, list | tuple | frozenset):
        return [to_json(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)
