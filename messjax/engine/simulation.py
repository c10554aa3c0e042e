"""One stream, one policy, one compiled program: a loop over requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from messjax import feedback as _feedback
from messjax.components import as_pytree, expect, is_traced, structure_key
from messjax.engine import debug_checks, side_by_side
from messjax.engine.validation import (
    A_POLICY,
    check_components,
    check_controls,
    check_curves,
    check_horizon,
    check_run,
    check_traits,
)
from messjax.meters import standard_meters as _meters
from messjax.numerics import counter_prng
from messjax.numerics.array_cache import RecentCache
from messjax.numerics.precision import narrowed, with_32_bit_types
from messjax.types import Array, Controls, Decision, Feedback, Meter, Policy, PyTree, Request, Step, Stream


class Result(NamedTuple):
    """What one run measured.

    Attributes:
        final: Metrics by name after the last request: arrays [] or [M], or exact sums (`results.host` converts them).
        curve: The same metrics at the checkpoints, [checkpoints, ...]; None without checkpoints.
    """

    final: dict[str, Any]
    curve: dict[str, Any] | None


class RunParts(NamedTuple):
    """Everything a run is made of, as one pytree: its arrays are arguments of the compiled program.

    Attributes:
        policies: Policies by name, which get the same requests; those that differ in numbers only may be packed
            (`side_by_side`).
        stream: The stream of requests.
        meter: What is measured.
        feedback: Which outcomes come back.
    """

    policies: dict[str, Any]
    stream: Stream
    meter: Meter
    feedback: Any


@with_32_bit_types
def simulate(
    key: Array,
    controls: Controls,
    *,
    policy: Policy,
    stream: Stream,
    horizon: int,
    meter: Meter | None = None,
    feedback: Any = _feedback.complete,
    checkpoints: int = 0,
    curves: tuple[str, ...] | None = None,
) -> Result:
    """Run a policy on one stream, and measure it.

    It is a pure function: jit and vmap it as you like; `sweep` does so for grids. The stream's randomness, the policy's
    and the feedback's come from three keys derived from `key`, and each request's from (key, t): with one key every
    policy and every control meets the same requests and exploration draws.

    Args:
        key: JAX random key.
        controls: V, alpha, c, a and f as scalars.
        policy: Decides and learns.
        stream: Draws the requests.
        horizon: T, the number of requests.
        meter: What is measured; by default `meters.standard()`.
        feedback: Which outcomes come back; by default all of them.
        checkpoints: Number n of evenly spaced requests, the last one being the horizon, after which the meter is read.
        curves: Names of the metrics to keep at the checkpoints; by default all.

    Returns:
        The final metrics and, with checkpoints, their curves.

    Raises:
        TypeError: An argument is not of the kind that its name says, for example a predictor for a policy.
        ValueError: Before anything runs: a horizon below one or beyond a recorded trace, more checkpoints than
            requests, controls out of range, an alpha above the largest attainable one (which is named), a policy that
            does not fit the shapes of the stream.

    Example:
        >>> import jax
        >>> import messjax as mj
        >>> stream = mj.streams.types(mj.zoo.get("llama3/ARC-C").distribution())
        >>> policy = mj.policies.mess_plus(mj.predictors.oracle(stream))
        >>> result = mj.simulate(jax.random.key(0), mj.Controls(alpha=0.5), policy=policy, stream=stream, horizon=20)
        >>> int(result.final["served"].sum())
        20
    """
    check_components(key, controls, policy, stream, meter, feedback)
    expect("policy", policy, Policy, f"{A_POLICY}; sweep runs several side by side")
    check_curves(curves)
    check_horizon(horizon, checkpoints, stream)
    if not is_traced(controls):  # under jit and vmap there may be no values to check yet, of the controls or the stream
        traced_stream = is_traced(stream.draw)
        axes = (
            check_controls(controls) if traced_stream else check_run(controls, stream, feedback, horizon, checkpoints)
        )
        if vectors := [name for name, values in axes.items() if values.ndim]:
            raise ValueError(f"simulate: {vectors[0]} is an array, expected a number; sweep runs grids")
        controls = Controls(**axes)
    run_parts = assemble(policy, stream, meter, feedback)
    check_fit(run_parts, controls)
    controls = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), controls)
    result = run_stream(key, controls, run_parts, checkpoint_times(horizon, checkpoints), curves)[""]
    return result if checkpoints else result._replace(curve=None)


def assemble(policy: Policy | Mapping[str, Policy], stream: Stream, meter: Meter | None, feedback: Any) -> RunParts:
    """The parts of a run as a pytree; a single policy is named "". What only the host uses of a stream is left out.

    Args:
        policy: A policy, or policies by name.
        stream: The stream of requests.
        meter: The meter, or None for the standard ones.
        feedback: The feedback function.

    Returns:
        The parts.
    """
    policies = {"": policy} if isinstance(policy, Policy) else policy
    return RunParts(
        policies={name: narrowed(as_pytree(debug_checks.guarded(each, stream))) for name, each in policies.items()},
        stream=narrowed(as_pytree(stream).without_host_data()),
        meter=narrowed(as_pytree(_meters.standard() if meter is None else meter)),
        feedback=narrowed(as_pytree(feedback)),
    )


def check_fit(run_parts: RunParts, controls: Controls | None = None) -> int:
    """Check in shapes only that the policies fit the stream.

    Args:
        run_parts: The parts of a run.
        controls: The controls of the run, of which it matters only which are given.

    Returns:
        Number of models M of the stream.

    Raises:
        ValueError: A policy that does not fit, that needs a budget where none is given, or that does not follow the
            availability of models of a stream whose models come and go.
    """
    given = (Controls() if controls is None else controls).filled(jnp.zeros((), jnp.float32))
    if is_traced(jax.tree.leaves(run_parts)):
        return _check_fit(run_parts, given)
    numbers = tuple(map(_number, jax.tree.leaves(run_parts.policies)))
    form = structure_key(run_parts), numbers, given.budget is None
    return _FIT.of(form, lambda: _check_fit(run_parts, given))


def _number(leaf: Any) -> Any:
    """The value of an array of one number, None for others and for keys (a frozen predictor's dropout has one)."""
    one = np.size(leaf) == 1 and not jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)
    return np.asarray(leaf).item() if one else None


