"""RouteLLM's format: what is read, every error, and files damaged at random."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messjax.traces import Trace, check_trace, read_routellm

PRICES = {"small": 0.25, "large": 10.0}
GOOD = (
    "prompt,org/large-1106,small\n"
    '"Which?\nA. ""one""\nB. two, or more\nAnswer:",True,False\n'
    "naïve — 模型?,true,1\n"
    "plain,0,false\n"
)


def write(path: Path, content: str | bytes) -> Path:
    """The file with this content, bytes as they are."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def check_good(read: Trace) -> None:
    """The trace is that of GOOD, cheapest model first."""
    assert read.models == ("small", "org/large-1106")
    assert tuple(read.prompts) == ('Which?\nA. "one"\nB. two, or more\nAnswer:', "naïve — 模型?", "plain")
    assert read.satisfaction.dtype == read.cost.dtype == np.float64
    np.testing.assert_array_equal(read.satisfaction, [[0, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(read.cost, [[0.25, 10.0]] * 3)
    assert read.cost_unit == "USD per 1M tokens"


def test_reads_a_file(tmp_path: Path) -> None:
    read = read_routellm(write(tmp_path / "sub.csv", GOOD), PRICES)
    check_good(read)
    assert tuple(read.groups) == ("sub",) * 3
    assert read.source == "sub.csv"


@pytest.mark.parametrize("content", ["\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), "\n" + GOOD + "\n\n", GOOD[:-1]])
def test_reads_byte_order_mark_line_ends_and_blank_lines(tmp_path: Path, content: str) -> None:
    read = read_routellm(str(write(tmp_path / "f.csv", content)), PRICES)
    check_good(read._replace(prompts=tuple(prompt.replace("\r\n", "\n") for prompt in read.prompts)))


def test_ignores_responses(tmp_path: Path) -> None:
    rows = [
        ["prompt", "small", "small_response", "org/large-1106", "org/large-1106_response"],
        ["a", "True", 'long\n"answer"', "False", ""],
    ]
    with open(tmp_path / "f.csv", "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    read = read_routellm(tmp_path / "f.csv", PRICES)
    assert read.models == ("small", "org/large-1106")
    np.testing.assert_array_equal(read.satisfaction, [[1, 0]])


def test_reads_a_folder_in_the_order_of_names(tmp_path: Path) -> None:
    write(tmp_path / "b.csv", "prompt,small,large\np2,True,False\n")
    write(tmp_path / "a.csv", "prompt,large,small\np1,True,False\n")  # columns the other way round
    write(tmp_path / "notes.txt", "no trace")
    read = read_routellm(tmp_path, PRICES)
    assert (tuple(read.prompts), tuple(read.groups), read.source) == (("p1", "p2"), ("a", "b"), tmp_path.name)
    np.testing.assert_array_equal(read.satisfaction, [[0, 1], [1, 0]])


def test_a_prompt_may_exceed_the_limit_of_csv(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    read = read_routellm(write(tmp_path / "f.csv", f"prompt,small\n{'x' * 200_000},True\n"), {"small": 1})
    assert len(read.prompts[0]) == 200_000
    with pytest.raises(ValueError):
        read_routellm(write(tmp_path / "g.csv", "prompt,small\n"), {"small": 1})
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"f\.csv is empty, expected a header"),
        ("\n\n", r"f\.csv is empty"),
        ("prompt,small,large\n", r"f\.csv has a header and no requests"),
        ("question,small\na,True\n", r"f\.csv, row 1 \(line 1\): found columns 'question', 'small', .* named 'prompt'"),
        ("prompt\na\n", r"row 1 \(line 1\): found no model column"),
        ("prompt,,small\na,0,True\n", r"row 1 \(line 1\): column 2 has no name"),
        ("prompt,small,small\na,0,True\n", r"row 1 \(line 1\): found two columns 'small'"),
        (GOOD + "x,maybe,True\n", r"row 5 \(line 8\), column 'org/large-1106': found 'maybe', expected True or False"),
        (GOOD + "x,True, \n", r"row 5 \(line 8\), column 'small': the cell is empty, expected True or False"),
        (GOOD + ",True,True\n", r"row 5 \(line 8\), column 'prompt': the cell is empty"),
        (GOOD + "x,True\n", r"row 5 \(line 8\): found 2 cells, expected 3"),
        (GOOD + "x,True,True,True\n", r"row 5 \(line 8\): found 4 cells, expected 3"),
        (GOOD + '"x,True,True\n', r"row 5 \(line 8\): found broken CSV"),
        (GOOD + '"x"y,True,True\n', r"row 5 \(line 8\): found broken CSV"),
        (GOOD + "x\0,True,True\n", r"row 5 \(line 8\), cell 1: found a NUL byte"),
        (GOOD.encode() + b"caf\xe9,True,True\n", rf"f\.csv is not UTF-8: found 0xe9 at byte {len(GOOD.encode()) + 3},"),
        (GOOD.encode("utf-16")[:-1], r"f\.csv is not utf-16: found"),
    ],
)
def test_errors_of_a_file(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = write(tmp_path / "f.csv", content)
    for given_path in (path, tmp_path):  # alone and as the only one of a folder
        with pytest.raises(ValueError, match=message) as caught:
            read_routellm(given_path, PRICES)
        assert str(path) in str(caught.value)


def test_a_bad_byte_is_counted_from_the_start_of_the_file(tmp_path: Path) -> None:
    content = b"prompt,small\n" + b"x,True\n" * 50_000
    with pytest.raises(ValueError, match=f"found 0xff at byte {len(content)}"):
        read_routellm(write(tmp_path / "f.csv", content + b"\xff"), PRICES)


def test_errors_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere not found, expected a file or folder in the format routellm"):
        read_routellm(tmp_path / "nowhere", PRICES)
    with pytest.raises(ValueError, match=r"has no \*\.csv"):
        read_routellm(tmp_path, PRICES)
    write(tmp_path / "a.csv", GOOD)
    write(tmp_path / "b.csv", "prompt,small,other\nx,True,True\n")
    with pytest.raises(ValueError, match=r"b\.csv has the models 'small', 'other', expected those of .*a\.csv: 'org"):
        read_routellm(tmp_path, PRICES)
    write(tmp_path / "b.csv", "")
    with pytest.raises(ValueError, match=r"b\.csv is empty"):
        read_routellm(tmp_path, PRICES)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40),
            st.booleans(),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_round_trip(rows: list[tuple[str, bool, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "f.csv")
        with open(path, "w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([("prompt", "small", "large"), *rows])
        read = read_routellm(path, PRICES)
    assert list(read.prompts) == [row[0] for row in rows]
    np.testing.assert_array_equal(read.satisfaction, [row[1:] for row in rows])


def damaged(rng: np.random.Generator) -> bytes:
    """GOOD after one or two random injuries."""
    data = GOOD.encode()
    for _ in range(rng.integers(1, 3)):
        start = int(rng.integers(len(data) + 1))
        end = start + int(rng.integers(1, 8))
        garbage = [b"\0", b'"', b",", b"\n", b"\r", b"\xff", b"\xef\xbb\xbf", b"\xe6", rng.bytes(5)]
        data = [
            data[:start],
            data[:start] + data[end:],
            data[:start] + garbage[rng.integers(len(garbage))] + data[start:],
            data[:start] + rng.bytes(end - start) + data[end:],
        ][rng.integers(4)]
    return data


def test_a_damaged_file_is_read_or_refused_by_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    prices = dict.fromkeys(PRICES, 1.0)
    read = refused = 0
    for _ in range(600):
        path = write(tmp_path / "f.csv", damaged(rng))
        try:
            check_trace(read_routellm(path, prices))
            read += 1
        except ValueError as error:
            # Where only the name of a model is damaged the file is a good one and the prices are to blame.
            assert str(path) in str(error) or str(error).startswith(("price ", "no price", "model "))
            refused += 1
    assert read > 20 and refused > 200


# Recorded


def test_recorded_mmlu(traces: Path) -> None:
    if not (traces / "routellm_mmlu").is_dir():
        pytest.skip(f"no routellm_mmlu in {traces}")
    read = read_routellm(traces / "routellm_mmlu", {"mixtral": 0.24, "gpt-4": 24.7})
    assert read.models == ("mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview")
    assert read.satisfaction.shape == (14_042, 2)
    assert len(set(read.groups)) == 57
    np.testing.assert_array_equal(read.satisfaction.mean(axis=0).round(3), [0.681, 0.806])
    np.testing.assert_array_equal(read.cost[0], [0.24, 24.7])
