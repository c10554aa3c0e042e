"""Audit of paths: L1 to L4 and the reflection formula of docs/theory.md on every request of every stream, as a meter.

L1, L2, L3 and the reflection are compared in whole units of 1e-6 and must hold exactly. L4 compares float32 scores; its
allowance is derived (`score_allowance`), not tuned. With sparse feedback the queue does not move where no feedback is
received: the lemmas are about the requests with feedback, and the walk of the reflection moves with them (T9).

    audit(key, controls, policy=..., stream=..., horizon=...)      # one call: a Dataset of counts, all zero

or zip `path_audit_meter()` with any other meters of a run.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.tree_util import Partial

from messjax.meters.ledgers import served_satisfaction
from messjax.numerics import virtual_queue
from messjax.types import Array, Meter, Step

LEMMAS = ("L1", "L2", "L3", "L4", "reflection")
ROUNDOFF = np.float32(2.0**-24)  # half an ulp of 1 in float32
FAR = 500  # whole requests: where a queue is this far from zero only its being far matters


class PathAudit(NamedTuple):
    """State of the meter `path_audit_meter`.

    Attributes:
        failed: How often each lemma failed, one count per lemma of `LEMMAS`.
        first: The first request where any lemma failed, [] int32; 0: none so far.
        excess: The largest of V (E_served - E_m) - Q (s_hat_served - s_hat_m) over its allowance, [] float.
        walk: Q_1 + W_t, exact.
        lowest: min(0, min_k (Q_1 + W_k)), exact.
    """

    failed: tuple[Array, ...]
    first: Array
    excess: Array
    walk: virtual_queue.Fixed
    lowest: virtual_queue.Fixed


def path_audit_meter() -> Meter:
    """Counts of requests at which a lemma failed: `audit_L1`, ..., `audit_L4`, `audit_reflection`, all int32.

    Further metrics are `audit_first`, the first request where any failed (0: none), and `audit_L4_ratio`, the worst
    excess of a served model's score above another's in units of the rounding allowance (at most 1 where L4 holds; NaN
    predictions, of policies without any, are not audited). L4 is the rule of MESS+, which other policies may break; the
    lemmas about the queue hold for all.

    Returns:
        The meter.

    Source: L1 to L4 in docs/theory.md.
    """
    return Meter(Partial(path_init), Partial(path_add), Partial(path_read))


def failures(dataset: xr.Dataset) -> dict[str, int]:
    """Number of requests at which each lemma failed, over all streams and controls of a run.

    Args:
        dataset: Result of a run with `path_audit_meter` among its meters.

    Returns:
        Counts by lemma.
    """
    return {lemma: int(dataset[f"audit_{lemma}"].sum()) for lemma in LEMMAS}


def path_init(num_models: int) -> PathAudit:
    """The state of the audit before the first request.

    Args:
        num_models: Not used.

    Returns:
        The state.
    """
    del num_models
    none = jnp.zeros((), jnp.int32)
    return PathAudit(
        (none,) * len(LEMMAS), none, jnp.zeros((), jnp.float32), virtual_queue.zero(), virtual_queue.zero()
    )


def path_add(number: PathAudit, step: Step) -> PathAudit:
    """The state of the audit after one more request.

    Args:
        number: The state before it.
        step: The request and its outcome.

    Returns:
        The state.
    """
    feedback_received = step.feedback.feedback_received
    alpha = virtual_queue.units(step.controls.alpha)
    move = alpha - virtual_queue.units(served_satisfaction(step))  # alpha - s_t
    jump = apart(step.next_queue, step.queue)  # Q_{t+1} - Q_t
    start = virtual_queue.Fixed(*(jnp.where(step.t == 1, q, w) for q, w in zip(step.queue, number.walk, strict=True)))
    walk = virtual_queue.add(start, jnp.where(feedback_received, move, 0))
    lowest = minimum(number.lowest, walk)
    near = jnp.clip(step.queue.whole, -FAR, FAR) * virtual_queue.UNIT + step.queue.part
    excess = _score_excess(step)
    violated = (
        feedback_received & (jump < move),
        feedback_received
        & (above(near, move, jump) | (jnp.abs(move) > jnp.maximum(alpha, virtual_queue.UNIT - alpha))),
        (jump > alpha) | (jump < alpha - virtual_queue.UNIT) | (~feedback_received & (jump != 0)),
        excess > 1.0,
        ~_equal(_plus(step.next_queue, lowest), walk),
    )
    wrong = violated[0] | violated[1] | violated[2] | violated[3] | violated[4]
    return PathAudit(
        tuple(count + each.astype(jnp.int32) for count, each in zip(number.failed, violated, strict=True)),
        jnp.where((number.first == 0) & wrong, step.t, number.first),
        jnp.maximum(number.excess, excess),
        walk,
        lowest,
    )


def path_read(number: PathAudit) -> dict[str, Any]:
    """The metrics of the audit.

    Args:
        number: The state.

    Returns:
        Metrics by name.
    """
    named = {f"audit_{lemma}": count for lemma, count in zip(LEMMAS, number.failed, strict=True)}
    return named | {"audit_first": number.first, "audit_L4_ratio": number.excess}


def above(near: Array, move: Array, jump: Array) -> Array:
    """Whether Q_{t+1}^2 - Q_t^2 > (alpha - s)^2 + 2 Q (alpha - s), a failure of L2, in whole numbers of 1e-6.

    With d = jump - move the condition is d (2 Q + move + jump) > 0.

    Args:
        near: Q clipped to 500 requests, which keeps the sign; [] int32 in 1e-6.
        move: alpha - s, [] int32 in 1e-6.
        jump: Q_{t+1} - Q_t, [] int32 in 1e-6.

    Returns:
        [] bool.
    """
    d, bracket = jump - move, 2 * near + move + jump
    return ((d > 0) & (bracket > 0)) | ((d < 0) & (bracket < 0))


def _score_excess(step: Step) -> Array:
    """The largest V (E_served - E_m) - Q (s_hat_served - s_hat_m) over m, over its allowance; 0 where exploring."""
    cost, s_hat, Q, V = step.request.cost, step.decision.s_hat, step.queue.to_float(), step.controls.V
    # Relative to the first model, as the rule itself compares: what is left is rounding.
    score = V * (cost - cost[0]) - Q * (s_hat - s_hat[0])
    if step.request.available is not None:
        score = jnp.where(step.request.available, score, jnp.inf)
    excess = jnp.sum(jnp.where(step.decision.served_mask, score, 0.0)) - jnp.min(score)
    allowed = score_allowance(V, jnp.max(cost) - jnp.min(cost), Q, jnp.max(s_hat) - jnp.min(s_hat))
    return jnp.where(step.decision.explore | ~(excess > 0), 0.0, excess / allowed)


def score_allowance(V: Array, cost_spread: Array, Q: Array, s_hat_spread: Array) -> Array:
    """How far rounding in float32 may carry a served model's score above another's.

    A policy compares V (E_m - E_0) - Q (s_hat_m - s_hat_0) for the first model 0. Q is rounded when made a float (a
    product and a sum, 2u of Q + 1), either difference once, either product once, their sum once: at most 3u V |E_m -
    E_0| + 5u (Q + 1) |s_hat_m - s_hat_0| to first order, and 4u, 8u with the rest. Twice for the two that are compared,
    and once more for this comparison.

    Args:
        V: Weight of cost [], in 1 / cost unit.
        cost_spread: Spread of the costs over models [], in cost units.
        Q: The virtual queue [].
        s_hat_spread: Spread of the predictions over models [].

    Returns:
        The allowance [] float.
    """
    return 3.0 * ROUNDOFF * (4.0 * V * cost_spread + 8.0 * (Q + 1.0) * s_hat_spread)


def apart(left: virtual_queue.Fixed, right: virtual_queue.Fixed) -> Array:
    """left - right in 1e-6, cut off beyond 500 requests.

    Args:
        left: A number.
        right: A number of the same shape.

    Returns:
        The difference, int32 in units of 1e-6.
    """
    return jnp.clip(left.whole - right.whole, -FAR, FAR) * virtual_queue.UNIT + (left.part - right.part)


def _plus(number: virtual_queue.Fixed, other: virtual_queue.Fixed) -> virtual_queue.Fixed:
    return virtual_queue.add(virtual_queue.Fixed(number.whole + other.whole, number.part), other.part)


def minimum(left: virtual_queue.Fixed, right: virtual_queue.Fixed) -> virtual_queue.Fixed:
    """The smaller of two numbers, exactly.

    Args:
        left: A number.
        right: A number of the same shape.

    Returns:
        The smaller one.
    """
    least = (left.whole < right.whole) | ((left.whole == right.whole) & (left.part < right.part))
    return virtual_queue.Fixed(*(jnp.where(least, a, b) for a, b in zip(left, right, strict=True)))


def _equal(left: virtual_queue.Fixed, right: virtual_queue.Fixed) -> Array:
    return (left.whole == right.whole) & (left.part == right.part)
