"""Why W2 and W3 stay below the C++: what the kernels of XLA's optimised program do, counted, timed and beside the C++.

    python -m sims hlo [--quick] [--out DIR] [--from DIR] [--markdown]

Compiles the programs of W2 and W3 of `python -m sims speed` for one core, with the streams that the sweep gives to a
core, and reads their optimised HLO (`hlo_text`): operations, numbers under exp or log, and bytes of every kernel, and
whose code it is. JAX's profiler says how often each kernel runs, in loops whose length depends on the data as well, and
for how long. Beside it: what starting a kernel, a byte, an operation and an exponential cost on this machine
(`kernel_costs`), and what the C++ does for one decision (`hlo_needs`). Two to three minutes; OUT/W2.txt and OUT/W3.txt
are the programs, OUT/W2_kernels.csv and OUT/W3_kernels.csv their kernels, longest first.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from messjax import files, interruption, origin, run_folder
from sims.common.finding import Rows
from sims.measurements import hlo_needs, record
from sims.measurements.hlo_text import Kernel, Program
from sims.studies.speed import runs

NAME = "hlo"
TASKS = {"W2": runs.Task("W2", "messjax", 128, 10_000), "W3": runs.Task("W3", "messjax", 4, 14_000)}
QUICK = {"W2": runs.Task("W2", "messjax", 128, 480), "W3": runs.Task("W3", "messjax", 1, 320)}
PARTS = {  # the first function of a stack that is named here says what a kernel is for
    "counter_prng.py:": "random",
    "recorded.py:_permutation": "orders",
    "recorded.py:_init_permuted": "orders",
    "streams.py:Logistic._pairs": "random",
    "streams.py:Logistic.chunk": "labels",
    "streams.py:Replay.": "fetch",
    "linear_head.py:predict_and_learn": "predict",
    "predictions.py:Learned.chunk": "predict",
    "predictions.py:LinearSgd.chunk": "predict",
    "loop.py:run_chunk": "decide",
}
REST = "rest"
REPEATS = 9


def part_of(stack: Sequence[str]) -> str:
    """What code is for, by the functions that it was called from, innermost first."""
    for function in stack:
        for beginning, part in PARTS.items():
            if function.startswith(beginning):
                return part
    return REST


def parts(
    kernels: Sequence[Kernel], executed: Mapping[str, int], seconds: Mapping[str, float], decisions: float
) -> dict[str, dict[str, float]]:
    """Per decision and part of the program: kernels, bytes, operations, exponentials and ns.

    Kernels, bytes and ns belong to the part that a kernel's last operation is of; operations to that of each operation,
    because XLA fuses random numbers into what reads them.

    Args:
        kernels: Of the program.
        executed: How often each ran, by name.
        seconds: How long it took in all.
        decisions: That were made meanwhile.
    """
    total: dict[str, dict[str, float]] = defaultdict(
        lambda: dict.fromkeys(("kernels", "bytes", "operations", "exponentials", "ns"), 0.0)
    )
    for kernel in kernels:
        times = executed.get(kernel.name, 0) / decisions
        own = total[part_of(kernel.stack)]
        own["kernels"] += times
        own["bytes"] += times * kernel.bytes
        own["ns"] += seconds.get(kernel.name, 0.0) / decisions * 1e9
        for stack, (operations, exponentials) in kernel.work.items():
            of = total[part_of(stack)]
            of["operations"] += times * operations
            of["exponentials"] += times * exponentials
    return {part: values for part, values in total.items() if any(values.values())}


def executions(call: Any, kernels: Collection[str]) -> tuple[Counter[str], dict[str, float]]:
    """How often each kernel runs in a call, and for how many seconds in all.

    The seconds are medians times numbers, less those of the shortest kernel, a sum of two numbers: what it takes is
    what starting takes and what the profiler adds to each.

    Raises:
        RuntimeError: JAX's profiler has seen no kernel.
    """
    import jax

    taken: dict[str, list[float]] = defaultdict(list)
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            jax.block_until_ready(call())
        for path in Path(folder).rglob("*.xplane.pb"):
            for plane in jax.profiler.ProfileData.from_file(str(path)).planes:
                for line in plane.lines:
                    for event in line.events:
                        if not event.name.startswith("end: "):
                            taken[event.name].append(event.duration_ns)
    if not any(name in taken for name in kernels):
        raise RuntimeError("JAX's profiler: found no kernel in its trace, expected those of the program")
    medians = {name: float(np.median(each)) for name, each in taken.items()}
    added = min(medians[name] for name in taken if name in kernels)
    counts = Counter({name: len(each) for name, each in taken.items()})
    return counts, {name: (medians[name] - added) * counts[name] * 1e-9 for name in taken if name in kernels}


def compiled(task: runs.Task) -> tuple[Any, tuple]:
    """The fast engine's program of a workload on one device, and its arguments."""
    import jax
    import jax.numpy as jnp

    from messjax import feedback
    from messjax.engine import grid_program, simulation
    from messjax.meters import folds, standard_meters

    own = runs.parts_of(task)
    meter = folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue())
    world = simulation.assemble(own["policy"], own["stream"], meter, feedback.complete)
    plan = grid_program.plan(world, own["controls"], num_streams=task.streams, checkpoints=1, devices=1, engine="fast")
    if plan.block != task.streams:
        raise ValueError(f"{task.workload}: found {task.streams} streams, expected what a core takes, {plan.block}")
    arguments = (
        jax.random.key(0), jnp.arange(plan.block, dtype=jnp.uint32), jax.tree.map(jnp.asarray, own["controls"]), world,
        jnp.asarray([task.horizon], jnp.int32),
    )  # fmt: skip
    return grid_program.program.lower(*arguments, (), plan.devices, plan.fast).compile(), arguments


