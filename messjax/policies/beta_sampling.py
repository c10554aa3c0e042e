"""Two gateways' routers by Beta posteriors: vLLM semantic-router's `routing_sampling` and LiteLLM's adaptive router."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.numerics import virtual_queue
from messjax.policies import serving
from messjax.policies.predictor_router import serve_queue
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy, Traits

MOST_OBSERVATIONS = 200  # of LiteLLM's posteriors, which stop moving there
PRIOR_MASS, LARGEST_PRIOR = 10.0, 0.95


class BetaState(NamedTuple):
    """State of both routers on one stream.

    Attributes:
        queue: The virtual queue, not used for decisions.
        good: Sum of satisfactions [K, M].
        under: Sum of their complements [K, M].
    """

    queue: virtual_queue.Fixed
    good: Array
    under: Array


def routing_sampling(
    num_models: int, *, cost_weight: float = 0.06, margin: float = 0.03, base: int = 0, q0: float = 0.5
) -> Policy:
    """semantic-router's sampler: argmax of a draw from Beta(2 q0 + good + 1, 2 (1 - q0) + under + 1) less k c / c_max.

    The winner replaces the base model only where it beats it by the margin. A satisfaction s counts as s of a good
    verdict and 1 - s of an underpowered one. The gateway's small penalties (latency, errors) have no counterpart here.

    Args:
        num_models: Number of models M.
        cost_weight: k: .04, .06 or .10 in the gateway.
        margin: What the winner must beat the base by: 0, .03 or .08 in the gateway.
        base: Number of the base model.
        q0: Prior quality, in [0, 1].

    Returns:
        The policy. It reads no controls for its decisions.

    Raises:
        ValueError: A base model that there is none of, or numbers out of range.

    Source: vLLM semantic-router, `routing_sampling`.
    """
    if not (0 <= base < num_models and cost_weight >= 0.0 and margin >= 0.0 and 0.0 <= q0 <= 1.0):
        raise ValueError(
            f"routing_sampling: found base {base} of {num_models} models, cost_weight {cost_weight}, margin {margin}, "
            f"q0 {q0}; expected a model, numbers >= 0 and q0 in [0, 1]"
        )
    numbers = jnp.asarray([cost_weight, margin, q0], jnp.float32)
    none = jnp.zeros((1, num_models), jnp.float32)
    return Policy(
        Partial(_init, none), Partial(_act_sampling, numbers, jnp.asarray(base, jnp.int32)), Partial(_update_sampling),
        Partial(_queue), Kind("routing_sampling"), Traits(follows_availability=True),
    )  # fmt: skip


def adaptive_beta(
    centroids: np.ndarray, prior: np.ndarray, *, explore: float = 0.1, quality_weight: float = 0.7
) -> Policy:
    """LiteLLM's adaptive router: .7 q + .3 (1 - (c - min) / (max - min)), q of a Beta posterior per type and model.

    q is drawn from the posterior with probability `explore`, otherwise it is its mean. A request's type is its nearest
    centroid. The prior has mass 10 and a mean of at most .95. A posterior takes 200 outcomes and no more, so that the
    router cannot follow drift.

    Args:
        centroids: Centroids of the K request types [K, d].
        prior: Prior mean of each model's satisfaction [M], in [0, 1].
        explore: Probability of Thompson sampling, in [0, 1].
        quality_weight: Weight of q; the rest is that of cost.

    Returns:
        The policy. It reads no controls for its decisions.

    Raises:
        ValueError: Priors or probabilities outside [0, 1].

    Source: LiteLLM, adaptive router.
    """
    prior = np.asarray(prior, np.float64)
    if not (((prior >= 0) & (prior <= 1)).all() and 0.0 <= explore <= 1.0 and 0.0 <= quality_weight <= 1.0):
        raise ValueError(
            f"adaptive_beta: found prior {prior}, explore {explore}, quality_weight {quality_weight}; expected numbers "
            "in [0, 1]"
        )
    centres = jnp.asarray(np.atleast_2d(centroids), jnp.float32)
    mean = jnp.asarray(np.minimum(prior, LARGEST_PRIOR), jnp.float32)
    numbers = jnp.asarray([explore, quality_weight], jnp.float32)
    none = jnp.zeros((len(centres), len(prior)), jnp.float32)
    return Policy(
        Partial(_init, none), Partial(_act_adaptive, centres, mean, numbers), Partial(_update_adaptive, centres),
        Partial(_queue), Kind("adaptive_beta"), Traits(follows_availability=True),
    )  # fmt: skip


def _init(none: Array, key: Array, controls: Controls) -> BetaState:
    del key, controls
    return BetaState(virtual_queue.zero(), none, none)


def _decision(serve: Array, s_hat: Array) -> Decision:
    served = jnp.arange(s_hat.shape[0]) == serve
    never, zero = jnp.zeros((), bool), jnp.zeros((), jnp.float32)
    return Decision(serve.astype(jnp.int32), served, never, zero, s_hat, serving.unknown(s_hat.shape[0]))


def _act_sampling(
    numbers: Array, base: Array, key: Array, state: BetaState, x: Array, cost: Array, controls: Controls
) -> Decision:
    del x
    k, margin, q0 = numbers
    a, b = 2.0 * q0 + state.good[0] + 1.0, 2.0 * (1.0 - q0) + state.under[0] + 1.0
    score = jax.random.beta(key, a, b, dtype=jnp.float32) - k * cost / jnp.maximum(jnp.max(cost), 1e-30)
    score = -serving.among_available(-score, controls)
    best = jnp.argmax(score)
    return _decision(jnp.where(score[best] >= score[base] + margin, best, base), a / (a + b))


def _update_sampling(
    state: BetaState, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> BetaState:
    del x, decision
    seen = feedback.outcome.observed.astype(jnp.float32)[None]
    s = feedback.outcome.satisfaction[None]
    return BetaState(
        serve_queue(state.queue, feedback, controls), state.good + seen * s, state.under + seen * (1.0 - s)
    )


def _type(centres: Array, x: Array) -> Array:
    return jnp.argmin(jnp.sum((centres - x) ** 2, axis=1))


def _act_adaptive(
    centres: Array,
    prior: Array,
    numbers: Array,
    key: Array,
    state: BetaState,
    x: Array,
    cost: Array,
    controls: Controls,
) -> Decision:
    explore, weight = numbers
    coin, draw = jax.random.split(key)
    kind = _type(centres, x)
    a, b = PRIOR_MASS * prior + state.good[kind], PRIOR_MASS * (1.0 - prior) + state.under[kind]
    mean = a / (a + b)
    sampled = jax.random.beta(draw, jnp.maximum(a, 1e-3), jnp.maximum(b, 1e-3), dtype=jnp.float32)
    quality = jnp.where(jax.random.uniform(coin, dtype=jnp.float32) < explore, sampled, mean)
    there = serving.among_available(cost, controls)
    low = jnp.min(there)
    high = jnp.max(jnp.where(jnp.isfinite(there), there, -jnp.inf))
    dear = (cost - low) / jnp.maximum(high - low, 1e-30)
    score = weight * quality + (1.0 - weight) * (1.0 - dear)
    return _decision(jnp.argmin(serving.among_available(-score, controls)), mean)


def _update_adaptive(
    centres: Array, state: BetaState, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> BetaState:
    del decision
    here = jax.nn.one_hot(_type(centres, x), len(centres))[:, None] * feedback.outcome.observed.astype(jnp.float32)
    here = jnp.where(state.good + state.under < MOST_OBSERVATIONS, here, 0.0)
    s = feedback.outcome.satisfaction
    return BetaState(
        serve_queue(state.queue, feedback, controls), state.good + here * s, state.under + here * (1.0 - s)
    )


def _queue(state: BetaState) -> virtual_queue.Fixed:
    return state.queue
