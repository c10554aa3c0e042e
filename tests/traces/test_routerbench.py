"""RouterBench pickles: every number, every error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.recordings import finding, rows
from support.trace_samples import routerbench

from messjax.traces import Choices, Recording, parse_rule, prepare, read


def check_routerbench(recording: Recording) -> None:
    assert recording.models == ("small/v1", "gpt-large")
    assert list(recording.ids) == routerbench.WIDE["sample_id"]
    assert list(recording.texts) == routerbench.WIDE["prompt"]
    assert list(recording.groups) == routerbench.WIDE["eval_name"]
    assert rows(recording.score) == [[1.0, 1.0], [0.0, 1.0], [0.25, None]]
    assert rows(recording.cost) == [[0.0001, 0.01], [0.0002, 0.02], [0.00015, 0.03]]
    assert (recording.cost_unit, recording.token_unit, recording.score_range) == ("USD", "token", (0, 1))
    assert recording.output_tokens is recording.input_tokens is recording.latency is None


def test_wide_and_long(tmp_path: Path) -> None:
    wide, long = read(routerbench.write(tmp_path)), read(routerbench.write_long(tmp_path))
    for recording in (wide, long):
        check_routerbench(recording)
        assert not recording.findings
    assert wide.place(2).endswith("routerbench_0shot.pkl, row 3")
    trace = prepare(wide, parse_rule(None, "", "", "", wide), Choices(missing="drop"))
    assert trace.cost_unit == "USD" and len(trace.prompts) == 2


def test_in_a_folder_counts_cells_that_are_there_twice(tmp_path: Path) -> None:
    routerbench.write(tmp_path)
    routerbench.write_long(tmp_path)
    recording = read(tmp_path)
    check_routerbench(recording)
    result = finding(recording, "doubled cells")
    assert (result.times, "0 with another score" in result.message) == (6, True)


def test_odd_but_valid(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "sample_id": [7, 8],
            "prompt": ["a", "b"],
            "source": ["x", "y"],
            "embedding": [[0.5], [0.25]],
            "true": [True, False],
            "true|model_response": ["r", "s"],
            "words": np.array(["True", " 0.5 "], dtype=object),
            "words|total_cost": ["1e-3", None],
        }
    )
    table.to_pickle(tmp_path / "odd.PKL")
    recording = read(tmp_path)
    assert recording.models == ("true", "words")
    assert (list(recording.ids), list(recording.groups)) == (["7", "8"], ["odd", "odd"])
    assert rows(recording.score) == [[1.0, 1.0], [0.0, 0.5]]
    assert rows(recording.cost) == [[None, 0.001], [None, None]]
    result = finding(recording, "columns left out")
    assert (result.times, "'source', 'embedding'" in result.message) == (2, True)
    table.set_index("sample_id").to_pickle(tmp_path / "odd.PKL")
    assert list(read(tmp_path).ids) == ["7", "8"]


def test_ids_that_repeat_in_another_group(tmp_path: Path) -> None:
    table = pd.DataFrame({**routerbench.WIDE, "sample_id": ["1", "2", "1"]})
    table.to_pickle(tmp_path / "f.pkl")
    assert list(read(tmp_path).ids) == ["1", "2", "1"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_id": None}, r"f\.pkl: found the columns 'prompt', .* expected one named 'sample_id'"),
        ({"prompt": None}, r"expected one named 'prompt'"),
        ({"small/v1": None}, r"found the columns 'small/v1\|total_cost' without their models' scores"),
        ({"prompt": ["", "b", "c"]}, r"f\.pkl, row 1, column 'prompt': the cell is empty"),
        ({"prompt": ["a", None, "c"]}, r"f\.pkl, row 2, column 'prompt': found None, expected a text"),
        ({"small/v1": [1.0, 2.0, float("inf")]}, r"row 3, column 'small/v1': found inf, expected a finite number"),
        ({"small/v1": [1.0, "good", 0.0]}, r"row 2, column 'small/v1': found 'good', expected a number or True, False"),
        ({"small/v1": [[1.0], 0.0, 0.0]}, r"row 1, column 'small/v1': found <list>"),
        ({"gpt-large|total_cost": ["free", 0, 0]}, r"row 1, column 'gpt-large\|total_cost': found 'free', expected a"),
        ({"gpt-large|total_cost": [True, 0, 0]}, r"row 1, column 'gpt-large\|total_cost': found True, expected a num"),
        ({"eval_name": [["x"], "b", "c"]}, r"row 1, column 'eval_name': found <list>, expected a text"),
        (
            {name: None for name in routerbench.WIDE if "|" in name},
            r"expected one per model with its <model>\|total_cost",
        ),
    ],
)
def test_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    columns = {name: cells for name, cells in {**routerbench.WIDE, **change}.items() if cells is not None}
    pd.DataFrame(columns).to_pickle(tmp_path / "f.pkl")
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path / "f.pkl")
    assert str(tmp_path / "f.pkl") in str(caught.value)


def test_tables_that_are_none(tmp_path: Path) -> None:
    for table, message in (
        (pd.DataFrame(routerbench.WIDE).iloc[:0], "has a DataFrame without rows"),
        (pd.DataFrame([[1, 2]]), "whose columns have no names"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "found two columns 'a'"),
        (pd.Series([1.0]), "asks for pandas"),
        ({"a": [1]}, "found dict where DataFrame should be"),
        (pd.DataFrame({"a": pd.to_datetime(["2020-01-01"])}), "asks for pandas"),
    ):
        pd.to_pickle(table, tmp_path / "f.pkl")
        with pytest.raises(ValueError, match=message):
            read(tmp_path / "f.pkl")
