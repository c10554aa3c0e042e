"""Claim: MESS+ costs half of what existing routers cost at the same agreement ([M25]: "an average of 2x cost savings").

MESS+ with the heads and grids of [M25] (its best setting that kept alpha, chosen on other streams, and its table's V)
beside routers trained on a prefix, the baselines of [M25], mixtures, single models and the offline optimum, on the same
requests: the Llama zoo's average, its eight benchmarks, and the recorded traces. Costs are brought to alpha at the
price of blind mixing, in three ledgers: exploit steps only, as [M25] reports; all that the run paid; and with the
prefix that trained routers had all models answer (500 requests, of a trace a fifth), over one run.

    python -m sims cheaper_than_routers [--quick] [--out DIR]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rich.table import Table

from messjax import plot
from sims.common import comparison, routers, study
from sims.common import worlds as _worlds
from sims.common.study import Results
from sims.common.worlds import World

BEST, BEST_EXPLOIT, TABLE = "MESS+, best in full", "MESS+, best exploit only", "MESS+, V of the table"
OPTIMUM = "C*"
EXPLOIT, FULL, ALL_PAID = "exploit only", "full", "full and prefix"
LEDGERS = (EXPLOIT, FULL, ALL_PAID)
PLAIN, AT_ALPHA = "plain", "at alpha"
QUICK = (routers.ROUTELLM, routers.ROUTERDC)  # trained routers of the quick version
CHOOSING, MEASURED = jax.random.key(251), jax.random.key(252)
READINGS = ("cost", "cost_exploit", "satisfaction")
TWICE = 2.0


def run(quick: bool) -> Results:
    """A contest per world."""
    if quick:
        return {
            world.name: compare_contenders(world, 16, QUICK)
            for world in (_worlds.llama(1_500), _worlds.benchmark("ARC-C"))
        }
    worlds = [_worlds.llama(), *map(_worlds.benchmark, _worlds.BENCHMARKS), *_worlds.all_recorded()]
    return {world.name: compare_contenders(world, 16 if world.recorded else 64) for world in worlds}


def compare_contenders(world: World, num_streams: int, trained: Sequence[str] = routers.TRAINED) -> xr.Dataset:
    """All contenders on the same streams: dimensions (policy, stream), their ratios to MESS+, and who kept alpha."""
    heads = {name: head for name, head in routers.heads(world).items() if trained != QUICK or "linear" in name}
    grid: dict[str, Any] = {"V": world.published_V(), "c": _worlds.PUBLISHED_C}
    tried, measured = (routers.play(world, key, heads, num_streams, **grid) for key in (CHOOSING, MEASURED))
    best = {
        name: routers.best_setting(tried, world, ledger)
        for name, ledger in ((BEST, "cost"), (BEST_EXPLOIT, "cost_exploit"))
    }
    # As their table: its V, their head (in the quick version the linear one), all three c together.
    table = measured[list(READINGS)].isel(policy=-1, V=0).mean("c", keep_attrs=True)
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
        name: xr.Dataset({metric: ("stream", one[metric].values + streams) for metric in READINGS})
        for name, one in runs.items()
    }
    known = {"cost": optimal, "cost_exploit": optimal, "satisfaction": world.alpha}
    columns[OPTIMUM] = xr.Dataset({metric: ("stream", streams + known[metric]) for metric in READINGS})
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


def tables(result: Results) -> Sequence[Table]:
    """Per world every contender; then in how many worlds each is twice as dear."""
    return [_contenders(name, dataset) for name, dataset in result.items()] + [_counts(result)]


def _contenders(name: str, dataset: xr.Dataset) -> Table:
    attrs = dataset.attrs
    over = "orders of the trace" if attrs["kind"] == "trace" else "streams"
    title = (
        f"{name}: alpha = {float(dataset['alpha']):g}, T = {attrs['horizon']:,}; ratios are over MESS+'s best setting"
    )
    out = Table(title=title, caption=f"costs in {attrs['cost_unit']} per request; 95% intervals over {over}, paired")
    for column in ("contender", "cost, full", "exploit", "satisfied", "alpha"):
        out.add_column(column, justify="left" if column in ("contender", "alpha") else "right")
    for column in ("plain, full", *(f"at alpha, {ledger}" for ledger in LEDGERS), "twice"):
        out.add_column(column, justify="right")
    ratio = dataset["ratio"].sel(ours=BEST)
    for policy in dataset["policy"].values:
        one = dataset[list(READINGS)].sel(policy=policy).mean("stream")
        at = ratio.sel(policy=policy)
        shown = [at.sel(ledger=FULL, basis=PLAIN), *(at.sel(ledger=ledger, basis=AT_ALPHA) for ledger in LEDGERS)]
        out.add_row(
            f"{policy} ({attrs[f'setting_{policy}']})" if policy in (BEST, BEST_EXPLOIT) else str(policy),
            *(f"{float(one[metric]):.4g}" for metric in READINGS),
            str(dataset["sla"].sel(policy=policy).values),
            *(_formatted(limits) for limits in shown),
            "" if policy in (BEST, BEST_EXPLOIT, TABLE, OPTIMUM) else _twice(shown[2]),
        )
    return out


def _formatted(limits: xr.DataArray) -> str:
    mean, lower, upper = limits.values
    return "-" if np.isnan(mean) else f"{mean:.2f} [{lower:.2f}, {upper:.2f}]"


def _twice(limits: xr.DataArray) -> str:
    mean, lower, upper = limits.values
    return "-" if np.isnan(mean) else "yes" if lower >= TWICE else "no" if upper < TWICE else "undecided"


def shared(result: Results) -> list[str]:
    """Contenders other than MESS+ that are in every world; single models under their common names."""
    names = [*routers.PUBLISHED, *(name for name in routers.TRAINED if name not in routers.PUBLISHED)]
    names += [routers.UNIFORM, routers.DEAREST, routers.ENDS, routers.CHEAPEST_ENOUGH, routers.MIXTURE, OPTIMUM]
    return [name for name in names if all(_of(d, name) in d["policy"].values for d in result.values())]


def _of(dataset: xr.Dataset, name: str) -> str:
    """A common name as the dataset's own."""
    singles = (routers.CHEAPEST, routers.CHEAPEST_ENOUGH, routers.DEAREST)
    return str(dataset.attrs[f"single_{singles.index(name)}"]) if name in singles else name


