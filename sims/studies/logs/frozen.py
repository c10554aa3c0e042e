"""Policies that do not change, estimated from logs of known truth."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
import xarray as xr

from messjax.evaluation.ope.estimators import ESTIMATORS, Terms, terms_of
from messjax.evaluation.ope.limits_of_means import KINDS, limits_of
from messjax.evaluation.ope.outcome_model import cross_fitted
from messjax.evaluation.ope.pairs import less
from messjax.evaluation.ope.support import support_of
from messjax.theory import optimum
from messjax.traces.logs.logged_trace import LoggedTrace
from messjax.types import Distribution
from sims.common import logging_policies, worlds
from sims.common.worlds import World

LEVEL = 0.95
OUTCOMES = ("satisfaction", "cost")
ROUTER, MIXTURE, PAIR = "router", "static mixture", "router less mixture"
TRUTH = 400_000  # requests that the truth is a mean of


class Targets(NamedTuple):
    """The policies that are estimated.

    Attributes:
        models: Names of the models.
        mixture: Probabilities [M] of the static mixture of least cost that meets alpha on the prefix.
        router: A router fitted on the prefix.
    """

    models: tuple[str, ...]
    mixture: np.ndarray
    router: logging_policies.Router

    def policies(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities [n, M] by name: one model, the static mixture, the router."""
        middle = len(self.models) // 2
        return {
            f"only {self.models[middle]}": np.tile(np.eye(len(self.models))[middle], (len(x), 1)),
            MIXTURE: np.tile(self.mixture, (len(x), 1)),
            ROUTER: self.router.choices(x),
        }


def targets_of(world: World) -> Targets:
    """The policies of a world."""
    rates = world.prefix.satisfaction.mean(axis=0)
    mixture = optimum.solve(Distribution(np.ones(1), world.cost[None], rates[None]), world.alpha).mixture[0]
    return Targets(world.models, mixture, logging_policies.fitted(world, 8.0))


def truths(world: World, targets: Targets, num: int = TRUTH) -> dict[str, np.ndarray]:
    """Mean satisfaction and cost [2] of each policy, and of their difference."""
    drawn = worlds.draw(world.stream, jax.random.key(77), num)
    assert world.stream.mean is not None
    mean = np.asarray(jax.vmap(world.stream.mean)(jax.numpy.asarray(drawn.features)), np.float64)
    found = {
        name: np.array([(policy * mean).sum(axis=1).mean(), (policy @ world.cost).mean()])
        for name, policy in targets.policies(drawn.features.astype(np.float64)).items()
    }
    return found | {PAIR: found[ROUTER] - found[MIXTURE]}


def estimated(targets: Targets, log: LoggedTrace, seed: int) -> dict[str, dict[str, list[Terms]]]:
    """Terms of satisfaction and cost by policy and estimator; of the pair by `dr` alone."""
    assert log.features is not None
    assert log.known_cost is not None
    num_models = len(log.models)
    s_hat = cross_fitted(log.features, log.action, log.score, num_models, low=0.0, high=1.0, seed=seed)
    dearest = float(log.cost.max())
    found: dict[str, dict[str, list[Terms]]] = {}
    for name, policy in targets.policies(log.features).items():
        found[name] = {
            estimator: [
                terms_of(log, policy, log.score, estimator=estimator, model=s_hat),
                terms_of(log, policy, log.cost, estimator=estimator, model=log.known_cost, high=dearest),
            ]
            for estimator in ESTIMATORS
        }
    one, other = found[ROUTER]["dr"], found[MIXTURE]["dr"]
    return found | {PAIR: {"dr": [less(a, b) for a, b in zip(one, other, strict=True)]}}


def coverage(
    world: World, loggers: tuple[str, ...], num: int, length: int, most: int = TRUTH, chunk: int = 50
) -> xr.Dataset:
    """Estimates by every estimator, and whether every interval of `dr` covers the truth, with its half width."""
    targets = targets_of(world)
    truth = truths(world, targets, most)
    names = list(truth)
    estimates = np.full((len(loggers), len(names), len(ESTIMATORS), 2, num), np.nan)
    half = np.full((len(loggers), len(names), len(KINDS), 2, num), np.nan)
    covered, size = np.zeros(half.shape, bool), np.full((len(loggers), num), np.nan)
    for i, logger in enumerate(loggers):
        for start in range(0, num, chunk):
            made = logging_policies.logs(logger, world, min(chunk, num - start), length, seed=1_000 + start)
            for r, log in enumerate(made, start):
                found = estimated(targets, log, seed=r)
                size[i, r] = support_of(log, targets.policies(log.features)[ROUTER]).effective  # type: ignore[arg-type]
                for j, name in enumerate(names):
                    for k, estimator in enumerate(ESTIMATORS):
                        if estimator in found[name]:
                            estimates[i, j, k, :, r] = [each.value for each in found[name][estimator]]
                    for k, kind in enumerate(KINDS):
                        for m, terms in enumerate(found[name]["dr"]):
                            low, high = _limits(terms, kind)
                            half[i, j, k, m, r] = (high - low) / 2.0
                            covered[i, j, k, m, r] = low - 1e-9 <= truth[name][m] <= high + 1e-9
    common = {"logger": list(loggers), "policy": names, "outcome": list(OUTCOMES)}
    return xr.Dataset(
        {
            "estimate": (("logger", "policy", "estimator", "outcome", "replication"), estimates),
            "half": (("logger", "policy", "interval", "outcome", "replication"), half),
            "covered": (("logger", "policy", "interval", "outcome", "replication"), covered),
            "effective": (("logger", "replication"), size),
            "truth": (("policy", "outcome"), np.array([truth[name] for name in names])),
        },
        coords=common | {"estimator": list(ESTIMATORS), "interval": list(KINDS)},
        attrs={"length": length, "level": LEVEL},
    )


def _limits(terms: Terms, kind: str) -> tuple[float, float]:
    """Limits; an interval that finds that means change is empty, and covers nothing."""
    try:
        limits = limits_of(terms, LEVEL, kind)
    except ValueError:
        return np.inf, -np.inf
    return limits.lower, limits.upper


def by_length(
    world: World, loggers: tuple[str, ...], lengths: tuple[int, ...], num: int, most: int = TRUTH
) -> xr.Dataset:
    """Errors of the router's satisfaction by length of the log."""
    targets = targets_of(world)
    truth = truths(world, targets, most)[ROUTER][0]
    shown = ("dr", "ips", "dm")
    errors = np.empty((len(loggers), len(shown), len(lengths), num))
    for i, logger in enumerate(loggers):
        for k, length in enumerate(lengths):
            for r, log in enumerate(logging_policies.logs(logger, world, num, length, seed=5_000 + k)):
                assert log.features is not None
                policy = targets.policies(log.features)[ROUTER]
                models = len(log.models)
                s_hat = cross_fitted(log.features, log.action, log.score, models, low=0.0, high=1.0, seed=r)
                for j, name in enumerate(shown):
                    terms = terms_of(log, policy, log.score, estimator=name, model=s_hat)
                    errors[i, j, k, r] = terms.value - truth
    return xr.Dataset(
        {"error": (("logger", "estimator", "length", "replication"), errors)},
        coords={"logger": list(loggers), "estimator": list(shown), "length": list(lengths)},
    )
