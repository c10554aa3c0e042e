"""One stream, one policy, one compiled program: a lax.scan over requests."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from messjax import feedback as _feedback
from messjax import meters as _meters
from messjax.types import Array, Controls, Decision, Feedback, Meter, Policy, PyTree, Request, Step, Stream, pure


class Result(NamedTuple):
    """What one run measured: final readings, and the same readings [checkpoints, ...] along the way (or None)."""

    final: dict[str, Any]
    curve: dict[str, Any] | None


class World(NamedTuple):
    """Everything a run is made of, as one pytree: its arrays are arguments of the compiled program."""

    policy: Policy
    stream: Stream
    meter: Meter
    feedback: Any


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
) -> Result:
    """Run `policy` on `horizon` requests of `stream` with scalar `controls`, and read `meter` (`meters.standard()`).

    Pure: jit, vmap and differentiate it as you like; `sweep` does so for grids. `checkpoints` > 0 also reads the
    meter after every `horizon // checkpoints` requests (they must divide evenly; ValueError otherwise).
    The world's randomness, the policy's and the feedback's come from three keys derived from `key`, and each
    request's from (key, t): with one key every policy and every control meets the same requests and coins.
    """
    check_horizon(horizon, checkpoints, stream)
    world = assemble(policy, stream, meter, feedback)
    controls = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), controls)
    return _run(key, controls, world, horizon, checkpoints)


def assemble(policy: Policy, stream: Stream, meter: Meter | None, feedback: Any) -> World:
    """The parts of a run as a pytree. What only the host uses of a stream (law, length) stays behind."""
    inside = pure(stream)._replace(law=None, length=None)
    return World(pure(policy), inside, pure(_meters.standard() if meter is None else meter), pure(feedback))


def check_horizon(horizon: int, checkpoints: int, stream: Stream) -> None:
    """ValueError for a horizon below one, beyond a recorded trace, or not a multiple of the checkpoints."""
    if horizon < 1:
        raise ValueError(f"horizon: expected at least one request, found {horizon}")
    if stream.length is not None and horizon > stream.length:
        raise ValueError(f"horizon: the trace has {stream.length} requests, found horizon {horizon}")
    if checkpoints < 0 or (checkpoints and horizon % checkpoints):
        raise ValueError(f"checkpoints: expected a divisor of the horizon {horizon}, found {checkpoints}")


def _run(key: Array, controls: Controls, world: World, horizon: int, checkpoints: int) -> Result:
    key_world, key_policy, key_feedback = jax.random.split(key, 3)
    stream_state = world.stream.init(jax.random.fold_in(key_world, 0))  # t = 0 is the start; requests are 1, 2, ...
    policy_state = world.policy.init(jax.random.fold_in(key_policy, 0), controls)
    num_models = jax.eval_shape(world.stream.draw, key_world, stream_state, jnp.ones((), jnp.int32))[1].cost.shape[0]

    def one(carry: PyTree, t: Array) -> tuple[PyTree, None]:
        stream_state, state, reading = carry
        stream_state, request = world.stream.draw(jax.random.fold_in(key_world, t), stream_state, t)
        state, step = serve(
            (jax.random.fold_in(key_policy, t), jax.random.fold_in(key_feedback, t)), state, request, t, controls, world
        )
        return (stream_state, state, world.meter.add(reading, step)), None

    carry = (stream_state, policy_state, world.meter.init(num_models))
    if not checkpoints:
        carry, _ = jax.lax.scan(one, carry, 1 + jnp.arange(horizon, dtype=jnp.int32))
        return Result(world.meter.read(carry[2]), None)

    length = horizon // checkpoints

    def block(carry: PyTree, start: Array) -> tuple[PyTree, dict[str, Any]]:
        carry, _ = jax.lax.scan(one, carry, start + 1 + jnp.arange(length, dtype=jnp.int32))
        return carry, world.meter.read(carry[2])

    carry, curve = jax.lax.scan(block, carry, length * jnp.arange(checkpoints, dtype=jnp.int32))
    return Result(world.meter.read(carry[2]), curve)


def serve(
    keys: tuple[Array, Array], state: PyTree, request: Request, t: Array, controls: Controls, world: World
) -> tuple[PyTree, Step]:
    """One request through the policy: decide, pay, hear back, learn. The policy never sees the request's labels."""
    policy = world.policy
    before = policy.queue(state)
    decision: Decision = policy.act(keys[0], state, request.features, request.cost, controls)
    heard: Feedback = world.feedback(keys[1], decision, request, controls)
    state = policy.update(state, request.features, decision, heard, controls)
    return state, Step(t, request, decision, heard, before, policy.queue(state), controls)
