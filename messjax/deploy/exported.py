"""The files of an exported folder: read whole or refused, in memory and time in proportion to their size.

router.json holds the SHA-256 of its own contents and of arrays.npz, so that a changed number is not served in silence.
Arrays are read from the archive's bytes: nothing is unpickled or unpacked, and no header asks for more than there is.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

RULE, ARRAYS, STATE = "router.json", "arrays.npz", "state.npz"
DIGEST = "sha256"
MOST_RULE, MOST_ARRAYS = 2**26, 2**32  # bytes of router.json, and of arrays.npz or state.npz
MOST_WEIGHTS = 2**28  # of a head
_REMEDY = "`messjax recommend --export` writes it anew"
_NUMBERS: dict[str, tuple[str, ...]] = {  # that the rule of each kind has
    "single": ("model",),
    "mixture": (),
    "threshold": ("threshold", "weak", "strong"),
    "knn": ("price", "k"),
    "offline": ("price",),
    "mess+": ("V", "alpha", "rate"),
    "mess+ trained": ("V", "alpha"),
    "serve and learn": ("V", "alpha"),
}


def digest(rule: Mapping[str, Any]) -> str:
    """SHA-256 of what a router decides by.

    Args:
        rule: The contents of router.json; its own digest does not count.

    Returns:
        Hexadecimal digits.
    """
    content = {name: value for name, value in rule.items() if name != DIGEST}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_rule(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The rule and the arrays of a folder.

    Args:
        folder: What `--export` wrote.

    Returns:
        Both, checked.

    Raises:
        ValueError: Naming the file: missing, too large, damaged or changed, or of contents that no router has.
    """
    raw = {name: _bytes(folder / name, most) for name, most in ((RULE, MOST_RULE), (ARRAYS, MOST_ARRAYS))}
    path = folder / RULE
    try:
        rule = json.loads(raw[RULE].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: expected JSON, found something else ({error}); {_REMEDY}") from None
    if not isinstance(rule, dict):
        raise ValueError(f"{path}: expected a JSON object, found a {type(rule).__name__}; {_REMEDY}")
    found = rule.get(DIGEST)
    wanted = {RULE: digest(rule), ARRAYS: hashlib.sha256(raw[ARRAYS]).hexdigest()}
    for name, value in wanted.items():
        if not isinstance(found, dict) or found.get(name) != value:
            raise ValueError(f"{folder / name}: its checksum is wrong: it is not what was exported; {_REMEDY}")
    arrays = read_arrays(raw[ARRAYS], folder / ARRAYS)
    try:
        check(rule, arrays)
    except (KeyError, TypeError, OverflowError, ValueError) as error:
        what = f"found no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: {what}; {_REMEDY}") from None
    return rule, arrays


def _bytes(path: Path, most: int) -> bytes:
    if not path.is_file():
        raise ValueError(
            f"{path.parent}: found no {path.name}, expected a folder that {_REMEDY.split(' writes')[0]} wrote"
        )
    if (size := path.stat().st_size) > most:
        raise ValueError(f"{path}: found {size:,} bytes, expected at most {most:,}")
    return path.read_bytes()


def read_state(path: Path) -> dict[str, np.ndarray]:
    """The arrays that `Router.save` wrote.

    Args:
        path: The file.

    Returns:
        Arrays by name.

    Raises:
        ValueError: Naming the file: too large, damaged, or of other contents.
    """
    arrays = read_arrays(_bytes(path, MOST_ARRAYS), path)
    for name in ("t", "queue"):
        value = arrays.get(name)
        if value is None or value.shape or value.dtype.kind not in "iu" or not 0 <= int(value) < 2**62:
            raise ValueError(f"{path}: expected a whole number {name!r}, found none; remove it to start anew")
    return arrays


