"""Tables of the study."""

from __future__ import annotations

import numpy as np
import xarray as xr
from rich.table import Table

from messjax.statistics.intervals import Interval
from messjax.statistics.one_sided_limits import share_limits
from sims.common.study import Results
from sims.studies.logs.frozen import PAIR


def tabulate(result: Results) -> list[Table]:
    """Coverage and widths, policies that learn, and what each log identifies."""
    return [_coverage(result["frozen"]), _learned(result), _identifiable(result["identifiable"])]


def clopper_pearson(hits: xr.DataArray) -> Interval:
    """A share of replications with its 95% limits, both together."""
    size = hits.sizes["replication"]
    lower, upper = share_limits(int(hits.sum()), size, 0.025)
    return Interval(float(hits.mean()), float(lower), float(upper), 0.95, size)


def share(hits: xr.DataArray) -> str:
    """A share of replications with its Clopper-Pearson limits."""
    limits = clopper_pearson(hits)
    return f"{limits.mean:.3f} ({limits.lower:.3f} to {limits.upper:.3f})"


def _coverage(dataset: xr.Dataset) -> Table:
    level, length = dataset.attrs["level"], dataset.attrs["length"]
    table = Table(
        title=f"coverage of the truth at level {level:g}, logs of {length:,} requests: least over policies and outcomes"
    )
    for name in ("router of the log", "interval", "coverage", "half width, router", "half width, pair"):
        table.add_column(name)
    for logger in dataset["logger"].values:
        for kind in dataset["interval"].values:
            one = dataset.sel(logger=logger, interval=kind)
            least = worst(one["covered"])
            half = one["half"].sel(outcome="satisfaction").mean("replication")
            widths = (f"{float(half.sel(policy=name)):.3g}" for name in ("router", PAIR))
            table.add_row(str(logger), str(kind), share(least), *widths)
    return table


def worst(covered: xr.DataArray) -> xr.DataArray:
    """The replications of the policy and outcome that is covered least."""
    rows = covered.stack(case=("policy", "outcome"))
    return rows.isel(case=int(np.argmin(rows.mean("replication").values)))


def _learned(result: Results) -> Table:
    table = Table(title="MESS+ that learns: coverage of the mean over runs")
    for name in ("log", "accepted", "outcome", "truth", "bias", "limits", "coverage", "half width"):
        table.add_column(name)
    for label, one in learned_worlds(result):
        for outcome in one["outcome"].values:
            at = one.sel(outcome=outcome)
            bias = at["estimate"] - at["truth"]
            error = float(bias.std("replication")) / bias.sizes["replication"] ** 0.5
            for kind in one["interval"].values:
                here = at.sel(interval=kind)
                table.add_row(
                    label,
                    f"{float(at['accepted'].mean()):,.0f}" if "accepted" in at else "half",
                    str(outcome),
                    f"{float(at['truth']):.4g}",
                    f"{float(bias.mean()):+.2g} +- {error:.1g}",
                    str(kind),
                    share(here["covered"]),
                    f"{float(here['half'].mean()):.3g}",
                )
    return table


def learned_worlds(result: Results) -> list[tuple[str, xr.Dataset]]:
    """The logs that policies that learn were replayed on."""
    dataset = result["learned"]
    found = [(str(name), dataset.sel(logger=name)) for name in dataset["logger"].values]
    return found + ([("MMLU, uniform", result["MMLU"])] if "MMLU" in result else [])


def _identifiable(dataset: xr.Dataset) -> Table:
    table = Table(
        title="share of requests on which the log's router could choose all that the policy may; of a policy that "
        "learns: share that is accepted"
    )
    table.add_column("router of the log")
    for name in dataset["policy"].values:
        table.add_column(str(name))
    for logger in dataset["logger"].values:
        shares = dataset["share"].sel(logger=logger).values
        table.add_row(str(logger), *(f"{each:.3f}" for each in shares))
    return table
