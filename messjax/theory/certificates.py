"""Certificates: what one run on requests of an unknown distribution shows, without mu. docs/theory, "Certificates".

    path_satisfaction    a limit of the average satisfaction of the requests served, by the queue (L1, T9).
    partition_optimum    a lower limit of C*_G, the least cost of a router that meets alpha and sees the cell G(x) only.
    clairvoyant_optimum  a lower limit of C*, the least cost of any router that meets alpha; loose.

A run of average cost c then costs at most c - limit more than such a router. Host code, NumPy float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from messjax.statistics import one_sided_limits
from messjax.theory import optimum
from messjax.theory.arguments import Floats, floats, refuse
from messjax.theory.paths import L1_violation
from messjax.types import Distribution

TRAINING_SHARE = 0.1  # of the labelled requests, on which the price of `clairvoyant_optimum` is chosen


class OptimumLimit(NamedTuple):
    """A lower limit of the least cost of a class of routers that meet alpha. Costs per request, in the unit given.

    Attributes:
        lower: The limit, which exceeds the least cost with probability at most 1 - level; infinite where even the
            upper limits of the means do not reach alpha: no such router exists, with the same confidence.
        estimate: The least cost at the average costs and satisfactions themselves; infinite where these do not reach
            alpha.
        gamma: The price of satisfaction at which the limit was found, in cost per unit of satisfaction.
        level: The confidence.
        labelled: Number of requests whose satisfactions were used.
        cells: Number of cells that the routers tell apart; 0: they may know everything but the labels.
    """

    lower: float
    estimate: float
    gamma: float
    level: float
    labelled: int
    cells: int


def path_satisfaction(
    *, Q_last: ArrayLike, T: ArrayLike, alpha: ArrayLike, Q_1: ArrayLike = 0.0, f: float = 1.0, level: float = 0.95
) -> Any:
    """L1, T9 (path): a lower limit of the average satisfaction of the T requests that were served.

        f = 1:  alpha - (Q_{T+1} - Q_1) / T, without exception;
        f < 1:  alpha - (Q_{T+1} - Q_1) / (f T) - u / T, with probability `level`, u from `T9_path_tail`.

    At f = 1 it needs scores in [0, 1] and the recursion of the queue, nothing else. For f < 1 also that feedback
    arrives by coins of probability f, independent of all else.

    Args:
        Q_last: [...] The queue after the last request.
        T: [...] Number of requests.
        alpha: [...] SLA target, in [0, 1].
        Q_1: [...] The queue before the first request.
        f: Probability that a request gives feedback, in (0, 1].
        level: Confidence, in (0, 1); of no consequence at f = 1.

    Returns:
        The limit, [...]; it may be negative, and then says nothing.

    Raises:
        ValueError: f outside (0, 1], or a level outside (0, 1).

    Example:
        >>> print(f"{path_satisfaction(Q_last=50.0, T=10_000, alpha=0.7):.3f}")
        0.695
    """
    _check_level(level)
    fraction, alpha, T = floats(f, alpha, T)
    refuse("f", fraction, ~((fraction > 0) & (fraction <= 1)), "a probability in (0, 1]")
    delta = np.maximum(alpha, 1.0 - alpha)
    log, step = -np.log(1.0 - level), delta * np.maximum(1.0, 1.0 / fraction - 1.0) / 3.0
    variance = T * delta**2 * (1.0 - fraction) / fraction
    u = np.where(fraction < 1.0, log * step + np.sqrt((log * step) ** 2 + 2.0 * log * variance), 0.0)  # tail = 1-level
    return (alpha - L1_violation(Q_last=Q_last, T=fraction * T, Q_1=Q_1) - u / T)[()]


def partition_optimum(
    cells: ArrayLike,
    cost: ArrayLike,
    satisfaction: ArrayLike,
    alpha: float,
    *,
    num_cells: int | None = None,
    cell_weight: ArrayLike | None = None,
    cell_cost: ArrayLike | None = None,
    level: float = 0.95,
) -> OptimumLimit:
    """A lower limit of C*_G, the least cost of a router that meets alpha on average and sees only a request's cell.

    C*_G falls with every mean satisfaction and rises with every mean cost, so upper limits of the former and lower ones
    of the latter bound it, and the weights are the worst within their limits: the limit is

        max_{g >= 0} min_w sum_b w_b min_m {E_bm + g (alpha - mu_bm)}.

    The error is shared equally by all limits (Bonferroni): Clopper and Pearson's for weights and for scores that are 0
    or 1, those of `one_sided_limits.lower_limits` for other scores and for costs. What is known takes no share.

    Assumes that requests are independent draws of one distribution (A1), that the partition was fixed before the labels
    were seen, and that whether a request is labelled does not depend on it (A4, A5).

    Args:
        cells: [N] number of each request's cell, 0 to num_cells - 1.
        cost: [N, M] costs >= 0 of every model, whether or not it was queried.
        satisfaction: [N, M] scores in [0, 1], NaN where a label is not known.
        alpha: SLA target, in [0, 1].
        num_cells: Number of cells B; None: those that occur.
        cell_weight: [B] probabilities of the cells, where they are known.
        cell_cost: [B, M] mean costs in the cells, where they are known.
        level: Confidence, in (0, 1).

    Returns:
        The limit, with the estimate beside it.

    Raises:
        ValueError: Shapes that disagree, numbers out of range, or no request at all.

    Source: "Certificates" in docs/theory.
    """
    _check_level(level)
    alpha = optimum.check_alpha(alpha)
    cell, cost, scores = _checked(cells, cost, satisfaction)
    num = int(cell.max()) + 1 if num_cells is None else num_cells
    if num <= cell.max() or (num_cells is None and num > len(cell)):
        raise ValueError(f"cells has number {cell.max()} of {len(cell)} requests, expected 0 to {num - 1} without gaps")
    known_weight, known_cost = cell_weight is not None or num == 1, cell_cost is not None
    limits = num * cost.shape[1] * (1 if known_cost else 2) + (0 if known_weight else 2 * num)
    error = (1.0 - level) / limits
    count = np.bincount(cell, minlength=num)
    weight = count / len(cell) if cell_weight is None else np.asarray(cell_weight, np.float64)
    least, most = (weight, weight) if known_weight else one_sided_limits.share_limits(count, len(cell), error)
    mean_cost, mean = _cell_means(cell, cost, num, 0.0), _cell_means(cell, scores, num, 1.0)
    if cell_cost is not None:
        mean_cost = low_cost = np.asarray(cell_cost, np.float64)
    else:
        low_cost = np.minimum(
            _each_cell(cell, cost, num, lambda x: one_sided_limits.lower_limits(x.T, error)), mean_cost
        )
    upper = _each_cell(cell, scores, num, lambda s: _upper_limits(s, error))
    gamma = _best_price(least, most, low_cost, upper, alpha)
    lower = np.inf if np.isinf(gamma) else _worst_value(least, most, (low_cost + gamma * (alpha - upper)).min(axis=1))
    labelled = int((~np.isnan(scores)).all(axis=1).sum())
    return OptimumLimit(lower, _cost_at(weight, mean_cost, mean, alpha), gamma, level, labelled, num)


def clairvoyant_optimum(cost: ArrayLike, satisfaction: ArrayLike, alpha: float, *, level: float = 0.95) -> OptimumLimit:
    """A lower limit of C* that makes no assumption about what the features tell: C* >= E min_m {E_m + g (alpha - s_m)}.

    For every g >= 0 the right side is at most Dual(g) <= C*, by Jensen's inequality; it is what a router would pay that
    knows every label in advance, so it is **loose**, and no number of requests makes it tight. g is chosen on the first
    tenth of the labelled requests, and the mean is bounded on the others by `one_sided_limits.lower_limits`.

    Assumes that requests are independent draws of one distribution (A1) and that whether a request is labelled does not
    depend on it (A4, A5).

    Args:
        cost: [N, M] costs >= 0.
        satisfaction: [N, M] scores in [0, 1]; requests with a NaN are left out.
        alpha: SLA target, in [0, 1].
        level: Confidence, in (0, 1).

    Returns:
        The limit; `estimate` is the average of the minimum at that g, not an estimate of C*.

    Raises:
        ValueError: Shapes that disagree, numbers out of range, or fewer than two labelled requests.

    Source: "Certificates" in docs/theory.
    """
    _check_level(level)
    alpha = optimum.check_alpha(alpha)
    _, cost, scores = _checked(np.zeros(len(np.asarray(cost)), int), cost, satisfaction)
    labelled = ~np.isnan(scores).any(axis=1)
    cost, scores = cost[labelled], scores[labelled]
    if len(cost) < 2:
        raise ValueError(f"satisfaction has {len(cost)} requests with all labels, expected at least 2.")
    first = max(1, int(TRAINING_SHARE * len(cost)))
    sample = Distribution(np.full(first, 1.0 / first), cost[:first], scores[:first])
    gamma = optimum.solve(sample, min(alpha, optimum.largest_alpha(sample))).gamma
    value = (cost[first:] + gamma * (alpha - scores[first:])).min(axis=1)
    shift = gamma * (1.0 - alpha)  # value + shift >= 0
    lower = float(one_sided_limits.lower_limits(np.maximum(value + shift, 0.0), 1.0 - level)) - shift
    return OptimumLimit(max(lower, 0.0), float(value.mean()), gamma, level, len(cost), 0)


# --- the linear programme ---------------------------------------------------------------------------------------


def _cost_at(weight: Floats, cost: Floats, mean: Floats, alpha: float) -> float:
    """C* of known numbers, infinite where alpha is out of reach."""
    distribution = Distribution(weight / weight.sum(), cost, mean)
    return optimum.solve(distribution, alpha).cost if alpha <= optimum.largest_alpha(distribution) else np.inf


def _best_price(least: Floats, most: Floats, cost: Floats, mean: Floats, alpha: float) -> float:
    """The g >= 0 of the largest limit, as a linear programme in g, the cells' values h and the worst weights' dual.

    min_w {w h: sum w = 1, least <= w <= most} = max {z + least y - most x: z + y - x <= h, x, y >= 0}.
    """
    num, models = cost.shape
    scale = float(cost.max()) or 1.0
    goal = -np.concatenate([[0.0, 1.0], np.zeros(num), least, -most])  # of (g, z, h [B], y [B], x [B])
    eye, none = np.eye(num), np.zeros((num, 1))
    worst = np.hstack([none, none + 1.0, -eye, eye, -eye])
    cheapest = np.zeros((num * models, goal.size))
    cheapest[:, 0] = -(alpha - mean).ravel()
    cheapest[np.arange(num * models), 2 + np.repeat(np.arange(num), models)] = 1.0
    found = optimize.linprog(
        goal,
        A_ub=np.vstack([worst, cheapest]),
        b_ub=np.concatenate([np.zeros(num), cost.ravel() / scale]),
        bounds=[(0.0, None), *[(None, None)] * (1 + num), *[(0.0, None)] * (2 * num)],
    )
    if found.status == 3:  # unbounded: no weights within the limits reach alpha
        return np.inf
    return max(0.0, float(found.x[0])) * scale if found.status == 0 else 0.0  # every g >= 0 gives a valid limit


def _worst_value(least: Floats, most: Floats, value: Floats) -> float:
    """The least mean of the cells' values over the weights within their limits that sum to one."""
    weight, left = least.copy(), 1.0 - float(least.sum())
    for b in np.argsort(value, kind="stable"):
        more = min(left, float(most[b] - least[b]))
        weight[b], left = weight[b] + more, left - more
    return float(weight @ value)


