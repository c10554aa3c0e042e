"""T2 (cost gap of MESS+), T5 (weak duality of any policy) and T7 (how often is explored)."""

from __future__ import annotations

import numpy as np

from messjax import theory
from messjax.theory.statement import Claim, Conclusion, Equal, NotApplicable, Run, Tail, statement
from proofs_check.statements.queue import inversion


@statement(
    "T2 cost gap", source="T2 in docs/theory", assumptions="A1 A2 A4 A5 A7", unit="average cost - C* (cost per request)"
)
def T2(run: Run) -> Conclusion:
    """Average cost - C* <= B/V + (E_all - C*) P_T/T + 2 S_T/(V T) + R_T/(V T)."""
    k = run.constants
    if run.case.rule != "mess+":
        return NotApplicable("about MESS+")
    if run.V == 0:
        return NotApplicable("V = 0")
    return Claim(
        run.metrics["cost"] - run.best.cost,
        lambda S, exploration_queue: (
            theory.T2_cost_terms(
                run.V, k.B, run.T, run.P_T, k.E_all, run.best.cost, S, inversion(run, exploration_queue)
            ).total
        ),
        run.over("S", "exploration_queue"),
    )


@statement(
    "T5 weak duality",
    source="T5 in docs/theory",
    assumptions="A1 A4 A7",
    unit="-(cost + gamma* violation) (cost per request)",
)
def T5(run: Run) -> Conclusion:
    """-E[cost_t + gamma* (alpha - s_t)] <= -C*: no honest policy beats the dual."""
    paid = run.metrics["cost"] + run.best.gamma * run.metrics["violation"]
    return Claim(-paid, -run.best.cost)


def _counts(run: Run) -> np.ndarray | None:
    return run.metrics["explored"] if run.case.rule == "mess+" else None


@statement("T7 mean", source="T7 in docs/theory", assumptions="A4", unit="explored requests")
def T7_mean(run: Run) -> Conclusion:
    """E[N_T] = P_T (within 3% of it)."""
    counts = _counts(run)
    return NotApplicable("about MESS+") if counts is None else Equal(counts, run.P_T, 0.03 * run.P_T)


@statement("T7 tail", source="T7 in docs/theory", assumptions="A4", unit="share of streams")
def T7_tail(run: Run) -> Conclusion:
    """P(N_T outside P_T -+ sqrt(T log(2/.05)/2)) <= .05."""
    counts = _counts(run)
    if counts is None:
        return NotApplicable("about MESS+")
    low, high = theory.T7_interval(run.P_T, run.T, 0.95)
    half = np.sqrt(run.T * np.log(2.0 / 0.05) / 2.0)  # what low and high are from P_T, but for 0 and T
    rate = 4.0 * half / run.T  # Hoeffding's exponent there
    likely = sum(np.exp(np.minimum(rate * (sign * (counts - run.P_T) - half), 0.0)) for sign in (1, -1))
    return Tail((counts < low) | (counts > high), 0.05, likely)


STATEMENTS = (T2, T5, T7_mean, T7_tail)
