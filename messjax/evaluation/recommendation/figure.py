"""The frontier of a recommendation: cost against satisfaction on the judging part."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from messjax import plot
from messjax.evaluation.recommendation import decision
from messjax.evaluation.recommendation.decision import Recommendation
from messjax.evaluation.recommendation.kinds import Static


def frontier(result: Recommendation, title: str) -> Figure:
    """Single models, the curves of static routers over their settings, and every candidate with its intervals.

    Args:
        result: The recommendation.
        title: Title of the figure.

    Returns:
        The figure.
    """
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(7.2, 4.6), layout="constrained")
        axis = drawn.subplots()
        judging = result.parts.judging
        axis.axvline(result.alpha, color="0.4", lw=1.0, ls=":")
        axis.annotate(
            f"alpha = {result.alpha:g}", (result.alpha, 1.0), xycoords=("data", "axes fraction"), fontsize=8,
            xytext=(3, -2), textcoords="offset points", va="top", color="0.3",
        )  # fmt: skip
        cost, accuracy = judging.cost.mean(axis=0), judging.satisfaction.mean(axis=0)
        axis.plot(accuracy, cost, ls="", marker="o", color="0.45", mfc="white", label="single models")
        if len(cost) <= 8:
            middle = 0.5 * (accuracy.min() + accuracy.max())
            for m, name in enumerate(result.models):
                right = accuracy[m] > middle
                axis.annotate(
                    name, (accuracy[m], cost[m]), xytext=(-6 if right else 6, -4), textcoords="offset points",
                    fontsize=7, ha="right" if right else "left", va="top",
                )  # fmt: skip
        for i, one in enumerate(one for one in result.judged if not one.single):
            style, best = plot.line_style(i), one is result.chosen
            which = " (recommended)" if best and result.answer == decision.USE else ""
            which = " (next cheaper)" if decision.is_next_cheaper(one, result) else which
            if isinstance(one.family, Static) and len(one.family.settings) > 1:
                points = np.array(
                    [[v.mean() for v in one.family.averages(g, judging)] for g in range(len(one.family.settings))]
                )
                axis.plot(points[:, 1], points[:, 0], color=style["color"], ls=style["ls"], lw=0.9)
            axis.errorbar(
                [one.satisfaction.mean()], [one.cost.mean()],
                xerr=_limits(one.satisfaction), yerr=_limits(one.cost), color=style["color"], marker=style["marker"],
                ms=8 if best else 5, capsize=2, lw=1.0, mec="k" if best else style["color"],
                label=f"{one.family.name}{which}", ls="",
            )  # fmt: skip
        axis.set(
            xlabel="satisfaction per request",
            ylabel=f"cost ({result.cost_unit.removesuffix(' per request')} per request)",
        )
        if cost.max() > 300 * cost[cost > 0].min(initial=np.inf):
            axis.set_yscale("log")
        drawn.suptitle(f"{title}; 95% intervals over the next {result.horizon:,} requests", fontsize=10)
        drawn.legend(loc="outside lower center", ncols=3)
        return drawn


def _limits(values: np.ndarray) -> list[list[float]]:
    low, high = np.quantile(values, (0.025, 0.975))
    return [[max(float(values.mean() - low), 0.0)], [max(float(high - values.mean()), 0.0)]]
