"""T5: the adjusted regret of no valid policy is below zero, and a policy that looks at the labels is detected."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import policies, predictors, streams
from messjax.engine import grid_sweep
from messjax.meters import standard_meters
from messjax.policies.predictor_router import router
from messjax.policies.win_rate_threshold import wins
from messjax.predictors.pretrained import predict_all
from messjax.statistics import intervals
from messjax.types import Controls, Distribution, Policy, Predictor, Stream

K, M = 4, 3
COST = np.array([[1.0, 2.0, 5.0], [1.0, 2.5, 4.0], [0.5, 2.0, 4.5], [1.0, 3.0, 6.0]])
MEAN = np.array([[0.7, 0.8, 0.9], [0.3, 0.75, 0.85], [0.4, 0.5, 0.9], [0.2, 0.6, 0.8]])
LAW = Distribution(np.array([0.4, 0.3, 0.2, 0.1]), COST, MEAN)
ALPHA, LEVEL = [0.55, 0.75], 0.999
LABELS = ["independent", "comonotone"]


def valid(stream: Stream) -> dict[str, Policy]:
    """Every policy of the fast path; MESS+ over what knows the law, what errs, and what learns."""
    learners = {
        "oracle": predictors.oracle(stream),
        "noisy": predictors.noisy(stream, 0.3),
        "tabular": predictors.tabular(K, M),
    }
    routers = {f"mess_plus {name}": policies.mess_plus(learner) for name, learner in learners.items()}
    routers["greedy tabular"] = policies.greedy(learners["tabular"])
    means = LAW.weight @ COST, LAW.weight @ MEAN
    static = {f"single {m}": policies.single(m) for m in (0, M - 1)}
    return routers | static | {"uniform": policies.uniform(), "mixture": policies.mixture(*means)}


def general(stream: Stream) -> dict[str, Policy]:
    """The others, that run on the general path: MESS+'s variants, bandits, what was trained on an earlier prefix."""
    rng, table = np.random.default_rng(0), predictors.tabular(K, M)
    kind = rng.choice(K, 400, p=LAW.weight)
    x, labels = np.eye(K)[kind], (rng.uniform(size=(400, M)) < MEAN[kind]).astype(float)
    learned = predictors.trained(table, x, labels, key=jax.random.key(0), epochs=1)
    rate = predictors.trained(predictors.tabular(K, 1), x, wins(labels), key=jax.random.key(0), epochs=1)
    prefix = Distribution(np.full(400, 1 / 400), COST[kind], predict_all(learned, x))
    return {
        "warm_started": policies.warm_started(table, prefix),
        "tightened": policies.tightened(policies.mess_plus(table), 0.03),
        "auto_v": policies.auto_v(policies.mess_plus(table), LAW, 100.0),
        "one_sided": policies.one_sided(table),
        "one_sided importance": policies.one_sided(table, learning="importance"),
        "one_sided served": policies.one_sided(table, learning="served"),
        "primal_dual": policies.primal_dual(M),
        "lin_ucb": policies.lin_ucb(K, M),
        "lin_thompson": policies.lin_thompson(K, M),
        "educated_guess": policies.educated_guess(LAW.weight @ MEAN),
        "optimal": policies.optimal(LAW),
        "threshold": policies.threshold(rate, x, labels),
        "predict_then_argmin": policies.predict_then_argmin(learned),
        "lagrangian": policies.lagrangian(learned, prefix),
        "delayed": policies.delayed(policies.mess_plus(table), 5, K, M),
        "running_mean_costs": policies.running_mean_costs(policies.mess_plus(table), M),
        "by_class": policies.by_class(policies.mess_plus(table), np.array([0.6, 0.7])),
    }


def run(stream: Stream, named: dict[str, Policy], horizon: int = 2_000):
    return grid_sweep.sweep(
        jax.random.key(11), Controls(V=2.0, alpha=ALPHA, c=0.3), policy=named, stream=stream,
        meter=standard_meters.ledger(), horizon=horizon, num_streams=200,
    )  # fmt: skip


def verdict(dataset) -> np.ndarray:
    """[policy, alpha]: "violated" where the upper 99.9% limit of the adjusted regret is below zero."""
    regret = dataset["adjusted_regret"].transpose("policy", "alpha", "stream").values
    return intervals.verdict(intervals.one_sided(regret, LEVEL))


@pytest.mark.long
@pytest.mark.parametrize("labels", LABELS)
def test_no_policy_shipped_is_below_zero(labels):
    stream = streams.types(LAW, labels=labels)
    result = run(stream, valid(stream))
    assert set(result.policy.values) == set(valid(stream)) and not (verdict(result) == "violated").any()
    assert (verdict(result) == "holds").mean() > 0.5  # the intervals are narrow enough to decide something


@pytest.mark.slow
def test_no_policy_of_the_general_path_is_below_zero():
    stream = streams.types(LAW, labels="comonotone")
    result = run(stream, general(stream), horizon=500)
    assert not (verdict(result) == "violated").any()
    assert (verdict(result) == "holds").mean() > 0.5
    shipped = {name.split()[0] for name in valid(stream) | general(stream)}
    assert shipped == set(policies.__all__)


# --- a policy that uses labels it must not use -------------------------------------------------------------


def leaking(stream: Stream) -> Stream:
    """The same stream whose features smuggle the labels out, [K + M]."""

    def draw(key, state, t):
        state, request = stream.draw(key, state, t)
        return state, request._replace(features=jnp.concatenate([request.features, request.satisfaction]))

    return stream._replace(draw=draw, mean=None)


def peeking() -> Policy:
    """Serves the cheapest model that satisfies, or the cheapest: its "prediction" is the label itself."""

    def choose(s_hat, cost, Q, controls):
        return jnp.argmin(jnp.where(s_hat > 0.5, cost, cost + 1e3))

    reads = Predictor(lambda key: (), lambda state, features: features[-M:], lambda state, features, outcome: state)
    return router(reads, choose)


@pytest.mark.parametrize("labels", LABELS)
def test_a_policy_that_peeks_is_found_out(labels):
    result = run(leaking(streams.types(LAW, labels=labels)), {"peeking": peeking(), "cheapest": policies.single(0)})
    # At the lower alpha gamma* is small: satisfying whomever one can is expensive, and peeking at it no gain.
    words = dict(zip(result.policy.values, verdict(result)[:, 1], strict=True))
    assert words["peeking"] == "violated" and words["cheapest"] != "violated"
