"""The metrics of LLMRouterBench (Li et al., arXiv 2601.07206, section 3.2; code and README: ynulihao/LLMRouterBench).

The repository computes accuracies, costs and the oracle (baselines/aggregators.py, commit 5aa32c9); its README words
PerfGain, CostSave and ParetoDist, and no file found in it computes them. These two were the basis. The formulas of Gain
and Gap are as re-implementations quote section 3.2 (they agree with each other), not from the paper's own text.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from messjax.evaluation.router_metrics import arguments

ROUNDING = 1e-12  # of a mean over requests


class Oracle(NamedTuple):
    """The best that choosing after the fact attains, per request on average.

    Attributes:
        quality: Mean satisfaction.
        cost: Mean cost, in cost units.
        model: The model chosen for each request, [N].
    """

    quality: float
    cost: float
    model: NDArray[np.intp]


def oracle(satisfaction: ArrayLike, cost: ArrayLike) -> Oracle:
    """Per request the model with the highest score, the cheapest among ties.

    Where no model satisfies, that is the cheapest one, as in the code. The code counts a request as correct (accuracy
    1) when some score is above 0, and takes the cheapest of those: the same for scores 0 and 1, but for fractional
    scores it is above what any choice attains; here it is the highest score, as the paper words it. It uses every label
    and ignores alpha: at least as good as, and mostly more expensive than, the clairvoyant optimum C*.

    Args:
        satisfaction: [N, M], in [0, 1].
        cost: [N, M] >= 0.

    Returns:
        The oracle.

    Raises:
        ValueError: Numbers out of range, or shapes that differ.
    """
    s, e = arguments.trace(satisfaction, cost)
    best = s == s.max(axis=1, keepdims=True)
    model = np.argmin(np.where(best, e, np.inf), axis=1)
    rows = np.arange(len(s))
    return Oracle(float(s[rows, model].mean()), float(e[rows, model].mean()), model)


def gain_at_best(quality: ArrayLike, best: ArrayLike) -> Any:
    """Gain@Best (Gain@B): relative gain over the best single model, averaged over D data sets.

        (1 / D) sum_d quality_d / best_d - 1

    Args:
        quality: Qualities of the router [..., D]; a number is one data set.
        best: Qualities [D] or [..., D] of the single model with the highest average quality, in hindsight.

    Returns:
        Gain@Best [...]; NaN where `best` is 0.

    Raises:
        ValueError: Numbers outside [0, 1], or shapes that differ.
    """
    return _mean_ratio(arguments.quality("quality", quality), arguments.quality("best", best)) - 1.0


def gap_at_oracle(quality: ArrayLike, best: ArrayLike) -> Any:
    """Gap@Oracle (Gap@O): relative gap to the oracle, averaged over D data sets: (1 / D) sum_d 1 - quality_d / best_d.

    Smaller is better, 0 is the oracle.

    Args:
        quality: Qualities of the router [..., D]; a number is one data set.
        best: Qualities of `oracle` [D] or [..., D].

    Returns:
        Gap@Oracle [...]; NaN where `best` is 0.

    Raises:
        ValueError: Numbers outside [0, 1], or shapes that differ.
    """
    return 1.0 - _mean_ratio(arguments.quality("quality", quality), arguments.quality("best", best))


def _mean_ratio(top: np.ndarray, bottom: np.ndarray) -> Any:
    try:
        top, bottom = np.broadcast_arrays(top, bottom)
    except ValueError as error:
        raise ValueError(f"best: expected the shape of quality, found {bottom.shape} and {top.shape}") from error
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(bottom > 0.0, top / bottom, np.nan)
    return ratio.mean(axis=-1) if ratio.ndim else ratio[()]


def perf_gain(quality: ArrayLike, best: float) -> float:
    """PerfGain: the gain of a router's most accurate configuration over the best single model, max quality / best - 1.

    With one data set it is the largest Gain@Best.

    Args:
        quality: Qualities of the router's configurations [n], in [0, 1].
        best: Quality of the best single model.

    Returns:
        PerfGain; NaN where `best` is 0.

    Raises:
        ValueError: Numbers outside [0, 1].
    """
    top = arguments.quality("quality", quality).max()
    return float(gain_at_best(top, arguments.number("best", best, high=1.0)))


def cost_save(cost: ArrayLike, quality: ArrayLike, best_cost: float, best_quality: float) -> float:
    """CostSave: the largest saving of a configuration that is as accurate as the best single model.

        1 - min {cost_i : quality_i >= best_quality} / best_cost

    Args:
        cost: Costs of one router's configurations [n] >= 0.
        quality: Their qualities [n], in [0, 1].
        best_cost: Cost of the best single model.
        best_quality: Its quality.

    Returns:
        CostSave. Negative where only more expensive configurations are as accurate, NaN ("n/a" in the paper) where none
            is, or
        where the best single model costs nothing.

    Raises:
        ValueError: Numbers out of range, or shapes that differ.
    """
    x, y = arguments.points("cost", cost, "quality", quality)
    price, level = arguments.number("best_cost", best_cost), arguments.number("best_quality", best_quality, high=1.0)
    reached = y >= level - ROUNDING
    return float(1.0 - x[reached].min() / price) if reached.any() and price > 0.0 else float("nan")


def pareto_front(cost: ArrayLike, quality: ArrayLike) -> NDArray[np.bool_]:
    """Which points no other point beats: none is cheaper and at least as good, or as cheap and better.

    Args:
        cost: Costs [n] >= 0.
        quality: Qualities [n], in [0, 1].

    Returns:
        [n] bool.

    Raises:
        ValueError: Numbers out of range, or shapes that differ.
    """
    x, y = arguments.points("cost", cost, "quality", quality)
    order = np.lexsort((-y, x))
    x, y = x[order], y[order]
    first = np.concatenate([[True], (x[1:] != x[:-1]) | (y[1:] != y[:-1])])  # equal points stand or fall together
    better = np.concatenate([[True], y[1:] > np.maximum.accumulate(y)[:-1]])
    kept = np.maximum.accumulate(np.where(first, np.arange(len(x)), 0))
    result = np.empty(len(x), bool)
    result[order] = better[kept]
    return result


def pareto_dist(
    cost: ArrayLike, quality: ArrayLike, all_cost: ArrayLike, all_quality: ArrayLike, *, order: float = 2.0
) -> float:
    """ParetoDist: the average distance of a router's configurations to the Pareto front of everything compared.

        (1 / n) sum_i min over front points p of || ((cost_i - cost_p) / C, (quality_i - quality_p) / Q) ||

    C and Q are the spans of all points, so that no unit matters (a span of zero counts as one). 0 means that every
    configuration is on the front.

    Publisher's wording: "average distance to Pareto frontier", the frontier being where no method is both cheaper and
    more accurate. Neither the README nor the code says which distance: Euclidean after scaling here; `order` = 1 sums
    the two differences instead, as some re-implementations do.

    Args:
        cost: Costs of this router's configurations [n] >= 0.
        quality: Their qualities [n], in [0, 1].
        all_cost: Costs of all routers and single models [m]; this router's may be among them or not.
        all_quality: Their qualities [m].
        order: Order of the norm, >= 1.

    Returns:
        ParetoDist, at most 2^(1/order).

    Raises:
        ValueError: Numbers out of range, or shapes that differ.
    """
    x, y = arguments.points("cost", cost, "quality", quality)
    others = arguments.points("all_cost", all_cost, "all_quality", all_quality)
    if not order >= 1.0:
        raise ValueError(f"order: expected the order of a norm, >= 1, found {order}")
    xs, ys = np.append(x, others[0]), np.append(y, others[1])
    front = pareto_front(xs, ys)
    scale = np.array([np.ptp(xs) or 1.0, np.ptp(ys) or 1.0])
    apart = np.stack([x[:, None] - xs[front], y[:, None] - ys[front]], axis=-1) / scale
    return float(np.linalg.norm(apart, ord=order, axis=-1).min(axis=1).mean())
