"""The candidates: families of policies with the settings that each is tried at.

A static family looks at one request at a time, and its averages are those of a table. A family that moves (a queue, a
learner) is run. Settings ask for alpha + kappa with kappa >= 0, because a finite run scatters around what it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from messjax import policies, predictors
from messjax.evaluation.recommendation import heads
from messjax.evaluation.recommendation.requests import Parts, Requests, both
from messjax.evaluation.recommendation.runs import Played, coins, play
from messjax.predictors import learning
from messjax.predictors import ridge_regression as ridge
from messjax.theory import optimum
from messjax.types import Controls, Distribution, Policy

LEVELS = 61  # settings of a static family
LEVEL = (0.005, 0.02, 0.05, 0.1, 0.2)  # levels V gamma of a warm queue, as shares of the horizon
COLD = (0.002, 0.007, 0.02, 0.06)  # of one that has to climb there
KAPPA = (0.0, 0.3, 0.6, 1.0, 1.5, 2.2, 3.0)  # kappa, in standard deviations of the satisfaction of a run
FINER = 4  # a cost rises by some 4% from one kappa to the next: settings lie between them, tuned by interpolation
EXPLORE, RATES, A = (0.03, 0.1, 1.0), (0.06, 0.3), 0.25
SINGLE, MIXTURE, THRESHOLD, KNN, OFFLINE = "single", "mixture", "threshold", "knn", "offline"
PLAIN, TRAINED, SERVED, OWN = "mess+", "mess+ trained", "serve and learn", "own"
NAMES = (SINGLE, MIXTURE, THRESHOLD, KNN, OFFLINE, PLAIN, TRAINED, SERVED)
TITLES = {
    MIXTURE: "blind mixture",
    THRESHOLD: "threshold",
    KNN: "kNN at a price",
    OFFLINE: "offline router",
    PLAIN: "MESS+",
    TRAINED: "MESS+, trained beforehand",
    SERVED: "serve and learn, warm",
}


class Tuned(NamedTuple):
    """The settings of a family on the tuning part, over runs of the horizon.

    Attributes:
        cost: Mean cost per request [G].
        satisfaction: Mean satisfaction [G].
        deviation: Standard deviation of a run's satisfaction, with the error of the judging part [G].
    """

    cost: np.ndarray
    satisfaction: np.ndarray
    deviation: np.ndarray


class Static(NamedTuple):
    """A family without a state.

    Attributes:
        kind: One of NAMES, or "own".
        name: What tables call it.
        settings: The numbers of each setting [G].
        choose: (number of the setting, requests) -> probabilities of the models [n, M].
        parts: What an export needs beside the settings.
    """

    kind: str
    name: str
    settings: Sequence[Mapping[str, float]]
    choose: Callable[[int, Requests], np.ndarray]
    parts: Mapping[str, Any] = {}

    @property
    def moves(self) -> bool:
        """Whether a request's decision depends on those before."""
        return False

    @property
    def trained(self) -> bool:
        """Whether the training part was used, which its settings must then not be chosen on."""
        return self.kind in (THRESHOLD, KNN, OFFLINE)

    @property
    def arms(self) -> list[np.ndarray]:
        """Numbers of settings that differ in one control only: all of them."""
        return [np.arange(len(self.settings))]

    def tune(self, requests: Requests, rows: np.ndarray, known: int, seed: int) -> Tuned:
        """All settings on the tuning part.

        Args:
            requests: The tuning part.
            rows: New requests drawn from the part [B, horizon]; their number counts here.
            known: Number of requests of the judging part.
            seed: Not used.

        Returns:
            Means, and deviations of a run of new requests.
        """
        cost, satisfaction, deviation = [], [], []
        for g in range(len(self.settings)):
            share = self.choose(g, requests)
            cost.append((share * requests.cost).sum(axis=1).mean())
            expected = (share * requests.satisfaction).sum(axis=1)
            satisfaction.append(expected.mean())
            whole = max(float((share * requests.satisfaction**2).sum(axis=1).mean() - expected.mean() ** 2), 0.0)
            deviation.append(np.sqrt(whole / rows.shape[1] + expected.var() / known))  # a mixture's coins are new
        return Tuned(np.array(cost), np.array(satisfaction), np.array(deviation))

    def judge(self, arm: np.ndarray, requests: Requests, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Some settings on sequences of rows.

        Args:
            arm: Numbers of the settings [k].
            requests: The requests that rows are numbers of.
            rows: [B, T].
            seed: Seed of the draws of a mixture.

        Returns:
            Cost and satisfaction per request [k, B].
        """
        played = [self.play(int(g), requests, rows, seed) for g in arm]
        return np.stack([one.cost for one in played]), np.stack([one.satisfaction for one in played])

    def averages(self, g: int, requests: Requests) -> tuple[np.ndarray, np.ndarray]:
        """Expected cost and satisfaction of every request.

        Args:
            g: Number of the setting.
            requests: The requests.

        Returns:
            Cost [n] and satisfaction [n].
        """
        share = self.choose(g, requests)
        return (share * requests.cost).sum(axis=1), (share * requests.satisfaction).sum(axis=1)

    def play(self, g: int, requests: Requests, rows: np.ndarray, seed: int) -> Played:
        """One setting on sequences of rows.

        Args:
            g: Number of the setting.
            requests: The requests that rows are numbers of.
            rows: [B, T].
            seed: Seed of the draws of a mixture.

        Returns:
            What happened [B], with steps.
        """
        share = self.choose(g, requests)
        if self.kind == MIXTURE:
            edges = np.cumsum(share[0].astype(np.float32))
            served = np.minimum(np.searchsorted(edges, coins(seed, *rows.shape), side="right"), len(edges) - 1)
        else:
            served = np.argmax(share, axis=1)[rows]
        paid, satisfied = requests.cost[rows, served], requests.satisfaction[rows, served]
        return Played(paid.mean(axis=1), satisfied.mean(axis=1), served, paid)


class Moving(NamedTuple):
    """A family that is run: MESS+ in its variants, or a policy of the user's.

    Attributes:
        kind: One of NAMES, or "own".
        name: What tables call it.
        policy: The policy.
        V: [v]
        alpha: What it is run at [k].
        c: [c]
        parts: What an export needs beside the settings.
        finer: Every so many alphas one is run on the tuning part.
    """

    kind: str
    name: str
    policy: Policy
    V: np.ndarray
    alpha: np.ndarray
    c: np.ndarray
    parts: Mapping[str, Any] = {}
    finer: int = FINER

    @property
    def moves(self) -> bool:
        """Whether a request's decision depends on those before."""
        return True

    @property
    def trained(self) -> bool:
        """Whether the training part was used, which its settings must then not be chosen on."""
        return True

    @property
    def settings(self) -> list[dict[str, float]]:
        """The numbers of each setting [G]."""
        rate = {"rate": self.parts["rate"]} if "rate" in self.parts else {}
        explores = bool(np.any(self.c > 0))
        return [
            {"V": float(V), "alpha": float(alpha)} | ({"c": float(c), "a": A} if explores else {}) | rate
            for c in self.c
            for alpha in self.alpha
            for V in self.V
        ]

    @property
    def arms(self) -> list[np.ndarray]:
        """Numbers of settings that differ in one control only, in what is asked for."""
        grid = np.arange(len(self.c) * len(self.alpha) * len(self.V)).reshape(len(self.c), len(self.alpha), -1)
        return list(np.moveaxis(grid, 1, 2).reshape(-1, len(self.alpha)))

    def tune(self, requests: Requests, rows: np.ndarray, known: int, seed: int) -> Tuned:
        """All settings on the tuning part: some alphas are run, those between are interpolated.

        Args:
            requests: The tuning part.
            rows: New requests drawn from the part [B, horizon].
            known: Not used: rows vary as much.
            seed: Seed of the exploration draws.

        Returns:
            Means and deviations over the runs.
        """
        del known
        run = np.unique(np.append(np.arange(0, len(self.alpha), self.finer), len(self.alpha) - 1))
        played = play(self.policy, Controls(self.V, self.alpha[run], self.c, A), requests, rows, seed)

        def between(values: np.ndarray) -> np.ndarray:
            at = [
                np.interp(self.alpha, self.alpha[run], column)
                for column in np.moveaxis(values, 1, 2).reshape(-1, len(run))
            ]
            return np.moveaxis(np.reshape(at, (len(self.c), len(self.V), -1)), 2, 1).ravel()

        cost, satisfaction = played[:2]
        return Tuned(
            between(cost.mean(axis=-1)), between(satisfaction.mean(axis=-1)), between(satisfaction.std(axis=-1, ddof=1))
        )

    def judge(self, arm: np.ndarray, requests: Requests, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Some settings of one arm on sequences of rows.

        Args:
            arm: Numbers of the settings [k].
            requests: The requests that rows are numbers of.
            rows: [B, T].
            seed: Seed of the exploration draws.

        Returns:
            Cost and satisfaction per request [k, B].
        """
        each = [self.controls(int(g)) for g in arm]
        alpha = np.concatenate([np.asarray(one.alpha) for one in each])
        played = play(self.policy, each[0]._replace(alpha=alpha), requests, rows, seed)
        return played.cost[0, :, 0], played.satisfaction[0, :, 0]

    def controls(self, g: int) -> Controls:
        """The controls of a setting, arrays of one number each.

        Args:
            g: Number of the setting.

        Returns:
            The controls.
        """
        c, alpha, V = np.unravel_index(g, (len(self.c), len(self.alpha), len(self.V)))
        return Controls(self.V[V : V + 1], self.alpha[alpha : alpha + 1], self.c[c : c + 1], A)

    def play(self, g: int, requests: Requests, rows: np.ndarray, seed: int) -> Played:
        """One setting on sequences of rows.

        Args:
            g: Number of the setting.
            requests: The requests that rows are numbers of.
            rows: [B, T].
            seed: Seed of the exploration draws.

        Returns:
            What happened [B], with steps.
        """
        played = play(self.policy, self.controls(g), requests, rows, seed, steps=True)
        assert played.served is not None
        assert played.paid is not None
        return Played(*(each[0, 0, 0] for each in (played.cost, played.satisfaction, played.served, played.paid)))


Family = Static | Moving


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
        parts: The trace in three parts.
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
        np.concatenate([parts.training.cost, parts.tuning.cost]).mean(axis=0)[None],
        np.concatenate([parts.training.satisfaction, parts.tuning.satisfaction]).mean(axis=0)[None],
    )
    every: list[Family] = [_single(m, name, len(models)) for m, name in enumerate(models)]
    every += [_recorded(name) for name in parts.training.choices]
    every += [_scored(name, both(parts), known, alpha) for name in parts.training.scores]
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
    rate = heads.predict_ridge(state, parts.tuning.features)[:, 0]
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
    s_hat = heads.predict_ridge(state, parts.tuning.features)
    num = len(s_hat)
    predicted = Distribution(np.full(num, 1.0 / num), parts.tuning.cost, s_hat)
    price = max(_price(predicted, alpha), 0.05 * float(np.ptp(known.cost[0])))
    V, cold = (np.maximum(np.array(levels) * horizon, 2.0) / price for levels in (LEVEL, COLD))
    deviation = float(parts.training.satisfaction.std(axis=0).mean()) / np.sqrt(horizon)
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
