"""How good the predictor of MESS+ is, over the requests of a replay (A6 in docs/theory): log loss, Brier, calibration.

It learns on explored requests only, and its coin does not look at V or alpha: the predictor path of a replay follows
from its key, c and a. `over_time` walks that very path (same keys, order, coins and updates as `sweep`) and scores the
predictions twice: of the requests just passed, each predicted before it was learned from (prequential; Dawid 1984),
and of requests held out, which no order ever serves.
"""

from __future__ import annotations

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from messjax import results, scores, stats
from messjax.checks import check_controls, check_horizon
from messjax.meters import Sum, add_to_sum
from messjax.policies.gate import when
from messjax.policies.router import probability
from messjax.simulate import checkpoint_times, sites
from messjax.types import Array, Controls, Outcome, Predictor, PyTree, Stream, pure

CHUNK = 512  # held-out requests predicted at once
ON = ("passed", "held out")
SUMS = 3  # of a request and model beside its bins: log loss, and log loss and Brier of the base rate
BINNED = 4  # of each bin: requests, predictions, satisfactions, squared differences
_ABOUT = {
    "log_loss": ("log loss of the predictor", "nat"),
    "brier": ("Brier score of the predictor", "1"),
    "calibration_error": ("ECE of the predictor, biased upwards", "1"),
    "calibration_chance": ("ECE that a calibrated predictor would have by chance", "1"),
    "base_log_loss": ("log loss of the base rate", "nat"),
    "base_brier": ("Brier score of the base rate", "1"),
    "learned": ("explored requests learned from", "requests"),
    "requests": ("requests scored", "requests"),
    "bin_count": ("predictions in the bin at the last checkpoint", "requests"),
    "bin_predicted": ("mean prediction in the bin", "1"),
    "bin_observed": ("mean satisfaction in the bin", "1"),
}


class HeldOut(NamedTuple):
    """Requests that the stream never serves."""

    features: np.ndarray  # [H, d]
    satisfaction: np.ndarray  # [H, M] in [0, 1]


class _Lane(NamedTuple):
    """What one path carries."""

    predictor: PyTree
    learned: Array  # [] int32
    liked: Array  # [M] float, sum of the satisfactions learned from
    passed: Sum  # [M, SUMS + BINNED * bins] since the last checkpoint


