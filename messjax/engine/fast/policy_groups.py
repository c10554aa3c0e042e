"""One policy in the fast path: its predictions, its queue and its totals; and which policies share a loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from messjax.engine.fast import loop, streams
from messjax.engine.fast import predictions as prediction_forms
from messjax.engine.fast.accumulators import Accumulator, Totals, meter_parts, prices_of
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
    """Whether it serves a model without using features, all of it."""
    return pick_of(policy) is not None


class PolicyPath:
    """MESS+ with its predictor in columns, or a policy that uses no features (one model, uniform, a mixture)."""

    def __init__(self, policy: Policy, run_parts: RunParts) -> None:
        columnar, predictor = streams.columnar_of(run_parts.stream), predictor_of(policy)
        assert columnar is not None, "supported streams have a form in columns"
        self.columnar: streams.Columnar = columnar
        self.chunk_predictor = None if predictor is None else prediction_forms.chunk_predictor(predictor, self.columnar)
        parts, prices = meter_parts(run_parts.meter) or (), prices_of(run_parts.meter)
        self.accumulator = Accumulator(parts, self.columnar, self._error_source(), prices)

    def _error_source(self) -> str:
        if self.chunk_predictor is None or isinstance(self.columnar, streams.Replay):
            return "unknown"
        return "zero" if isinstance(self.chunk_predictor, prediction_forms.Oracle) else "measured"

    def init(self, keys: Array, lanes: loop.Lanes) -> tuple[PyTree, virtual_queue.Fixed, Totals]:
        none = jnp.zeros(lanes.shape, jnp.int32)
        predictor_state = () if self.chunk_predictor is None else self.chunk_predictor.init(keys)
        own = lanes.of_streams(jnp.zeros(keys.shape)).shape
        return predictor_state, virtual_queue.Fixed(none, none), self.accumulator.init(lanes.shape, own)

    def run_chunk(self, part: loop.Chunk, state: tuple, lanes: loop.Lanes) -> tuple:
        """Serve a chunk; for a policy without a predictor, `part.choice` says what is served."""
        predictor_state, Q, totals = state
        if self.chunk_predictor is None:
            part = part._replace(p=jnp.zeros_like(part.p))
        else:
            predictor_state, predictions = self.chunk_predictor.chunk(predictor_state, part.requests, part.n)
            part = part._replace(predictions=predictions)
            if self.accumulator.error == "measured" and "theory" in self.accumulator.parts:
                part = part._replace(error=jax.vmap(self._error)(part.requests, predictions))
        Q, totals = loop.run_chunk(part, Q, totals, self.columnar, self.chunk_predictor, self.accumulator, lanes)
        return predictor_state, Q, totals

    def _error(self, row: PyTree, prediction: PyTree) -> Array:
        """e_t [B] of one request."""
        means = self.columnar.means(row) or []
        assert self.chunk_predictor is not None
        off = [
            jnp.abs(s_hat - mu) for s_hat, mu in zip(self.chunk_predictor.columns(row, prediction), means, strict=True)
        ]
        return jnp.max(jnp.stack(off), axis=0)

    def read(self, state: tuple, t: Array, controls: Controls) -> dict[str, Any]:
        """The meters' metrics after request t, leaves [*lanes, ...]."""
        _, Q, totals = state
        p = jnp.zeros(()) if self.chunk_predictor is None else probability(t, controls)
        return self.accumulator.read(totals, t, Q, p)


class PolicyGroup(NamedTuple):
    """Policies that share one loop: each MESS+ alone, and all that use no features together, as so many lanes more."""

    names: tuple[str, ...]
    policy_path: PolicyPath
    picks: tuple[Any, ...]  # of those that use no features
    lanes: loop.Lanes  # P times [V, alpha], and some to fill a vector
    size: int  # pairs (V, alpha)

    def init(self, keys: Array) -> tuple:
        return self.policy_path.init(keys, self.lanes)

    def run_chunk(self, part: loop.Chunk, state: tuple, keys: Array, controls: Controls) -> tuple:
        """Serve a chunk; `keys` [B] are the policies'."""
        if self.picks:
            part = part._replace(choice=self._choice(part.t, keys, controls))
        return self.policy_path.run_chunk(part, state, self.lanes)

    def _choice(self, t: Array, keys: Array, controls: Controls) -> Array:
        """[L, *lanes] int32, from the same keys as the general path; a mixture depends on alpha."""

        def one(t: Array, key: Array, alpha: Array) -> Array:
            own, current = controls._replace(V=jnp.zeros(()), alpha=alpha), jax.random.fold_in(key, t)
            return jnp.stack([pick(current, self.policy_path.columnar.num_models, own) for pick in self.picks]).astype(
                jnp.int32
            )

        on_lanes = jax.vmap(jax.vmap(one, (None, None, 0), 1), (None, 0, None))  # [B, P, G]
        return jax.vmap(lambda t: self.lanes.as_lanes(on_lanes(t, keys, controls.alpha).reshape(keys.shape[0], -1)))(t)

    def read(self, state: tuple, t: Array, controls: Controls) -> dict[str, Any]:
        """Metrics of all its policies, leaves [B, P G, ...]."""
        return self.lanes.streams_first(self.policy_path.read(state, t, controls))

    def of(self, name: str, metrics: dict[str, Any]) -> dict[str, Any]:
        """Those of one policy, [B, G, ...]."""
        start = self.names.index(name) * self.size
        return jax.tree.map(lambda x: x[:, start : start + self.size], metrics)


def group_policies(run_parts: RunParts, controls: Controls, num_streams: int) -> list[PolicyGroup]:
    """The loops of a run's policies: one for each MESS+, one for all the others."""
    size = controls.V.shape[0]
    lanes = loop.padded(loop.Lanes(controls.V, controls.alpha, num_streams))
    result = [
        PolicyGroup((name,), PolicyPath(policy, run_parts), (), lanes, size)
        for name, policy in run_parts.policies.items()
        if uses_predictor(policy)
    ]
    others = {name: policy for name, policy in run_parts.policies.items() if is_feature_free(policy)}
    if others:
        V, alpha = (jnp.tile(values, len(others)) for values in (controls.V, controls.alpha))
        many = loop.Lanes(V, alpha, num_streams)
        policy_path = PolicyPath(next(iter(others.values())), run_parts)
        result.append(
            PolicyGroup(tuple(others), policy_path, tuple(pick_of(policy) for policy in others.values()), many, size)
        )
    return result
