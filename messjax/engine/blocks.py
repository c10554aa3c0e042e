"""The blocks of streams of a sweep, one after the other through one program, with progress and interruption."""

from __future__ import annotations

import itertools
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from messjax import results
from messjax.engine import grid_program, side_by_side
from messjax.engine.gathering import Gathered
from messjax.engine.simulation import RunParts
from messjax.interruption import Interrupted
from messjax.types import Array, Controls, PyTree


def run(
    key: Array,
    controls: Controls,
    run_parts: RunParts,
    gathered: Gathered,
    times: np.ndarray,
    curves: tuple[str, ...] | None,
    plan: grid_program.Plan,
    packed: Mapping[str, tuple[str, ...]],
    progress: Callable[[int, int], None] | None,
) -> None:
    """Run the blocks of streams that are not finished yet.

    Args:
        key: Random key; stream i has fold_in(key, i).
        controls: Numbers [] or arrays of the grid.
        run_parts: The parts of the run.
        gathered: Takes the results of a block, and knows which blocks are finished.
        times: Checkpoints [k] int32.
        curves: Names of the metrics kept at the checkpoints; None: all.
        plan: How the sweep is divided.
        packed: Names of the policies that are packed (`side_by_side.pack`).
        progress: Called with (requests done, requests in all), or None.

    Raises:
        KeyboardInterrupt: Interrupted by a program's signal, with a store, or before the first block was finished.
    """
    num_streams = gathered.num_streams
    watch = _Progress(progress, num_streams, int(times[-1]))
    # A program that calls the host cannot be kept for the next run: only where a block may take long.
    progress_callback = None if progress is None or len(plan.fast) == len(run_parts.policies) else _Progress.note
    axis = 1 + sum(values.ndim for values in jax.tree.leaves(controls))
    offset = plan.block * [each.process_index for each in plan.devices].index(jax.process_index())
    for start in range(0, num_streams, plan.size):
        if gathered.has(start, start + plan.size):
            continue
        index = np.arange(start, start + plan.size, dtype=np.int32)  # past the last stream: padding, cut off afterwards
        try:
            result = grid_program.program(
                key,
                jnp.asarray(index),
                controls,
                run_parts,
                times,
                curves,
                plan.devices,
                plan.fast,
                plan.kernel,
                progress_callback,
                np.int32(watch.run),
            )
            watch.follow(result, start, plan.size)
            own = jax.tree.map(_of_this_process, result)
            own = jax.tree.map(results.host, own, is_leaf=lambda x: hasattr(x, "to_host"))
            gathered.add(start + offset, side_by_side.taken_apart(own, packed, axis))
        except KeyboardInterrupt as interrupt:
            if isinstance(interrupt, Interrupted) or not gathered.may_be_partial():
                raise
            warnings.warn(f"interrupted after {gathered.reached():,} of {num_streams:,} streams", stacklevel=4)
            break


def _of_this_process(leaf: Any) -> Any:
    """The streams that this process has computed, of an array on the devices of all processes."""
    if leaf.is_fully_addressable:
        return leaf
    shards = sorted(leaf.addressable_shards, key=lambda shard: shard.index[0].start or 0)
    return np.concatenate([np.asarray(shard.data) for shard in shards])


class _Progress:
    """Shows how far a running program is. The program only notes the request it is at; the host looks now and then,
    so that a progress function that raises (Ctrl-C) does so here and not inside the runtime.
    """

    def __init__(self, progress: Callable[[int, int], None] | None, num_streams: int, horizon: int) -> None:
        self.progress, self.num_streams, self.horizon = progress, num_streams, horizon
        self.run, self.at = next(_RUNS), 0  # number of this run; the request that its program is at
        _RUNNING[self.run] = self

    @staticmethod
    def note(run: Any, t: Any) -> None:
        """What a program calls at its checkpoints. The run is an argument of the program: a constant would be part of
        it, and every run another program to compile."""
        if (own := _RUNNING.get(int(run))) is not None:
            own.at = max(own.at, int(t))

    def follow(self, result: PyTree, start: int, size: int) -> None:
        """Wait for `result`, the streams from `start` on, telling `progress` about it."""
        if self.progress is None:
            return
        leaf, current, label = jax.tree.leaves(result)[0], min(size, self.num_streams - start), -1
        while not leaf.is_ready():
            time.sleep(0.05)
            if label != self.at:
                label = self.at
                self.progress(start * self.horizon + current * label, self.num_streams * self.horizon)
        jax.effects_barrier()  # no late note of this program in the next one
        self.at = 0
        self.progress((start + current) * self.horizon, self.num_streams * self.horizon)


_RUNS = itertools.count()
_RUNNING: weakref.WeakValueDictionary[int, _Progress] = weakref.WeakValueDictionary()  # runs that are not over
