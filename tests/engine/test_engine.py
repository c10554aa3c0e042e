"""The engine: a plain float64 MESS+ agrees step by step; blocks, devices and grids change nothing; sharing, memory."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from support.jaxprs import loop_carries
from support.step_recorder import recorder, steps, units

from messjax import feedback, policies, predictors, streams
from messjax.engine import grid_program as grid_module
from messjax.engine import grid_sweep, simulation
from messjax.meters import standard_meters
from messjax.types import Controls, Distribution

K, M, D, T = 4, 3, 11, 300
RNG = np.random.default_rng(0)
LAW = Distribution(
    np.array([0.1, 0.2, 0.3, 0.4]),
    np.sort(RNG.uniform(0.5, 4.0, (K, M)), axis=1),
    np.sort(RNG.uniform(0.2, 0.95, (K, M)), axis=1),
)
TYPES = streams.types(LAW)
LOGISTIC = streams.calibrated(np.array([1.0, 2.0, 4.0]), np.array([0.4, 0.6, 0.9]), num_features=D)
CONTROLS = Controls(V=1.7, alpha=0.613, c=0.8, a=0.25)


# --- (a) a plain NumPy loop, given the same random numbers -----------------------------------------------------


class Oracle:
    def __init__(self):
        self.mu = LAW.mean

    def predict(self, x):
        return x @ self.mu

    def learn(self, x, s):
        pass


class Tabular:
    """Row k, model m: the mean of one starting value 1/2 and every label seen."""

    def __init__(self):
        self.total, self.count = np.full((K, M), 0.5), np.ones((K, M))

    def predict(self, x):
        return x @ (self.total / self.count)

    def learn(self, x, s):
        self.total[x.argmax()] += s
        self.count[x.argmax()] += 1


class Linear:
    """Logistic regression; clip the gradient to norm 1, add weight decay .01, momentum .9, rate .06."""

    def __init__(self):
        self.w, self.b = np.zeros((M, D)), np.zeros(M)
        self.v, self.u = np.zeros((M, D)), np.zeros(M)

    def predict(self, x):
        return 1 / (1 + np.exp(-(self.w @ x + self.b)))

    def learn(self, x, s):
        residual = (self.predict(x) - s) / M
        gw, gb = np.outer(residual, x), residual
        scale = 1 / max(1.0, math.sqrt((gw**2).sum() + (gb**2).sum()))
        self.v = 0.9 * self.v + gw * scale + 0.01 * self.w
        self.u = 0.9 * self.u + gb * scale + 0.01 * self.b
        self.w, self.b = self.w - 0.06 * self.v, self.b - 0.06 * self.u


def randomness(key, stream):
    """Requests, exploration uniforms and feedback uniforms of t = 1..T from the keys that `simulate` documents."""
    world, policy, feedback_received = simulation.component_keys(key)
    state = stream.init(jax.random.fold_in(world, 0))

    def at(t):
        request = stream.draw(jax.random.fold_in(world, t), state, t)[1]
        coins = [jax.random.uniform(jax.random.fold_in(k, t)) for k in (policy, feedback_received)]
        return request, *coins

    return jax.tree.map(lambda x: np.asarray(x, np.float64), jax.jit(jax.vmap(at))(jnp.arange(1, T + 1)))


def plain_mess_plus(requests, explore_coin, feedback_coin, predictor, controls, sparse):
    """docs/theory, "Setting", word by word; Q in units of 1e-6. Also the least margin of any float comparison."""
    V, alpha, c, a, f = controls.given().values()
    Q, margin, rows = 0, math.inf, []
    for t in range(1, T + 1):
        x, E, s = requests.features[t - 1], requests.cost[t - 1], requests.satisfaction[t - 1]
        p = min(1.0, c * t**-a)
        explore = explore_coin[t - 1] < p
        feedback_received = not sparse or feedback_coin[t - 1] < f
        score = V * E + Q * 1e-6 * (alpha - predictor.predict(x))
        serve = M - 1 if explore else int(score.argmin())
        first, second = np.sort(score)[:2]
        margin = min(margin, abs(explore_coin[t - 1] - p), math.inf if explore else second - first)
        rows.append((serve, explore, feedback_received, Q))
        if feedback_received:
            Q = max(0, Q + round(alpha * 1e6) - round(s[serve] * 1e6))
        if feedback_received and explore:
            predictor.learn(x, s)
    return np.array(rows), Q, margin


@pytest.mark.parametrize(
    ("stream", "learner", "plain", "sparse"),
    [
        (TYPES, predictors.oracle(TYPES), Oracle, False),
        (TYPES, predictors.tabular(K, M), Tabular, True),
        (LOGISTIC, predictors.linear(D, M), Linear, True),
    ],
    ids=["oracle", "tabular, sparse", "linear, sparse"],
)
def test_a_plain_float64_loop_agrees_step_by_step(stream, learner, plain, sparse):
    key, controls = jax.random.key(5), CONTROLS._replace(f=0.6 if sparse else 1.0)
    run = grid_sweep.sweep(
        key, controls, policy=policies.mess_plus(learner), stream=stream, horizon=T, num_streams=2, checkpoints=T,
        meter=recorder("serve", "explore", "heard", "Q", "Q_next", "s_hat"),
        feedback=feedback.sparse if sparse else feedback.complete,
    )  # fmt: skip
    for i in range(2):
        predictor = plain()
        numbers = randomness(jax.random.fold_in(key, i), stream)
        wanted, last, margin = plain_mess_plus(*numbers, predictor, controls, sparse)
        assert margin > 1e-5, "a decision hangs on rounding: choose another key"
        result = steps(run, i)
        for column, name in enumerate(("serve", "explore", "heard")):
            np.testing.assert_array_equal(result[name], wanted[:, column], err_msg=name)
        np.testing.assert_array_equal(units(result["Q"]), wanted[:, 3])
        assert units(result["Q_next"])[-1] == last
        assert len(set(wanted[:, 0])) == M and 0 < wanted[:, 1].mean() < 1  # the path was worth comparing


# --- (b) blocks, devices, grids -------------------------------------------------------------------------------

GRID = Controls(V=[0.3, 1.7, 4.0], alpha=[0.5, 0.613], c=0.8, f=0.6)
# Counts, queue, satisfaction and cost must not change by a bit. S, exploration_queue and error_* are sums of float
# products which XLA contracts (fused multiply-add, order of a dot product) differently in programs of other shape.
ROUNDED = {"S", "exploration_queue", "error_mean", "error_last", "error_max"}


def grid(num_streams: int, block: int | None, learner=None, controls=GRID):
    learner = predictors.linear(D, M) if learner is None else learner
    return grid_sweep.sweep(
        jax.random.key(5), controls, policy=policies.mess_plus(learner), stream=LOGISTIC, horizon=T,
        num_streams=num_streams, block=block, feedback=feedback.sparse, checkpoints=3,
    )  # fmt: skip


@pytest.fixture(scope="module")
def seven():
    return grid(7, 2)


def compare(result, wanted):
    assert result.sizes == wanted.sizes and set(result.data_vars) == set(wanted.data_vars)
    for name in wanted.data_vars:
        rounded = str(name).removesuffix("_curve") in ROUNDED
        np.testing.assert_allclose(
            result[name].values, wanted[name].values, rtol=1e-6 * rounded, atol=1e-6 * rounded, err_msg=str(name)
        )


def test_block_size_and_number_of_streams_change_nothing(seven):
    compare(grid(7, 3), seven)
    compare(grid(3, 2), seven.isel(stream=slice(3)))


def test_one_stream_by_simulate_is_its_cell_of_the_grid(seven):
    alone = jax.jit(
        lambda key, controls: simulation.simulate(
            key, controls, policy=policies.mess_plus(predictors.linear(D, M)), stream=LOGISTIC, horizon=T,
            feedback=feedback.sparse,
        ).final
    )  # fmt: skip
    final = alone(jax.random.fold_in(jax.random.key(5), 6), GRID._replace(V=GRID.V[2], alpha=GRID.alpha[1]))
    for name, value in final.items():
        cell = seven[name].isel(V=2, alpha=1, stream=6).values
        result = value.to_host() if hasattr(value, "to_host") else np.asarray(value)
        np.testing.assert_allclose(
            result, cell, rtol=1e-6 * (name in ROUNDED), atol=1e-6 * (name in ROUNDED), err_msg=name
        )


THREE_DEVICES = """
import sys, jax
sys.path.insert(0, {here!r})
import test_engine
everything = jax.local_devices()
assert len(everything) == 3
for count in (2, 3):
    jax.local_devices = lambda: everything[:count]
    test_engine.grid(7, 2).drop_attrs().to_netcdf({folder!r} + f"/{{count}}.nc", engine="h5netcdf")
