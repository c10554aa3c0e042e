"""Policies that differ in their numbers only run as one: same numbers, and a program that does not grow with them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import policies, predictors, streams, sweep
from messjax.engine import side_by_side, simulation
from messjax.evaluation import comparison
from messjax.types import Controls, Distribution

LAW = Distribution(np.array([0.4, 0.6]), np.array([[1.0, 2.0, 4.0], [2.0, 3.0, 5.0]]), np.array([[0.3, 0.6, 0.9]] * 2))


def equations(jaxpr: Any) -> int:
    """Equations of a program, those within its loops included."""
    inner = [
        getattr(each, "jaxpr", each)
        for equation in jaxpr.eqns
        for parameter in equation.params.values()
        for each in (parameter if isinstance(parameter, tuple | list) else (parameter,))
        if hasattr(getattr(each, "jaxpr", each), "eqns")
    ]
    return len(jaxpr.eqns) + sum(map(equations, inner))


def size_of_program(num_models: int) -> int:
    """That of MESS+ and its baselines, one single model for each model."""
    rng = np.random.default_rng(0)
    satisfied, cost = rng.integers(0, 2, (50, num_models)).astype(float), np.sort(rng.random((50, num_models)))
    stream = streams.replay(rng.random((50, 4)), satisfied, cost)
    models = tuple(f"m{m}" for m in range(num_models))
    who = comparison.contenders(predictors.linear(4, num_models), models, cost.mean(0), satisfied.mean(0))
    parts = simulation.assemble(who, stream, None, simulation._feedback.complete)
    together, packed = side_by_side.pack(parts.policies)
    assert len(together) == 4 and {len(names) for names in packed.values()} == {num_models}
    controls = Controls().filled(jnp.ones(()))
    parts = parts._replace(policies=together)
    run = jax.make_jaxpr(lambda key, parts: simulation.run_stream(key, controls, parts, np.array([50])))
    return equations(run(jax.random.key(0), parts).jaxpr)


def test_the_program_does_not_grow_with_the_number_of_models() -> None:
    assert size_of_program(20) == size_of_program(60)


def test_packed_policies_have_the_numbers_that_they_have_alone() -> None:
    stream = streams.types(LAW)
    options: dict[str, Any] = {"stream": stream, "horizon": 60, "num_streams": 3, "checkpoints": 3}
    options |= {"controls": Controls(alpha=[0.5, 0.7], c=0.5), "engine": "general", "devices": 1}
    who = {"two": policies.single(2), "none": policies.single(0), "one": policies.single(1)}
    found = sweep(jax.random.key(3), policy=who, **options)
    for name in ("two", "one"):
        for variable, values in sweep(jax.random.key(3), policy=who[name], **options).data_vars.items():
            own = found[variable].sel(policy=name) if "policy" in found[variable].dims else found[variable]
            np.testing.assert_array_equal(own.values, values.values, err_msg=f"{name} {variable}")
    assert (found["served"].sel(policy="none", model="model 0") == 60).all()


def test_a_model_that_does_not_exist_is_refused_among_others() -> None:
    who = {"a": policies.single(0), "b": policies.single(3), "c": policies.single(1)}
    with pytest.raises(ValueError, match="expected a model number below 3, found 3"):
        sweep(jax.random.key(0), Controls(alpha=0.5), policy=who, stream=streams.types(LAW), horizon=5, num_streams=2)
