"""T2: what MESS+ may cost above C*, term by term. Proof in docs/theory, "T2"."""

from __future__ import annotations

from typing import Any, NamedTuple

from messjax.theory.arguments import over
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.statement import Claim, Conclusion, NotApplicable, Run, define_statement


class CostTerms(NamedTuple):
    """The five terms of T2, each in cost unit per request. [M25] has the first three as orders.

    Attributes:
        control: B / V.
        exploration: (E_all - C*) P_T / T.
        prediction: 2 S_T / (V T).
        inversion: R_T / (V T).
        start: Q_1^2 / (2 V T).
    """

    control: Any
    exploration: Any
    prediction: Any
    inversion: Any
    start: Any

    @property
    def total(self) -> Any:
        """What T2 allows average cost - C* to be, in expectation."""
        return self.control + self.exploration + self.prediction + self.inversion + self.start


@bound_function("V B T P_T E_all C_star S_T")
def T2_cost_terms(inputs: BoundInputs) -> CostTerms:
    """T2 (mean): the terms of the right side of the bound on the cost gap:

        average cost - C* <= B/V + (E_all - C*) P_T/T + 2 S_T/(V T) + R_T/(V T) + Q_1^2/(2 V T).

    Needs i.i.d. requests, costs known before routing and an exploration coin independent of the request (A1, A2, A4,
    A7), and where feedback is sparse coins of feedback independent of the labels (A5): exploring the expensive requests
    more often breaks it. Average cost is the full ledger, with all that exploration queries. The first three terms are
    the 1/V, M T^-a and M F_min of [M25]; constants re-derived here. At V = 0 the bound is infinite.

    Args:
        inputs: V, B, T, P_T, E_all, C_star, S_T, and R_T or exploration_queue with beta_M, and Q_1.

    Returns:
        The terms, in cost per request.
    """
    V, B, T, P_T, E_all, C_star, S_T, R_T, Q_1 = inputs.floats("V B T P_T E_all C_star S_T R_T Q_1")
    return CostTerms(
        control=over(B, V),
        exploration=(E_all - C_star) * P_T / T,
        prediction=over(2.0 * S_T, V * T),
        inversion=over(R_T, V * T),
        start=over(Q_1**2, 2.0 * V * T),
    )


@define_statement(
    "T2 cost gap",
    source="T2 in docs/theory",
    assumptions="A1 A2 A4 A5 A7",
    unit="average cost - C* (cost per request)",
    lemmas=("step_drift", "step_optimum", "t2_cost"),
    policy="mess_plus",
    feedback="complete or sparse",
)
def T2(run: Run) -> Conclusion:
    """Average cost - C* <= B/V + (E_all - C*) P_T/T + 2 S_T/(V T) + R_T/(V T)."""
    gap = run.metrics["cost"] - run.best.cost
    if run.V == 0:
        return NotApplicable("V = 0", gap)
    return Claim(
        gap,
        lambda S, exploration_queue: T2_cost_terms(run.inputs(S_T=S, exploration_queue=exploration_queue)).total,
        run.over("S", "exploration_queue"),
        within=(run.cost_within[0] - run.best.cost, run.cost_within[1] - run.best.cost),
        uses_within=(run.within("S"), run.within("exploration_queue")),
    )


STATEMENTS = (T2,)
