"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from rich.table import Table

from messjax.statistics import intervals
from sims.common import comparison
from sims.common.study import Results
from sims.studies.four_models.runs import LEARNED, ORACLE, OWN


def tabulate(result: Results) -> Sequence[Table]:
    """Per world at its alpha: policies that are known, then MESS+ at every V, with the calls of each model."""
    return [_table(name, dataset) for name, dataset in result.items()]


def _table(name: str, dataset: xr.Dataset) -> Table:
    at = dataset.isel(alpha=-1)
    alpha, (own, long, _) = float(at["alpha"]), at["T"].values
    title = f"{name} at alpha = {alpha:g}: cost per request ({dataset.attrs['cost_unit']}), T = {long:,}; 95% intervals"
    out = Table(title=title)
    columns = ("policy", "cost, full", "cost, exploit", "satisfaction", "SLA", f"SLA at T = {own:,}", "cost at alpha")
    for column in (*columns, *(f"{model} %" for model in at["model"].values)):
        out.add_column(column, justify="left" if column == "policy" else "right")
    for one in at["known"].values:
        cost, level = (float(at[f"known_{what}"].sel(known=one)) for what in ("cost", "satisfaction"))
        kept = comparison.KEPT if level >= alpha - 1e-9 else comparison.MISSED
        out.add_row(str(one), f"{cost:.4g}", f"{cost:.4g}", f"{level:.4f}", kept)
    best = f"{float(at['optimal_cost']):.4g}"
    out.add_row("C*", best, "", f"{alpha:.4f}", comparison.KEPT, "", best, *_percents(at["optimal_share"]))
    for run in (LEARNED, ORACLE):
        out.add_section()
        for weight in at["weight"].values:
            out.add_row(f"MESS+, {run}, w = {weight:g}", *_row(at.sel(weight=weight), run))
    return out


def _row(one: xr.Dataset, run: str) -> list[str]:
    long, own = one.sel(run=run), one.sel(run=OWN)
    full, exploit, level, brought = (
        intervals.interval(long[what].values) for what in ("cost", "cost_exploit", "satisfaction", "cost_at_alpha")
    )
    text = [f"{full.mean:.4g}", f"{exploit.mean:.4g}", f"{level.mean:.4f} +- {level.upper - level.mean:.4f}"]
    kept = [str(long["sla"].values), str(own["sla"].values) if run == LEARNED else ""]
    calls = long["calls"].mean("stream") / int(long["T"])
    return [*text, *kept, f"{brought.mean:.4g} +- {brought.upper - brought.mean:.2g}", *_percents(calls)]


def _percents(shares: xr.DataArray) -> list[str]:
    return [f"{100 * share:.1f}" for share in shares.values]