"""


@pytest.mark.slow
def test_the_number_of_devices_changes_nothing(seven, tmp_path):
    code = THREE_DEVICES.format(here=os.path.dirname(__file__), folder=str(tmp_path))
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=3", "JAX_PLATFORMS": "cpu"}
    env = os.environ | flags | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=120)
    for count in (2, 3):  # this process has one, as a rule
        compare(grid_sweep.results.load(tmp_path / f"{count}.nc"), seven)


# --- (c) sharing: one predictor path per stream, whatever the number of V and alpha ----------------------------


def test_no_loop_carries_the_predictor_once_per_V_or_alpha():
    axes = Controls(V=np.ones(5), alpha=np.full(7, 0.5), c=0.1, a=0.25, f=1.0)
    arguments = arguments_of_grid(predictors.linear(D, M), axes, horizon=100)
    jaxpr = jax.make_jaxpr(lambda *given: grid_module.program(*given, None, tuple(jax.local_devices()[:1])))(*arguments)
    carried = list(loop_carries(jaxpr.jaxpr))
    weights = [shape for shape in carried if shape[-2:] == (M, D)]
    queues = [shape for shape in carried if shape and set(shape) >= {5, 7}]
    assert weights and queues  # the walk sees both
    assert all(not {5, 7} & set(shape[:-2]) for shape in weights), weights


def arguments_of_grid(learner, controls, horizon: int, meter=None, stream=LOGISTIC):
    world = simulation.assemble(policies.mess_plus(learner), stream, meter, feedback.complete)
    leaves = Controls(**{name: jnp.asarray(value, jnp.float32) for name, value in controls.given().items()})
    return jax.random.key(0), jnp.arange(2), leaves, world, simulation.checkpoint_times(horizon, 0)


# --- (d), (e) memory and other platforms -----------------------------------------------------------------------


def test_memory_does_not_grow_with_the_horizon():
    axes = Controls(V=np.ones(3), alpha=0.5, c=0.1, a=0.25, f=1.0)
    used = []
    for horizon in (1_000, 100_000):
        arguments = arguments_of_grid(predictors.oracle(TYPES), axes, horizon, standard_meters.ledger(), TYPES)
        program = grid_module.program.lower(*arguments, None, tuple(jax.local_devices()[:1])).compile()
        analysis = program.memory_analysis()
        used.append((analysis.temp_size_in_bytes, analysis.output_size_in_bytes, analysis.argument_size_in_bytes))
    assert used[0] == used[1] and used[0][1] > 0


@pytest.mark.parametrize("name", ["oracle", "linear", "mlp"])
def test_the_grid_lowers_for_cpu_cuda_and_tpu(name):
    learner = {
        "oracle": lambda: predictors.oracle(LOGISTIC),
        "linear": lambda: predictors.linear(D, M),
        "mlp": lambda: predictors.mlp(D, M),
    }[name]()
    axes = Controls(V=np.ones(2), alpha=0.5, c=0.1, a=0.25, f=1.0)
    arguments = arguments_of_grid(learner, axes, horizon=100)
    platforms = ("cpu", "cuda", "tpu")

    @jax.jit
    def whole_grid(key_data, *rest):  # raw keys: an exported function takes arrays
        return grid_module.program(jax.random.wrap_key_data(key_data), *rest, None, tuple(jax.local_devices()[:1]))

    exported = jax.export.export(whole_grid, platforms=platforms)(jax.random.key_data(arguments[0]), *arguments[1:])
    assert exported.platforms == platforms and len(exported.out_avals) > 0
