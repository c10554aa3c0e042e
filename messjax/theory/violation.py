"""T1: what the queue, and through L1 the violation of the constraint, may be. Proofs in docs/theory, "T1".

"T1" is the sharp form. The form of earlier versions, with terms of (V gamma*)^2 and P_T under the root, follows from it
wherever beta_M >= 0 and is called "older form". The second form needs no gamma*.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.paths import L1_violation
from messjax.theory.statement import Claim, Conclusion, NotApplicable, Run, Statement, define_statement


@bound_function("V gamma B T S_T")
def T1_queue(inputs: BoundInputs) -> Any:
    """T1 (mean), sharp form. With g = gamma*, any maximiser of the dual:

        E[Q_{T+1}] <= V g + sqrt(max(0, Q_1 - V g)^2 + 2 B T + 4 S_T + 2 R_T).

    Needs i.i.d. requests, costs known before routing, alpha attainable with a finite gamma*, an exploration coin
    independent of the request (A1, A2, A4, A7). Neither (V g)^2 nor exploration adds to the root, as only what lies
    above V g has to be bounded. S_T and R_T are as large as they are while Q_t > V g: what is passed may be the whole.
    Uninformative where S_T is of order T^2: a predictor that scores all models alike lets the queue grow linearly.
    Re-derived here; not in [M25].

    In truth the radicand is non-negative; a negative one comes of the sampling error of S_T and R_T and is read as
    zero.

    Args:
        inputs: V, gamma, B, T, S_T, and R_T or exploration_queue with beta_M, and Q_1 (see `BoundInputs`).

    Returns:
        The bound on E[Q_{T+1}], in requests.
    """
    V, gamma, B, T, S_T, R_T, Q_1 = inputs.floats("V gamma B T S_T R_T Q_1")
    level = V * gamma
    return level + np.sqrt(np.maximum(np.maximum(Q_1 - level, 0.0) ** 2 + 2.0 * B * T + 4.0 * S_T + 2.0 * R_T, 0.0))


@bound_function("V gamma B T P_T beta_M S_T")
def T1_queue_older(inputs: BoundInputs) -> Any:
    """T1 (mean), older form. With g = gamma*, any maximiser of the dual:

        E[Q_{T+1}] <= V g + sqrt((V g - Q_1)^2 + 2 B T + 2 V g beta_M P_T + 4 S_T + 2 R_T).

    Hypotheses of `T1_queue`, which is below it wherever beta_M >= 0. Constants re-derived here; [M25] has the order.

    Args:
        inputs: what `T1_queue` takes, P_T and beta_M.

    Returns:
        The bound on E[Q_{T+1}], in requests.
    """
    V, gamma, B, T, P_T, beta_M, S_T, R_T, Q_1 = inputs.floats("V gamma B T P_T beta_M S_T R_T Q_1")
    level = V * gamma
    radicand = (level - Q_1) ** 2 + 2.0 * B * T + 2.0 * level * beta_M * P_T + 4.0 * S_T + 2.0 * R_T
    return level + np.sqrt(np.maximum(radicand, 0.0))


@bound_function("V gamma B T S_T")
def T1_violation(inputs: BoundInputs) -> Any:
    """T1 (mean), sharp form, for the constraint: E[alpha - (1/T) sum s_t] <= (bound of `T1_queue` - Q_1) / T, by L1.

    Of order V/T + 1/sqrt(T) when S_T is at most of order T. Hypotheses as in `T1_queue`; constants re-derived here.

    Args:
        inputs: what `T1_queue` takes.

    Returns:
        The bound on the violation, in satisfaction per request.
    """
    return L1_violation(Q_last=T1_queue(inputs), T=inputs.T, Q_1=inputs.Q_1)


@bound_function("V gamma B T P_T beta_M S_T")
def T1_violation_older(inputs: BoundInputs) -> Any:
    """T1 (mean), older form, for the constraint: (bound of `T1_queue_older` - Q_1) / T.

    Of order V/T + 1/sqrt(T) + sqrt(V) T^(-(1+a)/2) when S_T is at most of order T. Hypotheses as in `T1_queue`;
    constants re-derived here.

    Args:
        inputs: what `T1_queue_older` takes.

    Returns:
        The bound on the violation, in satisfaction per request.
    """
    return L1_violation(Q_last=T1_queue_older(inputs), T=inputs.T, Q_1=inputs.Q_1)


@bound_function("T B V dE")
def T1_queue_slater(inputs: BoundInputs) -> Any:
    """T1 (mean), second form, without gamma*:

        sqrt(E[Q_{T+1}^2]) <= sqrt(2 T (B + V dE) + Q_1^2) + 2 sum_t (1 - p_t) sqrt(E[e_t^2]),

    where error_sum is the sum over t. Needs what `T1_queue` needs but no gamma*, and beta >= 0 for the pi0 of dE and
    beta_M >= 0. It bounds E[Q_{T+1}] too, and by `L1_violation` the violation. Constants re-derived here.

    Args:
        inputs: T, B, V, dE, error_sum and Q_1.

    Returns:
        The bound on sqrt(E[Q_{T+1}^2]), in requests.
    """
    T, B, V, dE, error_sum, Q_1 = inputs.floats("T B V dE error_sum Q_1")
    return np.sqrt(2.0 * T * (B + V * dE) + Q_1**2) + 2.0 * error_sum


# --- statements -----------------------------------------------------------------------------------------------------

ABOUT: Any = {"policy": "mess_plus", "feedback": "complete"}
PROOF: Any = {"source": "T1 in docs/theory", "assumptions": "A1 A2 A4 A7"} | ABOUT
QUEUE, VIOLATION = "E[Q_{T+1}] (requests)", "violation (satisfaction per request)"


def _claim(run: Run, metric: str, of: Any) -> Conclusion:
    return Claim(
        run.metrics[metric],
        lambda S, exploration_queue: of(run.inputs(S_T=S, exploration_queue=exploration_queue)),
        run.over("S", "exploration_queue"),
        within=run.within(metric),
        uses_within=(run.within("S"), run.within("exploration_queue")),
    )


@define_statement("T1 queue", unit=QUEUE, lemmas=("step_drift", "step_optimum", "t1_sharp"), **PROOF)
def T1(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= V g + sqrt(2 B T + 4 S_T + 2 R_T): neither (V g)^2 nor exploration adds to the root."""
    return _claim(run, "queue_last", T1_queue)


