"""A meter of several requirements: satisfaction, violation and virtual queue of every class of requests.

A meter sees outcomes and not the policy's state: it moves one queue per class by the same steps as `policies.by_class`
does, exactly, so that they equal the policy's own (tested) wherever feedback is not delayed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.meters.ledgers import served_satisfaction
from messjax.numerics import virtual_queue
from messjax.numerics.compensated import Mean
from messjax.streams.service_classes import last_feature
from messjax.types import Array, Meter, Step


class ClassAccounts(NamedTuple):
    """State of the meter `sla_per_class`; C classes.

    Attributes:
        requests: Number of requests so far, [C] int32.
        satisfaction: Sum of s_i, exact, [C].
        short: Sum of alpha_k - s_i, exact, [C].
        queues: Virtual queues, exact, [C].
    """

    requests: Array
    satisfaction: virtual_queue.Fixed
    short: virtual_queue.Fixed
    queues: virtual_queue.Fixed


def sla_per_class(alphas: np.ndarray, *, class_of: Callable[[Array], Array] = last_feature) -> Meter:
    """Satisfaction, violation and virtual queue for every class k.

    Metrics: `requests_class_k`, `satisfaction_class_k` (mean of s_t as served; 0 before its first request),
    `violation_class_k` (alpha_k less that; exact) and `queue_class_k`. It may be used with any policy: for one with a
    single queue it computes what per-class queues would be.

    Args:
        alphas: Required satisfaction of each class [C], in [0, 1], rounded to six decimals.
        class_of: features [d] -> class [] int32; by default the last feature, where `streams.with_classes` puts it.

    Returns:
        The meter.
    """
    sla_target = jnp.asarray(np.round(np.asarray(alphas, np.float64), 6), jnp.float32)
    of = class_of if isinstance(class_of, Partial) else Partial(class_of)
    return Meter(Partial(_init, sla_target), Partial(_add, sla_target, of), Partial(_read, sla_target))


def _init(sla_target: Array, num_models: int) -> ClassAccounts:
    del num_models
    zeros = jnp.zeros(sla_target.shape, jnp.int32)
    none = virtual_queue.Fixed(zeros, zeros)
    return ClassAccounts(zeros, none, none, none)


def _add(sla_target: Array, class_of: Partial, number: ClassAccounts, step: Step) -> ClassAccounts:
    k = class_of(step.request.features)
    s = virtual_queue.units(served_satisfaction(step))
    before = virtual_queue.at(number.queues, k)
    moved = virtual_queue.step(before, sla_target[k], step.feedback.served_satisfaction)
    kept = jax.tree.map(lambda new, old: jnp.where(step.feedback.feedback_received, new, old), moved, before)
    return ClassAccounts(
        requests=number.requests + (jnp.arange(sla_target.shape[0]) == k).astype(jnp.int32),
        satisfaction=virtual_queue.put(
            number.satisfaction, k, virtual_queue.add(virtual_queue.at(number.satisfaction, k), s)
        ),
        short=virtual_queue.put(
            number.short,
            k,
            virtual_queue.add(virtual_queue.at(number.short, k), virtual_queue.units(sla_target[k]) - s),
        ),
        queues=virtual_queue.put(number.queues, k, kept),
    )


def _read(sla_target: Array, number: ClassAccounts) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for k in range(sla_target.shape[0]):
        requests = number.requests[k]
        total, short, Q = (
            virtual_queue.at(each, jnp.asarray(k)) for each in (number.satisfaction, number.short, number.queues)
        )
        named |= {
            f"requests_class_{k}": requests,
            f"satisfaction_class_{k}": Mean(total, jnp.maximum(requests, 1)),
            f"violation_class_{k}": Mean(short, jnp.maximum(requests, 1)),
            f"queue_class_{k}": Q,
        }
    return named
