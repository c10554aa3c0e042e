"""Paths audited: L1 to L4 and the reflection formula of docs/theory.md on every request of every stream, as a meter.

L1, L2, L3 and the reflection are compared in whole units of 1e-6 and must hold exactly. L4 compares float32 scores; its
allowance is derived (`_score_allowance`), not tuned. With sparse feedback the queue stands still where nothing is
heard: the laws are about the requests that were heard of, and the walk of the reflection moves with them (T9).

    audits.audit(key, controls, policy=..., stream=..., horizon=...)      # one call: a Dataset of counts, all zero

or zip `audits.path()` with any other meters of a run.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.tree_util import Partial

from messjax import queue
from messjax.meters import served_satisfaction, zip_meters
from messjax.sweep import sweep
from messjax.types import Array, Controls, Meter, Policy, Step, Stream

LAWS = ("L1", "L2", "L3", "L4", "reflection")
ROUNDOFF = np.float32(2.0**-24)  # half an ulp of 1 in float32
FAR = 500  # whole requests: where a queue is this far from zero only its being far matters


class Path(NamedTuple):
    """What `path` carries: how often each law failed, the first request where any did, and the walk Q_1 + W_t."""

    failed: tuple[Array, ...]  # one count per law
    first: Array  # [] int32, 0: none so far
    excess: Array  # [] float, the largest of V (E_served - E_m) - Q (s_hat_served - s_hat_m) over its allowance
    walk: queue.Fixed
    lowest: queue.Fixed  # min(0, min_k (Q_1 + W_k))


def path() -> Meter:
    """Counts of requests at which a law failed: `audit_L1`, ..., `audit_L4`, `audit_reflection`, all int32.

    Also `audit_first`, the first request where any did (0: none), and `audit_L4_ratio`, the worst score of a served
    model above another in units of what rounding allows (at most 1 where L4 holds; NaN predictions, of policies that
    have none, are not audited). L4 is the rule of MESS+: other policies may break it, and the queue's laws not.
    """
    return Meter(Partial(_init), Partial(_add), Partial(_read))


def audit(key: Array, controls: Controls, *, policy: Policy, stream: Stream, **options: Any) -> xr.Dataset:
    """Run a policy on a stream and audit every request: a Dataset of the readings of `path` per stream.

    `options` are those of `sweep.sweep` (horizon, num_streams, feedback, ...), with `meter` zipped to the audit.
    Raises as `sweep.sweep` does.
    """
    meter = options.pop("meter", None)
    audited = path() if meter is None else zip_meters(path(), meter)
    found = sweep(key, controls, policy=policy, stream=stream, meter=audited, **options)
    return found if meter is not None else found[[name for name in found.data_vars if str(name).startswith("audit")]]


def failures(dataset: xr.Dataset) -> dict[str, int]:
    """Requests at which each law failed, over all streams and controls of a run with `path` among its meters."""
    return {law: int(dataset[f"audit_{law}"].sum()) for law in LAWS}


def _init(num_models: int) -> Path:
    del num_models
    none = jnp.zeros((), jnp.int32)
    return Path((none,) * len(LAWS), none, jnp.zeros((), jnp.float32), queue.zero(), queue.zero())


def _add(number: Path, step: Step) -> Path:
    heard = step.feedback.heard
    alpha = queue.units(step.controls.alpha)
    move = alpha - queue.units(served_satisfaction(step))  # alpha - s_t
    jump = _apart(step.next_queue, step.queue)  # Q_{t+1} - Q_t
    start = queue.Fixed(*(jnp.where(step.t == 1, q, w) for q, w in zip(step.queue, number.walk, strict=True)))
    walk = queue.add(start, jnp.where(heard, move, 0))
    lowest = _minimum(number.lowest, walk)
    excess = _score_excess(step)
    laws = (
        heard & (jump < move),
        heard & (_above(step.queue, move, jump) | (jnp.abs(move) > jnp.maximum(alpha, queue.UNIT - alpha))),
        (jump > alpha) | (jump < alpha - queue.UNIT) | (~heard & (jump != 0)),
        excess > 1.0,
        ~_equal(_plus(step.next_queue, lowest), walk),
    )
    wrong = laws[0] | laws[1] | laws[2] | laws[3] | laws[4]
    return Path(
        tuple(count + law.astype(jnp.int32) for count, law in zip(number.failed, laws, strict=True)),
        jnp.where((number.first == 0) & wrong, step.t, number.first),
        jnp.maximum(number.excess, excess),
        walk,
        lowest,
    )


def _read(number: Path) -> dict[str, Any]:
    named = {f"audit_{law}": count for law, count in zip(LAWS, number.failed, strict=True)}
    return named | {"audit_first": number.first, "audit_L4_ratio": number.excess}


def _above(Q: queue.Fixed, move: Array, jump: Array) -> Array:
    """Whether Q_{t+1}^2 - Q_t^2 > (alpha - s)^2 + 2 Q (alpha - s), L2 broken, in whole numbers.

    With d = jump - move it says d (2 Q + move + jump) > 0. The bracket's sign is that with Q cut off far from zero.
    """
    near = jnp.clip(Q.whole, -FAR, FAR) * queue.UNIT + Q.part
    d, bracket = jump - move, 2 * near + move + jump
    return ((d > 0) & (bracket > 0)) | ((d < 0) & (bracket < 0))


def _score_excess(step: Step) -> Array:
    """The largest V (E_served - E_m) - Q (s_hat_served - s_hat_m) over m, over its allowance; 0 where L4 is silent."""
    cost, s_hat, Q, V = step.request.cost, step.decision.s_hat, step.queue.to_float(), step.controls.V
    served = step.decision.served
    dearer = jnp.sum(jnp.where(served, cost, 0.0)) - cost
    better = jnp.sum(jnp.where(served, s_hat, 0.0)) - s_hat
    excess = jnp.max(V * dearer - Q * better)
    ratio = jnp.where(excess > 0, excess / _score_allowance(V, cost, Q, s_hat), 0.0)
    return jnp.where(step.decision.explore | jnp.isnan(excess), 0.0, ratio)


def _score_allowance(V: Array, cost: Array, Q: Array, s_hat: Array) -> Array:
    """How far rounding in float32 may carry a served model's score above another's.

    A policy compares V (E_m - E_0) - Q (s_hat_m - s_hat_0) against some model 0. Q is rounded when made a float (a
    product and a sum, 2u of Q + 1), either difference once, either product once, their sum once: at most
    3u V |E_m - E_0| + 5u (Q + 1) |s_hat_m - s_hat_0| to first order, and 4u, 8u with the rest. Twice for the two that
    are compared, and once more for this comparison, with the spread over models for the differences.
    """
    spread = jnp.max(cost) - jnp.min(cost), jnp.max(s_hat) - jnp.min(s_hat)
    return 3.0 * ROUNDOFF * (4.0 * V * spread[0] + 8.0 * (Q + 1.0) * spread[1])


def _apart(left: queue.Fixed, right: queue.Fixed) -> Array:
    """left - right in 1e-6, cut off beyond 500 requests."""
    return jnp.clip(left.whole - right.whole, -FAR, FAR) * queue.UNIT + (left.part - right.part)


def _plus(number: queue.Fixed, other: queue.Fixed) -> queue.Fixed:
    return queue.add(queue.Fixed(number.whole + other.whole, number.part), other.part)


def _minimum(left: queue.Fixed, right: queue.Fixed) -> queue.Fixed:
    least = (left.whole < right.whole) | ((left.whole == right.whole) & (left.part < right.part))
    return queue.Fixed(*(jnp.where(least, a, b) for a, b in zip(left, right, strict=True)))


def _equal(left: queue.Fixed, right: queue.Fixed) -> Array:
    return (left.whole == right.whole) & (left.part == right.part)
