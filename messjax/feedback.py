"""Feedback: which of the queried outcomes come back.

A feedback is a function (key, decision, request, controls) -> `Feedback`. Complete feedback is the setting of Theorems
1 and 2 of [M25]; sparse feedback is that of T9 in docs/theory.md: with probability 1 - f nothing comes back, and queue
and predictor stay as they are. One-sided and noisy feedback are sparse as well; at f = 1, the default, every request
gets feedback, and with a second judge too. Feedback that comes late is modelled by the policy `policies.delayed`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.types import Array, Controls, Decision, Feedback, Outcome, Request

__all__ = [
    "complete",
    "noisy",
    "one_sided",
    "second_judge",
    "sparse",
]

QUEUE_LABELS = ("flipped", "true")


def _reveal(request: Request, decision: Decision, feedback_received: Array) -> Feedback:
    observed = decision.learn & feedback_received
    return Feedback(
        outcome=Outcome(jnp.where(observed, request.satisfaction, 0.0), observed),
        served_satisfaction=jnp.where(
            feedback_received, jnp.sum(jnp.where(decision.served_mask, request.satisfaction, 0.0)), 0.0
        ),
        feedback_received=feedback_received,
        cost=jnp.where(decision.query, request.cost, 0.0),
    )


def complete(key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    """Every queried outcome comes back.

    Args:
        key: Not used.
        decision: What the policy decided.
        request: The request, with satisfactions and costs [M].
        controls: Not used.

    Returns:
        The feedback.
    """
    del key, controls
    return _reveal(request, decision, jnp.ones((), bool))


def sparse(key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    """With probability `controls.f`, independently of all else, the queried outcomes come back; otherwise nothing.

    Args:
        key: Random key of this request.
        decision: What the policy decided.
        request: The request, with satisfactions and costs [M].
        controls: Read for f.

    Returns:
        The feedback; costs are observed in either case.

    Source: T9 in docs/theory.md.
    """
    return _reveal(request, decision, jax.random.uniform(key, dtype=jnp.float32) < controls.f)


def one_sided(key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    """As `sparse`, but of the queried models only the served one's outcome comes back: users rate the answer they get.

    MESS+ then learns about the last model alone, which serves when it explores: A5 fails for all others, whose
    predictions are never updated. Policies made for this setting explore by serving (`policies.one_sided`, arXiv
    2606.19376).

    Args:
        key: Random key of this request.
        decision: What the policy decided.
        request: The request, with satisfactions and costs [M].
        controls: Read for f.

    Returns:
        The feedback.
    """
    result = sparse(key, decision, request, controls)
    observed = result.outcome.observed & decision.served_mask
    return result._replace(outcome=Outcome(jnp.where(observed, result.outcome.satisfaction, 0.0), observed))


def second_judge(key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    """As `sparse`, with the scores of a second judge in place of the satisfactions, for queue and predictor alike.

    Meters always record the true satisfactions, those of the first judge. A5 fails for them: what is learned is what
    the second judge means by satisfaction.

    Args:
        key: Random key of this request.
        decision: What the policy decided.
        request: The request, with satisfactions, a second judge's scores and costs [M].
        controls: Read for f.

    Returns:
        The feedback.

    Raises:
        ValueError: A stream without a second judge.
    """
    if request.judged is None:
        raise ValueError("second_judge: found a stream without a second judge, expected one of streams.with_judge")
    return sparse(key, decision, request._replace(satisfaction=request.judged), controls)


def noisy(flip: float, *, queue_labels: str = "flipped") -> Partial:
    """As `sparse`, with every label flipped (1 - s for s) with probability `flip`, independently per model.

    Meters always record the true satisfactions. A5 fails: labels are biased, and the best prediction from them is
    flip + (1 - 2 flip) mu.

    Args:
        flip: Probability of a flipped label, in [0, 1].
        queue_labels: What the queue receives. "flipped": the flipped labels, whose mean is flip + (1 - 2 flip) s, so
            that MESS+ at flip + (1 - 2 flip) alpha meets the true alpha. "true": the true satisfactions; only the
            labels to learn from are flipped.

    Returns:
        The feedback function.

    Raises:
        ValueError: A probability outside [0, 1], or another `queue_labels`.
    """
    if not 0.0 <= flip <= 1.0:
        raise ValueError(f"noisy: flip is {flip}, expected a probability in [0, 1]")
    if queue_labels not in QUEUE_LABELS:
        raise ValueError(f"noisy: queue_labels is {queue_labels!r}, expected one of {', '.join(QUEUE_LABELS)}")
    return Partial(_noisy if queue_labels == "flipped" else _noisy_labels, jnp.asarray(flip, jnp.float32))


def _noisy(flip: Array, key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    uniform = jax.random.uniform(jax.random.fold_in(key, 1), request.satisfaction.shape, jnp.float32)
    flipped = jnp.where(uniform < flip, 1.0 - request.satisfaction, request.satisfaction)
    return sparse(key, decision, request._replace(satisfaction=flipped), controls)


def _noisy_labels(flip: Array, key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    true = sparse(key, decision, request, controls)
    return true._replace(outcome=_noisy(flip, key, decision, request, controls).outcome)


def feedback_kind(feedback: object) -> str:
    """The name of what a feedback is, as results record it.

    Args:
        feedback: A feedback, as `simulate` and `sweep` take it.

    Returns:
        "complete", "sparse", "one_sided", "second_judge" or "noisy" (those of this module), "other" for one of your
        own.
    """
    bare = feedback.func if isinstance(feedback, Partial) else feedback
    known = {
        complete: "complete", sparse: "sparse", one_sided: "one_sided", second_judge: "second_judge",
        _noisy: "noisy", _noisy_labels: "noisy",
    }  # fmt: skip
    return next((name for function, name in known.items() if function is bare), "other")
