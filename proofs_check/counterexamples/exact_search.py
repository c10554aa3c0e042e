"""The search on exact runs: how much of a constant a theorem needs, and whether any small world refutes it.

`largest_share` says for one run up to which share a weakened statement is false on it; `sharpest` lets an optimiser
look for the run on which that is largest. `least_margins` evaluates true statements on drawn worlds. Nothing is
sampled, so that what is found is a counterexample as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.optimize import differential_evolution

from messjax.theory import Laws, optimum
from messjax.theory.statement import Statement
from proofs_check.counterexamples import exact_runs
from proofs_check.counterexamples.exact_runs import ExactInstance
from proofs_check.counterexamples.weakened import Weakening, weaken

SHARES = 12  # bisections: shares are known to 1/4096
DENOMINATORS = (2, 4, 5, 10, 20)
KINDS = ("iid", "switch", "chain", "ucb")
DIMENSIONS = 36


class Sharpest(NamedTuple):
    """What a search for the largest refuted share came to: below zero where not even the whole term is needed."""

    share: float
    instance: ExactInstance
    tried: int


def decode(x: np.ndarray, kind: str, horizon: int) -> ExactInstance | None:
    """The instance at a point of the unit cube [DIMENSIONS], numbers short enough to be retyped.

    None where alpha is out of reach under the law of some request.
    """
    at = np.clip(1.2 * np.asarray(x, np.float64) - 0.1, 0.0, 1.0)
    parts = 2 if kind in ("switch", "chain") else 1
    types, models = (1, 2) if kind != "iid" else (1 + int(at[0] > 0.5), 2 + int(at[1] > 0.7))
    tables = at[12:36].reshape(3, 8)[:, : parts * types * models]
    cost, mean, predicted = tables.reshape(3, parts, types, models).round(3)
    share = np.full((parts, types), 1.0) if types == 1 else np.array([[at[2], 1.0 - at[2]]]).round(2).clip(0.05, 0.95)
    predicted = np.where(at[3] < 0.3, mean, predicted)
    N = DENOMINATORS[min(int(at[4] * len(DENOMINATORS)), len(DENOMINATORS) - 1)]
    T = int(np.rint(2 * (min(horizon, 12 if kind == "ucb" else horizon) / 2) ** at[5]))
    V = float(f"{10.0 ** (5.0 * at[6] - 3.0):.3g}")
    c = round(float(at[7]), 2) if at[8] > 0.5 and kind != "ucb" else 0.0
    instance = ExactInstance(
        weight=(share / share.sum(axis=1, keepdims=True)).tolist(), cost=cost.tolist(), mean=mean.tolist(),
        predicted=predicted.tolist(), V=V, alpha=0.0, T=T, c=c, a=round(float(at[9]), 2),
        switch=1 + int(np.rint(at[10] * (T - 1))) if kind == "switch" else 0,
        stay=round(0.5 + 0.49 * float(at[10]), 3) if kind == "chain" else 0.0,
        ucb_types=int(10 ** (6.0 * at[10])) if kind == "ucb" else 0,
    )  # fmt: skip
    world = instance.world
    laws = world.parts if isinstance(world, Laws) else (world,)
    top = min(optimum.largest_alpha(each) for each in laws)
    n = int(at[11] * top * N + 1e-9)
    return instance._replace(alpha=n / N) if n or kind == "iid" else None


def largest_share(weakening: Weakening, run: exact_runs.Run) -> float:
    """Up to which share of the constant the statement is false on an exact run; minus its margin at none of it."""

    def left(share: float) -> float:
        return exact_runs.margin(weaken(weakening, share), run)

    if (none := left(0.0)) >= 0.0:
        return -min(none, 1.0)
    low, high = 0.0, 1.0
    for _ in range(SHARES):
        middle = (low + high) / 2.0
        low, high = (middle, high) if left(middle) < 0.0 else (low, middle)
    return low


def sharpest(
    weakening: Weakening, kind: str, seed: int, *, horizon: int = 64, budget: int = 2_000, population: int = 40
) -> Sharpest:
    """The instance on which the largest share of the constant is needed, by differential evolution."""
    best = Sharpest(-np.inf, ExactInstance([], [], [], [], 0.0, 0.0, 0), 0)

    def objective(x: np.ndarray) -> float:
        nonlocal best
        instance = decode(x, kind, horizon)
        share = -2.0 if instance is None else largest_share(weakening, exact_runs.run_of(instance))
        if instance is not None and share > best.share:
            best = Sharpest(share, instance, 0)
        return -share

    generations = max(1, budget // population - 1)
    differential_evolution(
        objective, [(0.0, 1.0)] * DIMENSIONS, popsize=1, maxiter=generations, tol=0.0, polish=False,
        init=np.random.default_rng(seed).random((population, DIMENSIONS)), mutation=(0.3, 0.9), recombination=0.7,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return best._replace(tried=(generations + 1) * population)


class Least(NamedTuple):
    """What a true statement left at least on drawn worlds, of the larger of bound and measured."""

    statement: str
    margin: float  # infinite where it applied to none
    worlds: int  # to which it applied
    instance: ExactInstance | None


def least_margins(statements: Iterable[Statement], seed: int, count: int, *, horizon: int = 40) -> list[Least]:
    """True statements on `count` drawn worlds of every kind."""
    rng = np.random.default_rng(seed)
    found = [(each, Least(each.name, np.inf, 0, None)) for each in statements]
    for number in range(count):
        instance = decode(rng.random(DIMENSIONS), KINDS[number % len(KINDS)], horizon)
        if instance is None:
            continue
        run = exact_runs.run_of(instance)
        for i, (statement, least) in enumerate(found):
            if np.isfinite(left := exact_runs.margin(statement, run)):
                tightest = (left, instance) if left < least.margin else (least.margin, least.instance)
                found[i] = (statement, Least(statement.name, tightest[0], least.worlds + 1, tightest[1]))
    return [least for _, least in found]
