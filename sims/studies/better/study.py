"""Claim: wherever MESS+ at its published settings meets the SLA, a policy of ours meets it at lower full-ledger cost.

Every calibrated stream (the Llama zoo of [M25] on its mean and on its eight benchmarks, the Qwen zoo, the two models of
the workshop [M24]) and every recorded trace. MESS+ with its published heads, V and c against ten candidates, each made
to shrink a term of T1 or T2; the cheapest settings that keep alpha are chosen on tuning streams and measured on fresh
ones, paired. Where the distribution is known the cost above C* is split, without a rest, into exploration, prediction,
control and satisfaction beyond alpha, which says why.

    python -m sims better [--quick] [--out DIR]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import xarray as xr

from messjax import zoo
from sims.common import worlds
from sims.common.study import Results, Study
from sims.common.worlds import World
from sims.studies.better import figure, findings, runs, tables

SHORT, LONG = runs.Size(96, 128), runs.Size(32, 64)  # a long stream says as much as several short
QUICK = runs.Size(32, 64), ("explore first", "serve and learn", "serve and learn, warm")


def run(quick: bool) -> Results:
    """The comparison in every world."""
    if quick:
        return {"ARC-C": runs.compare_candidates(worlds.benchmark("ARC-C"), QUICK[0], mlp=False, only=QUICK[1])}
    every = all_worlds()
    with ThreadPoolExecutor(2) as pool:  # most of the time is spent compiling, which takes one core
        done = pool.map(lambda group: [(world.name, compare_candidates(world)) for world in group], shapes(every))
        result = dict(pair for group in done for pair in group)
    return {world.name: result[world.name] for world in every}


def compare_candidates(world: World) -> xr.Dataset:
    """One world, full size. The MLP head of [M25] runs on its own zoo only: on 256 features it is slow."""
    size = LONG if world.recorded or world.horizon > 10_000 else SHORT
    return runs.compare_candidates(world, size, mlp=len(world.models) == 3 and not world.recorded)


def all_worlds() -> list[World]:
    """Every calibrated stream and every trace that is there."""
    llama, qwen = zoo.get("llama3"), zoo.get("qwen")
    assert llama.requests is not None
    of = dict(zip(llama.benchmarks, llama.requests, strict=True))
    requests = sum(int(of[name]) for name in qwen.benchmarks)  # its two benchmarks on average, as long as the two are
    result = [worlds.llama(), *map(worlds.benchmark, worlds.BENCHMARKS)]
    result.append(worlds.calibrated("qwen", qwen, alpha=float(qwen.alpha.mean()), horizon=requests))
    for name in zoo.get("workshop").benchmarks:
        one = zoo.get(f"workshop/{name}")  # 3,000 requests: the authors' notebook
        result.append(
            worlds.calibrated(
                f"workshop {name.split()[0].replace('/', '-')}", one, alpha=float(one.alpha[0]), horizon=3_000
            )
        )
    return result + worlds.all_recorded()


def shapes(every: Sequence[World]) -> list[list[World]]:
    """Worlds that share their programs, one after the other; those with most to do first."""
    groups: dict[tuple, list[World]] = {}
    for world in every:
        groups.setdefault((len(world.models), world.num_features, world.recorded and world.horizon), []).append(world)
    return sorted(groups.values(), key=lambda group: -sum(world.horizon for world in group))


STUDY = Study(
    "better",
    __doc__,
    run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="one benchmark, three candidates",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
