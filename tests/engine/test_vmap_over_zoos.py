"""`simulate` under vmap over streams, policies and zoos built inside jit: a loop's numbers, and one compilation."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import policies, predictors, streams
from messjax.components import stack
from messjax.engine.simulation import simulate
from messjax.theory import optimum
from messjax.types import Controls, Distribution, Stream

CONTROLS, HORIZON, NUM = Controls(V=2.0, alpha=0.5, c=0.5), 60, 3
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "random_zoos.py"


def distribution(seed: int, *, equal: bool = False) -> Distribution:
    rng = np.random.default_rng(seed)
    weight = np.ones(4) if equal else rng.random(4)
    return Distribution(weight / weight.sum(), np.sort(rng.random((4, 3)), axis=1), 0.3 + 0.7 * rng.random((4, 3)))


def of_types(seed: int) -> Stream:
    return streams.types(distribution(seed))


def of_equal_types(seed: int) -> Stream:
    return streams.types(distribution(seed, equal=True), labels="comonotone")


def of_features(seed: int) -> Stream:
    rng = np.random.default_rng(seed)
    return streams.logistic(rng.normal(size=(3, 5)), rng.normal(size=3) + 2.0, np.sort(rng.random(3)))


def replayed(seed: int) -> Stream:
    rng = np.random.default_rng(seed)
    return streams.replay(rng.normal(size=(80, 5)), rng.random((80, 3)).round(), rng.random((80, 3)))


def changing(seed: int) -> Stream:
    return streams.lognormal(streams.change(of_types(seed), of_types(seed + 100), 30), 0.5)


def oracle_router(stream: Stream) -> object:
    return policies.mess_plus(predictors.oracle(stream))


def learning_router(stream: Stream) -> object:
    width = jax.eval_shape(lambda k: stream.draw(k, stream.init(k), jnp.int32(1))[1], jax.random.key(0)).features.shape[
        0
    ]
    return policies.mess_plus(predictors.linear(num_features=width, num_models=3))


CASES = [
    pytest.param(of_types, oracle_router, id="types-oracle"),
    pytest.param(of_equal_types, learning_router, id="equal types-linear"),
    pytest.param(of_features, oracle_router, id="logistic-oracle"),
    pytest.param(replayed, learning_router, id="replay-linear", marks=pytest.mark.long),
    pytest.param(
        changing, lambda stream: policies.uniform(), id="change with random costs-uniform", marks=pytest.mark.long
    ),
]


def numbers(final: dict, i: int | None = None) -> dict[str, np.ndarray]:
    """Metrics as NumPy numbers, of element i of a batch or of a single run."""
    one = final if i is None else jax.tree.map(lambda x: x[i], final)
    return {name: x.to_host() if hasattr(x, "to_host") else np.asarray(x) for name, x in one.items()}


@pytest.mark.long
@pytest.mark.parametrize(("build", "router"), CASES)
def test_vmap_over_streams_and_policies_equals_a_loop_and_compiles_once(build, router):
    chex.clear_trace_counter()

    @jax.jit
    @jax.vmap
    @chex.assert_max_traces(n=1)
    def run(key, stream, policy):
        return simulate(key, CONTROLS, policy=policy, stream=stream, horizon=HORIZON).final

    keys = jax.random.split(jax.random.key(1), NUM)
    for first in (0, NUM):  # other numbers compile nothing anew
        built = [build(seed) for seed in range(first, first + NUM)]
        routers = [router(stream) for stream in built]
        together = run(keys, stack(built), stack(routers))
    for i in range(NUM):
        alone = simulate(keys[i], CONTROLS, policy=routers[i], stream=built[i], horizon=HORIZON).final
        chex.assert_trees_all_close(numbers(together, i), numbers(alone), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("equal", [False, True])
def test_a_stream_of_types_built_inside_jit_is_the_stream(equal):
    """Same requests at the same keys, up to the alias table's choice of other types where weights differ."""
    known = distribution(5, equal=equal)
    keys = jax.random.split(jax.random.key(2), 20_000)

    def kinds(stream):
        return jax.vmap(lambda k: stream.draw(k, (), jnp.int32(1))[1].features)(keys)

    fixed_weight = jax.jit(lambda cost, mean: kinds(streams.types(Distribution(known.weight, cost, mean))))
    outside = kinds(streams.types(known))
    np.testing.assert_array_equal(fixed_weight(known.cost, known.mean), outside)
    traced = jax.jit(lambda *arrays: kinds(streams.types(Distribution(*arrays))))(*known[:3])
    spread = np.sqrt(known.weight * (1 - known.weight) / len(keys))
    assert (np.abs(np.mean(traced, axis=0) - known.weight) < 5 * spread).all()


