"""Who does better at the same spend: MESS+, ParetoBandit and static mixes that know the same before they start.

All begin with the same offline statistics, learn on the validation requests from the model that served, see list prices
and not what a request will cost, and are tuned on streams drawn from the validation requests: on the ceiling track for
the largest reward within the budget, on the floor track for the least cost with a reward of at least alpha.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from messjax import policies, predictors
from messjax.evaluation.bench.plan import Target
from messjax.evaluation.bench.protocol import choose
from messjax.predictors import ridge_regression as ridge
from messjax.types import Controls, Policy
from sims.studies.pareto_bandit import courses, published
from sims.studies.pareto_bandit.courses import Pool, Sizes
from sims.studies.pareto_bandit.playing import Judge, Played, play
from sims.studies.pareto_bandit.requests import FLASH, PRICE, PRO, Data

FLOOR, CEILING = "floor", "ceiling"
ALPHAS = (0.80, 0.85, 0.90, 0.92)
MESS_PLUS, SPENDING = "MESS+, one model queried*", "MESS+ with a budget queue"
PARETO, TUNED, MIX, FROZEN = "ParetoBandit", "ParetoBandit, tuned", "static mix", "frozen argmin"
NAMES = (MESS_PLUS, SPENDING, PARETO, TUNED, MIX, FROZEN)
STEPS, FORGETTING = (0.05, 0.015, 0.005, 0.0015), (0.997, 1.0)  # what ParetoBandit is tuned over
TUNING_STREAMS = 4
Settings = Sequence[tuple[Policy, Controls]]


def targets() -> list[Target]:
    """The seven budgets and the four alphas."""
    return [Target(CEILING, budget) for budget in published.BUDGETS] + [Target(FLOOR, alpha) for alpha in ALPHAS]


def settings(data: Data, target: Target, *, quick: bool) -> Mapping[str, Settings]:
    """What every policy is tuned over for a target: at most 32 settings, its own knob at the target where it has it."""
    few = 4 if quick else 8
    on_ceiling, level = target.track == CEILING, target.level
    cost, reward = (np.nan_to_num(each.mean(axis=0)) for each in (data.val.cost, data.val.reward))
    start = warm(data)
    head, spread = ridge.ridge(start), float(cost[PRO] - cost[0])
    weights, budgets = np.geomspace(1.0, 1e3, few) / spread, np.geomspace(cost[0], 1.2 * cost[PRO], 4 * few)
    alphas = np.linspace(reward[0], 0.95, 2 * few) if on_ceiling else [level, min(level + 0.005, 0.99)]
    free = {"c": 0.0, "a": 0.25}
    pareto = policies.pareto_bandit(PRICE, num_features=data.val.x.shape[1], prior=data.prior)
    tuned = [
        policies.pareto_bandit(
            PRICE, num_features=data.val.x.shape[1], prior=data.prior, step=step, forgetting=g, width=width
        )
        for step in STEPS
        for g in (FORGETTING if on_ceiling else FORGETTING[:1])
        for width in ((0.0025, 0.005, 0.01, 0.02) if on_ceiling else (0.01,))
    ]
    one, spending = policies.one_sided(head, learning="served"), policies.budget_queue(head)
    frozen = predictors.frozen(head, start)
    prices = np.geomspace(1e-2 * spread, 3e2 * spread, 4 * few)
    there = np.arange(len(cost)) != FLASH
    return {
        MESS_PLUS: [
            (one, Controls(V=V, alpha=alpha, budget=level, **free))
            for alpha in alphas
            for V in (weights[1::4] if on_ceiling else np.geomspace(1.0, 1e3, 2 * few) / spread)
        ],
        SPENDING: [
            (spending, Controls(V=V, budget=budget, **free))
            for budget in ([level] if on_ceiling else budgets[::4])
            for V in ([1e3] if quick else np.geomspace(10.0, 1e5, 4 * few if on_ceiling else 4))
        ],
        PARETO: [(pareto, Controls(budget=budget)) for budget in ([level] if on_ceiling else budgets)],
        TUNED: [
            (each, Controls(budget=budget)) for each in tuned for budget in ([level] if on_ceiling else budgets[::4])
        ],
        MIX: [(mix(cost, reward, target, there), Controls(budget=level, alpha=level))],
        FROZEN: [(policies.lagrangian(frozen, price), Controls(budget=level)) for price in prices],
    }


def warm(data: Data) -> ridge.Ridge:
    """The offline statistics as a regression that MESS+ starts with: ParetoBandit's own prior."""
    inverse = np.linalg.inv(data.prior.A)
    return ridge.Ridge(inverse, np.einsum("mij,mj->mi", inverse, data.prior.b))  # type: ignore[arg-type]


def mix(cost: np.ndarray, reward: np.ndarray, target: Target, there: np.ndarray) -> Policy:
    """The static mix of two models by the means of the validation requests; a model that is not there costs most."""
    cost, reward = np.where(there, cost, 2.0 * cost.max()), np.where(there, reward, 0.0)
    return (policies.budget_mixture if target.track == CEILING else policies.mixture)(cost, reward)


def judged(data: Data, pool: Pool, sizes: Sizes, *, quick: bool) -> xr.Dataset:
    """Reward and cost by (policy, target, seed) at settings chosen on validation streams; gains by (policy, target)."""
    course = courses.course(courses.STATIONARY, pool, sizes)
    tuning = courses.tuning(pool, sizes, course, TUNING_STREAMS)
    judge, every = Judge(pool, course), targets()
    names: tuple[str, ...] = NAMES
    if quick:
        every, names = every[3:4], (SPENDING, PARETO)
    tried = [settings(data, target, quick=quick) for target in every]
    parts = []
    for name in names:
        chosen, met = [], []
        for target, own in zip(every, tried, strict=True):
            pick, fits = _tuned(pool, tuning, own[name], target)
            chosen.append(own[name][pick])
            met.append(fits)
        tracks = (CEILING, FLOOR) if name == MIX else (None,)  # its two tracks are policies of two structures
        played = [
            play(
                pool, course, [one for one, target in zip(chosen, every, strict=True) if track in (None, target.track)]
            )
            for track in tracks
        ]
        joined = Played(*(np.concatenate(each) for each in zip(*played, strict=True)))
        part = judge.measures(joined).rename(budget="target")
        parts.append(part.assign(met=("target", met), V=("target", [float(each.V) for _, each in chosen])))
    out = xr.concat(parts, "policy", join="exact").assign_coords(policy=list(names))
    return out.assign_coords(
        target=[each.label for each in every], track=("target", [each.track for each in every]),
        level=("target", [each.level for each in every]),
    )  # fmt: skip


def _tuned(pool: Pool, tuning: courses.Course, own: Settings, target: Target) -> tuple[int, bool]:
    """The setting that the bench's objective prefers on validation streams, and whether it meets the target there."""
    if len(own) == 1:
        return 0, True
    played = play(pool, tuning, own)
    cost, reward = (each[..., tuning.judged].mean(axis=(1, 2)) for each in (played.paid, played.reward))
    pick = choose(target, cost, reward)
    return pick, bool(cost[pick] <= target.level if target.track == CEILING else reward[pick] >= target.level)
