"""Policies on the same requests and coins: who kept alpha, costs brought to the same satisfaction, paired intervals.

Two policies rarely satisfy equally many requests. Where one falls short of alpha, what it lacks could have been bought
by sending some requests, drawn blindly, to more expensive models; where it exceeds alpha, as much could have been
saved. The price of that is known from the models' averages alone (`World.blind_price`), and

    cost at alpha  =  cost + price (alpha - satisfaction)

compares all of them at one alpha. On it a static mixture of two neighbouring models is neither better nor worse for
mixing in other proportions. Beside it stand the plain numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from sims.common.worlds import World

KEPT, MISSED, OPEN = "kept", "missed", "undecided"


class Score(NamedTuple):
    """One policy at one point of a grid, over streams."""

    cost: Interval  # full ledger, per request
    cost_exploit: Interval
    satisfaction: Interval
    at_alpha: Interval  # full ledger, brought to alpha
    sla: str  # KEPT, MISSED or OPEN at the end of the run, at 95%
    kept_by: float  # share of streams whose satisfaction was at least alpha at the end


def score(one: xr.Dataset, world: World) -> Score:
    """Of a Dataset with `stream` as its only dimension (and `model`)."""
    cost, satisfaction = (np.asarray(one[name].values, np.float64) for name in ("cost", "satisfaction"))
    short = intervals.interval(float(one["alpha"]) - satisfaction)
    return Score(
        intervals.interval(cost),
        intervals.interval(one["cost_exploit"].values),
        intervals.interval(satisfaction),
        intervals.interval(at_alpha(one, world)),
        str(sla(short)),
        float(np.mean(satisfaction >= float(one["alpha"]) - 1e-9)),
    )


def sla(short: Interval) -> np.ndarray:
    """KEPT, MISSED or OPEN, by an interval of alpha - satisfaction; one word for each of its limits."""
    return np.where(short.upper <= 0, KEPT, np.where(short.lower > 0, MISSED, OPEN))


def at_alpha(one: xr.Dataset, world: World, ledger: str = "cost") -> np.ndarray:
    """Cost per request of each stream brought to alpha at the price of blind mixing, [n]."""
    short = float(one["alpha"]) - np.asarray(one["satisfaction"].values, np.float64)
    return np.asarray(one[ledger].values, np.float64) + world.blind_price() * short


def ratio(numerator: np.ndarray, denominator: np.ndarray, level: float = 0.95) -> Interval:
    """Mean over mean of paired streams [n], with a two-sided interval (jackknife)."""
    result = intervals.jackknife(lambda a, b: a / b, numerator, denominator, level=(1.0 + level) / 2.0)
    return result._replace(level=level)


def difference(left: np.ndarray, right: np.ndarray, level: float = 0.95) -> Interval:
    """Mean of left - right over paired streams [n], two-sided."""
    return intervals.interval(np.asarray(left, np.float64) - np.asarray(right, np.float64), level)


def formatted(result: Interval, digits: int = 3) -> str:
    """1.23 [1.20, 1.26]."""
    return f"{result.mean:.{digits}g} [{result.lower:.{digits}g}, {result.upper:.{digits}g}]"


def cheapest_kept(runs: Mapping[str, xr.Dataset], world: World) -> str | None:
    """The name of the cheapest (full ledger) of Datasets over streams that kept alpha, None where none did.

    Choose on some streams and measure on others: the best of many is partly the luckiest.
    """
    scores = {name: score(one, world) for name, one in runs.items()}
    kept = {name: result.cost.mean for name, result in scores.items() if result.sla == KEPT}
    return min(kept, key=kept.__getitem__) if kept else None
