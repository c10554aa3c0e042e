"""Policies: MESS+, cheapest-first greedy, every single model, uniform random, the LP-optimal static mixture."""

from messjax.policies.greedy import greedy
from messjax.policies.mess_plus import mess_plus
from messjax.policies.static import mixture, single, uniform

__all__ = ["greedy", "mess_plus", "mixture", "single", "uniform"]
