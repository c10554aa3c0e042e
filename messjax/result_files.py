"""Files of results that are trusted only when they are whole: a checksum at the end, limits on what they may ask for.

`seal` appends a line with the SHA-256 of everything before it. HDF5 ignores what follows its own end, so that every
NetCDF reader reads a sealed file as before. `checked` compares it before HDF5 sees a single byte: a damaged file could
make the library loop, crash or read other numbers. What a whole file may still ask for is limited: no links to other
files, no storage outside it, no more memory than its size can hold.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["MOST_BYTES", "checked", "seal"]

_SEAL = re.compile(rb"\nmessjax sha256 ([0-9a-f]{64})\n")
_LENGTH = len(b"\nmessjax sha256 \n") + 64
_RATIO = 1_100  # deflate packs at most 1,032 to 1
_FILTERS = {1, 2, 3}  # deflate, shuffle, Fletcher's checksum: what HDF5 itself has
_DEEPEST, _MOST_OBJECTS = 32, 100_000
MOST_BYTES = 2**36  # of one result in memory
_REMEDY = "run the command that wrote it again, or take it from a backup"


def seal(path: Path) -> None:
    """Append the checksum of a finished file.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read or written.
    """
    digest = _digest(path, path.stat().st_size)
    with open(path, "ab") as file:
        file.write(b"\nmessjax sha256 %s\n" % digest.encode())


def _digest(path: Path, size: int) -> str:
    digest, left = hashlib.sha256(), size
    with open(path, "rb") as file:
        while left and (piece := file.read(min(left, 2**22))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


@contextmanager
def checked(path: str | os.PathLike[str], *, sealed: bool = True) -> Iterator[Path]:
    """A file that may be opened: whole, and asking for nothing that it cannot hold.

    Whatever goes wrong within is one error that names the file and what to do.

    Args:
        path: A file that `results.save` wrote.
        sealed: Whether a checksum is required. False is for files of other programs and of older versions, whose
            damage nothing can tell.

    Yields:
        The path.

    Raises:
        ValueError: No such file, no NetCDF file, no checksum, a wrong one, or contents that are not allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected NetCDF written by messjax")
    try:
        if sealed:
            _check_seal(path)
        _check_contents(path)
        yield path
    except MemoryError:
        raise ValueError(f"{path}: not enough memory for it; open it lazily with xarray.open_dataset") from None
    except Exception as error:  # HDF5, h5py, h5netcdf and xarray raise a dozen kinds for contents they do not expect
        what = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"{path}: expected NetCDF written by messjax, found: {what}; {_REMEDY}") from error


def _check_seal(path: Path) -> None:
    size = path.stat().st_size
    with open(path, "rb") as file:
        magic = file.read(8)
        file.seek(max(0, size - _LENGTH))
        found = _SEAL.fullmatch(file.read())
    if magic != b"\x89HDF\r\n\x1a\n":
        raise ValueError("it does not begin as an HDF5 file")
    if found is None:
        raise ValueError(
            "it does not end with a checksum: it was cut off, or another program or an older version wrote it "
            "(results.load(path, sealed=False) reads it unchecked)"
        )
    if _digest(path, size - _LENGTH) != found[1].decode():
        raise ValueError("its checksum is wrong: it was damaged or changed after it was written")


def _check_contents(path: Path) -> None:
    """Refuse links and storage outside the file, cycles, unknown filters, and sizes that the file cannot hold."""
    import h5py

    most = min(MOST_BYTES, _RATIO * path.stat().st_size + 2**20)
    with h5py.File(path, "r") as file:
        seen: set[Any] = set()
        asked = sum(_size(name, item, path) for name, item in _objects(file, "", seen, 0))
    if asked > most:
        raise ValueError(f"its arrays take {asked:,} bytes, expected at most {most:,} of a file of this size")


def _objects(group: Any, prefix: str, seen: set[Any], depth: int) -> Iterator[tuple[str, Any]]:
    """All arrays below a group, by name."""
    import h5py

    for name in group:
        whole, link = f"{prefix}/{name}", group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{whole[:80]!r} is a link, expected its data in the file")
        item = group[name]
        about = h5py.h5o.get_info(item.id)
        if about.addr in seen or depth >= _DEEPEST or len(seen) >= _MOST_OBJECTS:
            raise ValueError(f"{whole[:80]!r} is there twice, too deep, or one too many of {_MOST_OBJECTS:,}")
        seen.add(about.addr)
        if isinstance(item, h5py.Group):
            yield from _objects(item, whole, seen, depth + 1)
        elif isinstance(item, h5py.Dataset):
            yield whole, item


def _size(name: str, array: Any, path: Path) -> int:
    """Bytes of an array in memory."""
    settings = array.id.get_create_plist()
    if settings.get_external_count() or array.is_virtual:
        raise ValueError(f"{name[:80]!r} is stored in another file, expected its data in {path.name}")
    filters = {settings.get_filter(i)[0] for i in range(settings.get_nfilters())}
    if not filters <= _FILTERS:
        raise ValueError(f"{name[:80]!r} uses the HDF5 filters {sorted(filters)}, expected some of {sorted(_FILTERS)}")
    return int(array.size or 0) * max(1, array.dtype.itemsize)
