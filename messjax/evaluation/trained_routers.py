"""Offline routers by name, made of a prefix of requests that is not served afterwards: kNN, ridge, threshold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax.tree_util import Partial

from messjax import policies, predictors
from messjax.components import as_pytree
from messjax.evaluation.recommendation import heads
from messjax.evaluation.recommendation.candidates import pair_around
from messjax.evaluation.recommendation.kinds import KNN, OFFLINE, THRESHOLD
from messjax.evaluation.recommendation.requests import Requests, project
from messjax.policies.win_rate_threshold import wins
from messjax.predictors import ridge_regression as ridge
from messjax.predictors.pretrained import predict_all, predicting
from messjax.types import Array, Distribution, Policy, Predictor

NAMES = (KNN, THRESHOLD, OFFLINE)
FITTED = 0.6  # share of the prefix that heads are fitted on; prices and thresholds are set on the rest


class Prefix(NamedTuple):
    """Requests that all models answered before the first one is served.

    Attributes:
        features: [n, d].
        satisfaction: [n, M].
        cost: [n, M].
    """

    features: np.ndarray
    satisfaction: np.ndarray
    cost: np.ndarray


def trained(names: Sequence[str], prefix: Prefix, alpha: float) -> dict[str, Policy]:
    """The routers, fitted on the first part of the prefix; the rest sets their prices and thresholds at every alpha.

    Args:
        names: Some of NAMES.
        prefix: The requests, in random order.
        alpha: Where the two models of the threshold rule are chosen.

    Returns:
        Policies by name. "knn" and "offline" serve argmin of cost - price x prediction, at the price that the predicted
        distribution has at the control alpha.

    Raises:
        ValueError: A prefix of less than 20 requests, or an unknown name.
    """
    num = len(prefix.features)
    if num < 20:
        raise ValueError(f"trained routers: found a prefix of {num} requests, expected at least 20")
    cut = round(FITTED * num)
    first, rest = (Prefix(*(np.asarray(values)[rows] for values in prefix)) for rows in (slice(cut), slice(cut, num)))
    projection = project(first.features)
    known = Requests(projection(first.features), first.satisfaction, first.cost, np.full(cut, ""), np.arange(cut))
    through = Partial(_through, jax.numpy.asarray(projection.centre), jax.numpy.asarray(projection.components))

    def head(inner: Predictor) -> Predictor:
        return predicting(Partial(through, as_pytree(inner)), inner.kind.name)

    def fitted(part: Requests) -> Predictor:
        learned = ridge.ridge(heads.fit_ridge(part)[0])
        return head(predictors.frozen(learned, learned.init(jax.random.key(0))))

    def at_price(predictor: Predictor) -> Policy:
        s_hat = np.clip(predict_all(predictor, rest.features), 0.0, 1.0)
        weight = np.full(len(s_hat), 1.0 / len(s_hat))
        return policies.lagrangian(predictor, Distribution(weight, rest.cost, s_hat))

    def threshold() -> Policy:
        weak, strong = pair_around(prefix.cost.mean(axis=0), prefix.satisfaction.mean(axis=0), alpha)
        won = fitted(known._replace(satisfaction=wins(first.satisfaction, weak, strong).astype(np.float64)))
        return policies.threshold(won, rest.features, rest.satisfaction, weak=weak, strong=strong)

    make: dict[str, Callable[[], Policy]] = {
        KNN: lambda: at_price(head(predictors.knn(known.features, known.satisfaction, k=heads.fit_neighbours(known)))),
        OFFLINE: lambda: at_price(fitted(known)),
        THRESHOLD: threshold,
    }
    if unknown := [name for name in names if name not in make]:
        raise ValueError(f"trained routers: found {unknown[0]!r}, expected some of {', '.join(NAMES)}")
    return {name: make[name]() for name in names}


def _through(centre: Array, components: Array, inner: Predictor, state: tuple, features: Array) -> Array:
    """Predictions on projected features; the inner predictor is frozen and has no state."""
    return inner.predict(state, (features - centre) @ components)
