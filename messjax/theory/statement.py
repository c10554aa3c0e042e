"""What a statement is: one function from a run to a conclusion; interval, verdict, matrix and search come with it.

    @define_statement("M1", source="my notes", assumptions="A1 A2 A4 A7", policy="mess_plus", feedback="complete")
    def m1(run: Run) -> Conclusion:
        if <a hypothesis that can be read off fails>:
            return NotApplicable("which one, in words")
        return Claim(measured=run.metrics["queue_last"], bound=lambda S: ..., uses=(run.metrics["S"],))

`Claim` states that the mean of `measured` over independent streams is at most the bound, `AtLeast` that it is at
least the bound; `Tail` that an event has at most a probability, `Between` that a mean lies between two limits, `Equal`
that it is a number; `Exact` compares two numbers without randomness. docs/proofs_check.md has a worked example.
"""

from __future__ import annotations

import functools
import os
import traceback
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax import user_files
from messjax.arguments import did_you_mean
from messjax.components import found
from messjax.theory.conclusions import (
    UNKNOWN,
    AtLeast,
    Between,
    Claim,
    Conclusion,
    Equal,
    Exact,
    NotApplicable,
    NotTested,
    Tail,
)
from messjax.theory.constants import BoundInputs, Constants
from messjax.theory.laws import Laws
from messjax.theory.optimum import Optimum
from messjax.theory.setting import Setting
from messjax.types import Distribution

__all__ = [
    "ASSUMPTIONS",
    "FEEDBACK",
    "NOT_IID",
    "POLICIES",
    "AtLeast",
    "Between",
    "Claim",
    "Conclusion",
    "Equal",
    "Exact",
    "NotApplicable",
    "NotTested",
    "Run",
    "Statement",
    "Tail",
    "define_statement",
    "load_statements",
]

ASSUMPTIONS = frozenset(f"A{n}" for n in range(1, 9))
FEEDBACK = ("any", "complete", "sparse", "complete or sparse")
POLICIES = ("any", "mess_plus", "ucb", "delayed", "one_sided", "by_class", "estimated_costs")


class Run(NamedTuple):
    """One policy at one point of a grid: what was measured on n independent streams, and the constants of its bounds.

    Attributes:
        V: Weight of cost, in 1 / cost unit.
        alpha: Required satisfaction that the policy ran with.
        c: Scale of the exploration probability.
        a: Its exponent.
        f: Probability of feedback.
        T: Number of requests.
        P_T: Sum of the exploration probabilities.
        metrics: Metrics by name, [n] each.
        distribution: Of the requests; None: not known.
        best: C* and gamma* at `alpha`; NaN where the distribution is not known.
        constants: Those of the distribution; NaN where it is not known.
        policy_kind: Recorded kind of the policy.
        feedback_kind: Recorded kind of feedback; "sparse" at f = 1 is complete feedback.
        stream_kind: Recorded kind of the stream.
        sla_target: The satisfaction that is required where the policy runs with a stricter alpha (T10), else None.
        error_bound: A bound on E[e_t | past] known beforehand; None: the largest e_t measured.
        name: Name of the run.
        seconds: Time that its simulation took.
        cost_within: What every request costs at least and at most, all its queries included, known beforehand.
        finite_variance: Whether costs and scores are known to have one; where not, means of what has no known range
            are not tested by intervals that need it.
        laws: The law of each request where it moves (T12, T13); None: not known, or the same for all.
        setting: Numbers of the policy's setting; None: not known, or that of MESS+.
    """

    V: float
    alpha: float
    c: float
    a: float
    f: float
    T: int
    P_T: float
    metrics: Mapping[str, np.ndarray]
    distribution: Distribution | None
    best: Optimum
    constants: Constants
    policy_kind: str = "mess_plus"
    feedback_kind: str = "sparse"
    stream_kind: str = "iid"
    sla_target: float | None = None
    error_bound: float | None = None
    name: str = ""
    seconds: float = 0.0
    cost_within: tuple[float, float] = (0.0, np.inf)
    finite_variance: bool = True
    laws: Laws | None = None
    setting: Setting | None = None

    @property
    def ebar(self) -> float:
        """What bounds E[e_t | past] at every t: known, or the largest error seen on any stream."""
        return float(np.max(self.metrics["error_max"])) if self.error_bound is None else self.error_bound

    @property
    def ebar_is_measured(self) -> str:
        """What to say of a threshold made of `ebar`: nothing where it is known beforehand (see `Claim.plug_in`)."""
        return "" if self.error_bound is not None else "ebar is the largest error measured: it bounds nothing unseen"

    def within(self, metric: str) -> tuple[float, float]:
        """Where a metric lies on every stream, by alpha, T and `cost_within`: for scores in [0, 1] and an empty queue.

        Args:
            metric: The name of a standard metric.

        Returns:
            Its least and its largest value; infinite where none is known.
        """
        most = self.alpha * self.T  # the queue after T requests without any satisfaction
        lost = (0.0, self.T * (self.V * self.cost_within[1] + most / 2.0)) if self.V > 0 else (0.0, self.T * most / 2.0)
        return {
            "queue_last": (0.0, most),
            "queue_max": (0.0, most),
            "queue_mean": (0.0, most / 2.0),
            "S": (0.0, most * self.T / 2.0),
            "exploration_queue": (0.0, most * self.P_T),
            "decision_loss": lost,
            "decision_loss_above": lost,
            "violation": (self.alpha - 1.0, self.alpha),
            "satisfaction": (0.0, 1.0),
            "explored": (0.0, float(self.T)),
            "cost": self.cost_within,
        }.get(metric, UNKNOWN)

    @property
    def complete(self) -> bool:
        """Whether every request gives feedback."""
        return self.feedback_kind == "complete" or (self.feedback_kind == "sparse" and self.f == 1.0)

    def over(self, *metrics: str) -> tuple[np.ndarray, ...]:
        """Metrics by name.

        Args:
            *metrics: Their names.

        Returns:
            Their values, [n] each.
        """
        return tuple(self.metrics[name] for name in metrics)

    def inputs(self, **fields: Any) -> BoundInputs:
        """What the bounds take: the constants, the point of the grid, and measured means by name.

        Args:
            **fields: Fields of `BoundInputs` by name.

        Returns:
            The record.
        """
        point = {"V": self.V, "alpha": self.alpha, "T": self.T, "P_T": self.P_T, "f": self.f}
        return BoundInputs.at(self.constants, self.best, **point | fields)


