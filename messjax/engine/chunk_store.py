"""Finished streams of a sweep on disk: NetCDF files with checksums, opened together and lazily by xarray.

A chunk is a NetCDF-4 file of its own, written by `results.save`: it is there whole or not at all, and its checksum is
compared before it is used. Together the chunks are one Dataset whose arrays are read where they are indexed. NetCDF
needs no package that results do not need already; zarr would be five more, and its chunks of one stream range are as
many files as there are variables, each finished at another time.
"""

from __future__ import annotations

import functools
import os
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from messjax import result_files, results

OPEN = 128  # chunks that are open at a time: opening one reads it whole, for its checksum
_NAME = re.compile(r"streams-(\d{10})-(\d{10})\.nc")


class Chunk(NamedTuple):
    """A file with some streams.

    Attributes:
        start: Number of the first stream.
        stop: Number of the stream after the last.
        path: The file.
    """

    start: int
    stop: int
    path: Path


def write(folder: Path, start: int, dataset: xr.Dataset) -> Chunk:
    """Write the streams of a Dataset as one chunk.

    Args:
        folder: The store.
        start: Number of the first stream.
        dataset: The finished streams.

    Returns:
        The chunk.
    """
    stop = start + dataset.sizes["stream"]
    return Chunk(start, stop, results.save(dataset, folder / f"streams-{start:010d}-{stop:010d}.nc"))


def chunks(folder: Path, *, check: bool = False) -> list[Chunk]:
    """The chunks of a store that do not overlap, in order.

    Args:
        folder: The store.
        check: Whether checksums are compared; a damaged chunk is removed with a warning, to be computed again.

    Returns:
        The chunks.
    """
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    found = [Chunk(int(m[1]), int(m[2]), folder / m[0]) for name in names if (m := _NAME.fullmatch(name))]
    result: list[Chunk] = []
    for chunk in found:
        if result and chunk.start < result[-1].stop:
            continue  # the same numbers, from blocks that were gathered otherwise
        if check and (fault := _fault(chunk.path)):
            warnings.warn(f"{fault}; these streams are computed again", stacklevel=2)
            chunk.path.unlink()
            continue
        result.append(chunk)
    return result


def _fault(path: Path) -> str:
    try:
        with result_files.checked(path):
            return ""
    except ValueError as error:
        return str(error)


def open_store(folder: str | os.PathLike[str]) -> xr.Dataset:
    """The streams of a store that are finished, as one Dataset that reads from disk what is used of it.

    Args:
        folder: What `sweep` was given as `store`.

    Returns:
        The Dataset; where the sweep is not finished, its attribute `partial` says which streams there are.

    Raises:
        ValueError: There is no finished chunk, or one is damaged; raised where it is read.
    """
    found = _without_gaps(Path(folder))
    first = _open(found[0].path)
    joined = {
        name: variable if "stream" not in variable.dims else _lazily(str(name), variable, tuple(found))
        for name, variable in first.variables.items()
    }
    coords = {name: joined.pop(name) for name in first.coords}
    result = xr.Dataset(joined, coords=coords, attrs=first.attrs)
    return _marked(result, found)


def load(folder: Path) -> xr.Dataset:
    """The same as `open_store` gives, in memory: every chunk is read once.

    Args:
        folder: The store.

    Returns:
        The Dataset.

    Raises:
        ValueError: There is no finished chunk, or one is damaged.
    """
    found = _without_gaps(folder)
    first = results.load(found[0].path)
    joined: dict[Any, np.ndarray] = {}
    for chunk in found:
        part = first if chunk is found[0] else results.load(chunk.path)
        for name, values in part.variables.items():
            if "stream" in values.dims:
                last = values.transpose("stream", ...).to_numpy()
                joined.setdefault(name, np.empty((found[-1].stop, *last.shape[1:]), last.dtype))
                joined[name][chunk.start : chunk.stop] = last
    variables = {name: values for name, values in first.variables.items() if name not in joined}
    for name, stacked in joined.items():
        like = first.variables[name]
        variables[name] = xr.Variable(like.dims, np.moveaxis(stacked, 0, like.dims.index("stream")), like.attrs)
    variables = {name: variables[name] for name in first.variables}
    coords = {name: variables.pop(name) for name in first.coords}
    return _marked(xr.Dataset(variables, coords=coords, attrs=first.attrs), found)


def _without_gaps(folder: Path) -> list[Chunk]:
    """The finished streams from the first one on."""
    found = chunks(folder)
    if not found:
        raise ValueError(f"{folder}: found no finished streams, expected a folder that sweep(store=...) wrote")
    if gap := next((b for a, b in zip([Chunk(0, 0, Path()), *found], found, strict=False) if a.stop != b.start), None):
        found = found[: found.index(gap)]
        if not found:
            raise ValueError(f"{folder}: the first streams are missing, expected streams-{0:010d}-...nc")
    return found


def _marked(result: xr.Dataset, found: list[Chunk]) -> xr.Dataset:
    """Say where streams are missing at the end."""
    total = int(result.attrs.get("num_streams", 0))
    if found[-1].stop < total:
        result.attrs["partial"] = f"{found[-1].stop:,} of {total:,} streams"
    return result


def _lazily(name: str, like: xr.Variable, found: tuple[Chunk, ...]) -> xr.Variable:
    return xr.Variable(like.dims, indexing.LazilyIndexedArray(_Joined(name, like, found)), like.attrs)


def _open(path: Path) -> xr.Dataset:
    about = path.stat() if path.is_file() else None  # None: `checked` says what is wrong
    return _opened(path, () if about is None else (about.st_ino, about.st_mtime_ns, about.st_size))


@functools.lru_cache(maxsize=OPEN)
def _opened(path: Path, stamp: tuple[int, ...]) -> xr.Dataset:
    del stamp  # tells a file from another one that had its name
    with result_files.checked(path):
        return xr.open_dataset(path, engine="h5netcdf", cache=False)


class _Joined(BackendArray):
    """One variable of all chunks, along their streams."""

    def __init__(self, name: str, like: xr.Variable, found: tuple[Chunk, ...]) -> None:
        self.name, self.dims, self.chunks, self.dtype = name, like.dims, found, like.dtype
        self.axis = like.dims.index("stream")
        self.shape = tuple(found[-1].stop if dim == "stream" else size for dim, size in like.sizes.items())

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The entries at an integer, a slice or a vector per dimension."""
        which = np.arange(self.shape[self.axis])[key[self.axis]]
        streams, pieces, places = np.atleast_1d(which), [], []
        for chunk in self.chunks:
            place = np.flatnonzero((streams >= chunk.start) & (streams < chunk.stop))
            if len(place):
                at = dict(zip(self.dims, key, strict=True)) | {"stream": streams[place] - chunk.start}
                pieces.append(_open(chunk.path)[self.name].variable.isel(at).transpose(..., "stream").values)
                places.append(place)
        order = np.argsort(np.concatenate([*places, np.empty(0, int)]))
        kept = [dim for dim, each in zip(self.dims, key, strict=True) if np.ndim(each) or isinstance(each, slice)]
        if not pieces:
            shape = [len(np.arange(n)[k]) for n, k in zip(self.shape, key, strict=True) if not isinstance(k, int)]
            return np.empty(shape, self.dtype)
        values = np.concatenate(pieces, axis=-1)[..., order]
        if "stream" not in kept:
            return np.asarray(values[..., 0])
        return np.moveaxis(values, -1, kept.index("stream"))
