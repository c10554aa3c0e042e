"""How every figure looks: colours, markers, dashes and fonts; and how it is written."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from messjax import files, output
from messjax.components import expect, found

# Okabe and Ito's colours, told apart by the colour-blind; markers and line styles tell them apart in grey.
# The last three colours are Tol's.
COLORS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255", "#999933", "#7F7F7F",
)  # fmt: skip
DPI = 160  # of PNG
SCREEN_DPI = 80  # in a notebook
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*", ">")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)))
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "messjax",
    "figure.facecolor": "white",
}


class Drawing(Figure):
    """A figure that a notebook shows as a picture, whatever backend matplotlib has there."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=SCREEN_DPI)
        return content.getvalue()


def panels(axes: Sequence[Axes] | None, number: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Where to draw panels side by side.

    Args:
        axes: Axes of the caller's; None: those of a new figure.
        number: Number of panels.
        size: Size of a new figure in inches.

    Returns:
        The figure, and an axis for each panel.

    Raises:
        ValueError: More or fewer axes than panels.
    """
    if axes is None:
        figure = Drawing(figsize=size, layout="constrained")
        return figure, list(figure.subplots(1, number, squeeze=False)[0])
    given = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(given) != number:
        raise ValueError(f"axes: found {len(given)}, expected {number}, one for each panel")
    return cast(Figure, given[0].get_figure(root=True)), given


def legend(figure: Figure, axes: Sequence[Axes], handles: Sequence[Any], *, own: bool, title: str = "") -> None:
    """The legend of panels: below a figure of their own, with its title; within the first of the caller's axes.

    Args:
        figure: The figure.
        axes: Its panels.
        handles: Matplotlib's handles, with labels.
        own: Whether the figure was made for these panels.
        title: Title of a figure of their own.
    """
    if own:
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
        figure.suptitle(plain(title), fontsize=10)
    else:
        axes[0].legend(handles=handles)


def line_style(i: int) -> dict[str, Any]:
    """Colour, marker and dashes of line number i, no two alike among the first 300, without dashes among the first 100.

    Args:
        i: Number of the line, from 0. The first ten have ten colours and ten markers.

    Returns:
        Keywords `color`, `marker` and `ls` of matplotlib's `plot`.
    """
    cycle = i // len(COLORS)
    dashes = DASHES[(i + cycle) % len(DASHES)]
    return {"color": COLORS[i % len(COLORS)], "marker": MARKERS[(i + cycle) % len(MARKERS)], "ls": dashes}


def plain(text: str) -> str:
    """A text of the user's, such as a model's name, as matplotlib shows it letter for letter.

    A dollar sign would begin a formula, and a legend leaves out what begins with an underscore.

    Args:
        text: The text.

    Returns:
        The text for a title, a label or a legend.
    """
    shown = output.visible(text).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def note_omitted(figure: Figure, text: str) -> None:
    """State under the title of a figure what it leaves out.

    Args:
        figure: The figure, with its title.
        text: What is not drawn; empty: nothing is.
    """
    if text:
        figure.suptitle("\n".join(filter(None, (figure.get_suptitle(), text))), fontsize=10)


def save(figure: Figure, path: str | os.PathLike[str]) -> list[Path]:
    """Write a figure as PNG and as SVG.

    Args:
        figure: The figure.
        path: Where to write; its suffix is replaced, and its folder is made where there is none.

    Returns:
        The paths of both files.

    Raises:
        TypeError: Figure and path were swapped, or are something else.
    """
    expect("figure", figure, Figure, "a matplotlib Figure, such as plot.versus_v(...) returns")
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: found {found(path)}, expected a path such as 'figure.png'")
    paths = [Path(path).with_suffix(suffix) for suffix in (".png", ".svg")]
    png, svg = io.BytesIO(), io.BytesIO()
    engine, dpi, canvas = figure.get_layout_engine(), figure.dpi, figure.canvas
    try:  # laid out once, and each form drawn once: savefig lays out and draws twice for each
        figure.set_dpi(DPI)
        if engine is not None:
            engine.execute(figure)
            figure.set_layout_engine("none")
        FigureCanvasAgg(figure).print_png(png, pil_kwargs={"compress_level": 3})
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})
    finally:
        figure.set_dpi(dpi)
        figure.set_canvas(canvas)
        if engine is not None:
            figure.set_layout_engine(engine)
    for each, drawn in zip(paths, (png, svg), strict=True):
        files.write(each, drawn.getbuffer())
    return paths
