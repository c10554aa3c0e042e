"""Predictors s_hat of the satisfactions mu: oracle, noisy, and learned online (tabular, linear, MLP)."""

from messjax.predictors.linear import linear
from messjax.predictors.noisy import noisy
from messjax.predictors.oracle import oracle
from messjax.predictors.tabular import tabular

__all__ = ["linear", "mlp", "noisy", "oracle", "tabular"]


def __getattr__(name: str):  # Flax takes a third of a second to import: only who uses the MLP pays
    if name == "mlp":
        from messjax.predictors.mlp import mlp

        return mlp
    raise AttributeError(name)
