"""`messjax.meters.path_audit` over a chunk: the same lemmas, in whole units of 1e-6 relative to its beginning.

A request is audited when the next one arrives, from the two states around it. The walk W and its minimum L are carried
relative to W at the chunk's beginning; queues and walks that are thousands of requests long stay exact (see `_gap`).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax.engine.fast.streams import Columns
from messjax.meters import path_audit
from messjax.numerics import virtual_queue
from messjax.types import Array

FIELD = 8  # bits of a packed count: a chunk has fewer than 128 requests
FAR = 1900  # whole requests: further below the walk a minimum cannot be reached within a chunk
NOWHERE = np.int32(2**27)  # above what a chunk's walk reaches


class AuditState(NamedTuple):
    """What the loop over a chunk carries on every lane."""

    before: Array  # Q_t as the loop packs it
    lemmas: Array  # counts of L1, L2, L3, L4
    reflection: Array  # its count, and below it the first request of the chunk where any lemma failed, from 1
    excess: Array
    walk: Array  # in 1e-6, since the chunk began
    lowest: Array


class QueueStep(NamedTuple):
    """A request after it was served: (whole, part) of Q_t, and what moved; `excess` is None where L4 is silent."""

    whole: Array
    part: Array
    jump: Array  # Q_{t+1} - Q_t
    move: Array  # alpha - s_t
    since: Array  # Q_{t+1} less the queue when the chunk began
    excess: Array | None


def start(whole: Array) -> AuditState:
    """A new one, on lanes of this shape."""
    none = jnp.zeros_like(whole)
    return AuditState(none, none, none, none.astype(jnp.float32), none, none + NOWHERE)


def audit_step(
    audit_state: AuditState, i: Array, done: QueueStep, alpha: Array, below: Array, gap: Array
) -> AuditState:
    """Audit request i of the chunk (from 0). `below`, `gap`: see `_gap`."""
    near = jnp.clip(done.whole, -path_audit.FAR, path_audit.FAR) * virtual_queue.UNIT + done.part
    walk = audit_state.walk + done.move
    lowest = jnp.minimum(audit_state.lowest, walk)
    excess = audit_state.excess if done.excess is None else done.excess
    violated = (
        done.jump < done.move,
        path_audit.above(near, done.move, done.jump)
        | (jnp.abs(done.move) > jnp.maximum(alpha, virtual_queue.UNIT - alpha)),
        (done.jump > alpha) | (done.jump < alpha - virtual_queue.UNIT),
        excess > 1.0 if done.excess is not None else jnp.zeros_like(walk, bool),
    )
    off = done.since != walk - jnp.minimum(0, lowest - below) - gap
    wrong = violated[0] | violated[1] | violated[2] | violated[3] | off
    unseen = (audit_state.reflection & (2**FIELD - 1)) == 0
    return AuditState(
        before=audit_state.before,
        lemmas=audit_state.lemmas + sum(each.astype(jnp.int32) << (n * FIELD) for n, each in enumerate(violated)),
        reflection=audit_state.reflection + (off.astype(jnp.int32) << FIELD) + jnp.where(unseen & wrong, i + 1, 0),
        excess=jnp.maximum(audit_state.excess, excess),
        walk=walk,
        lowest=lowest,
    )


def cost_gap_term(path: path_audit.PathAudit, Q: virtual_queue.Fixed) -> tuple[Array, Array]:
    """L - W when the chunk begins, and Q - (W - L), which is zero unless a lemma failed before; both in 1e-6, int32.

    Then Q_{t+1} - Q = w - min(0, min w - (L - W)) - gap for the chunk's own walk w: no large number is needed.
    """
    below = _apart(path.lowest, path.walk, FAR)
    whole, part = Q.whole - path.walk.whole + path.lowest.whole, Q.part - path.walk.part + path.lowest.part
    return below, jnp.clip(whole, -path_audit.FAR, path_audit.FAR) * virtual_queue.UNIT + part


def merge(path: path_audit.PathAudit, audit_state: AuditState, done: Array) -> path_audit.PathAudit:
    """What is kept from chunk to chunk; `done` requests were served before this chunk."""
    counts = [audit_state.lemmas >> (n * FIELD) & (2**FIELD - 1) for n in range(4)] + [audit_state.reflection >> FIELD]
    seen = audit_state.reflection & (2**FIELD - 1)
    lowest = virtual_queue.add(path.walk, audit_state.lowest)
    return path_audit.PathAudit(
        failed=tuple(old + new for old, new in zip(path.failed, counts, strict=True)),
        first=jnp.where((path.first == 0) & (seen > 0), done + seen, path.first),
        excess=jnp.maximum(path.excess, audit_state.excess),
        walk=virtual_queue.add(path.walk, audit_state.walk),
        lowest=path_audit.minimum(path.lowest, lowest),
    )


def score_excess(V: Array, cost: Columns, relative: Columns, choice: Array, explore: Array, Q: Array) -> Array:
    """`audits` L4 in columns: the served model's score above the least one, over its allowance; 0 when exploring."""
    scores = [jnp.zeros_like(Q)] + [V * (c - cost[0]) - Q * s for c, s in zip(cost[1:], relative, strict=True)]
    served, least = scores[0], scores[0]
    top, bottom = jnp.zeros_like(relative[0]), jnp.zeros_like(relative[0])
    for m, score in enumerate(scores[1:], start=1):
        served, least = jnp.where(choice == m, score, served), jnp.minimum(least, score)
        top, bottom = jnp.maximum(top, relative[m - 1]), jnp.minimum(bottom, relative[m - 1])
    dearest, cheapest = cost[0], cost[0]
    for c in cost[1:]:
        dearest, cheapest = jnp.maximum(dearest, c), jnp.minimum(cheapest, c)
    excess = served - least
    ratio = excess / path_audit.score_allowance(V, dearest - cheapest, Q, top - bottom)
    return jnp.where((excess > 0) & ~explore, ratio, 0.0)


def _apart(left: virtual_queue.Fixed, right: virtual_queue.Fixed, far: int) -> Array:
    return jnp.clip(left.whole - right.whole, -far, far) * virtual_queue.UNIT + (left.part - right.part)


def select(wanted: Array, new: AuditState, old: AuditState) -> AuditState:
    """`new` where wanted, else `old`."""
    return jax.tree.map(lambda a, b: jnp.where(wanted, a, b), new, old)
