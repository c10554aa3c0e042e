"""Small files that ask for much: caps that are stated, and time in proportion to the size."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from messjax import traces
from messjax.traces import builder, contents, parquet

COLUMNS = {name: name for name in ("id", "prompt", "model", "score", "cost")}


def test_many_models_that_answered_one_request_each(tmp_path: Path) -> None:
    """A table of 20,000 requests and 20,000 models took 18.6 GB, for a file of 1 MB."""
    path, started = tmp_path / "models.csv", time.process_time()
    rows = "".join(f"{i},question {i},model number {i},1,1\n" for i in range(4_000))
    path.write_text("id,prompt,model,score,cost\n" + rows)
    with pytest.raises(ValueError, match=r"models\.csv: found 4,000 requests and 4,000 models.*one of 64.*--models"):
        traces.read(path, "plain", traces.Options(None, None, COLUMNS))
    assert time.process_time() - started < 5


def test_a_table_of_usual_size_may_be_sparse(tmp_path: Path) -> None:
    path = tmp_path / "sparse.csv"
    rows = "".join(f"{i},question {i},m{i},1,1\n" for i in range(300))
    path.write_text("id,prompt,model,score,cost\n" + rows)
    found = traces.read(path, "plain", traces.Options(None, None, COLUMNS))
    assert found.score.shape == (300, 300) and builder.ALWAYS_HELD > 300 * 300


def test_a_parquet_file_that_expands(tmp_path: Path) -> None:
    """Equal values take no room in a file: 688 KB of them took 11 GB."""
    path, n, started = tmp_path / "bomb.parquet", 200_000, time.process_time()
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x" * 40_000]))
    columns = {"id": np.arange(n), "prompt": same, "model": ["a"] * n, "score": np.ones(n), "cost": np.ones(n)}
    pq.write_table(pa.table(columns), path, compression="zstd", store_schema=False)
    assert path.stat().st_size * contents.MOST_EXPANDED < n * 40_000
    with pytest.raises(ValueError, match=r"bomb\.parquet: found a file of [\d,]+ bytes that expands to more than"):
        traces.read(path, "plain", traces.Options(None, None, COLUMNS))
    assert time.process_time() - started < 10


@pytest.mark.parametrize("kind", ["columns", "the same column", "keys", "the same key"])
def test_time_is_linear_in_columns_and_keys(kind: str, tmp_path: Path) -> None:
    """Eight times the names take less than thirty times as long; a quadratic reader takes sixty-four."""
    taken = []
    for n in (4_000, 32_000):
        names = ["m"] * n if kind.startswith("the same") else [f"m{i}" for i in range(n)]
        path = tmp_path / f"{n}.{'csv' if 'column' in kind else 'jsonl'}"
        if "column" in kind:
            path.write_text(f"prompt,{','.join(names)}\nhello,{','.join(['1'] * n)}\n")
        else:
            path.write_text('{"prompt":"hello",' + ",".join(f'"{name}":1' for name in names) + "}\n")
        started = time.process_time()
        with contextlib.suppress(ValueError):  # whether it can be read is not the question
            traces.read(path)
        taken.append(time.process_time() - started)
    assert taken[1] < max(30 * taken[0], 2.0)


@pytest.mark.parametrize("kind", ["text", "numbers"])
def test_a_trace_of_messjax_that_expands(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal texts, or equal numbers: 700 KB were 11 GB. A smaller cap keeps the test small."""
    monkeypatch.setattr(contents, "ALWAYS_EXPANDED", 2**22)
    n, models, path = 2_000, 2 if kind == "text" else 600, tmp_path / "bomb.parquet"
    about = {"version": 1, "models": [f"m{i}" for i in range(models)], "cost_unit": "USD", "token_unit": "tokens"}
    about |= {"source": "x", "provenance": {}, "notes": []}
    numbers = pa.list_(pa.float64(), models)
    schema = pa.schema(
        [("id", pa.large_string()), ("text", pa.large_string()), ("group", pa.dictionary(pa.int32(), pa.string()))]
        + [(name, numbers) for name in ("satisfaction", "cost")],
        metadata={parquet.KEY: json.dumps(about).encode()},
    )
    ones = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(n * models)), models)
    text = pa.array(["x" * (50_000 if kind == "text" else 1)] * n, pa.large_string())
    ids, groups = pa.array([str(i) for i in range(n)], pa.large_string()), pa.array(["g"] * n).dictionary_encode()
    table = pa.table([ids, text, groups, ones, ones], schema=schema)
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)
    assert path.stat().st_size * contents.MOST_EXPANDED < table.nbytes
    with pytest.raises(ValueError, match=r"bomb\.parquet: found a file of [\d,]+ bytes that expands to more than"):
        list(traces.read(path).texts)
