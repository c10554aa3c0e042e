"""Every assumption violated on purpose, one at a time: the cases of the matrix "assumption x statement".

Each case is chosen so that a statement that needs the assumption must fail on it; the reasons are under "Effects of
violated assumptions" in docs/theory.md. `requests` has the streams, `exploration` its policies, `predictions` feedback
and predictors, `catalogue` the cases.
"""

from __future__ import annotations

from messjax.policies.predictor_router import router
from proofs_check.trials.price_list import PriceList
from proofs_check.violations.catalogue import cases, one, repaired, two, unbounded
from proofs_check.violations.exploration import exploring, feature_dependent_exploration, once
from proofs_check.violations.predictions import biased_labels, frozen, outcome_dependent_feedback
from proofs_check.violations.requests import drifting, leaking, pareto, rare, unseen

__all__ = [
    "PriceList",
    "biased_labels",
    "cases",
    "drifting",
    "exploring",
    "feature_dependent_exploration",
    "frozen",
    "leaking",
    "once",
    "one",
    "outcome_dependent_feedback",
    "pareto",
    "rare",
    "repaired",
    "router",
    "two",
    "unbounded",
    "unseen",
]
