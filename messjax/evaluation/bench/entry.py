"""What a policy of the comparison is: what it knows and queries, and the 32 settings that it is tuned over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import qmc

from messjax import predictors
from messjax.components import expect
from messjax.evaluation.bench.data import BenchData
from messjax.evaluation.recommendation import heads
from messjax.predictors import ridge_regression as ridge
from messjax.types import Controls, Policy, Predictor

SETTINGS = 32
HISTORY = ("cold", "warm prior", "full history")
QUERIES = ("one", "all")
ALPHA = (0.60, 0.97)  # range of alpha as a knob
EXPLORATION = (0.002, 0.5)  # range of c, log scale


class Range(NamedTuple):
    """A number that is tuned.

    Attributes:
        low: Least value.
        high: Largest value.
        log: Whether values are spread evenly on a log scale.
    """

    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> float:
        """The value at a share of the range.

        Args:
            share: From 0 to 1.

        Returns:
            The value.
        """
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return float(self.low + share * (self.high - self.low))


class Setting(NamedTuple):
    """One setting of a policy.

    Attributes:
        policy: The policy.
        controls: Its controls, with a budget.
        words: The numbers that were chosen, by name, for display.
    """

    policy: Policy
    controls: Controls
    words: Mapping[str, float]


class Entrant(NamedTuple):
    """A policy of the comparison.

    Attributes:
        history: What it knows before the first request: one of `HISTORY`.
        queries: "one" model a request, or "all" where it explores.
        settings: Its settings, at most 32, all of one structure.
        default: (track, target) -> its published setting for that target; None where it has none for the track.
        follows_availability: Whether it can serve where models come and go.
        needs_label: Whether it needs the outcomes of models that did not serve, which one-sided feedback withholds.
    """

    history: str
    queries: str
    settings: tuple[Setting, ...]
    default: Callable[[str, float], Setting | None]
    needs_label: bool = False

    @property
    def follows_availability(self) -> bool:
        """Whether it can serve where models come and go."""
        return bool(self.settings[0].policy.traits.follows_availability)


Build = Callable[[BenchData, np.ndarray], Entrant]  # (data, budgets [B]) -> the policy with its settings


def entrant(
    make: Callable[..., Policy],
    ranges: Mapping[str, Range],
    *,
    history: str,
    queries: str = "one",
    native: str | None,
    defaults: Mapping[str, float],
    budget: float = 1.0,
    needs_label: bool = False,
) -> Entrant:
    """A policy with 32 settings that are spread evenly over the ranges of its numbers (a Sobol sequence).

    Args:
        make: (**numbers that are no controls) -> the policy.
        ranges: Ranges of the controls (V, alpha, c, a, budget) and of the arguments of `make`.
        history: One of `HISTORY`.
        queries: One of `QUERIES`.
        native: The track whose target the policy takes itself: "floor" (as alpha), "ceiling" (as budget), or None.
        defaults: The published value of everything in `ranges` but the native knob.
        budget: The budget where the ranges have none.
        needs_label: Whether it needs outcomes of models that did not serve.

    Returns:
        The entrant.

    Raises:
        ValueError: Another history or other queries.
    """
    if history not in HISTORY or queries not in QUERIES:
        raise ValueError(f"entrant: found {history!r} and {queries!r}, expected one of {HISTORY} and one of {QUERIES}")
    points = qmc.Sobol(len(ranges), scramble=True, rng=np.random.default_rng(0)).random(SETTINGS) if ranges else [()]
    combinations = [{name: one.at(x) for (name, one), x in zip(ranges.items(), point, strict=True)} for point in points]
    knob = {"floor": "alpha", "ceiling": "budget"}.get(native or "")

    def setting(numbers: Mapping[str, float]) -> Setting:
        controls = {name: float(number) for name, number in numbers.items() if name in Controls._fields}
        rest = {name: number for name, number in numbers.items() if name not in Controls._fields}
        policy = make(**rest)
        expect("policy", policy, Policy, "a Policy")
        return Setting(policy, Controls(**({"budget": budget} | controls)), dict(numbers))

    def default(track: str, target: float) -> Setting | None:
        return setting({**defaults, knob: target}) if knob is not None and track == native else None

    return Entrant(history, queries, tuple(setting(each) for each in combinations), default, needs_label)


def spent(budgets: np.ndarray) -> Range:
    """The range of the knob of a policy that keeps a budget.

    Args:
        budgets: Budgets per request [B].

    Returns:
        Half of the least one to twice the largest one, in equal ratios.
    """
    return Range(float(budgets.min()) * 0.5, float(budgets.max()) * 2.0, log=True)


def spread(data: BenchData) -> float:
    """The range of the models' listed costs.

    Args:
        data: The data.

    Returns:
        Cost per request; 1 where all cost the same.
    """
    return float(np.ptp(data.listed_cost)) or 1.0


def weights(data: BenchData) -> Range:
    """The range of V: a queue of 1 to 500 requests weighs as much as the range of the models' listed costs.

    Args:
        data: The data.

    Returns:
        The range.
    """
    return Range(1.0 / spread(data), 500.0 / spread(data), log=True)


def usual_weight(data: BenchData) -> float:
    """V of a default setting: ten requests of a queue over the range of the models' listed costs.

    Args:
        data: The data.

    Returns:
        V, in 1 / cost unit.
    """
    return 10.0 / spread(data)


def head(data: BenchData, *, warm: bool) -> ridge.Ridge:
    """Ridge regression before the first request: nothing known, or trained on the history.

    Args:
        data: The data.
        warm: Whether it is trained.

    Returns:
        Its statistics.
    """
    num_models, d = len(data.models), data.parts.training.features.shape[1]
    if warm:
        return heads.fit_ridge(data.parts.training)[0]
    return ridge.prior(np.full(num_models, 0.5), d)


def frozen_head(data: BenchData) -> Predictor:
    """The regression trained on the history, which learns nothing more.

    Args:
        data: The data.

    Returns:
        The predictor.
    """
    trained = head(data, warm=True)
    return predictors.frozen(ridge.ridge(trained), trained)
