"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from rich.table import Table

from messjax.evaluation.information import PARTS
from sims.common.study import Results

NAMES = (*PARTS, "excess")


def tabulate(result: Results) -> Sequence[Table]:
    """Per world the splits; where mu is known, T2' by partition."""
    splits = [_split(name, dataset) for name, dataset in result.items()]
    return [*splits, *(_bounds(name, dataset) for name, dataset in result.items() if "bound" in dataset)]


def _split(name: str, dataset: xr.Dataset) -> Table:
    unit, price = dataset.attrs["cost_unit"], float(dataset.attrs["price"])
    out = Table(
        title=f"{name}: excess over {dataset.attrs['reference']}, in {unit} per request\n"
        f"cost + g x satisfaction missed, g = {price:.3g}; alpha = {float(dataset.attrs['alpha']):g}",
        title_justify="left",
        caption=f"+- half of the asymptotic 95% interval over {dataset.attrs['samples']}",
        caption_justify="left",
    )
    for column in ("learner", "V", "partition", *NAMES):
        out.add_column(column, justify="left" if column in ("learner", "partition") else "right", overflow="fold")
    for learner in dataset["learner"].values:
        for V in dataset["V"].values:
            for partition in dataset["partition"].values:
                one = dataset["split"].sel(learner=learner, V=V, partition=partition)
                out.add_row(str(learner), f"{V:.3g}", str(partition), *(text(one.sel(part=p)) for p in NAMES))
        out.add_section()
    return out


def text(limits: xr.DataArray) -> str:
    """A mean with half its interval."""
    mean, lower, upper = (float(each) for each in limits.values)
    return f"{mean:.3g} +- {(upper - lower) / 2.0:.1g}"


def _bounds(name: str, dataset: xr.Dataset) -> Table:
    out = Table(
        title=f"{name}: cost gap and T2' by partition (T2' itself: types)",
        title_justify="left",
        caption="verdicts at 95% by Holm's method; loose: bound / measured",
    )
    for column in ("learner", "V", "partition", "cost gap", "bound", "loose", "verdict"):
        out.add_column(column, justify="left" if column in ("learner", "partition", "verdict") else "right")
    for learner in dataset["learner"].values:
        for V in dataset["V"].values:
            for partition in dataset["partition"].values:
                one = dataset.sel(learner=learner, V=V, partition=partition)
                gap, bound, loose = (float(one[each]) for each in ("measured", "bound", "looseness"))
                shown = f"{loose:.3g}" if np.isfinite(loose) else "-"
                row = (str(learner), f"{V:.3g}", str(partition), f"{gap:.4g}", f"{bound:.4g}", shown)
                out.add_row(*row, str(one["verdict"].values))
        out.add_section()
    return out
