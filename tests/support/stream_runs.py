"""Requests of streams and steps of single runs, as NumPy arrays, and two distributions to draw from."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import binom

from messjax import feedback
from messjax.engine import simulation
from messjax.types import Controls, Distribution, Request

COST = np.array([1.0, 2.0, 4.0])
EASY = Distribution(np.array([0.4, 0.6]), np.tile(COST, (2, 1)), np.array([[0.6, 0.8, 0.9], [0.5, 0.7, 0.95]]))
HARD = Distribution(np.array([0.5, 0.5]), np.tile(2 * COST, (2, 1)), np.array([[0.1, 0.3, 0.7], [0.0, 0.2, 0.6]]))
KEY = jax.random.key(7)


@jax.jit
def _paths(stream, keys, times):
    def path(key):
        def one(state, t):
            return stream.draw(jax.random.fold_in(key, t), state, t)

        return jax.lax.scan(one, stream.init(jax.random.fold_in(key, 0)), times)[1]

    return jax.vmap(path)(keys)


def paths(stream, num_streams: int, requests: int) -> Request:
    """Requests [streams, t, ...] as NumPy arrays."""
    inside = stream.without_host_data()
    keys = jax.random.split(KEY, num_streams)
    return jax.tree.map(np.asarray, _paths(inside, keys, 1 + jnp.arange(requests)))


@jax.jit
def _play(policy, stream, feedback_received, controls, times):
    worlds = simulation.component_keys(KEY)

    def one(carry, t):
        state, world = carry
        keys = [jax.random.fold_in(key, t) for key in worlds]
        world, request = stream.draw(keys[0], world, t)
        after, step = simulation.serve((keys[1], keys[2]), state, request, t, controls, policy, feedback_received)
        return (after, world), (step, state, after)

    start = (policy.init(jax.random.fold_in(worlds[1], 0), controls), stream.init(jax.random.fold_in(worlds[0], 0)))
    return jax.lax.scan(one, start, times)[1]


def play(policy, stream, requests: int, feedback_received=feedback.complete, **numbers):
    """Every step of one run, with the policy's states before and after it, as NumPy arrays [t, ...]."""
    controls = jax.tree.map(lambda x: jnp.float32(x), Controls(**numbers))
    world = simulation.assemble(policy, stream, None, feedback_received)
    result = _play(world.policies[""], world.stream, world.feedback, controls, 1 + jnp.arange(requests))
    return jax.tree.map(np.asarray, result)


def plausible(hits, number, probability) -> bool:
    """Hits out of a number compatible with the probability: 1e-6 in either tail, fixed seeds."""
    low, high = binom.ppf(1e-6, number, probability), binom.ppf(1 - 1e-6, number, probability)
    return bool(np.all((low <= hits) & (hits <= high)))
