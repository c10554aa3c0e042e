"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from rich.table import Table

from messjax import results
from sims.common.settling import when
from sims.common.study import Results
from sims.studies.sparse_feedback.figure import F
from sims.studies.sparse_feedback.runs import NEAR


def tabulate(result: Results) -> Sequence[Table]:
    """Per world and predictor, every V and f."""
    return [_table(name, dataset, policy) for name, dataset in result.items() for policy in dataset["policy"].values]


def _table(name: str, dataset: xr.Dataset, policy: str) -> Table:
    T, unit = dataset.attrs["horizon"], dataset.attrs["cost_unit"]
    out = Table(
        title=f"{name}, {policy}: T = {T:,}, alpha = {float(dataset['alpha']):g}, c = 0.1; cost in {unit} per request",
        caption="intervals at 95% over streams (of a trace: over its orders); holds, near: share of streams and median "
        f"request from which the running satisfaction stays >= alpha, >= alpha - {NEAR:g}",
    )
    for column in (
        "V (E_M - E_1)",
        "f",
        "satisfaction",
        "SLA",
        "missing",
        "E[Q]/(fT)",
        "T9",
        "Q",
        "T9, Q",
        "cost, full",
    ):
        out.add_column(column, justify="right")
    for column in ("exploit-only", "at alpha", "mean e_t", "holds", "near"):
        out.add_column(column, justify="right")
    summary = results.summary(dataset.drop_vars(["sla", "verdict"]))
    for V in dataset["V"].values:
        for f in F:
            out.add_row(*_row(dataset.sel(policy=policy, V=V, f=f), summary.sel(policy=policy, V=V, f=f)))
        out.add_section()
    return out


def _row(one: xr.Dataset, row: xr.Dataset) -> list[str]:
    mean, bound = row.sel(limit="mean"), one["bound"]
    return [
        f"{float(one['V']) * one.attrs['spread']:.2g}",
        f"{float(one['f']):g}",
        text(row["satisfaction"]),
        str(one["sla"].values),
        f"{float(mean['violation']):.4f}",
        f"{float(bound.sel(statement='T9 violation, by the queue')):.4f}",
        f"{float(bound.sel(statement='T9 violation')):.3g}",
        text(row["queue_last"]),
        f"{float(bound.sel(statement='T9 queue')):.3g}",
        text(row["cost"]),
        f"{float(mean['cost_exploit']):.4g}",
        text(row["cost_at_alpha"]),
        f"{float(mean['error_mean']):.3f}",
        when(one["sla_from"].values, one.attrs["horizon"]),
        when(one["near_from"].values, one.attrs["horizon"]),
    ]


def text(limits: xr.DataArray) -> str:
    """Mean +- half of the interval."""
    mean, low, high = limits.transpose("limit").values
    return f"{mean:.4g} +- {(high - low) / 2:.2g}"
