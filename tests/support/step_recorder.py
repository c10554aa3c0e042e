"""What several test files share: a meter that keeps every step of a run, and the run as NumPy arrays over t."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.meters import folds, standard_meters
from messjax.numerics import virtual_queue
from messjax.types import Meter, Step


@cache
def _initial(make: Callable, dtype: str) -> Callable:
    """A function and not a Partial, whose arguments would have to be arrays."""
    return partial(make, dtype)


def _zero(dtype: str, num_models: int):
    del num_models
    return jnp.zeros((), dtype)


def _zeros(dtype: str, num_models: int):
    return jnp.zeros(num_models, dtype)


def _queue(num_models: int):
    del num_models
    return virtual_queue.zero()


ONE = {  # reading [] of a step: (dtype, what)
    "serve": ("int32", lambda step: step.decision.serve),
    "explore": ("bool", lambda step: step.decision.explore),
    "heard": ("bool", lambda step: step.feedback.feedback_received),
    "p": ("float32", lambda step: step.decision.p),
}
EACH = {  # reading [M] of a step
    "s_hat": ("float32", lambda step: step.decision.s_hat),
    "mu": ("float32", lambda step: step.request.mean),
    "E": ("float32", lambda step: step.request.cost),
    "s": ("float32", lambda step: step.request.satisfaction),
}
EXACT: dict[str, Callable[[Step], virtual_queue.Fixed]] = {  # Q_t and Q_{t+1}, exactly
    "Q": lambda step: step.queue,
    "Q_next": lambda step: step.next_queue,
}


def recorder(*names: str) -> Meter:
    """The ledger (which `sweep` needs) and the named numbers of every step; use it with checkpoints=horizon."""
    kept = []
    for name in names or (*ONE, *EACH, *EXACT):
        if name in EXACT:
            kept.append(folds.latest(name, Partial(_queue), EXACT[name]))
        else:
            init, table = (_zero, ONE) if name in ONE else (_zeros, EACH)
            dtype, what = table[name]
            kept.append(folds.latest(name, _initial(init, dtype), what))
    return folds.zip_meters(standard_meters.ledger(), *kept)


def steps(dataset, stream: int = 0) -> dict[str, np.ndarray]:
    """The recorded numbers of one stream, [T] or [T, M] each; grids of controls are not for this."""
    at = dataset.isel(stream=stream)
    return {name: at[f"{name}_curve"].values for name in (*ONE, *EACH, *EXACT) if f"{name}_curve" in at}


def units(number: np.ndarray) -> np.ndarray:
    """Numbers that are whole multiples of 1e-6 as integers; fails where they are not."""
    scaled = np.asarray(number, np.float64) * virtual_queue.UNIT
    whole = np.rint(scaled)
    assert np.abs(scaled - whole).max(initial=0.0) < 0.1, "not a multiple of 1e-6"
    return whole.astype(np.int64)
