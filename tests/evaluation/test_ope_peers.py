"""Agreement with other packages: obp on policies that do not change, coba's rejection on those that learn.

Both are test extras (`pip install messjax[ope]`); where they are missing the tests are skipped.
"""

from __future__ import annotations

from typing import ClassVar

import jax
import numpy as np
import pytest

import messjax as mj
from messjax.evaluation.ope import cross_fitted, terms_of
from messjax.evaluation.ope.learning import replay_log
from messjax.predictors import ridge_regression
from messjax.traces import Trace
from messjax.traces.logs.logged_trace import LoggedTrace
from messjax.traces.logs.made_from_traces import log_of
from messjax.types import Controls, Feedback, Outcome, Policy

N = 500
CONTROLS = Controls(V=0.5, alpha=0.7, c=1.0)


def log_with_features(num_models: int, mu: np.ndarray) -> tuple[LoggedTrace, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 2))
    mean = 1 / (1 + np.exp(-np.linspace(-0.5, 1.2, num_models) - x @ rng.normal(size=(2, num_models))))
    score, ids = (rng.random(mean.shape) < mean).astype(float), [f"q{n}" for n in range(N)]
    cost = np.broadcast_to(np.arange(1.0, num_models + 1.0), score.shape)
    trace = Trace(tuple(f"m{m}" for m in range(num_models)), ids, ["g"] * N, score, cost, "USD", "world", ids=ids)
    return log_of(trace, mu, seed=1, costs_known=True), x


@pytest.mark.parametrize("estimator", ["ips", "snips", "dm", "dr", "switch-dr"])
def test_obp_agrees_on_policies_that_do_not_change(estimator):
    ope = pytest.importorskip("obp.ope", reason="obp is not installed: pip install messjax[ope]")
    log, x = log_with_features(3, np.array([0.2, 0.3, 0.5]))
    policy = 0.8 * np.eye(3)[np.where(x[:, 0] > 0, 0, 2)] + 0.2 / 3
    q = cross_fitted(x, log.action, log.score, 3, low=0.0, high=1.0)
    theirs = {
        "ips": ope.InverseProbabilityWeighting(),
        "snips": ope.SelfNormalizedInverseProbabilityWeighting(),
        "dm": ope.DirectMethod(),
        "dr": ope.DoublyRobust(),
        "switch-dr": ope.SwitchDoublyRobust(tau=2.0),
    }[estimator]
    value = theirs.estimate_policy_value(
        reward=log.score, action=log.action, pscore=log.chosen_propensity, action_dist=policy[:, :, None],
        estimated_rewards_by_reg_model=q[:, :, None], position=np.zeros(N, int),
    )  # fmt: skip
    ours = terms_of(log, policy, log.score, estimator=estimator, model=q, switch=2.0).value
    assert ours == pytest.approx(value, abs=1e-12)


class Wrapped:
    """A messjax policy as a learner of coba, which decides what is accepted."""

    params: ClassVar[dict[str, str]] = {}

    def __init__(self, policy: Policy, cost: np.ndarray) -> None:
        self.policy, self.cost = policy, jax.numpy.asarray(cost)
        self.state = policy.init(jax.random.key(0), CONTROLS)
        self.act, self.update, self.learned = jax.jit(policy.act), jax.jit(policy.update), []

    def _decision(self, context):
        x = jax.numpy.asarray(context, jax.numpy.float32)
        return x, self.act(jax.random.key(0), self.state, x, self.cost, CONTROLS)

    def predict(self, context, actions):
        return np.asarray(self._decision(context)[1].propensity).tolist()

    def score(self, context, actions, action):
        return float(self._decision(context)[1].propensity[actions.index(action)])

    def learn(self, context, action, reward, probability):
        x, decision = self._decision(context)
        served = jax.numpy.arange(len(self.cost)) == action
        decision = decision._replace(serve=jax.numpy.int32(action), learn=served)
        outcome = Outcome(jax.numpy.where(served, reward, 0.0), served)
        back = Feedback(outcome, jax.numpy.float32(reward), jax.numpy.asarray(True), served * self.cost)
        self.state = self.update(self.state, x, decision, back, CONTROLS)
        self.learned.append(reward)


def accepted_by_coba(policy: Policy, log: LoggedTrace, x: np.ndarray, scale: float, seed: int) -> list[float]:
    """Rewards of the requests that coba accepts with this multiplier."""
    coba = pytest.importorskip("coba", reason="coba is not installed: pip install messjax[ope]")
    models = list(range(len(log.models)))
    rows = zip(x.tolist(), log.action.tolist(), log.score.tolist(), log.chosen_propensity.tolist(), strict=True)
    logged = [coba.LoggedInteraction(c, a, r, p, actions=models) for c, a, r, p in rows]

    class Environment:
        params: ClassVar[dict[str, str]] = {}

        def read(self):
            return logged

    learner = Wrapped(policy, np.asarray(log.known_cost[0]))
    list(coba.RejectionCB(cpct=0.0, cmax=scale, cinit=scale, seed=seed).evaluate(Environment(), learner))
    return learner.learned


@pytest.mark.long
def test_coba_accepts_the_same_requests_of_a_policy_without_chance():
    """Uniform logs: a request is accepted where the policy, as it has learned, would have chosen the same model."""
    log, x = log_with_features(2, np.array([0.5, 0.5]))
    policy = mj.policies.lin_ucb(2, 2)
    theirs = accepted_by_coba(policy, log, x, 0.5, seed=3)
    ours = replay_log(jax.random.key(0), CONTROLS, policy=policy, log=log, features=x, seeds=1)
    assert float(ours["accepted"][0]) == len(theirs)
    assert float(ours["accepted_satisfaction"][0]) == pytest.approx(np.mean(theirs), abs=1e-6)


@pytest.mark.long
def test_coba_agrees_on_mess_plus_that_learns():
    """Acceptance is drawn: means over 16 repetitions agree within four standard errors."""
    log, x = log_with_features(2, np.array([0.4, 0.6]))
    start = ridge_regression.prior(np.full(2, 0.6), 2, trust=10.0)
    policy = mj.policies.one_sided(ridge_regression.ridge(start), learning="served")
    theirs = [accepted_by_coba(policy, log, x, 0.4, seed) for seed in range(16)]
    ours = replay_log(jax.random.key(0), CONTROLS, policy=policy, log=log, features=x, seeds=16)
    for mine, other in (
        (ours["accepted"].values, [len(each) for each in theirs]),
        (ours["accepted_satisfaction"].values, [np.mean(each) for each in theirs]),
    ):
        error = np.sqrt((np.var(mine, ddof=1) + np.var(other, ddof=1)) / 16)
        assert abs(np.mean(mine) - np.mean(other)) < 4 * error
