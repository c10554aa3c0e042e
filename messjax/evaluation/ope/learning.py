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
from messjax.engine.simulation import component_keys
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
OUTCOMES = ("satisfaction", "cost")
RESAMPLE = 0xB007  # tells the key of the bootstrap samples from that of the repetitions
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
        init=Partial(_init, jnp.arange(len(mu), dtype=jnp.int32), jnp.zeros((), bool)),
        draw=Partial(_draw, tables, None if log.eligible is None else jnp.asarray(log.eligible)),
        length=len(mu),
        kind=Kind("recorded"),
        description=StreamDescription(log.models, log.cost_unit),
    )
    return stream, float(mu.min())


def _init(rows: Array, resampled: Array, key: Array) -> Array:
    """The row of every request [N]: those of the log, or as many drawn with replacement, in its order."""
    drawn = jnp.sort(jax.random.randint(key, rows.shape, 0, rows.shape[0]))
    return jnp.where(resampled, drawn, rows)


def _draw(
    tables: tuple[Array, ...], eligible: Array | None, key: Array, rows: Array, t: Array
) -> tuple[Array, Request]:
    row = rows[t - 1]
    x, cost, score, q = (table[row] for table in tables)
    return rows, Request(x, cost, score, q, None if eligible is None else eligible[row])


def resampling(stream: Stream) -> Stream:
    """A log as a stream of bootstrap samples: as many requests, drawn with replacement, in the order of the log.

    Args:
        stream: What `logged` returned.

    Returns:
        The stream, in which every key gives another sample; it runs in the same program.
    """
    return stream._replace(init=Partial(_init, stream.init.args[0], jnp.ones((), bool)))  # type: ignore[attr-defined]


def rows_of(key: Array, stream: Stream, streams: int) -> np.ndarray:
    """Which requests of the log the streams of a run consist of.

    Args:
        key: Key [] of the run.
        stream: What `logged` returned.
        streams: Number of streams.

    Returns:
        Rows of the log [streams, N].
    """

    def one(i: Array) -> Array:
        own: Array = stream.init(jax.random.fold_in(component_keys(jax.random.fold_in(key, i))[0], 0))
        return own

    return np.asarray(jax.vmap(one)(jnp.arange(streams)))


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


def _act(act: Any, scale: Array, key: Array, state: PyTree, x: Array, cost: Array, controls: Controls) -> Decision:
    decision = act(key, state, x[:-ADDED], cost, controls)
    action, mu = x[-3].astype(jnp.int32), x[-2]
    accepted = jax.random.uniform(jax.random.fold_in(key, COIN)) < scale * decision.propensity[action] / mu
    learn = (jnp.arange(cost.shape[0]) == action) & accepted & jnp.any(decision.learn)
    return decision._replace(serve=jnp.where(accepted, action, NO_MODEL).astype(jnp.int32), learn=learn)


def _update(update: Any, state: PyTree, x: Array, decision: Decision, feedback: Feedback, controls: Controls) -> PyTree:
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
    key: Array,
    controls: Controls,
    *,
    policy: Policy,
    log: LoggedTrace,
    features: np.ndarray,
    seeds: int = 4,
    resamples: int = 0,
    scale: float | None = None,
) -> xr.Dataset:
    """Replay a log by rejection with a policy that learns, over a grid of controls.

    Args:
        key: Key [] of the draws of acceptance and of the policy.
        controls: The grid.
        policy: The policy.
        log: The log, every request with feedback and cost.
        features: Features [N, d].
        seeds: Number of repetitions with other draws.
        resamples: Number of bootstrap samples of the log that are replayed besides, with other draws each: what
            the policy would have learned from other requests, which no repetition on this log shows.
        scale: Scale of the acceptance, where a least propensity of the log's router is known beforehand; by default the
            smallest one in the log.

    Returns:
        Metrics by control and stream (a repetition): `satisfaction`, `cost` (doubly robust estimates of their means
        over the run), `satisfaction_error`, `cost_error` (standard errors given what was learned, asymptotic),
        `logged`, `accepted` (the two clocks), `accepted_satisfaction`, `accepted_cost` (plain means over accepted
        requests). With resamples also `satisfaction_resampled`, `cost_resampled` (the estimates on the samples) by
        control and resample, and `rows` [resample, request], which requests a sample consists of.

    Raises:
        NotIdentifiableError: As `check_learns_from_log` and `logged` raise.
        ValueError: As `logged` raises.
    """
    check_learns_from_log(policy, features.shape[1], len(log.models))
    size = len(log.action)

    def run(key: Array, stream: Stream, scale: float, streams: int) -> xr.Dataset:
        return sweep(
            key, controls, policy=replayed(policy, scale), stream=stream, horizon=size, num_streams=streams,
            meter=values(),
        )  # fmt: skip

    stream, largest = logged(log, features)
    scale = largest if scale is None else min(scale, largest)
    runs = run(key, stream, scale, seeds)
    result = xr.Dataset(attrs={"logged": size, "scale": scale, "cost_unit": log.cost_unit})
    for name in OUTCOMES:
        mean = runs[f"dr_{name}"]
        spread = np.sqrt(np.maximum(runs[f"dr_{name}_square"] - mean**2, 0.0))
        result[name], result[f"{name}_error"] = mean, spread / np.sqrt(size)
        result[f"accepted_{name}"] = runs[f"accepted_{name}"] / runs["accepted"]
    result["accepted"] = np.round(runs["accepted"] * size)
    if resamples:
        again, stream = jax.random.fold_in(key, RESAMPLE), resampling(stream)
        runs = run(again, stream, scale, resamples).rename(stream="resample")
        for name in OUTCOMES:
            result[f"{name}_resampled"] = runs[f"dr_{name}"]
        result["rows"] = ("resample", "request"), rows_of(again, stream, resamples)
    return result
