"""What [M25] reports, and what MESS+ needs to reach it: the least skill, V and c.

Runs are Datasets of `python -m sims published_table`, one per benchmark: over (policy, asked, V, c, stream), with costs
in MJ, and `choosing_*` for the same metrics on other streams.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from sims.common import routers, worlds
from sims.common.study import Results

# [M25], main table: MESS+'s cost (MJ, exploit steps only) and satisfaction, as far as they are to be had: text and
# abstract of arXiv 2505.19947; the cells of the other six benchmarks were not available.
REPORTED = {"ARC-C": (0.83, 0.536), "BoolQ": (0.90, 0.822)}
AVERAGES = {"MESS+": 1.07, "RouteLLM": 2.11, "RouterDC": 2.09}  # MJ, mean of the eight
NOT_HAD = "not published to us"
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)  # of each logit's variance that a frozen predictor sees
LINES: dict[str, dict[str, Any]] = {  # what costs least at every satisfaction, and how it is drawn
    "coin": {"color": "0.6", "ls": (0, (3, 1, 1, 1)), "lw": 1.2},
    "LP mixture": {"color": "k", "ls": "-", "lw": 1.6},
    "C*": {"color": "0.45", "ls": (0, (5, 1.5)), "lw": 1.3},
    "clairvoyant": {"color": "0.45", "ls": (0, (1, 1)), "lw": 1.3},
}
SKILLS = tuple(f"sees {share:.0%}" for share in SHARES)
LEDGERS = {"exploit only": "cost_exploit", "full": "cost"}
HEADS = (routers.LINEAR_HEAD, routers.MLP_HEAD)


class Reached(NamedTuple):
    """MESS+ at its cheapest setting that was satisfying enough, averaged over one or several benchmarks."""

    cost: Interval  # MJ
    satisfaction: Interval
    sla_target: float
    V: float  # per kJ
    c: float
    enough: bool  # whether a setting satisfied enough where it was chosen, and this one not significantly less after


def cheapest(runs: Sequence[xr.Dataset], policy: str, ledger: str, wanted: Sequence[float]) -> Reached:
    """Over `runs` (policy, asked, V, c, stream) one setting, the cheapest that satisfies each as wanted.

    It is chosen on some streams and measured on others. Where none does: the one that lacks the least.
    """

    def of(metric: str) -> np.ndarray:
        return np.stack(
            [one[metric].sel(policy=policy).transpose("sla_target", "V", "c", "stream").values for one in runs]
        )

    name = LEDGERS[ledger]
    least = np.reshape(wanted, (-1, 1, 1, 1))
    beyond = (of("choosing_satisfaction").mean(axis=-1) - least).min(axis=0)
    good = beyond >= min(0.0, beyond.max())
    paid = np.where(good, of(f"choosing_{name}").mean(axis=(0, -1)), np.inf)
    i, V, c = (int(place) for place in np.unravel_index(int(paid.argmin()), paid.shape))
    satisfied = of("satisfaction")[:, i, V, c]
    lacking = intervals.interval(satisfied).upper < np.asarray(wanted)
    return Reached(
        intervals.interval(of(name)[:, i, V, c].mean(axis=0)),
        intervals.interval(satisfied.mean(axis=0)),
        float(runs[0]["sla_target"][i]),
        float(runs[0]["V"][V]),
        float(runs[0]["c"][c]),
        bool(beyond.max() >= 0.0 and not lacking.any()),
    )


def least_skill(
    runs: Sequence[xr.Dataset], ledger: str, cost: float, wanted: Sequence[float]
) -> tuple[str, Reached] | None:
    """The least skilled frozen predictor with which MESS+ costs significantly no more and nowhere significantly "
    "satisfies less."""
    for policy in SKILLS:
        result = cheapest(runs, policy, ledger, wanted)
        if result.enough and result.cost.upper <= cost:
            return policy, result
    return None


def at_alpha(result: Results, policy: str, ledger: str) -> dict[str, Reached]:
    """Every benchmark at its alpha, each with a setting of its own."""
    own = {name: one.isel(sla_target=[0]) for name, one in result.items()}
    return {name: cheapest([one], policy, ledger, [one.attrs["alpha"]]) for name, one in own.items()}


class Point(NamedTuple):
    """What was reported, and the runs that may reach it."""

    runs: Sequence[xr.Dataset]
    cost: float  # MJ
    wanted: Sequence[float]  # satisfactions
    mixture: float  # MJ of the LP mixture there


def points(result: Results) -> dict[str, Point]:
    """Every reported point by name; the averages stand for all benchmarks at alpha, what they satisfied is not had."""
    out = {}
    for name in (name for name in REPORTED if name in result):
        cost, satisfaction = REPORTED[name]
        mixed = float(result[name]["LP mixture at"].sel(sla_target=satisfaction))
        out[name] = Point([result[name]], cost, [satisfaction], mixed)
    if len(result) == len(worlds.BENCHMARKS):
        own = [one.isel(sla_target=[0]) for one in result.values()]
        alphas = [one.attrs["alpha"] for one in own]
        for name, cost in AVERAGES.items():
            out[f"average, {name}"] = Point(own, cost, alphas, mean_of(result, "LP mixture"))
    return out


def skill_of(point: Point, policy: str) -> float:
    """Share of the variance of mu that a frozen predictor explains, the mean over the point's benchmarks."""
    return max(0.0, float(np.mean([float(one["skill"].sel(policy=policy)) for one in point.runs])))


def mean_of(result: Results, line: str) -> float:
    """Over the benchmarks, each at its alpha."""
    return float(np.mean([float(one[f"{line} at"][0]) for one in result.values()]))


def learned(one: xr.Dataset) -> list[str]:
    """The heads that were learned online; of the quick version the linear one only."""
    return [name for name in HEADS if name in one["policy"].values]
