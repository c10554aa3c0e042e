"""ParetoBandit: LinUCB with forgetting, a pacer that keeps a budget per request, and forced pulls of new models."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.numerics import virtual_queue
from messjax.numerics.linear_systems import solve_definite
from messjax.policies import serving
from messjax.policies.predictor_router import serve_queue
from messjax.policies.rare_update import update_if
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy, Traits

HIGHEST = jax.lax.Precision.HIGHEST
FLOOR, CEILING = 1e-4, 0.1  # USD per 1,000 tokens: the ends of the logarithmic scale of prices
RIDGE = 1.0  # of a model without a prior
LEAST_RIDGE = 0.1  # below this share of RIDGE it is filled up again
LONGEST, MOST_INFLATION = 1000, 200.0  # limits of how far an idle model's width grows
TIE, LEAST_VARIANCE = 1e-12, 1e-12


class ParetoSettings(NamedTuple):
    """The numbers of ParetoBandit, which may change without recompiling.

    Attributes:
        price: Price of each model [M], (input + output) / 2 in USD per 1,000 tokens.
        scale: What the dual price is multiplied with, [M]: c~, the price on a logarithmic scale, or one's own.
        bans: Whether a positive dual price bans expensive models, [] bool.
        width: Multiplier a of the confidence width, [].
        forgetting: Factor g in (0, 1] by which statistics fade per request, [].
        penalty: Fixed weight l_c of the price on the logarithmic scale, [].
        step: Step of the dual price, [].
        smoothing: Weight of the newest cost in the smoothed one, [].
        largest: Largest dual price, [].
        pulls: Number of requests that a new model is made to serve first, [] int32.
    """

    price: Array
    scale: Array
    bans: Array
    width: Array
    forgetting: Array
    penalty: Array
    step: Array
    smoothing: Array
    largest: Array
    pulls: Array


class Prior(NamedTuple):
    """Statistics of every model that a stream starts with.

    Attributes:
        A: Precision matrices [M, d, d], the last feature being 1.
        b: Moments [M, d].
    """

    A: np.ndarray
    b: np.ndarray


class ParetoState(NamedTuple):
    """State of ParetoBandit on one stream.

    Attributes:
        t: Number of requests so far, [] int32.
        queue: The virtual queue [], which the policy does not use.
        A: Precision matrices [M, d, d].
        inverse: Their inverses [M, d, d], by Sherman and Morrison.
        theta: Coefficients A^-1 b [M, d].
        ridge: What is left of the ridge in A [M].
        updated: Request of each model's last update [M] int32.
        played: Request that each model served last [M] int32.
        present: Models that were available before [M] bool.
        forced: Forced pulls that are left of each model [M] int32.
        price: The dual price l, [].
        spent: Smoothed cost per request, [] in the cost unit.
    """

    t: Array
    queue: virtual_queue.Fixed
    A: Array
    inverse: Array
    theta: Array
    ridge: Array
    updated: Array
    played: Array
    present: Array
    forced: Array
    price: Array
    spent: Array


def pareto_bandit(
    price: np.ndarray,
    *,
    num_features: int,
    prior: Prior | None = None,
    width: float | None = None,
    forgetting: float = 0.997,
    penalty: float = 0.0,
    paced: bool = True,
    pulls: int = 20,
    step: float = 0.05,
    bans: bool = True,
    scale: np.ndarray | None = None,
) -> Policy:
    """ParetoBandit: argmax of theta . (x, 1) + a sqrt(v) - (l_c + l) c~ among the models the dual price l leaves.

    Per model a ridge regression of the served outcomes that forgets by g per request; v = x^T A^-1 x grows while a
    model is idle, at most 200-fold. c~ is the price on a logarithmic scale from 1e-4 to .1 USD per 1,000 tokens. The
    pacer moves l by .05 (smoothed cost / budget - 1), within [0, 5]; where l > 0 only models with price <= (largest
    price) / (1 + l) are left, all if that leaves none. A model that becomes available later
    (`streams.with_availability`) starts at A = I, theta = 0 and is made to serve 20 requests. Only the served model is
    paid for and observed. It aims at a budget and not at alpha; nothing is guaranteed about either.

    Args:
        price: Price of each model [M], (input + output) / 2 in USD per 1,000 tokens, > 0.
        num_features: Number of features d of a request; a feature 1 is appended.
        prior: Statistics to start with, `warm_prior(...)`; None: a cold start.
        width: a; None: .01 with a prior and .05 without, the authors' choices.
        forgetting: g in (0, 1].
        penalty: l_c >= 0.
        paced: Whether the dual price moves; False: l stays 0, and no budget is needed.
        pulls: Forced pulls of a new model.
        step: Step of the dual price; smaller ones follow the budget more slowly. The authors' is .05.
        bans: Whether models are banned where l > 0; False: the dual price acts through the score only.
        scale: What stands for c~ in the score [M], >= 0; None: the price on the logarithmic scale, as the authors have.

    Returns:
        The policy. It reads the control `budget`, in the cost unit of the stream (USD).

    Raises:
        ValueError: Numbers out of range, or a prior of other sizes.

    Source: arXiv 2604.00136 and the package paretobandit 0.1.1 (tests compare both decision by decision).
    """
    price = np.asarray(price, np.float64)
    if price.ndim != 1 or not price.size or not (np.isfinite(price).all() and (price > 0).all()):
        raise ValueError(f"pareto_bandit: expected prices [M] > 0, found {price.tolist()}")
    numbers = (penalty, pulls, step, 0.0 if width is None else width)
    if not (0.0 < forgetting <= 1.0 and min(numbers) >= 0.0):
        raise ValueError(
            f"pareto_bandit: found forgetting {forgetting}, penalty {penalty}, width {width}, step {step} and {pulls} "
            "pulls, expected a forgetting in (0, 1] and the others >= 0"
        )
    scale = scaled_price(price) if scale is None else np.asarray(scale, np.float64)
    if scale.shape != price.shape or not (np.isfinite(scale).all() and (scale >= 0).all()):
        raise ValueError(f"pareto_bandit: found scale {scale.tolist()}, expected {len(price)} numbers >= 0")
    size = num_features + 1
    start = Prior(np.tile(RIDGE * np.eye(size), (len(price), 1, 1)), np.zeros((len(price), size)))
    if prior is not None:
        start = Prior(*(np.asarray(each, np.float64) for each in prior))
    if start.A.shape != (len(price), size, size) or start.b.shape != (len(price), size):
        raise ValueError(
            f"pareto_bandit: found a prior of shapes {start.A.shape} and {start.b.shape}, expected "
            f"{(len(price), size, size)} and {(len(price), size)} for {num_features} features and a 1"
        )
    if width is None:
        width = 0.05 if prior is None else 0.01
    settings = ParetoSettings(
        price=_floating(price), scale=_floating(scale), bans=jnp.asarray(bans), width=_floating(width),
        forgetting=_floating(forgetting), penalty=_floating(penalty), step=_floating(step if paced else 0.0),
        smoothing=_floating(0.05), largest=_floating(5.0), pulls=jnp.asarray(pulls, jnp.int32),
    )  # fmt: skip
    inverse = np.linalg.inv(start.A)
    statistics = tuple(map(_floating, (start.A, inverse, np.einsum("mij,mj->mi", inverse, start.b))))
    return Policy(
        init=Partial(_init, statistics),
        act=Partial(_act, settings),
        update=Partial(_update, settings),
        queue=Partial(_queue),
        kind=Kind("pareto_bandit"),
        traits=Traits(follows_availability=True, needs_budget=paced),
    )


def warm_prior(A: np.ndarray, b: np.ndarray, strength: float = 1163.9) -> Prior:
    """The prior of offline statistics, as if they came from `strength` requests, with the same coefficients.

    Args:
        A: Precision matrices [M, d + 1, d + 1] of offline requests, the last feature being 1.
        b: Moments [M, d + 1].
        strength: Number of requests that they are worth.

    Returns:
        s A + I and s b + theta, with s = strength / A[-1, -1] and theta = A^-1 b of each model.

    Raises:
        ValueError: Shapes that disagree, or a strength that is not positive.
    """
    A, b = np.asarray(A, np.float64), np.asarray(b, np.float64)
    if A.ndim != 3 or A.shape[1] != A.shape[2] or b.shape != A.shape[:2] or not strength > 0.0:
        raise ValueError(f"warm_prior: found {A.shape}, {b.shape} and strength {strength}, expected [M, D, D], [M, D]")
    scale = strength / A[:, -1, -1]
    theta = np.linalg.solve(A, b[..., None])[..., 0]
    return Prior(scale[:, None, None] * A + RIDGE * np.eye(A.shape[1]), scale[:, None] * b + RIDGE * theta)


def _floating(values: Any) -> Array:
    return jnp.asarray(values, jnp.result_type(float))  # float64 where JAX has it, for agreement with the package


def _init(statistics: tuple[Array, Array, Array], key: Array, controls: Controls) -> ParetoState:
    del key
    A, inverse, theta = statistics
    num = A.shape[0]
    none, zero = jnp.zeros(num, jnp.int32), jnp.zeros((), A.dtype)
    budget = zero if controls.budget is None else jnp.asarray(controls.budget, A.dtype)
    return ParetoState(
        jnp.zeros((), jnp.int32), virtual_queue.zero(), A, inverse, theta, jnp.full(num, RIDGE, A.dtype), none, none,
        jnp.zeros(num, bool), none, zero, budget,
    )  # fmt: skip


def _act(
    settings: ParetoSettings, key: Array, state: ParetoState, x: Array, cost: Array, controls: Controls
) -> Decision:
    num = cost.shape[0]
    if state.theta.shape != (num, x.shape[0] + 1):
        built = state.theta.shape[0], state.theta.shape[1] - 1
        raise ValueError(f"pareto_bandit: built for {built[0]} models and {built[1]} features, found {num}, {len(x)}")
    state = arrive(settings, state, controls)
    there = jnp.ones(num, bool) if controls.available is None else controls.available
    forced = there & (state.forced > 0)
    index = scores(settings, state, x)
    left = there & unbanned(settings, state, there)
    best = left & (index >= jnp.max(jnp.where(left, index, -jnp.inf)) - TIE)
    tied = best / jnp.sum(best)
    uniform = jax.random.uniform(key, dtype=jnp.float32)
    drawn = jnp.argmax(jnp.cumsum(tied) > uniform)
    must = jnp.any(forced)
    serve = jnp.where(must, jnp.argmax(forced), drawn).astype(jnp.int32)
    served = jnp.arange(num) == serve
    propensity = jnp.where(must, serving.certain(serve, num), tied).astype(jnp.float32)
    return Decision(serve, served, jnp.zeros((), bool), jnp.float32(0.0), index.astype(jnp.float32), propensity)


def arrive(settings: ParetoSettings, state: ParetoState, controls: Controls) -> ParetoState:
    """The state when a request arrives: models that are available for the first time start anew.

    Args:
        settings: The policy's numbers.
        state: State after the last request.
        controls: Read for `available`.

    Returns:
        The state; as it was where all models are always available.
    """
    if controls.available is None:
        return state
    new = controls.available & ~state.present & (state.t > 0)
    eye = RIDGE * jnp.eye(state.A.shape[1], dtype=state.A.dtype)
    return state._replace(
        A=jnp.where(new[:, None, None], eye, state.A),
        inverse=jnp.where(new[:, None, None], eye / RIDGE**2, state.inverse),
        theta=jnp.where(new[:, None], 0.0, state.theta),
        ridge=jnp.where(new, RIDGE, state.ridge),
        updated=jnp.where(new, state.t, state.updated),
        played=jnp.where(new, state.t, state.played),
        forced=jnp.where(new, settings.pulls, state.forced),
        present=state.present | controls.available,
    )


def scores(settings: ParetoSettings, state: ParetoState, x: Array) -> Array:
    """The index of every model: prediction, confidence width, and penalty of its price.

    Args:
        settings: The policy's numbers.
        state: State of the policy.
        x: Features [d].

    Returns:
        The index [M].
    """
    x = jnp.append(x.astype(state.theta.dtype), 1.0)
    variance = jnp.einsum("i,mij,j->m", x, state.inverse, x, precision=HIGHEST)
    idle = state.t - jnp.maximum(state.updated, state.played)
    fade = settings.forgetting ** jnp.minimum(idle, LONGEST)
    variance = variance / jnp.maximum(fade, 1.0 / MOST_INFLATION)
    mean = jnp.matmul(state.theta, x, precision=HIGHEST)
    width = settings.width * jnp.sqrt(jnp.maximum(variance, LEAST_VARIANCE))
    return mean + width - (settings.penalty + state.price) * settings.scale


def scaled_price(price: np.ndarray) -> np.ndarray:
    """c~, the price on the logarithmic scale from `FLOOR` (0) to `CEILING` (1).

    Args:
        price: Prices in USD per 1,000 tokens, of any shape.

    Returns:
        Numbers in [0, 1] of the same shape.
    """
    scale = np.log(CEILING) - np.log(FLOOR)
    return np.clip((np.log(np.maximum(price, FLOOR)) - np.log(FLOOR)) / scale, 0.0, 1.0)


def unbanned(settings: ParetoSettings, state: ParetoState, there: Array) -> Array:
    """The models that the dual price leaves: all where it is 0, bans nothing, or would leave none.

    Args:
        settings: Read for the prices, and for whether they ban.
        state: Read for the dual price.
        there: Models that are available [M] bool.

    Returns:
        [M] bool.
    """
    ceiling = jnp.max(jnp.where(there, settings.price, 0.0)) / (1.0 + state.price)
    below = settings.price <= ceiling
    return below | (state.price <= 0.0) | ~settings.bans | ~jnp.any(below & there)


def paced(price: Array, spent: Array, cost: Array, budget: Array, settings: ParetoSettings) -> tuple[Array, Array]:
    """The dual price and the smoothed cost after one more request.

    Args:
        price: The dual price l, [].
        spent: The smoothed cost, [] in the cost unit.
        cost: What the request cost, [].
        budget: Budget per request, [].
        settings: Read for step, smoothing and the largest price.

    Returns:
        l and the smoothed cost, [] each.
    """
    spent = (1.0 - settings.smoothing) * spent + settings.smoothing * cost
    return jnp.clip(price + settings.step * (spent / budget - 1.0), 0.0, settings.largest), spent


def _update(
    settings: ParetoSettings, state: ParetoState, x: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> ParetoState:
    state = arrive(settings, state, controls)
    m, t = decision.serve, state.t + 1
    here = jnp.arange(state.theta.shape[0]) == m
    state = state._replace(
        t=t,
        queue=serve_queue(state.queue, feedback, controls),
        played=jnp.where(here, t, state.played),
        forced=jnp.where(here, jnp.maximum(state.forced - 1, 0), state.forced),
    )
    if controls.budget is not None:
        price, spent = paced(state.price, state.spent, jnp.sum(feedback.cost), controls.budget, settings)
        known = feedback.feedback_received  # the pacer hears of a cost together with the outcome
        state = state._replace(
            price=jnp.where(known, price, state.price).astype(state.price.dtype),
            spent=jnp.where(known, spent, state.spent).astype(state.spent.dtype),
        )
    return _learn(settings, state, x, m, feedback)


def _learn(settings: ParetoSettings, state: ParetoState, x: Array, m: Array, feedback: Feedback) -> ParetoState:
    """The served model's statistics fade and take the outcome in."""
    observed, reward = feedback.outcome.observed[m], jnp.clip(feedback.outcome.satisfaction[m], 0.0, 1.0)
    x = jnp.append(x.astype(state.theta.dtype), 1.0)
    fade = settings.forgetting ** jnp.minimum(state.t - state.updated[m], LONGEST)
    ridge = state.ridge[m] * fade
    statistics = (state.A[m] * fade, state.inverse[m] / fade, state.theta[m])
    low = ridge < LEAST_RIDGE * RIDGE
    A, inverse, theta = update_if(low & observed, Partial(_filled_up), statistics, RIDGE - ridge)
    along = jnp.matmul(inverse, x, precision=HIGHEST)
    scale = 1.0 / (1.0 + jnp.dot(along, x, precision=HIGHEST))
    error = reward - jnp.dot(theta, x, precision=HIGHEST)
    after = (
        A + jnp.outer(x, x), inverse - scale * jnp.outer(along, along), theta + (scale * error) * along,
        jnp.where(low, RIDGE, ridge), state.t,
    )  # fmt: skip
    names = ("A", "inverse", "theta", "ridge", "updated")
    rows = {
        name: getattr(state, name).at[m].set(jnp.where(observed, new, getattr(state, name)[m]))
        for name, new in zip(names, after, strict=True)
    }
    return state._replace(**rows)


def _filled_up(statistics: tuple[Array, Array, Array], missing: Array) -> tuple[Array, Array, Array]:
    """The statistics with the faded ridge replaced: A gains `missing` I, and theta is A^-1 b anew."""
    A, _, theta = statistics
    b = jnp.matmul(A, theta, precision=HIGHEST)
    A = A + missing * jnp.eye(A.shape[0], dtype=A.dtype)
    inverse = solve_definite(A, jnp.broadcast_to(jnp.eye(A.shape[-1], dtype=A.dtype), A.shape))
    return A, inverse, jnp.matmul(inverse, b, precision=HIGHEST)


def _queue(state: ParetoState) -> virtual_queue.Fixed:
    return state.queue
