"""The satisfaction that the code of [M25] tabulates: the mean over all requests of the running satisfaction.

github.com/laminair/mess-plus, evaluations/experiments_llama3.ipynb at 0b197da, averages the logged column of running
satisfactions over all steps, where the value after the last request is what was agreed. The two differ by what came
early: the first request counts in every running mean.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.tree_util import Partial
from rich.table import Table

from messjax.meters import standard_meters
from messjax.numerics import compensated, virtual_queue
from messjax.statistics import intervals
from messjax.types import Array, Meter, Step
from sims.common import comparison


class RunningSatisfaction(NamedTuple):
    """What the meter carries."""

    total: virtual_queue.Fixed  # satisfied so far
    running: compensated.Sum  # of the running satisfactions after 1, ..., t
    t: Array


def running_satisfaction_meter() -> Meter:
    """Metric `satisfaction_logged`: the mean over t of the running satisfaction."""
    return Meter(Partial(_init), Partial(_add), Partial(_read))


def _init(num_models: int) -> RunningSatisfaction:
    del num_models
    return RunningSatisfaction(virtual_queue.zero(), compensated.zero(), jnp.zeros((), jnp.int32))


def _add(number: RunningSatisfaction, step: Step) -> RunningSatisfaction:
    total = virtual_queue.add(number.total, virtual_queue.units(standard_meters.served_satisfaction(step)))
    return RunningSatisfaction(total, compensated.add(number.running, total.to_float() / step.t), step.t)


def _read(number: RunningSatisfaction) -> dict[str, Any]:
    return {"satisfaction_logged": compensated.Mean(number.running, number.t)}


def table(dataset: xr.Dataset) -> Table:
    """Both metrics per benchmark and c, at the least V, and the published ones."""
    out = Table(
        title=f"satisfaction at V = {float(dataset['V'][0]):g} per kJ: at the end, and the mean of the running one",
        caption="pooled: over c, as the code of [M25] pools them; published: [M25], those that were to be had",
    )
    for column in ("benchmark", "alpha", "c", "at the end", "mean of running", "difference", "published"):
        out.add_column(column, justify="right")
    for name in dataset["benchmark"].values:
        one = dataset.isel(V=0).sel(benchmark=name)
        rows = [(f"{c:g}", one.sel(c=c)) for c in one["c"].values] + [("pooled", one.mean("c"))]
        for label, row in rows:
            end, mean = row["satisfaction"].values, row["satisfaction_logged"].values
            published = float(one["published_satisfaction"]) if label == "pooled" else np.nan
            out.add_row(
                str(name),
                f"{float(one['alpha']):g}",
                label,
                _plus_minus(intervals.interval(end)),
                _plus_minus(intervals.interval(mean)),
                _plus_minus(comparison.difference(mean, end)),
                "" if np.isnan(published) else f"{published:g}",
            )
        out.add_section()
    return out


def _plus_minus(result: intervals.Interval) -> str:
    return f"{result.mean:.4f} +- {(result.upper - result.lower) / 2:.2g}"
