"""Planted falsehoods that are refuted exactly: every sharper statement with one term reduced, and a world against it.

The worlds are kept in `planted.json` with the share of the term up to which the statement is false on them, as found by
`exact_search.sharpest`; their expectations are exact (`exact_runs`), so that refuting them anew takes milliseconds and
leaves no doubt. A share near 1 says that the term is needed as it is; a small one by how much it may be too large.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from messjax.theory import (
    decision_loss,
    identities,
    information,
    markov_laws,
    markov_modulated,
    moving_laws,
    optimism,
    optimum,
)
from messjax.theory.statement import Run
from proofs_check.counterexamples import exact_runs
from proofs_check.counterexamples.exact_runs import ExactInstance
from proofs_check.counterexamples.weakened import Weakening, constant, exploration_sum, gamma, metric, weaken

KEPT = Path(__file__).with_suffix(".json")


class Refutation(NamedTuple):
    """A weakened statement on the world kept against it.

    Attributes:
        weakening: The statement and its term.
        share: What is left of the term.
        instance: The world.
        margin: What the weakened statement leaves there, of the larger of bound and measured: negative.
        true_margin: The same of the statement itself: not negative.
    """

    weakening: Weakening
    share: float
    instance: ExactInstance
    margin: float
    true_margin: float

    @property
    def name(self) -> str:
        """The statement, its term and the share."""
        return f"{self.weakening.truth.name}, {self.weakening.what} x {self.share:g}"

    @property
    def ok(self) -> bool:
        """Whether the falsehood is refuted, and the statement is not."""
        return self.margin < 0.0 <= self.true_margin


def key(weakening: Weakening) -> str:
    """The name of a weakening in `planted.json`."""
    return f"{weakening.truth.name}, {weakening.what}"


def refute(weakening: Weakening, share: float, instance: ExactInstance) -> Refutation:
    """The weakened statement and the statement itself on one exact run."""
    run = exact_runs.run_of(instance)
    margins = (exact_runs.margin(weaken(weakening, part), run) for part in (share, 1.0))
    return Refutation(weakening, share, instance, *margins)


def refute_all(names: set[str] | None = None) -> list[Refutation]:
    """Every planted falsehood on the world kept against it; with `names` those of these theorems only."""
    known = json.loads(KEPT.read_text(encoding="utf-8"))
    chosen = [each for each in PLANTED if names is None or each.theorem in names]
    return [refute(each, known[key(each)]["share"], ExactInstance(**known[key(each)]["instance"])) for each in chosen]


# --- what is reduced -------------------------------------------------------------------------------------------------


def _scale(run: Run, share: float) -> Run:
    """Less exploration in what is added up over requests, where that is done from c and a."""
    return run._replace(c=share * run.c)


def _losses(run: Run, share: float) -> Run:
    return metric("decision_loss")(metric("decision_loss_above")(run, share), share)


def _less(run: Run, metric: str, number: float) -> Run:
    """A term of the bound that is added to a metric, lowered by so much."""
    return run._replace(metrics={**run.metrics, metric: run.metrics[metric] - number})


def _refinement(run: Run, share: float) -> Run:
    """(C*_G - C*)(1 - P_T/T) of one cell times `share`."""
    assert run.distribution is not None
    coarse = information.cells_of(run.distribution, [0] * len(run.distribution.weight))
    lost = 0.0
    if run.alpha <= optimum.largest_alpha(coarse):
        lost = run.V * (optimum.solve(coarse, run.alpha).cost - run.best.cost) * (run.T - run.P_T)
    return _less(run, information.loss_metric("one cell"), (1.0 - share) * lost)


def _dependence(run: Run, share: float) -> Run:
    """tau times `share`, in the cost gap."""
    if run.laws is None or run.laws.transition is None:
        return run
    tau, spread, e0, _ = markov_modulated.T13_constants(run.laws, run.alpha)
    moves, top = (
        float(each)
        for each in (markov_modulated.moves(run, run.metrics["violation"]).mean(), run.metrics["queue_max"].mean())
    )
    return _less(run, "decision_loss", (1.0 - share) * tau * (spread * moves + 2.0 * (run.V * e0 + spread * top)))


def _mixing(run: Run, share: float) -> Run:
    """The k-th power of the chain less its stationary law times share^k: it forgets faster."""
    if run.laws is None or run.laws.transition is None:
        return run
    P, pi = run.laws.transition, run.laws.stationary
    return run._replace(laws=markov_laws(run.laws.parts, share * P + (1.0 - share) * pi))


PLANTED = (
    *(
        Weakening(identities.I1, what, metric(name), None)
        for what, name in (("W", "noise"), ("D", "decision_loss"), ("V Gap", "dual_gap"), ("X", "exploration_queue"))
    ),
    *(
        Weakening(identities.I2, what, metric(name), None)
        for what, name in (("W", "noise"), ("U", "reflection"), ("D", "decision_loss"), ("V Gap", "dual_gap"))
    ),
    Weakening(identities.I3, "L", metric("price_loss"), None),
    Weakening(identities.I3, "P_T", exploration_sum, None),
    Weakening(identities.I4, "U", metric("reflection"), None),
    Weakening(decision_loss.T1_PRIME, "B0", constant("B0"), None),
    Weakening(decision_loss.T1_PRIME, "D", metric("decision_loss_above"), None),
    Weakening(decision_loss.T1_PRIME, "R_T", metric("exploration_queue"), None),
    Weakening(decision_loss.T1_PRIME, "gamma*", gamma, None),
    Weakening(identities.T1_DOUBLE_PRIME, "W", metric("noise"), None),
    Weakening(identities.T1_DOUBLE_PRIME, "D", metric("decision_loss"), None),
    Weakening(decision_loss.T2_PRIME, "B0", constant("B0"), None),
    Weakening(decision_loss.T2_PRIME, "D", metric("decision_loss"), None),
    Weakening(decision_loss.T2_PRIME, "P_T", exploration_sum, None),
    Weakening(decision_loss.T2_PRIME, "R_T", metric("exploration_queue"), None),
    Weakening(identities.T2_DOUBLE_PRIME, "B0", constant("B0"), None),
    Weakening(identities.T2_DOUBLE_PRIME, "D", metric("decision_loss"), None),
    Weakening(identities.R_PRIME, "W", metric("noise"), None),
    Weakening(identities.R_PRIME, "D", metric("decision_loss"), None),
    Weakening(identities.R_PRIME, "P_T", exploration_sum, None),
    Weakening(decision_loss.T3_PRIME, "B0", constant("B0"), None),
    Weakening(decision_loss.T3_PRIME, "D", metric("decision_loss"), None),
    Weakening(decision_loss.T3_PRIME, "dE", constant("dE"), None),
    Weakening(decision_loss.T6_PRIME, "B0", constant("B0"), None),
    Weakening(decision_loss.T6_PRIME, "D", metric("decision_loss"), None),
    Weakening(information.STATEMENTS[0], "D_G", metric("decision_loss, one cell"), None),
    Weakening(information.STATEMENTS[0], "C*_G - C*", _refinement, None),
    Weakening(information.STATEMENTS[1], "D_G", metric("decision_loss, bins of mu"), None),
    Weakening(information.STATEMENTS[2], "D_G", metric("decision_loss, types"), None),
    Weakening(optimism.T11_LOSS, "widths", metric(optimism.OBSERVED), None),
    Weakening(moving_laws.T12, "B0", constant("B0"), None),
    Weakening(moving_laws.T12, "D", metric("decision_loss"), None),
    Weakening(moving_laws.T12, "explored", _scale, None),
    Weakening(moving_laws.T12_QUEUE, "B0", constant("B0"), None),
    Weakening(moving_laws.T12_QUEUE, "D", _losses, None),
    Weakening(markov_modulated.T13, "B0", constant("B0"), None),
    Weakening(markov_modulated.T13, "D", metric("decision_loss"), None),
    Weakening(markov_modulated.T13, "tau", _dependence, None),
    Weakening(markov_modulated.T13_QUEUE, "B0", constant("B0"), None),
    Weakening(markov_modulated.T13_QUEUE, "D", metric("decision_loss_above"), None),
    Weakening(markov_modulated.T13_QUEUE, "tau", _mixing, None),
)
