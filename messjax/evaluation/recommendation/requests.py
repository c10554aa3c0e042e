"""The requests of a trace as a recommendation uses them: in parts, projected, and drawn again.

Routers are trained on the first part. Their settings are tried, and what is said about them is measured, on the last.
No request is in two parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TRAINING, TUNING = 0.3, 0.2  # shares of the requests; the second one only where it is asked for
HORIZON = 0.5  # number of new requests that is spoken for, as a share of the requests
MOST_FEATURES = 32  # a regression on more wants more answers than most traces have

Floats = NDArray[np.floating]


class Requests(NamedTuple):
    """n requests answered by all M models.

    Attributes:
        features: [n, d] float32.
        satisfaction: [n, M], in [0, 1].
        cost: [n, M] >= 0.
        groups: Labels [n].
        rows: Row numbers in the trace [n].
        choices: For each recorded router by name the model it chose, [n] each.
        scores: For each recorded router by name the score it gave, [n] each.
        paid: What a request costs that asks several models, as `meters.ledger` has it.
    """

    features: Floats
    satisfaction: Floats
    cost: Floats
    groups: np.ndarray
    rows: np.ndarray
    choices: Mapping[str, np.ndarray] = {}
    scores: Mapping[str, np.ndarray] = {}
    paid: str = "sum"

    def take(self, rows: np.ndarray) -> Requests:
        """Some of the requests.

        Args:
            rows: Their numbers [k].

        Returns:
            The requests, in that order.
        """
        features, satisfaction, cost, groups, numbers = (np.asarray(values)[rows] for values in self[:5])
        choices, scores = ({name: of[rows] for name, of in each.items()} for each in (self.choices, self.scores))
        return Requests(features, satisfaction, cost, groups, numbers, choices, scores, self.paid)


class Parts(NamedTuple):
    """Disjoint parts of a trace.

    Attributes:
        training: What routers are trained on.
        tuning: What their settings are chosen on, where that is not the judging part.
        judging: What is measured.
    """

    training: Requests
    tuning: Requests
    judging: Requests

    @property
    def horizon(self) -> int:
        """Number of new requests that is spoken for."""
        return round(HORIZON * sum(len(part.rows) for part in self))


class Projection(NamedTuple):
    """Features as heads see them: (x - centre) components, with mean squared norm 1 on the training part.

    Attributes:
        centre: [D] float64.
        components: [D, d] float64.
    """

    centre: np.ndarray
    components: np.ndarray

    def __call__(self, features: Floats) -> Floats:
        """Project rows.

        Args:
            features: [n, D].

        Returns:
            [n, d] float32.
        """
        return ((np.asarray(features, np.float64) - self.centre) @ self.components).astype(np.float32)


def project(features: Floats, most: int = MOST_FEATURES) -> Projection:
    """The leading principal components of the training part's features.

    Args:
        features: [n, D].
        most: Largest number of components d; at most a tenth of n are taken.

    Returns:
        The projection.
    """
    x = np.asarray(features, np.float64)
    centre = x.mean(axis=0)
    values, vectors = np.linalg.eigh((x - centre).T @ (x - centre) / len(x))
    keep = max(1, min(most, len(x) // 10, int((values > 1e-12).sum())))
    leading = values[::-1][:keep]
    scale = 1.0 / np.sqrt(max(float(leading.sum()), 1e-12))
    return Projection(centre, vectors[:, ::-1][:, :keep] * scale)


def split(requests: Requests, seed: int, tuning: float = 0.0) -> Parts:
    """The parts, drawn at random.

    Args:
        requests: All requests.
        seed: Seed of the draw.
        tuning: Share of the tuning part, for example TUNING.

    Returns:
        The parts.
    """
    order = np.random.default_rng((seed, 1)).permutation(len(requests.rows))
    first, second = (round(share * len(order)) for share in (TRAINING, TRAINING + tuning))
    return Parts(*(requests.take(rows) for rows in np.split(order, [first, second])))


def resampled(num: int, horizon: int, times: int, rng: np.random.Generator) -> np.ndarray:
    """New requests like those of a part, several times: what the next ones may be, given that these were seen.

    Every time the population is drawn anew (the Bayesian bootstrap: Dirichlet weights on the n requests), then the
    horizon's requests from it. The average of an outcome with variance sigma^2 then varies with sigma^2 (1/n +
    1/horizon): the error of what is known and the chance of what comes.

    Args:
        num: Number n of requests of the part.
        horizon: Number of new requests.
        times: How often.
        rng: Random numbers.

    Returns:
        Row numbers [times, horizon] int32.

    Source: Rubin 1981, "The Bayesian Bootstrap".
    """
    weights = rng.standard_exponential((times, num))
    edges = np.cumsum(weights, axis=1)
    drawn = rng.random((times, horizon)) * edges[:, -1:]
    rows = [np.searchsorted(edge, values, side="right") for edge, values in zip(edges, drawn, strict=True)]
    return np.minimum(np.stack(rows), num - 1).astype(np.int32)


def orders(num: int, horizon: int, times: int, rng: np.random.Generator) -> np.ndarray:
    """Random orders of a part, no request twice.

    Args:
        num: Number n of requests of the part, at least the horizon.
        horizon: Number of requests of an order.
        times: Number of orders.
        rng: Random numbers.

    Returns:
        Row numbers [times, horizon] int32.
    """
    return np.stack([rng.permutation(num)[:horizon] for _ in range(times)]).astype(np.int32)
