"""Some of the models: by name, pattern, exclusion, and those that have data; in every command that reads a trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from messjax.cli import __main__ as cli
from messjax.traces import Recording, parse_columns, read, select
from messjax.traces.options import Options

TABLE = "q,s1,s2,s3,s4,c1,c2,c3\nx,0,1,.5,,1,2,\ny,1,1,.25,,1,2,\n"
COLUMNS = "prompt=q,score:org/A=s1,score:B=s2,score:b2=s3,score:D=s4,cost:org/A=c1,cost:B=c2,cost:b2=c3"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def of(path: Path) -> Recording:
    return read(path, "plain", Options(columns=parse_columns(COLUMNS)))


@pytest.mark.parametrize(
    ("models", "exclude", "with_data", "expected"),
    [
        ("B,org/A", "", False, ("org/A", "B")),  # the order of the file
        ("b", "", False, ("B",)),  # a name in other case, not a part of b2
        ("b*", "", False, ("B", "b2")),
        ("", "B,D", False, ("org/A", "b2")),
        ("b*", "b2", False, ("B",)),
        ("", "", True, ("org/A", "B")),
    ],
)
def test_models_are_chosen(file, models, exclude, with_data, expected):
    recording, whole = select(of(file), models, exclude, with_data=with_data), of(file)
    columns = [whole.models.index(model) for model in expected]
    assert recording.models == expected
    assert recording.cell_row is None and whole.cell_row is None  # each cell is in the row of its request
    for name in ("score", "cost"):
        np.testing.assert_array_equal(getattr(recording, name), getattr(whole, name)[:, columns])
    assert [finding.times for finding in recording.findings if finding.check == "models left out"] == [
        len(whole.models) - len(expected)
    ]


def test_names_that_fit_nothing(file):
    with pytest.raises(ValueError, match="--models: found 'C', expected models of 'org/A', 'B'"):
        select(of(file), "B,C")
    with pytest.raises(ValueError, match="leave no model of"):
        select(of(file), "B", "b")
    with pytest.raises(ValueError, match="--exclude 'B,': found an empty name"):
        select(of(file), "", "B,")


def test_the_options_of_a_command(file, capsys):
    optimum = ["--no-cache", "optimum", "--trace", str(file), "--columns", COLUMNS, "--alpha", ".5"]
    assert cli.main([*optimum, "--models-with-data"]) == 0
    assert cli.main([*optimum, "--models", "B,org/A"]) == 0
    text = capsys.readouterr().out
    assert "org/A" in text and "b2" not in text
    assert cli.main([*optimum, "--exclude", "b2"]) == 0  # D has no score
    assert "note: models without a score are left out: 'D'" in capsys.readouterr().out
    assert cli.main(["optimum", "--zoo", "llama3", "--alpha", ".5", "--models", "x"]) == 2
    assert "--models are for --trace" in capsys.readouterr().err
