"""Claim: the closer a zoo's costs lie together the less routing saves, until exploration costs more than that.

Four models whose costs go from 1 to the spread, 1.1 to 100, with the same accuracies: what MESS+ saves at alpha against
the blind mixture and against the dearest model, in both ledgers and for the c of [M25], beside what C* would save; with
the head of [M25]'s rule, and with an oracle that explores all the same. And the labels of MMLU with two costs, 1 and
the spread. [M25]'s own numbers with narrow spread are not published to us.

    python -m sims narrow_spread [--quick] [--out DIR]
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

from messjax import plot, predictors, streams, zoo
from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from messjax.types import Predictor
from sims.common import other_zoos as shared
from sims.common import study
from sims.common import worlds as _worlds
from sims.common.study import Results
from sims.common.worlds import World

SPREADS = (1.1, 1.25, 1.5, 2.0, 5.0, 25.0, 100.0)
WEIGHTS = (0.1, 0.3, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
ALPHA = 0.65  # half-way between the cheapest and the dearest model
LEARNED, ORACLE, MMLU = "learned", "oracle", "MMLU, learned"


def run(quick: bool) -> Results:
    """Synthetic zoos at every spread, and MMLU's labels with such costs where the trace is there."""
    spreads = (1.1, 1.5, 5.0, 25.0) if quick else SPREADS
    made = [made_up(spread, 2_000 if quick else 13_528) for spread in spreads]
    streams_each = 64 if quick else 256
    result = {
        LEARNED: grid(made, [None] * len(made), spreads, streams_each),
        ORACLE: grid(made, [predictors.oracle(world.stream) for world in made], spreads, streams_each),
    }
    trace = None if quick else _worlds.recorded("MMLU")
    if not quick and trace is None:
        print("note: no recorded trace of MMLU in the folder of traces (set MESSJAX_TRACES): left out")
    if trace is not None:
        result[MMLU] = grid([recosted(trace, spread) for spread in spreads], [None] * len(spreads), spreads, 16)
    return result


def made_up(spread: float, horizon: int) -> World:
    """Four models by a law of scale; requests of continuous difficulty."""
    return shared.world("synthetic", zoo.synthetic(4, spread=spread), alpha=ALPHA, horizon=horizon)


def recosted(world: World, spread: float) -> World:
    """A trace with costs of its models from 1 to `spread`, the same on every request, geometric."""
    x, satisfaction, table = (np.asarray(values) for values in world.stream.draw.args[0])  # type: ignore[attr-defined]
    cost = spread ** (np.arange(len(world.models)) / (len(world.models) - 1))
    stream = streams.replay(x, satisfaction, np.broadcast_to(cost, table.shape))
    return world._replace(stream=stream, cost=cost, cost_unit="cheapest model's costs")


def grid(
    worlds: Sequence[World], heads: Sequence[Predictor | None], spreads: Sequence[float], num_streams: int
) -> xr.Dataset:
    """Over (spread, c, stream): MESS+ at a V chosen on other streams, with what the spread's zoo costs otherwise."""
    rows = []
    for world, head in zip(worlds, heads, strict=True):
        key, c = jax.random.key(42), _worlds.PUBLISHED_C
        run = shared.route(key, world, world.alpha, head=head, weights=WEIGHTS, c=c, num_streams=num_streams)
        settled = [shared.settle(run.sel(c=one)) for one in c]
        row = shared.stack([one.rest.drop_vars(["weight", "c", "V", *shared.OF_THE_LAW]) for one in settled], "c", c)
        row["weight"] = ("c", [one.weight for one in settled])
        row["kept"] = ("c", [one.kept for one in settled])
        rows.append(row.assign(run[shared.OF_THE_LAW]).assign(dearest=float(world.cost.max())))
    return shared.stack(rows, "spread", spreads)


def saving(one: xr.Dataset, ledger: str, against: str) -> Interval:
    """1 - cost at alpha / cost of what it is compared with, over streams; of a Dataset over (stream)."""
    cost = one["cost_at_alpha"] - one["cost"] + one[ledger]
    return intervals.interval(1.0 - (cost / one[against]).values)


def curve(dataset: xr.Dataset, ledger: str, against: str) -> np.ndarray:
    """[3, spreads] mean, lower and upper limit of `saving`, in per cent; of a Dataset over (spread, stream)."""
    result = [saving(dataset.sel(spread=spread), ledger, against)[:3] for spread in dataset["spread"].values]
    return 100.0 * np.array(result).T


def possible(dataset: xr.Dataset, against: str) -> np.ndarray:
    """[spreads] what C* would save, in per cent."""
    return np.asarray(100.0 * (1.0 - dataset["optimal_cost"] / dataset[against]).values)


def break_even(spread: np.ndarray, saved: np.ndarray) -> float:
    """The spread at which the saving first becomes positive, between two by log(spread - 1); NaN where none does."""
    if not (saved > 0).any():
        return float("nan")
    i = int(np.argmax(saved > 0))
    if i == 0:
        return float(spread[0])
    return float(1.0 + np.exp(np.interp(0.0, saved[i - 1 : i + 1], np.log(spread[i - 1 : i + 1] - 1.0))))


def tables(result: Results) -> Sequence[Table]:
    """Per world, spread and c: the V chosen, satisfaction, and savings in per cent."""
    return [_table(name, dataset) for name, dataset in result.items()]


