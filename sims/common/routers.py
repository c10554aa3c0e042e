"""Who competes with MESS+, by name: routers trained on a world's prefix, and policies that know averages only.

An offline router has all models answer the prefix, which is paid for before the first request is served: its cost
amortised over a run is n E_all / T (`training_cost`). `PUBLISHED` are the baselines of [M25]; the others are what a
stronger or fairer opponent would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from messjax import policies, predictors
from messjax.components import spec_of
from messjax.engine.grid_sweep import sweep
from messjax.policies.win_rate_threshold import wins
from messjax.predictors import learning
from messjax.streams import recorded
from messjax.theory import optimum
from messjax.types import Array, Controls, Policy, Predictor
from sims.common import comparison
from sims.common.worlds import Prefix, World

LINEAR_HEAD, MLP_HEAD = "MESS+, linear head", "MESS+, MLP head"
GUESS, ROUTELLM, ROUTERDC = "educated guess", "RouteLLM", "RouterDC, most promising"
PUBLISHED = (GUESS, ROUTELLM, ROUTERDC)
BEST_PAIR, ROUTERDC_ARGMIN = "RouteLLM, pair around alpha", "RouterDC, then argmin"
KNN, LINEAR, MLP = "kNN, then argmin", "linear, then argmin", "MLP, then argmin"
TRAINED = (ROUTELLM, ROUTERDC, BEST_PAIR, ROUTERDC_ARGMIN, KNN, LINEAR, MLP)
UNIFORM, MIXTURE, ENDS = "uniform random", "LP mixture", "coin: cheapest or most expensive"
CHEAPEST, CHEAPEST_ENOUGH, MOST_EXPENSIVE = "cheapest model", "cheapest model >= alpha", "most expensive model"
EPOCHS, RATE = 10, 0.01  # of heads trained on a prefix: [M25]'s rate of .06 is too fast for them (docs/decisions.md)
AT_ONCE = 256  # requests of a trace that are routed together


def heads(world: World) -> dict[str, Policy]:
    """MESS+ with a linear head and with the MLP of [M25], both learned online by its rule."""
    d, num_models = world.num_features, len(world.models)
    result = {LINEAR_HEAD: predictors.linear(d, num_models), MLP_HEAD: predictors.mlp(d, num_models)}
    return {name: policies.mess_plus(head) for name, head in result.items()}


def blind(world: World) -> dict[str, Policy]:
    """Those that throw dice; guess and mixture know the models' true averages, as the baselines of [M25] do."""
    return {
        GUESS: policies.educated_guess(world.accuracy),
        UNIFORM: policies.uniform(),
        MIXTURE: policies.mixture(world.cost, world.accuracy),
        ENDS: policies.mixture(*ends_only(world)),
    }


def ends_only(world: World) -> tuple[np.ndarray, np.ndarray]:
    """Costs and accuracies [M] with which only the cheapest and the most expensive model are worth mixing."""
    ends = np.isin(np.arange(len(world.cost)), [world.cost.argmin(), world.cost.argmax()])
    return np.where(ends, world.cost, world.cost.max()), np.where(ends, world.accuracy, world.accuracy[ends].min())


def singles(world: World) -> dict[str, Policy]:
    """Every model alone."""
    return {f"only {name}": policies.single(m) for m, name in enumerate(world.models)}


def named_singles(world: World) -> dict[str, str]:
    """Which single model is the cheapest, the cheapest whose average is at least alpha, and the most expensive."""
    enough = np.where(world.accuracy >= world.alpha, world.cost, np.inf)
    picked = {CHEAPEST: world.cost.argmin(), CHEAPEST_ENOUGH: enough.argmin(), MOST_EXPENSIVE: world.cost.argmax()}
    return {name: f"only {world.models[int(m)]}" for name, m in picked.items()}


def trained(world: World, names: Sequence[str] = TRAINED) -> dict[str, Policy]:
    """Offline routers, made of the world's prefix alone."""
    key, x, s = jax.random.key(253), world.prefix.features, world.prefix.satisfaction
    d, num_models = world.num_features, len(world.models)
    mean_cost = world.prefix.cost.mean(axis=0)
    ends = int(mean_cost.argmin()), int(mean_cost.argmax())
    argmin = policies.predict_then_argmin
    make = {
        ROUTELLM: lambda: _route_llm(world.prefix, *ends, key),
        # A price so high that cost does not matter: RouterDC serves its most promising model whatever alpha is.
        ROUTERDC: lambda: policies.lagrangian(predictors.dual_contrastive(x, s, key=key, calibrated=False), 1e9),
        BEST_PAIR: lambda: _route_llm(world.prefix, *pair_around(world), key),
        ROUTERDC_ARGMIN: lambda: argmin(predictors.dual_contrastive(x, s, key=key)),
        KNN: lambda: argmin(predictors.knn(x, s, k=round(len(x) ** 0.5))),
        LINEAR: lambda: argmin(_fitted(predictors.linear(d, num_models, tx=learning.sgd(RATE)), x, s, key)),
        MLP: lambda: argmin(_fitted(predictors.mlp(d, num_models, tx=learning.sgd(RATE)), x, s, key)),
    }
    return {name: make[name]() for name in names}


