"""T5: no policy pays less than the value of the dual. Proof in docs/theory, "T5"."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from messjax.theory.arguments import floats
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.statement import AtLeast, Claim, Conclusion, Run, define_statement


@bound_function("T C_star gamma alpha")
def T5_adjusted_regret(inputs: BoundInputs, *, cost_sum: ArrayLike, satisfaction_sum: ArrayLike) -> Any:
    """T5 (mean): adjusted regret = sum cost_t - C* T + gamma* sum (alpha - s_t), whose expectation is at least zero.

    Holds for every policy on an i.i.d. stream that settles all its queries of request t and the served one among
    them before it sees any label of t, with randomisation independent of the labels given x_t; exploration tied to
    x_t is allowed, a cascade (querying again after a bad outcome) is not. gamma is any maximiser of the dual.
    A policy below zero uses labels that it must not use, or C* is wrong, or the stream is not i.i.d. It is no ranking:
    always the cheapest can reach zero, so print the violation beside it. Constants re-derived here.

    Args:
        inputs: T, C_star, gamma and alpha.
        cost_sum: [...] cost of all requests of a stream, full ledger.
        satisfaction_sum: [...] sum of s_t as served.

    Returns:
        The adjusted regret, in cost.
    """
    T, C_star, gamma, alpha = inputs.floats("T C_star gamma alpha")
    total, served = floats(cost_sum, satisfaction_sum)
    return total - C_star * T + gamma * (alpha * T - served)


PROOF: Any = {"source": "T5 in docs/theory", "assumptions": "A1 A4 A7", "lemmas": ("t5_weak_duality",)}


def _within(run: Run) -> tuple[float, float]:
    """Where cost + gamma* violation lies."""
    low, high = (run.best.gamma * violation for violation in run.within("violation"))
    return run.cost_within[0] + low, run.cost_within[1] + high


@define_statement("T5 weak duality", unit="-(cost + gamma* violation) (cost per request)", **PROOF)
def T5(run: Run) -> Conclusion:
    """-E[cost_t + gamma* (alpha - s_t)] <= -C*: no valid policy beats the dual."""
    paid = run.metrics["cost"] + run.best.gamma * run.metrics["violation"]
    low, high = _within(run)
    return Claim(-paid, -run.best.cost, within=(-high, -low))


@define_statement("T5 adjusted regret", unit="adjusted regret (cost)", implied_by="T5 weak duality", **PROOF)
def T5_REGRET(run: Run) -> Conclusion:
    """E[sum cost_t - C* T + gamma* sum (alpha - s_t)] >= 0: T5 times T."""
    gap = run.metrics["cost"] - run.best.cost
    low, high = (run.T * (paid - run.best.cost) for paid in _within(run))
    return AtLeast(run.T * (gap + run.best.gamma * run.metrics["violation"]), 0.0, within=(low, high))


STATEMENTS = (T5,)
