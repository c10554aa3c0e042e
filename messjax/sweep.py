"""Grids of controls times streams in one compiled program.

One vmap per control, never a flattened grid: what does not depend on a control (the world; for routers the coin and
the predictor too, with respect to V and alpha) is computed once and shared, because scan keeps such carries unbatched.
Streams run in blocks through the same program, spread over the local devices, so that progress can be shown and device
memory does not grow with their number. Stream i's key is fold_in(key, i): blocks and devices change no
request, coin or count, and what is learned at most in its last bits.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.sharding import Mesh, PartitionSpec

from messjax import feedback as _feedback
from messjax import results
from messjax.checks import check_run
from messjax.simulate import Result, World, assemble, check_fit, checkpoint_times, run
from messjax.types import Array, Controls, Law, Meter, Policy, PyTree, Stream

BLOCK = {"cpu": 256}  # streams per device and call: few enough for the cache of a core
BLOCK_ACCELERATOR = 16_384


def sweep(
    key: Array,
    controls: Controls,
    *,
    policy: Policy | Mapping[str, Policy],
    stream: Stream,
    horizon: int,
    num_streams: int,
    meter: Meter | None = None,
    feedback: Any = _feedback.complete,
    checkpoints: int = 0,
    curves: tuple[str, ...] | None = None,
    block: int | None = None,
    models: tuple[str, ...] | None = None,
    cost_unit: str = "cost",
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Run `policy` for every combination of the controls on `num_streams` independent streams.

    Several named policies run side by side on the same requests and come out along a first dimension `policy`.

    Each leaf of `controls` is a number or a 1-d array; arrays become dimensions of the Dataset, in the order
    (V, alpha, c, a, f, stream, t, model). Readings, checkpoints and curves are those of `simulate` and `meters`. Where
    the stream's law is known, C*, gamma*, `cost_gap` and `adjusted_regret` are added. `progress(done, all)` is called
    now and then with the number of requests served so far (of one grid point). Changing any value or the key compiles
    nothing anew.

    Interrupted (Ctrl-C) after a block, it warns and returns the streams that are finished: they are independent.

    ValueError, before anything runs, for: controls out of range, NaN or empty; an alpha above the largest attainable
    one (it is named); a policy that does not fit the stream's shapes; a horizon beyond a trace; num_streams < 1.
    """
    axes = check_run(controls, stream, feedback, horizon, checkpoints)
    if num_streams < 1 or (block is not None and block < 1):
        raise ValueError(f"sweep: expected at least one stream and a block >= 1, found {num_streams} and {block}")
    law = None if stream.law is None else stream.law()
    if not isinstance(policy, Policy) and not policy:
        raise ValueError("policy: expected a policy or a mapping of names to policies, found an empty mapping")
    world = assemble(policy, stream, meter, feedback)
    num_models = check_fit(world)
    models = tuple(f"model {m}" for m in range(num_models)) if models is None else tuple(models)
    if len(models) != num_models or len(set(models)) != num_models:
        raise ValueError(f"models: expected {num_models} different names, found {len(models)}: {', '.join(models)}")

    started = time.perf_counter()
    leaves = Controls(*(jnp.asarray(values, jnp.float32) for values in axes.values()))
    # Progress is reported at checkpoints: without any, some that read nothing.
    times = checkpoint_times(horizon, checkpoints or (min(horizon, 20) if progress else 0))
    curves = (None if curves is None else tuple(curves)) if checkpoints else ()
    parts, block = _run_blocks(key, leaves, world, num_streams, times, curves, block, progress)
    num_done = min(num_streams, len(parts) * block * jax.local_device_count())
    joined = jax.tree.map(lambda *pieces: np.concatenate(pieces)[:num_done], *parts)
    named = {
        name: _dataset(joined[name], axes, times if checkpoints else times[:0], horizon, models, cost_unit, law)
        for name in world.policies  # jax sorts dicts: keep the order given
    }
    dataset = named[""] if isinstance(policy, Policy) else results.concat(named)
    told = (f"{name} = {describe(each.act)}".removeprefix(" = ") for name, each in world.policies.items())
    dataset.attrs |= results.provenance() | {
        "policy": "; ".join(told),
        "stream_law": describe(stream.draw),
        "feedback": describe(feedback),
        "meter": describe(world.meter.add),
        "num_streams": num_done,
        "block": block,
        "key": f"{jax.random.key_impl(key)}:{np.asarray(jax.random.key_data(key)).tolist()}",
        "created": results.now(),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return dataset


def _dataset(
    result: Result,
    axes: dict[str, np.ndarray],
    times: np.ndarray,
    horizon: int,
    models: tuple[str, ...],
    cost_unit: str,
    law: Law | None,
) -> xr.Dataset:
    dataset = results.to_dataset(
        result.final, result.curve, axes, times=times, horizon=horizon, models=models, cost_unit=cost_unit
    )
    return dataset if law is None else results.with_optimum(dataset, law)


def _run_blocks(
    key: Array,
    controls: Controls,
    world: World,
    num_streams: int,
    times: np.ndarray,
    curves: tuple[str, ...] | None,
    block: int | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[list[dict[str, Result]], int]:
    devices = tuple(jax.local_devices())
    if block is None:
        block = min(BLOCK.get(devices[0].platform, BLOCK_ACCELERATOR), -(-num_streams // len(devices)))
    size = block * len(devices)
    watch = _Watch(progress, num_streams, int(times[-1]))
    parts: list[dict[str, Result]] = []
    for start in range(0, num_streams, size):
        index = np.arange(start, start + size, dtype=np.int32)  # past the last stream: padding, cut off by the caller
        try:
            static = {"curves": curves, "devices": devices, "ticks": progress is not None}
            result = _grid(key, jnp.asarray(index), controls, world, times, **static)
            watch.follow(result, start, size)
            parts.append(jax.tree.map(results.host, result, is_leaf=lambda x: hasattr(x, "to_host")))
        except KeyboardInterrupt:
            if not parts:
                raise
            warnings.warn(f"interrupted after {len(parts) * size} of {num_streams} streams", stacklevel=3)
            break
    return parts, block


class _Watch:
    """Shows how far a running program is. The program only notes the request it is at; the host looks now and then,
    so that a progress function that raises (Ctrl-C) does so here and not inside the runtime.
    """

    at = 0  # of the program that runs now

    def __init__(self, progress: Callable[[int, int], None] | None, num_streams: int, horizon: int) -> None:
        self.progress, self.num_streams, self.horizon = progress, num_streams, horizon

    @classmethod
    def note(cls, t: Any) -> None:
        cls.at = max(cls.at, int(t))

    def follow(self, result: PyTree, start: int, size: int) -> None:
        """Wait for `result`, the streams from `start` on, telling `progress` about it."""
        if self.progress is None:
            return
        leaf, here, told = jax.tree.leaves(result)[0], min(size, self.num_streams - start), -1
        while not leaf.is_ready():
            time.sleep(0.05)
            if told != _Watch.at:
                told = _Watch.at
                self.progress(start * self.horizon + here * told, self.num_streams * self.horizon)
        jax.effects_barrier()  # no late note of this program in the next one
        _Watch.at = 0
        self.progress((start + here) * self.horizon, self.num_streams * self.horizon)


@functools.partial(jax.jit, static_argnames=("curves", "devices", "ticks"))
def _grid(
    key: Array,
    index: Array,
    controls: Controls,
    world: World,
    times: Array,
    curves: tuple[str, ...] | None,
    devices: tuple[jax.Device, ...],
    ticks: bool = False,
) -> dict[str, Result]:
    """The whole grid for the streams of `index` [n]: readings [n, V, alpha, c, a, f] (those that are swept)."""

    def streams(key: Array, index: Array, controls: Controls, world: World, times: Array) -> dict[str, Result]:
        def one(i: Array, controls: Controls) -> dict[str, Result]:
            return run(jax.random.fold_in(key, i), controls, world, times, curves, _Watch.note if ticks else None)

        function: Callable = one
        for name in reversed(Controls._fields):  # the last vmap wraps outermost: axes come out in field order
            if getattr(controls, name).ndim:
                function = jax.vmap(
                    function, (None, Controls(**{n: 0 if n == name else None for n in Controls._fields}))
                )
        return jax.vmap(function, (0, None))(index, controls)

    if len(devices) == 1:
        return streams(key, index, controls, world, times)
    here, split = PartitionSpec(), PartitionSpec("stream")
    return jax.shard_map(
        streams,
        mesh=Mesh(np.array(devices), ("stream",)),
        in_specs=(here, split, here, here, here),
        out_specs=split,
        check_vma=False,
    )(key, index, controls, world, times)


def describe(function: Any) -> str:
    """A component in words, for provenance: its name, its settings, and its arrays (large ones by shape and digest)."""
    bare = getattr(function, "func", function)
    if dataclasses.is_dataclass(bare):
        name = re.sub(r" at 0x[0-9a-f]+", "", repr(bare))
    else:
        name = getattr(bare, "__qualname__", type(bare).__name__)
    module = getattr(bare, "__module__", type(bare).__module__).removeprefix("messjax.")
    parts = []
    for leaf in jax.tree.leaves(getattr(function, "args", ()), is_leaf=callable):
        parts.append(describe(leaf) if callable(leaf) else _describe_array(leaf))
    return f"{module}.{name}({', '.join(parts)})"


def _describe_array(leaf: Any) -> str:
    array = np.asarray(leaf)
    if array.size <= 8:
        return np.array2string(array, separator=",", precision=6).replace("\n", "")
    return f"{array.shape}:{hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:12]}"
