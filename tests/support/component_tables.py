"""Tables of all public components: a new one is one line here, and a public name that is missing fails a test."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from messjax import policies, predictors, streams
from messjax.meters import (
    folds,
    identity_terms,
    latencies,
    ledgers,
    optimism,
    per_class,
    phases,
    propensities,
    standard_meters,
    windows,
)
from messjax.numerics import virtual_queue as queue
from messjax.policies.win_rate_threshold import wins
from messjax.types import Distribution, Meter, Policy, Predictor, Step, Stream

M, D, N = 3, 4, 40  # models, features (and types), requests of the trace
COST = np.array([1.0, 2.0, 4.0])
ACCURACY = np.array([0.4, 0.6, 0.9])
KEYS = jax.random.split(jax.random.key(3), 3)


def distribution(x: float) -> Distribution:
    mean = np.linspace(0.3, 0.7, D)[:, None] + np.array([0.0, 0.1, 0.25 + 0.01 * x])
    return Distribution(np.array([0.1, 0.2, 0.3, 0.4]), np.tile(COST + x, (D, 1)), mean)


def recorded(x: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(int(x))
    satisfaction = rng.integers(0, 2, (N, M)).astype(float)
    satisfaction[:, -1] = 1.0
    return rng.normal(size=(N, D)), satisfaction, np.tile(COST, (N, 1))


def trace(x: float, order: str) -> Stream:
    return streams.replay(*recorded(x), order=order, groups=np.random.default_rng(int(x)).integers(0, 3, N))


def two_types(x: float) -> Stream:
    return streams.types(
        distribution(x)._replace(
            weight=np.array([0.3, 0.7]), cost=distribution(x).cost[:2], mean=distribution(x).mean[:2]
        )
    )


# name, beginning with the public name: builder from a number x, which tests/engine/test_no_recompilation changes
STREAMS: dict[str, Callable[[float], Stream]] = {
    "types": lambda x: streams.types(distribution(x)),
    "types comonotone": lambda x: streams.types(distribution(x), labels="comonotone"),
    "graded": lambda x: streams.types(streams.graded(COST + x, ACCURACY, num_types=D)),
    "logistic": lambda x: streams.logistic(np.eye(M, D) + x, np.arange(M) - 0.5, COST),
    "calibrated": lambda x: streams.calibrated(COST + x, ACCURACY, num_features=D, spread=1 + x),
    "replay": lambda x: trace(x, "shuffled"),
    "replay of groups": lambda x: trace(x, "groups"),
    "replay in order": lambda x: trace(x, "file"),
    "chain": lambda x: streams.chain((streams.types(distribution(x)), 5 + int(x)), (STREAMS["logistic"](x), N)),
    "change": lambda x: streams.change(streams.types(distribution(x)), trace(x, "shuffled"), 3 + int(x)),
    "benchmarks": lambda x: streams.benchmarks(
        np.tile(COST + x, (2, 1)), np.stack([ACCURACY, ACCURACY - 0.1]), np.array([4, N + int(x)]), num_features=D
    ),
    "drift": lambda x: streams.drift(two_types(x), two_types(x + 1), N + int(x), shown=True),
    "modulated": lambda x: streams.modulated(
        [two_types(x), two_types(x + 1)], np.array([[0.8 - 0.1 * x, 0.2 + 0.1 * x], [0.5, 0.5]]), shown=True
    ),
    "adversarial": lambda x: streams.adversarial(distribution(x), N + int(x)),
    "adversarial_replay": lambda x: streams.adversarial_replay(*recorded(x)),
    "by_length": lambda x: streams.by_length(streams.types(distribution(x)), COST + x, np.array([1.0, 5.0 + x, 20.0])),
    "lognormal": lambda x: streams.lognormal(streams.types(distribution(x)), 0.5 + 0.1 * x, across="comonotone"),
    "with_availability": lambda x: streams.with_availability(
        streams.types(distribution(x)), [1, 3 + int(x), 1], [None, None, 5 + int(x)]
    ),
    "with_latency": lambda x: streams.with_latency(streams.types(distribution(x)), COST + x),
    "with_judge": lambda x: streams.with_judge(streams.types(distribution(x)), streams.types(distribution(x + 1))),
    "with_classes": lambda x: streams.with_classes(
        streams.logistic(np.eye(M, D - 1) + x, np.arange(M) - 0.5, COST),
        np.array([0.3 + 0.1 * x, 0.7 - 0.1 * x]),
    ),
}
# Streams made of streams of the table, for whole runs: one program instead of several.
NESTS: dict[str, Callable[[float], Stream]] = {
    "chain + drift + adversarial + benchmarks": lambda x: streams.chain(
        (streams.drift(streams.types(distribution(x)), STREAMS["logistic"](x), 9 + int(x)), 5 + int(x)),
        (STREAMS["adversarial"](x), 3),
        (STREAMS["benchmarks"](x), N),
    ),
    "change + adversarial_replay + replay of groups": lambda x: streams.change(
        STREAMS["adversarial_replay"](x), trace(x, "groups"), 4 + int(x)
    ),
    "with_availability + with_latency + with_judge": lambda x: streams.with_judge(
        streams.with_latency(STREAMS["with_availability"](x), COST + x), streams.types(distribution(x))
    ),
    "with_classes + modulated + by_length + lognormal": lambda x: streams.with_classes(
        streams.modulated(
            [
                streams.by_length(streams.logistic(np.eye(M, D - 1), np.arange(M) + x, COST), COST, COST + x),
                streams.lognormal(streams.logistic(np.eye(M, D - 1) + x, np.ones(M), COST), 0.5 + 0.1 * x),
            ],
            np.array([[0.8 - 0.1 * x, 0.2 + 0.1 * x], [0.5, 0.5]]),
        ),
        np.array([0.4, 0.6]),
    ),
}


def prefix(x: float) -> tuple[np.ndarray, np.ndarray]:
    """What an offline router is trained on: features [30, D] and labels [30, M]."""
    rng = np.random.default_rng(int(x))
    return rng.normal(size=(30, D)), rng.integers(0, 2, (30, M)).astype(float)


PREDICTORS: dict[str, Callable[[Stream, float], Predictor]] = {
    "oracle": lambda stream, x: predictors.oracle(stream),
    "noisy": lambda stream, x: predictors.noisy(stream, 0.1 + 0.1 * x, q=0.5 + 0.1 * x),
    "tabular": lambda stream, x: predictors.tabular(D, M),
    "linear": lambda stream, x: predictors.linear(D, M),
    "forgetting_ridge": lambda stream, x: predictors.forgetting_ridge(D, M, forgetting=0.9 + 0.01 * x),
    "mlp": lambda stream, x: predictors.mlp(D, M),
    "frozen": lambda stream, x: predictors.frozen(predictors.mlp(D, M), predictors.mlp(D, M).init(KEYS[int(x)])),
    "trained": lambda stream, x: predictors.trained(predictors.linear(D, M), *prefix(x), key=KEYS[int(x)]),
    "knn": lambda stream, x: predictors.knn(*prefix(x), k=4),
    "dual_contrastive": lambda stream, x: predictors.dual_contrastive(*prefix(x), key=KEYS[int(x)], steps=5 + int(x)),
}


def two_models(x: float) -> Policy:
    """A threshold router with a win rate trained on the prefix it is calibrated on."""
    features, labels = prefix(x)
    won = wins(labels)
    rate = predictors.trained(predictors.linear(D, 1), features, won, key=KEYS[0])
    return policies.threshold(rate, features, labels)


POLICIES: dict[str, Callable[[Predictor, float], Policy]] = {
    "mess_plus": lambda predictor, x: policies.mess_plus(predictor),
    "greedy": lambda predictor, x: policies.greedy(predictor),
    "single": lambda predictor, x: policies.single(1 + int(x)),
    "uniform": lambda predictor, x: policies.uniform(),
    "mixture": lambda predictor, x: policies.mixture(COST, ACCURACY - 0.01 * x),
    "by_class": lambda predictor, x: policies.by_class(policies.mess_plus(predictor), np.array([0.5, 0.6 - 0.1 * x])),
    "delayed": lambda predictor, x: policies.delayed(policies.mess_plus(predictor), 3, D, M),
    "running_mean_costs": lambda predictor, x: policies.running_mean_costs(
        policies.mess_plus(predictor), M, start=0.5 + x
    ),
    "warm_started": lambda predictor, x: policies.warm_started(predictor, 2.0 + x),
    "tightened": lambda predictor, x: policies.tightened(policies.mess_plus(predictor), 0.05 * x),
    "auto_v": lambda predictor, x: policies.auto_v(policies.mess_plus(predictor), distribution(x), 10.0 + x),
    "one_sided": lambda predictor, x: policies.one_sided(predictor),
    "one_sided importance": lambda predictor, x: policies.one_sided(predictor, learning="importance"),
    "primal_dual": lambda predictor, x: policies.primal_dual(M, optimism=0.5 + x),
    "lin_ucb": lambda predictor, x: policies.lin_ucb(D, M, ridge=1.0 + x, width=0.5 + x),
    "lin_thompson": lambda predictor, x: policies.lin_thompson(D, M, ridge=1.0 + x, width=0.5 + x),
    "ucb": lambda predictor, x: policies.ucb(D, M, horizon=100 + int(x)),
    "restarting": lambda predictor, x: policies.restarting(predictor, M, margin=0.05 + 0.01 * x),
    "pareto_bandit": lambda predictor, x: policies.pareto_bandit(
        1e-3 * COST, num_features=D, penalty=0.1 * x, paced=False
    ),
    "educated_guess": lambda predictor, x: policies.educated_guess(ACCURACY - 0.01 * x),
    "optimal": lambda predictor, x: policies.optimal(distribution(x)),
    "threshold": lambda predictor, x: two_models(x),
    "predict_then_argmin": lambda predictor, x: policies.predict_then_argmin(predictor),
    "lagrangian": lambda predictor, x: policies.lagrangian(predictor, distribution(x)),
    "budget_mixture": lambda predictor, x: policies.budget_mixture(COST + x, ACCURACY),
    "budget_queue": lambda predictor, x: policies.budget_queue(predictor),
    "stage_route": lambda predictor, x: policies.stage_route(M, horizon=20 + int(x), largest_cost=4.0 + x),
    "port": lambda predictor, x: policies.port(*prefix(x), np.tile(COST + x, (30, 1)), horizon=60, value=5.0 + x),
    "omni_router": lambda predictor, x: policies.omni_router(
        predictor, step=0.5 + x, largest_load=np.array([0.5, 0.8 + 0.1 * x, 1.0])
    ),
    "routing_sampling": lambda predictor, x: policies.routing_sampling(M, cost_weight=0.04 + 0.1 * x, base=int(x)),
    "adaptive_beta": lambda predictor, x: policies.adaptive_beta(
        np.eye(2, D) + x, ACCURACY - 0.01 * x, explore=0.1 + 0.1 * x
    ),
    "conformal_gate": lambda predictor, x: policies.conformal_gate(prefix(x), prefix(x + 1)),
}
NESTED: dict[str, Callable[[Predictor, float], Policy]] = {
    "running_mean_costs + by_class": lambda predictor, x: policies.running_mean_costs(
        POLICIES["by_class"](predictor, x), M, start=0.5 + x
    ),
}


def largest_p(step: Step) -> jax.Array:
    return step.decision.p


METERS: dict[str, Callable[[], Meter]] = {
    "standard": standard_meters.standard,
    "ledger": ledgers.ledger,
    "virtual_queue": standard_meters.virtual_queue,
    "sla": standard_meters.sla,
    "theory": standard_meters.theory,
    "decomposition": lambda: identity_terms.decomposition(distribution(0.0), [0.5, 0.6]),
    "decomposition_at": lambda: identity_terms.decomposition_at([0.5], [2.0]),
    "optimism_widths": lambda: optimism.optimism_widths(D, M, horizon=100),
    "mean": lambda: folds.mean("p", largest_p),
    "maximum": lambda: folds.maximum("p", largest_p),
    "latest": lambda: folds.latest("Q", lambda num_models: queue.zero(), lambda step: step.next_queue),
    "fold": lambda: folds.fold("n", lambda num_models: jnp.zeros((), jnp.int32), lambda number, step: number + step.t),
    "sla_per_class": lambda: per_class.sla_per_class(np.array([0.5, 0.6])),
    "latency": latencies.latency,
    "per_phase": lambda: phases.per_phase(np.array([3])),
    "propensity_coverage": propensities.propensity_coverage,
    "windowed": lambda: windows.windowed(5),
    "adoption": lambda: windows.adoption(1),
    "tracking": lambda: windows.tracking(2),
    "zip_meters": lambda: folds.zip_meters(standard_meters.sla(), folds.mean("p", largest_p)),
}
# Whole runs: every row of the tables above but the meters is in at least one.
WORLDS = [
    ("types", "mess_plus", "oracle"),
    ("types comonotone", "mess_plus", "tabular"),
    ("with_availability + with_latency + with_judge", "greedy", "oracle"),
    ("graded", "greedy", "noisy"),
    ("logistic", "mess_plus", "linear"),
    ("calibrated", "mess_plus", "mlp"),
    ("replay", "single", "linear"),
    ("replay in order", "uniform", "linear"),
    ("types", "mixture", "oracle"),
    ("chain + drift + adversarial + benchmarks", "delayed", "tabular"),
    ("change + adversarial_replay + replay of groups", "uniform", "linear"),
    ("with_classes + modulated + by_length + lognormal", "running_mean_costs + by_class", "linear"),
]
# The same side by side in one program, (policy, predictor): compiling each by itself would take a minute.
TOGETHER = [
    ("warm_started", "dual_contrastive"),
    ("tightened", "tabular"),
    ("auto_v", "knn"),
    ("one_sided", "linear"),
    ("one_sided importance", "linear"),
    ("primal_dual", "oracle"),
    ("lin_ucb", "oracle"),
    ("lin_thompson", "oracle"),
    ("ucb", "oracle"),
    ("pareto_bandit", "oracle"),
    ("restarting", "forgetting_ridge"),
    ("educated_guess", "oracle"),
    ("optimal", "oracle"),
    ("threshold", "oracle"),
    ("predict_then_argmin", "frozen"),
    ("lagrangian", "trained"),
    ("budget_mixture", "oracle"),
    ("budget_queue", "linear"),
    ("stage_route", "oracle"),
    ("port", "oracle"),
    ("omni_router", "frozen"),
    ("routing_sampling", "oracle"),
    ("adaptive_beta", "oracle"),
    ("conformal_gate", "oracle"),
]


def world(names: tuple[str, str, str], x: float = 0.0) -> tuple[Stream, Policy]:
    stream = (STREAMS | NESTS)[names[0]](x)
    return stream, (POLICIES | NESTED)[names[1]](PREDICTORS[names[2]](stream, x), x)
