"""T10: asking for alpha + kappa so as to attain alpha. Proofs in docs/theory, "T10".

The bound that kappa has to meet depends on kappa: these are equations, solved to machine precision. The least solution
is looked for on `CELLS` cells; what is found is always enough, and the least one but for solutions that come and go
within a cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory import optimum
from messjax.theory.arguments import Floats, floats, refuse
from messjax.theory.constants import BoundInputs, Constants, bound_function, distribution_constants
from messjax.theory.queue import T4_constants, guide
from messjax.theory.statement import (
    Claim,
    Conclusion,
    Exact,
    NotApplicable,
    NotTested,
    Run,
    Statement,
    Tail,
    define_statement,
)
from messjax.theory.violation import T1_queue

CELLS = 1_000


def _least(right: Callable[[Floats], Floats], T: float, limit: float) -> float:
    """The least kappa in [0, limit) with kappa T >= right(kappa), inf where there is none."""

    def surplus(kappa: Floats) -> Floats:
        wanted = right(kappa)
        return np.where(np.isfinite(wanted), kappa * T - wanted, -1.0)

    if not limit > 0:
        return np.nan if np.isnan(limit) else np.inf
    grid = np.linspace(0.0, limit, CELLS, endpoint=False)
    enough = np.flatnonzero(surplus(grid) >= 0)
    if not len(enough):
        return np.inf
    first = enough[0]
    if not first:
        return 0.0
    from scipy.optimize.elementwise import find_root  # four tenths of a second that only this needs

    root = find_root(surplus, (grid[first - 1], grid[first]))
    return float(root.x if surplus(root.x) >= 0 else root.bracket[1])  # an exact root may be the bracket's lower end


def T10_kappa(right: Callable[[float], Any], *, T: float, beta: float, beta_M: float | None = None) -> float:
    """T10 (mean): the least kappa with kappa T >= right(kappa): then E[alpha - (1/T) sum s_t] <= 0 at alpha + kappa.

    right(kappa) bounds E[Q_{T+1}] - Q_1 of the algorithm that runs with alpha + kappa: `T1_queue` with gamma*, B, S_T
    of alpha + kappa and beta_M - kappa, say, or `T1_queue_slater`. kappa stays below beta and beta_M (beta unless
    given), both of alpha; inf where none there is enough. Where right is NaN or infinite it counts as not enough.
    Re-derived here; the hypotheses are those of the bound.

    Args:
        right: kappa -> bound on E[Q_{T+1}] - Q_1, in requests.
        T: Number of requests.
        beta: E[s under pi0] - alpha.
        beta_M: E[s_M] - alpha; None: beta.

    Returns:
        kappa, in satisfaction.
    """
    limit = beta if beta_M is None else np.minimum(beta, beta_M)
    return _least(np.vectorize(right, otypes=[np.float64]), T, limit)


@bound_function("dE beta")
def T10_cost(inputs: BoundInputs, *, kappa: ArrayLike) -> Any:
    """T10 (mean): C*(alpha + kappa) - C*(alpha) <= kappa dE / beta, for 0 <= kappa <= beta, else infinite.

    Mixing kappa / beta of pi0 into an optimal policy attains alpha + kappa. Needs alpha attainable (A3). Re-derived
    here.

    Args:
        inputs: dE and beta, at alpha.
        kappa: [...] the tightening, in satisfaction.

    Returns:
        The bound on what C* rises by, in cost per request.

    Raises:
        ValueError: a negative kappa.
    """
    (kappa,), (dE, beta) = floats(kappa), inputs.floats("dE beta")
    refuse("kappa", kappa, kappa < 0, "a non-negative tightening")
    empty = (beta <= 0) | (kappa > beta)
    return np.where(empty, np.inf, kappa * dE / np.where(empty, 1.0, beta))[()]


@bound_function("T alpha V dE beta")
def T10_kappa_tail(inputs: BoundInputs, *, zeta: ArrayLike) -> Any:
    """T10 (tail): the least kappa with kappa T >= log((1 + D)/zeta)/r: no violation with probability 1 - zeta.

    r and D are those of `T4_constants` at alpha + kappa, beta - kappa, beta_M - kappa. Hypotheses as there, at
    alpha + kappa, and complete feedback; any Q_1, as E[e^{r (Q_{T+1} - Q_1)}] <= 1 + D. inf where no kappa below beta
    and beta_M is enough. Constants re-derived here.

    Args:
        inputs: T, alpha, V, dE, beta, ebar, beta_M (None: beta) and delay, at alpha.
        zeta: [...] probability of a violation, in (0, 1].

    Returns:
        The tightening kappa, in satisfaction.

    Raises:
        ValueError: zeta outside (0, 1].
    """
    (zeta,) = floats(zeta)
    refuse("zeta", zeta, ~((zeta > 0) & (zeta <= 1)), "a probability in (0, 1]")

    def solve(zeta: float, T: float, *known: float) -> float:
        alpha, V, dE, beta, ebar, beta_M, delay = known

        def right(kappa: Floats) -> Floats:
            at = T4_constants(
                alpha=alpha + kappa, V=V, dE=dE, beta=beta - kappa, ebar=ebar, beta_M=beta_M - kappa, delay=delay
            )
            with np.errstate(over="ignore"):
                return (np.logaddexp(0.0, at.log_D) - np.log(zeta)) / np.where(at.r == 0, 1.0, at.r)

        return _least(right, T, np.minimum(beta, beta_M))

    beta_M = inputs.beta if inputs.beta_M is None else inputs.beta_M
    known = inputs.floats("T alpha V dE beta ebar")
    return np.vectorize(solve, otypes=[np.float64])(zeta, *known, beta_M, inputs.delay)[()]


# --- statements: about complete feedback ("Effects of violated assumptions" in docs/theory) -------------------------

PROOF: Any = {"source": "T10 in docs/theory", "lemmas": ("t10_tightening",)}
ABOUT: Any = {"policy": "mess_plus", "feedback": "complete"}
NOT_TIGHTENED = NotTested("the policy runs on alpha itself")


def _shortfall(run: Run) -> np.ndarray:
    """Violation of the satisfaction agreed [n]."""
    assert run.sla_target is not None
    return run.sla_target - run.metrics["satisfaction"]


def _at_target(run: Run) -> tuple[Constants, float]:
    """The constants at the satisfaction agreed, and kappa."""
    assert run.sla_target is not None
    assert run.distribution is not None
    return distribution_constants(run.distribution, run.sla_target), run.alpha - run.sla_target


@define_statement(
    "T10 violation",
    assumptions="A1 A2 A4 A7",
    unit="violation of the satisfaction agreed (satisfaction per request)",
    **ABOUT,
    **PROOF,
)
def T10_VIOLATION(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= 0 where kappa T is at least the right side of T1 at alpha + kappa."""
    if run.sla_target is None:
        return NOT_TIGHTENED
    S, X = (float(np.mean(values)) for values in run.over("S", "exploration_queue"))
    right, kappa = float(T1_queue(run.inputs(S_T=S, exploration_queue=X))), run.alpha - run.sla_target
    if kappa * run.T < right:
        return NotApplicable(f"kappa T = {kappa * run.T:.4g} is below the right side of T1, {right:.4g}")
    known = run.error_bound == 0.0 and run.constants.beta_M >= 0.0  # then S_T = R_T = 0
    plug_in = "" if known else "kappa was compared with T1 at the measured S_T and R_T"
    return Claim(_shortfall(run), 0.0, within=(run.sla_target - 1.0, run.sla_target), plug_in=plug_in)


