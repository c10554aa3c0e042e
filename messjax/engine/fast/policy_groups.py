"""One policy on its way through the engine: what it believes, its queue and its book."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from messjax.engine.fast import loop, streams
from messjax.engine.fast import predictions as _beliefs
from messjax.engine.fast.accumulators import Accumulator, Totals, meter_parts
from messjax.engine.simulation import RunParts
from messjax.numerics import virtual_queue
from messjax.policies.algorithm import predictor_of
from messjax.policies.predictor_router import probability
from messjax.policies.static import pick_of
from messjax.types import Array, Controls, Policy, PyTree


def uses_predictor(policy: Policy) -> bool:
    """Whether it is MESS+ (with any predictor), all of it: a policy with another update is another policy."""
    return predictor_of(policy) is not None


def is_feature_free(policy: Policy) -> bool:
    """Whether it picks a model without looking at features, all of it."""
    return pick_of(policy) is not None


class PolicyPath:
    """MESS+ with its predictor in columns, or a policy that picks without looking (one model, uniform, a mixture)."""

    def __init__(self, policy: Policy, world: RunParts) -> None:
        columnar, predictor = streams.columnar_of(world.stream), predictor_of(policy)
        assert columnar is not None, "supported streams have a form in columns"
        self.columnar: streams.Columnar = columnar
        self.beliefs = None if predictor is None else _beliefs.chunk_predictor(predictor, self.columnar)
        self.account = Accumulator(meter_parts(world.meter) or (), self.columnar, self._what_is_known())

    def _what_is_known(self) -> str:
        if self.beliefs is None or isinstance(self.columnar, streams.Replay):
            return "unknown"
        return "zero" if isinstance(self.beliefs, _beliefs.Oracle) else "measured"

    def init(self, keys: Array, lanes: loop.Lanes) -> tuple[PyTree, virtual_queue.Fixed, Totals]:
        none = jnp.zeros(lanes.shape, jnp.int32)
        belief = () if self.beliefs is None else self.beliefs.init(keys)
        own = lanes.of_streams(jnp.zeros(keys.shape)).shape
        return belief, virtual_queue.Fixed(none, none), self.account.open(lanes.shape, own)

    def play(self, part: loop.Chunk, state: tuple, lanes: loop.Lanes) -> tuple:
        """Serve a chunk; where nothing is believed, `part.choice` says what is picked."""
        belief, Q, book = state
        if self.beliefs is None:
            part = part._replace(p=jnp.zeros_like(part.p))
        else:
            belief, predictions = self.beliefs.chunk(belief, part.requests, part.n)
            part = part._replace(predictions=predictions)
            if self.account.error == "measured" and "theory" in self.account.parts:
                part = part._replace(error=jax.vmap(self._error)(part.requests, predictions))
        Q, book = loop.run_chunk(part, Q, book, self.columnar, self.beliefs, self.account, lanes)
        return belief, Q, book

    def _error(self, row: PyTree, prediction: PyTree) -> Array:
        """e_t [B] of one request."""
        means = self.columnar.means(row) or []
        assert self.beliefs is not None
        off = [jnp.abs(s_hat - mu) for s_hat, mu in zip(self.beliefs.columns(row, prediction), means, strict=True)]
        return jnp.max(jnp.stack(off), axis=0)

    def read(self, state: tuple, t: Array, controls: Controls) -> dict[str, Any]:
        """The meters' readings after request t, leaves [*lanes, ...]."""
        _, Q, book = state
        p = jnp.zeros(()) if self.beliefs is None else probability(t, controls)
        return self.account.read(book, t, Q, p)


class PolicyGroup(NamedTuple):
    """Policies that share one loop: MESS+ alone, and all that pick without looking, as so many lanes more."""

    names: tuple[str, ...]
    route: PolicyPath
    picks: tuple[Any, ...]  # of those that do not look
    lanes: loop.Lanes  # P times [V, alpha], and some to fill a vector
    size: int  # pairs (V, alpha)

    def init(self, keys: Array) -> tuple:
        return self.route.init(keys, self.lanes)

    def play(self, part: loop.Chunk, state: tuple, keys: Array, controls: Controls) -> tuple:
        """Serve a chunk; `keys` [B] are the policies'."""
        if self.picks:
            part = part._replace(choice=self._choice(part.t, keys, controls))
        return self.route.play(part, state, self.lanes)

    def _choice(self, t: Array, keys: Array, controls: Controls) -> Array:
        """[L, *lanes] int32, from the same keys as the general path; a mixture depends on alpha."""

        def one(t: Array, key: Array, alpha: Array) -> Array:
            own, current = controls._replace(V=jnp.zeros(()), alpha=alpha), jax.random.fold_in(key, t)
            return jnp.stack([pick(current, self.route.columnar.num_models, own) for pick in self.picks]).astype(
                jnp.int32
            )

        on_lanes = jax.vmap(jax.vmap(one, (None, None, 0), 1), (None, 0, None))  # [B, P, G]
        return jax.vmap(lambda t: self.lanes.as_lanes(on_lanes(t, keys, controls.alpha).reshape(keys.shape[0], -1)))(t)

    def read(self, state: tuple, t: Array, controls: Controls) -> dict[str, Any]:
        """Readings of all its policies, leaves [B, P G, ...]."""
        return self.lanes.streams_first(self.route.read(state, t, controls))

    def of(self, name: str, metrics: dict[str, Any]) -> dict[str, Any]:
        """Those of one policy, [B, G, ...]."""
        start = self.names.index(name) * self.size
        return jax.tree.map(lambda x: x[:, start : start + self.size], metrics)


def group_policies(world: RunParts, controls: Controls, num_streams: int) -> list[PolicyGroup]:
    """The loops of a world's policies: one for each MESS+, one for all the others."""
    size = controls.V.shape[0]
    lanes = loop.padded(loop.Lanes(controls.V, controls.alpha, num_streams))
    result = [
        PolicyGroup((name,), PolicyPath(policy, world), (), lanes, size)
        for name, policy in world.policies.items()
        if uses_predictor(policy)
    ]
    others = {name: policy for name, policy in world.policies.items() if is_feature_free(policy)}
    if others:
        V, alpha = (jnp.tile(values, len(others)) for values in (controls.V, controls.alpha))
        many = loop.Lanes(V, alpha, num_streams)
        route = PolicyPath(next(iter(others.values())), world)
        result.append(
            PolicyGroup(tuple(others), route, tuple(pick_of(policy) for policy in others.values()), many, size)
        )
    return result
