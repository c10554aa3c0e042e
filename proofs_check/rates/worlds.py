"""Three streams that rates are measured on, each with its gamma*, and a meter of little noise for the cost gap."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax import streams
from messjax.meters import folds
from messjax.theory import optimum
from messjax.types import Array, Distribution, Meter, Step, Stream
from proofs_check.trials import cases


class World(NamedTuple):
    """A stream of two models with its distribution and an alpha; costs have no unit."""

    name: str
    stream: Stream
    distribution: Distribution
    alpha: float
    best: optimum.Optimum
    margin: float  # the loss of a prediction error e is of order e^(1 + margin)

    @property
    def gamma(self) -> float:
        """gamma*."""
        return self.best.gamma

    @property
    def explored_excess(self) -> float:
        """What an explored request costs on average above the least of E_m + gamma* (alpha - mu_m)."""
        price = self.distribution.cost - self.gamma * self.distribution.mean
        paid = self.distribution.cost.sum(1) - self.gamma * self.distribution.mean[:, -1]
        return float(self.distribution.weight @ (paid - price.min(1)))


def _world(name: str, stream: Stream, alpha: float, margin: float) -> World:
    assert stream.distribution is not None
    distribution = stream.distribution()
    return World(name, stream, distribution, alpha, optimum.solve(distribution, alpha), margin)


def kinked() -> World:
    """One type of request: the dual has a kink at gamma* = 2. Q drifts up by .4 below it, down by .1 above."""
    return _world("one type (kink)", streams.types(cases.kinked()), 0.7, np.nan)


def smooth() -> World:
    """Continuous features: the dual is smooth, and few requests are close calls between the models."""
    stream = streams.calibrated(np.array([0.2, 1.2]), np.array([0.35, 0.75]), num_features=3, shared=0.0)
    return _world("continuous features (smooth)", stream, 0.6, 1.0)


def close_calls(octaves: int = 9) -> World:
    """Types at every distance from a tie between the models, as many in every octave, and one tie at gamma* = 2.

    The more expensive model is better by .5 +- .4 2^-j; an error e misranks the models on all types closer to a tie
    than about e, which is a fixed share of requests per octave, so that the loss is of order e: T2 allows no more.
    """
    apart = 0.4 * 2.0 ** -np.arange(octaves)
    gain = np.concatenate([0.5 - apart, [0.5], 0.5 + apart])
    weight = np.full(len(gain), 0.8 / (2 * octaves))
    weight[octaves] = 0.2
    distribution = Distribution(
        weight, np.tile([0.2, 1.2], (len(gain), 1)), np.stack([np.full(len(gain), 0.05), 0.05 + gain], 1)
    )
    alpha = 0.05 + weight[octaves] * 0.25 + float((weight * gain)[octaves + 1 :].sum())  # the middle type is mixed
    return _world("close calls at every scale", streams.types(distribution), float(np.round(alpha, 6)), 0.0)


def excess(world: World) -> Meter:
    """Meter of `excess`, the mean of E_paid + gamma* (alpha - mu_served) above its least over single models.

    Its expectation is that of average cost - C* + gamma* x violation (T5's adjusted regret per request), exactly, with
    mu in the place of labels: hundreds of times less variance.
    """
    return folds.mean("excess", Partial(_excess, jnp.float32(world.gamma)))


def explored_excess(world: World) -> Meter:
    """Meter of `explored_excess`: the part of `excess` that falls on explored requests."""
    return folds.mean("explored_excess", Partial(_explored, jnp.float32(world.gamma)))


def _excess(gamma: Array, step: Step) -> Any:
    cost, mu = step.request.cost, step.request.mean
    price = cost - gamma * mu
    paid = jnp.sum(jnp.where(step.decision.query, cost, 0.0))
    return paid - gamma * jnp.sum(jnp.where(step.decision.served_mask, mu, 0.0)) - jnp.min(price)


def _explored(gamma: Array, step: Step) -> Any:
    return jnp.where(step.decision.explore, _excess(gamma, step), 0.0)
