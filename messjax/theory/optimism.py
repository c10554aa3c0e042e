"""T11: optimism under one-sided feedback, where only the served outcome is ever observed. Proofs in docs/theory, "T11".

The router is `policies.ucb` on K request types and M models. Its index is never below mu (but with probability 1/T^2),
so that only the width of the served model counts, once. The bounds come in two forms: from the widths that a run had,
which needs no mu, and before any run. The latter is larger than what holds trivially at horizons that one can simulate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import floats, over
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.decision_loss import NOT_MEASURED, measured
from messjax.theory.statement import Claim, Conclusion, NotApplicable, NotTested, Run, Statement, define_statement


def T11_log_factor(*, num_types: ArrayLike, num_models: ArrayLike, T: ArrayLike) -> Any:
    """T11 (mean): ell = log(2 K M T^3), so that all indices stand above mu with probability 1 - 1/T^2. Re-derived here.

    Args:
        num_types: K, scalar or any shape.
        num_models: M, scalar or any shape.
        T: Requests, scalar or any shape.

    Returns:
        ell, in the broadcast shape.
    """
    K, M, T = floats(num_types, num_models, T)
    return np.log(2.0 * K * M) + 3.0 * np.log(T)


@bound_function("V alpha T")
def T11_decision_loss(inputs: BoundInputs, *, width_sum: ArrayLike, cost_range: ArrayLike) -> Any:
    """T11 (mean), observable form: D <= E sum_t Q_t w_t + V E_r/T + alpha/2, with w_t = min(1, 2 sqrt(ell/(2 n_t))).

    n_t is how often the served model had been observed on the type of request t; w_t = 1 where it had not. Needs
    one-sided or complete feedback of the served model, i.i.d. requests of K types, Q_1 = 0 (A1, A2, A7). Re-derived
    here.

    Args:
        inputs: V, alpha and T.
        width_sum: E sum_t Q_t w_t, scalar or any shape (`meters.optimism_widths`).
        cost_range: E_r, the largest difference of two costs of one request, a number.

    Returns:
        The bound on D, in the unit of V times cost.
    """
    V, alpha, T = inputs.floats("V alpha T")
    width_sum, cost_range = floats(width_sum, cost_range)
    return width_sum + V * cost_range / T + 0.5 * alpha


@bound_function("T")
def T11_scale(inputs: BoundInputs, *, num_types: int, num_models: int) -> Any:
    """T11 (mean): c_T with c_T^2 = K M (1 + 2 ell (1 + log(T/(K M)))), a bound on sum_t w_t^2. Re-derived here.

    Args:
        inputs: T, at least K M.
        num_types: K.
        num_models: M.

    Returns:
        c_T; infinite for T < K M.
    """
    (T,) = inputs.floats("T")
    cells = float(num_types * num_models)
    ell = T11_log_factor(num_types=num_types, num_models=num_models, T=T)
    with np.errstate(invalid="ignore"):
        return np.where(cells <= T, np.sqrt(cells * (1.0 + 2.0 * ell * (1.0 + np.log(T / cells)))), np.inf)[()]


@bound_function("V gamma B0 k0 T alpha")
def T11_queue(inputs: BoundInputs, *, num_types: int, num_models: int, cost_range: float) -> Any:
    """T11 (mean), before any run: E[Q_{T+1}] <= V g + k0 + y, where E over t of the excess is solved for:

        y = sqrt(T) c_T + sqrt(T c_T^2 + k0^2 + 2 B0 T + 2 sqrt(T) c_T (V g + |k0|) + 2 V E_r/T + alpha).

    Hypotheses of `T11_decision_loss`, T >= K M. Of order sqrt(T) up to logarithms where V is of order sqrt(T), as the
    lower bound for every policy. Re-derived here.

    Args:
        inputs: V, gamma, B0, k0, T and alpha.
        num_types: K.
        num_models: M.
        cost_range: E_r, the largest difference of two costs of one request.

    Returns:
        The bound on E[Q_{T+1}], in requests.
    """
    V, gamma, B0, k0, T, alpha = inputs.floats("V gamma B0 k0 T alpha")
    root = np.sqrt(T) * T11_scale(inputs, num_types=num_types, num_models=num_models)
    level = V * gamma
    finite = np.where(np.isfinite(root), root, 0.0)  # an infinite one times zero would be NaN
    inside = finite**2 + k0**2 + 2.0 * B0 * T + 2.0 * finite * (level + np.abs(k0)) + 2.0 * V * cost_range / T + alpha
    return level + k0 + root + np.sqrt(inside)


@bound_function("V gamma B0 k0 T alpha")
def T11_cost(inputs: BoundInputs, *, num_types: int, num_models: int, cost_range: float) -> Any:
    """T11 (mean), before any run: average cost - C* <= B0/V + [D + k0^2/2]/(V T), where D is at most:

        sqrt(T) c_T (V g + |k0| + y) + V E_r/T + alpha/2

    with y of `T11_queue`. Hypotheses as there. Re-derived here.

    Args:
        inputs: V, gamma, B0, k0, T and alpha.
        num_types: K.
        num_models: M.
        cost_range: E_r, the largest difference of two costs of one request.

    Returns:
        The bound, in cost per request.
    """
    V, gamma, B0, k0, T, alpha = inputs.floats("V gamma B0 k0 T alpha")
    root = np.sqrt(T) * T11_scale(inputs, num_types=num_types, num_models=num_models)
    y = T11_queue(inputs, num_types=num_types, num_models=num_models, cost_range=cost_range) - V * gamma - k0
    D = np.where(np.isfinite(root), root * (V * gamma + np.abs(k0) + y), np.inf) + V * cost_range / T + 0.5 * alpha
    return over(B0 * T + D + 0.5 * k0**2, V * T)


# --- statements -----------------------------------------------------------------------------------------------------

PROOF: Any = {
    "source": "T11 in docs/theory",
    "assumptions": "A1 A2 A7",
    "policy": "ucb",
    "feedback": "complete",
    "lemmas": ("l2_centred", "t11_optimism"),
}
OBSERVED = "optimism_widths"  # the metric of `meters.optimism_widths`


def _sizes(run: Run) -> dict[str, Any]:
    assert run.distribution is not None
    num_types, num_models = np.shape(run.distribution.cost)
    return {"num_types": num_types, "num_models": num_models, "cost_range": cost_range(run)}


def _missing(run: Run) -> NotApplicable | None:
    if OBSERVED not in run.metrics:
        return NotTested("the run was not measured by meters.optimism_widths")
    return None if measured(run) else NotTested(NOT_MEASURED)


def cost_range(run: Run) -> float:
    """E_r, the largest difference of two costs of one request.

    Args:
        run: One policy at one point of a grid.

    Returns:
        The range, in cost units.
    """
    assert run.distribution is not None
    return float(np.ptp(run.distribution.cost, axis=1).max())


@define_statement("T11 decision loss", unit="D (V times cost)", **PROOF)
def T11_LOSS(run: Run) -> Conclusion:
    """D <= E sum_t Q_t w_t + V E_r/T + alpha/2: the served model's width, once."""
    missing = _missing(run)
    return missing or Claim(
        run.metrics["decision_loss"],
        lambda widths: T11_decision_loss(run.inputs(), width_sum=widths, cost_range=cost_range(run)),
        run.over(OBSERVED),
    )


