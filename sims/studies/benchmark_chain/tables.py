"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from rich.table import Table

from messjax.statistics import intervals
from sims.common.study import Results
from sims.studies.benchmark_chain import streams as chain_streams
from sims.studies.benchmark_chain.runs import COSTS, LEARNED, ORACLE, WINDOWS, V, below


def tabulate(result: Results) -> Sequence[Table]:
    """Per chain what was kept and paid, with the statements, and satisfaction per benchmark; MMLU."""
    chains = [(name, result[name]) for name in ("three", "eight") if name in result]
    made = [table for name, dataset in chains for table in (_chain_table(name, dataset), _part_table(name, dataset))]
    return [*made, *([_mmlu_table(result["MMLU"])] if "MMLU" in result else [])]


def _chain_table(name: str, dataset: xr.Dataset) -> Table:
    T, K = dataset.attrs["horizon"], dataset.sizes["benchmark"]
    out = Table(title=f"{name} benchmarks, T = {T:,}: cost in kJ per request, 95% intervals over streams")
    statements = [str(each) for each in dataset["statement"].values]
    costs = ("cost, full", "exploit", "at alpha", "LP", "C*")
    columns = ("order", "alpha", "head", "V", *costs, "satisfaction", "SLA", "parts below", "largest Q")
    for column in (*columns, *statements):
        out.add_column(column, justify="right")
    for order in dataset["order"].values:
        for index in np.ndindex(*(dataset.sizes[d] for d in ("alpha", "policy", "V"))):
            one = dataset.sel(order=order).isel(dict(zip(("alpha", "policy", "V"), index, strict=True)))
            level = intervals.interval(one["satisfaction"].values)
            out.add_row(
                str(order),
                f"{float(one['alpha']):g}",
                str(one["policy"].values),
                f"{float(one['V']):g}",
                *(f"{float(one[what].mean()):.3g}" for what in COSTS),
                f"{level.mean:.4f} +- {level.upper - level.mean:.4f}",
                str(one["sla"].values),
                f"{below(one).sum()} of {K}",
                f"{float(one['queue_max'].mean()):.3g}",
                *(_statement(one.sel(statement=each)) for each in statements),
            )
        out.add_section()
    return out


def _statement(one: xr.Dataset) -> str:
    sign = -1.0 if str(one["statement"].values) == chain_streams.T5 else 1.0  # T5 is bounded from below
    measured, bound = (sign * float(one[what]) + 0.0 for what in ("measured", "bound"))
    return f"{measured:.3g} / {bound:.3g} {one['verdict'].values}"


def _part_table(name: str, dataset: xr.Dataset) -> Table:
    out = Table(title=f"{name} benchmarks: satisfaction on each at V = {V[1]:g}, and of the models alone")
    for column in ("benchmark", "requests", *chain_streams.LLAMA.models):
        out.add_column(column, justify="right")
    at = dataset.isel(alpha=-1, V=1)
    pairs = [(str(order), str(policy)) for order in dataset["order"].values for policy in (LEARNED, ORACLE)]
    for order, policy in pairs:
        out.add_column(f"{order}, {policy}", justify="right")
    for benchmark in dataset["benchmark"].values:
        row = chain_streams.LLAMA.accuracy[chain_streams.LLAMA.benchmarks.index(str(benchmark))]
        ours = (at["part"].sel(order=order, policy=policy, benchmark=benchmark).values for order, policy in pairs)
        requests = int(dataset["requests"].sel(benchmark=benchmark))
        out.add_row(str(benchmark), f"{requests:,}", *(f"{s:.3f}" for s in row), *(f"{s.mean():.3f}" for s in ours))
    return out


def _mmlu_table(dataset: xr.Dataset) -> Table:
    orders = dataset.sizes["stream"]
    out = Table(title=f"MMLU's labels, T = {dataset.attrs['horizon']:,}; intervals over {orders} orders of one trace")
    columns = (
        "order",
        "V",
        "cost, full",
        "exploit",
        "satisfaction",
        f"s.d. over {WINDOWS} windows",
        "least window",
        "Q",
    )
    for column in columns:
        out.add_column(column, justify="right")
    for order in dataset["order"].values:
        for weight in dataset["V"].values:
            one = dataset.sel(order=order, V=weight).isel(alpha=0)
            level, parts = intervals.interval(one["satisfaction"].values), chain_streams.windows(one, "satisfaction")
            out.add_row(
                str(order),
                f"{weight:.3g}",
                *(f"{float(one[what].mean()):.4g}" for what in ("cost", "cost_exploit")),
                f"{level.mean:.4f} +- {level.upper - level.mean:.4f}",
                f"{float(parts.std('t').mean()):.3f}",
                f"{float(parts.min('t').mean()):.3f}",
                f"{float(one['queue_max'].mean()):.3g}",
            )
    return out
