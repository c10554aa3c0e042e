"""The runs of the study: MESS+ for every c and V, and the score of its predictor."""

from __future__ import annotations

import jax
import numpy as np
import xarray as xr

from messjax import policies, predictors, theory
from messjax.engine.grid_sweep import sweep
from messjax.evaluation import predictor as quality
from messjax.theory import optimum
from messjax.types import Controls, Predictor
from sims.common import sla_status, worlds
from sims.common.study import Results
from sims.common.worlds import World

C = np.array([0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0])  # with all of worlds.PUBLISHED_C
LEAST, MOST = min(worlds.PUBLISHED_C), max(worlds.PUBLISHED_C)
SHOWN = (0, 3)  # of the published V: 1e-6 per J, likely that of [M25]'s table, and 1e-3 per J
SCORES = ["log_loss", "base_log_loss", "brier", "base_brier"]


def run(quick: bool) -> Results:
    """MESS+ for every c and V, per world, and the score of its predictor over time."""
    chosen_worlds = [worlds.llama(1_500 if quick else 13_528), *([] if quick else worlds.all_recorded())]
    return {world.name: ablation(world, quick) for world in chosen_worlds}


def ablation(world: World, quick: bool) -> xr.Dataset:
    """One world: metrics over (V, c, stream), scores over (on, c, path, t) of the same predictor paths."""
    key, head = jax.random.key(32), predictors.linear(world.num_features, len(world.models))
    result = sweep(
        key,
        Controls(V=world.published_V()[list(SHOWN)], alpha=world.alpha, c=C),
        policy=policies.mess_plus(head),
        stream=world.stream,
        horizon=world.horizon,
        num_streams=8 if world.recorded else (64 if quick else 256),
        models=world.models,
        cost_unit=world.cost_unit,
    )
    result = sla_status.add_sla_status(result, world).merge(scores(key, world, head, quick), join="exact")
    if not world.recorded:
        assert world.stream.distribution is not None
        result = result.merge(
            theory.judge(result, world.stream.distribution(), correction="none"), combine_attrs="drop_conflicts"
        )
    result["share_expected"] = "c", theory.exploration_sum(T=world.horizon, c=C, a=0.25) / world.horizon
    result["blind_cost"] = (), optimum.solve(world.blind(), world.alpha).cost, {"units": world.cost_unit}
    return result.assign_attrs(horizon=world.horizon, cost_unit=world.cost_unit, spread=world.spread)


def scores(key: jax.Array, world: World, head: Predictor, quick: bool) -> xr.Dataset:
    """Log loss and Brier score over models, of the predictor paths that the streams with this key take."""
    result = quality.over_time(
        key,
        predictor=head,
        stream=world.stream,
        horizon=world.horizon,
        c=C,
        num_streams=4 if quick else 8 if world.recorded else 32,
        held_out=quality.HeldOut(world.prefix.features, world.prefix.satisfaction),
        checkpoints=16,
        models=world.models,
    )
    return result[SCORES].mean("model", keep_attrs=True).rename(stream="path").drop_attrs(deep=False)


def held_out(dataset: xr.Dataset) -> xr.Dataset:
    """Scores (c, path) on held-out requests after the last one."""
    return dataset[SCORES].sel(on="held out").isel(t=-1)


def weight_label(one: xr.Dataset) -> str:
    """V in units of the spread of costs."""
    return f"V (E_M - E_1) = {float(one['V']) * one.attrs['spread']:.2g}"


def cheapest(dataset: xr.Dataset, ledger: str) -> float:
    """The published c of least cost brought to alpha, chosen on the first half of the streams."""
    half = dataset.isel(stream=slice(0, dataset.sizes["stream"] // 2))
    return float(half[f"{ledger}_at_alpha"].sel(c=list(worlds.PUBLISHED_C)).mean("stream").idxmin("c"))
