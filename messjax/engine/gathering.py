"""The results of a sweep's blocks as they finish: in memory, or in chunks on disk where a run may be resumed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from messjax import fingerprint, run_folder
from messjax.engine import chunk_store
from messjax.engine.simulation import Result

SECONDS = 5.0  # between two chunks: less is lost by a kill, and writing takes a small share of the time
MOST_BYTES = 2**26  # of results that wait to be written
WORTH = 0.5  # seconds of a sweep within a command's run that are worth a file
STORE = "sweep"


class Gathered:
    """Results by stream.

    Attributes:
        num_streams: Number of streams in all.
        folder: Where chunks are written, or None.
    """

    def __init__(
        self,
        folder: Path | None,
        to_dataset: Callable[[dict[str, Result]], xr.Dataset],
        num_streams: int,
        *,
        keep: bool,
    ) -> None:
        self.folder, self.num_streams = folder, num_streams
        self._to_dataset, self._keep = to_dataset, keep
        self._found = [] if folder is None else chunk_store.chunks(folder, check=jax.process_index() == 0)
        self._earlier = tuple(self._found)  # of several processes all have found the same: they skip the same blocks
        self._waiting: list[dict[str, Result]] = []
        self._start = 0  # first stream that waits
        self._size = 0  # streams that wait
        self._began = self._written = time.perf_counter()

    def has(self, start: int, stop: int) -> bool:
        """Whether streams are finished.

        Args:
            start: Number of the first stream.
            stop: Number of the stream after the last; those beyond the last one in all do not count.

        Returns:
            True where all of them are on disk.
        """
        stop = min(stop, self.num_streams)
        at = start
        for chunk in self._earlier:
            at = chunk.stop if chunk.start <= at < chunk.stop else at
        return at >= stop

    def add(self, start: int, result: dict[str, Result]) -> None:
        """Take the results of a block.

        Args:
            start: Number of its first stream.
            result: Results by policy, arrays [n, ...] on the host.
        """
        if start != self._start + self._size:
            self.flush()
            self._start = start
        self._waiting.append(result)
        self._size += jax.tree.leaves(result)[0].shape[0]
        waiting = len(self._waiting) * sum(leaf.nbytes for leaf in jax.tree.leaves(result))
        is_shared = jax.process_count() > 1  # the streams of the next block are not next to these
        if is_shared or time.perf_counter() - self._written > SECONDS or waiting > MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits as one chunk, where there is a folder."""
        if self.folder is not None and self._waiting and self._start < self.num_streams:
            self._found.append(chunk_store.write(self.folder, self._start, self._joined()))
            self._start, self._size, self._waiting = self._start + self._size, 0, []
            self._written = time.perf_counter()

    def _joined(self) -> xr.Dataset:
        count = min(self._size, self.num_streams - self._start)
        return self._to_dataset(jax.tree.map(lambda *pieces: np.concatenate(pieces)[:count], *self._waiting))

    def may_be_partial(self) -> bool:
        """Whether an interrupted sweep returns what it has.

        Returns:
            False where it is on disk, or where there is nothing.
        """
        return self.folder is None and bool(self._waiting)

    def reached(self) -> int:
        """How far a sweep without a store is.

        Returns:
            Number of finished streams.
        """
        return min(self._size, self.num_streams)

    def dataset(self) -> xr.Dataset:
        """All results.

        Returns:
            The Dataset, in memory, or opened lazily where a store was asked for.
        """
        quick = (
            jax.process_count() == 1
            and not self._found
            and not self._keep
            and time.perf_counter() - self._began < WORTH
        )
        if self.folder is None or quick:
            result = self._joined()
            if self.reached() < self.num_streams:
                result.attrs["partial"] = f"{self.reached():,} of {self.num_streams:,} streams"
                result.attrs["num_streams"] = self.reached()
            return result
        self.flush()
        _together("all chunks are written")
        if self._keep:
            return chunk_store.open_store(self.folder)
        result = chunk_store.load(self.folder).drop_encoding()
        _together("all have read the chunks")  # before the first process removes them
        return result


@contextmanager
def gathered(
    store: str | os.PathLike[str] | None,
    configuration: Callable[[], dict[str, Any]],
    to_dataset: Callable[[dict[str, Result]], xr.Dataset],
    num_streams: int,
    *,
    fresh: bool,
) -> Iterator[Gathered]:
    """Where the results of one sweep go: the store that was asked for, the folder of the command's run, or memory.

    Args:
        store: A folder that was asked for, or None.
        configuration: Gives all that the numbers depend on.
        to_dataset: Makes a Dataset of results by policy.
        num_streams: Number of streams in all.
        fresh: Whether a store of another run is replaced.

    Yields:
        What takes the results.

    Raises:
        ValueError: As `run_folder.recorded` raises.
    """
    if store is not None:
        with _recorded(Path(store), configuration, fresh=fresh):
            yield from _flushed(_opened(Path(store), to_dataset, num_streams, keep=True))
    elif (parts := run_folder.parts_folder()) is not None:
        # By digest: no two sweeps of a command mix, and a command with other inputs finds nothing.
        try:
            folder = parts / fingerprint.of(configuration())
        except ValueError:  # a component that no other run can recognise
            folder = None
        yield from _flushed(_opened(folder, to_dataset, num_streams, keep=False))
    elif jax.process_count() > 1:
        raise ValueError(
            f"store: found {jax.process_count()} processes, expected store=DIR, a folder that all of them see"
        )
    else:
        yield Gathered(None, to_dataset, num_streams, keep=False)


@contextmanager
def _recorded(store: Path, configuration: Callable[[], dict[str, Any]], *, fresh: bool) -> Iterator[None]:
    """The store of this run alone, for which the first of several processes sees."""
    if jax.process_index() > 0:
        yield
        return
    with run_folder.recorded(store, STORE, configuration(), fresh=fresh):
        for chunk in chunk_store.chunks(store) if fresh else []:
            chunk.path.unlink()
        yield


def _opened(folder: Path | None, to_dataset: Any, num_streams: int, *, keep: bool) -> Gathered:
    """What takes the results; of several processes all find the same chunks, after the first has checked them."""
    if jax.process_index() == 0:
        result = Gathered(folder, to_dataset, num_streams, keep=keep)
    _together("chunks are checked")
    if jax.process_index() > 0:
        result = Gathered(folder, to_dataset, num_streams, keep=keep)
    _together("chunks are found")
    return result


def _together(what: str) -> None:
    """Wait for all processes."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(what)


def _flushed(results: Gathered) -> Iterator[Gathered]:
    try:
        yield results
    except KeyboardInterrupt:
        results.flush()
        raise
