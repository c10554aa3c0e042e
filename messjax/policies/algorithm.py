"""MESS+: Algorithm 1 of [M25]."""

from __future__ import annotations

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import as_pytree, same_structure, spec_of
from messjax.numerics import virtual_queue
from messjax.policies.predictor_router import act, router
from messjax.policies.serving import among_available
from messjax.types import Array, Controls, Policy, Predictor


def mess_plus(predictor: Predictor) -> Policy:
    """MESS+, Algorithm 1 of [M25]: serve argmin_m V E_m,t + Q_t (alpha - s_hat_m), and explore at random.

    With probability p_t = min(1, c t^-a) a request is explored: all M models are queried and paid for, the last model
    answers, and the predictor learns from every outcome. All controls may be batched by `jax.vmap`. Ties go to the
    first model, the cheapest of an ordered zoo.

    Args:
        predictor: Supplies s_hat [M], for example `predictors.linear(...)` or `predictors.oracle(stream)`.

    Returns:
        The policy. It reads the controls V (1 / cost unit), alpha in [0, 1], c, and a (1/4 in [M25], 1/3 in [M24]).

    Source: Algorithm 1 of [M25]; L4 and T1 to T8 in docs/theory.md.

    Example:
        >>> from messjax import predictors
        >>> policy = mess_plus(predictors.linear(num_features=16, num_models=3))
    """
    return router(predictor, choose, "mess_plus")


def predictor_of(policy: Policy) -> Predictor | None:
    """The predictor of a MESS+ policy.

    Args:
        policy: Any policy.

    Returns:
        Its predictor; None for any other policy, also for MESS+ of which a function was replaced.
    """
    spec = spec_of(policy.act, act)
    if spec is None or not isinstance(spec.choose, Partial) or spec.choose.func is not choose:
        return None
    return spec.predictor if same_structure(policy, mess_plus(spec.predictor)) else None


def policy_kind(policy: Policy) -> str:
    """The name of what a policy is, as results record it.

    Args:
        policy: Any policy.

    Returns:
        Its kind; "other" for a policy of one's own, and for MESS+ of which a function was replaced.
    """
    replaced = policy.kind.name == "mess_plus" and predictor_of(as_pytree(policy)) is None
    return "other" if replaced else policy.kind.name


def choose(s_hat: Array, cost: Array, Q: virtual_queue.Fixed, controls: Controls) -> Array:
    """The model of least score: argmin_m V E_m + Q (alpha - s_hat_m), ties to the first model.

    What is common to all models is subtracted first. The argmin is the same, and differences between similar models
    survive float32 however large V and Q are.

    Args:
        s_hat: Predicted satisfactions [M].
        cost: Costs of the request [M], in cost units.
        Q: The virtual queue [].
        controls: Read for V, in 1 / cost unit, and for the models that are available.

    Returns:
        The model number [] int32.

    Source: L4 in docs/theory.md.
    """
    score = controls.V * (cost - cost[0]) - Q.to_float() * (s_hat - s_hat[0])
    return jnp.argmin(among_available(score, controls))
