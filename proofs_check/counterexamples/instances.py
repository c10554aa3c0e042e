"""Instances as points of a unit cube, and a batch of them simulated by one compiled program.

An instance is all that a statement about MESS+ can depend on: request types with weights, costs and means, what the
predictor says of each, and V, alpha, c, a, f, T. `decode` makes one of any point of the cube, always a lawful one
(alpha is a share of what is attainable), in numbers short enough to be retyped. `simulate` runs many at once: world and
controls are traced, so that one program of `messjax.engine.simulation` serves every instance; instances are sorted
by horizon, so that short ones do not wait for long ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jax.tree_util import Partial

from messjax import feedback, policies, streams
from messjax.engine import simulation as engine
from messjax.meters import folds, identity_terms, standard_meters
from messjax.results import host
from messjax.streams import labels
from messjax.theory import optimum
from messjax.theory.statement import Run
from messjax.types import Array, Controls, Distribution, Outcome, Policy, Predictor, Request, Stream
from proofs_check.counterexamples import quantities
from proofs_check.trials.case import Case
from proofs_check.trials.trial import run_of

GROUP, GROUPS = 16, 4  # instances that share streams, and groups side by side in one call of the compiled program
STREAMS = 32  # of a call
RAREST = 0.05
SHORTEST = 4  # requests: fewer are over before anything rare has happened


class Space(NamedTuple):
    """Where to look: K request types, M models, horizons up to T, and quantities with a range of their own."""

    types: int = 2
    models: int = 2
    horizon: int = 256
    limits: tuple[tuple[str, quantities.Range], ...] = ()  # items of `quantities.parse`

    @property
    def dimensions(self) -> int:
        """Numbers that make an instance."""
        return self.types + 3 * self.types * self.models + 8


class Instance(NamedTuple):
    """One world and one MESS+ in it, NumPy on the host (or, stacked, [S, ...] each)."""

    weight: Any  # [K]
    cost: Any  # [K, M], up to 1
    mean: Any  # [K, M]
    predicted: Any  # [K, M] s_hat, the same at all times
    V: Any
    alpha: Any  # that MESS+ runs on
    c: Any
    a: Any
    f: Any
    T: Any
    sla_target: Any  # the agreement for T10, at most alpha

    @property
    def distribution(self) -> Distribution:
        """Its distribution of requests."""
        return Distribution(self.weight, self.cost, self.mean)

    @property
    def controls(self) -> Controls:
        """V, alpha, c, a and f."""
        return Controls(self.V, self.alpha, self.c, self.a, self.f)

    def __str__(self) -> str:
        """Numbers to retype: a row per type, then the controls."""
        rows = "; ".join(
            f"type {k}: weight {w:.4g}, E = {_row(E)}, mu = {_row(mu)}, s_hat = {_row(s)}"
            for k, (w, E, mu, s) in enumerate(zip(self.weight, self.cost, self.mean, self.predicted, strict=True))
            if w > 0
        )
        numbers = (
            f"V = {self.V:g}, alpha = {self.alpha:g}, c = {self.c:g}, a = {self.a:g}, f = {self.f:g}, T = {self.T}"
        )
        return f"{rows}; {numbers}, asked {self.sla_target:g}"


def _row(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"


def decode(x: np.ndarray, space: Space) -> Instance:
    """The instance at a point of the unit cube [space.dimensions]; the cube's faces are fat, extremes are common.

    Types, successes, failures, exploration and feedback are certain, impossible or of probability RAREST at least: an
    event that no stream has seen looks like an impossible one, and the optimiser would look for nothing else. At most
    half the requests are explored: worlds that only explore make T1, T2 and T7 equalities of no interest. What has a
    range in `space.limits` is within it instead; means are raised where alpha would be out of reach.
    """
    K, M = space.types, space.models
    at = np.clip(1.2 * np.asarray(x, np.float64) - 0.1, 0.0, 1.0)
    weight, tables, rest = np.split(at, [K, K + 3 * K * M])
    limits = dict(space.limits)

    def number(name: str, u: float, usual: float) -> float:
        return quantities.between(name, limits[name], u) if name in limits else float(usual)

    share = quantities.weights(_weights(weight), weight, limits)
    raw = tables.reshape(3, K, M)
    cost, mean, target = raw.round(3)
    mean = np.where(mean < RAREST, 0.0, np.where(mean > 1.0 - RAREST, 1.0, mean))
    cost, mean = quantities.entries("E", cost, raw[0], limits), quantities.entries("mu", mean, raw[1], limits)
    wrong, alpha, V, c, a, f, T, kappa = rest
    mean = quantities.lifted(mean, share, number("alpha", alpha, 0.0), limits)
    predicted = (mean + number("error", wrong, np.round(wrong, 2)) * (target - mean)).round(3)
    predicted = quantities.entries("s_hat", predicted, raw[2], limits)
    cost, mean = (values.astype(np.float32).astype(np.float64) for values in (cost, mean))  # as they are simulated
    largest = float(share @ mean.max(axis=1))
    sought = number("alpha", alpha, np.floor(max(alpha * largest - 1e-9, 0.0) * 1000.0) / 1000.0)
    sought = min(sought, largest)  # by rounding only
    return Instance(
        weight=share,
        cost=cost,
        mean=mean,
        predicted=predicted,
        V=number("V", V, float(f"{10.0 ** (4.0 * V - 2.0):.2g}")),
        alpha=sought,
        c=number("c", c, np.round(0.5 * c, 2) if 0.5 * c >= RAREST else 0.0),
        a=number("a", a, np.round(a, 2)),
        f=number("f", f, np.round(min(1.0, 0.1 + 1.8 * f), 2)),
        T=int(np.rint(number("T", T, SHORTEST * (space.horizon / SHORTEST) ** T))),
        sla_target=min(sought, number("asked", kappa, np.round(sought * (1.0 - 10.0 ** (-3.0 * kappa)), 6))),
    )


def _weights(raw: np.ndarray) -> np.ndarray:
    """Weights [K], multiples of RAREST, that sum to one."""
    share = np.cumsum(raw + 1e-9) / np.sum(raw + 1e-9)
    return np.diff(np.rint(share / RAREST) * RAREST, prepend=0.0).round(6)


def case(instance: Instance, name: str = "") -> Case:
    """The instance as a case for `trial.run_case`, on the library's own stream of types and by its own engine."""
    stream = streams.types(instance.distribution)
    return _case(instance, name, stream, policies.mess_plus(_fixed(jnp.asarray(instance.predicted, jnp.float32))))


