"""Rates and T8's sweeps as tables and figures: means with intervals, fitted slopes and predicted ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.figure import Figure
from rich.table import Table

from messjax.plot import COLORS, DASHES, MARKERS, STYLE
from proofs_check.rates.exponent import Sweep
from proofs_check.rates.slope import GATE, TOLERANCE, Rate
from proofs_check.tables import Column, build

SUM, EXPLORATION, PREDICTION = "k", COLORS[0], COLORS[1]


RATES = (
    Column("of"), Column("mean of"), Column("in"), Column("range", wide=True), Column("slope", number=True),
    Column("95% interval", number=True, wide=True), Column("predicted", number=True),
    Column("T/(V gamma*)", number=True, wide=True), Column("verdict"),
)  # fmt: skip
SWEEPS = (
    Column("loss"), Column("predictor"), Column("requests"), Column("q", number=True, wide=True),
    Column("c", number=True, wide=True), Column("best a", number=True), Column("95% interval", number=True),
    Column("a*", number=True), Column("verdict"), Column("q'", number=True, wide=True),
    Column("q'/(1+q')", number=True, wide=True), Column("off", number=True, wide=True),
    Column("T/(V gamma*)", number=True, wide=True),
)  # fmt: skip


def table(rates: Sequence[Rate]) -> Table:
    """One row per rate, with the horizon that the verdict depends on."""
    rows = []
    for rate in rates:
        x, gate = rate.x[-rate.used :], f"{rate.gate:.1f}{'' if rate.gate >= GATE else ', too short'}"
        rows.append([
            rate.statement, rate.what, rate.x_name, f"{x[0]:g} to {x[-1]:g}", _digits(rate.slope, 3),
            f"{_digits(rate.slope_lower, 3)} to {_digits(rate.slope_upper, 3)}", f"{rate.predicted:.3f}",
            "no queue" if np.isnan(rate.gate) else gate, rate.verdict,
        ])  # fmt: skip
    return build(
        RATES,
        rows,
        title="Slopes of log mean in log x, with intervals over streams",
        caption=f"agrees: all of the interval within {TOLERANCE:g} of the prediction; "
        f"gated: no verdict, as T/(V gamma*) is below {GATE:g}.",
    )


def exponent_table(sweeps: Sequence[Sweep]) -> Table:
    """One row per sweep of T8."""
    rows = [
        [
            sweep.what, sweep.predictor, sweep.world, f"{sweep.q:.3f}", f"{sweep.c:.3g}", f"{sweep.a_min:.3f}",
            f"{sweep.a_lower:.3f} to {sweep.a_upper:.3f}", f"{sweep.a_star:.3f}", sweep.verdict,
            f"{sweep.q * sweep.power:.3f}", f"{sweep.a_power:.3f}", f"{sweep.off:.2f}", f"{sweep.gate:.0f}",
        ]
        for sweep in sweeps
    ]  # fmt: skip
    return build(
        SWEEPS,
        rows,
        title="T8: the exponent a of exploration with the smallest loss (interval by bootstrap over streams)",
        caption="a* = q/(1+q), inside or outside of where the interval is; q' = q times the power of the error in the "
        "loss; off: the factor by which constants would have to differ to explain the distance to q'/(1+q').",
    )


def figure(rates: Sequence[Rate]) -> Figure:
    """Six panels of logarithmic axes: means with intervals, and lines of the predicted slope through them."""
    panels: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
        ("queue in V", "V (requests per unit of cost)", "E[Q] (requests)", ("E[Q]",)),
        (
            "cost gap in V",
            "V (requests per unit of cost)",
            r"cost - C* + $\gamma^*$ violation (cost per request)",
            ("cost gap, settled",),
        ),
        (
            "gap and violation in T",
            "T (requests)",
            "cost, or satisfaction, per request",
            ("cost gap, V", "violation", "Q_{T+1}"),
        ),
        ("exploration in T", "T (requests)", "cost of explored requests, per request", ("exploration cost",)),
        ("prediction error", "1 + explored requests n", "e = max |s_hat - mu|", ("error,",)),
        ("what an error costs", "prediction error e", "rise of the cost gap (cost per request)", ("loss by errors",)),
    )
    with matplotlib.rc_context(STYLE):
        shown = [panel for panel in panels if any(each.what.startswith(panel[3]) for each in rates)]
        rows = -(-len(shown) // 3)
        drawn = Figure(figsize=(11.0, 4.3 * rows), layout="constrained")
        axes = drawn.subplots(rows, 3, squeeze=False).ravel()
        for axis in axes[len(shown) :]:
            axis.remove()
        for axis, letter, (title, x, y, names) in zip(axes, "abcdef", shown, strict=False):  # the shortest: shown
            for i, one in enumerate(each for each in rates if each.what.startswith(names)):
                _power_law(axis, one, i)
            axis.set(title=f"({letter}) {title}", xlabel=x, ylabel=y)
            _legend_below(axis)
        drawn.suptitle(_caption("Measured rates"), fontsize=10)
        return drawn


def t6_figure(rates: Sequence[Rate]) -> Figure:
    """T6: the level at which the queue settles, and its standard deviation there."""
    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(9.2, 4.8), layout="constrained")
        left, right = drawn.subplots(1, 2)
        means = [each for each in rates if each.what.startswith("E[Q]")]
        gated = sum(each.verdict == "gated" for each in means)
        for i, one in enumerate(each for each in means if each.verdict != "gated"):
            _power_law(left, one, i)
        for i, one in enumerate(each for each in rates if each.what.startswith("s.d. of Q")):
            _power_law(right, one, i)
        low, high = right.get_ylim()
        right.set_ylim(min(low, 0.5), high)
        left.set(title=r"(a) the queue settles at V $\gamma^*$", ylabel="E[Q] (requests)")
        right.set(title="(b) its standard deviation there", ylabel="s.d. of Q over streams and time (requests)")
        for axis in (left, right):
            axis.set_xlabel("V (requests per unit of cost)")
            _legend_below(axis)
        left_out = f"not shown: {gated} run over V with T / (V $\\gamma^*$) < {GATE:g}"
        drawn.suptitle(_caption("T6", left_out), fontsize=10)
        return drawn


def t8_figure(sweeps: Sequence[Sweep], rates: Sequence[Rate] = ()) -> Figure:
    """T8: a panel per sweep; with `rates` also what an error costs, which decides where the minimum lies."""
    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(11.0, 10.6), layout="constrained")
        axes = list(drawn.subplots(3, 3).flat)
        for axis, letter, one in zip(axes, "abcdefghi", sweeps, strict=False):
            _sweep(axis, letter, one)
        last = axes[len(sweeps)]
        costs = [each for each in rates if each.what.startswith("loss by errors")]
        for i, each in enumerate(costs):
            _power_law(last, each, i)
        if costs:
            last.set(title=f"({'abcdefghi'[len(sweeps)]}) what an error costs", xlabel="prediction error e")
            last.set_ylabel("rise of the cost gap (cost per request)")
            _legend_below(last)
        for axis in axes[len(sweeps) + bool(costs) :]:
            axis.remove()
        shown = {
            name: line
            for axis in axes[: len(sweeps)]
            for line, name in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        drawn.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=4)
        one = sweeps[0]
        drawn.suptitle(
            f"T8: average loss against the exponent a of exploration, p = min(1, c t^-a); T = {one.T:,}, "
            f"{one.streams} streams, 95% intervals", fontsize=10,
        )  # fmt: skip
        return drawn


def figures(rates: Sequence[Rate], sweeps: Sequence[Sweep]) -> dict[str, Figure]:
    """Every figure of this package that has something to show, by the name of its file."""
    drawn = {"rates": figure(rates)} if rates else {}
    if any(each.statement == "T6" for each in rates):
        drawn["T6_rates"] = t6_figure(rates)
    return drawn | ({"T8_exponent": t8_figure(sweeps, rates)} if sweeps else {})


def _power_law(axis: Any, one: Rate, i: int) -> None:
    color, x, y = COLORS[i % len(COLORS)], one.x, one.y
    gated = one.verdict == "gated"
    slope = f"{_digits(one.slope, 2)} [{_digits(one.slope_lower, 2)}, {_digits(one.slope_upper, 2)}]"
    label = f"{_short(one.what)}: {'no verdict' if gated else slope}, theory {one.predicted:.2g}"
    axis.errorbar(
        x, y, yerr=[y - one.lower, one.upper - y], fmt=MARKERS[i % len(MARKERS)], color=color, capsize=2.5,
        markersize=6.5 - i, mfc="white" if gated else color, label=label,
    )  # fmt: skip
    used = slice(len(x) - one.used, None)
    middle = np.exp(np.mean(np.log(y[used])) - one.predicted * np.mean(np.log(x[used])))
    axis.plot(x[used], middle * x[used] ** one.predicted, color=color, ls=DASHES[i % len(DASHES)], lw=1.1)
    _log_axes(axis)


def _log_axes(axis: Any) -> None:
    axis.set(xscale="log", yscale="log")
    wide = np.ptp(np.log10(axis.get_xlim())) > 2.9  # no room for a label at every three
    for scale in (axis.xaxis, axis.yaxis):
        scale.set_major_locator(
            ticker.LogLocator(subs=(1.0, 2.0, 5.0) if scale is axis.yaxis else (1.0,) if wide else (1.0, 3.0))
        )
        scale.set_major_formatter(ticker.FuncFormatter(_plain))
        scale.set_minor_formatter(ticker.NullFormatter())


def _digits(number: float, digits: int) -> str:
    return f"{round(number, digits) + 0.0:.{digits}f}"  # no "-0.00"


def _plain(x: float, _: int) -> str:
    """A tick's number without an exponent."""
    return f"{x:,.0f}" if x >= 1 else np.format_float_positional(x, 2, fractional=False, trim="-")


