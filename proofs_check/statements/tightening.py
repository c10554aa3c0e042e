"""T10: the policy runs on alpha + kappa so that alpha itself is kept."""

from __future__ import annotations

import numpy as np

from messjax import theory
from messjax.theory import optimum
from messjax.theory.statement import Claim, Conclusion, Exact, NotApplicable, Run, Tail, statement
from proofs_check.statements.queue import guide

LOOSE = NotApplicable("the policy runs on alpha itself")
SPARSE = NotApplicable("about complete feedback")  # false without it: "What breaks what" in docs/theory


def _short(run: Run) -> np.ndarray | None:
    """Violation of what was asked for [n]; None where the policy runs on it."""
    return None if run.case.sla_target is None else run.case.sla_target - run.metrics["satisfaction"]


def _right(run: Run) -> float:
    k = run.constants
    S, exploration_queue = (float(np.mean(values)) for values in run.over("S", "exploration_queue"))
    R_T = max(0.0, -k.beta_M) * exploration_queue
    return float(theory.T1_queue_sharp(run.V, run.best.gamma, k.B, run.T, S, R_T))


@statement(
    "T10 violation",
    source="T10 in docs/theory",
    assumptions="A1 A2 A4 A7",
    unit="violation of what was asked (satisfaction per request)",
)
def T10_violation(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= 0 where kappa T is at least the right side of T1, sharp, at alpha + kappa."""
    short = _short(run)
    if short is None or run.case.sla_target is None:
        return LOOSE
    if run.f < 1.0:
        return SPARSE
    kappa = run.alpha - run.case.sla_target
    if kappa * run.T < _right(run):
        return NotApplicable(f"kappa T = {kappa * run.T:.4g} is below the right side of T1, {_right(run):.4g}")
    return Claim(short, 0.0)


@statement("T10 cost", source="T10 in docs/theory", assumptions="A3", unit="rise of C* (cost per request)")
def T10_cost(run: Run) -> Conclusion:
    """C*(alpha + kappa) - C*(alpha) <= kappa dE / beta."""
    if run.case.sla_target is None:
        return LOOSE
    before, k = (
        optimum.solve(run.case.distribution, run.case.sla_target),
        optimum.constants(run.case.distribution, run.case.sla_target),
    )
    bound = float(theory.T10_cost(run.alpha - run.case.sla_target, k.dE, k.beta))
    return Exact(run.best.cost - before.cost, bound) if np.isfinite(bound) else NotApplicable("kappa is not below beta")


@statement("T10 tail", source="T10 in docs/theory", assumptions="A1 A2 A3 A4 A7", unit="share of streams")
def T10_tail(run: Run) -> Conclusion:
    """P(violation > 0) <= .05 where kappa T is at least what T4 asks for at alpha + kappa and .05."""
    short = _short(run)
    if short is None or run.case.sla_target is None:
        return LOOSE
    if run.f < 1.0:
        return SPARSE
    k, kappa = optimum.constants(run.case.distribution, run.case.sla_target), run.alpha - run.case.sla_target
    at = theory.T4_constants(run.alpha, run.V, k.dE, k.beta - kappa, run.ebar, k.beta_M - kappa)
    if not at.r > 0:
        return NotApplicable("T4 is silent at alpha + kappa")
    enough = float(
        (np.logaddexp(0.0, at.log_D) - np.log(0.05)) / at.r
    )  # more than enough may be too much: beta - kappa
    if kappa * run.T < enough:
        return NotApplicable(f"kappa T = {kappa * run.T:.4g} is below what T4 asks for, {enough:.4g}")
    return Tail(short > 0, 0.05, guide(run, float(at.r), kappa * run.T))


STATEMENTS = (T10_violation, T10_cost, T10_tail)
