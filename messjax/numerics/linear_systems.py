"""Small positive definite systems inside compiled programs, without LAPACK.

`jnp.linalg.solve` and `inv` are LAPACK calls on CPU. Batched ones wait for XLA's thread pool from within it (jaxlib
0.10): two devices that meet in such a call wait for ever.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from messjax.types import Array

__all__ = ["solve_definite"]


def solve_definite(A: Array, B: Array) -> Array:
    """X of A X = B by Gauss-Jordan elimination, which needs no pivots where A is positive definite.

    Args:
        A: [..., n, n] float, symmetric and positive definite.
        B: [..., n, k] float.

    Returns:
        X [..., n, k].
    """
    n = A.shape[-1]

    def eliminated(k: Array, rows: Array) -> Array:
        pivot = rows[..., k, :] / rows[..., k, k, None]
        return (rows - rows[..., :, k, None] * pivot[..., None, :]).at[..., k, :].set(pivot)

    return jax.lax.fori_loop(0, n, eliminated, jnp.concatenate([A, B], axis=-1))[..., n:]
