"""Systems that are solved inside compiled programs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.component_tables import POLICIES, PREDICTORS, STREAMS

from messjax import feedback
from messjax.engine import simulation
from messjax.numerics.linear_systems import solve_definite
from messjax.types import Controls

LAPACK = ("lu", "cholesky", "triangular_solve", "qr", "eigh", "svd")


def lapack_calls(function, *arguments) -> list[str]:
    """Lines of a traced program that are calls of LAPACK on CPU, which may wait for ever in batches on two devices."""
    lines = str(jax.make_jaxpr(function)(*arguments)).splitlines()
    return [line.strip() for line in lines if any(f"= {name}[" in line or f"= {name} " in line for name in LAPACK)]


def test_the_check_sees_solve_inverse_and_cholesky():
    A, b = jnp.eye(3), jnp.ones(3)
    assert lapack_calls(jnp.linalg.solve, A, b) and lapack_calls(jnp.linalg.inv, A)
    assert lapack_calls(jnp.linalg.cholesky, A)


@pytest.mark.parametrize(
    ("policy", "predictor"), [(name, "noisy") for name in POLICIES] + [("mess_plus", name) for name in PREDICTORS]
)
def test_no_component_calls_lapack(policy, predictor):
    stream = STREAMS["types"](0.0)
    made = POLICIES[policy](PREDICTORS[predictor](stream, 0.0), 0.0)
    controls = Controls(*(jnp.float32(value) for value in (2.0, 0.5, 0.5, 0.25, 0.7, 1.5)))

    def serve(key):
        request = stream.draw(key, stream.init(key), jnp.int32(1))[1]
        state = made.init(key, controls)
        return simulation.serve((key, key), state, request, jnp.int32(1), controls, made, feedback.sparse)

    assert not lapack_calls(serve, jax.random.key(0))


def test_systems_of_all_shapes_are_solved_as_numpy_does():
    rng = np.random.default_rng(0)
    for shape, n, k in (((), 1, 1), ((3,), 5, 2), ((2, 4), 26, 26)):
        root = rng.normal(size=(*shape, n, n))
        A, B = root @ root.swapaxes(-1, -2) + np.eye(n), rng.normal(size=(*shape, n, k))
        found = jax.jit(solve_definite)(A.astype(np.float32), B.astype(np.float32))
        np.testing.assert_allclose(found, np.linalg.solve(A, B), rtol=2e-4, atol=2e-4)
