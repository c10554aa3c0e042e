"""Claim: a small exploration constant c explores less and costs less, while the predictor still learns.

[M25] ablates c in {.01, .1, 1}; here also 0 and values between. MESS+ with the linear head learned online, on requests
calibrated to its Llama zoo and on the recorded traces: share of explored requests beside P_T/T (T7), the predictor's
log loss on held-out requests beside that of the base rate, satisfaction, and cost in two ledgers. The exploit-only
ledger (exploit steps' cost divided by all requests, what [M25] reports) leaves out what c costs; T2's exploration term
is the same money in the bound. [M25]'s own results of this ablation were not to be had.

    python -m sims exploration [--quick] [--out DIR]
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

from messjax import plot, policies, predictors, results, theory
from messjax.engine.grid_sweep import sweep
from messjax.evaluation import predictor as quality
from messjax.statistics import intervals
from messjax.theory import optimum, verdicts
from messjax.types import Controls, Predictor
from sims.common import comparison, plotting, sla_status, study
from sims.common import worlds as _worlds
from sims.common.study import Results
from sims.common.worlds import World

C = np.array([0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0])  # with all of _worlds.PUBLISHED_C
LEAST, MOST = min(_worlds.PUBLISHED_C), max(_worlds.PUBLISHED_C)
SHOWN = (0, 3)  # of the published V: 1e-6 per J, likely that of [M25]'s table, and 1e-3 per J
SCORES = ["log_loss", "base_log_loss", "brier", "base_brier"]


def run(quick: bool) -> Results:
    """MESS+ for every c and V, per world, and the score of its predictor over time."""
    worlds = [_worlds.llama(1_500 if quick else 13_528), *([] if quick else _worlds.all_recorded())]
    return {world.name: ablation(world, quick) for world in worlds}


def ablation(world: World, quick: bool) -> xr.Dataset:
    """One world: readings over (V, c, stream), scores over (on, c, path, t) of the same predictor paths."""
    key, head = jax.random.key(32), predictors.linear(world.num_features, len(world.models))
    result = sweep(
        key,
        Controls(V=world.published_V()[list(SHOWN)], alpha=world.alpha, c=C),
        policy=policies.mess_plus(head),
        stream=world.stream,
        horizon=world.horizon,
        num_streams=8 if world.recorded else (64 if quick else 256),
        models=world.models,
        cost_unit=world.cost_unit,
    )
    result = sla_status.sla_status(result, world).merge(scores(key, world, head, quick), join="exact")
    if not world.recorded:
        assert world.stream.distribution is not None
        result = result.merge(verdicts.judge(result, world.stream.distribution()), combine_attrs="drop_conflicts")
    result["share_expected"] = "c", theory.exploration_sum(T=world.horizon, c=C, a=0.25) / world.horizon
    result["blind_cost"] = (), optimum.solve(world.blind(), world.alpha).cost, {"units": world.cost_unit}
    return result.assign_attrs(horizon=world.horizon, cost_unit=world.cost_unit, spread=world.spread)


def scores(key: jax.Array, world: World, head: Predictor, quick: bool) -> xr.Dataset:
    """Log loss and Brier score over models, of the predictor paths that the streams with this key take."""
    result = quality.over_time(
        key,
        predictor=head,
        stream=world.stream,
        horizon=world.horizon,
        c=C,
        num_streams=4 if quick else 8 if world.recorded else 32,
        held_out=quality.HeldOut(world.prefix.features, world.prefix.satisfaction),
        checkpoints=16,
        models=world.models,
    )
    return result[SCORES].mean("model", keep_attrs=True).rename(stream="path").drop_attrs(deep=False)


def tables(result: Results) -> Sequence[Table]:
    """Per world and shown V, what every c explores, learns, satisfies and costs."""
    return [_table(name, dataset, V) for name, dataset in result.items() for V in range(len(SHOWN))]


def _table(name: str, dataset: xr.Dataset, V: int) -> Table:
    one, unit = results.summary(dataset.drop_vars("sla").isel(V=V)), dataset.attrs["cost_unit"]
    out = Table(
        title=f"{name}, {_named(one)}, T = {one.attrs['horizon']:,}, alpha = {float(one['alpha']):g}; cost in {unit}",
        caption="intervals at 95% over streams (of a trace: over its orders); hidden: what exploit-only leaves out",
    )
    columns = ["c", "explored", "P_T/T", "log loss (base rate)", "satisfaction", "SLA", "cost, full", "exploit-only"]
    columns += ["hidden", "at alpha, full", "T2: exploration"]
    for column in columns:
        out.add_column(column, justify="right")
    for i, c in enumerate(C):
        row = one.isel(c=i)
        mean, loss = row.sel(limit="mean"), held_out(dataset).isel(c=i)
        out.add_row(
            f"{c:g}",
            f"{float(mean['explored']) / dataset.attrs['horizon']:.3%}",
            f"{float(mean['share_expected']):.3%}",
            f"{float(loss['log_loss'].mean()):.4f} ({float(loss['base_log_loss'].mean()):.4f})",
            _said(row["satisfaction"]),
            str(dataset["sla"].values[V, i]),
            _said(row["cost"]),
            f"{float(mean['cost_exploit']):.4g}",
            f"{float(mean['cost'] - mean['cost_exploit']):.4g}",
            _said(row["cost_at_alpha"]),
            f"{float(mean['cost_bound_terms'].sel(term='exploration')):.4g}" if "cost_bound_terms" in one else "-",
        )
    return out


def _said(limits: xr.DataArray) -> str:
    mean, low, high = limits.transpose("limit").values
    return f"{mean:.4g} +- {(high - low) / 2:.2g}"


def held_out(dataset: xr.Dataset) -> xr.Dataset:
    """Scores (c, path) on held-out requests after the last one."""
    return dataset[SCORES].sel(on="held out").isel(t=-1)


# --- figure -------------------------------------------------------------------------------------------------------


def place(c: np.ndarray) -> np.ndarray:
    """Where c stands on a logarithmic axis: 0 a step left of the smallest other one."""
    return np.where(c > 0, c, np.min(c[c > 0]) / 3.0)


def figure(result: Results) -> Figure:
    """What is explored, learned, satisfied and paid against c; costs of those traces that the cheapest model misses."""
    (name, first), others = next(iter(result.items())), list(result.items())[1:]
    missed = [(other, one.isel(V=-1)) for other, one in others if str(one["sla"].values[0, 0]) == comparison.MISSED]
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.6, 9.4), layout="constrained")
        axes = drawn.subplots(3, 3)
        _explored(axes[0, 0], result)
        _loss_over_time(axes[0, 1], first, name)
        _learned(axes[0, 2], result)
        summary = results.summary(first.drop_vars(["sla", "verdict"]))
        _satisfied(axes[1, 0], summary, name)
        for axis, letter, V in ((axes[1, 1], "e", 0), (axes[1, 2], "f", -1)):
            one = summary.isel(V=V)
            _costs(axis, one, f"({letter}) {name}, {_named(one)}")
        _terms(axes[2, 0], summary.isel(V=-1), name)
        for axis, letter, (other, dataset) in zip(axes[2, 1:], "hi", missed[:2], strict=False):
            one = results.summary(dataset.drop_vars("sla"))
            _costs(axis, one, f"({letter}) {other}, {_named(one)}")
        for axis in axes[2, 1 + len(missed) :]:
            axis.set_visible(False)
        for axis in [axes[0, 0], axes[0, 2], *axes[1:].flat]:
            axis.set_xscale("log")
            axis.set_xticks(place(C), [f"{c:g}" for c in C])
            axis.minorticks_off()
            axis.set_xlabel("exploration constant c")
        plotting.legend(drawn, [axes[1, 1]], ncols=3)
        drawn.suptitle("MESS+ with a linear head learned online, against c (95% intervals)", fontsize=10)
        return drawn


def _named(one: xr.Dataset) -> str:
    return f"V (E_M - E_1) = {float(one['V']) * one.attrs['spread']:.2g}"


def _explored(axis: Axes, result: Results) -> None:
    for i, (name, dataset) in enumerate(result.items()):
        share = results.summary(dataset[["explored"]].isel(V=0) / dataset.attrs["horizon"])["explored"]
        label = f"{name}, T = {dataset.attrs['horizon']:,}"
        plotting.points(axis, place(C)[1:], share.isel(c=slice(1, None)), i, ls="none", label=label)
        axis.plot(place(C)[1:], dataset["share_expected"].values[1:], color="0.4", lw=0.9, zorder=1)
    axis.plot([], [], color="0.4", lw=0.9, label="P_T / T (T7)")
    axis.set(yscale="log", title="(a) explored", ylabel="explored requests / requests")
    axis.legend(loc="lower right", fontsize=7)


def _loss_over_time(axis: Axes, dataset: xr.Dataset, name: str) -> None:
    over_time = results.summary(dataset[SCORES].sel(on="held out").rename(path="stream"))
    for i, c in enumerate((0.01, 0.1, 1.0)):
        one = over_time.sel(c=c)
        plotting.band(axis, one["log_loss"], i, label=f"c = {c:g}")
        axis.plot(one["t"].values, one["base_log_loss"].sel(limit="mean").values, color=plot.COLORS[i], lw=0.9, ls=":")
    axis.plot([], [], color="0.4", lw=0.9, ls=":", label="base rate")
    axis.axhline(np.log(2.0), color="0.6", lw=0.8)
    axis.set(title=f"(b) {name}: log loss, held out", xlabel="requests", ylabel="nat per model and request")
    plotting.thousands(axis)
    axis.legend()


def _learned(axis: Axes, result: Results) -> None:
    for i, (name, dataset) in enumerate(result.items()):
        last = held_out(dataset).rename(path="stream")
        better = results.summary((last["base_log_loss"] - last["log_loss"]).to_dataset(name="gain"))["gain"]
        plotting.points(axis, place(C), better, i, label=name)
    axis.axhline(0.0, color="0.3", lw=0.8)
    axis.set(title="(c) learned by the end", ylabel="base rate's log loss - predictor's (nat)")
    axis.legend()


def _satisfied(axis: Axes, summary: xr.Dataset, name: str) -> None:
    for i in range(len(SHOWN)):
        one = summary.isel(V=i)
        plotting.points(axis, place(C), one["satisfaction"], i, label=_named(one))
    axis.axhline(float(summary["alpha"]), color="k", lw=1.0, ls=(0, (6, 2)), label="alpha")
    axis.set(title=f"(d) {name}: satisfaction", ylabel="satisfied requests / requests")
    axis.legend()


def _costs(axis: Axes, one: xr.Dataset, title: str) -> None:
    """Both ledgers, and between them what the exploit-only one hides."""
    full, exploit_only = (one[ledger].sel(limit="mean").values for ledger in ("cost", "cost_exploit"))
    axis.fill_between(place(C), exploit_only, full, color="0.9", lw=0, label="hidden by the exploit-only ledger")
    plotting.points(axis, place(C), one["cost"], 0, label="cost, full ledger")
    plotting.points(axis, place(C), one["cost_at_alpha"], 2, label="full ledger, brought to alpha")
    plotting.points(axis, place(C), one["cost_exploit"], 1, label="cost, exploit-only ledger ([M25])")
    axis.axhline(float(one["blind_cost"]), color="k", lw=1.2, label="blind mixture, at alpha")
    axis.axhline(float(one["optimal_cost"]), color="0.6", lw=2.2, label="C* (of a trace: of its labels)")
    axis.set_title(title)
    axis.set_ylabel(f"{one.attrs['cost_unit']} per request", fontsize=8)


def _terms(axis: Axes, one: xr.Dataset, name: str) -> None:
    mean, terms = one.sel(limit="mean"), one["cost_bound_terms"]
    for i, (term, label) in enumerate((("exploration", "T2: exploration"), ("prediction", "T2: 2 S_T/(V T)"))):
        amount = terms.sel(term=term).where(terms.sel(term=term) > 0).values  # none where nothing is explored
        axis.plot(place(C), amount, label=label, **plotting.line_style(i) | {"ms": 4, "lw": 1.1})
    axis.plot(place(C), terms.sel(term="control").values, color="0.6", lw=1.6, label="T2: B/V")
    axis.plot(place(C), terms.sum("term").values, color="k", lw=2.0, alpha=0.5, label="T2, their sum")
    plotting.points(axis, place(C), one["cost_gap"], 6, ls="none", label="cost - C*")
    hidden = (mean["cost"] - mean["cost_exploit"]).values
    axis.plot(place(C), hidden, color=plot.COLORS[3], marker="D", ms=4, lw=0, label="hidden part")
    axis.set(yscale="log", title=f"(g) {name}: T2, {_named(one)}", ylabel=f"{one.attrs['cost_unit']} per request")
    axis.set_ylim(bottom=1e-6)
    axis.legend(fontsize=7, loc="lower right", ncols=2)


# --- finding ------------------------------------------------------------------------------------------------------


def cheapest(dataset: xr.Dataset, ledger: str) -> float:
    """The published c of least cost brought to alpha, chosen on the first half of the streams."""
    half = dataset.isel(stream=slice(0, dataset.sizes["stream"] // 2))
    return float(half[f"{ledger}_at_alpha"].sel(c=list(_worlds.PUBLISHED_C)).mean("stream").idxmin("c"))


def finding(result: Results) -> str:
    """From the largest to the least published c, per world and V: what is learned and paid, and which c is best."""
    text: list[str] = []
    for name, one in result.items():
        shown = (-1,) if text else (0, -1)  # the first world at both V
        text.append(f"{name}: {_learns(one)}; {'; '.join(_paid(one.isel(V=V)) for V in shown)}")
    return f"from c = {MOST:g} to {LEAST:g}: {' | '.join(text)}"


def _learns(dataset: xr.Dataset) -> str:
    share = dataset["explored"].isel(V=0).mean("stream") / dataset.attrs["horizon"]
    last = held_out(dataset)
    gain = intervals.interval((last["base_log_loss"] - last["log_loss"]).sel(c=LEAST).values)
    word = "better than" if gain.lower > 0 else "worse than" if gain.upper < 0 else "no better than"
    loss = last["log_loss"].mean("path")
    return (
        f"explored {float(share.sel(c=MOST)):.1%} -> {float(share.sel(c=LEAST)):.2%}, held-out log loss "
        f"{float(loss.sel(c=MOST)):.3f} -> {float(loss.sel(c=LEAST)):.3f}, at c = {LEAST:g} {word} the base rate "
        f"({float(last['base_log_loss'].sel(c=LEAST).mean()):.3f})"
    )


def _paid(one: xr.Dataset) -> str:
    """Costs of one world at one V; the best c is chosen on one half of the streams and measured on the other."""
    ratios = [
        comparison.formatted(comparison.ratio(one[ledger].sel(c=LEAST).values, one[ledger].sel(c=MOST).values))
        for ledger in ("cost_at_alpha", "cost_exploit")
    ]
    satisfied = [
        f"{float(one['satisfaction'].sel(c=c).mean()):.3f} ({one['sla'].sel(c=c).values})" for c in (MOST, LEAST)
    ]
    best, label = cheapest(one, "cost"), cheapest(one, "cost_exploit")
    rest = one["cost_at_alpha"].isel(stream=slice(one.sizes["stream"] // 2, None)).mean("stream")
    return (
        f"{_named(one)}: satisfaction {' -> '.join(satisfied)}, full cost at alpha x {ratios[0]}, exploit-only x "
        f"{ratios[1]}, cheapest published c at alpha {best:g} ({float(rest.sel(c=best)):.3g} "
        f"{one.attrs['cost_unit']}), by the exploit-only ledger {label:g} ({float(rest.sel(c=label)):.3g})"
    )


STUDY = study.Study(
    "exploration", __doc__, run, tables, figure, finding, quick="a short stream of the calibrated zoo only"
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
