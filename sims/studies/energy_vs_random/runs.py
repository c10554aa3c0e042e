"""The runs of the study: MESS+ and its rivals over alpha, and the ratios of their energies."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import xarray as xr

from messjax import policies, predictors, zoo
from messjax.theory import optimum
from messjax.types import Policy
from sims.common import comparison, routers, workshop_worlds, worlds
from sims.common.study import Results
from sims.common.worlds import World

SHARES = (0.05, 0.15, 0.3, 0.5, 0.7, 0.9)  # of the way from the cheapest model's satisfaction to the best one's
CLAIMED = 2.5
UNIFORM, BASELINE, MIXTURE, OPTIMUM = "uniform random", "cheapest and most expensive", "LP mixture", "C*"
RIVALS = (UNIFORM, BASELINE, MIXTURE, OPTIMUM)
LEDGERS = {"full": "cost", "exploit only": "cost_exploit"}
CHOOSING, MEASURED = jax.random.key(261), jax.random.key(262)


def run(quick: bool) -> Results:
    """Every world over its alphas; one whose cheapest model is its best is left out."""
    wmt, cnn = workshop_worlds.MEASURED
    kinds = [(wmt, False, 0.7)] if quick else [(b, m, s) for b in (wmt, cnn) for m in (False, True) for s in (0.7, 1.0)]
    chosen_worlds = [workshop_worlds.world(name, measured=measured, shared=shared) for name, measured, shared in kinds]
    chosen_worlds += [] if quick else [worlds.llama(), *worlds.all_recorded()]
    for world in chosen_worlds:
        if not np.diff(_ends(world)) > 0:
            print(f"note: {world.name} is left out: its cheapest model satisfies most, there is nothing to trade")
    return {world.name: measure(world, 16 if quick else 64) for world in chosen_worlds if np.diff(_ends(world)) > 0}


def alphas(world: World) -> np.ndarray:
    """[6] at `SHARES`, the one nearest to the world's own replaced by that; kept to six decimals."""
    low, high = _ends(world)
    shares = np.array(SHARES)
    own = (world.alpha - low) / (high - low)
    shares[np.abs(shares - own).argmin()] = own
    return np.round(low + np.sort(shares) * (high - low), 6)


def _ends(world: World) -> tuple[float, float]:
    return float(world.accuracy[world.cost.argmin()]), float(world.accuracy.max())


def measure(world: World, num_streams: int) -> xr.Dataset:
    """MESS+ and its rivals on the same streams, with their ratios: dimensions (ledger, alpha, stream).

    At every alpha and in every ledger MESS+ is at the setting that was the best of those, on other streams.
    """
    num_streams = 16 if world.recorded else num_streams
    ours = {"MESS+": policies.mess_plus(predictors.linear(world.num_features, len(world.models)))}
    grid: dict[str, Any] = {"V": world.published_V(), "alpha": alphas(world), "c": worlds.PUBLISHED_C}
    grid["a"] = 1 / 3 if world.models == zoo.get("workshop").models else 1 / 4
    tried, measured = (routers.play(world, key, ours, num_streams, **grid) for key in (CHOOSING, MEASURED))
    result = xr.concat([_best(tried, measured, world, ledger) for ledger in LEDGERS.values()], dim="ledger")
    blind = routers.play(world, MEASURED, blind_policies(world), num_streams, alpha=grid["alpha"])
    result = result.assign_coords(ledger=list(LEDGERS)).assign(energy=_rivals(world, blind, num_streams))
    low, high = _ends(world)
    return ratios(result, world).assign_attrs(
        low=low, high=high, own=world.alpha, horizon=world.horizon, cost_unit=world.cost_unit,
        largest=float(world.cost.mean() / world.cost.min()), break_even=break_even(world.cost, world.accuracy),
        recorded=int(world.recorded),
    )  # fmt: skip


