"""A result larger than the memory: a million streams x 40 V x 100 checkpoints under a limit of 4 GiB.

    python -m tests.torture.large_store [--streams 1000000] [--memory 4]

The process's largest resident memory is that of the whole program, Python and compiled programs included. The store is
opened again afterwards, lazily: its first 2,000 streams must equal a run of these alone in memory, and the curves of
its last 1,000 must end in their means. Exit code 1 where not, or where the peak is above the limit.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
import xarray as xr

import messjax as mj

GRID = np.geomspace(0.1, 1_000.0, 40)
CHECKPOINTS = 100


def peak_gib() -> float:
    """The largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def sweep(num_streams: int, store: Path | None, memory: float) -> xr.Dataset:
    """The result for streams 0 to `num_streams`, in a store or in memory."""
    stream = mj.zoo.get("llama3").stream()
    return mj.sweep(
        jax.random.key(0),
        mj.Controls(V=GRID, alpha=0.667),
        policy=mj.policies.mess_plus(mj.predictors.oracle(stream)),
        stream=stream,
        horizon=CHECKPOINTS,
        num_streams=num_streams,
        checkpoints=CHECKPOINTS,
        curves=("satisfaction",),
        memory=memory,
        store=store,
    )


def measure(num_streams: int, memory: float, folder: Path) -> dict[str, float]:
    """Run, open again and compare.

    Args:
        num_streams: Number of streams.
        memory: Limit in GiB.
        folder: Where the store may be.

    Returns:
        GiB before, at the peak of the sweep, on the disk and of the arrays as one; seconds; and differing numbers.
    """
    few = sweep(2_000, None, memory)
    before, began = peak_gib(), (time.perf_counter(), time.process_time())
    sweep(num_streams, folder / "store", memory)
    seconds = time.perf_counter() - began[0], time.process_time() - began[1]
    peak = peak_gib()
    opened = mj.engine.open_store(folder / "store")
    name = "satisfaction_curve"
    differing = int((opened[name].isel(stream=slice(0, 2_000)).values != few[name].values).sum())
    last = opened.isel(stream=slice(num_streams - 1_000, num_streams))
    rest = float(np.abs(last[name].isel(t=-1).values - last["satisfaction"].values).max())
    return {
        "GiB before": before,
        "GiB at the peak": peak,
        "GiB of the arrays": sum(each.nbytes for each in opened.variables.values()) / 2**30,
        "GiB on the disk": sum(path.stat().st_size for path in (folder / "store").rglob("*") if path.is_file()) / 2**30,
        "GiB after reading": peak_gib(),
        "seconds": seconds[0],
        "seconds of processor": seconds[1],
        "streams": opened.sizes["stream"],
        "differing numbers": differing,
        "last against its curve": rest,
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a line for each number."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.large_store", description=__doc__.split("\n")[0])
    parser.add_argument("--streams", type=int, default=10**6, help="number of streams (1000000)")
    parser.add_argument("--memory", type=float, default=4.0, help="limit in GiB (4)")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="messjax-large-") as folder:
        found = measure(args.streams, args.memory, Path(folder))
    for name, value in found.items():
        print(f"{name:>24}: {value:.6g}", flush=True)
    failed = found["GiB after reading"] > args.memory or found["streams"] != args.streams
    return int(failed or found["differing numbers"] > 0 or found["last against its curve"] > 1e-6)


if __name__ == "__main__":
    sys.exit(main())
