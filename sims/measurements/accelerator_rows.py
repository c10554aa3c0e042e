"""What `python -m sims accelerator` measures, row by row, in the process that holds the device."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax import runtime
from sims.measurements.resident_warps import occupancy
from sims.studies.speed import runs

TARGETS = {"W1": 5e10, "W2": 5e9, "W3": 1e9}  # decisions per second on one H100 or H200, set before any was measured
PATHS = {"fast path": "fast", "general path": "general", "kernel": "kernel"}
SHARE = 1e-6  # of a sum: what the two engines may differ by (compensated float32)
SUMS = {"cost", "cost_exploit", "queue_mean", "exploration_queue", "prediction_error", "prediction_error_max"}


class Task(NamedTuple):
    """One row."""

    kind: str  # speed, equality or tuning
    workload: str
    who: str  # a path of messjax, plain JAX or C++
    streams: int
    horizon: int  # at most: as many requests as fit the seconds of a row
    block: int = 16_384  # streams of a call
    lanes: tuple[int, int] = (128, 4)  # of the kernel: streams and warps of a program
    shared: int = 0  # of the kernel: registers for the lanes that share a thread's requests; 0: as it is


def tasks(rehearse: bool, quick: bool = False) -> list[Task]:
    """All rows, the most wanted first.

    Args:
        rehearse: The same kinds of row, tiny.
        quick: One or two of each kind, tiny.
    """
    if quick:
        result = [Task("equality", "W1", "kernel", 4, 12), Task("equality", "W2", "fast path", 4, 12)]
        result += [Task("speed", "W1", "kernel", 4, 12, 4), Task("tuning", "W1", "kernel", 4, 12, 4, lanes=(64, 2))]
        return [*result, Task("speed", "W1", "C++", 4, 20)]
    if rehearse:
        result = [Task("equality", name, who, 4, 12) for name, who in _own()]
        result += [Task("speed", name, who, 4, 12, 4) for name, who in _own()]
        result += [Task("tuning", "W1", "kernel", 4, 12, 4, lanes=(64, 2))]
        return result + [Task("speed", "W1", who, 4, 20) for who in ("plain JAX", "C++")]
    result = [Task("equality", name, who, 512, 300) for name, who in _own()]
    many = {"W1": 10**6, "W2": 10**5, "W2 x 12": 10**5, "W3": 256, "MLP": 10**4, "replay 1,000": 64}
    for name, who in _own():
        streams = min(many[name], 10**4) if who == "general path" else many[name]
        result.append(Task("speed", name, who, streams, 10**5, min(streams, 2**17)))
    result += [Task("speed", name, "plain JAX", 16_384 if name != "W3" else 64, 1_000) for name in ("W1", "W2", "W3")]
    result += [
        Task("speed", name, "C++", 16_384 if name != "W3" else 64, 4_000) for name in ("W1", "W2", "W2 x 12", "W3")
    ]
    shapes = ((64, 2), (256, 8), (128, 2), (256, 4), (512, 8), (1_024, 8))
    result += [Task("tuning", "W1", "kernel", 10**6, 10**5, 2**17, lanes=shape) for shape in shapes]
    result += [Task("tuning", "W1 x 12", "kernel", 10**5, 10**5, 2**17, shared=n) for n in (28, 56, 112, 200)]
    result += [Task("tuning", "W2", "kernel", 10**5, 10**5, 2**17, lanes=shape) for shape in ((64, 2), (32, 1))]
    result += [Task("tuning", "W2 x 12", "kernel", 10**5, 10**5, 2**17, shared=n) for n in (120, 150, 208, 250)]
    result += [Task("tuning", "W1", "kernel", 10**6, 10**5, 2**n) for n in (14, 16, 18, 20)]
    result += [Task("tuning", "W2", "fast path", 10**5, 10**4, 2**n) for n in (12, 14, 16)]
    result += [Task("speed", "W1", "kernel", n, 10**5, min(n, 2**20)) for n in (10**3, 10**4, 10**5, 10**7)]
    result += [Task("speed", "W1", "fast path", n, 10**5, min(n, 2**17)) for n in (10**3, 10**4, 10**5, 10**7)]
    result += [Task("speed", "W2", "fast path", n, 10**5, min(n, 2**17)) for n in (10**3, 10**4, 10**6)]
    return result


def _own() -> list[tuple[str, str]]:
    """Workloads and the paths of messjax that run them."""
    first = [("W1", "kernel"), ("W2", "kernel"), ("W2 x 12", "kernel"), ("W1", "fast path"), ("W1", "general path")]
    first += [(name, "fast path") for name in ("W2", "W2 x 12", "W3", "MLP", "replay 1,000")]
    return [*first, ("W2", "general path"), ("W3", "general path")]


def measure(task: Task, seconds: float) -> dict[str, Any]:
    """Do one row.

    Args:
        task: The row.
        seconds: That its calls may take, about.

    Returns:
        Numbers and texts by name, for the record.
    """
    if task.kind == "equality":
        return _compare(task)
    if task.who in ("plain JAX", "C++"):
        found = runs.run(runs.Task(task.workload, task.who, task.streams, task.horizon, patience=seconds / 4))
        if found is None:
            return {"note": "not installed"}
        return {"decisions": found.decisions, "seconds": found.seconds, "first": found.first, "note": ""}
    return _timed(task, seconds)


# --- paths of messjax -------------------------------------------------------------------------------------------


class Program(NamedTuple):
    """A compiled program of the engine on one device, and what it is called with."""

    call: Callable[[int, int], Any]  # (first stream, horizon) -> results on the device
    pairs: int  # combinations of the controls


def _program(task: Task) -> Program:
    import jax
    import jax.numpy as jnp

    from messjax import feedback
    from messjax.engine import fast, grid_program, simulation
    from messjax.meters import folds, standard_meters

    parts = _parts(task)
    meter = folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue())
    world = simulation.assemble(parts["policy"], parts["stream"], meter, feedback.complete)
    given = parts["controls"]
    controls = jax.tree.map(lambda value: jnp.asarray(np.asarray(value), jnp.float32), given)
    covered = () if task.who == "general path" else fast.supported(world)
    if task.who != "general path" and not covered:
        raise ValueError(f"{task.workload}: the fast path cannot run it: {fast.unsupported_reason(world)}")
    device = jax.local_devices()[:1]

    def call(first: int, horizon: int) -> Any:
        index = jnp.arange(first, first + min(task.block, task.streams), dtype=jnp.int32)
        times = np.array([horizon], np.int32)
        return grid_program.program(
            jax.random.key(0), index, controls, world, times, (), tuple(device), covered, task.who == "kernel", None, 0
        )[""]

    return Program(call, int(np.prod([np.size(value) for value in jax.tree.leaves(given)])))


def _parts(task: Task) -> dict[str, Any]:
    from messjax import policies, predictors

    base = {"W1 x 12": "W1", "MLP": "W2", "replay 1,000": "W3"}.get(task.workload, task.workload)
    axis = {"W1 x 12": "grid points"}.get(task.workload, "")
    parts = runs.parts_of(runs.Task(base, "messjax", task.streams, task.horizon, axis, 16))
    if task.workload == "MLP":
        parts["policy"] = policies.mess_plus(predictors.mlp(16, 3))
    if task.workload == "replay 1,000":
        grid = {"V": np.geomspace(1, 30, 10), "alpha": np.linspace(0.6, 0.7, 10), "c": np.geomspace(0.05, 0.3, 10)}
        parts["controls"] = parts["controls"]._replace(**grid)
    return parts


def _timed(task: Task, seconds: float) -> dict[str, Any]:
    """Decisions per second: as many requests as fit, the median of three."""
    import jax

    from messjax.engine.fast import gpu_kernel

    names = ("BLOCK", "WARPS", "REGISTERS", "HEAD_REGISTERS")
    kept = [getattr(gpu_kernel, name) for name in names]
    shared = (task.shared or kept[2], task.shared or kept[3])
    for name, value in zip(names, (*task.lanes, *shared), strict=True):
        setattr(gpu_kernel, name, value)
    jax.clear_caches()  # the settings are compiled in
    try:
        program = _program(task)
        longest = min(task.horizon, 14_000) if _is_recorded(task) else task.horizon

        def whole(horizon: int) -> float:
            start = time.perf_counter()
            for first in range(0, task.streams, min(task.block, task.streams)):
                last = program.call(first, horizon)
            jax.block_until_ready(last)
            return time.perf_counter() - start

        first = whole(1)
        horizon = min(longest, 8)
        while (taken := whole(horizon)) < seconds / 16 and horizon < longest:
            horizon = min(longest, int(horizon * min(16.0, max(1.5, seconds / 8 / max(taken, 1e-4)))))
        spent = [whole(horizon) for _ in range(3)]
    finally:
        for name, value in zip(names, kept, strict=True):
            setattr(gpu_kernel, name, value)
    size = min(task.block, task.streams)
    found: dict[str, Any] = {"decisions": float(-(-task.streams // size) * size * horizon * program.pairs)}
    found |= {"horizon_run": horizon, "seconds": float(np.median(spent)), "first": first, "note": ""}
    return found | _memory() | _kernel(task)


def _is_recorded(task: Task) -> bool:
    return task.workload in ("W3", "replay 1,000")


def _memory() -> dict[str, float]:
    """GiB that the device has held at most since the process began."""
    import jax

    stats = jax.local_devices()[0].memory_stats() or {}
    return {"memory": stats.get("peak_bytes_in_use", float("nan")) / 2**30}


# --- equality with the CPU ----------------------------------------------------------------------------------------


def _compare(task: Task) -> dict[str, Any]:
    """The same streams on the device and by the general path on the CPU: counts, and the largest difference of sums."""
    import jax

    def numbers(which: Task) -> dict[str, np.ndarray]:
        program = _program(which._replace(block=which.streams))
        final = program.call(0, which.horizon).final
        return {name: np.asarray(x.to_host() if hasattr(x, "to_host") else x) for name, x in final.items()}

    small = task._replace(streams=min(task.streams, 16)) if _is_recorded(task) else task
    own = numbers(small)
    with jax.default_device(jax.devices("cpu")[0]):
        wanted = numbers(small._replace(who="general path"))
    exact = [name for name in wanted if name not in SUMS]
    unequal = {name: int(np.sum(own[name] != wanted[name])) for name in exact}
    apart = max(
        (float(np.max(np.abs(own[n] - wanted[n]) / np.maximum(np.abs(wanted[n]), 1e-12))) for n in SUMS & set(wanted)),
        default=0.0,
    )
    differ = [f"{name} ({count:,} of {own[name].size:,})" for name, count in unequal.items() if count]
    note = f"differ: {', '.join(differ)}" if differ else ""
    found = {"compared": len(wanted), "unequal": sum(unequal.values()), "apart": apart}
    return found | {"equal": not differ and apart <= SHARE, "note": note}


# --- the kernel's registers, by the dump of XLA --------------------------------------------------------------------

_DUMP: list[Path] = []


def use_dump(folder: Path) -> None:
    """Where XLA has been told to write its programs (--xla_dump_to)."""
    _DUMP[:] = [folder]


def _kernel(task: Task) -> dict[str, float]:
    """Registers of a thread and occupancy of the newest kernel, where XLA wrote its PTX and there is a ptxas."""
    assembler = shutil.which("ptxas") or next(iter(_assemblers()), None)
    texts = sorted(_DUMP[0].glob("*.ptx"), key=lambda path: path.stat().st_mtime) if _DUMP else []
    mine = [path for path in texts if b"mess_plus_" in path.read_bytes()]
    if task.who != "kernel" or not mine or assembler is None:
        return {}
    target = re.search(r"^\.target (\w+)", mine[-1].read_text(encoding="utf-8"), re.MULTILINE)
    command = [assembler, "-v", f"-arch={target[1] if target else 'sm_90'}", str(mine[-1]), "-o", "/dev/null"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    used = [int(number) for number in re.findall(r"Used (\d+) registers", said)]
    return {"registers": max(used), "occupancy": occupancy(max(used), 32 * task.lanes[1])} if used else {}


def _assemblers() -> Iterator[str]:
    """The ptxas of NVIDIA's Python packages, which JAX's extra `cuda` installs."""
    import jax

    for path in Path(jax.__file__).parents[1].glob("nvidia/**/bin/ptxas"):
        yield str(path)


def start() -> dict[str, Any]:
    """What the device is: platform, kind, versions; JAX is told to use it."""
    runtime.use_all_cores()
    import jax

    from messjax import origin

    device = jax.local_devices()[0]
    return {"platform": device.platform, "kind": device.device_kind, **origin.provenance()}
