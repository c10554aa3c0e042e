"""Orders that are bad for the queue: the same requests, in the worst order. Breaks A1.

Consider the satisfactions s_t of one model, d_t = alpha - s_t, and any order. By L1 Q_{t+1} is 0 or a sum of
consecutive d's that ends with d_t, so it is at most the sum of the t largest. Hence, for a policy that serves this
model:

"hard first" (ascending s): Q_2, Q_3, ... attain that sum, all at once, until s reaches alpha. No order lets the queue
    grow faster or, at any time, higher (the sum of all positive d).
"hard last" (descending s): Q_{T+1} is the sum of all positive d. No order ends with a larger queue: the certificate
    (Q_{T+1} - Q_1) / T of L1 is worst, and satisfaction above alpha while Q = 0 is not credited.

The violation itself is the same in every order. For policies that choose among models these orders are bad but not the
worst; for a distribution the same holds of the means in place of s.
"""

from __future__ import annotations

import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.streams import labels as _labels
from messjax.streams.float32 import simulated
from messjax.streams.recorded import replay
from messjax.streams.request_types import request_of_type
from messjax.theory import optimum
from messjax.types import Array, Distribution, Kind, Request, Stream

ORDERS = ("hard first", "hard last")


def adversarial(
    distribution: Distribution,
    requests: int,
    *,
    order: str = "hard first",
    model: int = -1,
    labels: str = "independent",
) -> Stream:
    """A distribution's types in their shares of `requests`, sorted by difficulty for one model; the stream ends there.

    Shares are rounded to whole requests by largest remainders, and `distribution` has the rounded ones. Features are
    one-hot [K], labels are random as in `types`.

    Args:
        distribution: Weights [K], costs and means [K, M].
        requests: Number of requests >= 1.
        order: "hard first" or "hard last".
        model: The model whose means sort the types; -1 is the last.
        labels: "independent" or "comonotone".

    Returns:
        The stream.

    Raises:
        ValueError: An invalid distribution, requests < 1, another order, or no such model.
    """
    distribution = optimum.check_distribution(distribution)
    distribution = distribution._replace(cost=simulated("cost", distribution.cost))
    if operator.index(requests) < 1:
        raise ValueError(f"adversarial: requests is {requests}, expected at least one")
    kinds = sorted_by("adversarial", distribution.mean, order, model)
    counts = shares_of(distribution.weight, requests)
    table = tuple(jnp.asarray(v, jnp.float32) for v in (distribution.cost, distribution.mean))
    ends = jnp.asarray(np.cumsum(counts[kinds])[:-1], jnp.int32)
    label = Partial(_labels.by_name(labels))
    return Stream(
        init=Partial(_init),
        draw=Partial(_draw, label, table, jnp.asarray(kinds, jnp.int32), ends),
        mean=Partial(_mean, table[1]),
        distribution=Partial(_distribution, distribution._replace(weight=counts / requests)),
        length=operator.index(requests),
        kind=Kind("not_iid"),
    )


def adversarial_replay(
    features: np.ndarray, satisfaction: np.ndarray, cost: np.ndarray, *, order: str = "hard first", model: int = -1
) -> Stream:
    """`replay` of a trace sorted by one model's satisfactions, the same order for every key; ties in file order.

    The distribution, and with it the clairvoyant C*, is that of the trace in any order.

    Args:
        features: [N, d], finite.
        satisfaction: [N, M], in [0, 1].
        cost: [N, M] >= 0, in the trace's unit.
        order: "hard first" or "hard last".
        model: The model whose satisfactions sort the requests; -1 is the last.

    Returns:
        The stream, of length N.

    Raises:
        ValueError: As `replay` raises, or for another order or no such model.
    """
    features, satisfaction, cost = (np.asarray(v) for v in (features, satisfaction, cost))
    calm = replay(features, satisfaction, cost, order="file")  # checks them
    rows = jnp.asarray(sorted_by("adversarial_replay", satisfaction, order, model), jnp.int32)
    return calm._replace(init=Partial(_init_sorted, rows), kind=Kind("not_iid"))


def sorted_by(who: str, satisfaction: np.ndarray, order: str, model: int) -> np.ndarray:
    """Rows in an adversarial order; ties keep their order.

    Args:
        who: Name of the caller, for error messages.
        satisfaction: [N, M].
        order: "hard first" or "hard last".
        model: The model whose column sorts the rows.

    Returns:
        Row numbers [N].

    Raises:
        ValueError: Another order, or no such model.
    """
    if order not in ORDERS:
        raise ValueError(f"{who}: order is {order!r}, expected one of {', '.join(ORDERS)}")
    num_models = satisfaction.shape[1]
    if not -num_models <= operator.index(model) < num_models:
        raise ValueError(f"{who}: model is {model}, expected a number below {num_models} (or from the end, -1, ...)")
    score = satisfaction[:, model]
    return np.argsort(score if order == "hard first" else -score, kind="stable")


def shares_of(weight: np.ndarray, number: int) -> np.ndarray:
    """`number` split into whole parts in proportion to weights, by largest remainders.

    Args:
        weight: [K] >= 0.
        number: Whole number to split.

    Returns:
        Whole numbers [K] that sum to `number`.
    """
    exact = weight / weight.sum() * number
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: number - counts.sum()]] += 1
    return counts


def _init(key: Array) -> tuple[()]:
    del key
    return ()


def _draw(
    label: Partial, table: tuple, kinds: Array, ends: Array, key: Array, state: tuple, t: Array
) -> tuple[tuple, Request]:
    cost, mean = table
    uniforms = jax.random.uniform(key, (mean.shape[1],), mean.dtype)
    return state, request_of_type(label, cost, mean, uniforms, kinds[jnp.sum(t > ends)])


def _mean(mean: Array, features: Array) -> Array:
    return jnp.matmul(features, mean, precision=jax.lax.Precision.HIGHEST)


def _distribution(distribution: Distribution) -> Distribution:
    return distribution


def _init_sorted(rows: Array, key: Array) -> Array:
    del key
    return rows
