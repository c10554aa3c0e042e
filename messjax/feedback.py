"""Feedback: which of the queried outcomes come back.

`feedback(key, decision, request, controls) -> Feedback`. Complete feedback is the setting of Theorems 1 and 2 of
[M25]; sparse feedback is T9 in docs/theory: with probability 1 - f nothing comes back, and queue and predictor freeze.
One-sided and noisy feedback are sparse as well, with everything heard of at f = 1, its default. Feedback that comes
late is a policy's affair, `policies.delayed`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.types import Array, Controls, Decision, Feedback, Outcome, Request

AGREEMENTS = ("heard", "true")


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
    """Every outcome comes back."""
    del key, controls
    return _reveal(request, decision, jnp.ones((), bool))


def sparse(key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    """A coin of probability `controls.f`, independent of everything else, decides whether the outcomes come back."""
    return _reveal(request, decision, jax.random.uniform(key, dtype=jnp.float32) < controls.f)


def one_sided(key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    """As `sparse`, and of the models asked only the served one's outcome comes back: users rate what they are given.

    MESS+ then learns about the last model alone, which serves when it explores: A5 is broken for all others, whose
    predictions stay what they were at first. Policies made for it explore by serving (arXiv 2606.19376).
    """
    result = sparse(key, decision, request, controls)
    observed = result.outcome.observed & decision.served_mask
    return result._replace(outcome=Outcome(jnp.where(observed, result.outcome.satisfaction, 0.0), observed))


def noisy(flip: float, *, agreement: str = "heard") -> Partial:
    """As `sparse`, with every label told wrongly (1 - s for s) with probability `flip`, independently per model.

    agreement "heard": the queue, too, counts what users say. Heard satisfaction has mean flip + (1 - 2 flip) s, so that
    MESS+ at flip + (1 - 2 flip) alpha keeps alpha truly. agreement "true": the queue is told the truth and only the
    labels to learn from are wrong. Meters always count what is true. Breaks A5: labels are biased, and the best of
    predictions is flip + (1 - 2 flip) mu. ValueError for a probability out of [0, 1] or another agreement.
    """
    if not 0.0 <= flip <= 1.0:
        raise ValueError(f"noisy: flip is {flip}, expected a probability in [0, 1]")
    if agreement not in AGREEMENTS:
        raise ValueError(f"noisy: agreement is {agreement!r}, expected one of {', '.join(AGREEMENTS)}")
    return Partial(_noisy if agreement == "heard" else _noisy_labels, jnp.asarray(flip, jnp.float32))


def _noisy(flip: Array, key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    luck = jax.random.uniform(jax.random.fold_in(key, 1), request.satisfaction.shape, jnp.float32)
    text = jnp.where(luck < flip, 1.0 - request.satisfaction, request.satisfaction)
    return sparse(key, decision, request._replace(satisfaction=text), controls)


def _noisy_labels(flip: Array, key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    true = sparse(key, decision, request, controls)
    return true._replace(outcome=_noisy(flip, key, decision, request, controls).outcome)