class Statement(NamedTuple):
    """One statement of the theory: what it says of a run, what it needs, and where its proof is.

    Attributes:
        name: Its name, beginning with that of its theorem.
        source: The heading of its proof: "T1 in docs/theory".
        assumptions: What it needs; violating any other assumption must not violate it.
        evaluate: run -> conclusion.
        about: The first line of the function's docstring.
        unit: Unit of what is measured, for axes.
        lemmas: Files of proofs_check/lemmas with the algebra of its proof.
        policy: One of `POLICIES`: the only kind that it is about, or "any".
        feedback: One of `FEEDBACK`.
        needs_distribution: Whether it says nothing where the distribution of the requests is not known.
        implied_by: The name of a statement from which it follows.
    """

    name: str
    source: str
    assumptions: frozenset[str]
    evaluate: Callable[[Run], Conclusion]
    about: str
    unit: str = ""
    lemmas: tuple[str, ...] = ()
    policy: str = "any"
    feedback: str = "any"
    needs_distribution: bool = True
    implied_by: str = ""

    def conclude(self, run: Run, ignored: Collection[str] = ()) -> Conclusion:
        """Its conclusion on a run: `NotTested` where the run's recorded kinds rule it out, else that of `evaluate`.

        Args:
            run: one policy at one point of a grid.
            ignored: assumptions whose recorded failure is overlooked ("A1": it is evaluated on requests that are not
                i.i.d., to see what becomes of it).

        Returns:
            The conclusion.

        Raises:
            TypeError: the statement's function returns anything else.
        """
        reason = self._why_not(run, ignored)
        if reason:
            return NotTested(reason)
        conclusion = self.evaluate(run)
        if not isinstance(conclusion, Conclusion):
            raise TypeError(self._refused(conclusion))
        return conclusion

    def _refused(self, conclusion: Any) -> str:
        """What is said of a function that returns anything else than a conclusion."""
        expected = "a Claim, Tail, Between, Equal, Exact or NotApplicable"
        return f"statement {self.name!r}: found {found(conclusion)}, expected {expected}"

    def _why_not(self, run: Run, ignored: Collection[str]) -> str:
        if self.policy != "any" and run.policy_kind != self.policy:
            about = "MESS+" if self.policy == "mess_plus" else f"policies of kind {self.policy!r}"
            return f"about {about}, found a policy of kind {run.policy_kind!r}"
        if self.feedback != "any" and run.feedback_kind not in ("complete", "sparse"):
            return f"about {self.feedback} feedback, found feedback of kind {run.feedback_kind!r}"
        if self.feedback == "complete" and not run.complete:
            return f"about complete feedback, found f = {run.f:g}"
        if self.feedback == "sparse" and run.complete:
            return "feedback is complete"
        if "A1" in self.assumptions and "A1" not in ignored and run.stream_kind != "iid":
            return NOT_IID.get(run.stream_kind, f"requests are not known to be i.i.d. (kind {run.stream_kind!r})")
        if self.needs_distribution and run.distribution is None:
            return "the distribution of the requests is not known"
        return ""

    def on_changed(self, name: str, change: Callable[[Run], Run]) -> Statement:
        """The statement about a run of which some numbers are replaced.

        Args:
            name: Name of the new statement.
            change: run -> run.

        Returns:
            The new statement.
        """
        return self._replace(name=name, evaluate=lambda run: self.evaluate(change(run)))


