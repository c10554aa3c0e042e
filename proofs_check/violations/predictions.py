"""Feedback that depends on the label (A5), and fixed wrong predictions: of scores (A6) and of costs (A7)."""

from __future__ import annotations

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax import feedback
from messjax.types import Array, Controls, Decision, Feedback, Outcome, Predictor, Request

# --- A5: feedback that depends on the label --------------------------------------------------------------------------


def outcome_dependent_feedback(satisfied: float, failed: float) -> Partial:
    """Feedback with probability f times a factor that depends on whether the served answer satisfied."""
    return Partial(_deaf, jnp.asarray(satisfied, jnp.float32), jnp.asarray(failed, jnp.float32))


def _deaf(
    satisfied: Array, failed: Array, key: Array, decision: Decision, request: Request, controls: Controls
) -> Feedback:
    good = jnp.sum(jnp.where(decision.served_mask, request.satisfaction, 0.0)) > 0.5
    return feedback.sparse(key, decision, request, controls._replace(f=controls.f * jnp.where(good, satisfied, failed)))


def biased_labels(key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    """Explored requests reveal only what satisfied; the queue receives feedback as from `messjax.feedback.sparse`."""
    feedback_received = feedback.sparse(key, decision, request, controls)
    seen = feedback_received.outcome.observed & (request.satisfaction > 0.5)
    return feedback_received._replace(outcome=Outcome(jnp.where(seen, request.satisfaction, 0.0), seen))


# --- A6 and A7: fixed predictions and prices ------------------------------------------------------------------------


def frozen(s_hat: list[float]) -> Predictor:
    """The same prediction [M] for every request, at every time."""
    return Predictor(Partial(_nothing), Partial(_frozen, jnp.asarray(s_hat, jnp.float32)), Partial(_unmoved))


def _nothing(key: Array) -> tuple[()]:
    del key
    return ()


def _frozen(s_hat: Array, state: tuple, features: Array) -> Array:
    del state, features
    return s_hat


def _unmoved(state: tuple, features: Array, outcome: Outcome) -> tuple:
    del features, outcome
    return state