def _best(tried: xr.Dataset, measured: xr.Dataset, world: World, ledger: str) -> xr.Dataset:
    """Of one ledger: cost and satisfaction (alpha, stream), whether alpha was kept, and V and c (alpha)."""
    result = []
    for alpha in tried["alpha"].values:
        there = world._replace(alpha=float(alpha))
        setting, _ = routers.best_setting(tried.sel(alpha=alpha), there, ledger)
        one = measured.sel(setting | {"alpha": alpha})
        known = {"sla": comparison.score(one, there).sla, "best_V": setting["V"], "best_c": setting["c"]}
        columns = {"cost": ("stream", one[ledger].values), "satisfaction": ("stream", one["satisfaction"].values)}
        result.append(xr.Dataset(columns | known))
    return xr.concat(result, dim="alpha").assign_coords(alpha=tried["alpha"].values)


def blind_policies(world: World) -> dict[str, Policy]:
    """Uniform random, the workshop's mix of the cheapest and the most expensive model, the cheapest mixture."""
    return {
        UNIFORM: policies.uniform(),
        BASELINE: policies.mixture(*routers.ends_only(world)),
        MIXTURE: policies.mixture(world.cost, world.accuracy),
    }


def _rivals(world: World, blind: xr.Dataset, num_streams: int) -> xr.DataArray:
    """Costs (rival, alpha, stream); C* is a number per alpha."""
    best = np.repeat(routers.optimal_cost(world, blind["alpha"].values)[:, None], num_streams, axis=1)
    values = [*(blind["cost"].sel(policy=name).transpose("alpha", "stream").values for name in RIVALS[:3]), best]
    return xr.DataArray(np.stack(values), dims=("rival", "alpha", "stream"), coords={"rival": list(RIVALS)})


def ratios(result: xr.Dataset, world: World) -> xr.Dataset:
    """With `ratio` (rival, ledger, basis, alpha, limit): the rival's energy over that of MESS+, plain and at alpha.

    "plain" is what was measured, satisfaction as it came; "at alpha" brings that of MESS+ to alpha.
    """
    limits = np.full((len(RIVALS), len(LEDGERS), 2, result.sizes["alpha"], 3), np.nan)
    for k, i in np.ndindex(len(LEDGERS), result.sizes["alpha"]):
        one = result.isel(ledger=k, alpha=i)
        there = world._replace(alpha=float(one["alpha"]))
        for basis, paid in enumerate((one["cost"].values, comparison.at_alpha(one, there))):
            for r in range(len(RIVALS)):
                if paid.mean() > 0:  # so cheap and good that alpha would be free: no ratio
                    limits[r, k, basis, i] = comparison.ratio(one["energy"].values[r], paid)[:3]
    coords = {"basis": ["plain", "at alpha"], "limit": ["mean", "lower", "upper"]}
    return result.assign_coords(coords).assign(ratio=(("rival", "ledger", "basis", "alpha", "limit"), limits))


def break_even(cost: np.ndarray, accuracy: np.ndarray) -> float:
    """Up to which share of the way the LP mixture is `CLAIMED` times as efficient as uniform random; below 0: nowhere.

    Two models of energies 1 and r: (1 + r) / 2 = 2.5 (1 + w (r - 1)) at w = (r - 4) / (5 (r - 1)), less than 1/5.
    """
    level, weights = optimum.frontier(cost, accuracy)
    wanted = float(cost.mean()) / CLAIMED
    paid = weights @ cost
    if paid[0] > wanted:
        return -1.0
    return float((np.interp(wanted, paid, level) - level[0]) / (level[-1] - level[0]))


def share(dataset: xr.Dataset, alpha: float) -> float:
    """How far alpha is from the cheapest model's satisfaction to the best one's."""
    return (float(alpha) - dataset.attrs["low"]) / (dataset.attrs["high"] - dataset.attrs["low"])


def is_own_alpha(dataset: xr.Dataset, alpha: float) -> bool:
    """Whether alpha is that of the source."""
    return abs(float(alpha) - dataset.attrs["own"]) < 2e-6
