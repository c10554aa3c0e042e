"""L1 to L5: facts about one path of the queue, without statistics. Proofs in docs/theory, under these headings.

What is counted of L1 to L4 on every request of a run comes from `messjax.meters.path_audit`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import floats
from messjax.theory.constants import centred_drift
from messjax.theory.statement import Conclusion, Exact, NotTested, Run, define_statement


class DriftBounds(NamedTuple):
    """The two right sides of L2.

    Attributes:
        exact: (alpha - s)^2 / 2 + Q (alpha - s).
        uniform: B + Q (alpha - s), never below `exact`.
    """

    exact: Any
    uniform: Any


def L1_violation(*, Q_last: ArrayLike, T: ArrayLike, Q_1: ArrayLike = 0.0) -> Any:
    """L1 (path): alpha - (1/T) sum_{t <= T} s_t <= (Q_{T+1} - Q_1) / T, for every T and every path.

    Needs s_t in [0, 1] and the recursion of the queue, nothing else. The same for a window of T requests: Q_1 is then
    the queue before its first request and Q_last the queue after its last one. Constants re-derived here.

    Args:
        Q_last: [...] the queue after the last request, Q_{T+1}.
        T: [...] number of requests.
        Q_1: [...] the queue before the first request.

    Returns:
        The bound on the violation [...], in satisfaction per request.
    """
    Q_last, T, Q_1 = floats(Q_last, T, Q_1)
    return (Q_last - Q_1) / T


def L2_drift(*, Q: ArrayLike, s: ArrayLike, alpha: ArrayLike) -> DriftBounds:
    """L2 (path): (Q_{t+1}^2 - Q_t^2)/2 <= (alpha - s_t)^2/2 + Q_t (alpha - s_t) <= B + Q_t (alpha - s_t).

    Needs Q_t >= 0, s_t in [0, 1], alpha in [0, 1]. B = max(alpha, 1-alpha)^2 / 2, re-derived here.

    Args:
        Q: [...] the queue Q_t, >= 0.
        s: [...] satisfaction s_t, in [0, 1].
        alpha: [...] required satisfaction, in [0, 1].

    Returns:
        Both right sides, [...].
    """
    Q, s, alpha = floats(Q, s, alpha)
    B = np.maximum(alpha, 1.0 - alpha) ** 2 / 2.0
    step = alpha - s
    return DriftBounds(exact=step**2 / 2.0 + Q * step, uniform=B + Q * step)


def L3_increment(*, alpha: ArrayLike) -> tuple[Any, Any]:
    """L3 (path): -(1 - alpha) <= Q_{t+1} - Q_t <= alpha, returned as (low, high).

    Needs Q_t >= 0, s_t in [0, 1], alpha in [0, 1]. Re-derived here.

    Args:
        alpha: [...] required satisfaction, in [0, 1].

    Returns:
        Lower and upper limit, [...].
    """
    (alpha,) = floats(alpha)
    return (alpha - 1.0)[()], alpha[()]


def L4_score(*, V: ArrayLike, cost: ArrayLike, Q: ArrayLike, alpha: ArrayLike, s_hat: ArrayLike) -> Any:
    """L4 (path): on every exploit step the served model minimises this score V E_m + Q_t (alpha - s_hat_m) over m.

    cost and s_hat are [..., M]; V, Q and alpha are [...] without the axis of models. Returns [..., M]. With estimated
    costs the cost here is the estimate. The rule of [M25]; the same score with mu in place of s_hat is either side
    of L5.

    Args:
        V: [...] weight of cost, in 1 / cost unit.
        cost: [..., M] costs, in cost units.
        Q: [...] the queue.
        alpha: [...] required satisfaction.
        s_hat: [..., M] predicted satisfactions.

    Returns:
        The score of every model, [..., M].
    """
    V, cost, Q, alpha, s_hat = floats(V, cost, Q, alpha, s_hat)
    return V[..., None] * cost + Q[..., None] * (alpha[..., None] - s_hat)


def L5_bound(
    *, V: ArrayLike, cost: ArrayLike, Q: ArrayLike, alpha: ArrayLike, mu: ArrayLike, e: ArrayLike, eps: ArrayLike = 0.0
) -> Any:
    """L5 (path): V E_served + Q (alpha - mu_served) <= V E_m + Q (alpha - mu_m) + 2 Q e + 2 V eps for every model m.

    Needs L4, Q >= 0, e >= |s_hat_m - mu_m| for all m and, where costs are estimated, eps >= |E_hat_m - E_m| for all m
    (zero where they are known). Linear in m, so it holds for mixtures of models too: average the bound with the
    mixture's weights. The factor 2 is re-derived here and cannot be lowered. Lemmas: l5_prediction_error.

    cost and mu are [..., M]; V, Q, alpha, e, eps are [...]. Returns the right side for every m, [..., M].

    Args:
        V: [...] weight of cost, in 1 / cost unit.
        cost: [..., M] costs, in cost units.
        Q: [...] the queue, >= 0.
        alpha: [...] required satisfaction.
        mu: [..., M] mean satisfactions.
        e: [...] prediction error, at least |s_hat_m - mu_m| for all m.
        eps: [...] error of estimated costs, in cost units.

    Returns:
        The right side for every model, [..., M].
    """
    V, Q, e, eps = floats(V, Q, e, eps)
    return L4_score(V=V, cost=cost, Q=Q, alpha=alpha, s_hat=mu) + 2.0 * (Q * e + V * eps)[..., None]


# --- statements: requests of a run on which a path law fails --------------------------------------------------------


def _failures(run: Run, law: str) -> Conclusion:
    name = f"audit_{law}"
    if name not in run.metrics:
        return NotTested("the run was not audited")
    return Exact(measured=float(run.metrics[name].sum()), bound=0.0)


@define_statement(
    "L1 path",
    source="L1 in docs/theory",
    assumptions="",
    unit="requests",
    lemmas=("l1_certificate",),
    needs_distribution=False,
)
def L1(run: Run) -> Conclusion:
    """alpha - s_t <= Q_{t+1} - Q_t on every request with feedback: requests where it fails."""
    return _failures(run, "L1")


@define_statement(
    "L1 reflection",
    source="L1 in docs/theory",
    assumptions="",
    unit="requests",
    lemmas=("l1_reflection",),
    needs_distribution=False,
)
def L1_REFLECTION(run: Run) -> Conclusion:
    """Q_{t+1} is the reflected walk, exactly: requests where it is not."""
    return _failures(run, "reflection")


@define_statement(
    "L2 drift",
    source="L2 in docs/theory",
    assumptions="A2",
    unit="requests",
    lemmas=("l2_drift",),
    needs_distribution=False,
)
def L2(run: Run) -> Conclusion:
    """(Q_{t+1}^2 - Q_t^2)/2 <= (alpha - s_t)^2/2 + Q_t (alpha - s_t) and |alpha - s_t| <= delta: where not."""
    return _failures(run, "L2")


@define_statement(
    "L2'",
    source="L2' in docs/theory",
    assumptions="A2",
    unit="largest W - U2 - k0 Q_{T+1} on a stream (per request)",
    lemmas=("l2_centred",),
    feedback="complete",
    needs_distribution=False,
)
def L2_CENTRED(run: Run) -> Conclusion:
    """W - U2 - k0 Q_{T+1} <= B0 T on every stream: the sum of L2', by I1's drift identity."""
    if "noise" not in run.metrics:
        return NotTested("the run was not measured by meters.decomposition")
    B0, k0 = centred_drift(run.alpha)
    spent = run.metrics["noise"] - run.metrics["reflection_squares"] - k0 * run.metrics["queue_last"]
    return Exact(measured=float(np.max(spent)) / run.T, bound=B0, rounding=1e-6)


@define_statement(
    "L3 increment",
    source="L3 in docs/theory",
    assumptions="A2",
    unit="requests",
    lemmas=("l3_increment",),
    needs_distribution=False,
)
def L3(run: Run) -> Conclusion:
    """-(1 - alpha) <= Q_{t+1} - Q_t <= alpha: requests where not."""
    return _failures(run, "L3")


@define_statement(
    "L4 rule",
    source="L4 in docs/theory",
    assumptions="A7",
    unit="requests",
    policy="mess_plus",
    needs_distribution=False,
)
def L4(run: Run) -> Conclusion:
    """The served model minimises V E_m + Q_t (alpha - s_hat_m) when exploiting: requests where not."""
    return _failures(run, "L4")


STATEMENTS = (L1, L1_REFLECTION, L2, L2_CENTRED, L3, L4)
