"""JAX as one writes it in an afternoon: a step for one stream, scan over requests, vmap over streams, jit.

Random numbers are jax.random's, the queue and the sums are float32, every point of a grid is a run of its own. Under
vmap, lax.cond computes the update for every request and keeps it where the request is explored.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sims.reference.metrics import Readings, metrics_of
from sims.reference.workloads import W1, W2, W3

Array = jax.Array
Tree = Any


def start(models: int) -> dict[str, Array]:
    """The queue and the meters of one run."""
    sums = {name: jnp.zeros(()) for name in ("queue", "queue_sum", "queue_max", "paid", "paid_exploiting")}
    counts = {name: jnp.zeros((), jnp.int32) for name in ("explored", "satisfied")}
    return sums | counts | {"exploited": jnp.zeros(models, jnp.int32)}


def serve(run: dict[str, Array], explore: Array, s_hat: Array, s: Array, cost: Array, V: Array, alpha: Array) -> dict:
    """One request."""
    choice = jnp.argmin(V * (cost - cost[0]) - run["queue"] * (s_hat - s_hat[0]))
    chosen = (jnp.arange(len(cost)) == choice) & ~explore
    served = s[jnp.where(explore, len(cost) - 1, choice)]
    exploiting = jnp.where(explore, 0, cost[choice])
    queue = jnp.maximum(0, run["queue"] + alpha - served)
    return {
        "queue": queue,
        "queue_sum": run["queue_sum"] + run["queue"],
        "queue_max": jnp.maximum(run["queue_max"], queue),
        "paid": run["paid"] + jnp.where(explore, jnp.sum(cost), exploiting),
        "paid_exploiting": run["paid_exploiting"] + exploiting,
        "explored": run["explored"] + explore,
        "satisfied": run["satisfied"] + served.astype(jnp.int32),
        "exploited": run["exploited"] + chosen,
    }


def predict(params: Tree, x: Array) -> Array:
    """s_hat [M]."""
    return jax.nn.sigmoid(params["W"] @ x + params["b"])


def learn(params: Tree, momentum: Tree, x: Array, s: Array) -> tuple[Tree, Tree]:
    """One step of SGD on the binary cross-entropy."""

    def loss(params: Tree) -> Array:
        z = params["W"] @ x + params["b"]
        return jnp.mean(jax.nn.softplus(z) - s * z)

    gradient = jax.grad(loss)(params)
    clip = 1 / jnp.maximum(1, jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient))))
    momentum = jax.tree.map(lambda g, w, v: clip * g + 0.01 * w + 0.9 * v, gradient, params, momentum)
    return jax.tree.map(lambda w, v: w - 0.06 * v, params, momentum), momentum


class Learned(NamedTuple):
    """What a stream with a learned predictor carries."""

    run: dict[str, Array]
    params: Tree
    momentum: Tree

    @staticmethod
    def start(models: int, features: int) -> Learned:
        """Before the first request."""
        zero = {"W": jnp.zeros((models, features)), "b": jnp.zeros(models)}
        return Learned(start(models), zero, zero)

    def step(self, explore: Array, x: Array, s: Array, cost: Array, V: Array, alpha: Array) -> Learned:
        """One request: serve, then learn if explored."""

        def update(params: Tree, momentum: Tree) -> tuple[Tree, Tree]:
            return learn(params, momentum, x, s)

        run = serve(self.run, explore, predict(self.params, x), s, cost, V, alpha)
        head = jax.lax.cond(explore, update, lambda *head: head, self.params, self.momentum)
        return Learned(run, *head)


@functools.partial(jax.jit, static_argnames="horizon")
def run_w1(keys: Array, mean: Array, cost: Array, V: Array, alpha: Array, c: Array, a: Array, horizon: int) -> dict:
    """W1, for keys [N]."""

    def one(key: Array) -> dict:
        def step(run: dict, t: Array) -> tuple[dict, None]:
            key_kind, key_label, key_coin = jax.random.split(jax.random.fold_in(key, t), 3)
            mu = mean[jax.random.randint(key_kind, (), 0, len(mean))]
            s = jax.random.uniform(key_label) < mu
            explore = jax.random.uniform(key_coin) < c * t**-a
            return serve(run, explore, mu, s, cost, V, alpha), None

        return jax.lax.scan(step, start(len(cost)), jnp.arange(1, horizon + 1))[0]

    return jax.vmap(one)(keys)


@functools.partial(jax.jit, static_argnames="horizon")
def run_w2(
    keys: Array, V: Array, alpha: Array, weights: Array, bias: Array, cost: Array, c: Array, a: Array, horizon: int
) -> dict:
    """W2, for keys, V, alpha [N G]."""
    models, d = weights.shape

    def one(key: Array, V: Array, alpha: Array) -> dict:
        def step(state: Learned, t: Array) -> tuple[Learned, None]:
            key_x, key_label, key_coin = jax.random.split(jax.random.fold_in(key, t), 3)
            x = jax.random.normal(key_x, (d,))
            s = jax.random.uniform(key_label, (models,)) < jax.nn.sigmoid(weights @ x + bias)
            explore = jax.random.uniform(key_coin) < c * t**-a
            return state.step(explore, x, s.astype(jnp.float32), cost, V, alpha), None

        return jax.lax.scan(step, Learned.start(models, d), jnp.arange(1, horizon + 1))[0].run

    return jax.vmap(one)(keys, V, alpha)


@functools.partial(jax.jit, static_argnames="horizon")
def run_w3(keys: Array, order: Array, c: Array, V: Array, alpha: Array, trace: tuple, a: Array, horizon: int) -> dict:
    """W3, for keys, order, c, V, alpha [configurations, ...]."""
    features, satisfaction, cost = trace
    models, d = cost.shape[1], features.shape[1]

    def one(key: Array, order: Array, c: Array, V: Array, alpha: Array) -> dict:
        def step(state: Learned, t: Array) -> tuple[Learned, None]:
            row = order[t - 1]
            explore = jax.random.uniform(jax.random.fold_in(key, t)) < c * t**-a
            return state.step(explore, features[row], satisfaction[row], cost[row], V, alpha), None

        return jax.lax.scan(step, Learned.start(models, d), jnp.arange(1, horizon + 1))[0].run

    return jax.vmap(one)(keys, order, c, V, alpha)


def w1(work: W1, seed: int = 0) -> Readings:
    """W1."""
    keys = jax.random.split(jax.random.key(seed), len(work.world))
    run = run_w1(keys, work.mean, work.cost, work.V, work.alpha, work.c, work.a, horizon=work.horizon)
    return collect(run, (len(keys),), work.horizon)


def w2(work: W2, seed: int = 0) -> Readings:
    """W2: the points of a stream's grid share its key, and so its requests and coins."""
    shape = (len(work.world), len(work.V))
    keys = jnp.repeat(jax.random.split(jax.random.key(seed), shape[0]), shape[1])
    V, alpha = (np.tile(values.astype(np.float32), shape[0]) for values in (work.V, work.alpha))
    run = run_w2(keys, V, alpha, work.weights, work.bias, work.cost, work.c, work.a, horizon=work.horizon)
    return collect(run, shape, work.horizon)


