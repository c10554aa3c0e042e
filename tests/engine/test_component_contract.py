"""One contract for every public component: jit is eager, vmap is a loop, states keep their types."""

from __future__ import annotations

import inspect

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.component_tables import (
    KEYS,
    METERS,
    POLICIES,
    PREDICTORS,
    STREAMS,
    TOGETHER,
    WORLDS,
    D,
    M,
    world,
)

from messjax import feedback, policies, predictors, streams
from messjax.engine import simulation
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
from messjax.types import Controls, Outcome, Stream

CONTROLS = Controls(V=2.0, alpha=0.5, c=0.5, a=0.25, f=0.7)
NUMBERS = jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), CONTROLS._replace(budget=1.5))
ONE = jnp.ones((), jnp.int32)


def shapes(tree):
    """Shapes, dtypes and weak types: what a scan's carry must keep."""
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), jax.eval_shape(lambda: tree))


def shapes_after(function, *arguments):
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), jax.eval_shape(function, *arguments))


def plain(tree):
    """Leaves as NumPy arrays, keys as their data."""
    raw = jax.tree.map(lambda x: jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x, tree)
    return jax.tree.map(np.asarray, raw)


def assert_same(result, wanted, exact: bool = True):
    """Equal structure and leaves; `exact=False` allows floats the rounding of a fused program (a few ulp of 1)."""
    result, wanted = plain(result), plain(wanted)
    chex.assert_trees_all_equal_shapes_and_dtypes(result, wanted)
    whole = [[x for x in jax.tree.leaves(tree) if not np.issubdtype(x.dtype, np.floating)] for tree in (result, wanted)]
    chex.assert_trees_all_equal(*whole)
    chex.assert_trees_all_close(result, wanted, rtol=0 if exact else 2e-6, atol=0 if exact else 1e-6)


def check_function(function, *batches):
    """jit is eager and vmap is the loop over lanes, at once: an eager vmap against a compiled single call."""
    compiled = jax.jit(function)
    together = jax.vmap(function)(*batches)
    for i in range(len(KEYS)):
        alone = compiled(*jax.tree.map(lambda x, i=i: x[i], batches))
        assert_same(jax.tree.map(lambda x, i=i: x[i], together), alone, exact=False)


def requests(stream: Stream):
    """Three streams' states and first requests, batched."""
    return jax.vmap(lambda key: stream.draw(key, stream.init(key), ONE))(KEYS)


@pytest.mark.long
@pytest.mark.parametrize("name", STREAMS)
def test_streams(name):
    stream = STREAMS[name](0.0)
    check_function(lambda key: stream.draw(key, stream.init(key), ONE), KEYS)
    state = jax.eval_shape(stream.init, KEYS[0])
    after, request = jax.eval_shape(stream.draw, KEYS[0], state, ONE)
    assert jax.tree.map(lambda x: (x.shape, x.dtype, x.weak_type), after) == shapes_after(stream.init, KEYS[0])
    assert {field.dtype for field in request[:4]} == {jnp.dtype("float32")}
    assert [field.shape for field in request[:4]] == [(D,), (M,), (M,), (M,)]
    for field, dtype in ((request.available, "bool"), (request.latency, "float32")):
        assert field is None or (field.shape, field.dtype) == ((M,), dtype)
    _, batch = requests(stream)
    if stream.mean is not None:  # what an oracle may know is what the world's view says
        assert_same(jax.vmap(stream.mean)(batch.features), batch.mean, exact=False)


@pytest.mark.long
@pytest.mark.parametrize("name", PREDICTORS)
def test_predictors(name):
    stream = STREAMS["types"](0.0)
    predictor = PREDICTORS[name](stream, 0.0)
    features = requests(stream)[1].features
    state = jax.vmap(predictor.init)(KEYS)
    outcome = Outcome(jnp.array([[1.0, 0.0, 1.0]] * 3), jnp.array([[True, True, False]] * 3))

    def learn_then_predict(state, features, outcome):
        state = predictor.update(state, features, outcome)
        return predictor.predict(state, features), state

    check_function(learn_then_predict, state, features, outcome)
    one = jax.tree.map(lambda x: x[0], (state, features, outcome))
    assert shapes_after(predictor.update, *one) == shapes(one[0])
    assert shapes_after(predictor.predict, *one[:2]) == ((M,), jnp.dtype("float32"), False)


@pytest.mark.long
@pytest.mark.parametrize("name", POLICIES)
def test_policies(name):
    stream = STREAMS["types"](0.0)
    policy = POLICIES[name](PREDICTORS["linear"](stream, 0.0), 0.0)

    def serve(key):
        request = stream.draw(key, stream.init(key), ONE)[1]
        state = policy.init(key, NUMBERS)
        return simulation.serve((key, key), state, request, ONE, NUMBERS, policy, feedback.sparse)

    check_function(serve, KEYS)
    state, step = jax.eval_shape(serve, KEYS[0])
    assert jax.tree.map(lambda x: (x.shape, x.dtype, x.weak_type), state) == shapes_after(policy.init, KEYS[0], NUMBERS)
    decision = step.decision
    assert decision.propensity is None or (decision.propensity.shape, decision.propensity.dtype) == ((M,), "float32")
    assert [(x.shape, str(x.dtype)) for x in decision[:5]] == [
        ((), "int32"),
        ((M,), "bool"),
        ((), "bool"),
        ((), "float32"),
        ((M,), "float32"),
    ]
    assert isinstance(step.queue, queue.Fixed) and {x.dtype for x in step.queue} == {jnp.dtype("int32")}


@pytest.fixture(scope="module")
def two_steps():
    """Two steps of three streams, batched: what a meter is fed."""
    stream, policy = world(("types", "mess_plus", "noisy"))

    @jax.jit
    @jax.vmap
    def serve_two(key):
        result, state = [], policy.init(key, NUMBERS)
        for t in (ONE, ONE + 1):
            request = stream.draw(jax.random.fold_in(key, t), (), t)[1]._replace(latency=jnp.ones(M))
            state, step = simulation.serve((key, key), state, request, t, NUMBERS, policy, feedback.complete)
            result.append(step)
        return tuple(result)

    return serve_two(KEYS)


@pytest.mark.long
@pytest.mark.parametrize("name", METERS)
def test_meters(name, two_steps):
    meter = METERS[name]()

    def add_two(first, second):
        number = meter.add(meter.add(meter.init(M), first), second)
        return number, meter.read(number)

    check_function(add_two, *two_steps)
    number, metrics = jax.eval_shape(add_two, *jax.tree.map(lambda x: x[0], two_steps))
    assert jax.tree.map(lambda x: (x.shape, x.dtype, x.weak_type), number) == shapes(meter.init(M))
    assert metrics and all(np.shape(x) in ((), (M,)) for x in jax.tree.leaves(metrics))


@pytest.mark.parametrize(
    ("module", "table"),
    [(streams, STREAMS), (predictors, PREDICTORS), (policies, POLICIES)],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_every_public_component_is_in_its_table(module, table):
    assert set(module.__all__) == {name.split()[0] for name in table}
    column = {"streams": 0, "policies": 1, "predictors": 2}[module.__name__.split(".")[1]]
    together = {row[column - 1] for row in TOGETHER if column}
    assert {name for row in WORLDS for name in row[column].split(" + ")} | together == set(table)


METER_MODULES = (
    folds, ledgers, standard_meters, per_class, identity_terms, optimism, latencies, phases, propensities, windows,
)  # fmt: skip


def test_every_public_meter_is_in_its_table():
    public = {
        name
        for module in METER_MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(function).return_annotation == "Meter"
    }
    assert public == set(METERS)
