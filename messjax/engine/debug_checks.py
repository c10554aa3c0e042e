"""Shapes and dtypes of a run's components, asserted before it begins where the variable MESSJAX_DEBUG is set to 1.

An array of the wrong shape may broadcast, and the run then gives numbers that look right. The checks trace every
function of the components once, in shapes only; by default they are off, and chex is not even imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.types import Array, Controls, Decision, Feedback, Meter, Policy, PyTree, Request, Step, Stream

FIELDS: dict[str, dict[str, tuple[tuple[str, ...], type]]] = {  # shape and kind of number, by component and field
    "the request of the stream": {
        "features": (("d",), float), "cost": (("M",), float), "satisfaction": (("M",), float), "mean": (("M",), float),
        "available": (("M",), bool), "latency": (("M",), float),
    },
    "the decision of {}": {
        "serve": ((), int), "learn": (("M",), bool), "explore": ((), bool), "p": ((), float), "s_hat": (("M",), float),
        "propensity": (("M",), float),
    },
    "the queue of {}": {"whole": ((), int), "part": ((), int)},
    "feedback": {
        "served_satisfaction": ((), float), "feedback_received": ((), bool), "cost": (("M",), float),
    },
    "the outcome of feedback": {"satisfaction": (("M",), float), "observed": (("M",), bool)},
}  # fmt: skip


def enabled() -> bool:
    """Whether runs are to assert shapes: the environment variable MESSJAX_DEBUG is set, and not to 0.

    Returns:
        True in debug runs.
    """
    return os.environ.get("MESSJAX_DEBUG", "0") not in ("", "0")


def check_shapes(policy: Policy | Mapping[str, Policy], stream: Stream, meter: Meter | None, feedback: Any) -> None:
    """Assert the shapes and dtypes of everything that passes between the components of a run.

    Args:
        policy: A policy, or policies by name.
        stream: The stream of requests.
        meter: A meter, or None for the standard meters, which are not checked.
        feedback: The feedback function.

    Raises:
        ValueError: An array of another shape or kind of number than messjax.types says, or a state that a component
            changes in structure, shape or dtype.
    """
    key, t = jax.random.key(0), jnp.ones((), jnp.int32)
    state = jax.eval_shape(stream.init, key)
    after, request = jax.eval_shape(stream.draw, key, state, t)
    _check_state("the state of the stream", after, state)
    sizes = {"M": (request.cost.shape or (0,))[0], "d": (request.features.shape or (0,))[0]}
    _check_fields("the request of the stream", request, sizes)
    policies = {"": policy} if isinstance(policy, Policy) else policy
    for name, each in policies.items():
        step = _check_policy(f"the policy {name!r}" if name else "the policy", each, request, feedback, sizes)
        if meter is not None:
            number = jax.eval_shape(lambda: meter.init(sizes["M"]))
            _check_state("the state of the meter", jax.eval_shape(meter.add, number, step), number)


def _check_policy(who: str, policy: Policy, request: Request, feedback: Any, sizes: dict[str, int]) -> Step:
    """Checks one policy with its feedback on one request, in shapes; the step that the meters see."""
    key, zero = jax.random.key(0), jnp.zeros((), jnp.float32)
    controls = Controls(budget=zero).filled(zero)
    seen = controls._replace(available=request.available)
    state = jax.eval_shape(policy.init, key, controls)
    decision: Decision = jax.eval_shape(policy.act, key, state, request.features, request.cost, seen)
    _check_fields("the decision of {}", decision, sizes, who)
    received: Feedback = jax.eval_shape(feedback, key, decision, request, controls)
    _check_fields("feedback", received, sizes)
    _check_fields("the outcome of feedback", received.outcome, sizes)
    after = jax.eval_shape(policy.update, state, request.features, decision, received, seen)
    _check_state(f"the state of {who}", after, state)
    queue = jax.eval_shape(policy.queue, state)
    _check_fields("the queue of {}", queue, sizes, who)
    t = jnp.ones((), jnp.int32)
    return Step(t, request, decision, received, queue, queue, controls)


def guarded(policy: Policy, stream: Stream) -> Policy:
    """In debug runs on a stream whose models come and go: the policy, whose decisions are checked as they are made.

    Args:
        policy: Any policy.
        stream: The stream of the run.

    Returns:
        The policy itself outside debug runs. Otherwise one that serves the same, and ends the run with an error that
        names the request's models where it serves or queries one that is not available.
    """
    if not enabled() or not stream.has_availability:
        return policy
    return policy._replace(act=Partial(_checked_act, policy.act))


def _checked_act(
    act: Callable, key: Array, state: PyTree, features: Array, cost: Array, controls: Controls
) -> Decision:
    decision: Decision = act(key, state, features, cost, controls)
    jax.debug.callback(_refuse_unavailable, decision.query, controls.available)
    return decision


def _refuse_unavailable(query: Array, available: Array) -> None:
    asked, there = (np.flatnonzero(np.asarray(each)).tolist() for each in (query, available))
    if not set(asked) <= set(there):
        raise ValueError(f"decision: found models {asked} served or queried, expected some of those available, {there}")


def _check_fields(where: str, value: Any, sizes: dict[str, int], who: str = "") -> None:
    import chex  # half a second that only debug runs spend

    for name, (axes, kind) in FIELDS[where].items():
        leaf: Array | None = getattr(value, name)
        if leaf is None:  # an optional field
            continue
        shape = tuple(sizes[axis] for axis in axes)
        try:
            chex.assert_shape(leaf, shape)
            chex.assert_type(leaf, kind)
        except AssertionError as error:
            raise ValueError(
                f"{where.format(who)}: {name} is {leaf.dtype}{list(leaf.shape)}, expected {kind.__name__}{list(shape)}"
            ) from error


def _check_state(what: str, after: PyTree, before: PyTree) -> None:
    import chex

    try:
        chex.assert_trees_all_equal_shapes_and_dtypes(after, before)
    except AssertionError as error:
        raise ValueError(f"{what}: found {after} after one request, expected {before} as at the start") from error
