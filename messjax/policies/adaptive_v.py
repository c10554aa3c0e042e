"""V chosen by how long the queue may take to settle."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.policies.dual_price import Prices, climb, prices
from messjax.types import Array, Controls, Decision, Distribution, Feedback, Kind, Policy, PyTree


class AutoState(NamedTuple):
    """State of `auto_v` on one stream.

    Attributes:
        V: The V chosen for this alpha, [] float, in 1 / cost unit.
        inner: State of the wrapped policy.
    """

    V: Array
    inner: PyTree


def auto_v(policy: Policy, distribution: Distribution, transient: float, share: float = 0.9) -> Policy:
    """`policy` (for example MESS+) with the V at which its queue reaches share V gamma* in about `transient` requests.

    Derivation. By T6 the queue settles around V gamma*, and until it is there satisfaction stays below alpha: by L1 the
    missing satisfaction equals the growth of the queue (T1's leading term is V gamma*/T). At Q = V g, MESS+ with exact
    predictions serves argmin_m E_m - g mu_m and satisfies s(g), and the queue drifts by alpha - s(g), which begins with
    alpha - s(0), s(0) being the rate of the cheapest models. Rescaled by V this is dg/dt = (alpha - s(g))/V, hence

        requests to reach share V gamma*  =  V tau,   tau = integral_0^{share gamma*} dg / (alpha - s(g)),

    and V = transient / tau. If the drift were that of the cheapest models all the way, V would be transient (alpha -
    s(0)) / (share gamma*). The drift falls as more expensive models are chosen, so tau is longer and that V too large.
    s is a staircase known from `distribution`, and tau a sum. share is below 1 because a smooth dual (continuous
    features) is approached exponentially and never reached. Exploration raises satisfaction and slows the growth, and
    feedback on a fraction f of the requests makes it 1/f as long.

    V is a function of alpha. The control V is read only where the cheapest models attain alpha: then gamma* = 0 and the
    queue need not grow. The audit of L4 and the bound T2, which use the control V, do not apply; give the plain policy
    `chosen_V` as its control instead.

    Args:
        policy: Any policy that reads the control V.
        distribution: The finite distribution of requests, or an estimate of it (see `dual_price.prices`).
        transient: Number of requests until the queue reaches its level, positive.
        share: Fraction of V gamma* that counts as reached, in (0, 1].

    Returns:
        The policy with V chosen from alpha.

    Raises:
        ValueError: A transient that is not positive and finite, a share outside (0, 1], or an invalid distribution.

    Source: T6 and L1 in docs/theory.md.
    """
    table = _table(distribution, transient, share)
    expect("policy", policy, Policy, "a Policy, such as policies.mess_plus(predictor)")
    inner, numbers = as_pytree(policy), jnp.asarray([transient, share], jnp.float32)
    return Policy(
        init=Partial(_init, inner.init, table, numbers),
        act=Partial(_act, inner.act),
        update=Partial(_update, inner.update),
        queue=Partial(_queue, inner.queue),
        kind=Kind("auto_v"),
        traits=inner.traits,
    )


def chosen_V(distribution: Distribution, alpha: float, transient: float, share: float = 0.9) -> float:
    """The V that `auto_v` chooses at alpha.

    Args:
        distribution: The finite distribution of requests.
        alpha: Required satisfaction, in [0, 1].
        transient: Number of requests until the queue reaches its level, positive.
        share: Fraction of V gamma* that counts as reached, in (0, 1].

    Returns:
        V in 1 / cost unit; inf where the cheapest models attain alpha.

    Raises:
        ValueError: As `auto_v` raises.
    """
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
