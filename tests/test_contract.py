"""One contract for everything shipped: jit is eager, vmap is a loop, states keep their types, values never recompile.

A new component is one line in one of the tables below; a public name that is missing from them fails a test.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import feedback, policies, predictors, streams
from messjax.engine import grid_program as grid_module
from messjax.engine import grid_sweep, simulation
from messjax.meters import per_class, standard_meters
from messjax.numerics import virtual_queue as queue
from messjax.policies.win_rate_threshold import wins
from messjax.types import Controls, Distribution, Meter, Outcome, Policy, Predictor, Step, Stream

M, D, N = 3, 4, 40  # models, features (and types), requests of the trace
COST = np.array([1.0, 2.0, 4.0])
ACCURACY = np.array([0.4, 0.6, 0.9])
CONTROLS = Controls(V=2.0, alpha=0.5, c=0.5, a=0.25, f=0.7)
NUMBERS = Controls(*(jnp.asarray(value, jnp.float32) for value in CONTROLS))
KEYS = jax.random.split(jax.random.key(3), 3)
ONE = jnp.ones((), jnp.int32)


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


# name, beginning with the public name: builder from a number x, which `test_no_value_recompiles` changes
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
    "educated_guess": lambda predictor, x: policies.educated_guess(ACCURACY - 0.01 * x),
    "optimal": lambda predictor, x: policies.optimal(distribution(x)),
    "threshold": lambda predictor, x: two_models(x),
    "predict_then_argmin": lambda predictor, x: policies.predict_then_argmin(predictor),
    "lagrangian": lambda predictor, x: policies.lagrangian(predictor, distribution(x)),
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
    "ledger": standard_meters.ledger,
    "virtual_queue": standard_meters.virtual_queue,
    "sla": standard_meters.sla,
    "theory": standard_meters.theory,
    "mean": lambda: standard_meters.mean("p", largest_p),
    "maximum": lambda: standard_meters.maximum("p", largest_p),
    "latest": lambda: standard_meters.latest("Q", lambda num_models: queue.zero(), lambda step: step.next_queue),
    "fold": lambda: standard_meters.fold(
        "n", lambda num_models: jnp.zeros((), jnp.int32), lambda number, step: number + step.t
    ),
    "sla_per_class": lambda: per_class.sla_per_class(np.array([0.5, 0.6])),
    "zip_meters": lambda: standard_meters.zip_meters(standard_meters.sla(), standard_meters.mean("p", largest_p)),
}
# Whole runs: every row of the tables above but the meters is in at least one.
WORLDS = [
    ("types", "mess_plus", "oracle"),
    ("types comonotone", "mess_plus", "tabular"),
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
    ("educated_guess", "oracle"),
    ("optimal", "oracle"),
    ("threshold", "oracle"),
    ("predict_then_argmin", "frozen"),
    ("lagrangian", "trained"),
]


def world(names: tuple[str, str, str], x: float = 0.0) -> tuple[Stream, Policy]:
    stream = (STREAMS | NESTS)[names[0]](x)
    return stream, (POLICIES | NESTED)[names[1]](PREDICTORS[names[2]](stream, x), x)


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
    assert jax.tree.structure(result) == jax.tree.structure(wanted)
    for left, right in zip(jax.tree.leaves(result), jax.tree.leaves(wanted), strict=True):
        assert left.dtype == right.dtype and left.shape == right.shape
        loose = not exact and np.issubdtype(left.dtype, np.floating)
        np.testing.assert_allclose(left, right, rtol=2e-6 if loose else 0, atol=1e-6 if loose else 0)


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


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name):
    stream = STREAMS[name](0.0)
    check_function(lambda key: stream.draw(key, stream.init(key), ONE), KEYS)
    state = jax.eval_shape(stream.init, KEYS[0])
    after, request = jax.eval_shape(stream.draw, KEYS[0], state, ONE)
    assert jax.tree.map(lambda x: (x.shape, x.dtype, x.weak_type), after) == shapes_after(stream.init, KEYS[0])
    assert {field.dtype for field in request} == {jnp.dtype("float32")}
    assert [field.shape for field in request] == [(D,), (M,), (M,), (M,)]
    _, batch = requests(stream)
    if stream.mean is not None:  # what an oracle may know is what the world's view says
        assert_same(jax.vmap(stream.mean)(batch.features), batch.mean, exact=False)


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
    assert [(x.shape, str(x.dtype)) for x in decision] == [
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
            request = stream.draw(jax.random.fold_in(key, t), (), t)[1]
            state, step = simulation.serve((key, key), state, request, t, NUMBERS, policy, feedback.complete)
            result.append(step)
        return tuple(result)

    return serve_two(KEYS)


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


COMPILED: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: COMPILED.append(event) if event.endswith("backend_compile_duration") else None
)


def run(names: tuple[str, str, str], x: float, horizon: int):
    """A grid of two V on three streams, with every number but the shapes depending on x."""
    stream, policy = world(names, x)
    controls = Controls(V=[0.5 + x, 2.0], alpha=0.5 - 0.1 * x, c=0.5 + x, a=0.25 + 0.1 * x, f=0.7 + 0.1 * x)
    return controls, grid_sweep.sweep(
        jax.random.key(int(x)), controls, policy=policy, stream=stream, horizon=horizon, num_streams=3,
        meter=METER, feedback=feedback.sparse, block=3,
    )  # fmt: skip


METER = standard_meters.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue())


@pytest.mark.parametrize(
    "names",
    [pytest.param(row, marks=[pytest.mark.long] * ("+" in row[0] or "mlp" in row)) for row in WORLDS],
    ids=" ".join,
)
def test_a_grid_is_its_single_runs_and_no_value_recompiles(names):
    controls, grid = run(names, 0.0, horizon=7)
    programs = grid_module.program._cache_size()
    stream, policy = world(names)

    @jax.jit
    def alone(key):
        one = controls._replace(V=controls.V[1])
        return simulation.simulate(
            key, one, policy=policy, stream=stream, horizon=7, meter=METER, feedback=feedback.sparse
        ).final

    for i in range(3):
        for name, value in alone(jax.random.fold_in(jax.random.key(0), i)).items():
            host = value.to_host() if hasattr(value, "to_host") else np.asarray(value)
            np.testing.assert_array_equal(grid[name].isel(V=1, stream=i).values, host, err_msg=name)
    del COMPILED[:]
    _, other = run(names, 1.0, horizon=23)
    assert not COMPILED and grid_module.program._cache_size() == programs
    assert other.attrs["horizon"] == 23 and int(other["served"].isel(stream=0, V=0).sum()) == 23


def side_by_side(x: float) -> tuple[Stream, dict[str, Policy]]:
    stream = STREAMS["types"](x)
    return stream, {" ".join(names): POLICIES[names[0]](PREDICTORS[names[1]](stream, x), x) for names in TOGETHER}


@pytest.mark.long
def test_side_by_side_a_grid_is_its_single_runs_and_no_value_recompiles():
    controls = Controls(V=[0.5, 2.0], alpha=0.5, c=0.5, a=0.25, f=0.7)
    meter = standard_meters.ledger()
    label = {"meter": meter, "feedback": feedback.sparse}
    stream, named = side_by_side(0.0)
    grid = grid_sweep.sweep(
        jax.random.key(0), controls, policy=named, stream=stream, horizon=7, num_streams=3, block=3, **label
    )
    one = Controls(*(jnp.float32(np.ravel(value)[-1]) for value in controls))
    current = simulation.assemble(named, stream, meter, feedback.sparse)
    alone = jax.jit(lambda key, world: simulation.run_stream(key, one, world, np.array([7])))
    for i in range(3):
        found = alone(jax.random.fold_in(jax.random.key(0), i), current)
        for name, result in found.items():
            for metric, value in result.final.items():
                host = value.to_host() if hasattr(value, "to_host") else np.asarray(value)
                at = grid[metric].sel(policy=name).isel(V=1, stream=i).values
                np.testing.assert_array_equal(at, host, err_msg=f"{name} {metric}")
    side_by_side(1.0)  # fitting on a prefix may still compile what it needs by itself
    del COMPILED[:]
    stream, named = side_by_side(2.0)
    other = grid_sweep.sweep(
        jax.random.key(1), controls, policy=named, stream=stream, horizon=23, num_streams=3, block=3, **label
    )
    assert not COMPILED and (other["served"].isel(stream=0, V=0).sum("model") == 23).all()


def test_the_compile_counter_counts():
    del COMPILED[:]
    jax.jit(lambda x: x * 3.0 + len(COMPILED))(jnp.ones(17))
    assert COMPILED


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


def test_every_public_meter_is_in_its_table():
    public = {
        name
        for module in (standard_meters, per_class)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(function).return_annotation == "Meter"
    }
    assert public == set(METERS)
