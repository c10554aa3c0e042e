"""MESS+ that decides by a list of prices: estimated costs, or, where the list is far off, unknown ones (A7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from messjax.policies.algorithm import choose
from messjax.types import Array, Controls


@dataclass(frozen=True)
class PriceList:
    """MESS+'s choice by a list of prices instead of the request's costs."""

    prices: tuple[float, ...]

    def __call__(self, s_hat: Array, cost: Array, Q: Any, controls: Controls) -> Array:
        """The model to serve."""
        return choose(s_hat, jnp.asarray(self.prices, cost.dtype), Q, controls)
