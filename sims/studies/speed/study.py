"""Claim: thousands of streams at once make the simulator so much faster than a loop that cost is no longer a thought.

Three workloads (an oracle, a head that learns, a replayed trace), each timed side by side with loops written for the
purpose (sims/reference): medians, ratios, compile seconds, peak memory; then how speed scales, and the roofline.

    python -m sims speed [--quick] [--out DIR]
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from messjax import plot, results, runtime
from sims.studies.speed import figure, runs
from sims.studies.speed.runs import Measured, Task, rate

TARGETS = {  # (workload, implementation): the least ratio, of the issue that this script answers
    ("W1", "Python loop"): 2000,
    ("W1", "plain JAX"): 15,
    ("W1", "Numba"): 2,
    ("W1", "C++"): 0.25,
    ("W2", "Python loop"): 400,
    ("W2", "plain JAX"): 4,
    ("W2", "Numba"): 2,
    ("W2 x 12", "Python loop"): 4000,
    ("W3", "Python loop"): 250,
    ("W3", "torch + pandas"): 1500,
    ("W3", "plain JAX"): 8,
    ("W3", "Numba"): 3,
}


def measure(tasks: Sequence[Task], done: Callable[[int], None]) -> list[Measured | None]:
    """Every task in a process of its own (its peak memory, its threads), one after the other; None: not installed."""
    result = []
    for number, task in enumerate(tasks):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            result.append(pool.apply(runs.run, (task,)))
        done(number + 1)
    return result


def dataset(tasks: Sequence[Task], measured: Sequence[Measured | None], quick: bool) -> xr.Dataset:
    """All measurements along a dimension `task`, with what each was."""
    kept = [(task, one) for task, one in zip(tasks, measured, strict=True) if one is not None]
    columns: dict[str, Any] = {name: ("task", [getattr(one, name) for _, one in kept]) for name in Measured._fields}
    columns |= {name: ("task", [str(getattr(task, name)) for task, _ in kept]) for name in ("workload", "who", "axis")}
    columns["at"] = ("task", [float(task.at) for task, _ in kept])
    result = xr.Dataset(columns, attrs=results.provenance() | {"created": results.now()})
    result["rate"] = result["decisions"] / result["seconds"]
    result.attrs["config"] = f"python -m sims speed{' --quick' if quick else ''}"
    return result


def ratios(result: xr.Dataset) -> dict[tuple[str, str], float]:
    """messjax over each implementation; the Python loop serves one point of a grid at a time."""
    alone = {("W2 x 12", "Python loop"): "W2"}
    return {
        (workload, who): rate(result, workload, "messjax") / rate(result, alone.get((workload, who), workload), who)
        for workload, who in TARGETS
    }


def table(result: xr.Dataset) -> Table:
    """One row per workload and implementation."""
    out = Table(title="decisions per second, medians of one run; ordinary meters on; the same work everywhere")
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


def verdict(result: xr.Dataset) -> str:
    """The last line: every ratio of the targets, and whether it is met."""
    parts = []
    for (workload, who), ratio in ratios(result).items():
        least = TARGETS[workload, who]
        word = "not measured" if np.isnan(ratio) else "met" if ratio >= least else "NOT met"
        parts.append(
            f"{workload}/{who} {figure.number(ratio)} of {least:g} {word}"
            if word != "not measured"
            else f"{workload}/{who} {word}"
        )
    head = "ratios at quick sizes, too small to judge by: " if "--quick" in result.attrs["config"] else "ratios: "
    return head + "; ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write PNG, SVG and NetCDF."""
    parser = runtime.Parser(prog="python -m sims speed", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, fewer implementations: a minute")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")

    def program() -> None:
        args = parser.parse_args(arguments)
        out = runtime.out_dir(args.out)
        runtime.use_all_cores()
        started = time.perf_counter()
        tasks = runs.tasks(args.quick)
        with runtime.progress(len(tasks), "measurements") as report:
            measured = measure(tasks, lambda done: report(done, len(tasks)))
        result = dataset(tasks, measured, args.quick)
        saved = [results.save(result, out / "speed.nc")]
        runtime.console().print(table(result))
        saved += plot.save(figure.draw(result, ratios(result), TARGETS), out / "speed")
        for line in runs.remarks(result):
            print(line)
        print(f"wrote {', '.join(str(path) for path in saved)} in {time.perf_counter() - started:.0f} s")
        print(verdict(result))

    return runtime.run_program("speed", program)


if __name__ == "__main__":
    sys.exit(main())