# Parts that were checked, by shapes, and by the numbers of policies: the check takes as long as serving a million
# requests.
_FIT: RecentCache[int] = RecentCache()


def _check_fit(run_parts: RunParts, controls: Controls) -> int:
    key = jax.random.key(0)
    state = jax.eval_shape(run_parts.stream.init, key)
    request = jax.eval_shape(run_parts.stream.draw, key, state, jnp.ones((), jnp.int32))[1]
    check_traits(run_parts.policies, comes_and_goes=request.available is not None, budget=controls.budget is not None)
    jax.eval_shape(
        lambda: run_parts.meter.read(run_parts.meter.init(request.cost.shape[0]))
    )  # its own errors, unwrapped
    packed, names = side_by_side.pack(run_parts.policies)
    alone = [run_parts.policies[name] for several in names.values() for name in several]
    try:
        jax.eval_shape(
            lambda k: [each.act(k, each.init(k, controls), request.features, request.cost, controls) for each in alone],
            key,
        )  # each by itself: a single model's number is checked where it is known
        run_parts = run_parts._replace(policies=packed)
        jax.eval_shape(lambda k: run_stream(k, controls, run_parts, np.ones(1, np.int32)), key)
    except Exception as error:  # whatever a component raises for shapes it was not built for: Flax has its own errors
        result = f"features {request.features.shape} and {request.cost.shape[0]} models"
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"policy does not fit the stream, which has {result}: {why}") from error
    return request.cost.shape[0]