def _case(instance: Instance, name: str, stream: Stream, policy: Policy) -> Case:
    return Case(
        name,
        instance.distribution,
        stream,
        policy,
        instance.controls,
        instance.T,
        feedback=feedback.sparse,  # complete where f = 1: one program for both
        sla_target=instance.sla_target,
        ebar=float(np.max(np.abs(instance.predicted - instance.mean)[instance.weight > 0])),
        about=str(instance),
    )


# --- the world of an instance, from arrays that may be traced ---------------------------------------------------


def world(weight: Any, cost: Any, mean: Any, predicted: Any) -> tuple[Stream, Policy]:
    """A stream over types and MESS+ with predictions that are what they are: [K], then [K, M] each, traced or not."""
    stream = Stream(Partial(_nothing), Partial(_draw, (weight, cost, mean)))
    return stream, policies.mess_plus(_fixed(predicted))


def _nothing(key: Array) -> tuple[()]:
    del key
    return ()


def _draw(table: tuple, key: Array, state: tuple, t: Array) -> tuple[tuple, Request]:
    del t
    weight, cost, mean = table
    uniforms = jax.random.uniform(key, (1 + mean.shape[1],), jnp.float32)
    kind = jnp.sum(uniforms[0] >= jnp.cumsum(weight)[:-1])  # by inversion: no alias table to build on the host
    features = jax.nn.one_hot(kind, mean.shape[0], dtype=jnp.float32)
    mu = _row_of(mean, features)
    return state, Request(features, _row_of(cost, features), labels.independent(uniforms[1:], mu), mu)


def _row_of(table: Array, features: Array) -> Array:
    return jnp.sum(table * features[:, None], axis=0)


def _fixed(predicted: Any) -> Predictor:
    return Predictor(Partial(_nothing), Partial(_look_up, predicted), Partial(_keep))


def _look_up(predicted: Array, state: tuple, features: Array) -> Array:
    del state
    return _row_of(predicted, features)


