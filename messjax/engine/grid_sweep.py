"""Grids of controls times streams, in blocks of streams: results, progress, interruption, provenance.

Streams run in blocks through one program (`grid_program.program`), spread over the local devices, so that progress
can be shown and device memory does not grow with their number. Stream i's key is fold_in(key, i): blocks and devices
change no request, exploration draw or count, and what is learned at most in its last bits.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from messjax import feedback as _feedback
from messjax import fingerprint, origin, results
from messjax.engine import blocks, fast, gathering, grid_program, side_by_side
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
from messjax.types import Array, Controls, Distribution, Meter, Policy, Stream

MOST_STREAMS = 2**30  # a stream's number is an int32, and the last block is padded


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
    store: str | os.PathLike[str] | None = None,
    fresh: bool = False,
) -> xr.Dataset:
    """Run one or several policies for every combination of the controls on independent streams.

    Changing any value or the key compiles nothing anew. Interrupted (Ctrl-C) after a block of streams, it warns and
    returns the streams that are finished, which are independent, with the attribute `partial`. With a store it keeps
    them on disk instead, and the same call goes on from there.

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
        store: A folder that takes the streams as they finish, for results larger than the memory and runs that may be
            killed. The Dataset reads from it what is used; `engine.open_store` opens it again.
        fresh: Whether a store of another run is replaced.

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
            estimated memory exceeds its limit, with what would fit; a store in which another run is, or one of another
            configuration, code or key was.

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
    check_count("num_streams", num_streams, 1, MOST_STREAMS, what="streams")
    distribution = None if stream.distribution is None else stream.distribution()
    run_parts = assemble(policy, stream, meter, feedback)
    num_models = check_fit(run_parts, controls)
    described = describe_stream(stream, num_models, models, cost_unit)

    started = time.perf_counter()
    leaves = Controls(**{name: jnp.asarray(values, jnp.float32) for name, values in axes.items()})
    plan = grid_program.plan(
        run_parts, leaves, num_streams=num_streams, checkpoints=checkpoints, engine=engine, block=block,
        devices=devices, memory=memory, curves=curves if curves is None else tuple(curves),
    )  # fmt: skip
    if store is None:
        _check_memory(run_parts, leaves, num_streams, checkpoints, curves, plan)
    # Progress is reported at checkpoints: without any, some that read nothing.
    times = checkpoint_times(horizon, checkpoints or (min(horizon, 20) if progress else 0))
    curves = (None if curves is None else tuple(curves)) if checkpoints else ()
    shown = times if checkpoints else times[:0]

    def to_dataset(joined: dict[str, Result]) -> xr.Dataset:
        named = {
            name: _dataset(joined[name], axes, shown, horizon, described.models, described.cost_unit, distribution)
            for name in run_parts.policies  # jax sorts dicts: keep the order given
        }
        _check_served(
            {name: each for name, each in named.items() if not run_parts.policies[name].traits.refuses}, horizon
        )
        dataset = named[""] if isinstance(policy, Policy) else results.concat(named)
        return dataset.assign_attrs(about)

    label = (
        f"{name} = {origin.describe_policy(each)}".removeprefix(" = ") for name, each in run_parts.policies.items()
    )
    about = origin.provenance() | {
        "policy": "; ".join(label),
        "policy_kinds": json.dumps({name: policy_kind(each) for name, each in run_parts.policies.items()}),
        "stream_kind": stream.kind.name,
        "feedback_kind": feedback_kind(feedback),
        "stream": origin.describe(stream.draw),
        "feedback": origin.describe(feedback),
        "meter": origin.describe(run_parts.meter.add),
        "num_streams": num_streams,
        "engine": "kernel" if plan.kernel else _engines(run_parts, plan.fast),
        "engine_reason": json.dumps(_engine_reasons(run_parts, plan)),
        "block": plan.block,
        "devices": len(plan.devices),
        "memory_limit_gib": plan.memory,
        "key": f"{jax.random.key_impl(key)}:{np.asarray(jax.random.key_data(key)).tolist()}",
    }

    def everything() -> dict[str, Any]:  # that the numbers depend on, for the record of a store
        names = ("key", "policy", "stream", "num_streams")
        grid = {name: values.tolist() for name, values in axes.items()}
        whole = fingerprint.of(key, leaves, run_parts, times, curves, described, plan.fast, plan.kernel, distribution)
        return {name: about[name] for name in names} | grid | {
            "horizon": horizon, "checkpoints": checkpoints, "streams per call": plan.size,
            "device": about["device"], "digest of all components": whole,
        }  # fmt: skip

    with gathering.gathered(store, everything, to_dataset, num_streams, fresh=fresh) as gathered:
        together, packed = side_by_side.pack(run_parts.policies, besides=plan.fast)
        placed = grid_program.placed(run_parts._replace(policies=together), plan.devices)
        blocks.run(key, leaves, placed, gathered, times, curves, plan, packed, progress)
        dataset = gathered.dataset()
    dataset.attrs |= {"created": origin.now(), "seconds": round(time.perf_counter() - started, 3)}
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
