"""The shape of the dual around gamma*: chords and their pull on the queue, prices at a gap below C* (for T6)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from messjax.theory import optimum
from messjax.theory.arguments import Floats
from messjax.types import Distribution

CHORDS = 60  # lengths h of chords of the dual, as shares of gamma* (above: up to ten times)
RATES = np.geomspace(1e-5, 20.0, 400)  # exponents r that are tried: every one gives a bound, the best is kept


class Pull(NamedTuple):
    """Constants of T6 on one side of V gamma*. Where its hypotheses fail r = 0, rho = 1 and log_K = inf.

    Attributes:
        theta: Beyond this level the queue is pulled back.
        eta: How fast, per request.
        r: The exponent, in 1 / request.
        rho: Factor per request by which E e^{r (distance from theta)} forgets where it began.
        log_K: Logarithm of what it tends to.
    """

    theta: Any
    eta: Any
    r: Any
    rho: Any
    log_K: Any


def best_pull(theta: Floats, slope: Floats, alpha: float, sign: float) -> Pull:
    """Of chords [n] and exponents the one that keeps the queue closest, by theta -+ log(1 + K) / r.

    Args:
        theta: [n] levels beyond which the queue is pulled back.
        slope: [n] how fast, per request.
        alpha: Required satisfaction.
        sign: 1 from above, -1 from below.

    Returns:
        The constants of the best chord and exponent.
    """
    theta, slope = (np.atleast_1d(values)[:, None] for values in np.broadcast_arrays(theta, slope))
    r = RATES[None]
    eta, rho, log_K = moments(slope, r, alpha, sign)
    with np.errstate(over="ignore", invalid="ignore"):
        reach = np.where(np.isfinite(log_K), np.logaddexp(0.0, log_K) / r + sign * theta, np.inf)
    n, k = np.unravel_index(np.argmin(reach), reach.shape)
    if not np.isfinite(reach[n, k]):
        return Pull(float(theta[n, 0]), 0.0, 0.0, 1.0, np.inf)
    return Pull(float(theta[n, 0]), float(eta[n, 0]), float(RATES[k]), float(rho[n, k]), float(log_K[n, k]))


def moments(slope: Floats, r: Floats, alpha: float, sign: float) -> tuple[Floats, Floats, Floats]:
    """What bounds E e^{r d} of the distance d beyond a level, where the queue is pulled back to it at this slope.

    Args:
        slope: [...] how fast it is pulled back, per request.
        r: [...] exponents, broadcast against the slopes.
        alpha: Required satisfaction.
        sign: 1 from above, -1 from below.

    Returns:
        The slopes, no larger than a step can be; rho, the factor per request; log K, infinite where nothing is bounded.
    """
    eta = np.clip(slope, 0.0, 1.0 - alpha if sign > 0 else alpha)  # no step is larger
    with np.errstate(over="ignore", divide="ignore"):
        # e^{-+r s} lies below its chord on [0, 1]; G - rho and 1 - rho without cancellation
        if sign > 0:  # step alpha - s with E[s] >= alpha + eta
            lost = (alpha + eta) * np.expm1(-r)  # near zero for small r, near -1 for large ones
            log_mean = np.where(lost > -0.5, np.log1p(lost), np.log(((1.0 - alpha) - eta) + (alpha + eta) * np.exp(-r)))
            log_rho = r * alpha + log_mean
            log_rest = r * alpha + np.log(-np.expm1(-r)) + np.log(alpha + eta)  # of G - rho, G = e^{r alpha}
        else:  # distance grows by s - alpha with E[s] <= alpha - eta
            log_rho = np.log1p((alpha - eta) * np.expm1(r)) - r * alpha
            log_rest = np.log(np.expm1(r)) + np.log(1.0 - alpha + eta) - r * alpha  # G = e^{r (1 - alpha)}
        applies = (eta > 0) & (log_rho < -1e-12)
        log_K = np.where(applies, log_rest - np.log(np.where(applies, -np.expm1(log_rho), 1.0)), np.inf)
    return eta, np.exp(log_rho), log_K


def chords(
    distribution: Distribution, alpha: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(h, eta), [n] each, above and below gamma*: chords of the dual (without meaning below gamma* = 0).

    Args:
        distribution: Weights [K], costs and means [K, M].
        alpha: Required satisfaction.

    Returns:
        Lengths h and slopes eta of the chords, [n] each, above and below.
    """
    return _chords(
        tuple(np.asarray(distribution.weight).tolist()), _rows(distribution.cost), _rows(distribution.mean), alpha
    )


def _rows(table: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in np.asarray(table, np.float64).tolist())


@lru_cache(maxsize=256)
def _chords(weight: tuple, cost: tuple, mean: tuple, alpha: float) -> Any:
    distribution = Distribution(np.array(weight), np.array(cost), np.array(mean))
    best = optimum.solve(distribution, alpha)
    share = np.geomspace(1e-3, 1.0, CHORDS)
    scale = best.gamma if best.gamma > 0 else 1.0
    h = scale * share * 10.0
    above = h, (best.cost - optimum.dual(distribution, alpha, best.gamma + h)) / h
    h = scale * share
    return above, (h, (best.cost - optimum.dual(distribution, alpha, np.maximum(best.gamma - h, 0.0))) / h)


def price_limits(distribution: Distribution, alpha: float) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Prices [n] around gamma*, ascending, with C* - Dual there, and the slopes of the dual at zero and beyond them.

    The prices are all at which a minimiser can change: between them the dual is straight.

    Args:
        distribution: Weights [K], costs and means [K, M].
        alpha: Required satisfaction.

    Returns:
        Prices [n], C* - Dual there [n], gamma*, and the slope of the dual beyond the last price.
    """
    cost, mean = np.asarray(distribution.cost, np.float64), np.asarray(distribution.mean, np.float64)
    best = optimum.solve(distribution, alpha)
    dE, dmu = cost[:, :, None] - cost[:, None], mean[:, :, None] - mean[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = (dE / dmu)[dmu != 0]
    g = np.unique(np.concatenate([[0.0, best.gamma], cross[np.isfinite(cross) & (cross > 0)]]))
    gap = np.maximum(best.cost - optimum.dual(distribution, alpha, g), 0.0)
    return g, gap, best.gamma, float(optimum.largest_alpha(distribution) - alpha)


def inverse(distribution: Distribution, alpha: float) -> Any:
    """(low, high): functions of a gap [..] in the dual to the prices at which the dual is that much below C*.

    Args:
        distribution: Weights [K], costs and means [K, M].
        alpha: Required satisfaction.

    Returns:
        The two functions.
    """
    g, gap, gamma, last = price_limits(distribution, alpha)
    below, above = g <= gamma, g >= gamma

    def low(epsilon: Any) -> Any:
        x, y = gap[below][::-1], g[below][::-1]
        return np.interp(epsilon, *_rising(x, y), right=0.0)

    def high(epsilon: Any) -> Any:
        x, y = _rising(gap[above], g[above])
        beyond = np.maximum(np.asarray(epsilon) - x[-1], 0.0)
        return np.interp(epsilon, x, y) + (beyond / last if last > 0 else np.where(beyond > 0, np.inf, 0.0))

    return low, high


def _rising(gap: np.ndarray, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of prices with the same gap (the flat top of the dual) the one that is farthest out."""
    kept = np.append(np.diff(gap) > 1e-12, True)
    return gap[kept], price[kept]
