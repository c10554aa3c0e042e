"""PORT: prices of the models' budgets from the first requests, then the best value less its price; it may refuse."""

from __future__ import annotations

import operator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.numerics import virtual_queue
from messjax.policies import serving
from messjax.policies.predictor_router import serve_queue
from messjax.policies.rare_update import update_if
from messjax.predictors.nearest_neighbours import knn
from messjax.types import NO_MODEL, Array, Controls, Decision, Feedback, Kind, Policy, Traits

ROUNDS = 400  # of the projected subgradient method


class PortSpec(NamedTuple):
    """Numbers of `port`.

    Attributes:
        predictor: Predicts satisfaction and cost as a share of the largest one, [2 M] in [0, 1].
        largest: The largest cost of the history, in cost units, [].
        value: alpha of the paper: cost units that a satisfied request is worth, [].
        share: Share of the total budget that each model has [M].
        horizon: N, the number of requests, [] float.
        sample: The number of requests that prices are learned from, in the shape of an array [n].
    """

    predictor: object
    largest: Array
    value: Array
    share: Array
    horizon: Array
    sample: Array


class PortState(NamedTuple):
    """State of `port` on one stream.

    Attributes:
        queue: The virtual queue, not used for decisions.
        t: Number of requests so far, [] int32.
        spent: What each model has cost [M].
        values: value times predicted satisfaction of the first requests [n, M].
        costs: Predicted costs of the first requests [n, M].
        price: Price of each model's budget [M], in [0, 1].
    """

    queue: virtual_queue.Fixed
    t: Array
    spent: Array
    values: Array
    costs: Array
    price: Array


def port(
    features: np.ndarray, satisfaction: np.ndarray, cost: np.ndarray, *, horizon: int, value: float = 1e-4,
    neighbours: int = 5, sample: float = 0.025, split: float = 1.0,
) -> Policy:  # fmt: skip
    """The first `sample` N requests at random (or refused); then argmax value s_hat - price_m c_hat_m within budgets.

    s_hat and c_hat are means over the nearest neighbours in a history of requests. Prices minimise
    sample sum_m price_m B_m + sum over the first requests of max(0, max_m value s_hat_m - price_m c_hat_m) over
    [0, 1]^M, by a projected subgradient method. Model m has the hard budget B_m = N budget share_m, with shares
    proportional to (mean satisfaction / mean cost)^split. A request that would exceed it is lost, and so is one whose
    best value is below 0.

    Args:
        features: Features of the history [n, d].
        satisfaction: Satisfactions of the history [n, M].
        cost: Costs of the history [n, M], in cost units.
        horizon: N, the number of requests.
        value: alpha of the paper, cost units that a satisfied request is worth: 1e-4 USD there.
        neighbours: Number of nearest neighbours.
        sample: Share of the requests that prices are learned from, in (0, 1).
        split: 0 divides the budget evenly, 1 by satisfaction per cost.

    Returns:
        The policy. It reads the control `budget`, cost per request.

    Raises:
        ValueError: Numbers out of range, or a history that `predictors.knn` refuses.

    Source: PORT, arXiv 2509.02718.
    """
    if operator.index(horizon) < 1 or not 0.0 < sample < 1.0 or not value > 0.0:
        raise ValueError(
            f"port: found horizon {horizon}, sample {sample} and value {value}, expected >= 1, in (0, 1) and > 0"
        )
    cost, satisfaction = np.asarray(cost, np.float64), np.asarray(satisfaction, np.float64)
    largest = float(cost.max())
    if not largest > 0.0 or cost.shape != satisfaction.shape:
        raise ValueError(
            f"port: found costs {cost.shape} up to {largest}, expected {satisfaction.shape} with some above 0"
        )
    predictor = knn(features, np.concatenate([satisfaction, cost / largest], axis=1), neighbours)
    ratio = (satisfaction.mean(axis=0) / np.maximum(cost.mean(axis=0), 1e-12 * largest)) ** split
    first = max(1, round(sample * horizon))
    spec = PortSpec(
        predictor, jnp.float32(largest), jnp.float32(value), jnp.asarray(ratio / ratio.sum(), jnp.float32),
        jnp.float32(horizon), jnp.zeros(first, jnp.float32),
    )  # fmt: skip
    return Policy(
        Partial(_init, spec), Partial(_act, spec), Partial(_update, spec), Partial(_queue), Kind("port"),
        Traits(follows_availability=True, refuses=True, needs_budget=True),
    )  # fmt: skip


