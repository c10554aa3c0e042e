"""T9: sparse feedback, by coins of probability f that are independent of all else."""

from __future__ import annotations

from typing import Any

import numpy as np

from messjax import theory
from messjax.theory.statement import Claim, Conclusion, NotApplicable, Run, Tail, statement
from proofs_check.statements.queue import guide, inversion, tail_constants

COMPLETE = NotApplicable("feedback is complete")


def _sparse(run: Run) -> bool:
    return run.case.rule == "mess+" and run.f < 1.0


def _t9(bound: Any, run: Run) -> Any:
    k = run.constants

    def of_means(S: Any, exploration_queue: Any) -> Any:
        R_T = inversion(run, exploration_queue)
        return bound(run.V, run.best.gamma, k.B, run.T, run.P_T, k.beta_M, S, run.f, R_T)

    return of_means


@statement("T9 queue", source="T9 in docs/theory", assumptions="A1 A2 A4 A5 A7", unit="E[Q_{T+1}] (requests)")
def T9_queue(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= V g + sqrt((V g)^2 + f (2 B T + 2 V g beta_M P_T + 4 S_T + 2 R_T))."""
    if not _sparse(run):
        return COMPLETE
    return Claim(run.metrics["queue_last"], _t9(theory.T9_queue, run), run.over("S", "exploration_queue"))


@statement("T9 violation", source="T9 in docs/theory", assumptions="A5", unit="violation (satisfaction per request)")
def T9_violation(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= E[Q_{T+1}] / (f T): by the queue that was measured."""
    if not _sparse(run):
        return COMPLETE
    return Claim(run.metrics["violation"], lambda Q: Q / (run.f * run.T), run.over("queue_last"))


@statement(
    "T9 violation, bound",
    source="T9 in docs/theory",
    assumptions="A1 A2 A4 A5 A7",
    unit="violation (satisfaction per request)",
)
def T9_bound(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= the bound of T9's queue over f T."""
    if not _sparse(run):
        return COMPLETE
    return Claim(run.metrics["violation"], _t9(theory.T9_violation, run), run.over("S", "exploration_queue"))


@statement("T9 path tail", source="T9 in docs/theory", assumptions="A2 A5", unit="share of streams")
def T9_path(run: Run) -> Conclusion:
    """P(sum (alpha - s_t) > Q_{T+1}/f + u) <= exp(...) at the u where that is 1/10."""
    if not _sparse(run):
        return COMPLETE
    grid = np.linspace(0.0, 10.0 * np.sqrt(run.T / run.f), 4001)
    chance = theory.T9_path_tail(grid, run.T, run.f, run.constants.delta)
    u = float(grid[np.argmax(chance <= 0.1)])
    excess = run.T * run.metrics["violation"] - run.metrics["queue_last"] / run.f
    delta, step = run.constants.delta, run.constants.delta * max(1.0, 1.0 / run.f - 1.0)
    rate = u / (run.T * delta**2 * (1.0 - run.f) / run.f + step * u / 3.0)  # Freedman's exponent at u
    likely = np.exp(np.minimum(rate * (excess - u), 0.0))
    return Tail(excess > u, float(theory.T9_path_tail(u, run.T, run.f, delta)), likely)


@statement("T9 tail", source="T9 in docs/theory", assumptions="A1 A2 A3 A4 A5 A7", unit="share of streams")
def T9_tail(run: Run) -> Conclusion:
    """P(Q_{T+1} >= q) <= T4's tail with rho for sparse feedback, at the q where T4 says 1/10."""
    constants = tail_constants(run)
    if not _sparse(run):
        return COMPLETE
    if not constants.r > 0:
        return NotApplicable("beta - 2 ebar is not positive")
    q = float((constants.log_D + np.log(10.0)) / constants.r)
    bound = float(theory.T9_tail(q, constants, run.f, t=run.T + 1))
    return Tail(run.metrics["queue_last"] >= q, bound, guide(run, constants.r, q))


STATEMENTS = (T9_queue, T9_violation, T9_bound, T9_path, T9_tail)
