"""Claim: MESS+ is "up to 2.5x more energy efficient than randomly selecting" models ([M24], the workshop's result).

The energy of uniform random selection, and of the workshop's own baseline (the cheapest and the dearest model in the
proportion that just meets the threshold), over that of MESS+ in both ledgers, against alpha: the workshop's two models
(scores continuous, a = 1/3, the energies routed by and those measured), the Llama zoo of [M25] and the recorded traces.
Beside it the ratio that the blind LP mixture and the offline optimum reach at the same alpha.

    python -m sims energy_vs_random [--quick] [--out DIR]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import jax
import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from messjax import plot, policies, predictors, zoo
from messjax.theory import optimum
from messjax.types import Policy
from sims.common import comparison, routers, study, workshop_worlds
from sims.common import worlds as _worlds
from sims.common.study import Results
from sims.common.worlds import World

SHARES = (0.05, 0.15, 0.3, 0.5, 0.7, 0.9)  # of the way from the cheapest model's satisfaction to the best one's
CLAIMED = 2.5
UNIFORM, BASELINE, MIXTURE, OPTIMUM = "uniform random", "cheapest and dearest", "LP mixture", "C*"
RIVALS = (UNIFORM, BASELINE, MIXTURE, OPTIMUM)
LEDGERS = {"full": "cost", "exploit only": "cost_exploit"}
CHOOSING, MEASURED = jax.random.key(261), jax.random.key(262)


def run(quick: bool) -> Results:
    """Every world over its alphas; one whose cheapest model is its best is left out."""
    wmt, cnn = workshop_worlds.MEASURED
    kinds = [(wmt, False, 0.7)] if quick else [(b, m, s) for b in (wmt, cnn) for m in (False, True) for s in (0.7, 1.0)]
    worlds = [workshop_worlds.world(name, measured=measured, shared=shared) for name, measured, shared in kinds]
    worlds += [] if quick else [_worlds.llama(), *_worlds.all_recorded()]
    for world in worlds:
        if not np.diff(_ends(world)) > 0:
            print(f"note: {world.name} is left out: its cheapest model satisfies most, there is nothing to trade")
    return {world.name: measure(world, 16 if quick else 64) for world in worlds if np.diff(_ends(world)) > 0}


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
    grid: dict[str, Any] = {"V": world.published_V(), "alpha": alphas(world), "c": _worlds.PUBLISHED_C}
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
    """Uniform random, the workshop's mix of the cheapest and the dearest model, and the mixture of least cost."""
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


def tables(result: Results) -> Sequence[Table]:
    """Ratios at every alpha of every world."""
    return [_ratios_table(name, dataset) for name, dataset in result.items()]


def _ratios_table(name: str, dataset: xr.Dataset) -> Table:
    attrs = dataset.attrs
    over = "orders of the trace" if attrs["recorded"] else "streams"
    out = Table(
        title=f"{name}: energy over that of MESS+ (T = {attrs['horizon']:,}; its largest possible ratio, uniform over "
        f"cheapest, is {attrs['largest']:.3g})",
        caption=f"95% intervals over {over}, paired; * the source's alpha; share: of the way to the best model; "
        "ends: the workshop's baseline, the cheapest and the dearest model",
    )
    columns = ("alpha", "share", "satisfied", "agreement", "V, c", "uniform: full", "exploit", "full, at alpha")
    for column in (*columns, "ends: full", "exploit", "LP mixture: full", "exploit", "C*: full"):
        out.add_column(column, justify="right")
    shown = [(UNIFORM, "full", "plain"), (UNIFORM, "exploit only", "plain"), (UNIFORM, "full", "at alpha")]
    shown += [(rival, ledger, "plain") for rival in (BASELINE, MIXTURE) for ledger in LEDGERS]
    for alpha in dataset["alpha"].values:
        one, ratio = dataset.sel(alpha=alpha, ledger="full"), dataset["ratio"].sel(alpha=alpha)
        cells = [ratio.sel(rival=r, ledger=k, basis=b) for r, k, b in [*shown, (OPTIMUM, "full", "plain")]]
        out.add_row(
            f"{alpha:g}{'*' if _is_own(dataset, alpha) else ''}",
            f"{share(dataset, alpha):.2f}",
            f"{float(one['satisfaction'].mean()):.4f}",
            str(one["sla"].values),
            f"{float(one['best_V']):.2g}, {float(one['best_c']):g}",
            *(_said(cell) for cell in cells),
        )
    return out


def _said(limits: xr.DataArray) -> str:
    mean, lower, upper = limits.values
    return "-" if np.isnan(mean) else f"{mean:.2f} +- {(upper - lower) / 2:.2f}"


def share(dataset: xr.Dataset, alpha: float) -> float:
    """How far alpha is from the cheapest model's satisfaction to the best one's."""
    return (float(alpha) - dataset.attrs["low"]) / (dataset.attrs["high"] - dataset.attrs["low"])


def _is_own(dataset: xr.Dataset, alpha: float) -> bool:
    return abs(float(alpha) - dataset.attrs["own"]) < 2e-6


