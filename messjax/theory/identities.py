"""I1 to I4, equalities that say where every unit of cost goes, and what follows from them: T1'', T2'' and R'.

All of these decompose: they use what only a run can tell (the gap of the dual, what decisions lose at the price gamma*,
the mean queue), so they explain a measured cost gap and do not predict one. The bounds that predict are in
`decision_loss`. I1 to I4 hold with equality for every run whose assumptions hold: a violated one is a bug, in the
simulation, in a meter or in C*. Proofs in docs/theory, under the name of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from messjax.theory import optimum
from messjax.theory.arguments import floats, over
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.decision_loss import NOT_MEASURED, T2_prime_cost, measured
from messjax.theory.statement import (
    Claim,
    Conclusion,
    Equal,
    Exact,
    NotApplicable,
    NotTested,
    Run,
    Statement,
    define_statement,
)

TOLERANCE = 0.01  # of an identity's size: an equality holds where the interval of its two sides' difference lies within
ROUNDING = 6  # decimals of that share: what is smaller is rounding of float32 sums


# --- identities: terms that add up to what was measured -------------------------------------------------------------


def I1_terms(run: Run, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """I1 (mean): the terms of V (sum of costs - C* T), under their names, with their signs.

        V (E cost - C* T) = (W - U2)/f + D - V Gap + V (E_all - C*) P_T - beta_M X - (E[Q_{T+1}^2] - Q_1^2)/(2 f)

    with Q_1 = 0. An identity in expectation; per stream the difference of both sides is a martingale's last value.

    Args:
        run: Constants and the point of the grid.
        metrics: Metrics by name, numbers or arrays: those of `meters.decomposition`, `exploration_queue`, `queue_last`.

    Returns:
        Terms by name, in V times cost: noise, reflection, decision loss, gap of the dual, exploration, terminal queue.
    """
    k, f = run.constants, run.f
    return {
        "noise": metrics["noise"] / f,
        "reflection": -metrics["reflection_squares"] / f,
        "decision loss": metrics["decision_loss"],
        "gap of the dual": -metrics["dual_gap"],
        "exploration": run.V * (k.E_all - run.best.cost) * run.P_T - k.beta_M * metrics["exploration_queue"],
        "terminal queue": -0.5 * metrics["queue_last"] ** 2 / f,
    }


def I2_terms(run: Run, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """I2 (mean): the terms of V times the adjusted regret, under their names, with their signs; g = gamma*.

        V Reg = ((V g)^2 - E[(Q_{T+1} - V g)^2] + 2 W - 2 U2 - 2 V g U)/(2 f) + D - V Gap
                + V (E_all - C*) P_T - beta_M X

    with Q_1 = 0: I1 plus V g times I4.

    Args:
        run: Constants and the point of the grid.
        metrics: As in `I1_terms`.

    Returns:
        Terms by name, in V times cost.
    """
    level, f = run.V * run.best.gamma, run.f
    terms = I1_terms(run, metrics)
    terms["reflection"] = terms["reflection"] - level * metrics["reflection"] / f
    terms["terminal queue"] = 0.5 * (level**2 - (metrics["queue_last"] - level) ** 2) / f
    return terms


def I3_terms(run: Run, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """I3 (mean): adjusted regret = L + (E_all - C* - gamma* beta_M) P_T: what decisions lose at gamma*, and exploring.

    Args:
        run: Constants and the point of the grid.
        metrics: `price_loss` of `meters.decomposition`, numbers or arrays.

    Returns:
        Terms by name, in cost.
    """
    k, best = run.constants, run.best
    return {
        "loss at gamma*": metrics["price_loss"],
        "exploration": (k.E_all - best.cost - best.gamma * k.beta_M) * run.P_T,
    }


def I4_terms(run: Run, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """I4 (path with complete feedback, else mean): T violation = (Q_{T+1} - Q_1 - sum_t U_t)/f, with Q_1 = 0.

    Args:
        run: The point of the grid.
        metrics: `queue_last`, and `reflection` of `meters.decomposition`, numbers or arrays.

    Returns:
        Terms by name, in requests.
    """
    return {"terminal queue": metrics["queue_last"] / run.f, "reflection": -metrics["reflection"] / run.f}


def regret(run: Run, metrics: Mapping[str, Any]) -> Any:
    """The adjusted regret: sum of costs - C* T + gamma* T violation.

    Args:
        run: C*, gamma* and T.
        metrics: `cost` and `violation`, numbers or arrays.

    Returns:
        The regret, in cost.
    """
    return run.T * (metrics["cost"] - run.best.cost + run.best.gamma * metrics["violation"])


# --- bounds that follow ----------------------------------------------------------------------------------------------


@bound_function("V gamma P_T beta_M W_T D_T VG_T L_T exploration_queue")
def T1_double_prime_queue(inputs: BoundInputs) -> Any:
    """T1'' (mean), decomposes: with g = gamma* and X_T = sum_t p_t E[Q_t]:

        E[Q_{T+1}] <= V g + sqrt((V g - Q_1)^2 + 2 W_T + 2 D_T - 2 V Gap_T - 2 V L_T + 2 beta_M (V g P_T - X_T)).

    Hypotheses of `T1_queue`, complete feedback. The radicand is E[(Q_{T+1} - V g)^2] and what reflection adds, so that
    Jensen's inequality and reflection are all that it loses. A negative one is sampling error and is read as zero.
    Re-derived here.

    Args:
        inputs: V, gamma, P_T, beta_M, W_T, D_T, VG_T, L_T, exploration_queue (X_T) and Q_1.

    Returns:
        The bound on E[Q_{T+1}], in requests.
    """
    V, gamma, P_T, beta_M, W, D, VG, L, X, Q_1 = inputs.floats(
        "V gamma P_T beta_M W_T D_T VG_T L_T exploration_queue Q_1"
    )
    level = V * gamma
    radicand = (level - Q_1) ** 2 + 2.0 * (W + D - VG - V * L) + 2.0 * beta_M * (level * P_T - X)
    return level + np.sqrt(np.maximum(radicand, 0.0))


@bound_function("V T P_T E_all C_star B0 k0 beta_M D_T exploration_queue Q_last")
def T2_double_prime_cost(inputs: BoundInputs, *, price_gap: Any) -> Any:
    """T2'' (mean), decomposes: T2' with -beta_M X_T for R_T, less what the mean queue and the last one tell:

        (1 - P_T/T) (C* - Dual(q/V)) + (E[Q_{T+1}] - k0)^2 / (2 V T),

    q the mean queue over exploited requests; Jensen's inequality for the concave dual and for the square. Hypotheses of
    `T2_cost_terms`, complete feedback. Constants re-derived here.

    Args:
        inputs: V, T, P_T, E_all, C_star, B0, k0, beta_M, D_T, exploration_queue (X_T), Q_last and Q_1.
        price_gap: [...] C* - Dual(q/V), in cost.

    Returns:
        The bound on the cost gap, in cost per request.
    """
    V, T, P_T, beta_M, k0, X, Q_last = inputs.floats("V T P_T beta_M k0 exploration_queue Q_last")
    (price_gap,) = floats(price_gap)
    less = over(0.5 * (Q_last - k0) ** 2 + beta_M * X, V * T)
    return T2_prime_cost(inputs, R_T=0.0) - less - (1.0 - P_T / T) * price_gap


@bound_function("V gamma T P_T E_all C_star beta_M W_T D_T VG_T exploration_queue")
def R_prime_regret(inputs: BoundInputs) -> Any:
    """R' (mean), decomposes: with g = gamma* and X_T = sum_t p_t E[Q_t]:

        Reg/T <= (E_all - C*) P_T/T + ((V g - Q_1)^2/2 + W_T + D_T - V Gap_T - beta_M X_T) / (V T).

    Hypotheses of `T2_cost_terms`, complete feedback: I2 without the terms that reflection and the last queue subtract.

    Args:
        inputs: V, gamma, T, P_T, E_all, C_star, beta_M, W_T, D_T, VG_T, exploration_queue (X_T) and Q_1.

    Returns:
        The bound on the adjusted regret per request, in cost.
    """
    V, gamma, T, P_T, E_all, C_star, beta_M, W, D, VG, X, Q_1 = inputs.floats(
        "V gamma T P_T E_all C_star beta_M W_T D_T VG_T exploration_queue Q_1"
    )
    return (E_all - C_star) * P_T / T + over(0.5 * (V * gamma - Q_1) ** 2 + W + D - VG - beta_M * X, V * T)


# --- statements -----------------------------------------------------------------------------------------------------

SOUND: Any = {"policy": "mess_plus", "feedback": "complete or sparse"}
ABOUT: Any = {"policy": "mess_plus", "feedback": "complete"}
SHARE = "left side less right side (share of their size)"


def _equality(run: Run, left: Any, terms: Mapping[str, Any], unit: float) -> Conclusion:
    """That both sides have the same mean, as a share of their size: what the terms add up to, and `unit` per request.

    The terms alone may all be zero, and then both sides are noise.
    """
    size = run.T * unit + sum(abs(float(np.mean(term))) for term in terms.values())
    return Equal(np.round((left - sum(terms.values())) / (size or 1.0), ROUNDING), 0.0, TOLERANCE)


@define_statement(
    "I1", source="I1 in docs/theory", assumptions="A1 A4 A5 A7", unit=SHARE, lemmas=("step_identity",), **SOUND
)
def I1(run: Run) -> Conclusion:
    """V (E cost - C* T) = W - U2 + D - V Gap + V (E_all - C*) P_T - beta_M X - E[Q_{T+1}^2]/2: an equality."""
    if not measured(run):
        return NotTested(NOT_MEASURED)
    left = run.V * run.T * (run.metrics["cost"] - run.best.cost)
    return _equality(run, left, I1_terms(run, run.metrics), run.V * run.constants.E_all)


@define_statement(
    "I2", source="I2 in docs/theory", assumptions="A1 A4 A5 A7", unit=SHARE, lemmas=("step_identity",), **SOUND
)
def I2(run: Run) -> Conclusion:
    """V Reg = (V g)^2/2 - E(Q_{T+1} - V g)^2/2 + W - U2 - V g U + D - V Gap + V (E_all - C*) P_T - beta_M X."""
    if not measured(run):
        return NotTested(NOT_MEASURED)
    left = run.V * regret(run, run.metrics)
    return _equality(run, left, I2_terms(run, run.metrics), run.V * run.constants.E_all)


@define_statement(
    "I3", source="I3 in docs/theory", assumptions="A1 A4 A7", unit=SHARE, lemmas=("step_identity",), policy="mess_plus"
)
def I3(run: Run) -> Conclusion:
    """Adjusted regret = L + (E_all - C* - gamma* beta_M) P_T: an equality."""
    if not measured(run):
        return NotTested(NOT_MEASURED)
    return _equality(run, regret(run, run.metrics), I3_terms(run, run.metrics), run.constants.E_all)


@define_statement(
    "I4",
    source="I4 in docs/theory",
    assumptions="A5",
    unit="left side less right side (requests, or a share)",
    lemmas=("step_identity",),
    needs_distribution=False,
    **SOUND,
)
def I4(run: Run) -> Conclusion:
    """T violation = Q_{T+1} - sum U_t, on every path with complete feedback: an equality."""
    if not measured(run):
        return NotTested(NOT_MEASURED)
    left, terms = run.T * run.metrics["violation"], I4_terms(run, run.metrics)
    if not run.complete:
        return _equality(run, left, terms, 1.0)
    return Exact(float(np.max(np.abs(left - sum(terms.values())))) / run.T, 0.0, rounding=10.0**-ROUNDING)


@define_statement(
    "T1''",
    source="T1'' in docs/theory",
    assumptions="A1 A4",
    unit="E[Q_{T+1}] (requests)",
    lemmas=("step_identity", "t1_prime"),
    **ABOUT,
)
def T1_DOUBLE_PRIME(run: Run) -> Conclusion:
    """Decomposes: E[Q_{T+1}] <= V g + sqrt((V g)^2 + 2 W + 2 D - 2 V Gap - 2 V L + 2 beta_M (V g P_T - X))."""
    values = run.metrics["queue_last"]
    if not measured(run):
        return NotTested(NOT_MEASURED, values)

    def bound(W: Any, D: Any, VG: Any, L: Any, X: Any) -> Any:
        return T1_double_prime_queue(run.inputs(W_T=W, D_T=D, VG_T=VG, L_T=L, exploration_queue=X))

    return Claim(values, bound, run.over("noise", "decision_loss", "dual_gap", "price_loss", "exploration_queue"))


@define_statement(
    "T2''",
    source="T2'' in docs/theory",
    assumptions="A1 A2 A4",
    unit="average cost - C* (cost per request)",
    lemmas=("l2_centred", "step_decision_loss", "t2_prime"),
    **ABOUT,
)
def T2_DOUBLE_PRIME(run: Run) -> Conclusion:
    """Decomposes: T2' with -beta_M X for R_T, less (1 - P_T/T)(C* - Dual(q/V)) and (E Q_{T+1} - k0)^2/(2 V T)."""
    gap, left = run.metrics["cost"] - run.best.cost, run.T - run.P_T
    if run.V == 0 or left < 1e-9 * run.T:
        return NotApplicable("V = 0, or all requests are explored", gap)
    if not measured(run):
        return NotTested(NOT_MEASURED, gap)
    distribution = run.distribution
    assert distribution is not None

    def bound(D: Any, X: Any, Q_mean: Any, Q_last: Any) -> Any:
        prices = np.maximum((run.T * Q_mean - X) / (left * run.V), 0.0)
        price_gap = run.best.cost - optimum.dual(distribution, run.alpha, prices)
        return T2_double_prime_cost(run.inputs(D_T=D, exploration_queue=X, Q_last=Q_last), price_gap=price_gap)

    return Claim(gap, bound, run.over("decision_loss", "exploration_queue", "queue_mean", "queue_last"))


@define_statement(
    "R'",
    source="R' in docs/theory",
    assumptions="A1 A4",
    unit="adjusted regret (cost per request)",
    lemmas=("step_identity",),
    **ABOUT,
)
def R_PRIME(run: Run) -> Conclusion:
    """Decomposes: Reg/T <= (E_all - C*) P_T/T + ((V g)^2/2 + W + D - V Gap - beta_M X) / (V T)."""
    values = regret(run, run.metrics) / run.T
    if run.V == 0 or not measured(run):
        return NotApplicable("V = 0", values) if run.V == 0 else NotTested(NOT_MEASURED, values)

    def bound(W: Any, D: Any, VG: Any, X: Any) -> Any:
        return R_prime_regret(run.inputs(W_T=W, D_T=D, VG_T=VG, exploration_queue=X))

    return Claim(values, bound, run.over("noise", "decision_loss", "dual_gap", "exploration_queue"))


STATEMENTS: tuple[Statement, ...] = (I1, I2, I3, I4, T1_DOUBLE_PRIME, T2_DOUBLE_PRIME, R_PRIME)
