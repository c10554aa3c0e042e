"""The runs of the study: which models are chosen, and what exploring does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr

from messjax import policies, predictors, streams, zoo
from messjax.components import spec_of
from messjax.engine.grid_sweep import sweep
from messjax.predictors import learning
from messjax.streams.continuous_features import draw
from messjax.types import Controls, Predictor
from sims.common import other_zoos
from sims.common.study import Results
from sims.common.worlds import World
from sims.studies.mixed_families import inverted_zoo

ALPHA = 0.65
GAPS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.35)  # beta_M is .25 - gap
ALIKE = (0.7, 1.0)  # correlation of what is hard for two models; 1: dominated on average is dominated everywhere
WEIGHTS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
C = (0.1, 1.0, 3.0, 10.0)  # [M25] has .1 and 1; at 10 the first 10,000 requests are all explored
ORDERS = ("most expensive last", "best last")
HEADS = {  # name: (learning rate, c); [M25] has .06, None is an oracle
    "learned, c = 0.1": (0.06, 0.1),
    "learned, c = 1": (0.06, 1.0),
    "rate .01, c = 1": (0.01, 1.0),
    "oracle, c = 0.1": (None, 0.1),
}


def made_up(gap: float, horizon: int, alike: float = ALIKE[0]) -> World:
    """Two models of each family, by turns; the most expensive is of the worse one."""
    models = zoo.synthetic(4, spread=25.0, families=2, gap=gap)
    return other_zoos.world("mixed families", models, alpha=ALPHA, horizon=horizon, shared=alike)


def best_last(world: World) -> World:
    """The same requests and models, the most satisfying model named last: it serves what is explored."""
    best = int(np.argmax(world.accuracy))
    order = [m for m in range(len(world.models)) if m != best] + [best]
    spec = spec_of(world.stream.draw, draw)
    weights, bias, cost = (np.asarray(table)[order] for table in (spec.weights, spec.bias, spec.cost))
    names = tuple(world.models[m] for m in order)
    models = dataclasses.replace(zoo.synthetic(len(order)), models=names, cost_unit=world.cost_unit)
    stream = streams.logistic(weights, bias, cost)
    return other_zoos.bare(
        world.name, stream, models, world.cost[order], world.accuracy[order], world.alpha, world.horizon
    )


def dominated(cost: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """[M] whether another model costs no more and satisfies more."""
    return np.array([bool(((cost <= E) & (accuracy > s)).any()) for E, s in zip(cost, accuracy, strict=True)])


def run(quick: bool) -> Results:
    """Which models are chosen, by gap and V; what exploring does, by gap, order and c; and the statements about it."""
    gaps = (0.1, 0.35) if quick else GAPS
    explored = other_zoos.stack([_explored(gap, 64 if quick else 256) for gap in gaps], "gap", gaps)
    return {"chosen": _chosen(gaps, quick), "explored": explored}


def _chosen(gaps: Sequence[float], quick: bool) -> xr.Dataset:
    """Over (gap, alike, head, weight, stream): which models MESS+ chooses, with C*'s calls and what is dominated."""

    def one(gap: float, alike: float) -> xr.Dataset:
        world, result = made_up(gap, 4_000 if quick else 20_000, alike), []
        for rate, c in HEADS.values():
            head = predictors.oracle(world.stream) if rate is None else _linear(world, rate)
            size = {"num_streams": 64 if quick else 256}
            run = other_zoos.route(jax.random.key(43), world, ALPHA, head=head, weights=WEIGHTS, c=c, **size)
            result.append(
                run.assign(chosen=other_zoos.chosen(run)).drop_vars(["V", "c", *other_zoos.OF_THE_DISTRIBUTION])
            )
        best = other_zoos.optimal_shares(world.stream.distribution(), ALPHA)  # type: ignore[misc]
        no_use = dominated(world.cost, world.accuracy)
        table = {"optimal_share": best, "dominated": no_use, "accuracy": world.accuracy, "E": world.cost}
        both = other_zoos.stack(result, "head", list(HEADS)).assign(
            {name: ("model", each) for name, each in table.items()}
        )
        return both.assign(run[other_zoos.OF_THE_DISTRIBUTION])

    rows = [other_zoos.stack([one(gap, alike) for alike in ALIKE], "alike", ALIKE) for gap in gaps]
    return other_zoos.stack(rows, "gap", gaps)


def _linear(world: World, rate: float = 0.06) -> Predictor:
    return predictors.linear(world.num_features, len(world.models), tx=learning.sgd(rate))


def _explored(gap: float, num_streams: int) -> xr.Dataset:
    """Over (order, policy, c, stream) at one gap: oracle and learned head, 4,000 requests, and the statements."""
    result = []
    for order in ORDERS:
        world = made_up(gap, 4_000)
        world = best_last(world) if order == ORDERS[1] else world
        heads = {"oracle": predictors.oracle(world.stream), "learned": _linear(world)}
        run = sweep(
            jax.random.key(44),
            Controls(V=1.0 / world.spread, alpha=ALPHA, c=C),
            policy={name: policies.mess_plus(head) for name, head in heads.items()},
            stream=world.stream,
            horizon=world.horizon,
            num_streams=num_streams,
            cost_unit=world.cost_unit,
        )
        distribution = world.stream.distribution()  # type: ignore[misc]
        run = run.merge(
            inverted_zoo.verdicts(run.sel(policy="oracle"), distribution, int(np.argmax(world.accuracy))),
            combine_attrs="override",
        )
        result.append(run.assign(beta_M=float(world.accuracy[-1]) - ALPHA))
    return other_zoos.stack(result, "order", ORDERS)
