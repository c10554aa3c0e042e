"""MESS+ whose queue starts at its stationary level instead of zero."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics import virtual_queue
from messjax.policies.algorithm import mess_plus
from messjax.policies.dual_price import Prices, price_at, prices
from messjax.policies.predictor_router import RouterState
from messjax.types import Array, Controls, Distribution, Kind, Policy, Predictor


def warm_started(predictor: Predictor, gamma: float | Distribution) -> Policy:
    """MESS+ with the queue started at Q_1 = V gamma_hat.

    By T6 the queue settles around V gamma*. From Q_1 = 0 it has to grow there first, and by L1 that growth is missing
    satisfaction: V gamma*/T of the violation after T requests. A warm start avoids it, and by T2 costs at most
    Q_1^2/(2VT) = V gamma_hat^2/(2T) more per request. All else is MESS+, with one predictor path per grid of V and
    alpha. It runs on the general engine: the fast one starts every queue at 0.

    Args:
        predictor: Supplies s_hat [M].
        gamma: gamma_hat as a number >= 0 in cost per unit of satisfaction, or a distribution whose gamma*(alpha) is
            used (`dual_price.prices`).

    Returns:
        The policy. It reads the controls V, alpha, c and a.

    Raises:
        ValueError: A multiplier that is negative or not finite, or an invalid distribution.

    Source: T2 and T6 in docs/theory.md.
    """
    base = mess_plus(predictor)
    return base._replace(init=Partial(_init, base.init, prices(gamma, "warm_started")), kind=Kind("warm_started"))


def _init(start: Callable, table: Prices, key: Array, controls: Controls) -> RouterState:
    state: RouterState = start(key, controls)
    Q_1 = virtual_queue.of(jnp.asarray(controls.V * price_at(table, controls.alpha)))
    return state._replace(queue=Q_1)
