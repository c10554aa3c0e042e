"""The runs of the study: MESS+ over V and alpha, and what is known without a run."""

from __future__ import annotations

import jax
import numpy as np
import xarray as xr

from messjax import predictors, zoo
from messjax.theory import optimum
from sims.common import other_zoos
from sims.common.study import Results
from sims.common.worlds import World

# alpha of [M25]'s Qwen table is the last of each row (github.com/laminair/mess-plus, experiments_qwen2.ipynb @05fbe69);
# the lower ones are ARC-C's grid there, and Winogrande's of its mixed zoo (config/llama3_qwen2_mix @0b197da).
ALPHAS = {"ARC-C": (0.35, 0.45, 0.55), "Winogrande": (0.60, 0.65, 0.71)}
MEAN = "mean of both"
LONG = 20_000  # requests; [M25] has 1,172 and 1,267
OWN, LEARNED, ORACLE = "learned, the benchmark's requests", "learned", "oracle"


def all_worlds() -> list[tuple[World, np.ndarray]]:
    """The two benchmarks that [M25] and the technical reports share, and their mean, each with its alphas."""
    result = []
    for name, alphas in ALPHAS.items():
        one, requests = zoo.get(f"qwen/{name}"), zoo.get(f"llama3/{name}").requests
        assert requests is not None
        world = other_zoos.world(name, one, alpha=alphas[-1], horizon=int(requests[0]))
        result.append((world, np.array(alphas)))
    middle = np.round(np.array([alphas for _, alphas in result]).mean(axis=0), 4)
    horizon = sum(world.horizon for world, _ in result)
    both = other_zoos.world(MEAN, zoo.get("qwen"), alpha=float(middle[-1]), horizon=horizon)
    return [*result, (both, middle)]


def run(quick: bool) -> Results:
    """Every world on the grid, at its own length and at the long one."""
    return {world.name: grid(world, alphas, quick) for world, alphas in all_worlds()}


def grid(world: World, alphas: np.ndarray, quick: bool) -> xr.Dataset:
    """One world: metrics over (run, weight, alpha, stream), what is known without a run, C*'s calls and its curve."""
    own, long, oracle = world.horizon, 4_000 if quick else LONG, predictors.oracle(world.stream)
    runs = {OWN: (own, None), LEARNED: (long, None), ORACLE: (long, oracle)}
    result = []
    for T, head in runs.values():
        one = other_zoos.route(
            jax.random.key(41), world, alphas, head=head, num_streams=64 if quick else 256, horizon=T
        )
        result.append(one.assign(chosen=other_zoos.chosen(one), T=T).drop_vars(other_zoos.OF_THE_DISTRIBUTION))
    distribution = world.stream.distribution()  # type: ignore[misc]
    level = np.linspace(world.accuracy.min(), optimum.largest_alpha(distribution) - 0.02, 25)
    attained = level <= world.accuracy.max()
    blind = np.full(level.shape, np.nan)
    blind[attained] = [one.cost for one in optimum.solve_all(world.blind(), list(level[attained]))]
    known = other_zoos.known(world, world.alpha)
    dataset = other_zoos.stack(result, "run", list(runs)).assign(one[other_zoos.OF_THE_DISTRIBUTION])
    dataset = dataset.assign(
        optimal_share=(
            ("alpha", "model"),
            np.stack([other_zoos.optimal_shares(distribution, float(a)) for a in one["alpha"]]),
        ),
        optimal_curve=("level", [one.cost for one in optimum.solve_all(distribution, list(level))]),
        blind_curve=("level", blind),
        known_cost=("known", [one.cost for one in known]),
        known_satisfaction=("known", [one.satisfaction for one in known]),
    )
    return dataset.assign_coords(level=level, known=[one.name for one in known])
