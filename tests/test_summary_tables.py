"""Summaries as a DataFrame, as LaTeX and as a flat dictionary; coordinates with units and long names."""

import numpy as np
import pytest
import xarray as xr

from messjax import results, summary_tables


def runs() -> xr.Dataset:
    final = {"cost": np.arange(12.0).reshape(3, 2, 2), "calls": np.ones((3, 2, 2, 2))}
    axes = {"V": np.array([1.0, 10.0]), "alpha": np.array([0.6, 0.7]), "c": np.array(0.1)}
    about = {"horizon": 5, "models": ("a_b", "<b>"), "cost_unit": "USD"}
    curve = {"cost": np.ones((3, 2, 2, 2))}
    return results.to_dataset(final, curve, axes, times=np.array([1, 5]), **about)


def test_a_frame_has_a_row_per_point_and_limits_beside_means():
    frame = results.to_frame(results.summary(runs()))
    assert list(frame.columns) == ["cost", "cost_lower", "cost_upper"] and frame.index.names == ["V", "alpha"]
    assert frame.loc[(10.0, 0.6), "cost"] == runs()["cost"].sel(V=10.0, alpha=0.6).mean()
    assert (frame["cost_lower"] < frame["cost"]).all()
    with pytest.raises(ValueError, match="found 'calls', expected some of cost"):
        results.to_frame(results.summary(runs()), ["calls"])
    with pytest.raises(ValueError, match="expected a result of `summary`"):
        results.to_frame(runs())


def test_latex_has_rules_units_and_escaped_names():
    text = results.to_latex(results.summary(runs()), digits=2, caption="50% of A & B_1")
    assert r"\caption{50\% of A \& B\_1}" in text and text.count(r"\\") == 5
    assert "V & alpha & cost [USD]" in text and r"10 & 0.7 & $7.0 \pm 9.9$ \\" in text
    labelled = results.to_latex(results.summary(runs()), caption="A", label="tab:a_1")
    assert labelled.splitlines()[2:4] == [r"\caption{A}", r"\label{tab:a_1}"] and r"\end{table}" in labelled
    assert r"\caption" not in results.to_latex(results.summary(runs()), label="tab:a")
    with pytest.raises(ValueError, match="label: found 'a}', expected a key"):
        results.to_latex(results.summary(runs()), label="a}")
    assert summary_tables.escaped("a_b<{$}") == r"a\_b\textless{}\{\$\}"
    one = runs().isel(stream=[0], V=1, alpha=1)
    assert "$3.00$" in results.to_latex(results.summary(one))
    tiny = results.summary(runs() * 1e-9)
    assert r"$(7.00 \pm 9.94) \times 10^{-9}$" in results.to_latex(tiny)


def test_a_flat_dictionary_names_every_point():
    flat = results.to_flat_dict(runs())
    assert flat["cost/V=10/alpha=0.6"] == 6.0 and flat["about/cost_unit"] == "USD"
    assert not any("calls" in name or "curve" in name for name in flat)
    limits = results.to_flat_dict(results.summary(runs()))
    assert limits["cost/V=10/alpha=0.6"] == 6.0 and limits["cost/V=10/alpha=0.6/lower"] < 6.0
    assert all(isinstance(value, str | float | int) for value in limits.values())


def test_coordinates_have_units_and_long_names_in_the_file_too(tmp_path):
    saved = results.load(results.save(runs(), tmp_path / "x.nc"))
    assert saved.attrs["Conventions"].startswith("CF-")
    assert saved["V"].attrs == {"long_name": "weight of cost against satisfaction", "units": "1/(USD)"}
    assert all({"long_name", "units"} <= set(saved[name].attrs) for name in ("alpha", "c", "t", "model"))
