"""A meter of several agreements: satisfaction, violation and virtual queue of every class of requests.

A meter sees the outcomes and not the policy's state: it moves one queue per class by the same steps as
`policies.by_class` does, exactly, so that they are the policy's own (tested) wherever feedback is not delayed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax import queue
from messjax.meters import served_satisfaction
from messjax.streams.classes import last_feature
from messjax.sums import Mean
from messjax.types import Array, Meter, Step


class Classes(NamedTuple):
    """What `account` carries, each [C]."""

    requests: Array
    satisfaction: queue.Fixed  # sum of s_i
    short: queue.Fixed  # sum of alpha_k - s_i
    queues: queue.Fixed


def account(alphas: np.ndarray, *, class_of: Callable[[Array], Array] = last_feature) -> Meter:
    """For every class k, with alphas [C] and `class_of` as in `policies.by_class`:

    `requests_class_k`, `satisfaction_class_k` (mean of s_t as served; 0 before its first request), `violation_class_k`
    (alpha_k less that; exact) and `queue_class_k`. It may be read of any policy: of one with a single queue it says
    what per-class queues would be.
    """
    agreed = jnp.asarray(np.round(np.asarray(alphas, np.float64), 6), jnp.float32)
    of = class_of if isinstance(class_of, Partial) else Partial(class_of)
    return Meter(Partial(_init, agreed), Partial(_add, agreed, of), Partial(_read, agreed))


def _init(agreed: Array, num_models: int) -> Classes:
    del num_models
    zeros = jnp.zeros(agreed.shape, jnp.int32)
    none = queue.Fixed(zeros, zeros)
    return Classes(zeros, none, none, none)


def _add(agreed: Array, class_of: Partial, number: Classes, step: Step) -> Classes:
    k = class_of(step.request.features)
    s = queue.units(served_satisfaction(step))
    before = queue.at(number.queues, k)
    moved = queue.step(before, agreed[k], step.feedback.served)
    kept = jax.tree.map(lambda new, old: jnp.where(step.feedback.heard, new, old), moved, before)
    return Classes(
        requests=number.requests + (jnp.arange(agreed.shape[0]) == k).astype(jnp.int32),
        satisfaction=queue.put(number.satisfaction, k, queue.add(queue.at(number.satisfaction, k), s)),
        short=queue.put(number.short, k, queue.add(queue.at(number.short, k), queue.units(agreed[k]) - s)),
        queues=queue.put(number.queues, k, kept),
    )


def _read(agreed: Array, number: Classes) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for k in range(agreed.shape[0]):
        requests = number.requests[k]
        total, short, Q = (
            queue.at(each, jnp.asarray(k)) for each in (number.satisfaction, number.short, number.queues)
        )
        named |= {
            f"requests_class_{k}": requests,
            f"satisfaction_class_{k}": Mean(total, jnp.maximum(requests, 1)),
            f"violation_class_{k}": Mean(short, jnp.maximum(requests, 1)),
            f"queue_class_{k}": Q,
        }
    return named
