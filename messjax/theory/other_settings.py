"""T1 to T4 in four other settings, each with other numbers in the same bound.

    late feedback      B + d delta^2 for B, theta + alpha d for theta ("T9" in docs/theory, fixed delay)
    one-sided          an explored request is served by a random model and pays for it alone: means over models stand
                       for E_all, and for beta_M
    estimated costs    Q_t e_t + V eps for Q_t e_t, dE + 2 eps for dE ("Constants" in docs/theory)
    classes            T1 for each class by itself, at its alpha and over its requests

They are about `policies.delayed`, `one_sided`, `by_class` and a router that decides by a price list, each around MESS+,
with complete feedback; `Run.setting` has the numbers, without which they are not applicable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from messjax.theory import cost, optimum, queue, violation
from messjax.theory.constants import distribution_constants
from messjax.theory.queue import NO_SLACK, T4_constants, T4_tail, guide
from messjax.theory.sparse import T9_delayed_B
from messjax.theory.statement import Claim, Conclusion, NotApplicable, NotTested, Run, Statement, Tail, define_statement
from messjax.theory.violation import T1_queue

UNKNOWN_SETTING = NotTested("the setting of the policy is not known")


def _in_setting(truth: Statement, name: str, kind: str, change: Callable[[Run], Run], **more: Any) -> Statement:
    """A statement about policies of another kind: the same with other numbers."""

    def evaluate(run: Run) -> Conclusion:
        return UNKNOWN_SETTING if run.setting is None else truth.evaluate(change(run))

    about = f"{truth.about} In this setting: {kind}."
    return truth._replace(name=name, policy=kind, feedback="complete", evaluate=evaluate, about=about, **more)


# --- late feedback: queues are those that decisions use, Q_{t-d} ------------------------------------------------------


def _late(run: Run) -> Run:
    assert run.setting is not None
    B = float(T9_delayed_B(alpha=run.alpha, delay=run.setting.delay))
    return run._replace(constants=run.constants._replace(B=B))


LATE: Any = {"source": "T9 in docs/theory", "lemmas": ("t9_delay",)}
DELAY_QUEUE = _in_setting(violation.T1, "T9 delay, T1 queue", "delayed", _late, **LATE)
DELAY_VIOLATION = _in_setting(violation.T1_VIOLATION, "T9 delay, T1 violation", "delayed", _late, **LATE)
DELAY_COST = _in_setting(cost.T2, "T9 delay, T2 cost gap", "delayed", _late, **LATE)
DELAY_MEAN_QUEUE = _in_setting(queue.T3, "T9 delay, T3 mean queue", "delayed", _late, **LATE)


@define_statement(
    "T9 delay, T4 tail 1/10",
    assumptions="A1 A2 A3 A4 A7",
    unit="share of streams",
    policy="delayed",
    feedback="complete",
    **LATE,
)
def DELAY_TAIL(run: Run) -> Conclusion:
    """P(Q_{T+1} >= q) <= D e^{-r q} at the q where that is 1/10, with theta + alpha d for theta."""
    if run.setting is None:
        return UNKNOWN_SETTING
    constants = T4_constants(run.inputs(ebar=run.ebar, delay=run.setting.delay))
    if not constants.r > 0:
        return NotApplicable(NO_SLACK)
    level = float((constants.log_D + np.log(10.0)) / constants.r)
    likely = guide(run, float(constants.r), level)
    Q = run.metrics["queue_last"]
    return Tail(level <= Q, float(T4_tail(constants, q=level)), likely, run.ebar_is_measured)


# --- one-sided feedback -----------------------------------------------------------------------------------------------


def _one_sided(run: Run) -> Run:
    """An explored request pays for one of the M models and is served by it, each with the same probability."""
    assert run.distribution is not None
    weight, costs, means = (np.asarray(each, np.float64) for each in run.distribution[:3])
    constants = run.constants._replace(
        E_all=float(weight @ costs.mean(axis=1)), beta_M=float(weight @ means.mean(axis=1)) - run.alpha
    )
    return run._replace(constants=constants)


ONE_SIDED_QUEUE = _in_setting(violation.T1, "T1 one-sided, queue", "one_sided", _one_sided)
ONE_SIDED_VIOLATION = _in_setting(violation.T1_VIOLATION, "T1 one-sided, violation", "one_sided", _one_sided)
ONE_SIDED_COST = _in_setting(cost.T2, "T2 one-sided, cost gap", "one_sided", _one_sided)
ONE_SIDED_MEAN_QUEUE = _in_setting(queue.T3, "T3 one-sided, mean queue", "one_sided", _one_sided)


# --- estimated costs --------------------------------------------------------------------------------------------------


def _estimated(run: Run) -> Run:
    assert run.setting is not None
    eps = run.setting.cost_error
    metrics = {**run.metrics, "S": run.metrics["S"] + run.V * eps * (run.T - run.P_T)}
    return run._replace(metrics=metrics, constants=run.constants._replace(dE=run.constants.dE + 2.0 * eps))


ABOUT: Any = {"lemmas": ("l5_prediction_error",)}
ESTIMATED_QUEUE = _in_setting(violation.T1, "T1 estimated costs, queue", "estimated_costs", _estimated, **ABOUT)
ESTIMATED_COST = _in_setting(cost.T2, "T2 estimated costs, cost gap", "estimated_costs", _estimated, **ABOUT)
ESTIMATED_MEAN_QUEUE = _in_setting(queue.T3, "T3 estimated costs, mean queue", "estimated_costs", _estimated, **ABOUT)
ESTIMATED_MEAN = _in_setting(queue.T4_MEAN, "T4 estimated costs, mean", "estimated_costs", _estimated, **ABOUT)


# --- classes ----------------------------------------------------------------------------------------------------------


def _of_class(k: int) -> Statement:
    """T1 of one class: its requests are i.i.d. like all, their number N is drawn apart from them."""

    @define_statement(
        f"T1 class {k}, queue",
        source="T1 in docs/theory",
        assumptions="A1 A2 A4 A7",
        unit="E[Q] of the class (requests)",
        lemmas=violation.T1.lemmas,
        policy="by_class",
        feedback="complete",
    )
    def statement(run: Run) -> Conclusion:
        """E[Q_{N+1}] <= V g + sqrt(2 B E[N]) of a class with N requests, at its alpha, for exact predictions."""
        if run.setting is None or k >= len(run.setting.class_alphas):
            return UNKNOWN_SETTING
        alpha, distribution = run.setting.class_alphas[k], run.distribution
        assert distribution is not None
        at, best = distribution_constants(distribution, alpha), optimum.solve(distribution, alpha)
        measured = run.metrics[f"queue_class_{k}"]
        if run.error_bound != 0.0 or at.beta_M < 0:
            return NotApplicable("S_T and R_T of a class are not measured, and not known to be zero", measured)

        def bound(N: Any) -> Any:
            return T1_queue(V=run.V, gamma=best.gamma, B=at.B, T=N, S_T=0.0)

        number = run.metrics[f"requests_class_{k}"]
        return Claim(measured, bound, (number,), within=(0.0, alpha * run.T), uses_within=((0.0, float(run.T)),))

    return statement


CLASS_0, CLASS_1 = _of_class(0), _of_class(1)

STATEMENTS: tuple[Statement, ...] = (
    DELAY_QUEUE,
    DELAY_VIOLATION,
    DELAY_COST,
    DELAY_MEAN_QUEUE,
    DELAY_TAIL,
    ONE_SIDED_QUEUE,
    ONE_SIDED_VIOLATION,
    ONE_SIDED_COST,
    ONE_SIDED_MEAN_QUEUE,
    ESTIMATED_QUEUE,
    ESTIMATED_COST,
    ESTIMATED_MEAN_QUEUE,
    ESTIMATED_MEAN,
    CLASS_0,
    CLASS_1,
)
