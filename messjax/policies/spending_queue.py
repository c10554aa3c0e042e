"""MESS+ turned round: a queue of overspending keeps a budget per request, and satisfaction is maximised."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.numerics import virtual_queue
from messjax.policies import serving
from messjax.policies.predictor_router import probability, serve_queue
from messjax.policies.rare_update import update_if
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy, Predictor, PyTree, Traits


class SpendingState(NamedTuple):
    """State of `budget_queue` on one stream.

    Attributes:
        t: Number of the next request, [] int32, from 1 on.
        queue: The virtual queue of satisfaction, not used for decisions.
        overspent: Q, the queue of overspending in budgets, [].
        predictor: State of the predictor.
    """

    t: Array
    queue: virtual_queue.Fixed
    overspent: Array
    predictor: PyTree


def budget_queue(predictor: Predictor) -> Policy:
    """Serve argmax_m V s_hat_m - Q E_m / B, where Q <- [Q + (cost paid) / B - 1]+ counts what was spent above budget B.

    MESS+ with the parts of cost and satisfaction exchanged. The mean cost of T requests is at most B (1 + Q_{T+1} / T)
    on every path (the step of Q, summed). Q does not grow while the cheapest model serves if that one costs at most B,
    and it serves once Q (E_m - E_cheapest) / B exceeds V for every other m: with costs that do not change and c = 0,
    Q <= V B / (E_second - E_cheapest) + E_max / B. As in `one_sided` with learning "served", a share p_t =
    min(1, c t^-a) of the requests goes to a uniformly random model, one model is paid for, and every answer is learned
    from.

    Args:
        predictor: Supplies s_hat [M].

    Returns:
        The policy. It reads the controls `budget`, V (budgets that one unit of satisfaction is worth), c and a.
    """
    expect("predictor", predictor, Predictor, "a Predictor, such as predictors.oracle(stream)")
    predictor = as_pytree(predictor)
    return Policy(
        Partial(_init, predictor), Partial(_act, predictor), Partial(_update, predictor), Partial(_queue),
        Kind("budget_queue"), Traits(follows_availability=True, needs_budget=True),
    )  # fmt: skip


def _init(predictor: Predictor, key: Array, controls: Controls) -> SpendingState:
    del controls
    return SpendingState(jnp.ones((), jnp.int32), virtual_queue.zero(), jnp.zeros((), jnp.float32), predictor.init(key))


def _act(predictor: Predictor, key: Array, state: SpendingState, x: Array, cost: Array, controls: Controls) -> Decision:
    num_models = cost.shape[0]
    p = probability(state.t, controls)
    draw, which = jax.random.uniform(key, (2,), jnp.float32)
    explore = draw < p
    s_hat = predictor.predict(state.predictor, x)
    # What is common to all models is subtracted first, as in MESS+.
    score = state.overspent * (cost - cost[0]) / controls.budget - controls.V * (s_hat - s_hat[0])
    best = jnp.argmin(serving.among_available(score, controls))
    serve = jnp.where(explore, serving.uniform_model(which, num_models, controls), best).astype(jnp.int32)
    uniform = serving.uniform_propensity(num_models, controls)
    propensity = serving.explored(p, uniform, serving.certain(best, num_models))
    return Decision(serve, jnp.arange(num_models) == serve, explore, p, s_hat, propensity)


def _update(
    predictor: Predictor, state: SpendingState, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> SpendingState:
    counts = jnp.any(decision.served_mask)  # an empty record of late feedback moves nothing
    spent = jnp.maximum(state.overspent + jnp.sum(feedback.cost) / controls.budget - 1.0, 0.0)
    return SpendingState(
        state.t + 1,
        serve_queue(state.queue, feedback, controls),
        jnp.where(counts, spent, state.overspent),
        update_if(jnp.any(feedback.outcome.observed), predictor.update, state.predictor, x, feedback.outcome),
    )


def _queue(state: SpendingState) -> virtual_queue.Fixed:
    return state.queue