@define_statement("T11 cost gap, widths", unit="average cost - C* (cost per request)", **PROOF)
def T11_OBSERVABLE(run: Run) -> Conclusion:
    """Average cost - C* <= B0/V + [E sum_t Q_t w_t + V E_r/T + alpha/2 + k0^2/2]/(V T)."""

    if missing := _missing(run):
        return missing

    def bound(widths: Any) -> Any:
        D = T11_decision_loss(run.inputs(), width_sum=widths, cost_range=cost_range(run))
        return over(run.constants.B0 * run.T + D + 0.5 * run.constants.k0**2, run.V * run.T)

    return Claim(run.metrics["cost"] - run.best.cost, bound, run.over(OBSERVED))


@define_statement("T11 cost gap", unit="average cost - C* (cost per request)", **PROOF)
def T11(run: Run) -> Conclusion:
    """Average cost - C* is at most the bound of T11 that needs no run."""
    gap, bound = run.metrics["cost"] - run.best.cost, float(T11_cost(run.inputs(), **_sizes(run)))
    assert run.distribution is not None
    trivial = float(run.distribution.weight @ run.distribution.cost.max(axis=1)) - run.best.cost
    if bound >= trivial:
        return NotApplicable(f"vacuous at this T: the bound is {bound:.3g}, no policy exceeds {trivial:.3g}", gap)
    return Claim(gap, bound)


@define_statement("T11 queue", unit="E[Q_{T+1}] (requests)", **PROOF)
def T11_QUEUE(run: Run) -> Conclusion:
    """E[Q_{T+1}] is at most the bound of T11 that needs no run."""
    queue, bound = run.metrics["queue_last"], float(T11_queue(run.inputs(), **_sizes(run)))
    if bound >= run.alpha * run.T:
        what = f"vacuous at this T: the bound is {bound:.3g}, no queue exceeds alpha T = {run.alpha * run.T:.3g}"
        return NotApplicable(what, queue)
    return Claim(queue, bound)


STATEMENTS: tuple[Statement, ...] = (T11_LOSS, T11_OBSERVABLE, T11, T11_QUEUE)
