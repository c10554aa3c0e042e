"""How much memory a sweep takes, estimated before anything is computed: on a device for one call, on the host in all.

A call holds, for each of its streams, what the loop carries (twice: XLA's loop writes one while it reads the other) and
the metrics and curves that come out (twice: read, and gathered). What a policy carries for one combination of the
controls need not be carried for all: predictors do not depend on V and alpha. An upper bound assumes that everything
is; where that does not fit, the loop is traced, and its true carry counted.
"""

from __future__ import annotations

import functools
import math
import os
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax.components import structure_key
from messjax.engine import side_by_side
from messjax.engine.simulation import RunParts, run_stream, select_metrics
from messjax.numerics.array_cache import RecentCache
from messjax.types import Controls

SHARE = 0.5  # of what a device has, for one call
CHUNKS = 2**22  # bytes of the requests that the fast engine draws at once
COPIES = 2  # of what is gathered: as it is, and with the metrics made of it; once more where policies are joined


class Sizes(NamedTuple):
    """Bytes of one stream, and of what all streams share.

    Attributes:
        carried: What the loop carries, at every combination of the controls.
        metrics: What comes out of it, with curves, of all policies.
        shared: Arrays of the components, such as a trace: on every device.
    """

    carried: int
    metrics: int
    shared: int

    @property
    def of_a_stream(self) -> int:
        """Bytes on a device for one more stream of a call."""
        return 2 * (self.carried + self.metrics) + 1

    @property
    def of_a_device(self) -> int:
        """Bytes on a device whatever the number of streams."""
        return self.shared + CHUNKS

    def gathered(self, num_streams: int, num_policies: int) -> int:
        """Bytes on the host for the results of all streams.

        Args:
            num_streams: Number of streams.
            num_policies: Number of policies.

        Returns:
            The number, with the copies that a Dataset is made through.
        """
        return num_streams * self.metrics * (COPIES + (num_policies > 1))


def largest(run_parts: RunParts, controls: Controls, checkpoints: int, curves: tuple[str, ...] | None) -> Sizes:
    """An upper bound in a few milliseconds: as if all that is carried depended on every control.

    Args:
        run_parts: The parts of the run.
        controls: Numbers or arrays [n] of the grid, or their shapes.
        checkpoints: Number of checkpoints.
        curves: Names of the metrics kept at the checkpoints; None: all.

    Returns:
        The sizes.
    """
    points = math.prod(math.prod(np.shape(values)) for values in controls)
    state, policies, meter, final, curve = _SIZES.of(
        (structure_key(run_parts), tuple(run_parts.policies), curves), lambda: _states(run_parts, curves)
    )
    metrics = len(run_parts.policies) * points * (final + checkpoints * curve)
    carried = state + points * (policies + len(run_parts.policies) * meter)
    return Sizes(carried, metrics, _bytes(run_parts))


def traced(run_parts: RunParts, controls: Controls, checkpoints: int, curves: tuple[str, ...] | None) -> Sizes:
    """The same with the carry of the traced loop, in which only what depends on a control has its axis.

    Args:
        run_parts: The parts of the run.
        controls: As for `largest`.
        checkpoints: Number of checkpoints.
        curves: As for `largest`.

    Returns:
        The sizes.
    """
    shapes = tuple(None if values is None else np.shape(values) for values in controls)
    carried = _CARRIED.of(
        (structure_key(run_parts), tuple(run_parts.policies), shapes), lambda: _carried(run_parts, shapes)
    )
    return largest(run_parts, controls, checkpoints, curves)._replace(carried=carried)


_SIZES: RecentCache[tuple[int, ...]] = RecentCache()  # by form: tracing takes as long as serving many thousand requests
_CARRIED: RecentCache[int] = RecentCache()