@define_statement("T1 violation", unit=VIOLATION, lemmas=("l1_certificate", "t1_sharp"), **PROOF)
def T1_VIOLATION(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= the bound of T1 over T."""
    return _claim(run, "violation", T1_violation)


@define_statement(
    "T1 (older form) queue",
    unit=QUEUE,
    lemmas=("step_drift", "step_optimum", "t1_quadratic"),
    implied_by="T1 queue",
    **PROOF,
)
def T1_OLDER(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= V g + sqrt((V g)^2 + 2 B T + 2 V g beta_M P_T + 4 S_T + 2 R_T)."""
    return _claim(run, "queue_last", T1_queue_older)


@define_statement(
    "T1 (older form) violation",
    unit=VIOLATION,
    lemmas=("l1_certificate", "t1_quadratic"),
    implied_by="T1 violation",
    **PROOF,
)
def T1_VIOLATION_OLDER(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= the bound of T1's older form over T."""
    return _claim(run, "violation", T1_violation_older)


def second_form(run: Run) -> float:
    """The bound of T1's second form on sqrt(E[Q_{T+1}^2]), with e_t <= ebar in the sum over t.

    Args:
        run: The run.

    Returns:
        The bound, in requests.
    """
    return float(T1_queue_slater(run.inputs(error_sum=(run.T - run.P_T) * run.ebar)))


@define_statement(
    "T1 second form",
    unit="E[Q_{T+1}^2] (requests squared)",
    lemmas=("step_drift", "step_slater", "t1_second_form"),
    **PROOF,
)
def T1_SECOND_FORM(run: Run) -> Conclusion:
    """E[Q_{T+1}^2] <= (sqrt(2 T (B + V dE)) + 2 sum (1 - p_t) sqrt(E e_t^2))^2, with e_t <= ebar in the sum."""
    squared = run.metrics["queue_last"] ** 2
    if run.constants.beta < 0 or run.constants.beta_M < 0:
        who = "pi0" if run.constants.beta < 0 else "the last model"
        return NotApplicable(f"beta < 0: {who} misses alpha", squared)
    most = run.within("queue_last")[1] ** 2
    return Claim(squared, second_form(run) ** 2, within=(0.0, most), plug_in=run.ebar_is_measured)


STATEMENTS: tuple[Statement, ...] = (T1_OLDER, T1, T1_VIOLATION_OLDER, T1_VIOLATION, T1_SECOND_FORM)
