"""The bytes of a file as they should be: unpacked, and in UTF-8, whatever it is packed with and encoded in."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from messjax.traces.reading import current

PACKED = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00"}  # how each begins
_POINTER = b"version https://git-lfs.github.com/spec/"
_MARKS = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, pa.ArrowException)
_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
ALWAYS_EXPANDED, MOST_EXPANDED = 2**28, 200  # bytes that any file may expand to; times its size
_BLOCK = 2**20  # bytes that are looked at once


def suffix_of(path: Path) -> str:
    """The suffix of a file's name in lower case, without that of its packing: ".csv" of "a.csv.gz".

    Args:
        path: The file.

    Returns:
        The suffix.
    """
    return Path(name_of(path)).suffix.lower()


def stem_of(path: Path) -> str:
    """The name of a file without its suffixes: "a" of "a.csv.gz".

    Args:
        path: The file.

    Returns:
        The stem.
    """
    return Path(name_of(path)).stem


def name_of(path: Path) -> str:
    """The name of a file without the suffix of its packing: "a.csv" of "a.csv.gz".

    Args:
        path: The file.

    Returns:
        The name.
    """
    return path.stem if path.suffix.lower() in PACKED else path.name


def refuse_pointer(path: Path) -> None:
    """Refuse what Git LFS leaves in the place of a file that it has not fetched.

    Args:
        path: The file.

    Raises:
        ValueError: It is a pointer.
    """
    with open(path, "rb") as handle:
        if handle.read(len(_POINTER)) == _POINTER:
            raise ValueError(f"{path} is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`")


class ExpansionError(ValueError):
    """A file that takes far more memory than its size lets expect."""


class Expansion:
    """Adds up what a packed file expands to, and refuses more than a real one does.

    A run of equal values takes a few bytes of a Parquet file, however long it is.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.size, self.found = path, path.stat().st_size, 0

    def add(self, number: int) -> None:
        """Count some bytes.

        Args:
            number: How many.

        Raises:
            ExpansionError: They are too many in all.
        """
        self.found += number
        if self.found > max(ALWAYS_EXPANDED, MOST_EXPANDED * self.size):
            raise ExpansionError(
                f"{self.path}: found a file of {self.size:,} bytes that expands to more than {self.found:,}, "
                f"expected at most {ALWAYS_EXPANDED:,}, or {MOST_EXPANDED} times its size"
            )


class _Counted(io.RawIOBase):
    """A stream whose bytes are counted as they are read."""

    def __init__(self, stream: Any, limit: Expansion) -> None:
        self._stream, self._limit = stream, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = int(self._stream.readinto(buffer))
        self._limit.add(count)
        return count


@contextmanager
def unpacked(path: Path) -> Iterator[io.BufferedReader]:
    """The bytes of a file, unpacked where it is packed with gzip, Zstandard, bzip2 or xz.

    Args:
        path: The file.

    Yields:
        A stream of bytes.

    Raises:
        ValueError: A Git LFS pointer, or packed data that are damaged or expand beyond reason.
    """
    refuse_pointer(path)
    with open(path, "rb") as raw:
        head = raw.read(8)
        raw.seek(0)
        kind = next((suffix for suffix, mark in PACKED.items() if head.startswith(mark)), "")
        if not kind:
            yield raw
            return
        try:
            if kind == ".zst":
                opened: Any = pa.CompressedInputStream(pa.PythonFile(raw), "zstd")
            else:
                opened = _OPENERS[kind](raw)
            yield io.BufferedReader(_Counted(opened, Expansion(path)), _BLOCK)
        except _BROKEN as error:
            what = " ".join(str(error).split())[:120]
            raise ValueError(f"{path}: found broken {kind[1:]} data ({what}), expected a whole file") from None
        except OSError as error:
            if error.filename is not None or error.errno is not None:
                raise
            raise ValueError(f"{path}: found broken {kind[1:]} data ({error}), expected a whole file") from None


@contextmanager
def in_utf8(path: Path) -> Iterator[io.BufferedReader]:
    """The bytes of a text file in UTF-8, without a byte order mark.

    The encoding is the reading's; without one it is UTF-8, or UTF-16 or UTF-32 where the file begins as such.

    Args:
        path: The file.

    Yields:
        A stream of bytes. Bytes that are no UTF-8 stay in it.

    Raises:
        ValueError: As `unpacked`, or bytes that the other encoding does not have.
    """
    with unpacked(path) as stream:
        head = stream.peek(4)[:4]
        encoding, found = current().encoding, _found(head)
        if not encoding and found:
            current().note("encoding", f"files are read as {found}, as they begin", path.name)
        name = (encoding or found or "utf-8").lower().replace("_", "-")
        if name in ("utf-8", "utf8", "utf-8-sig"):
            if head.startswith(b"\xef\xbb\xbf"):
                stream.read(3)
            yield stream
            return
        data = stream.read()
        try:
            text = data.decode(name)
        except UnicodeDecodeError as error:
            where = f"found 0x{data[error.start]:02x} at byte {error.start}, counted from 0"
            raise ValueError(f"{path} is not {name}: {where}: give another --encoding") from None
        encoded: Any = io.BytesIO(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"))
        yield io.BufferedReader(encoded)


def utf8_bytes(path: Path) -> bytes:
    """All of `in_utf8`.

    Args:
        path: The file.

    Returns:
        The bytes.

    Raises:
        ValueError: As `in_utf8`.
    """
    with in_utf8(path) as stream:
        if isinstance(stream.raw, io.FileIO) and stream.tell() == 0:
            return path.read_bytes()  # at once: the stream would copy them again
        return stream.read()


def _found(head: bytes) -> str:
    """UTF-16 or UTF-32 where the first bytes say so: a mark, or two letters of ASCII in sixteen bits each."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    if len(head) == 4 and head[1] == head[3] == 0 and head[0] and head[2]:
        return "utf-16-le"
    return "utf-16-be" if len(head) == 4 and head[0] == head[2] == 0 and head[1] and head[3] else ""


def first_bad_byte(path: Path) -> str:
    """Where a file that is no UTF-8 is none, and what to do.

    Args:
        path: The file.

    Returns:
        Words for an error message.
    """
    with in_utf8(path) as stream:
        data = stream.read()  # the decoder of a stream counts from the start of its chunk, not of the file
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte, start = data[error.start], error.start
        where = f"found 0x{byte:02x} at byte {start}, counted from 0"
        return f"{where}: give --encoding cp1252 (Excel in Western Europe), or what the file is written in"
    return "the file has changed while it was read"
