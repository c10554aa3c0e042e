"""The GPU kernel, interpreted: the same requests, decisions and readings as the general path and the fast one."""

from __future__ import annotations

import functools
import re

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import feedback, policies, predictors, streams
from messjax.engine import simulation
from messjax.engine.fast import gpu_kernel
from messjax.engine.fast import run as engine
from messjax.engine.fast.policy_groups import PolicyPath
from messjax.meters import folds, standard_meters
from messjax.numerics import counter_prng, virtual_queue
from messjax.types import Controls, Distribution, Stream

pytestmark = pytest.mark.long

K, M, B, T = 5, 3, 6, 150
RNG = np.random.default_rng(0)
COST, MEAN = np.sort(RNG.uniform(0.5, 4, (K, M)), axis=1), np.sort(RNG.uniform(0.2, 0.95, (K, M)), axis=1)
LAW = Distribution(np.array([0.1, 0.3, 0.15, 0.2, 0.25]), COST, MEAN)
EVEN = Distribution(np.full(K, 1 / K), np.tile([1.0, 2.0, 4.0], (K, 1)), MEAN)
LEARNED = "a linear head that learns on a logistic stream"
STREAMS = {
    LEARNED: streams.logistic(RNG.normal(size=(M, 4)), np.array([0.2, 0.9, 1.7]), np.array([1.0, 2.0, 4.0])),
    "types with costs of their own": streams.types(LAW),
    "even types, constant costs, comonotone": streams.types(EVEN, labels="comonotone"),
}
V, ALPHA, C = np.array([0.5, 3.0]), np.array([0.4, 0.613]), np.array([0.2, 0.8])
fast_to_compile = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
ROUNDED = {"cost", "cost_exploit", "queue_mean", "exploration_queue"}  # compensated sums, or counts times prices


WITHOUT_ERRORS = folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue(), standard_meters.sla())


def world(stream: Stream, predictor=None, meter=None) -> simulation.RunParts:
    learner = predictors.oracle(stream) if predictor is None else predictor
    return simulation.assemble(policies.mess_plus(learner), stream, meter, feedback.complete)


def named(name: str) -> simulation.RunParts:
    """The world of a stream: an oracle and all standard meters, or a head and those that need no prediction errors."""
    stream = STREAMS[name]
    return world(stream, predictors.linear(stream=stream), WITHOUT_ERRORS) if name == LEARNED else world(stream)


def controls(c) -> Controls:
    pairs = (x.ravel() for x in np.meshgrid(V, ALPHA, indexing="ij"))
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), Controls(*pairs, c, 0.25, 1.0))


def keys_of(num: int):
    return jax.vmap(lambda i: jax.random.fold_in(jax.random.key(3), i))(jnp.arange(num))


def general(keys, given, world, times):
    """`simulate.run`, one vmap per axis as `grid` nests them: [B, G, ...]."""
    lanes = jax.vmap(
        lambda key, V, alpha: simulation.run_stream(key, given._replace(V=V, alpha=alpha), world, times), (None, 0, 0)
    )
    return jax.vmap(lambda key: lanes(key, given.V, given.alpha))(keys)


def host(value):
    return value.to_host() if hasattr(value, "to_host") else np.asarray(value)


def compare(result: dict, wanted: dict) -> None:
    assert set(result) == set(wanted)
    for name in wanted:
        current, there = host(result[name]), host(wanted[name])
        assert current.shape == there.shape, name
        np.testing.assert_allclose(current, there, rtol=1e-6 * (name in ROUNDED), atol=0, err_msg=name)


@pytest.fixture
def lanes(request, monkeypatch) -> int:
    """How many V and alpha of four a thread takes."""
    monkeypatch.setattr(gpu_kernel, "THREADS", 1 if request.param == 4 else 2**16)
    return request.param


EACH = pytest.mark.parametrize(("name", "lanes"), list(zip(STREAMS, (4, 1, 4), strict=True)), indirect=["lanes"])


@EACH
def test_every_decision_and_reading_is_that_of_the_general_and_of_the_fast_path(name, lanes):
    """Read after each of the first requests, the counts are the decisions and the queue is the path."""
    own, seen, times = named(name), [], np.array([*range(1, 41), 90, T], np.int32)
    account = PolicyPath(own.policies[""], own).accumulator
    assert gpu_kernel.shared(jax.eval_shape(lambda: gpu_kernel.start(account, (4, gpu_kernel.BLOCK)))) == lanes

    def note(t):
        seen.append(int(t))

    @fast_to_compile
    def three(keys, c, own, times):
        runs = (
            lambda *given: gpu_kernel.run_kernel(
                *given, progress_callback=lambda t: jax.debug.callback(note, t), interpret=True
            ),
            lambda *given: general(*given),
            lambda *given: engine.run_block(*given),
        )
        return [jax.vmap(lambda c, run=run: run(keys, controls(c), own, times)[""])(c) for run in runs]

    result, *others = three(keys_of(B), jnp.asarray(C), own, times)
    assert len(result.final) == (10 if name == LEARNED else 15)
    for wanted in others:
        compare(result.final, wanted.final)
        compare(result.curve, wanted.curve)
    jax.effects_barrier()
    assert set(seen) == set(times.tolist())
    served, explored = host(result.final["served"]), host(result.final["explored"])
    assert (served.sum(axis=(0, 1, 2)) > 0).all() and (served.sum(axis=-1) == T).all()  # the path was worth comparing
    assert host(result.final["queue_max"]).min() > 0 and (explored[0] > 0).all() and (explored[0] < explored[1]).all()


