"""The multiplier gamma_hat(alpha) inside a program: what a distribution of requests implies for every alpha."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from messjax.theory import optimum
from messjax.types import Array, Distribution


class Prices(NamedTuple):
    """A staircase (`optimum.Staircase`) as float32: for alpha in (level[r - 1], level[r]] the multiplier is price[r].

    Attributes:
        level: Attained satisfaction after r moves [R + 1], non-decreasing.
        price: Multiplier in cost per unit of satisfaction [R + 1], non-decreasing, price[0] = 0.
    """

    level: Array
    price: Array


def prices(gamma: float | Distribution, who: str) -> Prices:
    """gamma_hat as a staircase: a number (the same at every alpha > 0), or gamma*(alpha) of a distribution.

    The distribution may be the stream's, that of a zoo's averages (one type, `Distribution(np.ones(1), cost[None],
    accuracy[None])`), or the one that a prefix of n requests suggests: weights 1/n, their costs [n, M] and predicted
    means [n, M]. Realised labels in place of means give the clairvoyant's multiplier, which is usually too low: a move
    by labels gains a whole 1, one by means the difference of two means.

    Args:
        gamma: A multiplier >= 0 in cost per unit of satisfaction, or a finite distribution.
        who: Name of the caller, for error messages.

    Returns:
        The staircase.

    Raises:
        ValueError: A multiplier that is negative or not finite, or an invalid distribution.
    """
    if isinstance(gamma, Distribution):
        stairs = optimum.staircase(gamma)
        return Prices(jnp.asarray(stairs.level, jnp.float32), jnp.asarray(stairs.price, jnp.float32))
    if not 0.0 <= gamma < np.inf:
        raise ValueError(f"{who}: gamma is {gamma}, expected a finite multiplier >= 0 or a distribution")
    return Prices(jnp.asarray([0.0, 1.0], jnp.float32), jnp.asarray([0.0, gamma], jnp.float32))


def price_at(table: Prices, alpha: Array) -> Array:
    """gamma_hat(alpha); the last multiplier where alpha is above what the distribution attains.

    Args:
        table: The staircase.
        alpha: Required satisfaction, [].

    Returns:
        The multiplier [], in cost per unit of satisfaction.
    """
    step = jnp.searchsorted(table.level, alpha, side="left")
    return table.price[jnp.minimum(step, len(table.price) - 1)]


def climb(table: Prices, alpha: Array, share: Array) -> Array:
    """The integral of dg / (alpha - s(g)) from 0 to share gamma_hat(alpha), with s(g) the satisfaction at multiplier g.

    V times it is the number of requests that the queue takes from 0 to share V gamma_hat if its drift is replaced by
    its mean: at Q = V g MESS+ with exact predictions satisfies s(g), and the queue grows by alpha - s(g) per request. s
    is a staircase, so the integral is a sum over its steps.

    Args:
        table: The staircase.
        alpha: Required satisfaction, [].
        share: Fraction of gamma_hat to reach, [], in (0, 1].

    Returns:
        The integral [] float, in cost per unit of satisfaction; 0 where the cheapest models attain alpha.
    """
    top = share * price_at(table, alpha)
    width = jnp.diff(jnp.minimum(table.price, top))
    drift = alpha - table.level[:-1]
    return jnp.sum(jnp.where(width > 0, width / jnp.where(width > 0, drift, 1.0), 0.0))
