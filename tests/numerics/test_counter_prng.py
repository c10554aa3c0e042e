"""Counted random numbers: the cipher is JAX's, numbers follow from (key, t) alone, and they are distributed as said."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32
from scipy import stats

from messjax.engine import simulation
from messjax.numerics import counter_prng

KEY = counter_prng.counting_key(jax.random.key(5))
NUM = 400_000


def bits(num: int = NUM, t: int = 1) -> np.ndarray:
    return np.asarray(jax.random.bits(jax.random.fold_in(KEY, t), (num,)))


# --- the cipher ------------------------------------------------------------------------------------------------


def test_the_cipher_is_that_of_jax_random():
    rng = np.random.default_rng(0)
    key, count = rng.integers(0, 2**32, (2,), np.uint32), rng.integers(0, 2**32, (2, 1000), np.uint32)
    wanted = np.asarray(threefry_2x32(jnp.asarray(key), jnp.asarray(count.ravel()))).reshape(2, -1)
    np.testing.assert_array_equal(np.stack(counter_prng.threefry(*key, *count)), wanted)


def test_known_answers_of_threefry():
    """Test vectors of the cipher's authors (Random123, kat_vectors: threefry2x32, 20 rounds)."""
    for key, count, wanted in (
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ):
        result = counter_prng.threefry(*(jnp.uint32(word) for word in (*key, *count)))
        assert tuple(int(word) for word in result) == wanted


def test_words_of_a_request_are_its_blocks():
    words = counter_prng.word_stream(KEY)
    for t in (1, 7, 2**31 - 2):
        result = jax.random.bits(jax.random.fold_in(KEY, t), (5,))
        blocks = [word for j in range(3) for word in counter_prng.block(words, jnp.asarray(t), j)]
        assert [int(x) for x in result] == [int(x) for x in blocks[:5]]
    u = jax.random.uniform(jax.random.fold_in(KEY, 3), (4,))
    np.testing.assert_array_equal(u, counter_prng.uniform(jax.random.bits(jax.random.fold_in(KEY, 3), (4,))))


# --- keys ------------------------------------------------------------------------------------------------------


def test_every_kind_of_jax_key_becomes_a_counting_key():
    for key in (jax.random.key(1), jax.random.key(1, impl="rbg"), KEY):
        assert jax.random.key_impl(counter_prng.counting_key(key)) == counter_prng.IMPL
    assert (jax.random.key_data(counter_prng.counting_key(KEY)) == jax.random.key_data(KEY)).all()


def test_no_two_keys_of_a_run_share_their_numbers():
    """World, policy and feedback; requests; a key folded twice; children: all different first words."""
    keys = []
    for stream in range(4):
        for site in simulation.component_keys(jax.random.fold_in(jax.random.key(0), stream)):
            requests = [jax.random.fold_in(site, t) for t in range(5)]
            keys += [site, *requests, *jax.random.split(requests[1], 2), *jax.random.split(site, 2)]
            keys += [jax.random.fold_in(requests[1], n) for n in range(3)]
    words = [int(jax.random.bits(key)) for key in keys]
    assert len(words) == 4 * 3 * 13 and len(set(words)) == len(words)


def test_numbers_do_not_depend_on_the_batch():
    draw = lambda key: jax.random.bits(jax.random.fold_in(counter_prng.counting_key(key), 9), (3,))  # noqa: E731
    keys = jax.random.split(jax.random.key(2), 11)
    np.testing.assert_array_equal(jax.vmap(draw)(keys)[4], draw(keys[4]))
    np.testing.assert_array_equal(jax.jit(jax.vmap(draw))(keys[:3])[1], draw(keys[1]))


# --- distributions: each of these fails with probability 1e-6 if all is well -----------------------------------

LEAST_P = 1e-6


def test_bits_are_fair_and_uncorrelated():
    words = bits()
    flips = ((words[:, None] >> np.arange(32, dtype=np.uint32)) & 1).astype(np.float64) - 0.5
    z = flips.sum(axis=0) / (0.5 * np.sqrt(NUM))
    assert np.abs(z).max() < stats.norm.isf(LEAST_P / 64)
    products = (flips.T @ flips) / (0.25 * np.sqrt(NUM))
    assert np.abs(products[np.triu_indices(32, 1)]).max() < stats.norm.isf(LEAST_P / 1000)


@pytest.mark.parametrize("what", ["words of one request", "first words of successive requests", "of streams"])
def test_uniforms_are_uniform_in_pairs(what):
    key = counter_prng.word_stream(KEY)
    number = jnp.arange(NUM, dtype=jnp.uint32)
    if what == "words of one request":
        u = counter_prng.uniform(jnp.asarray(bits()))
    elif what == "first words of successive requests":
        u = counter_prng.uniform(counter_prng.block(key, number, 0)[0])
    else:
        streams = jax.vmap(lambda i: counter_prng.counting_key(jax.random.fold_in(jax.random.key(0), i)))(number)
        u = counter_prng.uniform(counter_prng.block(counter_prng.word_stream(streams), jnp.ones((), jnp.uint32), 0)[0])
    u = np.asarray(u, np.float64)
    assert u.min() >= 0 and u.max() < 1
    cells = np.histogram2d(u[0::2], u[1::2], bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(cells.ravel()).pvalue > LEAST_P


def test_normals_are_normal():
    x = np.asarray(counter_prng.normal(jnp.asarray(bits(t=2))), np.float64)
    assert stats.kstest(x, "norm").pvalue > LEAST_P
    cosine, sine = np.split(x, 2)  # the two of a pair are independent, and so is a pair of the next
    for other in (sine, np.roll(cosine, 1), sine**2, np.roll(sine, 1)):
        assert abs(np.corrcoef(cosine, other)[0, 1]) * np.sqrt(NUM / 2) < stats.norm.isf(LEAST_P / 8)
    for order, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(x**order) - moment) < stats.norm.isf(LEAST_P / 8) * np.sqrt(variance / NUM)
    for tail in (2.5, 3.5):
        assert stats.binomtest(int((np.abs(x) > tail).sum()), NUM, 2 * stats.norm.sf(tail)).pvalue > LEAST_P


def test_extreme_words_give_finite_normals():
    ends = jnp.asarray([0, 1, 2**31, 2**32 - 1], jnp.uint32)
    x = np.asarray(counter_prng.normals(ends[:, None], ends[None, :]))
    assert np.isfinite(x).all() and np.abs(x).max() < 6.8
    sine, cosine = counter_prng.sincos(jnp.asarray(bits(100_000)))
    angle = bits(100_000).astype(np.float64) * (2 * np.pi / 2**32)
    np.testing.assert_allclose(sine, np.sin(angle), atol=2.5e-7)
    np.testing.assert_allclose(cosine, np.cos(angle), atol=2.5e-7)
