"""What routers of other authors guarantee, each with a wrong version that the same check refuses.

StageRoute: the order of its regret in T. PORT: no model's budget is exceeded on any path. The conformal gate: its risk,
with its probability, over splits.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from messjax import feedback, meters, policies, streams, sweep
from messjax.components import as_pytree
from messjax.policies import conformal_gating
from messjax.statistics import intervals, one_sided_limits
from messjax.types import Controls, Distribution, Policy, Request

ORDER = 2 / 3  # of StageRoute's regret in T: N^(1/3) T^(2/3) for N arrivals
HORIZONS = np.array([2_000, 4_000, 8_000, 16_000, 32_000, 64_000])
COST, MEAN, BUDGET = np.array([0.1, 0.4, 1.0]), np.array([0.4, 0.7, 0.8]), 0.3
BEST, PRICE = 0.6, 1.0  # the LP optimum mixes models 0 and 1; a unit of budget is worth one of satisfaction
WORLD = streams.types(Distribution(np.ones(1), COST[None], MEAN[None]))
LATE = streams.with_availability(WORLD, [1, 2, 1])  # model 1 arrives just after the first stage has begun


def staged(horizon, width=None, stage=None) -> Policy:
    """StageRoute with g = log T (or another one), and stages of another length."""
    width = np.log(horizon) if width is None else width
    policy = policies.stage_route(3, horizon=horizon, largest_cost=1.0, width=width)
    if stage is None:
        return policy
    spec = policy.act.args[0]._replace(stage=jnp.asarray(stage, jnp.int32))
    return policy._replace(act=Partial(policy.act.func, spec), update=Partial(policy.update.func, spec))


def slope_of_regret(stream, make) -> intervals.Interval:
    """The slope of log regret in log T, 95% over 16 streams.

    Regret is to the LP optimum that knows means and has every model, and pays for what is spent over the budget at the
    price of the LP: weak duality makes it no less than 0 on average, whatever is spent.
    """
    regret = []
    for horizon in map(int, HORIZONS):
        runs = sweep(
            jax.random.key(0), Controls(budget=BUDGET), policy=make(horizon), stream=stream, horizon=horizon,
            num_streams=16, meter=meters.ledger(),
        )  # fmt: skip
        spent = PRICE * (runs["cost"].values - BUDGET)
        regret.append(horizon * (BEST + spent - runs["satisfaction"].values))
    return intervals.loglog_slope(HORIZONS, np.array(regret), 0.95)


@pytest.mark.parametrize("stream", [WORLD, LATE], ids=["all there", "one arrives"])
def test_the_regret_of_stage_route_is_of_no_larger_order_than_published(stream):
    assert slope_of_regret(stream, staged).upper <= ORDER


def test_the_check_of_the_order_refuses_a_model_that_is_never_deployed_and_widths_that_do_not_grow():
    never = slope_of_regret(LATE, lambda horizon: staged(horizon, stage=horizon))
    narrow = slope_of_regret(WORLD, lambda horizon: staged(horizon, width=0.1))  # a good model is given up for good
    assert never.lower > ORDER and narrow.lower > ORDER


PATHS, T, D = 200, 150, 4
RNG = np.random.default_rng(6)
X = RNG.normal(size=(PATHS, T, D)).astype(np.float32)
C = (COST * np.exp(RNG.normal(size=(PATHS, T, 3)))).astype(np.float32)  # far from what a history predicts
LIMIT = RNG.uniform(0.05, 0.5, PATHS).astype(np.float32)  # budgets per request
HISTORY = RNG.normal(size=(60, D)), RNG.uniform(size=(60, 3)), COST * RNG.uniform(0.5, 1.5, (60, 3))


def spent(policy: Policy) -> np.ndarray:
    """What every model cost on every path, over what it may [PATHS, 3], added in float64."""
    policy = as_pytree(policy)

    def path(at):
        key, x, c, budget = at
        controls = jax.tree.map(jnp.float32, Controls(budget=budget))

        def one(state, at):
            key, x, c = at
            decision = policy.act(key, state, x, c, controls)
            back = feedback.complete(key, decision, Request(x, c, jnp.ones(3), jnp.ones(3)), controls)
            return policy.update(state, x, decision, back, controls), decision.query

        return jax.lax.scan(one, policy.init(key, controls), (jax.random.split(key, T), x, c))[1]

    # One path after the other: prices are learned once on each, and not at every request of all of them.
    every = (jax.random.split(jax.random.key(1), PATHS), X, C, LIMIT)
    asked = np.asarray(jax.jit(lambda every: jax.lax.map(path, every))(every))
    share = np.asarray(policy.act.args[0].share, np.float64)
    return (asked * C.astype(np.float64)).sum(axis=1) / (T * LIMIT.astype(np.float64)[:, None] * share)


def careless(port: Policy) -> Policy:
    """PORT that asks whether a budget is spent already, and not whether this request still fits."""

    def act(spec, key, state, x, cost, controls):
        return port.act.func(spec, key, state, x, 0.0 * cost, controls)

    return port._replace(act=Partial(act, port.act.args[0]))


def test_port_exceeds_no_budget_on_any_path():
    port = policies.port(*HISTORY, horizon=T, value=0.5, sample=0.1, split=0.5)
    used = spent(port)
    assert used.max() <= 1.0 + 1e-6  # sums are float32
    assert (used > 0.9).any(axis=1).mean() > 0.5  # otherwise the check says nothing
    assert (spent(careless(port)) > 1.001).any(axis=1).mean() > 0.5


def gate_data(rng, num):
    """Requests whose cheap model is satisfied with a probability that x tells, and the true probability."""
    x = rng.normal(size=(num, 2))
    p = 1 / (1 + np.exp(-(2.0 + 2.0 * x[:, 0])))
    return x, np.stack([rng.random(num) < p, np.ones(num)], axis=1).astype(float), p


def test_the_conformal_gate_routes_what_its_table_says():
    rng = np.random.default_rng(3)
    (x, s, _), (z, r, _), (new, _, _) = (gate_data(rng, num) for num in (200, 400, 50))
    policy = policies.conformal_gate((x, s), (z, r), delta=0.1)
    weights = conformal_gating.fit(x, s[:, 0] >= 0.5)
    level = np.quantile(conformal_gating.score(weights, x), np.linspace(0, 1, 20, endpoint=False))
    limit = conformal_gating.limits(conformal_gating.score(weights, z), r[:, 0] < 0.5, level, 0.1)
    threshold = level[np.argmax(limit <= 0.15)]
    controls, key = Controls(alpha=0.85), jax.random.key(0)
    act = jax.jit(lambda row: policy.act(key, policy.init(key, controls), row, jnp.ones(2), controls).serve)
    wanted = np.where(conformal_gating.score(weights, new) >= threshold, 0, 1)
    assert [int(act(jnp.float32(row))) for row in new] == wanted.tolist() and set(wanted) == {0, 1}


def plug_in(odds, violated, level, delta):
    """Shares of violations in the place of their limits."""
    inside = odds[None] >= level[:, None]
    return (inside & violated[None]).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)


@pytest.mark.parametrize(("limits", "holds"), [(conformal_gating.limits, True), (plug_in, False)])
def test_the_conformal_gate_keeps_its_risk_in_1000_splits(limits, holds):
    """The share of violations among routed requests exceeds 1 - alpha in at most delta of the splits.

    By a limit of that share that fails with probability 1e-4. Shares in the place of limits are refused by it.
    """
    rng, delta, risk = np.random.default_rng(4), 0.1, 0.2
    x, s, _ = gate_data(rng, 200)
    weights = conformal_gating.fit(x, s[:, 0] >= 0.5)
    level = np.quantile(conformal_gating.score(weights, x), np.linspace(0, 1, 20, endpoint=False))
    population, _, p = gate_data(rng, 100_000)
    odds = conformal_gating.score(weights, population)
    true = np.array([(1 - p)[odds >= each].mean() for each in level])
    exceeded = routed = 0
    for _ in range(1_000):
        z, r, _ = gate_data(rng, 300)
        limit = limits(conformal_gating.score(weights, z), r[:, 0] < 0.5, level, delta)
        if (limit <= risk).any():
            routed += 1
            exceeded += true[np.argmax(limit <= risk)] > risk
    assert routed > 900  # otherwise the check says nothing
    lower, upper = one_sided_limits.share_limits(exceeded, routed, error=1e-4)
    assert bool(lower <= delta) is holds
    assert not holds or upper <= delta  # and it is certified, since the gate is conservative