@define_statement("T10 cost", assumptions="A3", unit="rise of C* (cost per request)", **PROOF)
def T10_COST(run: Run) -> Conclusion:
    """C*(alpha + kappa) - C*(alpha) <= kappa dE / beta."""
    if run.sla_target is None:
        return NOT_TIGHTENED
    assert run.distribution is not None
    before, (k, kappa) = optimum.solve(run.distribution, run.sla_target), _at_target(run)
    bound = float(T10_cost(dE=k.dE, beta=k.beta, kappa=kappa))
    return Exact(run.best.cost - before.cost, bound) if np.isfinite(bound) else NotApplicable("kappa is not below beta")


@define_statement("T10 tail", assumptions="A1 A2 A3 A4 A7", unit="share of streams", **ABOUT, **PROOF)
def T10_TAIL(run: Run) -> Conclusion:
    """P(violation > 0) <= .05 where kappa T is at least what T4 asks for at alpha + kappa and .05."""
    if run.sla_target is None:
        return NOT_TIGHTENED
    k, kappa = _at_target(run)
    at = T4_constants(alpha=run.alpha, V=run.V, dE=k.dE, beta=k.beta - kappa, ebar=run.ebar, beta_M=k.beta_M - kappa)
    if not at.r > 0:
        return NotApplicable("T4 does not apply at alpha + kappa")
    # More than enough may be too much: beta - kappa.
    enough = float((np.logaddexp(0.0, at.log_D) - np.log(0.05)) / at.r)
    if kappa * run.T < enough:
        return NotApplicable(f"kappa T = {kappa * run.T:.4g} is below what T4 asks for, {enough:.4g}")
    short = _shortfall(run)
    return Tail(short > 0, 0.05, guide(run, float(at.r), kappa * run.T), run.ebar_is_measured)


STATEMENTS: tuple[Statement, ...] = (T10_VIOLATION, T10_COST, T10_TAIL)
