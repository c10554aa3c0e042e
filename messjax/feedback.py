"""Feedback: which of the queried outcomes come back.

`feedback(key, decision, request, controls) -> Feedback`. Complete feedback is the setting of Theorems 1 and 2 of
[M25]; sparse feedback is T9 in docs/theory: with probability 1 - f nothing comes back, and queue and predictor freeze.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from messjax.types import Array, Controls, Decision, Feedback, Outcome, Request


def _reveal(request: Request, decision: Decision, heard: Array) -> Feedback:
    observed = decision.learn & heard
    return Feedback(
        outcome=Outcome(jnp.where(observed, request.satisfaction, 0.0), observed),
        served=jnp.where(heard, jnp.sum(jnp.where(decision.served, request.satisfaction, 0.0)), 0.0),
        heard=heard,
        cost=jnp.where(decision.query, request.cost, 0.0),
    )


def complete(key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    """Every outcome comes back."""
    del key, controls
    return _reveal(request, decision, jnp.ones((), bool))


def sparse(key: Array, decision: Decision, request: Request, controls: Controls) -> Feedback:
    """A coin of probability `controls.f`, independent of everything else, decides whether the outcomes come back."""
    return _reveal(request, decision, jax.random.uniform(key, dtype=jnp.float32) < controls.f)
