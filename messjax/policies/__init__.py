"""Policies: MESS+ and its variants, bandits, static and offline routers (docs/policies.md has the table)."""

from messjax.policies.auto_v import auto_v
from messjax.policies.by_class import by_class
from messjax.policies.costs_after import running_mean_costs
from messjax.policies.delayed import delayed
from messjax.policies.educated import educated_guess
from messjax.policies.fixed import lagrangian, optimal, predict_then_argmin
from messjax.policies.greedy import greedy
from messjax.policies.linear_bandits import lin_thompson, lin_ucb
from messjax.policies.mess_plus import mess_plus
from messjax.policies.primal_dual import primal_dual
from messjax.policies.sided import one_sided
from messjax.policies.static import mixture, single, uniform
from messjax.policies.threshold import threshold
from messjax.policies.tightening import tightened
from messjax.policies.warm import warm_started

__all__ = [
    "auto_v",
    "by_class",
    "delayed",
    "educated_guess",
    "greedy",
    "lagrangian",
    "lin_thompson",
    "lin_ucb",
    "mess_plus",
    "mixture",
    "one_sided",
    "optimal",
    "predict_then_argmin",
    "primal_dual",
    "running_mean_costs",
    "single",
    "threshold",
    "tightened",
    "uniform",
    "warm_started",
]
