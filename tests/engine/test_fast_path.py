"""The fast path against the general one: the same decisions on every request, the same readings, where it applies."""

from __future__ import annotations

import json
import os
import re
from operator import itemgetter

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import feedback, policies, predictors, streams
from messjax.engine import fast, grid_program, memory, simulation
from messjax.engine.fast import accumulators, linear_head, loop
from messjax.engine.grid_sweep import sweep
from messjax.meters import folds, identity_terms, standard_meters
from messjax.numerics import compensated
from messjax.policies import rare_update
from messjax.predictors.learning import Sgd
from messjax.types import Controls, Distribution, Outcome, Policy, Predictor, Stream

RNG = np.random.default_rng(0)
K, M, D, N = 5, 3, 6, 260
LAW = Distribution(
    RNG.dirichlet(np.ones(K)),
    np.sort(RNG.uniform(0.5, 4, (K, M)), axis=1),
    np.sort(RNG.uniform(0.2, 0.95, (K, M)), axis=1),
)
EVEN = Distribution(np.full(K, 1 / K), np.tile([1.0, 2.0, 4.0], (K, 1)), LAW.mean)
OTHER = LAW._replace(mean=LAW.mean[::-1])
X = RNG.normal(size=(N, D))
LABELS = (RNG.uniform(size=(N, M)) < 1 / (1 + np.exp(-X[:, :M] - np.arange(M)))).astype(float)
GRADES = np.round(RNG.uniform(0, 1, (N, M)), 2)
COSTS = RNG.uniform(0, 1, (N, M)) + np.arange(M)
TYPES, COMONOTONE = streams.types(LAW), streams.types(EVEN, labels="comonotone")
LOGISTIC = streams.calibrated(np.array([1.0, 2.0, 4.0]), np.array([0.4, 0.6, 0.9]), num_features=D)
ODD = streams.calibrated(np.array([1.0, 2.0, 4.0]), np.array([0.4, 0.6, 0.9]), num_features=7, labels="comonotone")
TRACE, GRADED = streams.replay(X, LABELS, COSTS), streams.replay(X, GRADES, COSTS, order="file")
GROUPED = streams.replay(X, LABELS, COSTS, order="groups", groups=np.arange(N) % 3)

WORLDS: dict[str, tuple[Stream, Predictor]] = {
    "oracle on even types (W1)": (COMONOTONE, predictors.oracle(COMONOTONE)),
    "oracle on types with costs of their own": (TYPES, predictors.oracle(TYPES)),
    "tabular on types": (TYPES, predictors.tabular(K, M)),
    "noisy on types": (TYPES, predictors.noisy(TYPES, 0.2, q=0.3)),
    "oracle on logistic": (LOGISTIC, predictors.oracle(LOGISTIC)),
    "linear on logistic (W2)": (LOGISTIC, predictors.linear(D, M)),
    "linear on an odd number of features": (ODD, predictors.linear(7, M)),
    "linear on a trace (W3)": (TRACE, predictors.linear(D, M)),
    "linear on a trace of groups": (GROUPED, predictors.linear(D, M)),
    "mlp on graded scores": (GRADED, predictors.mlp(D, M)),
}
BASELINES = {
    "one model": policies.single(1),
    "uniform": policies.uniform(),
    "mixture": policies.mixture(np.array([1.0, 2, 4]), np.array([0.4, 0.6, 0.9])),
}
GRID = Controls(V=np.array([0.5, 3.0, 20.0]), alpha=np.array([0.4, 0.613]), c=np.array([0.1, 0.8]), a=0.25)

# Counted exactly or added up in the same order on both paths: equal to the last bit. Costs of one price per model are
# counted (exact) here and summed there; e_t and what is made of it are rounded differently.
EXACT = ("served", "calls", "explored", "satisfaction", "violation", "queue_last", "queue_max", "sla_from")


def run(stream: Stream, policy: Policy | dict[str, Policy], engine: str, controls: Controls = GRID, **more):
    options = {"horizon": N, "num_streams": 5, "checkpoints": 3} | more
    return sweep(jax.random.key(3), controls, policy=policy, stream=stream, engine=engine, **options)


def compare(result, wanted) -> None:
    assert result.sizes == wanted.sizes and list(result.data_vars) == list(wanted.data_vars)
    for name in wanted.data_vars:
        exact = str(name).removesuffix("_curve") in EXACT
        current, there = result[name].values, wanted[name].values
        np.testing.assert_allclose(
            current, there, rtol=0 if exact else 1e-6, atol=0 if exact else 1e-6, err_msg=str(name)
        )