def prices(values: Array, costs: Array, budget: Array, start: Array | None = None) -> Array:
    """The prices in [0, 1]^M that minimise sum price budget + sum_j max(0, max_m values_jm - price_m costs_jm).

    Args:
        values: [n, M].
        costs: [n, M].
        budget: [M], the budgets that these n requests may spend.
        start: Where to start [M]; None: at 0.

    Returns:
        Prices [M], the best of the iterates of a projected subgradient method.
    """

    def loss(price: Array) -> Array:
        net = jnp.maximum(jnp.max(values - price * costs, axis=1), 0.0)
        return jnp.sum(price * budget) + jnp.sum(net)

    def step(k: Array, carry: tuple) -> tuple:
        price, best, least = carry
        net = values - price * costs
        chosen = (net == jnp.max(net, axis=1, keepdims=True)) & (net > 0)
        slope = budget - jnp.sum(jnp.where(chosen, costs, 0.0), axis=0)
        size = 0.5 / jnp.sqrt(k + 1.0) / jnp.maximum(jnp.linalg.norm(slope), 1e-30)
        price = jnp.clip(price - size * slope, 0.0, 1.0)
        now = loss(price)
        return price, jnp.where(now < least, price, best), jnp.minimum(now, least)

    start = jnp.zeros(values.shape[1], jnp.float32) if start is None else start
    result: Array = jax.lax.fori_loop(0, ROUNDS, step, (start, start, loss(start)))[1]
    return result


def _predicted(spec: PortSpec, x: Array) -> tuple[Array, Array]:
    """Predicted satisfactions and costs [M]."""
    both = spec.predictor.predict((), x)  # type: ignore[attr-defined]
    num = spec.share.shape[0]
    return both[:num], both[num:] * spec.largest


def _init(spec: PortSpec, key: Array, controls: Controls) -> PortState:
    del key, controls
    none = jnp.zeros((spec.sample.shape[0], spec.share.shape[0]), jnp.float32)
    zeros = jnp.zeros_like(spec.share)
    return PortState(virtual_queue.zero(), jnp.zeros((), jnp.int32), zeros, none, none, zeros)


def _act(spec: PortSpec, key: Array, state: PortState, x: Array, cost: Array, controls: Controls) -> Decision:
    num = cost.shape[0]
    s_hat, c_hat = _predicted(spec, x)
    draw = jax.random.uniform(key, dtype=jnp.float32)
    count = num if controls.available is None else jnp.sum(controls.available)
    refused = draw * (count + 1) >= count
    random = jnp.where(refused, NO_MODEL, serving.uniform_model(draw * (count + 1) / count, num, controls))
    net = -serving.among_available(-(spec.value * s_hat - state.price * c_hat), controls)
    best = jnp.where(jnp.max(net) >= 0.0, jnp.argmax(net), NO_MODEL)
    early = state.t < spec.sample.shape[0]
    wanted = jnp.where(early, random, best)
    within = state.spent + cost <= controls.budget * spec.horizon * spec.share
    uniform = serving.uniform_propensity(num, controls) * count / (count + 1.0)
    propensity = jnp.where(within, jnp.where(early, uniform, serving.certain(best, num)), 0.0)
    serve = jnp.where((wanted >= 0) & within[jnp.maximum(wanted, 0)], wanted, NO_MODEL).astype(jnp.int32)
    return Decision(serve, jnp.zeros(num, bool), early, early.astype(jnp.float32), s_hat, propensity)


def _update(
    spec: PortSpec, state: PortState, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> PortState:
    first = spec.sample.shape[0]
    early = state.t < first
    seen = (state.values, state.costs)
    values, costs = update_if(early, Partial(_recorded, spec), seen, x, state.t)
    budget = controls.budget * spec.horizon * spec.share * (first / spec.horizon)
    price = update_if(state.t == first - 1, Partial(_learned), state.price, values, costs, budget)
    spent = state.spent + feedback.cost
    return PortState(serve_queue(state.queue, feedback, controls), state.t + 1, spent, values, costs, price)


def _recorded(spec: PortSpec, seen: tuple, x: Array, t: Array) -> tuple:
    """The predictions of one more of the first requests."""
    s_hat, c_hat = _predicted(spec, x)
    row = (jnp.arange(spec.sample.shape[0]) == t)[:, None]
    return jnp.where(row, spec.value * s_hat, seen[0]), jnp.where(row, c_hat, seen[1])


def _learned(price: Array, values: Array, costs: Array, budget: Array) -> Array:
    return prices(values, costs, budget, price)


def _queue(state: PortState) -> virtual_queue.Fixed:
    return state.queue
