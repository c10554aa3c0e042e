"""A first inspection of a file or folder: which kinds of files there are, and the names of the first one's fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from messjax.traces.record_files import csv_records, json_lines

KINDS = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".parquet": "parquet",
}
_HEAD = 2**16  # bytes of a JSON document that are read


class Sniffed(NamedTuple):
    """What a path holds, by kind ("csv", "jsonl", "json", "pickle", "parquet").

    Attributes:
        path: The file or folder.
        files: Files of each kind, in the order of their names, folders within included.
        keys: Columns, or the fields of the first record, of the first file of each kind.
    """

    path: Path
    files: dict[str, tuple[Path, ...]]
    keys: dict[str, tuple[str, ...]]


def sniff_path(path: Path) -> Sniffed:
    """Inspect a path.

    Args:
        path: A file or folder.

    Returns:
        What it holds.

    Raises:
        ValueError: It is missing, has no file of a known kind, or its first file cannot be read at all.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path} not found, expected a CSV, JSON, JSONL, Parquet or pickle file or a folder of them")
    files: dict[str, list[Path]] = {}
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        kind = KINDS.get(file.suffix.lower())
        if file.is_file() and (kind := kind or (None if path.is_dir() else _by_content(file))):
            files.setdefault(kind, []).append(file)
    if not files:
        known = ", ".join(f"*{suffix}" for suffix in KINDS)
        raise ValueError(f"{path} has no data, expected a file or folder with {known}")
    return Sniffed(
        path, {kind: tuple(result) for kind, result in files.items()}, {k: _keys(k, v[0]) for k, v in files.items()}
    )


def files_of(path: Path, *suffixes: str) -> list[Path]:
    """The file itself, or all files of a folder with some suffixes, in the order of their names.

    Args:
        path: A file or folder.
        *suffixes: Suffixes with their dot: ".csv".

    Returns:
        The files.

    Raises:
        ValueError: A path that is missing, or a folder without any.
    """
    wanted = " or ".join(suffix[1:].upper() for suffix in suffixes)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
        if not files:
            raise ValueError(f"{path} has no {' or '.join(f'*{s}' for s in suffixes)}, expected a folder of such files")
        return files
    if not path.is_file():
        raise ValueError(f"{path} not found, expected a {wanted} file or a folder of them")
    return [path]


def _by_content(file: Path) -> str | None:
    """The kind of a file whose name does not say it."""
    with open(file, "rb") as handle:
        head = handle.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:1] == b"\x80":
        return "pickle"
    if head[:1] == b"[":
        return "json"
    if head[:1] == b"{":
        return "jsonl" if b"\n{" in head else "json"
    return "csv" if head else None


def _keys(kind: str, file: Path) -> tuple[str, ...]:
    if kind == "csv":
        return tuple(next((cells for _, cells in csv_records(file)), ()))
    if kind == "jsonl":
        return tuple(next((record for _, record in json_lines(file)), ()))
    if kind == "parquet":
        try:
            return tuple(pq.read_schema(file).names)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{file}: found no Parquet ({' '.join(str(error).split())[:120]})") from None
    return _json_keys(file) if kind == "json" else ()


def _json_keys(file: Path) -> tuple[str, ...]:
    """The fields of the first record of a JSON document, of its list, or of the list in its field `records`.

    Only the beginning is read: documents may be large.
    """
    with open(file, encoding="utf-8-sig", errors="replace") as handle:
        head = handle.read(_HEAD)
    keys = dict.fromkeys(_first_level(head))
    return tuple(keys)


def _first_level(head: str) -> Iterator[str]:
    """Keys of the outermost record, or of the first record in the outermost list, as far as `head` goes.

    A field `records` that holds a list is named "records[]", and its first record's keys follow as "records[].key".
    """
    scanner = json.decoder.scanstring  # type: ignore[attr-defined]
    depth: list[tuple[str, str]] = []  # (bracket, key it belongs to)
    i, key, expect_key = 0, "", False
    while i < len(head):
        character = head[i]
        if character == '"':
            try:
                word, i = scanner(head, i + 1, False)
            except ValueError:
                return
            if expect_key:
                key, expect_key = word, False
                prefix = _prefix(depth)
                if prefix is not None:
                    yield prefix + key
            continue
        if character in "{[":
            depth.append((character, key))
            expect_key, key = character == "{", ""
        elif character in "}]":
            if len(depth) <= 1 or (character == "}" and _prefix(depth) is not None and any(b == "[" for b, _ in depth)):
                return
            depth.pop()
        elif character == ",":
            expect_key = bool(depth) and depth[-1][0] == "{"
        i += 1


def _prefix(depth: list[tuple[str, Any]]) -> str | None:
    """What stands before a key at this depth; None where it is of no interest."""
    if len(depth) > 3:
        return None
    brackets = "".join(bracket for bracket, _ in depth)
    if brackets in ("{", "[{"):
        return ""
    if brackets == "{[{" and depth[1][1]:
        return f"{depth[1][1]}[]."
    return None
