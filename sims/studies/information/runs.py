"""Runs: MESS+ learning on a calibrated stream and on the recorded traces, its excess split in four."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from messjax import predictors, streams, theory, zoo
from messjax.evaluation import partitions
from messjax.evaluation.information import PARTS, Path, regret_split
from messjax.statistics import intervals
from messjax.theory import bins_of, information, optimum
from messjax.types import Array, Distribution
from sims.common import worlds
from sims.common.study import Results
from sims.studies.information import paths

WORLD, ALPHA, SEED, BINS = "llama3", 0.667, 11, 8
FIRST = 4  # streams on which bins of s_hat are chosen
CELLS = 4  # bins of s_hat as a fixed partition of the request types
FULL_V, QUICK_V = (1.0, 3.0, 10.0, 30.0, 100.0), (1.0, 10.0, 100.0)
LIMITS, NAMES = ("mean", "lower", "upper"), (*PARTS, "excess")


class Size(NamedTuple):
    """How much is simulated."""

    V: tuple[float, ...]
    horizon: int
    num_streams: int
    orders: int


QUICK = Size(QUICK_V, 4_000, 16, 1)
FULL = Size(FULL_V, 10_000, 32, 4)


def run(quick: bool) -> Results:
    """The calibrated stream first, then the traces that are there."""
    size = QUICK if quick else FULL
    return {WORLD: synthetic(size)} | {each.name: recorded(each, size.orders) for each in worlds.all_recorded()}


# --- requests of sixteen types, where mu is known ---------------------------------------------------------------


def synthetic(size: Size) -> xr.Dataset:
    """Splits of two learners at every V by three partitions, and T2' by them."""
    llama = zoo.get("llama3")
    law = streams.graded(llama.mean_cost(), llama.mean_accuracy())
    best, (num, models) = optimum.solve(law, ALPHA), np.shape(law.mean)
    learners = {"running means": predictors.tabular(num, models), "linear SGD": predictors.linear(num, models)}
    runs = paths.run(
        jax.random.key(SEED), np.array(size.V), ALPHA, predictor=learners, stream=streams.types(law),
        horizon=size.horizon, num_streams=FIRST + size.num_streams, models=llama.models, cost_unit=llama.cost_unit,
    )  # fmt: skip
    parts = []
    for name in learners:
        one = runs.sel(policy=name)
        types = cells_of_types(one.isel(stream=slice(FIRST)), law, best.gamma)  # chosen on other streams
        cells = {"one cell": np.zeros(num, int), "bins of s_hat": types, "types": np.arange(num)}
        parts.append(_synthetic_split(one.isel(stream=slice(FIRST, None)), law, best.gamma, cells))
    return xr.concat(parts, xr.DataArray(list(learners), dims="learner", name="learner")).assign_attrs(
        cost_unit=llama.cost_unit, horizon=size.horizon, price=best.gamma, C_star=best.cost, alpha=ALPHA,
        samples=f"{size.num_streams} streams", reference="the oracle at gamma*",
    )  # fmt: skip