def _route_llm(prefix: Prefix, weak: int, strong: int, key: Array) -> Policy:
    """RouteLLM's rule with a linear win rate (theirs: matrix factorisation of preferences, or a language model)."""
    head = predictors.linear(prefix.features.shape[1], 1, tx=learning.sgd(RATE))
    rate = _fitted(head, prefix.features, wins(prefix.satisfaction, weak, strong), key)
    return policies.threshold(rate, prefix.features, prefix.satisfaction, weak=weak, strong=strong)


def _fitted(head: Predictor, x: np.ndarray, s: np.ndarray, key: Array) -> Predictor:
    return predictors.trained(head, x, s, key=jax.random.fold_in(key, 1), epochs=EPOCHS)


def pair_around(world: World) -> tuple[int, int]:
    """The two models whose mixture is the cheapest at alpha, by the prefix's averages: (weak, strong)."""
    level, weights = optimum.frontier(world.prefix.cost.mean(axis=0), world.prefix.satisfaction.mean(axis=0))
    above = int(np.clip(np.searchsorted(level, world.alpha), min(1, len(level) - 1), len(level) - 1))
    return int(weights[max(above - 1, 0)].argmax()), int(weights[above].argmax())


def training_cost(world: World) -> float:
    """What all models' answers to the prefix cost, per request of one run."""
    return float(world.prefix.cost.sum() / world.horizon)


# --- running them -------------------------------------------------------------------------------------------------


def play(
    world: World,
    key: Array,
    contenders: Mapping[str, Policy],
    num_streams: int,
    *,
    V: Any = 1.0,
    alpha: Any = None,
    c: Sequence[float] = (0.1,),
    **options: Any,
) -> xr.Dataset:
    """`sweep` on a world, one c after the other: a program for one c compiles in half the time of one for three.

    C* is left out (`optimal_cost`): each sweep would solve for it anew.
    """
    a = options.pop("a", 0.25)
    runs = [
        sweep(
            key,
            Controls(V=V, alpha=world.alpha if alpha is None else alpha, c=one, a=a),
            policy=contenders,
            stream=world.stream._replace(distribution=None),
            horizon=world.horizon,
            num_streams=num_streams,
            models=world.models,
            cost_unit=world.cost_unit,
            **options,
        )
        for one in c
    ]
    return xr.concat(runs, dim="c", data_vars="all") if len(runs) > 1 else runs[0]


def optimal_cost(world: World, alphas: np.ndarray) -> np.ndarray:
    """C* at every alpha; of a trace that of the realised labels."""
    assert world.stream.distribution is not None
    return np.array(
        [one.cost for one in optimum.solve_all(world.stream.distribution(), [float(alpha) for alpha in alphas])]
    )


def on_trace(world: World, contenders: Mapping[str, Policy]) -> dict[str, tuple[float, float]]:
    """Cost and satisfaction of policies without state or dice on all of a trace: the same in every order."""
    trace: recorded.ReplaySpec | None = spec_of(world.stream.draw, recorded.draw)
    if trace is None:
        raise ValueError("on_trace: found a stream of another kind, expected one of streams.replay")
    satisfaction, cost = np.asarray(trace.satisfaction), np.asarray(trace.cost)
    result, rows = {}, np.arange(len(satisfaction))
    for name, policy in contenders.items():
        serve = np.asarray(_serve(policy, trace.features, trace.cost, jnp.float32(world.alpha)))
        result[name] = float(cost[rows, serve].mean(dtype=np.float64)), float(satisfaction[rows, serve].mean())
    return result


@jax.jit
def _serve(policy: Policy, features: Array, cost: Array, alpha: Array) -> Array:
    controls = jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), Controls(alpha=alpha))
    key = jax.random.key(0)
    state = policy.init(key, controls)

    def one(row: tuple[Array, Array]) -> Array:
        return policy.act(key, state, row[0], row[1], controls).serve

    return jax.lax.map(one, (features, cost), batch_size=AT_ONCE)


def best_setting(tried: xr.Dataset, world: World, ledger: str = "cost") -> tuple[dict[str, Any], bool]:
    """Of runs over (policy, V, c, stream): the cheapest setting, by one ledger, that kept alpha, and True.

    Where none did the most satisfying one, and False. Measure it on other streams.
    """
    runs, settings = {}, {}
    for index in np.ndindex(tried.sizes["policy"], tried.sizes["V"], tried.sizes["c"]):
        one = tried.isel(dict(zip(("policy", "V", "c"), index, strict=True)))
        name = str(index)
        runs[name] = one.assign(cost=one[ledger])
        settings[name] = {"policy": str(one["policy"].values), "V": float(one["V"]), "c": float(one["c"])}
    kept = comparison.cheapest_kept(runs, world)
    return settings[kept or max(runs, key=lambda name: float(runs[name]["satisfaction"].mean()))], kept is not None
