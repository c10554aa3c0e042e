"""Predictors s_hat of the satisfactions mu: oracle, noisy, learned online, and trained on a prefix and frozen."""

from messjax.predictors.contrastive import dual_contrastive
from messjax.predictors.frozen import frozen, trained
from messjax.predictors.knn import knn
from messjax.predictors.linear import linear
from messjax.predictors.mlp import mlp
from messjax.predictors.noisy import noisy
from messjax.predictors.oracle import oracle
from messjax.predictors.tabular import tabular

__all__ = ["dual_contrastive", "frozen", "knn", "linear", "mlp", "noisy", "oracle", "tabular", "trained"]
