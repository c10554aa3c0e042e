"""What a log of a run's decisions could tell about other policies: the propensities of the decisions made."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.numerics import compensated
from messjax.types import Array, Meter, Step


class Coverage(NamedTuple):
    """State of the meter `propensity_coverage`.

    Attributes:
        t: Number of requests so far, [] int32.
        known: Requests with a known propensity, [] int32.
        covered: Requests at which every available model could have served, [] int32.
        certain: Requests at which one model was certain to serve, [] int32.
        inverse: Sum of 1 / propensity of the model that served.
        least: The least known propensity of a model that served, [] float.
    """

    t: Array
    known: Array
    covered: Array
    certain: Array
    inverse: compensated.Sum
    least: Array


def propensity_coverage() -> Meter:
    """How much of other policies a log of these decisions covers (`Decision.propensity`).

    Metrics: `propensity_known` (share of requests with a known propensity), `propensity_covered` (share at which every
    available model could have served), `propensity_certain` (share at which one model was certain to),
    `propensity_inverse` (mean of 1 / propensity of the model that served, over requests where it is known; M for
    uniform random selection) and `propensity_least` (the least of those propensities; infinite where none is known).

    Returns:
        The meter.
    """
    return Meter(Partial(_init), Partial(_add), Partial(_read))


def _init(num_models: int) -> Coverage:
    del num_models
    none = jnp.zeros((), jnp.int32)
    return Coverage(none, none, none, none, compensated.zero(), jnp.full((), jnp.inf, jnp.float32))


def _add(number: Coverage, step: Step) -> Coverage:
    chance = step.decision.propensity
    if chance is None:
        return number._replace(t=step.t)
    available = jnp.ones(chance.shape, bool) if step.request.available is None else step.request.available
    own = jnp.sum(jnp.where(step.decision.served_mask, chance, 0.0))
    own = jnp.where(step.decision.serve < 0, 1.0 - jnp.sum(chance), own)  # of the refusal
    known = jnp.isfinite(own)
    return Coverage(
        step.t,
        number.known + known,
        number.covered + jnp.all((chance > 0) | ~available),
        number.certain + jnp.any(chance >= 1.0),
        compensated.add(number.inverse, jnp.where(known, 1.0 / jnp.where(known, own, 1.0), 0.0)),
        jnp.where(known, jnp.minimum(number.least, own), number.least),
    )


def _read(number: Coverage) -> dict[str, Any]:
    return {
        "propensity_known": number.known / jnp.maximum(number.t, 1),
        "propensity_covered": number.covered / jnp.maximum(number.t, 1),
        "propensity_certain": number.certain / jnp.maximum(number.t, 1),
        "propensity_inverse": compensated.Mean(number.inverse, jnp.maximum(number.known, 1)),
        "propensity_least": number.least,
    }
