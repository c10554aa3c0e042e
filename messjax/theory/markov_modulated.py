"""T13: cost and queue where a hidden Markov chain selects the law of the requests. Proofs in docs/theory, "T13".

The benchmark is C* of the average law, although requests are dependent: what that costs is a mixing time tau times how
far the states differ. Where T12 applies as well, the better of both bounds counts.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory import optimum
from messjax.theory.arguments import Floats, floats, over
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.decision_loss import NOT_MEASURED, measured
from messjax.theory.laws import Laws
from messjax.theory.statement import Claim, Conclusion, NotApplicable, NotTested, Run, Statement, define_statement

SAME = 1e-9  # prices this close, relative, are one


class ModulatedConstants(NamedTuple):
    """What T13 needs of a hidden Markov chain.

    Attributes:
        tau: sum_{k >= 1} max_z TV(P^k(z, .), pi), in requests; 0 for i.i.d. requests, infinite for a periodic chain.
        spread: sigma_s, the largest difference between two states of the best response's mean satisfaction, over
            prices.
        e0: The same of E[min_m E_m], in cost units.
        inversion: max_z max(0, alpha - E[s_M | z]).
    """

    tau: float
    spread: float
    e0: float
    inversion: float


def T13_constants(laws: Laws, alpha: float) -> ModulatedConstants:
    """T13 (mean): the constants of a hidden Markov chain. Re-derived here.

    Args:
        laws: Laws that a Markov chain selects.
        alpha: SLA target, in [0, 1].

    Returns:
        The constants.

    Raises:
        ValueError: Laws by a schedule.
    """
    if laws.transition is None:
        raise ValueError("T13_constants: found laws by a schedule, expected laws by a Markov chain")
    return _known(laws, alpha)


@functools.lru_cache(maxsize=256)
def _known(laws: Laws, alpha: float) -> ModulatedConstants:
    assert laws.transition is not None
    parts = laws.parts
    cheapest = [float(part.weight @ part.cost.min(axis=1)) for part in parts]
    last = min(float(part.weight @ part.mean[:, -1]) for part in parts)
    return ModulatedConstants(
        tau=_mixing_time(laws.transition, laws.stationary),
        spread=float(np.ptp(_responses(laws)[1], axis=0).max()),
        e0=float(np.ptp(cheapest)),
        inversion=max(0.0, alpha - last),
    )


def _mixing_time(P: Floats, pi: Floats) -> float:
    left = power = P - pi  # its k-th power is P^k - pi: what is left of the first state after k steps
    if np.abs(np.linalg.eigvals(left)).max() > 1.0 - SAME:
        return np.inf  # periodic, or nearly so
    total, distance = 0.0, 1.0
    while distance > 1e-15:
        distance = 0.5 * float(np.abs(power).sum(axis=1).max())
        total += distance
        power = power @ left
    return total


def _responses(laws: Laws) -> tuple[Floats, Floats]:
    """Prices [n] between which no choice changes, and the best response's mean satisfaction there [S, n]."""
    stairs = [optimum.staircase(part) for part in laws.parts]
    edges = np.unique(np.concatenate([[0.0], *(each.price for each in stairs)]))
    edges = edges[np.append(True, np.diff(edges) > SAME * np.maximum(edges[1:], 1.0))]  # one price up to rounding
    between = np.append((edges[1:] + edges[:-1]) / 2.0, edges[-1] + 1.0)
    return between, np.stack([each.level[np.searchsorted(each.price[1:], between)] for each in stairs])


class Sides(NamedTuple):
    """Serving at the price gamma*, where a share of the requests may be tied: at a price below it or above it.

    Attributes:
        below: A price below gamma* with no change of choice in between.
        above: The same above it.
        share: The share of requests to be served at the one above, so that the average satisfaction is alpha.
        satisfaction: [S] mean satisfaction in each hidden state.
    """

    below: float
    above: float
    share: float
    satisfaction: Floats


