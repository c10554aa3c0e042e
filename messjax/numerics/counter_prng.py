"""Random numbers from counters: word j of request t is threefry-2x32 of (key; t, j), with nothing to split or carry.

The same cipher as jax.random's (20 rounds, bit-identical), with its rounds unrolled: the stock CPU lowering rolls them
into a loop and is slower. `counting_key` turns a JAX key into a counting key, a JAX key like any other (all of
jax.random takes it), of four words (k0, k1, t, folded): `fold_in(key, t)` of a fresh key only notes t, and

    word 2j, word 2j + 1 of the request's bits = threefry((k0, k1), (t, 2^31 + j)).

So any request's numbers follow from (key, t) alone, whatever the batch, chunk or device, and another program that has
the two key words can compute them with `block`, `uniform` and `normals`.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import define_prng_impl

from messjax.types import Array

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_REQUEST = np.uint32(1 << 31)  # blocks of a request; without it, blocks of a key that no request was folded into
_AGAIN, _SPLIT = np.uint32(1 << 30), np.uint32((1 << 30) + 1)  # blocks that make new keys


def threefry(k0: Array, k1: Array, x0: Array, x1: Array | np.uint32) -> tuple[Array, Array]:
    """Threefry-2x32 with 20 rounds, elementwise.

    Args:
        k0: First word of the key, uint32 of any shape.
        k1: Second word of the key, uint32; broadcasts.
        x0: First word of the counter, uint32; broadcasts.
        x1: Second word of the counter, uint32; broadcasts.

    Returns:
        Two uint32 words, in the broadcast shape.
    """
    keys = (k0, k1, k0 ^ k1 ^ _PARITY)
    x0, x1 = x0 + keys[0], x1 + keys[1]
    for group in range(5):
        for bits in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = x0 ^ ((x1 << np.uint32(bits)) | (x1 >> np.uint32(32 - bits)))
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x0, x1


def block(key: tuple[Array, Array], t: Array, j: Array | int) -> tuple[Array, Array]:
    """Words 2j and 2j + 1 of request t, elementwise.

    Args:
        key: The two words of a counting key, uint32 of any shape.
        t: Request numbers; broadcast.
        j: Number of the block; broadcasts.

    Returns:
        Two uint32 words, in the broadcast shape.
    """
    return threefry(*key, t.astype(jnp.uint32), jnp.uint32(j) | _REQUEST)


def uniform(word: Array) -> Array:
    """A uint32 word as a float32 in [0, 1), as jax.random.uniform makes it: a multiple of 2^-23.

    Args:
        word: uint32, of any shape.

    Returns:
        float32, in the same shape.
    """
    return (word >> np.uint32(9)).astype(jnp.float32) * np.float32(2.0**-23)


def normals(first: Array, second: Array) -> tuple[Array, Array]:
    """Two independent standard normals from two words; below 6.7 in absolute value.

    Args:
        first: uint32, of any shape.
        second: uint32, in the same shape.

    Returns:
        Two arrays of float32, in the same shape.

    Source: Box and Muller 1958.
    """
    radius = jnp.sqrt(-2.0 * jnp.log((first.astype(jnp.float32) + 0.5) * np.float32(2.0**-32)))
    sine, cosine = sincos(second)
    return radius * cosine, radius * sine


def sincos(word: Array) -> tuple[Array, Array]:
    """Sine and cosine of 2 pi times a word as a fraction of 2^32, within 1e-7.

    Reduced by integer arithmetic to an eighth of a turn either way, then Taylor's polynomials: jnp.sin must reduce any
    float.

    Args:
        word: uint32, of any shape.

    Returns:
        Sine and cosine, float32, in the same shape.
    """
    quarter = (word + np.uint32(1 << 29)) >> np.uint32(30)  # nearest quarter turn
    angle = (word - (quarter << np.uint32(30))).astype(jnp.int32).astype(jnp.float32) * np.float32(2 * math.pi / 2**32)
    square = angle * angle
    sine = angle * _polynomial(square, [(-1) ** i / math.factorial(2 * i + 1) for i in range(5)])
    cosine = _polynomial(square, [(-1) ** i / math.factorial(2 * i) for i in range(6)])
    swap = (quarter & np.uint32(1)) == 1
    first, second = jnp.where(swap, cosine, sine), jnp.where(swap, sine, cosine)
    half = (quarter >> np.uint32(1)) & np.uint32(1)  # quarters 2 and 3 negate the sine, 1 and 2 the cosine
    other = half ^ (quarter & np.uint32(1))
    return jnp.where(half == 1, -first, first), jnp.where(other == 1, -second, second)


def _polynomial(x: Array, coefficients: list[float]) -> Array:
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + np.float32(coefficient)
    return value


def normal(words: Array) -> Array:
    """Standard normals: pair j is made of words 2j and 2j + 1; the n cosines come first.

    Args:
        words: uint32 [2n].

    Returns:
        float32 [2n].
    """
    return jnp.concatenate(normals(words[0::2], words[1::2]))


# --- the counting key as a JAX key ------------------------------------------------------------------------------


def counting_key(key: Array) -> Array:
    """The counting key of a JAX key.

    Args:
        key: A JAX key [] of any implementation; a counting key is returned as it is.

    Returns:
        The counting key [].
    """
    if jax.random.key_impl(key) == IMPL:
        return key
    data = jax.random.key_data(key)
    words = data if data.shape == (2,) else jax.random.bits(key, (2,), jnp.uint32)
    return jax.random.wrap_key_data(jnp.concatenate([words, jnp.zeros(2, jnp.uint32)]), impl=IMPL)


def word_stream(key: Array) -> tuple[Array, Array]:
    """The two words that `block` needs.

    Args:
        key: A counting key [...] into which no request was folded.

    Returns:
        Two uint32 words, in the shape of the key.
    """
    data = jax.random.key_data(key)
    return data[..., 0], data[..., 1]


def _seed(seed: Array) -> Array:
    low = seed.astype(jnp.uint32)
    return jnp.stack([jnp.zeros_like(low), low, jnp.zeros_like(low), jnp.zeros_like(low)])


def _fold_in(key: Array, data: Any) -> Array:
    again = threefry(key[0], key[1], key[2], _AGAIN)  # dead code, as a rule: request keys are folded once
    k0, k1 = (jnp.where(key[3] == 0, old, new) for old, new in zip(key[:2], again, strict=True))
    return jnp.stack([k0, k1, data.astype(jnp.uint32), jnp.ones((), jnp.uint32)])


def _split(key: Array, shape: tuple[int, ...]) -> Array:
    count = math.prod(shape)
    parent = threefry(key[0], key[1], key[2], _SPLIT | (key[3] << np.uint32(31)))
    children = threefry(*parent, jnp.zeros(count, jnp.uint32), jnp.arange(count, dtype=jnp.uint32))
    zero = jnp.zeros(count, jnp.uint32)
    return jnp.stack([*children, zero, zero], axis=-1).reshape(*shape, 4)


def _random_bits(key: Array, bit_width: int, shape: tuple[int, ...]) -> Array:
    count = math.prod(shape) * max(1, bit_width // 32)
    j = jnp.arange((count + 1) // 2, dtype=jnp.uint32) | (key[3] << np.uint32(31))
    words = jnp.stack(threefry(key[0], key[1], jnp.broadcast_to(key[2], j.shape), j), axis=-1).reshape(-1)[:count]
    if bit_width == 64:
        pairs = words.reshape(-1, 2).astype(jnp.uint64)
        return (pairs[:, 0] << 32 | pairs[:, 1]).reshape(shape)
    return words.astype(jnp.dtype(f"uint{bit_width}")).reshape(shape)


IMPL = define_prng_impl(
    key_shape=(4,),
    seed=_seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="messjax_counters",
    tag="messjax",
)
