"""I.i.d. requests with continuous features: mu_m(x) = sigmoid(w_m . x + b_m), x standard normal in d dimensions."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from scipy import special

from messjax.components import is_traced
from messjax.numerics import counter_prng
from messjax.streams import labels as _labels
from messjax.streams.float32 import simulated
from messjax.types import Array, Distribution, Kind, Request, Stream


def logistic(weights: np.ndarray, bias: np.ndarray, cost: np.ndarray, *, labels: str = "independent") -> Stream:
    """A stream with features x [d] ~ N(0, I) and labels of means sigmoid(weights @ x + bias) [M].

    The stream's `distribution` is sampled (2^14 quasi-random points, kind "sampled") to compute C* and gamma*. Inside
    `jit` or `vmap` the arguments may be traced: then only shapes are checked, and the stream has no `distribution`.

    Args:
        weights: [M, d].
        bias: [M], in logits.
        cost: Cost per request of each model [M], in the user's unit, finite and >= 0.
        labels: "independent" or "comonotone" (one uniform for all models).

    Returns:
        The stream.

    Raises:
        ValueError: Shapes that disagree, NaN, or negative costs.
    """
    label = Partial(_labels.by_name(labels))
    traced = is_traced((weights, bias, cost))
    if not traced:
        weights, bias, cost = (np.asarray(v, np.float64) for v in (weights, bias, cost))
    if weights.ndim != 2 or bias.shape != weights.shape[:1] or cost.shape != bias.shape:
        raise ValueError(
            f"logistic: found weights {weights.shape}, bias {bias.shape}, cost {cost.shape}; expected [M, d], [M], [M]"
        )
    if traced:  # nothing can be validated or raised, and the host cannot sample the distribution
        spec = LogisticSpec(label, *(jnp.asarray(v, jnp.float32) for v in (weights, bias, cost)))
        return Stream(Partial(_init), Partial(draw, spec), Partial(_mean, spec.weights, spec.bias), kind=Kind("iid"))
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise ValueError("logistic: weights and bias must be finite, found NaN or infinity")
    if not (np.isfinite(cost).all() and (cost >= 0).all()):
        raise ValueError(f"logistic: cost must be finite and >= 0, found {cost.tolist()}")
    weights, bias, cost = simulated("weights", weights), simulated("bias", bias), simulated("cost", cost)
    spec = LogisticSpec(label, *(jnp.asarray(v, jnp.float32) for v in (weights, bias, cost)))
    return Stream(
        init=Partial(_init),
        draw=Partial(draw, spec),
        mean=Partial(_mean, spec.weights, spec.bias),
        distribution=Partial(_distribution, weights, bias, cost),
        kind=Kind("iid"),
    )


class LogisticSpec(NamedTuple):
    """What requests with continuous features are drawn from.

    Attributes:
        label: A Partial of a function of `labels`.
        weights: [M, d], in logits per unit of a feature.
        bias: [M], in logits.
        cost: Costs [M].
    """

    label: Partial
    weights: Array
    bias: Array
    cost: Array


def _init(key: Array) -> tuple[()]:
    del key
    return ()


def draw(spec: LogisticSpec, key: Array, state: tuple, t: Array) -> tuple[tuple, Request]:
    """Features and labels of one request.

    Args:
        spec: What the requests are drawn from.
        key: Random key of this request.
        state: Empty.
        t: Request number, not used.

    Returns:
        The state and the request.
    """
    del t
    label, weights, bias, cost = spec
    num_models, num_features = weights.shape
    pairs = num_features + num_features % 2  # normals come in pairs
    words = jax.random.bits(key, (pairs + num_models,), jnp.uint32)
    features = counter_prng.normal(words[:pairs])[:num_features]
    mu = _mean(weights, bias, features)
    return state, Request(features, cost, label(counter_prng.uniform(words[pairs:]), mu), mu)


def _mean(weights: Array, bias: Array, features: Array) -> Array:
    return jax.nn.sigmoid(jnp.matmul(weights, features, precision=jax.lax.Precision.HIGHEST) + bias)


def _distribution(weights: np.ndarray, bias: np.ndarray, cost: np.ndarray, log2_points: int = 14) -> Distribution:
    from scipy import stats  # half a second that only this needs

    # Only the M projections w_m . x matter: quasi-random normals in the span of the weights, not in d dimensions.
    span = np.linalg.qr(weights.T)[1].T  # [M, r], span @ span.T = weights @ weights.T
    points = stats.qmc.MultivariateNormalQMC(np.zeros(span.shape[1]), rng=np.random.default_rng(0))
    mean = special.expit(points.random(2**log2_points) @ span.T + bias)
    weight = np.full(len(mean), 1.0 / len(mean))
    return Distribution(weight, np.broadcast_to(cost, mean.shape), mean, "sampled")
