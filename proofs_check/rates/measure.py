"""Measure the rates: queue, spread, cost gap and violation in V and T, exploration, errors in explored requests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from messjax import policies, predictors
from messjax.engine.grid_sweep import sweep
from messjax.meters import standard_meters
from messjax.types import Array, Controls, Predictor
from proofs_check.rates import worlds
from proofs_check.rates.slope import Rate, fit
from proofs_check.rates.worlds import World


class Size(NamedTuple):
    """How much is simulated."""

    streams: int
    horizon: int  # of the runs over V and over T
    V: tuple[float, ...]
    T_factors: tuple[int, ...]  # horizons of the runs over T, times the least
    learned: int  # requests learned from


QUICK = Size(streams=256, horizon=16_001, V=(10.0, 30.0, 100.0, 300.0), T_factors=(1, 2, 4, 8), learned=4_096)
FULL = Size(
    streams=1024, horizon=80_003, V=(10.0, 30.0, 100.0, 300.0, 1000.0), T_factors=(1, 2, 4, 8, 16, 32), learned=16_384
)
PHASES = 401  # checkpoints: a prime, so that their distances are no multiple of a short period
ERRORS = (0.005, 0.01, 0.02, 0.04, 0.08)  # of the predictors whose loss is measured


def simulate_world(
    key: Array, world: World, predictor: Predictor, horizon: int, num_streams: int, **more: Any
) -> xr.Dataset:
    """Simulate MESS+ on a world. Controls (V, c, a) and options of `sweep` come by name."""
    controls = Controls(alpha=world.alpha, **{name: more.pop(name) for name in ("V", "c", "a") if name in more})
    return sweep(
        key, controls, policy=policies.mess_plus(predictor), stream=world.stream._replace(distribution=None),
        horizon=horizon, num_streams=num_streams, **more,
    )  # fmt: skip


def late(dataset: xr.Dataset, name: str) -> np.ndarray:
    """The mean of a per-request metric over the second half of a run with two checkpoints [V, stream]."""
    curve = dataset[f"{name}_curve"]
    return (2.0 * curve.isel(t=1) - curve.isel(t=0)).transpose(..., "stream").values


def attraction(key: Array, size: Size) -> list[Rate]:
    """T6: E[Q] and its spread in V, at a kink of the dual and where it is smooth; and what a short horizon shows."""
    result = []
    for world, spread, short in ((worlds.kinked(), 0.0, True), (worlds.smooth(), 0.5, False)):
        started = time.perf_counter()
        V = np.array(size.V)
        run = simulate_world(
            key, world, predictors.oracle(world.stream), size.horizon, size.streams, V=V, c=0.0, checkpoints=PHASES,
            curves=("queue_last", "queue_mean"),
        )  # fmt: skip
        mean, squares = second_half(run)
        gate, seconds = size.horizon / (V[-1] * world.gamma), time.perf_counter() - started
        about = {"x_name": "V", "x": V, "gate": gate}
        result.append(fit("T6", f"E[Q], {world.name}", samples=mean, predicted=1.0, seconds=seconds, **about))
        result.append(fit("T6", f"s.d. of Q, {world.name}", samples=squares, predicted=spread, root=2.0, **about))
        if short:
            result.append(_too_short(key, world, size))
    return result


def second_half(run: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Mean queue and mean square about it over the second half of a run with `PHASES` checkpoints [V, stream].

    The mean is over every request. The queue of one type moves on a lattice, and Q_t mod 1 with alpha t (at alpha = .7
    with period 10): checkpoints at equal distances would see some of its phases only. Squares are about the mean of the
    same checkpoints, which see all phases equally often.
    """
    means, t = run["queue_mean_curve"].transpose("V", "stream", "t").values, run["t"].values
    half = len(t) // 2 - 1
    mean = (t[-1] * means[..., -1] - t[half] * means[..., half]) / (t[-1] - t[half])
    Q = run["queue_last_curve"].transpose("V", "stream", "t").values[..., half + 1 :]
    return mean, ((Q - Q.mean((1, 2), keepdims=True)) ** 2).mean(2)


def _too_short(key: Array, world: World, size: Size) -> Rate:
    """E[Q] at the end of a horizon that the largest V needs for its transient alone: what the gate is for."""
    V, horizon = np.array(size.V), int(2 * size.V[-1])
    run = simulate_world(key, world, predictors.oracle(world.stream), horizon, size.streams, V=V, c=0.0)
    samples = run["queue_last"].transpose("V", "stream").values
    return fit("T6", "E[Q], horizon too short", "V", V, samples, 1.0, gate=horizon / (V[-1] * world.gamma))


def gaps(key: Array, size: Size) -> list[Rate]:
    """T2, T5: the cost gap in V once the queue has settled, and in T over the whole run where V = sqrt(T)."""
    world, streams = worlds.smooth(), size.streams // 4  # the meter has little noise
    oracle, meter = predictors.oracle(world.stream), worlds.excess(world)
    V, horizon, started = np.array([8.0, 16.0, 32.0, 64.0]), size.horizon // 2, time.perf_counter()
    run = simulate_world(key, world, oracle, horizon, streams, V=V, c=0.0, meter=meter, checkpoints=2)
    gate, seconds = horizon / (V[-1] * world.gamma), time.perf_counter() - started
    result = [fit("T2", "cost gap, settled", "V", V, late(run, "excess"), -1.0, gate=gate, seconds=seconds)]
    T, started = 2_000 * np.array(size.T_factors), time.perf_counter()
    runs = [
        simulate_world(key, world, oracle, int(t), streams, V=np.sqrt(t), c=0.0, meter=meter)["excess"].values
        for t in T
    ]
    gate, seconds = float(np.min(np.sqrt(T))) / world.gamma, time.perf_counter() - started
    return [*result, fit("T2", "cost gap, V = sqrt(T)", "T", T, np.stack(runs), -0.5, gate=gate, seconds=seconds)]


