"""Claim: with four models of one family MESS+ keeps alpha, and uses all of them as V changes.

The Qwen zoo of [M25] (ARC-C at .55, Winogrande at .71, and the mean of both): cost, satisfaction and calls per model
over V and alpha, beside every single model, the blind mixture, uniform random and C*; as many requests as a benchmark
has, and 20,000. Accuracies are the publishers' and costs parameters: [M25]'s own numbers of this zoo are not published
to us.

    python -m sims four_models [--quick] [--out DIR]
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

from messjax import plot, predictors, results, zoo
from messjax.statistics import intervals
from messjax.theory import optimum
from sims.common import comparison, study
from sims.common import other_zoos as shared
from sims.common.study import Results
from sims.common.worlds import World

# alpha of [M25]'s Qwen table is the last of each row (github.com/laminair/mess-plus, experiments_qwen2.ipynb @05fbe69);
# the lower ones are ARC-C's grid there, and Winogrande's of its mixed zoo (config/llama3_qwen2_mix @0b197da).
ALPHAS = {"ARC-C": (0.35, 0.45, 0.55), "Winogrande": (0.60, 0.65, 0.71)}
MEAN = "mean of both"
LONG = 20_000  # requests; [M25] has 1,172 and 1,267
WHICH = ("lowest", "middle", "[M25]'s")
OWN, LEARNED, ORACLE = "learned, the benchmark's requests", "learned", "oracle"


def worlds() -> list[tuple[World, np.ndarray]]:
    """The two benchmarks that [M25] and the technical reports share, and their mean, each with its alphas."""
    result = []
    for name, alphas in ALPHAS.items():
        one, requests = zoo.get(f"qwen/{name}"), zoo.get(f"llama3/{name}").requests
        assert requests is not None
        world = shared.world(name, one, alpha=alphas[-1], horizon=int(requests[0]))
        result.append((world, np.array(alphas)))
    middle = np.round(np.array([alphas for _, alphas in result]).mean(axis=0), 4)
    horizon = sum(world.horizon for world, _ in result)
    both = shared.world(MEAN, zoo.get("qwen"), alpha=float(middle[-1]), horizon=horizon)
    return [*result, (both, middle)]


def run(quick: bool) -> Results:
    """Every world on the grid, at its own length and at the long one."""
    return {world.name: grid(world, alphas, quick) for world, alphas in worlds()}


def grid(world: World, alphas: np.ndarray, quick: bool) -> xr.Dataset:
    """One world: readings over (run, weight, alpha, stream), what is known without a run, C*'s calls and its curve."""
    own, long, oracle = world.horizon, 4_000 if quick else LONG, predictors.oracle(world.stream)
    runs = {OWN: (own, None), LEARNED: (long, None), ORACLE: (long, oracle)}
    result = []
    for T, head in runs.values():
        one = shared.route(jax.random.key(41), world, alphas, head=head, num_streams=64 if quick else 256, horizon=T)
        result.append(one.assign(chosen=shared.chosen(one), T=T).drop_vars(shared.OF_THE_LAW))
    distribution = world.stream.distribution()  # type: ignore[misc]
    level = np.linspace(world.accuracy.min(), optimum.largest_alpha(distribution) - 0.02, 25)
    attained = level <= world.accuracy.max()
    blind = np.full(level.shape, np.nan)
    blind[attained] = [one.cost for one in optimum.solve_all(world.blind(), list(level[attained]))]
    known = shared.known(world, world.alpha)
    dataset = shared.stack(result, "run", list(runs)).assign(one[shared.OF_THE_LAW])
    dataset = dataset.assign(
        optimal_share=(
            ("alpha", "model"),
            np.stack([shared.optimal_shares(distribution, float(a)) for a in one["alpha"]]),
        ),
        optimal_curve=("level", [one.cost for one in optimum.solve_all(distribution, list(level))]),
        blind_curve=("level", blind),
        known_cost=("known", [one.cost for one in known]),
        known_satisfaction=("known", [one.satisfaction for one in known]),
    )
    return dataset.assign_coords(level=level, known=[one.name for one in known])


def tables(result: Results) -> Sequence[Table]:
    """Per world at its alpha: policies that are known, then MESS+ at every V, with the calls of each model."""
    return [_table(name, dataset) for name, dataset in result.items()]