@pytest.mark.long
@pytest.mark.parametrize("name", [n if "(W1)" in n else pytest.param(n, marks=pytest.mark.long) for n in WORLDS])
def test_same_decisions_and_readings_as_the_general_path(name):
    """Read after each request, the counts are the decisions and the queue is the path."""
    stream, predictor = WORLDS[name]
    policy, controls = policies.mess_plus(predictor), GRID if name.endswith(")") else GRID._replace(c=0.3)
    general = run(stream, policy, "general", controls, checkpoints=N)
    assert general.attrs["engine"] == "general"
    steps = np.diff(general["served_curve"].values, axis=-2)
    assert (steps.sum(axis=-1) == 1).all() and (steps.sum(axis=tuple(range(steps.ndim - 1))) > 0).all()
    for checkpoints in (N, 3) if name.endswith(")") else (3,):  # after each request; and with long chunks
        result = run(stream, policy, "fast", controls, checkpoints=checkpoints)
        assert result.attrs["engine"] == "fast"
        compare(result, general.sel(t=result["t"]))
    with jax.enable_x64(True):
        assert run(stream, policy, "fast", controls, checkpoints=3).equals(result)


@pytest.mark.long
@pytest.mark.parametrize("stream", [TYPES, TRACE], ids=["types", "trace"])
def test_policies_that_do_not_look(stream):
    compare(*(run(stream, BASELINES, engine, GRID._replace(c=0.1)) for engine in ("fast", "general")))


@pytest.mark.long
def test_covered_and_not_covered_side_by_side():
    mixed = {
        "greedy": policies.greedy(predictors.oracle(TYPES)),
        "mess+": policies.mess_plus(predictors.oracle(TYPES)),
    }
    both = [run(TYPES, mixed, engine) for engine in ("auto", "general")]
    compare(*both)
    assert both[0].attrs["engine"] == "greedy = general; mess+ = fast"


@pytest.mark.long
@pytest.mark.parametrize("name", ["linear on logistic (W2)", "linear on a trace (W3)"])
def test_chunks_blocks_and_lanes_change_nothing(name, monkeypatch):
    """Other chunk lengths, blocks (which also turn the lanes) and checkpoints: the same numbers."""
    stream, predictor = WORLDS[name]
    policy = policies.mess_plus(predictor)
    wanted = run(stream, policy, "fast", block=5, checkpoints=0)
    compare(run(stream, policy, "fast", block=2, checkpoints=0), wanted)
    compare(run(stream, policy, "fast", block=5, num_streams=40, checkpoints=0).isel(stream=slice(5)), wanted)
    monkeypatch.setattr(loop, "LONGEST_CHUNK", 13)
    jax.clear_caches()
    compare(run(stream, policy, "fast", checkpoints=4).drop_dims("t"), wanted)


@pytest.mark.long
@pytest.mark.parametrize("name", ["oracle on even types (W1)", "linear on logistic (W2)", "linear on a trace (W3)"])
def test_one_loop_or_two_are_the_same(name, monkeypatch):
    """Few lanes are served in two passes, many in one."""
    stream, predictor = WORLDS[name]
    policy = {"mess+": policies.mess_plus(predictor)} | BASELINES
    two = run(stream, policy, "fast", GRID._replace(c=0.1))
    monkeypatch.setattr(loop, "FEW_LANES", 0)
    jax.clear_caches()
    compare(run(stream, policy, "fast", GRID._replace(c=0.1)), two)


@pytest.mark.parametrize("explored", [0.0, 0.2, 1.0])
def test_logits_learned_along_are_those_of_the_weights(explored):
    """A chunk at once, and request by request; of some requests nothing is asked, the second lane explores less."""
    rng = np.random.default_rng(1)
    seen = linear_head.ObservedOutcomes(jnp.asarray(X[:24], jnp.float32), jnp.asarray(LABELS[:24], jnp.float32))
    rule, start = Sgd(clip=0.3), predictors.linear(D, M)
    one = linear_head.written_out(start, rule)
    explore = jnp.asarray(np.stack([wanted := rng.uniform(size=24) < explored, wanted & (rng.uniform(size=24) < 0.5)]))
    head = jax.tree.map(lambda x: x + jnp.asarray(rng.normal(size=x.shape), jnp.float32), one.init(jax.random.key(0)))
    ends, result = jax.vmap(lambda wanted: linear_head.predict_and_learn(rule, head, seen, wanted, jnp.int32(21)))(
        explore
    )
    for lane in range(2):
        state = head
        for i in range(21):
            np.testing.assert_allclose(result[lane, i], one.predict(state, seen.x[i]), atol=2e-6)
            if explore[lane, i]:
                state = one.update(state, seen.x[i], Outcome(seen.labels[i], jnp.ones(M, bool)))
        chex.assert_trees_all_close(jax.tree.map(itemgetter(lane), ends), state, rtol=1e-7, atol=2e-6)


