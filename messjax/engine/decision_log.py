"""Runs as decision logs: what a policy decided for every request, with which probabilities, and what came of it."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax import feedback as _feedback
from messjax.components import expect
from messjax.engine.simulation import RunParts, assemble, check_fit, component_keys, run_stream
from messjax.engine.validation import A_POLICY, check_components, check_run, describe_stream
from messjax.meters import folds
from messjax.numerics.precision import with_32_bit_types
from messjax.traces.logs.logged_trace import LoggedTrace, check_log
from messjax.traces.texts import Texts
from messjax.types import NO_MODEL, Array, Controls, Policy, PyTree, Step, Stream

PATH = "decided"  # the metric that the decisions are read under


class Decided(NamedTuple):
    """Decisions, of one request or with leading axes.

    Attributes:
        serve: The model that served, int32; `NO_MODEL` where the request was refused.
        score: Its satisfaction; NaN where no feedback came.
        cost: The cost of its answer.
        propensity: [M], the probability with which each model was to serve; NaN where it is not known.
        known_cost: [M], what the policy knew of the costs.
        features: [d], what it saw of the request.
        available: [M] bool, or None: all models, always.
    """

    serve: Any
    score: Any
    cost: Any
    propensity: Any
    known_cost: Any
    features: Any
    available: Any


def logged_run(
    key: Array,
    controls: Controls,
    *,
    policy: Policy,
    stream: Stream,
    horizon: int,
    feedback: Any = _feedback.complete,
    models: tuple[str, ...] | None = None,
    cost_unit: str | None = None,
) -> LoggedTrace:
    """Run a policy on one stream and keep every decision, as a router in production would log it.

    It is the run that `simulate` makes with the same key. The log has the cost of the answer that was served, also
    where the policy asked and paid further models to learn from them.

    Args:
        key: JAX random key.
        controls: V, alpha, c, a and f as scalars.
        policy: Decides and learns.
        stream: Draws the requests.
        horizon: T, the number of requests.
        feedback: Which outcomes come back; by default all of them.
        models: Names of the M models; by default those of the stream.
        cost_unit: Unit of the costs; by default that of the stream.

    Returns:
        The log, without texts. Its propensities are exact, or None where the policy does not know them in closed form.
        Requests that were refused are left out.

    Raises:
        TypeError: An argument is not of the kind that its name says.
        ValueError: As `simulate`; or no request that was served.

    Example:
        >>> import jax
        >>> import messjax as mj
        >>> stream = mj.streams.types(mj.zoo.get("llama3/ARC-C").distribution())
        >>> log = mj.engine.logged_run(
        ...     jax.random.key(0), mj.Controls(alpha=0.5), policy=mj.policies.uniform(), stream=stream, horizon=50
        ... )
        >>> len(log.action), log.method, float(log.chosen_propensity[0].round(3))
        (50, 'exact', 0.333)
    """
    check_components(key, controls, policy, stream, None, feedback)
    expect("policy", policy, Policy, A_POLICY)
    check_run(controls, stream, feedback, horizon, 0)
    parts = assemble(policy, stream, None, feedback)
    described = describe_stream(stream, check_fit(parts, controls), models, cost_unit)
    path: Decided = jax.tree.map(np.asarray, decisions(key, controls, parts, horizon))
    return as_log(path, described.models, described.cost_unit)


@with_32_bit_types
def decisions(key: Array, controls: Controls, parts: RunParts, horizon: int) -> Decided:
    """Every decision of a run, or of several side by side.

    Args:
        key: Key [] of a run, or keys [n] of several.
        controls: Numbers.
        parts: The parts of the run, with one policy; its meter is not used.
        horizon: Number of requests T.

    Returns:
        The decisions, each with leading axes [T] or [n, T].
    """
    controls = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), controls)
    return _decisions(key, controls, parts._replace(meter=_meter(parts.stream)), jnp.arange(1, horizon + 1))


@jax.jit
def _decisions(key: Array, controls: Controls, parts: RunParts, times: Array) -> Decided:
    def one(key: Array) -> Decided:
        found: Decided = run_stream(key, controls, parts, times)[""].curve[PATH]  # type: ignore[index]
        return found

    return one(key) if key.ndim == 0 else jax.vmap(one)(key)


def _meter(stream: Stream) -> Any:
    request = stream._request()
    shape = request.features.shape[0], request.available is not None
    return folds.latest(PATH, Partial(functools.partial(_nothing, *shape)), Partial(_decided))


def _nothing(num_features: int, comes_and_goes: bool, num_models: int) -> Decided:
    none, each = jnp.zeros((), jnp.float32), jnp.zeros(num_models, jnp.float32)
    available = jnp.zeros(num_models, bool) if comes_and_goes else None
    return Decided(jnp.zeros((), jnp.int32), none, none, each, each, jnp.zeros(num_features, jnp.float32), available)


def _decided(step: Step) -> PyTree:
    serve, cost = step.decision.serve, step.request.cost
    chance = step.decision.propensity
    return Decided(
        serve.astype(jnp.int32),
        jnp.where(step.feedback.feedback_received, step.feedback.served_satisfaction, jnp.nan).astype(jnp.float32),
        jnp.where(serve == NO_MODEL, 0.0, cost[serve]).astype(jnp.float32),
        jnp.full(cost.shape, jnp.nan, jnp.float32) if chance is None else chance.astype(jnp.float32),
        cost.astype(jnp.float32),
        step.request.features.astype(jnp.float32),
        step.request.available,
    )


def as_log(path: Decided, models: tuple[str, ...], cost_unit: str) -> LoggedTrace:
    """The decisions of one run as a log.

    Args:
        path: The decisions, NumPy arrays with a leading axis [T].
        models: Names of the M models.
        cost_unit: Unit of the costs.

    Returns:
        The log, without the requests that were refused.

    Raises:
        ValueError: No request that was served.
    """
    served = np.flatnonzero(path.serve != NO_MODEL)
    if not len(served):
        raise ValueError("log: the policy refused all requests, expected some that are served")
    path = jax.tree.map(lambda each: each[served], path)
    known = not np.isnan(path.propensity).any()
    propensity = path.propensity.astype(np.float64)
    return check_log(
        LoggedTrace(
            format="messjax",
            source="a run of messjax",
            files=(),
            models=models,
            ids=Texts.of([str(n + 1) for n in served]),
            texts=Texts.of([""] * len(served)),
            action=path.serve,
            score=path.score.astype(np.float64),
            cost=path.cost.astype(np.float64),
            cost_unit=cost_unit,
            propensity=propensity / propensity.sum(axis=1, keepdims=True) if known else None,
            method="exact" if known else "unknown",
            known_cost=path.known_cost.astype(np.float64),
            eligible=path.available,
            features=path.features.astype(np.float64),
            feature_names=tuple(f"x{k}" for k in range(path.features.shape[1])),
        )
    )


def served_rows(key: Array, stream: Stream, log: LoggedTrace) -> np.ndarray:
    """Which recorded requests a log of a replay consists of.

    Args:
        key: Key [] of the run.
        stream: What `streams.replay` made.
        log: What `logged_run` made of it.

    Returns:
        Numbers of the recorded requests [n], in the order of the log.
    """
    order = np.asarray(stream.init(jax.random.fold_in(component_keys(key)[0], 0)))
    return order[np.array([int(name) - 1 for name in log.ids])]
