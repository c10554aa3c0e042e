"""What this machine can do: arithmetic and bandwidth, measured by JAX programs on all CPU devices."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxprs_in_params
from jax.sharding import Mesh, PartitionSpec

IN_CACHE = 4_096  # numbers per device that the first cache holds
ROUNDS, OPERATIONS, CHAINS = 2_000, 256, 8


class Machine(NamedTuple):
    """Peaks of all devices together."""

    arithmetic: float  # float32 and int32 operations per second
    cache: float  # bytes per second read and written in the second cache
    memory: float  # in memory


class Work(NamedTuple):
    """What a program does for one decision."""

    operations: float  # elementwise results and products of a dot
    bytes: float  # of arrays that its loops store, carry and read back


def measure_machine() -> Machine:
    """Measure the peaks: a chain of multiply-and-adds in cache, copies of half a MiB and of 128 MiB per device."""

    def chain(x: jax.Array) -> jax.Array:
        def batch(_: Any, x: jax.Array) -> jax.Array:
            chains = [x + np.float32(k) for k in range(CHAINS)]  # independent: one waits for nothing but itself
            for _unused in range(OPERATIONS // (2 * CHAINS)):
                chains = [y * np.float32(0.999) + np.float32(0.001) for y in chains]
            return functools.reduce(jnp.add, chains) * np.float32(1 / CHAINS)

        return jax.lax.fori_loop(0, ROUNDS, batch, x)

    def copies(rounds: int) -> Callable[[jax.Array], jax.Array]:
        return lambda x: jax.lax.fori_loop(0, rounds, lambda _, x: -x, x)

    devices = jax.local_device_count()
    arithmetic = ROUNDS * OPERATIONS * IN_CACHE * devices / _seconds(chain, IN_CACHE)
    sizes = ((2**16, 2_000), (2**25, 3))
    bandwidth = [8 * size * rounds * devices / _seconds(copies(rounds), size) for size, rounds in sizes]
    return Machine(arithmetic, *bandwidth)


def _seconds(function: Callable, size: int) -> float:
    mesh = Mesh(np.array(jax.local_devices()), ("d",))
    spec = PartitionSpec("d")
    program = jax.jit(jax.shard_map(function, mesh=mesh, in_specs=spec, out_specs=spec))
    x = jnp.ones(size * jax.local_device_count(), jnp.float32)
    jax.block_until_ready(program(x))
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        jax.block_until_ready(program(x))
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def count(jaxpr: Any, trips: tuple[float, ...]) -> Work:
    """Operations and bytes of a jaxpr whose while loops run trips[0] times at the outermost level, trips[1] inside, ...

    A loop inside more levels than are given runs once. Of a branch the heavier side counts. Scans run their length.
    """
    total = np.zeros(2)
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        inside = list(jaxprs_in_params(equation.params))
        if name == "while":
            body = equation.params["body_jaxpr"].jaxpr
            carried = 2.0 * sum(_size(v) for v in body.outvars if _size(v) < 2**20)
            total += (trips[0] if trips else 1.0) * (np.array(count(body, trips[1:])) + np.array([0.0, carried]))
        elif name == "scan":
            total += equation.params["length"] * np.array(count(inside[0], trips))
        elif name == "cond":
            total += np.max([count(branch, trips) for branch in inside], axis=0) + np.array([0.0, _stored(equation)])
        elif inside:
            total += np.sum([count(each, trips) for each in inside], axis=0)
        elif name == "dot_general":
            contracted = equation.params["dimension_numbers"][0][0]
            depth = np.prod([equation.invars[0].aval.shape[axis] for axis in contracted])
            total += [2.0 * depth * equation.outvars[0].aval.size, _size(equation.invars[0])]
        elif name in ("dynamic_slice", "gather"):
            total += [0.0, _stored(equation)]
        elif name not in _FREE:
            total += [sum(v.aval.size for v in equation.outvars), 0.0]
    return Work(*total)


# fmt: off
_FREE = {  # what moves or renames numbers, and mostly costs nothing once fused
    "broadcast_in_dim", "reshape", "squeeze", "slice", "concatenate", "transpose", "iota", "dynamic_update_slice",
    "convert_element_type", "bitcast_convert_type", "copy", "split", "random_wrap", "random_unwrap", "real", "imag",
}
# fmt: on


def _size(variable: Any) -> float:
    shaped = hasattr(variable.aval, "dtype") and hasattr(variable.aval.dtype, "itemsize")
    return float(variable.aval.size * variable.aval.dtype.itemsize) if shaped else 0.0


def _stored(equation: Any) -> float:
    return sum(_size(v) for v in equation.outvars)
