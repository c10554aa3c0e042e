"""Pickles that would take all memory or time are refused quickly."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.pickle_programs import block_frame, call, columns, name, numbers, put, text

from messjax.traces import read
from messjax.traces.frames import frame

HUGE = b"\x8a\x06\0\0\0\0\0\x10"  # 2^44
SELF = name("pandas.arrays", "BooleanArray") + b")\x81q\x09}" + text("_data") + b"h\x09sb"  # an array in itself
TINY = b"C\x02\x01\x02"


def test_a_frame_made_by_hand_is_read(tmp_path: Path) -> None:
    assert columns(put(tmp_path, block_frame(numbers("i1", b"K\x02\x85", TINY)))) == {"c0": [1, 2]}


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (block_frame(numbers("f8", b"K\x01" + HUGE + b"\x86", TINY), HUGE), "rows x 1 columns in a file of"),
        (block_frame(numbers("f8", b"K\x01" + HUGE + b"\x86", TINY)), "found an array of 2 bytes for the shape"),
        (block_frame(numbers("i1", HUGE + HUGE + b"\x86", TINY)), "found an array of 2 bytes for the shape"),
        (block_frame(numbers("V8", b"K\x02\x85", TINY)), "of a type that is neither numbers nor objects"),
        (block_frame(numbers("O8", b"K\x02\x85", TINY)), "found an array of objects of another shape"),
        (block_frame(numbers("i1", b"K\x02\x85", call(name("builtins", "bytearray"), HUGE))), "found no bytes"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.", "broken pickle at byte"),
        (b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.", "found NoneType where DataFrame should be"),
        (b"\x80\x04Nr\xff\xff\xff\x7f.", "found NoneType where DataFrame should be"),  # a memo of 2^31 places
        (b"\x80\x04N" + b"\x85" * 100_000 + b"}h\0s.", "broken pickle"),
        (b"\x80\x04}N" + b"\x85" * 300_000 + b"Ns.", "a key that is no text"),  # hashing it would end the process
        (block_frame(SELF), "maximum recursion depth"),
        (b"\x80\x04]" + b"]a" * 100 + b".", "values are left|found list"),
        (b"(lp0\ng0\na.", "found list where DataFrame should be"),  # a list in itself
        (b"\x80\x04N" + b"2\x86" * 200 + b".", "found tuple where DataFrame should be"),  # 2^200 leaves
        (b"L" + b"9" * 100_000 + b"L\n.", "broken pickle"),
        (b"\x80\x04NN.", "values are left on the stack"),
        (b"\x80\x04N.N", "found 1 bytes after the end"),
        (b"\x80\x06N.", "protocol 6"),
        (b"", "is empty"),
        (b"no pickle", "broken pickle|asks for"),
    ],
)
def test_bombs_end_quickly(tmp_path: Path, program: bytes, message: str) -> None:
    path, start = put(tmp_path, program), time.process_time()
    with pytest.raises(ValueError, match=message) as caught:
        frame(path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 500 + len(str(path))
    assert time.process_time() - start < 5.0


def test_one_array_in_many_columns_is_too_large_for_its_file(tmp_path: Path) -> None:
    many = 2_000
    values = numbers(
        "i1", b"K\x01J" + struct.pack("<i", 1_000_000) + b"\x86", b"B" + struct.pack("<I", 10**6) + b"\1" * 10**6
    )
    path = put(tmp_path, block_frame(values, b"J" + struct.pack("<i", 1_000_000), many))
    with pytest.raises(ValueError, match=r"found 1000000 rows x 2000 columns in a file of 1\d+ bytes"):
        frame(path)


def test_cells_that_are_no_numbers_are_named_shortly(tmp_path: Path) -> None:
    deep: Any = None
    for _ in range(90):
        deep = (deep, deep)
    table = pd.DataFrame({"sample_id": ["a"], "prompt": ["p"], "m": [deep], "m|total_cost": [0.1]})
    table.to_pickle(tmp_path / "f.pkl")
    with pytest.raises(ValueError, match="row 1, column 'm': found <tuple>, expected a number or True, False"):
        read(tmp_path / "f.pkl")
