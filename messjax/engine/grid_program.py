"""The compiled program of a sweep: every combination of the controls, for a block of streams on every device.

One vmap per control, never a flattened grid: what does not depend on a control (the requests; for routers also
exploration and the predictor, with respect to V and alpha) is computed once and shared. What the fast engine supports
runs on it, the rest on the general one; both give the same numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from messjax.engine import fast
from messjax.engine import memory as _memory
from messjax.engine.simulation import Result, RunParts, run_stream
from messjax.numerics.array_cache import ArrayCache
from messjax.types import Array, Controls

ENGINES = ("auto", "fast", "general", "kernel")
STREAMS_GENERAL = 256  # streams per CPU device and call on the general path
STREAMS_ACCELERATOR = 16_384
LARGE = 2**20  # bytes worth placing once
_PLACED = ArrayCache()


class Plan(NamedTuple):
    """How a sweep is divided: what the program is compiled for, and what a result's attributes record.

    Attributes:
        fast: Names of the policies on the fast engine.
        kernel: Whether they run as the GPU kernel.
        devices: The devices.
        block: Streams per device and call.
        memory: GiB that one call may take on a device.
    """

    fast: tuple[str, ...]
    kernel: bool
    devices: tuple[jax.Device, ...]
    block: int
    memory: float

    @property
    def size(self) -> int:
        """Streams per call."""
        return self.block * len(self.devices)


def plan(
    run_parts: RunParts,
    controls: Controls,
    *,
    num_streams: int,
    checkpoints: int,
    engine: str = "auto",
    block: int | None = None,
    devices: int | None = None,
    memory: float | None = None,
    curves: tuple[str, ...] | None = None,
) -> Plan:
    """Choose what the caller left open.

    Blocks are as large as suits the caches (CPU) or fills the device (accelerators), at most what `num_streams` needs
    and what `memory` holds.

    Args:
        run_parts: The parts of the run.
        controls: Numbers or arrays [n] of the grid.
        num_streams: Number of streams.
        checkpoints: Number of checkpoints.
        engine: One of `ENGINES`.
        block: Streams per device and call, or None.
        devices: Number of devices, or None for all.
        memory: GiB per device that one call may take; None: half of the device's.
        curves: Names of the metrics kept at the checkpoints; None: all.

    Returns:
        The plan.

    Raises:
        ValueError: An option that is not possible, or an engine that cannot run this, with the reason.
    """
    used = _devices(devices)
    covered = () if engine == "general" else fast.supported(run_parts)
    _check_engine(engine, run_parts, covered, used[0].platform)
    if memory is None:
        memory = _memory.default_limit(tuple(each for each in used if each.process_index == jax.process_index()))
    best = _best_block(run_parts, controls, covered, used)
    wanted = min(best, -(-num_streams // len(used))) if block is None else block
    held = _held(run_parts, controls, checkpoints, curves, memory, wanted)
    if block is not None and not 1 <= block <= held:
        limit = f"at most {held}, what {memory:g} GiB hold" if block > held else "at least one stream per device"
        raise ValueError(f"block: expected {limit}, found {block}")
    return Plan(covered, engine == "kernel", used, min(wanted, held), memory)


def _best_block(
    run_parts: RunParts, controls: Controls, covered: tuple[str, ...], devices: tuple[jax.Device, ...]
) -> int:
    """Streams per device and call that suit its caches."""
    if devices[0].platform != "cpu":
        return STREAMS_ACCELERATOR
    own = run_parts._replace(policies={name: run_parts.policies[name] for name in covered})
    best = fast.best_block(own, controls) or STREAMS_ACCELERATOR
    return best if len(covered) == len(run_parts.policies) else min(best, STREAMS_GENERAL)


def _held(
    run_parts: RunParts,
    controls: Controls,
    checkpoints: int,
    curves: tuple[str, ...] | None,
    limit: float,
    wanted: int,
) -> int:
    """Streams of a call that the limit holds, at least one; ValueError where it holds none."""
    for estimate in (_memory.largest, _memory.traced):  # the second one is exact and takes longer
        sizes = estimate(run_parts, controls, checkpoints, curves)
        held = int((limit * 2**30 - sizes.of_a_device) / sizes.of_a_stream)
        if held >= wanted:
            return held
    if held < 1:
        needed = (sizes.of_a_stream + sizes.of_a_device) / 2**30
        raise ValueError(f"memory: one stream of this grid takes {needed:.3g} GiB, found a limit of {limit:g}")
    return held


def placed(run_parts: RunParts, devices: tuple[jax.Device, ...]) -> RunParts:
    """The parts of a run with their large arrays (a trace's features) on all devices, kept as long as the arrays live.

    Args:
        run_parts: The parts of the run.
        devices: The devices.

    Returns:
        The parts.
    """
    if len(devices) == 1:
        return run_parts
    everywhere = NamedSharding(Mesh(np.array(devices), ("stream",)), PartitionSpec())

    def place(leaf: Any) -> Any:
        if getattr(leaf, "nbytes", 0) < LARGE:
            return leaf
        # Of several processes each has the same array: only from the host's memory can it be put on all devices.
        source = (lambda x: x) if jax.process_count() == 1 else np.asarray
        return _PLACED.of(leaf, lambda x: jax.device_put(source(x), everywhere), devices)

    return jax.tree.map(place, run_parts)


def _devices(count: int | None) -> tuple[jax.Device, ...]:
    if jax.process_count() > 1:
        if count is not None:
            raise ValueError(f"devices: found {count} with several processes, which use all devices of all of them")
        return tuple(jax.devices())
    local = jax.local_devices()
    if count is not None and not 1 <= count <= len(local):
        raise ValueError(f"devices: expected 1 to {len(local)} (there are no more), found {count}")
    return tuple(local[:count])


def _gpu_kernel() -> ModuleType:
    from messjax.engine.fast import gpu_kernel  # a tenth of a second that only a GPU needs

    return gpu_kernel


def _check_engine(engine: str, run_parts: RunParts, covered: tuple[str, ...], platform: str) -> None:
    if engine not in ENGINES:
        raise ValueError(f"engine: found {engine!r}, expected one of {', '.join(ENGINES)}")
    if engine == "fast" and (others := [name for name in run_parts.policies if name not in covered]):
        reason = fast.unsupported_reason(run_parts._replace(policies={others[0]: run_parts.policies[others[0]]}))
        raise ValueError(f"engine: the fast path cannot run this: {reason}; expected engine='auto' or 'general'")
    if engine == "kernel" and platform != "gpu":
        raise ValueError(f"engine: the kernel needs a GPU, found {platform}; expected engine='auto'")
    if engine == "kernel" and (reason := _gpu_kernel().unsupported_reason(run_parts)):
        raise ValueError(f"engine: the kernel does not know {reason}; expected engine='auto'")


@functools.partial(jax.jit, static_argnames=("curves", "devices", "fast_path", "use_kernel", "progress_callback"))
def program(
    key: Array,
    index: Array,
    controls: Controls,
    run_parts: RunParts,
    times: Array,
    curves: tuple[str, ...] | None,
    devices: tuple[jax.Device, ...],
    fast_path: tuple[str, ...] = (),
    use_kernel: bool = False,
    progress_callback: Callable[[Any, Any], None] | None = None,
    run: Array | int = 0,
) -> dict[str, Result]:
    """The whole grid for some streams.

    Args:
        key: Random key; stream i has fold_in(key, i).
        index: Numbers of the streams [n].
        controls: Numbers [] or arrays of the grid.
        run_parts: The parts of the run.
        times: Checkpoints [k] int32.
        curves: Names of the metrics kept at the checkpoints; None: all.
        devices: The devices.
        fast_path: Names of the policies on the fast engine.
        use_kernel: Whether they run as the GPU kernel.
        progress_callback: Called on the host with (run, request number) at the checkpoints.
        run: A number [] that tells runs apart.

    Returns:
        Results by policy, with metrics [n, V, alpha, c, a, f] (those controls that are arrays).
    """

    def streams(
        key: Array, index: Array, controls: Controls, run_parts: RunParts, times: Array, run: Array
    ) -> dict[str, Result]:
        tell = None if progress_callback is None else functools.partial(jax.debug.callback, progress_callback, run)
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(index)
        results = {}
        if slow := {name: policy for name, policy in run_parts.policies.items() if name not in fast_path}:
            part = run_parts._replace(policies=slow)
            one = _over_controls(lambda key, c: run_stream(key, c, part, times, curves, tell), controls, 0)
            results = jax.vmap(one, (0, None))(keys, controls)
        if fast_path:
            part = run_parts._replace(policies={name: run_parts.policies[name] for name in fast_path})
            engine = _gpu_kernel().run_kernel if use_kernel else fast.run_block
            results |= _fast(engine, keys, controls, part, times, curves, None if slow else tell)
        return results

    if len(devices) == 1:
        return streams(key, index, controls, run_parts, times, jnp.asarray(run))
    current, split = PartitionSpec(), PartitionSpec("stream")
    return jax.shard_map(
        streams,
        mesh=Mesh(np.array(devices), ("stream",)),
        in_specs=(current, split, current, current, current, current),
        out_specs=split,
        check_vma=False,
    )(key, index, controls, run_parts, times, jnp.asarray(run))


def _fast(
    engine: Callable[..., dict[str, Result]],
    keys: Array,
    controls: Controls,
    run_parts: RunParts,
    times: Array,
    curves: tuple[str, ...] | None,
    progress_callback: Callable | None,
) -> dict[str, Result]:
    """`fast.run`, or the kernel, on the grid: V and alpha are lanes of a block, the other controls are vmapped."""
    pairs = jnp.meshgrid(jnp.atleast_1d(controls.V), jnp.atleast_1d(controls.alpha), indexing="ij")
    lanes = {"V": pairs[0].ravel(), "alpha": pairs[1].ravel()}
    others = controls._replace(V=jnp.zeros(()), alpha=jnp.zeros(()))
    block = _over_controls(
        lambda keys, c: engine(keys, c._replace(**lanes), run_parts, times, curves, progress_callback), others, 2
    )
    swept = (*controls.V.shape, *controls.alpha.shape)
    return jax.tree.map(lambda x: x.reshape(x.shape[0], *swept, *x.shape[2:]), block(keys, others))


def _over_controls(function: Callable, controls: Controls, axis: int) -> Callable:
    """`function(keys, controls)` for every combination of those controls that are arrays; their axes come at `axis`."""
    for name in reversed(Controls._fields):  # the last vmap wraps outermost: axes come out in field order
        if np.ndim(getattr(controls, name)):
            one = Controls(**{n: 0 if n == name else None for n in Controls._fields})
            function = jax.vmap(function, (None, one), axis)
    return function