NOT_IID = {
    "not_iid": "requests are not i.i.d.",
    "recorded": "requests are not i.i.d.: they are those of a recording, in an order",
}


def define_statement(
    name: str,
    *,
    source: str,
    assumptions: str,
    unit: str = "",
    lemmas: tuple[str, ...] = (),
    policy: str = "any",
    feedback: str = "any",
    needs_distribution: bool = True,
    implied_by: str = "",
) -> Callable[[Callable[[Run], Conclusion]], Statement]:
    """Make a statement of a function of a run; the first line of its docstring is the sentence shown.

    Args:
        name: its name, beginning with that of its theorem: "T1 queue".
        source: where its proof is: "T1 in docs/theory".
        assumptions: those it needs, "A1 A2".
        unit: of what is measured, shown on the axis of its figure.
        lemmas: files of proofs_check/lemmas that prove its algebra, without ".py".
        policy: "mess_plus" or "ucb" where it is about that kind only, else "any".
        feedback: "complete", "sparse", "complete or sparse", or "any".
        needs_distribution: False where it can be evaluated without the law of the requests.
        implied_by: the name of a statement from which it follows.

    Returns:
        A decorator that makes the `Statement`.

    Raises:
        ValueError: an unknown assumption, kind of policy or of feedback.
    """
    needed = frozenset(assumptions.split())
    if unknown := sorted(needed - ASSUMPTIONS):
        raise ValueError(f"statement {name!r}: found the assumption {unknown[0]!r}, expected A1 to A8")
    if feedback not in FEEDBACK:
        raise ValueError(f"statement {name!r}: feedback is {feedback!r}, expected one of {', '.join(FEEDBACK)}")
    if policy not in POLICIES:
        raise ValueError(f"statement {name!r}: policy is {policy!r}, expected one of {', '.join(POLICIES)}")

    def made(evaluate: Callable[[Run], Conclusion]) -> Statement:
        about = (evaluate.__doc__ or "").strip().split("\n")[0]
        return Statement(
            name, source, needed, evaluate, about, unit, lemmas, policy, feedback, needs_distribution, implied_by
        )

    return made


def load_statements(path: str | os.PathLike[str]) -> list[Statement]:
    """The statements in a Python file of one's own.

    Args:
        path: the file.

    Returns:
        Its statements, in the order in which they are defined. Where their functions fail, the error is a ValueError of
        one line that names the file, the line and the statement.

    Raises:
        ValueError: no such file, a file that does not run, or one without statements. The message names the file.
    """
    module = user_files.run_file(Path(path), "Python with statements in it")
    result = [_located(value, Path(path)) for value in vars(module).values() if isinstance(value, Statement)]
    if not result:
        raise ValueError(f"{path}: found no statement, expected functions under @statement(...)")
    return result


def _located(statement: Statement, path: Path) -> Statement:
    """A statement of the user's, whose errors say where they are."""

    @functools.wraps(statement.evaluate)
    def evaluate(run: Run) -> Conclusion:
        try:
            conclusion = statement.evaluate(run)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            line = next((f":{each.lineno}" for each in reversed(frames) if Path(each.filename).name == path.name), "")
            raise ValueError(f"{path}{line}: statement {statement.name!r}: {_explained(error, run)}") from error
        if not isinstance(conclusion, Conclusion):
            raise ValueError(f"{path}: {statement._refused(conclusion)}")
        return conclusion

    return statement._replace(evaluate=evaluate)


def _explained(error: Exception, run: Run) -> str:
    """An error in words: with what there is, where it is a metric or a field of the run that there is not."""
    match error:
        case KeyError(args=[str(wrong), *_]) if wrong not in run.metrics:
            known, what = sorted(run.metrics), "run.metrics"
        case AttributeError(name=str(wrong), obj=tuple() as record) if hasattr(record, "_fields"):
            what = type(record).__name__
            known = [name for name in dir(record) if not name.startswith("_") and name not in dir(tuple)]
        case ValueError():
            return str(error)
        case _:
            return f"{type(error).__name__}: {error}"
    return f"found no {wrong!r} in {what}{did_you_mean(wrong, known)}, expected one of {', '.join(known)}"