def _short(what: str) -> str:
    for prefix in ("E[Q], ", "s.d. of Q, ", "exploration cost, ", "error, ", "loss by errors, "):
        what = what.removeprefix(prefix)
    return what.removesuffix(" (smooth)").removesuffix(" (kink)").replace("Q_{T+1} / T", "$Q_{T+1}/T$")


def _legend_below(axis: Any) -> None:
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), fontsize=7.5, handletextpad=0.4)


def _caption(what: str, selection: str = f"hollow: T / (V $\\gamma^*$) < {GATE:g}, no verdict") -> str:
    return (
        f"{what}: means with 95% intervals over streams; lines have the predicted slope through the fitted points;\n"
        f"{selection}"
    )


def _sweep(axis: Any, letter: str, one: Sweep) -> None:
    axis.plot(one.a, one.exploration, color=EXPLORATION, ls=DASHES[1], marker=MARKERS[0], ms=3, label="exploration")
    axis.plot(one.a, one.prediction, color=PREDICTION, ls=DASHES[2], marker=MARKERS[1], ms=3, label="prediction")
    axis.errorbar(one.a, one.y, yerr=[one.y - one.lower, one.upper - one.y], color=SUM, lw=1.6, capsize=2, label="sum")
    axis.axvspan(one.a_lower, one.a_upper, color="0.85", lw=0, label="minimum: 95% interval")
    axis.axvline(one.a_star, color=COLORS[2], lw=1.8, label="a* = q/(1+q)")
    if one.power != 1.0:
        axis.axvline(one.a_power, color=COLORS[3], lw=1.8, ls=DASHES[3], label="2q/(1+2q): loss of order $e^2$")
    for a, name, dash in ((0.25, "1/4 [M25]", DASHES[4]), (1 / 3, "1/3 [M24]", DASHES[5])):
        axis.axvline(a, color="0.35", lw=0.9, ls=dash, label=name)
    axis.set(
        yscale="log",
        xlabel="exponent a",
        xticks=np.arange(0.1, 0.75, 0.1),
        ylabel=("T2's terms" if one.what == "T2" else "average loss") + " (cost per request)",
    )
    where = "smooth" if one.power != 1.0 else "close calls"
    what = "T2's bound" if one.what == "T2" else "loss"
    axis.set_title(f"({letter}) {what}, {one.predictor}; {where}", fontsize=9)
    axis.set_ylim(max(one.y.min() / 30, 1e-5), one.y.max() * 1.5)
