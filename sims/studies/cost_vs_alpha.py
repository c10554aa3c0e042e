"""Claim: V and alpha steer cost and satisfaction as [M25] shows, and alpha is kept once T is long against V gamma*.

MESS+ with the linear head learned online over a grid of V and alpha, on requests calibrated to the Llama zoo of [M25]
and on the recorded traces; beside it the mixture of models that knows their averages only, and the offline optimum.

    python -m sims cost_vs_alpha [--quick] [--out DIR]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import jax
import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from messjax import plot, policies, predictors, results
from messjax.engine.grid_sweep import sweep
from messjax.statistics import intervals
from messjax.theory import optimum
from messjax.types import Controls
from sims.common import comparison, worlds
from sims.common.finding import Finding, Number, Rows, verdict_of_cases
from sims.common.study import Results, Study
from sims.common.worlds import World

LONG = 1_000  # T is long against V gamma* from this multiple of it on
STEPS = (-0.12, -0.08, -0.04, 0.0, 0.04)  # of alpha, around the world's own


def alphas(world: World) -> np.ndarray:
    """The values of alpha tried: around the world's own, none above what the best model alone satisfies."""
    tried = world.alpha + np.array(STEPS)
    return np.round(tried[tried < world.accuracy.max() - 0.005], 4)


def run(quick: bool) -> Results:
    """MESS+ on the grid, per world, with the blind mixture's cost per alpha."""
    chosen_worlds = [worlds.llama(2_000 if quick else 13_528), *([] if quick else worlds.all_recorded())]
    return {world.name: grid(world, quick) for world in chosen_worlds}


def grid(world: World, quick: bool) -> xr.Dataset:
    """One world: metrics over (V, alpha, stream)."""
    head = predictors.linear(world.num_features, len(world.models))
    result = sweep(
        jax.random.key(31),
        Controls(V=world.published_V(), alpha=alphas(world), c=0.1),
        policy=policies.mess_plus(head),
        stream=world.stream,
        horizon=world.horizon,
        num_streams=8 if world.recorded else (64 if quick else 256),
        models=world.models,
        cost_unit=world.cost_unit,
    )
    blind = [optimum.solve(world.blind(), float(alpha)).cost for alpha in result["alpha"]]
    result["blind_cost"] = ("alpha", np.array(blind), {"units": world.cost_unit})
    return result.assign_attrs(spread=world.spread, sla_target=world.alpha)


def tables(result: Results) -> Sequence[Table]:
    """Cost and satisfaction at every V and alpha."""
    out = []
    for name, dataset in result.items():
        summary = results.summary(dataset)
        table = Table(title=f"{name}: cost per request ({dataset.attrs['cost_unit']}), satisfaction; 95% intervals")
        for column in ("V", *(f"alpha = {float(alpha):g}" for alpha in dataset["alpha"])):
            table.add_column(column, justify="right")
        for V in dataset["V"].values:
            table.add_row(f"{V:.3g}", *(_cell(summary.sel(V=V, alpha=alpha)) for alpha in dataset["alpha"].values))
        for row, metric in (("blind mixture", "blind_cost"), ("C*", "optimal_cost")):
            table.add_row(row, *(f"{float(dataset[metric].sel(alpha=alpha)):.4g}" for alpha in dataset["alpha"]))
        out.append(table)
    return out


def _cell(one: xr.Dataset) -> str:
    cost, satisfaction = (one[name].values for name in ("cost", "satisfaction"))  # mean, lower, upper
    half = (satisfaction[2] - satisfaction[1]) / 2
    return f"{cost[0]:.4g}, {satisfaction[0]:.4f} +- {half:.4f}"


def figure(result: Results) -> Figure:
    """Per world: cost against satisfaction reached, and what is missing of alpha against V."""
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.2, 3.1 * len(result) + 0.8), layout="constrained")
        axes = drawn.subplots(len(result), 2, squeeze=False)
        for (left, right), (name, dataset) in zip(axes, result.items(), strict=True):
            summary = results.summary(dataset)
            _costs(left, summary, name)
            _shortfall(right, summary, name)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        more, named = axes[0, 1].get_legend_handles_labels()
        drawn.legend(handles + more, labels + named, loc="outside lower center", ncols=4)
        drawn.suptitle("MESS+ with a linear head learned online (c = 0.1, full ledger; 95% intervals)", fontsize=10)
        return drawn


def _costs(axis: Axes, summary: xr.Dataset, name: str) -> None:
    for i, V in enumerate(summary["V"].values):
        one = summary.sel(V=V)
        x, y = (one[metric].transpose("limit", "alpha").values for metric in ("satisfaction", "cost"))
        look = {"color": plot.COLORS[i], "marker": plot.MARKERS[i], "ls": plot.DASHES[i], "lw": 1.0, "ms": 4}
        label = f"V (E_M - E_1) = {V * summary.attrs['spread']:.2g}"
        axis.errorbar(x[0], y[0], xerr=[x[0] - x[1], x[2] - x[0]], yerr=[y[0] - y[1], y[2] - y[0]], label=label, **look)
    alpha = summary["alpha"].values
    axis.plot(alpha, summary["blind_cost"].values, color="k", lw=1.6, label="blind mixture, at alpha")
    label = "C*, at alpha (of a trace: with its labels known)"
    axis.plot(alpha, summary["optimal_cost"].values, color="0.55", lw=2.4, label=label)
    axis.set(title=f"{name}: cost against satisfaction", xlabel="satisfied requests / requests")
    axis.set_ylabel(f"cost per request ({summary.attrs['cost_unit']})")


