"""The candidates: families of policies with the settings that each is tried at.

Settings ask for alpha + kappa with kappa >= 0, because a finite run scatters around what it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from messjax import policies, predictors
from messjax.evaluation.recommendation import heads
from messjax.evaluation.recommendation.kinds import (
    FINER,
    KNN,
    MIXTURE,
    OFFLINE,
    OWN,
    PLAIN,
    SERVED,
    SINGLE,
    THRESHOLD,
    TRAINED,
    Family,
    Moving,
    Static,
)
from messjax.evaluation.recommendation.requests import Parts, Requests
from messjax.predictors import learning
from messjax.predictors import ridge_regression as ridge
from messjax.theory import optimum
from messjax.types import Distribution, Policy

LEVELS = 61  # settings of a static family
LEVEL, NUM_V = (0.005, 0.05), 5  # levels V gamma of a warm queue, as shares of the horizon
DEARER = 2.5  # the least V is for the price of alpha and so many deviations, where models satisfy less than it seemed
COLD = (0.002, 0.007, 0.02, 0.06)  # of one that has to climb there
KAPPA = (0.0, 0.6, 1.5, 3.0, 5.0)  # kappa, in standard deviations of the satisfaction of a run
EXPLORE, RATES = (0.03, 0.1, 1.0), (0.06, 0.3)
TITLES = {
    MIXTURE: "blind mixture",
    THRESHOLD: "threshold",
    KNN: "kNN at a price",
    OFFLINE: "offline router",
    PLAIN: "MESS+",
    TRAINED: "MESS+, trained beforehand",
    SERVED: "serve and learn, warm",
}


def families(
    parts: Parts,
    models: tuple[str, ...],
    alpha: float,
    horizon: int,
    wanted: Sequence[str],
    own: Mapping[str, Policy] = MappingProxyType({}),
) -> list[Family]:
    """All candidates of the wanted kinds, and policies of the user's own.

    Args:
        parts: The trace in two parts.
        models: Names of the M models.
        alpha: Required satisfaction.
        horizon: Number of new requests.
        wanted: Kinds, of NAMES.
        own: Policies by name.

    Returns:
        The families, single models first.
    """
    known = Distribution(
        np.ones(1),
        parts.training.cost.mean(axis=0)[None],
        parts.training.satisfaction.mean(axis=0)[None],
    )
    every: list[Family] = [_single(m, name, len(models)) for m, name in enumerate(models)]
    every += [_recorded(name) for name in parts.training.choices]
    every += [_scored(name, parts.training, known, alpha) for name in parts.training.scores]
    if len(models) > 1 and float(np.ptp(known.cost[0])) > 0:
        every += [_mixture(known, alpha), *_offline(parts, known, alpha, wanted)]
        every += _moving(parts, known, alpha, horizon, wanted, own)
    return [each for each in every if each.kind in (*wanted, OWN)]


def _single(m: int, name: str, num: int) -> Static:
    share = np.eye(num)[m]
    return Static(
        SINGLE, f"only {name}", [{}], lambda g, requests: np.tile(share, (len(requests.rows), 1)), {"model": m}
    )


def _recorded(name: str) -> Static:
    """The choices that the user's own router made, as the trace has them."""
    return Static(
        OWN, name, [{}], lambda g, requests: np.eye(requests.cost.shape[1])[requests.choices[name]], {"recorded": name}
    )


def _scored(name: str, seen: Requests, known: Distribution, alpha: float) -> Static:
    """The score that the user's own router gave: above a threshold the stronger of the two models around alpha."""
    weak, strong = pair_around(known.cost[0], known.mean[0], alpha)
    score = seen.scores[name]
    bars = np.unique(np.append(np.quantile(score, np.linspace(0.0, 1.0, LEVELS - 1)), score.min() - 1.0))[::-1]

    def choose(g: int, requests: Requests) -> np.ndarray:
        return np.eye(requests.cost.shape[1])[np.where(requests.scores[name] > bars[g], strong, weak)]

    return Static(
        OWN, f"{name} at a threshold", [{"threshold": float(bar)} for bar in bars], choose, {"recorded": name}
    )


def _mixture(known: Distribution, alpha: float) -> Static:
    level, weights = optimum.frontier(known.cost[0], known.mean[0])
    asked = np.unique(np.clip(np.linspace(alpha, max(level[-1], alpha), LEVELS), level[0], level[-1]))
    shares = np.stack([np.interp(asked, level, column) for column in weights.T], axis=1)
    return Static(
        MIXTURE,
        TITLES[MIXTURE],
        [{"alpha": float(value)} for value in asked],
        lambda g, requests: np.tile(shares[g], (len(requests.rows), 1)),
        {"shares": shares},
    )


def _offline(parts: Parts, known: Distribution, alpha: float, wanted: Sequence[str]) -> list[Static]:
    """Routers trained beforehand: at a price of satisfaction (kNN, ridge), and RouteLLM's threshold on a win rate."""
    spread = float(np.ptp(known.cost[0]))
    prices = np.append(0.0, spread * np.logspace(-1.0, 2.5, LEVELS - 1))
    result = []
    if KNN in wanted:
        k = heads.fit_neighbours(parts.training)
        table = {"features": parts.training.features, "satisfaction": parts.training.satisfaction, "k": k}
        result.append(_at_price(KNN, prices, lambda x: heads.neighbours(parts.training, k, x), table))
    if OFFLINE in wanted:
        state, _ = heads.fit_ridge(parts.training)
        result.append(_at_price(OFFLINE, prices, lambda x: heads.predict_ridge(state, x), {"theta": state.theta}))
    if THRESHOLD in wanted:
        result.append(_threshold(parts, known, alpha))
    return result


