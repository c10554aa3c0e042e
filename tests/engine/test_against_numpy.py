"""The engine against the NumPy loop of sims/reference, given the same keys: the timed work is the same work."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from messjax import policies, predictors, streams
from messjax.engine import simulation
from messjax.engine.grid_sweep import sweep
from messjax.meters import folds, standard_meters
from messjax.numerics import counter_prng
from messjax.types import Controls, Distribution
from sims.reference import numpy_streams, workloads

KEY, STREAMS, T = jax.random.key(11), 6, 400
METER = folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue())


def keys() -> tuple[np.ndarray, np.ndarray, jax.Array]:
    """World and policy words [streams, 2] of the engine's streams, and their world keys."""
    sites = jax.vmap(lambda i: simulation.component_keys(jax.random.fold_in(KEY, i)))(np.arange(STREAMS))
    world, policy = (np.stack(counter_prng.word_stream(sites[:, n]), axis=-1) for n in (0, 1))
    return world, policy, sites[:, 0]


def same(result: Any, wanted: Any) -> None:
    for name in ("explored", "calls", "served", "satisfaction", "queue_last", "queue_max"):
        np.testing.assert_array_equal(result[name].values, getattr(wanted, name), err_msg=name)
    for name in ("cost", "cost_exploit", "queue_mean"):
        np.testing.assert_allclose(result[name].values, getattr(wanted, name), rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("engine", ["fast", "general"])
def test_oracle_on_types(engine):
    world, policy, _ = keys()
    work = workloads.w1(STREAMS, T)._replace(world=world, policy=policy)
    distribution = Distribution(np.full(64, 1 / 64), np.tile(work.cost, (64, 1)), work.mean.astype(np.float64))
    stream = streams.types(distribution, labels="comonotone")
    controls = Controls(V=work.V, alpha=work.alpha, c=work.c, a=work.a)
    result = sweep(KEY, controls, policy=policies.mess_plus(predictors.oracle(stream)), stream=stream, horizon=T,
                  num_streams=STREAMS, meter=METER, engine=engine)  # fmt: skip
    same(result, numpy_streams.w1(work))


@pytest.mark.parametrize("engine", ["fast", "general"])
def test_learned_head_on_logistic_requests(engine):
    """The loop's two normals of a pair stand side by side, the engine's cosines come first: hence the order."""
    world, policy, _ = keys()
    V, alpha = [2.0, 30.0], [0.6, 0.7]
    grid = tuple((v, a) for v in V for a in alpha)
    work = workloads.w2(STREAMS, T, grid, features=6)._replace(world=world, policy=policy)
    order = np.concatenate([np.arange(0, 6, 2), np.arange(1, 6, 2)])
    stream = streams.logistic(work.weights[:, order], work.bias, work.cost)
    result = sweep(KEY, Controls(V=V, alpha=alpha, c=work.c, a=work.a), stream=stream, horizon=T, num_streams=STREAMS,
                  policy=policies.mess_plus(predictors.linear(6, 3)), meter=METER, engine=engine)  # fmt: skip
    same(result.stack(grid=("V", "alpha")).transpose("stream", "grid", ...), numpy_streams.w2(work))


@pytest.mark.long
def test_replay_with_a_learned_head():
    _, policy, world_keys = keys()
    work = workloads.w3(STREAMS, T, 12)._replace(policy=policy)
    stream = streams.replay(work.features, work.satisfaction, work.cost)
    orders = jax.vmap(lambda key: stream.init(jax.random.fold_in(key, 0)))(world_keys)
    work = work._replace(order=np.asarray(orders))
    V, alpha = np.unique(work.V), np.unique(work.alpha)
    result = sweep(KEY, Controls(V=V, alpha=alpha, c=work.c, a=work.a), stream=stream, horizon=T, num_streams=STREAMS,
                  policy=policies.mess_plus(predictors.linear(12, 3)), meter=METER, engine="fast")  # fmt: skip
    flat = result.stack(grid=("V", "alpha")).transpose("stream", "c", "grid", ...)  # [seeds, c, (V, alpha)]
    same(flat, numpy_streams.w3(work))
