"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from rich.table import Table

from messjax.statistics import intervals
from sims.common import other_zoos
from sims.common.study import Results
from sims.studies.mixed_families.figure import dominated_share
from sims.studies.mixed_families.runs import ALPHA, ORDERS, C


def tabulate(result: Results) -> Sequence[Table]:
    """Models chosen; what exploring does; the statements."""
    widest = result["explored"].isel(gap=-1)
    return [_chosen_table(result["chosen"]), _explored_table(result["explored"]), _statements_table(widest)]


def _chosen_table(dataset: xr.Dataset) -> Table:
    out = Table(title=f"MESS+ at alpha = {ALPHA:g}, T = {dataset.attrs['horizon']:,}, V chosen on other streams; 95%")
    columns = ("gap", "alike", "beta_M", "head", "w", "satisfaction", "cost at alpha", "LP mixture", "C*")
    for column in (*columns, "% to dominated models", "largest V", "C*"):
        out.add_column(column, justify="right")
    for i, gap in enumerate(dataset["gap"].values):
        for alike in dataset["alike"].values:
            for head in dataset["head"].values:
                one = dataset.sel(alike=alike, head=head).isel(gap=i)
                settled, share = other_zoos.settle(one), dominated_share(one, "chosen")
                level, cost = (
                    intervals.interval(settled.rest[what].values) for what in ("satisfaction", "cost_at_alpha")
                )
                shares = (share.sel(weight=settled.weight), share[-1], dominated_share(one, "optimal_share"))
                out.add_row(
                    f"{gap:g}",
                    f"{alike:g}",
                    f"{float(one['accuracy'][-1]) - ALPHA:+.2f}",
                    str(head),
                    f"{settled.weight:g}" + ("" if settled.kept else " (none kept)"),
                    f"{level.mean:.4f} +- {level.upper - level.mean:.4f}",
                    f"{cost.mean:.3f} +- {cost.upper - cost.mean:.3f}",
                    *(f"{float(one[name]):.3f}" for name in ("blind_cost", "optimal_cost")),
                    *(f"{100 * float(part):.1f}" for part in shares),
                )
        out.add_section()
    return out


def _explored_table(dataset: xr.Dataset) -> Table:
    T = dataset.attrs["horizon"]
    out = Table(
        title=f"satisfaction - {ALPHA:g} after {T:,} requests (95%), and cost, w = 1, by who serves explored requests"
    )
    for column in (
        "gap",
        "last model",
        "beta_M",
        "c",
        "explored",
        *(f"{name}" for name in dataset["policy"].values),
        "cost",
    ):
        out.add_column(str(column), justify="right")
    for i, gap in enumerate(dataset["gap"].values):
        for order in dataset["order"].values:
            for c in dataset["c"].values:
                one = dataset.sel(order=order, c=c).isel(gap=i)
                over = [
                    intervals.interval(-one["violation"].sel(policy=name).values) for name in dataset["policy"].values
                ]
                out.add_row(
                    f"{gap:g}",
                    str(order),
                    f"{float(one['beta_M']):+.3f}",
                    f"{c:g}",
                    f"{float(one['explored'].mean()) / T:.1%}",
                    *(f"{each.mean:+.4f} +- {each.upper - each.mean:.4f}" for each in over),
                    f"{float(one['cost'].sel(policy='learned').mean()):.3f}",
                )
        out.add_section()
    return out


def _statements_table(one: xr.Dataset) -> Table:
    gap = float(one["gap"])
    out = Table(title=f"statements at gap {gap:g}, an oracle's run: measured / bound, verdict (each at 95%)")
    out.add_column("statement")
    for order in ORDERS:
        for c in C:
            out.add_column(f"{order}, c = {c:g}", justify="right")
    for statement in one["statement"].values:
        cells = [_cell(one.sel(statement=statement, order=order, c=c)) for order in ORDERS for c in C]
        out.add_row(str(statement), *cells)
    return out


def _cell(one: xr.Dataset) -> str:
    word = str(one["verdict"].values)
    return word if word == "not applicable" else f"{float(one['measured']):.3g} / {float(one['bound']):.3g} {word}"
