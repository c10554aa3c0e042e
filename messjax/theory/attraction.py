"""T6: the queue is drawn to V gamma*, with constants from the slopes of the dual. Proofs in docs/theory, "T6".

The dual is concave with its maximum C* at gamma*. `eta` is the slope of a chord of it, from gamma* to gamma* -+ h: at
a kink a small h gives the one-sided slope, where the dual is smooth an h of order V^(-1/2) is best. Beyond the chord
the queue drifts back by at least eta per exploited request, which is all that these bounds use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import floats, over, refuse
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.dual_shape import Pull, best_pull, chords, inverse
from messjax.theory.statement import Between, Claim, Conclusion, NotApplicable, Run, Statement, Tail, define_statement


@bound_function("V gamma B T P_T beta_M S_T")
def T6_gap(inputs: BoundInputs) -> Any:
    """T6 (mean): with q = sum_t (1 - p_t) E[Q_t] / (T - P_T), the mean queue over exploited requests, and g = gamma*:

        C* - Dual(q / V) <= (B T + 2 S_T + (V g - Q_1)^2 / 2 + beta_M sum_t p_t (V g - E[Q_t])) / (V (T - P_T)).

    It bounds the price q / V on both sides: for a dual with slopes -+eta at its kink, |q - V g| <= (B + ...) / eta.
    Needs A1, A2, A4, A7, complete feedback and any maximiser g of the dual. Infinite where all is explored, or V = 0.
    Constants re-derived here.

    Args:
        inputs: V, gamma, B, T, P_T, beta_M, S_T, exploration_queue (the sum of p_t E[Q_t]; None: zero) and Q_1.

    Returns:
        The right side, in cost per request.
    """
    V, gamma, B, T, P_T, beta_M, S_T, Q_1 = inputs.floats("V gamma B T P_T beta_M S_T Q_1")
    (exploration_queue,) = floats(0.0 if inputs.exploration_queue is None else inputs.exploration_queue)
    level = V * gamma
    top = B * T + 2.0 * S_T + 0.5 * (level - Q_1) ** 2 + beta_M * (level * P_T - exploration_queue)
    left = V * (T - P_T)
    return np.where(left > 0, over(top, left), np.inf)[()]


@bound_function("alpha V gamma")
def T6_above(inputs: BoundInputs, *, h: ArrayLike, eta: ArrayLike) -> Pull:
    """T6 (tail): the pull from above V gamma*.

    eta = (C* - Dual(gamma* + h)) / h. Above theta = max(V (gamma* + h), 1 - alpha) the mean step is at most minus
    min(eta - 2 ebar (1 + gamma*/h), beta_M): the largest model answers explored requests. Hypotheses of `T6_tail`;
    constants re-derived here.

    Args:
        inputs: alpha, V, gamma, ebar and beta_M (None where no requests are explored), scalars.
        h: [n] lengths of chords of the dual, positive: any of them, the best is kept.
        eta: [n] their slopes.

    Returns:
        The constants of the best chord.

    Raises:
        ValueError: h <= 0.
    """
    h, eta = floats(h, eta)
    refuse("h", h, h <= 0, "a positive distance from gamma*")
    beta_M = np.inf if inputs.beta_M is None else inputs.beta_M
    slope = np.minimum(eta - 2.0 * inputs.ebar * (1.0 + inputs.gamma / h), beta_M)
    return best_pull(np.maximum(inputs.V * (inputs.gamma + h), 1.0 - inputs.alpha), slope, inputs.alpha, sign=1.0)


@bound_function("alpha V gamma")
def T6_below(inputs: BoundInputs, *, h: ArrayLike, eta: ArrayLike, p: float = 0.0) -> Pull:
    """T6 (tail): the pull from below V gamma*, where a request is explored with probability p at most.

    eta = (C* - Dual(gamma* - h)) / h, 0 < h <= gamma*. Below theta = V (gamma* - h) the mean step is at least
    (1 - p) (eta - 2 ebar (gamma*/h - 1)) - p max(beta_M, 0). Hypotheses of `T6_tail`; constants re-derived here.

    Args:
        inputs: alpha, V, gamma, ebar and beta_M (None: 0), scalars.
        h: [n] lengths of chords of the dual, positive: any of them, the best is kept.
        eta: [n] their slopes.
        p: the largest probability with which a request is explored.

    Returns:
        The constants of the best chord.

    Raises:
        ValueError: h <= 0.
    """
    h, eta = floats(h, eta)
    refuse("h", h, h <= 0, "a positive distance from gamma*")
    beta_M = 0.0 if inputs.beta_M is None else inputs.beta_M
    slope = (1.0 - p) * (eta - 2.0 * inputs.ebar * np.maximum(inputs.gamma / h - 1.0, 0.0)) - p * max(beta_M, 0.0)
    theta = inputs.V * (inputs.gamma - h)
    return best_pull(theta, np.where(theta < 0, -1.0, slope), inputs.alpha, sign=-1.0)


def T6_log_moment(pull: Pull, *, start: ArrayLike = -np.inf, requests: ArrayLike = np.inf) -> Any:
    """T6 (tail): the logarithm of the right side of E e^{r d} <= rho^n e^{r start} + (1 - rho^n) K.

    d is the distance of Q beyond theta (negative on the other side), `start` what it was n = `requests` ago. Hypotheses
    of `T6_tail`; infinite where they fail. Constants re-derived here.

    Args:
        pull: From `T6_above` or `T6_below`.
        start: [...] distance beyond theta some requests ago, in requests.
        requests: [...] number of requests since then.

    Returns:
        The logarithm of the bound, [...].
    """
    r, rho, log_K, start, requests = floats(pull.r, pull.rho, pull.log_K, start, requests)
    empty = np.isposinf(log_K)
    with np.errstate(divide="ignore", invalid="ignore"):
        fade = np.where(empty, 0.0, requests * np.log(rho))
        moment = np.logaddexp(fade + np.where(empty, 0.0, r * start), np.log(-np.expm1(fade)) + log_K)
    return np.where(empty, np.inf, moment)[()]


def T6_tail(pull: Pull, *, u: ArrayLike, start: ArrayLike = -np.inf, requests: ArrayLike = np.inf) -> Any:
    """T6 (tail): P(Q lies u or more beyond theta) <= e^{-r u} E e^{r d}, at most 1, with `T6_log_moment`.

    Needs A1, A2, A4, A7, complete feedback, E[e_t | past] <= ebar at every t that can exploit, and the slopes of the
    dual: eta > 0 after what errors and exploration take of it. 1 where that fails. Constants re-derived here.

    Args:
        pull: From `T6_above` or `T6_below`.
        u: [...] distance beyond theta, in requests.
        start: [...] distance beyond theta some requests ago, in requests.
        requests: [...] number of requests since then.

    Returns:
        The probability, [...].
    """
    (u,) = floats(u)
    return np.exp(np.minimum(T6_log_moment(pull, start=start, requests=requests) - pull.r * u, 0.0))[()]


def T6_level(pull: Pull, *, probability: ArrayLike, start: ArrayLike = -np.inf, requests: ArrayLike = np.inf) -> Any:
    """T6 (tail): the u at which `T6_tail` is this probability; infinite where that bounds nothing. Re-derived here.

    Args:
        pull: From `T6_above` or `T6_below`.
        probability: [...] in (0, 1].
        start: [...] distance beyond theta some requests ago, in requests.
        requests: [...] number of requests since then.

    Returns:
        The distance u [...], in requests.
    """
    (probability,) = floats(probability)
    moment = T6_log_moment(pull, start=start, requests=requests)
    return np.where(np.isposinf(moment), np.inf, (moment - np.log(probability)) / (pull.r or 1.0))[()]


@bound_function("V gamma")
def T6_spread(
    inputs: BoundInputs, *, above: Pull, below: Pull, start: float = -np.inf, requests: float = np.inf
) -> float:
    """T6 (mean): E[(Q - V gamma*)^2] <= sum over both sides of (|theta - V gamma*| + A)^2, with:

        A^2 = ((1 + log(1 + E e^{r d}))^2 - 1) / r^2.

    The same for every V at a kink, of order V where the dual is smooth (up to a logarithm). `start` and `requests`
    are those of the pull from below; from above the queue starts no higher than theta. Hypotheses of `T6_tail`;
    infinite where they fail. Constants re-derived here.

    Args:
        inputs: V and gamma.
        above: from `T6_above`.
        below: from `T6_below`.
        start: distance of the queue below theta, so many requests ago.
        requests: how many.

    Returns:
        The bound, in requests squared.
    """
    total = 0.0
    for pull, moment in (
        (above, T6_log_moment(above)),
        (below, T6_log_moment(below, start=start, requests=requests)),
    ):
        if np.isposinf(moment):
            return np.inf
        beyond = np.sqrt((1.0 + np.logaddexp(0.0, moment)) ** 2 - 1.0) / pull.r
        total += (abs(pull.theta - inputs.V * inputs.gamma) + beyond) ** 2
    return float(total)


# --- statements -----------------------------------------------------------------------------------------------------

PROOF: Any = {
    "source": "T6 in docs/theory",
    "assumptions": "A1 A2 A4 A7",
    "lemmas": ("t6_attraction",),
    "policy": "mess_plus",
    "feedback": "complete",
}


class Pulls:
    """What draws a run's queue to V gamma* from either side after half its requests, and whence it set out."""

    def __init__(self, run: Run) -> None:
        self.gamma, self.level = run.best.gamma, run.V * run.best.gamma
        half = run.T // 2 + 1
        p = min(1.0, run.c * half**-run.a)  # p_t falls: no request of the second half is explored more often
        beta_M = run.constants.beta_M
        assert run.distribution is not None
        above, below = chords(run.distribution, run.alpha)
        inputs = run.inputs(ebar=run.ebar)
        self.above: Pull = T6_above(inputs, h=above[0], eta=above[1], beta_M=beta_M if run.c > 0 else np.inf)
        self.below: Pull = T6_below(inputs, h=below[0], eta=below[1], p=p)
        if self.gamma == 0:  # nothing is below an empty queue
            self.below = Pull(theta=0.0, eta=0.0, r=1.0, rho=0.0, log_K=0.0)
        self.start, self.requests = self.below.theta, run.T + 1 - half  # from an empty queue at worst

    @property
    def missing(self) -> NotApplicable | None:
        """Where a side has no pull."""
        for side, pull in (("above", self.above), ("below", self.below)):
            if not pull.r > 0:
                return NotApplicable(f"no pull from {side}: the dual is too flat for ebar and exploration")
        return None

    @property
    def moments(self) -> tuple[float, float]:
        """Logarithms of the bounds of E e^{r d}, above and below."""
        below = T6_log_moment(self.below, start=self.start, requests=self.requests)
        return float(T6_log_moment(self.above)), float(below)


