"""The confidence widths of the served models, which T11 bounds the decision loss of an optimistic router by."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics import compensated
from messjax.theory.optimism import T11_log_factor
from messjax.types import Array, Meter, Step


class Widths(NamedTuple):
    """State of the meter `optimism_widths`.

    Attributes:
        observed: [K, M] float, how often each model's outcome came back on each type.
        total: Sum of Q_t w_t.
    """

    observed: Array
    total: compensated.Sum


def optimism_widths(num_types: int, num_models: int, *, horizon: int) -> Meter:
    """sum_t Q_t w_t with w_t = min(1, 2 sqrt(ell/(2 n_t))), for a router that hears what it serves (`policies.ucb`).

    n_t is how often the served model had been observed on the type of request t, and w_t = 1 where it had not. It uses
    no mu: an operator can compute it. Features are the one-hot type. Metric: `optimism_widths`, in requests.

    Args:
        num_types: Number of request types K.
        num_models: Number of models M.
        horizon: T of ell = log(2 K M T^3).

    Returns:
        The meter.

    Source: T11 in docs/theory.
    """
    ell = jnp.float32(T11_log_factor(num_types=num_types, num_models=num_models, T=horizon))
    start = jnp.zeros((num_types, num_models), jnp.float32)
    return Meter(Partial(_init, start), Partial(_add, ell), Partial(_read))


def _init(start: Array, num_models: int) -> Widths:
    del num_models
    return Widths(start, compensated.zero())


def _add(ell: Array, number: Widths, step: Step) -> Widths:
    kind, serve = jnp.argmax(step.request.features), step.decision.serve
    n = number.observed[kind, serve]
    width = jnp.where(n > 0, jnp.minimum(1.0, jnp.sqrt(2.0 * ell / jnp.maximum(n, 1.0))), 1.0)
    came = step.feedback.feedback_received.astype(jnp.float32)
    return Widths(
        number.observed.at[kind, serve].add(came), compensated.add(number.total, step.queue.to_float() * width)
    )


def _read(number: Widths) -> dict[str, Any]:
    return {"optimism_widths": number.total}
