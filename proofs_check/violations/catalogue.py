"""Cases that violate one assumption each, with complete and sparse feedback, and mostly also at a tightened alpha."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax.tree_util import Partial

from messjax import feedback, policies, predictors, streams
from messjax.policies.predictor_router import router
from messjax.theory import information
from messjax.theory.laws import Laws, scheduled_laws
from messjax.types import Controls, Distribution, Policy, Stream
from proofs_check.trials.case import Case
from proofs_check.trials.cases import inverted, kinked, tightened
from proofs_check.trials.price_list import PriceList
from proofs_check.violations.exploration import exploring, feature_dependent_exploration, once
from proofs_check.violations.predictions import biased_labels, frozen, outcome_dependent_feedback
from proofs_check.violations.requests import drifting, leaking, pareto, rare, unseen

FEEDBACK = np.array([0.3, 1.0])  # both from `feedback.sparse`: f = 1 is complete feedback
CALM = Controls(V=1.0, c=0.3)  # exploration enough to count it (T7)


def one(cost: list[float], mean: list[float]) -> Distribution:
    """A distribution of requests with a single type."""
    return Distribution(np.ones(1), np.array([cost]), np.array([mean]))


def two(cost: list[float], first: list[float], second: list[float], weight: float = 0.5) -> Distribution:
    """A distribution of two types with the same costs; `weight` is the first one's."""
    return Distribution(np.array([weight, 1.0 - weight]), np.array([cost, cost]), np.array([first, second]))


def tight(distribution: Distribution, sla_target: float, T: int, V: float = 1.0) -> np.ndarray:
    """alpha as agreed, and raised by the larger kappa of T10: in expectation, and on 95% of the paths."""
    return np.array([sla_target, max(tightened(distribution, sla_target, V, T, tail) for tail in (False, True))])


def _case(assumption: str, name: str, distribution: Distribution, stream: Stream, policy: Policy, controls: Controls,
          T: int, **other: Any) -> Case:  # fmt: skip
    """A case that violates one assumption: by default with sparse and complete feedback and right predictions."""
    options: dict[str, Any] = {"feedback": feedback.sparse, "ebar": 0.0} | other
    if options["feedback"] is feedback.sparse:
        controls = controls._replace(f=FEEDBACK)
    return Case(f"{assumption} {name}", distribution, stream, policy, controls, T, frozenset({assumption}), **options)


def _oracle(stream: Stream) -> Policy:
    return policies.mess_plus(predictors.oracle(stream))


def drift(T: int) -> list[Case]:
    """A1: requests change over time; `distribution` is the time average."""
    unsatisfiable, free = two([0.0, 1.0], [0.0, 1.0], [0.0, 0.0]), two([0.0, 1.0], [1.0, 1.0], [0.0, 1.0])
    hidden, average = two([0.0, 1.0], [1.0, 0.8], [0.0, 0.8]), one([0.0, 1.0], [0.5, 0.8])
    worse, harder, unknown = drifting(unsatisfiable, T), drifting(free, T), unseen(drifting(hidden, T))
    rises, same = CALM._replace(alpha=tight(unsatisfiable, 0.4, T)), CALM._replace(V=10.0, alpha=np.array([0.4, 0.45]))
    blind = policies.mess_plus(frozen([0.5, 0.8]))
    cheaper = Distribution(np.full(2, 0.5), np.array([[0.0, 2.0], [0.0, 0.0]]), np.array([[0.5, 0.9]] * 2))
    saving, early = drifting(cheaper, T), Controls(V=100.0, alpha=0.1, c=1.0, a=0.5)
    share = (np.arange(1, T + 1) - 0.5) / T

    def laws(distribution: Distribution) -> Laws:
        parts = [one(*row) for row in zip(distribution.cost.tolist(), distribution.mean.tolist(), strict=True)]
        return scheduled_laws(parts, np.stack([1.0 - share, share], axis=1))

    return [
        _case("A1", "growing share of requests that no model satisfies", unsatisfiable, worse, _oracle(worse), rises, T,
              sla_target=0.4, laws=laws(unsatisfiable)),
        _case("A1", "shrinking share of requests that a free model satisfies", free, harder, _oracle(harder), same, T,
              laws=laws(free)),
        _case("A1", "a drift that features do not show", average, unknown, blind, CALM._replace(alpha=0.65), T,
              ebar=None, laws=laws(hidden)),
        _case("A1", "requests get cheaper while exploration falls", cheaper, saving, _oracle(saving), early, T,
              laws=laws(cheaper)),
    ]  # fmt: skip


