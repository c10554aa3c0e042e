"""Grids of controls times streams, in blocks of streams: results, progress, interruption, provenance.

Streams run in blocks through one program (`grid_program.program`), spread over the local devices, so that progress
can be shown and device memory does not grow with their number. Stream i's key is fold_in(key, i): blocks and devices
change no request, exploration draw or count, and what is learned at most in its last bits.
"""

from __future__ import annotations

import itertools
import json
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from messjax import feedback as _feedback
from messjax import results
from messjax.engine import fast, grid_program
from messjax.engine import memory as memory_estimate
from messjax.engine.simulation import Result, RunParts, assemble, check_fit, checkpoint_times
from messjax.engine.validation import (
    check_components,
    check_count,
    check_curves,
    check_machine,
    check_run,
    describe_stream,
)
from messjax.feedback import feedback_kind
from messjax.meters import folds, path_audit
from messjax.numerics.precision import with_32_bit_types
from messjax.policies.algorithm import policy_kind
from messjax.types import Array, Controls, Distribution, Meter, Policy, PyTree, Stream


@with_32_bit_types
def sweep(
    key: Array,
    controls: Controls,
    *,
    policy: Policy | Mapping[str, Policy],
    stream: Stream,
    horizon: int = 10_000,
    num_streams: int = 1_024,
    meter: Meter | None = None,
    feedback: Any = _feedback.complete,
    checkpoints: int = 0,
    curves: tuple[str, ...] | None = None,
    engine: str = "auto",
    block: int | None = None,
    devices: int | None = None,
    memory: float | None = None,
    models: tuple[str, ...] | None = None,
    cost_unit: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Run one or several policies for every combination of the controls on independent streams.

    Changing any value or the key compiles nothing anew. Interrupted (Ctrl-C) after a block of streams, it warns and
    returns the streams that are finished: they are independent.

    Args:
        key: JAX random key; stream i uses `fold_in(key, i)`.
        controls: V, alpha, c, a and f; each a number or a 1-d array of different values, [n].
        policy: One policy, or a dict of names to policies that run side by side on the same requests.
        stream: Draws the requests.
        horizon: T, the number of requests per stream.
        num_streams: Number of independent streams.
        meter: What is measured; by default `meters.standard()`.
        feedback: Which outcomes come back; by default all of them.
        checkpoints: Number of evenly spaced requests after which the meter is read, the last one being the horizon.
        curves: Names of the metrics to keep at the checkpoints; by default all.
        engine: "auto" takes the fast engine where it supports policy, stream, meters and feedback and the general one
            elsewhere; "fast" and "general" insist; "kernel" is the oracle's workload as one GPU kernel.
        block: Streams per device and call; chosen by default.
        devices: Number of devices; by default all local ones.
        memory: GiB that one call may take on a device; by default half of what it has. The results of all streams may
            take as much on the host, for each device of a CPU.
        models: Names of the M models; by default those of the stream.
        cost_unit: Unit of the costs; by default that of the stream.
        progress: Called now and then as `progress(done, total)` with numbers of requests, of one grid point.

    Returns:
        A Dataset with one number per metric, grid point and stream. Its dimensions are, where there are any, policy,
        the controls that are arrays (V, alpha, c, a, f), stream, t (checkpoints of the variables NAME_curve) and model.
        Where the stream's distribution is known, C*, gamma*, `cost_gap` and `adjusted_regret` are added. Attributes
        hold units, engine and provenance.

    Raises:
        TypeError: An argument is not of the kind that its name says, for example a predictor for a policy.
        ValueError: Before anything runs: controls out of range, empty or given twice; an alpha above the largest
            attainable one (which is named); a policy that does not fit the shapes of the stream; a horizon beyond a
            recorded trace; an engine, a block, a number of devices or a memory limit that cannot be; a sweep whose
            estimated memory exceeds its limit, with what would fit.

    Example:
        >>> import jax
        >>> import messjax as mj
        >>> stream = mj.streams.types(mj.zoo.get("llama3/ARC-C").distribution())
        >>> policy = mj.policies.mess_plus(mj.predictors.oracle(stream))
        >>> controls = mj.Controls(V=[1.0, 10.0], alpha=0.5)
        >>> runs = mj.sweep(jax.random.key(0), controls, policy=policy, stream=stream, horizon=20, num_streams=4)
        >>> dict(runs["cost"].sizes), runs["cost"].attrs["units"]
        ({'V': 2, 'stream': 4}, 'cost')
    """
    check_components(key, controls, policy, stream, meter, feedback)
    check_curves(curves, progress)
    check_machine(block, devices, memory)
    axes = check_run(controls, stream, feedback, horizon, checkpoints)
    check_count("num_streams", num_streams, 1, what="streams")
    distribution = None if stream.distribution is None else stream.distribution()
    run_parts = assemble(policy, stream, meter, feedback)
    num_models = check_fit(run_parts)
    described = describe_stream(stream, num_models, models, cost_unit)

    started = time.perf_counter()
    leaves = Controls(*(jnp.asarray(values, jnp.float32) for values in axes.values()))
    plan = grid_program.plan(
        run_parts, leaves, num_streams=num_streams, checkpoints=checkpoints, engine=engine, block=block,
        devices=devices, memory=memory, curves=curves if curves is None else tuple(curves),
    )  # fmt: skip
    _check_memory(run_parts, leaves, num_streams, checkpoints, curves, plan)
    # Progress is reported at checkpoints: without any, some that read nothing.
    times = checkpoint_times(horizon, checkpoints or (min(horizon, 20) if progress else 0))
    curves = (None if curves is None else tuple(curves)) if checkpoints else ()
    parts = _run_blocks(
        key, leaves, grid_program.placed(run_parts, plan.devices), num_streams, times, curves, plan, progress
    )
    num_done = min(num_streams, len(parts) * plan.size)
    joined = jax.tree.map(lambda *pieces: np.concatenate(pieces)[:num_done], *parts)
    del parts  # before the Dataset is made: they take as much as it does
    named = {
        name: _dataset(
            joined[name],
            axes,
            times if checkpoints else times[:0],
            horizon,
            described.models,
            described.cost_unit,
            distribution,
        )
        for name in run_parts.policies  # jax sorts dicts: keep the order given
    }
    _check_served(named, horizon)
    dataset = named[""] if isinstance(policy, Policy) else results.concat(named)
    label = (
        f"{name} = {results.describe_policy(each)}".removeprefix(" = ") for name, each in run_parts.policies.items()
    )
    dataset.attrs |= results.provenance() | {
        "policy": "; ".join(label),
        "policy_kinds": json.dumps({name: policy_kind(each) for name, each in run_parts.policies.items()}),
        "stream_kind": stream.kind.name,
        "feedback_kind": feedback_kind(feedback),
        "stream": results.describe(stream.draw),
        "feedback": results.describe(feedback),
        "meter": results.describe(run_parts.meter.add),
        "num_streams": num_done,
        "engine": "kernel" if plan.kernel else _engines(run_parts, plan.fast),
        "engine_reason": json.dumps(_engine_reasons(run_parts, plan)),
        "block": plan.block,
        "devices": len(plan.devices),
        "memory_limit_gib": plan.memory,
        "key": f"{jax.random.key_impl(key)}:{np.asarray(jax.random.key_data(key)).tolist()}",
        "created": results.now(),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return dataset


def _check_memory(
    run_parts: RunParts,
    controls: Controls,
    num_streams: int,
    checkpoints: int,
    curves: tuple[str, ...] | None,
    plan: grid_program.Plan,
) -> None:
    """Refuse results that the host cannot hold: the machine's memory where devices have their own."""
    on_cpu = plan.devices[0].platform == "cpu"
    limit = plan.memory * len(plan.devices) if on_cpu else memory_estimate.default_limit(tuple(jax.devices("cpu")[:1]))
    sizes = memory_estimate.largest(run_parts, controls, checkpoints, None if curves is None else tuple(curves))
    memory_estimate.check_gathered(sizes, num_streams, len(run_parts.policies), checkpoints, limit)


def audit(key: Array, controls: Controls, *, policy: Policy, stream: Stream, **options: Any) -> xr.Dataset:
    """Run a policy on a stream and audit every request against L1 to L5 of docs/theory.

    Args:
        key: JAX random key.
        controls: V, alpha, c, a and f, as for `sweep`.
        policy: The policy to audit.
        stream: Draws the requests.
        **options: Further arguments of `sweep` (horizon, num_streams, feedback, ...). A `meter` is kept besides.

    Returns:
        A Dataset of the metrics of `meters.path_audit_meter` per stream; `meters.failures` adds up what failed.

    Raises:
        TypeError: As `sweep`.
        ValueError: As `sweep`.
    """
    meter = options.pop("meter", None)
    audited = path_audit.path_audit_meter() if meter is None else folds.zip_meters(meter, path_audit.path_audit_meter())
    result = sweep(key, controls, policy=policy, stream=stream, meter=audited, **options)
    return result if meter is not None else result[[name for name in result.data_vars if str(name).startswith("audit")]]


def _dataset(
    result: Result,
    axes: dict[str, np.ndarray],
    times: np.ndarray,
    horizon: int,
    models: tuple[str, ...],
    cost_unit: str,
    distribution: Distribution | None,
) -> xr.Dataset:
    dataset = results.to_dataset(
        result.final, result.curve, axes, times=times, horizon=horizon, models=models, cost_unit=cost_unit
    )
    return dataset if distribution is None else results.with_optimum(dataset, distribution)


def _engines(run_parts: RunParts, fast: tuple[str, ...]) -> str:
    names = {name: "fast" if name in fast else "general" for name in run_parts.policies}
    if len(kinds := set(names.values())) == 1:
        return kinds.pop()
    return "; ".join(f"{name} = {engine}" for name, engine in names.items())


def _check_served(named: Mapping[str, xr.Dataset], horizon: int) -> None:
    """A warning where a policy named a model that there is none of: nothing is paid or earned by such a request."""
    for name, dataset in named.items():
        if "served" in dataset and bool((dataset["served"].sum("model") != horizon).any()):
            lost = 1.0 - float(dataset["served"].sum("model").mean()) / horizon
            last = dataset.sizes["model"] - 1
            who = f"the policy {name!r}" if name else "the policy"
            warnings.warn(
                f"{who} served {lost:.1%} of the requests with a model that does not exist, expected Decision.serve "
                f"from 0 to {last}; these requests count as free and not satisfied",
                stacklevel=3,
            )


def _engine_reasons(run_parts: RunParts, plan: grid_program.Plan) -> dict[str, str]:
    """For each policy the engine that ran it, and why it was not the fast one."""
    reasons = {}
    for name, policy in run_parts.policies.items():
        if plan.kernel or name in plan.fast:
            reasons[name] = "kernel" if plan.kernel else "fast"
        else:
            reason = fast.unsupported_reason(run_parts._replace(policies={name: policy}))
            reasons[name] = f"general: {reason or 'it was asked for'}"
    return reasons


def _run_blocks(
    key: Array,
    controls: Controls,
    run_parts: RunParts,
    num_streams: int,
    times: np.ndarray,
    curves: tuple[str, ...] | None,
    plan: grid_program.Plan,
    progress: Callable[[int, int], None] | None,
) -> list[dict[str, Result]]:
    watch = _Progress(progress, num_streams, int(times[-1]))
    parts: list[dict[str, Result]] = []
    # A program that calls the host cannot be kept for the next run: only where a block may take long.
    progress_callback = None if progress is None or len(plan.fast) == len(run_parts.policies) else _Progress.note
    for start in range(0, num_streams, plan.size):
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
            parts.append(jax.tree.map(results.host, result, is_leaf=lambda x: hasattr(x, "to_host")))
        except KeyboardInterrupt:
            if not parts:
                raise
            warnings.warn(f"interrupted after {len(parts) * plan.size} of {num_streams} streams", stacklevel=3)
            break
    return parts


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
