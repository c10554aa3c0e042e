"""PGR, APGR and CPT of RouteLLM (Ong et al., arXiv 2406.18665; code: lm-sys/RouteLLM, routellm/evals/evaluate.py).

Two models, one weak and one strong. A router's points are (share of requests that call the strong model, quality);
between them quality is linear in the share, as in the code: a mixture of two configurations at random attains it.

Based on the code at commit 0aa24fd. What is said of the paper is from summaries, not from its own text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from messjax.evaluation.router_metrics import arguments
from messjax.evaluation.router_metrics.arguments import Floats


def pgr(quality: ArrayLike, weak: float, strong: float) -> Any:
    """Performance gap recovered: (quality - weak) / (strong - weak), elementwise.

    0 is the weak model, 1 the strong one; values below 0 and above 1 are possible.

    Args:
        quality: Qualities of any shape, in [0, 1].
        weak: Quality of the weak model.
        strong: Quality of the strong model.

    Returns:
        PGR, in the shape of quality.

    Raises:
        ValueError: Numbers out of range, or unless strong > weak.
    """
    values = arguments.quality("quality", quality)
    low, high = _gap(weak, strong)
    return ((values - low) / (high - low))[()]


def apgr(share: ArrayLike, quality: ArrayLike, weak: float, strong: float) -> float:
    """Average PGR: the integral of PGR over the share of calls to the strong model, from 0 to 1.

    A mixture of the two models at random has 1/2. Points need not span 0 to 1: a missing end is the model itself, (0,
    weak) or (1, strong), which a static mixture attains. Several points of one share count with their mean.

    Paper and code differ: the paper averages PGR over ten shares as an approximation of this integral; the code takes
    the trapezoidal area between weak and strong over the shares its points span, and adds no ends. The three agree in
    the limit of many points that span 0 to 1.

    Args:
        share: Shares of calls to the strong model [n], in [0, 1].
        quality: Qualities [n], in [0, 1].
        weak: Quality of the weak model.
        strong: Quality of the strong model.

    Returns:
        APGR.

    Raises:
        ValueError: As `pgr` raises, or for shapes that differ.
    """
    at, recovered = _curve(share, quality, weak, strong)
    return float(np.trapezoid(recovered, at))


def cpt(recovered: float, share: ArrayLike, quality: ArrayLike, weak: float, strong: float) -> float:
    """Call-performance threshold: the smallest share of calls to the strong model with PGR >= `recovered`.

    CPT(50%) is `cpt(0.5, ...)`. Points, ends and interpolation as in `apgr`. The code interpolates the share as a
    function of quality, which means the same where quality rises with the share and nothing where it does not; here it
    is the first share on the curve, as the paper words it.

    Args:
        recovered: Part of the gap to recover, in (0, 1].
        share: Shares of calls to the strong model [n], in [0, 1].
        quality: Qualities [n], in [0, 1].
        weak: Quality of the weak model.
        strong: Quality of the strong model.

    Returns:
        The share, in [0, 1]; NaN where a point at share 1 was measured and is below.

    Raises:
        ValueError: As `apgr` raises, or for `recovered` outside (0, 1].
    """
    wanted = arguments.number("recovered", recovered, high=1.0)
    if wanted == 0.0:
        raise ValueError("recovered: expected a part of the gap in (0, 1], found 0")
    at, result = _curve(share, quality, weak, strong)
    i = int(np.argmax(result >= wanted))
    if result[i] < wanted:
        return float("nan")
    if i == 0:
        return float(at[0])
    part = (wanted - result[i - 1]) / (result[i] - result[i - 1])
    return float(at[i - 1] + part * (at[i] - at[i - 1]))


def _curve(share: ArrayLike, quality: ArrayLike, weak: float, strong: float) -> tuple[Floats, Floats]:
    """Shares from 0 to 1, increasing, and PGR at each of them."""
    x, y = arguments.points("share", share, "quality", quality, high=1.0)
    low, high = _gap(weak, strong)
    at, which = np.unique(x, return_inverse=True)
    mean = np.bincount(which, y) / np.bincount(which)
    if at[0] > 0.0:
        at, mean = np.append(0.0, at), np.append(low, mean)
    if at[-1] < 1.0:
        at, mean = np.append(at, 1.0), np.append(mean, high)
    return at, (mean - low) / (high - low)


def _gap(weak: float, strong: float) -> tuple[float, float]:
    low, high = arguments.number("weak", weak, high=1.0), arguments.number("strong", strong, high=1.0)
    if not high > low:
        raise ValueError(f"strong: expected a quality above the weak model's, {low:g}, found {high:g}")
    return low, high
