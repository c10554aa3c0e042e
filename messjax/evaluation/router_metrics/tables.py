"""The metrics of a replay as tables, and as records for CSV and JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from messjax import runtime
from messjax.evaluation.router_metrics.of_replays import SINGLE
from messjax.statistics import intervals

_COLUMNS = {  # of a router: (heading, how to reduce its configurations)
    "aiq": ("AIQ", None),
    "perf_gain": ("PerfGain", None),
    "cost_save": ("CostSave", None),
    "pareto_dist": ("ParetoDist", None),
    "apgr": ("APGR", None),
    "cpt_50": ("CPT(50%)", None),
    "cpt_80": ("CPT(80%)", None),
    "gap_at_oracle": ("Gap@Oracle", "min"),
    "arena_score": ("Arena", "max"),
}


def metrics_tables(
    result: xr.Dataset,
    title: str,
    level: float = 0.95,
    *,
    without: Collection[str] = (),
    width: int = 2 * runtime.NARROW,
) -> list[Table]:
    """A row per policy, alpha and c with intervals over orders; the best single model is named in the caption.

    Gap@Oracle and Arena score are those of a router's best configuration (Gain@Best of it is PerfGain: the trace is one
    data set). Where no number depends on c it is left out.

    Args:
        result: Result of `replay_metrics`.
        title: Title of the tables.
        level: Coverage of the intervals, in (0, 1).
        without: Policies that are left out, but for the best single model.
        width: Columns of the terminal; below `runtime.NARROW` a table has three metrics.

    Returns:
        One `rich` table with all metrics, or several; the last one has the caption.
    """
    best_single, controls = SINGLE.format(result.attrs["best_single"]), _controls(result)
    headings = [heading for name, (heading, _) in _COLUMNS.items() if name in result]
    each = 3 if width < runtime.NARROW else len(headings)
    parts = [slice(start, start + each) for start in range(0, len(headings), each)]
    tables = [Table(title=title) for _ in parts]
    omitted = [name for name in without if name != best_single]
    for table, part in zip(tables, parts, strict=True):
        for heading in ("policy", *controls, *headings[part]):
            number = heading != "policy"  # a number is never broken
            table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=number)
        for policy, at, values in _routers(result):
            if policy in omitted:
                continue
            best = " (best single)" if policy == best_single else ""
            shown = [f"{at[name]:g}" if name in at else "" for name in controls]
            table.add_row(f"{policy}{best}", *shown, *(_interval(array, level) for array in [*values.values()][part]))
    tables[-1].caption = " ".join([_caption(result, level), *_omitted(omitted)])
    return tables


def _caption(result: xr.Dataset, level: float) -> str:
    return (
        f"best single model: {result.attrs['best_single']}, {float(result['best_satisfaction'].mean()):.4f} satisfied "
        f"at {float(result['best_cost'].mean()):.4g} {result.attrs['cost_unit']}; oracle "
        f"{float(result['oracle_satisfaction']):.4f} at {float(result['oracle_cost']):.4g}; zero router's AIQ "
        f"{float(result['zero_router_aiq'].mean()):.4f}. {level:.0%} intervals over orders. "
        f"n/a: no configuration is as good as the best single model. Not defined: {result.attrs['undefined']}."
    )


def _omitted(names: list[str]) -> list[str]:
    what = "1 policy is" if len(names) == 1 else f"{len(names)} policies are"
    return [f"{what} left out; --all shows them, router_metrics.csv has all."] if names else []


def metrics_records(result: xr.Dataset, level: float = 0.95) -> list[dict[str, Any]]:
    """The numbers of `metrics_tables` as records, for CSV and JSON.

    Args:
        result: Result of `replay_metrics`.
        level: Coverage of the intervals, in (0, 1).

    Returns:
        One dict per row of the table; NaN where a metric is not defined in every order, or an interval not at all.
    """
    found = []
    for policy, at, values in _routers(result):
        row: dict[str, Any] = {"policy": policy} | {name: at.get(name, "") for name in _controls(result)}
        for name, array in values.items():
            numbers = array.values.ravel()
            known = np.isfinite(numbers).all()
            limits = intervals.interval(numbers, level) if known and len(numbers) > 1 else None
            row[name] = float(numbers.mean()) if known else np.nan
            row[f"{name}_lower"], row[f"{name}_upper"] = (limits.lower, limits.upper) if limits else (np.nan, np.nan)
        found.append(row)
    return found


def _controls(result: xr.Dataset) -> list[str]:
    """The controls of which every value has rows of its own."""
    return [name for name in ("alpha", "c") if name in result.dims and name not in result.attrs["along"].split(", ")]


def _routers(result: xr.Dataset) -> Iterator[tuple[str, dict[str, float], dict[str, xr.DataArray]]]:
    """Every policy, the controls that it depends on, and the metrics of its best configuration, one value per order."""
    points = [name for name in result.attrs["along"].split(", ") if name in result.dims]
    reduced = {
        name: result[name] if how is None else getattr(result[name], how)([p for p in points if p in result[name].dims])
        for name, (_, how) in _COLUMNS.items()
        if name in result
    }
    controls = _controls(result)
    for policy in result["policy"].values:
        own = {name: array.sel(policy=policy) for name, array in reduced.items()}
        swept = [name for name in controls if name != "c" or any(_varies(array, "c") for array in own.values())]
        for index in np.ndindex(*(result.sizes[name] for name in swept)):
            at = {name: 0 for name in controls if name not in swept} | dict(zip(swept, index, strict=True))
            values = {name: array.isel({k: v for k, v in at.items() if k in array.dims}) for name, array in own.items()}
            yield str(policy), {name: float(result[name][at[name]]) for name in swept}, values


def _varies(array: xr.DataArray, dim: str) -> bool:
    if dim not in array.dims:
        return False
    values = np.moveaxis(array.values, array.get_axis_num(dim), 0)  # thousands of calls: xarray's own take 3 ms each
    return not np.array_equal(values, np.broadcast_to(values[:1], values.shape), equal_nan=True)


def _interval(values: xr.DataArray, level: float) -> str:
    numbers = values.values.ravel()
    if not np.isfinite(numbers).all():
        return "n/a" if np.isnan(numbers).all() else f"n/a in {np.isnan(numbers).mean():.0%}"
    if len(numbers) < 2 or not np.ptp(numbers):
        return f"{numbers[0]:.3f}"
    limits = intervals.interval(numbers, level)
    return f"{limits.mean:.3f} +- {(limits.upper - limits.lower) / 2:.3f}"