def _keep(state: tuple, features: Array, outcome: Outcome) -> tuple:
    del features, outcome
    return state


# --- many at once -----------------------------------------------------------------------------------------------


def simulate(instances: Sequence[Instance], key: Array, num_streams: int) -> list[Run]:
    """A run of every instance: metrics [num_streams] of the standard meters and of `decomposition`, with its constants.

    All instances meet the same random numbers: what the optimiser sees is a deterministic function of the instance,
    and differences between instances are paired. (What it then finds must be run afresh.)
    """
    n = min(num_streams, STREAMS)
    firsts = range(0, num_streams, n)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(np.arange(len(firsts) * n))
    words, impl = np.asarray(jax.random.key_data(keys)), jax.random.key_impl(key)
    order = np.argsort([each.T for each in instances], kind="stable")
    work = [(order[at : at + GROUP], first) for at in range(0, len(order), GROUP) for first in firsts]
    found: list[list[dict[str, np.ndarray]]] = [[] for _ in instances]
    for start in range(0, len(work), GROUPS):
        chosen = work[start : start + GROUPS]
        blocks = [words[first : first + n] for _, first in _filled(chosen, GROUPS)]
        shared = jax.random.wrap_key_data(jnp.asarray(np.stack(blocks)), impl=impl)
        metrics = _block(shared, [[instances[i] for i in who] for who, _ in chosen])
        for group, (who, _) in enumerate(chosen):
            for row, i in enumerate(who):
                found[i].append({name: values[group, row] for name, values in metrics.items()})
    return [
        _run(each, {name: np.concatenate([part[name] for part in parts])[:num_streams] for name in parts[0]})
        for each, parts in zip(instances, found, strict=True)
    ]


def _filled(given: list[Any], count: int) -> list[Any]:
    """So many: the last one again for those that are missing."""
    return given + [given[-1]] * (count - len(given))


def _block(keys: Array, groups: list[list[Instance]]) -> dict[str, np.ndarray]:
    """Metrics [GROUPS, GROUP, n] of groups of instances, each on its own streams [GROUPS, n]."""
    filled = [each for group in _filled(groups, GROUPS) for each in _filled(group, GROUP)]
    batch = jax.tree.map(lambda *leaves: _in_groups(np.stack(leaves).astype(np.float32)), *filled)
    gamma = _in_groups(np.array([optimum.solve(each.distribution, each.alpha).gamma for each in filled], np.float32))
    result = _program()(keys, batch._replace(T=batch.T.astype(np.int32)), gamma)
    return {name: np.asarray(host(value), np.float64) for name, value in result.items()}


def _in_groups(values: np.ndarray) -> np.ndarray:
    return values.reshape(GROUPS, GROUP, *values.shape[1:])


@cache
def _program() -> Any:
    """Groups are spread over the devices, each with a loop of its own that ends with its longest horizon.

    The instances of a group share streams, whose random numbers are drawn once; few instances on many streams are
    many groups of the same program.
    """
    devices = jax.devices()
    devices = devices[: np.gcd(GROUPS, 2 ** (len(devices).bit_length() - 1))]
    mesh = Mesh(np.array(devices), ("group",))
    each = jax.vmap(jax.vmap(_one, in_axes=(0, None, None)), in_axes=(None, 0, 0))
    spread = PartitionSpec("group")
    return jax.jit(jax.shard_map(jax.vmap(each), mesh=mesh, in_specs=spread, out_specs=spread, check_vma=False))


def _one(key: Array, instance: Instance, gamma: Array) -> dict[str, Any]:
    stream, policy = world(instance.weight, instance.cost, instance.mean, instance.predicted)
    terms = identity_terms.decomposition_at(instance.alpha[None], gamma[None])
    parts = engine.assemble(policy, stream, folds.zip_meters(standard_meters.standard(), terms), feedback.sparse)
    return engine.run_stream(key, instance.controls, parts, instance.T[None])[""].final


def _run(instance: Instance, metrics: dict[str, np.ndarray]) -> Run:
    stream, policy = world(*(np.asarray(values, np.float32) for values in instance[:4]))
    case = _case(instance, "instance", stream, policy)
    violation = instance.alpha - metrics["satisfaction"]
    return run_of(case, instance.controls, metrics | {"violation": violation})
