"""MESS+ that starts learning anew when a model turns out worse than predicted, or when a new model comes."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.numerics import virtual_queue
from messjax.policies.algorithm import mess_plus
from messjax.policies.predictor_router import RouterState
from messjax.policies.rare_update import update_if
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy, Predictor, PyTree


class RestartState(NamedTuple):
    """State of `restarting` on one stream.

    Attributes:
        router: State of MESS+; its t counts from the last restart.
        wealth: Wealth of the bets against "the predictions are not too high", [] float.
        alarms: Number of alarms so far, [] int32.
        present: Models that were available before [M] bool.
        key: Random key that a new predictor starts with.
    """

    router: RouterState
    wealth: Array
    alarms: Array
    present: Array
    key: Array


class Bets(NamedTuple):
    """The numbers of the alarm.

    Attributes:
        level: The alarm rings at a wealth of 1 / level.
        stake: Share of the wealth that is bet on every request.
        margin: How much too high predictions may be.
    """

    level: Array
    stake: Array
    margin: Array


def restarting(
    predictor: Predictor, num_models: int, *, level: float = 1e-3, stake: float = 0.25, margin: float = 0.05
) -> Policy:
    """MESS+ with an alarm: where a served model satisfies less than predicted, it forgets all and explores anew.

    After every request with feedback wealth <- max(wealth, 1) (1 + stake (s_hat_served - s - margin)). At 1 / level the
    alarm rings: the predictor starts anew and the exploration clock t at 1, while the queue stays. If no prediction
    is more than `margin` too high on average, the expected number of requests until a false alarm is at least 1 / level
    (the wealth is at most a Shiryaev-Roberts e-detector). A model that becomes available for the first time starts the
    clock anew as well, without forgetting. L1 holds whatever is restarted, since the queue never is: satisfaction is at
    least alpha minus Q_T / T.

    A model that becomes better rings no alarm; exploration finds it (`predictors.forgetting_ridge`, or the control
    a = 0). A price that changes needs no alarm, since the costs of every request are known.

    Args:
        predictor: Supplies s_hat [M]. It is learned anew after an alarm, from `predictor.init`.
        num_models: Number of models M.
        level: In (0, 1].
        stake: In (0, 1 / (1 + margin)].
        margin: >= 0.

    Returns:
        The policy. It reads the controls V, alpha, c and a.

    Raises:
        ValueError: Numbers out of range.

    Source: L1 in docs/theory.md; Shin, Ramdas and Rinaldo 2022, arXiv 2203.03532.
    """
    if not (0.0 < level <= 1.0 and margin >= 0.0 and 0.0 < stake <= 1.0 / (1.0 + margin) and num_models >= 1):
        raise ValueError(
            f"restarting: found level {level}, stake {stake}, margin {margin}, {num_models} models, expected a level "
            "in (0, 1], a margin >= 0, a stake in (0, 1 / (1 + margin)] and at least one model"
        )
    inner, bets = mess_plus(predictor), Bets(*(jnp.float32(number) for number in (level, stake, margin)))
    return Policy(
        init=Partial(_init, inner.init, jnp.zeros(num_models, bool)),
        act=Partial(_act, inner.act),
        update=Partial(_update, inner.update, as_pytree(predictor).init, bets),
        queue=Partial(_queue),
        kind=Kind("restarting"),
        traits=inner.traits,
    )


def _init(inner: Partial, none: Array, key: Array, controls: Controls) -> RestartState:
    own, later = jax.random.fold_in(key, 0), jax.random.fold_in(key, 1)
    return RestartState(inner(own, controls), jnp.float32(1.0), jnp.zeros((), jnp.int32), none, later)


def _arrive(state: RestartState, controls: Controls) -> RestartState:
    """A model that is there for the first time starts the exploration clock anew."""
    if controls.available is None:
        return state
    began = jnp.any(state.present)
    new = jnp.any(controls.available & ~state.present) & began
    router = state.router._replace(t=jnp.where(new, 1, state.router.t))
    return state._replace(router=router, present=state.present | controls.available)


def _act(inner: Partial, key: Array, state: RestartState, x: Array, cost: Array, controls: Controls) -> Decision:
    return inner(key, _arrive(state, controls).router, x, cost, controls)


def _update(
    inner: Partial,
    start: Partial,
    bets: Bets,
    state: RestartState,
    x: Array,
    decision: Decision,
    feedback: Feedback,
    controls: Controls,
) -> RestartState:
    state = _arrive(state, controls)
    router: RouterState = inner(state.router, x, decision, feedback, controls)
    predicted = jnp.sum(jnp.where(decision.served_mask, decision.s_hat, 0.0))
    excess = predicted - feedback.served_satisfaction - bets.margin
    wealth = jnp.maximum(state.wealth, 1.0) * (1.0 + bets.stake * excess)
    wealth = jnp.where(feedback.feedback_received & jnp.any(decision.served_mask), wealth, state.wealth)
    alarm = wealth * bets.level >= 1.0
    key = jax.random.fold_in(state.key, state.alarms)
    router = router._replace(
        predictor=update_if(alarm, Partial(_anew, start), router.predictor, key),
        t=jnp.where(alarm, 1, router.t),
    )
    return state._replace(router=router, wealth=jnp.where(alarm, 1.0, wealth), alarms=state.alarms + alarm)


def _anew(start: Partial, old: PyTree, key: Array) -> PyTree:
    del old
    return start(key)


def _queue(state: RestartState) -> virtual_queue.Fixed:
    return state.router.queue
