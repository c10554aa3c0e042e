"""A recorded trace as a stream: its requests in an order that the stream's key gives, each exactly once."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.numerics.array_cache import frozen
from messjax.streams.float32 import simulated
from messjax.types import Array, Distribution, Kind, Request, Stream

ORDERS = ("shuffled", "file", "groups")
LARGEST_SORTED = 20  # bits of a request's number, so that at least twelve are random


def replay(
    features: np.ndarray,
    satisfaction: np.ndarray,
    cost: np.ndarray,
    *,
    order: str = "shuffled",
    groups: np.ndarray | None = None,
) -> Stream:
    """A recorded trace of N requests as a stream, each request exactly once.

    The distribution behind a trace is unknown (`mean` is None and `Request.mean` is NaN); `distribution` is that of the
    realised labels, whose C* is the clairvoyant optimum.

    Args:
        features: [N, d], finite.
        satisfaction: [N, M], in [0, 1].
        cost: [N, M] >= 0, in the trace's unit.
        order: "shuffled" (a random order for every key), "file" (as given), or "groups" (one group after the other, not
            stationary: the groups in a random order and the requests of each in one).
        groups: Whole numbers >= 0 [N], for the order "groups".

    Returns:
        The stream, of length N.

    Raises:
        ValueError: An empty trace, shapes that disagree, NaN features or values out of range (naming the row), or an
            unknown order.

    Example:
        >>> stream = replay(np.zeros((4, 2)), np.ones((4, 3)), np.ones((4, 3)))
        >>> stream.length, stream.num_features, stream.num_models
        (4, 2, 3)
    """
    features, satisfaction, cost = (np.asarray(v) for v in (features, satisfaction, cost))
    _check(features, satisfaction, cost)
    cost = simulated("cost", cost)
    num = len(satisfaction)
    spec = ReplaySpec(*(jnp.asarray(v, jnp.float32) for v in (features, satisfaction, cost)))
    return Stream(
        init=_order(order, num, groups),
        draw=Partial(draw, spec),
        mean=None,
        distribution=Partial(
            _distribution, Distribution(frozen(np.full(num, 1.0 / num)), frozen(cost), frozen(satisfaction), "labels")
        ),
        length=num,
        kind=Kind("recorded"),
    )


class ReplaySpec(NamedTuple):
    """The tables of a recorded trace.

    Attributes:
        features: [N, d].
        satisfaction: [N, M].
        cost: [N, M].
    """

    features: Array
    satisfaction: Array
    cost: Array


def _check(features: np.ndarray, satisfaction: np.ndarray, cost: np.ndarray) -> None:
    if satisfaction.size == 0 or satisfaction.ndim != 2:
        raise ValueError(f"trace: expected satisfaction [N, M] with at least one request, found {satisfaction.shape}")
    if cost.shape != satisfaction.shape or features.ndim != 2 or len(features) != len(satisfaction):
        raise ValueError(
            f"trace: shapes disagree: features {features.shape}, satisfaction {satisfaction.shape}, cost {cost.shape}; "
            "expected [N, d], [N, M], [N, M]"
        )
    with np.errstate(invalid="ignore"):
        for name, value, good in (
            ("satisfaction", satisfaction, (satisfaction >= 0) & (satisfaction <= 1)),
            ("cost", cost, (cost >= 0) & np.isfinite(cost)),
            ("features", features, np.isfinite(features)),
        ):
            if not good.all():
                row, column = np.argwhere(~good)[0]
                wanted = {"satisfaction": "a number in [0, 1]", "cost": "a finite number >= 0"}.get(
                    name, "a finite number"
                )
                raise ValueError(f"trace: {name}[{row}, {column}] is {value[row, column]}, expected {wanted}")


def _order(order: str, num: int, groups: np.ndarray | None) -> Partial:
    """The stream's `init`: rows int32 [N] in the order of its requests."""
    if order not in ORDERS:
        raise ValueError(f"order: found {order!r}, expected one of {', '.join(ORDERS)}")
    rows = jnp.arange(num, dtype=jnp.int32)
    if order != "groups":
        return Partial(_init_permuted if order == "shuffled" else _init_in_order, rows)
    codes = np.asarray(() if groups is None else groups)
    if codes.shape != (num,) or codes.dtype.kind not in "iu" or codes.min() < 0:
        raise ValueError(f"groups: expected {num} whole numbers >= 0, found {codes.dtype} {codes.shape}")
    _, codes = np.unique(codes, return_inverse=True)
    number = jnp.arange(codes.max() + 1, dtype=jnp.int32)
    return Partial(_init_grouped, rows, jnp.asarray(codes, jnp.int32), number)


def _init_grouped(rows: Array, groups: Array, number: Array, key: Array) -> Array:
    """One group after the other: shuffled, then sorted by the place of each row's group."""
    among, within = jax.random.split(key)
    place = jnp.zeros_like(number).at[_permutation(among, len(number))].set(number)
    shuffled = rows[_permutation(within, len(rows))]
    return shuffled[jnp.argsort(place[groups[shuffled]], stable=True)]


def _init_permuted(order: Array, key: Array) -> Array:
    return order[_permutation(key, len(order))]


def _permutation(key: Array, num: int) -> Array:
    """A permutation of 0, ..., num - 1, uniform.

    Sorts words with a number in the low bits and random high bits: four times as fast as sorting pairs. Equal high bits
    stay in order; a few rounds later no two numbers were equal in all of them, but with probability 1 / num (as in
    jax.random.permutation, which this leaves long traces to).
    """
    bits = max(1, (num - 1).bit_length())
    if bits > LARGEST_SORTED:
        return jax.random.permutation(key, num)
    rounds = math.ceil(3 * bits / (32 - bits))
    mask, numbers = np.uint32(2**bits - 1), jnp.arange(num, dtype=jnp.uint32)
    words = jax.random.bits(key, (rounds, num), jnp.uint32) & ~mask
    result = numbers.astype(jnp.int32)
    for word in words:
        result = result[(jax.lax.sort(word | numbers) & mask).astype(jnp.int32)]
    return result


def _init_in_order(order: Array, key: Array) -> Array:
    del key
    return order


def draw(spec: ReplaySpec, key: Array, order: Array, t: Array) -> tuple[Array, Request]:
    """The row that the stream's order has at request t.

    Args:
        spec: The tables of the trace.
        key: Not used.
        order: Rows [N] in the order of the requests.
        t: Request number [], from 1 on.

    Returns:
        The order, and the request.
    """
    del key
    features, satisfaction, cost = spec
    row = order[t - 1]
    s = satisfaction[row]
    return order, Request(features[row], cost[row], s, jnp.full_like(s, jnp.nan))


def _distribution(distribution: Distribution) -> Distribution:
    return distribution
