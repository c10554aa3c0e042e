"""The runs of the study: Winogrande with cold and warm starts, and every benchmark as published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import xarray as xr

from messjax import policies, predictors, results
from messjax.engine.grid_sweep import sweep
from messjax.meters import folds, standard_meters
from messjax.theory import optimum
from messjax.types import Controls
from sims.common import running_satisfaction, worlds
from sims.common.published_results import REPORTED
from sims.common.settling import climb, holds_from
from sims.common.study import Results
from sims.common.worlds import World

# github.com/laminair/mess-plus, evaluations/experiments.ipynb at 028fa99: annotations of the Winogrande plot (c = .1).
PUBLISHED_FROM = {0.65: 740, 0.70: 803, 0.75: 994}
TABLE_V = np.array([1e-3, 1.0])  # per kJ: 1e-6 per J, likely that of the table, and 1e-3 per J
ALPHA, V = np.array(list(PUBLISHED_FROM)), np.array(worlds.PUBLISHED_V)
MIDDLE = 0.70  # the table's alpha on Winogrande
TIMES = 10  # how much longer than the benchmark
EVERY = 7  # requests between checkpoints: 1,267 is 181 of them
COARSE = 181  # checkpoints of the shorter list, every one of them among the others
NEAR = 0.01  # of alpha: "nearly holds"
PLAIN, ORACLE, WARM, INFORMED = "MESS+", "with an oracle", "warm, averages known", "warm, gamma* known"
WARM_V = V[-2:]  # where there is something to climb
KEPT = ["satisfaction", "violation", "cost", "cost_exploit", "sla_from", "gamma", "satisfaction_curve"]
BOTH_METRICS = ["satisfaction", "satisfaction_logged", "cost", "cost_exploit", "explored"]


def run(quick: bool) -> Results:
    """Winogrande, plain and warm; and every benchmark as the table of [M25] reads it."""
    plain = winogrande(quick)
    names = ("ARC-C", "BoolQ") if quick else worlds.BENCHMARKS
    return {"Winogrande": thinned(plain), "warm start": warm(plain, quick), "benchmarks": benchmarks(names, quick)}


def winogrande(quick: bool) -> xr.Dataset:
    """MESS+ as it learns and with an oracle over (policy, V, alpha, stream)."""
    world = worlds.benchmark("Winogrande")
    head = predictors.linear(world.num_features, len(world.models))
    contenders = {PLAIN: policies.mess_plus(head), ORACLE: policies.mess_plus(predictors.oracle(world.stream))}
    result = sweep(
        jax.random.key(34),
        Controls(V=V, alpha=ALPHA, c=0.1),
        policy=contenders,
        stream=world.stream,
        horizon=world.horizon * (2 if quick else TIMES),
        num_streams=32 if quick else 128,
        meter=folds.zip_meters(standard_meters.ledger(), standard_meters.sla()),
        checkpoints=world.horizon * (2 if quick else TIMES) // EVERY,
        curves=("satisfaction",),
        models=world.models,
        cost_unit=world.cost_unit,
    )
    result = with_waits(result, world.horizon).assign(annotated_from=("alpha", list(PUBLISHED_FROM.values())))
    assert world.stream.distribution is not None
    return with_climb(result, optimum.staircase(world.stream.distribution()))


def started(world: World, gamma: float, seed: int, V: np.ndarray, alpha: float, c: float, **more: Any) -> xr.Dataset:
    """MESS+ whose queue begins at V gamma, 0 being plain MESS+: one program for all that this is called for."""
    return sweep(
        jax.random.key(seed),
        Controls(V=V, alpha=alpha, c=c),
        policy=policies.warm_started(predictors.linear(world.num_features, len(world.models)), gamma),
        stream=world.stream,
        meter=folds.zip_meters(
            standard_meters.ledger(), standard_meters.sla(), running_satisfaction.running_satisfaction_meter()
        ),
        checkpoints=COARSE,
        curves=("satisfaction",),
        models=world.models,
        cost_unit=world.cost_unit,
        **more,
    )


def warm(plain: xr.Dataset, quick: bool) -> xr.Dataset:
    """Warm starts beside plain MESS+ of `winogrande`, on the same requests, over (policy, V, alpha, stream)."""
    world, num_streams = worlds.benchmark("Winogrande"), 16 if quick else 64
    blind = [optimum.solve(world.blind(), alpha).gamma for alpha in ALPHA]
    prices = {WARM: blind, INFORMED: plain["gamma"].values.tolist()}
    result = {}
    for name, gammas in prices.items():
        ones = [
            started(world, gamma, 34, WARM_V, alpha, 0.1, horizon=plain.attrs["horizon"], num_streams=num_streams)
            for alpha, gamma in zip(ALPHA, gammas, strict=True)
        ]
        result[name] = xr.concat([one[KEPT] for one in ones], "alpha")
    cold = plain[KEPT].sel(policy=PLAIN, V=WARM_V, t=result[WARM]["t"]).isel(stream=slice(0, num_streams))
    joined = with_waits(results.concat({PLAIN: cold.drop_vars("policy"), **result}), world.horizon)
    table = np.array([np.zeros(len(ALPHA)), *prices.values()])
    return joined.assign(price=(("policy", "alpha"), table, {"units": world.cost_unit}))


def with_waits(dataset: xr.Dataset, published: int) -> xr.Dataset:
    """Beside the metrics: when the SLA (nearly) holds for good, in the long run and in the published length."""
    curve, alpha = dataset["satisfaction_curve"], dataset["alpha"]
    result = dataset.assign(
        near_from=holds_from(curve, alpha - NEAR),
        mean_from=holds_from(curve.mean("stream"), alpha),
        sla_from_published=holds_from(curve.sel(t=slice(0, published)), alpha),
    )
    return result.assign_attrs(published=published, near=NEAR)


def with_climb(dataset: xr.Dataset, stairs: optimum.Staircase) -> xr.Dataset:
    """The climb of the queue beside the run, and when it says that less than NEAR is missing: climb(t) <= NEAR t."""
    t = dataset["t"].values
    path = [[climb(stairs, float(alpha), float(v), t) for alpha in dataset["alpha"]] for v in dataset["V"]]
    about = {"units": "requests", "long_name": "level of the queue, predicted"}
    result = dataset.assign(climb=(("V", "alpha", "t"), np.array(path), about))
    near = holds_from(-result["climb"] / result["t"], -NEAR)
    return result.assign(climb_near=near)


def thinned(dataset: xr.Dataset) -> xr.Dataset:
    """150 checkpoints, evenly spaced in log t: what is drawn and kept, once the waits were read off all of them."""
    t = dataset["t"].values
    return dataset.isel(t=np.unique(np.searchsorted(t, np.geomspace(t[0], t[-1], 150))))


def benchmarks(names: Sequence[str], quick: bool) -> xr.Dataset:
    """Both metrics of satisfaction over (benchmark, c, V, stream), each benchmark at its own alpha and length."""
    result = []
    for name in names:
        world = worlds.benchmark(name)
        size = {"horizon": world.horizon, "num_streams": 16 if quick else 64}
        ones = [started(world, 0.0, 35, TABLE_V, world.alpha, c, **size)[BOTH_METRICS] for c in worlds.PUBLISHED_C]
        result.append(xr.concat(ones, "c").reset_coords("alpha").assign(requests=world.horizon))
    joined = xr.concat(result, "benchmark", combine_attrs="drop_conflicts").assign_coords(benchmark=list(names))
    label = [REPORTED.get(name, (np.nan, np.nan))[1] for name in names]
    return joined.assign(published_satisfaction=("benchmark", label))
