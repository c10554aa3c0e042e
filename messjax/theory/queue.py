"""T3 (the mean queue under Slater's condition) and T4 (its exponential tail). Proofs in docs/theory, "T3" and "T4".

D of T4 is of order e^{r theta} and leaves float64 behind at V = 1e3 or so: everything here is computed from its
logarithm.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import floats, refuse
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.statement import Claim, Conclusion, NotApplicable, Run, Statement, Tail, define_statement


@bound_function("V B T dE beta beta_M exploration_queue")
def T3_queue(inputs: BoundInputs) -> Any:
    """T3 (mean): the Slater bound, for all T and Q_1 = 0:

        (1/T) sum_{t <= T} E[Q_t] <= (B + V dE + max(0, b - beta_M) (1/T) sum_{t <= T} p_t E[Q_t]) / b,

    where b = beta - 2 ebar > 0 and E[e_t | past] <= ebar at every t that can exploit (p_t < 1). The sum over p_t does
    not matter for pi0 = the largest model, where beta_M = beta >= b. Needs A1, A2, A3, A4, A7. Where b <= 0 the
    statement does not apply and the bound is infinite. Constants re-derived here.

    Args:
        inputs: V, B, T, dE, beta, ebar, beta_M and exploration_queue (the sum of p_t E[Q_t]).

    Returns:
        The bound on the mean queue, in requests.
    """
    V, B, T, dE, beta, ebar, beta_M, X = inputs.floats("V B T dE beta ebar beta_M exploration_queue")
    b = beta - 2.0 * ebar
    top = B + V * dE + np.maximum(0.0, b - beta_M) * (X / T)
    return np.where(b <= 0, np.inf, top / np.where(b <= 0, 1.0, b))[()]


class TailConstants(NamedTuple):
    """The constants of T4. Where its hypotheses fail r = 0, rho = 1 and D = inf: bounds are infinite, or 1.

    Attributes:
        eta: (beta - 2 ebar) / 2, how fast the queue falls above theta.
        theta: The level above which it does.
        delta: max(alpha, 1 - alpha), the largest step.
        r: The exponent, in 1 / request.
        rho: Factor per request by which E e^{r Q} forgets Q_1.
        log_D: log D >= 0.
    """

    eta: Any
    theta: Any
    delta: Any
    r: Any
    rho: Any
    log_D: Any

    @property
    def D(self) -> Any:
        """D >= 1 itself, inf beyond float64."""
        with np.errstate(over="ignore"):
            return np.exp(self.log_D)


@bound_function("alpha V dE beta")
def T4_constants(inputs: BoundInputs) -> TailConstants:
    """T4 (tail): eta = (beta - 2 ebar) / 2, theta = max(1 - alpha, V dE / eta), r = eta / (delta^2 + delta eta / 3):

        rho = 1 - r eta / 2 and D = (e^{r delta} - rho) e^{r theta} / (1 - rho).

    Needs A1, A2, A3, A4, A7, E[e_t | past] <= ebar at every t that can exploit (p_t < 1), beta - 2 ebar > 0 and
    beta_M >= eta; beta_M is beta unless given, as for pi0 = the largest model. Elsewhere the constants bound nothing,
    see `TailConstants`. With estimated costs pass dE + 2 sup_t E[eps_t | past]; with feedback that is `delay` requests
    late (T9) theta grows by alpha delay. Constants re-derived here.

    Args:
        inputs: alpha, V, dE, beta, ebar, beta_M and delay.

    Returns:
        The constants, for `T4_log_moment`, `T4_tail`, `T4_queue` and `T9_tail`.
    """
    alpha, V, dE, beta, ebar, delay = inputs.floats("alpha V dE beta ebar delay")
    (beta_M,) = floats(beta if inputs.beta_M is None else inputs.beta_M)
    eta, delta = (beta - 2.0 * ebar) / 2.0, np.maximum(alpha, 1.0 - alpha)
    empty = (eta <= 0) | (beta_M < eta)

    def where_it_applies(value: Any, otherwise: float) -> Any:
        return np.where(empty, otherwise, value)[()]

    safe = np.where(empty, 1.0, eta)
    r = safe / (delta**2 + delta * safe / 3.0)
    with np.errstate(over="ignore"):
        theta = np.maximum(1.0 - alpha, V * dE / safe) + alpha * delay
        log_D = r * theta + np.log1p(2.0 * np.expm1(r * delta) / r / safe)  # (e^{r delta} - rho)/(1 - rho), as 1 + ...
    return TailConstants(
        eta=eta[()],
        theta=where_it_applies(theta, np.inf),
        delta=delta[()],
        r=where_it_applies(r, 0.0),
        rho=where_it_applies(1.0 - r * safe / 2.0, 1.0),
        log_D=where_it_applies(log_D, np.inf),
    )


def T4_log_moment(constants: TailConstants, *, Q_1: ArrayLike = 0.0, t: ArrayLike | None = None) -> Any:
    """T4 (tail): the logarithm of the right side of E[e^{r Q_t}] <= rho^{t-1} e^{r Q_1} + (1 - rho^{t-1}) D.

    Without t, of max(e^{r Q_1}, D), which holds for all t. Hypotheses as in `T4_constants`; infinite where they fail.
    Constants re-derived here.

    Args:
        constants: From `T4_constants`.
        Q_1: [...] start of the queue, in requests.
        t: [...] request number, 1 or larger; None: all of them.

    Returns:
        The logarithm of the bound, [...].

    Raises:
        ValueError: t < 1.
    """
    r, rho, log_D, Q_1 = floats(constants.r, constants.rho, constants.log_D, Q_1)
    if t is None:
        return np.maximum(log_D, r * Q_1)[()]
    (t,) = floats(t)
    refuse("t", t, t < 1, "a request number, 1 or larger")
    empty = np.isposinf(log_D)
    with np.errstate(divide="ignore", invalid="ignore"):  # log 0 at t = 1, where all weight is on Q_1; NaN
        forgotten = np.log(-np.expm1((t - 1.0) * np.log(rho)))
        moment = np.logaddexp((t - 1.0) * np.log(rho) + r * Q_1, forgotten + np.where(empty, 0.0, log_D))
    return np.where(empty, np.inf, moment)[()]


def T4_tail(constants: TailConstants, *, q: ArrayLike, Q_1: ArrayLike = 0.0, t: ArrayLike | None = None) -> Any:
    """T4 (tail): P(Q_t >= q) <= e^{-r q} E[e^{r Q_t}], at most 1; for Q_1 = 0 and all t this is D e^{-r q}.

    The same bounds P(alpha - (1/T) sum s_t >= (q - Q_1) / T) at t = T + 1, by L1. Hypotheses and `t` as in
    `T4_log_moment`; 1 where the hypotheses fail. Constants re-derived here.

    Args:
        constants: From `T4_constants`.
        q: [...] level of the queue, in requests.
        Q_1: [...] start of the queue, in requests.
        t: [...] request number, 1 or larger; None: all of them.

    Returns:
        The probability, [...].
    """
    (q,) = floats(q)
    return np.exp(np.minimum(T4_log_moment(constants, Q_1=Q_1, t=t) - constants.r * q, 0.0))[()]


def T4_queue(constants: TailConstants, *, Q_1: ArrayLike = 0.0, t: ArrayLike | None = None) -> Any:
    """T4 (tail): E[Q_t] <= (1/r) log E[e^{r Q_t}], by Jensen; for Q_1 = 0 and all t this is (log D) / r.

    Hypotheses and `t` as in `T4_log_moment`; infinite where the hypotheses fail. Constants re-derived here.

    Args:
        constants: From `T4_constants`.
        Q_1: [...] start of the queue, in requests.
        t: [...] request number, 1 or larger; None: all of them.

    Returns:
        The bound on E[Q_t] [...], in requests.
    """
    with np.errstate(over="ignore"):
        return (T4_log_moment(constants, Q_1=Q_1, t=t) / np.where(constants.r == 0, 1.0, constants.r))[()]


# --- statements -----------------------------------------------------------------------------------------------------

ASSUMED: Any = {"assumptions": "A1 A2 A3 A4 A7", "policy": "mess_plus", "feedback": "complete"}
T4_PROOF: Any = {"source": "T4 in docs/theory", "lemmas": ("step_slater", "t4_tail")} | ASSUMED
NO_SLACK = "beta - 2 ebar is not positive"


@define_statement(
    "T3 mean queue",
    source="T3 in docs/theory",
    unit="mean queue (requests)",
    lemmas=("step_drift", "step_slater", "t3_slater"),
    **ASSUMED,
)
def T3(run: Run) -> Conclusion:
    """mean_t E[Q_t] <= (B + V dE) / (beta - 2 ebar), with ebar above every e_t."""
    ebar, measured = run.ebar, run.metrics["queue_mean"]
    if (b := run.constants.beta - 2.0 * ebar) <= 0:
        return NotApplicable(f"b = beta - 2 ebar = {b:.3g} is not positive", measured)
    return Claim(
        measured,
        lambda X: T3_queue(run.inputs(ebar=ebar, exploration_queue=X)),
        run.over("exploration_queue"),
        within=run.within("queue_mean"),
        uses_within=(run.within("exploration_queue"),),
        plug_in=run.ebar_is_measured,
    )


def tail_constants(run: Run) -> TailConstants:
    """The constants of T4 of a run.

    Args:
        run: The run.

    Returns:
        The constants.
    """
    return T4_constants(run.inputs(ebar=run.ebar))


def guide(run: Run, r: float, level: float) -> np.ndarray:
    """e^{r (Q_{T+1} - level)} [n], what Markov's inequality puts in place of Q_{T+1} >= level; cut off at 1.

    Args:
        run: The run, with n streams.
        r: Exponent, in 1 / request.
        level: Level of the queue, in requests.

    Returns:
        [n], in [0, 1].
    """
    return np.exp(np.minimum(r * (run.metrics["queue_last"] - level), 0.0))


def _tail(run: Run, probability: float) -> Conclusion:
    """Whether Q_{T+1} reached the level that T4 gives this probability."""
    constants, Q = tail_constants(run), run.metrics["queue_last"]
    if not constants.r > 0:
        return NotApplicable(NO_SLACK)
    level = float((constants.log_D - np.log(probability)) / constants.r)
    return Tail(level <= Q, float(T4_tail(constants, q=level)), guide(run, constants.r, level), run.ebar_is_measured)


@define_statement("T4 tail 1/2", unit="share of streams", **T4_PROOF)
def T4_HALF(run: Run) -> Conclusion:
    """P(Q_{T+1} >= q) <= D e^{-r q} at the q where that is 1/2."""
    return _tail(run, 0.5)


@define_statement("T4 tail 1/100", unit="share of streams", **T4_PROOF)
def T4_HUNDREDTH(run: Run) -> Conclusion:
    """P(Q_{T+1} >= q) <= D e^{-r q} at the q where that is 1/100."""
    return _tail(run, 0.01)


@define_statement("T4 mean", unit="E[Q_{T+1}] (requests)", **T4_PROOF)
def T4_MEAN(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= log D / r."""
    bound, measured = float(T4_queue(tail_constants(run))), run.metrics["queue_last"]
    if not np.isfinite(bound):
        return NotApplicable(NO_SLACK, measured)
    return Claim(measured, bound, within=run.within("queue_last"), plug_in=run.ebar_is_measured)


@define_statement("T4 moment", unit="share of D", **T4_PROOF)
def T4_MOMENT(run: Run) -> Conclusion:
    """E e^{r Q_{T+1}} <= D, as E min(e^{r Q_{T+1}} / D, 4) <= 1: cut off, so that streams can estimate its mean."""
    constants = tail_constants(run)
    if not constants.r > 0:
        return NotApplicable(NO_SLACK)
    exponent = constants.r * run.metrics["queue_last"] - constants.log_D
    return Claim(np.exp(np.minimum(exponent, np.log(4.0))), 1.0, within=(0.0, 4.0), plug_in=run.ebar_is_measured)


STATEMENTS: tuple[Statement, ...] = (T3, T4_MEAN, T4_MOMENT, T4_HALF, T4_HUNDREDTH)