def violations(key: Array, size: Size) -> list[Rate]:
    """T1: the violation in T at a fixed V, and the queue over T that bounds it on every path (L1)."""
    world, V, started = worlds.kinked(), 10.0, time.perf_counter()
    T, run = _over_T(key, world, size, 1_000, V=V, c=0.0)
    last = run["queue_last_curve"].transpose("t", "stream").values / T[:, None]
    short = world.alpha - run["satisfaction_curve"].transpose("t", "stream").values
    gate, seconds = float(T[0] / (V * world.gamma)), time.perf_counter() - started
    return [
        fit("T1", "violation", "T", T, short, -1.0, gate=gate, seconds=seconds),
        fit("L1", "Q_{T+1} / T", "T", T, last, -1.0, gate=gate),
    ]


def exploration(key: Array, size: Size) -> list[Rate]:
    """T2, T7: what explored requests cost per request, in T, for three exponents."""
    world, V, exponents = worlds.kinked(), 10.0, np.array([0.25, 1 / 3, 0.5])
    started = time.perf_counter()
    T, run = _over_T(key, world, size, 2_000, V=V, c=0.3, a=exponents)
    cost = (run["cost_curve"] - run["cost_exploit_curve"]).transpose("a", "t", "stream").values
    gate, seconds = float(T[0] / (V * world.gamma)), time.perf_counter() - started
    return [
        fit("T2", f"exploration cost, a = {a:.3g}", "T", T, cost[i], -a, gate=gate, seconds=seconds * (i == 0))
        for i, a in enumerate(exponents)
    ]


def _over_T(key: Array, world: World, size: Size, least: int, **controls: Any) -> tuple[np.ndarray, xr.Dataset]:
    """One run, evaluated at horizons least * T_factors [n], whose streams are thus the same."""
    factors = np.array(size.T_factors)
    run = simulate_world(
        key, world, predictors.oracle(world.stream), least * factors[-1], size.streams, checkpoints=int(factors[-1]),
        **controls,
    )  # fmt: skip
    return least * factors, run.isel(t=factors - 1)


def errors(key: Array, size: Size) -> list[Rate]:
    """A6, T8: e_t after n explored requests (every request is explored): the learning exponents q, and a floor."""
    types, features = worlds.close_calls(), worlds.smooth()
    learners: Sequence[tuple[str, World, Predictor, float, int]] = (
        ("noisy, q = 1/3", features, predictors.noisy(features.stream, 0.3, 1 / 3), -1 / 3, 5),
        ("noisy, q = 1/2", features, predictors.noisy(features.stream, 0.3, 1 / 2), -1 / 2, 5),
        ("running means", types, tabular(types), -1 / 2, 5),
        ("linear SGD, its floor", features, predictors.linear(3, 2), 0.0, 5),
    )
    return [_error(key, size, *each) for each in learners]


def tabular(world: World) -> Predictor:
    """A table of running means for a world of finitely many types."""
    return predictors.tabular(*np.shape(world.distribution.mean))


def _error(key: Array, size: Size, name: str, world: World, predictor: Predictor, predicted: float, used: int) -> Rate:
    started, step = time.perf_counter(), 8
    run = simulate_world(
        key, world, predictor, size.learned, size.streams // 2, V=1.0, c=1.0, a=0.0, checkpoints=size.learned // step,
        curves=("error_last",), meter=standard_meters.theory(), engine="general",
    )  # fmt: skip
    n = 2 ** np.arange(3, int(np.log2(size.learned)) + 1)  # e_n has seen n - 1 requests, and counts the prior as one
    samples = run["error_last_curve"].isel(t=n // step - 1).transpose("t", "stream").values
    seconds = time.perf_counter() - started
    return fit("T8", f"error, {name}", "1 + explored requests", n, samples, predicted, used=used, seconds=seconds)


def losses(key: Array, size: Size) -> list[Rate]:
    """T8's premise: by how much a prediction error e raises the cost gap. T2 allows e; it is e^(1 + margin)."""
    result = []
    for world in (worlds.close_calls(), worlds.smooth()):
        started, V, horizon, streams = time.perf_counter(), 300.0, size.horizon, size.streams // 4
        runs = [
            simulate_world(
                key, world, predictors.noisy(world.stream, error), horizon, streams, V=V, c=0.0,
                meter=worlds.excess(world), checkpoints=2,
            )
            for error in (0.0, *ERRORS)
        ]  # fmt: skip
        lost = np.stack([late(run, "excess") for run in runs])
        about: Any = {"gate": horizon / (V * world.gamma), "seconds": time.perf_counter() - started}
        rise = lost[1:] - lost[0]
        result.append(
            fit("T8", f"loss by errors, {world.name}", "e", np.array(ERRORS), rise, 1.0 + world.margin, **about)
        )
    return result


PARTS = (attraction, gaps, violations, exploration, errors, losses)
OF = {  # the theorems that each part measures
    attraction: {"T6"}, gaps: {"T2"}, violations: {"T1", "L1"}, exploration: {"T2"}, errors: {"T8"}, losses: {"T8"},
}  # fmt: skip


def keys(seed: int) -> list[Array]:
    """A key for each part."""
    return list(jax.random.split(jax.random.key(seed), len(PARTS)))
