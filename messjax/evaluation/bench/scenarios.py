"""The scenarios of a comparison: how the stream differs from the requests as they were recorded.

A scenario is a set of arrays, so that all of them run in one compiled program. Three phases of equal length; whatever
changes does so at the beginning of the second, and prices and quality come back in the third.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from messjax.evaluation.bench.data import BenchData

PHASES = 3
LEFT = 2  # models to route among at any time
DELAY = 50  # requests by which feedback is late in the scenario "delayed"
SECOND_JUDGE = "second judge"  # the scenario that needs another judge's scores
DEGRADED = 0.75  # mean satisfaction of a model that degrades silently, as in ParetoBandit's experiment


class Scenario(NamedTuple):
    """What a stream does to the recorded requests; P phases, M models.

    Attributes:
        price: [P, M] factors of the costs.
        quality: [P, M] factors of the satisfactions.
        available: [P, M] bool, the models that can serve.
        delay: Number of requests by which feedback is late.
        f: Fraction of requests with feedback.
        one_sided: Whether only the served model's outcome comes back, whatever was queried.
        noise: Standard deviation of the judge's error.
        bias: The judge's systematic error, added to every score.
        poisoned: Fraction of requests whose feedback is inverted, 1 - s for s.
        costs_known: Whether a policy sees what this request costs; otherwise it sees the models' listed mean costs.
        model: The model that the scenario is about; -1: none.
        second_judge: Whether the scores that come back are those of a second judge.
    """

    price: np.ndarray
    quality: np.ndarray
    available: np.ndarray
    delay: Any
    f: Any
    one_sided: Any
    noise: Any
    bias: Any
    poisoned: Any
    costs_known: Any
    model: Any
    second_judge: Any = np.False_


def stationary(data: BenchData) -> Scenario:
    """Nothing changes, and the served model's cost and score come back after every request.

    Args:
        data: The data.

    Returns:
        The scenario.
    """
    ones = np.ones((PHASES, len(data.models)), np.float32)
    zero = np.float32(0.0)
    return Scenario(
        ones, ones, ones > 0, np.int32(0), np.float32(1.0), np.False_, zero, zero, zero, np.True_, np.int32(-1)
    )


def best_value(data: BenchData) -> int:
    """The model of best value: the first vertex of the hull of (cost, satisfaction) after the cheapest model.

    Args:
        data: The data.

    Returns:
        Its number.
    """
    cost, s = data.listed_cost, data.listed_satisfaction
    gain = np.where(cost > cost[0], (s - s[0]) / np.where(cost > cost[0], cost - cost[0], 1.0), -np.inf)
    return int(np.argmax(gain))


def dearest(data: BenchData) -> int:
    """The most expensive model, the last one.

    Args:
        data: The data.

    Returns:
        Its number.
    """
    return len(data.models) - 1


def _second(data: BenchData, model: int, factor: float) -> np.ndarray:
    table = np.ones((PHASES, len(data.models)), np.float32)
    table[1, model] = factor
    return table


def _price_falls(data: BenchData) -> Scenario:
    model = dearest(data)
    return stationary(data)._replace(price=_second(data, model, 0.1), model=np.int32(model))


def _price_rises(data: BenchData) -> Scenario:
    model = best_value(data)
    return stationary(data)._replace(price=_second(data, model, 10.0), model=np.int32(model))


def _degrades(data: BenchData) -> Scenario:
    model = best_value(data)
    factor = min(1.0, DEGRADED / max(float(data.listed_satisfaction[model]), DEGRADED))
    if factor == 1.0:
        factor = DEGRADED
    return stationary(data)._replace(quality=_second(data, model, factor), model=np.int32(model))


def _arrives(data: BenchData, model: int) -> Scenario:
    there = np.ones((PHASES, len(data.models)), bool)
    there[0, model] = False
    return stationary(data)._replace(available=there, model=np.int32(model))


def _leaves(data: BenchData) -> Scenario:
    model = best_value(data)
    there = np.ones((PHASES, len(data.models)), bool)
    there[1:, model] = False
    return stationary(data)._replace(available=there, model=np.int32(model))


def _sparse(f: float) -> Callable[[BenchData], Scenario]:
    return lambda data: stationary(data)._replace(f=np.float32(f))


def _poisoned(share: float) -> Callable[[BenchData], Scenario]:
    return lambda data: stationary(data)._replace(poisoned=np.float32(share))


SCENARIOS: Mapping[str, Callable[[BenchData], Scenario]] = {
    "stationary": stationary,
    "price falls": _price_falls,
    "price rises": _price_rises,
    "degradation": _degrades,
    "onboarding good cheap": lambda data: _arrives(data, best_value(data)),
    "onboarding bad cheap": lambda data: _arrives(data, 0),
    "onboarding good dear": lambda data: _arrives(data, dearest(data)),
    "removal": _leaves,
    "delayed": lambda data: stationary(data)._replace(delay=np.int32(DELAY)),
    "sparse 0.3": _sparse(0.3),
    "sparse 0.1": _sparse(0.1),
    "sparse 0.03": _sparse(0.03),
    "one-sided": lambda data: stationary(data)._replace(one_sided=np.True_),
    "judge noise": lambda data: stationary(data)._replace(noise=np.float32(0.2)),
    "judge bias": lambda data: stationary(data)._replace(bias=np.float32(0.05)),
    SECOND_JUDGE: lambda data: stationary(data)._replace(second_judge=np.True_),
    "poisoned 0.05": _poisoned(0.05),
    "poisoned 0.2": _poisoned(0.2),
    "costs unknown": lambda data: stationary(data)._replace(costs_known=np.False_),
}
NEEDS_MODEL = ("removal", "onboarding good cheap", "onboarding bad cheap", "onboarding good dear")


def possible(data: BenchData) -> list[str]:
    """The scenarios that the data allow: a second judge needs scores, and two models are to be left at any time.

    Args:
        data: The data.

    Returns:
        Names in `SCENARIOS`.
    """
    few = len(data.models) <= LEFT  # one that comes or goes leaves fewer
    without = {*(NEEDS_MODEL if few else ()), *((SECOND_JUDGE,) if data.judged is None else ())}
    return [name for name in SCENARIOS if name not in without]


def make(names: list[str], data: BenchData) -> dict[str, Scenario]:
    """The scenarios of some names.

    Args:
        names: Names in `SCENARIOS`.
        data: The data.

    Returns:
        Scenarios by name.

    Raises:
        ValueError: A name that is not there, a scenario in which fewer than two models would be left, or a second
            judge that has given no scores.
    """
    if not names or (unknown := [name for name in names if name not in SCENARIOS]):
        found = repr(unknown[0]) if names else "none"
        raise ValueError(f"--scenarios: found {found}, expected some of {', '.join(SCENARIOS)}")
    if SECOND_JUDGE in names and data.judged is None:
        raise ValueError(
            f"--scenarios: {SECOND_JUDGE!r} wants another judge's scores of the same requests, expected --judge TRACE"
        )
    result = {}
    for name in names:
        scenario = SCENARIOS[name](data)
        if (left := int(scenario.available.sum(axis=1).min())) < LEFT:
            raise ValueError(
                f"--scenarios: {name!r} leaves {left} of {len(data.models)} models, expected at least {LEFT} to route "
                "among (a trace with three models)"
            )
        result[name] = scenario
    return result


def stacked(scenarios: Sequence[Scenario]) -> Scenario:
    """Scenarios with a leading axis.

    Args:
        scenarios: K scenarios.

    Returns:
        One tuple of arrays [K, ...].
    """
    return Scenario(*(np.stack(values) for values in zip(*scenarios, strict=True)))


def phase_of(horizon: int) -> np.ndarray:
    """The phase of every request.

    Args:
        horizon: Number of requests T.

    Returns:
        [T] int32, from 0.
    """
    return (PHASES * np.arange(horizon) // horizon).astype(np.int32)