def test_the_sum_of_queues_is_exact_beyond_what_an_int32_holds():
    numbers = RNG.integers(2**30, 2**31 - 1, 40), RNG.integers(0, virtual_queue.UNIT, 40)
    total = gpu_kernel.Total(jnp.uint32(0), jnp.uint32(0), jnp.int32(0))
    for whole, part in zip(*numbers, strict=True):
        total = total.add(virtual_queue.Fixed(jnp.int32(whole), jnp.int32(part)))
    exact = sum(int(whole) * virtual_queue.UNIT + int(part) for whole, part in zip(*numbers, strict=True))
    assert ((int(total.high) << 32) + int(total.low)) * virtual_queue.UNIT + int(total.part) == exact
    assert (
        total.long().whole.to_host() == exact // virtual_queue.UNIT
        and int(total.long().part) == exact % virtual_queue.UNIT
    )


def test_it_says_what_it_does_not_know():
    stream = STREAMS["types with costs of their own"]
    assert gpu_kernel.unsupported_reason(world(stream)) is None
    assert "policy ''" in gpu_kernel.unsupported_reason(world(stream, predictors.tabular(K, M)))
    other = streams.calibrated(np.array([1.0, 2.0, 4.0]), np.array([0.4, 0.6, 0.9]), num_features=4)
    assert "expected an oracle on a stream over types, or a linear head" in gpu_kernel.unsupported_reason(world(other))
    single = simulation.assemble(policies.single(1), stream, None, feedback.complete)
    assert "policy ''" in gpu_kernel.unsupported_reason(single)
    assert "feedback" in gpu_kernel.unsupported_reason(
        world(stream)._replace(feedback=jax.tree_util.Partial(feedback.sparse))
    )


def test_it_says_which_heads_it_does_not_know():
    stream = STREAMS[LEARNED]
    assert gpu_kernel.unsupported_reason(named(LEARNED)) is None
    assert "prediction errors" in gpu_kernel.unsupported_reason(world(stream, predictors.linear(stream=stream)))
    two = {"a": policies.mess_plus(predictors.linear(4, M)), "b": policies.mess_plus(predictors.linear(4, M))}
    several = simulation.assemble(two, stream, WITHOUT_ERRORS, feedback.complete)
    assert "expected one policy" in gpu_kernel.unsupported_reason(several)
    wide = streams.logistic(RNG.normal(size=(M, 22)), np.zeros(M), np.array([1.0, 2.0, 4.0]))
    reason = gpu_kernel.unsupported_reason(world(wide, predictors.linear(22, M), WITHOUT_ERRORS))
    assert "more than 128 numbers" in reason


def test_a_head_shares_a_thread_among_fewer_pairs_than_an_oracle():
    pairs = (12, 2**16)
    lane = jax.eval_shape(
        lambda: gpu_kernel.start(PolicyPath(named(LEARNED).policies[""], named(LEARNED)).accumulator, pairs)
    )
    size = len(jax.tree.leaves(lane))
    for head in (0, 30, 102, 128):
        share = gpu_kernel.shared(lane, head)
        limit = gpu_kernel.HEAD_REGISTERS if head else gpu_kernel.REGISTERS
        assert 12 % share == 0 and (share == 1 or head + share * size <= limit)
    assert gpu_kernel.shared(lane, 128) <= gpu_kernel.shared(lane, 30)


@EACH
def test_it_lowers_for_cuda(name, lanes):
    """Pallas' Triton backend takes every operation of it: no device is needed to find out."""
    target = "__gpu$xla.gpu.triton"

    @jax.jit
    def program(words, given, world, times):  # raw keys: an exported function takes arrays
        keys = jax.random.wrap_key_data(words, impl=counter_prng.IMPL)
        run = functools.partial(gpu_kernel.run_kernel, interpret=False)
        return jax.vmap(lambda c: run(keys, given._replace(c=c), world, times)[""])(given.c)

    keys = jax.vmap(counter_prng.counting_key)(keys_of(300))
    given = jax.random.key_data(keys), controls(C), named(name), np.array([1, T], np.int32)
    unchecked = [jax.export.DisabledSafetyCheck.custom_call(target)]  # XLA keeps no kernels across versions
    exported = jax.export.export(program, platforms=["cuda"], disabled_checks=unchecked)(*given)
    text = exported.mlir_module()
    assert text.count(f"@{target}(") == 1 and f"mess_plus_{'linear' if name == LEARNED else 'oracle'}" in text
    sizes = {axis: int(result) for axis, result in re.findall(r"grid_([xyz]) = (\d+) : i32", text)}
    assert sorted(sizes.values()) == sorted([len(C), 4 // lanes, 3])  # 300 streams: three blocks
