"""The compiled program of a comparison: every policy, setting, scenario and stream is a lane of it.

Settings of a policy are pytrees of the same structure. Their arrays that differ are stacked and looked up by lane, the
others are shared. Scenarios are arrays as well. The program therefore depends on the structures of the policies and on
sizes only: tuning, defaults and all scenarios run in the same one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from messjax.components import as_pytree
from messjax.engine.simulation import component_keys
from messjax.evaluation.bench.scenarios import DELAY, Scenario
from messjax.types import Array, Controls, Decision, Feedback, Outcome, Policy, Request


class Table(NamedTuple):
    """Recorded requests, n of them (padded), and the orders in which they come.

    Attributes:
        features: [n, d] float32.
        satisfaction: [n, M] float32.
        cost: [n, M] float32.
        listed: [M] float32, the models' listed costs.
        rows: [S, T] int32, the row of every request of every stream.
        phase: [T] int32.
        judged: [n, M] float32, scores of a second judge; the satisfactions where there is none.
    """

    features: Any
    satisfaction: Any
    cost: Any
    listed: Any
    rows: Any
    phase: Any
    judged: Any


class Lanes(NamedTuple):
    """What runs side by side, L lanes.

    Attributes:
        active: [] bool, whether anything is to be run; otherwise all steps are zero.
        setting: [L] int32, number of the policy's setting.
        scenario: [L] int32, number of the scenario.
        stream: [L] int32, number of the stream.
    """

    active: Any
    setting: Any
    scenario: Any
    stream: Any


class Steps(NamedTuple):
    """What happened at every request [L, T].

    Attributes:
        serve: int16, the model that served, -1 for a refused request.
        paid: float32, the cost of everything that was queried.
        s_hat: float32, the prediction for the served model; NaN where there is none.
        propensity: float32, the probability with which the served model was to serve; NaN where it is not known.
    """

    serve: Any
    paid: Any
    s_hat: Any
    propensity: Any


class Stack(NamedTuple):
    """The settings of one policy: what they share, and what differs [G, ...].

    Attributes:
        shared: Arrays that are the same for all settings.
        varied: Arrays [G, ...].
        controls: Controls, numbers [G].
    """

    shared: tuple
    varied: tuple
    controls: Controls


class Form(NamedTuple):
    """The structure of a stack, which the program is compiled for.

    Attributes:
        tree: Structure of the policy.
        is_shared: Which of its arrays are shared.
    """

    tree: Any
    is_shared: tuple[bool, ...]


def stack(policies: Sequence[Policy], controls: Sequence[Controls]) -> tuple[Form, Stack]:
    """Settings of one policy as arrays.

    Args:
        policies: G policies that differ in numbers only.
        controls: G controls.

    Returns:
        Their structure, and their numbers.

    Raises:
        ValueError: Policies of different structures or shapes.
    """
    flat = [jax.tree.flatten(as_pytree(policy)) for policy in policies]
    structure: Any = flat[0][1]
    if any(structure != tree for _, tree in flat):
        raise ValueError("bench: the settings of a policy have different structures, expected different numbers only")
    columns = list(zip(*(leaves for leaves, _ in flat), strict=True))
    same = [all(leaf is column[0] for leaf in column) or _equal(column) for column in columns]
    shared = tuple(_array(column[0]) for column, one in zip(columns, same, strict=True) if one)
    varied = tuple(
        np.stack([_array(leaf) for leaf in column]) for column, one in zip(columns, same, strict=True) if not one
    )
    numbers = {
        name: np.array([getattr(each, name) for each in controls], np.float32)
        for name in Controls._fields
        if name != "available"
    }
    return Form(structure, tuple(same)), Stack(shared, varied, Controls(**numbers))


def _array(leaf: Any) -> np.ndarray:
    value = np.asarray(leaf)
    return value.astype(np.float32) if value.dtype == np.float64 else value


def _equal(column: Sequence[Any]) -> bool:
    if len({np.shape(leaf) for leaf in column}) > 1:
        raise ValueError("bench: the settings of a policy have arrays of different shapes, expected one shape")
    return all(np.array_equal(np.asarray(column[0]), np.asarray(leaf)) for leaf in column[1:])


def run(
    key: Array,
    stacks: Mapping[str, tuple[Form, Stack]],
    lanes: Mapping[str, Lanes],
    table: Table,
    scenarios: Scenario,
) -> dict[str, Steps]:
    """Run lanes of every policy, on all devices.

    Args:
        key: Random key; stream i has fold_in(key, i), whatever policy, setting and scenario.
        stacks: Structure and numbers of each policy's settings.
        lanes: Lanes of each policy, the same number L for all, a multiple of the number of devices.
        table: The requests.
        scenarios: Scenarios [K, ...].

    Returns:
        What happened, by policy.
    """
    forms = tuple((name, form) for name, (form, _) in stacks.items())
    numbers = {name: each for name, (_, each) in stacks.items()}
    devices = tuple(jax.local_devices())
    out = _program(key, numbers, dict(lanes), table, scenarios, forms=forms, devices=devices)
    return {name: Steps(*(np.asarray(each) for each in out[name])) for name in stacks}


@functools.partial(jax.jit, static_argnames=("forms", "devices"))
def _program(
    key: Array,
    stacks: dict[str, Stack],
    lanes: dict[str, Lanes],
    table: Table,
    scenarios: Scenario,
    *,
    forms: tuple[tuple[str, Form], ...],
    devices: tuple[jax.Device, ...],
) -> dict[str, Steps]:
    def every(
        key: Array, stacks: dict[str, Stack], lanes: dict[str, Lanes], table: Table, scenarios: Scenario
    ) -> dict[str, Steps]:
        result = {}
        for name, form in forms:
            active, *numbers = lanes[name]
            one = functools.partial(_lane, key, form, stacks[name], table, scenarios)
            every_lane = jax.vmap(one)
            shapes = jax.eval_shape(every_lane, *numbers)
            zeros = functools.partial(jax.tree.map, lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
            result[name] = jax.lax.cond(active, every_lane, lambda *_, zeros=zeros: zeros(), *numbers)
        return result

    if len(devices) == 1:
        return every(key, stacks, lanes, table, scenarios)
    whole, split = PartitionSpec(), PartitionSpec("lane")
    of_lanes = {name: Lanes(whole, split, split, split) for name in lanes}
    return jax.shard_map(
        every, mesh=Mesh(np.array(devices), ("lane",)), in_specs=(whole, whole, of_lanes, whole, whole),
        out_specs=split, check_vma=False,
    )(key, stacks, lanes, table, scenarios)  # fmt: skip


def _lane(
    key: Array, form: Form, numbers: Stack, table: Table, scenarios: Scenario, g: Array, k: Array, n: Array
) -> Steps:
    """One setting of one policy in one scenario on one stream."""
    shared, varied = iter(numbers.shared), iter(numbers.varied)
    leaves = [next(shared) if one else next(varied)[g] for one in form.is_shared]
    policy: Policy = jax.tree.unflatten(form.tree, leaves)
    controls = jax.tree.map(lambda values: values[g], numbers.controls)
    scenario = jax.tree.map(lambda values: values[k], scenarios)
    rows = table.rows[n]
    _, of_policy, of_feedback = component_keys(jax.random.fold_in(key, n))

    def request(t: Array) -> tuple[Request, Array, Array]:
        """Request number t (from 0) as it is, the costs that a policy sees, and the judge's scores."""
        row, phase = rows[t], table.phase[t]
        s = table.satisfaction[row] * scenario.quality[phase]
        cost = table.cost[row] * scenario.price[phase]
        shown = jnp.where(scenario.costs_known, cost, table.listed * scenario.price[phase])
        true = Request(table.features[row], cost, s, jnp.full_like(s, jnp.nan), scenario.available[phase])
        scores = jnp.where(scenario.second_judge, table.judged[row] * scenario.quality[phase], s)
        return true, shown, _judged(jax.random.fold_in(of_feedback, t), scenario, scores)

    def one(carry: tuple, t: Array) -> tuple[tuple, Steps]:
        state, ring = carry
        true, shown, _ = request(t)
        seen = controls._replace(available=true.available)
        decision = policy.act(jax.random.fold_in(of_policy, t + 1), state, true.features, shown, seen)
        kept = decision._replace(propensity=None)
        ring = jax.tree.map(lambda old, new: old.at[t % (DELAY + 1)].set(new), ring, kept)
        past = t - scenario.delay
        arrived, past = past >= 0, jnp.maximum(past, 0)
        then, _, judged = request(past)
        decided: Decision = jax.tree.map(lambda old: old[past % (DELAY + 1)], ring)
        back = _feedback(jax.random.fold_in(of_feedback, past), scenario, decided, then.cost, judged, arrived)
        state = policy.update(state, then.features, decided, back, controls._replace(available=then.available))
        return (state, ring), _step(decision, true)

    start = policy.init(jax.random.fold_in(of_policy, 0), controls)
    shapes = jax.eval_shape(lambda: _decided(policy, start, controls, request))
    ring = jax.tree.map(lambda leaf: jnp.zeros((DELAY + 1, *leaf.shape), leaf.dtype), shapes)
    return jax.lax.scan(one, (start, ring), jnp.arange(rows.shape[0], dtype=jnp.int32))[1]


