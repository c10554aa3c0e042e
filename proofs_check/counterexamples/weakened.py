"""False statements, planted: every theorem with one of its constants shrunk, to see whether the search refutes it.

A plant is the true statement told of a run with one number shrunk (B, P_T, S_T, ...): `share` = 1 is the truth, 0
leaves the term out. `slack` finds the largest share on a ladder that the search refutes: how much of the constant the
theorem needs, as far as the search can see. The shares below were refuted under two keys each (the next ones of the
ladder under one or none); the tests refute each anew, starting up to four times. None: nothing was, or only the whole
term under one of two keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

from messjax.theory.statement import Run, Statement
from messjax.types import Array
from proofs_check.counterexamples import search
from proofs_check.statements import attraction, cost, queue, sparse, tightening

LADDER = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
Told = Callable[[Run, float], Run]


class Weakening(NamedTuple):
    """A constant of a theorem, and the largest share of it that was refuted (None: none on the ladder)."""

    truth: Statement
    what: str
    label: Told
    share: float | None

    @property
    def theorem(self) -> str:
        """T1, ..., T10."""
        return self.truth.name.split()[0]


def weaken(plant: Weakening, share: float) -> Statement:
    """The theorem as it would be with only `share` of the constant."""
    return plant.truth._replace(
        name=f"{plant.truth.name}, {plant.what} x {share:g}",
        source=f"planted: {plant.truth.source} with {share:g} of {plant.what}",
        evaluate=lambda run: plant.truth.evaluate(plant.label(run, share)),
    )


def slack(
    plant: Weakening, key: Array, *, quick: bool = True, seen: search.Screen | None = None
) -> tuple[float | None, list[search.SearchResult]]:
    """The largest share on LADDER that a search refutes (None: none), by bisection, and the searches made."""
    low, high, result = -1, len(LADDER), []
    seen = search.screen(key) if seen is None else seen
    for step in jax.random.split(key, len(LADDER).bit_length()):
        if high - low == 1:
            break
        middle = (low + high) // 2
        result.append(search.find_counterexample(weaken(plant, LADDER[middle]), step, quick=quick, seen=seen))
        low, high = (middle, high) if result[-1].row.verdict == "violated" else (low, middle)
    return (LADDER[low] if low >= 0 else None), result


def _constant(name: str) -> Told:
    """A constant of the law."""
    return lambda run, share: run._replace(
        constants=run.constants._replace(**{name: share * getattr(run.constants, name)})
    )


def _reading(name: str) -> Told:
    """A measured quantity of the bound."""
    return lambda run, share: run._replace(metrics={**run.metrics, name: share * run.metrics[name]})


def _exploration(run: Run, share: float) -> Run:
    return run._replace(P_T=share * run.P_T)


def _gamma(run: Run, share: float) -> Run:
    return run._replace(best=run.best._replace(gamma=share * run.best.gamma))


def _optimum(run: Run, share: float) -> Run:
    """C* raised by 1 - share of itself: T5 bounds from below."""
    return run._replace(best=run.best._replace(cost=(2.0 - share) * run.best.cost))


def _error(run: Run, share: float) -> Run:
    return run._replace(case=run.case._replace(ebar=share * run.ebar))


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
    run = _gamma(_exploration(_constant("B")(run, share**2), share), share)
    return _reading("exploration_queue")(_reading("S")(run, share**2), share**2)


def _kappa(run: Run, share: float) -> Run:
    """As if alpha had been raised by `share` of kappa, at the cost of the whole."""
    sla_target = run.alpha if run.case.sla_target is None else run.case.sla_target
    return run._replace(alpha=sla_target + share * (run.alpha - sla_target))


def complete(truth: Statement) -> Statement:
    """A statement that stands on T1, where all feedback comes back."""
    return truth._replace(
        evaluate=lambda run: truth.evaluate(run) if queue.applies_to_mess_plus(run) else queue.NOT_MESS_PLUS
    )


WEAKENINGS = (
    Weakening(queue.T1_queue, "B", _constant("B"), 0.2),
    Weakening(queue.T1_queue, "S_T", _reading("S"), 0.8),
    Weakening(queue.T1_queue, "R_T", _reading("exploration_queue"), 0.5),
    Weakening(queue.T1_queue, "gamma*", _gamma, 0.5),
    Weakening(queue.T1_sharp, "B", _constant("B"), 0.2),
    Weakening(queue.T1_sharp, "S_T", _reading("S"), 0.5),
    Weakening(queue.T1_second, "B", _constant("B"), 0.7),
    Weakening(queue.T1_second, "dE", _constant("dE"), 0.2),
    Weakening(cost.T2, "B", _constant("B"), 0.0),
    Weakening(cost.T2, "P_T", _exploration, 0.95),
    Weakening(cost.T2, "S_T", _reading("S"), None),  # both are needed, by instances of docs/theory that tests keep; the
    Weakening(cost.T2, "R_T", _reading("exploration_queue"), None),  # search is drawn to where P_T alone is nearly all
    Weakening(queue.T3, "B", _constant("B"), 0.8),
    Weakening(queue.T3, "dE", _constant("dE"), 0.5),
    Weakening(queue.T3, "ebar", _error, 0.3),
    Weakening(queue.T3, "1/beta", _slope, 0.6),
    Weakening(queue.T4_mean, "ebar", _error, 0.2),
    Weakening(queue.T4_mean, "1/beta", _slope, None),
    Weakening(queue.T4_half, "dE", _constant("dE"), 0.2),
    Weakening(queue.T4_hundredth, "dE", _constant("dE"), 0.2),
    Weakening(
        queue.T4_mean, "dE", _constant("dE"), 0.2
    ),  # last of T4: the quick search takes one a theorem, and has slope
    Weakening(cost.T5, "1/C*", _optimum, 0.98),
    Weakening(attraction.T6_mean, "B", _constant("B"), 0.2),
    Weakening(attraction.T6_mean, "S_T", _reading("S"), 0.2),
    Weakening(attraction.T6_tail, "gamma*", _gamma, 0.7),
    Weakening(attraction.T6_spread, "gamma*", _gamma, 0.5),
    Weakening(cost.T7_mean, "P_T", _exploration, 0.8),
    Weakening(sparse.T9_queue, "f", _hearing, 0.7),
    Weakening(sparse.T9_violation, "1/f", _heard, 0.95),
    Weakening(sparse.T9_path, "1/f", _heard, 0.3),
    Weakening(sparse.T9_tail, "dE", _constant("dE"), None),
    Weakening(complete(tightening.T10_violation), "kappa", _enough, 0.6),
    Weakening(tightening.T10_cost, "kappa", _kappa, 0.999),
)