def served_at_price(laws: Laws, alpha: float) -> Sides:
    """How every request is served at gamma* of the average law, its satisfaction being alpha on average.

    Args:
        laws: Laws that a Markov chain selects.
        alpha: SLA target, in [0, 1], attainable.

    Returns:
        Both sides of the price, and the share of the upper one.

    Raises:
        ValueError: Laws by a schedule, or alpha out of reach.
    """
    if laws.transition is None:
        raise ValueError("long_run_variance: found laws by a schedule, expected laws by a Markov chain")
    price = optimum.solve(laws.average, alpha).gamma
    between, level = _responses(laws)
    at = int(np.searchsorted(between, price))
    first, last = max(at - 1, 0), min(at, len(between) - 1)
    low, high = (float(laws.stationary @ level[:, side]) for side in (first, last))
    share = (alpha - low) / (high - low) if high > low else 0.0
    satisfaction = (1.0 - share) * level[:, first] + share * level[:, last]
    return Sides(float(between[first]), float(between[last]), share, satisfaction)


def long_run_variance(laws: Laws, alpha: float) -> float:
    """The long-run variance of alpha - s_t when every request is answered at the price gamma*, labels being 0 or 1.

    It is alpha (1 - alpha) plus twice the sum of the autocovariances, which the hidden state makes; alpha (1 - alpha)
    for independent requests. A quarter of it is what V times the cost gap of a smooth dual tends to
    (`heuristic_smooth_gap`). `statistics.long_run.long_run_variance` estimates it from paths; `messjax-proofs` prints
    both. At a price at which a share of requests is tied it is that of the mean over both sides.

    Args:
        laws: Laws that a Markov chain selects.
        alpha: SLA target, in [0, 1], attainable.

    Returns:
        The variance, per request.

    Raises:
        ValueError: Laws by a schedule, or alpha out of reach.

    Source: "Smooth duals (heuristic)" in docs/theory.
    """
    served = served_at_price(laws, alpha).satisfaction - alpha  # mean zero under the stationary law
    size = len(served)
    assert laws.transition is not None
    solved = np.linalg.solve(np.eye(size) - laws.transition + np.outer(np.ones(size), laws.stationary), served)
    return float(alpha * (1.0 - alpha) + 2.0 * (laws.stationary * served) @ (solved - served))


@bound_function("V T P_T E_all C_star B0 k0 D_T exploration_queue")
def T13_cost(inputs: BoundInputs, *, modulated: ModulatedConstants, moves: ArrayLike, largest_queue: ArrayLike) -> Any:
    """T13 (mean): with tau, sigma_s and e0 of the hidden chain and C* of the average law:

        average cost - C* <= (E_all - C*) P_T/T
            + [B0 T + tau sigma_s moves + D + R + (Q_1 - k0)^2/2 + 2 tau (V e0 + sigma_s max_t E[Q_t])]/(V T),

    where R = max_z max(0, alpha - E[s_M | z]) X. Needs a stationary start, mu that is a function of x, a p_t that
    does not grow, A2, A4 and A7. Re-derived here.

    Args:
        inputs: V, T, P_T, E_all, C_star, B0, k0, D_T, exploration_queue (X) and Q_1.
        modulated: Of `T13_constants`.
        moves: Scalar, sum_t E|alpha - s_t|, at most delta T; for labels 0 or 1 the sum of alpha + (1 - 2 alpha) E[s_t].
        largest_queue: Scalar, max_t E[Q_t], in requests.

    Returns:
        The bound, in cost per request.
    """
    V, T, P_T, E_all, C_star, B0, k0, D, X, Q_1 = inputs.floats("V T P_T E_all C_star B0 k0 D_T exploration_queue Q_1")
    moves, largest_queue = floats(moves, largest_queue)
    tau, spread, e0, inversion = modulated
    dependence = tau * (spread * moves + 2.0 * (V * e0 + spread * largest_queue))
    top = B0 * T + dependence + D + inversion * X + 0.5 * (Q_1 - k0) ** 2
    return over(top, V * T) + (E_all - C_star) * P_T / T


