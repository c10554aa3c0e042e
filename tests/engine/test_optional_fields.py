"""Optional fields of the core types: availability, propensity, budget, refusals, latency."""

from __future__ import annotations

import functools
import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from messjax import meters, policies, predictors, streams, sweep
from messjax.engine import simulation
from messjax.policies.static import feature_free
from messjax.types import NO_MODEL, Controls, Decision, Distribution, Policy, Request, Step, Traits

LAW = Distribution(np.array([0.4, 0.6]), np.tile([1.0, 2.0, 4.0], (2, 1)), np.array([[0.2, 0.5, 0.9], [0.6, 0.7, 0.8]]))
STREAM = streams.types(LAW)
CONTROLS = Controls(V=3.0, alpha=0.7, c=0.8)
HORIZON = 60
START, END = np.array([1, 21, 1]), np.array([HORIZON + 1, HORIZON + 1, 41])
MOVING = streams.with_availability(STREAM, START, [None, None, 41])


def query(step: Step) -> jax.Array:
    return step.decision.query.astype(jnp.int32)


def serve(step: Step) -> jax.Array:
    return step.decision.serve


def nothing(num_models: int) -> jax.Array:
    return jnp.zeros(num_models, jnp.int32)


def one(num_models: int) -> jax.Array:
    return jnp.zeros((), jnp.int32)


PATH = meters.zip_meters(meters.ledger(), meters.latest("query", nothing, query), meters.latest("serve", one, serve))
FOLLOWERS = {
    "mess": policies.mess_plus(predictors.tabular(2, 3)),
    "greedy": policies.greedy(predictors.oracle(STREAM)),
    "one-sided": policies.one_sided(predictors.tabular(2, 3), learning="importance"),
    "uniform": policies.uniform(),
    "lagrangian": policies.lagrangian(predictors.oracle(STREAM), 5.0),
    "argmin": policies.predict_then_argmin(predictors.oracle(STREAM)),
    "dual": policies.tightened(policies.primal_dual(3), 0.1),
}


