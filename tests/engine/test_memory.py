"""The memory that a sweep will take, estimated before anything is computed: policies' states, curves, the host."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import feedback, policies, predictors, runtime, streams, sweep
from messjax.engine import grid_program, memory, simulation
from messjax.types import Controls, Distribution

TYPES = streams.types(Distribution(np.ones(1), np.array([[1.0, 2.0]]), np.array([[0.5, 0.9]])))
LEAVES = jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), Controls())


def wide(policy, d: int, num_models: int):
    """A policy on a replay of d features; only shapes count."""
    trace = streams.replay(np.zeros((4, d)), np.ones((4, num_models)), np.ones((4, num_models)))
    return simulation.assemble(policy, trace, None, feedback.complete)


def test_a_bandits_matrices_are_counted():
    """256 features, 71 models and 10 V: 18.6 MB of inverses at each V, of which a block of 256 streams takes 45 GiB."""
    parts = wide(policies.lin_ucb(256, 71), 256, 71)
    grid = LEAVES._replace(V=jax.ShapeDtypeStruct((10,), jnp.float32))
    carried = memory.largest(parts, grid, 0, None).carried
    assert carried == pytest.approx(10 * 71 * 256 * 256 * 4, rel=0.02)
    plan = grid_program.plan(parts, grid, num_streams=256, checkpoints=0, memory=12.0)
    assert plan.block == int((12 * 2**30 - memory.CHUNKS) / memory.traced(parts, grid, 0, None).of_a_stream) < 40
    with pytest.raises(ValueError, match=r"memory: one stream of this grid takes 0\.3\d+ GiB, found a limit of 0\.25"):
        grid_program.plan(parts, grid, num_streams=256, checkpoints=0, memory=0.25)


def test_what_does_not_depend_on_a_control_is_counted_once():
    parts = wide(policies.mess_plus(predictors.linear(64, 3)), 64, 3)
    grid = LEAVES._replace(V=jax.ShapeDtypeStruct((50,), jnp.float32))
    upper, true = (estimate(parts, grid, 0, None).carried for estimate in (memory.largest, memory.traced))
    assert true < upper / 4 and true > 50 * 100  # one predictor, fifty queues and meters


@pytest.mark.long
@pytest.mark.parametrize("kind", ["lin_ucb", "linear"])
def test_the_estimate_holds_what_xla_allocates(kind):
    policy = policies.lin_ucb(32, 4) if kind == "lin_ucb" else policies.mess_plus(predictors.linear(32, 4))
    parts, grid, block = wide(policy, 32, 4), LEAVES._replace(V=jnp.ones(3), c=jnp.ones(2)), 64
    arguments = jax.random.key(0), jnp.arange(block, dtype=jnp.int32), grid, parts, simulation.checkpoint_times(4, 2)
    used = grid_program.program.lower(*arguments, None, tuple(jax.local_devices()[:1])).compile().memory_analysis()
    estimate = memory.traced(parts, grid, 2, None)
    taken = used.temp_size_in_bytes + used.output_size_in_bytes
    assert 0.3 < taken / (block * estimate.of_a_stream) < 1 + memory.CHUNKS / (block * estimate.of_a_stream)


def test_results_that_the_host_cannot_hold_are_refused_with_what_would_fit():
    policy = policies.mess_plus(predictors.oracle(TYPES))
    run = {"policy": policy, "stream": TYPES, "horizon": 200}
    grid = Controls(V=np.geomspace(1, 100, 40), alpha=0.6)
    with pytest.raises(ValueError, match=r"1,000,000 streams with 100 checkpoints take about .* GiB .*fewer check"):
        sweep(jax.random.key(0), grid, num_streams=10**6, checkpoints=100, memory=4.0, **run)
    with pytest.raises(ValueError, match=r"at most [1-9][\d,]+ streams fit") as error:
        sweep(jax.random.key(0), Controls(alpha=0.6), num_streams=10**6, memory=0.01, devices=1, **run)
    fits = int(str(error.value).split("at most ")[1].split()[0].replace(",", ""))
    parts = simulation.assemble(policy, TYPES, None, feedback.complete)
    sizes = memory.largest(parts, LEAVES, 0, None)
    memory.check_gathered(sizes, fits, 1, 0, 0.01)
    few = memory.largest(parts, LEAVES, 100, ("cost",))
    assert few.metrics < memory.largest(parts, LEAVES, 100, None).metrics / 5


def test_amounts_of_memory_are_read():
    assert [runtime.gibibytes(text) for text in ("4GiB", "4", "512 mib", "1.5TiB")] == [4, 4, 0.5, 1536]
    for text in ("", "-1", "0", "4 apples", "1e3", "nan"):
        with pytest.raises(Exception, match="amount of memory"):
            runtime.gibibytes(text)
