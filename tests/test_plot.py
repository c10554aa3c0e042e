"""messjax.plot: lines that can be told apart, a tick at zero, notes of what is not drawn."""

from __future__ import annotations

import numpy as np
import pytest
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


def verdicts_of(statement: str, measured: list[float], bound: float = np.nan) -> xr.Dataset:
    """Verdicts of one statement at three V."""
    dims, shape = ("statement", "policy", "V"), (1, 1, 3)
    values = np.reshape(measured, shape)
    data = {name: (dims, values + width * np.abs(values)) for name, width in
            {"measured": 0.0, "measured_lower": -0.1, "measured_upper": 0.1}.items()}  # fmt: skip
    data["bound"] = (dims, np.full(shape, bound))
    terms = xr.DataArray(np.ones((3, 1, 3)), dims=("term", "policy", "V"))
    coords = {
        "statement": [statement],
        "policy": ["MESS+"],
        "V": [1.0, 10.0, 100.0],
        "term": ["control", "exploration", "prediction"],
    }
    return xr.Dataset(data | {"cost_bound_terms": terms}, coords=coords)


def test_numbers_of_one_decade_have_a_linear_axis_and_of_several_a_logarithmic_one() -> None:
    for measured, scale in (([0.8, 2.0, 3.0], "linear"), ([-0.8, 2.0, 3.0], "linear"), ([0.01, 1.0, 30.0], "symlog")):
        axis = plot.versus_v(verdicts_of("T5 adjusted regret", measured)).axes[3]
        low, high = axis.get_ylim()
        assert axis.get_yscale() == scale and low < min(*measured, 0.0) and high > max(measured)
        assert sum(low <= tick <= high for tick in axis.get_yticks()) >= 4 and 0.0 in axis.get_yticks()


def test_the_bound_on_the_mean_queue_is_as_thick_as_the_legend_says() -> None:
    figure = plot.versus_v(verdicts_of("T3'", [1.0, 2.0, 3.0], bound=2.0))
    widths = {text.get_text(): line.get_linewidth() for text, line in
              zip(figure.legends[0].get_texts(), figure.legends[0].get_lines(), strict=False)}  # fmt: skip
    thick = next(width for label, width in widths.items() if label.startswith("thick"))
    assert next(width for label, width in widths.items() if label.startswith("(c) T3'")) == thick


def test_the_zero_line_of_the_adjusted_regret_has_its_tick() -> None:
    verdicts = verdicts_of("T5 adjusted regret", [300.0, 200.0, 250.0])
    dims, shape = ("statement", "policy", "V"), (1, 1, 3)
    figure = plot.versus_v(verdicts, title="x")
    assert 0.0 in figure.axes[3].get_yticks() and not figure.axes[3].texts
    why = {"measured": verdicts["measured"] * np.nan, "reason": (dims, np.full(shape, "requests are not i.i.d."))}
    panel = plot.versus_v(verdicts.assign(why)).axes[3]  # nothing is measured: the panel says why
    assert " ".join(panel.texts[0].get_text().split()).endswith("not applicable: requests are not i.i.d.")


def test_a_notebook_shows_a_figure_as_a_picture():
    figure = Drawing(figsize=(2.0, 1.0))
    figure.subplots().plot([1, 2])
    assert figure._repr_png_().startswith(b"\x89PNG")


def recorded(**sizes: int) -> xr.Dataset:
    """Paths of queue, satisfaction and cost: a number that tells stream and request."""
    shape = (*sizes.values(), 5, 4)
    dims = (*sizes, "stream", "t")
    number = np.broadcast_to(10.0 * np.arange(5)[:, None] + np.arange(4), shape)
    data = {f"{name}_curve": (dims, number) for name in ("queue_last", "satisfaction", "cost")}
    coords = {name: [f"p{n}" for n in range(size)] if name == "policy" else 1.0 + np.arange(size)
              for name, size in sizes.items()}  # fmt: skip
    levels = {"gamma": 2.0, "optimal_cost": 0.5}
    return xr.Dataset(data | levels, coords={"V": 3.0, "alpha": 0.7, "t": [10, 20, 30, 40]} | coords)