def measure(task: runs.Task) -> tuple[list[dict[str, Any]], str, str]:
    """A workload on one core, in this process, which does nothing else: rows, the optimised HLO, and `longest`.

    The rows are: each part of the program, the whole of it, the C++ where there is a compiler, and what things cost.
    """
    if hasattr(os, "sched_setaffinity"):  # before XLA counts the cores
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    from messjax import runtime

    runtime.use_all_cores()
    import jax

    from sims.measurements import kernel_costs
    from sims.reference import cpp

    program, arguments = compiled(task)
    text, work = program.as_text(), runs.work_of(task)
    points = len(work.V) * np.size(work.c)
    decisions = float(task.horizon * task.streams * points)
    own = lambda: jax.block_until_ready(program(*arguments))  # noqa: E731
    calls: dict[str, Callable[[], Any]] = {"messjax": own}
    if cpp.available():
        calls["C++"] = lambda: getattr(cpp, task.workload.lower())(work)
    best = {who: seconds / decisions * 1e9 for who, seconds in _least(calls).items()}
    kernels = Program(text).kernels()
    counts, seconds = executions(own, {kernel.name for kernel in kernels})
    found = parts(kernels, counts, seconds, decisions)
    rows: list[dict[str, Any]] = [{"workload": task.workload, "part": part} | found[part] for part in sorted(found)]
    whole = {name: sum(each[name] for each in found.values()) for name in ("kernels", "bytes", "operations",
                                                                           "exponentials")}  # fmt: skip
    rows.append({"workload": task.workload, "part": "messjax", "ns": best["messjax"]} | whole)
    needs = getattr(hlo_needs, task.workload.lower())(work)
    rows.append({"workload": task.workload, "part": "C++", "kernels": 0.0, "bytes": needs.bytes,
                 "operations": needs.random + needs.other, "exponentials": needs.transcendental,
                 "random": needs.random, "ns": best.get("C++")})  # fmt: skip
    rows.append({"workload": task.workload, "part": "costs"} | kernel_costs.measure()._asdict())
    return rows, text, longest(kernels, counts, seconds, decisions)