def w3(work: W3, seed: int = 0) -> Readings:
    """W3: all configurations side by side, those of a seed with the same order and coins."""
    shape = (len(work.order), len(work.c), len(work.V))
    seeds, cs, grid = (index.ravel() for index in np.indices(shape))
    keys = jax.random.split(jax.random.key(seed), shape[0])[seeds]
    c, V, alpha = (values.astype(np.float32) for values in (work.c[cs], work.V[grid], work.alpha[grid]))
    trace = (work.features, work.satisfaction, work.cost)
    run = run_w3(keys, work.order[seeds], c, V, alpha, trace, work.a, horizon=work.horizon)
    return collect(run, shape, work.horizon)


def collect(run: dict, shape: tuple[int, ...], horizon: int) -> Readings:
    """The readings, on the host."""
    run = {name: np.asarray(value).reshape(*shape, *value.shape[1:]) for name, value in run.items()}

    def stack(*names: str) -> np.ndarray:
        return np.stack([run[name].astype(np.float64) for name in names], axis=-1)

    counts = np.concatenate([run["exploited"], run["explored"][..., None], run["satisfied"][..., None]], axis=-1)
    queue, paid = stack("queue_sum", "queue", "queue_max"), stack("paid", "paid_exploiting")
    return metrics_of(counts, queue, paid, horizon)
