"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from rich.table import Table

from sims.common.study import Results
from sims.studies.cheaper_than_routers.runs import (
    AT_ALPHA,
    BEST,
    BEST_EXPLOIT,
    FULL,
    LEDGERS,
    METRICS,
    OPTIMUM,
    PLAIN,
    TABLE,
    TWICE,
    median,
    shared,
    twice,
)


def tabulate(result: Results) -> Sequence[Table]:
    """Per world every contender; then in how many worlds each is twice as expensive."""
    return [_contenders(name, dataset) for name, dataset in result.items()] + [_counts(result)]


def _contenders(name: str, dataset: xr.Dataset) -> Table:
    attrs = dataset.attrs
    over = "orders of the trace" if attrs["kind"] == "trace" else "streams"
    title = (
        f"{name}: alpha = {float(dataset['alpha']):g}, T = {attrs['horizon']:,}; ratios are over MESS+'s best setting"
    )
    out = Table(title=title, caption=f"costs in {attrs['cost_unit']} per request; 95% intervals over {over}, paired")
    for column in ("contender", "cost, full", "exploit", "satisfied", "alpha"):
        out.add_column(column, justify="left" if column in ("contender", "alpha") else "right")
    for column in ("plain, full", *(f"at alpha, {ledger}" for ledger in LEDGERS), "twice"):
        out.add_column(column, justify="right")
    ratio = dataset["ratio"].sel(ours=BEST)
    for policy in dataset["policy"].values:
        one = dataset[list(METRICS)].sel(policy=policy).mean("stream")
        at = ratio.sel(policy=policy)
        shown = [at.sel(ledger=FULL, basis=PLAIN), *(at.sel(ledger=ledger, basis=AT_ALPHA) for ledger in LEDGERS)]
        out.add_row(
            f"{policy} ({attrs[f'setting_{policy}']})" if policy in (BEST, BEST_EXPLOIT) else str(policy),
            *(f"{float(one[metric]):.4g}" for metric in METRICS),
            str(dataset["sla"].sel(policy=policy).values),
            *(_formatted(limits) for limits in shown),
            "" if policy in (BEST, BEST_EXPLOIT, TABLE, OPTIMUM) else _twice(shown[2]),
        )
    return out


def _formatted(limits: xr.DataArray) -> str:
    mean, lower, upper = limits.values
    return "-" if np.isnan(mean) else f"{mean:.2f} [{lower:.2f}, {upper:.2f}]"


def _twice(limits: xr.DataArray) -> str:
    mean, lower, upper = limits.values
    return "-" if np.isnan(mean) else "yes" if lower >= TWICE else "no" if upper < TWICE else "undecided"


def _counts(result: Results) -> Table:
    out = Table(
        title=f"worlds of {len(result)} in which a contender costs twice what MESS+ does at alpha at 95% (median)"
    )
    out.add_column("contender")
    for ours in ("best", "table's V"):
        for ledger in LEDGERS:
            out.add_column(f"{ours}: {ledger}", justify="right")
    for name in shared(result):
        cells = [(len(twice(result, name, k, o)), median(result, name, k, o)) for o in (BEST, TABLE) for k in LEDGERS]
        out.add_row(name, *(f"{worlds} ({middle:.2f})" for worlds, middle in cells))
    return out
