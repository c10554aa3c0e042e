"""What BERT and ModernBERT have in common: activations, normalisation, masked attention, rotary positions.

Names of submodules are the published names of their tensors with dots in them ("attention.self.query"), so that
`messjax.features.folder` finds a tensor for every parameter without a table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from messjax.types import Array

SPAN = 512  # queries at once in texts longer than that: scores take [B, H, SPAN, T], not [B, H, T, T]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_python": partial(jax.nn.gelu, approximate=False),
    "gelu_new": partial(jax.nn.gelu, approximate=True),
    "gelu_fast": partial(jax.nn.gelu, approximate=True),
    "gelu_pytorch_tanh": partial(jax.nn.gelu, approximate=True),
    "quick_gelu": lambda x: x * jax.nn.sigmoid(1.702 * x),
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "swish": jax.nn.silu,
    "tanh": jnp.tanh,
}


def dense(features: int, name: str, bias: bool = True) -> nn.Dense:
    """A linear layer.

    Args:
        features: Number of outputs.
        name: Name of the submodule.
        bias: Whether it has a bias.

    Returns:
        The layer, [..., k] -> [..., features].
    """
    return nn.Dense(features, use_bias=bias, name=name)


def norm(epsilon: float, name: str, bias: bool = True) -> nn.LayerNorm:
    """LayerNorm over the last axis; the variance is taken after the mean, which float32 needs.

    Args:
        epsilon: Added to the variance.
        name: Name of the submodule.
        bias: Whether it has a bias.

    Returns:
        The layer, [..., d] -> [..., d].
    """
    return nn.LayerNorm(epsilon, use_bias=bias, use_fast_variance=False, name=name)


def heads(x: Array, count: int) -> Array:
    """Split the last axis into heads.

    Args:
        x: [B, T, d].
        count: Number of heads.

    Returns:
        [B, T, count, d / count].
    """
    return x.reshape(*x.shape[:-1], count, x.shape[-1] // count)


def attention(q: Array, k: Array, v: Array, valid: Array, window: int | None = None) -> Array:
    """Scaled dot-product attention of every token to the valid ones, or to near ones only.

    Texts of more than `SPAN` tokens are computed `SPAN` queries at a time, and local attention then reads only the keys
    around them.

    Args:
        q: Queries [B, T, H, D].
        k: Keys [B, T, H, D].
        v: Values [B, T, H, D].
        valid: [B, T] bool, false at padding.
        window: With a window, tokens attend to those at most that many positions away.

    Returns:
        [B, T, H * D]; values at padded positions have no meaning.

    Source: Vaswani et al. 2017.
    """
    tokens = q.shape[1]
    if tokens <= SPAN or tokens % SPAN:
        at = jnp.arange(tokens)
        return _attend(q, k, v, valid, at, at, window)
    reach = 0 if window is None else window
    edges = ((0, 0), (reach, reach), (0, 0), (0, 0))
    k, v, known = jnp.pad(k, edges), jnp.pad(v, edges), jnp.pad(valid, edges[:2])
    keys = tokens if window is None else SPAN + 2 * reach

    def block(start: Array) -> Array:
        first = 0 if window is None else start  # in the padded arrays: `reach` further left in the text
        cut = partial(jax.lax.dynamic_slice_in_dim, start_index=first, slice_size=keys, axis=1)
        queries = jax.lax.dynamic_slice_in_dim(q, start, SPAN, axis=1)
        at = first - reach + jnp.arange(keys)
        return _attend(queries, cut(k), cut(v), cut(known), start + jnp.arange(SPAN), at, window)

    blocks = jax.lax.map(block, jnp.arange(0, tokens, SPAN))  # [T / SPAN, B, SPAN, H * D]
    return jnp.moveaxis(blocks, 0, 1).reshape(q.shape[0], tokens, -1)


def rotate(x: Array, theta: float) -> Array:
    """Rotary position embedding: the pairs (i, i + D/2) turn by t theta^(-2i/D).

    Args:
        x: [B, T, H, D].
        theta: Base of the angles.

    Returns:
        [B, T, H, D].

    Source: Su et al. 2021.
    """
    half = x.shape[-1] // 2
    speed = theta ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angle = jnp.arange(x.shape[1], dtype=jnp.float32)[:, None, None] * speed  # [T, 1, D/2]
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    left, right = x[..., :half], x[..., half:]
    return jnp.concatenate([left * cos - right * sin, right * cos + left * sin], axis=-1)


def _attend(q: Array, k: Array, v: Array, valid: Array, at: Array, key_at: Array, window: int | None) -> Array:
    """Attention of the queries at positions `at` [Q] to the keys at `key_at` [K], valid [B, K]; [B, Q, H * D]."""
    seen = valid[:, None, None, :]
    if window is not None:
        seen = seen & (jnp.abs(at[:, None] - key_at) <= window)
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) * q.shape[-1] ** -0.5
    scores = jnp.where(seen, scores, jnp.finfo(jnp.float32).min)  # finite: a text without any token makes no NaN
    mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, axis=-1), v)
    return mixed.reshape(*mixed.shape[:2], -1)
