"""What people read: folded rows, named calls, limits that are possible, warnings, zoos from files."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from messjax import results, runtime, zoo
from messjax.cli import __main__ as cli
from messjax.cli import replay_advice, zoo_files
from messjax.evaluation import comparison, comparison_table


def dataset(num_models: int = 60) -> xr.Dataset:
    """What `compare` returns for a zoo of which two models are not beaten, two streams, two alpha."""
    names = [f"model {m}" for m in range(num_models)]
    policies = [comparison.MESS_PLUS, *(f"only {name}" for name in names), comparison.MIXTURE]
    shape = (len(policies), 2, 1, 2)  # policy, alpha, V, stream
    cost, satisfaction = np.full(shape, 5.0), np.full(shape, 0.5)
    cost[1], satisfaction[1], satisfaction[2] = 1.0, 0.4, 0.9
    satisfaction[0] = [0.55, 0.95]
    calls = np.zeros((*shape, num_models))
    calls[0, ..., 3], calls[0, ..., 7], calls[0, ..., 9] = 60.0, 39.0, 1.0
    variables = {"cost": cost, "cost_exploit": cost, "satisfaction": satisfaction, "sla_from": np.full(shape, 7)}
    variables |= {"explored": np.full(shape, 9.0), "violation": 0.6 - satisfaction}
    data = {name: (("policy", "alpha", "V", "stream"), values) for name, values in variables.items()}
    data["calls"] = (("policy", "alpha", "V", "stream", "model"), calls)
    data["optimal_cost"] = (("alpha",), np.array([1.0, 1.0]))
    coords = {"policy": policies, "alpha": [0.6, 0.7], "V": [0.1], "model": names, "c": 0.1}
    return xr.Dataset(data, coords=coords, attrs={"horizon": 100, "cost_unit": "USD"})


def test_beaten_single_models_are_folded_and_shown_on_demand():
    runs = dataset()
    assert len(comparison.dominated(runs)) == 58
    short, whole = (comparison_table.table(runs, "title", everything=everything) for everything in (False, True))
    assert (short.row_count, whole.row_count) == (2 + 2 + 2, 2 + 60 + 2)
    assert "58 single models are left out" in str(short.caption) and "left out" not in str(whole.caption)


def test_calls_name_the_models_that_are_used():
    one = dataset().sel(policy=comparison.MESS_PLUS).isel(alpha=0, V=0)
    assert comparison_table.calls(one) == "model 3 60.0%, model 7 39.0%, model 9 1.0%"
    assert comparison_table.calls(one, most=1) == "model 3 60.0%, 2 others at most 39.0% each"


def test_intervals_of_two_seeds_stay_where_satisfaction_can_be():
    limits = comparison.clipped(results.summary(dataset()))["satisfaction"].sel(policy=comparison.MESS_PLUS)
    assert results.summary(dataset())["satisfaction"].sel(limit="upper").max() > 3.0
    assert float(limits.min()) == 0.0 and float(limits.max()) == 1.0


def test_a_warning_says_that_nothing_can_be_learned_and_what_to_change():
    class Two:
        satisfaction = np.full((100, 2), 0.5)

    said = replay_advice.warnings(dataset(), Two)  # type: ignore[arg-type]
    assert "c = 0.1 is too small to learn from: explored 9 of 100 requests" in said[0]
    assert replay_advice.predictor_warning(0.7, 0.6, 0.1, 9.0) and not replay_advice.predictor_warning(0.5, 0.6, 0.1, 9)


def lines_at_80_columns(*tables) -> list[str]:
    page = io.StringIO()
    for table in tables:
        Console(file=page, width=80).print(table)
    lines = page.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def test_numbers_are_whole_in_80_columns():
    runs = dataset()
    runs["cost"] = runs["cost"] * 1.2345e-5
    router = {"policy": "mine (recorded)", "cost": 1.5e-5, "cost_exploit": 1.5e-5, "satisfaction": 0.5}
    router |= {f"{comparison.CALLS}model {m}": float(m == 3) for m in range(60)}
    lines = lines_at_80_columns(comparison_table.table(runs, "title", more=[router], width=80))
    words = {word for line in lines for word in line.split()}
    assert {"6.172e-05", "1.234e-05", "1.5e-05", "0.7500", "(0.000", "60.0%", "39.0%", "mine", "0.6", "0.1"} <= words
    assert not any("model 60" in line or "\u2026" in line for line in lines)
    wide = comparison_table.table(runs, "title", more=[router])
    assert "0.7500 (0.000 to 1.000)" in wide.columns[3].cells and "model 3 100.0%" in wide.columns[5].cells


def test_an_optimum_is_whole_in_80_columns(tmp_path, monkeypatch):
    path, page = tmp_path / "mine.csv", io.StringIO()
    path.write_text("model,cost,accuracy\nprovider/model-22,1.2345e-5,0.6\nb,.00076543,.86\n", "utf-8")
    monkeypatch.setattr(runtime, "console", lambda: Console(file=page, width=80))
    assert cli.main(["--no-cache", "optimum", "--zoo", str(path), "--alpha", "0.7"]) == 0
    assert max(map(len, page.getvalue().splitlines())) <= 80
    words = page.getvalue().split()
    assert {"provider/model-22", "0.000301993", "0.00289648", "0.7000", "61.54%", "38.46%"} <= set(words), words


def test_ten_thousand_settings_are_a_short_table():
    runs = dataset(10).isel(V=0).drop_vars("V")
    many = xr.concat(
        [runs.assign_coords(V=float(v)) for v in range(100)], dim="V", data_vars="minimal", coords="minimal"
    )
    short = comparison_table.table(many, "title")
    assert short.row_count < 20 and "table.csv has all" in str(short.caption)
    assert len(comparison.records(many)) == 200 + 10 + 2


def test_a_zoo_is_read_from_a_file(tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_text("model,cost,accuracy\ngpt-4o,5,0.86\nphi,0.1,0.55\nllama-8b,0.3,0.68\n", encoding="utf-8")
    mine = zoo_files.get(str(path))
    assert mine.models == ("phi", "llama-8b", "gpt-4o") and mine.accuracy.tolist() == [[0.55, 0.68, 0.86]]
    assert cli.main(["--no-cache", "optimum", "--zoo", str(path), "--alpha", "0.7"]) == 0
    # from llama-8b at .68 to gpt-4o at .86: a ninth of the way
    assert "llama-8b 88.89%, gpt-4o 11.11%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,cost\na,1\n", "row 1: found no accuracy"),
        ("model,cost,accuracy\na,x,0.5\n", "found cost 'x'"),
        ("model,cost,accuracy\na,1,50\n", "accuracy 50"),
        ("model,cost,accuracy\na,1,.5\na,2,.6\n", "model 'a' twice"),
        ("model,cost,accuracy,benchmark\na,1,.5,x\nb,1,.5,x\na,1,.5,y\n", "no row of model 'b' on 'y'"),
        ("model,cost,accuracy,cost_unit\na,1,.5,USD\nb,2,.6,EUR\n", "row 2: found cost_unit 'EUR', and 'USD' in row 1"),
        ("model,cost,accuracy,cost_unit\na,1,.5,USD\nb,2,.6,\n", "row 2: found cost_unit ''"),
    ],
)
def test_a_bad_zoo_is_refused_with_its_place(tmp_path, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        zoo_files.get(str(path))


def test_the_unit_of_a_zoo_is_read_and_get_names_read(tmp_path):
    path = tmp_path / "mine.json"
    rows = [{"model": name, "cost": cost, "accuracy": 0.5, "cost_unit": "USD"} for name, cost in (("b", 2), ("a", 1))]
    path.write_text(json.dumps(rows), encoding="utf-8")
    mine = zoo.read(str(path))
    assert mine.cost_unit == mine.stream().description.cost_unit == "USD" and mine.models == ("a", "b")
    with pytest.raises(ValueError, match=r"expected one of llama3.*zoo\.read reads files"):
        zoo.get(str(path))
    with pytest.raises(ValueError, match=r"found a file \.txt, expected \.csv or \.json"):
        zoo.read(tmp_path / "mine.txt")
