"""Off-policy evaluation: what a policy would have cost and satisfied, from the log of another one."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.evaluation.ope.estimators import ESTIMATORS, Terms, no_assumption_bounds, terms_of
    from messjax.evaluation.ope.learning import check_learns_from_log, replay_log
    from messjax.evaluation.ope.limits_of_means import KINDS, Limits, limits_of
    from messjax.evaluation.ope.outcome_model import cross_fitted
    from messjax.evaluation.ope.support import NotIdentifiableError, Support, check_support, support_of

__all__ = [
    "ESTIMATORS",
    "KINDS",
    "Limits",
    "NotIdentifiableError",
    "Support",
    "Terms",
    "check_learns_from_log",
    "check_support",
    "cross_fitted",
    "limits_of",
    "no_assumption_bounds",
    "replay_log",
    "support_of",
    "terms_of",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
