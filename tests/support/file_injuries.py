"""Injuries to files: of bytes, of lines, of folders; deterministic by the generator that is passed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

Rng = np.random.Generator
_GARBAGE = (
    b"\0", b'"', b",", b"\n", b"\r", b"\xff", b"\xef\xbb\xbf", b"\xe6", b"{", b"}", b"[", b"]", b":", b"\\", b"\\ud800",
    b"\\u0000", b"null", b"NaN", b"Infinity", b"true", b"''", b"\x80", b"\x1a", b"\xc3\x28", b"\xf0\x9f\x98", b"\xed\xa0\x80",  # noqa: E501
)  # fmt: skip
NUMERALS = (
    b"1e999", b"-1e999", b"1e18", b"1.0000001e18", b"9" * 30, b"9" * 5_000, b"NaN", b"-Infinity",
    b"Infinity", b"-0",
    b"-1",
    b"1e-400", b"0x10", b"1_000", b"1,5", b"", b"null", b"true", b'"7"', b"[1]", b"{}", b"0.1.2", b"+1", b"00012",
    "１２".encode(), b"inf", b"nan", b"1e", b"--1",
)  # fmt: skip
_BINARIES = (
    b"\x7fELF\x02\x01\x01" + bytes(200),
    b"\x89PNG\r\n\x1a\n" + bytes(64),
    b"\x1f\x8b\x08" + bytes(99),
    b"PAR1",
)


def _span(rng: Rng, data: bytes, most: int = 24) -> tuple[int, int]:
    start = int(rng.integers(len(data) + 1))
    return start, min(len(data), start + int(rng.integers(1, most)))


def truncated(rng: Rng, data: bytes) -> bytes:
    return data[: int(rng.integers(len(data) + 1))]


def beheaded(rng: Rng, data: bytes) -> bytes:
    return data[int(rng.integers(len(data) + 1)) :]


def shortened(rng: Rng, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[end:]


def garbled(rng: Rng, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + rng.bytes(end - start) + data[end:]


def inserted(rng: Rng, data: bytes) -> bytes:
    start, _ = _span(rng, data)
    return data[:start] + _GARBAGE[rng.integers(len(_GARBAGE))] + data[start:]


def flipped(rng: Rng, data: bytes) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        changed[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def repeated(rng: Rng, data: bytes) -> bytes:
    start, end = _span(rng, data, 200)
    return data[:end] + data[start:end] * int(rng.integers(1, 4)) + data[end:]


def swapped(rng: Rng, data: bytes) -> bytes:
    (a, b), (c, d) = sorted((_span(rng, data), _span(rng, data)))
    return data if c < b else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def renumbered(rng: Rng, data: bytes) -> bytes:
    """One numeral becomes another, or none."""
    result = list(re.finditer(rb"-?\d+(\.\d+)?(e-?\d+)?", data))
    if not result:
        return data
    one = result[rng.integers(len(result))]
    return data[: one.start()] + NUMERALS[rng.integers(len(NUMERALS))] + data[one.end() :]


def relined(rng: Rng, data: bytes) -> bytes:
    """A line is deleted, there twice, or in another's place; or the line ends are others."""
    lines = data.splitlines(keepends=True) or [b""]
    i, j = (int(rng.integers(len(lines))) for _ in range(2))
    kind = rng.integers(5)
    if kind == 0:
        del lines[i]
    elif kind == 1:
        lines.insert(j, lines[i])
    elif kind == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif kind == 3:
        return data.replace(b"\n", b"\r\n")
    else:
        lines.insert(i, b"\n")
    return b"".join(lines)


def recoded(rng: Rng, data: bytes) -> bytes:
    """Another encoding, of all or of the second half."""
    text = data.decode("utf-8", "replace")
    name = ("utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "cp1252")[rng.integers(6)]
    whole = rng.random() < 0.5
    half = 0 if whole else len(text) // 2
    return text[:half].encode() + text[half:].encode(name, "replace")


def nested(rng: Rng, data: bytes) -> bytes:
    start, _ = _span(rng, data)
    depth, bracket = int(10 ** rng.integers(1, 6)), (b"[", b'{"a":', b"(", b'"')[rng.integers(4)]
    return data[:start] + bracket * depth + data[start:]


def replaced(rng: Rng, data: bytes) -> bytes:
    """Something else altogether."""
    others = (
        b"",
        b"\n",
        b" ",
        b"\0" * 50,
        rng.bytes(300),
        b"[]",
        b"{}",
        b"null",
        b"[{}]",
        b"{}\n{}\n",
        b"1",
        b'"a"',
        b"a,b\n1,2\n",
    )
    others += _BINARIES
    return others[rng.integers(len(others))]


BYTES: tuple[Callable[[Rng, bytes], bytes], ...] = (
    truncated, beheaded, shortened, garbled, inserted, flipped, repeated, swapped, renumbered, relined, recoded, nested,
    replaced, renumbered, shortened, inserted, flipped,
)  # fmt: skip


def injure_folder(rng: Rng, root: Path, file: Path) -> None:
    """`file` (below or at `root`) is gone, a folder, a link to itself, there twice, or not alone."""
    kind = rng.integers(7)
    if kind == 0:
        file.unlink()
    elif kind == 1:
        file.unlink()
        file.mkdir()
    elif kind == 2:
        file.unlink()
        file.symlink_to(file.name)
    elif kind == 3:
        shutil.copy(file, file.with_name(f"again{file.suffix}"))
    elif kind == 4:
        file.with_name(f"0{file.suffix}").write_bytes(b"")
    elif kind == 5:
        file.rename(file.with_name(f"renamed{rng.integers(3)}{('', '.txt', file.suffix, '.json')[rng.integers(4)]}"))
    else:
        (file.parent / "deeper").mkdir()
        file.rename(file.parent / "deeper" / file.name)
