"""MESS+ whose queue starts where it would have to climb to first."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics import virtual_queue
from messjax.policies.algorithm import mess_plus
from messjax.policies.dual_price import Prices, price_at, prices
from messjax.policies.predictor_router import RouterState
from messjax.types import Array, Controls, Distribution, Policy, Predictor


def warm_started(predictor: Predictor, gamma: float | Distribution) -> Policy:
    """MESS+ with Q_1 = V gamma_hat, gamma_hat a number or, at each alpha, the price of a law (`dual_price.prices`).

    By T6 in docs/theory the queue hovers around V gamma*. From Q_1 = 0 it climbs there first, and by L1 all it climbs
    is missing satisfaction: V gamma*/T of the violation after T requests. A warm start saves that, and by T2 pays for
    it at most Q_1^2/(2VT) = V gamma_hat^2/(2T) per request. All else is MESS+; one predictor path per grid of V and
    alpha. It runs on the general path: the fast one starts every queue at 0.
    """
    base = mess_plus(predictor)
    return base._replace(init=Partial(_init, base.init, prices(gamma, "warm_started")))


def _init(start: Callable, table: Prices, key: Array, controls: Controls) -> RouterState:
    state: RouterState = start(key, controls)
    Q_1 = virtual_queue.of(jnp.asarray(controls.V * price_at(table, controls.alpha)))
    return state._replace(queue=Q_1)
