"""The offline optimum C*, its multiplier gamma*, and the dual function of a finite distribution.

C* is the least average cost of a stationary randomised policy pi(m|x) that reaches satisfaction alpha. For finitely
many request types that is a linear programme with a single coupling constraint, the fractional multiple-choice
knapsack, and sorting solves it exactly: a policy can only gain by moving a type along the lower-right convex hull of
its points (mu_m, E_m), and the moves are worth making in the order of their price dE/dmu. gamma* is the price of the
move during which alpha is reached. Nothing here is iterative but the hull, which takes at most M - 1 rounds.

Source: "The offline optimum" in docs/theory.md. Host code, NumPy float64.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from messjax.components import expect
from messjax.numerics.array_cache import ArrayCache, RecentCache, is_immutable
from messjax.types import Distribution

__all__ = [
    "Optimum",
    "Staircase",
    "Value",
    "check_distribution",
    "dual",
    "frontier",
    "largest_alpha",
    "solve",
    "solve_all",
    "staircase",
    "values",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

# Satisfaction below this is rounding: missing it is no violation, and a model better by less is not worth a price
# (averages of equal models differ in the last digit, and the move between them would cost 1e16 per unit).
ROUNDING = 1e-12
WEIGHT_ROUNDING = 1e-9  # how far from one the weights of a distribution may sum


class Optimum(NamedTuple):
    """The offline optimum at one alpha, for K request types and M models, costs in the unit of the distribution.

    Attributes:
        alpha: The SLA target that was solved for.
        cost: C*, the average cost per request of `mixture`.
        gamma: gamma*, the smallest maximiser of the dual, in cost per unit of satisfaction.
        mixture: [K, M] probabilities pi(m|x) of serving each model; at most one row is randomised.
        satisfaction: Average satisfaction of `mixture`, at least alpha.
        largest_alpha: Largest attainable satisfaction, that of the best model per type.
    """

    alpha: float
    cost: float
    gamma: float
    mixture: Floats
    satisfaction: float
    largest_alpha: float


class _Moves(NamedTuple):
    """What of a distribution's solution does not depend on alpha."""

    hull: _Hull
    largest: float  # attainable alpha
    order: Integers  # of all moves, by price
    gain: Floats  # in satisfaction, of the moves in order
    first: float  # satisfaction before any move


class Staircase(NamedTuple):
    """gamma*(alpha) of a distribution for every alpha at once. R = K (M - 1) moves, in the order of their price.

    Shapes depend on K and M only: moves that a type does not have come last, with nothing to gain.

    Attributes:
        level: [R + 1], non-decreasing: satisfaction after r moves, level[0] that of the least expensive models.
        price: [R + 1], non-decreasing: gamma* for alpha in (level[r - 1], level[r]]; price[0] = 0.
        rank: [M - 1, K], the place in that order (0 is first) of each type's moves; R for those it has not.
        model: [M, K], the model of each type after r of its own moves.
    """

    level: Floats
    price: Floats
    rank: Integers
    model: Integers


class _Hull(NamedTuple):
    """Per type the vertices from cheapest to most satisfying, and the price of each move. R moves."""

    model: Integers  # [R + 1, K] the vertex after r moves; repeats once the hull has ended
    slope: Floats  # [R, K] dE/dmu > 0 of move r, non-decreasing in r; inf once the hull has ended


def check_distribution(distribution: Distribution) -> Distribution:
    """Validate a distribution.

    Args:
        distribution: weight [K], cost [K, M] and mean [K, M]. Weights are non-negative (zero is allowed) and sum to one
            within 1e-9, costs are finite and non-negative, means lie in [0, 1]; K and M are at least one.

    Returns:
        The distribution with its arrays as float64.

    Raises:
        ValueError: Shapes disagree or a value is out of range; the message names the first one.
    """
    expect("distribution", distribution, Distribution, "a Distribution, such as zoo.distribution()")
    weight = np.asarray(distribution.weight, dtype=np.float64)
    cost = np.asarray(distribution.cost, dtype=np.float64)
    mean = np.asarray(distribution.mean, dtype=np.float64)
    _check_shapes(weight, cost, mean)
    _refuse("weight", weight, ~(np.isfinite(weight) & (weight >= 0)), "finite and non-negative")
    if not abs(weight.sum() - 1.0) <= WEIGHT_ROUNDING:
        raise ValueError(f"distribution.weight sums to {weight.sum():.12g}, expected 1 within {WEIGHT_ROUNDING:g}.")
    _refuse("cost", cost, ~(np.isfinite(cost) & (cost >= 0)), "finite and non-negative")
    _refuse("mean", mean, ~((mean >= 0) & (mean <= 1)), "in [0, 1]")
    return distribution._replace(weight=weight, cost=cost, mean=mean)