def test_sample_paths_are_the_curves_of_single_streams_and_their_mean() -> None:
    figure = plot.sample_paths(recorded(), streams=2, title="mine")
    queue, satisfaction, cost = figure.axes
    np.testing.assert_array_equal(queue.lines[1].get_ydata(), [10.0, 11.0, 12.0, 13.0])
    np.testing.assert_array_equal(queue.lines[2].get_ydata(), 20.0 + np.arange(4))
    assert [len(axis.lines) for axis in figure.axes] == [4, 4, 4]
    assert [axis.lines[-1].get_ydata()[0] for axis in (queue, satisfaction, cost)] == [6.0, 0.7, 0.5]
    labels = [text.get_text() for text in figure.legends[0].texts]
    assert labels == ["2 single streams", "mean of 5 streams", "C*, V gamma*, alpha"]


def test_sample_paths_have_a_color_for_each_policy_or_value_and_are_drawn_where_they_are_told_to() -> None:
    own = Figure()
    axes = [own.add_subplot()]
    assert plot.sample_paths(recorded(policy=3), ["cost"], streams=1, axes=axes) is own
    assert len({line.get_color() for line in axes[0].lines} - {"k"}) == 3
    assert [text.get_text() for text in axes[0].get_legend().texts][:3] == ["p0", "p1", "p2"]
    figure = plot.sample_paths(recorded(V=2), ["queue_last"], streams=0)
    assert [line.get_ydata()[0] for line in figure.axes[0].lines] == [20.0, 2.0, 20.0, 4.0]
    assert figure.legends[0].texts[0].get_text() == "V = 1"


@pytest.mark.parametrize(
    ("runs", "options", "message"),
    [
        (xr.Dataset({"cost": ("stream", [1.0])}), {}, r"no paths along the requests.*checkpoints=500, curves=\('queue"),
        (recorded(), {"variables": ["S"]}, r"found paths of queue_last, satisfaction, cost, expected those of S"),
        (recorded(policy=2, V=2), {}, r"dimensions V, policy, expected at most one .* runs.sel\(policy='p0'\)"),
        (recorded(V=11), {}, "found 11 values of V, expected at most 10"),
        (recorded(), {"axes": []}, "axes: found 0, expected 3"),
    ],
)
def test_what_has_no_sample_paths_says_how_to_record_them(runs, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        plot.sample_paths(runs, **options)


def test_bars_and_curves_are_drawn_where_they_are_told_to() -> None:
    own = Figure()
    axes = own.subplots(2, 2)
    limits = {"limit": ["mean", "lower", "upper"]}
    terms = ["noise", "decision loss", "exploration", "gap of the dual", "terminal queue", "reflection"]
    of_term = xr.DataArray(np.ones((1, 3, 6)), dims=("V", "limit", "term"))
    of_point = xr.DataArray(np.ones((1, 3)), dims=("V", "limit"))
    data = {"cost_gap_terms": of_term, "regret_terms": of_term}
    data |= {name: of_point for name in ("cost_gap", "cost", "regret", "C_star")}
    made = xr.Dataset(data, coords={"V": [1.0], "term": terms} | limits)
    assert plot.decomposition(made, axes=axes[0]) is own
    assert len(axes[0, 0].patches) == 6 and axes[0, 0].get_legend() is not None and own.legends == []
    curve = (("limit", "t"), np.ones((3, 4)))
    summary = xr.Dataset({"satisfaction_curve": curve, "cost_curve": curve}, coords={"t": [1, 2, 3, 4]} | limits)
    about = {"alpha": 0.7, "title": "mine", "cost_unit": "USD"}
    assert plot.over_requests([("A", summary)], **about, axes=axes[1]) is own and len(axes[1, 0].lines) == 2
    assert own.get_suptitle() == ""
    with pytest.raises(ValueError, match="axes: found 4, expected 2"):
        plot.over_requests([("A", summary)], **about, axes=axes)
