"""Routers that write decision logs, on requests of a synthetic zoo whose truth is known.

Uniform choice, epsilon-greedy and softmax over a router that was fitted beforehand, Thompson sampling with Beta
posteriors, and MESS+ itself. All of them know the probabilities of their choices exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from scipy import stats

from messjax import feedback, policies, streams
from messjax.engine import decision_log
from messjax.engine.simulation import assemble
from messjax.evaluation.ope.outcome_model import fit, predict
from messjax.predictors import ridge_regression
from messjax.traces.logs.logged_trace import LoggedTrace, check_log
from messjax.traces.texts import Texts
from messjax.types import Controls, Policy
from sims.common import worlds
from sims.common.worlds import World

UNIFORM, GREEDY, SOFTMAX, THOMPSON, MESS = "uniform", "epsilon-greedy", "softmax", "Thompson", "MESS+"
LOGGERS = (UNIFORM, GREEDY, SOFTMAX, THOMPSON, MESS)
PRICE = 3.0  # of satisfaction, of the routers that were fitted beforehand, in ranges of the costs
EPSILON = 0.3  # of epsilon-greedy
TEMPERATURE = 0.25  # of softmax, in units of satisfaction
BATCH = 50  # requests after which Thompson sampling updates
GRID = 400  # points of the integral over its posteriors
SIZES = 0.5, 1.5  # what a request costs over the model's mean cost, which is all that is known before the choice
C = 1.0  # scale of exploration of MESS+


class Router(NamedTuple):
    """A router fitted on the prefix of a world: serve the argmin of cost - ratio s_hat.

    Attributes:
        theta: Ridge regression of each model's satisfaction [M, d + 1].
        ratio: What a bit of satisfaction is worth, in the cost unit.
        cost: Mean cost of each model [M].
    """

    theta: np.ndarray
    ratio: float
    cost: np.ndarray

    def score(self, x: np.ndarray) -> np.ndarray:
        """What it chooses by [n, M], the largest, in units of satisfaction."""
        score: np.ndarray = predict(self.theta, x, 0.0, 1.0) - self.cost / self.ratio
        return score

    def choices(self, x: np.ndarray) -> np.ndarray:
        """Its choices as probabilities [n, M]."""
        score = self.score(x)
        return np.eye(score.shape[1])[score.argmax(axis=1)]


def fitted(world: World, scale: float) -> Router:
    """The router of a world whose price of satisfaction is `scale` times the range of costs."""
    num, models = len(world.prefix.features), len(world.models)
    theta = np.stack(
        [
            fit(world.prefix.features, np.full(num, m), world.prefix.satisfaction[:, m], models, 30.0)[m]
            for m in range(models)
        ]
    )
    return Router(theta, scale * world.spread, world.cost)


def learner(world: World) -> Policy:
    """MESS+ under one-sided feedback, which starts from the averages of the prefix."""
    start = ridge_regression.prior(world.prefix.satisfaction.mean(axis=0), world.num_features, trust=10.0)
    return policies.one_sided(ridge_regression.ridge(start), learning="served")


def weight(world: World) -> float:
    """The V of MESS+: one over the range of costs."""
    return 1.0 / world.spread


def least_propensity(name: str, world: World, length: int) -> float:
    """What a propensity is at least, known beforehand; 0 where nothing above is known."""
    models = len(world.models)
    floors = {UNIFORM: 1.0 / models, GREEDY: EPSILON / models, MESS: min(1.0, C * length**-0.25) / models}
    return floors.get(name, 0.0)


def logs(name: str, world: World, num: int, length: int, seed: int) -> list[LoggedTrace]:
    """Logs of independent requests.

    Args:
        name: One of `LOGGERS`.
        world: Where requests come from.
        num: Number of logs.
        length: Number of requests of each.
        seed: Seed.
    """
    key, rng = jax.random.key(seed), np.random.default_rng(seed)
    factor = rng.uniform(*SIZES, (num, length))
    if name == MESS:
        parts = assemble(learner(world), world.stream, None, feedback.complete)
        path = decision_log.decisions(jax.random.split(key, num), _controls(world), parts, length)
        path = jax.tree.map(np.asarray, path)
        path = path._replace(cost=path.cost * factor)
        return [
            decision_log.as_log(jax.tree.map(lambda each, k=k: each[k], path), world.models, world.cost_unit)
            for k in range(num)
        ]
    drawn = worlds.draw(world.stream, key, num * length)
    x, score, cost = (each.reshape(num, length, -1).astype(np.float64) for each in drawn)
    return _logs_of(name, world, Requests(x, score=score, cost=cost, factor=factor), rng)


class Requests(NamedTuple):
    """R sets of N requests with the outcomes of all models.

    Attributes:
        x: Features [R, N, d].
        score: Satisfactions [R, N, M].
        cost: Costs known before the choice [R, N, M].
        factor: What is paid over that [R, N].
    """

    x: np.ndarray
    score: np.ndarray
    cost: np.ndarray
    factor: np.ndarray


def _logs_of(name: str, world: World, requests: Requests, rng: np.random.Generator) -> list[LoggedTrace]:
    num, length, models = requests.score.shape
    if name == THOMPSON:
        mu, action = _thompson(rng, requests.score, world.cost / fitted(world, PRICE).ratio)
    else:
        mu = chances(name, world, requests.x.reshape(num * length, -1)).reshape(num, length, models)
        action = _drawn(rng, mu)
    return [_log(world, Requests(*(each[k] for each in requests)), mu[k], action[k]) for k in range(num)]


def log_on(name: str, world: World, requests: Requests, seed: int) -> LoggedTrace:
    """The log of a router on given requests, one set of them (R = 1)."""
    if name != MESS:
        return _logs_of(name, world, requests, np.random.default_rng(seed))[0]
    x, score, cost, factor = (each[0] for each in requests)
    stream = streams.replay(x, score, cost, order="file")
    parts = assemble(learner(world), stream, None, feedback.complete)
    path = decision_log.decisions(jax.random.key(seed), _controls(world), parts, len(x))
    path = jax.tree.map(np.asarray, path)
    return decision_log.as_log(path._replace(cost=path.cost * factor), world.models, world.cost_unit)


def _controls(world: World) -> Controls:
    return Controls(V=weight(world), alpha=world.alpha, c=C)


def chances(name: str, world: World, x: np.ndarray) -> np.ndarray:
    """Probabilities [n, M] of a router that does not learn."""
    models = len(world.models)
    router = fitted(world, PRICE)
    if name == GREEDY:
        return (1.0 - EPSILON) * router.choices(x) + EPSILON / models
    if name == SOFTMAX:
        score = router.score(x) / TEMPERATURE
        soft: np.ndarray = np.exp(score - score.max(axis=1, keepdims=True))
        return soft / soft.sum(axis=1, keepdims=True)
    return np.full((len(x), models), 1.0 / models)


def _drawn(rng: np.random.Generator, mu: np.ndarray) -> np.ndarray:
    action: np.ndarray = (np.cumsum(mu, axis=-1) < rng.random((*mu.shape[:-1], 1))).sum(axis=-1)
    return np.minimum(action, mu.shape[-1] - 1)


def _thompson(rng: np.random.Generator, score: np.ndarray, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [R, N, M] and choices [R, N]: the model whose drawn rate less its price is the largest."""
    runs, length, models = score.shape
    good, bad = np.ones((runs, models)), np.ones((runs, models))
    mu, action = np.empty(score.shape), np.empty((runs, length), int)
    for start in range(0, length, BATCH):
        part = slice(start, min(start + BATCH, length))
        best = _chance_to_be_best(good, bad, price)
        mu[:, part] = best[:, None]
        action[:, part] = _drawn(rng, mu[:, part])
        chosen = action[:, part, None] == np.arange(models)
        good += (chosen * score[:, part]).sum(axis=1)
        bad += (chosen * (1.0 - score[:, part])).sum(axis=1)
    return mu, action


