"""The candidates: MESS+ as published, and ours, each made to shrink one term of T1 or T2 or several.

Every candidate is a policy with a small grid of V, of kappa (T10: it runs at alpha + kappa) and of c, from which the
cheapest setting that keeps alpha is chosen on tuning streams. What it knows before the first request is said; what a
prefix cost is charged. Grids and components have the same shapes everywhere, so that a program serves many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from messjax import policies, predictors
from messjax.policies.adaptive_v import chosen_V
from messjax.predictors import ridge_regression as learners
from messjax.types import Distribution, Policy, Predictor
from sims.common.worlds import PUBLISHED_C, World

NOTHING, AVERAGES, PREFIX = "nothing", "averages", "prefix"  # what is known before the first request
MORE = (0.0, 3.0, 10.0, 30.0, 100.0)  # kappa T: as many satisfied requests more than alpha are asked for
LESS = (-30.0, -10.0, 0.0, 10.0)  # the same where a warm queue leaves some over: the blind price is above gamma*
UP = (0.01, 0.03, 0.1, 0.3)  # shares of the run that a cold queue may take to settle: V of the warm-started ones
ISOLATING = ("warm queue", "one-sided")  # what T1's climb, and asking one model in place of all, do by themselves
FIRST = (10.0, 20.0, 50.0)  # requests explored before anything else, then as many in all of the rest


class Candidate(NamedTuple):
    """A policy and the settings it is tried at."""

    name: str
    knows: str
    policy: Policy
    V: np.ndarray  # [v]
    kappa: np.ndarray  # [k], in satisfaction
    c: Any  # one number or [c]
    a: float
    before: float = 0.0  # what was paid before the first request, per request of the run
    Q_1: float = 0.0  # where the queue starts, per V
    one: bool = False  # whether an explored request asks, and is served by, one random model instead of all
    fast: bool = True  # on the fast path, where a grid costs less than another program


def published(world: World, mlp: bool) -> list[Candidate]:
    """MESS+ at the published V and c, with its heads learned online as published.

    kappa = 0, for the linear head as often as ours have a kappa: of their shape, it needs no program of its own.
    """
    d, M = world.num_features, len(world.models)
    heads = {"linear head": (predictors.linear(d, M), len(MORE))}
    if mlp:
        heads["MLP head"] = predictors.mlp(d, M), 1
    V, c, a = world.published_V(), np.array(PUBLISHED_C), exponent(world)
    return [
        Candidate(f"MESS+, {name}", NOTHING, policies.mess_plus(head), V, np.zeros(times), c, a)
        for name, (head, times) in heads.items()
    ]


def ours(world: World, only: Sequence[str] = ()) -> list[Candidate]:
    """All of ours, or those of these names; on traces, where no term is known, without those that isolate one."""
    result = [*_coins(world), *_warm(world), *_served(world)]
    kept = [each for each in result if not (world.recorded and each.name in ISOLATING)]
    return [each for each in kept if not only or each.name in only]


def exponent(world: World) -> float:
    """a: 1/3 for the workshop's two models [M24], else 1/4 [M25]."""
    return 1.0 / 3.0 if world.name.startswith("workshop") else 0.25


def averages(world: World) -> Distribution:
    """What is known of the models without looking at requests: published averages, of a trace those of its prefix."""
    if not world.recorded:
        return world.blind()
    return Distribution(np.ones(1), world.prefix.cost.mean(axis=0)[None], world.prefix.satisfaction.mean(axis=0)[None])


def _coins(world: World) -> list[Candidate]:
    """MESS+ with another schedule or another learner: explored requests ask all models."""
    V = world.published_V()[2] * np.array([1.0, 3.0, 10.0, 30.0, 100.0])
    first = V, tightening(world, MORE), np.square(FIRST), 2.0
    head = policies.mess_plus(predictors.linear(world.num_features, len(world.models)))
    half, seen = np.full(len(world.models), 0.5), world.prefix
    paid = float(seen.cost.sum()) / world.horizon
    known = learners.after(_prior(world, half), learners.fold(seen.features, _size(world)), seen.satisfaction)
    return [
        Candidate("tightened", NOTHING, head, V, tightening(world, MORE), np.array(PUBLISHED_C), exponent(world)),
        Candidate("explore first", NOTHING, head, *first),
        Candidate("explore first, ridge", NOTHING, policies.mess_plus(_ridge(world, _prior(world, half))), *first),
        Candidate("explore first, blind", NOTHING, policies.mess_plus(_ridge(world, _blind(world, half))), *first),
        Candidate(
            "prefix, ridge", PREFIX, policies.mess_plus(_ridge(world, known)), *first[:2], np.zeros(3), 2.0, paid
        ),
    ]


