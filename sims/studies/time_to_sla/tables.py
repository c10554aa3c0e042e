"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from rich.table import Table

from messjax.statistics import intervals
from sims.common import running_satisfaction
from sims.common.settling import when
from sims.common.study import Results
from sims.studies.time_to_sla.runs import ALPHA, NEAR, ORACLE, PLAIN, WARM_V, V


def tabulate(result: Results) -> Sequence[Table]:
    """When the SLA holds, for every alpha and V; warm starts; the two metrics of satisfaction."""
    return [_waits(result["Winogrande"]), _warm(result["warm start"]), running_satisfaction.table(result["benchmarks"])]


def _waits(dataset: xr.Dataset) -> Table:
    T, published = dataset.attrs["horizon"], dataset.attrs["published"]
    out = Table(
        title=f"Winogrande, T = {T:,}: request from which running satisfaction stays >= alpha (streams, median)",
        caption=f"nearly: >= alpha - {NEAR:g}; mean curve: of the satisfaction averaged over streams; climb: when the "
        "queue's climb to V gamma* says so; missing: alpha - satisfaction at T",
    )
    for column in ("alpha", "V (1/kJ)", f"T = {published:,}", f"T = {T:,}", "mean curve", "annotated", "nearly"):
        out.add_column(column, justify="right")
    for column in ("nearly, oracle", "climb", "missing", "oracle", "V gamma*/T", "cost, full", "exploit-only"):
        out.add_column(column, justify="right")
    for alpha in ALPHA:
        for v in V:
            one, oracle = (dataset.sel(policy=policy, alpha=alpha, V=v) for policy in (PLAIN, ORACLE))
            mean = one.mean("stream")
            out.add_row(
                f"{alpha:g}",
                f"{v:g}",
                when(one["sla_from_published"].values, published),
                when(one["sla_from"].values, T),
                _or_never(float(one["mean_from"]), T),
                f"{int(one['annotated_from'])}",
                when(one["near_from"].values, T),
                when(oracle["near_from"].values, T),
                _or_never(float(one["climb_near"]), T),
                f"{float(mean['violation']):+.4f}",
                f"{float(oracle['violation'].mean()):+.4f}",
                f"{float(v * one['gamma']) / T:.4f}",
                f"{float(mean['cost']):.4g}",
                f"{float(mean['cost_exploit']):.4g}",
            )
        out.add_section()
    return out


def _or_never(start: float, T: int) -> str:
    return f"{start:,.0f}" if start <= T else "never"


def _warm(dataset: xr.Dataset) -> Table:
    T = dataset.attrs["horizon"]
    out = Table(
        title=f"Winogrande, warm starts, T = {T:,}; 95% intervals over streams", caption="price: gamma_hat (kJ)"
    )
    for column in (
        "policy",
        "alpha",
        "V (1/kJ)",
        "price",
        "missing",
        "nearly holds",
        "holds",
        "cost, full",
        "exploit-only",
    ):
        out.add_column(column, justify="right")
    for alpha in ALPHA:
        for v in WARM_V:
            for name in dataset["policy"].values:
                one = dataset.sel(policy=name, alpha=alpha, V=v)
                missing, cost = (intervals.interval(one[metric].values) for metric in ("violation", "cost"))
                out.add_row(
                    str(name),
                    f"{alpha:g}",
                    f"{v:g}",
                    f"{float(one['price']):.3g}",
                    f"{missing.mean:+.4f} +- {missing.upper - missing.mean:.2g}",
                    when(one["near_from"].values, T),
                    when(one["sla_from"].values, T),
                    f"{cost.mean:.4g} +- {cost.upper - cost.mean:.2g}",
                    f"{float(one['cost_exploit'].mean()):.4g}",
                )
            out.add_section()
    return out
