"""MESS+ with a queue of overspending: a plain loop, the budget on every path, the bound of its queue."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import feedback, policies, predictors
from messjax.components import as_pytree
from messjax.types import Controls, Request

M, D, T = 3, 3, 400
COST = np.array([0.1, 0.4, 1.0])
RNG = np.random.default_rng(3)
X = RNG.normal(size=(T, D)).astype(np.float32)
S = np.clip([0.4, 0.7, 0.8] + 0.2 * X[:, :1] + 0.1 * RNG.normal(size=(T, M)), 0, 1).astype(np.float32)
HEAD = predictors.knn(RNG.normal(size=(60, D)), RNG.uniform(size=(60, M)), k=5)


def played(controls: Controls, cost: np.ndarray):
    """Models, whether explored, predictions, propensities, and the queue after every request."""
    policy = as_pytree(policies.budget_queue(HEAD))
    controls = jax.tree.map(jnp.float32, controls)

    @jax.jit
    def run(policy, controls):
        def one(state, row):
            t, x, s, c = row
            decision = policy.act(jax.random.fold_in(jax.random.key(2), t), state, x, c, controls)
            back = feedback.complete(jax.random.key(9), decision, Request(x, c, s, s), controls)
            state = policy.update(state, x, decision, back, controls)
            return state, (decision.serve, decision.explore, decision.s_hat, decision.propensity, state.overspent)

        rows = jnp.arange(T), X, S, jnp.asarray(cost, jnp.float32)
        return jax.lax.scan(one, policy.init(jax.random.key(0), controls), rows)[1]

    return [np.asarray(each) for each in run(policy, controls)]


def test_it_is_its_plain_loop_and_keeps_the_budget_on_the_path():
    budget, V = 0.3, 6.0
    cost = COST * RNG.uniform(0.5, 1.5, (T, M))
    serve, explore, s_hat, propensity, queue = played(Controls(budget=budget, V=V, c=0.3), cost)
    p, Q = np.minimum(1.0, 0.3 * np.arange(1, T + 1) ** -0.25), 0.0
    for t in range(T):
        score = Q * cost[t] / budget - V * s_hat[t]
        best = int(np.argmin(score))
        assert explore[t] or serve[t] == best or np.ptp(np.sort(score)[:2]) < 1e-4
        np.testing.assert_allclose(propensity[t], p[t] / M + (1 - p[t]) * (np.arange(M) == best), atol=1e-5)
        Q = max(Q + cost[t, serve[t]] / budget - 1.0, 0.0)
        assert queue[t] == pytest.approx(Q, abs=1e-3)
    assert 0.04 < explore.mean() < 0.15 and len(np.unique(serve[~explore])) == M
    assert cost[np.arange(T), serve].mean() <= budget * (1 + queue[-1] / T) + 1e-6


@pytest.mark.parametrize("V", [1.0, 20.0])
def test_the_queue_stays_below_its_bound(V):
    budget = 0.2
    serve, *_, queue = played(Controls(budget=budget, V=V, c=0.0), np.tile(COST, (T, 1)))
    assert 0.0 < queue.max() <= V * budget / (COST[1] - COST[0]) + COST[-1] / budget
    assert COST[serve].mean() <= budget * (1 + queue[-1] / T) + 1e-6


def test_models_that_are_not_there_do_not_serve():
    policy = as_pytree(policies.budget_queue(HEAD))
    controls = Controls(budget=0.2, V=5.0, c=1.0, available=jnp.array([True, False, True]))
    state = policy.init(jax.random.key(0), controls)
    keys = jax.random.split(jax.random.key(1), 200)
    serve = jax.vmap(lambda key: policy.act(key, state, X[0], COST, controls).serve)(keys)
    assert set(np.asarray(serve).tolist()) == {0, 2}
