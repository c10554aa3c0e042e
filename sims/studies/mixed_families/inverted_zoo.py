"""The statements of docs/theory about the queue and the cost, with and without their terms in beta_M.

beta_M is what the last model, which serves explored requests, satisfies above alpha. Where it is negative T1 and T2
gain R_T and T3 its last term, and the second form of T1 and T4 do not apply. To see that these are needed each is
tested without, too: evaluated as though beta_M were larger than it is. pi0 is the model that satisfies most, and the
predictor an oracle.
"""

from __future__ import annotations

import xarray as xr

from messjax import theory
from messjax.theory import cost, queue, violation
from messjax.theory.statement import Claim, Conclusion, NotApplicable, Run, Statement, define_statement
from messjax.types import Distribution


def _without_inversion(run: Run) -> Run:
    """As though the last model met alpha: R_T is zero."""
    return run._replace(constants=run.constants._replace(beta_M=max(run.constants.beta_M, 0.0)))


def _with_beta(run: Run) -> Run:
    """As though pi0 served explored requests, too."""
    return run._replace(constants=run.constants._replace(beta_M=run.constants.beta))


@define_statement("T1, second form", source="T1 in docs/theory", assumptions="A1 A2 A4 A7", policy="mess_plus")
def second_form(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= sqrt(2 T (B + V dE)) where beta_M >= 0."""
    measured = run.metrics["queue_last"]
    if run.constants.beta_M < 0:
        return NotApplicable("beta_M < 0: the last model misses alpha", measured)
    return Claim(measured, violation.second_form(run))


STATEMENTS: tuple[Statement, ...] = (
    violation.T1._replace(name="T1"),
    violation.T1.on_changed("T1 without R_T", _without_inversion),
    second_form,
    second_form.on_changed("T1, second form, beta_M ignored", _without_inversion),
    cost.T2._replace(name="T2"),
    cost.T2.on_changed("T2 without R_T", _without_inversion),
    queue.T3._replace(name="T3"),
    queue.T3.on_changed("T3 without its last term", _with_beta),
    queue.T4_MEAN._replace(name="T4"),
    queue.T4_MEAN.on_changed("T4, beta_M ignored", _with_beta),
)


def verdicts(run: xr.Dataset, distribution: Distribution, star: int) -> xr.Dataset:
    """Measured, bound and verdict of every statement over (statement, c), each at 95%, of an oracle's run over
    (c, stream).

    Model number `star` alone is pi0.
    """
    judged = theory.judge(run, distribution, statements=STATEMENTS, correction="none", pi0=star, ebar=0.0)
    return judged[["measured", "bound", "verdict"]].drop_vars("implied_by")