def _check_shapes(weight: Floats, cost: Floats, mean: Floats) -> None:
    if cost.ndim != 2 or weight.ndim != 1 or mean.shape != cost.shape or weight.shape[0] != cost.shape[0]:
        raise ValueError(
            "distribution has weight, cost, mean of shapes "
            f"{weight.shape}, {cost.shape}, {mean.shape}, expected [K], [K, M], [K, M]."
        )
    if cost.size == 0:
        raise ValueError(
            f"distribution is empty: cost has shape {cost.shape}, expected at least one type and one model."
        )


def _refuse(name: str, values: Floats, bad: NDArray[np.bool_], expected: str) -> None:
    """Raise for the first bad entry, naming its type and, in a matrix, its model."""
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        where = ", ".join(f"{axis} {i}" for axis, i in zip(("type", "model"), index, strict=False))
        raise ValueError(f"distribution.{name} is {values[index]} at {where}, expected {expected}.")


def check_alpha(alpha: float) -> float:
    """Validate an SLA target.

    Args:
        alpha: The target, in [0, 1].

    Returns:
        It as a float.

    Raises:
        ValueError: It is outside [0, 1] or NaN.
    """
    if isinstance(alpha, str) or alpha is None or not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha is {alpha!r}, expected a satisfaction in [0, 1].")
    return float(alpha)


def largest_alpha(distribution: Distribution) -> float:
    """The largest attainable satisfaction, E[max_m mu_m].

    Args:
        distribution: Distribution of the requests.

    Returns:
        The satisfaction, in [0, 1].

    Raises:
        ValueError: As `check_distribution`.

    Example:
        >>> from messjax import zoo
        >>> round(largest_alpha(zoo.get("llama3").distribution()), 4)
        0.7411
    """
    return _moves(check_distribution(distribution)).largest


def solve(distribution: Distribution, alpha: float) -> Optimum:
    """C*, gamma* and an optimal mixture, exactly.

    gamma* is the smallest maximiser of the dual: zero where the least expensive models already reach alpha. At most one
    type is randomised, between two models. Ties in cost or in price go to the larger mean. Source: "The offline
    optimum" in docs/theory.md.

    Args:
        distribution: Distribution of the requests: K types, M models.
        alpha: SLA target, in [0, 1].

    Returns:
        The optimum, costs in the unit of the distribution.

    Raises:
        ValueError: As `check_distribution`; alpha is outside [0, 1] or NaN; or no policy reaches alpha, and then the
            largest attainable alpha is named (1e-12 above it is accepted, for rounding).

    Example:
        >>> from messjax import zoo
        >>> best = solve(zoo.get("llama3").distribution(), alpha=0.7)
        >>> round(best.cost, 4), round(best.gamma, 4), best.mixture.shape
        (0.7769, 25.1973, (8, 3))
    """
    return solve_all(distribution, [alpha])[0]


def solve_all(distribution: Distribution, alphas: Sequence[float]) -> list[Optimum]:
    """`solve` for several alphas, sharing the work between them: it matters where a whole trace is the distribution.

    Args:
        distribution: Distribution of the requests.
        alphas: SLA targets, each in [0, 1].

    Returns:
        One optimum per alpha.

    Raises:
        ValueError: As `solve`.
    """
    wanted, distribution = [check_alpha(alpha) for alpha in alphas], check_distribution(distribution)
    moves = _moves(distribution)
    if beyond := [alpha for alpha in wanted if alpha > moves.largest + ROUNDING]:
        raise ValueError(
            f"alpha is {beyond[0]:.12g}, expected at most {moves.largest:.12g}, the largest attainable alpha."
        )
    return [_solve(distribution, moves, alpha) for alpha in wanted]


class Value(NamedTuple):
    """C* and gamma* of one alpha, without the mixture.

    Attributes:
        cost: C*, in cost per request.
        gamma: gamma*, in cost per unit of satisfaction.
    """

    cost: float
    gamma: float


