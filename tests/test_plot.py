"""messjax.plot: lines that can be told apart, a tick at zero, notes of what is not drawn."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from messjax import plot
from messjax.plot.style import Drawing


def test_no_two_of_many_lines_look_alike() -> None:
    styles = [plot.line_style(i) for i in range(300)]
    assert len({tuple(map(str, style.values())) for style in styles}) == 300
    for name in ("color", "marker"):
        assert len({style[name] for style in styles[:10]}) == 10


def test_a_note_stands_under_the_title_and_none_where_nothing_is_left_out() -> None:
    figure = Figure()
    figure.suptitle("Title")
    plot.note_omitted(figure, "")
    assert figure.get_suptitle() == "Title"
    plot.note_omitted(figure, "Not drawn: V = 3.")
    assert figure.get_suptitle() == "Title\nNot drawn: V = 3."


def test_the_zero_line_of_the_adjusted_regret_has_its_tick() -> None:
    dims, shape = ("statement", "policy", "V"), (1, 1, 3)
    limits = {"measured": 1.0, "measured_lower": 0.9, "measured_upper": 1.1, "bound": np.nan}
    data = {name: (dims, np.full(shape, value) * np.array([300.0, 200.0, 250.0])) for name, value in limits.items()}
    terms = xr.DataArray(np.ones((3, 1, 3)), dims=("term", "policy", "V"))
    coords = {
        "statement": ["T5 adjusted regret"],
        "policy": ["MESS+"],
        "V": [1.0, 10.0, 100.0],
        "term": ["control", "exploration", "prediction"],
    }
    verdicts = xr.Dataset(data | {"cost_bound_terms": terms}, coords=coords)
    figure = plot.versus_v(verdicts, title="x")
    assert 0.0 in figure.axes[3].get_yticks() and not figure.axes[3].texts
    why = {"measured": verdicts["measured"] * np.nan, "reason": (dims, np.full(shape, "requests are not i.i.d."))}
    panel = plot.versus_v(verdicts.assign(why)).axes[3]  # nothing is measured: the panel says why
    assert " ".join(panel.texts[0].get_text().split()).endswith("not applicable: requests are not i.i.d.")


def test_a_notebook_shows_a_figure_as_a_picture():
    figure = Drawing(figsize=(2.0, 1.0))
    figure.subplots().plot([1, 2])
    assert figure._repr_png_().startswith(b"\x89PNG")
