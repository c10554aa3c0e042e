"""Where a policy's cost above C* goes, on a stream whose distribution is known; and what T2 allows each term.

At the price g = gamma* no request can cost less, in expectation, than C* (T5): cost + g (alpha - satisfaction) - C* is
the adjusted regret per request. It is split by what the three terms of T2 are about, and

    cost - C*  =  exploration + control + prediction + beyond    exactly:

    exploration  explored requests x (what one is paid + g (alpha - the accuracy of who serves it) - C*), since the coin
                 looks at no request; a prefix that was paid for beforehand is added      (T2: (E_all - C*) P_T/T)
    control      the adjusted regret of the twin with exact predictions and no exploration at the same V, kappa and
                 start: the queue is not at V gamma* all the time                         (T2: B/V + Q_1^2/(2 V T))
    prediction   the rest of the adjusted regret: what errors cost, also by where they drive the queue; below 0 where V
                 is so small that exact predictions buy the best model whenever Q > 0     (T2: 2 S_T/(V T))
    beyond       g (satisfaction - alpha): satisfied beyond alpha, or short of it         (T1)
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from messjax import theory
from messjax.theory import optimum
from messjax.types import Distribution
from sims.common.worlds import World
from sims.studies.better.policies import Candidate

TERMS = ("exploration", "prediction", "control", "beyond")
MEANS = {"S_T": "S", "exploration_queue": "exploration_queue"}  # of the bound, measured
ALLOWED = ("bound_exploration", "bound_prediction", "bound_control", "bound_start", "climb")


def distribution(world: World) -> Distribution:
    """Of the world's requests; of a trace that of its labels."""
    assert world.stream.distribution is not None
    return world.stream.distribution()


def regret(runs: xr.Dataset, world: World) -> np.ndarray:
    """Adjusted regret per request at the world's alpha, [stream]."""
    best = optimum.solve(distribution(world), world.alpha)
    short = world.alpha - np.asarray(runs["satisfaction"].values, np.float64)
    return np.asarray(runs["cost"].values, np.float64) - best.cost + best.gamma * short


def measured(dataset: xr.Dataset, role: int) -> dict[str, float]:
    """A role's mean cost in parts: C* and the four terms; of a trace what explored requests cost, and the others."""
    one, at = dataset.isel(role=role), dataset.attrs
    mean = {name: float(one[name].mean()) for name in ("cost", "cost_exploit", "satisfaction", "explored")}
    before = float(one["before"])
    if at["recorded"]:
        return {"exploration": mean["cost"] - mean["cost_exploit"] + before, "exploited requests": mean["cost_exploit"]}
    cost, accuracy = (np.asarray(at[name]) for name in ("model_cost", "model_accuracy"))
    paid, served = (cost.mean(), accuracy.mean()) if one["one"] else (cost.sum(), accuracy[-1])
    explored = mean["explored"] / at["horizon"] * (paid + at["gamma"] * (at["alpha"] - served) - at["optimal_cost"])
    beyond = at["gamma"] * (mean["satisfaction"] - at["alpha"])
    control = float(one["exact_regret"].mean())
    rest = mean["cost"] - at["optimal_cost"] - beyond - explored - control
    values = float(explored) + before, float(rest), control, beyond
    return {"C*": at["optimal_cost"]} | dict(zip(TERMS, values, strict=True))


def allowed(world: World, V: float, alpha: float, candidate: Candidate, c: float, runs: xr.Dataset) -> dict[str, float]:
    """The terms of T2 above C*(alpha), and the climb (V gamma* - Q_1)/T of T1, at the alpha that a policy was run at.

    NaN where mu is unknown (traces). A policy whose explored requests ask one model pays the mean of all for it.
    """
    if world.recorded:
        return dict.fromkeys(ALLOWED, np.nan)
    known, T = distribution(world), world.horizon
    at, best = theory.distribution_constants(known, alpha), optimum.solve(known, alpha)
    Q_1, E_all = V * candidate.Q_1, at.E_all / (len(world.models) if candidate.one else 1)
    measured = {name: float(runs[metric].mean()) for name, metric in MEANS.items()}
    inputs = theory.BoundInputs.at(at, best, V=V, T=T, P_T=theory.exploration_sum(T=T, c=c, a=candidate.a), **measured)
    result = theory.T2_cost_terms(inputs, E_all=E_all, Q_1=Q_1)
    climb = (V * best.gamma - Q_1) / T
    values = result.exploration, result.prediction, result.control, result.inversion + result.start, climb
    return {name: float(value) for name, value in zip(ALLOWED, values, strict=True)}
