"""I.i.d. requests over finitely many types: the distribution is exact, and so are C*, gamma* and every e_t."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import expect, is_traced
from messjax.streams import labels as _labels
from messjax.streams.float32 import simulated
from messjax.theory import optimum
from messjax.types import Array, Distribution, Kind, Request, Stream


def types(distribution: Distribution, *, labels: str = "independent") -> Stream:
    """A stream that draws a request of type k with probability `distribution.weight[k]`.

    Features are the one-hot vector of the type [K], costs `distribution.cost[k]` [M], and labels have means
    `distribution.mean[k]` [M]. Inside `jit` or `vmap` the arrays may be traced: then nothing is validated, and the
    stream has no `distribution` (use `messjax.theory.traced_optimum` for C* and gamma*).

    Args:
        distribution: Weights [K], costs [K, M] in cost units, and means [K, M] in [0, 1].
        labels: "independent" or "comonotone" (one uniform for all models).

    Returns:
        The stream.

    Raises:
        ValueError: A distribution that `optimum.check_distribution` refuses: shapes that disagree, weights that do not
            sum to one, negative costs, means outside [0, 1]; unknown labels.

    Example:
        >>> import numpy as np
        >>> from messjax.types import Distribution
        >>> easy_and_hard = Distribution(
        ...     weight=np.array([0.7, 0.3]),
        ...     cost=np.array([[1.0, 5.0], [1.0, 5.0]]),
        ...     mean=np.array([[0.9, 0.95], [0.2, 0.8]]),
        ... )
        >>> stream = types(easy_and_hard)
    """
    label = Partial(_labels.by_name(labels))
    expect("distribution", distribution, Distribution, "a Distribution, such as zoo.distribution()")
    if is_traced(distribution[:3]):
        return _traced_types(label, distribution)
    distribution = optimum.check_distribution(distribution)
    distribution = distribution._replace(cost=simulated("cost", distribution.cost))
    cost = (
        distribution.cost[0] if (distribution.cost == distribution.cost[0]).all() else distribution.cost
    )  # [M]: one price per model, or [K, M]
    spec = TypesSpec(
        label,
        _alias_table(distribution.weight),
        jnp.asarray(cost, jnp.float32),
        jnp.asarray(distribution.mean, jnp.float32),
    )
    return Stream(
        init=Partial(_init),
        draw=Partial(draw, spec),
        mean=Partial(_mean, spec.mean),
        distribution=Partial(_distribution, distribution),
        kind=Kind("iid"),
    )


class TypesSpec(NamedTuple):
    """What requests over finitely many types are drawn from.

    Attributes:
        label: A Partial of a function of `labels`.
        alias: Alias table [K], or [0] for equal weights.
        cost: Costs [M] or [K, M].
        mean: Means [K, M].
    """

    label: Partial
    alias: Array
    cost: Array
    mean: Array


def _traced_types(label: Partial, distribution: Distribution) -> Stream:
    """The stream inside jit: nothing can be validated or raised, and the host cannot read the distribution."""
    weight, cost, mean = (jnp.asarray(values, jnp.float32) for values in distribution[:3])
    host = None if is_traced(distribution.weight) else np.asarray(distribution.weight, np.float64)
    table = _traced_alias_table(weight) if host is None else _alias_table(host)
    spec = TypesSpec(label, table, cost, mean)
    return Stream(Partial(_init), Partial(draw, spec), Partial(_mean, mean), kind=Kind("iid"))


def _traced_alias_table(weight: Array) -> Array:
    """`_alias_table` in JAX: each type's missing share, the smallest first, is taken from the type with the most."""
    num, bits = weight.shape[0], alias_bits(weight.shape[0])

    def settle(_: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        share, other, is_open = carry
        k = jnp.argmin(jnp.where(is_open, share, jnp.inf))
        giver = jnp.argmax(jnp.where(is_open, share, -jnp.inf))
        own = jnp.minimum(share[k], 1.0)
        share = share.at[giver].add(own - 1.0).at[k].set(own)
        return share, other.at[k].set(giver.astype(jnp.int32)), is_open.at[k].set(False)

    start = (weight * num / weight.sum(), jnp.arange(num, dtype=jnp.int32), jnp.ones(num, bool))
    share, other, _ = jax.lax.fori_loop(0, num, settle, start)
    return other << bits | jnp.minimum(jnp.round(share * 2.0**bits).astype(jnp.int32), 2**bits - 1)


def _alias_table(weight: np.ndarray) -> Array:
    """Alias table [K] (Walker 1974), each entry the other type and, below its bits, the share of the first one.

    One uniform and one look-up draw a type, whatever K. With equal weights there is nothing to look up: [0].
    """
    num = len(weight)
    if np.ptp(weight) == 0.0:
        return jnp.zeros(0, jnp.int32)
    share, other = weight * num / np.sum(weight), np.arange(num)
    small, large = [k for k in range(num) if share[k] < 1.0], [k for k in range(num) if share[k] >= 1.0]
    while small and large:
        k, giver = small.pop(), large[-1]
        other[k] = giver
        share[giver] -= 1.0 - share[k]
        if share[giver] < 1.0:
            small.append(large.pop())
    for k in small + large:  # what rounding left over
        share[k], other[k] = 1.0, k
    bits = alias_bits(num)
    return jnp.asarray(other << bits | np.round(share * (2**bits - 1)).astype(np.int64), jnp.int32)


def alias_bits(num_types: int) -> int:
    """Number of bits of an alias table's entry that hold the share.

    Args:
        num_types: Number of request types K.

    Returns:
        The number of bits.
    """
    return 31 - max(1, (num_types - 1).bit_length())


def request_type(uniform: Array, alias: Array, num_types: int) -> Array:
    """The request type of a uniform: its bucket of K equal ones, or that bucket's alias (Walker 1974).

    Args:
        uniform: [] in [0, 1).
        alias: Alias table [K], or [0] for equal weights.
        num_types: Number of request types K.

    Returns:
        The type [] int32.
    """
    scaled = uniform * np.float32(num_types)
    bucket = jnp.minimum(scaled.astype(jnp.int32), num_types - 1)
    if not alias.shape[0]:
        return bucket
    bits = alias_bits(num_types)
    entry = alias.at[bucket].get(mode="promise_in_bounds")
    share = (entry & (2**bits - 1)).astype(jnp.float32) * np.float32(1.0 / (2**bits - 1))
    return jnp.where(scaled - bucket.astype(jnp.float32) < share, bucket, entry >> bits)


def _init(key: Array) -> tuple[()]:
    del key
    return ()


def draw(spec: TypesSpec, key: Array, state: tuple, t: Array) -> tuple[tuple, Request]:
    """Type and labels of one request.

    Args:
        spec: What the requests are drawn from.
        key: Random key of this request.
        state: Empty.
        t: Request number, not used.

    Returns:
        The state and the request.
    """
    del t
    label, alias, cost, mean = spec
    num_types, num_models = mean.shape
    uniforms = jax.random.uniform(key, (1 + num_models,), mean.dtype)
    return state, request_of_type(label, cost, mean, uniforms[1:], request_type(uniforms[0], alias, num_types))


def request_of_type(label: Partial, cost: Array, mean: Array, uniforms: Array, kind: Array) -> Request:
    """A request of a given type.

    Args:
        label: A Partial of a function of `labels`.
        cost: Costs [M] or [K, M].
        mean: Means [K, M].
        uniforms: Uniforms of the labels [M].
        kind: The type [] int32.

    Returns:
        The request.
    """
    mu = mean[kind]
    features = jax.nn.one_hot(kind, mean.shape[0], dtype=jnp.float32)
    return Request(features, cost[kind] if cost.ndim == 2 else cost, label(uniforms, mu), mu)


def _mean(mean: Array, features: Array) -> Array:
    # Full precision: one-hot times table must return the table's row to the last bit, also where matmul is reduced.
    return jnp.matmul(features, mean, precision=jax.lax.Precision.HIGHEST)


def _distribution(distribution: Distribution) -> Distribution:
    return distribution
