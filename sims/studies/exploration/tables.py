"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from rich.table import Table

from messjax import results
from sims.common.study import Results
from sims.studies.exploration.runs import SHOWN, C, held_out, weight_label


def tabulate(result: Results) -> Sequence[Table]:
    """Per world and shown V, what every c explores, learns, satisfies and costs."""
    return [_table(name, dataset, V) for name, dataset in result.items() for V in range(len(SHOWN))]


def _table(name: str, dataset: xr.Dataset, V: int) -> Table:
    one, unit = results.summary(dataset.drop_vars("sla").isel(V=V)), dataset.attrs["cost_unit"]
    alpha = float(one["alpha"])
    out = Table(
        title=f"{name}, {weight_label(one)}, T = {one.attrs['horizon']:,}, alpha = {alpha:g}; cost in {unit}",
        caption="intervals at 95% over streams (of a trace: over its orders); hidden: what exploit-only leaves out",
    )
    columns = ["c", "explored", "P_T/T", "log loss (base rate)", "satisfaction", "SLA", "cost, full", "exploit-only"]
    columns += ["hidden", "at alpha, full", "T2: exploration"]
    for column in columns:
        out.add_column(column, justify="right")
    for i, c in enumerate(C):
        row = one.isel(c=i)
        mean, loss = row.sel(limit="mean"), held_out(dataset).isel(c=i)
        out.add_row(
            f"{c:g}",
            f"{float(mean['explored']) / dataset.attrs['horizon']:.3%}",
            f"{float(mean['share_expected']):.3%}",
            f"{float(loss['log_loss'].mean()):.4f} ({float(loss['base_log_loss'].mean()):.4f})",
            _said(row["satisfaction"]),
            str(dataset["sla"].values[V, i]),
            _said(row["cost"]),
            f"{float(mean['cost_exploit']):.4g}",
            f"{float(mean['cost'] - mean['cost_exploit']):.4g}",
            _said(row["cost_at_alpha"]),
            f"{float(mean['cost_bound_terms'].sel(term='exploration')):.4g}" if "cost_bound_terms" in one else "-",
        )
    return out


def _said(limits: xr.DataArray) -> str:
    mean, low, high = limits.transpose("limit").values
    return f"{mean:.4g} +- {(high - low) / 2:.2g}"
