"""Weakened, and so false, statements: every theorem with one constant reduced, to see whether the search refutes it.

A weakening is the true statement evaluated on a run with one number reduced (B, P_T, S_T, ...): `share` = 1 is the
truth, 0 leaves the term out. `slack` finds the largest share on a ladder that the search refutes: how much of the
constant the theorem needs, as far as the search can see. The shares below were refuted under two keys each (the next
ones of the ladder under one or none); the tests refute each anew, starting up to four times. None: nothing was refuted,
or only the whole term under one of two keys. `planted` has falsehoods that are refuted without sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from messjax.theory import (
    attraction,
    cost,
    decision_loss,
    duality,
    exploration,
    queue,
    sparse,
    tightening,
    violation,
)
from messjax.theory.statement import Run, Statement
from messjax.types import Array
from proofs_check.counterexamples import search

LADDER = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
Reduction = Callable[[Run, float], Run]


class Weakening(NamedTuple):
    """A constant of a theorem, and the largest share of it that was refuted (None: none on the ladder)."""

    truth: Statement
    what: str
    reduce: Reduction
    share: float | None

    @property
    def theorem(self) -> str:
        """T1, ..., T10."""
        return self.truth.name.split()[0]


def weaken(weakening: Weakening, share: float) -> Statement:
    """The theorem as it would be with only `share` of the constant."""
    return weakening.truth._replace(
        name=f"{weakening.truth.name}, {weakening.what} x {share:g}",
        source=f"weakened: {weakening.truth.source} with {share:g} of {weakening.what}",
        evaluate=lambda run: weakening.truth.conclude(weakening.reduce(run, share)),
        feedback="any",  # a weakening may change f: whether the theorem applies is decided on the changed run
    )


def slack(
    weakening: Weakening, key: Array, *, quick: bool = True, seen: search.Screen | None = None
) -> tuple[float | None, list[search.SearchResult]]:
    """The largest share on LADDER that a search refutes (None: none), by bisection, and the searches made."""
    low, high, result = -1, len(LADDER), []
    seen = search.screen(key) if seen is None else seen
    for step in jax.random.split(key, len(LADDER).bit_length()):
        if high - low == 1:
            break
        middle = (low + high) // 2
        result.append(search.find_counterexample(weaken(weakening, LADDER[middle]), step, quick=quick, seen=seen))
        low, high = (middle, high) if result[-1].row.verdict == "violated" else (low, middle)
    return (LADDER[low] if low >= 0 else None), result


def constant(name: str) -> Reduction:
    """A constant of the distribution."""
    return lambda run, share: run._replace(
        constants=run.constants._replace(**{name: share * getattr(run.constants, name)})
    )


def metric(name: str) -> Reduction:
    """A measured quantity of the bound."""
    return lambda run, share: run._replace(metrics={**run.metrics, name: share * run.metrics[name]})


def exploration_sum(run: Run, share: float) -> Run:
    """P_T."""
    return run._replace(P_T=share * run.P_T)


def gamma(run: Run, share: float) -> Run:
    """gamma*."""
    return run._replace(best=run.best._replace(gamma=share * run.best.gamma))


def _optimum(run: Run, share: float) -> Run:
    """C* raised by 1 - share of itself: T5 bounds from below."""
    return run._replace(best=run.best._replace(cost=(2.0 - share) * run.best.cost))


def _error(run: Run, share: float) -> Run:
    return run._replace(error_bound=share * run.ebar)


def _slope(run: Run, share: float) -> Run:
    """More Slater slack than there is: beta + (1 - share) beta."""
    return run._replace(constants=run.constants._replace(beta=(2.0 - share) * run.constants.beta))


def _heard(run: Run, share: float) -> Run:
    """1/f raised to the power `share`: with 0 nothing is divided by f."""
    return run._replace(f=run.f ** max(share, 1e-9))


def _hearing(run: Run, share: float) -> Run:
    return run._replace(f=max(share, 1e-9) * run.f)


def _enough(run: Run, share: float) -> Run:
    """The whole right side of T1 times `share`."""
    run = gamma(exploration_sum(constant("B")(run, share**2), share), share)
    return metric("exploration_queue")(metric("S")(run, share**2), share**2)


def _kappa(run: Run, share: float) -> Run:
    """As if alpha had been raised by `share` of kappa, at the cost of the whole."""
    sla_target = run.alpha if run.sla_target is None else run.sla_target
    return run._replace(alpha=sla_target + share * (run.alpha - sla_target))


WEAKENINGS = (
    Weakening(violation.T1_OLDER, "B", constant("B"), 0.2),
    Weakening(violation.T1_OLDER, "S_T", metric("S"), 0.8),
    Weakening(violation.T1_OLDER, "R_T", metric("exploration_queue"), 0.5),
    Weakening(violation.T1_OLDER, "gamma*", gamma, 0.5),
    Weakening(violation.T1, "B", constant("B"), 0.2),
    Weakening(violation.T1, "S_T", metric("S"), 0.5),
    Weakening(violation.T1_SECOND_FORM, "B", constant("B"), 0.7),
    Weakening(violation.T1_SECOND_FORM, "dE", constant("dE"), 0.2),
    Weakening(cost.T2, "B", constant("B"), 0.0),
    Weakening(cost.T2, "P_T", exploration_sum, 0.95),
    Weakening(cost.T2, "S_T", metric("S"), None),  # both are needed, by instances of docs/theory that tests keep; the
    Weakening(cost.T2, "R_T", metric("exploration_queue"), None),  # search is drawn to where P_T alone is nearly all
    Weakening(queue.T3, "B", constant("B"), 0.8),
    Weakening(queue.T3, "dE", constant("dE"), 0.5),
    Weakening(queue.T3, "ebar", _error, 0.3),
    Weakening(queue.T3, "1/beta", _slope, 0.6),
    Weakening(queue.T4_MEAN, "ebar", _error, 0.2),
    Weakening(queue.T4_MEAN, "1/beta", _slope, None),
    Weakening(queue.T4_HALF, "dE", constant("dE"), 0.2),
    Weakening(queue.T4_HUNDREDTH, "dE", constant("dE"), 0.2),
    Weakening(
        queue.T4_MEAN, "dE", constant("dE"), 0.2
    ),  # last of T4: the quick search takes one a theorem, and has slope
    Weakening(duality.T5, "1/C*", _optimum, 0.98),
    Weakening(attraction.T6_MEAN, "B", constant("B"), 0.2),
    Weakening(attraction.T6_MEAN, "S_T", metric("S"), 0.2),
    Weakening(attraction.T6_TAIL, "gamma*", gamma, 0.7),
    Weakening(attraction.T6_SPREAD, "gamma*", gamma, 0.5),
    Weakening(exploration.T7_MEAN, "P_T", exploration_sum, 0.8),
    Weakening(sparse.T9_QUEUE, "f", _hearing, 0.7),
    Weakening(sparse.T9_VIOLATION, "1/f", _heard, 0.95),
    Weakening(sparse.T9_PATH, "1/f", _heard, 0.3),
    Weakening(sparse.T9_TAIL, "dE", constant("dE"), None),
    Weakening(tightening.T10_VIOLATION, "kappa", _enough, 0.6),
    Weakening(tightening.T10_COST, "kappa", _kappa, 0.999),
    Weakening(decision_loss.T1_PRIME, "B0", constant("B0"), 0.7),
    Weakening(decision_loss.T1_PRIME, "D", metric("decision_loss_above"), 0.99),
    Weakening(decision_loss.T2_PRIME, "B0", constant("B0"), 0.2),
)
