"""T1 (violation), T3 (Slater) and T4 (tail): what the queue may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from messjax import theory
from messjax.theory.statement import Claim, Conclusion, NotApplicable, Run, Tail, statement

NOT_MESS_PLUS = NotApplicable("about MESS+ with complete feedback")


def applies_to_mess_plus(run: Run) -> bool:
    """Whether the run is MESS+ with every outcome heard of."""
    return run.case.rule == "mess+" and run.f == 1.0


def inversion(run: Run, exploration_queue: Any) -> Any:
    """R_T = max(0, -beta_M) sum_t p_t E[Q_t]."""
    return max(0.0, -run.constants.beta_M) * exploration_queue


def _t1(bound: Any, run: Run) -> Any:
    k = run.constants

    def of_means(S: Any, exploration_queue: Any) -> Any:
        return bound(run.V, run.best.gamma, k.B, run.T, run.P_T, k.beta_M, S, inversion(run, exploration_queue))

    return of_means


@statement("T1 queue", source="T1 in docs/theory", assumptions="A1 A2 A4 A7", unit="E[Q_{T+1}] (requests)")
def T1_queue(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= V g + sqrt((V g)^2 + 2 B T + 2 V g beta_M P_T + 4 S_T + 2 R_T)."""
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    return Claim(run.metrics["queue_last"], _t1(theory.T1_queue, run), run.over("S", "exploration_queue"))


@statement("T1 sharp", source="T1 in docs/theory", assumptions="A1 A2 A4 A7", unit="E[Q_{T+1}] (requests)")
def T1_sharp(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= V g + sqrt(2 B T + 4 S_T + 2 R_T): neither (V g)^2 nor exploration adds to the root."""
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    k = run.constants

    def bound(S: Any, exploration_queue: Any) -> Any:
        return theory.T1_queue_sharp(run.V, run.best.gamma, k.B, run.T, S, inversion(run, exploration_queue))

    return Claim(run.metrics["queue_last"], bound, run.over("S", "exploration_queue"))


@statement(
    "T1 violation", source="T1 in docs/theory", assumptions="A1 A2 A4 A7", unit="violation (satisfaction per request)"
)
def T1_violation(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= the bound of T1 over T."""
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    return Claim(run.metrics["violation"], _t1(theory.T1_violation, run), run.over("S", "exploration_queue"))


@statement(
    "T1 second form", source="T1 in docs/theory", assumptions="A1 A2 A4 A7", unit="E[Q_{T+1}^2] (requests squared)"
)
def T1_second(run: Run) -> Conclusion:
    """E[Q_{T+1}^2] <= (sqrt(2 T (B + V dE)) + 2 sum (1 - p_t) sqrt(E e_t^2))^2, with e_t <= ebar in the sum."""
    k = run.constants
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    if k.beta < 0:
        return NotApplicable("beta < 0: the largest model misses alpha")
    right = theory.T1_queue_slater(run.T, k.B, run.V, k.dE, (run.T - run.P_T) * run.ebar)
    return Claim(run.metrics["queue_last"] ** 2, float(right**2))


@statement("T3 mean queue", source="T3 in docs/theory", assumptions="A1 A2 A3 A4 A7", unit="mean queue (requests)")
def T3(run: Run) -> Conclusion:
    """mean_t E[Q_t] <= (B + V dE) / (beta - 2 ebar), with ebar above every e_t."""
    k, b = run.constants, run.constants.beta - 2.0 * run.ebar
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    if b <= 0:
        return NotApplicable(f"b = beta - 2 ebar = {b:.3g} is not positive")
    return Claim(
        run.metrics["queue_mean"],
        lambda exploration_queue: theory.T3_queue(run.V, k.B, k.dE, b, k.beta_M, exploration_queue / run.T),
        run.over("exploration_queue"),
    )


def tail_constants(run: Run) -> theory.TailConstants:
    """The constants of T4 for pi0 = the largest model."""
    k = run.constants
    return theory.T4_constants(run.alpha, run.V, k.dE, k.beta, run.ebar, k.beta_M)


def above(run: Run, probability: float) -> tuple[np.ndarray, float] | None:
    """Whether Q_{T+1} reached the level that T4 gives this probability, and the level; None where T4 is silent."""
    constants = tail_constants(run)
    if not constants.r > 0:
        return None
    level = float((constants.log_D - np.log(probability)) / constants.r)
    return run.metrics["queue_last"] >= level, level


def guide(run: Run, r: float, level: float) -> np.ndarray:
    """e^{r (Q_{T+1} - level)} [n], what Markov's inequality puts in place of Q_{T+1} >= level; cut off at 1."""
    return np.exp(np.minimum(r * (run.metrics["queue_last"] - level), 0.0))


def _t4(run: Run, probability: float) -> Conclusion:
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    result = above(run, probability)
    if result is None:
        return NotApplicable("beta - 2 ebar is not positive")
    constants = tail_constants(run)
    return Tail(result[0], float(theory.T4_tail(result[1], constants)), guide(run, constants.r, result[1]))


@statement("T4 tail 1/2", source="T4 in docs/theory", assumptions="A1 A2 A3 A4 A7", unit="share of streams")
def T4_half(run: Run) -> Conclusion:
    """P(Q_{T+1} >= q) <= D e^{-r q} at the q where that is 1/2."""
    return _t4(run, 0.5)


@statement("T4 tail 1/100", source="T4 in docs/theory", assumptions="A1 A2 A3 A4 A7", unit="share of streams")
def T4_hundredth(run: Run) -> Conclusion:
    """P(Q_{T+1} >= q) <= D e^{-r q} at the q where that is 1/100."""
    return _t4(run, 0.01)


@statement("T4 mean", source="T4 in docs/theory", assumptions="A1 A2 A3 A4 A7", unit="E[Q_{T+1}] (requests)")
def T4_mean(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= log D / r."""
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    bound = float(theory.T4_queue(tail_constants(run)))
    if not np.isfinite(bound):
        return NotApplicable("beta - 2 ebar is not positive")
    return Claim(run.metrics["queue_last"], bound)


@statement("T4 moment", source="T4 in docs/theory", assumptions="A1 A2 A3 A4 A7", unit="share of D")
def T4_moment(run: Run) -> Conclusion:
    """E e^{r Q_{T+1}} <= D, as E min(e^{r Q_{T+1}} / D, 4) <= 1: cut off, so that streams can estimate its mean."""
    constants = tail_constants(run)
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    if not constants.r > 0:
        return NotApplicable("beta - 2 ebar is not positive")
    exponent = constants.r * run.metrics["queue_last"] - constants.log_D
    return Claim(np.exp(np.minimum(exponent, np.log(4.0))), 1.0)


STATEMENTS = (T1_queue, T1_sharp, T1_violation, T1_second, T3, T4_mean, T4_moment, T4_half, T4_hundredth)
