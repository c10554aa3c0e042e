"""Requests of several service classes: every request is of one, and each class has its own required satisfaction."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.types import Array, PyTree, Request, Stream


def with_classes(stream: Stream, shares: np.ndarray) -> Stream:
    """The stream with a class 0, ..., C - 1 as one more, last feature.

    The class is independent of all else: requests, labels and costs are those of the stream, key by key, and so is
    `distribution`. With a required satisfaction alpha_k per class, the least cost is the sum over k of shares_k
    C*(alpha_k).

    Args:
        stream: The stream of requests.
        shares: Probability of each class [C], summing to one.

    Returns:
        The stream, with d + 1 features.

    Raises:
        ValueError: Shares that are not probabilities summing to one.
    """
    shares = np.asarray(shares, np.float64)
    if shares.ndim != 1 or not shares.size or not (shares >= 0).all() or not abs(shares.sum() - 1.0) <= 1e-9:
        raise ValueError(f"with_classes: expected probabilities [C] that sum to 1, found {shares.tolist()}")
    expect("stream", stream, Stream, "a Stream, such as streams.types(distribution) or zoo.stream()")
    stream = as_pytree(stream)
    return stream._replace(
        draw=Partial(_draw, stream.draw, jnp.asarray(np.cumsum(shares)[:-1], jnp.float32)),
        mean=None if stream.mean is None else Partial(_mean, stream.mean),
    )


def last_feature(features: Array) -> Array:
    """The class of a request whose last feature is its class, as in `with_classes`.

    Args:
        features: [d].

    Returns:
        The class [] int32.
    """
    return features[-1].astype(jnp.int32)


def of_type(classes: np.ndarray) -> Partial:
    """The function that gives the class of a request with the one-hot features of `streams.types`.

    Args:
        classes: Class of each request type [K], whole numbers >= 0.

    Returns:
        A Partial, features [K] -> class [] int32.

    Raises:
        ValueError: Classes that are not whole numbers >= 0.
    """
    result = np.asarray(classes)
    if result.ndim != 1 or result.dtype.kind not in "iu" or not result.size or result.min() < 0:
        raise ValueError(f"of_type: expected whole numbers >= 0, one per type, found {result.tolist()}")
    return Partial(_of_type, jnp.asarray(result, jnp.int32))


def _of_type(classes: Array, features: Array) -> Array:
    return classes[jnp.argmax(features)]


def _draw(inner: Partial, cumulative: Array, key: Array, state: PyTree, t: Array) -> tuple[PyTree, Request]:
    state, request = inner(key, state, t)
    uniform = jax.random.uniform(jax.random.fold_in(key, 5), dtype=jnp.float32)
    label = jnp.sum(uniform >= cumulative).astype(request.features.dtype)
    return state, request._replace(features=jnp.append(request.features, label))


def _mean(inner: Partial, features: Array) -> Array:
    return inner(features[:-1])
