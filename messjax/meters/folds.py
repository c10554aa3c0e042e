"""Meters of your own: a fold of any function of a step, and several meters as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.numerics import compensated
from messjax.types import Array, Meter, PyTree, Step


@dataclass(frozen=True)
class _Named:
    """Reads a folded number under a name. Hashable by value: a meter built twice is the same program."""

    name: str

    def __call__(self, number: PyTree) -> dict[str, PyTree]:
        return {self.name: number}


def fold(name: str, init: Callable[[int], PyTree], add: Callable[[PyTree, Step], PyTree]) -> Meter:
    """A meter from two functions, read under a name.

    Args:
        name: Name of the metric.
        init: Number of models M -> initial value, any pytree.
        add: (value, step) -> value.

    Returns:
        The meter.

    Example:
        >>> import jax.numpy as jnp
        >>> calls_of_last = fold(
        ...     "calls_of_last",
        ...     init=lambda num_models: jnp.zeros((), jnp.int32),
        ...     add=lambda count, step: count + step.decision.query[-1],
        ... )
    """
    return Meter(as_pytree(init), as_pytree(add), Partial(_Named(name)))


def mean(name: str, of: Callable[[Step], Array]) -> Meter:
    """The mean over requests of a number, by compensated summation.

    Args:
        name: Name of the metric.
        of: step -> [] float.

    Returns:
        The meter.
    """
    return Meter(Partial(_mean_init), Partial(_mean_add, as_pytree(of)), Partial(_Named(name)))


def _mean_init(num_models: int) -> compensated.Mean:
    del num_models
    return compensated.Mean(compensated.zero(), jnp.zeros((), jnp.int32))


def _mean_add(of: Callable[[Step], Array], number: compensated.Mean, step: Step) -> compensated.Mean:
    return compensated.Mean(compensated.add(number.total, of(step)), step.t)


def maximum(name: str, of: Callable[[Step], Array]) -> Meter:
    """The maximum over requests of a number.

    Args:
        name: Name of the metric.
        of: step -> [] float.

    Returns:
        The meter.
    """
    return Meter(Partial(_maximum_init), Partial(_maximum_add, as_pytree(of)), Partial(_Named(name)))


def _maximum_init(num_models: int) -> Array:
    del num_models
    return jnp.full((), -jnp.inf, jnp.float32)


def _maximum_add(of: Callable[[Step], Array], number: Array, step: Step) -> Array:
    return jnp.maximum(number, of(step))


def latest(name: str, init: Callable[[int], PyTree], of: Callable[[Step], PyTree]) -> Meter:
    """A quantity at the last request; with `checkpoints=horizon` its curve is the whole path (for tests and audits).

    Args:
        name: Name of the metric.
        init: Number of models M -> initial value, in the shape of what `of` returns.
        of: step -> any pytree of arrays.

    Returns:
        The meter.
    """
    return Meter(as_pytree(init), Partial(_latest_add, as_pytree(of)), Partial(_Named(name)))


def _latest_add(of: Callable[[Step], PyTree], number: PyTree, step: Step) -> PyTree:
    del number
    return of(step)


def zip_meters(*meters: Meter) -> Meter:
    """All the meters as one; a zip within a zip is flattened.

    Args:
        *meters: Meters with different names of metrics.

    Returns:
        The meter.

    Raises:
        TypeError: One of them is no Meter.
        ValueError: When a run reads it, two meters that share the name of a metric.

    Example:
        >>> from messjax.meters import sla, virtual_queue
        >>> both = zip_meters(virtual_queue(), sla())
        >>> len(both.init(3))  # the state of each
        2
    """
    for meter in meters:
        expect("meters", meter, Meter, "a Meter each, such as meters.ledger()")
    parts = [part for meter in meters for part in parts_of(meter)]
    return Meter(
        Partial(zip_init, tuple(meter.init for meter in parts)),
        Partial(zip_add, tuple(meter.add for meter in parts)),
        Partial(zip_read, tuple(meter.read for meter in parts)),
    )


def parts_of(meter: Meter) -> list[Meter]:
    """The meters that `zip_meters` joined.

    Args:
        meter: Any meter.

    Returns:
        The parts of a zip, or the meter itself.
    """
    functions: Any = tuple(meter)
    if all(
        getattr(f, "func", None) is zipped for f, zipped in zip(functions, (zip_init, zip_add, zip_read), strict=True)
    ):
        return [Meter(*part) for part in zip(*(f.args[0] for f in functions), strict=True)]
    return [meter]


def zip_init(inits: tuple, num_models: int) -> tuple:
    """The initial values of several meters.

    Args:
        inits: Their `init` functions.
        num_models: Number of models M.

    Returns:
        Their values.
    """
    return tuple(init(num_models) for init in inits)


def zip_add(adds: tuple, numbers: tuple, step: Step) -> tuple:
    """One more request for several meters.

    Args:
        adds: Their `add` functions.
        numbers: Their values.
        step: The request and its outcome.

    Returns:
        Their values.
    """
    return tuple(add(number, step) for add, number in zip(adds, numbers, strict=True))


def zip_read(reads: tuple, numbers: tuple) -> dict[str, Any]:
    """The metrics of several meters.

    Args:
        reads: Their `read` functions.
        numbers: Their values.

    Returns:
        Metrics by name.

    Raises:
        ValueError: Two meters that share the name of a metric.
    """
    named: dict[str, Any] = {}
    for read, number in zip(reads, numbers, strict=True):
        metrics = read(number)
        if twice := sorted(named.keys() & metrics.keys()):
            raise ValueError(f"two meters share the name {twice[0]!r}: give each its own")
        named.update(metrics)
    return named
