"""The figure of `python -m sims accelerator`: the fastest of every path, growth with streams, settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from messjax.plot import COLORS, STYLE, line_style
from sims.measurements.accelerator_rows import TARGETS

WHO = ("kernel", "fast path", "general path", "plain JAX", "C++")


def draw(rows: Sequence[dict[str, Any]], about: dict[str, Any]) -> Figure:
    """Decisions per second of every workload and path, with what was wanted; against streams; by setting.

    Args:
        rows: Of `accelerator_rows.measure`.
        about: What they are about.

    Returns:
        The figure.
    """
    measured = [row for row in rows if row.get("rate")]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(12, 4.8), layout="constrained")
        bars, streams, settings = figure.subplots(1, 3, width_ratios=(1.3, 1, 1))
        _bars(bars, [row for row in measured if row["kind"] == "speed"])
        _streams(streams, [row for row in measured if row["kind"] == "speed" and row["who"] in WHO[:3]])
        _settings(settings, [row for row in measured if row["kind"] == "tuning"])
        rehearsed = "A REHEARSAL on the CPU, tiny sizes: no measurement. " if about["rehearsed"] else ""
        figure.suptitle(f"{rehearsed}{about['kind']}, one device", fontsize=10)
        return figure


def _bars(panel: Any, rows: Sequence[dict[str, Any]]) -> None:
    best: dict[tuple[str, str], float] = {}
    for row in rows:
        name = (row["workload"], row["who"])
        best[name] = max(row["rate"], best.get(name, 0.0))
    names = sorted(
        best, key=lambda name: (list(dict.fromkeys(row["workload"] for row in rows)).index(name[0]), WHO.index(name[1]))
    )
    for y, name in enumerate(names):
        panel.barh(-y, best[name], color=COLORS[WHO.index(name[1])], height=0.7)
        panel.text(best[name] * 1.1, -y, f"{best[name]:.2g}", va="center", fontsize=7)
        if name[0] in TARGETS and name[1] in WHO[:3]:
            panel.plot([TARGETS[name[0]]] * 2, [-y - 0.4, -y + 0.4], color="k", lw=1.2)
    panel.set(xscale="log", xlabel="decisions / s", yticks=[-y for y in range(len(names))])
    panel.set_yticklabels([f"{workload}, {who}" for workload, who in names], fontsize=7.5)
    panel.grid(axis="y", visible=False)
    if names:
        panel.set_xlim(min(best.values()) / 3, max([*best.values(), *TARGETS.values()]) * 6)
    panel.set_axisbelow(True)
    panel.set_title("(a) the fastest (black line: wanted)")


def _streams(panel: Any, rows: Sequence[dict[str, Any]]) -> None:
    counted = Counter((row["workload"], row["who"]) for row in rows)
    names = [name for name, count in counted.items() if count > 1]
    for i, name in enumerate(names):
        mine = sorted((row["streams"], row["rate"]) for row in rows if (row["workload"], row["who"]) == name)
        panel.plot(*zip(*mine, strict=True), **line_style(i), ms=4, lw=1.2, label=", ".join(name))
    panel.set(xscale="log", yscale="log", xlabel="streams", ylabel="decisions / s")
    panel.set_title("(b) against streams")
    if names:
        panel.legend(fontsize=6.5)


def _settings(panel: Any, rows: Sequence[dict[str, Any]]) -> None:
    for y, row in enumerate(rows):
        panel.barh(-y, row["rate"], color=COLORS[WHO.index(row["who"])], height=0.7)
    panel.set(xlabel="decisions / s", yticks=[-y for y in range(len(rows))])
    texts = [f"{row['workload']}, block {row['block']:,}, {row['lanes']}, {row['shared'] or '-'}" for row in rows]
    panel.set_yticklabels(texts, fontsize=7)
    panel.grid(axis="y", visible=False)
    panel.set_axisbelow(True)
    panel.set_title("(c) block, streams x warps, registers")