def cells_of_types(first: xr.Dataset, law: Distribution, price: float) -> np.ndarray:
    """[K] CELLS cells of types by what the learner, at the end of other streams, believes to gain on each."""
    table, last = paths.tables(first), slice(-(first.sizes["t"] // 4), None)
    kind = _types(table["path_mean"][0, :, last], law).ravel()
    s_hat = table["path_s_hat"][0, :, last].reshape(len(kind), -1)
    count = np.bincount(kind, minlength=len(law.weight))
    mean = np.stack([np.bincount(kind, column, len(count)) for column in s_hat.T], axis=1) / count[:, None]
    return bins_of(mean, price, np.asarray(law.cost), CELLS)


def _types(mean: np.ndarray, law: Distribution) -> np.ndarray:
    """The type of every request, by its mu."""
    return np.abs(mean[..., None, :] - np.asarray(law.mean)).sum(axis=-1).argmin(axis=-1)


def _synthetic_split(result: xr.Dataset, law: Distribution, price: float, cells: dict[str, np.ndarray]) -> xr.Dataset:
    num_V, num_streams, table = result.sizes["V"], result.sizes["stream"], paths.tables(result)
    samples = np.zeros((num_V, len(cells), len(NAMES), num_streams))
    loss = {name: np.zeros((num_V, num_streams)) for name in cells}
    kinds = [_types(each, law) for each in table["path_mean"][0]]  # the same requests at every V
    for v, i in np.ndindex(num_V, num_streams):
        path, kind = paths.path_of(table, (v, i), labels=False), kinds[i]
        path = path._replace(reference=(path.cost - price * path.satisfaction).argmin(axis=1))
        queue, V = table["path_queue"][v, i].astype(np.float64), float(result["V"][v])
        for c, (name, of_type) in enumerate(cells.items()):
            own = bins_of(path.s_hat, price, path.cost, BINS) if name == "bins of s_hat" else of_type[kind]
            split = regret_split(path, own, alpha=ALPHA, price=price)
            samples[v, c, :, i] = [split[part].mean() for part in NAMES]
            loss[name][v, i] = _decision_loss(path, queue, V, kind, law, of_type)
    own_metrics = result.drop_vars([name for name in result if str(name).startswith("path_")]).drop_dims("t")
    metrics = own_metrics.assign(
        {information.loss_metric(name): (("V", "stream"), each) for name, each in loss.items()}
    )
    statements = [information.partition_statement(name, of_type) for name, of_type in cells.items()]
    judged = theory.judge(metrics.drop_vars("path_serve", errors="ignore"), law, statements=statements)
    kept = judged[["measured", "bound", "looseness", "verdict"]].rename(statement="partition").drop_vars("implied_by")
    return _dataset(samples, list(cells), result["V"].values).merge(
        kept.assign_coords(partition=list(cells)), compat="override"
    )


def _decision_loss(
    path: Path, queue: np.ndarray, V: float, kind: np.ndarray, law: Distribution, cells: np.ndarray
) -> float:
    """D_G of one stream: over exploited requests, V E_i + Q (alpha - mu_i) less the least by the cell's averages."""
    coarse, rows = information.cells_of(law, cells), cells[kind]
    cost, mean = np.asarray(law.cost)[kind, path.serve], np.asarray(law.mean)[kind, path.serve]
    served = V * cost + queue * (ALPHA - mean)
    least = (V * coarse.cost[rows] + queue[:, None] * (ALPHA - coarse.mean[rows])).min(axis=1)
    return float(np.where(path.explored, 0.0, served - least).sum())


# --- recorded traces, where labels stand for mu -----------------------------------------------------------------


def recorded(world: worlds.World, orders: int) -> xr.Dataset:
    """The split of the linear head at one V, by one cell and by bins of s_hat."""
    key, prefix = jax.random.key(SEED), world.prefix
    averages = Distribution(np.ones(1), prefix.cost.mean(axis=0)[None], prefix.satisfaction.mean(axis=0)[None])
    price = optimum.solve(averages, min(world.alpha, optimum.largest_alpha(averages))).gamma
    V = np.array([1.0 / world.spread])
    result = paths.run(
        key, V, world.alpha, predictor=predictors.linear(world.num_features, len(world.models)), stream=world.stream,
        horizon=world.horizon, num_streams=orders, models=world.models, cost_unit=world.cost_unit,
    )  # fmt: skip
    cells = ("one cell", "bins of s_hat")
    samples = np.zeros((1, len(cells), len(NAMES), world.horizon))
    table = paths.tables(result)
    for i in range(orders):
        samples[0] += _trace_split(world, table, key, i, price) / orders
    return _dataset(samples, list(cells), V).expand_dims(learner=["linear SGD"]).assign_attrs(
        cost_unit=world.cost_unit, horizon=world.horizon, price=price, alpha=world.alpha,
        samples=f"{world.horizon:,} requests, orders averaged: {orders}", reference="a ridge regression on the prefix",
    )  # fmt: skip


def _trace_split(world: worlds.World, table: dict[str, np.ndarray], key: Array, i: int, price: float) -> np.ndarray:
    """[cells, parts, N] the parts of one order, by row of the trace."""
    rows = paths.rows_of(key, world.stream, i)
    x, result = _features(world, rows), []
    path = paths.path_of(table, (0, i), labels=True)
    predicted = partitions.ridge_predictions(world.prefix.features, world.prefix.satisfaction, x)
    path = path._replace(reference=(path.cost - price * predicted).argmin(axis=1))
    for cells in (np.zeros(len(rows), int), bins_of(path.s_hat, price, path.cost, BINS)):
        split = regret_split(path, cells, alpha=world.alpha, price=price)
        by_row = np.zeros((len(NAMES), len(rows)))
        by_row[:, rows] = [split[part] for part in NAMES]
        result.append(by_row)
    return np.stack(result)


def _features(world: worlds.World, rows: np.ndarray) -> np.ndarray:
    """Features of these rows of the recorded stream."""
    draw: Any = world.stream.draw  # a Partial of the tables of the trace
    return np.asarray(draw.args[0].features)[rows]


def _dataset(samples: np.ndarray, cells: list[str], V: np.ndarray) -> xr.Dataset:
    limits = np.stack([np.asarray(each) for each in intervals.interval(samples)[:3]], axis=-1)
    dims = ("V", "partition", "part", "limit")
    return xr.Dataset(
        {"split": (dims, limits)},
        coords={"V": V, "partition": cells, "part": list(NAMES), "limit": list(LIMITS)},
    )
