"""Exact numbers: a million steps of the queue in integers, Fixed arithmetic, the reflection, the compensated sum."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.step_recorder import units

from messjax.numerics import compensated, virtual_queue


@pytest.mark.parametrize("value", [0.0, 0.25, 10.0, 2000.9, 0.9999999, 123456.75, 7e8, -3.0, 1e18])
def test_a_float_becomes_the_nearest_exact_number(value):
    result = virtual_queue.of(jnp.float32(value))
    assert 0 <= int(result.part) < virtual_queue.UNIT and result.whole.dtype == result.part.dtype == jnp.int32
    assert abs(result.to_host() - min(max(np.float64(np.float32(value)), 0.0), 2.0**30)) <= 5e-7


def test_a_million_steps_of_the_queue_are_integer_arithmetic():
    satisfied = np.random.default_rng(1).random(1_000_000) < 0.6669

    @jax.jit
    def run(satisfied):
        def one(Q, s):
            return virtual_queue.step(Q, jnp.float32(0.667), s), None

        return jax.lax.scan(one, virtual_queue.zero(), satisfied.astype(jnp.float32))[0]

    wanted = 0
    for s in satisfied.tolist():
        wanted = max(0, wanted + 667_000 - 1_000_000 * s)
    last = run(satisfied)
    assert int(last.whole) * virtual_queue.UNIT + int(last.part) == wanted > 0


fixed = st.integers(-(2**31) + 2000, 2**31 - 2000)


def as_int(number: virtual_queue.Fixed) -> int:
    return int(number.whole) * virtual_queue.UNIT + int(number.part)


def make(whole: int, part: int) -> virtual_queue.Fixed:
    return virtual_queue.Fixed(jnp.int32(whole), jnp.int32(part))


@settings(max_examples=50, deadline=None)
@given(
    fixed,
    st.integers(0, virtual_queue.UNIT - 1),
    st.integers(-1000 * virtual_queue.UNIT, 1000 * virtual_queue.UNIT),
    fixed,
)
def test_fixed_numbers_stay_normal_and_add_exactly(whole, part, move, other):
    number = make(whole, part)
    moved = virtual_queue.add(number, jnp.int32(move))
    assert 0 <= int(moved.part) < virtual_queue.UNIT and as_int(moved) == as_int(number) + move
    rival = make(other, part)
    assert as_int(virtual_queue.maximum(number, rival)) == max(as_int(number), as_int(rival))
    assert as_int(virtual_queue.maximum(number, moved)) == max(as_int(number), as_int(moved))
    assert number.to_host() == pytest.approx(as_int(number) / virtual_queue.UNIT, rel=1e-15)
    assert float(number.to_float()) == pytest.approx(as_int(number) / virtual_queue.UNIT, rel=3e-7, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 1000).map(lambda n: n / 1000),
    st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=1, max_size=30),
    st.integers(0, 5000).map(lambda n: n / 1000),
)
def test_reflection_is_the_recursion_and_from_zero_the_exact_queue(alpha, path, Q_1):
    path = np.array(path)
    np.testing.assert_allclose(
        virtual_queue.reflection(path, alpha, Q_1), virtual_queue.recursion(path, alpha, Q_1), atol=1e-12
    )
    stepped = [virtual_queue.zero()]
    for s in path:
        stepped.append(virtual_queue.step(stepped[-1], jnp.float32(alpha), jnp.float32(s)))
    assert [as_int(Q) for Q in stepped] == units(virtual_queue.recursion(path, alpha)).tolist()


def test_the_compensated_sum_is_as_good_as_fsum():
    terms = np.random.default_rng(2).lognormal(0, 4, 1_000_000).astype(np.float32)
    total = jax.jit(lambda x: jax.lax.scan(lambda s, v: (compensated.add(s, v), None), compensated.zero(), x)[0])(terms)
    exact = math.fsum(terms.tolist())
    naive = float(np.add.accumulate(terms)[-1])
    # The two-sum is exact and `low` is below an ulp of `high`: a step rounds by at most 2 u^2 of the sum, u = 2^-24.
    assert abs(total.to_host() - exact) <= 1e6 * 2 * 2.0**-48 * exact < abs(naive - exact)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 300])
def test_vectors_are_summed_without_rounding_to_float32(count):
    """What all models of an explored request cost: the float32 sum was off by 5e-9 of the mean cost at 1e5 requests."""
    costs = np.random.default_rng(count).lognormal(0, 4, (1_000, count)).astype(np.float32)
    exact = math.fsum(costs.ravel().tolist())

    @jax.jit
    def total(rows):
        return jax.lax.scan(lambda s, row: (compensated.add(s, compensated.of(row)), None), compensated.zero(), rows)[0]

    assert abs(total(costs).to_host() - exact) <= (1_000 + 2 * count) * 2.0**-47 * exact
    if count > 1:
        assert abs(np.add.accumulate(costs.sum(axis=1))[-1] - exact) > 1e-8 * exact
