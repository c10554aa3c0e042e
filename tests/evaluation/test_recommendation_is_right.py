"""The promise of `messjax recommend` on worlds with a known best: alpha is kept as often as said, at about least cost.

By itself: `python -m pytest -m slow tests/evaluation/test_recommendation_is_right.py -s`, with RUNS=200 in the
environment for the numbers of docs/recommend.md.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import pytest

from messjax.evaluation.recommendation import candidates, decision
from messjax.evaluation.recommendation import requests as requests_
from messjax.evaluation.recommendation.requests import Requests

WANTED = tuple(name for name in candidates.NAMES if name != candidates.PLAIN)
SIZE, POOL, FRESH = 1_600, 20_000, 48
CONFIDENCE, TOLERANCE = 0.95, 0.005


class World(NamedTuple):
    """Logistic satisfactions: offset of each model, and how much of it the features tell."""

    cost: tuple[float, ...]
    offset: tuple[float, ...]
    tells: tuple[float, ...]
    alpha: float


WORLDS = {
    "one cheap model is enough": World((1.0, 4.0, 20.0), (1.9, 2.1, 2.3), (0.3, 0.3, 0.3), 0.8),
    "features tell nothing": World((1.0, 10.0), (0.3, 1.9), (0.0, 0.0), 0.75),
    "features tell much": World((1.0, 10.0), (0.3, 2.5), (2.5, 0.3), 0.8),
    "three models, features tell something": World((1.0, 5.0, 25.0), (0.2, 0.9, 1.9), (1.2, 1.0, 0.4), 0.72),
}


def draw(world: World, num: int, seed: int) -> Requests:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(num, 6)).astype(np.float32)
    logit = np.array(world.offset) + x[:, :1] * np.array(world.tells)
    s = (rng.random(logit.shape) < 1.0 / (1.0 + np.exp(-logit))).astype(np.float64)
    return Requests(x / np.sqrt(6.0), s, np.tile(world.cost, (num, 1)), np.full(num, "all"), np.arange(num))


class Run(NamedTuple):
    """What one recommendation was worth on fresh requests."""

    world: str
    answer: str
    who: str
    kept: float  # share of fresh runs that kept alpha - tolerance; NaN: nothing was recommended
    ratio: float  # true cost over that of the cheapest setting of any candidate that keeps alpha


def run(name: str, seed: int) -> Run:
    world = WORLDS[name]
    parts = requests_.split(draw(world, SIZE, 1_000 + seed), seed)
    models = tuple(f"model {m}" for m in range(len(world.cost)))
    result = decision.recommend(
        parts, models, alpha=world.alpha, cost_unit="USD", confidence=CONFIDENCE, tolerance=TOLERANCE, wanted=WANTED,
        seed=seed,
    )  # fmt: skip
    chosen = result.chosen
    if result.answer not in (decision.USE, decision.SINGLE_MODEL):
        return Run(name, result.answer, chosen.family.name, np.nan, np.nan)
    pool, floor = draw(world, POOL, 2_000_000 + seed), world.alpha - TOLERANCE
    rows = requests_.orders(POOL, result.horizon, FRESH, np.random.default_rng(seed))
    played = chosen.family.play(chosen.g, pool, rows, 5_000 + seed)
    least = np.inf
    for one in result.judged:
        tuned = one.family.tune(pool, result.horizon, rows, 6_000 + seed)
        good = tuned.satisfaction - 1.645 * tuned.deviation >= floor
        least = min(least, float(np.min(tuned.cost[good], initial=np.inf)))
    return Run(
        name, result.answer, chosen.family.name,
        float(np.mean(played.satisfaction >= floor - 1e-9)), float(played.cost.mean() / least),
    )  # fmt: skip


@pytest.mark.slow
def test_recommendations_keep_alpha_as_promised_at_about_least_cost():
    total = int(os.environ.get("RUNS", "24"))
    runs = [run(name, seed) for seed in range(total // len(WORLDS)) for name in WORLDS]
    for name in (*WORLDS, "all"):
        of = [one for one in runs if name in (one.world, "all")]
        decided = [one for one in of if not np.isnan(one.kept)]
        kept, ratio = (np.array([getattr(one, field) for one in decided]) for field in ("kept", "ratio"))
        names = sorted({one.who for one in decided}, key=lambda who: -sum(one.who == who for one in decided))
        print(
            f"{name}: {len(of)} runs, {len(decided)} decided; kept {kept.mean():.3f}; cost over best: median "
            f"{np.median(ratio):.3f}, 90% {np.quantile(ratio, 0.9):.3f}, within 5%: {np.mean(ratio <= 1.05):.2f}; "
            f"{', '.join(f'{who} {sum(one.who == who for one in decided)}' for who in names)}"
        )
    decided = [one for one in runs if not np.isnan(one.kept)]
    assert len(decided) > 0.5 * len(runs)
    assert np.mean([one.kept for one in decided]) >= CONFIDENCE - 2.0 * np.sqrt(0.05 * 0.95 / len(decided))