def price_where_dual_is_near(run: Run, gap: Callable[..., Any], sums: tuple[str, str]) -> Conclusion:
    """E[Q]/V, over exploited requests, lies where the dual is at most a gap less than C*: T6 and T6'.

    Args:
        run: V and exploited requests may be lacking: then the statement does not apply.
        gap: [n] sums -> the gap, in cost per request.
        sums: Metrics that `gap` takes; the last one is "exploration_queue".

    Returns:
        A `Between`, or why there is none.
    """
    left = run.T - run.P_T
    if run.V == 0 or left < 1e-9 * run.T:
        return NotApplicable("V = 0, or all requests are explored")
    assert run.distribution is not None
    low, high = inverse(run.distribution, run.alpha)
    used = run.over(*sums)
    at = float(gap(*(np.mean(each) for each in used)))
    if not np.isfinite(high(at)):
        return NotApplicable(f"the dual is nowhere {at:.3g} less than C*")
    nothing = low(at) <= 0  # no queue is below zero
    return Between(
        (run.T * run.metrics["queue_mean"] - used[-1]) / (left * run.V),
        -np.inf if nothing else lambda *means: low(gap(*means)),
        lambda *means: high(gap(*means)),
        run.best.gamma,
        used,
        within=(0.0, run.T * run.within("queue_mean")[1] / (left * run.V)),
        uses_within=tuple(map(run.within, sums)),
    )


