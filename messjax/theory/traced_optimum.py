"""The offline optimum C* and its multiplier gamma* inside a compiled program: pure JAX, for `jax.jit` and `jax.vmap`.

The host's `messjax.theory.optimum` validates its input and raises errors; a compiled program can do neither. The
functions here solve the same linear programme by the same sorting, so that a program over many random zoos computes
C* and gamma* of each beside its simulation (docs/examples/random_zoos.py).

The result is exact up to rounding in the arrays' own type: relative errors of about 1e-6 in float32, 1e-14 in float64
(under `jax_enable_x64`). gamma* jumps where alpha equals what a whole number of moves attains; there the smaller value
is returned, as by the host, for every alpha within `tolerance` of that point.

Source: "The offline optimum" in docs/theory.md.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from messjax.theory.optimum import ROUNDING
from messjax.types import Array, Distribution


class TracedOptimum(NamedTuple):
    """The offline optimum at every alpha asked for, without the mixture that attains it.

    Attributes:
        cost: C* [...], in the distribution's cost unit; inf where alpha is not attainable, NaN for NaN input.
        gamma: The smallest maximiser gamma* [...] of the dual, in cost per unit of satisfaction; inf and NaN likewise.
        largest_alpha: The largest attainable satisfaction E[max_m mu_m], [].
    """

    cost: Array
    gamma: Array
    largest_alpha: Array


class _Moves(NamedTuple):
    """All moves along the hulls of all types in the order of their price. R = K (M - 1), unused ones last."""

    price: Array  # [R] dE/dmu, non-decreasing; inf for moves that a type does not have
    gain: Array  # [R] in average satisfaction, 0 for unused moves
    expense: Array  # [R] in average cost, 0 for unused moves
    first_mean: Array  # [] average satisfaction of the cheapest models
    first_cost: Array  # [] their average cost


def tolerance(dtype: jnp.dtype) -> float:
    """How close to a kink, or above the largest attainable alpha, an alpha counts as equal to it.

    Args:
        dtype: The floating-point type of the distribution's arrays.

    Returns:
        Eight units of rounding but at least 1e-12: 9.5e-7 in float32, below the 1e-6 to which alpha is kept.
    """
    return max(ROUNDING, 8.0 * float(jnp.finfo(dtype).eps))


def solve(distribution: Distribution, alpha: Array | float) -> TracedOptimum:
    """C* and gamma* of a finite distribution of requests, traceable by `jax.jit`, `jax.vmap` and `jax.grad`.

    Args:
        distribution: Weights [K] that sum to one, costs [K, M] and mean satisfactions [K, M], possibly traced. They are
            not validated; `messjax.theory.optimum.check_distribution` does that for arrays on the host. Build the
            `Distribution` inside the jitted function: it cannot be an argument, because its `kind` is a string.
        alpha: Required satisfaction, a number or an array of any shape.

    Returns:
        C* and gamma* in the shape of alpha. An alpha above the largest attainable one gives inf for both (the linear
        programme has no solution and its dual is unbounded), an alpha of zero or less gives the cost of the cheapest
        models and gamma* = 0, and NaN anywhere in the input gives NaN.

    Source: "The offline optimum" in docs/theory.md; the host's `messjax.theory.optimum.solve` is the reference.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from messjax.types import Distribution
        >>> @jax.jit
        ... def optimum_of(cost, mean, alpha):
        ...     return solve(Distribution(jnp.ones(1), cost, mean), alpha)
        >>> best = optimum_of(jnp.array([[1.0, 3.0]]), jnp.array([[0.5, 0.75]]), jnp.array([0.5, 0.625, 0.9]))
        >>> print(best.cost, best.gamma, best.largest_alpha)
        [ 1.  2. inf] [ 0.  8. inf] 0.75
    """
    weight, cost, mean = (jnp.asarray(values) for values in distribution[:3])
    dtype = jnp.result_type(weight, cost, mean, jnp.float32)
    weight, cost, mean, alpha = (jnp.asarray(values, dtype) for values in (weight, cost, mean, alpha))
    moves, slack = _moves(weight, cost, mean), tolerance(dtype)
    largest = weight @ mean.max(axis=1)
    reached = jax.lax.cummax(jnp.concatenate([jnp.zeros(1, dtype), jnp.cumsum(moves.gain)]))  # [R + 1]
    spent = jnp.concatenate([jnp.zeros(1, dtype), jnp.cumsum(moves.expense)])
    missing = alpha - moves.first_mean  # what the cheapest models lack
    # Rounding may leave the last move short of an alpha that is attainable: it is then the last move all the same.
    last_move = jnp.maximum(jnp.sum(jnp.isfinite(moves.price)), 1)
    index = jnp.clip(jnp.searchsorted(reached, missing - slack, side="left"), 1, last_move)
    gain, expense = _take(moves.gain, index - 1), _take(moves.expense, index - 1)
    share = jnp.clip((missing - reached[index - 1]) / jnp.where(gain > 0, gain, 1.0), 0.0, 1.0)
    needed = (missing > slack) & (reached[-1] > 0)
    optimal = moves.first_cost + jnp.where(needed, spent[index - 1] + share * expense, 0.0)
    gamma = jnp.where(needed, _take(moves.price, index - 1), 0.0)
    unattainable, invalid = alpha > largest + slack, jnp.isnan(weight.sum() + cost.sum() + mean.sum() + alpha)

    def masked(values: Array) -> Array:
        return jnp.where(invalid, jnp.nan, jnp.where(unattainable, jnp.inf, values))

    return TracedOptimum(masked(optimal), masked(gamma), largest)


def dual(distribution: Distribution, alpha: Array | float, gamma: Array | float) -> Array:
    """Dual(g) = E[min_m E_m + g (alpha - mu_m)], traceable; concave in g, at most C*, and equal to C* at gamma*.

    Args:
        distribution: Weights [K], costs [K, M] and means [K, M], possibly traced, not validated.
        alpha: Required satisfaction, [].
        gamma: The multiplier g >= 0, [], in cost per unit of satisfaction.

    Returns:
        The value of the dual function [], in the distribution's cost unit.

    Source: "The offline optimum" in docs/theory.md.
    """
    weight, cost, mean = (jnp.asarray(values) for values in distribution[:3])
    return weight @ (cost + gamma * (alpha - mean)).min(axis=1)


def _moves(weight: Array, cost: Array, mean: Array) -> _Moves:
    """The lower-right hull of every type by gift wrapping from its cheapest model, and its moves sorted by price."""
    num_types, num_models = cost.shape
    types = jnp.arange(num_types)
    cheapest = jnp.argmax(jnp.where(cost == cost.min(axis=1, keepdims=True), mean, -1.0), axis=1)

    def wrap(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        current, previous_price = carry
        run, rise = mean - mean[types, current][:, None], cost - cost[types, current][:, None]
        price = jnp.where(run > ROUNDING, rise / jnp.where(run > ROUNDING, run, 1.0), jnp.inf)
        least = price.min(axis=1)
        best = jnp.argmax(jnp.where((price == least[:, None]) & (run > ROUNDING), mean, -1.0), axis=1)
        following = jnp.where(jnp.isinf(least), current, best)
        least = jnp.maximum(least, previous_price)  # rounding must not let collinear moves swap places
        return (following, least), (following, least)

    start = (cheapest, jnp.zeros(num_types, cost.dtype))
    _, (vertices, prices) = jax.lax.scan(wrap, start, length=num_models - 1)
    vertices = jnp.concatenate([cheapest[None], vertices])  # [M, K]
    means, costs = mean[types, vertices], cost[types, vertices]
    order = jnp.argsort(prices.ravel(), stable=True)  # stable: of equal prices, a type's earlier move is first
    return _Moves(
        price=prices.ravel()[order],
        gain=(weight * jnp.diff(means, axis=0)).ravel()[order],
        expense=(weight * jnp.diff(costs, axis=0)).ravel()[order],
        first_mean=weight @ means[0],
        first_cost=weight @ costs[0],
    )


def _take(values: Array, index: Array) -> Array:
    """values[index], zero where there is nothing to take from (a single model has no moves)."""
    return values[index] if values.shape[0] else jnp.zeros(index.shape, values.dtype)
