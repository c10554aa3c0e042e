"""Which format a file is in; files that are none, and files damaged at random."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.recordings import lines
from support.trace_samples import alpaca_eval, llmrouter, llmrouterbench, lm_eval, routerbench, sprout

from messjax.traces import Options, detect, read, sniff
from messjax.traces.readers.plain_columns import parse_columns

SAMPLES: dict[str, Callable[[Path], Path]] = {
    "routerbench": routerbench.write,
    "llmrouterbench": llmrouterbench.write,
    "llmrouter": llmrouter.write,
    "sprout": sprout.write,
    "lm_eval": lm_eval.write,
    "alpaca_eval": alpaca_eval.write,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_each_format_is_detected_and_no_other(tmp_path: Path, name: str) -> None:
    path = SAMPLES[name](tmp_path)
    assert detect(path).name == detect(tmp_path).name == name
    assert read(path).score.shape == read(path, name).score.shape == read(tmp_path).score.shape


@pytest.mark.parametrize("name", SAMPLES)
def test_paths_that_are_no_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="nowhere not found"):
        read(tmp_path / "nowhere", name)
    with pytest.raises(ValueError, match=r"has no \*"):
        read(tmp_path, name)
    path = SAMPLES[name](tmp_path)
    file = next(each for each in sorted(path.rglob("*")) if each.is_file()) if path.is_dir() else path
    for content in (b"", b"\0\1\2", b"\xff\xfe", b"[]", b"{}", b"1", b"[1]", b"null", b'{"a": 1}\n', b"\n\n"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=f"{file.name}") as caught:
            read(file, name)
        assert str(file) in str(caught.value)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """One or two random injuries."""
    for _ in range(rng.integers(1, 3)):
        start = int(rng.integers(len(data) + 1))
        end = start + int(rng.integers(1, 8))
        garbage = [b"\0", b'"', b",", b"\n", b"}", b"[", b"\xff", b"null", b"1e999", b"NaN", b"{}", b"-1", rng.bytes(5)]
        data = [
            data[:start],
            data[:start] + data[end:],
            data[:start] + garbage[rng.integers(len(garbage))] + data[start:],
            data[:start] + garbage[rng.integers(len(garbage))] + data[end:],
        ][rng.integers(4)]
    return data


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "routerbench"])
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(11)
    path = SAMPLES[name](tmp_path)
    files = [file for file in sorted(path.rglob("*.json*")) if "results_" not in file.name] if path.is_dir() else [path]
    refused = 0
    for n in range(200):
        file = files[n % len(files)]
        whole = file.read_bytes()
        file.write_bytes(damaged(whole, rng))
        try:
            assert len(read(path, name).models) >= 1
        except ValueError as error:
            assert str(file) in str(error) or "has no line with the filter" in str(error)
            refused += 1
        file.write_bytes(whole)
    assert refused > 30


def test_the_fields_of_a_file_are_part_of_detection(tmp_path: Path) -> None:
    lines(tmp_path / "f.jsonl", [{"a": 1}])
    with pytest.raises(ValueError, match="no format that messjax knows"):
        detect(tmp_path)
    assert sniff.sniff_path(tmp_path).keys == {"jsonl": ("a",)}


def test_a_column_of_scores_for_each_model_is_told_with_the_option_that_reads_it(tmp_path: Path) -> None:
    """It was taken for a file of RouteLLM, whose models have True and False."""
    file = tmp_path / "wide.csv"
    file.write_text("Prompt,score_small,score_big,cost_small,cost_big\nhow,1,0.5,0.1,0.9\nwhy,0,1,0.1,0.9\n")
    option = "prompt=Prompt,score:*=score_*,cost:*=cost_*"
    with pytest.raises(ValueError, match=re.escape(f"a column of scores for each model: add --columns '{option}'")):
        detect(file)
    found = read(file, options=Options(columns=parse_columns(option)))
    assert list(found.models) == ["small", "big"]