@define_statement("T6 mean", unit="E[Q]/V (cost per unit of satisfaction)", **PROOF)
def T6_MEAN(run: Run) -> Conclusion:
    """E[Q]/V, over exploited requests, lies where the dual is within T6's gap of C*: around gamma*."""

    def gap(S: Any, X: Any) -> Any:
        return T6_gap(run.inputs(S_T=S, exploration_queue=X))

    return price_where_dual_is_near(run, gap, ("S", "exploration_queue"))


@define_statement("T6 tail 1/10", unit="share of streams", **PROOF)
def T6_TAIL(run: Run) -> Conclusion:
    """P(Q_{T+1} is u_+ above or u_- below V gamma*) <= 1/10, each at the distance that T6 gives 1/20."""
    pulls = Pulls(run)
    if pulls.missing:
        return pulls.missing
    u = T6_level(pulls.above, probability=0.05)
    down = T6_level(pulls.below, probability=0.05, start=pulls.start, requests=pulls.requests)
    Q = run.metrics["queue_last"]
    outside = (Q - pulls.above.theta >= u) | (pulls.below.theta - Q >= down)
    return Tail(outside, 0.1, 0.1 * _guide(pulls, Q), run.ebar_is_measured)


def _guide(pulls: Pulls, Q: np.ndarray) -> np.ndarray:
    """Half the sum of e^{r d} over its bound, of both sides [n]: a mean of at most one, cut off at 20 each."""
    above, below = pulls.above, pulls.below
    up, down = pulls.moments
    parts = above.r * (Q - above.theta) - up, below.r * (below.theta - Q) - down
    return np.sum([np.exp(np.minimum(part, np.log(20.0))) for part in parts], axis=0) / 2.0


