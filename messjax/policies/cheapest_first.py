"""Cheapest-first greedy: predict, then take the cheapest model that looks good enough. It ignores past violations."""

from __future__ import annotations

import jax.numpy as jnp

from messjax.numerics import virtual_queue
from messjax.policies.predictor_router import router
from messjax.types import Array, Controls, Policy, Predictor


def greedy(predictor: Predictor) -> Policy:
    """Serve the cheapest model with s_hat_m >= alpha, or the model of largest s_hat_m when there is none.

    It explores and learns exactly as `mess_plus`. It aims at alpha on every single request, which is more than the
    long-run requirement asks where requests are easy, and less where they are hard.

    Args:
        predictor: Supplies s_hat [M].

    Returns:
        The policy. It reads the controls alpha, c and a.
    """
    return router(predictor, choose, "greedy")


def choose(s_hat: Array, cost: Array, Q: virtual_queue.Fixed, controls: Controls) -> Array:
    """The cheapest model whose prediction reaches alpha, or the one of the largest prediction.

    Args:
        s_hat: Predicted satisfactions [M].
        cost: Costs of the request [M], in cost units.
        Q: Not used.
        controls: Read for alpha, and for the models that are available.

    Returns:
        The model number [] int32.
    """
    del Q
    if controls.available is not None:
        s_hat = jnp.where(controls.available, s_hat, -jnp.inf)
    enough = s_hat >= controls.alpha
    return jnp.where(jnp.any(enough), jnp.argmin(jnp.where(enough, cost, jnp.inf)), jnp.argmax(s_hat))
