"""Routers of other authors against plain NumPy loops, decision by decision."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from messjax import feedback, policies, predictors
from messjax.components import as_pytree
from messjax.policies import port_router, stage_routing
from messjax.types import Controls, Request

M, D, T = 3, 4, 150
COST = np.array([0.1, 0.4, 1.0])
RNG = np.random.default_rng(5)
X = RNG.normal(size=(T, D)).astype(np.float32)
S = np.clip(np.array([0.4, 0.7, 0.8]) + 0.2 * X[:, :1] + 0.2 * RNG.normal(size=(T, M)), 0, 1).astype(np.float32)
C = (COST * RNG.uniform(0.5, 1.5, (T, M))).astype(np.float32)
HISTORY = RNG.normal(size=(60, D)), RNG.uniform(size=(60, M)), COST * RNG.uniform(0.5, 1.5, (60, M))
KEYS = jax.vmap(lambda t: jax.random.fold_in(jax.random.key(2), t))(jnp.arange(T))


def played(policy, controls, f=1.0):
    """What a policy serves on the requests, with its propensities, and its last state."""
    policy = as_pytree(policy)
    controls = jax.tree.map(jnp.float32, controls._replace(f=f))

    @jax.jit
    def run(policy, controls):
        def one(state, at):
            key, x, s, c = at
            decision = policy.act(key, state, x, c, controls)
            back = feedback.sparse(jax.random.fold_in(key, 9), decision, Request(x, c, s, s), controls)
            state = policy.update(state, x, decision, back, controls)
            return state, (decision.serve, decision.propensity, back.feedback_received)

        return jax.lax.scan(one, policy.init(jax.random.key(0), controls), (KEYS, X, S, C))

    state, (serve, propensity, received) = run(policy, controls)
    return np.asarray(serve), None if propensity is None else np.asarray(propensity), np.asarray(received), state


def uniforms():
    return np.asarray(jax.vmap(lambda key: jax.random.uniform(key, dtype=jnp.float32))(KEYS))


def best_mix(value, cost, budget):
    """The linear programme of a request, by SciPy."""
    if cost.min() > budget:
        return np.eye(M)[np.argmin(cost)]
    return optimize.linprog(-value, A_ub=cost[None], b_ub=[budget], A_eq=np.ones((1, M)), b_eq=[1.0]).x


def test_stage_route_is_its_plain_loop_with_a_linear_programme_per_request():
    budget, g = 0.3, 0.05
    serve, propensity, received, _ = played(
        policies.stage_route(M, horizon=T, largest_cost=2.0, width=g), Controls(budget=budget), f=0.7
    )
    n, s, k, c = (np.zeros(M) for _ in range(4))
    differ = 0
    for t, draw in enumerate(uniforms()):
        with np.errstate(divide="ignore", invalid="ignore"):
            high = np.where(n > 0, np.clip(s / n + 2 * (np.sqrt(g * (s / n) / n) + g / n), 0, 1), 1.0)
            low = np.where(k > 0, np.clip(c / k - 2 * (np.sqrt(g * (c / k) / k) + g / k), 0, 1), 0.0)
        p = best_mix(high, low, budget / 2.0)
        # the value of both mixes is the optimum, whichever of several optimal ones each has found
        assert propensity[t] @ high == pytest.approx(p @ high, abs=1e-5)
        assert propensity[t] @ low <= max(budget / 2.0, low.min()) + 1e-6 and propensity[t].sum() == pytest.approx(1.0)
        assert (propensity[t] > 1e-9).sum() <= 2
        own = int(np.argmax(draw * propensity[t].sum() < np.cumsum(propensity[t])))
        differ += own != serve[t]
        n[serve[t]] += received[t]
        s[serve[t]] += received[t] * S[t, serve[t]]
        k[serve[t]] += 1
        c[serve[t]] += C[t, serve[t]] / 2.0
    assert differ == 0


def test_stage_route_without_a_feasible_mix_serves_the_least_cost():
    p = stage_routing.best_mix(jnp.ones(3), jnp.array([0.5, 0.2, 0.9]), jnp.float32(0.1), jnp.ones(3, bool))
    assert np.asarray(p).tolist() == [0.0, 1.0, 0.0]


def test_port_is_its_plain_loop_and_never_exceeds_a_budget():
    budget, value, split = 0.25, 0.5, 0.5
    policy = policies.port(*HISTORY, horizon=T, value=value, neighbours=5, sample=0.1, split=split)
    serve, _, _, state = played(policy, Controls(budget=budget))
    x, s, c = HISTORY
    ratio = (s.mean(axis=0) / c.mean(axis=0)) ** split
    limits = budget * T * ratio / ratio.sum()
    near = np.argsort(((X[:, None].astype(float) - x[None]) ** 2).sum(axis=-1), axis=1)[:, :5]
    s_hat, c_hat = s[near].mean(axis=1), c[near].mean(axis=1)
    first, price, spent = 15, np.asarray(state.price, float), np.zeros(M)
    for t, draw in enumerate(uniforms()):
        if t < first:
            wanted = int(draw * (M + 1)) if draw * (M + 1) < M else -1
        else:
            net = value * s_hat[t] - price * c_hat[t]
            wanted = int(np.argmax(net)) if net.max() >= 0 else -1
        own = wanted if wanted >= 0 and spent[wanted] + C[t, wanted] <= limits[wanted] else -1
        assert own == serve[t], t
        if own >= 0:
            spent[own] += C[t, own]
    assert (spent <= limits + 1e-4).all() and (serve < 0).any()
    assert np.asarray(state.spent) == pytest.approx(spent, rel=1e-4)


def test_the_prices_of_port_solve_their_linear_programme():
    rng = np.random.default_rng(1)
    values, costs, budget = (
        rng.uniform(0, 0.3, (20, M)),
        COST * rng.uniform(0.5, 1.5, (20, M)),
        np.array([0.5, 1.0, 1.5]),
    )
    price = np.asarray(port_router.prices(*(jnp.asarray(each, jnp.float32) for each in (values, costs, budget))))
    n = len(values)  # minimise budget . price + sum u with u_j >= 0, u_j >= values_jm - price_m costs_jm
    rows = np.concatenate([np.concatenate([-np.diag(costs[j]), -np.eye(n)[[j] * M]], axis=1) for j in range(n)])
    best = optimize.linprog(
        np.concatenate([budget, np.ones(n)]), A_ub=rows, b_ub=-values.ravel(), bounds=[(0, 1)] * M + [(0, None)] * n
    ).fun
    own = price @ budget + np.maximum((values - price * costs).max(axis=1), 0.0).sum()
    assert best <= own <= best * 1.01


def test_omni_router_is_its_plain_loop():
    head = predictors.knn(HISTORY[0], HISTORY[1], k=5)
    limit, step, alpha = np.array([0.5, 1.0, 1.0]), 0.3, 0.6
    serve, propensity, _, _ = played(policies.omni_router(head, step=step, largest_load=limit), Controls(alpha=alpha))
    near = np.argsort(((X[:, None].astype(float) - HISTORY[0][None]) ** 2).sum(axis=-1), axis=1)[:, :5]
    s_hat, quality, load = HISTORY[1][near].mean(axis=1), 0.0, np.zeros(M)
    for t in range(T):
        own = int(np.argmin(C[t] - quality * s_hat[t] + load))
        assert own == serve[t] and propensity[t, own] == 1.0
        quality = max(quality + step * (alpha - s_hat[t, own]), 0.0)
        load = np.maximum(load + step * (np.eye(M)[own] - limit), 0.0)
    assert s_hat[np.arange(T), serve].mean() == pytest.approx(alpha, abs=0.05)


@pytest.mark.long  # Beta draws compile for seconds
def test_routing_sampling_is_its_plain_loop():
    k, margin = 0.1, 0.03
    serve, _, received, state = played(
        policies.routing_sampling(M, cost_weight=k, margin=margin, base=1), Controls(), 0.6
    )
    good, under = np.zeros(M), np.zeros(M)
    draw = jax.jit(lambda key, a, b: jax.random.beta(key, a, b, dtype=jnp.float32))
    for t in range(T):
        sampled = np.asarray(draw(KEYS[t], jnp.float32(good + 2.0), jnp.float32(under + 2.0)))
        score = sampled - k * C[t] / C[t].max()
        best = int(np.argmax(score))
        assert serve[t] == (best if score[best] >= score[1] + margin else 1), t
        good[serve[t]] += received[t] * S[t, serve[t]]
        under[serve[t]] += received[t] * (1 - S[t, serve[t]])
    assert np.asarray(state.good[0]) == pytest.approx(good, rel=1e-4) and len(set(serve)) > 1


@pytest.mark.long
def test_adaptive_beta_is_its_plain_loop_and_stops_at_200_outcomes():
    centres, prior = np.stack([np.ones(D), -np.ones(D)]), np.array([0.5, 0.99, 0.9])
    serve, _, _, state = played(policies.adaptive_beta(centres, prior, explore=0.3), Controls())
    mean = np.minimum(prior, 0.95)
    good, under = np.zeros((2, M)), np.zeros((2, M))
    halves = jax.vmap(jax.random.split)(KEYS)
    coin = np.asarray(jax.vmap(lambda key: jax.random.uniform(key, dtype=jnp.float32))(halves[:, 0]))
    draw = jax.jit(lambda key, a, b: jax.random.beta(key, a, b, dtype=jnp.float32))
    for t in range(T):
        kind = int(np.argmin(((centres - X[t]) ** 2).sum(axis=1)))
        a, b = 10 * mean + good[kind], 10 * (1 - mean) + under[kind]
        q = np.asarray(draw(halves[t, 1], jnp.float32(a), jnp.float32(b))) if coin[t] < 0.3 else a / (a + b)
        own = int(np.argmax(0.7 * q + 0.3 * (1 - (C[t] - C[t].min()) / np.ptp(C[t]))))
        assert own == serve[t], t
        good[kind, own] += S[t, own]
        under[kind, own] += 1 - S[t, own]
    assert np.asarray(state.good) == pytest.approx(good, rel=1e-4)
    full = state._replace(good=jnp.full((2, M), 200.0), under=jnp.zeros((2, M)))
    policy, controls = policies.adaptive_beta(centres, prior), Controls()
    decision = policy.act(KEYS[0], full, X[0], C[0], controls)
    back = feedback.complete(KEYS[0], decision, Request(X[0], C[0], S[0], S[0]), controls)
    assert np.array_equal(policy.update(full, X[0], decision, back, controls).good, full.good)


def test_the_budget_mixture_spends_the_budget():
    policy = policies.budget_mixture(COST, np.array([0.4, 0.7, 0.8]))
    for budget, wanted in ((0.25, [0.5, 0.5, 0.0]), (0.7, [0.0, 0.5, 0.5]), (9.0, [0.0, 0.0, 1.0])):
        decision = policy.act(KEYS[0], policy.init(KEYS[0], Controls()), X[0], C[0], Controls(budget=budget))
        assert np.asarray(decision.propensity) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: policies.stage_route(3, horizon=10, largest_cost=0.0), "largest_cost"),
        (lambda: policies.port(*HISTORY, horizon=10, sample=1.0), "sample"),
        (lambda: policies.omni_router(predictors.knn(*HISTORY[:2]), step=1.0, largest_load=np.zeros(3)), "loads"),
        (lambda: policies.routing_sampling(3, base=3), "base 3"),
        (lambda: policies.adaptive_beta(np.zeros((2, D)), np.array([1.5])), "prior"),
        (lambda: policies.conformal_gate(HISTORY[:2], HISTORY[:2], cheap=7), "cheap is model 7"),
    ],
)
def test_numbers_out_of_range_are_named(make, named):
    with pytest.raises(ValueError, match=named):
        make()
