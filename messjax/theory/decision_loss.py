"""T1', T2', T3' and T6': the bounds with B0 of L2' and with the decision loss D_T instead of 2 S_T.

They predict: given a bound on the decision loss (D_T <= 2 S_T always), they need nothing else that is measured but the
queue over explored requests, and no bound on single prediction errors. So they speak for learned predictors. Proofs in
docs/theory, under the name of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from messjax.theory.arguments import floats, over
from messjax.theory.attraction import price_where_dual_is_near
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.statement import Claim, Conclusion, NotApplicable, NotTested, Run, Statement, define_statement

NOT_MEASURED = "the run was not measured by meters.decomposition"


@bound_function("V gamma T B0 k0 D_above")
def T1_prime_queue(inputs: BoundInputs) -> Any:
    """T1' (mean), predicts: with g = gamma*, any maximiser of the dual:

        E[Q_{T+1}] <= V g + k0 + sqrt((max(0, Q_1 - V g) - k0)^2 + f (2 B0 T + 2 D_above + 2 R_T)).

    Hypotheses of `T1_queue`; with sparse feedback A5 as well. D_above is the decision loss at requests with Q_t > V g:
    D_T, or 2 S_T, may stand for it. Constants re-derived here.

    Args:
        inputs: V, gamma, T, B0, k0, D_above, R_T or exploration_queue with beta_M, f (None: 1), and Q_1.

    Returns:
        The bound on E[Q_{T+1}], in requests.
    """
    V, gamma, T, B0, k0, D, R_T, Q_1 = inputs.floats("V gamma T B0 k0 D_above R_T Q_1")
    level, start = V * gamma, np.maximum(Q_1 - V * gamma, 0.0) - k0
    return level + k0 + np.sqrt(np.maximum(start**2 + _f(inputs) * (2.0 * B0 * T + 2.0 * D + 2.0 * R_T), 0.0))


@bound_function("V T P_T E_all C_star B0 k0 D_T")
def T2_prime_cost(inputs: BoundInputs) -> Any:
    """T2' (mean), predicts:

        average cost - C* <= B0/V + (E_all - C*) P_T/T + (D_T + R_T)/(V T) + (Q_1 - k0)^2/(2 f V T).

    Hypotheses of `T2_cost_terms`. 2 S_T may stand for D_T. At V = 0 the bound is infinite. Constants re-derived here.

    Args:
        inputs: V, T, P_T, E_all, C_star, B0, k0, D_T, R_T or exploration_queue with beta_M, f (None: 1), and Q_1.

    Returns:
        The bound on the cost gap, in cost per request.
    """
    V, T, P_T, E_all, C_star, B0, k0, D, R_T, Q_1 = inputs.floats("V T P_T E_all C_star B0 k0 D_T R_T Q_1")
    start = (Q_1 - k0) ** 2 / (2.0 * _f(inputs))
    return over(B0 * T + D + R_T + start, V * T) + (E_all - C_star) * P_T / T


@bound_function("V T dE beta beta_M B0 k0 D_T exploration_queue")
def T3_prime_queue(inputs: BoundInputs) -> Any:
    """T3' (mean), predicts: with X_T = sum_t p_t E[Q_t] and beta > 0:

        (1/T) sum_t E[Q_t] <= (B0 + V dE + D_T/T + max(0, beta - beta_M) X_T/T + (Q_1 - k0)^2/(2 f T)) / beta.

    Needs A1, A2, A3, A4, A7 (A5 where feedback is sparse) and no bound on prediction errors. 2 S_T may stand for D_T.
    Infinite where beta <= 0. Constants re-derived here.

    Args:
        inputs: V, T, dE, beta, beta_M, B0, k0, D_T, exploration_queue (X_T), f (None: 1), and Q_1.

    Returns:
        The bound on the mean queue, in requests.
    """
    V, T, dE, beta, beta_M, B0, k0, D, X, Q_1 = inputs.floats("V T dE beta beta_M B0 k0 D_T exploration_queue Q_1")
    start = (Q_1 - k0) ** 2 / (2.0 * _f(inputs) * T)
    top = B0 + V * dE + D / T + np.maximum(0.0, beta - beta_M) * X / T + start
    return np.where(beta <= 0, np.inf, top / np.where(beta <= 0, 1.0, beta))[()]


@bound_function("V gamma T P_T beta_M B0 k0 D_T exploration_queue")
def T6_prime_gap(inputs: BoundInputs) -> Any:
    """T6' (mean), predicts: with g = gamma*, X_T = sum_t p_t E[Q_t] and q the mean queue over exploited requests:

        C* - Dual(q/V) <= (B0 T + D_T + (V g + k0 - Q_1)^2/(2 f) + beta_M (V g P_T - X_T)) / (V (T - P_T)).

    Hypotheses of `T6_gap`. 2 S_T may stand for D_T. Infinite where all is explored, or V = 0. Re-derived here.

    Args:
        inputs: V, gamma, T, P_T, beta_M, B0, k0, D_T, exploration_queue (X_T), f (None: 1), and Q_1.

    Returns:
        The right side, in cost per request.
    """
    V, gamma, T, P_T, beta_M, B0, k0, D, X, Q_1 = inputs.floats("V gamma T P_T beta_M B0 k0 D_T exploration_queue Q_1")
    top = B0 * T + D + (V * gamma + k0 - Q_1) ** 2 / (2.0 * _f(inputs)) + beta_M * (V * gamma * P_T - X)
    left = V * (T - P_T)
    return np.where(left > 0, over(top, left), np.inf)[()]


def _f(inputs: BoundInputs) -> Any:
    return floats(1.0 if inputs.f is None else inputs.f)[0]


# --- statements -----------------------------------------------------------------------------------------------------

ABOUT: Any = {"policy": "mess_plus", "feedback": "complete"}


def measured(run: Run) -> bool:
    """Whether the run was measured by `meters.decomposition`.

    Args:
        run: The run.

    Returns:
        Whether its metrics are there.
    """
    return "decision_loss" in run.metrics


def _claim(
    run: Run,
    values: np.ndarray,
    within: tuple[float, float],
    bound: Callable[[BoundInputs], Any],
    loss: str = "decision_loss",
    field: str = "D_T",
) -> Conclusion:
    """A claim that needs the decision loss and the queue over explored requests, and is concave in them."""

    def of(D: Any, X: Any) -> Any:
        return bound(run.inputs(exploration_queue=X, **{field: D}))

    return Claim(
        values,
        of,
        run.over(loss, "exploration_queue"),
        within=within,
        uses_within=(run.within(loss), run.within("exploration_queue")),
    )


@define_statement(
    "T1'",
    source="T1' in docs/theory",
    assumptions="A1 A2 A4 A7",
    unit="E[Q_{T+1}] (requests)",
    lemmas=("l2_centred", "step_decision_loss", "t1_prime"),
    **ABOUT,
)
def T1_PRIME(run: Run) -> Conclusion:
    """Predicts from D: E[Q_{T+1}] <= V g + k0 + sqrt(k0^2 + 2 B0 T + 2 D(Q > V g) + 2 R_T)."""
    values = run.metrics["queue_last"]
    if not measured(run):
        return NotTested(NOT_MEASURED, values)
    return _claim(run, values, run.within("queue_last"), T1_prime_queue, "decision_loss_above", "D_above")


@define_statement(
    "T2'",
    source="T2' in docs/theory",
    assumptions="A1 A2 A4 A5",
    unit="average cost - C* (cost per request)",
    lemmas=("l2_centred", "step_decision_loss", "t2_prime"),
    policy="mess_plus",
    feedback="complete or sparse",
)
def T2_PRIME(run: Run) -> Conclusion:
    """Predicts from D: average cost - C* <= B0/V + (E_all - C*) P_T/T + (D + R_T)/(V T) + k0^2/(2 V T)."""
    gap = run.metrics["cost"] - run.best.cost
    if run.V == 0 or not measured(run):
        return NotApplicable("V = 0", gap) if run.V == 0 else NotTested(NOT_MEASURED, gap)
    low, high = run.cost_within
    return _claim(run, gap, (low - run.best.cost, high - run.best.cost), T2_prime_cost)


@define_statement(
    "T3'",
    source="T3' in docs/theory",
    assumptions="A1 A2 A3 A4 A7",
    unit="mean queue (requests)",
    lemmas=("l2_centred", "step_decision_loss", "t3_prime"),
    **ABOUT,
)
def T3_PRIME(run: Run) -> Conclusion:
    """Predicts from D: mean_t E[Q_t] <= (B0 + V dE + D/T + max(0, beta - beta_M) X/T) / beta, without any ebar."""
    values = run.metrics["queue_mean"]
    if run.constants.beta <= 0:
        return NotApplicable(f"beta = {run.constants.beta:.3g} is not positive", values)
    if not measured(run):
        return NotTested(NOT_MEASURED, values)
    return _claim(run, values, run.within("queue_mean"), T3_prime_queue)


@define_statement(
    "T6'",
    source="T6' in docs/theory",
    assumptions="A1 A2 A4 A7",
    unit="E[Q]/V (cost per unit of satisfaction)",
    lemmas=("l2_centred", "step_decision_loss", "t6_prime"),
    **ABOUT,
)
def T6_PRIME(run: Run) -> Conclusion:
    """Predicts from D: E[Q]/V, over exploited requests, lies where the dual is within T6' of C*: around gamma*."""
    if not measured(run):
        return NotTested(NOT_MEASURED)

    def gap(D: Any, X: Any) -> Any:
        return T6_prime_gap(run.inputs(D_T=D, exploration_queue=X))

    return price_where_dual_is_near(run, gap, ("decision_loss", "exploration_queue"))


STATEMENTS: tuple[Statement, ...] = (T1_PRIME, T2_PRIME, T3_PRIME, T6_PRIME)
