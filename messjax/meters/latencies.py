"""Latency, a second cost: how long a request takes, from the times of the models that were asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics import compensated
from messjax.types import Array, Meter, Step

RULES = ("maximum", "sum", "served")


class Latency(NamedTuple):
    """State of the meter `latency`.

    Attributes:
        t: Number of requests so far, [] int32.
        total: Sum of the latencies.
        longest: The largest latency, [] float.
    """

    t: Array
    total: compensated.Sum
    longest: Array


def latency(rule: str = "maximum") -> Meter:
    """How long requests take, on a stream that says how long each model does (`Request.latency`).

    Metrics, in the stream's unit of time: `latency` (mean per request) and `latency_max` (the longest request). A
    refused request takes no time.

    Args:
        rule: What the latency of a request is. "maximum": of the models asked, which run at the same time; "sum": they
            run one after the other; "served": of the model that serves, if the others are asked afterwards.

    Returns:
        The meter.

    Raises:
        ValueError: Another rule; when a run begins, a stream without latencies.
    """
    if rule not in RULES:
        raise ValueError(f"latency: rule is {rule!r}, expected one of {', '.join(RULES)}")
    return Meter(Partial(_init), Partial(_Add(rule)), Partial(_read))


def _init(num_models: int) -> Latency:
    del num_models
    return Latency(jnp.zeros((), jnp.int32), compensated.zero(), jnp.zeros((), jnp.float32))


@dataclass(frozen=True)
class _Add:
    rule: str

    def __call__(self, number: Latency, step: Step) -> Latency:
        if step.request.latency is None:
            raise ValueError("latency: the stream has none, expected Request.latency, as streams.with_latency gives it")
        asked = step.decision.served_mask if self.rule == "served" else step.decision.query
        times = jnp.where(asked, step.request.latency, 0.0)
        taken = jnp.max(times) if self.rule == "maximum" else jnp.sum(times)
        return Latency(step.t, compensated.add(number.total, taken), jnp.maximum(number.longest, taken))


def _read(number: Latency) -> dict[str, Any]:
    return {"latency": compensated.Mean(number.total, number.t), "latency_max": number.longest}
