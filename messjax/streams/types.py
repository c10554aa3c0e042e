"""I.i.d. requests over finitely many types: the law is exact, and so are C*, gamma* and every e_t."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax import optimum
from messjax.streams import labels as _labels
from messjax.streams.numbers import simulated
from messjax.types import Array, Law, Request, Stream


def types(law: Law, *, labels: str = "independent") -> Stream:
    """A stream that draws a request type k with probability `law.weight[k]`.

    Features are the one-hot vector of the type [K], cost is `law.cost[k]` [M], labels have means `law.mean[k]` [M]
    and are "independent" or "comonotone" (one uniform for all models). ValueError when the arrays disagree in shape,
    weights do not sum to one, costs are negative or NaN, or means leave [0, 1]: `optimum.check_law` words it.
    """
    law = optimum.check_law(law)
    law = law._replace(cost=simulated("cost", law.cost))
    label = Partial(_labels.by_name(labels))
    edges = np.cumsum(law.weight)[:-1].astype(np.float32)  # K - 1 inner edges: the last type takes what is left
    table = (jnp.asarray(edges), jnp.asarray(law.cost, jnp.float32), jnp.asarray(law.mean, jnp.float32))
    return Stream(
        init=Partial(_init),
        draw=Partial(_draw, label, table),
        mean=Partial(_mean, table[2]),
        law=Partial(_law, law),
    )


def _init(key: Array) -> tuple[()]:
    del key
    return ()


def _draw(label: Partial, table: tuple, key: Array, state: tuple, t: Array) -> tuple[tuple, Request]:
    del t
    edges, cost, mean = table
    uniforms = jax.random.uniform(key, (1 + mean.shape[1],), mean.dtype)
    kind = jnp.sum(uniforms[0] >= edges)
    mu = mean[kind]
    features = jax.nn.one_hot(kind, mean.shape[0], dtype=jnp.float32)
    return state, Request(features, cost[kind], label(uniforms[1:], mu), mu)


def _mean(mean: Array, features: Array) -> Array:
    # Full precision: one-hot times table must return the table's row to the last bit, also where matmul is reduced.
    return jnp.matmul(features, mean, precision=jax.lax.Precision.HIGHEST)


def _law(law: Law) -> Law:
    return law