def _states(run_parts: RunParts, curves: tuple[str, ...] | None) -> tuple[int, ...]:
    """Bytes of the states of the stream, of all policies and of the meter, of its metrics, and of those with curves."""
    key = jax.random.key(0)
    scalars = Controls(budget=0.0).filled(jax.ShapeDtypeStruct((), jnp.float32))
    state = jax.eval_shape(run_parts.stream.init, key)
    request = jax.eval_shape(run_parts.stream.draw, key, state, jnp.ones((), jnp.int32))[1]
    meter = jax.eval_shape(lambda: run_parts.meter.init(request.cost.shape[0]))
    final = jax.eval_shape(run_parts.meter.read, meter)
    policies = sum(_bytes(jax.eval_shape(policy.init, key, scalars)) for policy in run_parts.policies.values())
    return _bytes((state, request)), policies, _bytes(meter), _bytes(final), _bytes(select_metrics(final, curves))


def _carried(run_parts: RunParts, shapes: tuple[tuple[int, ...] | None, ...]) -> int:
    """Bytes that the largest loop of one stream carries from request to request, over a grid of these shapes."""
    run_parts = run_parts._replace(policies=side_by_side.pack(run_parts.policies)[0])
    run = functools.partial(run_stream, run_parts=run_parts, times=np.ones(1, np.int32), curves=())
    grid: Any = run
    for i in reversed(range(len(shapes))):
        if shapes[i]:
            axes = Controls(**{name: 0 if n == i else None for n, name in enumerate(Controls._fields)})
            grid = jax.vmap(grid, (None, axes))
    controls = Controls(*(None if shape is None else jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes))
    return _largest_loop(jax.make_jaxpr(lambda key, c: grid(key, c))(jax.random.key(0), controls).jaxpr)


def _largest_loop(jaxpr: Any) -> int:
    """Bytes of the largest carry among the loops of a program."""
    found = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("scan", "while"):
            found = max(found, sum(_bytes(variable.aval) for variable in equation.outvars))
        for parameter in equation.params.values():
            for inner in parameter if isinstance(parameter, tuple | list) else (parameter,):
                if (inner := getattr(inner, "jaxpr", inner)) is not None and hasattr(inner, "eqns"):
                    found = max(found, _largest_loop(inner))
    return found


def _bytes(tree: Any) -> int:
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree) if hasattr(x, "dtype"))


def gibibytes(device: jax.Device) -> float:
    """GiB of a device: its own, or the machine's.

    Args:
        device: The device.

    Returns:
        The number; 4 where the machine does not say.
    """
    stats = None if device.platform == "cpu" else device.memory_stats()
    if stats and "bytes_limit" in stats:
        return float(stats["bytes_limit"]) / 2**30
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) / 2**30
    return 4.0


def default_limit(devices: tuple[jax.Device, ...]) -> float:
    """GiB for one call on a device where the caller names no limit: half of its memory.

    Args:
        devices: The devices; those of a CPU share the machine's memory.

    Returns:
        The number.
    """
    sharing = len(devices) if devices[0].platform == "cpu" else 1
    return round(gibibytes(devices[0]) / sharing * SHARE, 3)


def check_gathered(sizes: Sizes, num_streams: int, num_policies: int, checkpoints: int, limit: float) -> None:
    """Refuse a sweep whose results do not fit on the host, before anything is computed.

    Args:
        sizes: Of the sweep.
        num_streams: Number of streams.
        num_policies: Number of policies.
        checkpoints: Number of checkpoints.
        limit: GiB for them.

    Raises:
        ValueError: Names the estimate, the limit, and what would fit.
    """
    needed = sizes.gathered(num_streams, num_policies) / 2**30
    if needed <= limit:
        return
    fits = int(num_streams * limit / needed)
    less = f"; at most {fits:,} streams fit" if fits else ""
    more = ", or fewer checkpoints or curves (curves=('cost', 'satisfaction'))" if checkpoints else ""
    raise ValueError(
        f"memory: the results of {num_streams:,} streams with {checkpoints:,} checkpoints take about {needed:,.3g} GiB "
        f"in memory, found a limit of {limit:.4g}{less}{more}; sweep(store=DIR) keeps them on disk"
    )
