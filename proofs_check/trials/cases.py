"""Cases in which every assumption holds: calibrated zoos, known and learned predictors, sparse and tightened runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from messjax import feedback, meters, policies, predictors, streams, theory, zoo
from messjax.policies.predictor_router import router
from messjax.theory import Setting, optimum
from messjax.types import Controls, Distribution, Policy, Predictor, Stream
from proofs_check.trials.case import Case
from proofs_check.trials.price_list import PriceList


def llama() -> Distribution:
    """Sixteen types of graded difficulty, calibrated to the Llama 1B/8B/70B zoo."""
    models = zoo.get("llama3")
    return streams.graded(models.mean_cost(), models.mean_accuracy())


def kinked() -> Distribution:
    """One type, two models far apart: gamma* = 2 at a kink of the dual ("T6" in docs/theory)."""
    return Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.3, 0.8]]))


def inverted() -> Distribution:
    """beta_M < 0: the largest model misses alpha, a smaller one reaches it (the counterexample of T1)."""
    return Distribution(np.ones(1), np.array([[0.0, 0.5, 1.0]]), np.array([[0.1, 0.9, 0.2]]))


def tightened(distribution: Distribution, sla_target: float, V: float, T: int, tail: bool) -> float:
    """The alpha + kappa of T10 with an oracle: by T1 in expectation, or by T4 with probability .95."""
    k = theory.distribution_constants(distribution, sla_target)
    if tail:
        kappa = theory.T10_kappa_tail(T=T, alpha=sla_target, V=V, dE=k.dE, beta=k.beta, zeta=0.05)
    else:

        def right(kappa: float) -> float:
            alpha = sla_target + kappa
            B = theory.distribution_constants(distribution, alpha).B
            gamma = optimum.solve(distribution, alpha).gamma
            return float(theory.T1_queue(V=V, gamma=gamma, B=B, T=T, S_T=0.0))

        kappa = theory.T10_kappa(right, T=T, beta=k.beta)
    if not np.isfinite(kappa):
        raise ValueError(f"T10: no kappa below beta = {k.beta:.3g} is enough at V = {V:g}, T = {T}")
    return float(np.ceil((sla_target + kappa) * 1e6) / 1e6)


def valid(quick: bool) -> list[Case]:
    """Cases that keep every assumption, so that nothing may be violated."""
    T = 3_000 if quick else 20_000
    distribution, alpha, V = llama(), 0.667, np.array([1.0, 10.0]) if quick else np.array([1.0, 10.0, 100.0])
    stream = streams.types(distribution)
    num_types, num_models = np.shape(distribution.mean)
    grid = Controls(V=V, alpha=alpha, c=0.1)
    predictors_ = {
        "oracle": (predictors.oracle(stream), 0.0),
        "noisy, error .01": (predictors.noisy(stream, 0.01), 0.01),
        "running means": (predictors.tabular(num_types, num_models), None),
        "linear SGD": (predictors.linear(num_types, num_models), None),
    }
    coins: Any = {"feedback": feedback.sparse}  # complete feedback where f = 1: one program for both
    result = [
        Case(f"llama3, {name}", distribution, stream, policies.mess_plus(predictor), grid, T, ebar=ebar, **coins)
        for name, (predictor, ebar) in predictors_.items()
    ]
    simple = streams.types(kinked())
    slack = Controls(V=1.0, alpha=0.5, c=0.1)
    oracle = policies.mess_plus(predictors.oracle(simple))
    wrong = streams.types(inverted())
    result += [
        Case("two models, oracle", kinked(), simple, oracle, slack._replace(V=V), T, ebar=0.0, **coins),
        Case("inverted zoo, oracle", inverted(), wrong, policies.mess_plus(predictors.oracle(wrong)),
             Controls(V=1.0, alpha=0.6, c=10.0, a=0.1), 3_000, ebar=0.0, **coins),
        Case("llama3, sparse feedback", distribution, stream, policies.mess_plus(predictors.oracle(stream)),
             grid._replace(V=1.0, f=np.array([0.2, 0.6])), T, ebar=0.0, **coins),
        Case("two models, sparse feedback", kinked(), simple, oracle, slack._replace(f=0.3), T, ebar=0.0,
             **coins),
        Case("two models, tightened by T1", kinked(), simple, oracle,
             slack._replace(alpha=tightened(kinked(), 0.5, 1.0, T, tail=False)), T, sla_target=0.5, ebar=0.0, **coins),
        Case("two models, tightened by T4", kinked(), simple, oracle,
             slack._replace(alpha=tightened(kinked(), 0.5, 1.0, T, tail=True)), T, sla_target=0.5, ebar=0.0, **coins),
    ]  # fmt: skip
    result += [*other_settings(3_000), *changing(1_000 if quick else 10_000), optimistic(1_000 if quick else 10_000)]
    return result + [_baseline(name, policy, distribution, T) for name, policy in baselines(distribution).items()]


def changing(T: int) -> list[Case]:
    """Requests whose law moves and is known: what T12 and T13 are about, and statements on i.i.d. requests are not."""
    easy = Distribution(np.full(2, 0.5), np.tile([0.0, 1.0], (2, 1)), np.array([[0.9, 0.95], [0.6, 0.9]]))
    hard = easy._replace(mean=np.array([[0.2, 0.9], [0.3, 0.8]]))
    first, last = streams.types(easy), streams.types(hard)
    slow = streams.modulated([first, last], np.array([[0.9, 0.1], [0.1, 0.9]]), shown=True)
    drifting = streams.drift(first, last, T, shown=True)
    controls = Controls(V=5.0, alpha=0.7, c=0.1)
    return [
        _changing("two parts, hidden chain, oracle", slow, predictors.oracle(slow), controls, T),
        _changing("two parts, drift, running means", drifting, predictors.tabular(stream=drifting), controls, T),
    ]


def _changing(name: str, stream: Stream, predictor: Predictor, controls: Controls, T: int) -> Case:
    assert stream.laws is not None
    laws = stream.laws(T)
    return Case(name, laws.average, stream, policies.mess_plus(predictor), controls, T, laws=laws,
                partitions=False)  # fmt: skip


def optimistic(T: int) -> Case:
    """A UCB router that hears only what it serves (T11), two types and three models."""
    distribution = Distribution(
        np.array([0.6, 0.4]), np.tile([0.0, 0.3, 1.0], (2, 1)), np.array([[0.3, 0.6, 0.8], [0.2, 0.3, 0.9]])
    )
    stream = streams.types(distribution)
    return Case(
        "three models, UCB", distribution, stream, policies.ucb(stream=stream, horizon=T),
        Controls(V=20.0, alpha=0.6), T, policy_kind="ucb", meter=meters.optimism_widths(2, 3, horizon=T),
    )  # fmt: skip


def other_settings(T: int) -> list[Case]:
    """Late feedback, one-sided feedback, estimated costs and two classes: `theory.other_settings`."""
    distribution, alphas, delay = llama(), np.array([0.55, 0.66]), 20
    stream = streams.types(distribution)
    num_types, num_models = np.shape(distribution.mean)
    predictor, at = predictors.oracle(stream), Controls(V=1.0, alpha=0.667, c=0.1)
    classed = streams.with_classes(stream, np.array([0.6, 0.4]))
    costs = np.asarray(distribution.cost)[0]  # the same for all types
    prices = costs * np.array([1.3, 0.8, 1.02])
    about: dict[str, Any] = {"ebar": 0.0, "audited": False}
    return [
        Case(f"llama3, feedback {delay} requests late", distribution, stream,
             policies.delayed(policies.mess_plus(predictor), delay, num_types, num_models), at, T,
             policy_kind="delayed", setting=Setting(delay=delay), **about),
        Case("llama3, one-sided feedback", distribution, stream, policies.one_sided(predictor), at, T,
             policy_kind="one_sided", setting=Setting(), **about),
        Case("llama3, estimated costs", distribution, stream, router(predictor, PriceList(tuple(map(float, prices)))),
             at, T, policy_kind="estimated_costs", setting=Setting(cost_error=float(np.abs(prices - costs).max())),
             **about),
        Case("llama3, two classes", distribution, classed,
             policies.by_class(policies.mess_plus(predictors.oracle(classed)), alphas), at, T, policy_kind="by_class",
             setting=Setting(class_alphas=tuple(map(float, alphas))), meter=meters.sla_per_class(alphas), **about),
    ]  # fmt: skip


def baselines(distribution: Distribution) -> dict[str, Policy]:
    """The policies shipped that are not MESS+: T5 is about them too."""
    stream, averages = (
        streams.types(distribution),
        (distribution.weight @ distribution.cost, distribution.weight @ distribution.mean),
    )
    singles = {f"model {m}": policies.single(m) for m in range(distribution.cost.shape[1])}
    return singles | {
        "uniform": policies.uniform(),
        "mixture": policies.mixture(*averages),
        "greedy, oracle": policies.greedy(predictors.oracle(stream)),
    }


def _baseline(name: str, policy: Policy, distribution: Distribution, T: int) -> Case:
    return Case(
        f"llama3, {name}",
        distribution,
        streams.types(distribution),
        policy,
        Controls(V=1.0, alpha=0.667),
        T,
        policy_kind="other",
    )


def to_follow(quick: bool) -> list[Case]:
    """Cases that are worth following over time: known and learned predictors, and the policies that come closest."""
    names = ("llama3, oracle", "llama3, running means", "llama3, linear SGD", "two models, oracle", "llama3, mixture",
             "llama3, greedy, oracle")  # fmt: skip
    result = {case.name: case for case in valid(quick)}
    return [result[name]._replace(horizon=5_000 if quick else 50_000) for name in names]
