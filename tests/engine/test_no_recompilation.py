"""A grid is its single runs, and no value of a control, stream or policy compiles anything anew."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from support.component_tables import (
    POLICIES,
    PREDICTORS,
    STREAMS,
    TOGETHER,
    WORLDS,
    world,
)

from messjax import feedback
from messjax.engine import grid_program as grid_module
from messjax.engine import grid_sweep, simulation
from messjax.meters import folds, standard_meters
from messjax.types import Controls, Policy, Stream

COMPILED: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: COMPILED.append(event) if event.endswith("backend_compile_duration") else None
)


def run(names: tuple[str, str, str], x: float, horizon: int):
    """A grid of two V on three streams, with every number but the shapes depending on x."""
    stream, policy = world(names, x)
    controls = Controls(V=[0.5 + x, 2.0], alpha=0.5 - 0.1 * x, c=0.5 + x, a=0.25 + 0.1 * x, f=0.7 + 0.1 * x)
    return controls, grid_sweep.sweep(
        jax.random.key(int(x)), controls, policy=policy, stream=stream, horizon=horizon, num_streams=3,
        meter=METER, feedback=feedback.sparse, block=3,
    )  # fmt: skip


METER = folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue())


@pytest.fixture
def traced_once(monkeypatch):
    """The general path may be traced once in a test: whatever traces a grid's program anew goes through it."""
    chex.clear_trace_counter()
    monkeypatch.setattr(grid_module, "run_stream", chex.assert_max_traces(grid_module.run_stream, n=1))


@pytest.mark.usefixtures("traced_once")
@pytest.mark.parametrize(
    "names",
    [pytest.param(row, marks=[pytest.mark.long] * ("+" in row[0] or "mlp" in row)) for row in WORLDS],
    ids=" ".join,
)
def test_a_grid_is_its_single_runs_and_no_value_recompiles(names):
    controls, grid = run(names, 0.0, horizon=7)
    stream, policy = world(names)

    @jax.jit
    def alone(key):
        one = controls._replace(V=controls.V[1])
        return simulation.simulate(
            key, one, policy=policy, stream=stream, horizon=7, meter=METER, feedback=feedback.sparse
        ).final

    for i in range(3):
        for name, value in alone(jax.random.fold_in(jax.random.key(0), i)).items():
            host = value.to_host() if hasattr(value, "to_host") else np.asarray(value)
            np.testing.assert_array_equal(grid[name].isel(V=1, stream=i).values, host, err_msg=name)
    del COMPILED[:]
    _, other = run(names, 1.0, horizon=23)
    assert not COMPILED
    assert other.attrs["horizon"] == 23 and int(other["served"].isel(stream=0, V=0).sum()) == 23
    with jax.enable_x64(True):  # the same program, components and numbers, built with 64-bit defaults
        xr.testing.assert_equal(run(names, 0.0, horizon=7)[1], grid)


def side_by_side(x: float) -> tuple[Stream, dict[str, Policy]]:
    stream = STREAMS["types"](x)
    return stream, {" ".join(names): POLICIES[names[0]](PREDICTORS[names[1]](stream, x), x) for names in TOGETHER}


@pytest.mark.long
@pytest.mark.usefixtures("traced_once")
def test_side_by_side_a_grid_is_its_single_runs_and_no_value_recompiles():
    controls = Controls(V=[0.5, 2.0], alpha=0.5, c=0.5, a=0.25, f=0.7, budget=1.5)
    meter = standard_meters.ledger()
    label = {"meter": meter, "feedback": feedback.sparse}
    stream, named = side_by_side(0.0)
    grid = grid_sweep.sweep(
        jax.random.key(0), controls, policy=named, stream=stream, horizon=7, num_streams=3, block=3, **label
    )
    one = Controls(**{name: jnp.float32(np.ravel(value)[-1]) for name, value in controls.given().items()})
    current = simulation.assemble(named, stream, meter, feedback.sparse)
    alone = jax.jit(lambda key, world: simulation.run_stream(key, one, world, np.array([7])))
    for i in range(3):
        found = alone(jax.random.fold_in(jax.random.key(0), i), current)
        for name, result in found.items():
            for metric, value in result.final.items():
                host = value.to_host() if hasattr(value, "to_host") else np.asarray(value)
                at = grid[metric].sel(policy=name).isel(V=1, stream=i).values
                np.testing.assert_array_equal(at, host, err_msg=f"{name} {metric}")
    side_by_side(1.0)  # fitting on a prefix may still compile what it needs by itself
    del COMPILED[:]
    stream, named = side_by_side(2.0)
    other = grid_sweep.sweep(
        jax.random.key(1), controls, policy=named, stream=stream, horizon=23, num_streams=3, block=3, **label
    )
    served = other["served"].isel(stream=0, V=0).sum("model")
    assert not COMPILED and (served.sel(policy=[name for name in named if not named[name].traits.refuses]) == 23).all()
    with jax.enable_x64(True):
        stream, named = side_by_side(0.0)
        again = grid_sweep.sweep(
            jax.random.key(0), controls, policy=named, stream=stream, horizon=7, num_streams=3, block=3, **label
        )
    xr.testing.assert_equal(again, grid)


@pytest.mark.usefixtures("traced_once")
def test_the_counters_count():
    names = ("types", "mess_plus", "noisy")
    stream, policy = world(names)
    controls = Controls(alpha=0.5, f=0.7)
    parts = {"policy": policy, "stream": stream, "meter": METER, "feedback": feedback.sparse, "num_streams": 1}
    grid_sweep.sweep(jax.random.key(0), controls, horizon=3, checkpoints=2, **parts)
    with pytest.raises(AssertionError, match="traced > 1 times"):  # another number of checkpoints is another program
        grid_sweep.sweep(jax.random.key(0), controls, horizon=3, checkpoints=3, **parts)
    del COMPILED[:]
    jax.jit(lambda x: x * 3.0 + len(COMPILED))(jnp.ones(17))
    assert COMPILED