def test_a_row_is_put_without_a_scatter():
    arrays, values = jnp.zeros((2, 5, 3)), jnp.arange(6.0).reshape(2, 3)
    many = jax.vmap(jax.vmap(rare_update.set_row, (0, 0, None)), (None, 0, None))
    args = arrays, jnp.stack([values, values + 6]), jnp.int32(4)
    np.testing.assert_array_equal(many(*args)[:, :, 4], args[1])
    assert not np.any(many(*args)[:, :, :4]) and "scatter" not in str(jax.make_jaxpr(many)(*args))


@pytest.mark.long
def test_the_terms_of_the_identities_are_those_of_the_general_path():
    """Also of a policy that ignores features, at V = 0, and NaN at an alpha that the meter does not know."""
    meter = folds.zip_meters(standard_meters.standard(), identity_terms.decomposition(LAW, [0.4, 0.613]))
    both = {"mess+": policies.mess_plus(predictors.tabular(K, M)), "uniform": policies.uniform()}
    controls = Controls(V=np.array([0.0, 3.0]), alpha=np.array([0.4, 0.5, 0.613]), c=0.3)
    fast, general = (run(TYPES, both, engine, controls, meter=meter, checkpoints=0) for engine in ("fast", "general"))
    compare(fast, general)
    known = fast["price_loss"].notnull().all(["policy", "V", "stream"])
    assert known.values.tolist() == [True, False, True]
    terms = fast.sel(alpha=[0.4, 0.613])
    for name in ("decision_loss", "noise", "reflection", "reflection_squares"):
        assert (terms[name] >= -1e-4).all() and (terms[name] > 0).any()
    assert (terms["decision_loss_above"] <= terms["decision_loss"]).all()
    above = terms["queue_last"] - terms["reflection"]  # I4 on every path
    np.testing.assert_allclose(above, fast.attrs["horizon"] * terms["violation"], atol=1e-3)


def test_the_walk_and_the_queue_stay_exact_far_from_zero():
    """A queue of some thousands, and a walk beyond what a chunk's integers hold."""
    distribution = Distribution(np.ones(1), np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 0.0, 1.0]]))
    stream, never = streams.types(distribution), policies.single(0)
    result = run(stream, never, "fast", Controls(alpha=0.999999), horizon=5_000, num_streams=1)
    assert float(result["queue_last"][0]) == pytest.approx(5_000 * 0.999999, abs=1e-9)
    assert float(result["queue_mean"][0]) == pytest.approx(0.999999 * 4_999 / 2, rel=1e-12)
    assert int(result["sla_from"][0]) == 5_001


def test_large_queues_are_summed_exactly():
    total = accumulators.ExactSum(compensated.Sum(jnp.zeros(()), jnp.zeros(())), jnp.zeros((), jnp.int32))
    wanted = 0
    for base, n, whole, part in [(2**31 - 1, 64, -64, 63_999_999), (16_777_217, 255, 9, 1), (0, 1, 1, 999_999)] * 20:
        total = total.add(*(jnp.asarray(number, jnp.int32) for number in (base, n, whole, part)))
        wanted += (n * base + whole) * 10**6 + part
    assert float(total.total().to_host()) == pytest.approx(wanted / 1e6, rel=1e-12)


@pytest.mark.long
def test_many_models_pack_into_shorter_chunks():
    names = 16
    mean = np.sort(RNG.uniform(0.1, 0.9, (3, names)), axis=1)
    distribution = Distribution(np.full(3, 1 / 3), np.tile(np.arange(1.0, names + 1), (3, 1)), mean)
    stream = streams.types(distribution)
    policy = policies.mess_plus(predictors.oracle(stream))
    compare(*(run(stream, policy, e, Controls(V=[0.1, 1.0], alpha=0.5), horizon=150) for e in ("fast", "general")))


# --- what it does not know -------------------------------------------------------------------------------------


def user_draw(key, state, t):
    return TYPES.draw(key, state, t)


def forgetful(state, *happened):
    return state