def test_a_traced_alias_table_has_the_weights_exactly():
    from messjax.streams.request_types import _traced_alias_table, alias_bits

    for weight in (
        [1.0],
        [0.5, 0.5],
        [0.0, 1.0],
        [0.7, 0.1, 0.2, 0.0],
        np.random.default_rng(0).dirichlet(np.ones(33)),
    ):
        K = len(weight)
        entry = np.asarray(jax.jit(_traced_alias_table)(jnp.asarray(weight, jnp.float32)))
        own = (entry & (2 ** alias_bits(K) - 1)) / (2 ** alias_bits(K) - 1)
        result = own / K + np.bincount(entry >> alias_bits(K), (1 - own) / K, minlength=K)
        np.testing.assert_allclose(result, weight, atol=1e-6)


def test_a_logistic_stream_built_inside_jit_draws_the_same_requests():
    rng = np.random.default_rng(3)
    numbers = rng.normal(size=(3, 5)), rng.normal(size=3), rng.random(3)
    key = jax.random.key(0)
    inside = jax.jit(lambda *n: streams.logistic(*n).draw(key, (), jnp.int32(1))[1])(*numbers)
    chex.assert_trees_all_close(inside, streams.logistic(*numbers).draw(key, (), jnp.int32(1))[1], rtol=1e-6)


def test_controls_are_still_validated_beside_a_traced_stream():
    with pytest.raises(ValueError, match="alpha"):
        jax.vmap(
            lambda s: (
                simulate(jax.random.key(0), Controls(alpha=2.0), policy=policies.uniform(), stream=s, horizon=3).final
            )
        )(stack([of_types(0), of_types(1)]))


def test_what_cannot_be_stacked_is_one_line():
    with pytest.raises(ValueError, match="component 1 differs from component 0"):
        stack([of_types(0), of_features(0)])
    with pytest.raises(ValueError, match="no components"):
        stack([])


@pytest.mark.long
def test_the_documented_example(monkeypatch, capsys, tmp_path):
    spec = importlib.util.spec_from_file_location("random_zoos", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.HORIZON, example.STREAMS = 200, 2
    chex.clear_trace_counter()
    run = jax.jit(jax.vmap(chex.assert_max_traces(example.simulate_zoo, n=1)))
    for seed in (0, 1):  # other zoos compile nothing anew
        zoos = run(jax.random.split(jax.random.key(seed), 20))
    key = jax.random.split(jax.random.key(seed), 20)[7]
    zoo = jax.device_get(example.random_zoo(jax.random.split(key, 3)[0]))
    zoo = zoo._replace(weight=np.asarray(zoo.weight, float) / np.sum(zoo.weight, dtype=float))
    best = optimum.solve(zoo, float(zoos["alpha"][7]))
    assert (zoos["C_star"][7], zoos["gamma"][7]) == (
        pytest.approx(best.cost, rel=1e-5),
        pytest.approx(best.gamma, rel=1e-4),
    )
    monkeypatch.setattr(example, "simulate_zoos", run)
    monkeypatch.setattr(sys, "argv", ["random_zoos.py", "--zoos", "20", "--out", str(tmp_path / "zoos.npz")])
    example.main()
    assert "violation (T1)" in capsys.readouterr().out
    assert np.load(tmp_path / "zoos.npz")["cost"].shape == (20,)
