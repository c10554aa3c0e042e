"""Several requirements at once: a router with one virtual queue, and one alpha, per class of requests."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.numerics import virtual_queue
from messjax.policies.predictor_router import RouterState
from messjax.streams.service_classes import last_feature
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy


def by_class(policy: Policy, alphas: np.ndarray, *, class_of: Callable[[Array], Array] = last_feature) -> Policy:
    """A router (`mess_plus`, `greedy`, ...) that meets the requirement alphas[k] for every class k = 0, ..., C - 1.

    A request of class k is served by the policy at alphas[k] and with the queue of class k, which its outcome moves.
    Exploration draw and predictor are common to all classes, and the predictor gets all features. Each class is served
    by MESS+ on the requests of that class, hence L1 to L5 hold per class, and T1 over its n_k requests where the class
    is independent of the rest ("T1 class 0, queue" in `theory.other_settings`). A request of any other class is served
    at Q = 0 and not counted.

    `queue` of the policy is the largest of the C queues: by L1 it certifies each class, n_k (alpha_k - mean s) <= Q_k
    <= the largest, and S_T computed from it errs upwards. The meter `per_class.sla_per_class` reads all of them.

    Args:
        policy: A policy whose state is a `RouterState`.
        alphas: Required satisfaction of each class [C], in [0, 1], rounded to six decimals. They may change without
            recompiling; the control alpha is not used.
        class_of: features [d] -> class [] int32; by default the last feature, where `streams.with_classes` puts it.

    Returns:
        The policy. It reads the controls V, c and a.

    Raises:
        ValueError: alphas that are not an array [C] in [0, 1], or a policy with another kind of state.
    """
    alphas = np.asarray(alphas, np.float64)
    if alphas.ndim != 1 or not alphas.size or not ((alphas >= 0) & (alphas <= 1)).all():
        raise ValueError(f"by_class: expected alphas [C] in [0, 1], found {alphas.tolist()}")
    expect("policy", policy, Policy, "a Policy, such as policies.mess_plus(predictor)")
    policy = as_pytree(policy)
    controls = Controls(budget=0.0).filled(jnp.zeros((), jnp.float32))
    if not isinstance(result := jax.eval_shape(policy.init, jax.random.key(0), controls), RouterState):
        raise ValueError(
            f"by_class: expected a router with a queue of its own, found one of state {type(result).__name__}"
        )
    sla_target = jnp.asarray(np.round(alphas, 6), jnp.float32)
    of = Partial(class_of) if not isinstance(class_of, Partial) else class_of
    return Policy(
        init=Partial(_init, policy.init, sla_target),
        act=Partial(_act, policy.act, sla_target, of),
        update=Partial(_update, policy.update, sla_target, of),
        queue=Partial(_queue),
        kind=Kind("by_class"),
        traits=policy.traits,
    )


def _init(inner: Partial, sla_target: Array, key: Array, controls: Controls) -> RouterState:
    state: RouterState = inner(key, controls)
    queues = jax.vmap(lambda alpha: inner(key, controls._replace(alpha=alpha)).queue)(
        sla_target
    )  # a warm start has its own
    return state._replace(queue=queues)


def _act(
    inner: Partial,
    sla_target: Array,
    class_of: Partial,
    key: Array,
    state: RouterState,
    features: Array,
    cost: Array,
    controls: Controls,
) -> Decision:
    k = class_of(features)
    return inner(
        key,
        state._replace(queue=virtual_queue.at(state.queue, k)),
        features,
        cost,
        controls._replace(alpha=sla_target[k]),
    )


def _update(
    inner: Partial,
    sla_target: Array,
    class_of: Partial,
    state: RouterState,
    features: Array,
    decision: Decision,
    feedback: Feedback,
    controls: Controls,
) -> RouterState:
    k = class_of(features)
    one = state._replace(queue=virtual_queue.at(state.queue, k))
    one = inner(one, features, decision, feedback, controls._replace(alpha=sla_target[k]))
    return one._replace(queue=virtual_queue.put(state.queue, k, one.queue))


def _queue(state: RouterState) -> virtual_queue.Fixed:
    return virtual_queue.largest(state.queue)
