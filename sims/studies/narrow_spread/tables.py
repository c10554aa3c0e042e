"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from rich.table import Table

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from sims.common.study import Results
from sims.studies.narrow_spread.runs import possible, saving


def tabulate(result: Results) -> Sequence[Table]:
    """Per world, spread and c: the V chosen, satisfaction, and savings in per cent."""
    return [_table(name, dataset) for name, dataset in result.items()]


def _table(name: str, dataset: xr.Dataset) -> Table:
    out = Table(title=f"{name}, alpha = {float(dataset['alpha']):g}: % saved at alpha, V chosen on other streams")
    compared = ("against LP: full", "exploit", "C*", "against most expensive: full", "C*")
    for column in ("spread", "c", "w", "satisfaction", "LP mixture costs", *compared):
        out.add_column(column, justify="right")
    for i, spread in enumerate(dataset["spread"].values):
        for c in dataset["c"].values:
            one = dataset.sel(c=c).isel(spread=i)
            level = intervals.interval(one["satisfaction"].values)
            out.add_row(
                f"{spread:g}",
                f"{c:g}",
                f"{float(one['weight']):g}" + ("" if bool(one["kept"]) else " (none kept)"),
                f"{level.mean:.4f} +- {level.upper - level.mean:.4f}",
                f"{float(one['blind_cost']):.4g}",
                _percent(saving(one, "cost", "blind_cost")),
                _percent(saving(one, "cost_exploit", "blind_cost")),
                f"{possible(dataset, 'blind_cost')[i]:.1f}",
                _percent(saving(one, "cost", "most_expensive")),
                f"{possible(dataset, 'most_expensive')[i]:.1f}",
            )
        out.add_section()
    return out


def _percent(one: Interval) -> str:
    return f"{100 * one.mean:.1f} +- {100 * (one.upper - one.mean):.1f}"
