"""The policies of a comparison, by name: what each knows, what it queries, and the settings that it is tuned over.

Every policy has 32 settings: its own knob (alpha or the budget) times what its authors leave to be chosen. One table,
`ENTRANTS`, registers them; a file of one's own adds to it with a dict of the same kind called `POLICIES`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import qmc

from messjax import policies, predictors
from messjax.components import expect
from messjax.evaluation.bench.data import BenchData
from messjax.evaluation.recommendation import heads
from messjax.predictors import ridge_regression as ridge
from messjax.types import Controls, Policy

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


def _head(data: BenchData, *, warm: bool) -> ridge.Ridge:
    """Ridge regression before the first request: nothing known, or trained on the history."""
    num_models, d = len(data.models), data.parts.training.features.shape[1]
    if warm:
        return heads.fit_ridge(data.parts.training)[0]
    return ridge.prior(np.full(num_models, 0.5), d)


def mess_plus(data: BenchData, budgets: np.ndarray) -> Entrant:
    """MESS+ of [M25] with a ridge head: it explores by querying all models.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.

    Source: Algorithm 1 of [M25].
    """
    policy = policies.mess_plus(ridge.ridge(_head(data, warm=False)))
    return entrant(
        lambda: policy, {"alpha": Range(*ALPHA), "V": weights(data), "c": Range(*EXPLORATION, log=True)},
        history="cold", queries="all", native="floor", defaults={"V": usual_weight(data), "c": 0.1},
        budget=float(budgets[0]), needs_label=True,
    )  # fmt: skip


def _one_sided(data: BenchData, budgets: np.ndarray, *, warm: bool) -> Entrant:
    policy = policies.one_sided(ridge.ridge(_head(data, warm=warm)), learning="served")
    return entrant(
        lambda: policy, {"alpha": Range(*ALPHA), "V": weights(data), "c": Range(*EXPLORATION, log=True)},
        history=HISTORY[warm], native="floor", defaults={"V": usual_weight(data), "c": 0.1}, budget=float(budgets[0]),
    )  # fmt: skip


def _bandit(make: Callable[[BenchData, float], Policy], width: float) -> Build:
    def build(data: BenchData, budgets: np.ndarray) -> Entrant:
        return entrant(
            lambda width: make(data, width),
            {"alpha": Range(*ALPHA), "V": weights(data), "width": Range(0.1, 3.0, log=True)},
            history="cold", native="floor", defaults={"V": usual_weight(data), "width": width},
            budget=float(budgets[0]),
        )  # fmt: skip

    return build


def _num_features(data: BenchData) -> int:
    return int(data.parts.training.features.shape[1])


def frozen_argmin(data: BenchData, budgets: np.ndarray) -> Entrant:
    """The mandatory control: a supervised predictor trained on the history, argmin of cost less gamma s_hat.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    head = predictors.frozen(ridge.ridge(_head(data, warm=True)), _head(data, warm=True))
    return entrant(
        lambda gamma: policies.lagrangian(head, gamma),
        {"gamma": Range(1e-3 * spread(data), 1e2 * spread(data), log=True)},
        history="full history", native=None, defaults={}, budget=float(budgets[0]),
    )  # fmt: skip


ENTRANTS: dict[str, Build] = {
    "MESS+": mess_plus,
    "MESS+ one-sided": lambda data, budgets: _one_sided(data, budgets, warm=False),
    "MESS+ one-sided warm": lambda data, budgets: _one_sided(data, budgets, warm=True),
    "LinUCB": _bandit(lambda data, width: policies.lin_ucb(_num_features(data), len(data.models), width=width), 1.0),
    "linear Thompson": _bandit(
        lambda data, width: policies.lin_thompson(_num_features(data), len(data.models), width=width), 0.5
    ),
    "primal-dual": _bandit(lambda data, width: policies.primal_dual(len(data.models), optimism=width), 1.0),
    "frozen argmin": frozen_argmin,
}


def from_file(path: Path) -> dict[str, Build]:
    """The policies of a file of one's own.

    Args:
        path: A Python file with a dict `POLICIES`, of names to functions (data, budgets) -> `Entrant`.

    Returns:
        The dict.

    Raises:
        ValueError: A file that cannot be run, or has no such dict.
    """
    if not path.is_file():
        raise ValueError(f"--also: {path} is not there, expected a Python file with a dict POLICIES")
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file does
        raise ValueError(f"--also: {path} cannot be run: {type(error).__name__}: {error}") from error
    own = getattr(module, "POLICIES", None)
    if not isinstance(own, dict) or not own or not all(callable(build) for build in own.values()):
        raise ValueError(f"--also: {path} has no dict POLICIES of names to functions (data, budgets) -> Entrant")
    return dict(own)


def make(
    names: Sequence[str], data: BenchData, budgets: np.ndarray, own: Mapping[str, Build] = {}
) -> dict[str, Entrant]:
    """The policies of some names.

    Args:
        names: Names in `ENTRANTS` or of `own`.
        data: The data.
        budgets: Budgets per request [B].
        own: Further policies by name, of the user's.

    Returns:
        Entrants by name.

    Raises:
        ValueError: A name that is not there, or a policy of the user's that cannot be built.
    """
    known = {**ENTRANTS, **own}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"--policies: found {unknown[0]!r}, expected some of {', '.join(known)}")
    result = {}
    for name in names:
        made = known[name](data, budgets)
        if not isinstance(made, Entrant):
            raise ValueError(
                f"policy {name!r}: found {type(made).__name__}, expected an Entrant (bench.entrants.entrant)"
            )
        result[name] = made
    return result