def read_arrays(raw: bytes, path: Path) -> dict[str, np.ndarray]:
    """The arrays of an archive that `numpy.savez` wrote.

    Args:
        raw: Its bytes.
        path: The file, for errors.

    Returns:
        Arrays by name, finite numbers all.

    Raises:
        ValueError: Naming the file: no archive, packed or overlapping entries, objects, an array that is not as long as
            its header says, numbers that are not finite.
    """
    result: dict[str, np.ndarray] = {}
    left = len(raw)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                left -= entry.file_size
                if entry.compress_type != zipfile.ZIP_STORED or left < 0 or name in result:
                    raise ValueError(f"found the entry {name[:80]!r} packed, twice, or longer than the file")
                result[name] = _array(archive.read(entry), name)
    except (ValueError, EOFError, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: expected arrays that messjax wrote, found: {error}; {_REMEDY}") from None
    return result


def _array(raw: bytes, name: str) -> np.ndarray:
    """The array of one entry, of exactly the length that its header says."""
    file = io.BytesIO(raw)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"array {name[:80]!r} of format {version}, expected (1, 0)")
    try:
        shape, fortran, kind = np.lib.format.read_array_header_1_0(file)
    except Exception as error:  # of Python's own parsers: they raise half a dozen kinds
        raise ValueError(f"array {name[:80]!r} has no header ({type(error).__name__})") from None
    data = raw[file.tell() :]
    if kind.hasobject or kind.kind not in "fiu" or math.prod(shape) * kind.itemsize != len(data):
        raise ValueError(f"array {name[:80]!r} of {kind} {shape} in {len(data):,} bytes")
    values = np.frombuffer(data, kind).reshape(shape, order="F" if fortran else "C")
    if not np.isfinite(values).all():
        raise ValueError(f"array {name[:80]!r} with numbers that are not finite")
    return values


def check(rule: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse a rule that no router could serve by.

    Args:
        rule: The contents of router.json.
        arrays: Its arrays.

    Raises:
        KeyError: Something is missing.
        TypeError: Something is of another type.
        ValueError: A number or a shape cannot be.
    """
    models, kind = rule["models"], rule["kind"]
    if not isinstance(models, list) or not models or not all(isinstance(name, str) for name in models):
        raise ValueError("found no list of models")
    if len(set(models)) < len(models):
        raise ValueError("found a model twice")
    if kind not in _NUMBERS:
        raise ValueError(f"found the kind {str(kind)[:80]!r}, expected one of {', '.join(_NUMBERS)}")
    _check_numbers(rule, kind, len(models))
    if kind not in ("single", "mixture"):
        _check_shapes(rule, arrays, len(models))


def _check_numbers(rule: Mapping[str, Any], kind: str, M: int) -> None:
    _finite("prices", rule["prices"], M)
    if kind == "mixture":
        _finite("shares", rule["shares"], M)
    for name in {*_NUMBERS[kind], *(name for name in ("queue", "c", "a", "alpha") if name in rule)}:
        _finite(name, [rule[name]], 1)
    for name in ("model", "weak", "strong"):
        if name in rule and not (type(rule[name]) is int and 0 <= rule[name] < M):
            raise ValueError(f"found {name} = {rule[name]}, expected a whole number from 0 to {M - 1}")
    draws = kind == "mixture" or rule.get("c", 0) > 0
    if draws and (not isinstance(rule["key"], list) or [type(word) for word in rule["key"]] != [int, int]):
        raise ValueError("found a key that is not two whole numbers")


def _check_shapes(rule: Mapping[str, Any], arrays: Mapping[str, np.ndarray], M: int) -> None:
    kind, components = rule["kind"], arrays["components"]
    if components.ndim != 2 or M * components.shape[1] > MOST_WEIGHTS:
        raise ValueError(f"found components of shape {components.shape} for {M} models")
    d = components.shape[1]
    shapes: dict[str, tuple[int, ...]] = {"centre": components.shape[:1]}
    if kind == "knn":
        rows = arrays["known"].shape[:1]
        shapes |= {"known": (*rows, d), "satisfaction": (*rows, M)}
        if type(rule["k"]) is not int or not 1 <= rule["k"] <= sum(rows):
            raise ValueError(f"found k = {rule['k']}, expected 1 to {sum(rows)}")
    elif kind != "mess+":
        shapes |= {"theta": (1 if kind == "threshold" else M, d + 1)}
    if rule.get("learns") == "served":
        shapes |= {"inverse": (M, d + 1, d + 1)}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"found {name} of shape {arrays[name].shape}, expected {shape}")


def _finite(name: str, values: Any, size: int) -> None:
    """Refuse what is not a list of so many finite numbers."""
    good = isinstance(values, list) and len(values) == size
    if not good or not all(type(each) in (int, float) and math.isfinite(each) for each in values):
        raise ValueError(f"found {name} = {str(values)[:80]}, expected {size} finite number{'s' * (size > 1)}")
