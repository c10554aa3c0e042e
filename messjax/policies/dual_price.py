"""The price of satisfaction gamma_hat(alpha) inside a program: what a law says of it, for every alpha of a grid."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from messjax.theory import optimum
from messjax.types import Array, Distribution


class Prices(NamedTuple):
    """A staircase (`optimum.Staircase`) as float32: for alpha in (level[r - 1], level[r]] the price is price[r]."""

    level: Array  # [R + 1], non-decreasing
    price: Array  # [R + 1], non-decreasing, price[0] = 0


def prices(gamma: float | Distribution, who: str) -> Prices:
    """gamma_hat as a number (the same at every alpha > 0), or gamma*(alpha) of a law.

    The law may be the stream's, that of a zoo's averages (one type: `Distribution(np.ones(1), cost[None], accuracy[None])`), or
    the one a prefix of n requests suggests: weights 1/n, their costs [n, M], and predicted means [n, M]. Realised
    labels in place of means make it the clairvoyant's price, as a rule too low: a move by labels gains a whole 1, one
    by means the difference of two means. ValueError naming `who` asks for a price that is negative or not finite; as
    `optimum.check_distribution` for a law.
    """
    if isinstance(gamma, Distribution):
        stairs = optimum.staircase(gamma)
        return Prices(jnp.asarray(stairs.level, jnp.float32), jnp.asarray(stairs.price, jnp.float32))
    if not 0.0 <= gamma < np.inf:
        raise ValueError(f"{who}: gamma is {gamma}, expected a finite price >= 0 or a law")
    return Prices(jnp.asarray([0.0, 1.0], jnp.float32), jnp.asarray([0.0, gamma], jnp.float32))


def price_at(table: Prices, alpha: Array) -> Array:
    """gamma_hat(alpha), [] float; the last price above what the law attains."""
    step = jnp.searchsorted(table.level, alpha, side="left")
    return table.price[jnp.minimum(step, len(table.price) - 1)]


def climb(table: Prices, alpha: Array, share: Array) -> Array:
    """The integral of dg / (alpha - s(g)) from 0 to share gamma_hat(alpha), s(g) the satisfaction at price g, [] float.

    V times it is how many requests the queue takes from 0 to share V gamma_hat, were its drift not random: at Q = V g
    MESS+ with exact predictions satisfies s(g), and the queue grows by alpha - s(g) a request. s is a staircase, so the
    integral is a sum over its steps. 0 where the cheapest models attain alpha.
    """
    top = share * price_at(table, alpha)
    width = jnp.diff(jnp.minimum(table.price, top))
    drift = alpha - table.level[:-1]
    return jnp.sum(jnp.where(width > 0, width / jnp.where(width > 0, drift, 1.0), 0.0))
