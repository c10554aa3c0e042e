"""The requests, draws and decisions of `simulation.run_stream` for a block of streams, in chunks that stay in cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from messjax import feedback as _feedback
from messjax.engine.fast import loop, policy_groups, streams
from messjax.engine.fast import predictions as prediction_forms
from messjax.engine.fast.accumulators import meter_parts
from messjax.engine.fast.policy_groups import PolicyPath, is_feature_free
from messjax.engine.simulation import Result, RunParts, component_keys, select_metrics
from messjax.numerics import counter_prng
from messjax.policies.algorithm import policy_kind, predictor_of
from messjax.policies.predictor_router import probability
from messjax.types import Array, Controls

MOST_MODELS = 16  # decisions are written out model by model


def unsupported_reason(run_parts: RunParts) -> str | None:
    """What the fast path does not support, in words; None when it can run it."""
    columnar = streams.columnar_of(run_parts.stream)
    if columnar is None:
        return (
            f"the stream {_name(run_parts.stream.draw)} is not one of streams.types, streams.logistic, streams.replay"
        )
    if columnar.num_models > MOST_MODELS or not streams.fits_columns(columnar):
        return f"a stream of {columnar.num_models} models and {columnar.num_features} features is too wide"
    if (kind := _feedback.feedback_kind(run_parts.feedback)) != "complete":
        return f"the feedback is {kind}, not complete"
    if meter_parts(run_parts.meter) is None:
        return f"the meter {_name(run_parts.meter.add)} is not one of the standard meters"
    for name, policy in run_parts.policies.items():
        predictor = predictor_of(policy)
        if predictor is None and not is_feature_free(policy):
            return f"the policy {name or policy_kind(policy)!r} is neither MESS+ nor one that uses no features"
        if predictor is not None and not prediction_forms.oracle_matches_stream(predictor, run_parts.stream):
            return f"the policy {name or policy_kind(policy)!r} has the oracle of another stream"
    return None


def _name(function: Any) -> str:
    """A component's function as a reader knows it: its module and its name."""
    bare = getattr(function, "func", function)
    module = getattr(bare, "__module__", type(bare).__module__).removeprefix("messjax.")
    return f"{module}.{getattr(bare, '__qualname__', type(bare).__name__)}"


def supported(run_parts: RunParts) -> tuple[str, ...]:
    """Names of the policies that the fast path can run."""
    return tuple(
        name
        for name in run_parts.policies
        if unsupported_reason(run_parts._replace(policies={name: run_parts.policies[name]})) is None
    )


def best_block(run_parts: RunParts, controls: Controls) -> int:
    """Streams per core that suit its caches, measured; 0 without policies.

    A head that learns keeps its weights in the first cache, a replay learns one stream after the other; an oracle's
    loop is long enough to pay for its kernels from some thousand lanes on.
    """
    if not run_parts.policies:
        return 0
    chunk_predictor = [PolicyPath(policy, run_parts).chunk_predictor for policy in run_parts.policies.values()]
    if any(isinstance(each, prediction_forms.LinearSgd) for each in chunk_predictor):
        return 128
    if any(isinstance(each, prediction_forms.Learned) for each in chunk_predictor):
        return 256
    return max(128, 4096 // (np.size(controls.V) * np.size(controls.alpha)))


def run_block(
    keys: Array,
    controls: Controls,
    run_parts: RunParts,
    times: Array | np.ndarray,
    curves: tuple[str, ...] | None = None,
    progress_callback: Callable[[Any], None] | None = None,
) -> dict[str, Result]:
    """`simulation.run_stream` for the streams of `keys` [B] and V, alpha [G]: metrics [B, G, ...], curves [B, G, n,
    ...].

    c and a are scalars (vmap them): what is learned depends on them, and on V and alpha it does not.
    `unsupported_reason` must be None.
    """
    groups = policy_groups.group_policies(run_parts, controls, keys.shape[0])
    columnar = streams.columnar_of(run_parts.stream)
    assert columnar is not None, "supported streams have a form in columns"
    site = jax.vmap(component_keys)(keys)
    key_world, key_policy = (counter_prng.word_stream(site[:, n]) for n in (0, 1))
    first = jax.vmap(lambda key: jax.random.fold_in(key, 0))
    requests_of = jax.vmap(run_parts.stream.init)(first(site[:, 0]))
    length = loop.chunk_length(columnar, keys.shape[0])

    def chunk(stop: Array, carry: tuple) -> tuple:
        done, states = carry
        t = done + 1 + jnp.arange(length, dtype=jnp.int32)
        p = probability(t, controls)

        def explore_draw() -> Array:
            return counter_prng.uniform(counter_prng.block(key_policy, t[:, None], 0)[0]) < p[:, None]

        part = loop.Chunk(
            t=t,
            n=jnp.minimum(length, stop - done),
            requests=columnar.chunk(key_world, requests_of, t, explore_draw),
            p=p,
            predictions=None,
            choice=None,
            error=None,
        )
        after = [
            group.run_chunk(part, state, site[:, 1], controls) for group, state in zip(groups, states, strict=True)
        ]
        return done + part.n, after

    def read(states: list, t: Array) -> list[dict[str, Any]]:
        return [group.read(state, t, controls) for group, state in zip(groups, states, strict=True)]

    def until(carry: tuple, stop: Array) -> tuple[tuple, list[dict[str, Any]]]:
        carry = jax.lax.while_loop(lambda c: c[0] < stop, lambda c: chunk(stop, c), carry)
        if progress_callback is not None:
            progress_callback(stop)
        return carry, [select_metrics(result, curves) for result in read(carry[1], stop)]

    start = [group.init(first(site[:, 1])) for group in groups]
    (done, states), curve = jax.lax.scan(until, (jnp.zeros((), jnp.int32), start), jnp.asarray(times, jnp.int32))
    curve = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 2), curve)
    result: dict[str, Result] = {}
    for group, final, along in zip(groups, read(states, done), curve, strict=True):
        result |= {name: Result(group.of(name, final), group.of(name, along)) for name in group.names}
    return {name: result[name] for name in run_parts.policies}
