"""A meter for one path watched over time: the running numbers that a confidence sequence needs, folded online.

`watch` folds S_t = sum X_i and V_t = sum (X_i - guess_i)^2 of a bounded function X of the steps, and
`confidence_sequences.running_mean_of_conditional_means` turns their readings at any checkpoints into limits for
(1/t) sum E[X_i | past] that are right at all t at once. T5 of docs/theory.md on a single path, for instance:

    def regret(step):  # E[. | past] >= 0 for every honest policy, whatever it has learned by then
        paid = jnp.sum(jnp.where(step.decision.query, step.request.cost, 0.0))
        return paid + gamma * (step.controls.alpha - meters.served_satisfaction(step)) - C_star

    meter = watch("regret", regret, low=least_cost + gamma * (alpha - 1) - C_star, high=E_sum + gamma * alpha - C_star)
    curve = simulate(key, Controls(alpha=alpha), meter=meter, checkpoints=100, ...).curve
    S, V = (curve[f"regret_{name}"].to_host() for name in ("sum", "spread"))
    limits = sequences.running_mean_of_conditional_means(S, V, times, low, high, one_sided=True)

Wherever limits.upper < 0 the policy has seen labels it may not see (or C* is wrong, or the stream is not i.i.d.).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.numerics.compensated import Sum
from messjax.numerics.compensated import add as add_to_sum
from messjax.types import Array, Meter, Step

ROUNDING = 1e-6  # of the larger bound: how far float32 may carry X out of its bounds


class BoundedSums(NamedTuple):
    """What `watch` carries."""

    total: Sum
    spread: Sum


@dataclass(frozen=True)
class _Read:
    """Readings under a name; hashable by value, so that a meter built twice is the same program."""

    name: str

    def __call__(self, number: BoundedSums) -> dict[str, Any]:
        return {f"{self.name}_sum": number.total, f"{self.name}_spread": number.spread}


def bounded_mean(name: str, of: Callable[[Step], Array], low: float, high: float) -> Meter:
    """Folds S_t and V_t of X_t = `of(step)` [] float, which must lie in [low, high].

    Readings `<name>_sum` (S_t) and `<name>_spread` (V_t), compensated. The guess of X_t in V_t is the mean of the past,
    with (low + high) / 2 before it: known before request t, as the theorem demands, and its rounding does no harm.
    An X outside the bounds by more than 1e-6 of the larger one makes both readings NaN from there on, since no step can
    raise an error; nearer ones are rounding, and are clipped. low and high are arguments of the compiled program.

    Raises:
        ValueError: bounds that are not finite, or low >= high.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"watch {name}: low is {low} and high is {high}, expected finite bounds, low below high.")
    bounds = (jnp.float32(low), jnp.float32(high))
    return Meter(Partial(_init), Partial(_add, Partial(of), bounds), Partial(_Read(name)))


def _init(num_models: int) -> BoundedSums:
    del num_models
    none = Sum(jnp.zeros((), jnp.float32), jnp.zeros((), jnp.float32))
    return BoundedSums(none, none)


def _add(of: Callable[[Step], Array], bounds: tuple[Array, Array], number: BoundedSums, step: Step) -> BoundedSums:
    low, high = bounds
    x = of(step)
    slack = ROUNDING * jnp.maximum(jnp.abs(low), jnp.abs(high))
    inside = (x >= low - slack) & (x <= high + slack)  # false for NaN
    x = jnp.where(inside, jnp.clip(x, low, high), jnp.nan)
    guess = (number.total.high + (low + high) / 2) / step.t
    return BoundedSums(add_to_sum(number.total, x), add_to_sum(number.spread, (x - guess) ** 2))
