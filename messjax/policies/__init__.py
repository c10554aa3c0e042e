"""Policies: MESS+ and its variants, bandits, static and offline routers (docs/policies.md has the table)."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.policies.adaptive_v import auto_v
    from messjax.policies.algorithm import mess_plus
    from messjax.policies.beta_sampling import adaptive_beta, routing_sampling
    from messjax.policies.budget_mix import budget_mixture
    from messjax.policies.change_detection import restarting
    from messjax.policies.cheapest_first import greedy
    from messjax.policies.conformal_gating import conformal_gate
    from messjax.policies.delay import delayed
    from messjax.policies.educated_guessing import educated_guess
    from messjax.policies.linear_bandits import lin_thompson, lin_ucb
    from messjax.policies.mean_costs import running_mean_costs
    from messjax.policies.offline import lagrangian, optimal, predict_then_argmin
    from messjax.policies.one_sided_feedback import one_sided
    from messjax.policies.paced_linucb import pareto_bandit
    from messjax.policies.per_class_queues import by_class
    from messjax.policies.port_router import port
    from messjax.policies.primal_dual_method import primal_dual
    from messjax.policies.spending_queue import budget_queue
    from messjax.policies.stage_routing import stage_route
    from messjax.policies.static import mixture, single, uniform
    from messjax.policies.tightening import tightened
    from messjax.policies.two_multipliers import omni_router
    from messjax.policies.type_bandits import ucb
    from messjax.policies.warm_start import warm_started
    from messjax.policies.win_rate_threshold import threshold

__all__ = [
    "adaptive_beta",
    "auto_v",
    "budget_mixture",
    "budget_queue",
    "by_class",
    "conformal_gate",
    "delayed",
    "educated_guess",
    "greedy",
    "lagrangian",
    "lin_thompson",
    "lin_ucb",
    "mess_plus",
    "mixture",
    "omni_router",
    "one_sided",
    "optimal",
    "pareto_bandit",
    "port",
    "predict_then_argmin",
    "primal_dual",
    "restarting",
    "routing_sampling",
    "running_mean_costs",
    "single",
    "stage_route",
    "threshold",
    "tightened",
    "ucb",
    "uniform",
    "warm_started",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
