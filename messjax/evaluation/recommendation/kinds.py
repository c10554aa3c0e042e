"""Kinds of families of policies: what is common to one that looks at one request at a time, and to one that moves.

The averages of a static family are those of a table. A family that moves (a queue, a learner) is run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from messjax.evaluation.recommendation.requests import Requests
from messjax.evaluation.recommendation.runs import Played, coins, play
from messjax.types import Controls, Policy

FINER = 12  # a cost rises by some 10% from one kappa to the next: settings lie between them, tried by interpolation
A = 0.25
SINGLE, MIXTURE, THRESHOLD, KNN, OFFLINE = "single", "mixture", "threshold", "knn", "offline"
PLAIN, TRAINED, SERVED, OWN = "mess+", "mess+ trained", "serve and learn", "own"
NAMES = (SINGLE, MIXTURE, THRESHOLD, KNN, OFFLINE, PLAIN, TRAINED, SERVED)


class Tuned(NamedTuple):
    """The settings of a family on the judging part, over runs of the horizon.

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

    def tune(self, requests: Requests, rows: np.ndarray, seed: int) -> Tuned:
        """All settings.

        Args:
            requests: The judging part.
            rows: New requests drawn from the part [B, horizon]; their number counts here.
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
            deviation.append(
                np.sqrt(whole / rows.shape[1] + expected.var() / len(expected))
            )  # a mixture's coins are new
        return Tuned(np.array(cost), np.array(satisfaction), np.array(deviation))

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
        finer: Every so many alphas one is run, where all settings are tried.
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

    def tune(self, requests: Requests, rows: np.ndarray, seed: int) -> Tuned:
        """All settings: some alphas are run, those between are interpolated.

        Args:
            requests: The judging part.
            rows: New requests drawn from the part [B, horizon].
            seed: Seed of the exploration draws.

        Returns:
            Means and deviations over the runs.
        """
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
