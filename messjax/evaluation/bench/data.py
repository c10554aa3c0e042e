"""The requests of a comparison, in three parts: history, tuning and judging. No request is in two of them."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax import features
from messjax.evaluation.recommendation import requests
from messjax.evaluation.recommendation.requests import Parts, Requests
from messjax.traces import Trace
from messjax.types import Stream

FEWEST = 200  # requests, of which half are judged on
DIM = 256
COMPONENTS = 16  # principal components of hashed n-grams that policies see


class BenchData(NamedTuple):
    """What a comparison is made on. Models are ordered by mean cost on the history, cheapest first.

    Attributes:
        parts: History (`training`), tuning and judging requests, with features that only the history was used to make.
        models: Names of the M models.
        cost_unit: Unit of the costs per request.
        source: Name of the trace or stream.
        horizon: Number of requests of a stream.
        judged: [N, M] scores of a second judge for all requests of the trace, or None.
    """

    parts: Parts
    models: tuple[str, ...]
    cost_unit: str
    source: str
    horizon: int
    judged: np.ndarray | None = None

    @property
    def listed_cost(self) -> np.ndarray:
        """[M] mean cost of each model on the history, its list price per request."""
        return np.asarray(self.parts.training.cost, np.float64).mean(axis=0)

    @property
    def listed_satisfaction(self) -> np.ndarray:
        """[M] mean satisfaction of each model on the history."""
        return np.asarray(self.parts.training.satisfaction, np.float64).mean(axis=0)

    @property
    def validation(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean cost [M] and mean satisfaction [M] on history and tuning part together."""
        both = [np.concatenate([getattr(part, name) for part in self.parts[:2]]) for name in ("cost", "satisfaction")]
        return both[0].mean(axis=0), both[1].mean(axis=0)


def of_trace(trace: Trace, seed: int = 7) -> BenchData:
    """A recorded trace, its prompts as hashed n-grams and their leading principal components.

    Args:
        trace: The trace; one that `traces.with_judge` returned has the scenario "second judge" as well.
        seed: Seed of the division into parts.

    Returns:
        The data.

    Raises:
        ValueError: Fewer than 200 requests, or a single model.
    """
    num = len(trace.prompts)
    if num < FEWEST:
        raise ValueError(f"{trace.source}: found {num} requests, expected at least {FEWEST} to compare policies")
    x = features.hashed_ngrams(trace.prompts, dim=DIM)
    every = Requests(x, trace.satisfaction, trace.cost, np.array(list(trace.groups)), np.arange(num))
    return _data(every, trace.models, trace.cost_unit, trace.source, seed, trace.judged)


def of_stream(stream: Stream, num: int = 3_600, *, seed: int = 7, source: str = "synthetic") -> BenchData:
    """Requests drawn from a stream.

    Args:
        stream: A stream with a description, such as `zoo.get("llama3").stream()`.
        num: Number of requests.
        seed: Seed of the requests and of the division into parts.
        source: What the stream is called.

    Returns:
        The data.

    Raises:
        ValueError: Fewer than 200 requests, or a single model.
    """
    if num < FEWEST:
        raise ValueError(f"bench: found {num} requests, expected at least {FEWEST} to compare policies")
    names = tuple(f"model {m}" for m in range(stream.num_models))
    about = stream.description
    request = _drawn(stream, jax.random.key(seed), num)
    x, cost, s = (np.asarray(each, np.float64) for each in request)
    every = Requests(x, s, cost, np.full(num, source), np.arange(num))
    return _data(every, about.models if about else names, about.cost_unit if about else "cost", source, seed)


def _drawn(stream: Stream, key: jax.Array, num: int) -> tuple:
    start, of_requests = jax.random.split(key)

    def one(state: object, t: jax.Array) -> tuple:
        state, request = stream.draw(jax.random.fold_in(of_requests, t), state, t)
        return state, (request.features, request.cost, request.satisfaction)

    return jax.lax.scan(one, stream.init(start), jnp.arange(1, num + 1, dtype=jnp.int32))[1]


def _data(
    every: Requests, models: tuple[str, ...], unit: str, source: str, seed: int, judged: np.ndarray | None = None
) -> BenchData:
    if len(models) < 2:
        raise ValueError(f"{source}: found one model, expected at least two to route among")
    parts = requests.split(every, seed, requests.TUNING)
    order = np.argsort(parts.training.cost.mean(axis=0), kind="stable")
    project = requests.project(parts.training.features, COMPONENTS)
    parts = Parts(
        *(
            part._replace(
                features=project(part.features), cost=part.cost[:, order], satisfaction=part.satisfaction[:, order]
            )
            for part in parts
        )
    )
    judged = None if judged is None else judged[:, order]
    return BenchData(parts, tuple(models[m] for m in order), unit, source, len(parts.judging.rows), judged)
