"""The long-run variance that dependent requests have, measured on their stream beside its exact value.

It is that of alpha - s_t where every request is served at the price gamma*. A queue would undo it: the sum of
alpha - s_t over its requests is Q_{T+1} less what reflection adds, so that MESS+ itself has none in the long run.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax.statistics import long_run
from messjax.statistics.intervals import Interval
from messjax.theory import Laws, markov_modulated
from messjax.types import Array, Stream
from proofs_check.trials.case import Case

STREAMS, REQUESTS = 128, 8_000


class Measured(NamedTuple):
    """The long-run variance of a case, exact and from its stream, per request."""

    case: str
    exact: float
    estimate: Interval

    def __str__(self) -> str:
        """One line, for the terminal."""
        found = self.estimate
        return (
            f"T13, {self.case}: long-run variance of alpha - s_t at the price gamma* {self.exact:.4g}, measured "
            f"{float(found.mean):.4g} [{float(found.lower):.4g}, {float(found.upper):.4g}] (overlapping batch means on "
            f"{found.n} streams of {REQUESTS:,} requests, asymptotic {found.level:.0%})"
        )


def measure(case: Case, key: Array) -> Measured | None:
    """Both values for a case whose requests a hidden chain selects; None for any other."""
    if case.laws is None or case.laws.transition is None:
        return None
    alpha = float(np.ravel(case.controls.alpha)[0])
    served = served_satisfaction(case.stream, case.laws, alpha, key, STREAMS, REQUESTS)
    estimate = long_run.long_run_variance(alpha - served, mean=0.0)
    return Measured(case.name, markov_modulated.long_run_variance(case.laws, alpha), estimate)


def served_satisfaction(stream: Stream, laws: Laws, alpha: float, key: Array, num_streams: int, T: int) -> np.ndarray:
    """s_t of requests drawn from a stream and served at gamma*, [streams, T]."""
    sides = markov_modulated.served_at_price(laws, alpha)

    def one(key: Array) -> Array:
        start, *keys = jax.random.split(key, 3)

        def step(state: Any, t: Array) -> tuple[Any, Array]:
            draw, coin = jax.random.fold_in(keys[0], t), jax.random.fold_in(keys[1], t)
            state, request = stream.draw(draw, state, t)
            price = jnp.where(jax.random.uniform(coin) < sides.share, sides.above, sides.below)
            return state, request.satisfaction[jnp.argmin(request.cost - price * request.mean)]

        return jax.lax.scan(step, stream.init(start), jnp.arange(1, T + 1))[1]

    return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(key, num_streams)), np.float64)
