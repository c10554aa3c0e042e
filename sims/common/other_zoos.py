"""MESS+ on zoos other than that of [M25]'s main table: how it is run there, and what needs no run to stand beside it.

V is given as its weight w = V (E_M - E_1): the same w asks the same of zoos whose costs are in other units or closer
together. What does not look at requests (one model, uniform random, the blind mixture) is known exactly: in a
calibrated stream from the models' means, on a trace from its averages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from messjax import plot, policies, predictors, streams
from messjax.engine.grid_sweep import sweep
from messjax.numerics.array_cache import frozen
from messjax.statistics import intervals
from messjax.theory import optimum
from messjax.types import Array, Controls, Distribution, Predictor, Stream
from messjax.zoo import Zoo
from sims.common import comparison, worlds
from sims.common.worlds import World

WEIGHTS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # the V of [M25] are w = .003, .03, .3, 3 and 29
NUM_FEATURES = 16
CHOOSERS = 0.25  # share of streams that a V is chosen on; it is measured on the others
OF_THE_DISTRIBUTION = ["optimal_cost", "gamma", "blind_cost"]  # not of a run
USED = 0.05  # a model is in use from this share of the exploited requests on


class Known(NamedTuple):
    """What a policy that does not look at requests costs and satisfies."""

    name: str
    cost: float
    satisfaction: float


def world(name: str, models: Zoo, *, alpha: float, horizon: int, **calibration: float) -> World:
    """As `worlds.calibrated`, with options of `streams.calibrated`."""
    cost, accuracy = models.mean_cost(), models.mean_accuracy()
    stream = streams.calibrated(cost, accuracy, num_features=NUM_FEATURES, **calibration)  # type: ignore[arg-type]
    return bare(name, stream, models, cost, accuracy, alpha, horizon)


def bare(
    name: str, stream: Stream, models: Zoo, cost: np.ndarray, accuracy: np.ndarray, alpha: float, horizon: int
) -> World:
    """A world without a prefix: nothing is trained beforehand. cost [M], accuracy [M] of the whole stream.

    Its distribution is sampled and sorted once: here that takes as long as a run.
    """
    assert stream.distribution is not None
    weight, cost_of, mean, kind = stream.distribution()
    distribution = Distribution(frozen(weight), frozen(cost_of), frozen(mean), kind)
    stream = stream._replace(distribution=lambda: distribution)
    nothing = worlds.Prefix(np.zeros((0, NUM_FEATURES)), *(np.zeros((0, len(cost))) for _ in range(2)))
    return World(name, stream, nothing, models.models, models.cost_unit, cost, accuracy, alpha, horizon)


def known(world: World, alpha: float) -> list[Known]:
    """Every single model, uniform random, the blind mixture at alpha."""
    mixed = optimum.solve(world.blind(), alpha)
    singles = zip(world.models, world.cost, world.accuracy, strict=True)
    return [
        *(Known(f"only {name}", float(E), float(s)) for name, E, s in singles),
        Known("uniform random", float(world.cost.mean()), float(world.accuracy.mean())),
        Known("LP mixture", mixed.cost, mixed.satisfaction),
    ]  # fmt: skip


def route(
    key: Array,
    world: World,
    alpha: ArrayLike,
    *,
    head: Predictor | None = None,
    weights: ArrayLike = WEIGHTS,
    c: ArrayLike = 0.1,
    num_streams: int,
    horizon: int | None = None,
) -> xr.Dataset:
    """MESS+ over (weight, alpha, c, stream), as `judged` says, with C* of the stream; `head` is the linear one."""
    weights = np.asarray(weights, np.float64)
    head = predictors.linear(world.num_features, len(world.models)) if head is None else head
    result = sweep(
        key,
        Controls(V=weights / world.spread, alpha=alpha, c=c),
        policy=policies.mess_plus(head),
        stream=world.stream,
        horizon=horizon or world.horizon,
        num_streams=num_streams,
        models=world.models,
        cost_unit=world.cost_unit,
    )
    return verdicts(result.assign_coords(weight=("V", weights)).swap_dims(V="weight"), world)


def verdicts(dataset: xr.Dataset, world: World) -> xr.Dataset:
    """Add `blind_cost` of the LP mixture, and `cost_at_alpha` and `sla` of `sims.common.comparison`, at every point."""
    alpha = dataset["alpha"]
    solved = [optimum.solve(world.blind(), float(one)) for one in np.atleast_1d(alpha)]
    price, blind = (
        alpha.copy(data=np.reshape([getattr(one, name) for one in solved], alpha.shape)) for name in ("gamma", "cost")
    )
    short = intervals.interval(dataset["violation"].values, axis=dataset["violation"].get_axis_num("stream"))
    sla = dataset["violation"].isel(stream=0, drop=True).copy(data=comparison.sla(short))
    brought = dataset["cost"] + price * dataset["violation"]
    return dataset.assign(blind_cost=blind, sla=sla, cost_at_alpha=brought.transpose(*dataset["cost"].dims))


def chosen(dataset: xr.Dataset) -> xr.DataArray:
    """Share of the exploited requests that each model was chosen for: what exploration serves is left out."""
    last = xr.DataArray(np.arange(dataset.sizes["model"]) == dataset.sizes["model"] - 1, dims="model")
    picked = dataset["served"] - dataset["explored"] * last
    return picked.sum("stream") / (dataset.attrs["horizon"] - dataset["explored"]).sum("stream")


def optimal_shares(distribution: Distribution, alpha: float) -> np.ndarray:
    """[M] the share of requests that the offline optimum serves by each model."""
    return np.asarray(distribution.weight) @ optimum.solve(distribution, alpha).mixture


def stack(datasets: Sequence[xr.Dataset], name: str, values: Sequence[Any]) -> xr.Dataset:
    """Datasets of one form along a new first dimension; what is `OF_THE_DISTRIBUTION` may differ as well."""
    index = xr.Variable(name, list(values))
    options: Any = {"coords": "minimal", "compat": "override", "combine_attrs": "override"}
    return xr.concat(datasets, dim=index, data_vars="all", join="exact", **options)


class Settled(NamedTuple):
    """A V chosen on some streams, as it did on the others."""

    weight: float
    kept: bool  # whether a V kept alpha on the streams that chose
    rest: xr.Dataset  # the other streams at it


def settle(dataset: xr.Dataset) -> Settled:
    """Of a Dataset over (weight, stream): the V that kept alpha at least cost on a quarter of the streams, on the rest.

    Kept: the mean satisfaction of the choosing streams reached alpha. The least V where none did.
    """
    cut = max(2, round(CHOOSERS * dataset.sizes["stream"]))
    choosing, rest = dataset.isel(stream=slice(cut)).mean("stream"), dataset.isel(stream=slice(cut, None))
    kept = choosing["violation"].values <= 0.0
    weights, cost = dataset["weight"].values, np.where(kept, choosing["cost"].values, np.inf)
    weight = weights[np.argmin(cost)] if kept.any() else weights.min()
    return Settled(float(weight), bool(kept.any()), rest.sel(weight=weight))


def line_style(i: int) -> dict[str, Any]:
    """Colour, marker and dashes of line i."""
    return plot.line_style(i) | {"lw": 1.1, "ms": 4}


def bars(axis: Axes, x: ArrayLike, limits: ArrayLike, i: int, **more: Any) -> None:
    """Mean with its interval: limits [3, n] as `results.summary` has them."""
    mean, low, high = np.asarray(limits)
    axis.errorbar(x, mean, yerr=[mean - low, high - mean], **(line_style(i) | more))
