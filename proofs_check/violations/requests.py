"""Streams that violate A1 and A2: requests that drift or hide their type, scores and costs without a bound.

Also requests that carry their labels, for coins that look at them (A4). The engine counts exactly beyond A2, too:
single scores up to 500 (`messjax.meters.path_audit`) and costs up to 1e18.
"""

from __future__ import annotations

from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax import streams
from messjax.components import spec_of
from messjax.streams.request_types import TypesSpec, draw
from messjax.types import Array, Distribution, Kind, PyTree, Request, Stream

# --- A1: streams that drift ------------------------------------------------------------------------------------------


def _spec(stream: Stream) -> TypesSpec:
    """What a stream of `messjax.streams.request_types` draws its requests from."""
    return cast(TypesSpec, spec_of(stream.draw, draw))


def drifting(distribution: Distribution, horizon: int) -> Stream:
    """Two types with the labels and costs of `distribution`; the second's share grows from 0 to 1 over the horizon.

    The time average of the two is (1/2, 1/2), exactly. ValueError for a distribution with other weights.
    """
    if list(distribution.weight) != [0.5, 0.5]:
        raise ValueError(
            f"drifting: distribution.weight is {np.asarray(distribution.weight).tolist()}, expected [0.5, 0.5]"
        )
    calm = streams.types(distribution)
    spec = _spec(calm)
    costs = jnp.broadcast_to(spec.cost, spec.mean.shape)  # by type even where all cost the same: one program for both
    drift = Partial(_drift, spec._replace(cost=costs), jnp.asarray(horizon, jnp.float32))
    return calm._replace(draw=drift, kind=Kind("not_iid"))


def _drift(spec: TypesSpec, horizon: Array, key: Array, state: tuple, t: Array) -> tuple[tuple, Request]:
    label, _, cost, mean = spec
    uniforms = jax.random.uniform(key, (1 + mean.shape[1],), mean.dtype)
    kind = (uniforms[0] < (t - 0.5) / horizon).astype(jnp.int32)
    features, mu = jax.nn.one_hot(kind, 2, dtype=jnp.float32), mean[kind]
    return state, Request(features, cost[kind], label(uniforms[1:], mu), mu)


def unseen(stream: Stream) -> Stream:
    """The same requests with nothing to tell them apart: features [1]."""
    return stream._replace(draw=Partial(_unseen, stream.draw), mean=None)


def _unseen(inner: Partial, key: Array, state: PyTree, t: Array) -> tuple[PyTree, Request]:
    state, request = inner(key, state, t)
    return state, request._replace(features=jnp.ones(1, jnp.float32))


# --- A2: scores and costs without a bound ----------------------------------------------------------------------------


def rare(distribution: Distribution, size: float) -> Stream:
    """Scores are 0 or `size` > 1 with the means of the distribution: outside [0, 1], on purpose."""
    calm = streams.types(distribution)
    return calm._replace(draw=Partial(draw, _spec(calm)._replace(label=Partial(_rare, jnp.asarray(size, jnp.float32)))))


def _rare(size: Array, uniforms: Array, mu: Array) -> Array:
    return size * (uniforms * size < mu)


def pareto(cost: np.ndarray, mean: np.ndarray, cells: int = 128) -> tuple[Distribution, Stream]:
    """One type whose costs [M] are multiplied by Z, known before routing: Pareto with mean 1 and infinite variance.

    P(Z > z) = (3 z)^(-3/2). The distribution has a type per cell of Z, each of probability 1/cells at its own mean.
    """
    left = (1.0 - np.arange(cells + 1) / cells) ** (1.0 / 3.0)
    factor = cells * -np.diff(left)
    distribution = Distribution(np.full(cells, 1.0 / cells), np.outer(factor, cost), np.tile(mean, (cells, 1)))
    calm = streams.types(Distribution(np.ones(1), np.asarray(cost)[None], np.asarray(mean)[None]))
    return distribution, calm._replace(draw=Partial(_pareto, calm.draw))


def _pareto(inner: Partial, key: Array, state: PyTree, t: Array) -> tuple[PyTree, Request]:
    state, request = inner(key, state, t)
    u = jax.random.uniform(jax.random.fold_in(key, 1), dtype=jnp.float32)
    return state, request._replace(cost=request.cost * (1.0 - u) ** (-2.0 / 3.0) / 3.0)


# --- A4: requests that carry their labels ----------------------------------------------------------------------------


def leaking(stream: Stream) -> Stream:
    """Features [K + M] end with the labels. Exploration may depend on them; the predictor gives them no weight."""
    table = _spec(stream).mean
    padded = jnp.concatenate([table, jnp.zeros((table.shape[1], table.shape[1]), table.dtype)])
    return stream._replace(draw=Partial(_leaking, stream.draw), mean=Partial(_row, padded))


def _leaking(inner: Partial, key: Array, state: PyTree, t: Array) -> tuple[PyTree, Request]:
    state, request = inner(key, state, t)
    return state, request._replace(features=jnp.concatenate([request.features, request.satisfaction]))


def _row(table: Array, features: Array) -> Array:
    return jnp.matmul(features, table, precision=jax.lax.Precision.HIGHEST)
