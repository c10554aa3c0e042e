"""C* and gamma* inside jit: the host's numbers on random instances with ties and dominated models, and every edge."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax.theory import optimum, traced_optimum
from messjax.types import Distribution

SHAPES = [(1, 1), (1, 4), (6, 1), (5, 3), (16, 6)]


def random_distributions(rng: np.random.Generator, num: int, K: int, M: int) -> Distribution:
    """`num` instances, a third each on grids of 2, 5 and 1000 steps: ties, equal and dominated models, zero weights."""
    steps = rng.choice([2, 5, 1000], size=(num, 1, 1))
    cost, mean = (np.floor(rng.random((num, K, M)) * (steps + 1)) / steps for _ in range(2))
    weight = rng.integers(0, 5, (num, K)) + (np.arange(K) == 0)
    return Distribution(weight / weight.sum(axis=1, keepdims=True), 4.0 * cost, mean)


@jax.jit
def solve_all(weight, cost, mean, alpha):
    return jax.vmap(lambda w, e, mu, a: traced_optimum.solve(Distribution(w, e, mu), a))(weight, cost, mean, alpha)


@pytest.fixture
def in_float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize(("K", "M"), SHAPES)
def test_equals_the_host_in_float64(in_float64, K, M):
    rng = np.random.default_rng(K * 10 + M)
    batch = random_distributions(rng, 200, K, M)
    instances = [Distribution(*rows) for rows in zip(*batch[:3], strict=True)]
    largest = np.array([optimum.largest_alpha(instance) for instance in instances])
    # zero, the largest attainable alpha, exactly what a whole number of moves attains, and anything between
    kinks = np.array([rng.choice(optimum.staircase(instance).level[:-1]) if M > 1 else 0.0 for instance in instances])
    alpha = np.stack([np.zeros(200), largest, np.minimum(kinks, largest), rng.random(200) * largest], axis=1).clip(
        max=1.0
    )
    traced = solve_all(*batch[:3], alpha)
    assert traced.cost.dtype == np.float64
    host = [[optimum.solve(instance, a) for a in row] for instance, row in zip(instances, alpha, strict=True)]
    np.testing.assert_allclose(traced.cost, [[h.cost for h in row] for row in host], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(traced.gamma, [[h.gamma for h in row] for row in host], rtol=1e-9)
    np.testing.assert_allclose(traced.largest_alpha, largest, rtol=1e-14)


@pytest.mark.long
@pytest.mark.parametrize(("K", "M"), SHAPES)
def test_equals_the_host_in_float32(K, M):
    batch = Distribution(*(x.astype(np.float32) for x in random_distributions(np.random.default_rng(K), 200, K, M)[:3]))
    instances = [Distribution(w / w.sum(dtype=np.float64), *rows) for w, *rows in zip(*batch[:3], strict=True)]
    largest = np.array([optimum.largest_alpha(instance) for instance in instances])
    alpha = (np.random.default_rng(M).random(200) * largest).astype(np.float32)
    traced = solve_all(*batch[:3], alpha)
    assert traced.cost.dtype == np.float32
    host = [optimum.solve(instance, float(a)) for instance, a in zip(instances, alpha, strict=True)]
    gamma = np.array([h.gamma for h in host])
    np.testing.assert_allclose(traced.cost, [h.cost for h in host], atol=2e-6 * (4.0 + gamma.max()))
    # gamma* jumps at kinks: within the tolerance of one it is either neighbour, both of which attain the dual's maximum
    value = np.array(
        [optimum.dual(i, float(a), float(g)) for i, a, g in zip(instances, alpha, traced.gamma, strict=True)]
    )
    np.testing.assert_allclose(value, [h.cost for h in host], atol=2e-6 * (4.0 + gamma.max()))
    assert np.mean(np.isclose(traced.gamma, gamma, rtol=1e-5)) > 0.98


def test_worked_example_and_edges():
    # Two types: a move of price 2 (gain .25), then one of price 8 (gain .125); models 2 and 3 are dominated.
    cost = jnp.array([[1.0, 2.0, 3.0, 1.0], [1.0, 3.0, 4.0, 1.0]])
    mean = jnp.array([[0.25, 0.75, 0.5, 0.25], [0.5, 0.75, 0.75, 0.25]])
    distribution = Distribution(jnp.array([0.5, 0.5]), cost, mean)
    alpha = jnp.array([-0.1, 0.0, 0.375, 0.5, 0.625, 0.6875, 0.75, 0.7500005, 0.76, 1.0, jnp.nan])
    best = jax.jit(lambda a: traced_optimum.solve(distribution, a))(alpha)
    inf, nan = np.inf, np.nan
    np.testing.assert_allclose(best.cost, [1, 1, 1, 1.25, 1.5, 2.0, 2.5, 2.5, inf, inf, nan], rtol=1e-6)
    np.testing.assert_allclose(best.gamma, [0, 0, 0, 2, 2, 8, 8, 8, inf, inf, nan], rtol=1e-6)
    assert best.largest_alpha == 0.75


@pytest.mark.long
@pytest.mark.parametrize("field", ["weight", "cost", "mean"])
def test_nan_in_the_input_gives_nan(field):
    distribution = Distribution(jnp.ones(1), jnp.array([[1.0, 2.0]]), jnp.array([[0.5, 0.75]]))
    broken = distribution._replace(**{field: getattr(distribution, field).at[0].set(jnp.nan)})
    best = traced_optimum.solve(broken, 0.6)
    assert jnp.isnan(best.cost) and jnp.isnan(best.gamma)


def test_dual_is_concave_at_most_c_star_and_equal_at_gamma_star():
    K, M = 5, 3
    batch = random_distributions(np.random.default_rng(3), 1, K, M)
    distribution = Distribution(*(jnp.asarray(x[0], jnp.float32) for x in batch[:3]))
    best = traced_optimum.solve(distribution, 0.6)
    grid = jnp.linspace(0.0, 3.0 * float(best.gamma), 61)
    values = jax.jit(jax.vmap(lambda g: traced_optimum.dual(distribution, 0.6, g)))(grid)
    assert best.gamma > 0 and jnp.max(values) <= best.cost + 1e-5
    assert jnp.max(jnp.diff(values, 2)) < 1e-5
    np.testing.assert_allclose(traced_optimum.dual(distribution, 0.6, best.gamma), best.cost, rtol=1e-6)


def test_derivative_of_the_cost_in_alpha_is_the_multiplier():
    distribution = Distribution(jnp.ones(1), jnp.array([[1.0, 3.0]]), jnp.array([[0.5, 0.75]]))
    slope = jax.grad(lambda a: traced_optimum.solve(distribution, a).cost)
    assert slope(0.6) == pytest.approx(8.0) and slope(0.3) == 0.0


def test_other_numbers_compile_nothing_anew():
    chex.clear_trace_counter()
    counted = jax.jit(chex.assert_max_traces(lambda *d, a: traced_optimum.solve(Distribution(*d), a), n=1))
    for seed in range(3):
        batch = random_distributions(np.random.default_rng(seed), 1, 4, 3)
        counted(*(x[0] for x in batch[:3]), a=0.1 * seed)
