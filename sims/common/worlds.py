"""Where the scripts of sims/ run: streams calibrated to the published marginals, and the recorded traces beside them.

Every world says what a router may know before the first request: models, unit of cost, and a prefix of requests that
all models have answered, for routers that are trained beforehand. What is run is what comes after the prefix.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax import features, streams, traces, zoo
from messjax.theory import optimum
from messjax.types import Array, Distribution, Stream
from messjax.zoo import Zoo

BENCHMARKS = zoo.get("llama3").benchmarks
PUBLISHED_V = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # [M25]: 1e-6 to 1e-2 per J; here per kJ, the unit of the zoo
PUBLISHED_C = (0.01, 0.1, 1.0)
PREFIX = 0.2  # share of a trace that offline routers are trained on
DIM = 256  # buckets of hashed n-grams


class Prefix(NamedTuple):
    """Requests answered by all models before the first one that is run."""

    features: np.ndarray  # [n, d]
    satisfaction: np.ndarray  # [n, M]
    cost: np.ndarray  # [n, M]


class World(NamedTuple):
    """A stream to route, M models, d features."""

    name: str
    stream: Stream
    prefix: Prefix
    models: tuple[str, ...]
    cost_unit: str
    cost: np.ndarray  # [M] means over the requests that are run
    accuracy: np.ndarray  # [M]
    alpha: float
    horizon: int  # requests of one stream
    recorded: bool = False  # a trace: its C* is that of the labels, and streams are its orders

    @property
    def num_features(self) -> int:
        """d."""
        return self.prefix.features.shape[1]

    @property
    def spread(self) -> float:
        """Mean cost of the most expensive model less that of the cheapest: what V is measured against."""
        return float(np.ptp(self.cost))

    def published_V(self) -> np.ndarray:
        """[5] the V of [M25]: per kJ as they are where costs are kJ, else as large against the spread of costs."""
        if self.cost_unit == "kJ":
            return np.array(PUBLISHED_V)
        return np.array(PUBLISHED_V) * float(np.ptp(zoo.get("llama3").mean_cost())) / self.spread

    def blind(self) -> Distribution:
        """All that is known without looking at requests: the distribution of one type with the models' averages."""
        return Distribution(np.ones(1), self.cost[None], self.accuracy[None])

    def blind_price(self) -> float:
        """What a bit more satisfaction costs at alpha by mixing models blindly: gamma* of `blind`, in cost per unit."""
        return float(optimum.solve(self.blind(), self.alpha).gamma)


def calibrated(name: str, models: Zoo, *, alpha: float, horizon: int, prefix: int = 500, d: int = 16) -> World:
    """Requests of continuous difficulty with a zoo's mean accuracies and costs."""
    cost, accuracy = models.mean_cost(), models.mean_accuracy()
    stream = streams.calibrated(cost, accuracy, num_features=d)
    drawn = draw(stream, jax.random.key(2_411), prefix)
    return World(name, stream, drawn, models.models, models.cost_unit, cost, accuracy, alpha, horizon)


def llama(horizon: int = 13_528, alpha: float = 0.667) -> World:
    """The zoo of [M25] on the average of its eight benchmarks; as many requests as they have, if not said otherwise."""
    return calibrated("llama3", zoo.get("llama3"), alpha=alpha, horizon=horizon)


def benchmark(name: str) -> World:
    """One benchmark of [M25] at its SLA and its number of requests."""
    one = zoo.get(f"llama3/{name}")
    assert one.requests is not None
    return calibrated(name, one, alpha=float(one.alpha[0]), horizon=int(one.requests[0]))


def draw(stream: Stream, key: Array, num: int) -> Prefix:
    """The first requests of a stream that has no memory, with the outcomes of all models."""
    return Prefix(*(np.asarray(values) for values in _draw(stream.without_host_data(), key, num)))


@functools.partial(jax.jit, static_argnames="num")
def _draw(stream: Stream, key: Array, num: int) -> tuple[Array, Array, Array]:
    state = stream.init(key)

    def one(t: Array) -> tuple[Array, Array, Array]:
        request = stream.draw(jax.random.fold_in(key, t), state, t)[1]
        return request.features, request.satisfaction, request.cost

    return jax.vmap(one)(jnp.arange(1, num + 1))


# --- recorded traces ----------------------------------------------------------------------------------------------

_RECORDED = {  # name: (folder, how costs are made, what is done with scores, alpha); as in docs/traces.md
    "MMLU": ("routellm_mmlu", traces.CostRule("constant", {"mixtral": (0.24,), "gpt-4": (24.7,)}), "fail", 0.75),
    "RouterArena": ("routerarena", traces.CostRule("recorded"), "clip", 0.6),
    "AlpacaEval": (
        "alpaca_eval", traces.CostRule("parameters", {"1B": (1.0,), "3B": (3.0,), "8B": (8.0,)}), "threshold=1.5", 0.5,
    ),
}  # fmt: skip


def folder() -> Path:
    """Where recorded traces lie: MESSJAX_TRACES, or shared/traces beside the checkout."""
    return Path(os.environ.get("MESSJAX_TRACES", Path(__file__).parents[3] / "shared" / "traces"))


@functools.cache
def trace(name: str) -> traces.Trace | None:
    """A recorded trace as it is prepared for `recorded`, whole; None where its folder is not there."""
    where, rule, scores, _ = _RECORDED[name]
    if not (folder() / where).is_dir():
        return None
    return traces.prepare(traces.read(folder() / where), rule, traces.Choices(scores=scores))


@functools.cache
def recorded(name: str) -> World | None:
    """A recorded trace, a fifth of it (drawn once for all) as prefix; None where its folder is not there."""
    result = trace(name)
    if result is None:
        return None
    x = features.hashed_ngrams(result.prompts, dim=DIM)
    order = np.random.default_rng(2_505).permutation(len(x))
    first, rest = np.split(order, [int(PREFIX * len(x))])
    satisfaction, cost = result.satisfaction, result.cost
    return World(
        name,
        streams.replay(x[rest], satisfaction[rest], cost[rest]),
        Prefix(x[first], satisfaction[first], cost[first]),
        result.models,
        result.cost_unit,
        cost[rest].mean(axis=0),
        satisfaction[rest].mean(axis=0),
        _RECORDED[name][-1],
        len(rest),
        recorded=True,
    )


def all_recorded() -> list[World]:
    """The recorded traces that are there; says so where they are not."""
    result = [world for world in map(recorded, _RECORDED) if world is not None]
    if len(result) < len(_RECORDED):
        missing = ", ".join(name for name in _RECORDED if recorded(name) is None)
        print(f"note: no recorded traces of {missing} in the folder of traces (set MESSJAX_TRACES): left out")
    return result
