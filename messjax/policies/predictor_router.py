"""What routers with a predictor share: the exploration draw, the queue, learning on explored requests only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.numerics import virtual_queue
from messjax.policies import serving
from messjax.policies.rare_update import update_if
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy, Predictor, PyTree, Traits

Choose = Callable[
    [Array, Array, virtual_queue.Fixed, Controls], Array
]  # (s_hat [M], cost [M], Q, controls) -> model [] int


class RouterState(NamedTuple):
    """State of a router on one stream.

    Attributes:
        t: Number of the next request, [] int32, from 1 on.
        queue: The virtual queue Q_t, [].
        predictor: State of the predictor.
    """

    t: Array
    queue: virtual_queue.Fixed
    predictor: PyTree


class RouterSpec(NamedTuple):
    """What a router is made of.

    Attributes:
        predictor: Supplies s_hat [M].
        choose: (s_hat [M], cost [M], Q, controls) -> model [] int.
    """

    predictor: Predictor
    choose: Any


def router(predictor: Predictor, choose: Choose, kind: str = "other") -> Policy:
    """Explore with probability p_t = min(1, c t^-a): query all, serve model M, learn; otherwise serve `choose(...)`.

    Where models come and go, all are all that are available, and model M is the last of those.

    Neither the exploration draw nor the predictor depends on V or alpha: under one vmap per control the scan carries
    one predictor path per (stream, c, a, f), whatever the number of V and alpha. The draw is a float32 uniform: p_t is
    realised up to 2^-23.

    Args:
        predictor: Supplies s_hat [M].
        choose: (s_hat [M], cost [M], Q, controls) -> model [] int, an available one.
        kind: Name of the policy, recorded in results.

    Returns:
        The policy. It reads the controls c and a, and those that `choose` reads.
    """
    expect("predictor", predictor, Predictor, "a Predictor, such as predictors.oracle(stream)")
    predictor = as_pytree(predictor)
    return Policy(
        init=Partial(_init, predictor),
        act=Partial(act, RouterSpec(predictor, Partial(choose))),
        update=Partial(_update, predictor),
        queue=Partial(_queue),
        kind=Kind(kind),
        traits=Traits(follows_availability=True),
    )


def probability(t: Array, controls: Controls) -> Array:
    """p_t = min(1, c t^-a), the probability with which request t is explored.

    Args:
        t: Request numbers >= 1, of any shape.
        controls: Read for c and a.

    Returns:
        Probabilities in the shape of t.
    """
    return jnp.minimum(1.0, controls.c * t.astype(jnp.float32) ** -controls.a)


def serve_queue(number: virtual_queue.Fixed, feedback: Feedback, controls: Controls) -> virtual_queue.Fixed:
    """The queue after a request: moved by the served model's outcome, or unchanged where that did not come back.

    Args:
        number: The queue Q_t, [].
        feedback: What came back.
        controls: Read for alpha.

    Returns:
        The queue Q_{t+1}, [].

    Source: T9 in docs/theory.md for outcomes that do not come back.
    """
    moved = virtual_queue.step(number, controls.alpha, feedback.served_satisfaction)
    return jax.tree.map(lambda new, old: jnp.where(feedback.feedback_received, new, old), moved, number)


def _init(predictor: Predictor, key: Array, controls: Controls) -> RouterState:
    del controls
    return RouterState(jnp.ones((), jnp.int32), virtual_queue.zero(), predictor.init(key))


def act(spec: RouterSpec, key: Array, state: RouterState, features: Array, cost: Array, controls: Controls) -> Decision:
    """Draw whether to explore, predict, and choose a model.

    Args:
        spec: The predictor, and the rule that chooses.
        key: Random key of this request.
        state: State of the router.
        features: Features [d] of the request.
        cost: Costs [M] of the request.
        controls: Read for c and a, and by `choose`.

    Returns:
        The decision.
    """
    num_models = cost.shape[0]
    p = probability(state.t, controls)
    explore = jax.random.uniform(key, dtype=jnp.float32) < p
    s_hat = spec.predictor.predict(state.predictor, features)
    last, best = serving.last_model(num_models, controls), spec.choose(s_hat, cost, state.queue, controls)
    serve = jnp.where(explore, last, best).astype(jnp.int32)
    propensity = serving.explored(p, serving.certain(last, num_models), serving.certain(best, num_models))
    return Decision(serve, serving.queried(explore, num_models, controls), explore, p, s_hat, propensity)


def _update(
    predictor: Predictor,
    state: RouterState,
    features: Array,
    decision: Decision,
    feedback: Feedback,
    controls: Controls,
) -> RouterState:
    del decision
    learn = jnp.any(feedback.outcome.observed)
    return RouterState(
        t=state.t + 1,
        queue=serve_queue(state.queue, feedback, controls),
        predictor=update_if(learn, predictor.update, state.predictor, features, feedback.outcome),
    )


def _queue(state: RouterState) -> virtual_queue.Fixed:
    return state.queue