def figure(result: Results) -> Figure:
    """A panel per world: uniform random over each contender, against alpha as a share of the way."""
    shown = [name for name in result if "alike" not in name]
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(max(2.6 * columns, 9.2), 2.9 * rows + 1.3), layout="constrained")
        axes = drawn.subplots(rows, columns, squeeze=False)
        for axis, name in zip(axes.flat, shown, strict=False):
            _panel(axis, name, result[name], result.get(f"{name}, alike"))
        for axis in axes.flat[len(shown) :]:
            axis.set_axis_off()
        for axis in axes[:, 0]:
            axis.set_ylabel("energy of uniform random / energy")
        for axis in axes.flat[max(0, len(shown) - columns) : len(shown)]:
            axis.set_xlabel("alpha: share of the way from\ncheapest to best model")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=3)
        drawn.suptitle(
            "How much more energy does uniform random selection take than MESS+ (linear head online)?\n"
            "Best published V and c, plain, 95% intervals; open markers: alpha missed or undecided",
            fontsize=10,
        )
        return drawn


def _panel(axis: Axes, name: str, dataset: xr.Dataset, alike: xr.Dataset | None) -> None:
    x = np.array([share(dataset, alpha) for alpha in dataset["alpha"].values])
    energy = dataset["energy"].mean("stream")
    lines: dict[str, tuple[str, dict[str, Any]]] = {
        OPTIMUM: ("C* (of a trace: knows the labels)", {"color": "0.6", "lw": 2.4}),
        MIXTURE: ("blind LP mixture", {"color": "k", "lw": 1.5}),
        BASELINE: ("workshop's baseline: mix of cheapest and dearest", {"color": "k", "lw": 1.2, "ls": (0, (1, 1.5))}),
    }
    for rival, (label, style) in lines.items():
        axis.plot(x, (energy.sel(rival=UNIFORM) / energy.sel(rival=rival)).values, label=label, **style)
    _curve(axis, x, dataset, "full", "MESS+, full ledger", 0)
    _curve(axis, x, dataset, "exploit only", "MESS+, exploit only", 1)
    if alike is not None:
        _curve(axis, x, alike, "full", "MESS+, full; where models are alike on every request", 2)
    axis.axhline(CLAIMED, color="0.25", lw=1.0, ls=(0, (6, 2)), label="claimed: up to 2.5")
    axis.axvline(share(dataset, dataset.attrs["own"]), color="0.6", lw=1.0, ls=":", label="the source's alpha")
    axis.set_yscale("log")
    ticks = [t for t in (0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50) if axis.get_ylim()[0] <= t <= axis.get_ylim()[1]]
    axis.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axis.minorticks_off()
    axis.set(title=name, xlim=(0, 1))
    axis.title.set_fontsize(9)


def _curve(axis: Axes, x: np.ndarray, dataset: xr.Dataset, ledger: str, label: str, i: int) -> None:
    one = dataset["ratio"].sel(basis="plain", ledger=ledger, rival=UNIFORM)
    mean, low, high = one.transpose("limit", "alpha").values
    color, marker = plot.COLORS[i], plot.MARKERS[i]
    axis.errorbar(x, mean, yerr=[mean - low, high - mean], color=color, ls=plot.DASHES[i], lw=1.1)
    kept = dataset["sla"].sel(ledger=ledger).values == comparison.KEPT
    axis.plot(x[~kept], mean[~kept], marker, color=color, mfc="white", ms=4.5)
    axis.plot(x[kept], mean[kept], marker, color=color, ms=4.5)
    axis.plot([], [], color=color, marker=marker, ms=4.5, ls=plot.DASHES[i], lw=1.1, label=label)


def finding(result: Results) -> str:
    """At the source's alpha what each ledger says and what blind mixing says; and up to where 2.5 is reached."""
    parts, alike = [], []
    for name, dataset in result.items():
        own = next(alpha for alpha in dataset["alpha"].values if _is_own(dataset, alpha))
        uniform, base = (dataset["ratio"].sel(alpha=own, basis="plain", rival=rival) for rival in (UNIFORM, BASELINE))
        if "alike" in name:
            alike.append(float(uniform.sel(ledger="full", limit="mean")))
            continue
        energy = dataset["energy"].sel(alpha=own).mean("stream")
        blind = float(energy.sel(rival=UNIFORM) / energy.sel(rival=MIXTURE))
        limits = " and ".join(_reach(dataset, ledger) for ledger in LEDGERS)
        over = f", over the workshop's baseline {_both(base)}" if f"{name}, alike" in result else ""
        parts.append(
            f"{name} at {own:g} {_both(uniform)} against {blind:.2f}{over}, 2.5 up to share {limits} against "
            f"{_far(dataset.attrs['break_even'])}"
        )
    lastly = f"; where the two models are alike {min(alike):.2f} to {max(alike):.2f} in full" if alike else ""
    return f"uniform random over MESS+ in full and exploit only, against blind mixing: {'; '.join(parts)}{lastly}"


def _both(ratio: xr.DataArray) -> str:
    return " and ".join(_said(ratio.sel(ledger=ledger)) for ledger in LEDGERS)


def _reach(dataset: xr.Dataset, ledger: str) -> str:
    """Up to which share 2.5 is surely reached and the agreement not missed."""
    lower = dataset["ratio"].sel(rival=UNIFORM, ledger=ledger, basis="plain", limit="lower")
    good = (lower.values >= CLAIMED) & (dataset["sla"].sel(ledger=ledger).values != comparison.MISSED)
    return _far(max([share(dataset, alpha) for alpha in dataset["alpha"].values[good]], default=-1.0))


def _far(reached: float) -> str:
    return f"{reached:.2f}" if reached >= 0 else "none"


STUDY = study.Study(
    "energy_vs_random", __doc__, run, tables, figure, finding, quick="one workshop benchmark, few streams"
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
