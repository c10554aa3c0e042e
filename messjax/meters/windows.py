"""Windows of the last requests: what a user sees now, the worst window, and how long a policy takes to adapt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import expect
from messjax.meters.ledgers import served_satisfaction
from messjax.types import Array, Meter, Step

GOALS = ("alpha", "budget")


class Window(NamedTuple):
    """State of the meter `windowed`.

    Attributes:
        satisfaction: Served satisfactions of the last requests [window] float.
        cost: Their costs [window], in cost units.
        t: Number of requests so far, [] int32.
        worst: The least mean satisfaction of a full window, [] float.
        dearest: The largest mean cost of a full window, [] float.
    """

    satisfaction: Array
    cost: Array
    t: Array
    worst: Array
    dearest: Array


def windowed(window: int = 100) -> Meter:
    """Satisfaction and cost of the last requests, and of the worst window.

    Metrics: `satisfaction_window` and `cost_window` (means of the last `window` requests, of all while there are
    fewer), `satisfaction_worst` and `cost_worst` (the least and the largest such mean over all windows that are full;
    NaN before the first one).

    Args:
        window: Number of requests >= 1.

    Returns:
        The meter.

    Raises:
        ValueError: A window below one.
    """
    return Meter(Partial(_Sized(_whole("windowed", window))), Partial(_add), Partial(_read))


@dataclass(frozen=True)
class _Sized:
    window: int

    def __call__(self, num_models: int) -> Window:
        del num_models
        zeros, nan = jnp.zeros(self.window, jnp.float32), jnp.full((), jnp.nan, jnp.float32)
        return Window(zeros, zeros, jnp.zeros((), jnp.int32), nan, nan)


def _add(number: Window, step: Step) -> Window:
    size = number.satisfaction.shape[0]
    place = (step.t - 1) % size
    satisfaction = number.satisfaction.at[place].set(served_satisfaction(step))
    cost = number.cost.at[place].set(jnp.sum(jnp.where(step.decision.query, step.request.cost, 0.0)))
    full = step.t >= size
    return Window(
        satisfaction, cost, step.t,
        jnp.where(full, jnp.fmin(number.worst, jnp.mean(satisfaction)), number.worst),
        jnp.where(full, jnp.fmax(number.dearest, jnp.mean(cost)), number.dearest),
    )  # fmt: skip


def _read(number: Window) -> dict[str, Any]:
    count = jnp.clip(number.t, 1, number.satisfaction.shape[0]).astype(jnp.float32)
    return {
        "satisfaction_window": jnp.sum(number.satisfaction) / count,
        "cost_window": jnp.sum(number.cost) / count,
        "satisfaction_worst": number.worst,
        "cost_worst": number.dearest,
    }


class Delay(NamedTuple):
    """State of the meters `adoption` and `tracking`.

    Attributes:
        recent: What is averaged, of the last requests [window] float.
        seen: Number of requests since the change, [] int32.
        held: Number of consecutive requests that the condition has held, [] int32.
        delay: Requests from the change to the first of those; NaN until the condition has held long enough, [] float.
    """

    recent: Array
    seen: Array
    held: Array
    delay: Array


def adoption(model: int, since: int = 1, *, share: float = 0.1, window: int = 100, hold: int = 50) -> Meter:
    """How long a model that has come takes to be adopted.

    Metric: `adoption_delay`, the number of requests from request `since` to the first of `hold` consecutive requests
    at each of which the model has served at least `share` of the last `window` ones; NaN where that did not happen.
    With the default numbers this is the rule of arXiv 2604.00136.

    Args:
        model: Number of the model.
        since: Request with which it came.
        share: Share of the window that it must serve, in (0, 1].
        window: Number of requests of the window >= 1.
        hold: Number of consecutive requests >= 1.

    Returns:
        The meter.

    Raises:
        ValueError: Numbers out of range.
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"adoption: share is {share}, expected a number in (0, 1]")
    add = _Delay("adoption", _whole("adoption", hold), "")
    return _delayed("adoption", window, add, jnp.asarray([since, model], jnp.int32), share)


