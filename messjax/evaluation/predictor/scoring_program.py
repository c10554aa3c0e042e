"""The compiled program: follow the predictor's path and sum its scores; memory does not grow with the horizon."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.engine.simulation import component_keys
from messjax.numerics.compensated import Sum
from messjax.numerics.compensated import add as add_to_sum
from messjax.policies.predictor_router import probability
from messjax.policies.rare_update import update_if
from messjax.statistics import scoring_rules
from messjax.types import Array, Controls, Outcome, Predictor, PyTree, Stream

CHUNK = 512  # held-out requests predicted at once
SUMS = 3  # of a request and model beside its bins: log loss, and log loss and Brier of the base rate
BINNED = 4  # of each bin: requests, predictions, satisfactions, squared differences


class HeldOut(NamedTuple):
    """Requests that the stream never serves.

    Attributes:
        features: [H, d].
        satisfaction: [H, M], in [0, 1].
    """

    features: np.ndarray
    satisfaction: np.ndarray


class _Lane(NamedTuple):
    """What one path carries."""

    predictor: PyTree
    learned: Array  # [] int32
    liked: Array  # [M] float, sum of the satisfactions learned from
    passed: Sum  # [M, SUMS + BINNED * bins] since the last checkpoint


@functools.partial(jax.jit, static_argnames=("num_streams", "bins", "block"))
def program(
    key: Array,
    controls: Controls,
    predictor: Predictor,
    stream: Stream,
    held: HeldOut,
    times: Array,
    num_streams: int,
    bins: int,
    block: int,
) -> dict[str, Any]:
    """The sums of scores of S streams, C exploration scales and K checkpoints.

    Args:
        key: Random key; stream i has fold_in(key, i).
        controls: c [C] and a []; the others are not read.
        predictor: The predictor.
        stream: The stream, without what only the host uses.
        held: Held-out requests, or none.
        times: Checkpoints [K].
        num_streams: S.
        bins: Number of bins B of the predictions.
        block: Streams side by side.

    Returns:
        "passed" and "held", sums [S, C, K, M, SUMS + BINNED * B], and "learned" [S, C, K].
    """

    def one(i: Array) -> dict[str, Any]:
        walk = functools.partial(_path, jax.random.fold_in(key, i), predictor, stream, held, times, bins)
        return jax.vmap(walk, (Controls(None, None, 0, None, None),))(controls)

    index = jnp.arange(num_streams, dtype=jnp.int32)
    return jax.lax.map(one, index, batch_size=block) if block > 1 else jax.lax.map(one, index)


def _path(
    key: Array, predictor: Predictor, stream: Stream, held: HeldOut, times: Array, bins: int, controls: Controls
) -> dict[str, Any]:
    """One stream at one c, as `simulate.run` walks it: predict, score, learn if explored."""
    key_world, key_policy, _ = component_keys(key)
    world = stream.init(jax.random.fold_in(key_world, 0))
    num_models = held.satisfaction.shape[1]
    none = jnp.zeros((num_models, SUMS + BINNED * bins), jnp.float32)
    zero = jnp.zeros((), jnp.int32)
    lane = _Lane(predictor.init(jax.random.fold_in(key_policy, 0)), zero, none[:, 0], Sum(none, none))

    def step(t: Array, carry: tuple) -> tuple:
        world, lane = carry
        world, request = stream.draw(jax.random.fold_in(key_world, t), world, t)
        explore = jax.random.uniform(jax.random.fold_in(key_policy, t), dtype=jnp.float32) < probability(t, controls)
        s = request.satisfaction
        s_hat = predictor.predict(lane.predictor, request.features)
        label = Outcome(jnp.where(explore, s, 0.0), jnp.broadcast_to(explore, s.shape))
        return world, _Lane(
            predictor=update_if(explore, Partial(predictor.update), lane.predictor, request.features, label),
            learned=lane.learned + explore,
            liked=lane.liked + label.satisfaction,
            passed=add_to_sum(lane.passed, _score(s_hat, s, _base(lane), bins)),
        )

    def until(carry: tuple, stop: Array) -> tuple:
        done, inner = carry
        world, lane = jax.lax.fori_loop(done + 1, stop + 1, step, inner)
        read = {"passed": lane.passed, "held": _held_out(predictor, lane, held, bins), "learned": lane.learned}
        return (stop, (world, lane._replace(passed=Sum(none, none)))), read

    return jax.lax.scan(until, (zero, (world, lane)), jnp.asarray(times, jnp.int32))[1]


def _base(lane: _Lane) -> Array:
    """[M] the running mean of what was learned from, with half a success and half a failure before the first."""
    return (lane.liked + 0.5) / (lane.learned + 1)


def _score(s_hat: Array, s: Array, base: Array, bins: int) -> Array:
    """What one request adds per model, [M, SUMS + BINNED * bins]."""
    bin_of = jnp.clip((s_hat * bins).astype(jnp.int32), 0, bins - 1)
    member = jax.nn.one_hot(bin_of, bins, dtype=jnp.float32)  # [M, bins]
    squared = scoring_rules.brier(s_hat, s)
    plain = jnp.stack(
        [scoring_rules.log_loss(s_hat, s), scoring_rules.log_loss(base, s), scoring_rules.brier(base, s)], axis=-1
    )
    binned = [member * weight[:, None] for weight in (jnp.ones_like(s), s_hat, s, squared)]
    return jnp.concatenate([plain, *binned], axis=-1)


def _held_out(predictor: Predictor, lane: _Lane, held: HeldOut, bins: int) -> Sum:
    """The scores of all held-out requests, added up chunk by chunk."""
    num, base = len(held.features), _base(lane)
    none = jnp.zeros((held.satisfaction.shape[1], SUMS + BINNED * bins), jnp.float32)
    if not num:
        return Sum(none, none)

    def chunk(i: Array, total: Sum) -> Sum:
        row = jnp.minimum(i * CHUNK + jnp.arange(min(CHUNK, num)), num - 1)
        x, s = held.features[row], held.satisfaction[row]
        s_hat = jax.vmap(predictor.predict, (None, 0))(lane.predictor, x)
        each = jax.vmap(_score, (0, 0, None, None))(s_hat, s, base, bins)
        fresh = (i * CHUNK + jnp.arange(len(row)) < num)[:, None, None]  # the last chunk is filled up
        return add_to_sum(total, jnp.where(fresh, each, 0.0).sum(axis=0))

    return jax.lax.fori_loop(0, -(-num // CHUNK), chunk, Sum(none, none))