def checkpoint_times(horizon: int, checkpoints: int) -> np.ndarray:
    """The requests after which the meter is read, evenly spaced; the last one is the horizon.

    Args:
        horizon: Number of requests.
        checkpoints: Number n of checkpoints; 0 is read as 1.

    Returns:
        [max(1, n)] int32.
    """
    num = max(1, checkpoints)
    return (np.arange(1, num + 1, dtype=np.int64) * horizon // num).astype(np.int32)


def run_stream(
    key: Array,
    controls: Controls,
    run_parts: RunParts,
    times: Array | np.ndarray,
    curves: tuple[str, ...] | None = None,
    progress_callback: Callable[[Any], None] | None = None,
) -> dict[str, Result]:
    """`simulate` for every policy of an assembled run, without validation: what `sweep` vmaps.

    The policies get the same requests, drawn once. The checkpoints are traced, so that neither the horizon's nor the
    checkpoints' values are part of the compiled program.

    Args:
        key: Random key of the stream.
        controls: Numbers [].
        run_parts: The parts of the run.
        times: Checkpoints [n] int32, increasing.
        curves: Names of the metrics kept at the checkpoints; None: all.
        progress_callback: Called with the request number at every checkpoint, within the compiled program.

    Returns:
        Results by policy, with curves at the checkpoints; of packed policies with a leading axis on every array.
    """
    key_stream, key_policy, key_feedback = component_keys(key)
    start = jax.random.fold_in(key_policy, 0)  # t = 0 is the start; requests are 1, 2, ...
    stream_state = run_parts.stream.init(jax.random.fold_in(key_stream, 0))
    num_models = jax.eval_shape(run_parts.stream.draw, key_stream, stream_state, jnp.ones((), jnp.int32))[1].cost.shape[
        0
    ]

    def begin(policy: Policy) -> tuple[PyTree, PyTree]:
        return policy.init(start, controls), run_parts.meter.init(num_models)

    lanes = {name: side_by_side.each(begin, policy) for name, policy in run_parts.policies.items()}

    def one(t: Array, carry: PyTree) -> PyTree:
        stream_state, lanes = carry
        stream_state, request = run_parts.stream.draw(jax.random.fold_in(key_stream, t), stream_state, t)
        keys = jax.random.fold_in(key_policy, t), jax.random.fold_in(key_feedback, t)

        def add(policy: Policy, state: PyTree, metric: PyTree) -> tuple[PyTree, PyTree]:
            state, step = serve(keys, state, request, t, controls, policy, run_parts.feedback)
            return state, run_parts.meter.add(metric, step)

        return stream_state, {
            name: side_by_side.each(add, run_parts.policies[name], *lane) for name, lane in lanes.items()
        }

    def read(lanes: PyTree) -> dict[str, dict[str, Any]]:
        return {
            name: side_by_side.each(lambda _, metric: run_parts.meter.read(metric), run_parts.policies[name], metric)
            for name, (_, metric) in lanes.items()
        }

    def block(carry: PyTree, stop: Array) -> tuple[PyTree, dict[str, Any]]:
        done, inner = carry
        inner = jax.lax.fori_loop(done + 1, stop + 1, one, inner)
        if progress_callback is not None:
            progress_callback(stop)
        return (stop, inner), {name: select_metrics(metrics, curves) for name, metrics in read(inner[1]).items()}

    carry = (jnp.zeros((), jnp.int32), (stream_state, lanes))
    (_, (_, lanes)), curve = jax.lax.scan(block, carry, jnp.asarray(times, jnp.int32))
    for name, policy in run_parts.policies.items():
        if isinstance(policy, side_by_side.Packed):
            curve[name] = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), curve[name])
    return {name: Result(metrics, curve[name]) for name, metrics in read(lanes).items()}


def component_keys(key: Array) -> Array:
    """The counting keys of a stream's requests, policy and feedback (`messjax.numerics.counter_prng`).

    Args:
        key: Random key of the stream.

    Returns:
        Keys [3].
    """
    return jax.random.split(counter_prng.counting_key(key), 3)


def select_metrics(metrics: dict[str, Any], names: tuple[str, ...] | None) -> dict[str, Any]:
    """The metrics of some names.

    Args:
        metrics: Metrics by name.
        names: The names; None: all of them.

    Returns:
        Metrics by name.

    Raises:
        ValueError: A name that is not there.
    """
    if unknown := sorted(set(names or ()) - metrics.keys()):
        raise ValueError(f"curves: no reading named {unknown[0]!r}; there are {', '.join(sorted(metrics))}")
    return {name: metrics[name] for name in (metrics if names is None else names)}


def serve(
    keys: tuple[Array, Array],
    state: PyTree,
    request: Request,
    t: Array,
    controls: Controls,
    policy: Policy,
    feedback: Any,
) -> tuple[PyTree, Step]:
    """One request through a policy: decide, pay, receive feedback, learn. The policy never sees the request's labels.

    Args:
        keys: Random keys of the policy and of the feedback for this request.
        state: State of the policy.
        request: The request.
        t: Request number [] int32, from 1 on.
        controls: Numbers [].
        policy: The policy.
        feedback: The feedback function.

    Returns:
        The policy's state, and the step that meters see.

    Raises:
        ValueError: Predictions of another shape than the costs.
    """
    before = policy.queue(state)
    seen = controls if request.available is None else controls._replace(available=request.available)
    decision: Decision = policy.act(keys[0], state, request.features, request.cost, seen)
    if decision.s_hat.shape != request.cost.shape:  # one prediction for all models would broadcast silently
        raise ValueError(f"expected predictions of shape {request.cost.shape}, found {decision.s_hat.shape}")
    feedback_received: Feedback = feedback(keys[1], decision, request, controls)
    state = policy.update(state, request.features, decision, feedback_received, seen)
    return state, Step(t, request, decision, feedback_received, before, policy.queue(state), controls)
