"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from rich.table import Table

from sims.common.study import Results
from sims.studies.energy_vs_random.runs import BASELINE, LEDGERS, MIXTURE, OPTIMUM, UNIFORM, is_own_alpha, share


def tabulate(result: Results) -> Sequence[Table]:
    """Ratios at every alpha of every world."""
    return [_ratios_table(name, dataset) for name, dataset in result.items()]


def _ratios_table(name: str, dataset: xr.Dataset) -> Table:
    attrs = dataset.attrs
    over = "orders of the trace" if attrs["recorded"] else "streams"
    out = Table(
        title=f"{name}: energy over that of MESS+ (T = {attrs['horizon']:,}; its largest possible ratio, uniform over "
        f"cheapest, is {attrs['largest']:.3g})",
        caption=f"95% intervals over {over}, paired; * the source's alpha; share: of the way to the best model; "
        "ends: the workshop's baseline, the cheapest and the most expensive model",
    )
    columns = ("alpha", "share", "satisfied", "SLA", "V, c", "uniform: full", "exploit", "full, at alpha")
    for column in (*columns, "ends: full", "exploit", "LP mixture: full", "exploit", "C*: full"):
        out.add_column(column, justify="right")
    shown = [(UNIFORM, "full", "plain"), (UNIFORM, "exploit only", "plain"), (UNIFORM, "full", "at alpha")]
    shown += [(rival, ledger, "plain") for rival in (BASELINE, MIXTURE) for ledger in LEDGERS]
    for alpha in dataset["alpha"].values:
        one, ratio = dataset.sel(alpha=alpha, ledger="full"), dataset["ratio"].sel(alpha=alpha)
        cells = [ratio.sel(rival=r, ledger=k, basis=b) for r, k, b in [*shown, (OPTIMUM, "full", "plain")]]
        out.add_row(
            f"{alpha:g}{'*' if is_own_alpha(dataset, alpha) else ''}",
            f"{share(dataset, alpha):.2f}",
            f"{float(one['satisfaction'].mean()):.4f}",
            str(one["sla"].values),
            f"{float(one['best_V']):.2g}, {float(one['best_c']):g}",
            *(plus_minus(cell) for cell in cells),
        )
    return out


def plus_minus(limits: xr.DataArray) -> str:
    """Mean and half of the interval."""
    mean, lower, upper = limits.values
    return "-" if np.isnan(mean) else f"{mean:.2f} +- {(upper - lower) / 2:.2f}"
