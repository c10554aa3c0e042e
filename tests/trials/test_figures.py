"""Figures of statements and of the search: what is drawn is what the rows hold, and nothing is cut off."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from messjax.theory.hypothesis_tests import EMPTY_ROW, evaluate
from messjax.theory.statement import Between, Claim, Exact
from proofs_check.counterexamples import presentation, search
from proofs_check.trials import figures

SAMPLE = np.random.default_rng(0).normal(5.0, 1.0, 300)
NOISE = np.random.default_rng(1).normal(0.0, 3.0, 300)
ROW = EMPTY_ROW._replace(statement="X", case="a case")


def row_of(conclusion, case: str = "a case"):
    from proofs_check.trials import trial

    return trial.of_conclusion_for_test(conclusion)._replace(case=case)


def lines(axes, color: str) -> list[np.ndarray]:
    return [np.asarray(line.get_xdata()) for line in axes.lines if line.get_color() == color]


def is_whole(figure: Figure) -> bool:
    """Whether all texts lie on the canvas."""
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    texts = [each for axes in figure.axes for each in (axes.xaxis.label, axes.yaxis.label, axes.title)]
    texts += [each for each in (figure._supylabel, figure._supxlabel, figure._suptitle) if each is not None]
    boxes = [each.get_window_extent() for each in texts if each.get_text()]
    boxes += [each.get_window_extent() for each in figure.legends]
    return all(b.x0 >= -1 and b.y0 >= -1 and b.x1 <= width + 1 and b.y1 <= height + 1 for b in boxes)
