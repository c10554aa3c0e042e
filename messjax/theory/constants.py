"""The constants of a law of requests, and the one record of numbers that every bound takes.

A bound is called with a `BoundInputs`, with numbers by keyword, or with both (keywords then replace fields):

    T1_queue(inputs)        T1_queue(V=10.0, gamma=2.0, B=0.125, T=1_000, S_T=0.0)        T1_queue(inputs, S_T=0.0)

Numbers by position are a TypeError: eleven of them are too easily swapped.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from messjax.theory.arguments import Floats, floats
from messjax.theory.optimum import Optimum, check_alpha, check_distribution
from messjax.types import Distribution


class Constants(NamedTuple):
    """The constants of a law at one alpha ("Constants" in docs/theory). Cost in the unit of the law."""

    delta: float  # max(alpha, 1 - alpha), the largest step |alpha - s|
    B: float  # delta^2 / 2
    E_all: float  # E[sum_m E_m], what exploring one request costs
    dE: float  # E[E_pi0 - min_m E_m], what pi0 costs above the cheapest model
    beta: float  # E[s under pi0] - alpha
    beta_M: float  # E[s_M] - alpha of the last model, equal to beta where that is pi0


def distribution_constants(distribution: Distribution, alpha: float, *, pi0: int | None = None) -> Constants:
    """delta, B, E_all, dE, beta and beta_M of docs/theory for a law of requests.

    Args:
        distribution: the law, K request types and M models.
        alpha: satisfaction asked for, in [0, 1]. It need not be attainable: beta and beta_M may be negative.
        pi0: number of the model that pi0 always serves, 0 to M - 1; None: the last one, as in [M25].

    Returns:
        The constants, costs in the unit of the law.

    Raises:
        ValueError: the law is not one (see `optimum.check_distribution`), alpha is outside [0, 1], or there is no such
            model.

    Source: "Constants" in docs/theory.
    """
    alpha, distribution = check_alpha(alpha), check_distribution(distribution)
    num_models = distribution.cost.shape[1]
    pi0 = num_models - 1 if pi0 is None else pi0
    if not 0 <= pi0 < num_models:
        raise ValueError(f"pi0 is {pi0}, expected the number of a model, 0 to {num_models - 1}.")
    delta, weight = max(alpha, 1.0 - alpha), distribution.weight
    return Constants(
        delta=delta,
        B=delta**2 / 2.0,
        E_all=float(weight @ distribution.cost.sum(axis=1)),
        dE=float(weight @ (distribution.cost[:, pi0] - distribution.cost.min(axis=1))),
        beta=float(weight @ distribution.mean[:, pi0]) - alpha,
        beta_M=float(weight @ distribution.mean[:, -1]) - alpha,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoundInputs:
    """The numbers that bounds are computed from, by name only. None: not given, a TypeError where it is needed.

    All broadcast as in NumPy, so that leave-one-out means can stand where a measured mean does; NaN passes through.
    """

    V: Any = None  # weight of cost against satisfaction, in 1 / cost unit
    alpha: Any = None  # satisfaction asked for, in [0, 1]
    gamma: Any = None  # gamma*, a maximiser of the dual, in cost per unit of satisfaction
    C_star: Any = None  # C*, in cost per request
    T: Any = None  # requests
    P_T: Any = None  # sum_t p_t, explored requests to be expected
    B: Any = None  # max(alpha, 1 - alpha)^2 / 2
    delta: Any = None  # max(alpha, 1 - alpha)
    beta: Any = None  # E[s under pi0] - alpha
    beta_M: Any = None  # E[s_M] - alpha of the last model, which serves explored requests
    dE: Any = None  # E[E_pi0 - min_m E_m], in cost per request
    E_all: Any = None  # E[sum_m E_m], in cost per request
    S_T: Any = None  # sum_t E[(1 - p_t) Q_t e_t], measured
    exploration_queue: Any = None  # sum_t p_t E[Q_t], measured
    R_T: Any = None  # max(0, -beta_M) sum_t p_t E[Q_t]; None: from `exploration_queue` (zero where that is None, too)
    ebar: Any = 0.0  # what E[e_t | past] does not exceed where a request may be exploited
    error_sum: Any = 0.0  # sum_t (1 - p_t) sqrt(E[e_t^2])
    Q_1: Any = 0.0  # the queue at the start, in requests
    f: Any = None  # probability that a request gives feedback, in (0, 1]
    f_explored: Any = None  # the same of explored requests; None: f
    delay: Any = 0.0  # requests by which feedback is late

    @classmethod
    def at(cls, constants: Constants, best: Optimum, **fields: Any) -> BoundInputs:
        """The constants and the optimum of a law, and what else is given by name."""
        return cls(**constants._asdict(), alpha=best.alpha, gamma=best.gamma, C_star=best.cost).replace(**fields)

    def replace(self, **fields: Any) -> BoundInputs:
        """The same with other numbers for these names."""
        return dataclasses.replace(self, **fields)

    def floats(self, names: str) -> tuple[Floats, ...]:
        """These fields ("V gamma T") as float64 arrays; "R_T" is `inversion`."""
        return floats(*(self.inversion if name == "R_T" else getattr(self, name) for name in names.split()))

    @property
    def inversion(self) -> Any:
        """R_T = max(0, -beta_M) sum_t p_t E[Q_t], zero where the last model meets alpha."""
        if self.R_T is not None:
            return self.R_T
        if self.exploration_queue is None or self.beta_M is None:
            return 0.0
        return np.maximum(0.0, -np.asarray(self.beta_M, np.float64)) * self.exploration_queue


FIELDS = frozenset(field.name for field in dataclasses.fields(BoundInputs))


def bound_function(needs: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a bound of a function of (`BoundInputs`, its own keywords): see the module's docstring for how it is called.

    Args:
        needs: names of the fields that it cannot do without, "V gamma B".
    """

    def made(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            name = function.__name__
            if given and not (len(given) == 1 and isinstance(given[0], BoundInputs)):
                found = ", ".join("BoundInputs" if isinstance(each, BoundInputs) else repr(each) for each in given)
                raise TypeError(f"{name}: found {found} by position, expected one BoundInputs and numbers by keyword")
            fields = {key: named.pop(key) for key in [*named] if key in FIELDS}
            inputs = given[0].replace(**fields) if given else BoundInputs(**fields)
            if missing := [field for field in needs.split() if getattr(inputs, field) is None]:
                raise TypeError(f"{name}: {', '.join(missing)} not given, expected a number or an array for each")
            return function(inputs, **named)

        return call

    return made
