"""What a kernel of XLA on CPU costs to start on this machine, and a number under exp, measured by small programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sims.measurements.hlo_text import Program
from sims.studies.speed import machine

LANES, ROUNDS, KERNELS = 128, 4_000, 16


class Costs(NamedTuple):
    """Of one core, in ns."""

    launch: float  # of a kernel of 128 lanes in a while loop
    byte: float  # read or written in the second cache
    operation: float  # elementwise, in the first cache
    exponential: float  # one number under exp


def measure() -> Costs:
    """Measure them on the devices of this process, of which one is expected."""
    few, many = (_program(count) for count in (1, KERNELS))
    launch = (_fastest(*many) - _fastest(*few)) / ROUNDS / (kernels_of(many) - kernels_of(few))
    peaks = np.max([machine.measure_machine() for _ in range(5)], axis=0)
    with_exp, without = (_fastest(*_sum(function)) for function in (jnp.exp, lambda x: x * x))
    arithmetic, cache, _ = (float(peak) for peak in peaks)
    return Costs(launch * 1e9, 1e9 / cache, 1e9 / arithmetic, (with_exp - without) / ROUNDS / 4096 * 1e9)


def kernels_of(program: tuple[Any, Any]) -> int:
    """Kernels of the loop's body that have as many lanes as the arrays."""
    own = [kernel for kernel in Program(program[0].as_text()).kernels() if kernel.bytes >= 4 * LANES]
    bodies = [kernel.computation for kernel in own]
    return max(map(bodies.count, bodies))


def _program(count: int) -> tuple[Any, Any]:
    """A loop that carries so many arrays: XLA on CPU makes one kernel for each."""

    def step(_: Any, carry: tuple) -> tuple:
        return tuple(x * np.float32(0.999) + np.float32(0.001) for x in carry)

    start = tuple(jnp.full(LANES, k, jnp.float32) for k in range(count))
    return jax.jit(lambda carry: jax.lax.fori_loop(0, ROUNDS, step, carry)).lower(start).compile(), start


def _sum(function: Callable) -> tuple[Any, Any]:
    x = jnp.linspace(-1.0, 0.0, 4096, dtype=jnp.float32)
    return jax.jit(lambda x: jax.lax.fori_loop(0, ROUNDS, lambda _, x: -function(x), x)).lower(x).compile(), x


def _fastest(program: Any, argument: Any) -> float:
    """Seconds, least of seven: another program only makes it slower."""
    taken = []
    for _ in range(7):
        start = time.perf_counter()
        jax.block_until_ready(program(argument))
        taken.append(time.perf_counter() - start)
    return min(taken)