@define_statement("T6 moment", unit="share of the bound", **PROOF)
def T6_MOMENT(run: Run) -> Conclusion:
    """E e^{r d} of the distance d beyond V gamma* over its bound, both sides averaged and cut off, is at most 1."""
    pulls = Pulls(run)
    if pulls.missing:
        return pulls.missing
    share = _guide(pulls, run.metrics["queue_last"])
    return Claim(share, 1.0, within=(0.0, 20.0), plug_in=run.ebar_is_measured)


@define_statement("T6 spread", unit="E[(Q_{T+1} - V gamma*)^2] (requests squared)", **PROOF)
def T6_SPREAD(run: Run) -> Conclusion:
    """E[(Q_{T+1} - V gamma*)^2] is at most a constant, the same for every V where the dual has a kink."""
    pulls = Pulls(run)
    if pulls.missing:
        return pulls.missing
    sides: Any = {"above": pulls.above, "below": pulls.below, "start": pulls.start, "requests": pulls.requests}
    return Claim(
        (run.metrics["queue_last"] - pulls.level) ** 2,
        T6_spread(run.inputs(), **sides),
        within=(0.0, max(pulls.level, run.within("queue_last")[1] - pulls.level) ** 2),
        plug_in=run.ebar_is_measured,
    )


STATEMENTS: tuple[Statement, ...] = (T6_MEAN, T6_TAIL, T6_MOMENT, T6_SPREAD)
