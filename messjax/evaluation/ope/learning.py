"""Policies that learn while they serve, on a decision log: replay by rejection, with doubly robust values.

The requests of the log come in order. The policy, in the state that it has learned so far, would choose model m with
probability pi(m); the log has the model a, chosen with probability mu(a). The request is accepted with probability
scale pi(a) / mu(a): the models of accepted requests are then distributed as the policy's own choices, and from them it
learns, as it would have learned from its own. From a rejected request it learns nothing; queue, exploration and number
of requests stand still. Values are estimated from every request, accepted or not, by the doubly robust estimator for
the policy in its present state.

Everything runs in the engine: a request that is rejected is one that is refused (`NO_MODEL`), and a grid of controls
and seeds is one program.

Sources: Li, Chu, Langford and Wang 2011 (replay); Dudik, Erhan, Langford and Li 2012 (rejection with doubly robust
values).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.tree_util import Partial

from messjax.engine.grid_sweep import sweep
from messjax.evaluation.ope.outcome_model import cross_fitted
from messjax.evaluation.ope.support import NotIdentifiableError
from messjax.meters import folds
from messjax.traces.logs.logged_trace import LoggedTrace
from messjax.types import (
    NO_MODEL,
    Array,
    Controls,
    Decision,
    Feedback,
    Kind,
    Meter,
    Policy,
    PyTree,
    Request,
    Step,
    Stream,
    StreamDescription,
)

ADDED = 3  # features that the log adds: the model that answered, its propensity, what was paid
COIN = 0x10C  # tells the key of the acceptance from that of the policy


def logged(log: LoggedTrace, features: np.ndarray, *, seed: int = 0) -> tuple[Stream, float]:
    """A log as a stream, for `replayed` policies.

    Args:
        log: N requests with feedback and costs, M models, with propensities.
        features: Features [N, d].
        seed: Seed of the folds of the model of the outcomes.

    Returns:
        The stream, whose requests have the predictions of the outcomes as their means; and the largest scale that
        makes no acceptance exceed 1, the smallest propensity of the models that answered.

    Raises:
        NotIdentifiableError: A log without propensities.
        ValueError: Requests without feedback or costs.
    """
    mu = log.chosen_propensity
    if mu is None:
        raise NotIdentifiableError(f"{log.source} has no propensities: requests cannot be accepted with pi / mu")
    if np.isnan(log.score).any() or np.isnan(log.cost).any():
        missing = int((np.isnan(log.score) | np.isnan(log.cost)).sum())
        raise ValueError(
            f"{log.source}: found {missing} requests without feedback or cost, expected none: leave them out"
        )
    num_models, dearest = len(log.models), float(log.cost.max())
    q = cross_fitted(features, log.action, log.score, num_models, low=0.0, high=1.0, seed=seed)
    cost = log.known_cost
    if cost is None:
        cost = cross_fitted(
            np.zeros((len(mu), 0)), log.action, log.cost, num_models, low=0.0, high=dearest, seed=seed
        )  # fmt: skip
    score = np.where(np.arange(num_models) == log.action[:, None], log.score[:, None], 0.0)
    x = np.column_stack([features, log.action, mu, log.cost])
    tables = tuple(jnp.asarray(each, jnp.float32) for each in (x, cost, score, q))
    stream = Stream(
        init=Partial(_init),
        draw=Partial(_draw, tables),
        length=len(mu),
        kind=Kind("recorded"),
        description=StreamDescription(log.models, log.cost_unit),
    )
    return stream, float(mu.min())


def _init(key: Array) -> tuple[()]:
    return ()


def _draw(tables: tuple[Array, ...], key: Array, state: PyTree, t: Array) -> tuple[PyTree, Request]:
    x, cost, score, q = (table[t - 1] for table in tables)
    return state, Request(x, cost, score, q)


def replayed(policy: Policy, scale: float) -> Policy:
    """A policy on the requests of a log, of which it accepts some and learns from these.

    Args:
        policy: The policy, for features without those that the log adds.
        scale: Acceptance is scale pi(a) / mu(a), at most 1. `logged` returns the largest scale without bias.

    Returns:
        The policy, which refuses what it does not accept.
    """
    return policy._replace(
        act=Partial(_act, policy.act, jnp.float32(scale)),
        update=Partial(_update, policy.update),
        kind=Kind("replayed"),
        traits=dataclasses.replace(policy.traits, refuses=True),
    )


def _act(
    act: Any, scale: Array, key: Array, state: PyTree, x: Array, cost: Array, controls: Controls
) -> Decision:  # fmt: skip
    decision = act(key, state, x[:-ADDED], cost, controls)
    action, mu = x[-3].astype(jnp.int32), x[-2]
    accepted = jax.random.uniform(jax.random.fold_in(key, COIN)) < scale * decision.propensity[action] / mu
    learn = (jnp.arange(cost.shape[0]) == action) & accepted & jnp.any(decision.learn)
    return decision._replace(serve=jnp.where(accepted, action, NO_MODEL).astype(jnp.int32), learn=learn)


def _update(
    update: Any, state: PyTree, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> PyTree:  # fmt: skip
    accepted = decision.serve != NO_MODEL
    after = update(state, x[:-ADDED], decision, feedback, controls)
    return jax.tree.map(lambda old, new: jnp.where(accepted, new, old), state, after)


def values() -> Meter:
    """Doubly robust values over all requests, their squares, and what was accepted.

    Returns:
        The meter; its metrics are means over the requests of the log: `dr_satisfaction`, `dr_cost`, their `_square`,
        `accepted`, `accepted_satisfaction`, `accepted_cost`.
    """
    each = {
        "dr_satisfaction": _dr_satisfaction, "dr_cost": _dr_cost, "dr_satisfaction_square": _dr_satisfaction_square,
        "dr_cost_square": _dr_cost_square, "accepted": _accepted,
        "accepted_satisfaction": _accepted_satisfaction, "accepted_cost": _accepted_cost,
    }  # fmt: skip
    return folds.zip_meters(*(folds.mean(name, of) for name, of in each.items()))


def _dr(step: Step, outcome: Array, model: Array) -> Array:
    action, mu = step.request.features[-3].astype(jnp.int32), step.request.features[-2]
    pi = step.decision.propensity
    assert pi is not None
    return pi @ model + pi[action] / mu * (outcome - model[action])


def _dr_satisfaction(step: Step) -> Array:
    action = step.request.features[-3].astype(jnp.int32)
    return _dr(step, step.request.satisfaction[action], step.request.mean)


def _dr_cost(step: Step) -> Array:
    return _dr(step, step.request.features[-1], step.request.cost)


def _dr_satisfaction_square(step: Step) -> Array:
    return _dr_satisfaction(step) ** 2


def _dr_cost_square(step: Step) -> Array:
    return _dr_cost(step) ** 2


def _accepted(step: Step) -> Array:
    return (step.decision.serve != NO_MODEL).astype(jnp.float32)


def _accepted_satisfaction(step: Step) -> Array:
    return _accepted(step) * step.request.satisfaction[step.request.features[-3].astype(jnp.int32)]


def _accepted_cost(step: Step) -> Array:
    return _accepted(step) * step.request.features[-1]


def check_learns_from_log(policy: Policy, num_features: int, num_models: int) -> None:
    """Refuse a policy that a log of one answer per request does not identify.

    Args:
        policy: The policy.
        num_features: Number of features d.
        num_models: Number of models M.

    Raises:
        NotIdentifiableError: It learns from models that it does not serve (MESS+ asks all of them when it explores), or
            from some of the requests that it serves only; or its propensities are not known.
    """
    x, cost, kinds = jnp.zeros(num_features), jnp.arange(1.0, num_models + 1.0), set()
    for c in (0.0, 1.0):
        controls = Controls(V=1.0, alpha=0.5, c=c, a=0.25, f=1.0)
        for k in range(4):
            key = jax.random.key(k)
            decision = policy.act(key, policy.init(key, controls), x, cost, controls)
            learn, served = np.asarray(decision.learn), np.asarray(decision.served_mask)
            if decision.propensity is None or np.isnan(np.asarray(decision.propensity)).any():
                raise NotIdentifiableError(f"{policy.kind.name}: its propensities are not known in closed form")
            if (learn & ~served).any():
                raise NotIdentifiableError(
                    f"{policy.kind.name} learns from models that it does not serve, whose answers the log does not "
                    "have: it is not identifiable. policies.one_sided(predictor, learning='served') is"
                )
            kinds.add(bool(learn.any()))
    if len(kinds) > 1:
        raise NotIdentifiableError(
            f"{policy.kind.name} learns from some of the requests that it serves, by a draw that no log has: "
            "expected one that learns from all of them, as policies.one_sided(predictor, learning='served')"
        )


def replay_log(
    key: Array, controls: Controls, *, policy: Policy, log: LoggedTrace, features: np.ndarray, seeds: int = 4
) -> xr.Dataset:
    """Replay a log by rejection with a policy that learns, over a grid of controls.

    Args:
        key: Key [] of the draws of acceptance and of the policy.
        controls: The grid.
        policy: The policy.
        log: The log, every request with feedback and cost.
        features: Features [N, d].
        seeds: Number of repetitions with other draws.

    Returns:
        Metrics by control and stream (a repetition): `satisfaction`, `cost` (doubly robust estimates of their means
        over the run), `satisfaction_error`, `cost_error` (standard errors, asymptotic), `logged`, `accepted` (the two
        clocks), `accepted_satisfaction`, `accepted_cost` (plain means over accepted requests).

    Raises:
        NotIdentifiableError: As `check_learns_from_log` and `logged` raise.
        ValueError: As `logged` raises.
    """
    check_learns_from_log(policy, features.shape[1], len(log.models))
    stream, scale = logged(log, features)
    size = len(log.action)
    runs = sweep(
        key, controls, policy=replayed(policy, scale), stream=stream, horizon=size, num_streams=seeds, meter=values()
    )
    result = xr.Dataset(attrs={"logged": size, "scale": scale, "cost_unit": log.cost_unit})
    for name in ("satisfaction", "cost"):
        mean = runs[f"dr_{name}"]
        spread = np.sqrt(np.maximum(runs[f"dr_{name}_square"] - mean**2, 0.0))
        result[name], result[f"{name}_error"] = mean, spread / np.sqrt(size)
        result[f"accepted_{name}"] = runs[f"accepted_{name}"] / runs["accepted"]
    result["accepted"] = np.round(runs["accepted"] * size)
    return result