def tracking(since: int, *, goal: str = "alpha", window: int = 100, hold: int = 50, tolerance: float = 0.0) -> Meter:
    """How long a policy takes to meet its goal again after a change.

    Metric: `tracking_delay`, the number of requests from request `since` to the first of `hold` consecutive requests at
    each of which the window of the last `window` requests, none from before `since`, meets the goal; NaN where that did
    not happen.

    Args:
        since: First request after the change.
        goal: "alpha" (mean satisfaction at least alpha - tolerance) or "budget" (mean cost at most budget times
            1 + tolerance).
        window: Number of requests of the window >= 1; while there are fewer since the change, all of those.
        hold: Number of consecutive requests >= 1.
        tolerance: How far the goal may be missed, >= 0.

    Returns:
        The meter.

    Raises:
        ValueError: Numbers out of range, an unknown goal; when a run begins, the goal "budget" without a budget.
    """
    if goal not in GOALS or not tolerance >= 0.0:
        raise ValueError(f"tracking: found goal {goal!r}, tolerance {tolerance}, expected {' or '.join(GOALS)}, >= 0")
    add = _Delay("tracking", _whole("tracking", hold), goal)
    return _delayed("tracking", window, add, jnp.asarray([since, 0], jnp.int32), tolerance)


def _delayed(name: str, window: int, add: Any, integers: Array, number: float) -> Meter:
    started = _whole(name, window)
    expect(f"{name}: since", int(integers[0]), int, "a request number")
    if int(integers[0]) < 1 or int(integers[1]) < 0:
        raise ValueError(f"{name}: found request {int(integers[0])} and model {int(integers[1])}, expected >= 1, >= 0")
    return Meter(
        Partial(_Started(started)), Partial(add, integers, jnp.asarray(number, jnp.float32)), Partial(_ReadDelay(name))
    )


@dataclass(frozen=True)
class _Started:
    window: int

    def __call__(self, num_models: int) -> Delay:
        del num_models
        none = jnp.zeros((), jnp.int32)
        return Delay(jnp.zeros(self.window, jnp.float32), none, none, jnp.full((), jnp.nan, jnp.float32))


@dataclass(frozen=True)
class _Delay:
    name: str
    hold: int
    goal: str

    def __call__(self, integers: Array, number: Array, state: Delay, step: Step) -> Delay:
        since, model = integers
        after = step.t >= since
        # Adoption looks at all of the last requests; tracking at those since the change.
        keep = jnp.ones((), bool) if self.name == "adoption" else after
        recent = state.recent.at[(step.t - 1) % state.recent.shape[0]].set(self._value(step, model))
        recent = jnp.where(keep, recent, 0.0)
        seen = state.seen + after.astype(jnp.int32)
        good = after & self._good(recent, seen, step, number)
        held = jnp.where(good, state.held + 1, 0)
        found = jnp.where(held >= self.hold, (step.t - since - self.hold + 1).astype(jnp.float32), jnp.nan)
        return Delay(recent, seen, held, jnp.where(jnp.isnan(state.delay), found, state.delay))

    def _value(self, step: Step, model: Array) -> Array:
        if self.name == "adoption":
            return (step.decision.serve == model).astype(jnp.float32)
        if self.goal == "alpha":
            return served_satisfaction(step)
        return jnp.sum(jnp.where(step.decision.query, step.request.cost, 0.0))

    def _good(self, recent: Array, seen: Array, step: Step, number: Array) -> Array:
        size = recent.shape[0]
        if self.name == "adoption":
            return jnp.sum(recent) >= number * size - 1e-3  # whole numbers: the margin is that of rounding share * size
        mean = jnp.sum(recent) / jnp.clip(seen, 1, size)
        if self.goal == "alpha":
            return mean >= step.controls.alpha - number
        if step.controls.budget is None:
            raise ValueError("tracking: found no budget, expected Controls(budget=...) with goal='budget'")
        return mean <= step.controls.budget * (1.0 + number)


@dataclass(frozen=True)
class _ReadDelay:
    name: str

    def __call__(self, number: Delay) -> dict[str, Any]:
        return {f"{self.name}_delay": number.delay}


def _whole(name: str, number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"{name}: found {number!r} requests, expected a whole number >= 1")
    return number
