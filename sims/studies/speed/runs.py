"""What `python -m sims speed` measures: the workloads in messjax and in the references, the scaling, the roofline."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from messjax import runtime
from sims.reference import workloads

GRIDS = "Numba, one path for a grid"
MODULES = {
    "Python loop": "python_loop",
    "NumPy over streams": "numpy_streams",
    "Numba": "numba_streams",
    GRIDS: "numba_streams",
    "Numba, lanes by hand": "numba_loop",
    "C++": "cpp",
    "plain JAX": "plain_jax",
    "torch + pandas": "torch_loop",
}
PAIRS = tuple((V, alpha) for V in (1.0, 3.0, 10.0, 30.0) for alpha in (0.6, 0.65, 0.7))


class Task(NamedTuple):
    """One measurement."""

    workload: str  # W1, W2, W2 x 12, W3, or a roofline
    who: str  # messjax or a reference
    streams: int = 1024
    horizon: int = 10_000
    axis: str = ""  # of a scaling plot; empty: the comparison
    at: float = 0.0  # where on it
    options: tuple[tuple[str, Any], ...] = ()
    patience: float = 1.5  # seconds to repeat it for, at least thrice and at most twenty times


class Measured(NamedTuple):
    """What came of it."""

    decisions: float
    seconds: float  # median
    first: float  # seconds of the first call, compilation included
    peak: float  # GiB, of the whole process
    satisfaction: float
    cost: float
    operations: float = np.nan  # per decision, of a roofline
    bytes: float = np.nan
    arithmetic: float = np.nan  # per second, of the machine
    cache: float = np.nan
    memory: float = np.nan


def tasks(quick: bool) -> list[Task]:
    """All measurements: comparison, scaling, roofline."""
    if quick:
        own = [("W1", 1024, 2_000), ("W2", 256, 1_000), ("W2 x 12", 256, 1_000), ("W3", 4, 1_500)]
        others = {"Python loop": (1, 800), "plain JAX": (64, 200), "C++": (256, 1_000)}
    else:
        own = [("W1", 16_384, 10_000), ("W2", 4_096, 10_000), ("W2 x 12", 4_096, 10_000), ("W3", 8, 14_000)]
        others = {"Python loop": (2, 4_000), "NumPy over streams": (1_024, 200), "plain JAX": (1_024, 1_000),
                  "Numba": (1_024, 4_000), GRIDS: (1_024, 4_000), "Numba, lanes by hand": (1_024, 4_000),
                  "C++": (1_024, 10_000)}  # fmt: skip
    result = []
    for workload, streams, horizon in own:
        result.append(Task(workload, "messjax", streams, horizon))
        for who, (batch, steps) in others.items():
            if workload == "W2 x 12" and who == "Python loop":
                continue  # that of W2: one point of the grid at a time
            if who == GRIDS and workload in ("W1", "W2"):
                continue  # one point: the same as Numba
            if workload != "W3":
                result.append(Task(workload, who, batch, steps))
            elif who != "NumPy over streams":
                few = who == "Python loop"
                whole = who.startswith(("Numba", "C++"))
                result.append(Task("W3", who, 1 if few else streams, horizon if whole else min(steps, horizon, 2_000)))
    result.append(Task("W3", "torch + pandas", 1, 200 if quick else 1_500))
    result += _variants(quick) + _scaling(quick)
    result += [Task(f"roofline {workload}", "messjax", 1024, 64) for workload in ("W1", "W2")]
    return [task._replace(patience=0.2) for task in result] if quick else result


def _variants(quick: bool) -> list[Task]:
    """What else there is to switch on, on W1: all meters, curves, the general path; and a thousand streams only."""
    size = (1024, 2_000) if quick else (16_384, 10_000)
    kinds = {"messjax, all meters": (("meters", "standard"),), "messjax, 100 checkpoints": (("checkpoints", 100),)}
    result = [Task("W1", who, *size, options=options) for who, options in kinds.items()]
    if not quick:
        result.append(Task("W1", "messjax, general path", 1024, 2_000, options=(("engine", "general"),)))
        result.append(Task("W1", "messjax, 1,024 streams", 1024, 10_000))
    return result


def _scaling(quick: bool) -> list[Task]:
    steps = 500 if quick else 5_000
    axes: dict[str, tuple[str, list[int]]] = {
        "streams": ("W1", [64, 1024] if quick else [64, 256, 1024, 4096, 16_384]),
        "grid points": ("W1", [1, 12] if quick else [1, 4, 16, 64]),
    }
    if not quick:
        axes |= {"horizon": ("W1", [100, 1_000, 10_000, 100_000]), "models M": ("W1", [2, 3, 5, 8, 16]),
                 "features d": ("W2", [4, 8, 16, 32, 64])}  # fmt: skip
    result = []
    for axis, (workload, points) in axes.items():
        for at in points:
            streams = at if axis == "streams" else 1024
            result.append(Task(workload, "messjax", streams, at if axis == "horizon" else steps, axis, at))
    return result


# --- in the process that measures ------------------------------------------------------------------------------


def run(task: Task) -> Measured | None:
    """Do a task in this process, which does nothing else. None where what it needs is not installed."""
    if task.workload.startswith("roofline"):
        return _roofline(task)
    call = _own(task) if task.who.startswith("messjax") else _reference(task)
    if call is None:
        return None
    start = time.perf_counter()
    call()
    first = time.perf_counter() - start
    taken: list[float] = []
    result: Any = None
    while len(taken) < 3 or (sum(taken) < task.patience and len(taken) < 20):
        start = time.perf_counter()
        result = call()
        taken.append(time.perf_counter() - start)
    assert result is not None
    satisfaction, cost = (float(np.mean(result[name])) for name in ("satisfaction", "cost"))
    decisions = float(task.horizon * np.size(result["satisfaction"]))
    unit = 2**30 if sys.platform == "darwin" else 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return Measured(decisions, float(np.median(taken)), first, peak, satisfaction, cost)


def work_of(task: Task) -> Any:
    """The arrays of its workload, as `sims.reference` takes them."""
    if task.workload == "W3":
        return workloads.w3(seeds=task.streams)._replace(horizon=task.horizon)
    if task.workload == "W1":
        return workloads.w1(task.streams, task.horizon)
    grid = PAIRS if task.workload == "W2 x 12" else ((10.0, 0.667),)
    features = int(task.at) if task.axis == "features d" else 16
    return workloads.w2(task.streams, task.horizon, grid, features)


def _reference(task: Task) -> Callable[[], Any] | None:
    module = import_module(f"sims.reference.{MODULES[task.who]}")
    if not getattr(module, "available", lambda: True)():
        return None
    name = task.workload[:2].lower() + ("_shared" if task.who == GRIDS else "")
    work, function = work_of(task), getattr(module, name)
    if task.workload == "W3" and task.streams == 1:
        work = workloads.part(work, 1, 1, 1)
    return lambda: function(work)._asdict()


def _own(task: Task) -> Callable[[], xr.Dataset]:
    """The workload through `messjax.engine.grid_sweep`."""
    runtime.use_all_cores()
    import jax

    from messjax.engine.grid_sweep import sweep
    from messjax.meters import folds, standard_meters

    options = dict(task.options)
    meter = (
        standard_meters.standard()
        if options.pop("meters", "")
        else folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue())
    )
    world = parts_of(task)
    return lambda: sweep(
        jax.random.key(0), horizon=task.horizon, num_streams=task.streams, meter=meter, **world, **options
    )


def parts_of(task: Task) -> dict[str, Any]:
    """Controls, policy and stream of a workload, as `sweep` takes them."""
    from messjax import policies, predictors, streams
    from messjax.types import Controls, Distribution

    work = work_of(task)
    V, alpha, c = np.atleast_1d(work.V), np.atleast_1d(work.alpha), np.atleast_1d(work.c)
    if task.workload == "W1":
        mean, cost = work.mean, work.cost
        if task.axis == "models M":
            rng = np.random.default_rng(0)
            mean, cost = np.sort(rng.uniform(0.3, 0.95, (64, int(task.at))), axis=1), np.linspace(1, 4, int(task.at))
        if task.axis == "grid points":
            side = round(task.at**0.5)
            V, alpha = np.geomspace(1, 30, int(task.at) // side), np.linspace(0.6, 0.7, side)
        distribution = Distribution(
            np.full(len(mean), 1 / len(mean)), np.tile(cost, (len(mean), 1)), mean.astype(np.float64)
        )
        stream = streams.types(distribution, labels="comonotone")
        predictor = predictors.oracle(stream)
    elif task.workload == "W3":
        stream = streams.replay(work.features, work.satisfaction, work.cost)
        predictor = predictors.linear(work.features.shape[1], work.cost.shape[1])
    else:
        stream = streams.logistic(work.weights, work.bias, work.cost)
        predictor = predictors.linear(work.weights.shape[1], len(work.cost))
    unique = [values[0] if len(values) == 1 else np.unique(values) for values in (V, alpha, c)]
    controls = Controls(V=unique[0], alpha=unique[1], c=unique[2], a=work.a)
    return {"controls": controls, "policy": policies.mess_plus(predictor), "stream": stream}


def _roofline(task: Task) -> Measured:
    """Operations and bytes per decision, counted in the traced program, beside the machine's peaks."""
    runtime.use_all_cores()
    import jax

    from messjax import feedback
    from messjax.engine import fast, simulation
    from messjax.engine.fast import loop
    from messjax.engine.fast import streams as worlds
    from messjax.meters import folds, standard_meters
    from sims.studies.speed import machine

    parts = parts_of(task._replace(workload=task.workload.removeprefix("roofline ")))
    meter = folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue())
    world = simulation.assemble(parts["policy"], parts["stream"], meter, feedback.complete)
    controls = parts["controls"]._replace(**{n: np.atleast_1d(getattr(parts["controls"], n)) for n in ("V", "alpha")})
    block = fast.best_block(world, controls)
    keys = jax.random.split(jax.random.key(0), block)
    columnar = worlds.columnar_of(world.stream)
    assert columnar is not None
    length = loop.chunk_length(columnar, block)
    traced = jax.make_jaxpr(lambda k: fast.run_block(k, controls, world, np.array([length], np.int32), ()))(keys)
    work, peaks = machine.count(traced.jaxpr, (1.0, length + 1.0)), machine.measure_machine()
    return Measured(
        decisions=np.nan, seconds=np.nan, first=np.nan, peak=np.nan, satisfaction=np.nan, cost=np.nan,
        operations=work.operations / (block * length), bytes=work.bytes / (block * length), **peaks._asdict(),
    )  # fmt: skip


