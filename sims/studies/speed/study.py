"""Claim: thousands of streams at once make the simulator so much faster than a loop that cost is no longer a thought.

Three workloads (an oracle, a head that learns, a replayed trace), each timed side by side with loops written for the
purpose (sims/reference): medians, ratios, compile seconds, peak memory; then how speed scales, and the roofline.

    python -m sims speed [--quick] [--out DIR]
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from messjax import interruption, origin, runtime
from sims.common.study import Results, Study
from sims.studies.speed import figure, findings, runs
from sims.studies.speed.runs import Measured, Task, rate


def measure(tasks: Sequence[Task], done: Callable[[int], None]) -> list[Measured | None]:
    """Every task in a process of its own (its peak memory, its threads), one after the other; None: not installed."""
    result = []
    for number, task in enumerate(tasks):
        with multiprocessing.get_context("spawn").Pool(1, interruption.start_worker, (os.getpid(),)) as pool:
            result.append(pool.apply(runs.run, (task,)))
        done(number + 1)
    return result


def dataset(tasks: Sequence[Task], measured: Sequence[Measured | None]) -> xr.Dataset:
    """All measurements along a dimension `task`, with what each was."""
    kept = [(task, one) for task, one in zip(tasks, measured, strict=True) if one is not None]
    columns: dict[str, Any] = {name: ("task", [getattr(one, name) for _, one in kept]) for name in Measured._fields}
    columns |= {name: ("task", [str(getattr(task, name)) for task, _ in kept]) for name in ("workload", "who", "axis")}
    columns["at"] = ("task", [float(task.at) for task, _ in kept])
    result = xr.Dataset(columns, attrs=origin.provenance() | {"created": origin.now()})
    result["rate"] = result["decisions"] / result["seconds"]
    return result


def table(result: xr.Dataset) -> Table:
    """One row per workload and implementation."""
    out = Table(
        title="decisions per second, medians of one run; ordinary meters on; the same work everywhere",
        caption="\n".join(runs.remarks(result)),
        caption_justify="left",
    )
    names = ("workload", "implementation", "decisions", "M decisions/s", "messjax is", "first call (s)", "peak (GiB)")
    for name in (*names, "satisfaction", "cost"):
        out.add_column(name, justify="left" if name in names[:2] else "right")
    for workload in figure.TITLES:
        for i in np.flatnonzero((result["workload"] == workload) & (result["axis"] == "")):
            one = result.isel(task=i)
            if np.isnan(one["rate"]):
                continue
            speed, own = float(one["rate"]), rate(result, str(workload), "messjax")
            times = "" if str(one["who"].values).startswith("messjax") else f"{figure.number(own / speed)} x"
            out.add_row(
                str(workload), str(one["who"].values), f"{float(one['decisions']):,.3g}", f"{speed / 1e6:,.3g}", times,
                f"{float(one['first']):.2f}", f"{float(one['peak']):.2f}", f"{float(one['satisfaction']):.4f}",
                f"{float(one['cost']):.4f}",
            )  # fmt: skip
        out.add_section()
    return out


def run(quick: bool) -> Results:
    """Every measurement, one after the other."""
    tasks = runs.tasks(quick)
    with runtime.progress(len(tasks), "measurements") as report:
        measured = measure(tasks, lambda done: report(done, len(tasks)))
    return {MACHINE: dataset(tasks, measured)}


MACHINE = "this machine"  # the group of the NetCDF
STUDY = Study(
    "speed",
    __doc__,
    run,
    lambda result: [table(result[MACHINE])],
    lambda result: figure.draw(result[MACHINE], findings.ratios(result[MACHINE]), findings.TARGETS),
    lambda result: findings.conclude(result[MACHINE]),
    quick="small sizes, fewer implementations: a minute",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