@bound_function("V gamma T B0 k0 D_above exploration_queue")
def T13_queue(inputs: BoundInputs, *, modulated: ModulatedConstants, moves: ArrayLike) -> Any:
    """T13 (mean): with b = tau sigma_s:

        E[Q_{T+1}] <= V g + k0 + 2 b + sqrt(4 b^2 + 4 b k0 + ((Q_1 - V g)+ - k0)^2 + 2 B0 T + 2 b moves + 2 D + 2 R).

    Hypotheses and R as in `T13_cost`; D while Q > V g. Re-derived here.

    Args:
        inputs: V, gamma, T, B0, k0, D_above, exploration_queue (X) and Q_1.
        modulated: Of `T13_constants`.
        moves: As in `T13_cost`, scalar.

    Returns:
        The bound on E[Q_{T+1}], in requests.
    """
    V, gamma, T, B0, k0, D, X, Q_1 = inputs.floats("V gamma T B0 k0 D_above exploration_queue Q_1")
    (moves,) = floats(moves)
    level, b = V * gamma, modulated.tau * modulated.spread
    radicand = 4.0 * b**2 + 4.0 * b * k0 + (np.maximum(Q_1 - level, 0.0) - k0) ** 2
    radicand = radicand + 2.0 * (B0 * T + b * moves + D + modulated.inversion * X)
    return level + k0 + 2.0 * b + np.sqrt(np.maximum(radicand, 0.0))


# --- statements -----------------------------------------------------------------------------------------------------

PROOF: Any = {
    "source": "T13 in docs/theory",
    "assumptions": "A2 A4 A7",
    "policy": "mess_plus",
    "feedback": "complete",
    "lemmas": ("l2_centred", "t13_markov"),
}


def _constants(run: Run) -> ModulatedConstants | NotApplicable:
    if run.laws is None or run.laws.transition is None:
        return NotTested("requests are not known to be selected by a hidden Markov chain")
    if not measured(run):
        return NotTested(NOT_MEASURED)
    if not np.isclose(optimum.solve(run.laws.average, run.alpha).cost, run.best.cost, rtol=1e-9):
        return NotTested("the distribution that C* is of is not the average law")
    constants = T13_constants(run.laws, run.alpha)
    return constants if np.isfinite(constants.tau) else NotApplicable("the hidden chain is periodic: tau is infinite")


def moves(run: Run, violation: Any) -> Any:
    """sum_t E|alpha - s_t|, at most T (alpha + (1 - 2 alpha) E[s]) for scores in [0, 1], as |alpha - s| is convex.

    Args:
        run: alpha and T.
        violation: alpha less the average satisfaction, numbers or arrays.

    Returns:
        The right side, in requests.
    """
    return run.T * (2.0 * run.alpha * (1.0 - run.alpha) + (2.0 * run.alpha - 1.0) * violation)


@define_statement("T13 cost gap", unit="average cost - C* (cost per request)", **PROOF)
def T13(run: Run) -> Conclusion:
    """Average cost - C* <= B0/V + (E_all - C*) P_T/T + [D + R + tau (sigma_s moves + 2 V e0 + ...)]/(V T)."""
    known = _constants(run)
    if isinstance(known, NotApplicable):
        return known
    return Claim(
        run.metrics["cost"] - run.best.cost,
        lambda D, X, short, top: T13_cost(
            run.inputs(D_T=D, exploration_queue=X), modulated=known, moves=moves(run, short), largest_queue=top
        ),
        run.over("decision_loss", "exploration_queue", "violation", "queue_max"),
    )


@define_statement("T13 queue", unit="E[Q_{T+1}] (requests)", **PROOF)
def T13_QUEUE(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= V g + k0 + 2 b + sqrt(4 b^2 + 4 b k0 + k0^2 + 2 B0 T + 2 b moves + 2 D + 2 R), b = tau sigma_s."""
    known = _constants(run)
    if isinstance(known, NotApplicable):
        return known
    return Claim(
        run.metrics["queue_last"],
        lambda D, X, short: T13_queue(
            run.inputs(D_above=D, exploration_queue=X), modulated=known, moves=moves(run, short)
        ),
        run.over("decision_loss_above", "exploration_queue", "violation"),
    )


STATEMENTS: tuple[Statement, ...] = (T13, T13_QUEUE)
