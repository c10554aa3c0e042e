"""The figure of the study."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot
from messjax.statistics import intervals
from sims.common import plotting
from sims.common.study import Results
from sims.studies.pareto_bandit import published
from sims.studies.pareto_bandit.courses import DEGRADED, DRIFT
from sims.studies.pareto_bandit.court import CEILING, MIX
from sims.studies.pareto_bandit.requests import OWN, PRO
from sims.studies.pareto_bandit.runs import PUBLISHED, SLOW, TRACED

BLACK: dict[str, Any] = {"color": "k", "lw": 1.0, "ls": "-"}


def draw(result: Results) -> Figure:
    """Published beside ours, the pacer taken apart, one run of the dual price, and who does better."""
    pacer = result["pacer"]
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(11.4, 7.2), layout="constrained")
        axes = drawn.subplots(2, 3)
        _frontier(axes[0, 0], pacer)
        _changes(axes[0, 1], result["experiments"])
        _trace(axes[0, 2], pacer)
        _parts(axes[1, 0], pacer)
        _contest(axes[1, 1], result["court"], ceiling=True)
        _contest(axes[1, 2], result["court"], ceiling=False)
        named = dict(zip(*reversed(axes[1, 1].get_legend_handles_labels()), strict=True))
        title = "policies in (e) and (f); black: static mix"
        drawn.legend(
            named.values(), named.keys(), loc="outside lower right", ncols=len(named), fontsize=7, title=title,
            title_fontsize=7,
        )  # fmt: skip
        source = pacer.attrs["source"]
        drawn.suptitle(
            f"ParetoBandit on {source}: published and ours, its pacer, and routers that know the same "
            f"(95% intervals, {pacer.sizes['seed']} seeds)",
            fontsize=10,
        )
        return drawn


def _log_axis(axis: Axes, budgets: np.ndarray) -> None:
    axis.set_xscale("log")
    axis.set_xticks(budgets, [f"{each:.1e}".replace("e-0", "e-") for each in budgets], rotation=35, fontsize=7)
    axis.minorticks_off()


def _frontier(axis: Axes, pacer: xr.Dataset) -> None:
    one = pacer.sel(variant=PUBLISHED)
    cost = np.geomspace(one["mix_cost"].values[0], one["mix_cost"].values[-1], 200)
    axis.plot(cost, np.interp(cost, one["mix_cost"], one["mix_reward"]), label="static mix of two models", **BLACK)
    reward = [intervals.interval(each) for each in one["reward"].transpose("budget", "seed").values]
    style = plot.line_style(0) | {"ls": "", "ms": 4.5, "capsize": 2}
    axis.errorbar(
        one["cost"].mean("seed"), [each.mean for each in reward],
        yerr=[[each.mean - each.lower for each in reward], [each.upper - each.mean for each in reward]],
        label="ParetoBandit, ours", **style,
    )  # fmt: skip
    if pacer.attrs["source"] == OWN:
        theirs = np.array(published.STATIONARY)
        axis.plot(theirs[:, 1], theirs[:, 0], ls="", marker="o", ms=9, mfc="none", color="0.4", label="published")
    axis.set(title="(a) experiment 1: seven budgets", xlabel="cost per request (USD)", ylabel="reward", xscale="log")
    axis.legend(fontsize=7, loc="lower right")


def _changes(axis: Axes, experiments: xr.Dataset) -> None:
    """Reward of the three phases of experiments 2 and 3."""
    known = {DRIFT: published.DRIFT, DEGRADED: published.DEGRADED}
    for k, (name, levels) in enumerate(known.items()):
        for i, (level, phases) in enumerate(levels.items()):
            one = experiments["reward"].sel(experiment=name, level=level)
            ours = [intervals.interval(each) for each in one.transpose("phase", "seed").values]
            x = 4.0 * k + np.arange(3) + 0.12 * (i - 1)
            axis.errorbar(
                x, [each.mean for each in ours],
                yerr=[[each.mean - each.lower for each in ours], [each.upper - each.mean for each in ours]],
                label=f"ours, {level}" if k == 0 else None, **(plot.line_style(i) | {"ms": 4, "lw": 1.0, "capsize": 2}),
            )  # fmt: skip
            if experiments.attrs["source"] == OWN:
                label = "published" if k == i == 0 else None
                axis.plot(x, [row[0] for row in phases], ls="", marker="o", ms=9, mfc="none", color="0.4", label=label)
    axis.set_xticks([0, 1, 2, 4, 5, 6], ["before", "Pro's\nprice cut", "after", "before", "Mistral\nat .75", "after"])
    axis.tick_params(axis="x", labelsize=7)
    axis.set(title="(b) experiments 2 and 3: three phases", ylabel="reward")
    axis.legend(fontsize=7, loc="lower left")


def _trace(axis: Axes, pacer: xr.Dataset) -> None:
    """The dual price of one run, and when Gemini-Pro served."""
    for i, name in enumerate((PUBLISHED, SLOW)):
        one = pacer.sel(variant=name)
        price, serve = one["traced_price"].values, one["traced_serve"].values
        color = plot.COLORS[i]
        axis.plot(price, color=color, lw=1.3, label=f"pacer {name}")
        bought = np.flatnonzero(serve == PRO)
        axis.plot(bought, price[bought], ls="", marker="v", ms=4.5, color=color, mec="k", mew=0.5)
    axis.plot([], [], ls="", marker="v", ms=4.5, color="w", mec="k", mew=0.7, label="Gemini-Pro served")
    budget = float(pacer["budget"][TRACED])
    axis.set(title=f"(c) dual price of one run, B = {budget:.3g}", xlabel="request", ylabel="dual price l")
    axis.legend(fontsize=7, loc="upper right")


def _parts(axis: Axes, pacer: xr.Dataset) -> None:
    budgets = pacer["budget"].values
    for i, name in enumerate(pacer["variant"].values):
        one = pacer.sel(variant=name)
        limits = xr.concat([one["gain_hindsight"], one["gain_hindsight_lower"], one["gain_hindsight_upper"]], "limit")
        plotting.points(axis, budgets * 1.06 ** (i - 2), limits, i, label=str(name))
    axis.axhline(0.0, **BLACK)
    _log_axis(axis, budgets)
    axis.set(title="(d) gain over the mix: parts of the pacer", xlabel="budget per request (USD)")
    low, high = axis.get_ylim()
    axis.set_ylim(low - 0.45 * (high - low), high)  # room for the legend
    axis.set_ylabel("reward less that of the mix at equal spend")
    axis.legend(fontsize=7, loc="lower right")


def _contest(axis: Axes, court: xr.Dataset, *, ceiling: bool) -> None:
    """On the ceiling track the gain over the mix at equal spend, on the floor track the cost in costs of the mix."""
    one = court.sel(target=(court["track"] == CEILING) == ceiling)
    if not one.sizes["target"]:
        axis.set_axis_off()
        return
    level, names = one["level"].values, [each for each in one["policy"].values if each != MIX]
    for i, name in enumerate(names):
        own, shift = one.sel(policy=name), i - 0.5 * (len(names) - 1)
        if ceiling:
            limits = xr.concat([own["gain"], own["gain_lower"], own["gain_upper"]], "limit")
        else:
            ratio = own["cost"] / one["cost"].sel(policy=MIX).mean("seed")
            each = [intervals.interval(row)[:3] for row in ratio.transpose("target", "seed").values]
            limits = xr.DataArray(np.array(each).T, dims=("limit", "target"))
        x = level * 1.06**shift if ceiling else level + 0.0015 * shift
        plotting.points(axis, x, limits, i, label=str(name))
    if ceiling:
        axis.axhline(0.0, **BLACK)
        _log_axis(axis, level)
        axis.set(title="(e) ceiling: gain at equal spend", xlabel="budget per request (USD)")
        axis.set_ylabel("reward less that of the mix at equal spend")
        return
    axis.axhline(1.0, **BLACK)
    axis.set(title="(f) floor: cost of reaching alpha", xlabel="alpha", ylabel="cost / cost of the static mix")
    axis.set(yscale="log")
    axis.set_xticks(level)
    axis.set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
    axis.minorticks_off()
