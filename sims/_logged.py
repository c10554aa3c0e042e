"""The satisfaction that the code of [M25] tabulates: the mean over all requests of the running satisfaction.

github.com/laminair/mess-plus, evaluations/experiments_llama3.ipynb at 0b197da, averages the logged column of running
satisfactions over all steps, where the value after the last request is what was agreed. The two differ by what came
early: the first request counts in every running mean.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax import meters, queue, sums
from messjax.types import Array, Meter, Step


class Logged(NamedTuple):
    """What `logged` carries."""

    total: queue.Fixed  # satisfied so far
    running: sums.Sum  # of the running satisfactions after 1, ..., t
    t: Array


def logged() -> Meter:
    """Reading `satisfaction_logged`: the mean over t of the running satisfaction."""
    return Meter(Partial(_init), Partial(_add), Partial(_read))


def _init(num_models: int) -> Logged:
    del num_models
    return Logged(queue.zero(), sums.nothing(), jnp.zeros((), jnp.int32))


def _add(number: Logged, step: Step) -> Logged:
    total = queue.add(number.total, queue.units(meters.served_satisfaction(step)))
    return Logged(total, sums.add(number.running, total.to_float() / step.t), step.t)


def _read(number: Logged) -> dict[str, Any]:
    return {"satisfaction_logged": sums.Mean(number.running, number.t)}
