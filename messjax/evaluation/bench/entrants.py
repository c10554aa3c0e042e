"""The policies of a comparison, by name: `ENTRANTS` is the one table. A file of one's own adds to it by `POLICIES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from messjax import policies, predictors, user_files
from messjax.evaluation.bench import rivals
from messjax.evaluation.bench.data import BenchData
from messjax.evaluation.bench.entry import (
    ALPHA,
    EXPLORATION,
    HISTORY,
    Build,
    Entrant,
    Range,
    Setting,
    entrant,
    frozen_head,
    head,
    spent,
    spread,
    usual_weight,
    weights,
)
from messjax.predictors import ridge_regression as ridge
from messjax.types import Policy

__all__ = ["ALPHA", "ENTRANTS", "Build", "Entrant", "Range", "Setting", "entrant", "from_file", "make", "spread"]


def mess_plus(data: BenchData, budgets: np.ndarray) -> Entrant:
    """MESS+ of [M25] with a ridge head: it explores by querying all models.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.

    Source: Algorithm 1 of [M25].
    """
    policy = policies.mess_plus(ridge.ridge(head(data, warm=False)))
    return _exploring(policy, data, budgets, history="cold", queries="all", needs_label=True)


def restarting(data: BenchData, budgets: np.ndarray) -> Entrant:
    """MESS+ that forgets all and explores anew when its predictions turn out too high.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    policy = policies.restarting(ridge.ridge(head(data, warm=False)), len(data.models))
    return _exploring(policy, data, budgets, history="cold", queries="all", needs_label=True)


def forgetting(data: BenchData, budgets: np.ndarray) -> Entrant:
    """MESS+ that queries one model, learns from every answer, and forgets geometrically.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """

    def make(memory: float) -> Policy:
        learner = predictors.forgetting_ridge(
            _num_features(data), len(data.models), forgetting=1.0 - 1.0 / memory, rate=0.5
        )
        return policies.one_sided(learner, learning="served")

    return entrant(
        make,
        {
            "alpha": Range(*ALPHA), "V": weights(data), "c": Range(*EXPLORATION, log=True),
            "memory": Range(30.0, 3000.0, log=True),
        },
        history="cold", native="floor", defaults={"V": usual_weight(data), "c": 0.1, "memory": 50.0},
        budget=float(budgets[0]),
    )  # fmt: skip


def _one_sided(data: BenchData, budgets: np.ndarray, *, warm: bool) -> Entrant:
    policy = policies.one_sided(ridge.ridge(head(data, warm=warm)), learning="served")
    return _exploring(policy, data, budgets, history=HISTORY[warm])


def _with_budget(data: BenchData, budgets: np.ndarray, *, warm: bool) -> Entrant:
    """MESS+ with a queue of overspending: it keeps a budget, and queries one model."""
    policy = policies.budget_queue(ridge.ridge(head(data, warm=warm)))
    return entrant(
        lambda: policy,
        {"budget": spent(budgets), "V": Range(10.0, 1e5, log=True), "c": Range(*EXPLORATION, log=True)},
        history=HISTORY[warm], native="ceiling", defaults={"V": 1e3, "c": 0.1},
    )  # fmt: skip


def _exploring(policy: Policy, data: BenchData, budgets: np.ndarray, **about: Any) -> Entrant:
    """A policy whose knobs are the controls of MESS+."""
    return entrant(
        lambda: policy, {"alpha": Range(*ALPHA), "V": weights(data), "c": Range(*EXPLORATION, log=True)},
        native="floor", defaults={"V": usual_weight(data), "c": 0.1}, budget=float(budgets[0]), **about,
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
    trained = frozen_head(data)
    return entrant(
        lambda gamma: policies.lagrangian(trained, gamma),
        {"gamma": Range(1e-3 * spread(data), 1e2 * spread(data), log=True)},
        history="full history", native=None, defaults={}, budget=float(budgets[0]),
    )  # fmt: skip


ENTRANTS: dict[str, Build] = {
    "MESS+": mess_plus,
    "MESS+ one-sided*": lambda data, budgets: _one_sided(data, budgets, warm=False),
    "MESS+ one-sided warm*": lambda data, budgets: _one_sided(data, budgets, warm=True),
    "MESS+ restarting": restarting,
    "MESS+ one-sided forgetting*": forgetting,
    "MESS+ budget": lambda data, budgets: _with_budget(data, budgets, warm=False),
    "MESS+ budget warm": lambda data, budgets: _with_budget(data, budgets, warm=True),
    "LinUCB": _bandit(lambda data, width: policies.lin_ucb(_num_features(data), len(data.models), width=width), 1.0),
    "linear Thompson": _bandit(
        lambda data, width: policies.lin_thompson(_num_features(data), len(data.models), width=width), 0.5
    ),
    "primal-dual": _bandit(lambda data, width: policies.primal_dual(len(data.models), optimism=width), 1.0),
    "ParetoBandit": rivals.pareto_bandit,
    "ParetoBandit warm": rivals.pareto_bandit_warm,
    "StageRoute": rivals.stage_route,
    "semantic-router": rivals.routing_sampling,
    "LiteLLM adaptive": rivals.adaptive_beta,
    "frozen argmin": frozen_argmin,
    "PORT": rivals.port,
    "OmniRouter*": rivals.omni_router,
    "conformal gate*": rivals.conformal_gate,
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
    expected = "a Python file with a dict POLICIES of names to functions (data, budgets) -> Entrant"
    own = getattr(user_files.run_file(path, expected), "POLICIES", None)
    if not isinstance(own, dict) or not own or not all(callable(build) for build in own.values()):
        raise ValueError(f"{path}: found no such POLICIES, expected {expected}")
    return dict(own)


def plain(name: str) -> str:
    """A name without its mark and capitals, as it may be typed.

    Args:
        name: Name of a policy, which ends with * where it is a reconstruction.

    Returns:
        The name.
    """
    return name.removesuffix("*").lower()


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
    by_plain = {plain(name): name for name in known}
    if unknown := [name for name in names if plain(name) not in by_plain]:
        raise ValueError(f"--policies: found {unknown[0]!r}, expected some of {', '.join(known)}")
    result = {}
    for name in (by_plain[plain(name)] for name in names):
        made = known[name](data, budgets)
        if not isinstance(made, Entrant):
            raise ValueError(
                f"policy {name!r}: found {type(made).__name__}, expected an Entrant (bench.entrants.entrant)"
            )
        result[name] = made
    return result
