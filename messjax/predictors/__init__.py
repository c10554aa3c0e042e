"""Predictors s_hat of the satisfactions mu: oracle, noisy, learned online, and trained on a prefix and frozen."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.predictors.contrastive import dual_contrastive
    from messjax.predictors.forgetting import forgetting_ridge
    from messjax.predictors.known_means import oracle
    from messjax.predictors.linear_head import linear
    from messjax.predictors.mean_table import tabular
    from messjax.predictors.mlp_head import mlp
    from messjax.predictors.nearest_neighbours import knn
    from messjax.predictors.noisy_oracle import noisy
    from messjax.predictors.pretrained import frozen, trained

__all__ = [
    "dual_contrastive",
    "forgetting_ridge",
    "frozen",
    "knn",
    "linear",
    "mlp",
    "noisy",
    "oracle",
    "tabular",
    "trained",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