MESS_PLUS, LEDGER = policies.mess_plus(predictors.oracle(TYPES)), standard_meters.ledger()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stream": TYPES._replace(draw=user_draw)}, "the stream"),
        ({"policy": MESS_PLUS._replace(update=forgetful)}, "the policy"),
        ({"policy": policies.single(0)._replace(update=forgetful)}, "the policy"),
        (
            {"meter": LEDGER._replace(read=lambda carry: {"explored": carry.explored})},
            "the meter .* is not one of the standard meters",
        ),
        ({"policy": policies.greedy(predictors.oracle(TYPES))}, "the policy"),
        (
            {"policy": policies.mess_plus(predictors.oracle(COMONOTONE._replace(mean=streams.types(OTHER).mean)))},
            "the policy",
        ),
        ({"feedback": feedback.sparse}, "the feedback is sparse, not complete"),
        (
            {"meter": folds.mean("p", lambda step: step.decision.p)},
            "the meter .* is not one of the standard meters",
        ),
    ],
    ids=[
        "stream",
        "update",
        "update of a static policy",
        "read",
        "policy",
        "oracle of another stream",
        "feedback",
        "meter",
    ],
)
def test_refuses_by_name_what_it_does_not_cover(change, reason):
    parts = {"policy": policies.mess_plus(predictors.oracle(TYPES)), "stream": TYPES} | change
    with pytest.raises(ValueError, match=f"the fast path cannot run this: {reason}"):
        sweep(jax.random.key(0), Controls(alpha=0.5), engine="fast", horizon=10, num_streams=2, **parts)
    result = sweep(jax.random.key(0), Controls(alpha=0.5), horizon=10, num_streams=2, **parts)
    assert result.attrs["engine"] == "general"
    assert re.match(f"general: {reason}", json.loads(result.attrs["engine_reason"])[""])


@pytest.mark.long
def test_a_predictor_with_one_function_of_its_own_is_not_taken_for_ours():
    """A linear head that predicts by another rule is learned and asked through its own functions."""
    flat = predictors.linear(D, M)._replace(predict=lambda params, features: jnp.array([0.9, 0.5, 0.1]))
    both = [run(LOGISTIC, policies.mess_plus(flat), engine) for engine in ("fast", "general")]
    compare(*both)
    assert (
        both[0]["served"].values != run(LOGISTIC, policies.mess_plus(predictors.linear(D, M)), "fast")["served"]
    ).any()


def test_the_kernel_needs_a_gpu():
    with pytest.raises(ValueError, match="the kernel needs a GPU"):
        run(TYPES, policies.mess_plus(predictors.oracle(TYPES)), "kernel")


@pytest.mark.long
def test_sizes_choose_themselves_can_be_set_and_are_recorded():
    policy = policies.mess_plus(predictors.oracle(TYPES))
    parts = {"policy": policy, "stream": TYPES, "horizon": 5}
    auto = sweep(jax.random.key(0), Controls(alpha=0.5), num_streams=3, **parts).attrs
    assert auto["block"] == -(-3 // auto["devices"]) and auto["memory_limit_gib"] > 0.1
    own = sweep(jax.random.key(0), Controls(alpha=0.5), num_streams=3, block=2, devices=1, memory=0.5, **parts).attrs
    assert (own["block"], own["devices"], own["memory_limit_gib"]) == (2, 1, 0.5)
    world = simulation.assemble(policy, TYPES, None, feedback.complete)
    leaves = jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), Controls())
    small = grid_program.plan(world, leaves, num_streams=10**6, checkpoints=1000, memory=0.01)
    assert 1 <= small.block < grid_program.plan(world, leaves, num_streams=10**6, checkpoints=0, memory=1).block
    for wrong, message in (({"block": 0}, "block"), ({"devices": 99}, "devices"), ({"engine": "x"}, "engine"),
                           ({"memory": 1e-9}, "memory"), ({"block": 10**7, "memory": 0.01}, "block")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            sweep(jax.random.key(0), Controls(alpha=0.5), **parts, **wrong)


def test_the_default_memory_limit_is_a_share_of_the_machine_and_binds():
    policy = policies.mess_plus(predictors.oracle(TYPES))
    world = simulation.assemble(policy, TYPES, None, feedback.complete)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    leaves = jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), Controls())
    devices = len(jax.local_devices())
    limit = grid_program.plan(world, leaves, num_streams=10, checkpoints=0).memory
    assert limit == pytest.approx(0.5 * machine / devices, abs=1e-3)
    points = 246 * 2**30 // memory.largest(world, leaves, 1_000, None).of_a_stream  # of V: 246 GiB for one stream
    many = leaves._replace(V=jax.ShapeDtypeStruct((points,), jnp.float32))
    with pytest.raises(ValueError, match=r"memory: one stream of this grid takes 24\d GiB, found a limit of"):
        grid_program.plan(world, many, num_streams=10, checkpoints=1_000)


def test_best_block_is_asked_only_of_what_is_covered():
    world = simulation.assemble({}, TYPES, None, feedback.complete)
    assert fast.best_block(world, Controls()) == 0
