"""OmniRouter's rule, one request at a time: an offline predictor, a multiplier of quality and one of each load."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.numerics import virtual_queue
from messjax.policies import serving
from messjax.policies.predictor_router import serve_queue
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy, Predictor, Traits


class MultiplierState(NamedTuple):
    """State of `omni_router` on one stream.

    Attributes:
        queue: The virtual queue, not used for decisions.
        quality: lambda_1, cost units per predicted satisfaction, [].
        load: lambda_2 [M], cost units.
        predictor: State of the predictor, which is never updated.
    """

    queue: virtual_queue.Fixed
    quality: Array
    load: Array
    predictor: Any


class MultiplierSpec(NamedTuple):
    """Numbers of `omni_router`.

    Attributes:
        predictor: Supplies s_hat [M].
        step: Step of both multipliers, in cost units, [].
        largest_load: Largest share of the requests that each model may serve [M].
    """

    predictor: Predictor
    step: Array
    largest_load: Array


def omni_router(predictor: Predictor, *, step: float, largest_load: np.ndarray) -> Policy:
    """argmin_m E_m - l1 s_hat_m + l2_m, with l1 <- [l1 + step (alpha - s_hat)]+ and l2 <- [l2 + step (load - limit)]+.

    The multipliers move by what is *predicted* of the model that served: it never sees an outcome, and meets alpha as
    far as its predictor is right on average. OmniRouter iterates on a batch of N requests that are all known, with
    l1 / N in place of l1; here every request is one step, which is its reconstruction for a stream.

    Args:
        predictor: Supplies s_hat [M]; it is never updated.
        step: Step of both multipliers, in cost units, > 0.
        largest_load: Largest share of requests of each model [M]; 1 sets no limit.

    Returns:
        The policy. It reads the control alpha.

    Raises:
        ValueError: A step or a load out of range.

    Source: OmniRouter, arXiv 2502.20576.
    """
    load = np.asarray(largest_load, np.float64)
    if not (0.0 < step < np.inf and load.ndim == 1 and ((load > 0) & (load <= 1)).all()):
        raise ValueError(f"omni_router: found step {step} and loads {load}, expected > 0, and shares in (0, 1]")
    spec = MultiplierSpec(as_pytree(predictor), jnp.float32(step), jnp.asarray(load, jnp.float32))
    return Policy(
        Partial(_init, spec), Partial(_act, spec), Partial(_update, spec), Partial(_queue), Kind("omni_router"),
        Traits(follows_availability=True),
    )  # fmt: skip


def _init(spec: MultiplierSpec, key: Array, controls: Controls) -> MultiplierState:
    del controls
    zero = jnp.zeros((), jnp.float32)
    return MultiplierState(virtual_queue.zero(), zero, jnp.zeros_like(spec.largest_load), spec.predictor.init(key))


def _act(
    spec: MultiplierSpec, key: Array, state: MultiplierState, x: Array, cost: Array, controls: Controls
) -> Decision:
    del key
    s_hat = spec.predictor.predict(state.predictor, x)
    score = (cost - cost[0]) - state.quality * (s_hat - s_hat[0]) + state.load
    serve = jnp.argmin(serving.among_available(score, controls)).astype(jnp.int32)
    none, never, zero = jnp.zeros(cost.shape, bool), jnp.zeros((), bool), jnp.zeros((), jnp.float32)
    return Decision(serve, none, never, zero, s_hat, serving.certain(serve, cost.shape[0]))


def _update(
    spec: MultiplierSpec, state: MultiplierState, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> MultiplierState:
    del x
    served = decision.served_mask
    counts = jnp.any(served)  # an empty record of late feedback moves nothing
    predicted = jnp.sum(jnp.where(served, decision.s_hat, 0.0))
    quality = jnp.maximum(state.quality + spec.step * (controls.alpha - predicted), 0.0)
    load = jnp.maximum(state.load + spec.step * (served - spec.largest_load), 0.0)
    return MultiplierState(
        serve_queue(state.queue, feedback, controls), jnp.where(counts, quality, state.quality),
        jnp.where(counts, load, state.load), state.predictor,
    )  # fmt: skip


def _queue(state: MultiplierState) -> virtual_queue.Fixed:
    return state.queue