def _decided(policy: Policy, state: Any, controls: Controls, request: Any) -> Decision:
    """A decision without its propensity, for the shapes of what is kept until feedback arrives."""
    true, shown, _ = request(jnp.int32(0))
    seen = controls._replace(available=true.available)
    decision: Decision = policy.act(jax.random.key(0), state, true.features, shown, seen)
    return decision._replace(propensity=None)


def _judged(key: Array, scenario: Scenario, s: Array) -> Array:
    """The scores that come back: the judge errs, and some requests are poisoned."""
    for_noise, for_poison, _ = jax.random.split(key, 3)
    seen = jnp.clip(s + scenario.noise * jax.random.normal(for_noise, s.shape) + scenario.bias, 0.0, 1.0)
    return jnp.where(jax.random.uniform(for_poison) < scenario.poisoned, 1.0 - seen, seen)


def _feedback(
    key: Array, scenario: Scenario, decision: Decision, cost: Array, judged: Array, arrived: Array
) -> Feedback:
    """What comes back of a request; nothing of those before the first, and costs in any case."""
    received = arrived & (jax.random.uniform(jax.random.split(key, 3)[2]) < scenario.f)
    received = received & (decision.serve >= 0)
    served = decision.served_mask
    observed = decision.learn & received & (served | ~scenario.one_sided)
    return Feedback(
        Outcome(jnp.where(observed, judged, 0.0), observed),
        jnp.where(received, jnp.sum(jnp.where(served, judged, 0.0)), 0.0),
        received,
        jnp.where(decision.query & arrived, cost, 0.0),
    )


def _step(decision: Decision, request: Request) -> Steps:
    served = decision.served_mask
    none = jnp.full((), jnp.nan, jnp.float32)

    def of_served(values: Array) -> Array:
        return jnp.where(jnp.any(served), jnp.sum(jnp.where(served, values, 0.0)), none)

    return Steps(
        decision.serve.astype(jnp.int16),
        jnp.sum(jnp.where(decision.query, request.cost, 0.0)),
        of_served(decision.s_hat).astype(jnp.float32),
        none if decision.propensity is None else of_served(decision.propensity).astype(jnp.float32),
    )