def _warm(world: World) -> list[Candidate]:
    """The queue starts at V gamma_hat, all else is MESS+ as published."""
    head = predictors.linear(world.num_features, len(world.models))
    price, V = _price(world), _settling(world)
    policy = policies.warm_started(head, price)
    c = np.array(PUBLISHED_C[:2])
    return [
        Candidate(
            "warm queue", AVERAGES, policy, V, tightening(world, MORE[:4]), c, exponent(world), Q_1=price, fast=False
        )
    ]


def _served(world: World) -> list[Candidate]:
    """Only the model that serves is asked: an explored request pays one, or none is explored."""
    known, half = averages(world).mean[0], np.full(len(world.models), 0.5)
    hopeful = np.ones(
        len(world.models)
    )  # every model satisfies until an answer shows otherwise: none is given up untried
    cold = world.published_V()[2] * np.array([1.0, 3.0, 10.0, 30.0])
    more, warm = tightening(world, MORE[:4]), _settling(world)
    return [
        Candidate(
            "one-sided",
            NOTHING,
            policies.one_sided(_ridge(world, _prior(world, half)), learning="explored"),
            cold,
            more,
            np.square(len(world.models) * np.array(FIRST[:2])),
            2.0,
            one=True,
            fast=False,
        ),
        _learning(world, "serve and learn", NOTHING, _prior(world, hopeful, trust=5.0), cold, more),
        _learning(
            world, "serve and learn, warm", AVERAGES, _prior(world, known, trust=30.0), warm, tightening(world, LESS)
        ),
        _learning(world, "serve and learn, blind", AVERAGES, _blind(world, known, trust=50.0), warm, more),
    ]


def _learning(
    world: World, name: str, knows: str, start: learners.Ridge, V: np.ndarray, kappa: np.ndarray
) -> Candidate:
    """MESS+ that never explores and learns from every answer it serves; warm, where averages are known."""
    head, price = _ridge(world, start), _price(world) if knows == AVERAGES else 0.0
    policy = policies.one_sided(head, learning="served")._replace(init=policies.warm_started(head, price).init)
    return Candidate(name, knows, policy, V, kappa, 0.0, 0.25, Q_1=price, fast=False)


def exact(world: World, of: Candidate) -> Candidate:
    """`of` with exact predictions and without exploration: what its V, kappa and start alone cost."""
    policy = policies.warm_started(predictors.oracle(world.stream), of.Q_1)
    return of._replace(name="exact predictions", policy=policy, fast=False, before=0.0)


def tightening(world: World, more: Sequence[float]) -> np.ndarray:
    """kappa [k] for as many satisfied requests more; below what a single model is known to attain."""
    room = max(float(averages(world).mean.max()) - world.alpha, 0.0)
    return np.round(np.minimum(np.array(more) / world.horizon, 0.8 * room), 6)


def _settling(world: World) -> np.ndarray:
    """The V [4] at which a cold queue takes these shares of the run to settle; published ones where it need not."""
    distribution = averages(world)
    V = np.array([chosen_V(distribution, world.alpha, share * world.horizon) for share in UP])
    return V if np.isfinite(V).all() else world.published_V()[1:]


def _price(world: World) -> float:
    """What satisfaction costs at alpha by the averages."""
    return float(world._replace(cost=averages(world).cost[0], accuracy=averages(world).mean[0]).blind_price())


def _size(world: World) -> int:
    return min(world.num_features, learners.SMALL)


def _ridge(world: World, start: learners.Ridge) -> Predictor:
    head = learners.ridge(start)
    return head if _size(world) == world.num_features else learners.folded(head, _size(world))


def _prior(world: World, rates: np.ndarray, trust: float = 1.0) -> learners.Ridge:
    return learners.prior(rates, _size(world), trust=trust)


def _blind(world: World, rates: np.ndarray, trust: float = 1.0) -> learners.Ridge:
    return learners.prior(rates, _size(world), strength=learners.BLIND, trust=trust)
