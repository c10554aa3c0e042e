"""The figure of the study."""

from __future__ import annotations

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot, results
from sims.common import comparison, plotting
from sims.common.study import Results
from sims.studies.exploration.runs import SCORES, SHOWN, C, held_out, weight_label


def place(c: np.ndarray) -> np.ndarray:
    """Where c stands on a logarithmic axis: 0 a step left of the smallest other one."""
    return np.where(c > 0, c, np.min(c[c > 0]) / 3.0)


def draw(result: Results) -> Figure:
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
            _costs(axis, one, f"({letter}) {name}, {weight_label(one)}")
        _terms(axes[2, 0], summary.isel(V=-1), name)
        for axis, letter, (other, dataset) in zip(axes[2, 1:], "hi", missed[:2], strict=False):
            one = results.summary(dataset.drop_vars("sla"))
            _costs(axis, one, f"({letter}) {other}, {weight_label(one)}")
        for axis in axes[2, 1 + len(missed) :]:
            axis.set_visible(False)
        for axis in [axes[0, 0], axes[0, 2], *axes[1:].flat]:
            axis.set_xscale("log")
            axis.set_xticks(place(C), [f"{c:g}" for c in C])
            axis.minorticks_off()
            axis.set_xlabel("exploration constant c")
        plotting.legend(drawn, [axes[1, 1]], ncols=3)
        drawn.suptitle("MESS+ with a linear head learned online, against c (95% intervals)", fontsize=10)
        drawn_worlds = {name, *(other for other, _ in missed[:2])}
        if hidden := [other for other in result if other not in drawn_worlds]:
            plot.note_omitted(drawn, f"Costs are not drawn for {', '.join(hidden)}; they are in the tables.")
        return drawn


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
        plotting.points(axis, place(C), one["satisfaction"], i, label=weight_label(one))
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
        axis.plot(place(C), amount, label=label, **plot.line_style(i) | {"ms": 4, "lw": 1.1})
    axis.plot(place(C), terms.sel(term="control").values, color="0.6", lw=1.6, label="T2: B/V")
    axis.plot(place(C), terms.sum("term").values, color="k", lw=2.0, alpha=0.5, label="T2, their sum")
    plotting.points(axis, place(C), one["cost_gap"], 6, ls="none", label="cost - C*")
    hidden = (mean["cost"] - mean["cost_exploit"]).values
    axis.plot(place(C), hidden, color=plot.COLORS[3], marker="D", ms=4, lw=0, label="hidden part")
    axis.set(yscale="log", title=f"(g) {name}: T2, {weight_label(one)}", ylabel=f"{one.attrs['cost_unit']} per request")
    axis.set_ylim(bottom=1e-6)
    axis.legend(fontsize=7, loc="lower right", ncols=2)