def _chance_to_be_best(good: np.ndarray, bad: np.ndarray, price: np.ndarray) -> np.ndarray:
    """P(B_m - price_m is the largest) for independent Beta(good_m, bad_m), by the midpoint rule, [R, M]."""
    middle = (np.arange(GRID) + 0.5) / GRID
    models, result = len(price), np.empty(good.shape)
    for m in range(models):
        density = np.diff(stats.beta.cdf(np.arange(GRID + 1) / GRID, good[:, m, None], bad[:, m, None]), axis=1)
        for j in set(range(models)) - {m}:
            density = density * stats.beta.cdf(middle - price[m] + price[j], good[:, j, None], bad[:, j, None])
        result[:, m] = density.sum(axis=1)
    result = np.maximum(result, 1e-6)
    return result / result.sum(axis=1, keepdims=True)


def _log(world: World, requests: Requests, mu: np.ndarray, action: np.ndarray) -> LoggedTrace:
    x, score, cost, factor = requests
    rows = np.arange(len(x))
    return check_log(
        LoggedTrace(
            format="messjax",
            source=f"log of {world.name}",
            files=(),
            models=world.models,
            ids=Texts.of([str(n + 1) for n in rows]),
            texts=Texts.of([""] * len(rows)),
            action=action.astype(np.int32),
            score=score[rows, action],
            cost=cost[rows, action] * factor,
            cost_unit=world.cost_unit,
            propensity=mu,
            method="exact",
            known_cost=cost,
            features=x,
            feature_names=tuple(f"x{k}" for k in range(x.shape[1])),
        )
    )
