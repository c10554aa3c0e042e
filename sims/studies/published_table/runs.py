"""The runs of the study: MESS+ with learned and frozen predictors, and the lines of mixtures and optima."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import xarray as xr

from messjax import policies
from messjax.theory import optimum
from messjax.types import Distribution, Policy
from sims.common import controlled_predictors, routers, worlds
from sims.common.published_results import (
    HEADS,
    REPORTED,
    SHARES,
    SKILLS,
)
from sims.common.study import Results
from sims.common.worlds import World

METRICS = ("cost", "cost_exploit", "satisfaction")
LABELS = 16_384  # requests drawn for the clairvoyant optimum
MORE = (0.0, 0.01, 0.02)  # beyond a reported satisfaction: what a short stream misses can be asked for (T10)
TIMES = 50  # checkpoints of the running satisfaction, which their table averages


def run(quick: bool) -> Results:
    """A Dataset per benchmark."""
    names = tuple(REPORTED) if quick else worlds.BENCHMARKS
    return {name: measure(worlds.benchmark(name), 16 if quick else 64, quick) for name in names}


def measure(world: World, num_streams: int, quick: bool) -> xr.Dataset:
    """MESS+ over (policy, asked, V, c, stream), with the lines of mixtures and optima over `level`, costs in MJ.

    Asked for are alpha and a bit more, or the reported satisfaction and a bit more. `choosing_*` are other streams.
    """
    cost, satisfaction = REPORTED.get(world.name, (np.nan, world.alpha + MORE[1]))
    args = np.round([world.alpha, *(satisfaction + np.array(MORE))], 6)
    heads = {name: routers.heads(world)[name] for name in HEADS[: 1 if quick else 2]}
    known = {
        name: controlled_predictors.partial_information(world.stream, share)
        for name, share in zip(SKILLS, SHARES, strict=True)
    }
    contenders = heads | {name: policies.mess_plus(predictor) for name, predictor in known.items()}
    runs = [_runs(world, policy, args, num_streams) for policy in contenders.values()]
    result = xr.concat(runs, dim="policy").assign_coords(policy=list(contenders))
    skill = [controlled_predictors.explained(world.stream, predictor) for predictor in known.values()]
    result["skill"] = ("policy", [np.nan] * len(heads) + skill)
    return _with_lines(result, world).assign_attrs(
        alpha=world.alpha, requests=world.horizon, reported_cost=cost, reported_satisfaction=satisfaction
    )


def _runs(world: World, policy: Policy, args: np.ndarray, num_streams: int) -> xr.Dataset:
    """One policy over (asked, V, c, stream): half of the streams to choose by, half to measure."""
    result = routers.play(
        world,
        jax.random.key(271),
        {"one": policy},  # the same name for all: names are part of a program
        2 * num_streams,
        V=np.array(worlds.PUBLISHED_V),
        alpha=args,
        c=worlds.PUBLISHED_C,
        checkpoints=TIMES,
        curves=("satisfaction",),
    ).isel(policy=0, drop=True)
    tried, measured = (result.isel(stream=slice(half, half + num_streams)) for half in (0, num_streams))
    both = measured[list(METRICS)].assign({f"choosing_{name}": tried[name].variable for name in METRICS})
    both["running"] = measured["satisfaction_curve"].mean("t")
    for name in ("cost", "cost_exploit", "choosing_cost", "choosing_cost_exploit"):
        both[name] = _mj(world, both[name]).assign_attrs(units="MJ")
    return both.drop_vars(("a", "f")).rename(alpha="sla_target")


def _with_lines(result: xr.Dataset, world: World) -> xr.Dataset:
    """With what mixing blindly, knowing mu and knowing labels cost at least: over `level`, and where asked."""
    drawn = worlds.draw(world.stream, jax.random.key(273), LABELS)
    ends = routers.ends_only(world)
    distributions = {
        "coin": world._replace(cost=ends[0], accuracy=ends[1]).blind(),
        "LP mixture": world.blind(),
        "C*": _distribution(world),
        "clairvoyant": Distribution(np.full(LABELS, 1.0 / LABELS), drawn.cost, drawn.satisfaction, "labels"),
    }
    level = np.linspace(world.accuracy.min(), world.accuracy.max(), 40)
    result = result.assign_coords(level=level, model=list(world.models)).assign(
        single_cost=("model", _mj(world, world.cost)), single_accuracy=("model", world.accuracy)
    )
    for name, distribution in distributions.items():
        result[name] = ("level", _costs(world, distribution, level))
        result[f"{name} at"] = ("sla_target", _costs(world, distribution, result["sla_target"].values))
    return result


def _mj(world: World, cost: Any) -> Any:
    """Of kJ per request MJ for the whole benchmark."""
    return cost * world.horizon / 1_000.0


def _distribution(world: World) -> Distribution:
    assert world.stream.distribution is not None
    result: Distribution = world.stream.distribution()
    return result


def _costs(world: World, distribution: Distribution, alphas: np.ndarray) -> np.ndarray:
    """The least cost at every alpha in MJ, NaN where it is out of reach."""
    reach = alphas <= optimum.largest_alpha(distribution)
    result = np.full(len(alphas), np.nan)
    result[reach] = [one.cost for one in optimum.solve_all(distribution, [float(alpha) for alpha in alphas[reach]])]
    return np.asarray(_mj(world, result))
