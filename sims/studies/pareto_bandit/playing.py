"""One call of the bench's compiled program for streams of the study, and what is measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr

from messjax.evaluation.bench import bootstrap, measures, mixes, program
from messjax.types import Controls, Policy
from sims.studies.pareto_bandit import courses
from sims.studies.pareto_bandit.courses import Course, Pool
from sims.studies.pareto_bandit.requests import FLASH, MODELS

REPLICATES = 400


class Played(NamedTuple):
    """What happened on S streams of T requests, at each of G settings."""

    serve: np.ndarray  # [G, S, T]
    paid: np.ndarray  # [G, S, T] USD
    reward: np.ndarray  # [G, S, T]


def play(pool: Pool, chosen: Course, settings: Sequence[tuple[Policy, Controls]]) -> Played:
    """Every setting on every stream of a course, in one call of the bench's compiled program."""
    form, numbers = program.stack([policy for policy, _ in settings], [controls for _, controls in settings])
    count, streams = len(settings), len(chosen.rows)
    lanes = program.Lanes(
        np.bool_(True),
        np.repeat(np.arange(count, dtype=np.int32), streams),
        np.full(count * streams, chosen.scenario, np.int32),
        np.tile(np.arange(streams, dtype=np.int32), count),
    )
    shards = len(jax.local_devices())
    fill = -len(lanes.setting) % shards
    lanes = program.Lanes(lanes.active, *(np.append(each, each[:1].repeat(fill)) for each in lanes[1:]))
    table = courses.table(pool, chosen)
    steps = program.run(jax.random.key(0), {"it": (form, numbers)}, {"it": lanes}, table, courses.scenarios())["it"]
    shape = (count, streams, chosen.rows.shape[1])
    serve, paid = (np.asarray(each)[: count * streams].reshape(shape) for each in (steps.serve, steps.paid))
    serve = serve.astype(np.intp)
    return Played(serve, paid.astype(np.float64), pool.part.reward[chosen.rows[None], serve])


class Judge:
    """Rewards and costs on the judged requests, and gains over the static mix of two models at the same spend."""

    def __init__(self, pool: Pool, chosen: Course) -> None:
        self.chosen = chosen
        rows = chosen.rows[:, chosen.judged]
        self.used, places = np.unique(rows, return_inverse=True)
        self.drawn = bootstrap.replicates(places.reshape(rows.shape), len(self.used), REPLICATES, 7)
        three = np.arange(len(MODELS)) != FLASH
        self.real = mixes.Realised(*(np.nan_to_num(each[rows]) for each in (pool.part.cost, pool.part.reward)))
        known = [np.nan_to_num(each[pool.val]).mean(axis=0) for each in (pool.part.cost, pool.part.reward)]
        costs, rewards = bootstrap.model_means(self.drawn, self.real)
        cost, reward = self.real.means
        vertices = (mixes.hull(c, s, three) for c, s in (known, (cost, reward)))
        self.fitted, self.hindsight = (bootstrap.Mix(each, cost, reward, costs, rewards) for each in vertices)

    def measures(self, played: Played) -> xr.Dataset:
        """Reward, cost and shares by (budget, seed), and the gains with their limits by budget."""
        serve, paid, reward = (each[..., self.chosen.judged] for each in played)
        rows = []
        for own_paid, own_reward, own_serve in zip(paid, reward, serve, strict=True):
            nothing = np.full(own_paid.shape, np.nan)
            path = measures.Path(own_paid, own_paid, own_reward, own_serve, nothing, nothing)
            found = bootstrap.gains(bootstrap.of_path(path, self.drawn), self.fitted, self.hindsight)
            rows.append(found)
        gains = {name: ("budget", np.array([row[name] for row in rows])) for name in rows[0]}
        share = (serve[..., None] == np.arange(len(MODELS))).mean(axis=(1, 2))
        main, earned, spent = ("budget", "seed"), reward.mean(axis=-1), paid.mean(axis=-1)
        best = self.hindsight
        cost, s = (np.broadcast_to(each, (*spent.shape, len(each))) for each in (best.cost, best.satisfaction))
        at_spend = mixes.matched(best.vertices, cost, s, spent)
        return xr.Dataset(
            {"reward": (main, earned), "cost": (main, spent), "gain_of_seed": (main, earned - at_spend),
             "share": (("budget", "model"), share), **gains,
             "mix_cost": ("vertex", best.cost[best.vertices]),
             "mix_reward": ("vertex", best.satisfaction[best.vertices])},
            coords={"model": list(MODELS)},
        )  # fmt: skip