def _table(name: str, dataset: xr.Dataset) -> Table:
    at = dataset.isel(alpha=-1)
    alpha, (own, long, _) = float(at["alpha"]), at["T"].values
    title = f"{name} at alpha = {alpha:g}: cost per request ({dataset.attrs['cost_unit']}), T = {long:,}; 95% intervals"
    out = Table(title=title)
    columns = ("policy", "cost, full", "cost, exploit", "satisfaction", "SLA", f"SLA at T = {own:,}", "cost at alpha")
    for column in (*columns, *(f"{model} %" for model in at["model"].values)):
        out.add_column(column, justify="left" if column == "policy" else "right")
    for one in at["known"].values:
        cost, level = (float(at[f"known_{what}"].sel(known=one)) for what in ("cost", "satisfaction"))
        kept = comparison.KEPT if level >= alpha - 1e-9 else comparison.MISSED
        out.add_row(str(one), f"{cost:.4g}", f"{cost:.4g}", f"{level:.4f}", kept)
    best = f"{float(at['optimal_cost']):.4g}"
    out.add_row("C*", best, "", f"{alpha:.4f}", comparison.KEPT, "", best, *_percents(at["optimal_share"]))
    for run in (LEARNED, ORACLE):
        out.add_section()
        for weight in at["weight"].values:
            out.add_row(f"MESS+, {run}, w = {weight:g}", *_row(at.sel(weight=weight), run))
    return out


def _row(one: xr.Dataset, run: str) -> list[str]:
    long, own = one.sel(run=run), one.sel(run=OWN)
    full, exploit, level, brought = (
        intervals.interval(long[what].values) for what in ("cost", "cost_exploit", "satisfaction", "cost_at_alpha")
    )
    text = [f"{full.mean:.4g}", f"{exploit.mean:.4g}", f"{level.mean:.4f} +- {level.upper - level.mean:.4f}"]
    kept = [str(long["sla"].values), str(own["sla"].values) if run == LEARNED else ""]
    calls = long["calls"].mean("stream") / int(long["T"])
    return [*text, *kept, f"{brought.mean:.4g} +- {brought.upper - brought.mean:.2g}", *_percents(calls)]


def _percents(shares: xr.DataArray) -> list[str]:
    return [f"{100 * share:.1f}" for share in shares.values]


def figure(result: Results) -> Figure:
    """Per world: cost against satisfaction; what is above alpha; which models are chosen, against V."""
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.8, 2.7 * len(result) + 1.5), layout="constrained")
        axes = drawn.subplots(len(result), 3, squeeze=False)
        for row, (name, dataset) in zip(axes, result.items(), strict=True):
            summary = results.summary(dataset[["cost", "satisfaction", "violation", "T"]])
            _costs(row[0], dataset, summary, name)
            _above(row[1], summary)
            _models(row[2], dataset)
        for axis in axes[-1]:
            axis.legend(loc="upper center", bbox_to_anchor=(0.45, -0.25), fontsize=7.5)
        drawn.suptitle("MESS+ on the four-model Qwen zoo (c = 0.1, full ledger, 95% intervals)", fontsize=10)
        return drawn


def _costs(axis: Axes, dataset: xr.Dataset, summary: xr.Dataset, name: str) -> None:
    axis.plot(dataset["level"], dataset["optimal_curve"], color="0.6", lw=2.4, label="C*")
    axis.plot(dataset["level"], dataset["blind_curve"], color="k", lw=1.2, label="LP mixture")
    singles, uniform = dataset.isel(known=slice(-2)), dataset.isel(known=-2)
    axis.plot(singles["known_satisfaction"], singles["known_cost"], "ks", ms=5, label="single models")
    look: Any = {"color": "k", "marker": "X", "ms": 7, "ls": "none", "mfc": "w"}
    axis.plot(uniform["known_satisfaction"], uniform["known_cost"], label="uniform random", **look)
    for i, alpha in enumerate(summary["alpha"].values):
        for run in (LEARNED, ORACLE) if i == summary.sizes["alpha"] - 1 else (LEARNED,):
            one, more = summary.sel(alpha=alpha, run=run), {"mfc": "w", "lw": 0.8} if run == ORACLE else {}
            x, y = (one[what].transpose("limit", "weight").values for what in ("satisfaction", "cost"))
            shared.bars(axis, x[0], y, i, label=f"MESS+, {run}, {WHICH[i]} alpha", **more)
        axis.axvline(alpha, color=plot.COLORS[i], lw=0.8, ls=(0, (1, 2)))
    axis.set(title=f"{name}: cost", yscale="log", xlabel="satisfied requests / requests")
    axis.set_ylabel(f"cost per request ({dataset.attrs['cost_unit']})")


