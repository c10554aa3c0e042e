"""k nearest neighbours on a prefix."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.predictors.pretrained import check_prefix, predicting
from messjax.types import Array, Predictor


def knn(features: np.ndarray, satisfaction: np.ndarray, k: int = 10) -> Predictor:
    """s_hat [M]: the mean satisfaction of the k requests of a prefix whose features are nearest (Euclidean).

    features [n, d], satisfaction [n, M]. Equally near ones: the earlier in the prefix. Normalise rows beforehand for
    cosine similarity. A prediction takes n d multiplications. Frozen; a strong baseline of routing (RouterBench, Hu et
    al. 2024, arXiv 2403.12031). ValueError for k outside 1..n, or a prefix that `check_prefix` refuses.
    """
    features, satisfaction = check_prefix("knn", features, satisfaction)
    if not 1 <= k <= len(features):
        raise ValueError(f"knn: k is {k}, expected 1 to {len(features)}, the requests of the prefix")
    centre = features.mean(axis=0)  # distances of far away points close together would cancel
    rows = jnp.asarray(features - centre), jnp.asarray(satisfaction)
    # k in the shape of an array: static where it must be, and a component's arrays are all it is made of
    return predicting(Partial(_predict, rows, jnp.asarray(centre), jnp.zeros(k, jnp.float32)))


def _predict(rows: tuple[Array, Array], centre: Array, neighbours: Array, state: tuple, features: Array) -> Array:
    del state
    known, satisfaction = rows
    # |x - y|^2 less |x|^2, which is common
    nearness = 2.0 * jnp.matmul(known, features - centre, precision=jax.lax.Precision.HIGHEST) - jnp.sum(known**2, 1)
    return jnp.mean(satisfaction[jax.lax.top_k(nearness, neighbours.shape[0])[1]], axis=0)
