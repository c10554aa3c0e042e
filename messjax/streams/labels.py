"""Labels of the models on one request: zero-one satisfactions [M] from uniforms [M] and their means mu [M]."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from messjax.types import Array


def independent(uniforms: Array, mu: Array) -> Array:
    """Each model meets its own luck."""
    return (uniforms < mu).astype(jnp.float32)


def comonotone(uniforms: Array, mu: Array) -> Array:
    """One uniform for all models: what a worse model satisfies, a better one satisfies too."""
    return (uniforms[0] < mu).astype(jnp.float32)


def by_name(name: str) -> Callable[[Array, Array], Array]:
    """The function of that name; ValueError for any other."""
    known = {"independent": independent, "comonotone": comonotone}
    if name not in known:
        raise ValueError(f"labels: found {name!r}, expected one of {', '.join(known)}")
    return known[name]