def _table(name: str, dataset: xr.Dataset) -> Table:
    out = Table(title=f"{name}, alpha = {float(dataset['alpha']):g}: % saved at alpha, V chosen on other streams")
    compared = ("against LP: full", "exploit", "C*", "against dearest: full", "C*")
    for column in ("spread", "c", "w", "satisfaction", "LP mixture costs", *compared):
        out.add_column(column, justify="right")
    for i, spread in enumerate(dataset["spread"].values):
        for c in dataset["c"].values:
            one = dataset.sel(c=c).isel(spread=i)
            level = intervals.interval(one["satisfaction"].values)
            out.add_row(
                f"{spread:g}",
                f"{c:g}",
                f"{float(one['weight']):g}" + ("" if bool(one["kept"]) else " (none kept)"),
                f"{level.mean:.4f} +- {level.upper - level.mean:.4f}",
                f"{float(one['blind_cost']):.4g}",
                _percent(saving(one, "cost", "blind_cost")),
                _percent(saving(one, "cost_exploit", "blind_cost")),
                f"{possible(dataset, 'blind_cost')[i]:.1f}",
                _percent(saving(one, "cost", "dearest")),
                f"{possible(dataset, 'dearest')[i]:.1f}",
            )
        out.add_section()
    return out


def _percent(one: Interval) -> str:
    return f"{100 * one.mean:.1f} +- {100 * (one.upper - one.mean):.1f}"


def figure(result: Results) -> Figure:
    """Saved against the blind mixture (head, oracle, MMLU), and against the dearest model."""
    panels = [
        (LEARNED, "blind_cost", "(a) against the blind mixture, learned head"),
        (ORACLE, "blind_cost", "(b) the same, oracle that explores as well"),
        (LEARNED, "dearest", "(c) against the dearest model, learned head"),
        (MMLU, "blind_cost", "(d) against the blind mixture, MMLU's labels"),
    ]
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(9.4, 7.6), layout="constrained")
        axes = drawn.subplots(2, 2)
        for axis, (name, against, title) in zip(axes.flat, panels, strict=True):
            if name in result:
                _panel(axis, result[name], against)
                axis.set(title=f"{title}, T = {result[name].attrs['horizon']:,}")
            else:
                axis.set_axis_off()
        shown = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels()), strict=True))
        names = sorted(shown, key=lambda name: (name.startswith("C*"), name))  # a column per c
        drawn.legend([shown[name] for name in names], names, loc="outside lower center", ncols=4)
        title = "What MESS+ saves at alpha as the costs of a zoo come closer together (95% intervals)"
        drawn.suptitle(title, fontsize=10)
        return drawn


def _panel(axis: Axes, dataset: xr.Dataset, against: str) -> None:
    x = dataset["spread"].values - 1.0
    for i, c in enumerate(dataset["c"].values):
        shared.bars(axis, x, curve(dataset.sel(c=c), "cost", against), i, label=f"c = {c:g}, full ledger")
        exploit = curve(dataset.sel(c=c), "cost_exploit", against)[0]
        look = shared.line_style(i) | {"ls": "-", "mfc": "w", "lw": 0.6}
        axis.plot(x, exploit, label=f"c = {c:g}, exploit-only ledger", **look)
    axis.plot(x, possible(dataset, against), color="0.55", lw=2.6, label="C*; in (d) of the realised labels")
    axis.axhline(0.0, color="k", lw=1.0)
    axis.set(xscale="log", xlabel="spread: dearest / cheapest cost", ylabel="saved at alpha (%)")
    axis.set_ylim(top=100)
    axis.set_xticks(x, [f"{spread:g}" for spread in dataset["spread"].values])
    axis.minorticks_off()


def finding(result: Results) -> str:
    """What C* saves at the least and the largest spread, and where MESS+ saves anything in the full ledger."""
    return "; ".join(_found(name, dataset) for name, dataset in result.items())


def _found(name: str, dataset: xr.Dataset) -> str:
    spread, best = dataset["spread"].values, possible(dataset, "blind_cost")
    ends = f"{best[0]:.1f}% at spread {spread[0]:g} and {best[-1]:.1f}% at {spread[-1]:g}"
    words = [f"{name}: against the blind mixture C* saves {ends}"]
    for c in dataset["c"].values:
        exploit = curve(dataset.sel(c=c), "cost_exploit", "blind_cost")[0]
        more = ", more than C* can" if (exploit > best).any() else ""
        text = _where(spread, *curve(dataset.sel(c=c), "cost", "blind_cost")[:2])
        words.append(f"c = {c:g} {text} (exploit-only ledger {exploit.min():.1f}% to {exploit.max():.1f}%{more})")
    return ", ".join(words)


def _where(spread: np.ndarray, mean: np.ndarray, low: np.ndarray) -> str:
    """At which spreads of those tried something is saved, at 95%."""
    saved = spread[low > 0]
    ends = f"{mean[0]:.1f}% at {spread[0]:g}, {mean[-1]:.1f}% at {spread[-1]:g}"
    if not saved.size:
        return f"saves at no spread ({ends})"
    even = break_even(spread, mean)
    edge = f", breaking even at {even:.2f}" if spread[0] < even else ""
    where = f"at spreads {saved.min():g} to {saved.max():g}" if saved.size > 1 else f"at spread {saved[0]:g} only"
    return f"saves {where}{edge}, at most {mean.max():.1f}% at {spread[mean.argmax()]:g} ({ends})"


STUDY = study.Study(
    "narrow_spread", __doc__, run, tables, figure, finding, quick="four spreads, 64 streams of 2,000 requests, no trace"
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
