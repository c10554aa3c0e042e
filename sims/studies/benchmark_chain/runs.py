"""The runs of the study: MESS+ on benchmarks one after another and on the subjects of MMLU."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr

from messjax import features, policies, predictors, streams
from messjax.engine.grid_sweep import sweep
from messjax.statistics import intervals
from messjax.types import Controls
from sims.common import other_zoos, worlds
from sims.common.study import Results
from sims.studies.benchmark_chain import streams as chain_streams
from sims.studies.benchmark_chain.streams import EASIEST, HARDEST, SHUFFLED, TABLES

# [M25] chains these: config non_iid_chained of github.com/laminair/mess-plus, which does not show their order. Alpha is
# its grid, .67 that of the table (experiments_qwen2.ipynb @05fbe69).
THREE, THREE_ALPHAS = ("ARC-C", "PiQA", "Winogrande"), (0.59, 0.63, 0.67)
V = (0.1, 1.0, 10.0)  # per kJ; [M25]'s figure of the chain has 1e-5, 1e-4, 1e-3 per J = .01, .1, 1 per kJ
LEARNED, HIDDEN, ORACLE = "learned", "learned, benchmark hidden", "oracle"
COSTS = ("cost", "cost_exploit", "cost_at_alpha", "blind_cost", "optimal_cost")
WINDOWS = 57  # of MMLU: as many as it has subjects


def run(quick: bool) -> Results:
    """Three benchmarks, eight benchmarks, and MMLU where its trace is there; quick: the three only."""
    size = 16 if quick else 128
    result = {"three": chained(THREE, THREE_ALPHAS, (TABLES, SHUFFLED), size)}
    if quick:
        return result
    result["eight"] = chained(worlds.BENCHMARKS, (0.667,), (TABLES, EASIEST, HARDEST, SHUFFLED), size)
    trace = worlds.trace("MMLU")
    if trace is None:
        print("note: no recorded trace of MMLU in the folder of traces (set MESSJAX_TRACES): left out")
        return result
    return result | {"MMLU": subjects(trace)}


def chained(names: Sequence[str], alphas: Sequence[float], orders: Sequence[str], num_streams: int) -> xr.Dataset:
    """Over (order, policy, V, alpha, stream), with curves: benchmarks in these orders."""
    result = []
    for order in orders:
        world, d, count = chain_streams.world(names, order), chain_streams.NUM_FEATURES, len(names)
        heads = {
            LEARNED: predictors.linear(d + count, 3),
            HIDDEN: chain_streams.without_benchmark(predictors.linear(d, 3), count),
            ORACLE: predictors.oracle(world.stream),
        }
        run = sweep(
            jax.random.key(45),
            Controls(V=V, alpha=alphas, c=0.1),
            policy={name: policies.mess_plus(head) for name, head in heads.items()},
            stream=world.stream,
            horizon=world.horizon,
            num_streams=num_streams,
            meter=chain_streams.meter(names),
            checkpoints=100,
            curves=("satisfaction", "cost", "queue_last"),
            models=chain_streams.LLAMA.models,
            cost_unit=chain_streams.LLAMA.cost_unit,
        )
        run = other_zoos.verdicts(chain_streams.by_benchmark(run, names), world).assign(
            excess=chain_streams.excess(run)
        )
        distribution = world.stream.distribution()  # type: ignore[misc]
        result.append(run.merge(chain_streams.verdicts(run, distribution), combine_attrs="override"))
    out = other_zoos.stack(result, "order", orders).assign(result[0][other_zoos.OF_THE_DISTRIBUTION])
    return out.assign_coords(requests=("benchmark", chain_streams.requests(names)))


def subjects(trace: worlds.traces.Trace) -> xr.Dataset:
    """Over (order, V, stream), with curves: MMLU subject by subject, subjects in random orders, and shuffled."""
    x, spread = features.hashed_ngrams(trace.prompts, dim=worlds.DIM), float(np.ptp(trace.cost.mean(axis=0)))
    groups = np.unique(np.array(list(trace.groups)), return_inverse=True)[1]
    result = {}
    for name, how in (("subject by subject", "groups"), (SHUFFLED, "shuffled")):
        result[name] = sweep(
            jax.random.key(46),
            Controls(V=np.array([0.1, 1.0, 10.0]) / spread, alpha=[0.75], c=0.1),
            policy=policies.mess_plus(predictors.linear(x.shape[1], len(trace.models))),
            stream=streams.replay(
                x, trace.satisfaction, trace.cost, order=how, groups=groups if how == "groups" else None
            ),
            horizon=len(x),
            num_streams=32,
            checkpoints=WINDOWS,
            curves=("satisfaction", "cost", "queue_last"),
            models=trace.models,
            cost_unit=trace.cost_unit,
        )
    out = other_zoos.stack(list(result.values()), "order", list(result))
    return out.assign(excess=chain_streams.excess(out))


def below(one: xr.Dataset) -> np.ndarray:
    """[K] whether a benchmark's satisfaction was below alpha, at 95%; of a Dataset over (stream)."""
    result = intervals.interval(float(one["alpha"]) - one["part"].transpose("benchmark", "stream").values)
    return np.asarray(result.lower > 0)
