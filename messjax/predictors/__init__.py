"""Predictors s_hat of the satisfactions mu: oracle, noisy, and learned online (tabular, linear, MLP)."""

from messjax.predictors.linear import linear
from messjax.predictors.mlp import mlp
from messjax.predictors.noisy import noisy
from messjax.predictors.oracle import oracle
from messjax.predictors.tabular import tabular

__all__ = ["linear", "mlp", "noisy", "oracle", "tabular"]
