"""StageRoute, uncapped: optimistic satisfaction, pessimistic cost, and a mix of two models that keeps a budget."""

from __future__ import annotations

import math
import operator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics import virtual_queue
from messjax.policies.predictor_router import serve_queue
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy, Traits


class StageState(NamedTuple):
    """State of `stage_route` on one stream.

    Attributes:
        queue: The virtual queue, not used for decisions.
        t: Number of requests so far, [] int32.
        answers: Outcomes observed of each model [M].
        satisfied: Their sum [M].
        bills: Payments seen of each model [M].
        paid: Their sum, in units of the largest cost [M].
        deployed: Models of the current stage [M] bool.
    """

    queue: virtual_queue.Fixed
    t: Array
    answers: Array
    satisfied: Array
    bills: Array
    paid: Array
    deployed: Array


class StageSpec(NamedTuple):
    """Numbers of `stage_route`.

    Attributes:
        width: g, the scale of the confidence widths, [].
        largest: The largest cost, in cost units, [].
        stage: Requests of a stage, [] int32.
    """

    width: Array
    largest: Array
    stage: Array


def stage_route(num_models: int, *, horizon: int, largest_cost: float, width: float = 1.0) -> Policy:
    """Every request by chance: p maximises sum p u subject to sum p l <= budget, and mixes two models at most.

    u_m = clip(mean satisfaction + 2 f), l_m = clip(mean cost - 2 f), f(v, n) = sqrt(g v / n) + g / n, so that u is
    above and l below the truth. The least-cost model serves where even l exceeds the budget. The mix is a closed form
    over pairs, and its probabilities are the exact propensities. Stages of ceil(T^(2/3)) requests, about T^(1/3) of
    them: a model that arrives is deployed at the next one. No cap on the number of deployed models.

    Args:
        num_models: Number of models M >= 1.
        horizon: T, the number of requests that stages are made for.
        largest_cost: A bound of the cost per request, in cost units, that costs are divided by.
        width: g, finite and >= 0. The published order of the regret needs one that grows as log T.

    Returns:
        The policy. It reads the control `budget`, cost per request.

    Raises:
        ValueError: No models or requests, a largest cost that is not positive, or a width out of range.

    Source: StageRoute, arXiv 2506.17254.
    """
    if num_models < 1 or operator.index(horizon) < 1:
        raise ValueError(f"stage_route: found {num_models} models and {horizon} requests, expected at least one each")
    if not (0.0 < largest_cost < math.inf and 0.0 <= width < math.inf):
        raise ValueError(
            f"stage_route: found largest_cost {largest_cost} and width {width}, expected > 0 and >= 0, finite"
        )
    stage = jnp.asarray(math.ceil(horizon ** (2.0 / 3.0)), jnp.int32)
    spec = StageSpec(jnp.float32(width), jnp.float32(largest_cost), stage)
    return Policy(
        Partial(_init, jnp.zeros(num_models, jnp.float32)), Partial(_act, spec), Partial(_update, spec),
        Partial(_queue), Kind("stage_route"), Traits(follows_availability=True, needs_budget=True),
    )  # fmt: skip


def best_mix(value: Array, cost: Array, budget: Array, allowed: Array) -> Array:
    """The probabilities that maximise sum p value subject to sum p cost <= budget: one model or two.

    Args:
        value: [M].
        cost: [M].
        budget: Largest expected cost, [].
        allowed: Models that may be used [M] bool, at least one.

    Returns:
        Probabilities [M]; those of the least-cost model where no mix keeps the budget.
    """
    num = value.shape[0]
    cheap, dear = cost[:, None], cost[None, :]
    gap = dear - cheap
    share = jnp.where(gap > 0, jnp.clip((budget - cheap) / jnp.where(gap > 0, gap, 1.0), 0.0, 1.0), 0.0)
    possible = (cheap <= budget) & allowed[:, None] & allowed[None, :]
    total = jnp.where(possible, (1.0 - share) * value[:, None] + share * value[None, :], -jnp.inf)
    pair = jnp.argmax(total)
    first, second = pair // num, pair % num
    mix = (1.0 - share[first, second]) * jax.nn.one_hot(first, num) + share[first, second] * jax.nn.one_hot(second, num)
    least = jax.nn.one_hot(jnp.argmin(jnp.where(allowed, cost, jnp.inf)), num)
    return jnp.where(jnp.any(possible), mix, least)


def _width(g: Array, mean: Array, count: Array) -> Array:
    return jnp.sqrt(g * mean / count) + g / count


def _bounds(spec: StageSpec, state: StageState) -> tuple[Array, Array]:
    """Optimistic satisfactions and pessimistic costs, [M] each, in [0, 1]."""
    n, k = jnp.maximum(state.answers, 1.0), jnp.maximum(state.bills, 1.0)
    s, c = state.satisfied / n, state.paid / k
    high = jnp.where(state.answers > 0, jnp.clip(s + 2.0 * _width(spec.width, s, n), 0.0, 1.0), 1.0)
    low = jnp.where(state.bills > 0, jnp.clip(c - 2.0 * _width(spec.width, c, k), 0.0, 1.0), 0.0)
    return high, low


def _deployed(spec: StageSpec, state: StageState, controls: Controls) -> Array:
    """The models of this request's stage, chosen at its beginning, that are still there."""
    if controls.available is None:
        return jnp.ones_like(state.deployed)
    now = jnp.where(state.t % spec.stage == 0, controls.available, state.deployed & controls.available)
    return jnp.where(jnp.any(now), now, controls.available)


def _init(none: Array, key: Array, controls: Controls) -> StageState:
    del key, controls
    return StageState(virtual_queue.zero(), jnp.zeros((), jnp.int32), none, none, none, none, none < 1)


def _act(spec: StageSpec, key: Array, state: StageState, x: Array, cost: Array, controls: Controls) -> Decision:
    del x
    high, low = _bounds(spec, state)
    p = best_mix(high, low, controls.budget / spec.largest, _deployed(spec, state, controls))
    edges = jnp.cumsum(p)
    drawn = jax.random.uniform(key, dtype=jnp.float32) * edges[-1]
    serve = jnp.argmax((drawn < edges) & (p > 0)).astype(jnp.int32)
    return Decision(serve, jnp.arange(cost.shape[0]) == serve, jnp.zeros((), bool), jnp.zeros((), jnp.float32), high, p)


def _update(
    spec: StageSpec, state: StageState, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> StageState:
    del x
    seen = feedback.outcome.observed.astype(jnp.float32)
    billed = (feedback.cost > 0).astype(jnp.float32)
    return StageState(
        serve_queue(state.queue, feedback, controls), state.t + 1,
        state.answers + seen, state.satisfied + seen * feedback.outcome.satisfaction,
        state.bills + billed, state.paid + feedback.cost / spec.largest, _deployed(spec, state, controls),
    )  # fmt: skip


def _queue(state: StageState) -> virtual_queue.Fixed:
    return state.queue