def split(key: Array, num: int, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers (served, held out) of a trace of `num` requests, both increasing, `fraction` of them held out.

    Replay the served rows only: `streams.replay(x[served], ...)`. ValueError for a fraction outside (0, 1), or one
    that leaves nothing on either side.
    """
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"fraction: expected a share of the requests in (0, 1), found {fraction}")
    count = round(num * fraction)
    if not 0 < count < num:
        raise ValueError(f"fraction: {fraction} of {num} requests holds out {count}, expected 1 to {max(num - 1, 1)}")
    order = np.asarray(jax.random.permutation(key, num))
    return np.sort(order[count:]), np.sort(order[:count])


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
        key: that of the replay; stream i's path is the one that `sweep` and `compare` walk with this key.
        predictor: as given to `compare`.
        stream: what is served.
        horizon: requests per stream.
        c: [] or [C] exploration scales, p_t = min(1, c t^-a); an array becomes a dimension.
        a: their exponent, a number.
        num_streams: orders of the trace.
        held_out: requests that are in no stream (see `split`); None scores passed requests only.
        checkpoints: K, evenly spaced, the last one at the horizon.
        bins: of equal width over [0, 1], for the calibration error.
        models: M names.
        block: streams side by side; more of them pay on accelerators. Memory grows with it and not with the horizon.

    Returns:
        Dataset with dims (on, c, stream, t, model): log_loss, brier, calibration_error and calibration_chance (see
        `scores.calibration`), base_log_loss and base_brier; `on` is "passed" (the requests since the last checkpoint)
        and "held out"; `learned` (c, stream, t) and `requests` (on, t). At the last checkpoint, (..., model, bin):
        bin_count, bin_predicted, bin_observed. The base rate predicts the running mean of the satisfactions learned
        from, the same labels that the predictor saw, started with half a success and half a failure.

    ValueError, before anything runs, naming the argument: numbers out of range, a horizon beyond a trace, held-out
    requests of another shape than the stream's.
    """
    axes = check_controls(Controls(c=c, a=a))
    if axes["a"].ndim:
        raise ValueError(f"a: expected a number, found shape {axes['a'].shape}")
    check_horizon(horizon, checkpoints, stream)
    for name, value in {"num_streams": num_streams, "checkpoints": checkpoints, "bins": bins, "block": block}.items():
        if value < 1:
            raise ValueError(f"{name}: expected at least one, found {value}")
    predictor, world = pure(predictor), pure(stream)._replace(law=None, length=None)
    held = _check_held_out(held_out, world)
    num_models = held.satisfaction.shape[1]
    models = tuple(f"model {m}" for m in range(num_models)) if models is None else tuple(models)
    if len(models) != num_models:
        raise ValueError(f"models: expected {num_models} names, found {len(models)}: {', '.join(models)}")
    started, times = time.perf_counter(), checkpoint_times(horizon, checkpoints)
    controls = Controls(c=jnp.asarray(np.atleast_1d(axes["c"]), jnp.float32), a=jnp.asarray(axes["a"], jnp.float32))
    found = jax.tree.map(np.asarray, _program(key, controls, predictor, world, held, times, num_streams, bins, block))
    on = ON if len(held.features) else ON[:1]
    dataset = _dataset(found, on, np.atleast_1d(axes["c"]), times, models, bins)
    dataset = dataset if axes["c"].ndim else dataset.isel(c=0)
    dataset.attrs |= results.provenance() | {
        "horizon": horizon,
        "a": float(axes["a"]),
        "held_out": len(held.features),
        "bins": f"{bins} of equal width over [0, 1]",
        "predictor": results.describe(predictor.predict),
        "stream_law": results.describe(stream.draw),
        "num_streams": num_streams,
        "key": f"{jax.random.key_impl(key)}:{np.asarray(jax.random.key_data(key)).tolist()}",
        "created": results.now(),
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


# --- the program ----------------------------------------------------------------------------------------------


@functools.partial(jax.jit, static_argnames=("num_streams", "bins", "block"))
def _program(
    key: Array,
    controls: Controls,
    predictor: Predictor,
    stream: Stream,
    held: HeldOut,
    times: Array,
    num_streams: int,
    bins: int,
    block: int,
) -> dict[str, Any]:
    """Tallies {"passed", "held", "learned"}: [S, C, K, M, SUMS + BINNED * bins] each but the last, [S, C, K]."""

    def one(i: Array) -> dict[str, Any]:
        walk = functools.partial(_path, jax.random.fold_in(key, i), predictor, stream, held, times, bins)
        return jax.vmap(walk, (Controls(None, None, 0, None, None),))(controls)

    index = jnp.arange(num_streams, dtype=jnp.int32)
    return jax.lax.map(one, index, batch_size=block) if block > 1 else jax.lax.map(one, index)


def _path(
    key: Array, predictor: Predictor, stream: Stream, held: HeldOut, times: Array, bins: int, controls: Controls
) -> dict[str, Any]:
    """One stream at one c, as `simulate.run` walks it: predict, score, learn if explored."""
    key_world, key_policy, _ = sites(key)
    world = stream.init(jax.random.fold_in(key_world, 0))
    num_models = held.satisfaction.shape[1]
    none = jnp.zeros((num_models, SUMS + BINNED * bins), jnp.float32)
    zero = jnp.zeros((), jnp.int32)
    lane = _Lane(predictor.init(jax.random.fold_in(key_policy, 0)), zero, none[:, 0], Sum(none, none))

    def step(t: Array, carry: tuple) -> tuple:
        world, lane = carry
        world, request = stream.draw(jax.random.fold_in(key_world, t), world, t)
        explore = jax.random.uniform(jax.random.fold_in(key_policy, t), dtype=jnp.float32) < probability(t, controls)
        s = request.satisfaction
        s_hat = predictor.predict(lane.predictor, request.features)
        told = Outcome(jnp.where(explore, s, 0.0), jnp.broadcast_to(explore, s.shape))
        return world, _Lane(
            predictor=when(explore, Partial(predictor.update), lane.predictor, request.features, told),
            learned=lane.learned + explore,
            liked=lane.liked + told.satisfaction,
            passed=add_to_sum(lane.passed, _score(s_hat, s, _base(lane), bins)),
        )

    def until(carry: tuple, stop: Array) -> tuple:
        done, inner = carry
        world, lane = jax.lax.fori_loop(done + 1, stop + 1, step, inner)
        read = {"passed": lane.passed, "held": _held_out(predictor, lane, held, bins), "learned": lane.learned}
        return (stop, (world, lane._replace(passed=Sum(none, none)))), read

    return jax.lax.scan(until, (zero, (world, lane)), jnp.asarray(times, jnp.int32))[1]


def _base(lane: _Lane) -> Array:
    """[M] the running mean of what was learned from, with half a success and half a failure before the first."""
    return (lane.liked + 0.5) / (lane.learned + 1)


def _score(s_hat: Array, s: Array, base: Array, bins: int) -> Array:
    """What one request adds per model, [M, SUMS + BINNED * bins]."""
    bin_of = jnp.clip((s_hat * bins).astype(jnp.int32), 0, bins - 1)
    member = jax.nn.one_hot(bin_of, bins, dtype=jnp.float32)  # [M, bins]
    squared = scores.brier(s_hat, s)
    plain = jnp.stack([scores.log_loss(s_hat, s), scores.log_loss(base, s), scores.brier(base, s)], axis=-1)
    binned = [member * weight[:, None] for weight in (jnp.ones_like(s), s_hat, s, squared)]
    return jnp.concatenate([plain, *binned], axis=-1)


def _held_out(predictor: Predictor, lane: _Lane, held: HeldOut, bins: int) -> Sum:
    """The scores of all held-out requests, added up chunk by chunk."""
    num, base = len(held.features), _base(lane)
    none = jnp.zeros((held.satisfaction.shape[1], SUMS + BINNED * bins), jnp.float32)
    if not num:
        return Sum(none, none)

    def chunk(i: Array, total: Sum) -> Sum:
        row = jnp.minimum(i * CHUNK + jnp.arange(min(CHUNK, num)), num - 1)
        x, s = held.features[row], held.satisfaction[row]
        s_hat = jax.vmap(predictor.predict, (None, 0))(lane.predictor, x)
        each = jax.vmap(_score, (0, 0, None, None))(s_hat, s, base, bins)
        fresh = (i * CHUNK + jnp.arange(len(row)) < num)[:, None, None]  # the last chunk is filled up
        return add_to_sum(total, jnp.where(fresh, each, 0.0).sum(axis=0))

    return jax.lax.fori_loop(0, -(-num // CHUNK), chunk, Sum(none, none))


# --- readings -------------------------------------------------------------------------------------------------


def _dataset(
    found: dict[str, Any], on: tuple[str, ...], c: np.ndarray, times: np.ndarray, models: tuple[str, ...], bins: int
) -> xr.Dataset:
    tallies = np.stack([found[name].to_host() for name in ("passed", "held")[: len(on)]])
    tallies = np.moveaxis(tallies, 1, 2)  # (on, c, stream, t, model, ...)
    plain, binned = tallies[..., :SUMS], tallies[..., SUMS:].reshape(*tallies.shape[:-1], BINNED, bins)
    count, predicted, observed, squared = np.moveaxis(binned, -2, 0)
    num = count.sum(axis=-1)
    calibration = scores.calibration(count, predicted, observed, squared)
    each, last = ("on", "c", "stream", "t", "model"), ("on", "c", "stream", "model", "bin")
    data: dict[str, Any] = {
        "log_loss": (each, plain[..., 0] / num),
        "brier": (each, squared.sum(axis=-1) / num),
        "calibration_error": (each, calibration.error),
        "calibration_chance": (each, calibration.chance),
        "base_log_loss": (each, plain[..., 1] / num),
        "base_brier": (each, plain[..., 2] / num),
        "learned": (("c", "stream", "t"), np.moveaxis(found["learned"], 0, 1)),
        "requests": (("on", "t"), num[:, 0, 0, :, 0].round().astype(np.int64)),
        "bin_count": (last, count[..., -1, :, :].round().astype(np.int64)),
    }
    with np.errstate(invalid="ignore"):
        data["bin_predicted"] = (last, (predicted / count)[..., -1, :, :])
        data["bin_observed"] = (last, (observed / count)[..., -1, :, :])
    coords = {"on": list(on), "c": c, "t": times, "model": list(models), "bin": (np.arange(bins) + 0.5) / bins}
    dataset = xr.Dataset(data, coords=coords)
    for name, array in dataset.data_vars.items():
        array.attrs = {"long_name": _ABOUT[str(name)][0], "units": _ABOUT[str(name)][1]}
    return dataset


def summary(dataset: xr.Dataset, level: float = 0.95) -> xr.Dataset:
    """Means over models and limits over streams of `over_time`'s dataset, what `plot.predictor_quality` shows.

    Scores (limit, on, c, t) and `learned` as `results.summary` words them. Reliability (limit, on, c, model, bin):
    bin_count is the mean per stream, bin_predicted and bin_observed are of the predictions of all streams together,
    limits by the jackknife over streams; NaN where there are none, or all in one stream.
    """
    binned = [name for name in dataset.data_vars if "bin" in dataset[name].dims]
    averaged = dataset.drop_vars(binned)
    for name in averaged.data_vars:
        if "model" in averaged[name].dims:
            averaged[name] = averaged[name].mean("model", keep_attrs=True)
    out = results.summary(averaged.drop_vars("model"), level)
    count = dataset["bin_count"].transpose(..., "stream")
    limits = ("limit", *count.dims[:-1])
    empty = np.full(count.shape[:-1], np.nan)
    out["bin_count"] = limits, np.stack([count.mean("stream").values, empty, empty]), dataset["bin_count"].attrs
    for name in ("bin_predicted", "bin_observed"):
        total = (dataset[name] * dataset["bin_count"]).fillna(0.0).transpose(*count.dims)
        out[name] = limits, _ratio(total.values, count.values.astype(np.float64), level), dataset[name].attrs
    return out.assign_coords(model=dataset["model"], bin=dataset["bin"])


def _ratio(total: np.ndarray, count: np.ndarray, level: float) -> np.ndarray:
    """total / count over streams [..., S] as (mean, lower, upper) [3, ...]."""
    some, num = count.sum(axis=-1), count.shape[-1]
    with np.errstate(invalid="ignore"):
        mean = total.sum(axis=-1) / some
    nothing = np.full(mean.shape, np.nan)
    usable = (some - count.max(axis=-1) > 0) & (num > 1)  # something is left whichever stream is left out
    if not usable.any():
        return np.stack([mean, nothing, nothing])
    parts = (np.where(usable[..., None], values, 1.0) for values in (total, count))
    found = stats.jackknife(lambda top, bottom: top / bottom, *parts, level=(1.0 + level) / 2.0)
    return np.stack([mean, np.where(usable, found.lower, np.nan), np.where(usable, found.upper, np.nan)])