def limits_of(dataset: xr.Dataset, name: str, ledger: str, ours: str = BEST) -> np.ndarray:
    """Mean, lower and upper of a contender's ratio at alpha."""
    at = dataset["ratio"].sel(ours=ours, ledger=ledger, basis=AT_ALPHA, policy=_of(dataset, name))
    return np.asarray(at.values, np.float64)


def twice(result: Results, name: str, ledger: str, ours: str = BEST) -> list[str]:
    """The worlds in which the contender surely costs twice as much at alpha."""
    return [world for world, dataset in result.items() if limits_of(dataset, name, ledger, ours)[1] >= TWICE]


def median(result: Results, name: str, ledger: str, ours: str = BEST) -> float:
    """Of the contender's ratios at alpha, over worlds."""
    return float(np.nanmedian([limits_of(dataset, name, ledger, ours)[0] for dataset in result.values()]))


def _counts(result: Results) -> Table:
    out = Table(
        title=f"worlds of {len(result)} in which a contender surely costs twice what MESS+ does at alpha (median ratio)"
    )
    out.add_column("contender")
    for ours in ("best", "table's V"):
        for ledger in LEDGERS:
            out.add_column(f"{ours}: {ledger}", justify="right")
    for name in shared(result):
        cells = [(len(twice(result, name, k, o)), median(result, name, k, o)) for o in (BEST, TABLE) for k in LEDGERS]
        out.add_row(name, *(f"{worlds} ({middle:.2f})" for worlds, middle in cells))
    return out


def figure(result: Results) -> Figure:
    """Ratios at alpha: ledgers in rows, kinds of world in columns, a marker per world."""
    kinds: dict[str, dict[str, xr.Dataset]] = {
        "llama3": {n: d for n, d in result.items() if n == "llama3"},
        "benchmarks": {n: d for n, d in result.items() if n in _worlds.BENCHMARKS},
        "traces": {n: d for n, d in result.items() if d.attrs["kind"] == "trace"},
    }
    kinds = {kind: datasets for kind, datasets in kinds.items() if datasets}
    names = shared(result)
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(10.0, 9.4), layout="constrained")
        widths = [{"llama3": 0.8, "benchmarks": 1.4, "traces": 1.0}[kind] for kind in kinds]
        axes = drawn.subplots(
            2, len(kinds), squeeze=False, sharex=True, sharey=True, gridspec_kw={"width_ratios": widths}
        )
        for row, ledger in enumerate((EXPLOIT, FULL)):
            for axis, (kind, datasets) in zip(axes[row], kinds.items(), strict=True):
                _panel(axis, datasets, names, ledger)
                axis.set_title(f"{kind}, {ledger}")
        for axis, datasets in zip(axes[-1], kinds.values(), strict=True):
            axis.set_xlabel("cost at alpha / MESS+'s")
            handles = [Line2D([], [], ls="", ms=5, label=name, **_look(i)) for i, name in enumerate(datasets)]
            axis.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=(len(handles) + 2) // 3)
        axes[0, 0].set_yticks(range(len(names)), names)
        axes[0, 0].invert_yaxis()
        drawn.suptitle(
            "Is MESS+ twice as cheap as other routers at the same agreement? Beyond the dashed line it is.\n"
            "MESS+ at its best published setting in each ledger; 95% intervals, paired; open: the contender missed\n"
            "alpha; above the grey line: the baselines of [M25]",
            fontsize=10,
        )
        return drawn


