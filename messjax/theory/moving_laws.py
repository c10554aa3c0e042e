"""T12: cost and queue where the law of the requests moves. Proofs in docs/theory, "T12".

The benchmark is the mean of C*_t, the optimum of the law of each request by itself: a queue cannot store satisfaction
in advance, so that C* of the average law may be out of reach. `T12_constants` has what the bounds need of the laws.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from messjax.theory import optimum
from messjax.theory.arguments import over
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.decision_loss import NOT_MEASURED, measured
from messjax.theory.exploration import exploration_probability
from messjax.theory.laws import Laws, scheduled_laws
from messjax.theory.statement import Claim, Conclusion, NotApplicable, NotTested, Run, Statement, define_statement


class MovingConstants(NamedTuple):
    """What T12 needs of laws that move, over T requests.

    Attributes:
        C_star: Mean over t of C*_t, the optimum of the law of request t, in cost per request.
        gamma: The largest gamma*_t.
        explored: sum_t p_t (E_all,t - C*_t), in cost units.
        inversion: max_t max(0, alpha - E_t[s_M]), by how much the last model misses alpha at worst.
        variation: delta times the mean of |gamma*_t - gamma*|, which mean C*_t - C* of the average law does not exceed.
        C_average: C* of the average law.
    """

    C_star: float
    gamma: float
    explored: float
    inversion: float
    variation: float
    C_average: float


def T12_constants(laws: Laws, alpha: float, *, T: int, c: float = 0.0, a: float = 0.25) -> MovingConstants:
    """T12 (mean): the constants of laws that move. Re-derived here.

    Args:
        laws: A schedule of at least T requests, or a hidden Markov chain (the law of a request is then that of its
            part, and expectations are over the stationary law).
        alpha: SLA target, in [0, 1].
        T: Requests.
        c: Scale of the exploration probability.
        a: Its exponent.

    Returns:
        The constants.

    Raises:
        ValueError: alpha is out of reach under one of the laws (T12 does not apply), or a schedule that is too short.
    """
    return _constants(laws, alpha, T, c, a)


@functools.lru_cache(maxsize=256)
def _constants(laws: Laws, alpha: float, T: int, c: float, a: float) -> MovingConstants:
    laws = laws.first(T)
    p = exploration_probability(t=np.arange(1, T + 1), c=c, a=a)
    if laws.shares is None:
        kinds: Any = np.eye(len(laws.parts))
        often: Any = laws.stationary
        explored: Any = float(p.sum()) * often
    else:
        kinds, which = np.unique(laws.shares, axis=0, return_inverse=True)
        often, explored = (
            np.bincount(which.ravel(), weights=w, minlength=len(kinds)) for w in (np.full(T, 1.0 / T), p)
        )
    distributions = [scheduled_laws(laws.parts, row[None]).average for row in kinds]
    best = [optimum.solve(each, alpha) for each in distributions]
    C, gamma = np.array([one.cost for one in best]), np.array([one.gamma for one in best])
    E_all = np.array([d.weight @ d.cost.sum(axis=1) for d in distributions])
    last = np.array([d.weight @ d.mean[:, -1] for d in distributions])
    average = optimum.solve(laws.average, alpha)
    return MovingConstants(
        C_star=float(often @ C),
        gamma=float(gamma.max()),
        explored=float(explored @ (E_all - C)),
        inversion=float(np.maximum(alpha - last, 0.0).max()),
        variation=float(max(alpha, 1.0 - alpha) * (often @ np.abs(gamma - average.gamma))),
        C_average=average.cost,
    )


@bound_function("V T B0 k0 D_T exploration_queue")
def T12_cost(inputs: BoundInputs, *, moving: MovingConstants) -> Any:
    """T12 (mean): with C*_t the optimum of the law of request t given the past, and g_t its price:

        average cost - mean C*_t <= B0/V + [D + R + (Q_1 - k0)^2 / 2]/(V T) + (1/T) sum_t p_t (E_all,t - C*_t),

    where R = max_t max(0, alpha - E_t[s_M]) X. Needs that alpha is attainable under the law of every request, A2, A4
    and A7, and not A1. mean C*_t exceeds C* of the average law by at most `variation`. Re-derived here.

    Args:
        inputs: V, T, B0, k0, D_T, exploration_queue (X) and Q_1.
        moving: Of `T12_constants`.

    Returns:
        The bound, in cost per request.
    """
    V, T, B0, k0, D, X, Q_1 = inputs.floats("V T B0 k0 D_T exploration_queue Q_1")
    return over(B0 * T + D + moving.inversion * X + 0.5 * (Q_1 - k0) ** 2, V * T) + moving.explored / T


@bound_function("V T B0 k0 D_above exploration_queue")
def T12_queue(inputs: BoundInputs, *, moving: MovingConstants) -> Any:
    """T12 (mean): with gbar the largest gamma*_t:

        E[Q_{T+1}] <= V gbar + k0 + sqrt(((Q_1 - V gbar)+ - k0)^2 + 2 B0 T + 2 D(Q > V gbar) + 2 R).

    Hypotheses and R as in `T12_cost`; D above V gamma* of the average law, or above nothing, will do. Re-derived here.

    Args:
        inputs: V, T, B0, k0, D_above, exploration_queue (X) and Q_1.
        moving: Of `T12_constants`.

    Returns:
        The bound on E[Q_{T+1}], in requests.
    """
    V, T, B0, k0, D, X, Q_1 = inputs.floats("V T B0 k0 D_above exploration_queue Q_1")
    level = V * moving.gamma
    radicand = (np.maximum(Q_1 - level, 0.0) - k0) ** 2 + 2.0 * (B0 * T + D + moving.inversion * X)
    return level + k0 + np.sqrt(np.maximum(radicand, 0.0))


# --- statements -----------------------------------------------------------------------------------------------------

PROOF: Any = {
    "source": "T12 in docs/theory",
    "assumptions": "A2 A4 A7",
    "policy": "mess_plus",
    "feedback": "complete",
    "needs_distribution": False,
}


def constants_of(run: Run) -> MovingConstants | NotApplicable:
    """The constants of a run's laws, or why there are none.

    Args:
        run: One policy at one point of a grid.

    Returns:
        The constants.
    """
    if run.laws is None:
        return NotTested("the law of each request is not known, or the same for all")
    if not measured(run):
        return NotTested(NOT_MEASURED)
    try:
        return T12_constants(run.laws, run.alpha, T=run.T, c=run.c, a=run.a)
    except ValueError as error:
        return NotApplicable(f"alpha is out of reach under the law of some request: {error}")


@define_statement(
    "T12 cost gap", unit="average cost - mean C*_t (cost per request)", lemmas=("l2_centred", "t12_moving"), **PROOF
)
def T12(run: Run) -> Conclusion:
    """Average cost - mean C*_t <= B0/V + [D + R + k0^2/2]/(V T) + (1/T) sum_t p_t (E_all,t - C*_t)."""
    moving = constants_of(run)
    if isinstance(moving, NotApplicable):
        return moving
    return Claim(
        run.metrics["cost"] - moving.C_star,
        lambda D, X: T12_cost(run.inputs(D_T=D, exploration_queue=X), moving=moving),
        run.over("decision_loss", "exploration_queue"),
    )


@define_statement("T12 queue", unit="E[Q_{T+1}] (requests)", lemmas=("l2_centred", "t12_moving"), **PROOF)
def T12_QUEUE(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= V gbar + k0 + sqrt(k0^2 + 2 B0 T + 2 D + 2 R), gbar the largest gamma*_t."""
    moving = constants_of(run)
    if isinstance(moving, NotApplicable):
        return moving
    # What was measured is the loss above V gamma* of `run.best`, which contains that above V gbar if gbar is no less.
    loss = "decision_loss_above" if run.best.gamma <= moving.gamma else "decision_loss"
    return Claim(
        run.metrics["queue_last"],
        lambda D, X: T12_queue(run.inputs(D_above=D, exploration_queue=X), moving=moving),
        run.over(loss, "exploration_queue"),
    )


STATEMENTS: tuple[Statement, ...] = (T12, T12_QUEUE)