def _least(calls: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Seconds of each call, one after the other in turn, least of some: another program only makes them slower."""
    for call in calls.values():
        call()  # the C++ compiles
    taken: dict[str, list[float]] = {who: [] for who in calls}
    for _ in range(REPEATS):
        for who, call in calls.items():
            start = time.perf_counter()
            call()
            taken[who].append(time.perf_counter() - start)
    return {who: min(seconds) for who, seconds in taken.items()}


def longest(
    kernels: Sequence[Kernel], executed: Mapping[str, int], seconds: Mapping[str, float], decisions: float
) -> str:
    """Kernels that run, longest in all first, as CSV."""
    ran = sorted((each for each in kernels if executed.get(each.name)), key=lambda each: -seconds[each.name])
    lines = ["kernel,part,function,executed,bytes,operations,ns per decision"]
    for each in ran:
        operations = sum(pair[0] for pair in each.work.values())
        lines.append(
            f"{each.name},{part_of(each.stack)},{each.stack[0] if each.stack else ''},{executed[each.name]},"
            f"{each.bytes},{operations:.0f},{seconds[each.name] / decisions * 1e9:.4g}"
        )
    return "\n".join(lines) + "\n"


def table(rows: Sequence[Mapping[str, Any]]) -> Rows:
    """The rows as text, with what starting, traffic and arithmetic of each would cost by the measured prices."""
    costs = {row["workload"]: row for row in rows if row["part"] == "costs"}
    lines = []
    for row in rows:
        if row["part"] == "costs":
            continue
        price, cpp = costs[row["workload"]], row["part"] == "C++"
        arithmetic = row["operations"] * price["operation"] + row["exponentials"] * price["exponential"]
        numbers = (1e3 * row["kernels"], row["bytes"], row["operations"], row["exponentials"],
                   row["kernels"] * price["launch"], None if cpp else row["bytes"] * price["byte"], arithmetic,
                   row["ns"])  # fmt: skip
        lines.append((f"{row['workload']} {row['part']}", *map(_short, numbers)))
    return Rows(("part", "kernels", "bytes", "ops", "exp", "start", "move", "calc", "ns"), tuple(lines))


def _short(value: float | None) -> str:
    """Two digits, at least to one tenth."""
    return "-" if value is None else f"{value:,.0f}" if value >= 10 or value < 0.05 else f"{value:.1f}"


def caption(about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the numbers are, the prices, and the ratios."""
    price = next(row for row in rows if row["part"] == "costs")
    text = [
        "Per decision, on one core; kernels per 1,000 decisions. random: numbers; labels: means and labels of a "
        "request; fetch: rows of the trace; orders: permutations of the trace, which the C++ is given; predict: and "
        f"learn; decide: and record. Commit {about['git_commit'][:12]}, "
        f"{about['created'][:10]}.",
        f"start, move, calc: ns by the prices of this machine, {price['launch']:.0f} ns to start a kernel of 128 "
        f"lanes, {price['byte'] * 1e3:.0f} ps per byte of the second cache, {price['operation'] * 1e3:.0f} ps per "
        f"operation, {price['exponential'] * 1e3:.0f} ps per exp. ns: of the parts by JAX's profiler, less what the "
        "shortest kernel takes; of messjax and the C++ without the profiler, least of some calls. The bytes of the C++ "
        "are in the first cache.",
    ]
    for workload in dict.fromkeys(row["workload"] for row in rows):
        one = {row["part"]: row for row in rows if row["workload"] == workload}
        text.append(f"{workload}: {one['C++']['random']:.0f} of the C++'s operations make random numbers.")
        if one["C++"]["ns"] is not None:
            text[-1] += f" messjax reaches {one['C++']['ns'] / one['messjax']['ns']:.2f} of its speed."
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both workloads, write their programs, print the table."""
    assert __doc__ is not None
    parser = record.parser(NAME, __doc__, "few requests: counts are right, times are not")

    def do() -> None:
        args = parser.parse_args(arguments)
        with run_folder.locked(args.out):
            if args.source:
                about, rows = record.load(args.source, NAME)
            else:
                line = f"python -m sims {NAME}{' --quick' if args.quick else ''}"
                kept = record.Record(args.out, NAME, line, origin.provenance())
                for workload, task in (QUICK if args.quick else TASKS).items():
                    print(f"{NAME}: {workload}", file=sys.stderr, flush=True)
                    with multiprocessing.get_context("spawn").Pool(
                        1, interruption.start_worker, (os.getpid(),)
                    ) as pool:
                        found, text, kernels = pool.apply(measure, (task,))
                    files.write(args.out / f"{workload}.txt", text)
                    files.write(args.out / f"{workload}_kernels.csv", kernels)
                    for row in found:
                        kept.add(row)
                about, rows = kept.about, kept.rows
            record.show(table(rows), "kernels, per decision", caption(about, rows), markdown=args.markdown)

    return record.program(NAME, do)


if __name__ == "__main__":
    sys.exit(main())