def _shortfall(axis: Axes, summary: xr.Dataset, name: str) -> None:
    shades = np.linspace(0.0, 0.65, summary.sizes["alpha"])
    for i, alpha in enumerate(summary["alpha"].values):
        mean, low, high = summary["violation"].sel(alpha=alpha).transpose("limit", "V").values
        look = {"color": str(shades[i]), "marker": plot.MARKERS[i], "ls": plot.DASHES[i], "lw": 1.0, "ms": 4}
        step = f"own alpha {STEPS[i]:+.2f}" if STEPS[i] else "own alpha"
        V = summary["V"].values * summary.attrs["spread"]
        axis.errorbar(V, mean, yerr=[mean - low, high - mean], label=step, **look)
    axis.axhline(0.0, color="0.3", lw=0.8)
    axis.set(title=f"{name}: shortfall (T = {summary.attrs['horizon']:,})", xscale="log")
    axis.set(xlabel="V (E_M - E_1)", ylabel="alpha - satisfaction")


def findings(result: Results) -> list[Finding]:
    """Two: what V and alpha steer, and whether alpha is kept where T is long."""
    return [_steering(result), _kept(result)]


def _steering(result: Results) -> Finding:
    """Rule, per world: from the least to the largest V, at its own alpha, cost and satisfaction both significantly
    fall.

    It fails where one of them rises significantly.
    """
    holds, fails, rows = 0, 0, []
    for name, dataset in result.items():
        one = dataset.sel(alpha=dataset.attrs["sla_target"], method="nearest")
        ends = [{metric: one[metric].isel(V=V).values for metric in ("cost", "satisfaction")} for V in (0, -1)]
        less = [comparison.difference(ends[0][metric], ends[1][metric]) for metric in ("cost", "satisfaction")]
        holds += all(each.lower > 0 for each in less)
        fails += any(each.upper < 0 for each in less)
        unit = dataset.attrs["cost_unit"]
        cells = [f"{end['cost'].mean():.3g} {unit}, {end['satisfaction'].mean():.3f}" for end in ends]
        mixed, best = (float(one[metric]) for metric in ("blind_cost", "optimal_cost"))
        rows.append((name, f"{float(one['alpha']):g}", *cells, f"{mixed:.3g}", f"{best:.3g}"))
    name, first = next(iter(result.items()))
    one = first.sel(alpha=first.attrs["sla_target"], method="nearest").mean("stream")
    cost, level = ([float(one[metric].isel(V=V)) for V in (0, -1)] for metric in ("cost", "satisfaction"))
    columns = ("world", "alpha", "cost, satisfaction at the least V", "at the largest V", "LP mixture", "C*")
    return Finding(
        "Steering cost and satisfaction by V",
        "A larger V lowers cost and satisfaction, as [M25] shows.",
        verdict_of_cases(holds, fails, len(result)),
        f"Between the least and the largest published V, cost and satisfaction both significantly fall in {holds} of "
        f"{len(result)} worlds, and one of them rises significantly in {fails}. On {name} the cost goes from "
        f"{cost[0]:.3g} to "
        f"{cost[1]:.3g} {first.attrs['cost_unit']} per request and the satisfaction from {level[0]:.3f} to "
        f"{level[1]:.3f} at alpha = {float(one['alpha']):g}.",
        (
            Number("worlds in which V lowers both", holds, f"of {len(result)}"),
            Number(f"cost at the largest V over that at the least, {name}", cost[1] / cost[0]),
        ),
        Rows(columns, tuple(rows)),
    )


def _kept(result: Results) -> Finding:
    """Rule: alpha is kept at every point (world, V, alpha) with T >= 1,000 V gamma*."""
    rows, totals = [], np.zeros(3, int)
    for name, dataset in result.items():
        T = dataset.attrs["horizon"]
        long = (dataset["V"] * dataset["gamma"] * LONG <= T).transpose("V", "alpha").values
        short = intervals.interval(dataset["violation"].transpose("V", "alpha", "stream").values)
        words = comparison.sla(short)
        counts = [int((words[long] == word).sum()) for word in (comparison.KEPT, comparison.MISSED)]
        totals += [*counts, int(long.sum())]
        worst = f"{np.where(long, short.mean, -np.inf).max():+.4f}" if long.any() else "-"
        others = f"{int((words[~long] == comparison.KEPT).sum())} of {int((~long).sum())}"
        rows.append((name, f"{T:,}", f"{counts[0]} of {int(long.sum())}", str(counts[1]), worst, others))
    kept, missed, points = (int(each) for each in totals)
    condition = f"T >= {LONG:,} V gamma*"
    columns = ("world", "T", f"kept where {condition}", "missed there", "largest shortfall there", "kept elsewhere")
    return Finding(
        "SLA where the stream is long against V gamma*",
        "Alpha is kept once T is long against V gamma*.",
        verdict_of_cases(kept, missed, points),
        f"Where {condition}, alpha is kept at {kept} of {points} points of the grid (world, V, alpha) and missed at "
        f"{missed}; elsewhere it is kept as the table shows. Where it is missed, the errors of the learned head add to "
        "what the queue must climb.",
        (
            Number(f"points kept where {condition}", kept, f"of {points}"),
            Number("missed there", missed),
        ),
        Rows(columns, tuple(rows)),
    )


STUDY = Study(
    "cost_vs_alpha", __doc__, run, tables, figure, findings, quick="a short stream of the calibrated zoo only"
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
