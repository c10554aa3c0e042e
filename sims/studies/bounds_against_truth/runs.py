"""Exact values and bounds on three small worlds, and regret against T where satisfaction has to be learned."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import xarray as xr

from messjax import meters, policies, predictors, runtime, streams, theory
from messjax.engine.grid_sweep import sweep
from messjax.theory import exact, optimum
from messjax.types import Controls, Distribution, Policy
from sims.common.study import Results

SMOOTH, TYPES, CHAIN, LEARNING, OPTIMISM = "smooth dual", "three types", "hidden chain", "learning", "optimism"
NUM_STREAMS = 512
ALPHA, VIOLATION = 0.25, 0.05  # of the lower bound
UCB, MEANS = "UCB, one-sided", "MESS+, means"


def run(quick: bool) -> Results:
    """The five parts, each a Dataset."""
    V = np.geomspace(1.0, 30.0 if quick else 300.0, 7 if quick else 11)
    horizons = (500, 2_000) if quick else (500, 2_000, 8_000, 32_000)
    with runtime.progress(5, "parts") as report:
        result = {SMOOTH: smooth(V, 100 if quick else 1_000)}
        report(1, 5)
        result[TYPES] = types(np.arange(2.0, 33.0, 5.0 if quick else 2.0))
        report(2, 5)
        result[CHAIN] = chain(2.0 ** np.arange(2, 6 if quick else 9))
        report(3, 5)
        result[LEARNING] = learning(horizons)
        report(4, 5)
        result[OPTIMISM] = optimism((2_000,) if quick else (2_000, 20_000, 100_000))
        report(5, 5)
    return result


def smooth(V: np.ndarray, num_types: int) -> xr.Dataset:
    """An oracle where the dual is smooth: the more expensive model's gain is uniform over types."""
    gain, alpha = (np.arange(num_types) + 0.5) / num_types, 0.4
    weight, cost = np.full(num_types, 1.0 / num_types), np.tile([0.0, 1.0], (num_types, 1))
    law = Distribution(weight, cost, np.stack([np.full(num_types, 0.1), 0.1 + 0.8 * gain], axis=1))
    best, known = optimum.solve(law, alpha), theory.distribution_constants(law, alpha)
    settled = [exact.stationary(law, V=v, alpha=alpha) for v in V]
    return _dataset(
        "V", V, alpha,
        exact=[each.cost - best.cost for each in settled],
        T2=known.B / V, T2_prime=known.B0 / V,
        limit=theory.heuristic_smooth_gap(V=V, variance=alpha * (1.0 - alpha)),
        floor=theory.T5_cost_floor(gamma=best.gamma, violation=[each.violation for each in settled]),
    )  # fmt: skip


def types(V: np.ndarray) -> xr.Dataset:
    """An oracle on three types: no regret but that of a queue that strays to another price."""
    law, alpha = Distribution(
        np.array([0.5, 0.3, 0.2]), np.tile([0.0, 1.0], (3, 1)), np.array([[0.3, 0.8], [0.3, 0.6], [0.3, 0.5]])
    ), 0.5  # fmt: skip
    known = theory.distribution_constants(law, alpha)
    return _dataset(
        "V", V, alpha,
        exact=[exact.stationary(law, V=v, alpha=alpha).loss for v in V],
        T2=known.B / V, T2_prime=known.B0 / V,
        T6_finite_types=[theory.T6_finite_types(law, V=v, alpha=alpha) for v in V],
    )  # fmt: skip


def chain(sojourn: np.ndarray, V: float = 5.0) -> xr.Dataset:
    """An oracle on a calm and a rough type that a hidden chain selects, the same share of each."""
    alpha = 0.7
    parts = [Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([mean])) for mean in ([0.9, 0.95], [0.1, 0.8])]
    rows = []
    for each in sojourn:
        laws = theory.markov_laws(parts, np.eye(2) + np.array([[-1.0, 1.0], [1.0, -1.0]]) / each)
        best, known = optimum.solve(laws.average, alpha), theory.distribution_constants(laws.average, alpha)
        settled, hidden = exact.stationary(laws, V=V, alpha=alpha), theory.T13_constants(laws, alpha)
        moving = theory.T12_constants(laws, alpha, T=1)
        moves = alpha + (1.0 - 2.0 * alpha) * settled.satisfaction  # per request: the ends vanish over many
        rows.append(
            {
                "exact": settled.cost - best.cost,
                "T2_prime": known.B0 / V,
                "T12": known.B0 / V + moving.C_star - best.cost,
                "T13": (known.B0 + hidden.tau * hidden.spread * moves) / V,
                "tau": hidden.tau,
            }
        )
    return _dataset("sojourn", sojourn, alpha, **{name: [row[name] for row in rows] for name in rows[0]}).assign(V=V)


