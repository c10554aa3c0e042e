"""Random costs: by the length of the answer, and lognormal.

The costs are in `Request.cost`: they are paid, and a policy sees them before it routes. `policies.running_mean_costs`
hides them from a policy. The two settings have different optima ("Setting" in docs/theory.md), and `known` says which
of them `distribution` describes: with known=True x contains the costs (A7 holds), and the distribution has them,
sampled; with known=False it has their means, and a policy that uses the costs all the same may be cheaper than its C*.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from scipy import special

from messjax.components import as_pytree, expect
from messjax.numerics import counter_prng
from messjax.streams.float32 import simulated
from messjax.types import Array, Distribution, PyTree, Request, Stream

ACROSS = ("independent", "comonotone")
LOG2_ROWS = 14  # of a sampled distribution
LARGEST_SIGMA = 2.0  # beyond, float32 normals (|z| < 6.7) miss more than 1e-5 of the mean


def lognormal(stream: Stream, sigma: float, *, across: str = "independent", known: bool = True) -> Stream:
    """The stream's costs times exp(sigma Z - sigma^2 / 2), Z standard normal: a factor of mean one.

    Requests and labels are those of the stream, key by key. With known costs `distribution` is sampled (2^14 rows,
    quasi-random, means exact).

    Args:
        stream: The stream whose costs become random.
        sigma: Standard deviation of the logarithm, in [0, 2].
        across: "independent" (a Z for each model) or "comonotone" (one Z for all: a request that is expensive on one
            model is expensive on all).
        known: Whether `distribution` has the costs or their means, see the module.

    Returns:
        The stream.

    Raises:
        ValueError: sigma out of range, or an unknown `across`.
    """
    if not 0.0 <= sigma <= LARGEST_SIGMA:
        raise ValueError(f"lognormal: sigma is {sigma}, expected a number in [0, {LARGEST_SIGMA:g}]")
    common = _is_common("lognormal", across)
    cost = Partial(_Lognormal(common), jnp.asarray(sigma, jnp.float32))
    return _priced(stream, cost, Partial(_lognormal_law, float(sigma)) if known else Partial(_as_it_is), common)


def by_length(
    stream: Stream, price: np.ndarray, length: np.ndarray, *, across: str = "independent", known: bool = True
) -> Stream:
    """Cost = price times number of tokens in the answer, in place of the stream's costs.

    Lengths are geometric on 1, 2, ...: after every token the answer ends with probability 1 / length. Requests and
    labels are those of the stream, key by key. With known costs `distribution` is sampled (2^14 rows, quasi-random,
    means exact).

    Args:
        stream: The stream whose costs are replaced.
        price: Price per token of each model [M], in cost units, finite and >= 0.
        length: Mean number of tokens of each model's answers [M], finite and >= 1.
        across: "independent" or "comonotone" (one uniform for all models: a request with a long answer has one from
            all).
        known: Whether `distribution` has the costs or their means, see the module.

    Returns:
        The stream.

    Raises:
        ValueError: Shapes that differ, negative prices, lengths below one, or an unknown `across`.
    """
    price, length = simulated("price", price), simulated("length", length)
    if price.ndim != 1 or length.shape != price.shape:
        raise ValueError(f"by_length: found price {price.shape} and length {length.shape}, expected [M] and [M]")
    if not (np.isfinite(price).all() and (price >= 0).all()):
        raise ValueError(f"by_length: expected finite prices >= 0, found {price.tolist()}")
    if not (np.isfinite(length).all() and (length >= 1).all()):
        raise ValueError(f"by_length: expected finite mean lengths >= 1 token, found {length.tolist()}")
    common = _is_common("by_length", across)
    table = (jnp.asarray(v, jnp.float32) for v in (price, _rate(length)))
    distribution = Partial(_length_law, price, length) if known else Partial(_mean_length_law, price, length)
    return _priced(stream, Partial(_Length(common), *table), distribution, common)


@dataclass(frozen=True)
class _Across:
    common: bool  # one draw for all models, else one each

    def count(self, num_models: int) -> int:
        return 1 if self.common else num_models


class _Lognormal(_Across):
    def __call__(self, sigma: Array, key: Array, cost: Array) -> Array:
        count = self.count(cost.shape[0])
        words = jax.random.bits(jax.random.fold_in(key, 4), (count + count % 2,), jnp.uint32)  # normals come in pairs
        return cost * jnp.exp(sigma * counter_prng.normal(words)[:count] - 0.5 * sigma**2)


class _Length(_Across):
    def __call__(self, price: Array, rate: Array, key: Array, cost: Array) -> Array:
        if price.shape != cost.shape:
            raise ValueError(f"by_length: built for {price.shape[0]} models, expected {cost.shape[0]}")
        words = jax.random.bits(jax.random.fold_in(key, 3), (self.count(cost.shape[0]),), jnp.uint32)
        uniform = (words.astype(jnp.float32) + 0.5) * np.float32(2.0**-32)  # all 32 bits: a tail down to 2^-33
        return price * jnp.maximum(1.0, jnp.ceil(rate * jnp.log(uniform)))


def _is_common(who: str, across: str) -> bool:
    if across not in ACROSS:
        raise ValueError(f"{who}: across is {across!r}, expected one of {', '.join(ACROSS)}")
    return across == "comonotone"


def _priced(stream: Stream, cost: Partial, distribution: Partial, common: bool) -> Stream:
    expect("stream", stream, Stream, "a Stream, such as streams.types(distribution) or zoo.stream()")
    stream = as_pytree(stream)
    return stream._replace(
        draw=Partial(_draw, cost, stream.draw),
        distribution=None
        if stream.distribution is None
        else Partial(distribution, stream.distribution, 1 if common else None),
    )


def _draw(cost: Partial, inner: Partial, key: Array, state: PyTree, t: Array) -> tuple[PyTree, Request]:
    state, request = inner(key, state, t)
    return state, request._replace(cost=cost(key, request.cost))


def _rate(length: np.ndarray) -> np.ndarray:
    """1 / log(1 - 1 / length) [M]: what makes a geometric length of a logarithm; zero for length 1."""
    with np.errstate(divide="ignore"):
        return 1.0 / np.log1p(-1.0 / length)


# --- on the host ----------------------------------------------------------------------------------------------


def _points(base: Distribution, dimensions: int | None, log2_rows: int = LOG2_ROWS) -> np.ndarray:
    """Quasi-random uniforms [points, 1 or M]: every type gets them all, and a distribution has about 2^14 rows."""
    from scipy import stats  # half a second that only this needs

    num_types, num_models = base.cost.shape
    log2 = max(4, log2_rows - int(np.ceil(np.log2(num_types))))
    points = stats.qmc.Sobol(dimensions or num_models, rng=np.random.default_rng(0)).random_base2(log2)
    return np.clip(points, 1e-12, 1.0 - 1e-12)


def _sampled(base: Distribution, cost: np.ndarray) -> Distribution:
    """The distribution with costs [points, K, M], all points equally likely."""
    num = len(cost)
    weight, mean = np.tile(base.weight / num, num), np.tile(base.mean, (num, 1))
    return Distribution(weight, cost.reshape(-1, cost.shape[-1]), mean, "sampled")


def _lognormal_law(sigma: float, inner: Partial, dimensions: int | None) -> Distribution:
    base = inner()
    factor = np.exp(sigma * special.ndtri(_points(base, dimensions)))
    return _sampled(base, (factor / factor.mean(axis=0))[:, None, :] * base.cost)


def _length_law(price: np.ndarray, length: np.ndarray, inner: Partial, dimensions: int | None) -> Distribution:
    base = inner()
    lengths = np.maximum(1.0, np.ceil(_rate(length) * np.log(_points(base, dimensions))))
    paid = price * lengths * (length / lengths.mean(axis=0))
    return _sampled(base, np.broadcast_to(paid[:, None, :], (len(paid), *base.cost.shape)))


def _mean_length_law(price: np.ndarray, length: np.ndarray, inner: Partial, dimensions: int | None) -> Distribution:
    del dimensions
    base = inner()
    return base._replace(cost=np.broadcast_to(price * length, base.cost.shape))


def _as_it_is(inner: Partial, dimensions: int | None) -> Distribution:
    del dimensions
    return inner()
