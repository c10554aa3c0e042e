"""The runs of the study: MESS+ for every spread of costs, and what it saves."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr

from messjax import predictors, streams, zoo
from messjax.components import spec_of
from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from messjax.streams import recorded
from messjax.types import Predictor
from sims.common import other_zoos, worlds
from sims.common.study import Results
from sims.common.worlds import World

SPREADS = (1.1, 1.25, 1.5, 2.0, 5.0, 25.0, 100.0)
WEIGHTS = (0.1, 0.3, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
ALPHA = 0.65  # half-way between the cheapest and the most expensive model
LEARNED, ORACLE, MMLU = "learned", "oracle", "MMLU, learned"


def run(quick: bool) -> Results:
    """Synthetic zoos at every spread, and MMLU's labels with such costs where the trace is there."""
    spreads = (1.1, 1.5, 5.0, 25.0) if quick else SPREADS
    made = [made_up(spread, 2_000 if quick else 13_528) for spread in spreads]
    streams_each = 64 if quick else 256
    result = {
        LEARNED: grid(made, [None] * len(made), spreads, streams_each),
        ORACLE: grid(made, [predictors.oracle(world.stream) for world in made], spreads, streams_each),
    }
    trace = None if quick else worlds.recorded("MMLU")
    if not quick and trace is None:
        print("note: no recorded trace of MMLU in the folder of traces (set MESSJAX_TRACES): left out")
    if trace is not None:
        result[MMLU] = grid([recosted(trace, spread) for spread in spreads], [None] * len(spreads), spreads, 16)
    return result


def made_up(spread: float, horizon: int) -> World:
    """Four models by a scaling law; requests of continuous difficulty."""
    return other_zoos.world("synthetic", zoo.synthetic(4, spread=spread), alpha=ALPHA, horizon=horizon)


def recosted(world: World, spread: float) -> World:
    """A trace with costs of its models from 1 to `spread`, the same on every request, geometric."""
    tables: recorded.ReplaySpec | None = spec_of(world.stream.draw, recorded.draw)
    if tables is None:
        raise ValueError("recosted: found a stream of another kind, expected one of streams.replay")
    x, satisfaction, table = (np.asarray(values) for values in tables)
    cost = spread ** (np.arange(len(world.models)) / (len(world.models) - 1))
    stream = streams.replay(x, satisfaction, np.broadcast_to(cost, table.shape))
    return world._replace(stream=stream, cost=cost, cost_unit="cheapest model's costs")


def grid(
    chosen_worlds: Sequence[World], heads: Sequence[Predictor | None], spreads: Sequence[float], num_streams: int
) -> xr.Dataset:
    """Over (spread, c, stream): MESS+ at a V chosen on other streams, with what the spread's zoo costs otherwise."""
    rows = []
    for world, head in zip(chosen_worlds, heads, strict=True):
        key, c = jax.random.key(42), worlds.PUBLISHED_C
        run = other_zoos.route(key, world, world.alpha, head=head, weights=WEIGHTS, c=c, num_streams=num_streams)
        settled = [other_zoos.settle(run.sel(c=one)) for one in c]
        row = other_zoos.stack(
            [one.rest.drop_vars(["weight", "c", "V", *other_zoos.OF_THE_DISTRIBUTION]) for one in settled], "c", c
        )
        row["weight"] = ("c", [one.weight for one in settled])
        row["kept"] = ("c", [one.kept for one in settled])
        rows.append(row.assign(run[other_zoos.OF_THE_DISTRIBUTION]).assign(most_expensive=float(world.cost.max())))
    return other_zoos.stack(rows, "spread", spreads)


def saving(one: xr.Dataset, ledger: str, against: str) -> Interval:
    """1 - cost at alpha / cost of what it is compared with, over streams; of a Dataset over (stream)."""
    cost = one["cost_at_alpha"] - one["cost"] + one[ledger]
    return intervals.interval(1.0 - (cost / one[against]).values)


def curve(dataset: xr.Dataset, ledger: str, against: str) -> np.ndarray:
    """[3, spreads] mean, lower and upper limit of `saving`, in per cent; of a Dataset over (spread, stream)."""
    result = [saving(dataset.sel(spread=spread), ledger, against)[:3] for spread in dataset["spread"].values]
    return 100.0 * np.array(result).T


def possible(dataset: xr.Dataset, against: str) -> np.ndarray:
    """[spreads] what C* would save, in per cent."""
    return np.asarray(100.0 * (1.0 - dataset["optimal_cost"] / dataset[against]).values)


def break_even(spread: np.ndarray, saved: np.ndarray) -> float:
    """The spread at which the saving first becomes positive, between two by log(spread - 1); NaN where none does."""
    if not (saved > 0).any():
        return float("nan")
    i = int(np.argmax(saved > 0))
    if i == 0:
        return float(spread[0])
    return float(1.0 + np.exp(np.interp(0.0, saved[i - 1 : i + 1], np.log(spread[i - 1 : i + 1] - 1.0))))
