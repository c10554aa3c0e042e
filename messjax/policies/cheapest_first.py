"""Cheapest-first greedy: predict, then take the cheapest model that looks good enough. It keeps no account."""

from __future__ import annotations

import jax.numpy as jnp

from messjax.numerics import virtual_queue
from messjax.policies.predictor_router import router
from messjax.types import Array, Controls, Policy, Predictor


def greedy(predictor: Predictor) -> Policy:
    """Serve the cheapest model with s_hat_m >= alpha, the most promising one when there is none.

    Explores and learns exactly as `mess_plus`. It meets alpha on every request it can, which is more than the
    agreement asks where requests are easy and less where they are hard.
    """
    return router(predictor, choose)


def choose(s_hat: Array, cost: Array, Q: virtual_queue.Fixed, controls: Controls) -> Array:
    """[M], [M], (unused) -> [] int."""
    del Q
    enough = s_hat >= controls.alpha
    return jnp.where(jnp.any(enough), jnp.argmin(jnp.where(enough, cost, jnp.inf)), jnp.argmax(s_hat))