def unbounded(T: int) -> list[Case]:
    """A2: rare large scores, and costs with infinite variance."""
    apart, close = one([0.0, 1.0], [0.1, 0.8]), one([0.0, 1.0], [0.0, 0.53])
    huge, large = rare(apart, 400.0), rare(close, 20.0)
    distribution, dear = pareto(np.array([0.1, 1.0]), np.array([0.3, 0.8]))
    rises, just = CALM._replace(alpha=tight(apart, 0.5, T)), CALM._replace(V=5.0, alpha=np.array([0.51, 0.528]))
    also = CALM._replace(alpha=tight(distribution, 0.5, T))
    return [
        _case("A2", "scores 0 and 400", apart, huge, _oracle(huge), rises, T, sla_target=0.5),
        _case("A2", "scores 0 and 20", close, large, _oracle(large), just, T, sla_target=0.51),
        _case(
            "A2",
            "costs of infinite variance",
            distribution,
            dear,
            _oracle(dear),
            also,
            T,
            sla_target=0.5,
            finite_variance=False,
        ),
    ]


def no_slater(T: int) -> list[Case]:
    """A3: the largest model is exactly at alpha, or below it."""
    barely, wrong = one([0.0, 1.0], [0.2, 0.8]), inverted()
    calm, bent = streams.types(barely), streams.types(wrong)
    explored = Controls(V=1.0, alpha=np.array([0.6, 0.65]), c=10.0, a=0.1)
    return [
        _case("A3", "the largest model just attains alpha", barely, calm, _oracle(calm), CALM._replace(alpha=0.8), T,
              sla_target=0.8),
        _case("A3", "the largest model misses alpha", wrong, bent, _oracle(bent), explored, T, sla_target=0.6),
    ]  # fmt: skip


def dependent_exploration(T: int) -> list[Case]:
    """A4: exploration depends on the type (with the mean p_t or another), on a label, or is one draw for all."""
    dear = Distribution(np.array([0.7, 0.3]), np.array([[0.1, 1.0], [0.2, 5.0]]), np.array([[0.6, 0.9], [0.2, 0.95]]))
    reversed_types, equal = two([0.0, 1.0], [0.0, 1.0], [1.0, 0.0]), one([0.0, 1.0], [0.6, 0.6])
    simple = one([0.0, 1.0], [0.0, 0.5])
    leaks, tells = leaking(streams.types(equal)), leaking(streams.types(simple))
    steady = Controls(V=1.0, alpha=np.array([0.6, 0.62]), c=0.15, a=0.0)
    half = steady._replace(c=0.5)
    frugal = half._replace(V=float(T), alpha=np.array([0.4, 0.43]))
    failing = steady._replace(V=0.1, alpha=tight(equal, 0.5, T, V=0.1), c=0.4)

    def made(
        name: str,
        distribution: Distribution,
        exploration: Partial,
        controls: Controls,
        stream: Stream | None = None,
        **other: Any,
    ) -> Case:
        stream = streams.types(distribution) if stream is None else stream
        return _case("A4", name, distribution, stream, exploring(_oracle(stream), exploration), controls, T, **other)

    return [
        made("exploration favours the expensive type", dear, feature_dependent_exploration(1, 1.0, 0.3), steady),
        made("exploration favours the type the largest model fails", reversed_types,
             feature_dependent_exploration(1, 1.0, 0.5), frugal, sla_target=0.4),
        made("exploration of the largest model's failures", equal, feature_dependent_exploration(-1, 0.0, 0.4),
             failing, leaks, sla_target=0.5),
        made("exploration of the largest model's successes", simple, feature_dependent_exploration(-1, 1.0, 0.5),
             half._replace(alpha=np.array([0.25, 0.3])), tells),
        made("exploration of the expensive type only, too rare", dear, feature_dependent_exploration(1, 1.0, 1.0),
             steady),
        made("one exploration draw for all requests", dear, Partial(once), steady),
    ]  # fmt: skip


def missing(T: int) -> list[Case]:
    """A5: feedback depends on the outcome; f is the fraction received where alpha seems to be attained."""
    distribution, learnt = one([0.3, 1.0], [0.2, 0.9]), kinked()
    stream, simple = streams.types(distribution), streams.types(learnt)
    praise, learns = CALM._replace(alpha=tight(learnt, 0.5, T)), policies.mess_plus(predictors.tabular(1, 2))
    few, fewer = CALM._replace(alpha=0.5, f=0.3), CALM._replace(alpha=0.5, f=0.1)
    return [
        _case("A5", "exploration reveals only what satisfied", learnt, simple, learns, praise, T,
              feedback=Partial(biased_labels), ebar=None, sla_target=0.5),
        _case("A5", "feedback on failures is rarer", distribution, stream, _oracle(stream), few, T,
              feedback=outcome_dependent_feedback(2.0, 2.0 / 3.0)),
        _case("A5", "feedback on successes is rarer", distribution, stream, _oracle(stream), fewer, T,
              feedback=outcome_dependent_feedback(10.0 / 39.0, 100.0 / 13.0)),
    ]  # fmt: skip


