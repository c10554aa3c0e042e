"""DataFrames of all pandas versions are read from pickles without running them; damaged ones are refused by name."""

from __future__ import annotations

import pickle
import pickletools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.pickle_programs import columns, put, tables
from support.trace_samples import old_pandas

from messjax.traces import pickles
from messjax.traces.frames import frame
from messjax.traces.pickle_names import KNOWN


@pytest.mark.parametrize("name", old_pandas.PICKLES)
def test_older_pandas(tmp_path: Path, name: str) -> None:
    assert columns(put(tmp_path, old_pandas.PICKLES[name])) == old_pandas.COLUMNS


@pytest.mark.parametrize("name", tables())
@pytest.mark.parametrize("protocol", range(6))
def test_this_pandas(tmp_path: Path, name: str, protocol: int) -> None:
    table = tables()[name]
    path = put(tmp_path, pickle.dumps(table, protocol))
    if isinstance(table.index, pd.RangeIndex) or table.index.name:
        table = table.reset_index(drop=not table.index.name)
    expected = {name: [None if pd.isna(cell) else cell for cell in table[name].tolist()] for name in table.columns}
    result = columns(path)
    assert {name: result[name] for name in expected} == expected
    assert frame(path).rows == len(table)


def test_to_pickle_of_a_written_file(tmp_path: Path) -> None:
    pd.DataFrame({"a": ["x"], "b": [1.5]}).to_pickle(tmp_path / "g.pkl")
    assert columns(tmp_path / "g.pkl") == {"a": ["x"], "b": [1.5]}


def test_every_instruction_is_known() -> None:
    for operation in pickletools.opcodes:
        machine = pickles._Machine()
        known = operation.name in {*pickles._CONSTANTS, *pickles._FIXED, *pickles._REFUSED, "MEMOIZE"}
        assert known or hasattr(machine, f"do_{operation.name.lower()}"), operation.name


def test_no_name_that_is_known_has_a_dot_or_can_run() -> None:
    for _, name in KNOWN:
        assert "." not in name
        assert name not in {"eval", "exec", "getattr", "__import__", "system", "read_pickle", "load", "partial", "open"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # odd escapes in texts of protocol 0
def test_damaged_pickles_are_read_or_refused_by_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sources = [*old_pandas.PICKLES.values(), pickle.dumps(tables()["plain"], 4), pickle.dumps(tables()["objects"], 0)]
    was_read = refused = 0
    for n in range(800):
        data = bytearray(sources[n % len(sources)])
        for _ in range(rng.integers(1, 4)):
            start = int(rng.integers(len(data)))
            kind = rng.integers(4)
            if kind == 0:
                del data[start : start + int(rng.integers(1, 9))]
            elif kind == 1:
                data[start:start] = rng.bytes(int(rng.integers(1, 9)))
            elif kind == 2:
                data[start] = int(rng.integers(256))
            else:
                other = int(rng.integers(len(data)))
                data[start : start + 6] = data[other : other + 6]
        path = put(tmp_path, bytes(data))
        try:
            columns(path)
            was_read += 1
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
    assert was_read > 5 and refused > 500
