"""Every format as files lie about: packed, in another encoding, as a list, linked, with copies beside, half written."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.trace_fuzzing import FORMATS, options_of, sample

from messjax import traces
from messjax.cli import __main__ as cli
from messjax.traces import contents

TEXT = [name for name in FORMATS if name not in ("messjax", "routerbench", "sprout")]
LINES = ("routerarena", "llmrouter", "lm_eval", "paretobandit")


def zst(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)


def files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def same(one: traces.Recording, other: traces.Recording) -> None:
    """The same requests, models and cells."""
    assert (one.models, list(one.ids), list(one.texts)) == (other.models, list(other.ids), list(other.texts))
    for name in ("score", "cost", "input_tokens", "output_tokens", "latency"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def read(name: str, path: Path, **more: Any) -> traces.Recording:
    return traces.read(path, name, options_of(name)._replace(**more))


@pytest.mark.parametrize("name", TEXT)
def test_packed_files(name, tmp_path):
    path = sample(name, tmp_path / "whole")
    folder = path if path.is_dir() else path.parent
    whole = read(name, folder)
    for suffix, pack in ((".gz", gzip.compress), (".zst", zst), (".xz", lzma.compress)):
        for file in files(folder):
            file.with_name(file.name + suffix).write_bytes(pack(file.read_bytes()))
            file.unlink()
        packed = traces.read(folder, "auto" if name != "plain" else name, options_of(name))
        same(packed, whole)
        for file in files(folder):
            data = file.read_bytes()
            file.write_bytes(data[: len(data) // 2])
            with pytest.raises(ValueError, match=f"{file.name}.*(found broken|is empty|not UTF-8|no .*data)"):
                read(name, file)
            file.write_bytes(data)
        for file in files(folder):
            raw = {".gz": gzip.decompress, ".zst": unzst, ".xz": lzma.decompress}[suffix](file.read_bytes())
            file.with_name(file.name.removesuffix(suffix)).write_bytes(raw)
            file.unlink()


def unzst(data: bytes) -> bytes:
    return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()


@pytest.mark.parametrize("name", TEXT)
def test_encodings_copies_and_pointers(name, tmp_path):
    path = sample(name, tmp_path / "whole")
    folder = path if path.is_dir() else path.parent
    whole, kept = read(name, folder), {file: file.read_bytes() for file in files(folder)}
    for file, data in kept.items():
        for copy in (
            f".{file.name}",
            f"{file.name}~",
            f"{file.stem} (1){file.suffix}",
            f"{file.stem} copy{file.suffix}",
        ):
            file.with_name(copy).write_bytes(data[: len(data) // 2])
        (file.parent / ".ipynb_checkpoints").mkdir(exist_ok=True)
        (file.parent / ".ipynb_checkpoints" / f"{file.stem}-checkpoint{file.suffix}").write_bytes(data)
    recording = read(name, folder)
    same(recording, whole)
    assert "copies left out" in {finding.check for finding in recording.findings}
    for file, data in kept.items():
        file.write_bytes(data.decode("utf-8-sig").encode("utf-16"))
    recording = read(name, folder)
    same(recording, whole)
    assert "encoding" in {finding.check for finding in recording.findings}
    for file, data in kept.items():
        file.write_bytes(data.decode("utf-8-sig").encode("utf-16-le"))
    same(read(name, folder, encoding="utf-16-le"), whole)
    with pytest.raises(ValueError, match="--encoding: found 'latin-99'"):
        read(name, folder, encoding="latin-99")
    for file in kept:
        file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n")
    with pytest.raises(ValueError, match="is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`"):
        read(name, folder)


def test_pointers_where_something_else_is_expected(tmp_path, capsys):
    for name in ("t.parquet", "zoo.csv", "zoo.json", "prices.json"):
        (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n")
    table = tmp_path / "t.csv"
    table.write_text("q,a,b\nx,1,0\ny,0,1\n")
    for command in (
        ["trace", "info", tmp_path / "t.parquet", "--format", "messjax"],
        ["optimum", "--zoo", tmp_path / "zoo.csv", "--alpha", "0.5"],
        ["optimum", "--zoo", tmp_path / "zoo.json", "--alpha", "0.5"],
        ["trace", "info", table, "--columns", "prompt=q,score:a=a,score:b=b", "--prices", tmp_path / "prices.json"],
    ):
        assert cli.main(["--no-cache", *map(str, command)]) == 2
        assert "is a Git LFS pointer, not the file itself" in capsys.readouterr().err


@pytest.mark.parametrize("name", LINES)
def test_lines_in_a_json_file_and_a_list(name, tmp_path):
    path = sample(name, tmp_path / "whole")
    folder = path if path.is_dir() else path.parent
    whole = read(name, folder)
    for file in files(folder):
        if file.suffix == ".jsonl":
            file.rename(file.with_suffix(".json"))
        elif file.suffix == ".json":
            file.unlink()
    same(traces.read(folder), whole)
    for file in files(folder):
        file.write_text(json.dumps([json.loads(line) for line in file.read_text().split("\n") if line]))
    same(traces.read(folder), whole)


@pytest.mark.parametrize("name", TEXT)
def test_a_half_written_end_is_one_row(name, tmp_path):
    if name in ("alpaca_eval", "llmrouterbench"):
        pytest.skip("one JSON document per file")
    path = sample(name, tmp_path / "whole")
    file = files(path)[-1]
    text = file.read_text(encoding="utf-8-sig").rstrip("\n")
    end = '{"half": ' if file.suffix == ".jsonl" else "half"
    file.write_text(f"{text}\n{end}", encoding="utf-8")
    with pytest.raises(ValueError, match=f"{file.name}.*--on-bad skip"):
        read(name, path)
    recording = read(name, path, on_bad="skip")
    (found,) = [each for each in recording.findings if each.check in ("broken lines", "broken rows")]
    assert (found.severity, found.times) == ("warning", 1) and file.name in found.examples[0]
    (found,) = [each for each in read(name, path, on_bad="report").findings if each.check.startswith("broken")]
    assert (found.severity, found.option) == ("error", "--on-bad skip")


def test_a_small_file_that_expands_beyond_reason(tmp_path, monkeypatch):
    path, packed = tmp_path / "t.csv.gz", gzip.compress(b"q,s\n" + b"x" * 2**20 + b",1\n")
    path.write_bytes(packed)
    chosen = traces.Options(columns=traces.parse_columns("prompt=q,score:m=s"))
    assert traces.read(path, "plain", chosen).score.tolist() == [[1.0]]
    monkeypatch.setattr(contents, "ALWAYS_EXPANDED", 2**18)
    with pytest.raises(ValueError, match=r"t\.csv\.gz: found a file of .* bytes that expands to more than"):
        traces.read(path, "plain", chosen)


def test_nothing_but_bad_rows_is_refused_with_the_first(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"q": "", "s": 1}\n{"q": "", "s": 0}\n')
    chosen = traces.Options(columns=traces.parse_columns("prompt=q,score:m=s"), on_bad="skip")
    with pytest.raises(ValueError, match="the first row that was left out: .*line 1, column 'q': the cell is empty"):
        traces.read(path, "plain", chosen)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("q;s\nx;0,5\ny;1\n", [0.5, 1.0]),
        ("q\ts\nx\t0.5\ny\t1e-1\n", [0.5, 0.1]),
        ('q;s\n"a;b, c";,25\ny;-\n', [0.25, np.nan]),
        ("q;s\nx;0,5\ny;0.25\n", "row 3 .line 3., column 's': found '0.25', expected a number"),
        ("q;s\nx;1.234,5\n", "found '1.234,5', expected a number"),
    ],
)
def test_separators_and_decimal_commas(content, expected, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(content)
    chosen = traces.Options(columns=traces.parse_columns("prompt=q,score:m=s"))
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            traces.read(path, "plain", chosen)
    else:
        recording = traces.read(path, "plain", chosen)
        np.testing.assert_array_equal(recording.score[:, 0], expected)
        assert recording.findings[0].check == "cells not separated by commas"


def test_linked_folders_are_followed_once(tmp_path):
    path = sample("lm_eval", tmp_path / "store")
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    folders = sorted({file.parent for file in files(path) if file.suffix == ".jsonl"})
    for n, folder in enumerate(folders):
        (zoo / f"model-{n}").symlink_to(folder)
    (folders[0] / "loop").symlink_to(zoo)
    recording = traces.read(zoo)
    assert recording.models == tuple(f"model-{n}" for n in range(len(folders)))
