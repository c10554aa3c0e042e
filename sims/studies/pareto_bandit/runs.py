"""The runs of the study: ParetoBandit's four experiments, its pacer taken apart, and who does better at equal spend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from messjax import policies
from messjax.evaluation.bench import measures
from messjax.types import Controls, Policy
from sims.common.study import Results
from sims.studies.pareto_bandit import courses, court, published, requests
from sims.studies.pareto_bandit.courses import DRIFT, NAMES, ONBOARDING, STATIONARY, Course, Pool, Sizes
from sims.studies.pareto_bandit.playing import Judge, play
from sims.studies.pareto_bandit.prices import by_phase
from sims.studies.pareto_bandit.requests import FLASH, MODELS, PRICE, PRO, Data

PUBLISHED, NO_BAN, SLOW, PROPORTIONAL = "as published", "without the ban", "step / 10", "penalty in proportion to costs"
BOTH = "both of these"
VARIANTS = (PUBLISHED, NO_BAN, SLOW, PROPORTIONAL, BOTH)
SMOOTHING, LARGEST = 0.05, 5.0  # of the pacer
TRACED = 3  # number of the budget whose dual prices are kept


def run(quick: bool) -> Results:
    """Datasets by name: `experiments`, `pacer` (seven budgets, variants of the pacer), `court` (who does better)."""
    data, sizes = requests.load(quick), courses.QUICK if quick else courses.FULL
    pool = courses.pool(data)
    about = {"source": data.source, "seeds": sizes.seeds}
    return {
        "experiments": experiments(data, pool, sizes).assign_attrs(about),
        "pacer": pacer(data, pool, sizes, VARIANTS[:3] if quick else VARIANTS).assign_attrs(about),
        "court": court.judged(data, pool, sizes, quick=quick).assign_attrs(about),
    }


def pareto(data: Data, chosen: Course, sizes: Sizes, variant: str = PUBLISHED) -> Policy:
    """ParetoBandit with the authors' numbers, told of Gemini-Pro's new list price where it falls."""
    costs = courses.mean_costs(data)
    cut = PRICE.copy()
    if chosen.name == DRIFT:
        cut[PRO] *= courses.LIST_PRICE_CUT
    made = [
        policies.pareto_bandit(
            price,
            num_features=data.val.x.shape[1],
            prior=data.prior,
            bans=variant != NO_BAN,
            step=step_of(variant),
            scale=costs / costs[PRO] if variant in (PROPORTIONAL, BOTH) else None,
        )
        for price in (PRICE, cut, PRICE)
    ]
    return by_phase(made, [0, chosen.first + sizes.phase, chosen.first + 2 * sizes.phase])


def experiments(data: Data, pool: Pool, sizes: Sizes) -> xr.Dataset:
    """Reward, cost and shares of the models of experiments 2 to 4, by (experiment, level, phase, seed); adoption."""
    names = NAMES[1:]
    shape = (len(names), len(published.LEVELS), 3, sizes.seeds)
    reward, cost = np.full((2, *shape), np.nan)
    share = np.full((*shape, len(MODELS)), np.nan)
    adopted = np.full((len(published.LEVELS), sizes.seeds), np.nan)
    for i, name in enumerate(names):
        chosen = courses.course(name, pool, sizes)
        policy = pareto(data, chosen, sizes)
        played = play(pool, chosen, [(policy, Controls(budget=budget)) for budget in published.LEVELS.values()])
        for p in range(3):
            here = np.zeros(len(chosen.phase), bool)
            here[chosen.judged] = chosen.phase[chosen.judged] == p + 1
            if here.any():
                reward[i, :, p], cost[i, :, p] = (
                    each[..., here].mean(axis=-1) for each in (played.reward, played.paid)
                )
                share[i, :, p] = (played.serve[..., here, None] == np.arange(len(MODELS))).mean(axis=-2)
        if name == ONBOARDING:
            for k, serve in enumerate(played.serve[..., chosen.judged]):
                adopted[k] = adoption(serve == FLASH)
    main = ("experiment", "level", "phase", "seed")
    return xr.Dataset(
        {"reward": (main, reward), "cost": (main, cost), "share": ((*main, "model"), share),
         "adopted": (("level", "seed"), adopted)},
        coords={"experiment": list(names), "level": list(published.LEVELS), "phase": [1, 2, 3],
                "budget": ("level", list(published.LEVELS.values())), "model": list(MODELS)},
    )  # fmt: skip


def adoption(new: np.ndarray, pulls: int = 20) -> np.ndarray:
    """[S] the first request from which on the new model's share of the last 100 is at least 10% for 50 requests.

    The forced pulls do not count as choices: windows that contain one are left out. NaN where it is never adopted.
    """
    share = measures.windows(new[:, pulls:].astype(float)) >= measures.ADOPTED
    share[:, : measures.WINDOW] = False
    held = measures.windows_of(share, measures.ADOPTED_FOR)
    first = np.argmax(held, axis=1) + 1 - measures.ADOPTED_FOR + 1 + pulls
    return np.where(held.any(axis=1), first.astype(float), np.nan)


def pacer(data: Data, pool: Pool, sizes: Sizes, variants: Sequence[str]) -> xr.Dataset:
    """Experiment 1 at seven budgets, as published and with one part of the pacer changed at a time."""
    chosen = courses.course(STATIONARY, pool, sizes)
    judge = Judge(pool, chosen)
    parts = []
    for variant in variants:
        policy = pareto(data, chosen, sizes, variant)
        played = play(pool, chosen, [(policy, Controls(budget=budget)) for budget in published.BUDGETS])
        step, pairs = step_of(variant), zip(played.paid, published.BUDGETS, strict=True)
        prices = np.stack([dual_prices(paid, budget, step) for paid, budget in pairs])
        own = judge.measures(played)
        own["price_positive"] = ("budget", (prices[..., chosen.judged] > 0).mean(axis=(1, 2)))
        traced = slice(chosen.first, chosen.first + 300)
        own["traced_price"], own["traced_serve"] = (
            ("t", each[TRACED, 0, traced].astype(float)) for each in (prices, played.serve)
        )
        parts.append(own.assign_coords(budget=list(published.BUDGETS)))
    return xr.concat(parts, "variant", join="exact").assign_coords(variant=list(variants))


def step_of(variant: str) -> float:
    """The step of a variant's dual price."""
    return 0.005 if variant in (SLOW, BOTH) else 0.05


def dual_prices(paid: np.ndarray, budget: float, step: float) -> np.ndarray:
    """[S, T] the dual price before every request: it depends on the costs paid alone."""
    price, spent = np.zeros(len(paid)), np.full(len(paid), budget)
    result = np.zeros(paid.shape)
    for t in range(paid.shape[1]):
        result[:, t] = price
        spent = (1.0 - SMOOTHING) * spent + SMOOTHING * paid[:, t]
        price = np.clip(price + step * (spent / budget - 1.0), 0.0, LARGEST)
    return result