def wrong_forever(T: int) -> list[Case]:
    """A6: predictions that never change, equal across models or in the wrong order."""
    distribution = one([0.3, 1.0], [0.3, 0.8])
    stream, controls = streams.types(distribution), CALM._replace(alpha=tight(distribution, 0.5, T))
    return [
        _case(
            "A6", name, distribution, stream, policies.mess_plus(frozen(s_hat)), controls, T, ebar=None, sla_target=0.5
        )
        for name, s_hat in {"equal predictions": [0.55, 0.55], "predictions in reverse order": [0.8, 0.3]}.items()
    ]


def late_costs(T: int) -> list[Case]:
    """A7: a price list that is wrong, costs that the policy cannot see, and costs that x does not determine."""
    cheap, blank = one([0.0, 1.0], [0.2, 0.9]), one([1.0, 1.0], [0.5, 0.5])
    pairs = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    independent = Distribution(np.full(4, 0.25), pairs, np.full((4, 2), 0.5))
    even, spread = one([1.0, 1.0], [0.0, 1.0]), independent._replace(mean=np.tile([0.0, 1.0], (4, 1)))
    plain, thrown = streams.types(cheap), unseen(streams.types(independent))
    listed = router(predictors.oracle(plain), PriceList((0.0, 100.0)))
    averages, sees = router(frozen([0.5, 0.5]), PriceList((1.0, 1.0))), policies.mess_plus(frozen([0.5, 0.5]))
    V, easy = T / 100.0, CALM._replace(alpha=0.4)
    dear = CALM._replace(V=V, alpha=tight(cheap, 0.5, T, V))
    return [
        _case("A7", "listed at a hundred times the cost", cheap, plain, listed, dear, T, sla_target=0.5),
        _case("A7", "costs not known before routing", independent, thrown, averages, easy._replace(V=10.0), T),
        _case("A7", "costs that x does not hold", blank, thrown, sees, easy, T),
        _case(
            "A7",
            "costs that x does not hold, alpha near the top",
            even,
            unseen(streams.types(spread)),
            policies.mess_plus(frozen([0.0, 1.0])),
            easy._replace(V=T / 60.0, alpha=0.9),
            T,
        ),
    ]


def misnamed(T: int) -> list[Case]:
    """A8: the model called the largest is neither the most satisfying nor the most expensive, but exceeds alpha."""
    distribution = one([0.2, 1.0, 0.5], [0.3, 0.9, 0.8])
    stream, controls = streams.types(distribution), CALM._replace(alpha=tight(distribution, 0.6, T))
    return [
        _case(
            "A8",
            "the largest is neither the best nor the most expensive",
            distribution,
            stream,
            _oracle(stream),
            controls,
            T,
            sla_target=0.6,
        )
    ]


def cases(quick: bool) -> list[Case]:
    """All of them, in the order of the assumptions."""
    T = 3_000 if quick else 10_000
    made = (
        drift(T),
        unbounded(3_000),
        no_slater(T),
        dependent_exploration(T),
        missing(T),
        wrong_forever(T),
        late_costs(T),
        misnamed(T),
    )
    # A2: the more requests, the less do their scores vary. Losses against partitions take time to compile: a quick run
    # measures them where an assumption is broken that the statements on them need.
    needed = information.STATEMENTS[0].assumptions
    return [case._replace(partitions=not quick or bool(case.breaks & needed)) for batch in made for case in batch]


def repaired(broken: list[Case]) -> list[Case]:
    """The same distributions and controls with no violation: i.i.d. types, independent exploration, known means.

    What fails on a case and not on its repaired version fails by the violation. A3 and A8 are about the distribution
    itself: their cases have no repaired version.
    """
    result: dict[str, Case] = {}
    for case in broken:
        if case.breaks & {"A3", "A8"}:
            continue
        stream = streams.types(case.distribution)
        controls = case.controls._replace(f=FEEDBACK)
        sound = Case(f"repaired: {case.name}", case.distribution, stream, _oracle(stream), controls, case.horizon,
                     feedback=feedback.sparse, sla_target=case.sla_target, ebar=0.0)  # fmt: skip
        result.setdefault(repr((case.distribution, case.controls)), sound)
    return list(result.values())
