"""A meter for sequential analysis of one path: the running sums that a confidence sequence needs, folded online.

`bounded_mean` folds S_t = sum X_i and V_t = sum (X_i - guess_i)^2 of a bounded function X of the steps, and
`confidence_sequences.running_mean_of_conditional_means` turns them, at any checkpoints, into limits for
(1/t) sum E[X_i | past] that hold at all t simultaneously. T5 of docs/theory.md on a single path, for instance:

    def regret(step):  # E[. | past] >= 0 for every policy that does not see labels beforehand
        paid = jnp.sum(jnp.where(step.decision.query, step.request.cost, 0.0))
        return paid + gamma * (step.controls.alpha - standard_meters.served_satisfaction(step)) - C_star

    low, high = least_cost + gamma * (alpha - 1) - C_star, E_sum + gamma * alpha - C_star
    curve = simulate(key, Controls(alpha=alpha), meter=bounded_mean("regret", regret, low, high), checkpoints=100,
        ...).curve
    S, V = (curve[f"regret_{name}"].to_host() for name in ("sum", "spread"))
    limits = running_mean_of_conditional_means(S, V, times, low, high, one_sided=True)

Where limits.upper < 0 the policy used labels that it must not see (or C* is wrong, or the stream is not i.i.d.).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.numerics.compensated import Sum
from messjax.numerics.compensated import add as add_to_sum
from messjax.types import Array, Meter, Step

ROUNDING = 1e-6  # of the larger bound: how far float32 may carry X out of its bounds


class BoundedSums(NamedTuple):
    """State of the meter `bounded_mean`.

    Attributes:
        total: S_t, the sum of X_i.
        spread: V_t, the sum of (X_i - guess_i)^2.
    """

    total: Sum
    spread: Sum


@dataclass(frozen=True)
class _Read:
    """Readings under a name; hashable by value, so that a meter built twice is the same program."""

    name: str

    def __call__(self, number: BoundedSums) -> dict[str, Any]:
        return {f"{self.name}_sum": number.total, f"{self.name}_spread": number.spread}


def bounded_mean(name: str, of: Callable[[Step], Array], low: float, high: float) -> Meter:
    """Folds S_t and V_t of a bounded function X_t of the steps.

    Metrics `<name>_sum` (S_t) and `<name>_spread` (V_t), compensated. The guess of X_t in V_t is the mean of the past,
    with (low + high) / 2 before it: it is known before request t, as the theorem requires, and its rounding does no
    harm. An X outside the bounds by more than 1e-6 of the larger one makes both metrics NaN from there on, since a
    compiled step cannot raise an error; smaller excesses are rounding, and are clipped.

    Args:
        name: Name of the metrics.
        of: step -> X_t [] float.
        low: What X_t is at least; an argument of the compiled program.
        high: What X_t is at most; an argument of the compiled program.

    Returns:
        The meter.

    Raises:
        ValueError: Bounds that are not finite, or low >= high.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"watch {name}: low is {low} and high is {high}, expected finite bounds, low below high.")
    bounds = (jnp.float32(low), jnp.float32(high))
    return Meter(Partial(_init), Partial(_add, as_pytree(of), bounds), Partial(_Read(name)))


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
