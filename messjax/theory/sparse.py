"""T9: T1, L1 and T4 where feedback is sparse or late. Proofs in docs/theory, "T9".

Feedback on a request arrives with probability f, by coins independent of requests, labels and exploration; queue and
predictor move only with it. T2 and T3 need no other form, and a delay needs only other constants. `T9_queue` is the
counterpart of T1's older form.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import Floats, floats, over, refuse
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.paths import L1_violation
from messjax.theory.queue import NO_SLACK, T4_tail, TailConstants, guide, tail_constants
from messjax.theory.statement import Claim, Conclusion, NotApplicable, Run, Statement, Tail, define_statement
from messjax.theory.violation import T1_queue, T1_queue_older


def _fraction(name: str, f: ArrayLike) -> Floats:
    (values,) = floats(f)
    refuse(name, values, ~((values > 0) & (values <= 1) | np.isnan(values)), "a probability in (0, 1]")
    return values


@bound_function("V gamma B T P_T beta_M S_T f")
def T9_queue(inputs: BoundInputs) -> Any:
    """T9 (mean): `T1_queue_older` counted in requests with feedback. With g = gamma*:

        E[Q_{T+1}] <= V g + sqrt((V g - Q_1)^2 + f (2 B T + 2 V g beta_M P_T + 4 S_T + 2 R_T)).

    f_explored is the probability of feedback on explored requests where it is another one (1 where they always give
    it). It then replaces f before P_T and R_T, and f T becomes f T + (f_explored - f) P_T. Hypotheses of `T1_queue`,
    and coins of feedback independent of all else (A5); S_T has the real e_t, of the predictor that learns from feedback
    only. Constants re-derived here.

    Args:
        inputs: what `T1_queue_older` takes, f and f_explored.

    Returns:
        The bound on E[Q_{T+1}], in requests.

    Raises:
        ValueError: f or f_explored outside (0, 1].
    """
    f, T, P_T, S_T, R_T = floats(_fraction("f", inputs.f), inputs.T, inputs.P_T, inputs.S_T, inputs.inversion)
    h = f if inputs.f_explored is None else _fraction("f_explored", inputs.f_explored)
    return T1_queue_older(inputs, T=f * T + (h - f) * P_T, P_T=h * P_T, S_T=f * S_T, R_T=h * R_T)


@bound_function("V gamma B T P_T S_T f")
def T9_queue_sharp(inputs: BoundInputs) -> Any:
    """T9 (mean): `T1_queue`, the sharp form, counted in requests with feedback. With g = gamma*:

        E[Q_{T+1}] <= V g + sqrt(max(0, Q_1 - V g)^2 + f (2 B T + 4 S_T + 2 R_T)).

    With f_explored as in `T9_queue`, below which it is wherever beta_M >= 0; hypotheses as there. Constants re-derived
    here.

    Args:
        inputs: what `T1_queue` takes, P_T, f and f_explored.

    Returns:
        The bound on E[Q_{T+1}], in requests.

    Raises:
        ValueError: f or f_explored outside (0, 1].
    """
    f, T, P_T, S_T, R_T = floats(_fraction("f", inputs.f), inputs.T, inputs.P_T, inputs.S_T, inputs.inversion)
    h = f if inputs.f_explored is None else _fraction("f_explored", inputs.f_explored)
    return T1_queue(inputs, T=f * T + (h - f) * P_T, S_T=f * S_T, R_T=h * R_T)


@bound_function("V gamma B T P_T S_T f")
def T9_violation_sharp(inputs: BoundInputs) -> Any:
    """T9 (mean): `T9_violation` with the bound of `T9_queue_sharp`. Constants re-derived here.

    Args:
        inputs: what `T9_queue_sharp` takes, and beta_M where f_explored is given.

    Returns:
        The bound on the violation, in satisfaction per request.
    """
    gain = 0.0 if inputs.f_explored is None else T9_forced(inputs)
    return L1_violation(Q_last=T9_queue_sharp(inputs), T=np.multiply(inputs.f, inputs.T), Q_1=inputs.Q_1) + gain


@bound_function("V gamma B T P_T beta_M S_T f")
def T9_violation(inputs: BoundInputs) -> Any:
    """T9 (mean): E[alpha - (1/T) sum s_t] <= (bound of `T9_queue` - Q_1) / (f T), plus `T9_forced` with f_explored.

    In expectation only: a path may exceed (Q_{T+1} - Q_1) / (f T), see `T9_path_tail`. Hypotheses, arguments, errors
    and re-derived constants as in `T9_queue`.

    Args:
        inputs: what `T9_queue` takes.

    Returns:
        The bound on the violation, in satisfaction per request.
    """
    gain = 0.0 if inputs.f_explored is None else T9_forced(inputs)
    return L1_violation(Q_last=T9_queue(inputs), T=np.multiply(inputs.f, inputs.T), Q_1=inputs.Q_1) + gain


@bound_function("T P_T beta_M f")
def T9_forced(inputs: BoundInputs) -> Any:
    """T9 (mean): E[alpha - (1/T) sum s_t] <= E[Q_{T+1} - Q_1] / (f T) + beta_M (f_explored / f - 1) P_T / T.

    The last term, returned here, is what the queue overlooks where explored requests give feedback more often than the
    others, by default always: it has counted the largest model's surplus beta_M too often. Re-derived here.

    Args:
        inputs: T, P_T, beta_M, f and f_explored (None: 1).

    Returns:
        The term, in satisfaction per request.

    Raises:
        ValueError: f or f_explored outside (0, 1].
    """
    explored = 1.0 if inputs.f_explored is None else inputs.f_explored
    f, h = _fraction("f", inputs.f), _fraction("f_explored", explored)
    T, P_T, beta_M = inputs.floats("T P_T beta_M")
    return beta_M * (h / f - 1.0) * P_T / T


def T9_tail(
    constants: TailConstants, *, q: ArrayLike, f: ArrayLike, Q_1: ArrayLike = 0.0, t: ArrayLike | None = None
) -> Any:
    """T9 (tail): `T4_tail` with rho replaced by 1 - f (1 - rho); r and D stay as they are.

    Without t it is `T4_tail` itself, and holds also where explored requests always give feedback; with t it needs that
    every request gives feedback with probability f. For late feedback give `T4_constants` the delay. Hypotheses as
    there; constants re-derived here.

    Args:
        constants: From `T4_constants`.
        q: [...] level of the queue, in requests.
        f: [...] probability of feedback, in (0, 1].
        Q_1: [...] start of the queue, in requests.
        t: [...] request number, 1 or larger; None: all of them.

    Returns:
        The probability, [...].

    Raises:
        ValueError: f outside (0, 1], or t < 1.
    """
    return T4_tail(constants._replace(rho=1.0 - _fraction("f", f) * (1.0 - constants.rho)), q=q, Q_1=Q_1, t=t)


@bound_function("T f delta")
def T9_path_tail(inputs: BoundInputs, *, u: ArrayLike) -> Any:
    """T9 (tail): P(sum_{t <= T} (alpha - s_t) > (Q_{T+1} - Q_1)/f + u) is at most:

        exp(-u^2 / (2 (T delta^2 (1-f)/f + delta max(1, 1/f - 1) u/3))),

    by Freedman's inequality for the martingale sum (1 - F_t/f) (alpha - s_t), F_t the coins of feedback. Needs coins
    i.i.d.(f), independent of all else, and s_t in [0, 1]: no predictor, no exploration. 1 for u <= 0. (At f = 1 L1 has
    no exceptions, and this bound none of its use.) Constants re-derived here.

    Args:
        inputs: T, f and delta.
        u: [...] by how much the sum exceeds its bound by the queue, in satisfaction.

    Returns:
        The probability.

    Raises:
        ValueError: f outside (0, 1].
    """
    T, delta = inputs.floats("T delta")
    f, u = _fraction("f", inputs.f), np.maximum(*floats(u, 0.0))
    variance = T * delta**2 * (1.0 - f) / f
    return np.exp(-over(u**2, 2.0 * (variance + delta * np.maximum(1.0, 1.0 / f - 1.0) * u / 3.0)))[()]


def T9_delayed_B(*, alpha: ArrayLike, delay: ArrayLike) -> Any:
    """T9 (mean): B + d delta^2, which stands for B in T1, T2, T3 where feedback is exactly d = `delay` requests late.

    Decisions then use Q_{t-d}, at most d delta away from Q_t; S_T, and the mean queue of T3, are those of Q_{t-d}, and
    Q_{T+1} is the queue once all T outcomes are counted. Re-derived here. Lemmas: t9_delay.

    Args:
        alpha: [...] SLA target, in [0, 1].
        delay: [...] d, in requests, at least zero.

    Returns:
        The constant, in the broadcast shape.

    Raises:
        ValueError: A delay is negative.
    """
    alpha, delay = floats(alpha, delay)
    refuse("delay", delay, delay < 0, "a number of requests, zero or larger")
    return (0.5 + delay) * np.maximum(alpha, 1.0 - alpha) ** 2


# --- statements: at f = 1 feedback is complete, and T1, L1 and T4 apply --------------------------------------

PROOF: Any = {"source": "T9 in docs/theory", "lemmas": ("t9_sparse",), "policy": "mess_plus", "feedback": "sparse"}
VIOLATION = "violation (satisfaction per request)"


def _claim(run: Run, metric: str, of: Any) -> Conclusion:
    return Claim(
        run.metrics[metric],
        lambda S, exploration_queue: of(run.inputs(S_T=S, exploration_queue=exploration_queue)),
        run.over("S", "exploration_queue"),
        within=run.within(metric),
        uses_within=(run.within("S"), run.within("exploration_queue")),
    )


@define_statement("T9 queue", assumptions="A1 A2 A4 A5 A7", unit="E[Q_{T+1}] (requests)", **PROOF)
def T9_QUEUE(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= V g + sqrt((V g)^2 + f (2 B T + 2 V g beta_M P_T + 4 S_T + 2 R_T))."""
    return _claim(run, "queue_last", T9_queue)


