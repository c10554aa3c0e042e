"""k nearest neighbours on a prefix of requests."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.predictors.pretrained import check_prefix, predicting
from messjax.types import Array, Predictor


def knn(features: np.ndarray, satisfaction: np.ndarray, k: int = 10) -> Predictor:
    """s_hat is the mean satisfaction of the k requests of a prefix whose features are nearest (Euclidean).

    Among equally near ones the earlier in the prefix is taken. Normalise rows beforehand for cosine similarity. A
    prediction takes n d multiplications. The predictor is frozen, and a strong baseline of routing.

    Args:
        features: Features of the prefix [n, d].
        satisfaction: Satisfactions of the prefix [n, M], in [0, 1].
        k: Number of neighbours, 1 to n.

    Returns:
        A frozen predictor.

    Raises:
        ValueError: k outside 1..n, or a prefix that `pretrained.check_prefix` refuses.

    Source: RouterBench, Hu et al. 2024, arXiv 2403.12031.
    """
    features, satisfaction = check_prefix("knn", features, satisfaction)
    if not 1 <= k <= len(features):
        raise ValueError(f"knn: k is {k}, expected 1 to {len(features)}, the requests of the prefix")
    centre = features.mean(axis=0)  # distances of far away points close together would cancel
    rows = jnp.asarray(features - centre), jnp.asarray(satisfaction)
    # k in the shape of an array: static where it must be, and a component's arrays are all it is made of
    return predicting(Partial(_predict, rows, jnp.asarray(centre), jnp.zeros(k, jnp.float32)), "knn")


def _predict(rows: tuple[Array, Array], centre: Array, neighbours: Array, state: tuple, features: Array) -> Array:
    del state
    known, satisfaction = rows
    # |x - y|^2 less |x|^2, which is common
    nearness = 2.0 * jnp.matmul(known, features - centre, precision=jax.lax.Precision.HIGHEST) - jnp.sum(known**2, 1)
    return jnp.mean(satisfaction[jax.lax.top_k(nearness, neighbours.shape[0])[1]], axis=0)
