"""The runs of the study: MESS+ and its competitors on the same requests, and the ratios of their costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import xarray as xr

from sims.common import comparison, routers, worlds
from sims.common.study import Results
from sims.common.worlds import World

BEST, BEST_EXPLOIT, TABLE = "MESS+, best in full", "MESS+, best exploit only", "MESS+, V of the table"
OPTIMUM = "C*"
EXPLOIT, FULL, ALL_PAID = "exploit only", "full", "full and prefix"
LEDGERS = (EXPLOIT, FULL, ALL_PAID)
PLAIN, AT_ALPHA = "plain", "at alpha"
QUICK = (routers.ROUTELLM, routers.ROUTERDC)  # trained routers of the quick version
CHOOSING, MEASURED = jax.random.key(251), jax.random.key(252)
METRICS = ("cost", "cost_exploit", "satisfaction")
TWICE = 2.0


def run(quick: bool) -> Results:
    """A comparison per world."""
    if quick:
        return {
            world.name: compare_contenders(world, 16, QUICK)
            for world in (worlds.llama(1_500), worlds.benchmark("ARC-C"))
        }
    chosen_worlds = [worlds.llama(), *map(worlds.benchmark, worlds.BENCHMARKS), *worlds.all_recorded()]
    return {world.name: compare_contenders(world, 16 if world.recorded else 64) for world in chosen_worlds}


def compare_contenders(world: World, num_streams: int, trained: Sequence[str] = routers.TRAINED) -> xr.Dataset:
    """All contenders on the same streams: dimensions (policy, stream), their ratios to MESS+, and who kept alpha."""
    heads = {name: head for name, head in routers.heads(world).items() if trained != QUICK or "linear" in name}
    grid: dict[str, Any] = {"V": world.published_V(), "c": worlds.PUBLISHED_C}
    tried, measured = (routers.play(world, key, heads, num_streams, **grid) for key in (CHOOSING, MEASURED))
    best = {
        name: routers.best_setting(tried, world, ledger)
        for name, ledger in ((BEST, "cost"), (BEST_EXPLOIT, "cost_exploit"))
    }
    # As their table: its V, their head (in the quick version the linear one), all three c together.
    table = measured[list(METRICS)].isel(policy=-1, V=0).mean("c", keep_attrs=True)
    runs = {name: measured.sel(setting) for name, (setting, _) in best.items()} | {TABLE: table}
    runs |= others(world, num_streams, trained)
    result = _joined(runs, world, num_streams, float(routers.optimal_cost(world, np.array([world.alpha]))[0]))
    singles = {f"single_{i}": name for i, name in enumerate(routers.named_singles(world).values())}
    chosen = {f"setting_{name}": _in_words(*each) for name, each in best.items()}
    kind = "trace" if world.recorded else "calibrated"
    return result.assign_attrs(chosen | singles | {"kind": kind})


def _in_words(setting: Mapping[str, Any], kept: bool) -> str:
    head = str(setting["policy"]).removeprefix("MESS+, ")
    return f"{head}, V = {setting['V']:.3g}, c = {setting['c']:g}" + ("" if kept else "; none kept alpha there")


def others(world: World, num_streams: int, trained: Sequence[str]) -> dict[str, xr.Dataset]:
    """Everybody but MESS+: blind ones with their dice, then what serves a whole trace alike in every order."""
    dice, steady = routers.blind(world), routers.trained(world, trained) | routers.singles(world)
    runs = routers.play(world, MEASURED, dice if world.recorded else dice | steady, num_streams)
    result = {str(name): runs.sel(policy=name) for name in runs["policy"].values}
    if world.recorded:
        for name, (cost, satisfaction) in routers.on_trace(world, steady).items():
            result[name] = xr.Dataset({"cost": cost, "cost_exploit": cost, "satisfaction": satisfaction})
    return result


def _joined(runs: Mapping[str, xr.Dataset], world: World, num_streams: int, optimal: float) -> xr.Dataset:
    streams = np.zeros(num_streams)
    columns = {
        name: xr.Dataset({metric: ("stream", one[metric].values + streams) for metric in METRICS})
        for name, one in runs.items()
    }
    known = {"cost": optimal, "cost_exploit": optimal, "satisfaction": world.alpha}
    columns[OPTIMUM] = xr.Dataset({metric: ("stream", streams + known[metric]) for metric in METRICS})
    result = xr.concat(list(columns.values()), dim="policy").assign_coords(policy=list(columns), alpha=world.alpha)
    scores = {name: comparison.score(result.sel(policy=name), world) for name in columns}
    result["sla"] = ("policy", np.array([score.sla for score in scores.values()]))
    result["kept_by"] = ("policy", np.array([score.kept_by for score in scores.values()]))
    prefix = routers.training_cost(world)
    result["prefix_cost"] = ("policy", np.array([prefix * (name in routers.TRAINED) for name in columns]))
    result = result.assign_attrs(horizon=world.horizon, cost_unit=world.cost_unit, price=world.blind_price())
    for name in ("cost", "cost_exploit", "prefix_cost"):
        result[name].attrs["units"] = world.cost_unit
    return ratios(result, world)


def ratios(result: xr.Dataset, world: World) -> xr.Dataset:
    """With `ratio` (ours, ledger, basis, policy, limit): what each contender costs over what MESS+ costs, paired."""
    paid = {ledger: costs(result, world, ledger) for ledger in LEDGERS}
    shape = (2, len(LEDGERS), 2, result.sizes["policy"], 3)
    limits, names = np.full(shape, np.nan), list(result["policy"].values)
    for index in np.ndindex(shape[:-1]):
        ours, ledger, basis, policy = index
        values = paid[LEDGERS[ledger]][basis]
        over, under = values[policy], values[names.index(_ours((BEST, TABLE)[ours], LEDGERS[ledger]))]
        if over.mean() > 0 and under.mean() > 0:  # so cheap and good that alpha would be free: no ratio
            limits[index] = comparison.ratio(over, under)[:3]
    coords = {"ours": [BEST, TABLE], "ledger": list(LEDGERS), "basis": [PLAIN, AT_ALPHA]}
    coords["limit"] = ["mean", "lower", "upper"]
    return result.assign_coords(coords).assign(ratio=(("ours", "ledger", "basis", "policy", "limit"), limits))


def _ours(name: str, ledger: str) -> str:
    """The exploit-only ledger is judged at the setting that is the best in it."""
    return BEST_EXPLOIT if (name, ledger) == (BEST, EXPLOIT) else name


def costs(result: xr.Dataset, world: World, ledger: str) -> np.ndarray:
    """[2, policy, stream]: plain, and brought to alpha."""
    name = "cost_exploit" if ledger == EXPLOIT else "cost"
    plain = result[name].values + (result["prefix_cost"].values[:, None] if ledger == ALL_PAID else 0.0)
    brought = np.stack([comparison.at_alpha(result.sel(policy=p), world, name) for p in result["policy"].values])
    return np.stack([plain, plain + brought - result[name].values])


def shared(result: Results) -> list[str]:
    """Contenders other than MESS+ that are in every world; single models under their common names."""
    names = [*routers.PUBLISHED, *(name for name in routers.TRAINED if name not in routers.PUBLISHED)]
    names += [routers.UNIFORM, routers.MOST_EXPENSIVE, routers.ENDS, routers.CHEAPEST_ENOUGH, routers.MIXTURE, OPTIMUM]
    return [name for name in names if all(own_name(d, name) in d["policy"].values for d in result.values())]


def own_name(dataset: xr.Dataset, name: str) -> str:
    """A common name as the dataset's own."""
    singles = (routers.CHEAPEST, routers.CHEAPEST_ENOUGH, routers.MOST_EXPENSIVE)
    return str(dataset.attrs[f"single_{singles.index(name)}"]) if name in singles else name


def limits_of(dataset: xr.Dataset, name: str, ledger: str, ours: str = BEST) -> np.ndarray:
    """Mean, lower and upper of a contender's ratio at alpha."""
    at = dataset["ratio"].sel(ours=ours, ledger=ledger, basis=AT_ALPHA, policy=own_name(dataset, name))
    return np.asarray(at.values, np.float64)


def twice(result: Results, name: str, ledger: str, ours: str = BEST) -> list[str]:
    """The worlds in which the contender costs significantly twice as much at alpha."""
    return [world for world, dataset in result.items() if limits_of(dataset, name, ledger, ours)[1] >= TWICE]


def median(result: Results, name: str, ledger: str, ours: str = BEST) -> float:
    """Of the contender's ratios at alpha, over worlds."""
    return float(np.nanmedian([limits_of(dataset, name, ledger, ours)[0] for dataset in result.values()]))