def _look(i: int) -> dict[str, Any]:
    return {"color": (*plot.COLORS, "0.5")[i], "marker": (*plot.MARKERS, "*")[i]}


def _panel(axis: Axes, datasets: Results, names: Sequence[str], ledger: str) -> None:
    for i, dataset in enumerate(datasets.values()):
        place = np.arange(len(names)) + (i - (len(datasets) - 1) / 2) * 0.8 / max(len(datasets), 3)
        mean, lower, upper = np.array([limits_of(dataset, name, ledger) for name in names]).T
        sla = [str(dataset["sla"].sel(policy=_of(dataset, name)).values) for name in names]
        missed, color = np.array(sla) == comparison.MISSED, _look(i)["color"]
        axis.hlines(place, lower, upper, color=color, lw=1.0)
        for which, face in ((~missed, color), (missed, "white")):
            axis.plot(mean[which], place[which], ls="", mfc=face, ms=4.5, mew=0.9, **_look(i))
    axis.axvline(1.0, color="k", lw=1.0)
    axis.axvline(TWICE, color="k", lw=1.2, ls=(0, (5, 2)))
    axis.set_xscale("log")
    axis.set_xticks([0.25, 1, 2, 4, 16], ["1/4", "1", "2", "4", "16"])
    axis.minorticks_off()
    for row in range(len(names)):
        axis.axhspan(row - 0.5, row + 0.5, color="0.965" if row % 2 else "white", zorder=-2)
    axis.axhline(len(routers.PUBLISHED) - 0.5, color="0.5", lw=0.8)


def finding(result: Results) -> str:
    """Where twice holds, against whom, in which ledger; and what of it the blind mixture has as well."""
    parts = []
    for name in (*routers.PUBLISHED, *(n for n in (routers.KNN, routers.MIXTURE) if n in shared(result))):
        cells = [f"{len(twice(result, name, ledger))} ({median(result, name, ledger):.2f})" for ledger in LEDGERS]
        where = ", ".join(twice(result, name, FULL))
        parts.append(f"{name} {', '.join(cells)}{f' [in full: {where}]' if where else ''}")
    theirs = ", ".join(f"{name} {median(result, name, EXPLOIT, TABLE):.2f}" for name in routers.PUBLISHED)
    kept = sum(str(dataset["sla"].sel(policy=BEST).values) == comparison.KEPT for dataset in result.values())
    return (
        f"worlds of {len(result)} where MESS+ at its best setting is surely twice as cheap at alpha, exploit only, "
        f"in full, and with the prefix that trained it (median ratio): {'; '.join(parts)}. {reasons(result)} At the V "
        f"of their table, exploit only, medians are {theirs}. MESS+ surely kept alpha in {kept}"
    )


def reasons(result: Results) -> str:
    """Why: how much dearer than the blind mixture the published baselines are, and by how much they over-satisfy."""

    def over(name: str) -> float:
        pairs = [(limits_of(d, name, FULL)[0], limits_of(d, routers.MIXTURE, FULL)[0]) for d in result.values()]
        return float(np.nanmedian([left / right for left, right in pairs]))

    text = []
    for name in routers.PUBLISHED:
        beyond = [float((d["satisfaction"].sel(policy=name) - d["alpha"]).mean()) for d in result.values()]
        text.append(f"{name} {over(name):.2f} ({np.median(beyond):+.3f})")
    more = [name for name in (routers.ENDS, routers.BEST_PAIR) if name in shared(result)]
    return (
        "Over the blind LP mixture cost at alpha (median; satisfaction beyond alpha) "
        f"{', '.join([*text, *(f'{name} {over(name):.2f}' for name in more)])}."
    )


STUDY = study.Study(
    "cheaper_than_routers", __doc__, run, tables, figure, finding, quick="two calibrated worlds, few streams, no traces"
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
