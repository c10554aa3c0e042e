"""SPROUT Parquet: every number, every error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.recordings import rows
from support.trace_samples import sprout

from messjax.traces import Choices, Recording, parse_rule, prepare, read

NAN = float("nan")


def check_sprout(recording: Recording) -> None:
    assert recording.models == ("aws-claude-3.5", "llama-3-2-1b")
    assert list(recording.ids) == ["11", "12", "13"]
    assert list(recording.texts) == ['Which "one"?\nA', "模型", "1+1"]
    assert list(recording.groups) == ["gpqa", "gpqa", "math"]
    assert rows(recording.score) == [[1.0, 0.0], [0.0, None], [1.0, None]]
    assert rows(recording.input_tokens) == [[10, 13], [11, None], [12, 15]]
    assert rows(recording.output_tokens) == [[100, 50], [110, None], [120, 70]]
    assert recording.cost is None and not recording.findings


def test_the_sample_is_read_number_by_number(tmp_path: Path) -> None:
    recording = read(sprout.write(tmp_path))
    check_sprout(recording)
    assert recording.place(2).endswith("train.parquet, row 3")
    rule = parse_rule(None, "claude=3/15,llama=0.06", "", "", recording)
    trace = prepare(recording, rule, Choices(missing="drop"))
    np.testing.assert_allclose(trace.cost, [[63 * 0.06e-6, (3 * 10 + 15 * 100) / 1e6]])


def test_splits_of_a_folder(tmp_path: Path) -> None:
    sprout.write(tmp_path)
    sprout.write(tmp_path, {**sprout.COLUMNS, "prompt": ["x", "y", "z"]}, "test.parquet")
    recording = read(tmp_path)
    assert recording.score.shape == (6, 2)  # keys of another split are other requests
    assert list(recording.texts)[:4] == ["x", "y", "z", 'Which "one"?\nA']


def test_without_keys_and_token_counts(tmp_path: Path) -> None:
    scores = pa.array([{"score": True}, {"score": False}], pa.struct([("score", pa.bool_())]))
    recording = read(sprout.write(tmp_path, {"prompt": ["a", "b"], "m.score": scores, "other": [1, 2]}, "f.parquet"))
    assert (recording.models, rows(recording.score)) == (("m.score",), [[1.0], [0.0]])
    assert (list(recording.ids), list(recording.groups)) == (["f/1", "f/2"], ["f", "f"])
    assert recording.output_tokens is None


def test_a_view_of_many_row_groups(tmp_path: Path) -> None:
    many = {"prompt": [str(n) for n in range(20_000)], "m": [sprout.struct(n % 2, n, 2 * n) for n in range(20_000)]}
    recording = read(sprout.write(tmp_path, many, rows_of_group=3_000))
    np.testing.assert_array_equal(recording.score[:, 0], np.arange(20_000) % 2)
    assert recording.output_tokens is not None
    np.testing.assert_array_equal(recording.output_tokens[:, 0], 2 * np.arange(20_000))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": ["a", "", "c"]}, r"row 2, column 'prompt': the cell is empty"),
        ({"prompt": ["a", None, "c"]}, r"row 2, column 'prompt': found None"),
        ({"prompt": [{"a": 1}] * 3}, r"row 1, column 'prompt': found a record of"),
        ({"dataset": [1.5, 2.5, 3.5]}, r"row 1, column 'dataset': found 1.5"),
        ({"llama-3-2-1b": [sprout.struct("x", 1, 1)] * 3}, r"row 1, column 'llama-3-2-1b.score': found 'x'"),
        (
            {"llama-3-2-1b": [sprout.struct(1.0, 1, NAN), sprout.struct(1.0, 1, 1e30), None]},
            r"row 2, .*tokens': found 1e",
        ),
        ({"llama-3-2-1b": [sprout.struct(1.0, True, 1)] * 3}, r"num_input_tokens': found True"),
        ({"prompt": None}, r"expected 'prompt' and one struct per model"),
        ({"aws-claude-3.5": None, "llama-3-2-1b": None}, r"expected 'prompt' and one struct per model"),
    ],
)
def test_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    columns = {name: cells for name, cells in {**sprout.COLUMNS, **change}.items() if cells is not None}
    path = sprout.write(tmp_path, columns)
    with pytest.raises(ValueError, match=message) as caught:
        read(path, "sprout")
    assert str(path) in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = sprout.write(tmp_path)
    whole = path.read_bytes()
    for content in (whole[:-9], whole[:50] + b"\xff" * 200 + whole[250:], b"PAR1", whole[:4] + whole[-400:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"train\.parquet"):
            read(path, "sprout")
    pq.write_table(
        pa.table({"prompt": pa.array([], pa.string()), "m": pa.array([], pa.struct([("score", pa.int8())]))}), path
    )
    with pytest.raises(ValueError, match="has no rows"):
        read(path)
    sprout.write(tmp_path, {"prompt": ["a"], "m": [sprout.struct(1, 1, 1)]}, "a.parquet")
    sprout.write(tmp_path)
    with pytest.raises(ValueError, match=r"train\.parquet has the models .* expected those of .*a\.parquet: 'm'"):
        read(tmp_path)