def values(distribution: Distribution, alphas: Sequence[float]) -> list[Value]:
    """C* and gamma* of `solve` for several alphas, cached while the distribution's arrays live if they are immutable.

    Args:
        distribution: Distribution of the requests.
        alphas: SLA targets, each in [0, 1].

    Returns:
        One pair (C*, gamma*) per alpha.

    Raises:
        ValueError: As `solve`.
    """
    arrays = distribution.mean, distribution.weight
    if not all(is_immutable(array) for array in arrays):
        return [Value(one.cost, one.gamma) for one in solve_all(distribution, alphas)]
    # What is kept holds the other arrays, so that their identities stay theirs.
    known, _ = _CACHE.of(distribution.cost, lambda _: (RecentCache(4_096), arrays), ("values", *map(id, arrays)))

    result = {alpha: value for alpha in alphas if (value := known.get(alpha)) is not None}
    for one in solve_all(distribution, [alpha for alpha in dict.fromkeys(alphas) if alpha not in result]):
        result[one.alpha] = known.of(one.alpha, functools.partial(Value, one.cost, one.gamma))
    return [result[alpha] for alpha in alphas]


def _solve(distribution: Distribution, moves: _Moves, alpha: float) -> Optimum:
    mixture, gamma = _knapsack(distribution, moves, alpha)
    return Optimum(
        alpha=alpha,
        cost=float(distribution.weight @ (mixture * distribution.cost).sum(axis=1)),
        gamma=gamma,
        mixture=mixture,
        satisfaction=float(distribution.weight @ (mixture * distribution.mean).sum(axis=1)),
        largest_alpha=moves.largest,
    )


def staircase(distribution: Distribution) -> Staircase:
    """The price of satisfaction at every level: the steps that `solve` goes up in order.

    Args:
        distribution: Distribution of the requests: K types, M models.

    Returns:
        The levels and prices, and for every type its moves.

    Raises:
        ValueError: As `check_distribution`.
    """
    distribution = check_distribution(distribution)
    hull, (num_types, num_models) = _hull(distribution.cost, distribution.mean), distribution.cost.shape
    missing = num_models - len(hull.model)
    model = np.concatenate([hull.model, np.repeat(hull.model[-1:], missing, axis=0)])
    slope = np.concatenate([hull.slope, np.full((missing, num_types), np.inf)])
    mean = distribution.mean[np.arange(num_types), model]
    order = np.argsort(slope.ravel(), kind="stable")
    real = np.isfinite(slope.ravel()[order])
    gain = np.where(real, (distribution.weight * np.diff(mean, axis=0)).ravel()[order], 0.0)
    price = np.maximum.accumulate(np.where(real, slope.ravel()[order], 0.0))
    rank = np.empty(slope.size, np.intp)
    rank[order] = np.where(real, np.arange(slope.size), slope.size)
    return Staircase(
        level=float(distribution.weight @ mean[0]) + np.concatenate([[0.0], np.cumsum(gain)]),
        price=np.concatenate([[0.0], price]),
        rank=rank.reshape(slope.shape),
        model=model,
    )


def _hull(cost: Floats, mean: Floats) -> _Hull:
    """The lower-right hull of every type at once, by gift wrapping from its cheapest model. [K, M] each."""
    types = np.arange(cost.shape[0])
    current = np.argmax(np.where(cost == cost.min(axis=1, keepdims=True), mean, -1.0), axis=1)
    models, slopes = [current], [np.zeros(len(types))]
    for _ in range(cost.shape[1] - 1):
        run = mean - mean[types, current][:, None]
        rise = cost - cost[types, current][:, None]
        slope = np.divide(rise, run, out=np.full_like(rise, np.inf), where=run > ROUNDING)
        least = slope.min(axis=1)
        if np.isinf(least).all():
            break
        best = np.argmax(np.where((slope == least[:, None]) & (run > ROUNDING), mean, -1.0), axis=1)
        current = np.where(np.isinf(least), current, best)
        models.append(current)
        # Rounding may make collinear moves look cheaper as they go on; sorting must not swap them.
        slopes.append(np.maximum(least, slopes[-1]))
    return _Hull(np.stack(models), np.stack(slopes)[1:])


def _moves(distribution: Distribution) -> _Moves:
    """Kept while the distribution's arrays live, if they never change (those of a replayed trace)."""
    others = distribution.mean, distribution.weight
    if not all(is_immutable(array) for array in others):
        return _sorted_moves(distribution)
    # What is kept holds the others, so that their names stay theirs.
    return _CACHE.of(distribution.cost, lambda _: (_sorted_moves(distribution), others), tuple(map(id, others)))[0]


