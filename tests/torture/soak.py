"""Ten billion decisions in one process: memory and speed as they go, and the same numbers at the end as at the start.

    python -m tests.torture.soak [--decisions 1e10] [--general 1e8] [--out FOLDER]

The fast engine runs MESS+ with an oracle, the general engine MESS+ with a learned linear head, one sweep after another
with new keys. For each sweep the resident memory and the processor time are recorded. It fails (exit code 1) where
- the last quarter's median memory is more than 16 MiB above the second quarter's (the first one warms up), or
- a decision of the last quarter takes more than 1.15 times the processor time of one of the second, by medians, or
- a sweep with the first key again gives another number, or a count does not add up.
It writes soak.csv, soak.png and soak.svg.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from messjax import runtime

ROOM, SLOWER = 16.0, 1.15  # MiB; times the processor time


class Sample(NamedTuple):
    """After one sweep: decisions so far, seconds of wall and of processor since the start, resident MiB."""

    engine: str
    decisions: float
    seconds: float
    cpu_seconds: float
    resident_mib: float


def resident() -> float:
    """Resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def sweeps(engine: str) -> tuple[Callable[[int], dict[str, object]], float]:
    """One sweep by its number, as raw bytes by metric, and how many decisions it makes."""
    import jax
    import numpy as np

    import messjax as mj

    fast = engine == "fast"
    if fast:
        stream = mj.streams.types(mj.zoo.get("llama3").distribution())
        predictor = mj.predictors.oracle(stream)
    else:
        stream = mj.zoo.get("llama3").stream()
        predictor = mj.predictors.linear(stream=stream)
    horizon, streams, V = (10_000, 1_024, np.geomspace(1, 100, 16)) if fast else (2_000, 512, np.array([10.0]))
    controls = mj.Controls(V=V, alpha=0.667, c=0.1)
    meter = mj.meters.zip_meters(mj.meters.ledger(), mj.meters.virtual_queue())
    policy = mj.policies.mess_plus(predictor)

    def one(number: int) -> dict[str, object]:
        found = mj.sweep(
            jax.random.key(number), controls, policy=policy, stream=stream, horizon=horizon, num_streams=streams,
            meter=meter, engine=engine,
        )  # fmt: skip
        assert (found["served"].sum("model") == horizon).all(), "a request was lost"
        return {str(name): values.values.tobytes() for name, values in found.data_vars.items()}

    return one, float(horizon * streams * len(V))


def soak(engine: str, decisions: float) -> list[Sample]:
    """Sweeps until so many decisions are made; the first key comes last again.

    Args:
        engine: "fast" or "general".
        decisions: How many.

    Returns:
        A sample after every sweep.
    """
    one, size = sweeps(engine)
    first, samples = one(0), []
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(1, max(8, math.ceil(decisions / size)) + 1):
        one(number)
        samples.append(
            Sample(engine, number * size, time.perf_counter() - began, time.process_time() - cpu, resident())
        )
    assert one(0) == first, f"{engine}: the first key gives other numbers after {decisions:g} decisions"
    return samples


def verdict(samples: list[Sample]) -> tuple[bool, str]:
    """Whether memory and speed stayed as they were, and in words by how much.

    Args:
        samples: Those of one engine, at least eight.

    Returns:
        True where both did, and a line for a table.
    """
    quarter = len(samples) // 4
    paid = [after.cpu_seconds - before.cpu_seconds for before, after in itertools.pairwise(samples)]
    size = samples[1].decisions - samples[0].decisions
    grown = _median([s.resident_mib for s in samples[-quarter:]]) - _median(
        [s.resident_mib for s in samples[quarter : 2 * quarter]]
    )
    slower = _median(paid[-quarter:]) / _median(paid[quarter : 2 * quarter])
    last = samples[-1]
    return grown <= ROOM and slower <= SLOWER, (
        f"{last.engine}: {last.decisions:.3g} decisions in {last.seconds:,.0f} s ({last.cpu_seconds:,.0f} s of "
        f"processor, {1e9 * _median(paid) / size:.2f} ns each); memory {grown:+.1f} MiB (at most {ROOM:g}), "
        f"processor time {slower:.3f} times (at most {SLOWER:g}), last {last.resident_mib:,.0f} MiB"
    )


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def draw(samples: list[Sample], path: Path) -> None:
    """Memory and processor time of a decision against decisions, one column for each engine."""
    from matplotlib.figure import Figure

    from messjax import plot

    engines = list(dict.fromkeys(sample.engine for sample in samples))
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.subplots(2, len(engines), squeeze=False, sharex="col")
    for column, engine in enumerate(engines):
        own = [sample for sample in samples if sample.engine == engine]
        size = own[1].decisions - own[0].decisions
        paid = [after.cpu_seconds - before.cpu_seconds for before, after in itertools.pairwise(own)]
        memory, speed = axes[0, column], axes[1, column]
        memory.plot([s.decisions for s in own], [s.resident_mib for s in own], color="C0", linewidth=1.2)
        speed.plot([s.decisions for s in own[1:]], [1e9 * each / size for each in paid], ".", color="C1", markersize=3)
        memory.set_ylim(0, 1.15 * max(s.resident_mib for s in own))
        speed.set_ylim(0, 1.3 * 1e9 * max(paid) / size)
        what = "MESS+ with an oracle" if engine == "fast" else "MESS+ with a linear head"
        memory.set_title(f"{engine} engine, {what}", fontsize=9)
        speed.set_xlabel("decisions")
    axes[0, 0].set_ylabel("resident memory (MiB)")
    axes[1, 0].set_ylabel("processor time (ns/decision)")
    plot.save(figure, path)


def main(arguments: list[str] | None = None) -> int:
    """Run both engines."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.soak", description=__doc__.split("\n")[0])
    parser.add_argument("--decisions", type=float, default=1e10, help="of the fast engine (1e10)")
    parser.add_argument("--general", type=float, default=1e8, help="of the general engine with a learned head (1e8)")
    parser.add_argument("--out", type=Path, default=Path("results/soak"), help="folder (results/soak)")
    args = parser.parse_args(arguments)
    runtime.use_all_cores()
    args.out.mkdir(parents=True, exist_ok=True)
    samples: list[Sample] = []
    failed = 0
    for engine, decisions in (("fast", args.decisions), ("general", args.general)):
        own = soak(engine, decisions)
        samples += own
        holds, line = verdict(own)
        failed += not holds
        print(f"{line}: {'holds' if holds else 'FAILED'}", flush=True)
    with (args.out / "soak.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([Sample._fields, *samples])
    draw(samples, args.out / "soak")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
