"""T6: the queue is drawn to V gamma*: its mean, its tails on both sides, and its spread there."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from messjax import theory
from messjax.theory import optimum
from messjax.theory.statement import Between, Claim, Conclusion, NotApplicable, Run, Tail, statement
from messjax.types import Distribution
from proofs_check.statements.queue import NOT_MESS_PLUS, applies_to_mess_plus

CHORDS = 60  # lengths h of chords of the dual, as shares of gamma* (above: up to ten times)
SOURCE = "T6 in docs/theory"


class Pulls:
    """What draws a run's queue to V gamma* from either side after half its requests, and whence it set out."""

    def __init__(self, run: Run) -> None:
        self.gamma, self.level = run.best.gamma, run.V * run.best.gamma
        half = run.T // 2 + 1
        p = min(1.0, run.c * half**-run.a)  # p_t falls: no request of the second half is explored more often
        beta_M = run.constants.beta_M
        above, below = chords(run.case.distribution, run.alpha)
        self.above = theory.T6_above(run.alpha, run.V, self.gamma, *above, run.ebar, beta_M if run.c > 0 else np.inf)
        self.below = theory.T6_below(run.alpha, run.V, self.gamma, *below, run.ebar, beta_M, p)
        if self.gamma == 0:  # nothing is below an empty queue
            self.below = theory.Pull(theta=0.0, eta=0.0, r=1.0, rho=0.0, log_K=0.0)
        self.start, self.requests = self.below.theta, run.T + 1 - half  # from an empty queue at worst

    @property
    def silent(self) -> NotApplicable | None:
        """Where a side has no pull."""
        for side, pull in (("above", self.above), ("below", self.below)):
            if not pull.r > 0:
                return NotApplicable(f"no pull from {side}: the dual is too flat for ebar and exploration")
        return None

    @property
    def moments(self) -> tuple[float, float]:
        """Logarithms of the bounds of E e^{r d}, above and below."""
        below = theory.T6_log_moment(self.below, self.start, self.requests)
        return float(theory.T6_log_moment(self.above)), float(below)


def chords(
    distribution: Distribution, alpha: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(h, eta), [n] each, above and below gamma*: chords of the dual (without meaning below gamma* = 0)."""
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
    """
    cost, mean = np.asarray(distribution.cost, np.float64), np.asarray(distribution.mean, np.float64)
    best = optimum.solve(distribution, alpha)
    dE, dmu = cost[:, :, None] - cost[:, None], mean[:, :, None] - mean[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = (dE / dmu)[dmu != 0]
    g = np.unique(np.concatenate([[0.0, best.gamma], cross[np.isfinite(cross) & (cross > 0)]]))
    gap = np.maximum(best.cost - optimum.dual(distribution, alpha, g), 0.0)
    return g, gap, best.gamma, float(optimum.largest_alpha(distribution) - alpha)


def _inverse(run: Run) -> Any:
    """(low, high): functions of a gap [..] in the dual to the prices at which the dual is that much below C*."""
    g, gap, gamma, last = price_limits(run.case.distribution, run.alpha)
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


@statement("T6 mean", source=SOURCE, assumptions="A1 A2 A4 A7", unit="E[Q]/V (cost per unit of satisfaction)")
def T6_mean(run: Run) -> Conclusion:
    """E[Q]/V, over exploited requests, lies where the dual is within T6's gap of C*: around gamma*."""
    left = run.T - run.P_T
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    if run.V == 0 or left < 1e-9 * run.T:
        return NotApplicable("V = 0, or all requests are explored")
    k, (low, high) = run.constants, _inverse(run)

    def gap(S: Any, X: Any) -> Any:
        return theory.T6_gap(run.V, run.best.gamma, k.B, run.T, run.P_T, k.beta_M, S, X)

    S, X = run.over("S", "exploration_queue")
    at = float(gap(np.mean(S), np.mean(X)))
    if not np.isfinite(high(at)):
        return NotApplicable(f"the dual is nowhere {at:.3g} less than C*")
    price = (run.T * run.metrics["queue_mean"] - X) / (left * run.V)
    nothing = low(at) <= 0  # no queue is below zero
    return Between(
        price, -np.inf if nothing else lambda S, X: low(gap(S, X)), lambda S, X: high(gap(S, X)), run.best.gamma, (S, X)
    )


@statement("T6 tail 1/10", source=SOURCE, assumptions="A1 A2 A4 A7", unit="share of streams")
def T6_tail(run: Run) -> Conclusion:
    """P(Q_{T+1} is u_+ above or u_- below V gamma*) <= 1/10, each at the distance that T6 gives 1/20."""
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    pulls = Pulls(run)
    if pulls.silent:
        return pulls.silent
    u = theory.T6_level(0.05, pulls.above)
    down = theory.T6_level(0.05, pulls.below, pulls.start, pulls.requests)
    Q = run.metrics["queue_last"]
    outside = (Q - pulls.above.theta >= u) | (pulls.below.theta - Q >= down)
    return Tail(outside, 0.1, 0.1 * _guide(pulls, Q))


def _guide(pulls: Pulls, Q: np.ndarray) -> np.ndarray:
    """Half the sum of e^{r d} over its bound, of both sides [n]: a mean of at most one, cut off at 20 each."""
    above, below = pulls.above, pulls.below
    up, down = pulls.moments
    parts = above.r * (Q - above.theta) - up, below.r * (below.theta - Q) - down
    return np.sum([np.exp(np.minimum(part, np.log(20.0))) for part in parts], axis=0) / 2.0


@statement("T6 moment", source=SOURCE, assumptions="A1 A2 A4 A7", unit="share of the bound")
def T6_moment(run: Run) -> Conclusion:
    """E e^{r d} of the distance d beyond V gamma* over its bound, both sides averaged and cut off, is at most 1."""
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    pulls = Pulls(run)
    return pulls.silent or Claim(_guide(pulls, run.metrics["queue_last"]), 1.0)


@statement("T6 spread", source=SOURCE, assumptions="A1 A2 A4 A7", unit="E[(Q_{T+1} - V gamma*)^2] (requests squared)")
def T6_spread(run: Run) -> Conclusion:
    """E[(Q_{T+1} - V gamma*)^2] is at most a constant, the same for every V where the dual has a kink."""
    if not applies_to_mess_plus(run):
        return NOT_MESS_PLUS
    pulls = Pulls(run)
    if pulls.silent:
        return pulls.silent
    bound = theory.T6_spread(run.V, pulls.gamma, pulls.above, pulls.below, pulls.start, pulls.requests)
    return Claim((run.metrics["queue_last"] - pulls.level) ** 2, bound)


STATEMENTS = (T6_mean, T6_tail, T6_moment, T6_spread)
