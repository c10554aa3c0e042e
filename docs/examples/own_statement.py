"""A statement of one's own: python -m proofs_check --only M1 --also docs/examples/own_statement.py"""

from messjax import theory
from messjax.theory.statement import Conclusion, NotApplicable, Run, Tail, define_statement


@define_statement(
    "M1 Markov",
    source="my notes, from the second form of T1",
    assumptions="A1 A2 A4 A7",
    policy="mess_plus",
    feedback="complete",
)
def M1(run: Run) -> Conclusion:
    """P(Q_{T+1} >= 2 A) <= 1/4, with A the second form of T1, by Markov's inequality for Q^2."""
    if run.constants.beta < 0:
        return NotApplicable("beta < 0: the largest model misses alpha")
    A = theory.T1_queue_slater(run.inputs(error_sum=(run.T - run.P_T) * run.ebar))
    return Tail(events=run.metrics["queue_last"] >= 2.0 * A, bound=0.25)