@define_statement("T9 sharp queue", assumptions="A1 A2 A4 A5 A7", unit="E[Q_{T+1}] (requests)", **PROOF)
def T9_SHARP_QUEUE(run: Run) -> Conclusion:
    """E[Q_{T+1}] <= V g + sqrt(f (2 B T + 4 S_T + 2 R_T)): the sharp form of T1, counted in requests with feedback."""
    return _claim(run, "queue_last", T9_queue_sharp)


@define_statement("T9 sharp violation", assumptions="A1 A2 A4 A5 A7", unit=VIOLATION, **PROOF)
def T9_SHARP_VIOLATION(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= the bound of T9's sharp queue over f T."""
    return _claim(run, "violation", T9_violation_sharp)


@define_statement("T9 violation", assumptions="A5", unit=VIOLATION, needs_distribution=False, **PROOF)
def T9_VIOLATION(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= E[Q_{T+1}] / (f T): by the queue that was measured."""
    return Claim(
        run.metrics["violation"],
        lambda Q: Q / (run.f * run.T),
        run.over("queue_last"),
        within=run.within("violation"),
        uses_within=(run.within("queue_last"),),
    )


@define_statement("T9 violation, bound", assumptions="A1 A2 A4 A5 A7", unit=VIOLATION, **PROOF)
def T9_VIOLATION_BOUND(run: Run) -> Conclusion:
    """E[alpha - mean s_t] <= the bound of T9's queue over f T."""
    return _claim(run, "violation", T9_violation)


@define_statement("T9 path tail", assumptions="A2 A5", unit="share of streams", needs_distribution=False, **PROOF)
def T9_PATH(run: Run) -> Conclusion:
    """P(sum (alpha - s_t) > Q_{T+1}/f + u) <= exp(...) at the u where that is 1/10."""
    grid = np.linspace(0.0, 10.0 * np.sqrt(run.T / run.f), 4001)
    u = float(grid[np.argmax(T9_path_tail(run.inputs(), u=grid) <= 0.1)])
    excess = run.T * run.metrics["violation"] - run.metrics["queue_last"] / run.f
    delta, step = run.constants.delta, run.constants.delta * max(1.0, 1.0 / run.f - 1.0)
    rate = u / (run.T * delta**2 * (1.0 - run.f) / run.f + step * u / 3.0)  # Freedman's exponent at u
    likely = np.exp(np.minimum(rate * (excess - u), 0.0))
    return Tail(excess > u, float(T9_path_tail(run.inputs(), u=u)), likely)


@define_statement("T9 tail", assumptions="A1 A2 A3 A4 A5 A7", unit="share of streams", **PROOF)
def T9_TAIL(run: Run) -> Conclusion:
    """P(Q_{T+1} >= q) <= T4's tail with rho for sparse feedback, at the q where T4's is 1/10."""
    constants = tail_constants(run)
    if not constants.r > 0:
        return NotApplicable(NO_SLACK)
    q = float((constants.log_D + np.log(10.0)) / constants.r)
    bound = float(T9_tail(constants, q=q, f=run.f, t=run.T + 1))
    return Tail(run.metrics["queue_last"] >= q, bound, guide(run, constants.r, q), run.ebar_is_measured)


STATEMENTS: tuple[Statement, ...] = (
    T9_QUEUE,
    T9_SHARP_QUEUE,
    T9_SHARP_VIOLATION,
    T9_VIOLATION,
    T9_VIOLATION_BOUND,
    T9_PATH,
    T9_TAIL,
)
