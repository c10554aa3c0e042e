"""Where every unit of cost goes: the terms of the identities I1 to I4 of docs/theory.md, as one meter.

`decomposition(distribution, alpha)` measures what `theory.decompose` and the statements T1', T1'', T2', T2'', R', T3'
and T6' need beyond the standard meters. With Q = Q_t, g = gamma*, model i served and s_t its satisfaction, it sums

    decision_loss        D:     V E_i + Q (alpha - mu_i) - min_m {V E_m + Q (alpha - mu_m)}, over exploited requests
    decision_loss_above         the same where Q > V g
    dual_gap             V Gap: V min_m {E_m + g (alpha - mu_m)} - min_m {V E_m + Q (alpha - mu_m)}, exploited requests
    price_loss           L:     E_i - g mu_i - min_m {E_m - g mu_m}, over exploited requests
    noise                W:     (alpha - s_t)^2 / 2
    reflection           U:     U_t = Q_{t+1} - (Q_t + alpha - s_t), what the reflection at zero adds
    reflection_squares   U2:    U_t^2 / 2

Each summand of `dual_gap` has the conditional mean V (C* - Dual(Q_t / V)), because x_t is independent of the past: no
dual has to be evaluated, and at Q = V g it is zero on every path. Exploited requests are counted as they come, which
has the mean of the weights 1 - p_t of docs/theory.md. With sparse feedback the last three sums are over the requests
with feedback, which move the queue.

The identities compare with one law, in which all models can serve every request. On a stream whose models come and go
C*, gamma* and what an explored request costs are other numbers in every phase, and the meter refuses to be run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from messjax.meters import path_audit
from messjax.meters.ledgers import served_satisfaction
from messjax.numerics import compensated, virtual_queue
from messjax.theory import optimum
from messjax.types import Array, Distribution, Meter, Step

MILLIONTH = np.float32(1.0 / virtual_queue.UNIT)


class Terms(NamedTuple):
    """The terms of one request [] float, or their sums, under the names of the metrics.

    Attributes:
        decision_loss: D, in V times cost.
        decision_loss_above: Its part where Q > V gamma*.
        dual_gap: V Gap, in V times cost.
        price_loss: L, in cost units.
        noise: W, in requests squared.
        reflection: U, in requests.
        reflection_squares: U2, in requests squared.
    """

    decision_loss: Any
    decision_loss_above: Any
    dual_gap: Any
    price_loss: Any
    noise: Any
    reflection: Any
    reflection_squares: Any


class Prices(NamedTuple):
    """gamma* at each of n alphas.

    Attributes:
        alpha: [n] int32 in units of 1e-6.
        gamma: [n] float, in cost units per unit of satisfaction.
    """

    alpha: Array
    gamma: Array

    def at(self, alpha: Array) -> Array:
        """gamma* at one alpha.

        Args:
            alpha: Required satisfaction [] float.

        Returns:
            gamma* [] float; NaN at an alpha that is none of the table's.
        """
        here = self.alpha == virtual_queue.units(alpha)
        return jnp.where(jnp.any(here), jnp.max(jnp.where(here, self.gamma, -jnp.inf)), jnp.nan)


class Service(NamedTuple):
    """What became of one request: everything its terms depend on, arrays of one shape (models: a sequence of them).

    Attributes:
        cost: M costs.
        mean: M means mu_m(x_t).
        serve: The model served, int32.
        explored: Whether it was explored.
        Q: Q_t, float.
        move: What the queue was asked to move by, alpha - s_t or 0 without feedback; int32 in 1e-6.
        jump: Q_{t+1} - Q_t, int32 in 1e-6.
    """

    cost: Sequence[Array]
    mean: Sequence[Array]
    serve: Array
    explored: Array
    Q: Array
    move: Array
    jump: Array


def decomposition(distribution: Distribution, alpha: ArrayLike) -> Meter:
    """The terms of the identities I1 to I4, summed over requests: `Terms` says which metrics, the module what they are.

    Args:
        distribution: The law of the requests, which gives gamma* at each alpha.
        alpha: The SLA targets of the controls, a number or an array [n], each attainable. At any other alpha the
            terms that need gamma* are NaN.

    Returns:
        The meter, to be zipped with `meters.standard()`.

    Raises:
        ValueError: As `theory.optimum.solve`.

    Source: "Where every unit of cost goes" in docs/theory.md.

    Example:
        >>> import messjax as mj
        >>> distribution = mj.zoo.get("llama3/ARC-C").distribution()
        >>> meter = mj.meters.zip_meters(mj.meters.standard(), decomposition(distribution, 0.5))
    """
    alphas = np.round(np.unique(np.asarray(alpha, np.float64)), 6)
    return decomposition_at(alphas, [one.gamma for one in optimum.values(distribution, alphas.tolist())])


def decomposition_at(alpha: Any, gamma: Any) -> Meter:
    """`decomposition` with prices that are known already; they may be traced.

    Args:
        alpha: [n] SLA targets.
        gamma: [n] prices, in cost units per unit of satisfaction.

    Returns:
        The meter.
    """
    prices = Prices(virtual_queue.units(jnp.asarray(alpha, jnp.float32)), jnp.asarray(gamma, jnp.float32))
    return Meter(Partial(decomposition_init), Partial(decomposition_add, prices), Partial(decomposition_read))


def decomposition_init(num_models: int) -> Terms:
    """The state of `decomposition` before the first request.

    Args:
        num_models: Not used.

    Returns:
        The state.
    """
    del num_models
    return Terms(*(compensated.zero() for _ in Terms._fields))


def decomposition_add(prices: Prices, number: Terms, step: Step) -> Terms:
    """The state of `decomposition` after one more request.

    Args:
        prices: gamma* at each alpha.
        number: The state before it.
        step: The request and its outcome.

    Returns:
        The state.

    Raises:
        ValueError: A stream whose models come and go.
    """
    if step.request.available is not None:
        raise ValueError(
            "meters.decomposition: found a stream whose models come and go (Request.available), expected one where all "
            "models can serve every request: I1 to I4 have one C* and one gamma*"
        )
    request, decision, controls = step.request, step.decision, step.controls
    move = virtual_queue.units(controls.alpha) - virtual_queue.units(served_satisfaction(step))
    service = Service(
        cost=list(request.cost),
        mean=list(request.mean),
        serve=decision.serve,
        explored=decision.explore,
        Q=step.queue.to_float(),
        move=jnp.where(step.feedback.feedback_received, move, 0),
        jump=path_audit.apart(step.next_queue, step.queue),
    )
    return add_terms(number, terms_of(service, controls.V, controls.alpha, prices.at(controls.alpha)))


def decomposition_read(number: Terms) -> dict[str, Any]:
    """The metrics of `decomposition`.

    Args:
        number: The state.

    Returns:
        Metrics by name.
    """
    return number._asdict()


def add_terms(number: Terms, terms: Terms) -> Terms:
    """Sums with the terms of one more request.

    Args:
        number: Compensated sums.
        terms: Numbers of the same shape.

    Returns:
        The new sums.
    """
    return Terms(*(compensated.add(total, one) for total, one in zip(number, terms, strict=True)))


def terms_of(service: Service, V: Array, alpha: Array, gamma: Array) -> Terms:
    """The terms of one request. Costs and means are compared with those of model 0, as the rule itself does.

    Args:
        service: What became of it.
        V: Weight of cost [...], in 1 / cost unit.
        alpha: Required satisfaction [...].
        gamma: gamma* at this alpha [...], in cost units per unit of satisfaction.

    Returns:
        The terms, in the shape of the service's arrays.
    """
    cost, mean, Q, level = service.cost, service.mean, service.Q, V * gamma
    score, price = jnp.zeros_like(Q), jnp.zeros_like(Q)
    least_score, served_score, least_price, served_price = score, score, price, price
    for m in range(1, len(cost)):
        dearer, better = cost[m] - cost[0], mean[m] - mean[0]
        score, price = V * dearer - Q * better, dearer - gamma * better
        least_score, least_price = jnp.minimum(least_score, score), jnp.minimum(least_price, price)
        served_score = jnp.where(service.serve == m, score, served_score)
        served_price = jnp.where(service.serve == m, price, served_price)
    loss = jnp.where(service.explored, 0.0, served_score - least_score)
    gap = V * least_price - least_score + (level - Q) * (alpha - mean[0])
    step, reflection = (x.astype(jnp.float32) * MILLIONTH for x in (service.move, service.jump - service.move))
    return Terms(
        decision_loss=loss,
        decision_loss_above=jnp.where(level < Q, loss, jnp.where(jnp.isnan(level), jnp.nan, 0.0)),
        dual_gap=jnp.where(service.explored, 0.0, gap),
        price_loss=jnp.where(service.explored, 0.0, served_price - least_price),
        noise=0.5 * step**2,
        reflection=reflection,
        reflection_squares=0.5 * reflection**2,
    )
