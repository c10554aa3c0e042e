"""Every request of a run, as `evaluation.information.Path` needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from messjax import policies
from messjax.engine.grid_sweep import sweep
from messjax.engine.simulation import component_keys
from messjax.evaluation.information import Path
from messjax.meters import folds, standard_meters
from messjax.types import Array, Controls, Meter, Policy, Predictor, Step, Stream

PER_MODEL = {
    "path_cost": lambda step: step.request.cost,
    "path_mean": lambda step: step.request.mean,
    "path_label": lambda step: step.request.satisfaction,
    "path_s_hat": lambda step: step.decision.s_hat,
}


def _zeros(num_models: int) -> Array:
    return jnp.zeros(num_models, jnp.float32)


def _zero(num_models: int) -> Array:
    del num_models
    return jnp.zeros((), jnp.float32)


def _serve(step: Step) -> Array:
    return step.decision.serve.astype(jnp.float32)


def _explore(step: Step) -> Array:
    return step.decision.explore.astype(jnp.float32)


def _queue(step: Step) -> Array:
    return step.queue.to_float()


SINGLE = {"path_serve": _serve, "path_explore": _explore, "path_queue": _queue}


def meter() -> Meter:
    """What is kept of every request, with the standard metrics."""
    per_model = [folds.latest(name, _zeros, of) for name, of in PER_MODEL.items()]
    return folds.zip_meters(
        standard_meters.standard(), *per_model, *(folds.latest(name, _zero, of) for name, of in SINGLE.items())
    )


def run(
    key: Array,
    V: np.ndarray,
    alpha: float,
    *,
    predictor: Predictor | Mapping[str, Predictor],
    stream: Stream,
    horizon: int,
    **more: Any,
) -> xr.Dataset:
    """MESS+ with the published exploration (c = 0.1) at every V, with one predictor or several by name."""
    policy: Policy | dict[str, Policy]
    if isinstance(predictor, Predictor):
        policy = policies.mess_plus(predictor)
    else:
        policy = {name: policies.mess_plus(each) for name, each in predictor.items()}
    return sweep(
        key, Controls(V=V, alpha=alpha, c=0.1), policy=policy, stream=stream,
        meter=meter(), horizon=horizon, checkpoints=horizon, curves=(*PER_MODEL, *SINGLE), **more,
    )  # fmt: skip


def tables(result: xr.Dataset) -> dict[str, np.ndarray]:
    """Every request of a run: [V, stream, t, M] or [V, stream, t] by name."""
    order = ("V", "stream", "t", "model")
    per_model = {name: result[f"{name}_curve"].transpose(*order).values for name in PER_MODEL}
    return per_model | {name: result[f"{name}_curve"].transpose(*order[:-1]).values for name in SINGLE}


def path_of(table: dict[str, np.ndarray], at: tuple[int, int], *, labels: bool) -> Path:
    """The requests of one V and stream, the reference left to be chosen."""
    value = table["path_label" if labels else "path_mean"][at].astype(np.float64)
    cost, s_hat = (table[name][at].astype(np.float64) for name in ("path_cost", "path_s_hat"))
    serve, explored = table["path_serve"][at].astype(int), table["path_explore"][at] > 0.5
    return Path(cost, value, s_hat, serve, explored, np.zeros(len(cost), int))


def rows_of(key: Array, stream: Stream, i: int) -> np.ndarray:
    """The rows of a recorded trace in the order in which stream i served them."""
    return np.asarray(stream.init(jax.random.fold_in(component_keys(jax.random.fold_in(key, i))[0], 0)))
