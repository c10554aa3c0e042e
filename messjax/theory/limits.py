"""The truth that bounds are held against: a floor for every policy, and what settled queues tend to ("Limits" in docs).

`lower_bound` and `T5_cost_floor` are theorems. Functions named `heuristic_...` are limits of diffusions, seen on exact
chains and not proved: they are drawn beside bounds and never tested as statements.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import floats, over, refuse
from messjax.theory.constants import BoundInputs, bound_function
from messjax.types import Distribution

GAPS = np.geomspace(1e-3, 1.0, 400)  # gaps between the models that are tried, as shares of the largest


class LowerBound(NamedTuple):
    """The least adjusted regret that a policy can promise on two worlds, and the worlds.

    Attributes:
        regret: On at least one of both worlds the adjusted regret of T requests is at least this, in cost units.
        gap: e, the difference of the two expensive models' means.
        worlds: The two distributions: one type, costs (0, 1, 1), the expensive models exchanged.
    """

    regret: float
    gap: float
    worlds: tuple[Distribution, Distribution]


def lower_bound_worlds(gap: float) -> tuple[Distribution, Distribution]:
    """The two worlds of the lower bound: costs (0, 1, 1), means (0, 1/2 + gap/2, 1/2 - gap/2), or the last two swapped.

    Args:
        gap: e, in [0, 1).

    Returns:
        Two distributions of one type and three models.

    Source: "Lower bound for every policy" in docs/theory.
    """
    (value,) = floats(gap)
    refuse("gap", value, ~((value >= 0) & (value < 1)), "a difference of means in [0, 1)")
    better, worse = 0.5 + gap / 2.0, 0.5 - gap / 2.0

    def world(*last: float) -> Distribution:
        return Distribution(np.ones(1), np.array([[0.0, 1.0, 1.0]]), np.array([[0.0, *last]]))

    return world(better, worse), world(worse, better)


def lower_bound(T: int, *, alpha: float = 0.25, violation: float = 0.05, gap: float | None = None) -> LowerBound:
    """For every policy, even one told all labels after each request: regret of order sqrt(T) on one of two worlds.

    Whoever keeps the expected violation at most `violation` on both serves the two expensive models at least
    2 (alpha - violation) T/(1 + e) times, and cannot tell which is the better one: with KL = 2 T e log((1 + e)/(1 -
    e)),

        max of both adjusted regrets >= e T/(1 + e) (2 (alpha - violation)/(1 + e) - sqrt(KL/2)).

    At alpha = 1/4, a violation of .05 and e = .13/sqrt(T) this is at least .024 sqrt(T) from T = 10 on.

    Args:
        T: Requests, at least 1.
        alpha: SLA target, in (0, 1/2].
        violation: What the policy's expected violation does not exceed on either world, below alpha.
        gap: e, the difference of the expensive models' means; None: the one that bounds best.

    Returns:
        The bound and its worlds.

    Raises:
        ValueError: T, alpha or violation out of range.

    Example:
        >>> bound = lower_bound(10_000)
        >>> print(f"regret of at least {bound.regret:.2f} = {bound.regret / 100:.4f} sqrt(T)")
        regret of at least 2.82 = 0.0282 sqrt(T)

    Source: "Lower bound for every policy" in docs/theory.
    """
    if T < 1:
        raise ValueError(f"lower_bound: T is {T}, expected at least one request")
    if not 0 < alpha <= 0.5:
        raise ValueError(f"lower_bound: alpha is {alpha:g}, expected a target in (0, 1/2]")
    if not 0 <= violation < alpha:
        raise ValueError(f"lower_bound: violation is {violation:g}, expected one in [0, alpha = {alpha:g})")
    e = GAPS * min(0.99, 1.0 / np.sqrt(T)) if gap is None else np.array([float(gap)])
    divergence = 2.0 * T * e * np.log((1.0 + e) / (1.0 - e))
    regret = e * T / (1.0 + e) * (2.0 * (alpha - violation) / (1.0 + e) - np.sqrt(divergence / 2.0))
    best = int(np.argmax(regret))
    return LowerBound(max(0.0, float(regret[best])), float(e[best]), lower_bound_worlds(float(e[best])))


@bound_function("gamma")
def T5_cost_floor(inputs: BoundInputs, *, violation: ArrayLike) -> Any:
    """T5 (mean), a floor: average cost - C* >= -gamma* E[violation] for every policy. Re-derived here.

    Args:
        inputs: gamma.
        violation: Expected violation, scalar or any shape, in satisfaction per request.

    Returns:
        What the cost gap is not below, in cost per request.
    """
    (gamma,) = inputs.floats("gamma")
    (violation,) = floats(violation)
    return -gamma * violation


@bound_function("V")
def heuristic_smooth_gap(inputs: BoundInputs, *, variance: ArrayLike) -> Any:
    """Heuristic: V times the settled cost gap of an oracle tends to sigma^2/4 where the dual is smooth at gamma*.

    sigma^2 is the variance of alpha - s_t at the price gamma*, alpha (1 - alpha) for labels 0 or 1; for requests that a
    hidden Markov chain selects it is the `long_run_variance`. A diffusion limit, not proved. B0/V of T2' is twice this
    for alpha >= 1/2.

    Args:
        inputs: V.
        variance: sigma^2, scalar or any shape.

    Returns:
        sigma^2 / (4 V), in cost per request.

    Source: "Smooth duals (heuristic)" in docs/theory.
    """
    (V,) = inputs.floats("V")
    (variance,) = floats(variance)
    return over(variance, 4.0 * V)


@bound_function("V")
def heuristic_smooth_spread(inputs: BoundInputs, *, variance: ArrayLike, curvature: ArrayLike) -> Any:
    """Heuristic: the standard deviation of a settled queue tends to sqrt(sigma^2 V/(2 k)) where the dual is smooth.

    k = -Dual''(gamma*). A diffusion limit (Ornstein and Uhlenbeck), not proved.

    Args:
        inputs: V.
        variance: sigma^2, as in `heuristic_smooth_gap`, scalar or any shape.
        curvature: k > 0, scalar or any shape.

    Returns:
        The standard deviation of Q, in requests.

    Source: "Smooth duals (heuristic)" in docs/theory.
    """
    (V,) = inputs.floats("V")
    variance, curvature = floats(variance, curvature)
    return np.sqrt(over(variance * V, 2.0 * curvature))
