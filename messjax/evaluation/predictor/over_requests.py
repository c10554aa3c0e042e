"""Split a trace, and score the predictor of its replay over time: everything is checked before anything compiles."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from messjax import origin
from messjax.components import as_pytree
from messjax.engine.simulation import checkpoint_times
from messjax.engine.validation import check_controls, check_horizon
from messjax.evaluation.predictor.metrics import ON, to_dataset
from messjax.evaluation.predictor.scoring_program import HeldOut, program
from messjax.numerics.precision import narrowed, with_32_bit_types
from messjax.types import Array, Controls, Predictor, Stream


@with_32_bit_types
def split(key: Array, num: int, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Split a trace at random into served and held-out requests.

    Replay the served rows only: `streams.replay(x[served], ...)`.

    Args:
        key: Random key.
        num: Number of requests of the trace.
        fraction: Share of held-out requests, in (0, 1).

    Returns:
        Row numbers (served, held out), both increasing.

    Raises:
        ValueError: A fraction outside (0, 1), or one that leaves nothing on either side.
    """
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"fraction: expected a share of the requests in (0, 1), found {fraction}")
    count = round(num * fraction)
    if not 0 < count < num:
        raise ValueError(f"fraction: {fraction} of {num} requests holds out {count}, expected 1 to {max(num - 1, 1)}")
    order = np.asarray(jax.random.permutation(key, num))
    return np.sort(order[count:]), np.sort(order[:count])


@with_32_bit_types
def over_time(
    key: Array,
    *,
    predictor: Predictor,
    stream: Stream,
    horizon: int,
    c: ArrayLike = 0.1,
    a: float = 0.25,
    num_streams: int = 8,
    held_out: HeldOut | None = None,
    checkpoints: int = 20,
    bins: int = 10,
    models: tuple[str, ...] | None = None,
    block: int = 1,
) -> xr.Dataset:
    """Score the predictor path of a replay (or of any stream) with complete feedback, at `checkpoints` requests.

    Args:
        key: The random key of the replay; stream i's path is the one of `sweep` and `compare` with this key.
        predictor: As given to `compare`.
        stream: What is served.
        horizon: Requests per stream.
        c: Exploration scales [] or [C], p_t = min(1, c t^-a); an array becomes a dimension.
        a: Their exponent, a number.
        num_streams: Number of orders of the trace.
        held_out: Requests that are in no stream (see `split`); None scores passed requests only.
        checkpoints: Number K of checkpoints, evenly spaced, the last one at the horizon.
        bins: Number of bins of equal width over [0, 1], for the calibration error.
        models: Names of the models [M].
        block: Streams side by side; more of them pay on accelerators. Memory grows with it and not with the horizon.

    Returns:
        Dataset with dimensions (on, c, stream, t, model): log_loss, brier, calibration_error and calibration_chance
            (see
        `scoring_rules.calibration`), base_log_loss and base_brier; `on` is "passed" (the requests since the last
            checkpoint)
        and "held out"; `learned` (c, stream, t) and `requests` (on, t). At the last checkpoint, (..., model, bin):
            bin_count,
        bin_predicted, bin_observed. The base rate predicts the running mean of the satisfactions learned from, the same
            labels
        that the predictor saw, started with half a success and half a failure.

    Raises:
        ValueError: Before anything runs, naming the argument: numbers out of range, a horizon beyond a trace, held-out
            requests of another shape than the stream's.

    Source: A6 in docs/theory.md; prequential scores: Dawid 1984.
    """
    axes = check_controls(Controls(c=c, a=a))
    if axes["a"].ndim:
        raise ValueError(f"a: expected a number, found shape {axes['a'].shape}")
    check_horizon(horizon, checkpoints, stream)
    for name, value in {"num_streams": num_streams, "checkpoints": checkpoints, "bins": bins, "block": block}.items():
        if value < 1:
            raise ValueError(f"{name}: expected at least one, found {value}")
    predictor, world = narrowed((as_pytree(predictor), as_pytree(stream).without_host_data()))
    held = _check_held_out(held_out, world)
    num_models = held.satisfaction.shape[1]
    models = tuple(f"model {m}" for m in range(num_models)) if models is None else tuple(models)
    if len(models) != num_models:
        raise ValueError(f"models: expected {num_models} names, found {len(models)}: {', '.join(models)}")
    started, times = time.perf_counter(), checkpoint_times(horizon, checkpoints)
    controls = Controls(c=jnp.asarray(np.atleast_1d(axes["c"]), jnp.float32), a=jnp.asarray(axes["a"], jnp.float32))
    result = jax.tree.map(np.asarray, program(key, controls, predictor, world, held, times, num_streams, bins, block))
    on = ON if len(held.features) else ON[:1]
    dataset = to_dataset(result, on, np.atleast_1d(axes["c"]), times, models, bins)
    dataset = dataset if axes["c"].ndim else dataset.isel(c=0)
    dataset.attrs |= origin.provenance() | {
        "horizon": horizon,
        "a": float(axes["a"]),
        "held_out": len(held.features),
        "bins": f"{bins} of equal width over [0, 1]",
        "predictor": origin.describe(predictor.predict),
        "stream": origin.describe(stream.draw),
        "num_streams": num_streams,
        "key": f"{jax.random.key_impl(key)}:{np.asarray(jax.random.key_data(key)).tolist()}",
        "created": origin.now(),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return dataset


def _check_held_out(held_out: HeldOut | None, world: Stream) -> HeldOut:
    """The held-out requests as float32, none where there are none; ValueError where they do not fit the stream."""
    key = jax.random.key(0)
    state = jax.eval_shape(world.init, key)
    request = jax.eval_shape(world.draw, key, state, jax.ShapeDtypeStruct((), jnp.int32))[1]
    d, num_models = request.features.shape[0], request.satisfaction.shape[0]
    if held_out is None:
        return HeldOut(np.zeros((0, d), np.float32), np.zeros((0, num_models), np.float32))
    x, s = (np.asarray(values, np.float32) for values in held_out)
    if x.ndim != 2 or x.shape[1] != d or s.shape != (len(x), num_models) or not len(x):
        raise ValueError(
            f"held_out: expected [H, {d}] and [H, {num_models}] as the stream's, found {x.shape}, {s.shape}"
        )
    if not np.isfinite(x).all() or not ((s >= 0.0) & (s <= 1.0)).all():
        raise ValueError("held_out: expected finite features and satisfactions in [0, 1]")
    return HeldOut(x, s)