# --- cells ------------------------------------------------------------------------------------------------------


def _checked(cells: ArrayLike, cost: ArrayLike, satisfaction: ArrayLike) -> tuple[NDArray[np.intp], Floats, Floats]:
    cell, (E, s) = np.asarray(cells), floats(cost, satisfaction)
    if E.ndim != 2 or E.shape != s.shape or cell.shape != E.shape[:1] or E.size == 0:
        raise ValueError(
            f"cells, cost, satisfaction have shapes {cell.shape}, {E.shape}, {s.shape}, expected [N], [N, M], [N, M]"
        )
    if cell.dtype.kind not in "iu" or cell.min() < 0:
        raise ValueError(f"cells has {cell.dtype} values from {cell.min()} on, expected whole numbers >= 0")
    refuse("cost", E, ~(np.isfinite(E) & (E >= 0)), "a finite number >= 0")
    refuse("satisfaction", s, ~((s >= 0) & (s <= 1) | np.isnan(s)), "a number in [0, 1], or NaN where unknown")
    return cell.astype(np.intp), E, s


def _each_cell(cell: NDArray[np.intp], values: Floats, num: int, of: Any) -> Floats:
    """[B, M] `of` the rows of every cell."""
    return np.stack([of(values[cell == b]) for b in range(num)])


def _cell_means(cell: NDArray[np.intp], values: Floats, num: int, empty: float) -> Floats:
    """[B, M] means of the entries that are known, `empty` where there are none."""

    def mean(rows: Floats) -> Floats:
        count = (~np.isnan(rows)).sum(axis=0)
        return np.where(count > 0, np.nansum(rows, axis=0) / np.maximum(count, 1), empty)

    return _each_cell(cell, values, num, mean)


def _upper_limits(scores: Floats, error: float) -> Floats:
    """[M] upper limits of the means of scores in [0, 1], each of which fails with probability at most `error`."""
    known = ~np.isnan(scores)
    binary = bool(np.isin(scores[known], (0.0, 1.0)).all())
    if binary:
        return one_sided_limits.share_limits(np.nansum(scores, axis=0), known.sum(axis=0), error)[1]
    return 1.0 - one_sided_limits.lower_limits(1.0 - scores.T, error)


def _check_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}, expected a probability strictly between 0 and 1.")