def _sorted_moves(distribution: Distribution) -> _Moves:
    hull = _hull(distribution.cost, distribution.mean)
    mean = distribution.mean[np.arange(len(distribution.weight)), hull.model]  # [R + 1, K]
    slope = hull.slope.ravel()
    order = np.argsort(slope, kind="stable")  # stable: of equal prices, a type's earlier move is first
    order = order[np.isfinite(slope[order])]
    gain = (distribution.weight * np.diff(mean, axis=0)).ravel()[order]
    return _Moves(
        hull,
        min(1.0, float(distribution.weight @ distribution.mean.max(axis=1))),  # weights may sum to 1 + 2e-16
        order,
        gain,
        float(distribution.weight @ mean[0]),
    )


_CACHE = ArrayCache()


def _knapsack(distribution: Distribution, moves: _Moves, alpha: float) -> tuple[Floats, float]:
    """Make the moves of all types in order of price until alpha is reached: mixture [K, M] and the last price."""
    hull, order, gain = moves.hull, moves.order, moves.gain
    types = np.arange(len(distribution.weight))
    reached = np.cumsum(gain)
    missing = alpha - moves.first
    if missing <= ROUNDING or not len(order):
        return _one_hot(hull.model[0], distribution.cost.shape), 0.0
    last = min(int(np.searchsorted(reached, missing - ROUNDING)), len(order) - 1)
    made = np.bincount(order[:last] % len(types), minlength=len(types))
    mixture = _one_hot(hull.model[made, types], distribution.cost.shape)
    row, move = int(order[last] % len(types)), int(order[last] // len(types))
    already = reached[last] - gain[last]
    share = float(np.clip((missing - already) / gain[last], 0.0, 1.0)) if gain[last] > 0 else 1.0
    mixture[row] = 0.0
    mixture[row, hull.model[move, row]] = 1.0 - share
    mixture[row, hull.model[move + 1, row]] += share
    return mixture, float(hull.slope[move, row])


def _one_hot(model: Integers, shape: tuple[int, ...]) -> Floats:
    rows = np.zeros(shape)
    rows[np.arange(len(model)), model] = 1.0
    return rows


def dual(distribution: Distribution, alpha: float, gamma: ArrayLike) -> Any:
    """The dual function, Dual(g) = E[min_m E_m + g (alpha - mu_m)].

    It is concave in g, at most C* for every g >= 0, and equal to C* at gamma*.

    Args:
        distribution: Distribution of the requests.
        alpha: SLA target, in [0, 1].
        gamma: Prices g >= 0, [...], in cost per unit of satisfaction.

    Returns:
        A float for a scalar gamma, otherwise an array of gamma's shape, in cost per request.

    Raises:
        ValueError: As `check_distribution`; alpha is outside [0, 1]; or a price is negative, NaN or infinite.

    Example:
        >>> from messjax import zoo
        >>> distribution = zoo.get("llama3").distribution()
        >>> best = solve(distribution, alpha=0.7)
        >>> abs(dual(distribution, 0.7, best.gamma) - best.cost) < 1e-12
        True
    """
    alpha, distribution = check_alpha(alpha), check_distribution(distribution)
    prices = np.asarray(gamma, dtype=np.float64)
    bad = ~(np.isfinite(prices) & (prices >= 0))
    if bad.any():
        raise ValueError(f"gamma contains {prices[bad][0]}, expected finite and non-negative values.")
    # One price at a time: [G, K, M] would not fit in memory for a long trace and a fine grid.
    values = [
        distribution.weight @ (distribution.cost + g * (alpha - distribution.mean)).min(axis=1) for g in prices.ravel()
    ]
    return float(values[0]) if prices.ndim == 0 else np.reshape(values, prices.shape)


def frontier(cost: ArrayLike, accuracy: ArrayLike) -> tuple[Floats, Floats]:
    """What single models and their static mixtures attain, from averages only: vertices of the lower-right hull.

    Args:
        cost: [M] average cost of each model.
        accuracy: [M] its average satisfaction, in [0, 1].

    Returns:
        accuracy [H], strictly increasing from the least expensive model to the most satisfying, and weights [H, M], the
        one-hot mixture of each vertex. Interpolating the weights linearly at alpha gives the static mixture that
        solves the LP; below the first vertex it is the least expensive model, above the last alpha is out of reach.

    Raises:
        ValueError: As `check_distribution`, for a distribution of one type.
    """
    distribution = check_distribution(
        Distribution(weight=np.ones(1), cost=np.asarray(cost)[None], mean=np.asarray(accuracy)[None])
    )
    model = _hull(distribution.cost, distribution.mean).model[:, 0]
    return distribution.mean[0, model], _one_hot(model, (len(model), distribution.cost.shape[1]))
