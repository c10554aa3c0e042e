"""V chosen by how long the queue may take to settle."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.policies.dual_price import Prices, climb, prices
from messjax.types import Array, Controls, Decision, Distribution, Feedback, Policy, PyTree, as_pytree


class AutoState(NamedTuple):
    """The V chosen for this alpha and the policy's own state."""

    V: Array  # [] float
    inner: PyTree


def auto_v(policy: Policy, distribution: Distribution, transient: float, share: float = 0.9) -> Policy:
    """`policy` (MESS+, say) with the V whose queue climbs to share V gamma* in about `transient` requests.

    Derivation. By T6 the queue settles around V gamma*, and until it is there the constraint is missed: by L1 what is
    missing is what the queue has climbed (T1's leading term is V gamma*/T). While it stands at Q = V g, MESS+ with
    exact predictions serves argmin_m E_m - g mu_m, satisfies s(g), and the queue drifts by alpha - s(g), which begins
    with alpha - s(0), s(0) the rate of the cheapest models. Rescaled by V this is dg/dt = (alpha - s(g))/V, hence

        requests to reach share V gamma*  =  V tau,   tau = integral_0^{share gamma*} dg / (alpha - s(g)),

    and V = transient / tau. Were the drift that of the cheapest all the way, V would be transient (alpha - s(0)) /
    (share gamma*); it falls as dearer models join in, so tau is longer and that V too large. s is a staircase known
    from `law` (`dual_price.prices` says which laws will do), and tau a sum. share < 1 because a smooth dual (continuous
    features) is approached exponentially and never reached. Exploration satisfies more and makes the climb slower,
    feedback on a fraction f of the requests 1/f as long; a queue's randomness blurs it.

    V is a function of alpha, the control V is not looked at, except where the cheapest models attain alpha: then gamma*
    = 0, nothing has to be climbed, and it is used. The audit of L4 and T2, which ask for the control V, do not apply:
    `chosen_V` is the number to give the plain policy as its control instead. ValueError for a transient or a share that
    cannot be.
    """
    table = _table(distribution, transient, share)
    inner, numbers = as_pytree(policy), jnp.asarray([transient, share], jnp.float32)
    return Policy(
        init=Partial(_init, inner.init, table, numbers),
        act=Partial(_act, inner.act),
        update=Partial(_update, inner.update),
        queue=Partial(_queue, inner.queue),
    )


def chosen_V(distribution: Distribution, alpha: float, transient: float, share: float = 0.9) -> float:
    """The V that `auto_v` chooses at alpha; inf where the cheapest models attain it."""
    tau = climb(_table(distribution, transient, share), jnp.float32(alpha), jnp.float32(share))
    return transient / float(tau) if tau > 0 else float("inf")


def _table(distribution: Distribution, transient: float, share: float) -> Prices:
    if not 0.0 < transient < float("inf"):
        raise ValueError(f"auto_v: transient is {transient}, expected a positive number of requests")
    if not 0.0 < share <= 1.0:
        raise ValueError(f"auto_v: share is {share}, expected a number in (0, 1]")
    return prices(distribution, "auto_v")


def _init(init: Callable, table: Prices, numbers: Array, key: Array, controls: Controls) -> AutoState:
    transient, share = numbers
    tau = climb(table, controls.alpha, share)
    V = jnp.where(tau > 0, transient / jnp.where(tau > 0, tau, 1.0), controls.V)
    return AutoState(V, init(key, controls._replace(V=V)))


def _act(act: Callable, key: Array, state: AutoState, x: Array, cost: Array, controls: Controls) -> Decision:
    result: Decision = act(key, state.inner, x, cost, controls._replace(V=state.V))
    return result


def _update(
    update: Callable, state: AutoState, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> AutoState:
    return state._replace(inner=update(state.inner, x, decision, feedback, controls._replace(V=state.V)))


def _queue(read: Callable, state: AutoState) -> PyTree:
    return read(state.inner)
