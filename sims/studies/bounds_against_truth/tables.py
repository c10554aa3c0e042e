"""The tables of the study: each bound with its looseness, bound divided by truth."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from rich.table import Table

from sims.common.study import Results
from sims.studies.bounds_against_truth.findings import highest, regret
from sims.studies.bounds_against_truth.runs import CHAIN, LEARNING, OPTIMISM, SMOOTH, TYPES

NAMES = {
    "T2": "T2", "T2_prime": "T2'", "limit": "limit", "T6_finite_types": "T6", "T12": "T12", "T13": "T13",
}  # fmt: skip


def tabulate(result: Results) -> Sequence[Table]:
    """One table for each of the exact worlds, one for learning."""
    exact = [
        (SMOOTH, "V", "Smooth dual, oracle: settled cost gap, and how many times as large bounds are"),
        (TYPES, "V", "Three types, oracle: settled regret, and how many times as large bounds are"),
        (
            CHAIN,
            "sojourn",
            "Hidden chain, oracle, V = 5: settled cost gap (T2' assumes A1: false below 1)",
        ),
    ]
    tables = [_exact(result[name], axis, title) for name, axis, title in exact]
    return [*tables, _learning(result[LEARNING]), _optimism(result[OPTIMISM])]


def _exact(dataset: xr.Dataset, axis: str, title: str) -> Table:
    shown = [name for name in NAMES if name in dataset]
    table = Table(title=title)
    for column in (axis, "exact", *(f"{NAMES[name]} /" for name in shown)):
        table.add_column(column, justify="right")
    for value in dataset[axis].values:
        one = dataset.sel({axis: value})
        ratios = (float(one[name]) / float(one["exact"]) for name in shown)
        table.add_row(f"{value:.3g}", f"{float(one['exact']):.3g}", *(f"{ratio:,.3g}" for ratio in ratios))
    return table


def _learning(dataset: xr.Dataset) -> Table:
    table = Table(
        title="Learning: regret of T requests, worse world; bounds divided by it",
        caption="R' decomposes: it measures the gap of the dual",
        caption_justify="left",
    )
    for column in ("policy", "T", "violation", "regret", "floor /", "R' /"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for policy in dataset["policy"].values:
        for T in dataset["T"].values:
            one = dataset.sel(policy=policy, T=T)
            truth = regret(one)
            table.add_row(
                str(policy), f"{T:,}", f"{highest(one, 'violation').mean:.3f}",
                f"{truth.mean:.3g} [{truth.lower:.3g}, {truth.upper:.3g}]",
                *(f"{float(one[name].max()) / truth.mean:.3g}" for name in ("lower_bound", "R_prime")),
            )  # fmt: skip
        table.add_section()
    return table


def _optimism(dataset: xr.Dataset) -> Table:
    largest = float(dataset["trivial"])
    table = Table(
        title="T11: cost gap per request of the UCB router (2 types, 3 models), and bounds",
        caption=f"vacuous: no policy has a gap above {largest:.3g}; by D: T2' with D as measured",
        caption_justify="left",
    )
    for column in ("T", "violation", "gap", "by D", "by widths", "before a run"):
        table.add_column(column, justify="right")
    for T in dataset["T"].values:
        one = dataset.sel(T=T)
        bounds = ((f"{value:.3g}", value >= largest) for value in (float(one[n]) for n in ("D", "T11", "T11_before")))
        table.add_row(
            f"{T:,}", f"{float(one['violation'].mean()):.3f}", f"{float(one['gap'].mean()):.2g}",
            *(f"{text} (vacuous)" if vacuous else text for text, vacuous in bounds),
        )  # fmt: skip
    return table