def _at_price(kind: str, prices: np.ndarray, predict: Callable, parts: Mapping[str, Any]) -> Static:
    remembered: dict[bytes, np.ndarray] = {}  # by part: settings share its predictions

    def choose(g: int, requests: Requests) -> np.ndarray:
        part = requests.rows.tobytes()
        if part not in remembered:
            remembered[part] = predict(requests.features)
        s_hat = remembered[part]
        score = (requests.cost - requests.cost[:, :1]) - prices[g] * (s_hat - s_hat[:, :1])
        return np.eye(score.shape[1])[np.argmin(score, axis=1)]

    return Static(kind, TITLES[kind], [{"price": float(price)} for price in prices], choose, parts)


def pair_around(cost: np.ndarray, accuracy: np.ndarray, alpha: float) -> tuple[int, int]:
    """The two models that the static mixture of least cost uses at alpha.

    Args:
        cost: Mean cost of each model [M].
        accuracy: Mean satisfaction of each model [M].
        alpha: Required satisfaction.

    Returns:
        Numbers of the weaker and of the stronger one, the same where one model is enough for every alpha.
    """
    level, weights = optimum.frontier(cost, accuracy)
    right = int(np.clip(np.searchsorted(level, alpha), min(1, len(level) - 1), len(level) - 1))
    weak, strong = (int(np.argmax(weights[max(i, 0)])) for i in (right - 1, right))
    return weak, strong


def _threshold(parts: Parts, known: Distribution, alpha: float) -> Static:
    """The two models that the blind mixture uses at alpha, told apart by the predicted win rate of the dearer one."""
    weak, strong = pair_around(known.cost[0], known.mean[0], alpha)
    training = parts.training
    won = (training.satisfaction[:, strong] > training.satisfaction[:, weak]).astype(np.float64)[:, None]
    state, _ = heads.fit_ridge(training._replace(satisfaction=won))
    rate = heads.predict_ridge(state, parts.judging.features)[:, 0]
    bars = np.unique(np.append(np.quantile(rate, np.linspace(0.0, 1.0, LEVELS - 1)), -1.0))

    def choose(g: int, requests: Requests) -> np.ndarray:
        above = heads.predict_ridge(state, requests.features)[:, 0] > bars[g]
        return np.eye(requests.cost.shape[1])[np.where(above, strong, weak)]

    return Static(
        THRESHOLD,
        TITLES[THRESHOLD],
        [{"threshold": float(bar)} for bar in bars],
        choose,
        {"theta": state.theta, "weak": weak, "strong": strong},
    )


def _moving(
    parts: Parts,
    known: Distribution,
    alpha: float,
    horizon: int,
    wanted: Sequence[str],
    own: Mapping[str, Policy],
) -> list[Moving]:
    """MESS+ as published, MESS+ on a head trained beforehand, and the variant that learns from what it serves."""
    d, M = parts.training.features.shape[1], known.cost.shape[1]
    state, _ = heads.fit_ridge(parts.training)
    seen = parts.judging  # its features and costs only
    s_hat = heads.predict_ridge(state, seen.features)
    num = len(s_hat)
    predicted = Distribution(np.full(num, 1.0 / num), seen.cost, s_hat)
    deviation = float(parts.training.satisfaction.std(axis=0).mean()) / np.sqrt(horizon)
    price = max(_price(predicted, alpha), 0.05 * float(np.ptp(known.cost[0])))
    dearer = max(_price(predicted, alpha + DEARER * deviation), price)
    low, high = (max(level * horizon, 2.0) for level in LEVEL)
    V, cold = np.geomspace(low / dearer, high / price, NUM_V), np.maximum(np.array(COLD) * horizon, 2.0) / price
    steps = np.interp(np.arange(FINER * (len(KAPPA) - 1) + 1) / FINER, np.arange(len(KAPPA)), KAPPA)
    asked = np.unique(np.round(np.minimum(alpha + steps * deviation, 1.0), 6))
    warm = {"price": predicted, "theta": state.theta, "inverse": state.inverse}
    never = np.zeros(1)
    result = [
        Moving(OWN, name, policy, cold, asked, np.array(EXPLORE[1:2]), {}, 2 * FINER) for name, policy in own.items()
    ]
    if PLAIN in wanted:
        for rate in RATES:
            head = predictors.linear(d, M, tx=learning.sgd(rate))
            plain, explore = policies.mess_plus(head), np.array(EXPLORE)
            result.append(Moving(PLAIN, TITLES[PLAIN], plain, cold, asked, explore, {"rate": rate}, 2 * FINER))
    learned = ridge.ridge(state)
    if TRAINED in wanted:
        head = predictors.frozen(learned, learned.init(jax.random.key(0)))
        trained = policies.warm_started(head, predicted)
        result.append(Moving(TRAINED, TITLES[TRAINED], trained, V, asked, never, warm))
    if SERVED in wanted:
        serving = policies.one_sided(learned, learning="served")
        serving = serving._replace(init=policies.warm_started(learned, predicted).init)
        result.append(Moving(SERVED, TITLES[SERVED], serving, V, asked, never, warm))
    return result


def _price(distribution: Distribution, alpha: float) -> float:
    return float(optimum.solve(distribution, min(alpha, optimum.largest_alpha(distribution))).gamma)
