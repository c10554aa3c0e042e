"""Files that appear whole or not at all: a draft beside the file, written through to the disk, then renamed.

Whatever a command leaves behind is written here. A full disk, a kill or a power failure leaves the older file as it
was; the draft of a process that died is removed by the next one that writes the same file.
"""

from __future__ import annotations

import errno
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["drafted", "write"]

_DRAFT = re.compile(r"\.(?P<name>.+)\.(?P<host>[A-Za-z0-9_-]*)\.(?P<pid>\d+)\.part")


def write(path: str | os.PathLike[str], content: str | bytes | memoryview) -> Path:
    """Write a file; it holds the old content or the new one, never a part of either.

    Args:
        path: The file; its folder is made where there is none.
        content: What it will hold; a text is written as UTF-8.

    Returns:
        The path.

    Raises:
        OSError: The file cannot be written; the error names it.
    """
    with drafted(path) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
    return Path(path)


@contextmanager
def drafted(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A draft that becomes the file once it is written; it is removed where that fails.

    Args:
        path: The file; its folder is made where there is none.

    Yields:
        The path of the draft, which is still to be written.

    Raises:
        OSError: The file cannot be written; the error names it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_drafts_of_the_dead(path)
    draft = path.with_name(f".{path.name}.{_host()}.{os.getpid()}.part")
    try:
        yield draft
        _sync(draft)
        draft.replace(path)
        _sync(path.parent)
    except OSError as error:  # of a full disk the system says no name
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Written through to the disk: a file, or the names in a folder, which only POSIX opens."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems know no such thing
            raise
    finally:
        os.close(handle)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", platform.node())


def _remove_drafts_of_the_dead(path: Path) -> None:
    with os.scandir(path.parent) as entries:
        names = [each.name for each in entries if each.name.startswith(f".{path.name}.")]
    for name in names:
        draft = _DRAFT.fullmatch(name)
        if draft and draft["name"] == path.name and draft["host"] == _host() and not _is_alive(int(draft["pid"])):
            path.with_name(name).unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # of another user
    return True
