"""Figures of statements and of the search: what is drawn is what the rows hold, and nothing is cut off."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from messjax.theory.hypothesis_tests import EMPTY_ROW, of_conclusion
from messjax.theory.statement import Claim, define_statement
from proofs_check.counterexamples import presentation, search
from proofs_check.trials import figures

SAMPLE = np.random.default_rng(0).normal(5.0, 1.0, 300)
NOISE = np.random.default_rng(1).normal(0.0, 3.0, 300)
X = define_statement("X", source="here", assumptions="A1")(lambda run: Claim(SAMPLE, 6.0))


def row_of(conclusion):
    return of_conclusion(X, SimpleNamespace(name="a case", seconds=0.0, V=1.0, T=10, finite_variance=True), conclusion)


def intervals_drawn(axes, color: str) -> list[list[float]]:
    return [list(line.get_xdata()) for line in axes.lines if line.get_color() == color and line.get_linestyle() == "-"
            and len(line.get_xdata()) == 2]  # fmt: skip


def test_mean_and_margin_are_drawn_each_with_its_own_limits():
    """The bound contains a noisy mean: the limits of the margin are wider than those of what is measured."""
    row = row_of(Claim(SAMPLE, lambda u: 8.0 + u, (NOISE,)))
    figure = figures.of_statement([row], "X: a claim", "x (units)")
    assert figure is not None
    left, right = figure.axes
    assert intervals_drawn(left, figures.MEASURED) == [[row.measured_lower, row.measured_upper]]
    ((low, high),) = intervals_drawn(right, figures.MARGIN)
    scale = max(row.bound, row.measured)
    assert (low * scale, high * scale) == (pytest.approx(row.margin_lower), pytest.approx(row.margin_upper))
    assert high - low > 2 * (row.measured_upper - row.measured_lower) / scale
    labels = [text.get_text() for text in figure.legends[0].texts]
    assert any("two-sided" in text for text in labels) and any("one-sided" in text for text in labels)


def test_cases_that_are_not_drawn_are_counted():
    rows = [row_of(Claim(SAMPLE, 6.0)), row_of(Claim(SAMPLE, np.inf)), EMPTY_ROW, EMPTY_ROW]
    figure = figures.of_statement(rows, "X")
    assert figure is not None
    note = figure.legends[0].get_title().get_text()
    assert "2 where the statement is not applicable" in note and "1 whose bound is infinite" in note and "of 4" in note
    assert figures.of_statement(rows[2:], "X") is None


def is_whole(figure: Figure) -> bool:
    """Whether labels, titles and legends lie on the canvas, and no legend on a label."""
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    texts = [label for axes in figure.axes if axes.axison for label in (axes.xaxis.label, axes.yaxis.label, axes.title)]
    boxes = [each.get_window_extent() for each in texts if each.get_text()]
    legends = [each.get_window_extent() for each in figure.legends]
    on = all(b.x0 >= -1 and b.y0 >= -1 and b.x1 <= width + 1 and b.y1 <= height + 1 for b in [*boxes, *legends])
    return on and not any(legend.overlaps(box) for legend in legends for box in boxes)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_search_of_few_statements_is_not_cut_off(count):
    row = row_of(Claim(SAMPLE, 6.0))
    path = np.array([[512.0, 0.4], [576.0, 0.1]])
    one = search.SearchResult(X, None, row, 1_024, 1.0, path, 0.1, (0, 1), (0.1, 0.12, 0.15))
    figure = presentation.figure([one] * count, [f"T{i} statement" for i in range(1, 11)])
    assert is_whole(figure)
    assert "T10 statement" in figure.legends[0].get_title().get_text()


def test_the_figure_of_a_statement_is_whole():
    figure = figures.of_statement([row_of(Claim(SAMPLE, 6.0))] * 3 + [EMPTY_ROW], "X: a claim", "x (units)")
    assert figure is not None and is_whole(figure)
