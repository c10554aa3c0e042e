"""T6 for finitely many types: an oracle's regret falls exponentially in V. Proof in docs/theory, "T6".

Between the nearest prices at which another type's choice changes every choice is optimal at gamma*, too: only a queue
that strays beyond them loses anything, and T6 bounds how often it does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from messjax.theory import optimum
from messjax.theory.constants import distribution_constants
from messjax.theory.dual_shape import RATES, moments
from messjax.types import Distribution

SAME = 1e-9  # prices this close, relative to gamma*, are one


class Neighbours(NamedTuple):
    """The prices around gamma* at which another type's choice changes.

    Attributes:
        below: The nearest one below gamma*; -inf where there is none.
        above: The nearest one above; inf where there is none.
        worst: lbar, what a request served as badly as can be loses at the price gamma*, in cost units.
    """

    below: float
    above: float
    worst: float


def T6_neighbours(distribution: Distribution, alpha: float) -> Neighbours:
    """T6 (mean), finitely many types: the prices g_- and g_+ next to gamma*, and lbar. Re-derived here.

    Args:
        distribution: Weights [K], costs and means [K, M].
        alpha: SLA target, in [0, 1].

    Returns:
        The prices and lbar.
    """
    distribution = optimum.check_distribution(distribution)
    gamma, cost, mean = optimum.solve(distribution, alpha).gamma, distribution.cost, distribution.mean
    price = optimum.staircase(distribution).price[1:]
    cheapest = cost == cost.min(axis=1, keepdims=True)
    if (np.where(cheapest, mean, np.inf).min(axis=1) < np.where(cheapest, mean, -np.inf).max(axis=1)).any():
        price = np.append(price, 0.0)  # equally cheap models: an empty queue may choose the worse one
    width = SAME * max(gamma, 1.0)
    low, high = price[price < gamma - width], price[price > gamma + width]
    at_price = cost - gamma * mean
    worst = float(distribution.weight @ (at_price.max(axis=1) - at_price.min(axis=1)))
    return Neighbours(float(low.max()) if low.size else -np.inf, float(high.min()) if high.size else np.inf, worst)


def T6_decay_rate(*, alpha: float, eta: float) -> float:
    """T6 (mean), finitely many types: r > 0 with e^{r alpha} (1 - (alpha + eta)(1 - e^{-r})) = 1. Re-derived here.

    The probability that Q lies above V g_+ falls like e^{-r V (g_+ - gamma*)}, with eta the slope of the dual above
    gamma*.

    Args:
        alpha: SLA target, in (0, 1).
        eta: The slope, in (0, 1 - alpha].

    Returns:
        r; infinite where alpha + eta >= 1.

    Raises:
        ValueError: A slope that is not positive.
    """
    from scipy.optimize import brentq  # a tenth of a second that only this needs

    if not eta > 0:
        raise ValueError(f"T6_decay_rate: eta is {eta:g}, expected a positive slope")
    if alpha + eta >= 1.0:
        return np.inf

    def growth(r: float) -> float:
        return float(r * alpha + np.log1p(-(alpha + eta) * -np.expm1(-r)))

    high = 1.0
    while growth(high) < 0:
        high *= 2.0
    return float(brentq(growth, 1e-12, high))


def T6_finite_types(distribution: Distribution, *, V: float, alpha: float, p: float = 0.0) -> float:
    """T6 (mean), finitely many types: the adjusted regret per request of an oracle with a settled queue is at most:

        p (E_all - C* - g beta_M) + lbar [P(Q >= V g_+) + P(Q <= V g_-)],

    with the tails of T6 and p the probability of exploration. It falls exponentially in V where p = 0. Needs A1, A2,
    A4, A7 and complete feedback. Re-derived here.

    Args:
        distribution: Weights [K], costs and means [K, M].
        V: Weight of cost against satisfaction, in 1 / cost unit.
        alpha: SLA target, in [0, 1].
        p: Probability of exploration, constant.

    Returns:
        The bound, in cost per request.
    """
    best, k = optimum.solve(distribution, alpha), distribution_constants(distribution, alpha)
    near, g = T6_neighbours(distribution, alpha), best.gamma
    far = 0.0
    if np.isfinite(near.above):
        slope = (best.cost - optimum.dual(distribution, alpha, near.above)) / (near.above - g)
        slope = min(slope, k.beta_M) if p > 0 else slope
        far += _tail(slope, V * near.above - max(V * g, 1.0 - alpha), alpha, 1.0)
    if near.below >= 0:
        slope = (best.cost - optimum.dual(distribution, alpha, near.below)) / (g - near.below)
        far += _tail((1.0 - p) * slope - p * max(k.beta_M, 0.0), V * (g - near.below), alpha, -1.0)
    return float(p * (k.E_all - best.cost - g * k.beta_M) + near.worst * min(far, 1.0))


def _tail(slope: float, distance: float, alpha: float, sign: float) -> float:
    """P(Q lies this far beyond the level from which it is pulled back), at most 1, by the best exponent."""
    _, _, log_K = moments(np.array(slope), RATES, alpha, sign)
    return float(np.exp(min(0.0, np.min(log_K - RATES * distance))))
