"""Routers that use features and never learn: predict then argmin, at a fixed multiplier, and the offline optimum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.numerics import virtual_queue
from messjax.policies import serving
from messjax.policies.cheapest_first import choose as cheapest_enough
from messjax.policies.dual_price import Prices, price_at, prices
from messjax.policies.predictor_router import serve_queue
from messjax.theory import optimum
from messjax.types import Array, Controls, Decision, Distribution, Feedback, Kind, Policy, Predictor, Traits


def predict_then_argmin(predictor: Predictor) -> Policy:
    """The cheapest model with s_hat_m >= alpha, or the one of largest s_hat_m where there is none; it never explores.

    It is `greedy` without exploration, for predictors trained beforehand (`predictors.trained`, `knn`,
    `dual_contrastive`). It pays for the served model only, and meets alpha request by request as far as s_hat is right.

    Args:
        predictor: Supplies s_hat [M]; it is never updated.

    Returns:
        The policy. It reads the control alpha.
    """
    predictor = as_pytree(predictor)
    result = fixed(Partial(_predict_then_argmin, predictor), predictor.init, "predict_then_argmin")
    return result._replace(traits=Traits(follows_availability=True))


def lagrangian(predictor: Predictor, gamma: float | Distribution) -> Policy:
    """argmin_m E_m - gamma s_hat_m at a fixed multiplier gamma; it never explores.

    MESS+ with the queue fixed at V gamma, or the weighted sum of quality and cost of many routers (1/gamma is their
    lambda). With mu for s_hat and gamma* for gamma its adjusted regret (T5) is 0: it is the offline optimum except for
    the one type that the optimum randomises. Here the tie goes to one model, so that alpha may be missed or the cost
    exceeded.

    Args:
        predictor: Supplies s_hat [M]; it is never updated.
        gamma: A multiplier >= 0 in cost per unit of satisfaction, or a distribution whose gamma*(alpha) is used
            (`dual_price.prices`).

    Returns:
        The policy. It reads the control alpha where gamma is a distribution.

    Raises:
        ValueError: A multiplier that is negative or not finite, or an invalid distribution.
    """
    predictor = as_pytree(predictor)
    result = fixed(Partial(_lagrangian, predictor, prices(gamma, "lagrangian")), predictor.init, "lagrangian")
    return result._replace(traits=Traits(follows_availability=True))


def optimal(distribution: Distribution) -> Policy:
    """The offline optimum as a policy: the pi(m|x) of `optimum.solve` at each alpha, on a stream over request types.

    Features must be the one-hot types of `streams.types(distribution)`. It reaches cost C* and satisfaction alpha
    exactly in expectation, at every alpha. The clairvoyant optimum of a trace uses the labels and is no policy: it is a
    reference value, `optimum.solve(stream.distribution(), alpha)`.

    Args:
        distribution: An exact distribution over K types and M models.

    Returns:
        The policy. It reads the control alpha.

    Raises:
        ValueError: A sampled distribution or one of labels, or an invalid one.

    Source: "The offline optimum" in docs/theory.md.
    """
    if distribution.kind != "exact":
        raise ValueError(
            f"optimal: expected the exact distribution of a stream over types, found one of kind {distribution.kind!r}"
        )
    stairs = optimum.staircase(distribution)
    table = (
        jnp.asarray(stairs.level, jnp.float32),
        jnp.asarray(stairs.rank, jnp.int32),
        jnp.asarray(stairs.model, jnp.int32),
    )
    return fixed(Partial(_optimal, table), Partial(_nothing), "optimal")


def fixed(pick: Partial, init: Callable, kind: str = "other") -> Policy:
    """A policy that serves the model that a function picks, and never learns or explores.

    Args:
        pick: (key, state, features [d], cost [M], controls) -> (model [] int, s_hat [M]); a pick that draws at random
            returns its probabilities [M] as well.
        init: key -> state, what a random predictor draws at the start.
        kind: Name of the policy, recorded in results.

    Returns:
        The policy. Its queue moves by the served outcomes and is not used for decisions.
    """
    return Policy(Partial(_init, init), Partial(_act, pick), Partial(_update), Partial(_queue), Kind(kind))


def _nothing(key: Array) -> tuple[()]:
    del key
    return ()


def _predict_then_argmin(
    predictor: Predictor, key: Array, state: Any, features: Array, cost: Array, controls: Controls
) -> tuple[Array, Array]:
    del key
    s_hat = predictor.predict(state, features)
    return cheapest_enough(s_hat, cost, virtual_queue.zero(), controls), s_hat


def _lagrangian(
    predictor: Predictor, table: Prices, key: Array, state: Any, features: Array, cost: Array, controls: Controls
) -> tuple[Array, Array]:
    del key
    s_hat, gamma = predictor.predict(state, features), price_at(table, controls.alpha)
    score = (cost - cost[0]) - gamma * (s_hat - s_hat[0])
    return jnp.argmin(serving.among_available(score, controls)), s_hat


def _optimal(
    table: tuple, key: Array, state: Any, features: Array, cost: Array, controls: Controls
) -> tuple[Array, Array, Array]:
    level, rank, model = table
    if (features.shape[0], cost.shape[0]) != model.shape[::-1]:
        raise ValueError(f"optimal: built for {model.shape[1]} types and {model.shape[0]} models")
    kind, last = jnp.argmax(features), jnp.searchsorted(level, controls.alpha, side="left") - 1
    last = jnp.minimum(last, len(level) - 2)  # moves before it are made, it is made with some probability
    gain = level[last + 1] - level[last]
    share = jnp.where(gain > 0, (controls.alpha - level[last]) / jnp.where(gain > 0, gain, 1.0), 1.0)
    lucky = jax.random.uniform(key, dtype=jnp.float32) < share
    own = rank[:, kind]
    moves = jnp.sum((own < last) | ((own == last) & lucky))
    before, after = (serving.certain(model[jnp.sum(made), kind], cost.shape[0]) for made in (own < last, own <= last))
    propensity = share * after + (1.0 - share) * before
    return model[moves, kind], jnp.full_like(cost, jnp.nan), propensity


def _init(init: Callable, key: Array, controls: Controls) -> tuple[virtual_queue.Fixed, Any]:
    del controls
    return virtual_queue.zero(), init(key)


def _act(pick: Callable, key: Array, state: tuple, features: Array, cost: Array, controls: Controls) -> Decision:
    serve, s_hat, *chances = pick(key, state[1], features, cost, controls)
    propensity = chances[0] if chances else serving.certain(serve, cost.shape[0])
    none, never, zero = jnp.zeros(cost.shape, bool), jnp.zeros((), bool), jnp.zeros((), jnp.float32)
    return Decision(jnp.asarray(serve, jnp.int32), none, never, zero, s_hat, propensity)


def _update(state: tuple, features: Array, decision: Decision, feedback: Feedback, controls: Controls) -> tuple:
    del features, decision
    return serve_queue(state[0], feedback, controls), state[1]


def _queue(state: tuple) -> virtual_queue.Fixed:
    return state[0]
