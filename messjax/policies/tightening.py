"""A stricter target alpha + kappa, so that alpha itself is met at a finite horizon: T10 in docs/theory.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax import theory
from messjax.components import as_pytree, expect
from messjax.theory import optimum
from messjax.theory.constants import centred_drift
from messjax.types import Array, Controls, Decision, Distribution, Feedback, Kind, Policy, PyTree


def tightened(policy: Policy, kappa: float) -> Policy:
    """`policy` run with alpha + kappa (at most 1) in place of alpha; `kappa_for` computes the kappa of T10 for MESS+.

    Any policy will do, and what it shares between controls stays shared. Its queue is the one for alpha + kappa, so
    that the audits of L3 and of the reflection, which use alpha, do not apply.

    Args:
        policy: The policy to run with the stricter target.
        kappa: What is added to alpha, finite and >= 0.

    Returns:
        The policy.

    Raises:
        ValueError: A kappa that is negative or not finite (`kappa_for` returns inf where no kappa is enough).

    Source: T10 in docs/theory.md.
    """
    if not 0.0 <= kappa < np.inf:
        raise ValueError(f"tightened: kappa is {kappa}, expected a finite number >= 0")
    expect("policy", policy, Policy, "a Policy, such as policies.mess_plus(predictor)")
    inner, more = as_pytree(policy), jnp.asarray(kappa, jnp.float32)
    return Policy(
        Partial(_init, inner.init, more), Partial(_act, inner.act, more), Partial(_update, inner.update, more),
        inner.queue, Kind("tightened"), inner.traits,
    )  # fmt: skip


def kappa_for(
    distribution: Distribution,
    V: float,
    alpha: float,
    horizon: int,
    *,
    S_T: float = 0.0,
    Q_1: float = 0.0,
) -> float:
    """The kappa of T10 (mean) for MESS+: the least with kappa T >= (bound of T1 or T1' at alpha + kappa) - Q_1.

    The smaller of the two bounds counts; neither depends on exploration, as beta_M stays above kappa. Then
    E[alpha - (1/T) sum s_t] <= 0 at T = `horizon` when MESS+ runs with alpha + kappa; that costs at most
    `theory.T10_cost` more.

    Args:
        distribution: The finite distribution of requests.
        V: Weight of cost, in 1 / cost unit.
        alpha: Required satisfaction, in [0, 1].
        horizon: Number of requests T.
        S_T: Bound of sum_t E[(1 - p_t) Q_t e_t] of that run; 0 for exact predictions.
        Q_1: Start of the queue.

    Returns:
        kappa; inf where no kappa < beta_M is enough (V too large for T, or alpha too close to what model M attains).

    Raises:
        ValueError: As `theory.distribution_constants` raises.

    Source: T10 in docs/theory.md.
    """
    at, stairs = theory.distribution_constants(distribution, alpha), optimum.staircase(distribution)

    def right(kappa: float) -> float:
        wanted = alpha + kappa
        step = np.searchsorted(stairs.level, wanted - optimum.ROUNDING)
        if step >= len(stairs.level):
            return np.inf
        B0, k0 = centred_drift(wanted)
        known = theory.BoundInputs(V=V, gamma=stairs.price[step], T=horizon, R_T=0.0, Q_1=Q_1)
        sharp = theory.T1_queue(known, B=max(wanted, 1.0 - wanted) ** 2 / 2.0, S_T=S_T)
        return float(min(sharp, theory.T1_prime_queue(known, B0=B0, k0=k0, D_above=2.0 * S_T))) - Q_1

    return theory.T10_kappa(right, T=horizon, beta=at.beta, beta_M=at.beta_M)


def _more(controls: Controls, kappa: Array) -> Controls:
    return controls._replace(alpha=jnp.minimum(controls.alpha + kappa, 1.0))


def _init(init: Callable, kappa: Array, key: Array, controls: Controls) -> PyTree:
    return init(key, _more(controls, kappa))


def _act(act: Callable, kappa: Array, key: Array, state: PyTree, x: Array, cost: Array, controls: Controls) -> Decision:
    result: Decision = act(key, state, x, cost, _more(controls, kappa))
    return result


def _update(
    update: Callable, kappa: Array, state: Any, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> Any:
    return update(state, x, decision, feedback, _more(controls, kappa))
