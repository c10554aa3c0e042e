"""A1 to A8 on a synthetic stream and a policy, every request of every stream recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from messjax import feedback as _feedback
from messjax import policies
from messjax.engine import simulation
from messjax.engine.validation import check_run
from messjax.meters import folds
from messjax.types import Array, Controls, Policy, Predictor, Step, Stream
from proofs_check.assumptions import learning, scores
from proofs_check.assumptions.exploration import check_exploration
from proofs_check.assumptions.order import check_order, components, standardised
from proofs_check.assumptions.report import Check

_REGRESSED = 20_000  # requests that the regression of costs looks at


def check_stream(
    stream: Stream,
    policy: Policy | Predictor,
    controls: Controls,
    key: Array,
    horizon: int,
    num_streams: int,
    *,
    feedback: Any = _feedback.complete,
) -> list[Check]:
    """Every assumption of docs/theory.md on a stream, as the policy meets it.

    Everything is recorded: memory grows with num_streams times horizon times (features + 6 M) numbers.

    Args:
      stream: the requests, i.i.d. or not.
      policy: the policy, or a predictor for MESS+ to use.
      controls: numbers, no grid; A3 and A6 take alpha from it.
      key: all randomness.
      horizon: requests per stream, at least 20.
      num_streams: independent streams, at least two: A4 compares them at equal t, A3 and A6 are intervals over them.
      feedback: what comes back of the labels (A5).

    Returns:
      At least one check per assumption.

    Raises:
      ValueError: fewer streams or requests than that, and whatever `simulate` refuses.
    """
    if num_streams < 2 or horizon < 20:
        raise ValueError(f"expected 2 streams of 20 requests or more, found {num_streams} streams of {horizon}")
    policy = policies.mess_plus(policy) if isinstance(policy, Predictor) else policy
    seen = record(stream, policy, controls, key, horizon, num_streams, feedback)
    seed = int(jax.random.bits(jax.random.fold_in(key, num_streams), dtype=jnp.uint32))
    s, E, mu = seen["satisfaction"], seen["cost"], seen["mean"]
    models = [f"model {m}" for m in range(s.shape[-1])]
    flat = {name: values.reshape(num_streams * horizon, *values.shape[2:]) for name, values in seen.items()}
    alpha = float(controls.alpha)
    beta = float(np.max(mu, axis=-1).mean()) - alpha
    batch = np.random.default_rng(seed).permutation(len(flat["cost"]))[:_REGRESSED]
    checks = [
        *check_order(_series(seen, models), seed=seed),
        *scores.check_bounded(flat["satisfaction"], flat["cost"], models),
        *scores.check_slater(s.mean(axis=1), alpha, models),
        _exploration(seen, seed),
        *scores.check_feedback(flat["labels"], flat["observed"], flat["mean"], flat["queried"]),
        *learning.check_error(np.abs(seen["s_hat"] - mu).max(axis=-1), beta),
        *learning.check_known_costs(flat["features"][batch], flat["cost"][batch], models, seed=seed),
        *scores.check_largest(s.mean(axis=1), E.mean(axis=1), models),
    ]
    return [check._replace(source=f"{num_streams} streams of {horizon:,} requests") for check in checks]


_RECORDED: dict[str, Callable[[Step], Array]] = {
    "features": lambda step: step.request.features,
    "cost": lambda step: step.request.cost,
    "satisfaction": lambda step: step.request.satisfaction,
    "mean": lambda step: step.request.mean,
    "explore": lambda step: step.decision.explore,
    "s_hat": lambda step: step.decision.s_hat,
    "queried": lambda step: step.decision.learn,
    "labels": lambda step: step.feedback.outcome.satisfaction,
    "observed": lambda step: step.feedback.outcome.observed,
}


def record(
    stream: Stream, policy: Policy, controls: Controls, key: Array, horizon: int, num_streams: int, feedback: Any
) -> dict[str, np.ndarray]:
    """Everything the checks read, [S, T, ...] each; floats as float64."""
    start = jax.eval_shape(stream.init, key)
    request = jax.eval_shape(stream.draw, key, start, jnp.ones((), jnp.int32))[1]
    flag, per_model = jax.ShapeDtypeStruct((), bool), jax.ShapeDtypeStruct(request.cost.shape, bool)
    kinds = {
        "features": request.features,
        "cost": request.cost,
        "satisfaction": request.satisfaction,
        "mean": request.mean,
        "explore": flag,
        "s_hat": request.mean,
        "queried": per_model,
        "labels": request.satisfaction,
        "observed": per_model,
    }
    blank = {name: _Blank(kind.shape, str(kind.dtype)) for name, kind in kinds.items()}
    meter = folds.zip_meters(*(folds.latest(name, blank[name], of) for name, of in _RECORDED.items()))
    numbers = check_run(controls, stream, feedback, horizon, horizon)
    if arrays := [name for name, values in numbers.items() if values.ndim]:
        raise ValueError(f"{arrays[0]}: found an array, expected a number")
    world = simulation.assemble(policy, stream, meter, feedback)
    simulation.check_fit(world)
    leaves = Controls(**{name: jnp.asarray(values, jnp.float32) for name, values in numbers.items()})
    times = simulation.checkpoint_times(horizon, horizon)
    curves = _program(key, jnp.arange(num_streams), leaves, world, times)
    seen = {name: np.asarray(values) for name, values in curves.items()}
    return {name: each if each.dtype == bool else each.astype(np.float64) for name, each in seen.items()}


@jax.jit
def _program(
    key: Array, streams: Array, controls: Controls, world: simulation.RunParts, times: Array
) -> dict[str, Array]:
    def one(i: Array) -> dict[str, Array]:
        curve = simulation.run_stream(jax.random.fold_in(key, i), controls, world, times)[""].curve
        assert curve is not None
        return curve

    return jax.vmap(one)(streams)


@dataclass(frozen=True)
class _Blank:
    """Nothing recorded yet. Static and compared by value, so that another key compiles nothing anew."""

    shape: tuple[int, ...]
    dtype: str

    def __call__(self, num_models: int) -> Array:
        del num_models
        return jnp.zeros(self.shape, self.dtype)


def _series(seen: dict[str, np.ndarray], models: list[str]) -> dict[str, np.ndarray]:
    """Means over streams at every t, in standard deviations of one request: under A1 they are i.i.d. over t, too."""
    num, horizon = seen["explore"].shape
    flat = {f"scores of {model}": seen["satisfaction"][..., m].reshape(-1) for m, model in enumerate(models)}
    flat |= {f"costs of {model}": seen["cost"][..., m].reshape(-1) for m, model in enumerate(models)}
    varying = {name: standardised(values) for name, values in flat.items() if np.ptp(values) > 0}
    varying["features"] = components(seen["features"].reshape(num * horizon, -1))
    return {name: values.reshape(num, horizon, -1).mean(axis=0) for name, values in varying.items()}


def _exploration(seen: dict[str, np.ndarray], seed: int) -> Check:
    x = seen["features"]
    parts = {
        "feature": x,
        "square of feature": x**2,
        "cost of model": seen["cost"],
        "label of model": seen["satisfaction"],
    }
    names = [f"{part} {i}" for part, values in parts.items() for i in range(values.shape[-1])]
    return check_exploration(seen["explore"], np.concatenate(list(parts.values()), axis=-1), names, seed=seed)