def rate(result: xr.Dataset, workload: str, who: str) -> float:
    """Decisions per second in the comparison; NaN where it was not measured."""
    one = result["rate"].values[(result["workload"] == workload) & (result["who"] == who) & (result["axis"] == "")]
    return float(one[0]) if len(one) else float("nan")


def remarks(result: xr.Dataset) -> list[str]:
    """The roofline, and what curves and meters cost, in words."""
    lines = []
    select = result.isel(task=np.flatnonzero((result["workload"] == "W1") & (result["axis"] == "")))
    rates = dict(zip(select["who"].values.tolist(), select["rate"].values.tolist(), strict=True))
    for who, speed in rates.items():
        if who in ("messjax, all meters", "messjax, 100 checkpoints"):
            lines.append(f"W1 with {who.removeprefix('messjax, ')}: {rates['messjax'] / speed:.2f} times the seconds")
    for i in np.flatnonzero([str(name).startswith("roofline") for name in result["workload"].values]):
        one = result.isel(task=int(i))
        name = str(one["workload"].values).removeprefix("roofline ")
        speed = rate(result, name, "messjax")
        operations, size = float(one["operations"]), float(one["bytes"])
        lines.append(
            f"roofline {name}: {operations:,.0f} operations and {size:,.0f} bytes per decision; "
            f"{operations * speed / float(one['arithmetic']):.0%} of the measured arithmetic "
            f"({float(one['arithmetic']) / 1e9:,.0f} G/s) and {size * speed / float(one['cache']):.0%} of the second "
            f"cache's bandwidth ({float(one['cache']) / 1e9:,.0f} GB/s; memory: {float(one['memory']) / 1e9:,.0f} GB/s)"
        )
    return lines