def run(policy, stream, meter=PATH, controls=CONTROLS, **options):
    return sweep(
        jax.random.key(0), controls, policy=policy, stream=stream, horizon=HORIZON, num_streams=2, meter=meter,
        **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def moving():
    return run(FOLLOWERS, MOVING, checkpoints=HORIZON)


def test_absent_fields_are_no_leaves_and_change_no_structure():
    x = jnp.zeros(3)
    assert len(jax.tree.leaves(Request(x, x, x, x))) == 4
    assert len(jax.tree.leaves(Decision(x, x, x, x, x))) == 5
    assert len(jax.tree.leaves(Controls())) == 5
    assert len(jax.tree.leaves(Policy(*[Partial(len)] * 4))) == 0
    assert Controls(1, 2, 3, 4, 5) == Controls(V=1, alpha=2, c=3, a=4, f=5, budget=None, available=None)


def test_a_program_without_the_fields_is_the_program_without_propensities():
    """What no meter reads of the optional fields is no part of the compiled program."""

    def compiled(policy: Policy) -> str:
        parts = simulation.assemble(policy, STREAM, meters.ledger(), simulation._feedback.complete)
        controls = jax.tree.map(jnp.float32, CONTROLS)
        lowered = jax.jit(lambda key: simulation.run_stream(key, controls, parts, np.array([9]))).lower(
            jax.random.key(0)
        )
        return re.sub(r", metadata=\{[^}]*\}|(?<=[\w.])\.\d+\b", "", lowered.compile().as_text())

    policy = policies.mess_plus(predictors.oracle(STREAM))
    bare = policy._replace(act=Partial(without_propensity, policy.act))
    ours, theirs = (sorted(re.findall(r"= \S+ (\w+)\(", compiled(each))) for each in (policy, bare))
    assert ours == theirs
    assert len(ours) > 50


def without_propensity(act, key, state, x, cost, controls):
    return act(key, state, x, cost, controls)._replace(propensity=None)


def test_only_available_models_are_served_and_queried(moving):
    t = np.arange(1, HORIZON + 1)[:, None]
    available = (t >= START) & (t < END)
    asked = moving["query_curve"].transpose("policy", "stream", "t", "model").values.astype(bool)
    assert not (asked & ~available).any()
    served = moving["serve_curve"].transpose("policy", "stream", "t").values
    assert np.take_along_axis(available[None, None], served[..., None], -1).all()
    everything = asked[0] & (asked[0].sum(-1, keepdims=True) > 1)  # MESS+ explores all that are there
    explored = everything.any(-1)
    assert explored.sum() > 10
    assert (asked[0][explored] == np.broadcast_to(available, asked[0].shape)[explored]).all()
    last = np.where(t[:, 0] < 41, 2, 1)
    assert (served[0] == last)[explored].all()
    assert set(np.unique(served[3, :, 20:40])) == {0, 1, 2}  # uniform over those that are there
    assert set(np.unique(served[3, :, :20])) == {0, 2}


@pytest.mark.long
def test_models_that_are_always_available_change_no_number(moving):
    always = streams.with_availability(STREAM, np.ones(3, int))
    some = {name: FOLLOWERS[name] for name in ("mess", "greedy", "lagrangian", "dual")}
    with_field, without = (run(some, stream, checkpoints=HORIZON) for stream in (always, STREAM))
    for name in ("cost", "satisfaction", "query_curve", "serve_curve"):
        np.testing.assert_array_equal(with_field[name].values, without[name].values)
    assert not np.array_equal(moving["serve_curve"].sel(policy="mess"), without["serve_curve"].sel(policy="mess"))


def test_a_policy_that_does_not_follow_availability_is_refused():
    for policy, name in ((policies.single(0), "'single'"), ({"mine": policies.single(0)}, "'mine'")):
        with pytest.raises(ValueError, match=rf"policy {name}: found a stream whose models come and go.*mess_plus"):
            run(policy, MOVING)
    with pytest.raises(ValueError, match=r"no model available for request 41"):
        streams.with_availability(STREAM, np.ones(3, int), np.array([41, 7, 41]))
    with pytest.raises(ValueError, match=r"start is \[1, 2\], expected a whole number for each of the 3 models"):
        streams.with_availability(STREAM, np.array([1, 2]))
    with pytest.raises(ValueError, match=r"part 0 has no Request.available, expected one as part 1 has"):
        streams.change(STREAM, MOVING, 5)


@pytest.mark.long
def test_debug_runs_refuse_an_unavailable_model(monkeypatch):
    monkeypatch.setenv("MESSJAX_DEBUG", "1")
    careless = policies.single(1)._replace(traits=Traits(follows_availability=True))
    with pytest.raises(Exception, match=r"found models \[1\] served or queried.*\[0, 2\]"):
        run(careless, MOVING, meters.ledger())
    run(policies.uniform(), MOVING, meters.ledger())


def refuse_type_1(key, num_models, controls):
    return jnp.where(jax.random.uniform(key) < 0.5, NO_MODEL, 2)


def test_a_refused_request_costs_nothing_and_is_not_satisfied():
    meter = meters.zip_meters(PATH, meters.virtual_queue(), meters.latency("sum"))
    refusing = feature_free(Partial(refuse_type_1), traits=Traits(refuses=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs = run(refusing, streams.with_latency(STREAM, np.array([1.0, 2.0, 3.0])), meter, checkpoints=HORIZON)
    refused = runs["serve_curve"].values == NO_MODEL
    assert 0.2 < refused.mean() < 0.8
    share = 1.0 - refused.mean(axis=-1)
    np.testing.assert_allclose(runs["cost"], 4.0 * share, rtol=1e-6)
    np.testing.assert_allclose(runs["latency"], 3.0 * share, rtol=1e-6)
    np.testing.assert_allclose(runs["served"].sel(model="model 2"), HORIZON * share)
    jump = np.diff(runs["queue_last_curve"].values, axis=-1)
    np.testing.assert_allclose(jump[refused[:, 1:]], 0.7, atol=1e-5)
    with pytest.warns(UserWarning, match="a model that does not exist"):
        run(refusing._replace(traits=Traits()), STREAM)


def test_latency_is_of_the_models_asked():
    timed = streams.with_latency(STREAM, np.array([3.0, 2.0, 1.0]))
    request = timed.draw(jax.random.key(0), timed.init(jax.random.key(0)), jnp.int32(1))[1]
    everything, unknown = jnp.ones(3, bool), jnp.zeros(3)
    for rule, wanted in {"maximum": 3.0, "sum": 6.0, "served": 1.0}.items():
        decision = Decision(jnp.int32(2), everything, jnp.bool_(True), jnp.float32(1.0), unknown)
        meter = meters.latency(rule)
        step = Step(jnp.int32(1), request, decision, None, None, None, CONTROLS)
        found = meter.read(meter.add(meter.init(3), step))
        assert float(found["latency"].to_host()) == float(found["latency_max"]) == wanted
    with pytest.raises(ValueError, match=r"latency: the stream has none"):
        run(policies.single(0), STREAM, meters.latency())


def spend(key, state, x, cost, controls):
    decision = policies.single(0).act(key, state, x, cost, controls)
    return decision._replace(serve=(controls.budget >= 2.0).astype(jnp.int32))


def test_a_budget_is_an_axis_of_the_grid():
    spender = policies.single(0)._replace(act=Partial(spend), traits=Traits(needs_budget=True))
    runs = run(spender, STREAM, meters.ledger(), Controls(alpha=[0.5, 0.6], budget=[1.0, 2.0]))
    np.testing.assert_array_equal(runs["cost"].mean("stream").transpose("alpha", "budget"), [[1.0, 2.0]] * 2)
    same = run(policies.uniform(), STREAM, meters.ledger(), Controls(budget=[1.0, 2.0]))  # the fast engine
    assert same.attrs["engine"] == "fast"
    assert (same["cost"].sel(budget=1.0) == same["cost"].sel(budget=2.0)).all()
    with pytest.raises(ValueError, match=r"found no budget, expected Controls\(budget=...\)"):
        run(spender, STREAM)
    with pytest.raises(ValueError, match=r"budget: expected every value above 0"):
        run(spender, STREAM, controls=Controls(budget=[1.0, 0.0]))
    with pytest.raises(ValueError, match=r"available: found a value"):
        run(spender, STREAM, controls=Controls(available=[True]))


ACCURACY = np.array([0.4, 0.6, 0.9])
COST = np.array([1.0, 2.0, 4.0])
EXACT = FOLLOWERS | {
    "mixture": policies.mixture(COST, ACCURACY),
    "single": policies.single(1),
    "educated_guess": policies.educated_guess(ACCURACY),
    "optimal": policies.optimal(LAW),
    "warm": policies.warm_started(predictors.oracle(STREAM), 3.0),
}


def decide(policy, *args):
    return policy.act(*args)


@pytest.mark.long
@pytest.mark.parametrize("available", [None, [True, False, True]])
def test_models_serve_as_often_as_the_propensity_says(available):
    controls = jax.tree.map(jnp.float32, CONTROLS)
    n, x, cost = 20_000, jnp.array([1.0, 0.0]), jnp.asarray(COST, jnp.float32)
    if available is not None:
        controls = controls._replace(available=jnp.array(available))
    for name, policy in EXACT.items():
        if available is not None and not policy.traits.follows_availability:
            continue
        state = policy.init(jax.random.key(1), controls)
        act = jax.jit(jax.vmap(functools.partial(decide, policy), (0, None, None, None, None)))
        decisions = act(jax.random.split(jax.random.key(2), n), state, x, cost, controls)
        p = np.asarray(decisions.propensity, np.float64)
        assert (p == p[0]).all(), name
        np.testing.assert_allclose(p[0].sum(), 1.0, atol=1e-6, err_msg=name)
        share = np.bincount(np.asarray(decisions.serve), minlength=3) / n
        assert (np.abs(share - p[0]) <= 4.5 * np.sqrt(p[0] * (1 - p[0]) / n) + 1e-6).all(), (name, share, p[0])
        assert available is None or p[0, 1] == 0.0
    sampled = policies.lin_thompson(2, 3)
    decision = sampled.act(jax.random.key(0), sampled.init(jax.random.key(0), controls), x, cost, controls)
    assert np.isnan(decision.propensity).all()


def test_the_identities_are_refused_where_models_come_and_go():
    """Their argmin, C* and gamma* are those of all models: D of an oracle, which serves the argmin, was far above 0."""
    meter = meters.zip_meters(meters.standard(), meters.decomposition(LAW, 0.7))
    assert float(run(FOLLOWERS["greedy"], STREAM, meter)["noise"].min()) > 0  # where nothing moves they are measured
    with pytest.raises(ValueError, match="found a stream whose models come and go"):
        run(FOLLOWERS["greedy"], MOVING, meter)