def learning(horizons: tuple[int, ...]) -> xr.Dataset:
    """Regret of two learners on the two worlds of the lower bound, with V = sqrt(T)/2."""
    parts = []
    for T in horizons:
        bound, V = theory.lower_bound(T, alpha=ALPHA, violation=VIOLATION), np.sqrt(T) / 2.0
        worlds = [_learned(world, T, V) for world in bound.worlds]
        one = xr.concat(worlds, xr.IndexVariable("world", ["first better", "second better"]))
        parts.append(one.assign(lower_bound=bound.regret, gap=bound.gap, V=V))
    return xr.concat(parts, xr.IndexVariable("T", list(horizons))).assign_attrs(alpha=ALPHA, violation=VIOLATION)


def _learned(world: Distribution, T: int, V: float) -> xr.Dataset:
    """Regret by I3 (what is chosen, without the noise of labels), and the bounds, per policy and stream."""
    best, known = optimum.solve(world, ALPHA), theory.distribution_constants(world, ALPHA)
    contenders: dict[str, tuple[Policy, float]] = {
        MEANS: (policies.mess_plus(predictors.tabular(1, 3)), 0.1),
        UCB: (policies.ucb(1, 3, horizon=T), 0.0),
    }
    measured = meters.zip_meters(meters.standard(), meters.decomposition(world, ALPHA))
    results = []
    for policy, c in contenders.values():
        one = sweep(
            jax.random.key(3), Controls(V=V, alpha=ALPHA, c=c), policy=policy, stream=streams.types(world),
            horizon=T, num_streams=NUM_STREAMS, meter=measured,
        )  # fmt: skip
        explored = (known.E_all - best.cost - best.gamma * known.beta_M) * one["explored"]
        inputs = theory.BoundInputs.at(known, best, V=V, T=T, P_T=float(theory.exploration_sum(T=T, c=c, a=0.25)))
        means = {str(name): float(one[name].mean()) for name in one.data_vars}
        R_prime = T * theory.R_prime_regret(
            inputs, W_T=means["noise"], D_T=means["decision_loss"], VG_T=means["dual_gap"],
            exploration_queue=means["exploration_queue"],
        )  # fmt: skip
        results.append(
            xr.Dataset(
                {
                    "regret": ("stream", np.asarray(one["price_loss"] + explored)),
                    "violation": ("stream", np.asarray(one["violation"])),
                    "R_prime": float(R_prime),
                }
            )
        )
    return xr.concat(results, xr.IndexVariable("policy", list(contenders)))


def optimism(horizons: tuple[int, ...]) -> xr.Dataset:
    """The cost gap of a UCB router on two types and three models, V = sqrt(T)/2, beside both forms of T11."""
    law, alpha = Distribution(
        np.array([0.6, 0.4]), np.tile([0.0, 0.3, 1.0], (2, 1)), np.array([[0.3, 0.6, 0.8], [0.2, 0.3, 0.9]])
    ), 0.6  # fmt: skip
    best, known, parts = optimum.solve(law, alpha), theory.distribution_constants(law, alpha), []
    for T in horizons:
        V = np.sqrt(T) / 2.0
        one = sweep(
            jax.random.key(4), Controls(V=V, alpha=alpha), policy=policies.ucb(2, 3, horizon=T),
            stream=streams.types(law), horizon=T, num_streams=64,
            meter=meters.zip_meters(
                meters.standard(), meters.decomposition(law, alpha), meters.optimism_widths(2, 3, horizon=T)
            ),
        )  # fmt: skip
        inputs = theory.BoundInputs.at(known, best, V=V, T=T)
        seen = theory.T11_decision_loss(inputs, width_sum=float(one["optimism_widths"].mean()), cost_range=1.0)
        bounds = {
            "D": theory.T2_prime_cost(inputs, P_T=0.0, D_T=float(one["decision_loss"].mean())),
            "T11": theory.T2_prime_cost(inputs, P_T=0.0, D_T=seen),
            "T11_before": theory.T11_cost(inputs, num_types=2, num_models=3, cost_range=1.0),
        }
        measured = {"gap": ("stream", one["cost"].values - best.cost), "violation": ("stream", one["violation"].values)}
        parts.append(xr.Dataset(measured | {name: float(value) for name, value in bounds.items()} | {"V": V}))
    trivial = float(law.weight @ law.cost.max(axis=1)) - best.cost
    return xr.concat(parts, xr.IndexVariable("T", list(horizons))).assign(trivial=trivial)


def _dataset(axis: str, values: np.ndarray, alpha: float, **series: Any) -> xr.Dataset:
    data = {name: (axis, np.asarray(value, np.float64)) for name, value in series.items()}
    return xr.Dataset(data, coords={axis: values}, attrs={"alpha": alpha, "cost_unit": "cost of the larger model"})
