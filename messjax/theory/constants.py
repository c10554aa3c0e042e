"""The constants of a distribution of requests, and the one record of numbers that every bound takes.

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
    """The constants of a distribution at one alpha ("Constants" in docs/theory). Costs in its unit.

    Attributes:
        delta: max(alpha, 1 - alpha), the largest step |alpha - s|.
        B: delta^2 / 2.
        E_all: E[sum_m E_m], what exploring one request costs.
        dE: E[E_pi0 - min_m E_m], what pi0 costs above the cheapest model.
        beta: E[s under pi0] - alpha.
        beta_M: E[s_M] - alpha of the last model, equal to beta where that is pi0.
        B0: What L2' has in place of B, at most B.
        k0: The centre of its squares.
    """

    delta: float
    B: float
    E_all: float
    dE: float
    beta: float
    beta_M: float
    B0: float
    k0: float


def centred_drift(alpha: float) -> tuple[float, float]:
    """B0 and k0 of L2': the drift of (Q - k0)^2 / 2 is at most B0 + Q (alpha - s), with the least B0 there is.

    For alpha >= 1/2: B0 = alpha (1 - alpha) / 2, k0 = alpha - 1/2. For alpha <= 1/2, with r = sqrt(2 alpha):
    B0 = (r - alpha)^2 / 2, k0 = r - 1. Both are continuous at 1/2.

    Args:
        alpha: Satisfaction asked for, in [0, 1].

    Returns:
        B0 and k0.

    Source: "L2'" in docs/theory.
    """
    if alpha >= 0.5:
        return alpha * (1.0 - alpha) / 2.0, alpha - 0.5
    r = float(np.sqrt(2.0 * alpha))
    return (r - alpha) ** 2 / 2.0, r - 1.0


def distribution_constants(distribution: Distribution, alpha: float, *, pi0: int | None = None) -> Constants:
    """delta, B, E_all, dE, beta, beta_M, B0 and k0 of docs/theory for a distribution of requests.

    Args:
        distribution: K request types and M models.
        alpha: satisfaction asked for, in [0, 1]. It need not be attainable: beta and beta_M may be negative.
        pi0: number of the model that pi0 always serves, 0 to M - 1; None: the last one, as in [M25].

    Returns:
        The constants, costs in the unit of the distribution.

    Raises:
        ValueError: An invalid distribution (see `optimum.check_distribution`), alpha outside [0, 1], or no such model.

    Source: "Constants" in docs/theory.
    """
    alpha, distribution = check_alpha(alpha), check_distribution(distribution)
    num_models = distribution.cost.shape[1]
    pi0 = num_models - 1 if pi0 is None else pi0
    if not 0 <= pi0 < num_models:
        raise ValueError(f"pi0 is {pi0}, expected the number of a model, 0 to {num_models - 1}.")
    delta, weight = max(alpha, 1.0 - alpha), distribution.weight
    B0, k0 = centred_drift(alpha)
    return Constants(
        delta=delta,
        B=delta**2 / 2.0,
        E_all=float(weight @ distribution.cost.sum(axis=1)),
        dE=float(weight @ (distribution.cost[:, pi0] - distribution.cost.min(axis=1))),
        beta=float(weight @ distribution.mean[:, pi0]) - alpha,
        beta_M=float(weight @ distribution.mean[:, -1]) - alpha,
        B0=B0,
        k0=k0,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoundInputs:
    """The numbers that bounds are computed from, by name only. None: not given, a TypeError where it is needed.

    All broadcast as in NumPy, so that leave-one-out means can stand where a measured mean does; NaN passes through.

    Attributes:
        V: Weight of cost against satisfaction, in 1 / cost unit.
        alpha: Satisfaction asked for, in [0, 1].
        gamma: gamma*, a maximiser of the dual, in cost per unit of satisfaction.
        C_star: C*, in cost per request.
        T: Requests.
        P_T: sum_t p_t, explored requests to be expected.
        B: max(alpha, 1 - alpha)^2 / 2.
        B0: What L2' has in place of B.
        k0: The centre of the squares in L2'.
        delta: max(alpha, 1 - alpha).
        beta: E[s under pi0] - alpha.
        beta_M: E[s_M] - alpha of the last model, which serves explored requests.
        dE: E[E_pi0 - min_m E_m], in cost per request.
        E_all: E[sum_m E_m], in cost per request.
        S_T: sum_t E[(1 - p_t) Q_t e_t], measured.
        exploration_queue: sum_t p_t E[Q_t], measured.
        R_T: max(0, -beta_M) sum_t p_t E[Q_t]; None: from `exploration_queue` (zero where that is None, too).
        D_T: sum_t (1 - p_t) E[Delta_t], the decision loss, measured by `meters.decomposition`; 2 S_T may stand for it.
        D_above: Its part where Q_t > V gamma*; D_T may stand for it.
        VG_T: V sum_t (1 - p_t) E[C* - Dual(Q_t/V)], measured.
        L_T: What exploited decisions lose at the price gamma*, in cost, measured.
        W_T: sum_t E[(alpha - s_t)^2] / 2, measured.
        Q_mean: The mean of E[Q_t] over all requests, measured.
        Q_last: E[Q_{T+1}], measured.
        ebar: What E[e_t | past] does not exceed where a request may be exploited.
        error_sum: sum_t (1 - p_t) sqrt(E[e_t^2]).
        Q_1: The queue at the start, in requests.
        f: Probability that a request gives feedback, in (0, 1].
        f_explored: The same of explored requests; None: f.
        delay: Requests by which feedback is late.
    """

    V: Any = None
    alpha: Any = None
    gamma: Any = None
    C_star: Any = None
    T: Any = None
    P_T: Any = None
    B: Any = None
    B0: Any = None
    k0: Any = None
    delta: Any = None
    beta: Any = None
    beta_M: Any = None
    dE: Any = None
    E_all: Any = None
    S_T: Any = None
    exploration_queue: Any = None
    R_T: Any = None
    D_T: Any = None
    D_above: Any = None
    VG_T: Any = None
    L_T: Any = None
    W_T: Any = None
    Q_mean: Any = None
    Q_last: Any = None
    ebar: Any = 0.0
    error_sum: Any = 0.0
    Q_1: Any = 0.0
    f: Any = None
    f_explored: Any = None
    delay: Any = 0.0

    @classmethod
    def at(cls, constants: Constants, best: Optimum, **fields: Any) -> BoundInputs:
        """The constants and the optimum of a distribution, and what else is given by name.

        Args:
            constants: Of `distribution_constants`.
            best: Of `optimum.solve`.
            **fields: Further fields by name.

        Returns:
            The record.
        """
        return cls(**constants._asdict(), alpha=best.alpha, gamma=best.gamma, C_star=best.cost).replace(**fields)

    def replace(self, **fields: Any) -> BoundInputs:
        """The same with other numbers for these names.

        Args:
            **fields: Fields by name.

        Returns:
            The new record.
        """
        return dataclasses.replace(self, **fields)

    def floats(self, names: str) -> tuple[Floats, ...]:
        """These fields ("V gamma T") as float64 arrays; "R_T" is `inversion`.

        Args:
            names: Names of fields, separated by spaces.

        Returns:
            One float64 array per name, each of its own shape.
        """
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

    Returns:
        A decorator; the bound that it makes takes one `BoundInputs`, fields by keyword, or both.

    Raises:
        TypeError: When the bound is called: numbers by position, or fields that it needs and that are not given.
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