def _above(axis: Axes, summary: xr.Dataset) -> None:
    last = summary.sizes["alpha"] - 1
    lines: list[tuple[str, int, dict]] = [(LEARNED, i, {}) for i in range(last + 1)]
    lines += [(ORACLE, last, {"mfc": "w", "lw": 0.8}), (OWN, last, {"color": "0.45", "marker": "x"})]
    for run, i, more in lines:
        limits = -summary["violation"].sel(run=run).isel(alpha=i).transpose("limit", "weight").values[[0, 2, 1]]
        T = "as many as the benchmark has" if run == OWN else f"{int(summary['T'].sel(run=run)):,}"
        label = f"{run.split(',')[0]}, {WHICH[i]} alpha, T: {T}"
        shared.bars(axis, summary["weight"].values, limits, i, label=label, **more)
    axis.axhline(0.0, color="k", lw=1.0)
    axis.set(title="agreement", xscale="log", xlabel="w = V (E_M - E_1)", ylabel="satisfaction - alpha")


def _models(axis: Axes, dataset: xr.Dataset) -> None:
    one = dataset.isel(alpha=-1)
    for m, model in enumerate(one["model"].values):
        chosen = 100 * one["chosen"].isel(model=m)
        axis.plot(one["weight"], chosen.sel(run=LEARNED), label=str(model), **shared.line_style(m))
        axis.plot(
            one["weight"], chosen.sel(run=ORACLE), **(shared.line_style(m) | {"mfc": "w", "lw": 0.6, "alpha": 0.8})
        )
        look: Any = {"color": plot.COLORS[m], "marker": "_", "ms": 12, "mew": 2.5, "clip_on": False}
        axis.plot(2.6 * float(one["weight"].max()), 100 * float(one["optimal_share"].isel(model=m)), **look)
    axis.plot([], [], "o-", color="0.3", mfc="w", lw=0.6, label="hollow: oracle")
    axis.plot([], [], "_", color="0.3", ms=12, mew=2.5, label="C*, at the right edge")
    axis.set(title="models chosen, [M25]'s alpha", xscale="log", ylim=(-2, 80))
    axis.set(xlabel="w = V (E_M - E_1)", ylabel="% of exploited requests")


def finding(result: Results) -> str:
    """Up to which V alpha was kept, how many models are in use, what it costs beside the mixture and C*."""
    return "; ".join(_found(name, dataset.isel(alpha=-1)) for name, dataset in result.items())


def _found(name: str, at: xr.Dataset) -> str:
    alpha, blind, best = (float(at[what]) for what in ("alpha", "blind_cost", "optimal_cost"))
    table = at.sel(run=OWN).isel(weight=0)  # V = 1e-6 per J, that of [M25]'s table as far as is known
    cost, level = (float(table[what].mean()) for what in ("cost", "satisfaction"))
    theirs = f"{cost:.3g} at {level:.3f} with w = 0.003, [M25]'s 1e-6 per J"
    parts = [f"{name} at alpha = {alpha:g} (LP mixture {blind:.3g}, C* {best:.3g}, MESS+ {theirs})"]
    for run in (OWN, LEARNED, ORACLE):
        one = at.sel(run=run)
        kept = one["weight"].values[one["sla"].values == comparison.KEPT]
        words = f"kept up to w = {kept.max():g}" if kept.size else "kept at no V"
        settled = shared.settle(one)
        brought = intervals.interval(settled.rest["cost_at_alpha"].values)
        head = run.split(",")[0]
        at_w = f"cost {comparison.formatted(brought)} at w = {settled.weight:g}"
        parts.append(f"{head}, {int(one['T']):,} requests: {words}, {at_w}")
        parts[-1] += "" if run == OWN else f" with {_used(one, settled.weight)}"
    return ", ".join(parts) + f" (C* {int((at['optimal_share'] >= shared.USED).sum())})"


def _used(one: xr.Dataset, weight: float) -> str:
    used = (one["chosen"] >= shared.USED).sum("model")
    all_of = one["weight"].values[used.values == one.sizes["model"]]
    where = f"all {one.sizes['model']} from w = {all_of.min():g} to {all_of.max():g}" if all_of.size else "never all"
    return f"{int(used.sel(weight=weight))} models in use, {where}"


STUDY = study.Study(
    "four_models", __doc__, run, tables, figure, finding, quick="64 streams of 4,000 requests instead of 256 of 20,000"
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
