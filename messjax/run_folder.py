"""The folder of a run: one run at a time, one configuration, and the finished parts of an interrupted one.

A command opens its folder with its name and configuration. NAME.run.json records them, with the digest of the code and
the versions that numbers depend on; another configuration, code or version is refused with both named. What is
finished is kept in NAME.unfinished until the command ends, and taken from there by the same command.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import metadata
from pathlib import Path
from typing import Any

from messjax import files, interruption

__all__ = [
    "check",
    "code_version",
    "is_finished",
    "locked",
    "opened",
    "parts_folder",
    "parts_in",
    "parts_of",
    "recorded",
]

LOCK = ".messjax.lock"
_parts: ContextVar[Path | None] = ContextVar("parts", default=None)


@contextmanager
def opened(
    folder: Path, name: str, configuration: Mapping[str, Any], *, fresh: bool = False, command: str = ""
) -> Iterator[Path]:
    """A folder for one run, alone in it; while it is open, `parts_folder` has its finished parts.

    Args:
        folder: The folder, made where there is none.
        name: Name of the program; runs of other programs may be in the same folder, one at a time.
        configuration: All that the numbers depend on: what `json` can write.
        fresh: Whether what another configuration left behind is replaced.
        command: The command line, for the message of an interrupted run.

    Yields:
        The folder of finished parts, which is removed when the run has ended well.

    Raises:
        ValueError: Another run is in the folder, or one of another configuration or code was.
    """
    parts = parts_of(folder, name)
    with recorded(folder, name, configuration, fresh=fresh, command=command):
        if fresh:
            shutil.rmtree(parts, ignore_errors=True)
        elif parts.is_dir() and any(parts.iterdir()):
            print(f"{name}: goes on with what an interrupted run has finished in {parts}", file=sys.stderr, flush=True)
        resume = f"what is finished is kept in {parts}; the same command goes on from there"
        with interruption.say_how_to_resume(f"{resume}: {command}" if command else resume), parts_in(parts):
            yield parts
    shutil.rmtree(parts, ignore_errors=True)


@contextmanager
def recorded(
    folder: Path, name: str, configuration: Mapping[str, Any], *, fresh: bool = False, command: str = ""
) -> Iterator[None]:
    """As `opened`, for a run that keeps its parts as its result.

    Args:
        folder: The folder.
        name: Name of the program.
        configuration: As for `opened`.
        fresh: As for `opened`.
        command: As for `opened`.

    Yields:
        Nothing.

    Raises:
        ValueError: As `opened` raises.
    """
    with locked(folder):
        if not fresh:
            check(folder, name, configuration)
        known = is_finished(folder, name, configuration)  # the same numbers are there already
        record = _manifest(configuration) | {"command": command, "finished": known}
        files.write(folder / f"{name}.run.json", json.dumps(record, indent=1) + "\n")
        yield
        files.write(folder / f"{name}.run.json", json.dumps(record | {"finished": True}, indent=1) + "\n")


def check(folder: Path, name: str, configuration: Mapping[str, Any]) -> None:
    """Refuse a folder in which another configuration or another code has run.

    Args:
        folder: The folder.
        name: Name of the program.
        configuration: As for `opened`.

    Raises:
        ValueError: Names what differs, as found and as expected.
    """
    found, mine = _read(folder / f"{name}.run.json"), _manifest(configuration)
    if found is None or not (found.get("finished") or _has_parts(folder, name)):
        return  # nothing would be lost
    differ = []
    for part in ("configuration", "code"):
        theirs = found.get(part, {})
        keys = [key for key in {**theirs, **mine[part]} if theirs.get(key) != mine[part].get(key)]
        differ += [f"{key} = {theirs.get(key)} (now {mine[part].get(key)})" for key in keys]
    if differ:
        raise ValueError(
            f"{folder}: found {name} of another run, with {', '.join(differ)}; expected the same command and code, "
            "another folder, or --fresh (fresh=True), which replaces it"
        )


def is_finished(folder: Path, name: str, configuration: Mapping[str, Any]) -> bool:
    """Whether a run of this configuration and code has ended well in the folder.

    Args:
        folder: The folder.
        name: Name of the program.
        configuration: As for `opened`.

    Returns:
        True where it has.
    """
    found = _read(folder / f"{name}.run.json")
    return found is not None and found.get("finished") is True and found | _manifest(configuration) == found


def parts_of(folder: Path, name: str) -> Path:
    """Where the finished parts of a program's run in a folder are kept.

    Args:
        folder: The folder.
        name: Name of the program.

    Returns:
        A folder, which is there while the run is not finished.
    """
    return folder / f"{name}.unfinished"


def parts_folder() -> Path | None:
    """Where the finished parts of the run that is open are kept.

    Returns:
        A folder that may not exist yet; None outside of runs.
    """
    return _parts.get()


@contextmanager
def parts_in(folder: Path | None) -> Iterator[None]:
    """Finished parts are kept in this folder meanwhile (in a worker, which shares that of its parent).

    Args:
        folder: The folder, or None: nowhere.

    Yields:
        Nothing.
    """
    token = _parts.set(folder)
    try:
        yield
    finally:
        _parts.reset(token)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A folder in which no other run is; the system frees it when the process ends, however that is.

    Args:
        folder: The folder, made where there is none.

    Yields:
        Nothing.

    Raises:
        ValueError: Another run is in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(handle, folder)
            if path.exists() and os.path.sameopenfile(handle, (again := os.open(path, os.O_RDONLY))):
                os.close(again)
                break  # not one that was removed in between
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    os.ftruncate(handle, 0)
    os.write(handle, f"process {os.getpid()} on {platform.node()}".encode())
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        who = os.read(handle, 200).decode(errors="replace") or "another process"
        raise ValueError(
            f"{folder}: found another run in it ({who}), expected a folder of its own: --out DIR"
        ) from None


def _has_parts(folder: Path, name: str) -> bool:
    return parts_of(folder, name).is_dir() or any(folder.glob("streams-*.nc"))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: expected the record of a run, found something else ({error}); --fresh") from error
    return found if isinstance(found, dict) else None


def _manifest(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal for two runs to be the same, as JSON reads it back."""
    versions = {name: metadata.version(name) for name in ("jax", "jaxlib", "numpy")}
    label = {"configuration": dict(configuration), "code": {"code version": code_version()} | versions}
    result: dict[str, Any] = json.loads(json.dumps(label, default=str))
    return result


@functools.cache
def code_version() -> str:
    """A digest of the source of messjax, and of the programs beside it.

    Returns:
        Twelve hexadecimal digits.
    """
    digest, root = hashlib.sha256(), Path(__file__).parents[1]
    for package in ("messjax", "proofs_check", "sims"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
