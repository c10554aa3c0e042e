"""The figure of the study."""

from __future__ import annotations

import matplotlib
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from messjax import plot
from sims.common import other_zoos
from sims.common.study import Results
from sims.studies.narrow_spread.runs import LEARNED, MMLU, ORACLE, curve, possible


def draw(result: Results) -> Figure:
    """Saved against the blind mixture (head, oracle, MMLU), and against the most expensive model."""
    panels = [
        (LEARNED, "blind_cost", "(a) against the blind mixture, learned head"),
        (ORACLE, "blind_cost", "(b) the same, oracle that explores as well"),
        (LEARNED, "most_expensive", "(c) against the most expensive model, learned head"),
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
        other_zoos.bars(axis, x, curve(dataset.sel(c=c), "cost", against), i, label=f"c = {c:g}, full ledger")
        exploit = curve(dataset.sel(c=c), "cost_exploit", against)[0]
        look = other_zoos.line_style(i) | {"ls": "-", "mfc": "w", "lw": 0.6}
        axis.plot(x, exploit, label=f"c = {c:g}, exploit-only ledger", **look)
    axis.plot(x, possible(dataset, against), color="0.55", lw=2.6, label="C*; in (d) of the realised labels")
    axis.axhline(0.0, color="k", lw=1.0)
    axis.set(xscale="log", xlabel="spread: most expensive / cheapest cost", ylabel="saved at alpha (%)")
    axis.set_ylim(top=100)
    axis.set_xticks(x, [f"{spread:g}" for spread in dataset["spread"].values])
    axis.minorticks_off()
