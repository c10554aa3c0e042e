"""The figure of `python -m sims growth`: seconds above, memory below, one column per axis, on log axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from messjax.plot import COLORS, MARKERS, STYLE


def draw(rows: Sequence[dict[str, Any]], about: dict[str, Any]) -> Figure:
    """Seconds of the run and of compiling, and the peak memory, against each axis.

    Args:
        rows: Of `growth.measure`, with axis, at and note.
        about: What they are about.

    Returns:
        The figure.
    """
    measured = [row for row in rows if not row["note"]]
    axes = list(dict.fromkeys(row["axis"] for row in measured))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(max(4.0, 2.3 * len(axes) + 0.6), 5.4), layout="constrained")
        panels = figure.subplots(2, max(1, len(axes)), sharey="row", squeeze=False)
        for column, axis in enumerate(axes):
            mine = [row for row in measured if row["axis"] == axis]
            at = np.array([row["at"] for row in mine], float)
            seconds, memory = panels[:, column]
            for name, label, color, marker, dashes in (
                ("run", "the run", COLORS[0], MARKERS[0], "-"),
                ("compiling", "the first call besides", COLORS[1], MARKERS[1], (0, (5, 1.5))),
            ):
                values = np.array([row[name] for row in mine])
                seconds.plot(at, np.maximum(values, 1e-3), color=color, marker=marker, ls=dashes, ms=4, label=label)
            memory.plot(
                at, [row["peak"] for row in mine], color=COLORS[2], marker=MARKERS[2], ms=4, label="peak of the process"
            )
            memory.plot(
                at, [row["before"] for row in mine], color="0.6", marker=".", ls=":", label="before the first call"
            )
            _proportional(seconds, at, np.array([row["run"] for row in mine]))
            _proportional(memory, at, np.array([row["peak"] for row in mine]))
            seconds.set_title(f"({'abcdefgh'[column]}) {axis}")
            memory.set_xlabel(axis)
            for panel in (seconds, memory):
                panel.set(xscale="log", yscale="log")
                panel.minorticks_off()
        if axes:
            panels[0, 0].set_ylabel("seconds of processor time")
            panels[1, 0].set_ylabel("GiB")
            low, high = (f(row[name] for row in measured for name in ("before", "peak")) for f in (min, max))
            shown = [2.0**k for k in range(-4, 12) if low / 1.5 <= 2.0**k <= high * 1.5]
            panels[1, 0].set_yticks(shown, labels=[f"{tick:g}" for tick in shown])
            panels[0, 0].legend(loc="upper left")
            panels[1, 0].legend(loc="upper left")
        figure.suptitle(
            f"growth of a run on {about['cores']} CPU cores, each point a process of its own; "
            "thin grey: proportional to the axis",
            fontsize=10,
        )
        return figure


def _proportional(panel: Any, at: np.ndarray, values: np.ndarray) -> None:
    """A thin line of slope one through the last point, as far down as there are values."""
    line = values[-1] * at / at[-1]
    low = np.maximum(line, 0.5 * values.min())
    panel.plot(at[line >= low], line[line >= low], color="0.75", lw=0.8, zorder=0)
