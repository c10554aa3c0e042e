"""Policies: MESS+, cheapest-first greedy, single models, uniform random, the LP-optimal static mixture.

And three that wrap another one: agreements per class, feedback that comes late, costs known only afterwards.
"""

from messjax.policies.by_class import by_class
from messjax.policies.costs_after import running_mean_costs
from messjax.policies.delayed import delayed
from messjax.policies.greedy import greedy
from messjax.policies.mess_plus import mess_plus
from messjax.policies.static import mixture, single, uniform

__all__ = ["by_class", "delayed", "greedy", "mess_plus", "mixture", "running_mean_costs", "single", "uniform"]
