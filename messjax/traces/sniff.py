"""A first inspection of a file or folder: which kinds of files there are, and the names of the first one's fields."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from messjax.traces.contents import PACKED, in_utf8, refuse_pointer, suffix_of, unpacked
from messjax.traces.reading import current
from messjax.traces.record_files import csv_records, json_lines

SUFFIXES = {
    "csv": (".csv", ".tsv"),
    "jsonl": (".jsonl", ".ndjson"),
    "json": (".json",),
    "pickle": (".pkl", ".pickle"),
    "parquet": (".parquet",),
}
_KIND_OF = {suffix: kind for kind, suffixes in SUFFIXES.items() for suffix in suffixes}
_HEAD = 2**16  # bytes of a JSON document that are read
_LONGEST_LINE = 2**24  # bytes of a first line that is looked at as a whole
_COPY = re.compile(r"\..*|__MACOSX|.*~|#.*#|.*-checkpoint\.\w+|.*\.(?:bak|swp|tmp|orig)")
_SECOND = re.compile(r"(?P<stem>.+?)(?: \(\d+\)| copy(?: \d+)?)(?P<suffix>\.\w+)")


class Sniffed(NamedTuple):
    """What a path holds, by kind ("csv", "jsonl", "json", "pickle", "parquet").

    A file is of the kind "jsonl" where it has a JSON record per line, whatever it is called.

    Attributes:
        path: The file or folder.
        files: Files of each kind, in the order of their names, folders within included.
        keys: Columns, or the fields of the first record, of the first file of each kind.
    """

    path: Path
    files: dict[str, tuple[Path, ...]]
    keys: dict[str, tuple[str, ...]]

    @property
    def fields(self) -> set[str]:
        """The fields of the first record of JSON Lines or, where there are none, of a JSON document or list."""
        return set(self.keys.get("jsonl", self.keys.get("json", ())))


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
    for file in _within(path) if path.is_dir() else [path]:
        kind = _kind(file) or (None if path.is_dir() else _by_content(file))
        if kind:
            files.setdefault(kind, []).append(file)
    if not files:
        known = ", ".join(f"*{suffix}" for suffix in _KIND_OF)
        raise ValueError(f"{path} has no data, expected a file or folder with {known}")
    return Sniffed(
        path, {kind: tuple(result) for kind, result in files.items()}, {k: _keys(k, v[0]) for k, v in files.items()}
    )


def files_of(path: Path, *kinds: str, every: bool = False) -> list[Path]:
    """The file itself, or all files of a folder that are of a kind, in the order of their names.

    Args:
        path: A file or folder.
        *kinds: Kinds of files; a later one counts where there is none of an earlier one.
        every: Whether files of all of the kinds count.

    Returns:
        The files.

    Raises:
        ValueError: A path that is missing, a folder without any, or a Git LFS pointer.
    """
    if path.is_dir():
        of_kind: dict[str, list[Path]] = {}
        for file in _within(path):
            if kind := _kind(file):
                of_kind.setdefault(kind, []).append(file)
        found = [of_kind[kind] for kind in kinds if kind in of_kind]
        files = sorted(file for of in (found if every else found[:1]) for file in of)
        if not files:
            wanted = " or ".join(f"*{suffix}" for kind in kinds for suffix in SUFFIXES[kind])
            raise ValueError(f"{path} has no {wanted}, expected a folder of such files")
    elif path.is_file():
        files = [path]
    else:
        wanted = " or ".join(suffix[1:].upper() for suffix in SUFFIXES[kinds[0]])
        raise ValueError(f"{path} not found, expected a {wanted} file or a folder of them")
    for file in files:
        refuse_pointer(file)
    return files


def _within(folder: Path) -> list[Path]:
    """The files of a folder and of the folders within, links followed, in the order of their names.

    What editors, Jupyter, macOS and version control leave beside data is left out with a note: hidden files and
    folders, checkpoints, backups, and second copies (`a (1).csv`, `a copy.csv`) beside the first.
    """
    result, seen = [], set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen and os.path.islink(root):
            folders[:] = []  # a link back to where we came from, or to what was read already
            continue
        seen.add(real)
        left = [name for name in (*folders, *names) if _is_copy(name, names)]
        for name in left:
            if name in folders or suffix_of(Path(name)) in _KIND_OF:
                message = "hidden files, checkpoints, backups and copies are left out"
                current().note("copies left out", message, str((Path(root) / name).relative_to(folder)))
        folders[:] = [name for name in folders if name not in left]
        result += [Path(root) / name for name in names if name not in left]
    return sorted(file for file in result if file.is_file())


def _is_copy(name: str, beside: list[str]) -> bool:
    second = _SECOND.fullmatch(name)
    return bool(_COPY.fullmatch(name)) or (second is not None and second["stem"] + second["suffix"] in beside)


def _kind(file: Path) -> str | None:
    """The kind of a file by its name; of a JSON file also by its beginning."""
    kind = _KIND_OF.get(suffix_of(file)) if file.is_file() else None
    if file.suffix.lower() in PACKED and kind in ("pickle", "parquet"):
        return None
    return "jsonl" if kind == "json" and _is_lines(file) else kind


def _is_lines(file: Path) -> bool:
    """Whether a file has a JSON record on its first line and another one on the next."""
    try:
        with in_utf8(file) as stream:
            lines = (line.strip() for line in iter(lambda: stream.readline(_LONGEST_LINE), b""))
            there = (line for line in lines if line)
            first, second = next(there, b""), next(there, b"")
        return first[:1] == b"{" and second[:1] == b"{" and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False  # whoever reads it says what is wrong


def _by_content(file: Path) -> str | None:
    """The kind of a file whose name does not say it."""
    with unpacked(file) as handle:
        head = handle.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:1] == b"\x80":
        return "pickle"
    if head[:1] == b"[":
        return "json"
    if head[:1] == b"{":
        return "jsonl" if _is_lines(file) else "json"
    return "csv" if head else None


def _keys(kind: str, file: Path) -> tuple[str, ...]:
    refuse_pointer(file)
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
    with in_utf8(file) as stream:
        head = stream.read(_HEAD).decode("utf-8", "replace")
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
