"""MESS+: Algorithm 1 of [M25]."""

from __future__ import annotations

import jax.numpy as jnp

from messjax.numerics import virtual_queue
from messjax.policies.predictor_router import router
from messjax.types import Array, Controls, Policy, Predictor


def mess_plus(predictor: Predictor) -> Policy:
    """Serve argmin_m V E_m,t + Q_t (alpha - s_hat_m), exploring with probability min(1, c t^-a).

    a = 1/4 in [M25], 1/3 in [M24]; all controls may be vmapped. Ties go to the first model, the cheapest.
    """
    return router(predictor, choose)


def choose(s_hat: Array, cost: Array, Q: virtual_queue.Fixed, controls: Controls) -> Array:
    """argmin_m V E_m + Q (alpha - s_hat_m), L4 in docs/theory: [M], [M], [] -> [] int; ties to the first model.

    What is common to all models is taken off first: the same argmin, but differences of close models survive float32
    however large V and Q are.
    """
    return jnp.argmin(controls.V * (cost - cost[0]) - Q.to_float() * (s_hat - s_hat[0]))
