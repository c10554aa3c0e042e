"""AIQ of RouterBench (Hu et al., arXiv 2403.12031, section 3; code: withmartian/routerbench, evaluation/AIQ.py).

Read for this file: the code. The paper's definition is that of summaries of its section 3, not of its own text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from messjax.evaluation.router_metrics import arguments
from messjax.evaluation.router_metrics.arguments import Floats


def hull(cost: ArrayLike, quality: ArrayLike) -> tuple[Floats, Floats]:
    """Vertices of the non-decreasing convex hull of points, cost increasing.

    From the cheapest point to the best one: what mixing two neighbouring configurations at random attains; a concave
    and increasing function of cost. A more expensive point that is not better is no vertex.

    Args:
        cost: Costs per request [n] >= 0.
        quality: Qualities [n], in [0, 1].

    Returns:
        Costs and qualities of the H vertices, [H] each.

    Raises:
        ValueError: Numbers out of range, or shapes that differ.
    """
    x, y = arguments.points("cost", cost, "quality", quality)
    kept: list[tuple[float, float]] = []
    for current in sorted(zip(x.tolist(), y.tolist(), strict=True), key=lambda point: (point[0], -point[1])):
        if kept and current[1] <= kept[-1][1]:
            continue
        while len(kept) > 1 and _slope(kept[-2], kept[-1]) <= _slope(kept[-2], current):
            kept.pop()
        kept.append(current)
    result = np.array(kept)
    return result[:, 0], result[:, 1]


def _slope(left: tuple[float, float], right: tuple[float, float]) -> float:
    with np.errstate(over="ignore"):  # two costs that differ in the last bits only
        return float(np.float64(right[1] - left[1]) / np.float64(right[0] - left[0]))


def aiq(cost: ArrayLike, quality: ArrayLike, *, low: float | None = None, high: float | None = None) -> float:
    """Average improvement in quality: the mean height of the hull over a range of costs, in [0, 1].

        AIQ = (1 / (high - low)) * integral from low to high of hull(c) dc

    The range must be the same for all routers that are compared, for example from the cheapest to the most expensive
    single model. Above the most expensive point the hull stays where it is (paying more is never worse). Where `low` is
    below the cheapest point, the paper's null router (costs nothing, quality 0) joins the points and the router is
    mixed with it. A range without width gives the height of the hull there.

    Paper and code differ: the code (commit 30e0925) integrates from the router's own cheapest point and divides by the
    largest cost of all routers, not by the width of the range: it counts quality 0 below the cheapest point and has no
    null router. This follows the paper.

    Args:
        cost: Costs per request of one router's configurations [n] >= 0.
        quality: Their qualities [n], in [0, 1].
        low: Lower end of the range, by default the cheapest point.
        high: Upper end of the range, by default the most expensive point.

    Returns:
        AIQ.

    Raises:
        ValueError: Numbers out of range, shapes that differ, or high < low.

    Source: RouterBench, section 3.

    Example:
        >>> aiq(cost=[0.0, 1.0], quality=[0.5, 1.0])
        0.75
    """
    x, y = arguments.points("cost", cost, "quality", quality)
    first = float(x.min()) if low is None else arguments.number("low", low)
    last = float(x.max()) if high is None else arguments.number("high", high)
    if last < first:
        raise ValueError(f"high: expected at least low = {first:g}, found {last:g}")
    if first < x.min():
        x, y = np.append(x, 0.0), np.append(y, 0.0)
    at, height = hull(x, y)
    if last == first:
        return float(np.interp(first, at, height))
    inside = at[(at > first) & (at < last)]
    grid = np.concatenate([[first], inside, [last]])
    area = float(np.trapezoid(np.interp(grid, at, height), (grid - first) / (last - first)))
    return min(max(area, float(np.interp(first, at, height))), float(np.interp(last, at, height)))  # but for rounding
