"""Verdicts for people and for programs: a table, JSON, NetCDF, and the exit code that follows from them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from messjax import results
from messjax.theory.hypothesis_tests import NOT_APPLICABLE, VERDICTS, Row


def table(rows: Sequence[Row], what: str = "Statements tested where their assumptions hold") -> Table:
    """One line per statement: its tightest case, and how many cases came out how."""
    out = Table(
        title=f"{what}. Shown is the tightest case of each; one-sided 95%\n"
        "limits of the margin bound - measured; verdicts by Holm's method over all cases; s: seconds of simulation.",
        title_justify="left",
    )
    left = ("statement", "assumptions", "tightest case", "verdict", "all cases")
    for column in ("statement", "assumptions", "tightest case", "measured", "bound", "margin from", "to", "looseness",
                   "streams", "s", "verdict", "all cases"):  # fmt: skip
        out.add_column(column, justify="left" if column in left else "right", overflow="fold")
    for name in dict.fromkeys(row.statement for row in rows):
        cases = [row for row in rows if row.statement == name]
        row = tightest(cases)
        words = Counter(each.verdict for each in cases)
        out.add_row(
            name, row.assumptions, row.case if row.verdict != NOT_APPLICABLE else f"{row.case}: {row.reason}", number(row.measured),
            number(row.bound), number(row.margin_lower), number(row.margin_upper), number(row.looseness),
            str(row.streams), number(sum(each.seconds for each in cases)), row.verdict,
            ", ".join(f"{words[word]} {word}" for word in VERDICTS if words[word]),
        )  # fmt: skip
    return out


def tightest(rows: Sequence[Row]) -> Row:
    """The row of the worst verdict, among these the one with the smallest relative margin."""

    def rank(row: Row) -> tuple[int, float]:
        scale = max(abs(row.bound), abs(row.measured)) or 1.0
        margin = row.margin_lower / scale
        return VERDICTS.index(row.verdict), margin if math.isfinite(margin) else math.inf

    return min(rows, key=rank)


def number(value: float) -> str:
    """Four figures, a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def dataset(rows: Sequence[Row], seed: int, config: str) -> xr.Dataset:
    """All rows, dimension `row`, with provenance. Empty texts are kept as such."""
    data: dict[str, Any] = {}
    for name in Row._fields:
        values = [getattr(row, name) for row in rows]
        data[name] = ("row", np.array(values, dtype=object if isinstance(values[0], str) else None))
        if isinstance(values[0], str):
            data[name] = ("row", np.array(values, dtype=np.str_))
    return xr.Dataset(data, attrs=results.provenance() | {"seed": seed, "config": config, "created": results.now()})


def write(rows: Sequence[Row], out: Path, seed: int, config: str, more: dict[str, Any]) -> list[Path]:
    """DIR/verdicts.json (the rows, and the other parts' findings) and DIR/verdicts.nc."""
    label = {"config": config, "seed": seed, "rows": [plain(row._asdict()) for row in rows]} | plain(more)
    path = out / "verdicts.json"
    path.write_text(json.dumps(label, indent=1) + "\n", encoding="utf-8")
    return [path, results.save(dataset(rows, seed, config), out / "verdicts.nc")] if rows else [path]


def plain(value: Any) -> Any:
    """For JSON, which knows neither NaN nor infinity: null, and "inf" as text; tuples and arrays as lists."""
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple | frozenset):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)
